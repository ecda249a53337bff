/* A damaged store goes on with what can be read of it. What was lost is counted against the store's own books (or, if
 * those are lost, LMDB's) and told as an event; what follows from it is put right in one transaction, before the mended
 * file takes the place of the damaged one: names from their index, the numbers of epochs. Where intervals, marks, hours
 * or days are lost, hours and days are added up anew from the intervals by the next roll. Where intervals or gaps are
 * lost, the store becomes another one for the branches, which then tell everything again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/store_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"

/* An epoch that intervals are of, by site. */
struct last_epoch {
    uint32_t site;
    uint32_t number;
};

struct mending {
    struct store *store;
    const struct kv_repair *repair;
    struct kv_loss damage; /* of this time */
    uint64_t records[STORE_DB_COUNT];
    bool has_state;
    bool has_books; /* as met when looking it over, as the next two */
    struct store_state books;
    uint64_t marks_sum;
    uint32_t last_queue; /* that something refers to */
    uint32_t last_event;
    struct last_epoch *epochs; /* ascending by site */
    size_t epoch_count;
    size_t epoch_cap;
    uint64_t names_mended;
    uint64_t names_made_up;
};

/* ---- what is whole ---- */

static bool is_db(const char *name, enum store_db db)
{
    return strcmp(name, store_db_names[db]) == 0;
}

static bool is_whole(void *ctx, const char *db, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    if (is_db(db, STORE_DB_NAME_INDEX)) {
        return value.len == 4;
    }
    if (is_db(db, STORE_DB_PENDING)) {
        self->marks_sum += store_mark_hash(key);
        if (value.len == 0) {
            return key.len == 16;
        }
    }
    bool whole = kv_repair_is_record(key, value);
    if (whole && is_db(db, STORE_DB_META) && slice_is(key, "state")) {
        self->has_books = store_state_open(key, value, &self->books) == 0 && self->books.has_records;
    }
    return whole;
}

static bool agrees(void *ctx)
{
    const struct mending *self = ctx;
    return !self->has_books || self->books.marks_sum == self->marks_sum;
}

/* ---- what is there ---- */

static int see_epoch_of(struct mending *self, uint32_t site, uint32_t number)
{
    struct last_epoch *last = self->epoch_count ? &self->epochs[self->epoch_count - 1] : NULL;
    if (last && last->site == site) {
        last->number = number > last->number ? number : last->number;
        return 0;
    }
    struct last_epoch *epochs = grow_array(self->epochs, self->epoch_count, &self->epoch_cap, sizeof *epochs);
    if (!epochs) {
        return STATUS_NO_MEMORY;
    }
    self->epochs = epochs;
    self->epochs[self->epoch_count++] = (struct last_epoch){site, number};
    return 0;
}

static int see_interval(void *ctx, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    struct wire_reader payload;
    struct store_interval_form form;
    uint32_t queue = record_key_at_u32(key, 8);
    if (record_open(key, value, &payload) != 0 || store_interval_read(&payload, &form) != 0) {
        return 0;
    }
    self->last_queue = queue > self->last_queue ? queue : self->last_queue;
    return see_epoch_of(self, record_key_at_u32(key, 0), form.epoch);
}

static int see_cell(void *ctx, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    uint32_t queue = record_key_at_u32(key, 8);
    (void)value;
    self->last_queue = queue > self->last_queue && queue < STORE_NAMES_MAX ? queue : self->last_queue;
    return 0;
}

static int see_event(void *ctx, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    uint32_t number = record_key_at_u32(key, 8);
    (void)value;
    self->last_event = number > self->last_event ? number : self->last_event;
    return 0;
}

static int scan(struct mending *self)
{
    static const kv_each_fn fns[STORE_DB_COUNT] = {[STORE_DB_INTERVALS] = see_interval,
                                                   [STORE_DB_HOURS] = see_cell,
                                                   [STORE_DB_DAYS] = see_cell,
                                                   [STORE_DB_EVENTS] = see_event};
    struct store *store = self->store;
    int status = 0;
    for (int db = 0; db < STORE_DB_COUNT && status == 0; db++) {
        status = fns[db] ? kv_each(store->txn, store->db[db], slice_make("", 0), fns[db], self) : 0;
        status = status == 0 ? kv_count(store->txn, store->db[db], &self->records[db]) : status;
    }
    return status;
}

