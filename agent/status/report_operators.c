/* Operators: how they stand now, and what they did today or in the span asked for.
 *
 * answered, talk_ms, hold_ms and aht_ms are those of calls: each counts whole where it was answered or ended. All times
 * beside them are parts of the operator's day, cut at the edges of the span, so that they add up to logged_in_ms:
 * talk_time_ms and hold_time_ms differ from talk_ms and hold_ms by the calls that go over an edge or go on. */
#include <stdlib.h>
#include <string.h>

#include "agent/status/gaps.h"
#include "agent/status/operators.h"
#include "agent/status/settings.h"
#include "agent/status/standing.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

struct operators_work {
    const struct report_job *job;
    struct operators operators;
    struct gaps gaps;
    bool live; /* how they stand is known from the board, and asked for */
};

/* ---- how he stands ---- */

static int64_t since(const struct operators_work *work, int64_t at_ms)
{
    int64_t now_ms = work->job->env->now_ms;
    return now_ms > at_ms ? now_ms - at_ms : 0;
}

static void put_queue_name(struct json *row, const struct operators_work *work, const char *name)
{
    struct ledger_view *view = work->job->env->view;
    json_put_str(row, "queue", name[0] ? name : NULL);
    for (uint32_t id = 1; name[0] && id < 1 << 16; id++) {
        struct slice known = ledger_view_name(view, LEDGER_QUEUE, id);
        if (known.len == 0) {
            return;
        }
        if (slice_is(known, name)) {
            settings_put_label(row, view, id);
            return;
        }
    }
}

static const char *state_word(enum shift_state state)
{
    return state == SHIFT_TALK ? "connected" : state == SHIFT_HOLD ? "held" : shift_state_names[state];
}

static void put_live_standing(struct json *row, const struct operators_work *work, const struct operator_row *from)
{
    const struct board_copy *board = work->job->env->live;
    const struct board_operator *who = standing_operator(board, from->name);
    if (!who) {
        json_put_str(row, "state", shift_state_names[SHIFT_OFF]);
        json_put_null(row, "queue");
        json_put_null(row, "on_call_ms");
        json_put_null(row, "state_ms");
        json_put_null(row, "reason");
        return;
    }
    bool on_call = who->state == SHIFT_TALK || who->state == SHIFT_HOLD;
    const struct board_caller *caller = on_call ? standing_talk(board, who->name) : NULL;
    json_put_str(row, "state", state_word(who->state));
    put_queue_name(row, work, who->queue);
    fields_span(row, "on_call_ms", on_call ? since(work, caller ? caller->connect_ms : who->since_ms) : -1);
    json_put_int(row, "state_ms", since(work, who->since_ms));
    json_put_str(row, "reason", who->reason[0] ? who->reason : NULL);
}

static void put_standing(struct json *row, const struct operators_work *work, const struct operator_row *from)
{
    const struct call_leg *leg = from->open;
    if (work->live) {
        put_live_standing(row, work, from);
        return;
    }
    json_put_str(row, "state", !leg ? NULL : leg->state == LEG_HELD ? "held" : "connected");
    if (leg) {
        settings_put_queue(row, work->job->env->view, leg->queue);
    } else {
        json_put_null(row, "queue");
    }
    fields_span(row, "on_call_ms", leg ? since(work, leg->connect_ms) : -1);
    json_put_null(row, "state_ms");
    json_put_null(row, "reason");
}

/* ---- what he did ---- */

static void put_calls(struct json *row, const struct operator_row *from)
{
    json_put_int(row, "answered", (int64_t)from->answered);
    json_put_int(row, "talk_ms", (int64_t)from->talk_ms);
    json_put_int(row, "hold_ms", (int64_t)from->hold_ms);
    if (from->ended > 0) {
        fields_number(row, "aht_ms", (double)(from->talk_ms + from->hold_ms) / (double)from->ended);
    } else {
        json_put_null(row, "aht_ms");
    }
}

static uint64_t count_of(const struct shift *shift, enum shift_count count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < shift->queue_count; i++) {
        sum += shift->queues[i].count[count];
    }
    return sum;
}

