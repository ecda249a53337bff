/* The input is an AMI stream. Bytes from 128 on stand for lines that matter, the first few control bytes for time that
 * passes and for marks; all else is taken as it stands. What is told must be possible: see the model below. */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "agent/source/ami_calls.h"
#include "platform/base/grow.h"
#include "tests/fuzz/fuzz.h"

static const char *const lines[] = {
    "\r\n",
    "Event: QueueCallerJoin\r\n",
    "Event: QueueCallerLeave\r\n",
    "Event: QueueCallerAbandon\r\n",
    "Event: AgentCalled\r\n",
    "Event: AgentConnect\r\n",
    "Event: AgentComplete\r\n",
    "Event: AgentDump\r\n",
    "Event: AgentRingNoAnswer\r\n",
    "Event: DialEnd\r\n",
    "Event: Hangup\r\n",
    "Event: HangupRequest\r\n",
    "Event: SoftHangupRequest\r\n",
    "Event: Hold\r\n",
    "Event: Unhold\r\n",
    "Event: BlindTransfer\r\nResult: Success\r\n",
    "Event: AttendedTransfer\r\nResult: Success\r\n",
    "Event: Newexten\r\nApplication: Queue\r\nAppData: q,t\r\n",
    "Event: VarSet\r\nVariable: QUEUESTATUS\r\n",
    "Event: CEL\r\nApplication: Queue\r\nAppData: q,t\r\n",
    "Event: Cdr\r\nLastApplication: Queue\r\nLastData: q,t\r\nDuration: 0\r\n",
    "Event: QueueEntry\r\nWait: 5\r\n",
    "Event: QueueMember\r\nLocation: PJSIP/1\r\n",
    "Event: QueueMemberStatus\r\n",
    "Event: QueueMemberRemoved\r\n",
    "Event: CoreShowChannel\r\nApplication: Queue\r\nApplicationData: q,t\r\nBridgeId: b\r\n",
    "Event: CoreShowChannel\r\nApplication: AppQueue\r\nChannel: PJSIP/1-01\r\nBridgeId: b\r\n",
    "Event: CoreShowChannelsComplete\r\n\r\n",
    "Event: QueueStatusComplete\r\n\r\n",
    "Event: FullyBooted\r\nUptime: 1\r\n\r\n",
    "Event: Shutdown\r\n\r\n",
    "Response: Success\r\nCoreStartupDate: 1\r\nCoreStartupTime: 1\r\n\r\n",
    "Response: Success\r\nCoreStartupDate: 1\r\nCoreStartupTime: 2\r\n\r\n",
    "Uniqueid: 1.1\r\n",
    "Uniqueid: 1.2\r\n",
    "Uniqueid: 1.3\r\n",
    "Uniqueid: 2.1\r\n",
    "Linkedid: 1.1\r\n",
    "Linkedid: 2.1\r\n",
    "DestUniqueid: 1.2\r\n",
    "DestUniqueid: 1.3\r\n",
    "Queue: q\r\n",
    "Queue: r\r\n",
    "Interface: PJSIP/1\r\nMemberName: ana\r\n",
    "Interface: PJSIP/2\r\nMemberName: bob\r\n",
    "TransfererUniqueid: 1.2\r\n",
    "OrigTransfererUniqueid: 1.2\r\n",
    "TransfereeUniqueid: 1.1\r\n",
    "Reason: transfer\r\n",
    "Reason: caller\r\n",
    "DialStatus: ANSWER\r\n",
    "DialStatus: CANCEL\r\n",
    "TalkTime: 2\r\nHoldTime: 3\r\n",
    "Value: TIMEOUT\r\n",
    "Value: FULL\r\n",
    "EventName: APP_START\r\n",
    "EventName: APP_END\r\n",
    "Paused: 1\r\n",
    "Status: 2\r\n",
    "Channel: PJSIP/1-01\r\n",
    "Timestamp: 1795284000.5\r\n",
};

enum { CALL_ID_MAX = 95, NAME_MAX_BYTES = 255 };

/* What was told of one call in one queue. */
struct stay {
    char call_id[CALL_ID_MAX + 1];
    char queue[NAME_MAX_BYTES + 1];
    int waiting;
    int talking;
    int held;
    bool twins; /* two conversations at once under these two names: whose hold it is cannot be told from here */
};

struct ringing {
    char call_id[CALL_ID_MAX + 1];
    char queue[NAME_MAX_BYTES + 1];
    char interface[NAME_MAX_BYTES + 1];
    int count;
};

