#include "agent/status/report_parts.h"

#include <stdlib.h>
#include <string.h>

#include "agent/status/settings.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { OPERATORS_MAX = 1 << 20 };

struct operator_day {
    uint32_t id;
    struct slice name;
    uint64_t answered; /* conversations that began today */
    uint64_t ended;    /* conversations that ended today, whose length is known */
    uint64_t talk_ms;
    uint64_t hold_ms;
    const char *state; /* NULL: on no call of a queue */
    uint32_t queue;
    int64_t since_ms;
};

struct operators_work {
    const struct report_job *job;
    struct operator_day *days; /* by id */
    uint32_t count;
    int64_t day_ms;
};

/* Ids are dense, so a table by id is the smallest map. */
static int day_of(struct operators_work *work, uint32_t id, struct operator_day **out)
{
    if (id >= OPERATORS_MAX) {
        return STATUS_RANGE;
    }
    if (id >= work->count) {
        uint32_t count = (id + 64) & ~UINT32_C(63);
        struct operator_day *days = realloc(work->days, count * sizeof *days);
        if (!days) {
            return STATUS_NO_MEMORY;
        }
        memset(days + work->count, 0, (count - work->count) * sizeof *days);
        work->days = days;
        work->count = count;
    }
    *out = &work->days[id];
    (*out)->id = id;
    return 0;
}

static int take_closed(void *ctx, const struct call_leg *leg)
{
    struct operators_work *work = ctx;
    struct operator_day *day;
    if (leg->operator_id == 0 || leg->connect_ms == 0) {
        return 0;
    }
    int status = day_of(work, leg->operator_id, &day);
    if (status != 0) {
        return status;
    }
    day->answered += leg->connect_ms >= work->day_ms;
    if (leg->outcome != LEG_LOST_CONNECTED && !(leg->flags & LEG_FLAG_SUSPECT_TALK)) {
        day->ended++;
        day->talk_ms += (uint64_t)(leg->talk_ms > 0 ? leg->talk_ms : 0);
        day->hold_ms += (uint64_t)(leg->hold_ms > 0 ? leg->hold_ms : 0);
    }
    return 0;
}

static int take_open(void *ctx, const struct call_leg *leg)
{
    struct operators_work *work = ctx;
    struct operator_day *day;
    if (leg->operator_id == 0 || !leg_is_talking(leg)) {
        return 0;
    }
    int status = day_of(work, leg->operator_id, &day);
    if (status == 0) {
        day->answered += leg->connect_ms >= work->day_ms;
        day->state = leg->state == LEG_HELD ? "held" : "connected";
        day->queue = leg->queue;
        day->since_ms = leg->connect_ms;
    }
    return status;
}

static int compare_days(const void *left, const void *right)
{
    const struct operator_day *a = left;
    const struct operator_day *b = right;
    size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = shorter ? memcmp(a->name.data, b->name.data, shorter) : 0;
    return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static void put_day(struct json *rows, const struct operators_work *work, const struct operator_day *day)
{
    struct json *row = json_add_map(rows);
    json_put_text(row, "operator", day->name);
    json_put_str(row, "state", day->state);
    if (day->state) {
        settings_put_queue(row, work->job->env->view, day->queue);
        int64_t now_ms = work->job->env->now_ms;
        fields_span(row, "on_call_ms", now_ms > day->since_ms ? now_ms - day->since_ms : 0);
    } else {
        json_put_null(row, "queue");
        json_put_null(row, "on_call_ms");
    }
    json_put_int(row, "answered", (int64_t)day->answered);
    json_put_int(row, "talk_ms", (int64_t)day->talk_ms);
    json_put_int(row, "hold_ms", (int64_t)day->hold_ms);
    if (day->ended > 0) {
        fields_number(row, "aht_ms", (double)(day->talk_ms + day->hold_ms) / (double)day->ended);
    } else {
        json_put_null(row, "aht_ms");
    }
}

int report_operators(const struct report_job *job, struct json *out)
{
    struct operators_work work = {.job = job};
    int64_t now_ms = job->env->now_ms;
    work.day_ms = zone_local_day_start(now_ms / 1000) * 1000;
    int status = ledger_view_closed_legs(job->env->view, work.day_ms, now_ms + 86400000, take_closed, &work, NULL);
    if (status == 0) {
        status = ledger_view_open_legs(job->env->view, take_open, &work, NULL);
    }
    uint32_t used = 0;
    for (uint32_t i = 0; status == 0 && i < work.count; i++) {
        if (work.days[i].id != 0) {
            work.days[used] = work.days[i];
            work.days[used].name = ledger_view_name(job->env->view, LEDGER_OPERATOR, work.days[used].id);
            used++;
        }
    }
    if (status == 0) {
        if (used > 0) {
            qsort(work.days, used, sizeof *work.days, compare_days);
        }
        fields_time(out, "as_of", now_ms);
        json_put_str(out, "zone", zone_name());
        fields_time(out, "today_from", work.day_ms);
        struct json *rows = json_put_list(out, "operators");
        for (uint32_t i = 0; i < used; i++) {
            put_day(rows, &work, &work.days[i]);
        }
    }
    free(work.days);
    return status;
}
