/* bench_ingest LEDGER DIR [--pattern backlog|live] [--sites N] [--intervals N] [--registry DIR]
 *     [--pieces] [--round-ms N]
 *
 * What the clerk does with the batches of many sites, on one thread: queue-intervals a second decoded, admitted,
 * stored, rolled up and durable, from the first batch until nothing is pending. Every site sends the intervals of
 * LEDGER, as many of each queue as --intervals says; DIR (must be empty) holds registry and store, and is left for the
 * caller to remove.
 *
 *   backlog: batches of up to 60 kB, each site's newest first, the sites in turn
 *   live:    one interval of all queues a batch, as time goes on
 *
 * --pieces: the same work step by step, and what libraries alone need for the same bytes. --round-ms: the clerk's clock
 * goes on by so much with each round instead of with the time, so that the work is the same however slow the machine
 * is. One JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "collector/ingest/clerk.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "tests/bench/pool.h"

/* Of what protoc-c made of the schema; its header is proto's alone. */
extern void *ringside__batch__unpack(void *allocator, size_t len, const uint8_t *data);
extern void ringside__batch__free_unpacked(void *message, void *allocator);

enum { GATHER_BYTES = 4 << 20, ARENA_BYTES = 4 << 20, KEY_S = 1000000 };
#define STORE_BYTES (UINT64_C(16) << 30)

struct packet {
    struct buf bytes;
    uint32_t site; /* index */
    size_t count;
};

struct bench {
    struct pool pool;
    const char *dir;
    const char *registry_dir;
    bool live;
    uint32_t sites;
    int64_t round_ms; /* 0: as time passes */
    size_t per_site;  /* intervals */
    const struct message_interval *items;
    struct packet *packets;
    size_t packet_count;
    size_t packet_cap;
    uint64_t intervals;
    uint64_t bytes;
    int64_t wall_ms;
    struct registry *registry;
    uint32_t *numbers; /* of the sites */
    struct store *store;
    struct desk *desk;
    struct ingest_options options;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void must(int status, const char *what)
{
    if (status != 0) {
        pool_die(what, status);
    }
}

static void site_id(char out[LIMITS_SITE_MAX + 1], uint32_t site)
{
    (void)snprintf(out, LIMITS_SITE_MAX + 1, "site-%05u", site);
}

/* ---- batches ---- */

static void add_packet(struct bench *bench, struct message_batch_writer *writer, uint32_t site, size_t from, size_t to,
                       size_t *taken)
{
    char id[LIMITS_SITE_MAX + 1];
    struct packet *packet = &bench->packets[bench->packet_count++];
    *packet = (struct packet){.site = site};
    site_id(id, site);
    struct pool_batch batch = {.site = id,
                               .items = bench->items + from,
                               .count = to - from,
                               .names = bench->live ? from == 0 : to == bench->per_site};
    packet->count = pool_encode(&bench->pool, writer, &batch, LIMITS_PAYLOAD_MAX, &packet->bytes);
    bench->intervals += packet->count;
    bench->bytes += packet->bytes.len;
    *taken = packet->count;
}

static size_t end_of_start(const struct bench *bench, size_t from)
{
    size_t to = from;
    while (to < bench->per_site && bench->items[to].start_s == bench->items[from].start_s) {
        to++;
    }
    return to;
}

static void make_live(struct bench *bench, struct message_batch_writer *writer)
{
    for (size_t from = 0, to; from < bench->per_site; from = to) {
        to = end_of_start(bench, from);
        for (uint32_t site = 0; site < bench->sites; site++) {
            size_t taken;
            add_packet(bench, writer, site, from, to, &taken);
            if (taken != to - from) {
                pool_die("an interval of all queues in one batch", STATUS_FULL);
            }
        }
    }
}

static void make_backlog(struct bench *bench, struct message_batch_writer *writer)
{
    for (size_t to = bench->per_site, taken = 0; to > 0; to -= taken) {
        for (uint32_t site = 0; site < bench->sites; site++) {
            add_packet(bench, writer, site, 0, to, &taken);
        }
    }
}

static void make_packets(struct bench *bench)
{
    struct message_batch_writer *writer;
    must(message_batch_writer_new(&writer), "a writer");
    bench->packet_cap = (size_t)bench->sites * (bench->per_site + 1);
    bench->packets = calloc(bench->packet_cap, sizeof *bench->packets);
    if (!bench->packets) {
        pool_die("batches", STATUS_NO_MEMORY);
    }
    if (bench->live) {
        make_live(bench, writer);
    } else {
        make_backlog(bench, writer);
    }
    message_batch_writer_free(writer);
}

/* ---- the collector's parts ---- */

static void ignore(void *ctx)
{
    (void)ctx;
}

static void fail(void *ctx, int status)
{
    (void)ctx;
    pool_die("the store", status);
}

static void ignore_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    if (level <= LOG_WARNING) {
        (void)fprintf(stderr, "%s\n", text);
    }
}