struct model {
    struct stay *stays;
    size_t stay_count, stay_cap;
    struct ringing *rings;
    size_t ring_count, ring_cap;
};

static void copy(char *to, size_t size, struct slice from)
{
    FUZZ_CHECK(from.len < size);
    memcpy(to, from.data, from.len);
    to[from.len] = 0;
}

static struct stay *find_stay(struct model *model, struct slice call_id, struct slice queue)
{
    for (size_t i = 0; i < model->stay_count; i++) {
        if (slice_is(call_id, model->stays[i].call_id) && slice_is(queue, model->stays[i].queue)) {
            return &model->stays[i];
        }
    }
    model->stays = grow_array(model->stays, model->stay_count, &model->stay_cap, sizeof *model->stays);
    FUZZ_CHECK(model->stays);
    struct stay *stay = &model->stays[model->stay_count++];
    *stay = (struct stay){.waiting = 0};
    copy(stay->call_id, sizeof stay->call_id, call_id);
    copy(stay->queue, sizeof stay->queue, queue);
    return stay;
}

static struct ringing *find_ring(struct model *model, const struct call_event *event)
{
    for (size_t i = 0; i < model->ring_count; i++) {
        struct ringing *ring = &model->rings[i];
        if (slice_is(event->call_id, ring->call_id) && slice_is(event->queue, ring->queue) &&
            slice_is(event->interface, ring->interface)) {
            return ring;
        }
    }
    model->rings = grow_array(model->rings, model->ring_count, &model->ring_cap, sizeof *model->rings);
    FUZZ_CHECK(model->rings);
    struct ringing *ring = &model->rings[model->ring_count++];
    *ring = (struct ringing){.count = 0};
    copy(ring->call_id, sizeof ring->call_id, event->call_id);
    copy(ring->queue, sizeof ring->queue, event->queue);
    copy(ring->interface, sizeof ring->interface, event->interface);
    return ring;
}

static void forget_rings(struct model *model)
{
    model->ring_count = 0;
    for (size_t i = 0; i < model->stay_count; i++) {
        model->stays[i].held = 0;
    }
}

static void check_ring(struct model *model, const struct call_event *event)
{
    struct ringing *ring = find_ring(model, event);
    if (event->kind == EVENT_RING) {
        ring->count++;
    } else if (ring->count > 0) {
        ring->count--;
    } else {
        FUZZ_CHECK(event->kind != EVENT_RING_CANCELED);
    }
}

static void check_stay(struct model *model, const struct call_event *event)
{
    struct stay *stay = find_stay(model, event->call_id, event->queue);
    switch (event->kind) {
    case EVENT_ENTER: stay->waiting++; break;
    case EVENT_CONNECT:
        stay->waiting--;
        stay->talking++;
        break;
    case EVENT_COMPLETE_OPERATOR:
    case EVENT_COMPLETE_CALLER:
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED: stay->talking--; break;
    case EVENT_LOST: stay->talking > 0 && event->operator_name.len > 0 ? stay->talking-- : stay->waiting--; break;
    case EVENT_HOLD: stay->held++; break;
    case EVENT_UNHOLD: stay->held--; break;
    default: stay->waiting--; break;
    }
    stay->held = stay->held > stay->talking && event->kind != EVENT_HOLD ? stay->talking : stay->held;
    stay->twins = stay->twins || stay->talking > 1;
    FUZZ_CHECK(stay->waiting >= 0 && stay->talking >= 0);
    FUZZ_CHECK(stay->twins || (stay->held >= 0 && stay->held <= stay->talking));
}

static int put(void *ctx, const struct call_event *event)
{
    struct model *model = ctx;
    FUZZ_CHECK(event->kind > EVENT_NONE && event->kind < EVENT_KIND_COUNT);
    FUZZ_CHECK(event->wait_ms >= -1 || event->wait_ms == EVENT_UNKNOWN);
    FUZZ_CHECK(event->talk_ms >= 0 || event->talk_ms == EVENT_UNKNOWN);
    FUZZ_CHECK(event->ring_ms >= 0 || event->ring_ms == EVENT_UNKNOWN);
    FUZZ_CHECK((event->kind == EVENT_MEMBER_STATE) == (event->member != NULL));
    switch (event->kind) {
    case EVENT_RESTART:
        forget_rings(model);
        model->stay_count = 0;
        break;
    case EVENT_MEMBER_STATE:
    case EVENT_MEMBER_REMOVE: FUZZ_CHECK(event->queue.len > 0 && event->interface.len > 0); break;
    case EVENT_BLOCKED:
    case EVENT_LEAVE:
    case EVENT_OPERATOR_DUMP: FUZZ_CHECK(event->call_id.len > 0 && event->queue.len > 0); break;
    case EVENT_RING:
    case EVENT_RING_NO_ANSWER:
    case EVENT_RING_CANCELED: check_ring(model, event); break;
    default:
        FUZZ_CHECK(event->call_id.len > 0 && event->queue.len > 0);
        if (event->kind == EVENT_CONNECT) {
            struct ringing *ring = find_ring(model, event);
            ring->count -= ring->count > 0;
        }
        check_stay(model, event);
    }
    return 0;
}

