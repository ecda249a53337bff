#include "agent/status/report_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/status/filter.h"
#include "agent/status/settings.h"
#include "agent/status/standing.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { RECENT_MS = 3600000 };

struct calls_work {
    const struct report_job *job;
    struct filter filter;
    struct json *open;
    uint64_t open_count;
    struct call_leg *recent; /* heap of the newest `room` closed legs, the oldest of them at the top */
    uint32_t room;
    uint32_t kept;
    uint64_t closed_count;
    bool hidden; /* operators are not to be named */
};

static void put_party(struct json *row, const struct calls_work *work, const struct call_leg *leg)
{
    char token[17];
    (void)snprintf(token, sizeof token, "%016" PRIx64, leg->caller);
    if (work->hidden) {
        json_put_null(row, "operator");
    } else {
        json_put_text(row, "operator", ledger_view_name(work->job->env->view, LEDGER_OPERATOR, leg->operator_id));
    }
    json_put_str(row, "caller", leg->caller ? token : NULL);
    if (leg->number_len > 0) {
        size_t len = leg->number_len < sizeof leg->number ? leg->number_len : sizeof leg->number;
        json_put_text(row, "number", slice_make(leg->number, len));
    } else {
        json_put_null(row, "number");
    }
    json_put_int(row, "contact", (int64_t)leg->contact);
    json_put_text(row, "call_id", slice_make(leg->call_id, leg->call_id_len));
}

static int64_t span_since(int64_t now_ms, int64_t since_ms)
{
    return now_ms > since_ms ? now_ms - since_ms : 0;
}

static int take_open(void *ctx, const struct call_leg *leg)
{
    struct calls_work *work = ctx;
    int64_t now_ms = work->job->env->now_ms;
    if (!filter_wants(&work->filter, leg->queue) || leg->state == LEG_DONE) {
        return 0;
    }
    if (++work->open_count > work->job->query->limit) {
        return 0;
    }
    bool answered = leg_is_talking(leg);
    int64_t held_ms = leg->hold_ms + (leg->state == LEG_HELD ? span_since(now_ms, leg->hold_since_ms) : 0);
    struct json *row = json_add_map(work->open);
    json_put_str(row, "state", leg_state_str(leg->state));
    settings_put_queue(row, work->job->env->view, leg->queue);
    fields_time(row, "entered", leg->enter_ms);
    fields_span(row, "wait_ms", answered ? leg->wait_ms : span_since(now_ms, leg->enter_ms));
    fields_span(row, "talk_ms", answered ? span_since(span_since(now_ms, leg->connect_ms), held_ms) : -1);
    fields_span(row, "hold_ms", answered ? held_ms : -1);
    json_put_int(row, "missed", leg->missed);
    put_party(row, work, leg);
    fields_span(row, "position", leg->position ? (int64_t)leg->position : -1);
    return 0;
}

/* ---- open ones from the board ----
 * What the ledger keeps of a call beside (missed rings, the caller's token, the contact) comes from its leg, where one
 * is open already. */

struct known_leg {
    char call_id[LEG_CALL_ID_MAX + 1];
    struct call_leg leg;
};

struct known_legs {
    struct known_leg *items;
    size_t count;
    size_t cap;
};

