#include "tests/unit/track/stream.h"

#include <stdio.h>
#include <string.h>

static const int64_t DAY_MS = INT64_C(86400000);

void stream_init(struct stream *stream, uint64_t seed, const struct stream_options *options)
{
    *stream = (struct stream){.rng = {seed}, .options = *options, .now_ms = STREAM_START_MS};
}

static struct slice text(struct stream *stream, unsigned slot, const char *format, unsigned number)
{
    (void)snprintf(stream->texts[slot], sizeof stream->texts[slot], format, number);
    return slice_str(stream->texts[slot]);
}

static void set_call(struct stream *stream, struct call_event *event, const struct stream_call *call)
{
    /* one id in eleven is longer than a leg keeps, and differs from others only in the part kept */
    const char *form = call->number % 11 == 3
                           ? "1795284%03u.averyveryveryveryveryveryveryveryveryveryveryveryveryveryveryverylong"
                             "callidthatnobodyeversawyet"
                           : "1795284531.%u";
    event->call_id = text(stream, 0, form, call->number);
    event->queue = text(stream, 1, "queue%u", call->queue);
    event->operator_name = text(stream, 2, "PJSIP/%u", call->operator_number);
}

static int64_t reported(struct stream *stream, int64_t true_ms)
{
    struct rng *rng = &stream->rng;
    if (!rng_chance(rng, stream->options.odd_percent)) {
        return true_ms / 1000 * 1000;
    }
    const int64_t odd[] = {EVENT_UNKNOWN,           EVENT_UNKNOWN,
                           true_ms + 1000,          true_ms - 1000,
                           true_ms + 5000,          -1000,
                           INT64_MAX / 1000 * 1000, -(INT64_MAX / 1000 * 1000),
                           2 * 86400000 + 1000,     rng_between(rng, 0, 200000)};
    return odd[rng_below(rng, sizeof odd / sizeof odd[0])];
}

static void enter(struct stream *stream, struct call_event *event, struct stream_call *call)
{
    struct rng *rng = &stream->rng;
    bool again = call->number > 0 && rng_chance(rng, 25); /* the same call goes on in another queue */
    call->number = again ? call->number : ++stream->calls_made;
    call->queue = (unsigned)rng_below(rng, 4);
    call->state = 1;
    call->enter_ms = event->at_ms;
    event->kind = EVENT_ENTER;
    set_call(stream, event, call);
    event->operator_name = slice_make("", 0);
    event->caller = text(stream, 3, "+3491%u", call->number % 7);
    event->position = rng_between(rng, 0, 5);
}

static void leave_waiting(struct stream *stream, struct call_event *event, struct stream_call *call)
{
    struct rng *rng = &stream->rng;
    static const enum event_kind kinds[] = {EVENT_ABANDON,  EVENT_ABANDON,  EVENT_EXIT_TIMEOUT,   EVENT_EXIT_EMPTY,
                                            EVENT_EXIT_KEY, EVENT_WITHDRAW, EVENT_RING_NO_ANSWER, EVENT_OPERATOR_DUMP};
    if (rng_chance(rng, 65)) {
        event->kind = EVENT_CONNECT;
        call->operator_number = (unsigned)rng_below(rng, 5);
        call->connect_ms = event->at_ms;
        call->state = 2;
        event->ring_ms = reported(stream, rng_between(rng, 0, 9000));
    } else {
        event->kind = kinds[rng_below(rng, sizeof kinds / sizeof kinds[0])];
        call->state = event->kind == EVENT_RING_NO_ANSWER || event->kind == EVENT_OPERATOR_DUMP ? 1 : 0;
    }
    set_call(stream, event, call);
    event->wait_ms = reported(stream, event->at_ms - call->enter_ms);
    event->original_position = rng_between(rng, 0, 5);
}

static void leave_talking(struct stream *stream, struct call_event *event, struct stream_call *call)
{
    static const enum event_kind kinds[] = {EVENT_COMPLETE_OPERATOR,
                                            EVENT_COMPLETE_CALLER,
                                            EVENT_COMPLETE_CALLER,
                                            EVENT_TRANSFER_BLIND,
                                            EVENT_TRANSFER_ATTENDED,
                                            EVENT_HOLD,
                                            EVENT_UNHOLD};
    event->kind = kinds[rng_below(&stream->rng, sizeof kinds / sizeof kinds[0])];
    set_call(stream, event, call);
    event->wait_ms = reported(stream, call->connect_ms - call->enter_ms);
    event->talk_ms = reported(stream, event->at_ms - call->connect_ms);
    if (event->kind != EVENT_HOLD && event->kind != EVENT_UNHOLD) {
        call->state = 0;
    }
}

/* A row that does not belong here: any kind, of a call, queue and operator that need not fit. */
static void make_odd(struct stream *stream, struct call_event *event)
{
    struct rng *rng = &stream->rng;
    event->kind = (enum event_kind)rng_below(rng, EVENT_KIND_COUNT);
    if (event->kind == EVENT_RESTART && !rng_chance(rng, 10)) {
        event->kind = EVENT_CONNECT;
    }
    switch (rng_below(rng, 6)) {
    case 0: event->call_id = slice_make("", 0); break;
    case 1: event->queue = slice_make("", 0); break;
    case 2: event->operator_name = text(stream, 2, "PJSIP/%u", (unsigned)rng_below(rng, 9)); break;
    case 3: event->call_id = text(stream, 0, "1795284531.%u", (unsigned)rng_below(rng, stream->calls_made + 2)); break;
    case 4: event->queue = text(stream, 1, "queue%u", (unsigned)rng_below(rng, 5)); break;
    default: break;
    }
}

static void move_clock(struct stream *stream)
{
    struct rng *rng = &stream->rng;
    if (rng_below(rng, 1000) < stream->options.steps_per_mille) {
        stream->now_ms += rng_between(rng, -4, 4) * DAY_MS + rng_between(rng, -3600, 3600) * 1000;
    } else if (rng_chance(rng, 1)) {
        stream->now_ms += rng_between(rng, 0, 30 * 3600) * 1000; /* a night, or more than a day */
    } else {
        stream->now_ms += rng_chance(rng, 40) ? 0 : rng_between(rng, 0, 20000) / 500 * 500;
    }
}

struct call_event stream_next(struct stream *stream)
{
    struct rng *rng = &stream->rng;
    move_clock(stream);
    struct call_event event = {.at_ms = stream->now_ms,
                               .wait_ms = EVENT_UNKNOWN,
                               .talk_ms = EVENT_UNKNOWN,
                               .ring_ms = EVENT_UNKNOWN,
                               .position = EVENT_UNKNOWN,
                               .original_position = EVENT_UNKNOWN};
    if (rng_chance(rng, stream->options.late_percent)) {
        event.at_ms -= rng_between(rng, 0, rng_chance(rng, 80) ? 30 : 20 * 3600) * 1000;
    }
    struct stream_call *call = &stream->calls[rng_below(rng, STREAM_CALLS)];
    if (call->state == 0) {
        enter(stream, &event, call);
    } else if (call->state == 1) {
        leave_waiting(stream, &event, call);
    } else {
        leave_talking(stream, &event, call);
    }
    if (rng_chance(rng, stream->options.odd_percent)) {
        make_odd(stream, &event);
    } else if (rng_below(rng, 1000) < stream->options.odd_percent / 3) {
        event.kind = EVENT_RESTART;
    }
    return event;
}
