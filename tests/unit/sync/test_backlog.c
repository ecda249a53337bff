/* A month without the collector: 30 days of 10 queues wait, and the memory they take is that of what is under way. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/sync/world.h"

enum { DAYS = 30, QUEUES = 10, INTERVALS = DAYS * 96, MAP_BYTES = 32 << 20 };

static void put_month(struct world *world)
{
    struct summary sum = {0};
    for (int64_t i = INTERVALS; i > 0; i--) {
        assert_int_equal(ledger_begin(world->ledger, world_wall_ms(world)), 0);
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            summary_clear(&sum);
            sum.flow[FLOW_ENTERED] = sum.flow[FLOW_ANSWERED] = 20 + (uint32_t)(i % 9);
            assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ANSWERED, i % 90 * 1000), 0);
            ledger_put_interval(world->ledger, queue, WORLD_START_S - i * 900, &sum);
        }
        assert_int_equal(ledger_end(world->ledger), 0);
    }
    summary_deinit(&sum);
}

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* What the collector's map itself takes. */
static size_t content_of(const struct world *world)
{
    size_t bytes = 0;
    for (int64_t i = 1; i <= INTERVALS; i++) {
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            const struct world_entry *entry = world_entry(world, queue, WORLD_START_S - i * 900);
            bytes += entry->bytes ? malloc_usable_size(entry->bytes) + sizeof(size_t) : 0;
        }
    }
    return bytes;
}

static void a_month_takes_no_memory(void **state)
{
    (void)state;
    struct world *world = world_new(1, MAP_BYTES);
    put_month(world);
    world->up = false;
    world_start(world);
    world_run(world, INT64_C(24) * 3600 * 1000);
    size_t away = in_use();
    world->up = true;
    size_t most = 0;
    struct ledger_backlog backlog = world_backlog(world);
    assert_int_equal(backlog.dirty, INTERVALS * QUEUES);
    for (unsigned i = 0; i < 100000 && backlog.dirty > 0; i++) {
        world_run(world, 50);
        size_t now = in_use();
        size_t before = away + content_of(world);
        most = now > before && now - before > most ? now - before : most;
        backlog = world_backlog(world);
    }
    print_message("%zu intervals in %llu messages, at most %zu kB more memory\n", world->trail_count,
                  (unsigned long long)world->batches, most / 1024);
    assert_true(most < 1 << 20);
    assert_int_equal(world_assert_same(world, 0), INTERVALS * QUEUES);
    assert_int_equal(world->trail_count, INTERVALS * QUEUES); /* each once */
    assert_true(world->trail[0].start_s == WORLD_START_S - 900);
    assert_true(world->trail[world->trail_count - 1].start_s == WORLD_START_S - INTERVALS * 900);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_month_takes_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
