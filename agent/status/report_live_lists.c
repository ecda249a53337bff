/* The lists of /live: callers, operators, and what happened last. */
#include <stdlib.h>
#include <string.h>

#include "agent/status/report_live.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

enum { EVENTS_SHOWN = 30 };

static void put_name(struct json *row, const struct live_work *work, const char *name)
{
    json_put_str(row, "operator", name[0] && !work->hidden ? name : NULL);
}

/* ---- callers ---- */

/* Who waits longest first, then conversations, the longest first as well. */
static int compare_callers(const void *left, const void *right)
{
    const struct board_caller *a = *(const struct board_caller *const *)left;
    const struct board_caller *b = *(const struct board_caller *const *)right;
    if ((a->connect_ms == 0) != (b->connect_ms == 0)) {
        return a->connect_ms == 0 ? -1 : 1;
    }
    int64_t from_a = a->connect_ms ? a->connect_ms : a->enter_ms;
    int64_t from_b = b->connect_ms ? b->connect_ms : b->enter_ms;
    int order = (from_a > from_b) - (from_a < from_b);
    return order != 0 ? order : strcmp(a->call_id, b->call_id);
}

static const char *caller_state(const struct board_caller *caller)
{
    if (caller->connect_ms == 0) {
        return caller->ringing ? "ringing" : "waiting";
    }
    return caller->hold_ms ? "held" : "connected";
}

static void put_caller(struct json *row, const struct live_work *work, const struct board_caller *caller)
{
    int64_t waited_ms = caller->connect_ms - caller->enter_ms;
    json_put_str(row, "queue", caller->queue);
    json_put_str(row, "label", live_label(live_find(work, caller->queue)));
    if (caller->position) {
        json_put_int(row, "position", caller->position);
    } else {
        json_put_null(row, "position");
    }
    json_put_str(row, "state", caller_state(caller));
    json_put_int(row, "wait_ms",
                 caller->connect_ms == 0 ? live_since(work, caller->enter_ms)
                 : waited_ms > 0         ? waited_ms
                                         : 0);
    fields_span(row, "on_call_ms", caller->connect_ms ? live_since(work, caller->connect_ms) : -1);
    put_name(row, work, caller->operator_name);
    json_put_str(row, "caller", caller->number[0] ? caller->number : NULL);
}

int live_put_callers(const struct live_work *work, struct json *out)
{
    const struct board_copy *board = work->standing.board;
    const struct board_caller **chosen = calloc(board->caller_count + 1, sizeof *chosen);
    if (!chosen) {
        return STATUS_NO_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < board->caller_count; i++) {
        if (work->job->query->queue_count == 0 || live_find(work, board->callers[i].queue)) {
            chosen[count++] = &board->callers[i];
        }
    }
    qsort(chosen, count, sizeof(const struct board_caller *), compare_callers);
    size_t shown = count < work->job->query->limit ? count : work->job->query->limit;
    struct json *rows = json_put_list(out, "callers");
    for (size_t i = 0; i < shown; i++) {
        put_caller(json_add_map(rows), work, chosen[i]);
    }
    json_put_int(out, "callers_left_out", (int64_t)(count - shown));
    free(chosen);
    return 0;
}

/* ---- operators ---- */

static void put_queues(struct json *row, const struct board_operator *who)
{
    struct json *queues = json_put_list(row, "queues");
    struct json *paused = json_put_list(row, "paused_in");
    for (size_t i = 0; i < who->member_count; i++) {
        json_add_text(queues, slice_str(who->members[i].queue));
        if (who->members[i].paused) {
            json_add_text(paused, slice_str(who->members[i].queue));
        }
    }
}

static void put_operator(struct json *row, const struct live_work *work, const struct board_operator *who)
{
    json_put_str(row, "operator", who->name);
    json_put_str(row, "state", shift_state_names[who->state]);
    json_put_int(row, "since_ms", live_since(work, who->since_ms));
    json_put_str(row, "reason", who->reason[0] ? who->reason : NULL);
    json_put_str(row, "queue", who->queue[0] ? who->queue : NULL);
    fields_span(row, "logged_in_ms", who->login_ms ? live_since(work, who->login_ms) : -1);
    put_queues(row, who);
}

void live_put_operators(const struct live_work *work, struct json *out)
{
    const struct board_copy *board = work->standing.board;
    struct json *rows = json_put_list(out, "operators");
    size_t count = 0;
    for (size_t i = 0; i < board->operator_count && !work->hidden; i++) {
        if (live_is_member(work, &board->operators[i]) && ++count <= work->job->query->limit) {
            put_operator(json_add_map(rows), work, &board->operators[i]);
        }
    }
    size_t limit = work->job->query->limit;
    json_put_int(out, "operators_left_out", (int64_t)(count > limit ? count - limit : 0));
}

/* ---- events ---- */

/* Where operators are not to be known, what they alone did is not told either. */
static bool is_of_operator(const struct board_event *event)
{
    return event->kind == EVENT_PAUSE || event->kind == EVENT_UNPAUSE || event->kind == EVENT_LOGIN ||
           event->kind == EVENT_LOGOFF || event->kind == EVENT_MEMBER_REMOVE;
}

static bool wants_event(const struct live_work *work, const struct board_event *event)
{
    if (work->hidden && is_of_operator(event)) {
        return false;
    }
    if (work->job->query->queue_count == 0) {
        return true;
    }
    if (event->queue[0]) {
        return live_find(work, event->queue) != NULL;
    }
    if (!event->operator_name[0]) {
        return true; /* of all queues */
    }
    const struct board_operator *who = standing_operator(work->standing.board, slice_str(event->operator_name));
    return who && live_is_member(work, who);
}

static void put_event(struct json *row, const struct live_work *work, const struct board_event *event)
{
    fields_time(row, "at", event->at_ms);
    json_put_int(row, "ago_ms", live_since(work, event->at_ms));
    json_put_str(row, "kind", event_kind_str(event->kind));
    json_put_str(row, "queue", event->queue[0] ? event->queue : NULL);
    put_name(row, work, event->operator_name);
    json_put_str(row, "text", event->text[0] ? event->text : NULL);
    fields_span(row, "wait_ms", event->wait_ms);
    fields_span(row, "talk_ms", event->talk_ms);
}

/* Those of the board even when it is off: they tell since when, and what was last seen. */
void live_put_events(const struct live_work *work, struct json *out)
{
    const struct board_copy *board = work->job->env->live;
    struct json *rows = json_put_list(out, "events");
    size_t shown = 0;
    for (size_t i = 0; board && i < board->event_count && shown < EVENTS_SHOWN; i++) {
        if (wants_event(work, &board->events[i])) {
            put_event(json_add_map(rows), work, &board->events[i]);
            shown++;
        }
    }
}
