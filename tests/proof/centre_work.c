#include "tests/proof/centre_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/token_file.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "proto/message.h"

enum { OPENS_MAX = 5, TRIES_MAX = 7, TRY_AFTER_MS = 31 * 1000, ROUND_MS = 1100, DAY_S = 86400 };
enum { STORE_BYTES = 4 << 20 };

static const struct alert_rule rules[] = {
    {.name = (char *)"queue", .metric = ALERT_WAITING, .limit = 5, .per = ALERT_PER_QUEUE, .summary = (char *)""}};
static const struct receiver receivers[] = {{.name = (char *)"hook",
                                             .type = RECEIVER_WEBHOOK,
                                             .url = (char *)"http://127.0.0.1:1/",
                                             .secret_file = (char *)"",
                                             .bearer_file = (char *)"",
                                             .ca_file = (char *)"",
                                             .timeout_ms = 500,
                                             .retry_max_ms = 1000}};

static void ignore(void *ctx)
{
    (void)ctx;
}

static void ignore_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    (void)text;
}

static void on_gave_up(void *ctx, int status)
{
    struct work *work = ctx;
    (void)snprintf(work->model->why, sizeof work->model->why, "the clerk gave up: %s", status_str(status));
    work->gave_up = true;
}

/* ---- beginning and end ---- */

void work_name(struct work *work, struct model *model, const char *root)
{
    *work = (struct work){.model = model};
    (void)snprintf(work->identity_dir, sizeof work->identity_dir, "%s/identity", root);
    (void)snprintf(work->registry_dir, sizeof work->registry_dir, "%s/registry", root);
    (void)snprintf(work->store_dir, sizeof work->store_dir, "%s/store", root);
    (void)snprintf(work->alerts_path, sizeof work->alerts_path, "%s/alerts.json", root);
    for (unsigned i = 0; i < MODEL_TOKENS; i++) {
        (void)snprintf(work->token_path[i], sizeof work->token_path[i], "%s/%s.token", root, model_token_names[i]);
    }
}

static struct identity_options identity_options_of(const struct work *work)
{
    return (struct identity_options){.dir = work->identity_dir,
                                     .site_life_s = 90 * DAY_S,
                                     .collector_life_s = 365 * DAY_S,
                                     .ca_life_s = INT64_C(7300) * DAY_S,
                                     .grace_s = 30 * DAY_S};
}

static int open_store(struct work *work)
{
    const struct store_options options = {.dir = work->store_dir,
                                          .limit_bytes = STORE_BYTES,
                                          .intervals_keep_ms = MODEL_KEEP_MS,
                                          .now_ms = work->model->wall_ms};
    return store_open_writer(&options, &work->store);
}

/* As `ringside-collector init` does it. */
static int found(struct work *work)
{
    struct identity_options options = identity_options_of(work);
    int status = registry_create(work->registry_dir);
    status = status == STATUS_BUSY ? 0 : status;
    if (status == 0) {
        status = open_store(work);
        store_close(work->store);
        work->store = NULL;
    }
    if (status == 0 && work->model->with_identity) {
        status = identity_create(&options, model_hosts, 1, work->model->wall_ms / 1000);
        status = status == STATUS_BUSY ? 0 : status;
    }
    work->model->founded = status == 0;
    return status;
}

static int open_parts(struct work *work)
{
    struct identity_options identity = identity_options_of(work);
    int status = work->model->founded ? 0 : found(work);
    if (status == 0 && work->model->with_identity) {
        status = identity_open(&identity, &work->identity);
    }
    if (status == 0) {
        status = registry_open(work->registry_dir, true, &work->registry);
    }
    return status == 0 ? open_store(work) : status;
}

static int open_clerk(struct work *work)
{
    work->options = (struct ingest_options){.registry = work->registry,
                                            .store = work->store,
                                            .zone = MODEL_CENTRE_ZONE,
                                            .ahead_s = DAY_S,
                                            .gave_up = on_gave_up,
                                            .ctx = work};
    int status = message_arena_new(LIMITS_ARENA_BYTES, &work->arena);
    status = status == 0 ? desk_new(ignore, NULL, &work->desk) : status;
    return status == 0 ? clerk_new(&work->options, work->desk, &work->clerk) : status;
}

