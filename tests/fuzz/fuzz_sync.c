/* The input is what a collector does to the agent's sync engine, step after step: each begins with a byte,
 *   0 connected: message limit (u16)        1 closed
 *   2 answered: which request (u8), code (u8), max-age (u8), length (u16, big-endian), payload
 *   3 time passes: tenths of a second (u8)   4 a commit: queue (u8), calls (u8)
 *   5 answered as it should be: a good greeting, or all of the batch taken
 * A mark may go only by an answer that says so, and the engine always says when it wants to be called again. */
#include <string.h>

#include "agent/ledger/ledger_write.h"
#include "agent/sync/sync.h"
#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

enum { REQUESTS_MAX = 64, STEPS_MAX = 200, QUEUES = 3 };
#define START_S INT64_C(1795284000)

struct request {
    enum sync_resource resource;
    uint64_t tag;
};

struct bench {
    struct temp_dir dir;
    struct ledger *ledger;
    struct sync *sync;
    struct request requests[REQUESTS_MAX];
    size_t request_count;
    uint64_t taken; /* batches that were answered in a way that may settle marks */
    int64_t now_ms;
    unsigned commits;
    bool connecting;
    bool up;
};

static void do_connect(void *ctx)
{
    struct bench *bench = ctx;
    FUZZ_CHECK(!bench->up);
    bench->connecting = true;
}

static void do_close(void *ctx)
{
    struct bench *bench = ctx;
    bench->up = false;
    bench->connecting = false;
    bench->request_count = 0;
}

static int do_request(void *ctx, enum sync_resource resource, struct slice payload, uint64_t tag)
{
    struct bench *bench = ctx;
    FUZZ_CHECK(bench->up && payload.len > 0 && payload.len <= 65536);
    if (bench->request_count == REQUESTS_MAX) {
        return STATUS_FULL;
    }
    bench->requests[bench->request_count++] = (struct request){resource, tag};
    return 0;
}

static double half(void *ctx)
{
    (void)ctx;
    return 0.5;
}

static void turn(struct bench *bench)
{
    int64_t next_ms = sync_turn(bench->sync, bench->now_ms, START_S * 1000 + bench->now_ms);
    FUZZ_CHECK(next_ms >= 0);
}

static void commit(struct bench *bench, uint32_t queue, unsigned calls)
{
    struct summary sum = {0};
    sum.flow[FLOW_ENTERED] = calls;
    sum.flow[FLOW_LOST] = calls;
    FUZZ_CHECK(ledger_begin(bench->ledger, START_S * 1000 + bench->now_ms) == 0);
    ledger_put_interval(bench->ledger, queue, START_S - 900 * (1 + (int64_t)(bench->commits++ % 40)), &sum);
    FUZZ_CHECK(ledger_end(bench->ledger) == 0);
    summary_deinit(&sum);
    sync_committed(bench->sync, bench->now_ms);
}

static uint64_t marks(struct bench *bench)
{
    struct ledger_view *view = NULL;
    struct ledger_backlog backlog;
    FUZZ_CHECK(ledger_view_begin(bench->ledger, &view) == 0);
    FUZZ_CHECK(ledger_view_backlog(view, &backlog) == 0);
    ledger_view_end(view);
    return backlog.dirty + backlog.refused;
}

