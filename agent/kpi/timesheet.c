#include "agent/kpi/timesheet.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum {
    KEEP_INTERVALS = 1, /* behind the newest: spans come in order of time, mostly */
    RECENT = 1024,      /* operators whose last interval is found without the table; a power of two */
    PURGE_AT_LEAST = 256
};

/* An operator's interval. */
struct cell {
    struct shift shift;
    int64_t number; /* of the interval: start / length */
    uint32_t operator_id;
    bool dirty;
    struct cell *next; /* of the bucket */
};

struct timesheet {
    struct timesheet_options options;
    struct cell **buckets;
    uint32_t mask;
    uint32_t count;
    uint32_t purge_count; /* so many cells are worth a look for old ones */
    struct cell *recent[RECENT];
    struct cell **dirty;
    size_t dirty_count;
    size_t dirty_cap;
    int64_t newest;
};

int timesheet_new(const struct timesheet_options *options, struct timesheet **out)
{
    struct timesheet *sheet = calloc(1, sizeof *sheet);
    if (!sheet) {
        return STATUS_NO_MEMORY;
    }
    sheet->options = *options;
    sheet->mask = 255;
    sheet->purge_count = PURGE_AT_LEAST;
    sheet->buckets = calloc((size_t)sheet->mask + 1, sizeof(struct cell *));
    if (!sheet->buckets) {
        free(sheet);
        return STATUS_NO_MEMORY;
    }
    *out = sheet;
    return 0;
}

static void free_cell(struct cell *cell)
{
    shift_deinit(&cell->shift);
    free(cell);
}

void timesheet_free(struct timesheet *sheet)
{
    if (!sheet) {
        return;
    }
    for (uint32_t i = 0; i <= sheet->mask; i++) {
        for (struct cell *cell = sheet->buckets[i], *next; cell; cell = next) {
            next = cell->next;
            free_cell(cell);
        }
    }
    free((void *)sheet->buckets);
    free((void *)sheet->dirty);
    free(sheet);
}

static uint32_t bucket_of(uint32_t operator_id, int64_t number, uint32_t mask)
{
    uint64_t h = ((uint64_t)number << 20 ^ operator_id) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32) & mask;
}

static int grow(struct timesheet *sheet)
{
    uint32_t mask = sheet->mask * 2 + 1;
    struct cell **buckets = calloc((size_t)mask + 1, sizeof(struct cell *));
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i <= sheet->mask; i++) {
        for (struct cell *cell = sheet->buckets[i], *next; cell; cell = next) {
            next = cell->next;
            uint32_t b = bucket_of(cell->operator_id, cell->number, mask);
            cell->next = buckets[b];
            buckets[b] = cell;
        }
    }
    free((void *)sheet->buckets);
    sheet->buckets = buckets;
    sheet->mask = mask;
    return 0;
}

static int make_cell(struct timesheet *sheet, uint32_t operator_id, int64_t number, struct cell **out)
{
    if (sheet->count > sheet->mask && grow(sheet) != 0) {
        return STATUS_NO_MEMORY;
    }
    struct cell *cell = calloc(1, sizeof *cell);
    if (!cell) {
        return STATUS_NO_MEMORY;
    }
    cell->operator_id = operator_id;
    cell->number = number;
    int64_t start_s = number * (sheet->options.interval_ms / 1000);
    int status = sheet->options.load(sheet->options.ctx, operator_id, start_s, &cell->shift);
    if (status < 0) {
        free_cell(cell);
        return status;
    }
    uint32_t b = bucket_of(operator_id, number, sheet->mask);
    cell->next = sheet->buckets[b];
    sheet->buckets[b] = cell;
    sheet->count++;
    sheet->newest = number > sheet->newest ? number : sheet->newest;
    *out = cell;
    return 0;
}

static int mark_dirty(struct timesheet *sheet, struct cell *cell)
{
    if (cell->dirty) {
        return 0;
    }
    struct cell **dirty = grow_array((void *)sheet->dirty, sheet->dirty_count, &sheet->dirty_cap, sizeof *dirty);
    if (!dirty) {
        return STATUS_NO_MEMORY;
    }
    sheet->dirty = dirty;
    cell->dirty = true;
    sheet->dirty[sheet->dirty_count++] = cell;
    return 0;
}

