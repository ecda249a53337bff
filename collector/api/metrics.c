#include "collector/api/metrics.h"

#include <stdlib.h>
#include <time.h>

#include "collector/api/metrics_internal.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

void metrics_free(struct metrics *metrics)
{
    if (metrics) {
        metrics_table_free(metrics);
        tally_scratch_deinit(&metrics->scratch);
        buf_deinit(&metrics->text);
        (void)pthread_mutex_destroy(&metrics->lock);
        (void)pthread_mutex_destroy(&metrics->server_lock);
        free(metrics);
    }
}

void metrics_server_set(struct metrics *metrics, const struct metrics_server *server)
{
    (void)pthread_mutex_lock(&metrics->server_lock);
    metrics->server = *server;
    (void)pthread_mutex_unlock(&metrics->server_lock);
}

static void mark_told(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->row_count; i++) {
        metrics->rows[i]->told = true;
    }
    metrics->others.told = metrics->others.labels != NULL;
}

/* On failure the text of before stays. */
static int make_text(struct metrics *metrics, int64_t now_ms)
{
    struct buf text = BUF_INIT;
    buf_grow(&text, metrics->text.len + metrics->text.len / 8 + 1024); /* about as long as the last one */
    text.len = 0;
    metrics_queues_text(metrics, &text);
    metrics_sites_text(metrics, now_ms, &text);
    if (text.failed) {
        buf_deinit(&text);
        return STATUS_NO_MEMORY;
    }
    buf_deinit(&metrics->text);
    metrics->text = text;
    mark_told(metrics);
    return 0;
}

static int refresh(struct metrics *metrics, int64_t now_ms, int64_t deadline_ms)
{
    int64_t began_ms = clock_monotonic_ms();
    int status = metrics_refresh(metrics, now_ms, deadline_ms);
    status = status == 0 ? make_text(metrics, now_ms) : status;
    if (status == 0) {
        metrics->made_ms = clock_monotonic_ms();
        metrics->took_ms = metrics->made_ms - began_ms;
        metrics->refreshed_ms = now_ms;
    }
    metrics->failures += status != 0;
    return status;
}

int metrics_new(const struct api_options *options, int64_t now_ms, struct metrics **out)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics) {
        return STATUS_NO_MEMORY;
    }
    metrics->options = options;
    if (pthread_mutex_init(&metrics->lock, NULL) != 0) {
        free(metrics);
        return STATUS_NO_MEMORY;
    }
    if (pthread_mutex_init(&metrics->server_lock, NULL) != 0) {
        (void)pthread_mutex_destroy(&metrics->lock);
        free(metrics);
        return STATUS_NO_MEMORY;
    }
    /* What cannot be read now is taken for having been there all the same, when it is read. */
    int status = refresh(metrics, now_ms, INT64_MAX);
    if (status == STATUS_NO_MEMORY) {
        metrics_free(metrics);
        return status;
    }
    metrics->started = true;
    *out = metrics;
    return 0;
}

static bool is_fresh(const struct metrics *metrics, int64_t now_ms)
{
    return metrics->refreshed_ms > 0 && now_ms >= metrics->refreshed_ms &&
           now_ms - metrics->refreshed_ms < METRICS_PACE_MS;
}

static int wait_turn(struct metrics *metrics, int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX) {
        return pthread_mutex_lock(&metrics->lock) == 0 ? 0 : STATUS_BUSY;
    }
    const struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                   .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    return pthread_mutex_clocklock(&metrics->lock, CLOCK_MONOTONIC, &until) == 0 ? 0 : STATUS_LATE;
}

int metrics_write(struct metrics *metrics, int64_t now_ms, int64_t deadline_ms, struct buf *out)
{
    int status = wait_turn(metrics, deadline_ms);
    if (status != 0) {
        return status;
    }
    if (!is_fresh(metrics, now_ms)) {
        status = refresh(metrics, now_ms, deadline_ms);
    }
    if (metrics->refreshed_ms > 0) { /* else nothing was ever read */
        status = 0;
        buf_append(out, metrics->text.data, metrics->text.len);
        metrics_self_text(metrics, out);
        metrics_process_text(out);
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    return status == 0 && out->failed ? STATUS_NO_MEMORY : status;
}
