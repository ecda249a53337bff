/* What is past its keep goes, a bounded amount a call, so that a full map has room for the deleting itself. */
#include "collector/store/store_internal.h"
#include "platform/base/status.h"

enum { RECORDS_A_CALL = 8000, SITES_A_CALL = 64, DELETED_BYTES = 512 /* copied pages, spread over a run of records */ };

struct tending {
    struct store *store;
    struct kv_cursor *cursor;
    uint32_t before_s;
    size_t left;
    size_t sites_left;
    bool over; /* all of the database was seen */
};

/* Records under (owner, seconds, ...), oldest first for each owner; goes on behind `owner`. */
static int drop_old_of(struct tending *self, uint32_t owner, uint64_t *dropped)
{
    struct slice key;
    struct slice value;
    struct record_key from = record_key_u32(owner);
    int status = kv_cursor_seek(self->cursor, record_key_slice(&from), &key, &value);
    while (status == 0 && self->left > 0 && record_key_at_u32(key, 0) == owner &&
           record_key_at_u32(key, 4) < self->before_s) {
        status = kv_cursor_delete(self->cursor);
        self->store->spent_bytes += DELETED_BYTES;
        self->left--;
        (*dropped)++;
        status = status == 0 ? kv_cursor_next(self->cursor, &key, &value) : status;
    }
    return status;
}

/* Walks the owners from *owner on; at the end *owner is where the next call has to begin. */
static int drop_old(struct tending *self, enum store_db db, uint32_t *owner, uint64_t *dropped)
{
    struct slice key;
    struct slice value;
    int status = kv_cursor_open(self->store->txn, self->store->db[db], &self->cursor);
    while (status == 0 && self->left > 0 && self->sites_left > 0) {
        struct record_key from = record_key_u32(*owner);
        status = kv_cursor_seek(self->cursor, record_key_slice(&from), &key, &value);
        if (status != 0) {
            break;
        }
        *owner = record_key_at_u32(key, 0);
        uint64_t before = *dropped;
        status = drop_old_of(self, *owner, dropped);
        self->sites_left -= *dropped > before; /* a look costs little */
        if (self->left == 0 || *owner == UINT32_MAX) {
            break;
        }
        (*owner)++;
        status = status == KV_END ? 0 : status;
    }
    kv_cursor_close(self->cursor);
    self->over = status == KV_END || *owner == UINT32_MAX;
    return status == KV_END ? 0 : status;
}

