#include "agent/status/operators.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/status/groups.h"
#include "platform/base/grow.h"
#include "platform/base/hash.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

enum { ROWS_MAX = 100000, SLOTS_AT_FIRST = 256, AHEAD_S = 86400 };

void operators_deinit(struct operators *operators)
{
    for (size_t i = 0; i < operators->count; i++) {
        shift_deinit(&operators->rows[i].shift);
    }
    free(operators->rows);
    free(operators->slots);
    free(operators->open);
    *operators = (struct operators){.job = NULL};
}

/* ---- rows ---- */

static uint32_t *slot_of(const struct operators *operators, uint32_t id, uint32_t queue, int64_t start_s)
{
    const uint64_t key[2] = {(uint64_t)id << 32 | queue, (uint64_t)start_s};
    uint32_t at = (uint32_t)hash_bytes(key, sizeof key, 0) & operators->mask;
    for (;; at = (at + 1) & operators->mask) {
        uint32_t index = operators->slots[at];
        const struct operator_row *row = index ? &operators->rows[index - 1] : NULL;
        if (!row || (row->id == id && row->queue == queue && row->start_s == start_s)) {
            return &operators->slots[at];
        }
    }
}

static int make_room(struct operators *operators)
{
    const struct report_job *job = operators->job;
    uint32_t limit = job->env->row_limit ? job->env->row_limit : ROWS_MAX;
    if (operators->count >= limit) {
        (void)snprintf(job->why->text, sizeof job->why->text,
                       "more than %" PRIu32 " rows: ask for a shorter span or coarser rows, or read the ledger itself",
                       limit);
        return STATUS_FULL;
    }
    struct operator_row *rows = grow_array(operators->rows, operators->count, &operators->cap, sizeof *rows);
    if (!rows) {
        return STATUS_NO_MEMORY;
    }
    operators->rows = rows;
    if (operators->slots && operators->count * 2 < operators->mask) {
        return 0;
    }
    uint32_t mask = operators->slots ? operators->mask * 2 + 1 : SLOTS_AT_FIRST - 1;
    uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (!slots) {
        return STATUS_NO_MEMORY;
    }
    free(operators->slots);
    operators->slots = slots;
    operators->mask = mask;
    for (uint32_t i = 0; i < operators->count; i++) {
        *slot_of(operators, rows[i].id, rows[i].queue, rows[i].start_s) = i + 1;
    }
    return 0;
}

/* The row of the span that holds at_s, new or not; valid until the next. */
static int find_row(struct operators *operators, uint32_t id, uint32_t queue, int64_t at_s, struct operator_row **out)
{
    int64_t start_s;
    int64_t end_s;
    groups_span(operators->job->query->grain, operators->job->facts.interval_s, at_s, &start_s, &end_s);
    queue = operators->by_queue ? queue : 0;
    int status = make_room(operators);
    if (status != 0) {
        return status;
    }
    uint32_t *slot = slot_of(operators, id, queue, start_s);
    if (*slot == 0) {
        operators->rows[operators->count++] =
            (struct operator_row){.id = id,
                                  .queue = queue,
                                  .start_s = start_s,
                                  .end_s = end_s,
                                  .name = ledger_view_name(operators->job->env->view, LEDGER_OPERATOR, id)};
        *slot = (uint32_t)operators->count;
    }
    *out = &operators->rows[*slot - 1];
    return 0;
}

int operators_add_unknown(struct operators *operators, struct slice name)
{
    int status = make_room(operators);
    if (status == 0) {
        operators->rows[operators->count++] = (struct operator_row){.end_s = INT64_MAX, .name = name};
    }
    return status;
}

