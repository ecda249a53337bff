/* A damaged ledger goes on with what can be read of it. What was lost is counted against the ledger's own books (or, if
 * those are lost, LMDB's), kept in its meta and told; what follows from what was lost is put right in one transaction,
 * before the mended file takes the place of the damaged one. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/ledger/ledger_repair_marks.h"
#include "agent/ledger/ledger_scan.h"
#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"

const char ledger_lost_source[] = "(lost)";

/* Above every revision that can have been sent: how far behind the newest a commit can be that is left; and where not
 * even the count of commits is left. Leg numbers likewise. */
enum { COMMITS_AHEAD = 64, COMMITS_FAR_AHEAD = 100000, LEGS_AHEAD = 100000, LOST_KEYS_MAX = 8 };

struct mending {
    struct ledger *ledger;
    const struct kv_repair *repair;
    struct kv_txn *txn;
    struct ledger_scan scan;
    struct kv_loss damage; /* of this time */
    bool has_state;
    bool has_books; /* as met when looking it over, as the next two */
    struct ledger_state books;
    uint64_t marks_sum;
    uint64_t key_count; /* of intervals that were found damaged; their starts, as far as there is room */
    uint32_t starts[LOST_KEYS_MAX];
    uint32_t queues[LOST_KEYS_MAX];
};

/* ---- what is whole ---- */

static void note_interval(struct mending *self, struct slice key)
{
    uint32_t start_s = record_key_at_u32(key, 0);
    uint32_t queue = record_key_at_u32(key, 4);
    for (uint64_t i = 0; i < self->key_count && i < LOST_KEYS_MAX; i++) {
        if (self->starts[i] == start_s && self->queues[i] == queue) {
            return; /* it is asked for at the look and again when it is saved */
        }
    }
    if (self->key_count < LOST_KEYS_MAX) {
        self->starts[self->key_count] = start_s;
        self->queues[self->key_count] = queue;
    }
    self->key_count++;
}

static bool is_whole(void *ctx, const char *db, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    if (strcmp(db, ledger_db_names[LEDGER_DB_DIRTY]) == 0) {
        self->marks_sum += ledger_mark_hash(key);
    }
    if (value.len == 0 && strcmp(db, ledger_db_names[LEDGER_DB_DIRTY]) == 0) {
        return key.len == 8;
    }
    bool whole = kv_repair_is_record(key, value);
    if (!whole && key.len == 8 && strcmp(db, ledger_db_names[LEDGER_DB_INTERVALS]) == 0) {
        note_interval(self, key);
    }
    if (whole && slice_is(key, "state") && strcmp(db, ledger_db_names[LEDGER_DB_META]) == 0) {
        self->has_books = ledger_state_open(key, value, &self->books) == 0 && self->books.has_records;
    }
    return whole;
}

static bool agrees(void *ctx)
{
    const struct mending *self = ctx;
    return !self->has_books || self->books.marks_sum == self->marks_sum;
}

/* ---- what was lost ---- */

