#include "tests/proof/centre_model.h"

#include <string.h>

#include "tests/support/rng.h"

const char *const model_site_ids[INPUT_SITES] = {"alpha", "beta", "gamma", "delta"};
const char *const model_queue_names[INPUT_QUEUES] = {"sales", "support"};
const uint32_t model_queue_numbers[INPUT_QUEUES] = {3, 7};
const char *const model_group_names[MODEL_GROUPS + 1] = {"", "north", "south"};
const char *const model_zone_names[MODEL_ZONES + 1] = {"", "Asia/Tokyo", "America/New_York", "UTC"};
const char *const model_told_zones[INPUT_SITES] = {"Europe/Madrid", "Asia/Kolkata", "America/New_York", "UTC"};
const char *const model_hosts[MODEL_HOSTS] = {"centre.example", "second.example", "third.example"};
const char *const model_token_names[MODEL_TOKENS] = {"wall", "report", "script"};

int32_t model_zone_offset_s(const char *zone)
{
    static const struct {
        const char *name;
        int32_t offset_s;
    } zones[] = {{"Europe/Madrid", 3600},
                 {"Asia/Kolkata", 19800},
                 {"America/New_York", -18000},
                 {"Asia/Tokyo", 32400},
                 {"UTC", 0}};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        if (strcmp(zones[i].name, zone) == 0) {
            return zones[i].offset_s;
        }
    }
    return INT32_MIN;
}

static void add(struct model *model, enum model_kind kind, unsigned site, unsigned a)
{
    if (model->step_count < MODEL_STEPS_MAX) {
        model->steps[model->step_count++] =
            (struct model_step){.kind = (uint8_t)kind, .site = (uint8_t)site, .a = (uint8_t)a};
    }
}

static void begin(struct model *model, uint64_t seed)
{
    memset(model, 0, sizeof *model);
    model->seed = seed;
    model->wall_ms = input_start_s(INPUT_EARLY - 1) * 1000 + INT64_C(900000);
    model->now_ms = 1000000;
}

static void settle(struct model *model)
{
    struct model_facts facts;
    model_facts(model, model->step_count, &facts);
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        if (model_may_speak(&facts, site)) {
            add(model, MODEL_LIVE, site, site);
        }
    }
    add(model, MODEL_LOOK, 0, 0);
    add(model, MODEL_SETTLE, 0, 0);
}

/* What every registry change and every path of the store meets once. */
void model_begin_points(struct model *model)
{
    begin(model, 7);
    add(model, MODEL_INVITE, 0, 1);
    add(model, MODEL_ENROL, 0, 0);
    add(model, MODEL_TRAFFIC, 1 << 0, 3);
    add(model, MODEL_INVITE, 1, 1);
    add(model, MODEL_ENROL, 1, 0);
    add(model, MODEL_INVITE, 2, 2);
    add(model, MODEL_ENROL, 2, 0);
    add(model, MODEL_INVITE, 3, 0);
    add(model, MODEL_ENROL, 3, 0);
    add(model, MODEL_TOKEN_ADD, 0, 0);
    add(model, MODEL_TOKEN_ADD, 0, 1);
    add(model, MODEL_TOKEN_FILE, 0, 0);
    add(model, MODEL_TRAFFIC, 0xf, 5);
    add(model, MODEL_QUIET, 0, 2);
    add(model, MODEL_LIVE, 0, 9);
    add(model, MODEL_QUIET, 0, 1);
    add(model, MODEL_LOOK, 0, 0);
    add(model, MODEL_TRAFFIC, 0x7, 4);
    add(model, MODEL_ANSWER_LOST, 0x3, 4);
    add(model, MODEL_GAP, 1, 0);
    add(model, MODEL_SETTINGS, 0, 0);
    add(model, MODEL_RENEW, 0, 0);
    add(model, MODEL_CONFIRM, 0, 0);
    add(model, MODEL_REGROUP, 1, 2);
    add(model, MODEL_QUIET, 0, 1);
    add(model, MODEL_ZONE, 2, 1);
    add(model, MODEL_QUIET, 0, 1);
    add(model, MODEL_REOPEN, 0, 0);
    add(model, MODEL_LIVE, 0, 0);
    add(model, MODEL_LOOK, 0, 0);
    add(model, MODEL_TRAFFIC, 0xf, 4);
    add(model, MODEL_EPOCH, 2, 3);
    add(model, MODEL_QUIET, 0, 1);
    add(model, MODEL_REMOVE, 3, 0);
    add(model, MODEL_QUIET, 0, 1);
    add(model, MODEL_REVOKE, 2, 0);
    add(model, MODEL_TOKEN_REVOKE, 0, 1);
    add(model, MODEL_HANGUP, 0, 0);
    add(model, MODEL_PAUSE, 0, 0);
    add(model, MODEL_TRAFFIC, 0x3, 3);
    add(model, MODEL_QUIET, 0, 1);
    settle(model);
}

