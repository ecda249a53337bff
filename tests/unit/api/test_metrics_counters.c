/* Counters over the real store: they begin at 0, miss nothing that comes late or again, and never go back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/time/clock.h"
#include "tests/support/rng.h"
#include "tests/unit/api/metrics_world.h"

static struct metrics_world *world;

static int setup(void **state)
{
    (void)state;
    world = world_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(world);
    return 0;
}

static double counter(const char *which, const char *site, const char *queue)
{
    char sample[200];
    (void)snprintf(sample, sizeof sample, "ringside_queue_%s_total{site=\"%s\",queue=\"%s\"}", which, site, queue);
    return world_value(world, sample);
}

static double bucket(const char *edge)
{
    char sample[200];
    (void)snprintf(sample, sizeof sample, "ringside_queue_wait_seconds_bucket{site=\"a\",queue=\"sales\",le=\"%s\"}",
                   edge);
    return world_value(world, sample);
}

static void test_what_was_there_does_not_count(void **state)
{
    (void)state;
    uint32_t site = world_join(world, "a", "Europe/Madrid");
    uint32_t queue = world_queue(world, site, "sales");
    world_recut(world, site, "Europe/Madrid");
    world_put_calls(world, site, queue, WORLD_NOW_S - WORLD_DAY_S, 7, 1000);
    world_roll(world);
    world_put_calls(world, site, queue, WORLD_NOW_S - 3600, 2, 1000);
    world_start(world, 100);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 0, 0);
    world_put_calls(world, site, queue, WORLD_NOW_S, 3, 20000);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 3, 0);
    assert_float_equal(bucket("15"), 0, 0);
    assert_float_equal(bucket("20"), 3, 0);
    assert_float_equal(bucket("+Inf"), 3, 0);
    assert_float_equal(world_value(world, "ringside_queue_wait_seconds_sum{site=\"a\",queue=\"sales\"}"), 60, 0);
    world_roll(world);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 3, 0);
    world_put_calls(world, site, queue, WORLD_NOW_S, 4, 20001); /* the same interval, revised */
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 4, 0);
    assert_float_equal(bucket("30"), 4, 0);
    world_start(world, 100); /* a counter reset */
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 0, 0);
}

static void test_a_site_that_comes_later_counts_from_its_first_call(void **state)
{
    (void)state;
    world_start(world, 100);
    uint32_t site = world_join(world, "a", "UTC");
    uint32_t queue = world_queue(world, site, "sales");
    world_scrape(world);
    assert_float_equal(counter("answered", "a", "sales"), 0, 0);
    world_put_calls(world, site, queue, WORLD_NOW_S, 5, 100);
    world_scrape(world);
    assert_float_equal(counter("answered", "a", "sales"), 5, 0);
    world_roll(world);
    world_recut(world, site, "UTC");
    world_scrape(world);
    assert_float_equal(counter("answered", "a", "sales"), 5, 0);
    uint32_t other = world_queue(world, site, "support");
    world_put_calls(world, site, other, WORLD_NOW_S, 2, 100);
    world_scrape(world);
    assert_float_equal(counter("answered", "a", "support"), 0, 0); /* so that two calls more are seen */
    world_scrape(world);
    assert_float_equal(counter("answered", "a", "support"), 2, 0);
}

static void test_a_revision_downwards_is_not_told(void **state)
{
    (void)state;
    uint32_t site = world_join(world, "a", "UTC");
    uint32_t queue = world_queue(world, site, "sales");
    world_start(world, 100);
    world_put_calls(world, site, queue, WORLD_NOW_S, 10, 100);
    world_scrape(world);
    world_put_calls(world, site, queue, WORLD_NOW_S, 8, 100);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 10, 0);
    assert_float_equal(world_value(world, "ringside_metrics_lowered_total"), 1, 0);
    world_scrape(world);
    assert_float_equal(world_value(world, "ringside_metrics_lowered_total"), 1, 0);
    world_put_calls(world, site, queue, WORLD_NOW_S, 12, 100);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 12, 0);
}

static void test_late_ones_count_for_two_days(void **state)
{
    (void)state;
    uint32_t site = world_join(world, "a", "UTC");
    uint32_t queue = world_queue(world, site, "sales");
    world_recut(world, site, "UTC");
    world_start(world, 100);
    world_put_calls(world, site, queue, WORLD_NOW_S - 2 * WORLD_DAY_S, 1, 100);
    world_put_calls(world, site, queue, WORLD_NOW_S - 4 * WORLD_DAY_S, 100, 100);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 1, 0);
    world_roll(world);
    world->now_ms += INT64_C(1000) * WORLD_DAY_S; /* scraped by nobody for a night, and then for five */
    world_put_calls(world, site, queue, WORLD_NOW_S - 2 * WORLD_DAY_S, 3, 100);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 3, 0);
    world_put_calls(world, site, queue, WORLD_NOW_S + WORLD_DAY_S, 10, 100);
    world->now_ms += INT64_C(5000) * WORLD_DAY_S;
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 13, 0);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 13, 0);
}

