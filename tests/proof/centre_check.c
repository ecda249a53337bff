#include "tests/proof/centre_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/tls/certificate.h"
#include "platform/tls/keypair.h"
#include "tests/proof/centre_check_internal.h"

bool centre_check_fault(struct check *check, const char *format, ...)
{
    va_list args;
    if (check->good) {
        va_start(args, format);
        (void)vsnprintf(check->model->why, sizeof check->model->why, format, args);
        va_end(args);
    }
    check->good = false;
    return false;
}

/* ---- registry ---- */

static enum model_state state_of(const struct registry_site *site)
{
    switch (site->state) {
    case REGISTRY_INVITED: return MODEL_INVITED;
    case REGISTRY_JOINED: return MODEL_JOINED;
    case REGISTRY_REVOKED: return MODEL_REVOKED;
    case REGISTRY_REMOVED: return MODEL_REMOVED;
    }
    return MODEL_ABSENT;
}

static bool is_key(unsigned site, uint8_t key, bool has, const uint8_t *hash)
{
    uint8_t expected[REGISTRY_KEY_BYTES];
    work_key(site, key, expected);
    return has == (key != 0) && (key == 0 || memcmp(hash, expected, sizeof expected) == 0);
}

static bool is_record(unsigned number, const struct model_record *record, int found, const struct registry_site *site)
{
    if (record->state == MODEL_ABSENT) {
        return found == STATUS_NOT_FOUND;
    }
    if (record->state == MODEL_REMOVED && found == STATUS_NOT_FOUND) {
        return true;
    }
    if (found != 0 || state_of(site) != record->state) {
        return false;
    }
    bool keys =
        record->state != MODEL_JOINED || (is_key(number, record->key, site->has_key, site->key_hash) &&
                                          is_key(number, record->next_key, site->has_next_key, site->next_key_hash));
    return keys && site->has_token == record->has_token && strcmp(site->group, model_group_names[record->group]) == 0 &&
           strcmp(site->zone, model_zone_names[record->zone]) == 0;
}

static void check_sites(struct check *check)
{
    for (unsigned i = 0; i < INPUT_SITES; i++) {
        struct registry_site site = {0};
        int found = registry_find(check->registry, slice_str(model_site_ids[i]), &site);
        if (!is_record(i, &check->done.sites[i], found, &site) && !is_record(i, &check->next.sites[i], found, &site)) {
            (void)centre_check_fault(check, "registry: site %s should be in state %d, found %s in state %d%s",
                                     model_site_ids[i], check->done.sites[i].state, found ? status_str(found) : "it",
                                     found ? 0 : state_of(&site), site.has_token ? " with a token" : "");
        }
        if (found == 0 && check->model->sites[i].number != 0 && site.number != check->model->sites[i].number) {
            (void)centre_check_fault(check, "registry: site %s had number %u and has %u", model_site_ids[i],
                                     check->model->sites[i].number, site.number);
        }
    }
}

static void check_tokens(struct check *check)
{
    for (unsigned i = 0; i < MODEL_TOKENS; i++) {
        struct access_token token;
        struct access_token held = {0};
        work_token(i, &token);
        int found = access_find(check->registry, token.hash, &held);
        bool there = found == 0 && strcmp(held.name, token.name) == 0 && held.role == token.role;
        if ((there && !check->next.token[i]) || (!there && check->done.token[i]) ||
            (found != 0 && found != STATUS_NOT_FOUND)) {
            (void)centre_check_fault(check, "access token %s: %s", token.name, status_str(found));
        }
        if (there && ((held.revoked_ms == 0 && check->done.token_revoked[i]) ||
                      (held.revoked_ms != 0 && !check->next.token_revoked[i]))) {
            (void)centre_check_fault(check, "access token %s: revoked should be %d", token.name,
                                     check->done.token_revoked[i]);
        }
    }
}

/* A file that is being written again is nobody's any more. */
static bool is_being_written(const struct model *model, unsigned token)
{
    const struct model_step *step = &model->steps[model->next];
    return model->next < model->step_count && step->kind == MODEL_TOKEN_FILE && step->a == token;
}

static void check_token_files(struct check *check)
{
    for (unsigned i = 0; i < MODEL_TOKENS; i++) {
        struct buf text = BUF_INIT;
        struct buf expected = BUF_INIT;
        int status = atomic_read(check->work.token_path[i], 4096, &text);
        buf_printf(&expected, "%s\n", work_token_text(i));
        if (check->done.token_file[i] && !is_being_written(check->model, i) &&
            (status != 0 || !slice_equal(buf_slice(&text), buf_slice(&expected)))) {
            (void)centre_check_fault(check, "the file of token %s is not whole: %s, %zu bytes", model_token_names[i],
                                     status_str(status), text.len);
        }
        buf_deinit(&text);
        buf_deinit(&expected);
    }
}

/* ---- identity ---- */

