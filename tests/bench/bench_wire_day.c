/* bench_wire_day LOG DIR [--no-live] [--live-interval MS] [--open-interval MS] [--board] [--operators]
 *
 * What a site's day costs on the wire: the agent's pipeline reads LOG second by second in virtual time, commits as the
 * daemon does, and the real sync engine sends to a collector that takes everything; DIR (must exist, empty) holds the
 * ledger. Every message is counted as it would lie on the wire:
 *
 *   CoAP (RFC 8323): 1 byte of lengths, 0, 1, 2 or 4 of a longer length, 1 of code, 8 of token, 2 for the path, 2 for
 *     the content format (requests with payload), 1 before the payload
 *   TLS 1.2 with ChaCha20-Poly1305, which both ends choose: 21 bytes a record of at most 16 KiB (5 header, 16 tag)
 *   TCP over IPv4: 52 bytes a segment (20 + 20 + 12 for timestamps) of at most 1448 bytes, and as many for each bare
 *     acknowledgement: one of the request (the answer waits for a disk) and one of the answer
 *
 * With --board a manager interface tells of callers and operators beside the log; with --operators the centre is told
 * who they are. Connecting itself is counted by the caller, who can measure it. One JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "agent/pipeline.h"
#include "agent/sync/sync.h"
#include "platform/base/buf.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "proto/message.h"
#include "tests/bench/wire_board.h"

enum { LOG_MAX = 256 << 20, PADDING = 64, ANSWER_MS = 80, QUIET_COMMIT_S = 60, AFTER_S = 1200, PENDING = 64 };
enum {
    COAP_FIXED = 13,
    ANSWER_FIXED = 10,
    RECORD = 21,
    RECORD_MAX = 16384,
    SEGMENT = 52,
    SEGMENT_MAX = 1448,
    ACKS = 2
};
enum { KINDS = 3 };

struct answer {
    int64_t at_ms;
    enum sync_resource resource;
    uint64_t tag;
};

struct tally {
    uint64_t messages;
    uint64_t payload_bytes;
    uint64_t largest;
    uint64_t stream_bytes; /* what TCP carries, both ways */
    uint64_t wire_bytes;
};

struct day {
    struct agent_config *config;
    struct pipeline *pipeline;
    struct sync *sync;
    struct wire_board *board; /* NULL: without */
    struct buf log;
    size_t at;
    int64_t wall_ms;
    int64_t now_ms;
    int64_t started_ms; /* wall less monotonic */
    int64_t connect_at_ms;
    bool connecting;
    struct answer answers[PENDING];
    size_t answer_count;
    struct tally tallies[KINDS];
    uint64_t intervals;
    uint64_t commits;
    struct message_arena *arena;
    uint64_t random;
};

static _Noreturn void die(const char *what, int status)
{
    (void)fprintf(stderr, "bench_wire_day: %s: %s\n", what, status_str(status));
    exit(1);
}

static void must(int status, const char *what)
{
    if (status != 0) {
        die(what, status);
    }
}

/* ---- the wire ---- */

static uint64_t coap_bytes(uint64_t fixed, uint64_t payload)
{
    uint64_t body = (fixed == COAP_FIXED ? 4 : 0) + (payload > 0 ? 1 + payload : 0);
    uint64_t more = body < 13 ? 0 : body < 269 ? 1 : body < 65805 ? 2 : 4;
    return 1 + more + 1 + 8 + body;
}

static void count_one(struct tally *tally, uint64_t coap)
{
    uint64_t stream = coap + (coap + RECORD_MAX - 1) / RECORD_MAX * RECORD;
    tally->stream_bytes += stream;
    tally->wire_bytes += stream + (stream + SEGMENT_MAX - 1) / SEGMENT_MAX * SEGMENT;
}

static void count(struct tally *tally, uint64_t asked, uint64_t answered)
{
    tally->messages++;
    tally->payload_bytes += asked;
    tally->largest = asked > tally->largest ? asked : tally->largest;
    count_one(tally, coap_bytes(COAP_FIXED, asked));
    count_one(tally, coap_bytes(ANSWER_FIXED, answered));
    tally->wire_bytes += ACKS * SEGMENT;
}

/* ---- the line ---- */

static void on_connect(void *ctx)
{
    struct day *day = ctx;
    day->connecting = true;
    day->connect_at_ms = day->now_ms + ANSWER_MS;
}

static void on_close(void *ctx)
{
    (void)ctx;
    die("the engine gave its connection up", STATUS_IO);
}