struct run {
    struct ami_calls *calls;
    struct ami_frame *frame;
    struct model model;
    int64_t now_ms;
};

static int take_message(void *ctx, const struct ami_message *message)
{
    struct run *run = ctx;
    FUZZ_CHECK(ami_calls_message(run->calls, message, run->now_ms) == 0);
    return 0;
}

static void take(struct run *run, const char *data, size_t len)
{
    struct ami_frame_sink sink = {.message = take_message, .ctx = run};
    FUZZ_CHECK(ami_frame_take(run->frame, slice_make(data, len), &sink) == 0);
}

static void mark(struct run *run, enum ami_mark which)
{
    FUZZ_CHECK(ami_calls_mark(run->calls, which, run->now_ms) == 0);
    if (which == AMI_MARK_DOWN) {
        forget_rings(&run->model);
        ami_frame_reset(run->frame);
        take(run, "Asterisk Call Manager/1\r\n", 25);
    }
}

static struct ami_calls_held held_by(const struct run *run)
{
    struct ami_calls_held held;
    ami_calls_held(run->calls, &held);
    return held;
}

static void restore(struct run *run, bool talks)
{
    struct ami_calls_open open = {slice_str("1.1"), slice_str("q"), slice_str(talks ? "ana" : ""), run->now_ms - 9000,
                                  talks ? run->now_ms - 5000 : 0};
    uint32_t before = held_by(run).calls;
    FUZZ_CHECK(ami_calls_restore(run->calls, &open) == 0);
    if (held_by(run).calls == before) {
        return;
    }
    struct stay *stay = find_stay(&run->model, open.call_id, open.queue);
    *(talks ? &stay->talking : &stay->waiting) += 1;
}

static void take_byte(struct run *run, uint8_t byte)
{
    static const int64_t pauses_ms[] = {200, 3000, 600000, -3600000};
    switch (byte) {
    case 1:
    case 2:
    case 3:
    case 4:
        run->now_ms += pauses_ms[byte - 1];
        FUZZ_CHECK(ami_calls_tick(run->calls, run->now_ms) == 0);
        break;
    case 5: mark(run, AMI_MARK_SNAPSHOT_BEGIN); break;
    case 6: mark(run, AMI_MARK_SNAPSHOT_END); break;
    case 7: mark(run, AMI_MARK_DOWN); break;
    case 8: run->now_ms += 1; break;
    default:
        if (byte >= 128) {
            const char *line = lines[(byte - 128) % (sizeof lines / sizeof lines[0])];
            take(run, line, strlen(line));
        } else {
            take(run, (const char *)&byte, 1);
        }
    }
}

static void check_open(const struct run *run)
{
    int open = 0;
    for (size_t i = 0; i < run->model.stay_count; i++) {
        open += run->model.stays[i].waiting + run->model.stays[i].talking;
    }
    FUZZ_CHECK((uint32_t)open == held_by(run).calls);
    struct ami_calls_held held = held_by(run);
    FUZZ_CHECK(held.awaited <= 3 * held.calls);
    FUZZ_CHECK(open > 0 || (held.rings == 0 && held.links == 0 && held.awaited == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.now_ms = INT64_C(1795284000000)};
    struct event_sink sink = {put, &run.model};
    FUZZ_CHECK(ami_calls_new(&sink, &run.calls) == 0);
    FUZZ_CHECK(ami_frame_new(&run.frame) == 0);
    take(&run, "Asterisk Call Manager/1\r\n", 25);
    size_t at = 0;
    for (; at < size && (data[at] == 11 || data[at] == 12); at++) {
        restore(&run, data[at] == 12);
    }
    for (; at < size; at++) {
        take_byte(&run, data[at]);
    }
    check_open(&run);
    ami_calls_free(run.calls);
    ami_frame_free(run.frame);
    free(run.model.stays);
    free(run.model.rings);
    return 0;
}
