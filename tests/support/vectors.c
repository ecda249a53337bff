#include "tests/support/vectors.h"

#include <stdlib.h>

#include "platform/base/wire.h"
#include "proto/message.h"

static const int64_t now_ms = INT64_C(1790000123456);
static const int64_t start_s = INT64_C(1789999200);

#define EPOCH                                                                                                          \
    {                                                                                                                  \
        0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15                                                        \
    }

static void must(int status)
{
    if (status != 0) {
        abort();
    }
}

static void hello_of(uint32_t protocol, struct buf *out)
{
    must(message_hello_encode(
        &(struct message_hello){
            .protocol = protocol,
            .site = slice_str("hamburg-2"),
            .epoch = EPOCH,
            .agent_version = slice_str("0.1.0"),
            .zone = slice_str("Europe/Berlin"),
            .interval_s = 900,
            .now_ms = now_ms,
            .first_start_s = INT64_C(1780000200),
            .instance = {9, 8, 7, 6, 5, 4, 3, 2},
        },
        out));
}

static void hello(struct buf *out)
{
    hello_of(2, out);
}

static void hello_protocol_3(struct buf *out)
{
    hello_of(3, out);
}

static void hello_reply(struct buf *out)
{
    must(message_hello_reply_encode(
        &(struct message_hello_reply){
            .protocol = 2, .now_ms = now_ms + 40, .payload_max = 61440, .collector_version = slice_str("0.1.0")},
        out));
}

static void hello_reply_store(struct buf *out)
{
    must(message_hello_reply_encode(&(struct message_hello_reply){.protocol = 2,
                                                                  .now_ms = now_ms + 40,
                                                                  .payload_max = 61440,
                                                                  .collector_version = slice_str("0.1.0"),
                                                                  .has_store = true,
                                                                  .store = {0, 0x11, 0x22, 0x33, 0, 0x55, 0x66, 0}},
                                    out));
}

static const struct message_queue sales = {
    1, {"sales", 5}, {"Verkauf und Händler", 20}, 0, 20000, 5000,
};
static const struct message_queue support = {70000, {"support", 7}, {"", 0}, 2, 30000, 0};

static void add(struct summary *sum, enum duration_kind kind, int64_t value_ms)
{
    must(summary_add_duration(sum, kind, value_ms));
}

/* Three calls answered, one lost to impatience, in whole seconds. */
static void fill_plain(struct summary *sum)
{
    static const int64_t waits[] = {4000, 4000, 31000};
    static const int64_t talks[] = {65000, 1203000, 240000};
    sum->flow[FLOW_ENTERED] = sum->cohort[COHORT_ENTERED] = 4;
    sum->flow[FLOW_ANSWERED] = sum->cohort[COHORT_ANSWERED] = 3;
    sum->flow[FLOW_ABANDONED] = sum->cohort[COHORT_ABANDONED] = 1;
    sum->flow[FLOW_RING_NO_ANSWER] = 2;
    sum->waiting_max = 2;
    for (int i = 0; i < 3; i++) {
        add(sum, DURATION_WAIT_ANSWERED, waits[i]);
        add(sum, DURATION_RING, 1000 * (i + 1));
        add(sum, DURATION_TALK, talks[i]);
        add(sum, DURATION_HANDLE, talks[i]);
    }
    add(sum, DURATION_WAIT_ABANDONED, 9000);
}

/* Milliseconds, a hold, and callers who were waiting at both edges. */
static void fill_fine(struct summary *sum)
{
    sum->flow[FLOW_ENTERED] = 2;
    sum->flow[FLOW_ANSWERED] = 1;
    sum->flow[FLOW_EXIT_KEY] = 1;
    sum->flow[FLOW_EXIT_TIMEOUT] = 1;
    sum->cohort[COHORT_ENTERED] = 2;
    sum->cohort[COHORT_ABANDONED] = 1;
    sum->cohort[COHORT_EXIT_TIMEOUT] = 1;
    sum->waiting_start = 2;
    sum->waiting_end = 1;
    sum->waiting_max = 3;
    add(sum, DURATION_WAIT_ANSWERED, 12345);
    add(sum, DURATION_RING, 2718);
    add(sum, DURATION_TALK, 100001);
    add(sum, DURATION_HOLD, 20002);
    add(sum, DURATION_HANDLE, 120003);
    add(sum, DURATION_WAIT_EXIT, 45678);
    add(sum, DURATION_WAIT_KEY, 999);
}

