#include "agent/status/today.h"

#include <stdlib.h>
#include <string.h>

#include "agent/status/settings.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { QUEUES_MAX = 1 << 16, AHEAD_S = 2 * 86400 };

struct today_work {
    struct report_cache *today;
    const struct report_job *job;
    int64_t interval_s;
    int64_t first_point_s;
};

static void forget(struct report_cache *today)
{
    for (size_t i = 0; i < today->count; i++) {
        summary_deinit(&today->queues[i].sum);
    }
    today->count = 0;
    today->valid = false;
}

void today_deinit(struct report_cache *today)
{
    forget(today);
    free(today->queues);
    *today = (struct report_cache){.valid = false};
}

/* Ids are handed out in order, so until they are sorted queue `id` is at id - 1. */
static int take_names(struct today_work *work)
{
    struct report_cache *today = work->today;
    for (uint32_t id = 1; id < QUEUES_MAX; id++) {
        struct slice name = ledger_view_name(work->job->env->view, LEDGER_QUEUE, id);
        if (name.len == 0) {
            break;
        }
        struct today_queue *queues = grow_array(today->queues, today->count, &today->cap, sizeof *queues);
        if (!queues) {
            return STATUS_NO_MEMORY;
        }
        today->queues = queues;
        struct today_queue *queue = &queues[today->count++];
        *queue = (struct today_queue){.id = id, .settings = settings_of(work->job->env->view, id, work->job->query)};
        memcpy(queue->name, name.data, name.len < sizeof queue->name ? name.len : sizeof queue->name - 1);
    }
    return 0;
}

static void take_point(struct today_point *point, const struct summary *sum, const struct queue_settings *settings)
{
    point->entered = sum->flow[FLOW_ENTERED];
    point->answered = sum->flow[FLOW_ANSWERED];
    point->has_level = measures_service_level(sum, (enum sl_method)settings->sl_method, settings->sl_threshold_ms,
                                              settings->short_abandon_ms, &point->level);
}

static int take_interval(void *ctx, const struct ledger_interval *item)
{
    struct today_work *work = ctx;
    if (item->queue == 0 || item->queue > work->today->count) {
        return 0;
    }
    struct today_queue *queue = &work->today->queues[item->queue - 1];
    int64_t point = (item->start_s - work->first_point_s) / work->interval_s;
    if (item->start_s >= work->first_point_s && point < TODAY_POINTS) {
        take_point(&queue->points[point], item->summary, &queue->settings);
    }
    if (item->start_s + work->interval_s <= work->today->day_s) {
        return 0;
    }
    return summary_is_zero(&queue->sum) ? summary_copy(&queue->sum, item->summary)
                                        : summary_append(&queue->sum, item->summary);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct today_queue *)left)->name, ((const struct today_queue *)right)->name);
}

static int make(struct report_cache *today, const struct report_job *job)
{
    struct today_work work = {.today = today, .job = job, .interval_s = job->facts.interval_s};
    work.first_point_s = today->open_s - (TODAY_POINTS - 1) * work.interval_s;
    int64_t from_s = today->day_s - work.interval_s;
    from_s = work.first_point_s < from_s ? work.first_point_s : from_s;
    int status = take_names(&work);
    if (status == 0) {
        status = ledger_view_intervals(job->env->view, from_s, job->env->now_ms / 1000 + AHEAD_S, take_interval, &work,
                                       NULL);
    }
    if (status == 0 && today->count > 0) {
        qsort(today->queues, today->count, sizeof *today->queues, compare_names);
    }
    return status;
}

int today_load(struct report_cache *today, const struct report_job *job)
{
    int64_t now_s = job->env->now_ms / 1000;
    int64_t day_s = zone_local_day_start(now_s);
    if (job->facts.interval_s == 0) {
        return STATUS_CORRUPT;
    }
    int64_t open_s = now_s - now_s % (int64_t)job->facts.interval_s;
    if (today->valid && today->commits == job->facts.commits && today->day_s == day_s && today->open_s == open_s) {
        return 0;
    }
    forget(today);
    today->commits = job->facts.commits;
    today->day_s = day_s;
    today->open_s = open_s;
    int status = make(today, job);
    today->valid = status == 0;
    return status;
}

static int64_t longest_wait_ms(const struct summary *sum, int64_t waiting_now_ms)
{
    static const enum duration_kind waits[] = {DURATION_WAIT_ANSWERED, DURATION_WAIT_ABANDONED, DURATION_WAIT_EXIT,
                                               DURATION_WAIT_KEY};
    int64_t longest_ms = waiting_now_ms > 0 ? waiting_now_ms : 0;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        int64_t max_ms = sum->duration[waits[i]].max_ms;
        longest_ms = max_ms > longest_ms ? max_ms : longest_ms;
    }
    return longest_ms;
}

void today_put(struct json *today, const struct summary *sum, const struct queue_settings *settings,
               int64_t waiting_now_ms)
{
    json_put_int(today, "entered", sum->flow[FLOW_ENTERED]);
    json_put_int(today, "answered", sum->flow[FLOW_ANSWERED]);
    json_put_int(today, "abandoned", sum->flow[FLOW_ABANDONED]);
    json_put_int(today, "exits",
                 (int64_t)sum->flow[FLOW_EXIT_TIMEOUT] + sum->flow[FLOW_EXIT_EMPTY] + sum->flow[FLOW_EXIT_KEY] +
                     sum->flow[FLOW_WITHDRAWN]);
    json_put_int(today, "blocked", sum->flow[FLOW_BLOCKED]);
    json_put_int(today, "lost", sum->flow[FLOW_LOST]);
    fields_ratios(today, sum);
    fields_service_level(today, sum, settings);
    json_put_int(today, "longest_wait_ms", longest_wait_ms(sum, waiting_now_ms));
}