static void make_reply(const struct day *day, enum sync_resource resource, struct buf *out)
{
    if (resource == SYNC_HELLO) {
        struct message_hello_reply reply = {.protocol = MESSAGE_PROTOCOL,
                                            .now_ms = day->wall_ms,
                                            .payload_max = LIMITS_PAYLOAD_MAX,
                                            .collector_version = slice_str("0.2.0")};
        must(message_hello_reply_encode(&reply, out), "a greeting");
    }
}

static int on_request(void *ctx, enum sync_resource resource, struct slice payload, uint64_t tag)
{
    struct day *day = ctx;
    struct buf reply = BUF_INIT;
    struct message_batch batch;
    make_reply(day, resource, &reply);
    count(&day->tallies[resource], payload.len, reply.len);
    buf_deinit(&reply);
    if (resource == SYNC_SUMMARIES) {
        must(message_batch_decode(day->arena, payload, &batch), "a batch");
        day->intervals += batch.interval_count;
    }
    if (day->answer_count == PENDING) {
        die("too much under way", STATUS_FULL);
    }
    day->answers[day->answer_count++] =
        (struct answer){.at_ms = day->now_ms + ANSWER_MS, .resource = resource, .tag = tag};
    return 0;
}

static void answer_due(struct day *day)
{
    for (size_t i = 0; i < day->answer_count;) {
        struct answer answer = day->answers[i];
        if (answer.at_ms > day->now_ms) {
            i++;
            continue;
        }
        struct buf reply = BUF_INIT;
        day->answers[i] = day->answers[--day->answer_count];
        make_reply(day, answer.resource, &reply);
        sync_answered(day->sync, day->now_ms, day->wall_ms, answer.tag, 204, 0, buf_slice(&reply));
        buf_deinit(&reply);
    }
}

static double on_random(void *ctx)
{
    struct day *day = ctx;
    day->random = day->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(day->random >> 11) / 9007199254740992.0;
}

/* ---- the box ---- */

static int64_t second_at(const struct day *day, size_t at)
{
    return strtoll((const char *)day->log.data + at, NULL, 10);
}

static void take_lines(struct day *day)
{
    size_t from = day->at;
    while (day->at < day->log.len && second_at(day, day->at) * 1000 <= day->wall_ms) {
        const uint8_t *eol = memchr(day->log.data + day->at, '\n', day->log.len - day->at);
        day->at = eol ? (size_t)(eol - day->log.data) + 1 : day->log.len;
    }
    if (day->at == from) {
        return;
    }
    struct follow_chunk chunk = {.bytes = slice_make((const char *)day->log.data + from, day->at - from),
                                 .path = "queue_log",
                                 .file_begins = from == 0,
                                 .after = {.inode = 1, .offset = day->at}};
    must(pipeline_take(day->pipeline, "queue_log", &chunk, day->wall_ms), "taking lines");
}

static void run_second(struct day *day)
{
    if (day->board && wire_board_until(day->board, day->wall_ms)) {
        (void)sync_live_changed(day->sync);
    }
    take_lines(day);
    must(pipeline_tick(day->pipeline, day->wall_ms), "the clock");
    bool quiet = day->wall_ms / 1000 % QUIET_COMMIT_S == 0;
    if (pipeline_pending_lines(day->pipeline) > 0 || quiet) {
        must(pipeline_commit(day->pipeline, day->wall_ms), "committing");
        day->commits++;
        sync_set_lag(day->sync, 0);
        sync_committed(day->sync, day->now_ms);
    }
}

static void run_engine(struct day *day, int64_t until_ms)
{
    while (day->now_ms < until_ms) {
        if (day->connecting && day->now_ms >= day->connect_at_ms) {
            day->connecting = false;
            sync_connected(day->sync, day->now_ms, LIMITS_PAYLOAD_MAX);
        }
        answer_due(day);
        int64_t next_ms = day->now_ms + sync_turn(day->sync, day->now_ms, day->wall_ms);
        for (size_t i = 0; i < day->answer_count; i++) {
            next_ms = day->answers[i].at_ms < next_ms ? day->answers[i].at_ms : next_ms;
        }
        next_ms = day->connecting && day->connect_at_ms < next_ms ? day->connect_at_ms : next_ms;
        day->now_ms = next_ms <= day->now_ms ? day->now_ms + 1 : next_ms < until_ms ? next_ms : until_ms;
        day->wall_ms = day->now_ms + day->started_ms;
    }
}