static void open_bench(struct bench *bench)
{
    *bench = (struct bench){.now_ms = 1000};
    temp_dir_make(&bench->dir);
    struct ledger_options ledger = {.dir = bench->dir.path,
                                    .site = "madrid-01",
                                    .map_bytes = 1 << 20,
                                    .reserve_percent = 20,
                                    .interval_s = 900,
                                    .now_ms = START_S * 1000};
    FUZZ_CHECK(ledger_open_writer(&ledger, &bench->ledger) == 0);
    for (uint32_t i = 1; i <= QUEUES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "queue %u", i);
        FUZZ_CHECK(intern_put(ledger_names(bench->ledger, LEDGER_QUEUE), slice_str(name)) == i);
    }
    struct sync_options options = {
        .ledger = bench->ledger,
        .site = "madrid-01",
        .agent_version = "0.1.0",
        .zone = "UTC",
        .live = true,
        .live_min_ms = 5000,
        .heartbeat_ms = 30000,
        .open_min_ms = 60000,
        .retry_min_ms = 1000,
        .retry_max_ms = 60000,
        .window = 4,
        .payload_max = 4096,
        .random = half,
        .transport = {.ctx = bench, .connect = do_connect, .close = do_close, .request = do_request}};
    FUZZ_CHECK(sync_new(&options, bench->now_ms, &bench->sync) == 0);
    for (uint32_t i = 0; i < 6; i++) {
        commit(bench, 1 + i % QUEUES, 1 + i);
    }
}

static void answer(struct bench *bench, size_t at, unsigned code, uint32_t max_age_s, struct slice payload)
{
    struct request request = bench->requests[at];
    memmove(bench->requests + at, bench->requests + at + 1, (bench->request_count - at - 1) * sizeof request);
    bench->request_count--;
    bench->taken += request.resource == SYNC_SUMMARIES && code / 100 == 2;
    sync_answered(bench->sync, bench->now_ms, START_S * 1000 + bench->now_ms, request.tag, code, max_age_s, payload);
}

static void answer_well(struct bench *bench)
{
    struct buf bytes = BUF_INIT;
    const struct message_hello_reply hello = {.protocol = MESSAGE_PROTOCOL,
                                              .now_ms = START_S * 1000 + bench->now_ms,
                                              .payload_max = 16384,
                                              .collector_version = slice_str("0.1.0")};
    const struct message_batch_reply batch = {.item_count = 0};
    bool greeting = bench->requests[0].resource == SYNC_HELLO;
    FUZZ_CHECK((greeting ? message_hello_reply_encode(&hello, &bytes) : message_batch_reply_encode(&batch, &bytes)) ==
               0);
    answer(bench, 0, 204, 0, buf_slice(&bytes));
    buf_deinit(&bytes);
}

static size_t step(struct bench *bench, const uint8_t *data, size_t size)
{
    switch (data[0] % 6) {
    case 0:
        if (size >= 3 && bench->connecting) {
            bench->connecting = false;
            bench->up = true;
            sync_connected(bench->sync, bench->now_ms, (uint32_t)(data[1] << 8 | data[2]) + 64);
        }
        return 3;
    case 1:
        if (bench->up || bench->connecting) {
            do_close(bench);
            sync_closed(bench->sync, bench->now_ms, "closed");
        }
        return 1;
    case 2:
        if (size >= 6 && bench->request_count > 0) {
            size_t len = (size_t)data[4] << 8 | data[5];
            len = len < size - 6 ? len : size - 6;
            answer(bench, data[1] % bench->request_count, (unsigned)(data[2] >> 5) * 100 + (data[2] & 31), data[3],
                   slice_make((const char *)data + 6, len));
            return 6 + len;
        }
        return 6;
    case 3: bench->now_ms += size >= 2 ? data[1] * INT64_C(100) : 0; return 2;
    case 4:
        if (size >= 3) {
            commit(bench, 1 + data[1] % QUEUES, data[2]);
        }
        return 3;
    default:
        if (bench->request_count > 0) {
            answer_well(bench);
        }
        return 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench bench;
    open_bench(&bench);
    turn(&bench);
    size_t at = 0;
    for (unsigned i = 0; i < STEPS_MAX && at < size; i++) {
        uint64_t before = marks(&bench);
        uint64_t taken = bench.taken;
        at += step(&bench, data + at, size - at);
        turn(&bench);
        FUZZ_CHECK(marks(&bench) >= before || bench.taken > 0 || taken > 0);
    }
    sync_free(bench.sync);
    ledger_close(bench.ledger);
    temp_dir_remove(&bench.dir);
    return 0;
}