static int keep_leg(void *ctx, const struct call_leg *leg)
{
    struct known_legs *known = ctx;
    struct known_leg *items = grow_array(known->items, known->count, &known->cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    known->items = items;
    struct known_leg *item = &items[known->count++];
    *item = (struct known_leg){.leg = *leg};
    memcpy(item->call_id, leg->call_id, leg->call_id_len < sizeof item->call_id ? leg->call_id_len : LEG_CALL_ID_MAX);
    return 0;
}

static int compare_ids(const void *left, const void *right)
{
    return strcmp(((const struct known_leg *)left)->call_id, ((const struct known_leg *)right)->call_id);
}

/* The leg of this stay: the same call may have been in another queue before. */
static const struct call_leg *find_leg(const struct known_legs *known, const struct calls_work *work,
                                       const struct board_caller *caller)
{
    size_t low = 0;
    size_t high = known->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = strcmp(known->items[middle].call_id, caller->call_id) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    for (; low < known->count && strcmp(known->items[low].call_id, caller->call_id) == 0; low++) {
        const struct call_leg *leg = &known->items[low].leg;
        if (slice_is(ledger_view_name(work->job->env->view, LEDGER_QUEUE, leg->queue), caller->queue)) {
            return leg;
        }
    }
    return NULL;
}

static void put_live_party(struct json *row, const struct calls_work *work, const struct board_caller *caller,
                           const struct call_leg *leg)
{
    char token[17];
    (void)snprintf(token, sizeof token, "%016" PRIx64, leg ? leg->caller : 0);
    json_put_str(row, "operator", work->hidden ? NULL : caller->operator_name);
    json_put_str(row, "caller", leg && leg->caller ? token : NULL);
    json_put_str(row, "number", caller->number[0] ? caller->number : NULL);
    json_put_int(row, "contact", leg ? (int64_t)leg->contact : 0);
    json_put_str(row, "call_id", caller->call_id);
}

static void put_live_call(struct json *row, const struct calls_work *work, const struct board_caller *caller,
                          const struct call_leg *leg)
{
    int64_t now_ms = work->job->env->now_ms;
    bool talks = caller->connect_ms != 0;
    int64_t held_ms = (leg ? leg->hold_ms : 0) + (caller->hold_ms ? span_since(now_ms, caller->hold_ms) : 0);
    json_put_str(row, "state",
                 talks             ? caller->hold_ms ? "held" : "connected"
                 : caller->ringing ? "ringing"
                                   : "waiting");
    json_put_str(row, "queue", caller->queue);
    if (leg) {
        settings_put_label(row, work->job->env->view, leg->queue);
    }
    fields_time(row, "entered", caller->enter_ms);
    fields_span(row, "wait_ms", span_since(talks ? caller->connect_ms : now_ms, caller->enter_ms));
    fields_span(row, "talk_ms", talks ? span_since(span_since(now_ms, caller->connect_ms), held_ms) : -1);
    fields_span(row, "hold_ms", talks ? held_ms : -1);
    json_put_int(row, "missed", leg ? leg->missed : 0);
    put_live_party(row, work, caller, leg);
    fields_span(row, "position", caller->position ? (int64_t)caller->position : -1);
}

static int compare_entered(const void *left, const void *right)
{
    const struct board_caller *a = *(const struct board_caller *const *)left;
    const struct board_caller *b = *(const struct board_caller *const *)right;
    int order = (a->enter_ms > b->enter_ms) - (a->enter_ms < b->enter_ms);
    return order != 0 ? order : strcmp(a->call_id, b->call_id);
}

static int take_callers(struct calls_work *work, const struct known_legs *known)
{
    const struct board_copy *board = work->job->env->live;
    const struct board_caller **callers = calloc(board->caller_count + 1, sizeof *callers);
    if (!callers) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < board->caller_count; i++) {
        if (query_wants_queue(work->job->query, slice_str(board->callers[i].queue))) {
            callers[work->open_count++] = &board->callers[i];
        }
    }
    qsort(callers, work->open_count, sizeof(const struct board_caller *), compare_entered);
    for (size_t i = 0; i < work->open_count && i < work->job->query->limit; i++) {
        put_live_call(json_add_map(work->open), work, callers[i], find_leg(known, work, callers[i]));
    }
    free(callers);
    return 0;
}

static int take_board(struct calls_work *work)
{
    struct known_legs known = {NULL, 0, 0};
    int status = ledger_view_open_legs(work->job->env->view, keep_leg, &known, NULL);
    if (status == 0 && known.count > 0) {
        qsort(known.items, known.count, sizeof *known.items, compare_ids);
    }
    if (status == 0) {
        status = take_callers(work, &known);
    }
    free(known.items);
    return status;
}

static bool ended_before(const struct call_leg *a, const struct call_leg *b)
{
    return a->end_ms != b->end_ms ? a->end_ms < b->end_ms : a->seq < b->seq;
}

static void swap_legs(struct call_leg *a, struct call_leg *b)
{
    struct call_leg keep = *a;
    *a = *b;
    *b = keep;
}

static void sift_down(struct call_leg *heap, uint32_t count, uint32_t at)
{
    for (;;) {
        uint32_t oldest = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            oldest = ended_before(&heap[child], &heap[oldest]) ? child : oldest;
        }
        if (oldest == at) {
            return;
        }
        swap_legs(&heap[at], &heap[oldest]);
        at = oldest;
    }
}