static int open_lookout(struct work *work)
{
    const struct lookout_options options = {.rules = rules,
                                            .rule_count = 1,
                                            .receivers = receivers,
                                            .receiver_count = 1,
                                            .store = work->store,
                                            .registry = work->registry,
                                            .zone = MODEL_CENTRE_ZONE,
                                            .state_path = work->alerts_path,
                                            .data_dir = work->store_dir,
                                            .pace_ms = 1000,
                                            .idle_ms = 900000,
                                            .url = ""};
    return lookout_make(&options, &work->lookout);
}

int work_open(struct work *work)
{
    log_set_sink(ignore_line, NULL);
    work->gave_up = false;
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        work->model->sites[site].session = 0;
    }
    int status = open_parts(work);
    status = status == 0 ? open_clerk(work) : status;
    status = status == 0 ? open_lookout(work) : status;
    work->model->receiver.unread += status == 0 && work->lookout->read_why[0] != '\0';
    if (status != 0) {
        work_close(work);
    }
    return status;
}

void work_close(struct work *work)
{
    if (work->lookout) {
        lookout_free(work->lookout);
    }
    clerk_free(work->clerk);
    if (work->desk) {
        desk_free(work->desk);
    }
    message_arena_free(work->arena);
    store_close(work->store);
    registry_close(work->registry);
    identity_close(work->identity);
    work->lookout = NULL;
    work->clerk = NULL;
    work->desk = NULL;
    work->arena = NULL;
    work->store = NULL;
    work->registry = NULL;
    work->identity = NULL;
}

/* ---- the registry ---- */

void work_key(unsigned site, unsigned key, uint8_t out[REGISTRY_KEY_BYTES])
{
    memset(out, (int)(0x40 + site * 16 + key), REGISTRY_KEY_BYTES);
}

void work_psk(unsigned site, uint8_t out[REGISTRY_KEY_BYTES])
{
    memset(out, (int)(1 + site), REGISTRY_KEY_BYTES);
}

void work_token(unsigned which, struct access_token *out)
{
    *out = (struct access_token){.role = which ? ACCESS_VIEW : ACCESS_ADMIN, .created_ms = 1};
    (void)snprintf(out->name, sizeof out->name, "%s", model_token_names[which]);
    memset(out->hash, (int)(0x10 + which), sizeof out->hash);
}

const char *work_token_text(unsigned which)
{
    static const char *const texts[MODEL_TOKENS] = {"rs_first", "rs_second", "rs_third"};
    return texts[which];
}

static int invite(struct work *work, const struct model_step *step)
{
    uint8_t psk[REGISTRY_KEY_BYTES];
    struct registry_site site;
    work_psk(step->site, psk);
    const struct registry_invitation invitation = {.id = model_site_ids[step->site],
                                                   .group = model_group_names[step->a],
                                                   .token_psk = psk,
                                                   .token_expires_ms =
                                                       work->model->wall_ms + INT64_C(1000) * DAY_S * 30,
                                                   .now_ms = work->model->wall_ms};
    int status = registry_invite(work->registry, &invitation, false, &site);
    if (status == STATUS_BUSY) { /* it had happened, although nobody was told */
        status = registry_find(work->registry, slice_str(invitation.id), &site);
    }
    work->model->sites[step->site].number = status == 0 ? site.number : 0;
    return status;
}

static int enrol(struct work *work, unsigned number)
{
    uint8_t psk[REGISTRY_KEY_BYTES];
    uint8_t key[REGISTRY_KEY_BYTES];
    struct registry_site site;
    work_psk(number, psk);
    work_key(number, 1, key);
    int status = registry_enrol(work->registry, model_site_ids[number], psk, key, "01",
                                work->model->wall_ms / 1000 + 90 * DAY_S, work->model->wall_ms);
    if (status == STATUS_DENIED && registry_find(work->registry, slice_str(model_site_ids[number]), &site) == 0 &&
        site.state == REGISTRY_JOINED && memcmp(site.key_hash, key, sizeof key) == 0) {
        status = 0;
    }
    return status;
}

static int next_key(struct work *work, unsigned site, bool confirm)
{
    struct model_facts facts;
    uint8_t key[REGISTRY_KEY_BYTES];
    model_facts(work->model, work->model->next, &facts);
    work_key(site, facts.sites[site].key + 1U, key);
    return confirm ? registry_confirm_key(work->registry, model_site_ids[site], key, work->model->wall_ms)
                   : registry_renew(work->registry, model_site_ids[site], key, "02",
                                    work->model->wall_ms / 1000 + 180 * DAY_S, work->model->wall_ms);
}

