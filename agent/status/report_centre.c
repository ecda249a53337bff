/* The centre as this box sees it: whether figures reach it, and what waits. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/status/report_parts.h"
#include "proto/report/fields.h"

enum { REFUSALS_SHOWN = 20, SILENT_MS = 15 * 60 * 1000, OFFSET_MS = 5 * 60 * 1000, OVERDUE_S = 86400 };

struct refusals {
    const struct report_job *job;
    struct json *list;
    size_t count;
};

static const struct health_centre *health_of(const struct report_job *job)
{
    return job->env->health && job->env->health->centre.known ? &job->env->health->centre : NULL;
}

static int take_refusal(void *ctx, const struct ledger_refusal *refusal)
{
    struct refusals *work = ctx;
    struct json *row = json_add_map(work->list);
    json_put_text(row, "queue", ledger_view_name(work->job->env->view, LEDGER_QUEUE, refusal->queue));
    fields_time(row, "start", refusal->start_s * 1000);
    json_put_int(row, "revision", refusal->revision);
    json_put_str(row, "reason", refusal->reason);
    return ++work->count == REFUSALS_SHOWN;
}

static void put_connection(struct json *out, const struct health_centre *centre, int64_t now_ms)
{
    json_put_bool(out, "joined", centre->joined);
    json_put_str(out, "state", centre->joined ? centre->state : NULL);
    json_put_str(out, "collector", centre->collector[0] ? centre->collector : NULL);
    json_put_str(out, "address", centre->address[0] ? centre->address : NULL);
    fields_time(out, "connected_since", centre->connected_since_ms);
    fields_time(out, "acknowledged", centre->acked_ms);
    fields_span(out, "acknowledged_age_ms", centre->acked_ms ? now_ms - centre->acked_ms : -1);
    fields_time(out, "delivered", centre->delivered_ms);
    fields_time(out, "certificate_until", centre->certificate_not_after_s * 1000);
    json_put_int(out, "clock_offset_ms", centre->clock_offset_ms);
    json_put_int(out, "sent_again", (int64_t)centre->sent_again);
    json_put_str(out, "last_error", centre->last_error[0] ? centre->last_error : NULL);
    json_put_str(out, "problem", centre->problem[0] ? centre->problem : NULL);
}

int report_centre(const struct report_job *job, struct json *out)
{
    struct ledger_backlog backlog;
    int status = ledger_view_backlog(job->env->view, &backlog);
    if (status != 0) {
        return status;
    }
    const struct health_centre *centre = health_of(job);
    if (centre) {
        put_connection(out, centre, job->env->now_ms);
    } else {
        json_put_null(out, "joined");
        json_put_null(out, "state");
    }
    json_put_int(out, "waiting", (int64_t)backlog.dirty);
    fields_time(out, "oldest", backlog.oldest_start_s * 1000);
    json_put_int(out, "refused", (int64_t)backlog.refused);
    struct refusals work = {.job = job, .list = json_put_list(out, "refusals")};
    status = ledger_view_refusals(job->env->view, take_refusal, &work);
    return status < 0 ? status : 0;
}

/* ---- hints ---- */

static int64_t newer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Either nobody answers, or the answers leave intervals waiting that were over long ago. */
static bool look_at_delivery(const struct report_job *job, const struct health_centre *centre,
                             const struct ledger_backlog *backlog, struct buf *text)
{
    int64_t now_ms = job->env->now_ms;
    int64_t started_ms = job->env->health->started_ms;
    int64_t over_ms = (backlog->oldest_start_s + job->facts.interval_s) * 1000;
    int64_t silent_ms = now_ms - newer(centre->acked_ms, started_ms);
    int64_t stuck_ms = now_ms - newer(centre->delivered_ms, started_ms);
    bool stuck = backlog->dirty > 0 && stuck_ms > SILENT_MS && now_ms - over_ms > SILENT_MS;
    if (silent_ms <= SILENT_MS && !stuck) {
        return false;
    }
    buf_printf(text, "nothing was delivered to the centre for %" PRId64 " minutes, %" PRIu64 " intervals wait: %s",
               (stuck ? stuck_ms : silent_ms) / 60000, backlog->dirty,
               centre->last_error[0] ? centre->last_error : "reason unknown");
    return true;
}

static bool look_at_refusals(const struct report_job *job, uint64_t refused, struct buf *text)
{
    if (refused == 0) {
        return false;
    }
    struct json *list = json_new_list();
    struct refusals work = {.job = job, .list = list, .count = REFUSALS_SHOWN - 1};
    (void)ledger_view_refusals(job->env->view, take_refusal, &work);
    const struct json *first = json_item(list, 0);
    buf_printf(text, "%" PRIu64 " intervals were refused by the centre and are kept here; the oldest is %s %s: %s",
               refused, json_text(first, "queue"), json_text(first, "start"), json_text(first, "reason"));
    json_free(list);
    return true;
}

static bool look_at_certificate(const struct report_job *job, const struct health_centre *centre, struct buf *text)
{
    int64_t now_s = job->env->now_ms / 1000;
    int64_t left_s = centre->certificate_not_after_s - now_s;
    if (centre->certificate_not_after_s == 0) {
        return false;
    }
    if (left_s < 0) {
        buf_printf(text,
                   "the certificate of this box ended %" PRId64
                   " hours ago: nothing is sent until it is renewed; beyond the centre's grace, join again",
                   -left_s / 3600);
        return true;
    }
    if (now_s - centre->certificate_renew_at_s > OVERDUE_S) {
        buf_printf(text, "the certificate of this box ends in %" PRId64 " days and was not renewed: %s", left_s / 86400,
                   centre->last_error[0] ? centre->last_error : "see the agent's messages");
        return true;
    }
    return false;
}

static void look_at_clock(const struct health_centre *centre, struct buf *text)
{
    int64_t offset_ms = centre->clock_offset_ms;
    if (offset_ms > OFFSET_MS || offset_ms < -OFFSET_MS) {
        buf_printf(text, "the clock of this box is %" PRId64 " minutes %s the centre's: keep it in step by NTP",
                   (offset_ms < 0 ? -offset_ms : offset_ms) / 60000, offset_ms < 0 ? "behind" : "ahead of");
    }
}

static void flush(struct json *hints, struct buf *text)
{
    if (text->len > 0) {
        json_add_text(hints, buf_slice(text));
        buf_reset(text);
    }
}

bool report_centre_hints(const struct report_job *job, struct json *hints)
{
    const struct health_centre *centre = health_of(job);
    struct ledger_backlog backlog = {0};
    struct buf text = BUF_INIT;
    bool degraded = false;
    if (ledger_view_backlog(job->env->view, &backlog) != 0) {
        return false;
    }
    if (centre && centre->problem[0] && centre->wanted) {
        buf_printf(&text, "the centre: %s", centre->problem);
        flush(hints, &text);
        degraded = true;
    }
    if (centre && centre->joined) {
        degraded |= look_at_delivery(job, centre, &backlog, &text);
        flush(hints, &text);
        degraded |= look_at_certificate(job, centre, &text);
        flush(hints, &text);
        look_at_clock(centre, &text);
        flush(hints, &text);
    }
    degraded |= look_at_refusals(job, backlog.refused, &text);
    flush(hints, &text);
    buf_deinit(&text);
    return degraded;
}
