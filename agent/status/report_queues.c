#include "agent/status/report_parts.h"

#include <stdlib.h>
#include <string.h>

#include "agent/status/filter.h"
#include "agent/status/groups.h"
#include "agent/status/settings.h"
#include "agent/status/standing.h"
#include "agent/status/today.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { QUEUES_MAX = 1 << 16, HOUR_MS = 3600000 };

struct row {
    uint32_t queue; /* 0: only the board knows it so far */
    struct slice name;
    const struct board_queue *now; /* NULL: nobody there */
};

struct queues_work {
    const struct report_job *job;
    struct filter filter;
    struct standing standing;
    struct groups today;
    struct groups last_hour;
    struct row *rows;
    size_t count;
    size_t cap;
    int64_t day_s;
    int64_t hour_s;
};

static int add_row(struct queues_work *work, uint32_t queue, struct slice name)
{
    struct row *rows = grow_array(work->rows, work->count, &work->cap, sizeof *rows);
    if (!rows) {
        return STATUS_NO_MEMORY;
    }
    work->rows = rows;
    rows[work->count++] = (struct row){queue, name, standing_queue(work->standing.board, name)};
    return 0;
}

static int take_known(struct queues_work *work)
{
    int status = 0;
    for (uint32_t id = 1; status == 0 && id < QUEUES_MAX; id++) {
        struct slice name = ledger_view_name(work->job->env->view, LEDGER_QUEUE, id);
        if (name.len == 0) {
            break;
        }
        if (filter_wants(&work->filter, id)) {
            status = add_row(work, id, name);
        }
    }
    return status;
}

/* Queues with operators or callers that no commit has told of yet. */
static int take_new(struct queues_work *work)
{
    const struct board_copy *board = work->standing.board;
    size_t known = work->count;
    int status = 0;
    for (size_t i = 0; status == 0 && i < board->queue_count; i++) {
        bool listed = board->queues[i].name[0] == 0;
        for (size_t at = 0; at < known && !listed; at++) {
            listed = work->rows[at].now == &board->queues[i];
        }
        struct slice name = slice_str(board->queues[i].name);
        if (!listed && query_wants_queue(work->job->query, name)) {
            status = add_row(work, 0, name);
        }
    }
    return status;
}

static int take_interval(void *ctx, const struct ledger_interval *item)
{
    struct queues_work *work = ctx;
    if (!filter_wants(&work->filter, item->queue)) {
        return 0;
    }
    int status = 0;
    if (item->start_s + (int64_t)work->job->facts.interval_s > work->day_s) {
        status = groups_add(&work->today, item->queue, item->start_s, item->summary);
    }
    if (status == 0 && item->start_s >= work->hour_s) {
        status = groups_add(&work->last_hour, item->queue, item->start_s, item->summary);
    }
    return status;
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = shorter ? memcmp(a->name.data, b->name.data, shorter) : 0;
    return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static void put_today(struct json *map, const struct queues_work *work, const struct row *row, int64_t waiting_ms)
{
    static const struct summary nothing;
    const struct group *group = groups_find_whole(&work->today, row->queue);
    const struct summary *sum = group ? &group->sum : &nothing;
    const struct queue_settings settings = settings_of(work->job->env->view, row->queue, work->job->query);
    struct json *today = json_put_map(map, "today");
    today_put(today, sum, &settings, waiting_ms);
    json_put_bool(today, "balanced", summary_balanced(sum));
}

/* Operators are known from a live source alone. */
static void put_operators(struct json *map, bool live, const struct board_queue *now)
{
    fields_span(map, "logged_in", live ? (int64_t)now->logged_in : -1);
    fields_span(map, "ready", live ? (int64_t)now->ready : -1);
    fields_span(map, "paused", live ? (int64_t)now->paused : -1);
}

static void put_rows(struct json *out, const struct queues_work *work)
{
    static const struct board_queue nobody;
    struct json *rows = json_put_list(out, "queues");
    for (size_t i = 0; i < work->count; i++) {
        const struct row *row = &work->rows[i];
        const struct board_queue *now = row->now ? row->now : &nobody;
        const struct group *hour = groups_find_whole(&work->last_hour, row->queue);
        int64_t waiting_ms = work->job->env->now_ms - now->oldest_enter_ms;
        waiting_ms = now->waiting == 0 ? -1 : waiting_ms < 0 ? 0 : waiting_ms;
        struct json *map = json_add_map(rows);
        json_put_text(map, "queue", row->name);
        settings_put_label(map, work->job->env->view, row->queue);
        json_put_int(map, "waiting", now->waiting);
        fields_span(map, "longest_wait_ms", waiting_ms);
        json_put_int(map, "connected", now->talking);
        put_operators(map, work->standing.live, now);
        json_put_int(map, "entered_last_hour", hour ? (int64_t)hour->sum.flow[FLOW_ENTERED] : 0);
        put_today(map, work, row, waiting_ms);
    }
}

/* Names that the ledger does not know, but the board does, are fine. */
static int check_names(const struct queues_work *work)
{
    for (size_t i = 0; i < work->job->query->queue_count; i++) {
        bool found = false;
        for (size_t at = 0; at < work->count && !found; at++) {
            found = slice_equal(work->rows[at].name, work->job->query->queues[i]);
        }
        if (!found) {
            return filter_check(&work->filter, work->job->why);
        }
    }
    return 0;
}

static int gather(struct queues_work *work)
{
    const struct report_job *job = work->job;
    int64_t interval_s = job->facts.interval_s;
    int64_t now_s = job->env->now_ms / 1000;
    work->day_s = zone_local_day_start(now_s);
    work->hour_s = (job->env->now_ms - HOUR_MS) / 1000;
    work->hour_s -= work->hour_s % interval_s;
    int64_t from_s = work->day_s - interval_s < work->hour_s ? work->day_s - interval_s : work->hour_s;
    int status = groups_init(&work->today, QUERY_WHOLE, job->facts.interval_s, QUEUES_MAX);
    if (status == 0) {
        status = groups_init(&work->last_hour, QUERY_WHOLE, job->facts.interval_s, QUEUES_MAX);
    }
    if (status == 0) {
        status = standing_load(&work->standing, job);
    }
    if (status == 0) {
        status = take_known(work);
    }
    if (status == 0) {
        status = take_new(work);
    }
    if (status == 0) {
        status = ledger_view_intervals(job->env->view, from_s, now_s + 2 * 86400, take_interval, work, NULL);
    }
    return status == 0 ? check_names(work) : status;
}

int report_queues(const struct report_job *job, struct json *out)
{
    struct queues_work work = {.job = job};
    if (job->facts.interval_s == 0) {
        return STATUS_CORRUPT;
    }
    filter_init(&work.filter, job->query, job->env->view);
    int status = gather(&work);
    if (status == 0) {
        if (work.count > 0) {
            qsort(work.rows, work.count, sizeof *work.rows, compare_rows);
        }
        fields_time(out, "as_of", job->env->now_ms);
        json_put_str(out, "zone", zone_name());
        fields_time(out, "today_from", work.day_s * 1000);
        fields_time(out, "last_hour_from", work.hour_s * 1000);
        json_put_int(out, "interval_s", job->facts.interval_s);
        json_put_bool(out, "live", work.standing.live);
        put_rows(out, &work);
    }
    standing_deinit(&work.standing);
    groups_deinit(&work.today);
    groups_deinit(&work.last_hour);
    filter_deinit(&work.filter);
    free(work.rows);
    return status;
}