/* ---- what was lost ---- */

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static const struct kv_damage_db *find_db(const struct mending *self, enum store_db db)
{
    const struct kv_damage *damage = &self->repair->damage;
    for (size_t i = 0; i < damage->db_count && i < KV_DAMAGE_DBS_MAX; i++) {
        if (is_db(damage->dbs[i].name, db)) {
            return &damage->dbs[i];
        }
    }
    return NULL;
}

static uint64_t lost_of(struct mending *self, enum store_db db)
{
    const struct kv_damage_db *found = find_db(self, db);
    const struct store_state *state = &self->store->state;
    if (self->has_state && state->has_records) {
        return less(state->records[db], self->records[db]);
    }
    if (found && found->told) {
        return less(found->told_count, self->records[db]);
    }
    self->damage.exact = self->damage.exact && db >= STORE_DB_LATER && !found; /* it may never have had them */
    return found ? found->lost_count : 0;
}

/* Hours and days can be told by intervals only where those are still there. */
static void count_lost(struct mending *self)
{
    struct store_state *state = &self->store->state;
    uint64_t *lost = self->damage.lost;
    uint64_t cells = lost_of(self, STORE_DB_HOURS) + lost_of(self, STORE_DB_DAYS);
    lost[STORE_LOST_INTERVALS] = lost_of(self, STORE_DB_INTERVALS);
    uint64_t marks = lost_of(self, STORE_DB_PENDING) + lost_of(self, STORE_DB_GROUPING);
    bool turned = self->has_state && state->has_records && state->marks_sum != self->marks_sum;
    lost[STORE_LOST_CELLS] = state->dropped_before_s > 0 ? cells : 0;
    lost[STORE_LOST_NAMES] = less(lost_of(self, STORE_DB_NAMES), self->names_mended);
    lost[STORE_LOST_EPOCHS] = lost_of(self, STORE_DB_EPOCHS);
    lost[STORE_LOST_CONTACTS] = lost_of(self, STORE_DB_CONTACTS);
    lost[STORE_LOST_GAPS] = lost_of(self, STORE_DB_GAPS) + lost_of(self, STORE_DB_LIVE_GAPS);
    lost[STORE_LOST_EVENTS] = lost_of(self, STORE_DB_EVENTS);
    lost[STORE_LOST_SETTINGS] = lost_of(self, STORE_DB_QUEUES);
    lost[STORE_LOST_LIVE] = lost_of(self, STORE_DB_LIVE) + lost_of(self, STORE_DB_OPERATORS);
    lost[STORE_LOST_STATE] = !self->has_state;
    if (state->rebuild || !self->has_state || !self->damage.exact || turned ||
        cells + marks + lost[STORE_LOST_INTERVALS] > 0) {
        state->rebuild = STORE_REBUILD_DROP;
    }
}

/* ---- what follows ---- */

static int load_state(struct mending *self)
{
    struct store *store = self->store;
    int status = store_state_load(store, store->txn, &store->state);
    self->has_state = status == 0;
    if (status != STORE_NONE && status != STATUS_CORRUPT) {
        return status;
    }
    store->state = (struct store_state){.created_ms = store->options.now_ms,
                                        .committed_ms = store->options.now_ms,
                                        .commits = self->repair->damage.commit,
                                        .next_event = 1};
    /* as retention left it, for what begins before must not be taken a second time */
    store->state.dropped_before_s = store_edge_of(store->options.now_ms, store->options.intervals_keep_ms);
    store->state.cells_dropped_before_s = store_edge_of(store->options.now_ms, store->options.cells_keep_ms);
    return 0;
}

static void mend_state(struct mending *self)
{
    struct store_state *state = &self->store->state;
    state->interval_count = self->records[STORE_DB_INTERVALS];
    state->pending_count = self->records[STORE_DB_PENDING];
    state->marks_sum = self->marks_sum;
    state->event_count = self->records[STORE_DB_EVENTS];
    state->next_event = self->last_event >= state->next_event ? self->last_event + 1 : state->next_event;
    state->commits++;
}