static int read_collector(struct check *check)
{
    char path[256];
    struct buf pem = BUF_INIT;
    struct buf der = BUF_INIT;
    struct keypair *keypair = NULL;
    struct certificate_facts facts;
    uint8_t hash[KEYPAIR_HASH_BYTES] = {0};
    (void)snprintf(path, sizeof path, "%s/collector.pem", check->work.identity_dir);
    int status = atomic_read(path, 1 << 16, &pem);
    status = status == 0 ? certificate_from_pem(buf_slice(&pem), 0, &der) : status;
    status = status == 0 ? certificate_read(buf_slice(&der), &facts) : status;
    status = status == 0 ? keypair_from_pem(buf_slice(&pem), &keypair) : status;
    status = status == 0 ? keypair_hash(keypair, hash) : status;
    if (status == 0 && memcmp(hash, facts.key_hash, sizeof hash) != 0) {
        status = STATUS_CORRUPT;
    }
    keypair_free(keypair);
    buf_deinit(&pem);
    buf_deinit(&der);
    return status;
}

static void check_identity(struct check *check)
{
    char host[IDENTITY_HOST_MAX + 1] = "";
    struct identity *identity = NULL;
    const struct identity_options options = {.dir = check->work.identity_dir};
    if (!check->model->with_identity) {
        return;
    }
    int status = identity_open(&options, &identity);
    status = status == 0 ? read_collector(check) : status;
    status = status == 0 ? identity_first_host(check->work.identity_dir, host) : status;
    identity_close(identity);
    if (status != 0) {
        (void)centre_check_fault(check, "identity: %s", status_str(status));
    } else if (strcmp(host, model_hosts[check->done.host]) != 0 && strcmp(host, model_hosts[check->next.host]) != 0) {
        (void)centre_check_fault(check, "identity: the first host is %s", host);
    }
}

/* ---- intervals ---- */

struct seen {
    struct check *check;
    unsigned site;
    bool there[INPUT_QUEUES][INPUT_SLOTS];
};

int centre_check_queue_of(struct check *check, uint32_t number)
{
    struct slice name = store_view_queue_name(check->view, number);
    for (int i = 0; i < INPUT_QUEUES; i++) {
        if (slice_is(name, model_queue_names[i])) {
            return i;
        }
    }
    return -1;
}

static bool is_content(const struct check *check, struct input_place place, const struct summary *sum)
{
    struct input_content content;
    struct input_tally tally = {0};
    input_content(check->model->seed, &place, &content);
    input_tally_add(&tally, &content);
    return input_tally_is(&tally, sum);
}

/* The newest content that was acknowledged, or the newest there is. */
static int see_interval(void *ctx, const struct store_interval *item)
{
    struct seen *seen = ctx;
    int slot = input_slot_of(item->start_s);
    int queue = centre_check_queue_of(seen->check, item->queue);
    if (slot < 0 || queue < 0) {
        return centre_check_fault(seen->check, "an interval that nobody sent: site %s", model_site_ids[seen->site]);
    }
    const struct model_entry *entry = &seen->check->model->sites[seen->site].entries[queue][slot];
    struct input_place place = model_place(seen->check->model, seen->site, (unsigned)queue, (unsigned)slot);
    seen->there[queue][slot] = true;
    if (entry->there && item->revision == entry->revision && is_content(seen->check, place, item->sum)) {
        return 0;
    }
    place.epoch = entry->acked_epoch;
    place.revision = entry->acked;
    if (entry->waits && entry->acked > 0 && item->revision == entry->acked &&
        is_content(seen->check, place, item->sum)) {
        return 0;
    }
    (void)centre_check_fault(seen->check, "site %s queue %d slot %d: held is revision %llu, acknowledged %u, newest %u",
                             model_site_ids[seen->site], queue, slot, (unsigned long long)item->revision, entry->acked,
                             entry->revision);
    return 0;
}

static bool may_be_dropped(const struct check *check, unsigned slot)
{
    return check->model->paused && input_start_s(slot) < model_edge_s(check->model);
}

static void check_intervals(struct check *check, unsigned site)
{
    const struct model_site *self = &check->model->sites[site];
    struct seen seen = {.check = check, .site = site};
    uint64_t bad = 0;
    if (store_view_intervals(check->view, self->number, 0, INT64_C(4000000000), see_interval, &seen, &bad) != 0 ||
        bad > 0) {
        (void)centre_check_fault(check, "intervals of site %s cannot be read", model_site_ids[site]);
    }
    for (unsigned i = 0; i < INPUT_QUEUES * INPUT_SLOTS; i++) {
        unsigned queue = i / INPUT_SLOTS;
        unsigned slot = i % INPUT_SLOTS;
        if (self->entries[queue][slot].acked > 0 && !seen.there[queue][slot] && !may_be_dropped(check, slot)) {
            (void)centre_check_fault(check, "site %s queue %u slot %u was acknowledged and is not there",
                                     model_site_ids[site], queue, slot);
        }
    }
}

