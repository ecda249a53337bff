#include "agent/status/report_parts.h"

#include <stdlib.h>
#include <string.h>

#include "agent/status/filter.h"
#include "agent/status/groups.h"
#include "agent/status/settings.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { QUEUES_MAX = 1 << 16, HOUR_MS = 3600000 };

struct live {
    uint32_t queue;
    struct slice name;
    uint32_t waiting;
    uint32_t connected;
    int64_t longest_wait_ms; /* of those waiting now */
};

struct queues_work {
    const struct report_job *job;
    struct filter filter;
    struct groups today;
    struct groups last_hour;
    struct live *items;
    size_t count;
    size_t cap;
    int64_t day_s;
    int64_t hour_s;
};

static struct live *live_of(struct queues_work *work, uint32_t queue)
{
    for (size_t i = 0; i < work->count; i++) {
        if (work->items[i].queue == queue) {
            return &work->items[i];
        }
    }
    struct live *items = grow_array(work->items, work->count, &work->cap, sizeof *items);
    if (!items) {
        return NULL;
    }
    work->items = items;
    struct live *live = &work->items[work->count++];
    *live = (struct live){.queue = queue, .name = ledger_view_name(work->job->env->view, LEDGER_QUEUE, queue)};
    return live;
}

static int take_known(struct queues_work *work)
{
    for (uint32_t id = 1; id < QUEUES_MAX; id++) {
        if (ledger_view_name(work->job->env->view, LEDGER_QUEUE, id).len == 0) {
            break;
        }
        if (filter_wants(&work->filter, id) && !live_of(work, id)) {
            return STATUS_NO_MEMORY;
        }
    }
    return 0;
}

static int take_open_leg(void *ctx, const struct call_leg *leg)
{
    struct queues_work *work = ctx;
    if (!filter_wants(&work->filter, leg->queue)) {
        return 0;
    }
    struct live *live = live_of(work, leg->queue);
    if (!live) {
        return STATUS_NO_MEMORY;
    }
    if (leg_is_talking(leg)) {
        live->connected++;
    } else if (leg_is_waiting(leg)) {
        int64_t wait_ms = work->job->env->now_ms - leg->enter_ms;
        live->waiting++;
        live->longest_wait_ms = wait_ms > live->longest_wait_ms ? wait_ms : live->longest_wait_ms;
    }
    return 0;
}

static int take_interval(void *ctx, const struct ledger_interval *item)
{
    struct queues_work *work = ctx;
    if (!filter_wants(&work->filter, item->queue)) {
        return 0;
    }
    if (!live_of(work, item->queue)) {
        return STATUS_NO_MEMORY;
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

static int compare_live(const void *left, const void *right)
{
    const struct live *a = left;
    const struct live *b = right;
    size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = shorter ? memcmp(a->name.data, b->name.data, shorter) : 0;
    return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static int64_t longest_wait(const struct summary *sum, int64_t now_ms)
{
    static const enum duration_kind waits[] = {DURATION_WAIT_ANSWERED, DURATION_WAIT_ABANDONED, DURATION_WAIT_EXIT,
                                               DURATION_WAIT_KEY};
    int64_t longest_ms = now_ms;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        int64_t max_ms = sum->duration[waits[i]].max_ms;
        longest_ms = max_ms > longest_ms ? max_ms : longest_ms;
    }
    return longest_ms;
}

static void put_today(struct json *row, const struct queues_work *work, const struct live *live)
{
    static const struct summary nothing;
    const struct group *group = groups_find_whole(&work->today, live->queue);
    const struct summary *sum = group ? &group->sum : &nothing;
    const struct queue_settings settings = settings_of(work->job->env->view, live->queue, work->job->query);
    struct json *today = json_put_map(row, "today");
    json_put_int(today, "entered", sum->flow[FLOW_ENTERED]);
    json_put_int(today, "answered", sum->flow[FLOW_ANSWERED]);
    json_put_int(today, "abandoned", sum->flow[FLOW_ABANDONED]);
    json_put_int(today, "exits",
                 (int64_t)sum->flow[FLOW_EXIT_TIMEOUT] + sum->flow[FLOW_EXIT_EMPTY] + sum->flow[FLOW_EXIT_KEY] +
                     sum->flow[FLOW_WITHDRAWN]);
    json_put_int(today, "blocked", sum->flow[FLOW_BLOCKED]);
    json_put_int(today, "lost", sum->flow[FLOW_LOST]);
    fields_ratios(today, sum);
    fields_service_level(today, sum, &settings);
    json_put_int(today, "longest_wait_ms", longest_wait(sum, live->longest_wait_ms));
    json_put_bool(today, "balanced", summary_balanced(sum));
}

static void put_rows(struct json *out, const struct queues_work *work)
{
    struct json *rows = json_put_list(out, "queues");
    for (size_t i = 0; i < work->count; i++) {
        const struct live *live = &work->items[i];
        const struct group *hour = groups_find_whole(&work->last_hour, live->queue);
        struct json *row = json_add_map(rows);
        json_put_text(row, "queue", live->name);
        settings_put_label(row, work->job->env->view, live->queue);
        json_put_int(row, "waiting", live->waiting);
        fields_span(row, "longest_wait_ms", live->waiting ? live->longest_wait_ms : -1);
        json_put_int(row, "connected", live->connected);
        json_put_int(row, "entered_last_hour", hour ? (int64_t)hour->sum.flow[FLOW_ENTERED] : 0);
        put_today(row, work, live);
    }
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
        status = take_known(work);
    }
    if (status == 0) {
        status = ledger_view_open_legs(job->env->view, take_open_leg, work, NULL);
    }
    if (status == 0) {
        status = ledger_view_intervals(job->env->view, from_s, now_s + 2 * 86400, take_interval, work, NULL);
    }
    return status == 0 ? filter_check(&work->filter, job->why) : status;
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
            qsort(work.items, work.count, sizeof *work.items, compare_live);
        }
        fields_time(out, "as_of", job->env->now_ms);
        json_put_str(out, "zone", zone_name());
        fields_time(out, "today_from", work.day_s * 1000);
        fields_time(out, "last_hour_from", work.hour_s * 1000);
        json_put_int(out, "interval_s", job->facts.interval_s);
        put_rows(out, &work);
    }
    groups_deinit(&work.today);
    groups_deinit(&work.last_hour);
    filter_deinit(&work.filter);
    free(work.items);
    return status;
}
