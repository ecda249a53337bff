/* A writer that is killed at any moment leaves a store that opens, with what was committed and nothing half done. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/store/kit.h"

enum { LIMIT_BYTES = 16 << 20, KILLS = 40, PUTS_A_COMMIT = 40 };

static uint64_t commits_of(struct store *store)
{
    struct store_view *view = NULL;
    struct store_facts facts;
    assert_int_equal(store_view_begin(store, &view), 0);
    assert_int_equal(store_view_facts(view, &facts), 0);
    store_view_end(view);
    return facts.commits;
}

/* Puts and rolls, with a revision that grows, for as long as somebody lets it; tells each commit that is durable. */
static void write_on(uint64_t seed, int told)
{
    struct rng rng = {seed};
    struct kit_held came = {.there = true, .epoch = 1};
    bool more;
    kit_roll_limit = 25;
    struct store *store = kit_open(LIMIT_BYTES);
    for (uint64_t commit = commits_of(store) + 1;; commit++) {
        if (store_begin(store, KIT_NOW_MS) != 0) {
            _exit(1);
        }
        kit_queues(store);
        unsigned base = (unsigned)rng_below(&rng, KIT_SLOTS - PUTS_A_COMMIT);
        uint32_t site = 1 + (uint32_t)rng_below(&rng, KIT_SITES);
        for (unsigned i = 0; i < PUTS_A_COMMIT; i++) {
            kit_summary(&rng, 4, &came.sum);
            came.revision = commit;
            (void)kit_put(store, site, 1 + i % KIT_QUEUES, base + i, &came);
        }
        if (store_end(store) != 0) {
            _exit(2);
        }
        uint64_t durable = commits_of(store);
        if (write(told, &durable, sizeof durable) != sizeof durable) {
            _exit(2);
        }
        if (store_roll(store, &kit_layout, KIT_NOW_MS, &more) != 0) {
            _exit(3);
        }
        if (rng_chance(&rng, 10) &&
            store_recut(store, kit_scope((unsigned)rng_below(&rng, KIT_SCOPES)), "", &kit_layout)) {
            _exit(4);
        }
    }
}

/* Returns the newest commit that the writer knew to be durable; 0: none. */
static uint64_t kill_a_writer(uint64_t seed, long after_us)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        write_on(seed, ends[1]);
    }
    (void)close(ends[1]);
    struct timespec pause = {0, after_us * 1000};
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result));
    uint64_t newest = 0;
    uint64_t told;
    while (read(ends[0], &told, sizeof told) == sizeof told) {
        newest = told;
    }
    (void)close(ends[0]);
    return newest;
}

static int hold_interval(void *ctx, const struct store_interval *item)
{
    struct kit_model *model = ctx;
    struct kit_held came = {.there = true, .epoch = item->epoch, .revision = item->revision, .open = item->open};
    came.sum = *item->sum;
    unsigned slot = (unsigned)((item->start_s - KIT_FIRST_S) / 900);
    assert_int_equal(kit_model_put(model, item->site, item->queue, slot, &came), STORE_TAKEN);
    return 0;
}

/* The model is what the store itself holds of intervals: cells and marks have to agree with it. */
static void assert_whole(struct store *store)
{
    struct kit_model *model = calloc(1, sizeof *model);
    struct store_view *view = NULL;
    assert_non_null(model);
    assert_int_equal(store_view_begin(store, &view), 0);
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        assert_int_equal(store_view_intervals(view, site, 0, INT64_MAX, hold_interval, model, NULL), 0);
    }
    store_view_end(view);
    kit_compare(store, model);
    kit_check(store);
    kit_model_free(model);
}

static void a_killed_writer_leaves_a_whole_store(void **state)
{
    (void)state;
    struct rng rng = {1};
    struct store *store = kit_open(LIMIT_BYTES);
    store_close(store);
    uint64_t lived = 0;
    for (uint64_t i = 0; i < KILLS; i++) {
        uint64_t durable = kill_a_writer(100 + i, (long)rng_between(&rng, 500, 30000));
        store = kit_open(LIMIT_BYTES);
        assert_true(commits_of(store) >= durable);
        lived += durable > 0;
        if (i % 4 == 3) {
            assert_whole(store);
            kit_roll(store);
            assert_whole(store);
        }
        kit_check(store);
        store_close(store);
    }
    assert_true(lived > 0);
}

/* Another process reads while this one's child writes: each look is at one whole moment. */
static void a_reader_sees_whole_moments(void **state)
{
    (void)state;
    int ends[2];
    struct store *store = kit_open(LIMIT_BYTES);
    store_close(store);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        write_on(77, ends[1]);
    }
    (void)close(ends[1]);
    uint64_t before = 0;
    uint64_t told = 0;
    for (int look = 0; look < 15; look++) {
        assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
        assert_int_equal(store_open_readonly(kit_dir.path, &store), 0);
        kit_check(store);
        uint64_t commits = commits_of(store);
        assert_true(commits >= before && commits >= told);
        before = commits;
        store_close(store);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result)); /* it had no reason to end by itself */
    (void)close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_writer_leaves_a_whole_store, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_reader_sees_whole_moments, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