static void open_store(struct bench *bench, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", bench->dir, name);
    struct store_options options = {.dir = path, .limit_bytes = STORE_BYTES, .now_ms = bench->wall_ms};
    must(store_open_writer(&options, &bench->store), path);
}

static void open_registry(struct bench *bench)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/registry", bench->registry_dir);
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    must(registry_create(path), path);
    must(registry_open(path, true, &bench->registry), path);
    bench->numbers = calloc(bench->sites, sizeof *bench->numbers);
    for (uint32_t site = 0; site < bench->sites; site++) {
        char id[LIMITS_SITE_MAX + 1];
        char group[32];
        struct registry_site record;
        site_id(id, site);
        (void)snprintf(group, sizeof group, "group-%u", site % 20);
        struct registry_invitation invitation = {.id = id,
                                                 .group = group,
                                                 .zone = "Europe/Madrid",
                                                 .token_psk = psk,
                                                 .token_expires_ms = bench->wall_ms + KEY_S * INT64_C(1000),
                                                 .now_ms = bench->wall_ms};
        must(registry_invite(bench->registry, &invitation, false, &record), id);
        bench->numbers[site] = record.number;
    }
}

static void open_all(struct bench *bench)
{
    open_registry(bench);
    open_store(bench, "store");
    bench->options = (struct ingest_options){
        .registry = bench->registry, .store = bench->store, .zone = "Europe/Madrid", .ahead_s = 86400, .gave_up = fail};
    must(desk_new(ignore, NULL, &bench->desk), "a desk");
}

static void push(struct bench *bench, struct desk_list *jobs, enum desk_kind kind, uint32_t site,
                 const struct buf *bytes)
{
    struct desk_job *job = calloc(1, sizeof *job);
    uint8_t *payload = malloc(bytes->len + 1);
    if (!job || !payload) {
        pool_die("a job", STATUS_NO_MEMORY);
    }
    memcpy(payload, bytes->data, bytes->len);
    job->kind = kind;
    job->session = site + 1;
    job->site = bench->numbers[site];
    site_id(job->site_id, site);
    (void)snprintf(job->address, sizeof job->address, "192.0.2.1:%u", site);
    job->payload = payload;
    job->payload_len = bytes->len;
    desk_list_push(jobs, job);
}

static void expect_taken(struct bench *bench)
{
    struct desk_list answers = desk_collect(bench->desk);
    for (struct desk_job *job = answers.first; job; job = job->next) {
        if (job->code != 204 || (job->kind == DESK_BATCH && job->answer.len > 0)) {
            (void)fprintf(stderr, "site %s was answered %u with %zu bytes\n", job->site_id, job->code, job->answer.len);
            exit(1);
        }
    }
    desk_list_clear(&answers);
}

static void greet(struct bench *bench, struct clerk *clerk)
{
    struct desk_list jobs = {0};
    for (uint32_t site = 0; site < bench->sites; site++) {
        char id[LIMITS_SITE_MAX + 1];
        struct buf bytes = BUF_INIT;
        site_id(id, site);
        pool_hello(&bench->pool, id, bench->wall_ms, &bytes);
        push(bench, &jobs, DESK_HELLO, site, &bytes);
        buf_deinit(&bytes);
    }
    (void)clerk_round(clerk, &jobs, bench->wall_ms, 1000);
    expect_taken(bench);
}