/* A time or number that is there only where a live source told of it. */
static void put_told(struct json *row, const char *key, bool told, uint64_t value)
{
    fields_span(row, key, told ? (int64_t)value : -1);
}

static void put_reasons(struct json *row, const struct operators_work *work, const struct shift *shift)
{
    struct json *reasons = json_put_list(row, "paused_reasons");
    for (size_t i = 0; i < shift->reason_count; i++) {
        struct slice name = ledger_view_name(work->job->env->view, LEDGER_REASON, shift->reasons[i].reason);
        struct json *reason = json_add_map(reasons);
        if (name.len > 0) {
            json_put_text(reason, "reason", name);
        } else {
            json_put_null(reason, "reason");
        }
        json_put_int(reason, "ms", (int64_t)shift->reasons[i].paused_ms);
    }
}

static void put_queues(struct json *row, const struct operators_work *work, const struct shift *shift)
{
    struct json *queues = json_put_list(row, "queues");
    for (size_t i = 0; i < shift->queue_count; i++) {
        const struct shift_queue *from = &shift->queues[i];
        struct json *queue = json_add_map(queues);
        settings_put_queue(queue, work->job->env->view, from->queue);
        json_put_int(queue, "logged_in_ms", (int64_t)from->logged_in_ms);
        json_put_int(queue, "paused_ms", (int64_t)from->paused_ms);
        json_put_int(queue, "answered", from->count[SHIFT_ANSWERED]);
        json_put_int(queue, "missed", from->count[SHIFT_MISSED]);
        json_put_int(queue, "talk_ms", (int64_t)from->talk_ms);
        json_put_int(queue, "hold_ms", (int64_t)from->hold_ms);
        json_put_int(queue, "ring_ms", (int64_t)from->ring_ms);
    }
}

static void put_shift(struct json *row, const struct operators_work *work, const struct shift *shift)
{
    bool told = work->operators.has_shifts;
    double occupancy = 0;
    put_told(row, "logged_in_ms", told, shift_logged_in_ms(shift));
    put_told(row, "ready_ms", told, shift->state_ms[SHIFT_READY]);
    put_told(row, "ring_ms", told, shift->state_ms[SHIFT_RING]);
    put_told(row, "talk_time_ms", told, shift->state_ms[SHIFT_TALK]);
    put_told(row, "hold_time_ms", told, shift->state_ms[SHIFT_HOLD]);
    put_told(row, "wrap_ms", told, shift->state_ms[SHIFT_WRAP]);
    put_told(row, "wrap_by_reason_ms", told, shift->wrap_by_reason_ms);
    put_told(row, "paused_ms", told, shift->state_ms[SHIFT_PAUSED]);
    put_told(row, "busy_ms", told, shift->state_ms[SHIFT_BUSY]);
    put_told(row, "unavailable_ms", told, shift->state_ms[SHIFT_UNAVAILABLE]);
    if (told && shift_occupancy(shift, &occupancy)) {
        fields_number(row, "occupancy", occupancy);
    } else {
        json_put_null(row, "occupancy");
    }
    put_told(row, "missed", told, count_of(shift, SHIFT_MISSED));
    if (told) {
        put_reasons(row, work, shift);
        put_queues(row, work, shift);
    } else {
        json_put_null(row, "paused_reasons");
        json_put_null(row, "queues");
    }
}

/* By queue: being logged in and paused are counted for each queue on its own, and the states in no call are of none. */
static void put_shift_of_queue(struct json *row, const struct operators_work *work, const struct shift *shift)
{
    static const struct shift_queue nothing;
    bool told = work->operators.has_shifts;
    const struct shift_queue *queue = shift->queue_count ? &shift->queues[0] : &nothing;
    put_told(row, "logged_in_ms", told, queue->logged_in_ms);
    put_told(row, "ring_ms", told, queue->ring_ms);
    put_told(row, "talk_time_ms", told, queue->talk_ms);
    put_told(row, "hold_time_ms", told, queue->hold_ms);
    put_told(row, "paused_ms", told, queue->paused_ms);
    put_told(row, "missed", told, queue->count[SHIFT_MISSED]);
}