static int count_gap(void *ctx, const struct store_gap *gap)
{
    (void)gap;
    (*(unsigned *)ctx)++;
    return 0;
}

static void check_gaps(struct check *check, unsigned site)
{
    const struct model_site *self = &check->model->sites[site];
    unsigned held = 0;
    if (store_view_gaps(check->view, self->number, count_gap, &held) != 0 || held < self->gaps_acked ||
        held > self->gaps) {
        (void)centre_check_fault(check, "site %s told of %u gaps, %u acknowledged, %u are held", model_site_ids[site],
                                 self->gaps, self->gaps_acked, held);
    }
}

static void see_defect(void *ctx, const char *line)
{
    (void)centre_check_fault(ctx, "store check: %s", line);
}

static void check_store(struct check *check)
{
    if (store_check(check->store, see_defect, check) != 0) {
        (void)centre_check_fault(check, "the store's own check fails");
    }
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        if (check->model->sites[site].number != 0 && model_has_data(&check->next, site)) {
            check_intervals(check, site);
            check_gaps(check, site);
        }
    }
}

/* ---- what sites said of themselves ---- */

static int sum_waiting(void *ctx, const struct store_live_queue *queue)
{
    *(uint32_t *)ctx += queue->waiting;
    return 0;
}

static void check_site(struct check *check, unsigned site)
{
    const struct model_site *self = &check->model->sites[site];
    struct store_contact contact = {0};
    struct queue_settings settings = {0};
    uint32_t waiting = 0;
    if (!store_view_contact(check->view, self->number, &contact) || contact.conflicts > 0 || contact.stale > 0 ||
        contact.refused > 0 || contact.unbalanced > 0) {
        (void)centre_check_fault(check, "site %s: %llu conflicts, %llu stale, %llu refused", model_site_ids[site],
                                 (unsigned long long)contact.conflicts, (unsigned long long)contact.stale,
                                 (unsigned long long)contact.refused);
    }
    if (self->live_acked &&
        (store_view_live(check->view, self->number, sum_waiting, &waiting) != 0 || waiting != self->waiting_acked)) {
        (void)centre_check_fault(check, "site %s: %u wait, told were %u", model_site_ids[site], waiting,
                                 self->waiting_acked);
    }
    uint32_t queue = store_view_queue_find(check->view, slice_str(model_queue_names[0]));
    if (self->settings > 0 && (!store_view_queue_settings(check->view, self->number, queue, &settings) ||
                               settings.sl_threshold_ms != 20000 + 1000 * (int64_t)self->settings)) {
        (void)centre_check_fault(check, "site %s: the settings are not the newest", model_site_ids[site]);
    }
}

static void check_told(struct check *check)
{
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        if (model_may_speak(&check->done, site)) {
            check_site(check, site);
        }
    }
    const struct model_receiver *receiver = &check->model->receiver;
    if (receiver->unread > 0 && !check->model->may_not_read) {
        (void)centre_check_fault(check, "the file of the alerts could not be read");
    }
    if (receiver->out_of_turn > receiver->unread) {
        (void)centre_check_fault(check, "a receiver was told the same news twice, or missed some");
    }
    if (model_may_speak(&check->done, 0) && receiver->unread == 0 &&
        receiver->firing != (check->model->sites[0].waiting_acked > 5)) {
        (void)centre_check_fault(check, "a receiver takes the alert for %s", receiver->firing ? "firing" : "resolved");
    }
}

/* ---- all together ---- */

static void begin(struct check *check, struct model *model, const char *root)
{
    *check = (struct check){.model = model, .good = true};
    work_name(&check->work, model, root);
    uint32_t next = model->next < model->step_count ? model->next + 1 : model->next;
    model_facts(model, model->next, &check->done);
    model_facts(model, next, &check->next);
    int status = registry_open(check->work.registry_dir, false, &check->registry);
    if (status != 0) {
        (void)centre_check_fault(check, "registry: %s", status_str(status));
    }
    status = store_open_readonly(check->work.store_dir, &check->store);
    status = status == 0 ? store_view_begin(check->store, &check->view) : status;
    if (status != 0) {
        (void)centre_check_fault(check, "store: %s", status_str(status));
    }
}

static bool end(struct check *check)
{
    if (check->view) {
        store_view_end(check->view);
    }
    store_close(check->store);
    registry_close(check->registry);
    return check->good;
}

static void check_places(struct check *check)
{
    if (check->good) {
        check_sites(check);
        check_tokens(check);
        check_token_files(check);
        check_identity(check);
        check_store(check);
    }
}

bool centre_check_durable(struct model *model, const char *root)
{
    struct check check;
    if (!model->founded) {
        return true;
    }
    begin(&check, model, root);
    check_places(&check);
    return end(&check);
}

bool centre_check_final(struct model *model, const char *root)
{
    struct check check;
    begin(&check, model, root);
    check_places(&check);
    if (check.good) {
        centre_check_cells(&check);
        check_told(&check);
    }
    return end(&check);
}
