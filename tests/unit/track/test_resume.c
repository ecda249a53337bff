#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/kpi/book.h"
#include "agent/ledger/ledger_write.h"
#include "agent/track/track.h"
#include "platform/base/status.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/track/stream.h"

enum { MAP_BYTES = 16 << 20, EVENTS = 1500, INTERVAL_S = 300, LEGS_MAX = 20000 };

/* The stages over a real ledger, as the daemon wires them; killed and started again at any moment. */
struct engine {
    struct temp_dir dir;
    size_t open_max;
    struct ledger *ledger;
    struct track *track;
    struct book *book;
    struct track_counters committed;
};

static uint64_t token(void *ctx, struct slice number)
{
    (void)ctx;
    return number.len ? (uint64_t)(unsigned char)number.data[number.len - 1] : 0;
}

static int on_change(void *ctx, const struct leg_change *change)
{
    return book_change(((struct engine *)ctx)->book, change);
}

static int on_closed(void *ctx, const struct call_leg *leg)
{
    return ledger_add_closed_leg(((struct engine *)ctx)->ledger, leg);
}

static int64_t short_ms(void *ctx, uint32_t queue)
{
    (void)ctx;
    return queue % 2 ? 5000 : 0;
}

static int load(void *ctx, uint32_t queue, int64_t start_s, struct summary *out)
{
    int status = ledger_load_interval(((struct engine *)ctx)->ledger, queue, start_s, out);
    return status == LEDGER_NONE ? BOOK_NEW : status;
}

static int restore(void *ctx, const struct call_leg *leg)
{
    return track_restore_leg(((struct engine *)ctx)->track, leg);
}

static void start(struct engine *engine)
{
    struct ledger_options options = {.dir = engine->dir.path,
                                     .site = "s",
                                     .map_bytes = MAP_BYTES,
                                     .reserve_percent = 20,
                                     .interval_s = INTERVAL_S,
                                     .now_ms = 1};
    assert_int_equal(ledger_open_writer(&options, &engine->ledger), 0);
    struct book_options book = {
        .interval_ms = INTERVAL_S * 1000, .short_abandon_ms = short_ms, .load = load, .ctx = engine};
    assert_int_equal(book_new(&book, &engine->book), 0);
    struct track_options track = {.interval_ms = INTERVAL_S * 1000,
                                  .open_max = engine->open_max,
                                  .queues = ledger_names(engine->ledger, LEDGER_QUEUE),
                                  .operators = ledger_names(engine->ledger, LEDGER_OPERATOR),
                                  .caller_token = token,
                                  .keep_number = true,
                                  .change = on_change,
                                  .closed = on_closed,
                                  .ctx = engine};
    assert_int_equal(track_new(&track, &engine->track), 0);
    struct ledger_progress progress = ledger_progress(engine->ledger);
    track_restore(engine->track, progress.newest_event_ms, progress.next_seq);
    assert_int_equal(ledger_load_open_legs(engine->ledger, restore, engine), 0);
    *track_counters(engine->track) = engine->committed;
}

static void stop(struct engine *engine)
{
    track_free(engine->track);
    book_free(engine->book);
    ledger_close(engine->ledger);
}

static int put_leg(void *ctx, const struct call_leg *leg)
{
    ledger_put_open_leg(ctx, leg);
    return 0;
}

static int drop_leg(void *ctx, uint64_t seq)
{
    ledger_drop_open_leg(ctx, seq);
    return 0;
}

static int put_interval(void *ctx, const struct book_item *item)
{
    assert_true(summary_balanced(item->summary));
    ledger_put_interval(ctx, item->queue, item->start_s, item->summary);
    return 0;
}