static int move(struct work *work, const struct model_step *step)
{
    struct registry_site site;
    struct registry_invitation invitation = {.id = model_site_ids[step->site], .now_ms = work->model->wall_ms};
    if (step->kind == MODEL_REGROUP) {
        invitation.group = model_group_names[step->a];
    } else {
        invitation.zone = model_zone_names[step->a];
    }
    return registry_invite(work->registry, &invitation, true, &site);
}

static int end_site(struct work *work, const struct model_step *step)
{
    enum registry_state state = step->kind == MODEL_REVOKE ? REGISTRY_REVOKED : REGISTRY_REMOVED;
    int status = talk_deliver(work, 1U << step->site);
    status = status == 0 ? talk_hangup(work, step->site) : status;
    if (status != 0) {
        return status;
    }
    status = registry_set_state(work->registry, model_site_ids[step->site], state, work->model->wall_ms);
    bool under_way = state == REGISTRY_REMOVED && (status == STATUS_DENIED || status == STATUS_NOT_FOUND);
    return under_way ? 0 : status;
}

static int add_token(struct work *work, unsigned which)
{
    struct access_token token;
    struct access_token held;
    work_token(which, &token);
    int status = access_add(work->registry, &token);
    return status == STATUS_BUSY ? access_find(work->registry, token.hash, &held) : status;
}

static int write_token(struct work *work, unsigned which)
{
    int fd = -1;
    int result = token_file_open(work->token_path[which], &fd);
    result = result == 0 ? token_file_write(fd, work->token_path[which], work_token_text(which)) : result;
    if (fd >= 0) {
        (void)close(fd);
    }
    return result == 0 ? 0 : STATUS_IO;
}

/* ---- alerts ---- */

static void hear(struct model_receiver *receiver, const struct outbox_delivery *delivery)
{
    for (uint32_t i = 0; i < receiver->count; i++) {
        if (strcmp(receiver->seen[i], delivery->id) == 0) {
            return;
        }
    }
    if (receiver->count < MODEL_DELIVERIES_MAX) {
        memcpy(receiver->seen[receiver->count++], delivery->id, MODEL_DELIVERY_ID);
    }
    for (size_t i = 0; i < json_count(delivery->items, ""); i++) {
        const struct json *item = json_item(delivery->items, i);
        if (strcmp(json_text(item, "site"), model_site_ids[0]) == 0) {
            bool firing = strcmp(json_text(item, "news"), "firing") == 0;
            receiver->out_of_turn += firing == receiver->firing;
            receiver->firing = firing;
        }
    }
}

static int look(struct work *work)
{
    struct model *model = work->model;
    struct outbox_delivery delivery;
    int status = talk_all_live(work);
    talk_round(work, 6000); /* contacts are written by now */
    status = status == 0 ? lookout_look(work->lookout, model->wall_ms, model->now_ms) : status;
    while (outbox_take(work->lookout->outbox, 0, model->wall_ms, model->now_ms, &delivery)) {
        hear(&model->receiver, &delivery);
        json_free(delivery.items);
        outbox_done(work->lookout->outbox, 0, OUTBOX_TOLD, "", model->wall_ms, model->now_ms);
        work->lookout->dirty = true;
        lookout_keep(work->lookout, model->wall_ms);
    }
    /* What could not be looked at or told for want of memory comes in the next round. */
    bool waits = outbox_next_ms(work->lookout->outbox) != INT64_MAX;
    if (status == 0 && (work->lookout->keep_why[0] || work->lookout->look_why[0] || waits)) {
        status = STATUS_IO;
    }
    return status;
}

/* ---- the rest ---- */

static int pause_long(struct work *work)
{
    struct model *model = work->model;
    int status = talk_deliver(work, (1U << INPUT_SITES) - 1);
    for (int i = 0; status == 0 && i < 3; i++) { /* the days are cut before intervals are dropped */
        talk_round(work, TRY_AFTER_MS);
    }
    if (status == 0) {
        int64_t after_ms = input_start_s(INPUT_SLOTS - 1) * 1000 + INT64_C(1000) * INPUT_INTERVAL_S - model->wall_ms;
        model->paused = true;
        talk_round(work, after_ms > 0 ? after_ms : 0);
        talk_round(work, 61 * 1000);
        talk_round(work, 61 * 1000);
    }
    return status;
}