static void sift_up(struct call_leg *heap, uint32_t at)
{
    while (at > 0 && ended_before(&heap[at], &heap[(at - 1) / 2])) {
        swap_legs(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

/* Legs come in the order in which they closed, which is not always that of their ends. */
static int take_closed(void *ctx, const struct call_leg *leg)
{
    struct calls_work *work = ctx;
    if (!filter_wants(&work->filter, leg->queue)) {
        return 0;
    }
    work->closed_count++;
    if (work->kept < work->room) {
        work->recent[work->kept] = *leg;
        sift_up(work->recent, work->kept++);
    } else if (ended_before(&work->recent[0], leg)) {
        work->recent[0] = *leg;
        sift_down(work->recent, work->kept, 0);
    }
    return 0;
}

/* Newest first: the rest of a heap sort whose heap has the oldest at its top. */
static void sort_recent(struct calls_work *work)
{
    for (uint32_t count = work->kept; count > 1; count--) {
        swap_legs(&work->recent[0], &work->recent[count - 1]);
        sift_down(work->recent, count - 1, 0);
    }
}

static void put_closed(struct json *rows, const struct calls_work *work, const struct call_leg *leg)
{
    bool answered = leg->connect_ms != 0;
    struct json *row = json_add_map(rows);
    json_put_str(row, "outcome", leg_outcome_str(leg->outcome));
    settings_put_queue(row, work->job->env->view, leg->queue);
    fields_time(row, "entered", leg->enter_ms);
    fields_time(row, "ended", leg->end_ms);
    fields_span(row, "wait_ms", leg->flags & LEG_FLAG_SUSPECT_WAIT ? -1 : leg->wait_ms);
    bool talked = answered && leg->outcome != LEG_LOST_CONNECTED && !(leg->flags & LEG_FLAG_SUSPECT_TALK);
    fields_span(row, "talk_ms", talked ? leg->talk_ms : -1);
    fields_span(row, "hold_ms", talked ? leg->hold_ms : -1);
    fields_span(row, "ring_ms", answered ? leg->ring_ms : -1);
    json_put_int(row, "missed", leg->missed);
    put_party(row, work, leg);
    json_put_bool(row, "transferred_in", leg->flags & LEG_FLAG_TRANSFERRED_IN);
    json_put_bool(row, "suspect", leg->flags & (LEG_FLAG_SUSPECT_WAIT | LEG_FLAG_SUSPECT_TALK));
}

static int fill(struct calls_work *work, struct json *out)
{
    const struct query *query = work->job->query;
    struct ledger_view *view = work->job->env->view;
    int64_t to_ms = query->has_to ? query->to_ms : work->job->env->now_ms + 1;
    int64_t from_ms = query->has_from ? query->from_ms : to_ms - RECENT_MS;
    uint64_t bad = 0;
    fields_time(out, "as_of", work->job->env->now_ms);
    json_put_str(out, "zone", zone_name());
    fields_time(out, "from", from_ms);
    fields_time(out, "to", to_ms);
    json_put_bool(out, "live", standing_is_live(work->job));
    work->open = json_put_list(out, "open");
    bool live = standing_is_live(work->job);
    int status = live ? take_board(work) : ledger_view_open_legs(view, take_open, work, &bad);
    if (status == 0) {
        status = ledger_view_closed_legs(view, from_ms, to_ms, take_closed, work, &bad);
    }
    if (status == 0) {
        status = filter_check(&work->filter, work->job->why);
    }
    struct json *rows = json_put_list(out, "closed");
    sort_recent(work);
    for (uint32_t i = 0; status == 0 && i < work->kept; i++) {
        put_closed(rows, work, &work->recent[i]);
    }
    json_put_int(out, "open_count", (int64_t)work->open_count);
    json_put_int(out, "closed_count", (int64_t)work->closed_count);
    json_put_bool(out, "truncated", work->closed_count > work->room || work->open_count > query->limit);
    json_put_int(out, "bad_records", (int64_t)bad);
    return status;
}

int report_calls(const struct report_job *job, struct json *out)
{
    struct calls_work work = {.job = job, .room = job->query->limit};
    work.hidden = ledger_view_operators(job->env->view) == LEDGER_OPERATORS_HIDDEN;
    work.recent = calloc(work.room, sizeof *work.recent);
    if (!work.recent) {
        return STATUS_NO_MEMORY;
    }
    filter_init(&work.filter, job->query, job->env->view);
    int status = fill(&work, out);
    filter_deinit(&work.filter);
    free(work.recent);
    return status;
}
