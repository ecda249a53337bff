#include "collector/store/roller.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum { CHUNK_BYTES = 1 << 20 };

struct roller_chunk {
    struct roller_chunk *next;
    size_t used;
    size_t size;
    uint8_t bytes[];
};

static void free_chunks(struct store_roller *roller)
{
    while (roller->chunks) {
        struct roller_chunk *next = roller->chunks->next;
        free(roller->chunks);
        roller->chunks = next;
    }
}

void store_roller_free(struct store_roller *roller)
{
    if (roller) {
        free_chunks(roller);
        cell_free(roller->plus);
        cell_free(roller->minus);
        summary_deinit(&roller->summary);
        buf_deinit(&roller->form);
        free(roller->marks);
        free(roller->parts);
        free(roller->items);
        free(roller);
    }
}

static int make(struct store *store)
{
    struct store_roller *roller = calloc(1, sizeof *roller);
    if (!roller) {
        return STATUS_NO_MEMORY;
    }
    roller->store = store;
    int status = cell_new(&roller->plus);
    status = status == 0 ? cell_new(&roller->minus) : status;
    if (status != 0) {
        store_roller_free(roller);
        return status;
    }
    store->roller = roller;
    return 0;
}

int roller_begin(struct store *store, const struct store_layout *layout, struct store_roller **out)
{
    int status = store->roller ? 0 : make(store);
    if (status != 0) {
        return status;
    }
    struct store_roller *roller = store->roller;
    roller->layout = layout;
    roller->mark_count = 0;
    roller->part_count = 0;
    roller->item_count = 0;
    for (int i = 0; status == 0 && i < 2; i++) {
        status =
            kv_cursor_open(store->txn, store->db[i == STORE_HOUR ? STORE_DB_HOURS : STORE_DB_DAYS], &roller->cells[i]);
    }
    *out = roller;
    return status;
}

void roller_end(struct store_roller *roller)
{
    for (int i = 0; i < 2; i++) {
        kv_cursor_close(roller->cells[i]);
        roller->cells[i] = NULL;
    }
    free_chunks(roller);
}

int roller_add_mark(struct store_roller *roller, const struct roller_mark *mark)
{
    struct roller_mark *marks = grow_array(roller->marks, roller->mark_count, &roller->mark_cap, sizeof *marks);
    if (!marks) {
        return STATUS_NO_MEMORY;
    }
    roller->marks = marks;
    roller->marks[roller->mark_count++] = *mark;
    return 0;
}

int roller_add_part(struct store_roller *roller, const struct roller_part *part)
{
    struct roller_part *parts = grow_array(roller->parts, roller->part_count, &roller->part_cap, sizeof *parts);
    if (!parts) {
        return STATUS_NO_MEMORY;
    }
    roller->parts = parts;
    roller->parts[roller->part_count++] = *part;
    return 0;
}