static void put_row(struct json *rows, const struct operators_work *work, const struct operator_row *from)
{
    const struct operators *operators = &work->operators;
    int64_t end_s = operators->to_s;
    int64_t now_s = work->job->env->now_ms / 1000 + 1;
    struct json *row = json_add_map(rows);
    json_put_text(row, "operator", from->name);
    if (operators->by_time) {
        fields_time(row, "start", from->start_s * 1000);
    }
    if (operators->by_queue) {
        settings_put_queue(row, work->job->env->view, from->queue);
    } else {
        put_standing(row, work, from);
    }
    put_calls(row, from);
    if (operators->by_queue) {
        put_shift_of_queue(row, work, &from->shift);
    } else {
        put_shift(row, work, &from->shift);
    }
    end_s = operators->by_time ? from->end_s : end_s < now_s ? end_s : now_s;
    json_put_bool(row, "complete",
                  !gaps_live(&work->gaps, operators->by_time ? from->start_s : operators->from_s, end_s));
}

/* ---- all ---- */

/* Those who are logged in, but did nothing yet that was committed. */
static int take_new(struct operators_work *work)
{
    const struct board_copy *board = work->job->env->live;
    size_t known = work->operators.count;
    int status = 0;
    bool *listed = calloc(board->operator_count + 1, sizeof *listed);
    if (!listed) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < known; i++) {
        const struct board_operator *who = standing_operator(board, work->operators.rows[i].name);
        if (who) {
            listed[who - board->operators] = true;
        }
    }
    for (size_t i = 0; status == 0 && i < board->operator_count; i++) {
        if (!listed[i]) {
            status = operators_add_unknown(&work->operators, slice_str(board->operators[i].name));
        }
    }
    free(listed);
    return status;
}

static void put_head(struct json *out, const struct operators_work *work, bool hidden)
{
    static const char *const grains[] = {
        [QUERY_WHOLE] = "", [QUERY_BY_DAY] = ",day", [QUERY_BY_HOUR] = ",hour", [QUERY_BY_INTERVAL] = ",interval"};
    const struct query *query = work->job->query;
    const struct operators *operators = &work->operators;
    char by[48] = "operator";
    (void)strcat(by, query->by_queue ? ",queue" : "");
    (void)strcat(by, grains[query->grain]);
    fields_time(out, "as_of", work->job->env->now_ms);
    json_put_str(out, "zone", zone_name());
    if (query->has_from || query->has_to) {
        fields_time(out, "from", operators->from_s * 1000);
        fields_time(out, "to", query->has_to ? operators->to_s * 1000 : 0);
    } else {
        fields_time(out, "today_from", operators->from_s * 1000);
    }
    json_put_str(out, "by", by);
    json_put_bool(out, "live", work->live);
    json_put_bool(out, "hidden", hidden);
}

static int fill(struct operators_work *work, struct json *out)
{
    const struct report_job *job = work->job;
    bool hidden = ledger_view_operators(job->env->view) == LEDGER_OPERATORS_HIDDEN;
    int status = operators_gather(&work->operators, job);
    if (status != 0) {
        return status;
    }
    int64_t now_s = job->env->now_ms / 1000;
    work->live = standing_is_live(job) && !work->operators.by_time && !work->operators.by_queue &&
                 now_s >= work->operators.from_s && now_s < work->operators.to_s;
    if (work->live) {
        status = take_new(work);
    }
    if (status == 0) {
        status = gaps_load(&work->gaps, job->env->view, work->operators.from_s, work->operators.to_s);
    }
    if (status != 0) {
        return status;
    }
    operators_sort(&work->operators);
    put_head(out, work, hidden);
    struct json *rows = json_put_list(out, "operators");
    for (size_t i = 0; i < work->operators.count && !hidden; i++) {
        put_row(rows, work, &work->operators.rows[i]);
    }
    return 0;
}

int report_operators(const struct report_job *job, struct json *out)
{
    struct operators_work work = {.job = job};
    int status = fill(&work, out);
    operators_deinit(&work.operators);
    gaps_deinit(&work.gaps);
    return status;
}