static int sum_mark(void *ctx, struct slice key, struct slice value)
{
    (void)value;
    *(uint64_t *)ctx += store_mark_hash(key);
    return 0;
}

static bool has_name(struct mending *self, uint32_t number)
{
    struct record_key key = record_key_u32(number);
    struct slice held;
    return kv_get(self->store->txn, self->store->db[STORE_DB_NAMES], record_key_slice(&key), &held) != KV_END;
}

static int put_name(struct mending *self, uint32_t number, struct slice name)
{
    struct record_key key = record_key_u32(number);
    record_begin(&self->store->value);
    buf_append(&self->store->value, name.data, name.len);
    return store_txn_put(self->store, STORE_DB_NAMES, &key);
}

/* The index has the names as well: what one lost, the other gives back. */
static int mend_names(struct mending *self)
{
    struct store *store = self->store;
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    int status = kv_cursor_open(store->txn, store->db[STORE_DB_NAME_INDEX], &cursor);
    status = status == 0 ? kv_cursor_first(cursor, &key, &value) : status;
    while (status == 0) {
        uint32_t number = record_key_at_u32(value, 0);
        if (number > 0 && number < STORE_NAMES_MAX && key.len <= LIMITS_QUEUE_NAME_MAX && !has_name(self, number)) {
            status = put_name(self, number, key);
            self->names_mended += status == 0;
        }
        status = status == 0 ? kv_cursor_next(cursor, &key, &value) : status;
    }
    kv_cursor_close(cursor);
    char made_up[32];
    status = status == KV_END ? 0 : status;
    for (uint32_t number = 1; number <= self->last_queue && status == 0; number++) {
        if (!has_name(self, number)) {
            (void)snprintf(made_up, sizeof made_up, "damaged-%u", number);
            status = put_name(self, number, slice_str(made_up));
            self->names_made_up++;
        }
    }
    return status;
}

static int index_name(void *ctx, struct slice key, struct slice value)
{
    struct store *store = ctx;
    struct wire_reader payload;
    if (record_open(key, value, &payload) != 0) {
        return 0;
    }
    struct slice name = slice_make((const char *)payload.pos, wire_left(&payload));
    return name.len > 0 ? kv_put(store->txn, store->db[STORE_DB_NAME_INDEX], name, key) : 0;
}

static uint32_t last_epoch_of(struct mending *self, uint32_t site)
{
    struct store *store = self->store;
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct record_key behind = record_key_u32_u32(site, UINT32_MAX);
    int status = kv_cursor_open(store->txn, store->db[STORE_DB_EPOCHS], &cursor);
    int step = status == 0 ? kv_cursor_seek(cursor, record_key_slice(&behind), &key, &value) : status;
    step = step == 0        ? kv_cursor_prev(cursor, &key, &value)
           : step == KV_END ? kv_cursor_last(cursor, &key, &value)
                            : step;
    uint32_t number = step == 0 && record_key_at_u32(key, 0) == site ? record_key_at_u32(key, 4) : 0;
    kv_cursor_close(cursor);
    return number;
}

/* The newest epoch of a site must not be below that of its intervals: the contact knows its bytes; without, nobody's
 * stand there, and the site's own is adopted as a new one. */
static int mend_epochs(struct mending *self)
{
    struct store *store = self->store;
    int status = 0;
    for (size_t i = 0; i < self->epoch_count && status == 0; i++) {
        const struct last_epoch *last = &self->epochs[i];
        struct store_contact contact = {0};
        struct record_key site = record_key_u32(last->site);
        struct record_key key = record_key_u32_u32(last->site, last->number);
        struct wire_reader payload;
        if (last_epoch_of(self, last->site) >= last->number) {
            continue;
        }
        if (store_read(store, store->txn, STORE_DB_CONTACTS, &site, &payload) != 0 ||
            store_contact_read(&payload, &contact) != 0) {
            contact = (struct store_contact){0};
        }
        record_begin(&store->value);
        buf_append(&store->value, contact.epoch, sizeof contact.epoch);
        wire_put_svarint(&store->value, store->options.now_ms);
        status = store_txn_put(store, STORE_DB_EPOCHS, &key);
    }
    return status;
}