/* The cell to write to, marked dirty. */
static int touch(struct timesheet *sheet, uint32_t operator_id, int64_t number, struct cell **out)
{
    struct cell **recent = &sheet->recent[operator_id % RECENT];
    struct cell *cell = *recent;
    if (!cell || cell->operator_id != operator_id || cell->number != number) {
        cell = sheet->buckets[bucket_of(operator_id, number, sheet->mask)];
        while (cell && (cell->operator_id != operator_id || cell->number != number)) {
            cell = cell->next;
        }
        int status = cell ? 0 : make_cell(sheet, operator_id, number, &cell);
        if (status != 0) {
            return status;
        }
        *recent = cell;
    }
    *out = cell;
    return mark_dirty(sheet, cell);
}

/* A span and where it counts. */
struct span {
    uint32_t operator_id;
    uint32_t queue;
    uint32_t reason;
    enum shift_state state; /* SHIFT_OFF: not a state but the membership of a queue */
    bool wrap_by_reason;
    bool paused;
    int64_t from_ms;
    int64_t to_ms;
};

/* Adds at most as much as brings *sum to `most_ms`: a clock that was set back does not make an interval longer. */
static void add_up_to(uint64_t *sum, uint64_t ms, uint64_t most_ms)
{
    uint64_t room_ms = *sum < most_ms ? most_ms - *sum : 0;
    *sum += ms < room_ms ? ms : room_ms;
}

static uint64_t *time_of_state(struct shift_queue *queue, enum shift_state state)
{
    switch ((int)state) {
    case SHIFT_RING: return &queue->ring_ms;
    case SHIFT_TALK: return &queue->talk_ms;
    case SHIFT_HOLD: return &queue->hold_ms;
    default: return NULL;
    }
}

static bool has_queue(const struct span *span)
{
    return span->queue != 0 && (span->state == SHIFT_RING || span->state == SHIFT_TALK || span->state == SHIFT_HOLD ||
                                span->state == SHIFT_OFF);
}

/* Whatever adding could fail at, so that a span counts wholly or not at all. */
static int prepare(struct timesheet *sheet, const struct span *span, int64_t number)
{
    struct cell *cell = NULL;
    int status = touch(sheet, span->operator_id, number, &cell);
    if (status == 0 && span->state == SHIFT_PAUSED) {
        status = shift_add_reason(&cell->shift, span->reason, 0);
    }
    if (status == 0 && has_queue(span) && !shift_queue(&cell->shift, span->queue)) {
        status = STATUS_NO_MEMORY;
    }
    return status;
}

static void add_member(struct shift *shift, const struct span *span, uint64_t ms, uint64_t most_ms)
{
    struct shift_queue *queue = shift_queue(shift, span->queue);
    if (queue) {
        add_up_to(span->paused ? &queue->paused_ms : &queue->logged_in_ms, ms, most_ms);
    }
}

static void add_state(struct shift *shift, const struct span *span, uint64_t ms, uint64_t most_ms)
{
    uint64_t before_ms = shift_logged_in_ms(shift);
    uint64_t after_ms = before_ms;
    add_up_to(&after_ms, ms, most_ms);
    ms = after_ms - before_ms;
    (void)shift_add_state(shift, span->state, ms);
    if (span->state == SHIFT_PAUSED) {
        (void)shift_add_reason(shift, span->reason, ms);
    } else if (span->state == SHIFT_WRAP && span->wrap_by_reason) {
        shift->wrap_by_reason_ms += ms;
    } else if (has_queue(span)) {
        struct shift_queue *queue = shift_queue(shift, span->queue);
        if (queue) {
            *time_of_state(queue, span->state) += ms;
        }
    }
}

static void add(struct timesheet *sheet, const struct span *span, int64_t number)
{
    struct cell *cell = NULL;
    int64_t start_ms = number * sheet->options.interval_ms;
    int64_t end_ms = start_ms + sheet->options.interval_ms;
    int64_t from_ms = span->from_ms > start_ms ? span->from_ms : start_ms;
    int64_t to_ms = span->to_ms < end_ms ? span->to_ms : end_ms;
    if (touch(sheet, span->operator_id, number, &cell) == 0) {
        uint64_t most_ms = (uint64_t)sheet->options.interval_ms;
        (span->state == SHIFT_OFF ? add_member : add_state)(&cell->shift, span, (uint64_t)(to_ms - from_ms), most_ms);
    }
}

