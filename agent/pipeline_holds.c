/* Holds that wait for the log: the manager tells of them, the log of the call. */
#include <stdio.h>
#include <string.h>

#include "agent/pipeline_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

enum {
    HOLD_AHEAD_MS = 5 * 1000,     /* of the log's newest row */
    HOLD_KEEP_MS = 15 * 60 * 1000 /* a hold waits so long for the log to tell of its call */
};

static int keep_hold(struct pipeline_live *live, const struct call_event *event)
{
    if (live->hold_count == PIPELINE_HELD_MAX) {
        memmove(live->holds, live->holds + 1, --live->hold_count * sizeof *live->holds);
    }
    struct pipeline_hold *holds = grow_array(live->holds, live->hold_count, &live->hold_cap, sizeof *holds);
    if (!holds) {
        return STATUS_NO_MEMORY;
    }
    live->holds = holds;
    struct pipeline_hold *hold = &holds[live->hold_count++];
    *hold = (struct pipeline_hold){.kind = event->kind, .at_ms = event->at_ms};
    (void)snprintf(hold->call_id, sizeof hold->call_id, "%.*s", (int)event->call_id.len, event->call_id.data);
    (void)snprintf(hold->queue, sizeof hold->queue, "%.*s", (int)event->queue.len, event->queue.data);
    return 0;
}

static int track_hold(struct pipeline *pipeline, const struct pipeline_hold *hold)
{
    const struct call_event event = {.kind = hold->kind,
                                     .at_ms = hold->at_ms,
                                     .call_id = slice_str(hold->call_id),
                                     .queue = slice_str(hold->queue),
                                     .wait_ms = EVENT_UNKNOWN,
                                     .talk_ms = EVENT_UNKNOWN,
                                     .ring_ms = EVENT_UNKNOWN};
    return track_put(pipeline->track, &event);
}

/* How far the log is read, and a little more. */
static int64_t hold_limit_ms(const struct pipeline *pipeline)
{
    int64_t newest_ms = track_newest_ms(pipeline->track);
    int64_t read_ms = pipeline->live->log_read_ms;
    return (newest_ms > read_ms ? newest_ms : read_ms) + HOLD_AHEAD_MS;
}

/* A hold is tracked at once where the log is read up to now; else it waits for the log, whose time it must not get
 * ahead of. */
static bool may_track_hold(const struct pipeline *pipeline, const struct call_event *event)
{
    return event->at_ms <= hold_limit_ms(pipeline) && track_is_talking(pipeline->track, event->call_id, event->queue);
}

int pipeline_holds_put(struct pipeline *pipeline, const struct call_event *event)
{
    return may_track_hold(pipeline, event) ? track_put(pipeline->track, event) : keep_hold(pipeline->live, event);
}

/* The holds of a call of which the log just told the answer or the end, up to until_ms. */
static int give_holds(struct pipeline *pipeline, struct slice call_id, int64_t until_ms)
{
    struct pipeline_live *live = pipeline->live;
    size_t kept = 0;
    int status = 0;
    for (size_t i = 0; i < live->hold_count; i++) {
        const struct pipeline_hold *hold = &live->holds[i];
        if (status == 0 && slice_is(call_id, hold->call_id) && hold->at_ms <= until_ms) {
            status = track_hold(pipeline, hold);
        } else {
            live->holds[kept++] = *hold;
        }
    }
    live->hold_count = kept;
    return status;
}

static bool ends_talk(const struct call_event *row)
{
    return row->kind == EVENT_COMPLETE_OPERATOR || row->kind == EVENT_COMPLETE_CALLER ||
           row->kind == EVENT_TRANSFER_BLIND || row->kind == EVENT_TRANSFER_ATTENDED;
}

int pipeline_holds_before(struct pipeline *pipeline, const struct call_event *row)
{
    bool ends = pipeline->live->hold_count > 0 && ends_talk(row);
    return ends ? give_holds(pipeline, row->call_id, INT64_MAX) : 0;
}

int pipeline_holds_after(struct pipeline *pipeline, const struct call_event *row)
{
    bool answers = row->kind == EVENT_CONNECT && pipeline->live->hold_count > 0;
    return answers ? give_holds(pipeline, row->call_id, hold_limit_ms(pipeline)) : 0;
}

void pipeline_holds_forget(struct pipeline_live *live, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < live->hold_count; i++) {
        if (now_ms - live->holds[i].at_ms < HOLD_KEEP_MS) {
            live->holds[kept++] = live->holds[i];
        }
    }
    live->hold_count = kept;
}