/* Not where a queue lost its name: what is held under a made-up one would come again under the true one, and count
 * twice. */
static bool must_come_again(const struct mending *self)
{
    const uint64_t *lost = self->damage.lost;
    bool lacks = lost[STORE_LOST_INTERVALS] + lost[STORE_LOST_GAPS] + lost[STORE_LOST_STATE] > 0;
    return self->damage.anew || (self->names_made_up == 0 && (lacks || !self->damage.exact));
}

/* With what was lost before, so that it is still told tomorrow; and as an event. */
static int put_damage(struct mending *self)
{
    struct store *store = self->store;
    struct store_event event = {.at_ms = store->options.now_ms, .kind = "damaged"};
    struct kv_loss all;
    int status = store_damage_add(store, &self->damage, &all);
    if (status == 0) {
        store_damage_tell(&all, event.text, sizeof event.text);
        status = store_put_event(store, &event);
    }
    return status;
}

static int mend_all(struct mending *self)
{
    struct store *store = self->store;
    uint64_t marks_sum = 0;
    int status = load_state(self);
    status = status == 0 ? scan(self) : status;
    status = status == 0 ? kv_each(store->txn, store->db[STORE_DB_PENDING], slice_make("", 0), sum_mark, &marks_sum)
                         : status;
    self->marks_sum = marks_sum;
    status = status == 0 ? mend_names(self) : status;
    if (status == 0 && !self->damage.anew) {
        count_lost(self);
    }
    status = status == 0 ? mend_epochs(self) : status;
    if (status == 0 && must_come_again(self)) {
        status = store_generation_renew(store);
    }
    status =
        status == 0 ? kv_each(store->txn, store->db[STORE_DB_NAMES], slice_make("", 0), index_name, store) : status;
    if (status == 0) {
        mend_state(self);
        status = put_damage(self);
    }
    return status == 0 ? store_state_put(store) : status;
}

static int mend_txn(struct mending *self)
{
    struct store *store = self->store;
    int status = kv_begin_delete(store->kv, &store->txn);
    if (status != 0) {
        return status;
    }
    store->failure = 0;
    kv_loss_begin(self->repair, store->options.now_ms, &self->damage);
    status = mend_all(self);
    struct kv_txn *txn = store->txn;
    store->txn = NULL;
    if (status != 0) {
        kv_abort(txn);
        return status;
    }
    return kv_commit(txn);
}

static int mend(void *ctx, const char *place, const struct kv_repair *repair)
{
    struct mending *self = ctx;
    struct store *store = self->store;
    const struct kv_options options = {.dir = place,
                                       .map_bytes = store->options.limit_bytes,
                                       .max_dbs = STORE_DB_COUNT,
                                       .grow_bytes = store_grow_bytes(store->options.limit_bytes)};
    self->repair = repair;
    self->epoch_count = 0;
    self->names_mended = 0;
    self->names_made_up = 0;
    int status = kv_open(&options, &store->kv);
    status = status == 0 ? store_open_dbs(store, true) : status;
    status = status == 0 ? mend_txn(self) : status;
    kv_close(store->kv);
    store->kv = NULL;
    memset(&store->state, 0, sizeof store->state);
    return status;
}

int store_repair(struct store *store)
{
    struct mending self = {.store = store};
    struct kv_repair repair;
    const struct kv_repair_options options = {.dir = store->options.dir,
                                              .map_bytes = store->options.limit_bytes,
                                              .now_ms = store->options.now_ms,
                                              .note_fd = store->lock_fd,
                                              .names = store_db_names,
                                              .name_count = STORE_DB_COUNT,
                                              .whole = is_whole,
                                              .agrees = agrees,
                                              .ctx = &self,
                                              .mend = mend};
    int status = kv_repair(&options, &repair);
    free(self.epochs);
    store->mended = status == KV_REPAIRED;
    return store->mended ? 0 : status;
}
