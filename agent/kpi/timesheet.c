#include "agent/kpi/timesheet.h"

#include <stdlib.h>

#include "agent/kpi/shelf.h"
#include "platform/base/status.h"

enum {
    KEEP_INTERVALS = 1, /* behind the newest: spans come in order of time, mostly */
    PURGE_AT_LEAST = 256
};

/* An operator's interval. */
struct cell {
    struct shelf_item item; /* id: the operator */
    struct shift shift;
};

struct timesheet {
    struct timesheet_options options;
    struct shelf shelf;
    uint32_t purge_count; /* so many cells are worth a look for old ones */
};

static int load_cell(void *ctx, struct shelf_item *item, int64_t start_s)
{
    struct timesheet *sheet = ctx;
    return sheet->options.load(sheet->options.ctx, item->id, start_s, &((struct cell *)item)->shift);
}

static void clear_cell(struct shelf_item *item)
{
    shift_clear(&((struct cell *)item)->shift);
}

static void deinit_cell(struct shelf_item *item)
{
    shift_deinit(&((struct cell *)item)->shift);
}

int timesheet_new(const struct timesheet_options *options, struct timesheet **out)
{
    struct timesheet *sheet = calloc(1, sizeof *sheet);
    if (!sheet) {
        return STATUS_NO_MEMORY;
    }
    sheet->options = *options;
    sheet->purge_count = PURGE_AT_LEAST;
    const struct shelf_options shelf = {.item_size = sizeof(struct cell),
                                        .interval_s = options->interval_ms / 1000,
                                        .load = load_cell,
                                        .clear = clear_cell,
                                        .deinit = deinit_cell,
                                        .ctx = sheet};
    int status = shelf_init(&sheet->shelf, &shelf);
    if (status != 0) {
        free(sheet);
        return status;
    }
    *out = sheet;
    return 0;
}

void timesheet_free(struct timesheet *sheet)
{
    if (sheet) {
        shelf_deinit(&sheet->shelf);
        free(sheet);
    }
}

/* The shift to write to, marked dirty; NULL with *status set on failure. */
static struct shift *touch(struct timesheet *sheet, uint32_t operator_id, int64_t number, int *status)
{
    struct shelf_item *item = NULL;
    *status = shelf_touch(&sheet->shelf, operator_id, number, &item);
    return *status == 0 ? &((struct cell *)item)->shift : NULL;
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
    int status;
    struct shift *shift = touch(sheet, span->operator_id, number, &status);
    if (shift && span->state == SHIFT_PAUSED) {
        status = shift_add_reason(shift, span->reason, 0);
    }
    if (status == 0 && has_queue(span) && !shift_queue(shift, span->queue)) {
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
    int status;
    int64_t start_ms = number * sheet->options.interval_ms;
    int64_t end_ms = start_ms + sheet->options.interval_ms;
    int64_t from_ms = span->from_ms > start_ms ? span->from_ms : start_ms;
    int64_t to_ms = span->to_ms < end_ms ? span->to_ms : end_ms;
    struct shift *shift = touch(sheet, span->operator_id, number, &status);
    if (shift) {
        uint64_t most_ms = (uint64_t)sheet->options.interval_ms;
        (span->state == SHIFT_OFF ? add_member : add_state)(shift, span, (uint64_t)(to_ms - from_ms), most_ms);
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
    int status;
    struct shift *shift = touch(sheet, operator_id, at_ms / sheet->options.interval_ms, &status);
    struct shift_queue *entry = shift ? shift_queue(shift, queue) : NULL;
    if (entry) {
        entry->count[count] += entry->count[count] < UINT32_MAX;
    }
    return entry ? 0 : status != 0 ? status : STATUS_NO_MEMORY;
}

int timesheet_save(struct timesheet *sheet, int (*put)(void *ctx, const struct timesheet_item *item), void *ctx)
{
    shelf_sort(&sheet->shelf);
    for (size_t i = 0; i < sheet->shelf.dirty_count; i++) {
        const struct shelf_item *dirty = sheet->shelf.dirty[i];
        struct timesheet_item item = {.operator_id = dirty->id,
                                      .start_s = shelf_start_s(&sheet->shelf, dirty),
                                      .shift = &((const struct cell *)dirty)->shift};
        int status = put(ctx, &item);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

void timesheet_saved(struct timesheet *sheet)
{
    shelf_saved(&sheet->shelf);
    if (sheet->shelf.count >= sheet->purge_count) {
        shelf_purge(&sheet->shelf, KEEP_INTERVALS);
        uint32_t twice = sheet->shelf.count * 2;
        sheet->purge_count = twice > PURGE_AT_LEAST ? twice : PURGE_AT_LEAST;
    }
}

void timesheet_trim(struct timesheet *sheet)
{
    shelf_trim(&sheet->shelf);
}

size_t timesheet_dirty_count(const struct timesheet *sheet)
{
    return sheet->shelf.dirty_count;
}