void model_begin_identity(struct model *model)
{
    begin(model, 7);
    model->with_identity = true;
    add(model, MODEL_REISSUE, 0, 1);
    add(model, MODEL_REOPEN, 0, 0);
    add(model, MODEL_SETTLE, 0, 0);
}

/* ---- a random script ---- */

static unsigned pick(struct rng *rng, unsigned n)
{
    return (unsigned)rng_below(rng, n);
}

static unsigned joined_mask(const struct model_facts *facts)
{
    unsigned mask = 0;
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        mask |= model_may_speak(facts, site) ? 1U << site : 0;
    }
    return mask;
}

static void add_change(struct model *model, struct rng *rng, const struct model_facts *facts, unsigned site)
{
    const struct model_record *record = &facts->sites[site];
    switch (pick(rng, 6)) {
    case 0: add(model, MODEL_REGROUP, site, pick(rng, MODEL_GROUPS + 1)); break;
    case 1: add(model, model->paused ? MODEL_QUIET : MODEL_ZONE, site, 1 + pick(rng, MODEL_ZONES)); break;
    case 2: add(model, MODEL_RENEW, site, 0); break;
    case 3: add(model, record->next_key ? MODEL_CONFIRM : MODEL_RENEW, site, 0); break;
    case 4: add(model, rng_chance(rng, 50) ? MODEL_REVOKE : MODEL_QUIET, site, 1); break;
    default: add(model, rng_chance(rng, 50) ? MODEL_REMOVE : MODEL_QUIET, site, 1); break;
    }
}

static void add_token_step(struct model *model, struct rng *rng, const struct model_facts *facts)
{
    unsigned which = pick(rng, MODEL_TOKENS);
    if (rng_chance(rng, 30)) {
        add(model, MODEL_TOKEN_FILE, 0, which);
    } else if (!facts->token[which]) {
        add(model, MODEL_TOKEN_ADD, 0, which);
    } else {
        add(model, MODEL_TOKEN_REVOKE, 0, which);
    }
}

static void add_step(struct model *model, struct rng *rng)
{
    struct model_facts facts;
    model_facts(model, model->step_count, &facts);
    unsigned site = pick(rng, INPUT_SITES);
    unsigned mask = joined_mask(&facts);
    unsigned some = mask & (1 + pick(rng, 15));
    enum model_state state = facts.sites[site].state;
    unsigned dice = pick(rng, 100);
    if (state == MODEL_ABSENT && (dice < 50 || mask == 0)) {
        add(model, MODEL_INVITE, site, pick(rng, MODEL_GROUPS + 1));
    } else if (state == MODEL_INVITED && (dice < 60 || mask == 0)) {
        add(model, MODEL_ENROL, site, 0);
    } else if (dice < 45) {
        add(model, dice < 8 ? MODEL_ANSWER_LOST : MODEL_TRAFFIC, some ? some : mask, 1 + pick(rng, 6));
    } else if (dice < 58) {
        add(model, MODEL_QUIET, 0, 1 + pick(rng, 3));
    } else if (dice < 66) {
        add_token_step(model, rng, &facts);
    } else if (dice < 70) {
        add(model, MODEL_REOPEN, 0, 0);
    } else if (dice < 72 && model->with_identity) {
        add(model, MODEL_REISSUE, 0, pick(rng, MODEL_HOSTS));
    } else if (dice < 76) {
        add(model, MODEL_LOOK, 0, 0);
    } else if (state != MODEL_JOINED) {
        add(model, MODEL_QUIET, 0, 1);
    } else if (dice < 84) {
        add_change(model, rng, &facts, site);
    } else if (dice < 89) {
        add(model, MODEL_LIVE, site, pick(rng, 3) * 4);
    } else if (dice < 92) {
        add(model, MODEL_GAP, site, 0);
    } else if (dice < 95) {
        add(model, MODEL_SETTINGS, site, 0);
    } else if (dice < 97) {
        add(model, MODEL_EPOCH, site, 1 + pick(rng, 4));
    } else {
        add(model, MODEL_HANGUP, site, 0);
    }
}