static const struct kv_damage_db *find_db(const struct mending *self, enum ledger_db db)
{
    const struct kv_damage *damage = &self->repair->damage;
    for (size_t i = 0; i < damage->db_count && i < KV_DAMAGE_DBS_MAX; i++) {
        if (strcmp(damage->dbs[i].name, ledger_db_names[db]) == 0) {
            return &damage->dbs[i];
        }
    }
    return NULL;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t lost_of(struct mending *self, enum ledger_db db)
{
    const struct kv_damage_db *found = find_db(self, db);
    const struct ledger_state *state = &self->ledger->state;
    if (self->has_state && state->has_records) {
        return less(state->records[db], self->scan.records[db]);
    }
    if (found && found->told) {
        return less(found->told_count, self->scan.records[db]);
    }
    self->damage.exact = self->damage.exact && db == LEDGER_DB_SHIFTS && !found; /* it may never have had them */
    return found ? found->lost_count : 0;
}

static void count_lost(struct mending *self)
{
    static const struct {
        enum ledger_db db;
        enum ledger_loss loss;
    } plain[] = {{LEDGER_DB_NAMES, LEDGER_LOST_NAMES},         {LEDGER_DB_CURSORS, LEDGER_LOST_CURSORS},
                 {LEDGER_DB_OPEN_LEGS, LEDGER_LOST_OPEN_LEGS}, {LEDGER_DB_INTERVALS, LEDGER_LOST_INTERVALS},
                 {LEDGER_DB_DIRTY, LEDGER_LOST_MARKS},         {LEDGER_DB_GAPS, LEDGER_LOST_GAPS},
                 {LEDGER_DB_SHIFTS, LEDGER_LOST_SHIFTS}};
    uint64_t *lost = self->damage.lost;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        lost[plain[i].loss] = lost_of(self, plain[i].db);
    }
    if (self->has_state) {
        lost[LEDGER_LOST_LEGS] = less(self->ledger->state.leg_count, self->scan.legs);
        lost[LEDGER_LOST_INTERVALS] = less(self->ledger->state.interval_count, self->scan.records[LEDGER_DB_INTERVALS]);
        bool turned = self->ledger->state.has_records && self->ledger->state.marks_sum != self->scan.marks_sum;
        lost[LEDGER_LOST_MARKS] += turned && lost[LEDGER_LOST_MARKS] == 0;
    } else if (lost_of(self, LEDGER_DB_LEGS) > 0) {
        self->damage.exact = false; /* blocks, and nobody knows of how many legs */
    }
    /* identity and secret have been made anew by now */
    lost[LEDGER_LOST_SETTINGS] = less(lost_of(self, LEDGER_DB_META), lost[LEDGER_LOST_STATE]);
}

/* ---- what follows ---- */

/* 0, or a failure: a record of a later version's is one. */
static int keep_or_make(struct mending *self, int status, enum ledger_loss loss,
                        int (*make)(struct ledger *ledger, struct kv_txn *txn))
{
    if (status != LEDGER_NONE && status != STATUS_CORRUPT) {
        return status;
    }
    self->damage.lost[loss] = !self->repair->anew;
    return make(self->ledger, self->txn);
}

static int mend_identity(struct mending *self)
{
    struct ledger *ledger = self->ledger;
    int status = ledger_identity_load(ledger, self->txn);
    status = keep_or_make(self, status, LEDGER_LOST_IDENTITY, ledger_identity_make);
    if (status == 0) {
        status = ledger_secret_load(ledger, self->txn);
        status = keep_or_make(self, status, LEDGER_LOST_SECRET, ledger_secret_make);
    }
    return status;
}

static int load_state(struct mending *self)
{
    struct ledger_state *state = &self->ledger->state;
    int status = ledger_state_load(self->ledger, self->txn, state);
    self->has_state = status == 0;
    if (status != LEDGER_NONE && status != STATUS_CORRUPT) {
        return status;
    }
    self->damage.lost[LEDGER_LOST_STATE] = !self->repair->anew;
    *state = (struct ledger_state){.progress = {.next_seq = 1}, .next_block = 1, .next_cursor = 1, .next_gap = 1};
    return 0;
}

