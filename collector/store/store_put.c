/* What a commit of the collector may hold. */
#include <string.h>

#include "collector/store/store_internal.h"
#include "platform/base/status.h"

uint32_t store_queue_number(struct store *store, struct slice name)
{
    if (name.len == 0 || name.len > LIMITS_QUEUE_NAME_MAX) {
        return 0;
    }
    return intern_put(store->names, name);
}

struct epoch_search {
    uint32_t site;
    const uint8_t *epoch;
    size_t len;
    uint32_t found;
    uint32_t last;
};

static int look_at_epoch(void *ctx, struct slice key, struct slice value)
{
    struct epoch_search *search = ctx;
    struct wire_reader payload;
    if (record_key_at_u32(key, 0) != search->site) {
        return STORE_NONE;
    }
    search->last = record_key_at_u32(key, 4);
    if (record_open(key, value, &payload) == 0 && wire_left(&payload) >= LIMITS_EPOCH_BYTES &&
        memcmp(payload.pos, search->epoch, search->len) == 0) {
        search->found = search->last;
    }
    return 0;
}

static int search_epoch(struct store *store, struct epoch_search *search)
{
    struct record_key from = record_key_u32_u32(search->site, 0);
    struct kv_txn *own = NULL;
    int status = store->txn ? 0 : kv_begin(store->kv, false, &own);
    if (status == 0) {
        struct kv_txn *txn = store->txn ? store->txn : own;
        status = kv_each(txn, store->db[STORE_DB_EPOCHS], record_key_slice(&from), look_at_epoch, search);
    }
    kv_abort(own);
    return status < 0 ? status : 0;
}

int store_epoch_find(struct store *store, uint32_t site, const uint8_t *epoch, size_t len, uint32_t *number,
                     bool *newest)
{
    size_t compared = len < LIMITS_EPOCH_BYTES ? len : LIMITS_EPOCH_BYTES;
    struct epoch_search search = {.site = site, .epoch = epoch, .len = compared};
    int status = search_epoch(store, &search);
    if (status != 0) {
        return status;
    }
    if (search.found == 0) {
        return STORE_UNKNOWN;
    }
    *number = search.found;
    *newest = search.found == search.last;
    return 0;
}

int store_epoch_adopt(struct store *store, uint32_t site, const uint8_t epoch[LIMITS_EPOCH_BYTES], uint32_t *number)
{
    struct epoch_search search = {.site = site, .epoch = epoch, .len = LIMITS_EPOCH_BYTES};
    int status = search_epoch(store, &search);
    if (status != 0) {
        return store_txn_fail(store, status);
    }
    if (search.found == 0 || search.found != search.last) { /* one that comes back is the newest again */
        search.found = search.last + 1;
        struct record_key key = record_key_u32_u32(site, search.found);
        record_begin(&store->value);
        buf_append(&store->value, epoch, LIMITS_EPOCH_BYTES);
        wire_put_svarint(&store->value, store->state.committed_ms);
        status = store_txn_put(store, STORE_DB_EPOCHS, &key);
    }
    if (status == 0) {
        *number = search.found;
    }
    return status;
}

uint64_t store_mark_hash(struct slice key)
{
    uint64_t hash = 0;
    for (size_t at = 0; at < 16; at += 8) {
        uint64_t z = hash + record_key_at_u64(key, at) + UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        hash = z ^ (z >> 31);
    }
    return hash;
}