void model_begin_random(struct model *model, uint64_t seed)
{
    struct rng rng = {.state = seed};
    begin(model, rng_next(&rng));
    model->with_identity = rng_chance(&rng, 6);
    unsigned length = 10 + pick(&rng, 20);
    unsigned pause_at = rng_chance(&rng, 25) ? length / 2 + pick(&rng, length / 2) : length;
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        if (rng_chance(&rng, 60)) {
            add(model, MODEL_INVITE, site, pick(&rng, MODEL_GROUPS + 1));
            add(model, MODEL_ENROL, site, 0);
        }
    }
    for (unsigned i = 0; i < length; i++) {
        if (i == pause_at) {
            add(model, MODEL_PAUSE, 0, 0);
            model->paused = true; /* of the script, while it is made */
        }
        add_step(model, &rng);
    }
    model->paused = false;
    settle(model);
}

/* ---- the registry ---- */

static void apply(const struct model_step *step, struct model_facts *facts)
{
    struct model_record *record = &facts->sites[step->site < INPUT_SITES ? step->site : 0];
    switch ((enum model_kind)step->kind) {
    case MODEL_INVITE:
        *record = (struct model_record){.state = MODEL_INVITED, .group = step->a, .has_token = true};
        break;
    case MODEL_ENROL:
        record->state = MODEL_JOINED;
        record->has_token = false;
        record->key = 1;
        break;
    case MODEL_RENEW: record->next_key = (uint8_t)(record->key + 1); break;
    case MODEL_CONFIRM:
        record->key = record->next_key;
        record->next_key = 0;
        break;
    case MODEL_REGROUP: record->group = step->a; break;
    case MODEL_ZONE: record->zone = step->a; break;
    case MODEL_REVOKE: record->state = MODEL_REVOKED; break;
    case MODEL_REMOVE: record->state = MODEL_REMOVED; break;
    case MODEL_TOKEN_ADD: facts->token[step->a] = true; break;
    case MODEL_TOKEN_REVOKE: facts->token_revoked[step->a] = true; break;
    case MODEL_TOKEN_FILE: facts->token_file[step->a] = true; break;
    case MODEL_REISSUE: facts->host = step->a; break;
    default: break;
    }
}

void model_facts(const struct model *model, uint32_t steps, struct model_facts *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < steps; i++) {
        apply(&model->steps[i], out);
    }
}

bool model_may_speak(const struct model_facts *facts, unsigned site)
{
    return facts->sites[site].state == MODEL_JOINED;
}

bool model_has_data(const struct model_facts *facts, unsigned site)
{
    return facts->sites[site].state != MODEL_REMOVED;
}

struct input_place model_place(const struct model *model, unsigned site, unsigned queue, unsigned slot)
{
    const struct model_entry *entry = &model->sites[site].entries[queue][slot];
    return (struct input_place){
        .site = site, .queue = queue, .slot = slot, .epoch = entry->epoch, .revision = entry->revision};
}

int64_t model_edge_s(const struct model *model)
{
    int64_t edge_s = (model->wall_ms - MODEL_KEEP_MS) / 1000;
    return edge_s - edge_s % 3600;
}