static int compare_names(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_rows(const void *left, const void *right)
{
    const struct operator_row *a = left;
    const struct operator_row *b = right;
    if (a->start_s != b->start_s) {
        return a->start_s < b->start_s ? -1 : 1;
    }
    int order = compare_names(a->name, b->name);
    return order != 0 ? order : (a->queue > b->queue) - (a->queue < b->queue);
}

void operators_sort(struct operators *operators)
{
    if (operators->count > 0) {
        qsort(operators->rows, operators->count, sizeof *operators->rows, compare_rows);
    }
}

/* ---- legs ---- */

static bool is_within(const struct operators *operators, int64_t at_ms)
{
    return at_ms >= operators->from_s * 1000 && at_ms < operators->to_s * 1000;
}

static int take_answer(struct operators *operators, const struct call_leg *leg)
{
    struct operator_row *row;
    if (!is_within(operators, leg->connect_ms)) {
        return 0;
    }
    int status = find_row(operators, leg->operator_id, leg->queue, leg->connect_ms / 1000, &row);
    if (status == 0) {
        row->answered++;
    }
    return status;
}

static int take_closed(void *ctx, const struct call_leg *leg)
{
    struct operators *operators = ctx;
    struct operator_row *row;
    if (leg->operator_id == 0 || leg->connect_ms == 0) {
        return 0;
    }
    int status = take_answer(operators, leg);
    bool known = leg->outcome != LEG_LOST_CONNECTED && !(leg->flags & LEG_FLAG_SUSPECT_TALK);
    if (status != 0 || !known || !is_within(operators, leg->end_ms)) {
        return status;
    }
    status = find_row(operators, leg->operator_id, leg->queue, leg->end_ms / 1000, &row);
    if (status == 0) {
        row->ended++;
        row->talk_ms += (uint64_t)(leg->talk_ms > 0 ? leg->talk_ms : 0);
        row->hold_ms += (uint64_t)(leg->hold_ms > 0 ? leg->hold_ms : 0);
    }
    return status;
}

static int keep_open(void *ctx, const struct call_leg *leg)
{
    struct operators *operators = ctx;
    if (leg->operator_id == 0 || !leg_is_talking(leg)) {
        return 0;
    }
    struct call_leg *open = grow_array(operators->open, operators->open_count, &operators->open_cap, sizeof *open);
    if (!open) {
        return STATUS_NO_MEMORY;
    }
    operators->open = open;
    open[operators->open_count++] = *leg;
    return 0;
}

static int take_open(struct operators *operators)
{
    int status = ledger_view_open_legs(operators->job->env->view, keep_open, operators, NULL);
    int64_t now_s = operators->job->env->now_ms / 1000;
    bool now_too = !operators->by_time && now_s >= operators->from_s && now_s < operators->to_s;
    for (size_t i = 0; status == 0 && i < operators->open_count; i++) {
        struct operator_row *row;
        const struct call_leg *leg = &operators->open[i];
        status = take_answer(operators, leg);
        if (status == 0 && now_too) {
            status = find_row(operators, leg->operator_id, leg->queue, now_s, &row);
            if (status == 0) {
                row->open = leg;
            }
        }
    }
    return status;
}

/* ---- shifts ---- */

static int take_shift_queue(struct operators *operators, const struct ledger_shift *item,
                            const struct shift_queue *from)
{
    struct operator_row *row;
    int status = find_row(operators, item->operator_id, from->queue, item->start_s, &row);
    if (status != 0) {
        return status;
    }
    struct shift one = {.queues = (struct shift_queue *)from, .queue_count = 1};
    return shift_merge(&row->shift, &one);
}

static int take_shift(void *ctx, const struct ledger_shift *item)
{
    struct operators *operators = ctx;
    struct operator_row *row;
    int status = 0;
    operators->has_shifts = true;
    for (size_t i = 0; operators->by_queue && status == 0 && i < item->shift->queue_count; i++) {
        status = take_shift_queue(operators, item, &item->shift->queues[i]);
    }
    if (operators->by_queue) {
        return status;
    }
    status = find_row(operators, item->operator_id, 0, item->start_s, &row);
    return status == 0 ? shift_merge(&row->shift, item->shift) : status;
}

/* ---- span ---- */

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

/* What was asked for, widened outward to whole intervals; else today. */
static void choose_span(struct operators *operators)
{
    const struct query *query = operators->job->query;
    int64_t step_ms = (int64_t)operators->job->facts.interval_s * 1000;
    int64_t now_s = operators->job->env->now_ms / 1000;
    operators->from_s = query->has_from ? floor_to(query->from_ms, step_ms) / 1000
                                        : zone_local_day_start(query->has_to ? query->to_ms / 1000 - 1 : now_s);
    operators->to_s = query->has_to ? floor_to(query->to_ms + step_ms - 1, step_ms) / 1000 : now_s + AHEAD_S;
}

int operators_gather(struct operators *operators, const struct report_job *job)
{
    *operators = (struct operators){.job = job};
    operators->by_time = job->query->grain != QUERY_WHOLE;
    operators->by_queue = job->query->by_queue;
    if (job->facts.interval_s == 0) {
        return STATUS_CORRUPT;
    }
    choose_span(operators);
    int64_t interval_s = job->facts.interval_s;
    /* Who answered within the span may have ended after it; nobody talks for more than a day. */
    int status = ledger_view_closed_legs(job->env->view, operators->from_s * 1000, (operators->to_s + AHEAD_S) * 1000,
                                         take_closed, operators, NULL);
    if (status == 0) {
        status = take_open(operators);
    }
    if (status == 0) { /* also the interval that a day of an odd zone begins in */
        status = ledger_view_shifts(job->env->view, floor_to(operators->from_s, interval_s), operators->to_s,
                                    take_shift, operators, NULL);
    }
    return status;
}