static int is_settled(struct work *work)
{
    struct store_view *view;
    struct store_facts facts;
    struct registry_site site;
    int status = store_view_begin(work->store, &view);
    if (status == 0) {
        status = store_view_facts(view, &facts);
        store_view_end(view);
    }
    if (status == 0 && facts.pending_count > 0) {
        (void)snprintf(work->model->why, sizeof work->model->why, "%llu intervals are still pending",
                       (unsigned long long)facts.pending_count);
        return WORK_AGAIN;
    }
    struct model_facts wanted;
    model_facts(work->model, work->model->next, &wanted);
    for (unsigned i = 0; status == 0 && i < INPUT_SITES; i++) {
        if (wanted.sites[i].state == MODEL_REMOVED) {
            int found = registry_find(work->registry, slice_str(model_site_ids[i]), &site);
            status = found == STATUS_NOT_FOUND ? 0 : WORK_AGAIN;
        }
    }
    return status;
}

static int settle(struct work *work)
{
    int status = talk_all_live(work);
    for (int i = 0; status == 0 && i < 3; i++) {
        talk_round(work, TRY_AFTER_MS);
    }
    return status == 0 ? is_settled(work) : status;
}

static int reopen(struct work *work)
{
    work_close(work);
    return work_open(work);
}

int work_step(struct work *work, const struct model_step *step)
{
    switch ((enum model_kind)step->kind) {
    case MODEL_INVITE: return invite(work, step);
    case MODEL_ENROL: return enrol(work, step->site);
    case MODEL_RENEW: return next_key(work, step->site, false);
    case MODEL_CONFIRM: return next_key(work, step->site, true);
    case MODEL_REGROUP:
    case MODEL_ZONE: return move(work, step);
    case MODEL_REVOKE:
    case MODEL_REMOVE: return end_site(work, step);
    case MODEL_TOKEN_ADD: return add_token(work, step->a);
    case MODEL_TOKEN_REVOKE: return access_revoke(work->registry, model_token_names[step->a], work->model->wall_ms);
    case MODEL_TOKEN_FILE: return write_token(work, step->a);
    case MODEL_REISSUE: return identity_reissue(work->identity, &model_hosts[step->a], 1, work->model->wall_ms / 1000);
    case MODEL_TRAFFIC: return talk_traffic(work, step->site, step->a, false);
    case MODEL_ANSWER_LOST: return talk_traffic(work, step->site, step->a, true);
    case MODEL_SETTINGS: return talk_settings(work, step->site);
    case MODEL_LIVE: return talk_live(work, step->site, step->a, false);
    case MODEL_GAP: return talk_live(work, step->site, work->model->sites[step->site].waiting, true);
    case MODEL_EPOCH: return talk_epoch(work, step->site, step->a);
    case MODEL_HANGUP: return talk_hangup(work, step->site);
    case MODEL_QUIET:
        for (unsigned i = 0; i < step->a; i++) {
            talk_round(work, ROUND_MS);
        }
        return 0;
    case MODEL_PAUSE: return pause_long(work);
    case MODEL_REOPEN: return reopen(work);
    case MODEL_LOOK: return look(work);
    case MODEL_SETTLE: return settle(work);
    }
    return STATUS_INVALID;
}

static int begin(struct work *work, void (*heal)(void))
{
    int status = STATUS_IO;
    for (int i = 0; i < OPENS_MAX && status != 0; i++) {
        if (i == 2 && heal) {
            heal();
        }
        status = work_open(work);
        work->model->opened++;
        work->model->stopped += status != 0;
    }
    if (status != 0) {
        (void)snprintf(work->model->why, sizeof work->model->why, "opening: %s", status_str(status));
    }
    return status == 0 ? 0 : WORK_STOPPED;
}

static int go_on(struct work *work, void (*heal)(void))
{
    struct model *model = work->model;
    int tries = 0;
    while (model->next < model->step_count) {
        int status = work_step(work, &model->steps[model->next]);
        if (status == 0) {
            model->begun = false;
            model->lost = false;
            model->next++;
            tries = 0;
            continue;
        }
        if (++tries == 2 && heal) {
            heal();
        }
        if (status < 0) {
            (void)snprintf(model->why, sizeof model->why, "step %u (kind %u): %s", model->next,
                           model->steps[model->next].kind, status_str(status));
        }
        model->again++;
        if (work->gave_up || tries == TRIES_MAX || !work->clerk) {
            model->stopped++;
            return WORK_STOPPED;
        }
        talk_round(work, TRY_AFTER_MS);
    }
    return WORK_COMPLETE;
}

int work_run(struct model *model, const char *root, void (*heal)(void))
{
    struct work work;
    work_name(&work, model, root);
    int result = begin(&work, heal);
    if (result == 0) {
        result = go_on(&work, heal);
    }
    work_close(&work);
    return result;
}
