/* What is happening now, for whoever watches: the document of /live. */
#include "agent/status/report_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { HINTS_MAX = 5 };

const struct live_queue *live_find(const struct live_work *work, const char *name)
{
    size_t low = 0;
    size_t high = work->queue_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, work->queues[middle].name);
        if (order == 0) {
            return &work->queues[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

const char *live_label(const struct live_queue *queue)
{
    return queue && queue->today && queue->today->settings.label[0] ? queue->today->settings.label : NULL;
}

int64_t live_since(const struct live_work *work, int64_t at_ms)
{
    int64_t now_ms = work->job->env->now_ms;
    return now_ms > at_ms ? now_ms - at_ms : 0;
}

bool live_is_member(const struct live_work *work, const struct board_operator *who)
{
    bool member = work->job->query->queue_count == 0;
    for (size_t i = 0; i < who->member_count && !member; i++) {
        member = live_find(work, who->members[i].queue) != NULL;
    }
    return member;
}

/* ---- which queues ---- */

static void add_queue(struct live_work *work, struct live_queue queue)
{
    if (query_wants_queue(work->job->query, slice_str(queue.name))) {
        work->queues[work->queue_count++] = queue;
    }
}

/* Those of the ledger and those of the board, both by name already. */
static int choose_queues(struct live_work *work)
{
    const struct report_cache *today = work->today;
    const struct board_copy *board = work->standing.board;
    size_t t = 0;
    size_t b = 0;
    work->queues = calloc(today->count + board->queue_count + 1, sizeof *work->queues);
    if (!work->queues) {
        return STATUS_NO_MEMORY;
    }
    while (t < today->count || b < board->queue_count) {
        int order = t == today->count         ? 1
                    : b == board->queue_count ? -1
                                              : strcmp(today->queues[t].name, board->queues[b].name);
        struct live_queue queue = {.name = order > 0 ? board->queues[b].name : today->queues[t].name};
        queue.today = order <= 0 ? &today->queues[t++] : NULL;
        queue.now = order >= 0 ? &board->queues[b++] : NULL;
        if (queue.name[0]) {
            add_queue(work, queue);
        }
    }
    return 0;
}

static int check_queues(const struct live_work *work)
{
    const struct query *query = work->job->query;
    for (size_t i = 0; i < query->queue_count; i++) {
        bool found = false;
        for (size_t q = 0; q < work->queue_count && !found; q++) {
            found = slice_is(query->queues[i], work->queues[q].name);
        }
        if (!found) {
            size_t len = query->queues[i].len < 80 ? query->queues[i].len : 80;
            (void)snprintf(work->job->why->text, sizeof work->job->why->text, "no queue '%.*s' is known here", (int)len,
                           query->queues[i].data);
            return STATUS_NOT_FOUND;
        }
    }
    return 0;
}

/* ---- head ---- */

static const char *source_state(const struct report_job *job)
{
    const struct health_source *source = report_source_find(job, true);
    const struct health_live *live = report_source_live(job);
    if (source && source->state[0]) {
        return source->state;
    }
    return !live ? NULL : live->connected ? "connected" : "waiting";
}

static void put_source(const struct live_work *work, struct json *out)
{
    const struct report_job *job = work->job;
    const struct board_copy *board = job->env->live;
    const struct health_source *log = report_source_find(job, false);
    struct json *source = json_put_map(out, "source");
    json_put_bool(source, "live", work->standing.live);
    json_put_str(source, "state", source_state(job));
    fields_time(source, "since", !board ? 0 : board->on ? board->on_since_ms : board->down_since_ms);
    json_put_str(source, "log_state", log && log->state[0] ? log->state : NULL);
}

static void put_health(const struct live_work *work, struct json *out)
{
    struct json *all = json_new_list();
    json_put_str(out, "health", report_hints(work->job, all));
    struct json *hints = json_put_list(out, "hints");
    for (size_t i = 0; i < json_count(all, "") && i < HINTS_MAX; i++) {
        json_add_text(hints, slice_str(json_text(json_item(all, i), "")));
    }
    json_free(all);
}

static void put_head(const struct live_work *work, struct json *out)
{
    const struct report_job *job = work->job;
    json_put_str(out, "version", RINGSIDE_VERSION);
    fields_time(out, "as_of", job->env->now_ms);
    json_put_int(out, "now_ms", job->env->now_ms);
    json_put_str(out, "zone", zone_name());
    fields_time(out, "today_from", work->today->day_s * 1000);
    json_put_int(out, "interval_s", job->facts.interval_s);
    put_health(work, out);
    put_source(work, out);
}

/* ---- figures ---- */

static void put_operator_count(struct json *map, const char *key, bool live, uint64_t count)
{
    if (live) {
        json_put_int(map, key, (int64_t)count);
    } else {
        json_put_null(map, key);
    }
}

/* Paused in every queue of his that was asked for. */
static bool is_paused(const struct live_work *work, const struct board_operator *who)
{
    bool paused = who->member_count > 0;
    for (size_t i = 0; i < who->member_count && paused; i++) {
        paused = who->members[i].paused || !live_find(work, who->members[i].queue);
    }
    return paused;
}

static void count_operators(const struct live_work *work, struct board_queue *sum)
{
    const struct board_copy *board = work->standing.board;
    for (size_t i = 0; i < board->operator_count; i++) {
        const struct board_operator *who = &board->operators[i];
        bool on_call = who->state == SHIFT_RING || who->state == SHIFT_TALK || who->state == SHIFT_HOLD;
        if (!live_is_member(work, who)) {
            continue;
        }
        sum->logged_in++;
        sum->on_call += on_call;
        sum->paused += !on_call && is_paused(work, who);
        sum->ready += who->state == SHIFT_READY && !is_paused(work, who);
    }
}

static void put_totals(const struct live_work *work, struct json *out)
{
    struct board_queue sum = {.waiting = 0};
    for (size_t i = 0; i < work->queue_count; i++) {
        const struct board_queue *now = work->queues[i].now;
        sum.waiting += now ? now->waiting : 0;
        sum.talking += now ? now->talking : 0;
        if (now && now->waiting && (sum.oldest_enter_ms == 0 || now->oldest_enter_ms < sum.oldest_enter_ms)) {
            sum.oldest_enter_ms = now->oldest_enter_ms;
        }
    }
    count_operators(work, &sum);
    bool live = work->standing.live;
    struct json *totals = json_put_map(out, "totals");
    json_put_int(totals, "waiting", sum.waiting);
    fields_span(totals, "longest_wait_ms", sum.waiting ? live_since(work, sum.oldest_enter_ms) : -1);
    json_put_int(totals, "talking", sum.talking);
    put_operator_count(totals, "logged_in", live, sum.logged_in);
    put_operator_count(totals, "ready", live, sum.ready);
    put_operator_count(totals, "paused", live, sum.paused);
    put_operator_count(totals, "on_call", live, sum.on_call);
}

static void put_trend(const struct live_work *work, struct json *row, const struct today_queue *today)
{
    static const struct today_point nothing;
    struct json *trend = json_put_list(row, "trend");
    for (int64_t i = 0; i < TODAY_POINTS; i++) {
        const struct today_point *point = today ? &today->points[i] : &nothing;
        struct json *at = json_add_map(trend);
        int64_t start_s = work->today->open_s - (TODAY_POINTS - 1 - i) * (int64_t)work->job->facts.interval_s;
        fields_time(at, "start", start_s * 1000);
        json_put_int(at, "entered", point->entered);
        json_put_int(at, "answered", point->answered);
        if (point->has_level) {
            fields_number(at, "service_level", point->level);
        } else {
            json_put_null(at, "service_level");
        }
    }
}

static void put_queue(const struct live_work *work, struct json *row, const struct live_queue *queue)
{
    static const struct board_queue nobody;
    static const struct summary nothing;
    const struct board_queue *now = queue->now ? queue->now : &nobody;
    const struct queue_settings defaults = fields_default_settings();
    int64_t waiting_ms = now->waiting ? live_since(work, now->oldest_enter_ms) : -1;
    bool live = work->standing.live;
    json_put_str(row, "queue", queue->name);
    json_put_str(row, "label", live_label(queue));
    json_put_int(row, "waiting", now->waiting);
    fields_span(row, "longest_wait_ms", waiting_ms);
    json_put_int(row, "talking", now->talking);
    json_put_int(row, "held", now->held);
    put_operator_count(row, "logged_in", live, now->logged_in);
    put_operator_count(row, "ready", live, now->ready);
    put_operator_count(row, "paused", live, now->paused);
    put_operator_count(row, "on_call", live, now->on_call);
    today_put(json_put_map(row, "today"), queue->today ? &queue->today->sum : &nothing,
              queue->today ? &queue->today->settings : &defaults, waiting_ms);
    put_trend(work, row, queue->today);
}

static int fill(struct live_work *work, struct json *out)
{
    int status = choose_queues(work);
    if (status == 0) {
        status = check_queues(work);
    }
    if (status != 0) {
        return status;
    }
    put_head(work, out);
    put_totals(work, out);
    struct json *rows = json_put_list(out, "queues");
    for (size_t i = 0; i < work->queue_count; i++) {
        put_queue(work, json_add_map(rows), &work->queues[i]);
    }
    status = live_put_callers(work, out);
    live_put_operators(work, out);
    live_put_events(work, out);
    return status;
}

int report_live(const struct report_job *job, struct json *out)
{
    struct report_cache own = {.valid = false};
    struct report_cache *today = job->env->cache ? job->env->cache : &own;
    struct live_work work = {.job = job, .today = today};
    work.hidden = ledger_view_operators(job->env->view) == LEDGER_OPERATORS_HIDDEN;
    int status = today_load(today, job);
    if (status == 0) {
        status = standing_load(&work.standing, job);
    }
    if (status == 0) {
        status = fill(&work, out);
    }
    standing_deinit(&work.standing);
    free(work.queues);
    today_deinit(&own);
    return status;
}