static int take(struct timesheet *sheet, struct span *span)
{
    if (span->to_ms <= 0 || span->from_ms >= span->to_ms) {
        return 0;
    }
    int64_t earliest_ms = span->to_ms - TIMESHEET_SPAN_MAX_MS;
    earliest_ms = earliest_ms > 0 ? earliest_ms : 0;
    span->from_ms = span->from_ms > earliest_ms ? span->from_ms : earliest_ms;
    int64_t first = span->from_ms / sheet->options.interval_ms;
    int64_t last = (span->to_ms - 1) / sheet->options.interval_ms;
    for (int64_t number = first; number <= last; number++) {
        int status = prepare(sheet, span, number);
        if (status != 0) {
            return status;
        }
    }
    for (int64_t number = first; number <= last; number++) {
        add(sheet, span, number);
    }
    return 0;
}

int timesheet_state(struct timesheet *sheet, uint32_t operator_id, enum shift_state state, uint32_t queue,
                    uint32_t reason, bool wrap_by_reason, int64_t from_ms, int64_t to_ms)
{
    struct span span = {.operator_id = operator_id,
                        .queue = queue,
                        .reason = reason,
                        .state = state,
                        .wrap_by_reason = wrap_by_reason,
                        .from_ms = from_ms,
                        .to_ms = to_ms};
    return (unsigned)state < SHIFT_STATE_COUNT ? take(sheet, &span) : 0;
}

int timesheet_member(struct timesheet *sheet, uint32_t operator_id, uint32_t queue, bool paused, int64_t from_ms,
                     int64_t to_ms)
{
    struct span span = {.operator_id = operator_id,
                        .queue = queue,
                        .state = SHIFT_OFF,
                        .paused = paused,
                        .from_ms = from_ms,
                        .to_ms = to_ms};
    return queue != 0 ? take(sheet, &span) : 0;
}

int timesheet_count(struct timesheet *sheet, uint32_t operator_id, uint32_t queue, enum shift_count count,
                    int64_t at_ms)
{
    if (at_ms < 0 || queue == 0 || (unsigned)count >= SHIFT_COUNT_COUNT) {
        return 0;
    }
    struct cell *cell = NULL;
    int status = touch(sheet, operator_id, at_ms / sheet->options.interval_ms, &cell);
    struct shift_queue *entry = status == 0 ? shift_queue(&cell->shift, queue) : NULL;
    if (entry) {
        entry->count[count] += entry->count[count] < UINT32_MAX;
    }
    return entry ? 0 : status != 0 ? status : STATUS_NO_MEMORY;
}

static int compare_cells(const void *a, const void *b)
{
    const struct cell *x = *(struct cell *const *)a;
    const struct cell *y = *(struct cell *const *)b;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x->operator_id < y->operator_id ? -1 : x->operator_id > y->operator_id;
}

int timesheet_save(struct timesheet *sheet, int (*put)(void *ctx, const struct timesheet_item *item), void *ctx)
{
    if (sheet->dirty_count > 1) {
        qsort((void *)sheet->dirty, sheet->dirty_count, sizeof(struct cell *), compare_cells);
    }
    for (size_t i = 0; i < sheet->dirty_count; i++) {
        const struct cell *cell = sheet->dirty[i];
        struct timesheet_item item = {.operator_id = cell->operator_id,
                                      .start_s = cell->number * (sheet->options.interval_ms / 1000),
                                      .shift = &cell->shift};
        int status = put(ctx, &item);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static void purge(struct timesheet *sheet)
{
    memset((void *)sheet->recent, 0, sizeof sheet->recent);
    for (uint32_t b = 0; b <= sheet->mask; b++) {
        for (struct cell **link = &sheet->buckets[b]; *link;) {
            struct cell *cell = *link;
            if (cell->number >= sheet->newest - KEEP_INTERVALS) {
                link = &cell->next;
                continue;
            }
            *link = cell->next;
            free_cell(cell);
            sheet->count--;
        }
    }
    sheet->purge_count = sheet->count * 2 > PURGE_AT_LEAST ? sheet->count * 2 : PURGE_AT_LEAST;
}

void timesheet_saved(struct timesheet *sheet)
{
    for (size_t i = 0; i < sheet->dirty_count; i++) {
        sheet->dirty[i]->dirty = false;
    }
    sheet->dirty_count = 0;
    if (sheet->count >= sheet->purge_count) {
        purge(sheet);
    }
}

size_t timesheet_dirty_count(const struct timesheet *sheet)
{
    return sheet->dirty_count;
}