/* The largest numbers, values beyond the last bin, and a talk without handle. */
static void fill_extreme(struct summary *sum)
{
    for (int i = 0; i < FLOW_COUNT; i++) {
        sum->flow[i] = i % 2 ? UINT32_MAX : 0;
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        sum->cohort[i] = i % 2 ? 0 : UINT32_MAX;
    }
    sum->waiting_start = sum->waiting_end = sum->waiting_max = UINT32_MAX;
    add(sum, DURATION_TALK, UINT32_MAX);
    add(sum, DURATION_TALK, 0);
    sum->duration[DURATION_TALK].hist.bins[0].count = UINT32_MAX;
    sum->duration[DURATION_TALK].hist.total = UINT64_C(1) + UINT32_MAX;
    sum->duration[DURATION_TALK].sum_ms = INT64_MAX;
}

static void batch_of(const struct message_batch_head *head, bool names, struct buf *out)
{
    static void (*const fills[])(struct summary *) = {fill_plain, fill_fine, summary_clear, fill_extreme, fill_plain};
    struct message_batch_writer *writer = NULL;
    must(message_batch_writer_new(&writer));
    message_batch_begin(writer, head);
    if (names) {
        must(message_batch_add_queue(writer, &sales, SIZE_MAX));
        must(message_batch_add_queue(writer, &support, SIZE_MAX));
    }
    struct message_interval interval = {0};
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        interval.queue = i % 2 ? support.number : sales.number;
        interval.start_s = start_s - 900 * (int64_t)(i / 2 * 3);
        interval.revision = 40 + i * i - 3 * i;
        interval.open = i == 0;
        summary_clear(&interval.sum);
        fills[i](&interval.sum);
        must(message_batch_add(writer, &interval, SIZE_MAX));
    }
    must(message_batch_end(writer, out));
    summary_deinit(&interval.sum);
    message_batch_writer_free(writer);
}

static void batch_protocol_1(struct buf *out)
{
    batch_of(&(struct message_batch_head){1, slice_str("hamburg-2"), EPOCH, 900}, true, out);
}

static void batch_protocol_2(struct buf *out)
{
    batch_of(&(struct message_batch_head){2, slice_str("hamburg-2"), EPOCH, 300}, false, out);
}

static void batch_protocol_3(struct buf *out)
{
    batch_of(&(struct message_batch_head){3, slice_str("hamburg-2"), EPOCH, 900}, true, out);
}

enum { LATER_FIELD = 1000 };

static void put_tag(struct buf *out, uint64_t field, unsigned wire_type)
{
    wire_put_varint(out, field << 3 | wire_type);
}

/* What a later version may add: a field of each wire type. */
static void put_later_fields(struct buf *out)
{
    put_tag(out, LATER_FIELD, 0);
    wire_put_varint(out, 5);
    put_tag(out, LATER_FIELD + 1, 1);
    wire_put_u64(out, 5);
    put_tag(out, LATER_FIELD + 2, 2);
    wire_put_bytes(out, slice_str("later"));
    put_tag(out, LATER_FIELD + 3, 5);
    wire_put_u32(out, 5);
}

static void batch_unknown_fields(struct buf *out)
{
    struct buf interval = BUF_INIT;
    put_later_fields(out);
    batch_protocol_2(out);
    put_tag(&interval, 1, 0); /* queue 5 */
    wire_put_varint(&interval, 5);
    put_later_fields(&interval);
    put_tag(out, 7, 2); /* intervals */
    wire_put_bytes(out, buf_slice(&interval));
    put_later_fields(out);
    buf_deinit(&interval);
}

static void batch_reply(struct buf *out)
{
    const struct message_item_reply items[] = {
        {0, MESSAGE_STALE, 7, {0}},
        {3, MESSAGE_CONFLICT, UINT32_MAX, {0}},
        {511, MESSAGE_REFUSED, 0, slice_str("the interval begins two days ahead")},
    };
    must(message_batch_reply_encode(&(struct message_batch_reply){items, 3, true}, out));
}