static void mend_state(struct mending *self)
{
    const struct ledger_scan *scan = &self->scan;
    struct ledger_state *state = &self->ledger->state;
    int64_t interval_end_ms = (int64_t)scan->newest_start_s * 1000;
    if (!self->has_state && !self->repair->anew) {
        uint64_t commit = self->repair->damage.commit;
        state->commits = (commit > scan->newest_revision ? commit : scan->newest_revision) + COMMITS_FAR_AHEAD;
        state->progress.next_seq = scan->newest_seq + LEGS_AHEAD;
        state->progress.newest_event_ms =
            scan->newest_event_ms > interval_end_ms ? scan->newest_event_ms : interval_end_ms;
        state->next_block = scan->last_block + 1;
        state->committed_ms = self->ledger->options.now_ms;
    }
    state->commits += COMMITS_AHEAD;
    state->leg_count = scan->legs;
    state->leg_bytes = scan->leg_bytes;
    state->interval_count = scan->records[LEDGER_DB_INTERVALS];
    state->interval_bytes = scan->interval_bytes;
    state->newest_interval_s = scan->newest_start_s;
    state->newest_end_ms = scan->newest_end_ms > state->newest_end_ms ? scan->newest_end_ms : state->newest_end_ms;
    state->legs_unsorted |= scan->unsorted;
    state->refused = scan->refused;
    state->marks_sum = scan->marks_sum;
    state->next_block = scan->last_block >= state->next_block ? scan->last_block + 1 : state->next_block;
    state->next_cursor = scan->last_cursor >= state->next_cursor ? scan->last_cursor + 1 : state->next_cursor;
    state->next_gap = scan->last_gap >= state->next_gap ? scan->last_gap + 1 : state->next_gap;
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        state->quality[QUALITY_QUARANTINED] += self->damage.lost[i];
    }
}

static uint64_t make_up_name(struct mending *self, int kind, uint32_t id)
{
    struct ledger *ledger = self->ledger;
    struct record_key key = record_key_u8_u32((uint8_t)kind, id);
    struct slice held;
    char name[32];
    if (kv_get(self->txn, ledger->db[LEDGER_DB_NAMES], record_key_slice(&key), &held) != KV_END) {
        return 0;
    }
    (void)snprintf(name, sizeof name, LEDGER_MADE_UP_NAME "%" PRIu32, id);
    record_begin(&ledger->value);
    if (kind == LEDGER_VERB) {
        wire_put_varint(&ledger->value, 0);
    }
    buf_append(&ledger->value, name, strlen(name));
    ledger_put(ledger, LEDGER_DB_NAMES, &key, false);
    return 1;
}

/* Every number that something refers to keeps its name, if only a made-up one: a new name must not get it. First those
 * between others; what was lost besides were the last of their kinds. */
static void mend_names(struct mending *self)
{
    const struct ledger_scan *scan = &self->scan;
    uint64_t left = self->damage.exact ? self->damage.lost[LEDGER_LOST_NAMES] : UINT64_MAX;
    for (int kind = LEDGER_QUEUE; kind < LEDGER_KINDS_END; kind++) {
        for (uint32_t id = 1; id < scan->largest_name[kind]; id++) {
            uint64_t made = make_up_name(self, kind, id);
            left -= made < left ? made : left;
        }
    }
    for (int kind = LEDGER_QUEUE; kind < LEDGER_KINDS_END; kind++) {
        for (uint32_t id = scan->largest_name[kind] + 1; id <= scan->largest_id[kind] && left > 0; id++) {
            left -= make_up_name(self, kind, id);
        }
    }
}

/* One cursor for all that were lost, or the logs would be counted a second time. */
static void mend_cursors(struct mending *self)
{
    struct ledger *ledger = self->ledger;
    bool unknown = !find_db(self, LEDGER_DB_CURSORS) && self->scan.records[LEDGER_DB_CURSORS] == 0;
    if ((self->damage.lost[LEDGER_LOST_CURSORS] == 0 && !unknown) || ledger->state.progress.newest_event_ms == 0) {
        return;
    }
    struct ledger_cursor_record record = {
        .cursor = {.last_ms = ledger->state.progress.newest_event_ms, .updated_ms = ledger->options.now_ms}};
    (void)snprintf(record.cursor.source, sizeof record.cursor.source, "%s", ledger_lost_source);
    ledger_put_cursor(ledger, &record);
}