/* Calls at random moments of the newest two days, in several zones, rolled and cut anew at random: each counts once. */
static void test_nothing_is_missed_and_nothing_counts_twice(void **state)
{
    (void)state;
    enum { SITES = 3, QUEUES = 2, SLOTS = 8 * 96 };
    static const char *const zones[] = {"UTC", "Europe/Madrid", "Asia/Kolkata", "America/New_York"};
    static uint32_t held[SITES][QUEUES][SLOTS];
    struct rng rng = {.state = 5};
    uint32_t queues[QUEUES];
    double total[SITES][QUEUES] = {{0}};
    memset(held, 0, sizeof held);
    for (uint32_t i = 0; i < SITES; i++) {
        const char id[] = {(char)('a' + i), '\0'};
        assert_int_equal(world_join(world, id, zones[i]), i + 1);
        queues[0] = world_queue(world, i + 1, "sales");
        queues[1] = world_queue(world, i + 1, "support");
    }
    world_start(world, 100);
    for (int round = 0; round < 150; round++) {
        int64_t now_s = world->now_ms / 1000;
        for (int n = 0; n < 8; n++) {
            uint32_t site = (uint32_t)rng_below(&rng, SITES);
            uint32_t q = (uint32_t)rng_below(&rng, QUEUES);
            int64_t at_s = now_s - rng_between(&rng, 0, 2 * WORLD_DAY_S);
            int64_t slot = (at_s - WORLD_NOW_S + 3 * WORLD_DAY_S) / WORLD_INTERVAL_S;
            assert_in_range(slot, 0, SLOTS - 1);
            held[site][q][slot]++;
            total[site][q]++;
            world_put_calls(world, site + 1, queues[q], WORLD_NOW_S - 3 * WORLD_DAY_S + slot * WORLD_INTERVAL_S,
                            held[site][q][slot], 100);
        }
        if (rng_below(&rng, 4) == 0) {
            world_roll(world);
        }
        if (rng_below(&rng, 12) == 0) {
            uint32_t site = (uint32_t)rng_below(&rng, SITES);
            world_recut(world, site + 1, zones[rng_below(&rng, 4)]);
        }
        if (rng_below(&rng, 3) > 0) {
            world_scrape(world);
            for (uint32_t i = 0; i < SITES * QUEUES; i++) {
                const char id[] = {(char)('a' + i / QUEUES), '\0'};
                assert_float_equal(counter("entered", id, i % QUEUES ? "support" : "sales"),
                                   total[i / QUEUES][i % QUEUES], 0);
            }
        }
        world->now_ms += rng_between(&rng, 0, 3600) * 1000;
    }
    assert_float_equal(world_value(world, "ringside_metrics_lowered_total"), 0, 0);
}

static void test_out_of_time_tells_the_figures_of_before(void **state)
{
    (void)state;
    uint32_t site = world_join(world, "a", "UTC");
    uint32_t queue = world_queue(world, site, "sales");
    world_start(world, 100);
    world_put_calls(world, site, queue, WORLD_NOW_S, 5, 100);
    buf_reset(&world->text);
    assert_int_equal(metrics_write(world->metrics, world->now_ms, INT64_MAX, &world->text), 0);
    assert_float_equal(counter("entered", "a", "sales"), 0, 0); /* scraped a moment ago: not read again */
    world->now_ms += 5000;
    buf_reset(&world->text);
    assert_int_equal(metrics_write(world->metrics, world->now_ms, clock_monotonic_ms() - 1, &world->text), 0);
    (void)buf_cstr(&world->text);
    assert_float_equal(counter("entered", "a", "sales"), 0, 0);
    assert_float_equal(world_value(world, "ringside_metrics_refresh_failures_total"), 1, 0);
    assert_true(world_value(world, "ringside_metrics_age_seconds") >= 0);
    world_scrape(world);
    assert_float_equal(counter("entered", "a", "sales"), 5, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_was_there_does_not_count),
        CASE(test_a_site_that_comes_later_counts_from_its_first_call),
        CASE(test_a_revision_downwards_is_not_told),
        CASE(test_late_ones_count_for_two_days),
        CASE(test_nothing_is_missed_and_nothing_counts_twice),
        CASE(test_out_of_time_tells_the_figures_of_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