static void live(struct buf *out)
{
    const struct message_queue queues[] = {sales, support};
    const struct message_live_queue view[] = {
        {1, 3, now_ms - 61000, 5, 0, -1, -1, -1, -1},
        {70000, 0, 0, 0, 4, 2, -1, -1, -1},
        {3, 1, now_ms + 500, 0, -1, -1, -1, -1, -1},
    };
    const uint64_t quality[] = {0, 12, UINT64_C(1) << 40, 0};
    const struct message_gap gaps[] = {{now_ms - 90000, now_ms - 30000, slice_str("log rotated away unread")}};
    must(message_live_encode(
        &(struct message_live){
            .now_ms = now_ms,
            .dirty = 3,
            .oldest_dirty_s = start_s,
            .lag_ms = 120,
            .all = true,
            .refused = 1,
            .queues = queues,
            .queue_count = 2,
            .live = view,
            .live_count = 3,
            .quality = quality,
            .quality_count = 4,
            .gaps = gaps,
            .gap_count = 1,
        },
        out));
}

static void live_operators(struct buf *out)
{
    const struct message_live_queue view[] = {{1, 2, now_ms - 1, 4, 1, 2, 1, 8, 5}, {2, 0, 0, 0, 0, 0, 0, 0, 0}};
    const struct message_live_operator operators[] = {
        {slice_str("Ana García"), SHIFT_TALK, now_ms - 93000, 1, slice_str("")},
        {slice_str("o-5f2c9a"), SHIFT_PAUSED, now_ms + 20, 0, slice_str("lunch")},
        {slice_str("SIP/101"), SHIFT_READY, 0, 0, slice_str("")},
        {slice_str("gone"), SHIFT_OFF, now_ms, 0, slice_str("")},
    };
    const struct message_gap gaps[] = {{now_ms - 500, now_ms, slice_str("the log was not there")}};
    const struct message_gap live_gaps[] = {{now_ms - 9000, now_ms - 1000, slice_str("no manager connection")},
                                            {now_ms - 900, now_ms - 900, slice_str("")}};
    must(message_live_encode(
        &(struct message_live){
            .now_ms = now_ms,
            .lag_ms = 0,
            .live = view,
            .live_count = 2,
            .operators = operators,
            .operator_count = 4,
            .operators_all = true,
            .operators_more = 17,
            .heartbeat_s = 30,
            .gaps = gaps,
            .gap_count = 1,
            .live_gaps = live_gaps,
            .live_gap_count = 2,
        },
        out));
}

static void live_operators_unknown(struct buf *out)
{
    const struct message_live_queue view[] = {{1, 2, now_ms - 1, 4, -1, -1, -1, -1, -1}};
    must(message_live_encode(
        &(struct message_live){.now_ms = now_ms, .lag_ms = 0, .live = view, .live_count = 1, .operators_unknown = true},
        out));
}

/* A heartbeat of a later version: fields that nobody knows yet, of every wire type. */
static void live_unknown_fields(struct buf *out)
{
    static const uint8_t later[] = {0xc0, 0x0c, 0x07, 0xca, 0x0c, 0x02, 'h', 'i', 0xd1, 0x0c, 1, 2, 3, 4, 5, 6, 7, 8};
    live_operators_unknown(out);
    buf_append(out, later, sizeof later);
}

static void live_heartbeat(struct buf *out)
{
    must(message_live_encode(&(struct message_live){.now_ms = now_ms, .lag_ms = -1}, out));
}

const struct vector vectors[] = {
    {"hello", hello, vectors_tell_hello},
    {"hello_protocol_3", hello_protocol_3, vectors_tell_hello},
    {"hello_reply", hello_reply, vectors_tell_hello_reply},
    {"hello_reply_store", hello_reply_store, vectors_tell_hello_reply},
    {"batch_protocol_1", batch_protocol_1, vectors_tell_batch},
    {"batch_protocol_2", batch_protocol_2, vectors_tell_batch},
    {"batch_protocol_3", batch_protocol_3, vectors_tell_batch},
    {"batch_unknown_fields", batch_unknown_fields, vectors_tell_batch},
    {"batch_reply", batch_reply, vectors_tell_batch_reply},
    {"live", live, vectors_tell_live},
    {"live_heartbeat", live_heartbeat, vectors_tell_live},
    {"live_operators", live_operators, vectors_tell_live},
    {"live_operators_unknown", live_operators_unknown, vectors_tell_live},
    {"live_unknown_fields", live_unknown_fields, vectors_tell_live},
};
const size_t vector_count = sizeof vectors / sizeof *vectors;