/* ---- the measurement ---- */

/* What goes into one commit: as much as the clerk gathers; live, one interval of all sites, for the next is not over
 * yet. */
static size_t round_end(const struct bench *bench, size_t at)
{
    size_t end = at;
    for (size_t gathered = 0; end < bench->packet_count && gathered < GATHER_BYTES; end++) {
        if (bench->live && end - at == bench->sites) {
            break;
        }
        gathered += bench->packets[end].bytes.len;
    }
    return end;
}

static void run_clerk(struct bench *bench)
{
    struct clerk *clerk;
    struct clerk_counters counters;
    must(clerk_new(&bench->options, bench->desk, &clerk), "a clerk");
    greet(bench, clerk);
    double wall = seconds(CLOCK_MONOTONIC);
    double cpu = cpu_s();
    double stored_wall = 0;
    double stored_cpu = 0;
    uint64_t rounds = 0;
    counters.pending = 0;
    for (size_t at = 0; at < bench->packet_count || counters.pending > 0; rounds++) {
        struct desk_list jobs = {0};
        int64_t passed_ms = bench->round_ms > 0 ? (int64_t)rounds * bench->round_ms
                                                : (int64_t)((seconds(CLOCK_MONOTONIC) - wall) * 1000);
        size_t end = round_end(bench, at);
        for (; at < end; at++) {
            push(bench, &jobs, DESK_BATCH, bench->packets[at].site, &bench->packets[at].bytes);
        }
        (void)clerk_round(clerk, &jobs, bench->wall_ms, 2000 + passed_ms);
        expect_taken(bench);
        clerk_counters(clerk, &counters);
        if (at == bench->packet_count && stored_wall == 0) {
            stored_wall = seconds(CLOCK_MONOTONIC) - wall;
            stored_cpu = cpu_s() - cpu;
        }
    }
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = cpu_s() - cpu;
    if (counters.intervals < bench->intervals || counters.pending != 0) {
        (void)fprintf(stderr, "%llu of %llu stored, %llu pending\n", (unsigned long long)counters.intervals,
                      (unsigned long long)bench->intervals, (unsigned long long)counters.pending);
        exit(1);
    }
    (void)printf(
        "\"intervals\": %llu, \"bytes\": %llu, \"batches\": %zu, \"rounds\": %llu, \"wall_s\": %.6f, \"cpu_s\": "
        "%.6f, \"stored_wall_s\": %.6f, \"stored_cpu_s\": %.6f",
        (unsigned long long)bench->intervals, (unsigned long long)bench->bytes, bench->packet_count,
        (unsigned long long)rounds, wall, cpu, stored_wall, stored_cpu);
    clerk_free(clerk);
}

/* ---- pieces ---- */

typedef void (*interval_fn)(struct bench *bench, const struct packet *packet, const struct message_interval *interval);

static double each_interval(struct bench *bench, interval_fn fn)
{
    struct message_arena *arena;
    struct message_interval interval = {0};
    must(message_arena_new(ARENA_BYTES, &arena), "an arena");
    double began = cpu_s();
    for (size_t i = 0; i < bench->packet_count; i++) {
        struct message_batch batch;
        must(message_batch_decode(arena, buf_slice(&bench->packets[i].bytes), &batch), "decoding");
        while (message_batch_next(&batch, &interval) == 0) {
            if (fn) {
                fn(bench, &bench->packets[i], &interval);
            }
        }
    }
    double took = cpu_s() - began;
    summary_deinit(&interval.sum);
    message_arena_free(arena);
    return took;
}

static void admit_one(struct bench *bench, const struct packet *packet, const struct message_interval *interval)
{
    struct admit_rules rules = {.now_s = bench->wall_ms / 1000, .ahead_s = 86400};
    struct admit_why why;
    bool balanced;
    (void)packet;
    must(admit_interval(interval, bench->pool.interval_s, &rules, &balanced, &why), "admitting");
}

struct pieces {
    double put_s;
    double commit_s;
    double roll_s;
    uint64_t commits;
    uint64_t rolls;
};