static void commit(struct engine *engine, bool fails)
{
    assert_int_equal(ledger_begin(engine->ledger, 1), 0);
    struct track_saver saver = {put_leg, drop_leg, engine->ledger};
    assert_int_equal(track_save(engine->track, &saver), 0);
    assert_int_equal(book_save(engine->book, put_interval, engine->ledger), 0);
    struct ledger_progress progress = {track_newest_ms(engine->track), track_next_seq(engine->track)};
    ledger_put_progress(engine->ledger, &progress);
    if (fails) {
        struct summary nothing = {0};
        ledger_put_interval(engine->ledger, 1, -1, &nothing);
        assert_int_equal(ledger_end(engine->ledger), STATUS_RANGE);
        return;
    }
    assert_int_equal(ledger_end(engine->ledger), 0);
    track_saved(engine->track);
    book_saved(engine->book);
    engine->committed = *track_counters(engine->track);
}

static struct engine *make(size_t open_max)
{
    struct engine *engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    engine->open_max = open_max;
    temp_dir_make(&engine->dir);
    start(engine);
    return engine;
}

static void destroy(struct engine *engine)
{
    stop(engine);
    temp_dir_remove(&engine->dir);
    free(engine);
}

/* One clean pass, one commit. */
static void run_clean(struct engine *engine, uint64_t seed, const struct stream_options *options)
{
    struct stream stream;
    stream_init(&stream, seed, options);
    for (unsigned i = 0; i < EVENTS; i++) {
        struct call_event event = stream_next(&stream);
        assert_int_equal(track_put(engine->track, &event), 0);
    }
    commit(engine, false);
}

/* The same with commits, failed ones too, and kills anywhere: what was not committed is read again. */
static void run_killed(struct engine *engine, uint64_t seed, const struct stream_options *options)
{
    struct rng rng = {seed + 1000};
    struct stream stream;
    stream_init(&stream, seed, options);
    struct stream committed = stream;
    unsigned at = 0;
    unsigned committed_at = 0;
    unsigned pace = 8U << rng_below(&rng, 6);
    while (at < EVENTS) {
        struct call_event event = stream_next(&stream);
        assert_int_equal(track_put(engine->track, &event), 0);
        at++;
        if (rng_below(&rng, pace) == 0) {
            bool fails = rng_chance(&rng, 15);
            commit(engine, fails);
            committed = fails ? committed : stream;
            committed_at = fails ? committed_at : at;
        }
        if (rng_below(&rng, pace * 4) == 0) {
            stop(engine);
            start(engine);
            stream = committed;
            at = committed_at;
        }
    }
    commit(engine, false);
}

struct legs {
    struct call_leg *items;
    size_t count;
};

static int keep_leg(void *ctx, const struct call_leg *leg)
{
    struct legs *legs = ctx;
    assert_true(legs->count < LEGS_MAX);
    legs->items[legs->count++] = *leg;
    return 0;
}