static void open_box(struct day *day, const char *log, const char *dir, const struct sync_options *wanted, bool board)
{
    char text[4600];
    (void)snprintf(
        text, sizeof text,
        "site {\n id = \"branch-07\"\n zone = \"Europe/Madrid\"\n}\nledger {\n dir = \"%s/ledger\"\n size_max = "
        "64MiB\n}\nsource \"queue_log\" {\n path = \"%s\"\n}\n",
        dir, log);
    must(agent_config_parse("bench", slice_str(text), NULL, NULL, &day->config), "the configuration");
    must(atomic_read(log, LOG_MAX, &day->log), log);
    uint8_t *padding = buf_grow(&day->log, PADDING);
    if (!padding) {
        die(log, STATUS_NO_MEMORY);
    }
    memset(padding, 0, PADDING);
    day->log.len -= PADDING;
    day->started_ms = second_at(day, 0) * 1000 - 1000;
    day->now_ms = 1000;
    day->wall_ms = day->now_ms + day->started_ms;
    struct pipeline_options options = {.config = day->config, .now_ms = day->wall_ms};
    must(pipeline_open(&options, &day->pipeline), dir);
    must(message_arena_new(LIMITS_ARENA_BYTES, &day->arena), "an arena");
    struct sync_options sync = *wanted;
    if (board) {
        day->board = wire_board_new(slice_make((const char *)day->log.data, day->log.len));
        sync.board = wire_board(day->board);
    }
    sync.ledger = pipeline_ledger(day->pipeline);
    sync.random_ctx = day;
    sync.transport.ctx = day;
    must(sync_new(&sync, day->now_ms, &day->sync), "the engine");
}

static void close_box(struct day *day)
{
    sync_free(day->sync);
    wire_board_free(day->board);
    pipeline_close(day->pipeline);
    agent_config_free(day->config);
    message_arena_free(day->arena);
    buf_deinit(&day->log);
}

static void print(const struct day *day, int64_t seconds)
{
    static const char *const names[KINDS] = {
        [SYNC_HELLO] = "hello", [SYNC_SUMMARIES] = "summaries", [SYNC_LIVE] = "live"};
    struct ledger_view *view;
    struct ledger_backlog backlog;
    must(ledger_view_begin(pipeline_ledger(day->pipeline), &view), "a view");
    must(ledger_view_backlog(view, &backlog), "the backlog");
    ledger_view_end(view);
    (void)printf("{\"seconds\": %lld, \"commits\": %llu, \"intervals\": %llu, \"backlog\": %llu", (long long)seconds,
                 (unsigned long long)day->commits, (unsigned long long)day->intervals,
                 (unsigned long long)backlog.dirty);
    for (int i = 0; i < KINDS; i++) {
        const struct tally *tally = &day->tallies[i];
        (void)printf(", \"%s\": {\"messages\": %llu, \"payload\": %llu, \"largest\": %llu, \"stream\": %llu, \"wire\": "
                     "%llu}",
                     names[i], (unsigned long long)tally->messages, (unsigned long long)tally->payload_bytes,
                     (unsigned long long)tally->largest, (unsigned long long)tally->stream_bytes,
                     (unsigned long long)tally->wire_bytes);
    }
    (void)printf("}\n");
}

int main(int argc, char **argv)
{
    static struct day day = {.random = 1};
    struct sync_options options = {.site = "branch-07",
                                   .agent_version = "0.2.0",
                                   .zone = "Europe/Madrid",
                                   .live = true,
                                   .live_min_ms = 5000,
                                   .open_min_ms = 60000,
                                   .retry_min_ms = 1000,
                                   .retry_max_ms = 60000,
                                   .window = 4,
                                   .payload_max = LIMITS_PAYLOAD_MAX,
                                   .random = on_random,
                                   .transport = {.connect = on_connect, .close = on_close, .request = on_request}};
    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench_wire_day LOG DIR [--no-live] [--live-interval MS] [--open-interval MS] "
                              "[--board] [--operators]\n");
        return 2;
    }
    bool board = false;
    for (int i = 3; i < argc; i++) {
        board |= strcmp(argv[i], "--board") == 0;
        options.operators |= strcmp(argv[i], "--operators") == 0;
        options.live = options.live && strcmp(argv[i], "--no-live") != 0;
        options.live_min_ms =
            strcmp(argv[i], "--live-interval") == 0 && argv[i + 1] ? atoll(argv[i + 1]) : options.live_min_ms;
        options.open_min_ms =
            strcmp(argv[i], "--open-interval") == 0 && argv[i + 1] ? atoll(argv[i + 1]) : options.open_min_ms;
    }
    options.heartbeat_ms = options.live ? 30000 : 300000; /* the agent's own defaults */
    log_set_level(LOG_ERROR);
    open_box(&day, argv[1], argv[2], &options, board);
    int64_t began_ms = day.now_ms;
    int64_t rest_s = AFTER_S;
    while (day.at < day.log.len || rest_s-- > 0) {
        run_second(&day);
        run_engine(&day, day.now_ms + 1000);
    }
    print(&day, (day.now_ms - began_ms) / 1000);
    close_box(&day);
    return 0;
}