static store_scope group_of(void *ctx, uint32_t site)
{
    (void)ctx;
    return store_scope_group(site % 20 + 1);
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    (void)ctx;
    (void)scope;
    return (at_s + 3600) / 86400;
}

static void put_batch(struct bench *bench, struct message_arena *arena, struct message_interval *interval,
                      const struct packet *packet, struct pieces *pieces)
{
    struct message_batch batch;
    must(message_batch_decode(arena, buf_slice(&packet->bytes), &batch), "decoding");
    while (message_batch_next(&batch, interval) == 0) {
        uint64_t held;
        struct store_interval record = {.site = packet->site + 1,
                                        .queue = interval->queue,
                                        .start_s = interval->start_s,
                                        .interval_s = bench->pool.interval_s,
                                        .epoch = 1,
                                        .revision = interval->revision,
                                        .received_ms = bench->wall_ms,
                                        .sum = &interval->sum};
        double began = seconds(CLOCK_THREAD_CPUTIME_ID);
        must(store_put_interval(bench->store, &record, &held), "putting");
        pieces->put_s += seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    }
}

static void roll_once(struct bench *bench, struct pieces *pieces, bool *more)
{
    const struct store_layout layout = {.group_of = group_of, .day_of = day_of};
    double began = seconds(CLOCK_THREAD_CPUTIME_ID);
    must(store_roll(bench->store, &layout, bench->wall_ms, more), "rolling");
    pieces->roll_s += seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    pieces->rolls++;
}

static void run_store(struct bench *bench, struct pieces *pieces)
{
    struct message_arena *arena;
    struct message_interval interval = {0};
    must(message_arena_new(ARENA_BYTES, &arena), "an arena");
    store_close(bench->store);
    open_store(bench, "pieces");
    bool more = true;
    for (size_t at = 0; at < bench->packet_count || more;) {
        if (at < bench->packet_count) {
            must(store_begin(bench->store, bench->wall_ms), "beginning");
            size_t end = round_end(bench, at);
            for (; at < end; at++) {
                put_batch(bench, arena, &interval, &bench->packets[at], pieces);
            }
            double began = seconds(CLOCK_THREAD_CPUTIME_ID);
            must(store_end(bench->store), "committing");
            pieces->commit_s += seconds(CLOCK_THREAD_CPUTIME_ID) - began;
            pieces->commits++;
        }
        roll_once(bench, pieces, &more);
    }
    summary_deinit(&interval.sum);
    message_arena_free(arena);
}

static double unpack_all(struct bench *bench)
{
    double began = cpu_s();
    for (size_t i = 0; i < bench->packet_count; i++) {
        void *message = ringside__batch__unpack(NULL, bench->packets[i].bytes.len, bench->packets[i].bytes.data);
        if (!message) {
            pool_die("unpacking", STATUS_INVALID);
        }
        ringside__batch__free_unpacked(message, NULL);
    }
    return cpu_s() - began;
}

static void append_packet(struct kv_txn *txn, unsigned db, const struct packet *packet, uint64_t *serial)
{
    size_t each = packet->bytes.len / packet->count;
    for (size_t n = 0; n < packet->count; n++) {
        char key[17];
        (void)snprintf(key, sizeof key, "%016llx", (unsigned long long)(*serial)++);
        struct slice value = slice_make((const char *)packet->bytes.data + n * each, each);
        must(kv_append(txn, db, slice_make(key, 16), value), "appending");
    }
}

/* The same bytes in as many records, in order, with as many commits. */
static void append_all(struct bench *bench, double *wall_s, double *processor_s)
{
    char path[4096];
    struct kv *kv;
    unsigned db;
    struct kv_txn *txn;
    (void)snprintf(path, sizeof path, "%s/kv", bench->dir);
    (void)mkdir(path, 0700);
    struct kv_options options = {.dir = path, .map_bytes = STORE_BYTES, .max_dbs = 4, .grow_bytes = 64 << 20};
    must(kv_open(&options, &kv), path);
    must(kv_db(kv, "records", true, &db), path);
    double began = seconds(CLOCK_MONOTONIC);
    double cpu = cpu_s();
    uint64_t serial = 0;
    for (size_t at = 0; at < bench->packet_count;) {
        must(kv_begin(kv, true, &txn), "beginning");
        for (size_t end = round_end(bench, at); at < end; at++) {
            append_packet(txn, db, &bench->packets[at], &serial);
        }
        must(kv_commit(txn), "committing");
    }
    *wall_s = seconds(CLOCK_MONOTONIC) - began;
    *processor_s = cpu_s() - cpu;
    kv_close(kv);
}