int roller_add_item(struct store_roller *roller, const struct roller_item *item)
{
    struct roller_item *items = grow_array(roller->items, roller->item_count, &roller->item_cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    roller->items = items;
    roller->items[roller->item_count++] = *item;
    return 0;
}

static int64_t day_of(const struct store_roller *roller, store_scope scope, int64_t at_s)
{
    return roller->layout->day_of(roller->layout->ctx, scope, at_s);
}

bool roller_is_whole(const struct store_roller *roller, store_scope scope, uint32_t hour_s)
{
    return day_of(roller, scope, hour_s) == day_of(roller, scope, (int64_t)hour_s + STORE_HOUR_S - 1);
}

uint32_t roller_day_key(const struct store_roller *roller, store_scope scope, uint32_t at_s)
{
    int64_t day = day_of(roller, scope, at_s);
    return day > 0 ? (uint32_t)day * STORE_DAY_S : 0;
}

int roller_add_day(struct store_roller *roller, store_scope scope, size_t part)
{
    const struct roller_part *from = &roller->parts[part];
    struct roller_item item = {.scope = scope,
                               .key_s = roller_day_key(roller, scope, from->hour_s),
                               .queue = from->queue,
                               .source = (uint32_t)part};
    return roller_add_item(roller, &item);
}

int roller_add_mark_days(struct store_roller *roller, store_scope scope, size_t mark)
{
    const struct roller_mark *from = &roller->marks[mark];
    struct roller_item item = {.scope = scope,
                               .key_s = roller_day_key(roller, scope, from->start_s),
                               .queue = from->queue,
                               .source = (uint32_t)mark,
                               .is_mark = true};
    int status = roller_add_item(roller, &item);
    if (status == 0 && scope != from->site) {
        item.queue = STORE_QUEUE_TOTAL;
        status = roller_add_item(roller, &item);
    }
    return status;
}

struct cell_part roller_edges(const struct store_roller *roller, enum store_grain grain, store_scope scope,
                              uint32_t key_s, uint32_t start_s, uint32_t length_s)
{
    int64_t end_s = (int64_t)start_s + length_s;
    if (grain == STORE_HOUR) {
        return (struct cell_part){.at_start = start_s == key_s, .at_end = end_s == (int64_t)key_s + STORE_HOUR_S};
    }
    return (struct cell_part){.at_start = day_of(roller, scope, (int64_t)start_s - 1) != day_of(roller, scope, start_s),
                              .at_end = day_of(roller, scope, end_s - 1) != day_of(roller, scope, end_s)};
}

/* Bytes that stay where they are until the end. */
static struct slice keep(struct store_roller *roller, const struct buf *form)
{
    struct roller_chunk *chunk = roller->chunks;
    if (!chunk || chunk->size - chunk->used < form->len) {
        size_t size = form->len > CHUNK_BYTES ? form->len : CHUNK_BYTES;
        chunk = malloc(sizeof *chunk + size);
        if (!chunk) {
            return slice_make(NULL, 0);
        }
        *chunk = (struct roller_chunk){.next = roller->chunks, .size = size};
        roller->chunks = chunk;
    }
    uint8_t *at = chunk->bytes + chunk->used;
    memcpy(at, form->data, form->len);
    chunk->used += form->len;
    return slice_make((const char *)at, form->len);
}

static int keep_cell(struct store_roller *roller, const struct cell *cell, struct slice *out)
{
    buf_reset(&roller->form);
    cell_encode(cell, &roller->form);
    *out = roller->form.failed ? slice_make(NULL, 0) : keep(roller, &roller->form);
    return out->data ? 0 : STATUS_NO_MEMORY;
}

/* What passed its check and still is no summary is nothing, here and when it is taken away again. */
static int add_content(struct store_roller *roller, struct slice content, struct cell_part part, struct cell *to)
{
    if (content.len == 0) {
        return 0;
    }
    int status = store_summary_read(content, &roller->summary);
    part.sum = &roller->summary;
    if (status == STATUS_CORRUPT) {
        return 0;
    }
    return status == 0 ? cell_add(to, &part) : status;
}

static int add_mark(struct store_roller *roller, enum store_grain grain, const struct roller_item *item)
{
    const struct roller_mark *mark = &roller->marks[item->source];
    struct cell_part now = roller_edges(roller, grain, item->scope, item->key_s, mark->start_s, mark->interval_s);
    struct cell_part then = roller_edges(roller, grain, item->scope, item->key_s, mark->start_s, mark->then_interval_s);
    roller->has_minus |= mark->then.len > 0;
    roller->has_lost |= mark->lost && grain == STORE_HOUR;
    int status = add_content(roller, mark->now, now, roller->plus);
    return status == 0 ? add_content(roller, mark->then, then, roller->minus) : status;
}

/* An hour as a part of an hour brings its edges along, as a part of a day only those that are the day's as well. */
static int merge(struct cell *to, struct slice form, enum store_grain grain, struct cell_part edges)
{
    uint64_t start = 0;
    uint64_t end = 0;
    if (form.len == 0) {
        return 0;
    }
    int status = cell_merge_encoded(to, form, grain == STORE_HOUR);
    if (status == 0 && grain == STORE_DAY && (edges.at_start || edges.at_end)) {
        status = cell_edges_encoded(form, &start, &end);
        cell_add_edge(to, edges.at_start ? start : 0, edges.at_end ? end : 0);
    }
    return status;
}

static int add_part(struct store_roller *roller, enum store_grain grain, const struct roller_item *item)
{
    const struct roller_part *part = &roller->parts[item->source];
    struct cell_part edges = {.at_start = false};
    if (grain == STORE_DAY) {
        edges = roller_edges(roller, grain, item->scope, item->key_s, part->hour_s, STORE_HOUR_S);
    }
    roller->has_minus |= part->minus.len > 0;
    int status = merge(roller->plus, part->plus, grain, edges);
    return status == 0 ? merge(roller->minus, part->minus, grain, edges) : status;
}

/* A maximum may have come from what was taken away, and nothing that came instead is as large. */
static bool may_have_fallen(uint64_t taken, uint64_t given, uint64_t held)
{
    return taken > 0 && taken >= held && given < taken;
}

static bool maxima_fell(const struct cell_maxima *taken, const struct cell_maxima *given, const struct cell *cell)
{
    struct cell_maxima held;
    cell_maxima(cell, &held);
    bool fell = may_have_fallen(taken->waiting, given->waiting, held.waiting);
    for (int i = 0; i < DURATION_COUNT; i++) {
        fell |= may_have_fallen(taken->duration_ms[i], given->duration_ms[i], held.duration_ms[i]);
    }
    return fell;
}

/* With `stored` and less what was lost; the maxima are those of what is left. */
static int apply(struct store_roller *roller, enum store_grain grain, const struct roller_item *at, struct slice stored,
                 struct slice minus)
{
    struct cell_maxima given;
    struct cell_maxima taken;
    struct cell *cell = roller->plus;
    cell_maxima(cell, &given);
    int status = stored.len > 0 ? cell_merge_encoded(cell, stored, true) : 0;
    if (status != 0 || !roller->has_minus) {
        return status;
    }
    status = cell_subtract_encoded(cell, minus, true);
    cell_maxima(roller->minus, &taken);
    if (status == CELL_MAXIMA && maxima_fell(&taken, &given, cell)) {
        cell_drop_maxima(cell);
        return below_add(roller, grain, at->scope, at->key_s, at->queue, true, cell);
    }
    return status < 0 ? status : 0;
}

/* What cannot be told from the stored cell, damaged or in contradiction to what is below it, is added up anew. */
static int add_up_anew(struct store_roller *roller, enum store_grain grain, const struct roller_item *at)
{
    cell_clear(roller->plus);
    return below_add(roller, grain, at->scope, at->key_s, at->queue, false, roller->plus);
}

/* `form`: the cell's stored form where that is known already. */
static int write_cell(struct store_roller *roller, enum store_grain grain, const struct record_key *key,
                      struct slice form)
{
    struct store *store = roller->store;
    enum store_db db = grain == STORE_HOUR ? STORE_DB_HOURS : STORE_DB_DAYS;
    if (cell_is_empty(roller->plus)) {
        return store_txn_delete(store, db, key);
    }
    struct buf *value = &store->value;
    record_begin(value);
    if (form.len > 0) {
        buf_append(value, form.data, form.len);
    } else {
        cell_encode(roller->plus, value);
    }
    int status = record_end(value, key);
    store->spent_bytes += 2 * 4096 + value->len;
    return status == 0 ? kv_cursor_put(roller->cells[grain], record_key_slice(key), buf_slice(value)) : status;
}

static int read_cell(struct store_roller *roller, enum store_grain grain, const struct record_key *key,
                     struct slice *out)
{
    struct slice value;
    struct wire_reader payload;
    *out = slice_make("", 0);
    int status = kv_cursor_find(roller->cells[grain], record_key_slice(key), &value);
    if (status != 0) {
        return status == KV_END ? 0 : status;
    }
    status = record_open(record_key_slice(key), value, &payload);
    if (status == 0) {
        *out = slice_make((const char *)payload.pos, wire_left(&payload));
    }
    return status;
}

/* Something of what this hour contained was lost: then all that it contained goes, and what is there now comes. */
static int replace_all(struct store_roller *roller, const struct roller_item *at, struct slice stored)
{
    roller->has_lost = false;
    roller->has_minus = true;
    cell_clear(roller->minus);
    int status = stored.len > 0 ? cell_merge_encoded(roller->minus, stored, true) : 0;
    return status == 0 ? add_up_anew(roller, STORE_HOUR, at) : status;
}

static int emit_part(struct store_roller *roller, const struct roller_item *first, const struct roller_item *last,
                     struct slice plus, struct slice minus)
{
    struct roller_part part = {
        .scope = first->scope, .hour_s = first->key_s, .queue = first->queue, .plus = plus, .minus = minus};
    if (first->is_mark) {
        part.group = roller->marks[first->source].group;
        part.first_mark = first->source;
        part.mark_end = (size_t)last->source + 1;
    }
    return roller_add_part(roller, &part);
}

static int close_cell(struct store_roller *roller, enum store_grain grain, const struct roller_item *first,
                      const struct roller_item *last, bool emit)
{
    struct record_key key = record_key_3u32(first->scope, first->key_s, first->queue);
    struct slice stored;
    struct slice plus = slice_make("", 0);
    struct slice minus = slice_make("", 0);
    int damage = read_cell(roller, grain, &key, &stored);
    int status = damage == STATUS_CORRUPT ? 0 : damage;
    bool anew = roller->has_lost;
    if (status == 0 && anew) {
        status = replace_all(roller, first, stored);
    }
    if (status == 0 && emit) {
        status = keep_cell(roller, roller->plus, &plus);
    }
    if (status == 0 && roller->has_minus) {
        status = keep_cell(roller, roller->minus, &minus);
    }
    if (status == 0 && emit) {
        status = emit_part(roller, first, last, plus, minus);
    }
    if (status == 0 && !anew) {
        status = damage == 0 ? apply(roller, grain, first, stored, minus) : STATUS_CORRUPT;
        if (status == STATUS_CORRUPT || status == STATUS_RANGE) {
            status = add_up_anew(roller, grain, first);
        }
    }
    bool is_new = stored.len == 0 && damage == 0 && !anew && !roller->has_minus;
    return status == 0 ? write_cell(roller, grain, &key, is_new ? plus : slice_make("", 0)) : status;
}

static int compare_items(const void *a, const void *b)
{
    const struct roller_item *x = a;
    const struct roller_item *y = b;
    if (x->scope != y->scope) {
        return x->scope < y->scope ? -1 : 1;
    }
    if (x->key_s != y->key_s) {
        return x->key_s < y->key_s ? -1 : 1;
    }
    if (x->queue != y->queue) {
        return x->queue < y->queue ? -1 : 1;
    }
    if (x->is_mark != y->is_mark) {
        return x->is_mark < y->is_mark ? -1 : 1;
    }
    return x->source < y->source ? -1 : x->source > y->source;
}

static bool is_same_cell(const struct roller_item *a, const struct roller_item *b)
{
    return a->scope == b->scope && a->key_s == b->key_s && a->queue == b->queue;
}

int roller_run(struct store_roller *roller, enum store_grain grain, bool emit)
{
    int status = 0;
    if (roller->item_count > 0) {
        qsort(roller->items, roller->item_count, sizeof *roller->items, compare_items);
    }
    for (size_t i = 0; status == 0 && i < roller->item_count;) {
        const struct roller_item *first = &roller->items[i];
        cell_clear(roller->plus);
        if (roller->has_minus) {
            cell_clear(roller->minus);
        }
        roller->has_minus = false;
        roller->has_lost = false;
        for (; status == 0 && i < roller->item_count && is_same_cell(&roller->items[i], first); i++) {
            const struct roller_item *item = &roller->items[i];
            status = item->is_mark ? add_mark(roller, grain, item) : add_part(roller, grain, item);
        }
        status = status == 0 ? close_cell(roller, grain, first, &roller->items[i - 1], emit) : status;
    }
    roller->item_count = 0;
    return status;
}