/* The time that lost legs and intervals can be of; wide where nothing tells. */
static void lost_span(const struct mending *self, struct ledger_gap *gap)
{
    const struct ledger_scan *scan = &self->scan;
    const struct ledger_state *state = &self->ledger->state;
    int64_t length_s = self->ledger->identity.interval_s;
    int64_t newest_ms = state->progress.newest_event_ms;
    uint64_t intervals = self->damage.lost[LEDGER_LOST_INTERVALS];
    bool known = intervals == self->key_count && intervals <= LOST_KEYS_MAX;
    gap->from_ms = newest_ms;
    gap->to_ms = newest_ms;
    if (intervals > 0 && !known) {
        gap->from_ms = scan->oldest_start_s * 1000;
    }
    for (uint64_t i = 0; intervals > 0 && known && i < self->key_count; i++) {
        int64_t start_ms = (int64_t)self->starts[i] * 1000;
        int64_t end_ms = start_ms + length_s * 1000;
        gap->from_ms = i == 0 || start_ms < gap->from_ms ? start_ms : gap->from_ms;
        gap->to_ms = i == 0 || end_ms > gap->to_ms ? end_ms : gap->to_ms;
    }
    bool legs = self->damage.lost[LEDGER_LOST_LEGS] > 0;
    bool newest = scan->last_block + 1 < state->next_block;
    if (legs && scan->has_hole) {
        gap->from_ms = scan->hole_from_ms < gap->from_ms ? scan->hole_from_ms : gap->from_ms;
        gap->to_ms = intervals == 0 || scan->hole_to_ms > gap->to_ms ? scan->hole_to_ms : gap->to_ms;
    } else if (legs && !newest) { /* the oldest ones */
        gap->from_ms = scan->oldest_start_s * 1000;
        gap->to_ms = intervals == 0 || scan->front_to_ms > gap->to_ms ? scan->front_to_ms : gap->to_ms;
    }
    if (legs && newest) {
        gap->from_ms = scan->newest_end_ms < gap->from_ms ? scan->newest_end_ms : gap->from_ms;
        gap->to_ms = newest_ms;
    }
    gap->from_ms = gap->from_ms < 0 ? 0 : gap->from_ms;
}

static void add_gap(struct mending *self)
{
    const uint64_t *lost = self->damage.lost;
    struct ledger_gap gap = {.kind = LEDGER_GAP_CALLS};
    if (lost[LEDGER_LOST_LEGS] + lost[LEDGER_LOST_INTERVALS] + lost[LEDGER_LOST_OPEN_LEGS] > 0) {
        lost_span(self, &gap);
        (void)snprintf(gap.reason, sizeof gap.reason, "damaged ledger: %" PRIu64 " legs, %" PRIu64 " intervals lost",
                       lost[LEDGER_LOST_LEGS] + lost[LEDGER_LOST_OPEN_LEGS], lost[LEDGER_LOST_INTERVALS]);
        ledger_add_gap(self->ledger, &gap);
    }
    if (lost[LEDGER_LOST_SHIFTS] > 0) {
        gap = (struct ledger_gap){.from_ms = self->scan.oldest_start_s * 1000,
                                  .to_ms = self->ledger->state.progress.newest_event_ms,
                                  .kind = LEDGER_GAP_LIVE};
        (void)snprintf(gap.reason, sizeof gap.reason, "damaged ledger: %" PRIu64 " shifts lost",
                       lost[LEDGER_LOST_SHIFTS]);
        ledger_add_gap(self->ledger, &gap);
    }
}

static int mend_rest(struct mending *self)
{
    struct ledger *ledger = self->ledger;
    bool marks_lost = self->damage.lost[LEDGER_LOST_MARKS] > 0 || !find_db(self, LEDGER_DB_DIRTY);
    mend_state(self);
    mend_names(self);
    mend_cursors(self);
    add_gap(self);
    int status = ledger_repair_drop_marks(ledger, self->txn);
    if (status == 0 && marks_lost) {
        status = ledger_repair_mark_all(ledger, self->txn);
    }
    if (status == 0) {
        status = ledger_damage_add(ledger, self->txn, &self->damage); /* so that it is still told tomorrow */
    }
    if (status == 0) {
        status = ledger->failure != 0 ? ledger->failure : ledger_state_put(ledger, self->txn, &ledger->state);
    }
    return status;
}