/* The mark that an interval's content is not in the cells yet, with what they contain of it: nothing, or `then`. */
static int mark_pending(struct store *store, const struct record_key *at, const struct store_interval_form *then)
{
    struct slice at_slice = record_key_slice(at);
    uint32_t site = record_key_at_u32(at_slice, 0);
    uint32_t start_s = record_key_at_u32(at_slice, 4);
    struct record_key key = record_key_4u32(store_hour_of(start_s), site, record_key_at_u32(at_slice, 8), start_s);
    struct slice value = slice_make("", 0);
    if (then) { /* what is lost has no length */
        struct buf *buf = &store->other;
        record_begin(buf);
        wire_put_varint(buf, then->interval_s);
        buf_append(buf, then->summary.data, then->summary.len);
        int status = record_end(buf, &key);
        if (status != 0) {
            return status;
        }
        value = buf_slice(buf);
    }
    struct slice held;
    int status = kv_cursor_add(store->pending, record_key_slice(&key), value, &held);
    if (status == 0) {
        store->state.pending_count++;
        store->state.marks_sum += store_mark_hash(record_key_slice(&key));
    }
    store->spent_bytes += 4096 + value.len;
    return status == KV_HELD ? 0 : status;
}

static bool same_content(const struct store_interval_form *a, const struct store_interval_form *b)
{
    return a->interval_s == b->interval_s && slice_equal(a->summary, b->summary);
}

/* What is held of this interval against what came. */
static int judge(const struct store_interval_form *held, const struct store_interval_form *came)
{
    if (came->epoch != held->epoch) {
        return came->epoch > held->epoch ? STORE_TAKEN : STORE_STALE;
    }
    if (came->revision != held->revision) {
        return came->revision > held->revision ? STORE_TAKEN : STORE_STALE;
    }
    if (!same_content(held, came)) {
        return STORE_CONFLICT;
    }
    return held->open && !came->open ? STORE_TAKEN : STORE_REPEATED; /* it ended without anything more happening */
}

/* A damaged record tells neither revision nor content: what came replaces it, and what the cells contain of it has to
 * be found out from the cell of its hour. */
static int replace(struct store *store, const struct record_key *key, struct slice held_value,
                   const struct store_interval_form *came, uint64_t *held_revision)
{
    struct store_interval_form held = {.epoch = 0};
    struct wire_reader payload;
    int status = record_open(record_key_slice(key), held_value, &payload);
    status = status == 0 ? store_interval_read(&payload, &held) : status;
    if (status == STATUS_CORRUPT) {
        held = (struct store_interval_form){.summary = slice_make("", 0)};
        status = mark_pending(store, key, &held);
    } else if (status == 0) {
        int outcome = judge(&held, came);
        if (outcome != STORE_TAKEN) {
            *held_revision = held.revision;
            return outcome;
        }
        status = same_content(&held, came) ? 0 : mark_pending(store, key, &held);
    }
    if (status == 0) {
        status = kv_cursor_put(store->intervals, record_key_slice(key), buf_slice(&store->value));
    }
    return status;
}

static int open_cursors(struct store *store)
{
    int status = 0;
    if (!store->intervals) {
        status = kv_cursor_open(store->txn, store->db[STORE_DB_INTERVALS], &store->intervals);
    }
    if (status == 0 && !store->pending) {
        status = kv_cursor_open(store->txn, store->db[STORE_DB_PENDING], &store->pending);
    }
    return status;
}

static int put_interval(struct store *store, const struct store_interval *interval, uint64_t *held_revision)
{
    struct record_key key = record_key_3u32(interval->site, (uint32_t)interval->start_s, interval->queue);
    struct buf *value = &store->value;
    record_begin(value);
    store_interval_write(interval, value);
    struct wire_reader written = wire_reader_make(value->data + 1, value->failed ? 0 : value->len - 1);
    struct store_interval_form came;
    int status = record_end(value, &key);
    if (status != 0) {
        return status;
    }
    struct slice held;
    store->spent_bytes += 4096 + value->len;
    status = kv_cursor_add(store->intervals, record_key_slice(&key), buf_slice(value), &held);
    if (status == KV_HELD) {
        status = store_interval_read(&written, &came);
        return status != 0 ? status : replace(store, &key, held, &came, held_revision);
    }
    store->state.interval_count += status == 0;
    return status == 0 ? mark_pending(store, &key, NULL) : status;
}