static void run_pieces(struct bench *bench)
{
    struct pieces pieces = {0};
    double lmdb_wall_s;
    double lmdb_cpu_s;
    double unpack_s = unpack_all(bench);
    double decode_s = each_interval(bench, NULL);
    double admit_s = each_interval(bench, admit_one) - decode_s;
    run_store(bench, &pieces);
    append_all(bench, &lmdb_wall_s, &lmdb_cpu_s);
    (void)printf(", \"unpack_s\": %.6f, \"decode_s\": %.6f, \"admit_s\": %.6f, \"put_s\": %.6f, \"commit_s\": %.6f, "
                 "\"commits\": %llu, \"roll_s\": %.6f, \"rolls\": %llu, \"lmdb_cpu_s\": %.6f, \"lmdb_wall_s\": %.6f",
                 unpack_s, decode_s, admit_s, pieces.put_s, pieces.commit_s, (unsigned long long)pieces.commits,
                 pieces.roll_s, (unsigned long long)pieces.rolls, lmdb_cpu_s, lmdb_wall_s);
}

static void print_store(struct bench *bench)
{
    struct store_view *view;
    struct store_facts facts;
    must(store_view_begin(bench->store, &view), "a view");
    must(store_view_facts(view, &facts), "facts");
    store_view_end(view);
    (void)printf(", \"used_bytes\": %llu", (unsigned long long)facts.used_bytes);
}

int main(int argc, char **argv)
{
    struct bench bench = {.sites = 1000};
    unsigned long intervals = 96;
    bool pieces = false;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench_ingest LEDGER DIR [--pattern backlog|live] [--sites N] [--intervals N] "
                              "[--registry DIR] [--pieces] [--round-ms N]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--pieces") == 0) {
            pieces = true;
            continue;
        }
        bench.live = strcmp(argv[i], "--pattern") == 0 ? strcmp(value, "live") == 0 : bench.live;
        bench.sites = strcmp(argv[i], "--sites") == 0 ? (uint32_t)strtoul(value, NULL, 10) : bench.sites;
        bench.round_ms = strcmp(argv[i], "--round-ms") == 0 ? strtol(value, NULL, 10) : bench.round_ms;
        intervals = strcmp(argv[i], "--intervals") == 0 ? strtoul(value, NULL, 10) : intervals;
        bench.registry_dir = strcmp(argv[i], "--registry") == 0 ? value : bench.registry_dir;
        i++;
    }
    log_set_sink(ignore_line, NULL);
    bench.dir = argv[2];
    bench.registry_dir = bench.registry_dir ? bench.registry_dir : bench.dir;
    pool_load(&bench.pool, argv[1]);
    size_t wanted = intervals * bench.pool.queue_max;
    bench.per_site = wanted < bench.pool.count ? wanted : bench.pool.count;
    bench.items = bench.pool.items + (bench.pool.count - bench.per_site);
    bench.wall_ms = (bench.pool.items[bench.pool.count - 1].start_s + KEY_S) * 1000;
    make_packets(&bench);
    open_all(&bench);
    (void)printf("{\"sites\": %u, ", bench.sites);
    run_clerk(&bench);
    print_store(&bench);
    if (pieces) {
        run_pieces(&bench);
    }
    (void)printf("}\n");
    desk_free(bench.desk);
    store_close(bench.store);
    registry_close(bench.registry);
    for (size_t i = 0; i < bench.packet_count; i++) {
        buf_deinit(&bench.packets[i].bytes);
    }
    free(bench.packets);
    free(bench.numbers);
    pool_free(&bench.pool);
    return 0;
}