/* Without the state, or with names lost, only the legs tell which numbers were given. */
static bool lacks_numbers(const struct mending *self)
{
    const struct ledger_state *state = &self->ledger->state;
    uint64_t names = 0;
    return !self->has_state || !state->has_records ||
           kv_count(self->txn, self->ledger->db[LEDGER_DB_NAMES], &names) != 0 ||
           names < state->records[LEDGER_DB_NAMES];
}

static bool is_empty(const struct mending *self)
{
    uint64_t records = 0;
    for (int db = LEDGER_DB_NAMES; db < LEDGER_DB_COUNT; db++) {
        records += self->scan.records[db];
    }
    return records == 0 && !self->has_state && self->damage.lost[LEDGER_LOST_IDENTITY];
}

/* Who was making it got no further than empty databases: there was nothing to be lost. */
static bool was_never_founded(const struct mending *self)
{
    const struct kv_damage_db *meta = find_db(self, LEDGER_DB_META);
    bool none = meta ? meta->told && meta->told_count == 0 : self->repair->damage.commit == 0;
    return is_empty(self) && none;
}

static int mend_txn(struct mending *self)
{
    struct ledger *ledger = self->ledger;
    int status = kv_begin(ledger->kv, true, &self->txn);
    if (status != 0) {
        return status;
    }
    ledger->txn = self->txn; /* for what puts within a commit */
    ledger->failure = 0;
    status = mend_identity(self);
    if (status == 0) {
        status = load_state(self);
    }
    if (status == 0) {
        status = ledger_scan(ledger, self->txn, lacks_numbers(self), &self->scan);
    }
    if (status == 0) {
        self->damage.anew = self->repair->anew || is_empty(self);
        if (was_never_founded(self)) {
            memset(self->damage.lost, 0, sizeof self->damage.lost);
        } else if (!self->damage.anew) {
            count_lost(self);
        }
        status = mend_rest(self);
    }
    ledger->txn = NULL;
    if (status != 0) {
        kv_abort(self->txn);
        return status;
    }
    return kv_commit(self->txn);
}

static int mend(void *ctx, const char *place, const struct kv_repair *repair)
{
    struct mending *self = ctx;
    struct ledger *ledger = self->ledger;
    const struct kv_options options = {
        .dir = place, .map_bytes = ledger->options.map_bytes, .max_dbs = LEDGER_DB_COUNT};
    self->repair = repair;
    kv_loss_begin(repair, ledger->options.now_ms, &self->damage);
    int status = kv_open(&options, &ledger->kv);
    if (status == 0) {
        status = ledger_open_dbs(ledger, true);
    }
    if (status == 0) {
        status = mend_txn(self);
    }
    kv_close(ledger->kv);
    ledger->kv = NULL;
    memset(&ledger->state, 0, sizeof ledger->state);
    return status;
}

int ledger_repair(struct ledger *ledger)
{
    struct mending self = {.ledger = ledger};
    struct kv_repair repair;
    const struct kv_repair_options options = {.dir = ledger->options.dir,
                                              .map_bytes = ledger->options.map_bytes,
                                              .now_ms = ledger->options.now_ms,
                                              .note_fd = ledger->lock_fd,
                                              .names = ledger_db_names,
                                              .name_count = LEDGER_DB_COUNT,
                                              .whole = is_whole,
                                              .agrees = agrees,
                                              .ctx = &self,
                                              .mend = mend};
    int status = kv_repair(&options, &repair);
    ledger->mended = status == KV_REPAIRED;
    return ledger->mended ? 0 : status;
}