/* The hour of the oldest mark: intervals from there on are not in the cells yet. */
static int oldest_pending(struct store *store, struct kv_txn *txn, uint32_t *out)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    *out = UINT32_MAX;
    int status = kv_cursor_open(txn, store->db[STORE_DB_PENDING], &cursor);
    status = status == 0 ? kv_cursor_first(cursor, &key, &value) : status;
    if (status == 0) {
        *out = record_key_at_u32(key, 0);
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

/* Whole hours, so that what is left can still be split into days. */
uint32_t store_edge_of(int64_t now_ms, int64_t keep_ms)
{
    int64_t edge_s = keep_ms > 0 ? (now_ms - keep_ms) / 1000 : 0;
    return edge_s > 0 && edge_s < (int64_t)UINT32_MAX ? store_hour_of((uint32_t)edge_s) : 0;
}

/* Whether an owner's first record is older than that. One look an owner, so that tending with nothing to do is cheap.
 */
static int is_due(struct store *store, struct kv_txn *txn, enum store_db db, uint32_t before_s, bool *due)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    uint32_t owner = 0;
    int status = before_s > 0 ? kv_cursor_open(txn, store->db[db], &cursor) : KV_END;
    while (status == 0 && !*due) {
        struct record_key from = record_key_u32(owner);
        status = kv_cursor_seek(cursor, record_key_slice(&from), &key, &value);
        if (status == 0) {
            *due = record_key_at_u32(key, 4) < before_s;
            owner = record_key_at_u32(key, 0) + 1;
            status = owner == 0 ? KV_END : 0;
        }
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

static int tend_intervals(struct store *store, uint32_t before_s)
{
    struct tending self = {.store = store, .before_s = before_s, .left = RECORDS_A_CALL, .sites_left = SITES_A_CALL};
    uint64_t dropped = 0;
    if (before_s > store->state.dropped_before_s) {
        store->state.dropped_before_s = before_s; /* what begins before is not taken any more */
    }
    int status = drop_old(&self, STORE_DB_INTERVALS, &store->tend_site, &dropped);
    if (self.over) {
        store->tend_site = 0;
    }
    store->state.interval_count -= dropped < store->state.interval_count ? dropped : store->state.interval_count;
    return status;
}

static int tend_cells(struct store *store, uint32_t before_s)
{
    const enum store_db dbs[] = {STORE_DB_HOURS, STORE_DB_DAYS};
    int status = 0;
    if (before_s > store->state.cells_dropped_before_s) {
        store->state.cells_dropped_before_s = before_s;
    }
    for (int i = 0; status == 0 && i < 2; i++) {
        struct tending self = {
            .store = store, .before_s = before_s, .left = RECORDS_A_CALL, .sites_left = SITES_A_CALL};
        uint64_t dropped = 0;
        uint32_t owner = 0;
        status = drop_old(&self, dbs[i], &owner, &dropped);
    }
    return status;
}

static int drop_if_old_gap(void *ctx, struct slice key, struct slice value)
{
    const uint32_t *before_s = ctx;
    (void)value;
    return record_key_at_u64(key, 4) / 1000 < *before_s ? KV_DROP : 0;
}

/* Gaps say of which time the numbers are not whole: they go with the cells. */
static int tend_gaps(struct store *store, enum store_db db, uint32_t before_s)
{
    return kv_sweep(store->txn, store->db[db], slice_make("", 0), drop_if_old_gap, &before_s);
}

static int find_due(struct store *store, uint32_t *intervals_before_s, uint32_t cells_before_s, bool *intervals,
                    bool *cells)
{
    struct kv_txn *txn = NULL;
    uint32_t pending_s = UINT32_MAX;
    int status = kv_begin(store->kv, false, &txn);
    status = status == 0 ? oldest_pending(store, txn, &pending_s) : status;
    if (*intervals_before_s > pending_s) {
        *intervals_before_s = pending_s;
    }
    status = status == 0 ? is_due(store, txn, STORE_DB_INTERVALS, *intervals_before_s, intervals) : status;
    status = status == 0 ? is_due(store, txn, STORE_DB_HOURS, cells_before_s, cells) : status;
    status = status == 0 ? is_due(store, txn, STORE_DB_DAYS, cells_before_s, cells) : status;
    kv_abort(txn);
    return status;
}

int store_tend(struct store *store, int64_t now_ms, bool *more)
{
    uint32_t intervals_before_s = store_edge_of(now_ms, store->options.intervals_keep_ms);
    uint32_t cells_before_s = store_edge_of(now_ms, store->options.cells_keep_ms);
    bool intervals = false;
    bool cells = false;
    *more = false;
    (void)kv_reader_check(store->kv); /* a reader that died would keep every page from being used again */
    if (store->state.rebuild) {       /* what is dropped has to be in hours and days first */
        return 0;
    }
    int status = find_due(store, &intervals_before_s, cells_before_s, &intervals, &cells);
    if (status != 0 || !(intervals || cells)) {
        return status;
    }
    status = store_txn_begin(store, now_ms, true);
    if (status != 0) {
        return status;
    }
    store->room_bytes = 0; /* this is what room is kept for */
    status = intervals ? tend_intervals(store, intervals_before_s) : 0;
    status = status == 0 && cells ? tend_cells(store, cells_before_s) : status;
    status = status == 0 && cells ? tend_gaps(store, STORE_DB_GAPS, cells_before_s) : status;
    status = status == 0 && cells ? tend_gaps(store, STORE_DB_LIVE_GAPS, cells_before_s) : status;
    (void)store_txn_fail(store, status);
    status = store_end(store);
    *more = status == 0;
    return status;
}