static int by_seq(const void *a, const void *b)
{
    const struct call_leg *x = a;
    const struct call_leg *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static struct legs all_legs(struct ledger_view *view)
{
    struct legs legs = {calloc(LEGS_MAX, sizeof *legs.items), 0};
    assert_non_null(legs.items);
    uint64_t bad = 0;
    assert_int_equal(ledger_view_closed_legs(view, 0, INT64_MAX, keep_leg, &legs, &bad), 0);
    assert_int_equal(ledger_view_open_legs(view, keep_leg, &legs, &bad), 0);
    assert_int_equal(bad, 0);
    qsort(legs.items, legs.count, sizeof *legs.items, by_seq);
    return legs;
}

static void assert_same_legs(struct ledger_view *a, struct ledger_view *b)
{
    struct legs left = all_legs(a);
    struct legs right = all_legs(b);
    assert_int_equal(left.count, right.count);
    for (size_t i = 0; i < left.count; i++) {
        const struct call_leg *x = &left.items[i];
        const struct call_leg *y = &right.items[i];
        assert_true(x->seq == y->seq && x->contact == y->contact && x->caller == y->caller && x->flags == y->flags);
        assert_true(x->enter_ms == y->enter_ms && x->connect_ms == y->connect_ms && x->end_ms == y->end_ms);
        assert_true(x->wait_ms == y->wait_ms && x->ring_ms == y->ring_ms && x->talk_ms == y->talk_ms);
        assert_true(x->hold_ms == y->hold_ms && x->queue == y->queue && x->operator_id == y->operator_id);
        assert_true(x->state == y->state && x->outcome == y->outcome && x->missed == y->missed);
        assert_true(x->call_id_len == y->call_id_len && memcmp(x->call_id, y->call_id, x->call_id_len) == 0);
    }
    free(left.items);
    free(right.items);
}

static int put_bytes(void *ctx, const struct ledger_interval *item)
{
    struct buf *bytes = ctx;
    wire_put_u64(bytes, (uint64_t)item->start_s);
    wire_put_u32(bytes, item->queue);
    summary_encode(item->summary, bytes);
    return 0;
}

static void assert_same_intervals(struct ledger_view *a, struct ledger_view *b)
{
    struct buf left = BUF_INIT;
    struct buf right = BUF_INIT;
    uint64_t bad = 0;
    assert_int_equal(ledger_view_intervals(a, 0, INT64_MAX, put_bytes, &left, &bad), 0);
    assert_int_equal(ledger_view_intervals(b, 0, INT64_MAX, put_bytes, &right, &bad), 0);
    assert_int_equal(bad, 0);
    assert_true(left.len > 1000 && left.len == right.len);
    assert_memory_equal(left.data, right.data, left.len);
    buf_deinit(&left);
    buf_deinit(&right);
}

static void print_defect(void *ctx, const char *line)
{
    (void)ctx;
    print_message("defect: %s\n", line);
}

static void assert_same(struct engine *a, struct engine *b)
{
    struct ledger_check_result result;
    assert_int_equal(ledger_check(a->ledger, print_defect, NULL, &result), 0);
    assert_int_equal(ledger_check(b->ledger, print_defect, NULL, &result), 0);
    struct ledger_view *left = NULL;
    struct ledger_view *right = NULL;
    assert_int_equal(ledger_view_begin(a->ledger, &left), 0);
    assert_int_equal(ledger_view_begin(b->ledger, &right), 0);
    assert_same_legs(left, right);
    assert_same_intervals(left, right);
    ledger_view_end(left);
    ledger_view_end(right);
    assert_memory_equal(track_counters(a->track), track_counters(b->track), sizeof(struct track_counters));
}

static void compare_runs(uint64_t seed, const struct stream_options *options, size_t open_max)
{
    struct engine *clean = make(open_max);
    struct engine *killed = make(open_max);
    run_clean(clean, seed, options);
    run_killed(killed, seed, options);
    assert_same(clean, killed);
    destroy(clean);
    destroy(killed);
}

static void kills_change_nothing_of_ordinary_days(void **state)
{
    (void)state;
    const struct stream_options options = {.odd_percent = 0, .late_percent = 2};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        compare_runs(seed, &options, 65536);
    }
}

static void kills_change_nothing_of_bad_days(void **state)
{
    (void)state;
    const struct stream_options options = {.odd_percent = 20, .late_percent = 10, .steps_per_mille = 5};
    for (uint64_t seed = 100; seed < 116; seed++) {
        compare_runs(seed, &options, 65536);
    }
}

static void kills_change_nothing_when_there_is_little_memory(void **state)
{
    (void)state;
    const struct stream_options options = {.odd_percent = 10, .late_percent = 5, .steps_per_mille = 1};
    for (uint64_t seed = 200; seed < 209; seed++) {
        compare_runs(seed, &options, 1 + seed % 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_change_nothing_of_ordinary_days),
        cmocka_unit_test(kills_change_nothing_of_bad_days),
        cmocka_unit_test(kills_change_nothing_when_there_is_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