int store_put_interval(struct store *store, const struct store_interval *interval, uint64_t *held_revision)
{
    if (store->failure != 0) {
        return store->failure;
    }
    if (interval->start_s < 0 || interval->start_s > (int64_t)UINT32_MAX - STORE_DAY_S) {
        return store_txn_fail(store, STATUS_RANGE);
    }
    if ((uint64_t)interval->start_s < store->state.dropped_before_s) {
        return STORE_DROPPED; /* the cells must not take it twice */
    }
    int status = open_cursors(store);
    status = status == 0 ? put_interval(store, interval, held_revision) : status;
    return store_txn_fail(store, status);
}

int store_put_changed(struct store *store, enum store_db db, const struct record_key *key)
{
    struct slice held;
    int status = record_end(&store->value, key);
    if (status != 0 || store->failure != 0) {
        return store_txn_fail(store, status != 0 ? status : store->failure);
    }
    if (kv_get(store->txn, store->db[db], record_key_slice(key), &held) == 0 &&
        slice_equal(held, buf_slice(&store->value))) {
        return 0;
    }
    store->spent_bytes += 4096 + store->value.len;
    return store_txn_fail(store, kv_put(store->txn, store->db[db], record_key_slice(key), buf_slice(&store->value)));
}

int store_put_queue(struct store *store, uint32_t site, uint32_t queue, const struct queue_settings *settings)
{
    struct record_key key = record_key_u32_u32(site, queue);
    struct buf *value = &store->value;
    record_begin(value);
    wire_put_varint(value, settings->sl_method);
    wire_put_svarint(value, settings->sl_threshold_ms);
    wire_put_svarint(value, settings->short_abandon_ms);
    wire_put_bytes(value, slice_str(settings->label));
    return store_put_changed(store, STORE_DB_QUEUES, &key);
}

int store_put_contact(struct store *store, uint32_t site, const struct store_contact *contact)
{
    struct record_key key = record_key_u32(site);
    record_begin(&store->value);
    store_contact_write(contact, &store->value);
    return store_put_changed(store, STORE_DB_CONTACTS, &key);
}

static int put_gap(struct store *store, enum store_db db, uint32_t site, const struct store_gap *gap)
{
    struct record_key key = record_key_u32_u64(site, (uint64_t)(gap->from_ms > 0 ? gap->from_ms : 0));
    record_begin(&store->value);
    wire_put_svarint(&store->value, gap->to_ms);
    wire_put_bytes(&store->value, slice_str(gap->reason));
    return store_put_changed(store, db, &key);
}

int store_put_gap(struct store *store, uint32_t site, const struct store_gap *gap)
{
    return put_gap(store, STORE_DB_GAPS, site, gap);
}

int store_put_live_gap(struct store *store, uint32_t site, const struct store_gap *gap)
{
    return put_gap(store, STORE_DB_LIVE_GAPS, site, gap);
}

static int drop_oldest_event(struct store *store)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    int status = kv_cursor_open(store->txn, store->db[STORE_DB_EVENTS], &cursor);
    status = status == 0 ? kv_cursor_first(cursor, &key, &value) : status;
    status = status == 0 ? kv_cursor_delete(cursor) : status;
    kv_cursor_close(cursor);
    store->state.event_count -= status == 0;
    return status == KV_END ? 0 : status;
}

int store_put_event(struct store *store, const struct store_event *event)
{
    uint64_t at_ms = event->at_ms > 0 ? (uint64_t)event->at_ms : 0;
    struct record_key key = record_key_u64_u32(at_ms, store->state.next_event++);
    record_begin(&store->value);
    store_event_write(event, &store->value);
    int status = store_txn_put(store, STORE_DB_EVENTS, &key);
    store->state.event_count += status == 0;
    if (status == 0 && store->state.event_count > STORE_EVENTS_MAX) {
        status = store_txn_fail(store, drop_oldest_event(store));
    }
    return status;
}
