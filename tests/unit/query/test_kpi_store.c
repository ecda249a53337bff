/* The same over the real store and registry, while intervals come, change and are added up piece by piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/query/kpi_query.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "platform/time/stamp.h"
#include "tests/support/rng.h"
#include "tests/support/temp_dir.h"

enum { SITES = 3, QUEUES = 3, SLOTS = 3 * 96, INTERVAL_S = 900, DAY_S = 86400, ROUNDS = 12 };

static const int64_t first_s = INT64_C(1792792800); /* 2026-10-24 in Madrid; the day after has 25 hours */

struct held {
    struct summary sum;
    uint64_t revision; /* 0: nothing */
};

struct world {
    struct temp_dir store_dir;
    struct temp_dir registry_dir;
    struct store *store;
    struct registry *registry;
    struct kpi_centre centre;
    struct rng rng;
    uint32_t epochs[SITES];
    struct held held[SITES][QUEUES][SLOTS];
};

static store_scope group_of(void *ctx, uint32_t site)
{
    (void)ctx;
    return site == 3 ? STORE_ALL : store_scope_group(1);
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    const struct zone *zone = NULL;
    (void)ctx;
    assert_int_equal(zone_find(scope == 2 ? "Asia/Kolkata" : "Europe/Madrid", &zone), 0);
    zone_use(zone);
    struct zone_date date = zone_date_of(at_s);
    zone_use(NULL);
    return stamp_days_of(date.year, date.month, date.day);
}

static const struct store_layout layout = {NULL, group_of, day_of};

static void open_world(struct world *world)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    static const char *const ids[SITES] = {"a", "b", "c"};
    temp_dir_make(&world->store_dir);
    temp_dir_make(&world->registry_dir);
    const struct store_options options = {.dir = world->store_dir.path, .limit_bytes = 64 << 20, .now_ms = 1};
    const char *registry_dir = world->registry_dir.path;
    assert_int_equal(registry_create(registry_dir), 0);
    assert_int_equal(registry_open(registry_dir, true, &world->registry), 0);
    assert_int_equal(store_open_writer(&options, &world->store), 0);
    assert_int_equal(store_begin(world->store, 1), 0);
    for (uint32_t queue = 0; queue < QUEUES; queue++) {
        char name[8];
        (void)snprintf(name, sizeof name, "q%u", queue);
        assert_int_equal(store_queue_number(world->store, slice_str(name)), queue + 1);
    }
    for (uint32_t i = 0; i < SITES; i++) {
        struct registry_site site;
        const uint8_t epoch[LIMITS_EPOCH_BYTES] = {(uint8_t)(i + 1)};
        const struct registry_invitation invitation = {
            .id = ids[i], .group = i < 2 ? "north" : "", .zone = "Europe/Madrid", .token_psk = psk, .now_ms = 1};
        assert_int_equal(registry_invite(world->registry, &invitation, false, &site), 0);
        assert_int_equal(site.number, i + 1);
        const struct store_contact contact = {.last_seen_ms = (first_s + 30 * DAY_S) * INT64_C(1000),
                                              .interval_s = INTERVAL_S};
        assert_int_equal(store_put_contact(world->store, site.number, &contact), 0);
        assert_int_equal(store_epoch_adopt(world->store, site.number, epoch, &world->epochs[i]), 0);
    }
    assert_int_equal(store_end(world->store), 0);
    static const store_scope cut[] = {STORE_ALL, 1, 2, 3, STORE_GROUP_BIT | 1};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        assert_int_equal(store_recut(world->store, cut[i], cut[i] == 2 ? "Asia/Kolkata" : "Europe/Madrid", &layout), 0);
    }
    world->centre = (struct kpi_centre){.store = world->store,
                                        .registry = world->registry,
                                        .zone = "Europe/Madrid",
                                        .now_ms = (first_s + 30 * DAY_S) * INT64_C(1000)};
}

static void make_sum(struct rng *rng, struct summary *sum)
{
    summary_clear(sum);
    uint32_t count = 1 + (uint32_t)rng_below(rng, 5);
    sum->flow[FLOW_ENTERED] = sum->flow[FLOW_ANSWERED] = count;
    sum->waiting_max = count;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ANSWERED, rng_between(rng, 0, 90) * 1000), 0);
    }
}

static void put_some(struct world *world, unsigned count)
{
    assert_int_equal(store_begin(world->store, 1), 0);
    for (unsigned i = 0; i < count; i++) {
        uint32_t site = (uint32_t)rng_below(&world->rng, SITES);
        uint32_t queue = (uint32_t)rng_below(&world->rng, QUEUES);
        uint32_t slot = (uint32_t)rng_below(&world->rng, SLOTS);
        struct held *held = &world->held[site][queue][slot];
        make_sum(&world->rng, &held->sum);
        held->revision++;
        const struct store_interval item = {.site = site + 1,
                                            .queue = queue + 1,
                                            .start_s = first_s + slot * INTERVAL_S,
                                            .interval_s = INTERVAL_S,
                                            .epoch = world->epochs[site],
                                            .revision = held->revision,
                                            .sum = &held->sum};
        uint64_t revision;
        assert_int_equal(store_put_interval(world->store, &item, &revision), STORE_TAKEN);
    }
    assert_int_equal(store_end(world->store), 0);
}

/* One pass: all that begins in [from_s, to_s) of those sites. */
static void add_up(struct world *world, uint32_t sites, uint32_t queue, int64_t from_s, int64_t to_s,
                   struct summary *out)
{
    for (uint32_t site = 0; site < SITES; site++) {
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            int64_t start_s = first_s + slot * INTERVAL_S;
            for (uint32_t q = 0; q < QUEUES; q++) {
                const struct held *held = &world->held[site][q][slot];
                if ((sites >> site & 1) && (queue == 0 || q + 1 == queue) && held->revision > 0 && start_s >= from_s &&
                    start_s < to_s) {
                    assert_int_equal(summary_append(out, &held->sum), 0);
                }
            }
        }
    }
}

static int64_t int_at(const struct json *json, const char *path)
{
    int64_t value = -1;
    assert_true(json_int(json, path, &value));
    return value;
}

static void compare_row(struct world *world, const struct json *row, uint32_t sites, int64_t from_s, int64_t to_s)
{
    struct summary sum = {0};
    const char *name = json_text(row, "queue");
    add_up(world, sites, name[0] == 'q' ? (uint32_t)(name[1] - '0') + 1 : 0, from_s, to_s, &sum);
    const struct duration_stat *wait = &sum.duration[DURATION_WAIT_ANSWERED];
    assert_int_equal(int_at(row, "entered"), sum.flow[FLOW_ENTERED]);
    assert_int_equal(int_at(row, "wait_answered_ms/count"), wait->hist.total);
    assert_int_equal(int_at(row, "wait_answered_ms/sum"), wait->sum_ms);
    assert_int_equal(int_at(row, "wait_answered_ms/max"), wait->max_ms);
    assert_int_equal(int_at(row, "wait_answered_ms/p50"), histogram_percentile(&wait->hist, 0.5));
    assert_true(json_bool(row, "balanced") && json_bool(row, "complete"));
    summary_deinit(&sum);
}

static void ask(struct world *world, enum kpi_whose whose, const char *name, uint32_t sites, const char *by)
{
    struct kpi_scope *scope = NULL;
    struct query query;
    struct query_why why = {""};
    const struct zone *zone = NULL;
    struct json *document = NULL;
    assert_int_equal(kpi_scope_new(&world->centre, whose, name, &scope, &why), 0);
    assert_int_equal(kpi_scope_zone(scope, "Europe/Madrid", &zone, &why), 0);
    zone_use(zone);
    query_init(&query, REPORT_KPI);
    query.central = true;
    assert_int_equal(query_take(&query, slice_str("by"), slice_str(by), 0, &why), 0);
    assert_int_equal(kpi_query(scope, &query, zone, &document, &why), 0);
    const struct json *rows = json_at(document, "rows");
    int64_t entered = 0;
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        const struct json *row = json_item(rows, i);
        int64_t start_ms = first_s * 1000;
        int64_t end_s = first_s + 4 * DAY_S;
        if (query.grain != QUERY_WHOLE) {
            assert_int_equal(stamp_parse(slice_str(json_text(row, "start")), &start_ms), 0);
            end_s = query.grain == QUERY_BY_HOUR ? start_ms / 1000 + 3600 : zone_next_day_start(start_ms / 1000);
        }
        compare_row(world, row, sites, start_ms / 1000, end_s);
        entered += int_at(row, "entered");
    }
    struct summary all = {0};
    add_up(world, sites, 0, 0, INT64_MAX, &all);
    assert_int_equal(entered, all.flow[FLOW_ENTERED]);
    summary_deinit(&all);
    json_free(document);
    kpi_scope_free(scope);
    zone_use(NULL);
}

static void ask_all(struct world *world)
{
    static const char *const by[] = {"total,hour", "queue,day", "total,day", "queue", "total", "queue,hour"};
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        ask(world, KPI_ALL, NULL, 7, by[i]);
        ask(world, KPI_GROUP, "north", 3, by[i]);
        ask(world, KPI_SITE, "a", 1, by[i]);
        ask(world, KPI_SITE, "b", 2, by[i]); /* its days are others */
    }
}

static void test_while_things_come_and_change(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->rng.state = 11;
    open_world(world);
    for (int round = 0; round < ROUNDS; round++) {
        bool more = round % 3 != 1;
        put_some(world, 150);
        ask_all(world);
        while (more) {
            assert_int_equal(store_roll(world->store, &layout, 1, &more), 0);
            more = more && round % 3 == 0;
        }
        ask_all(world);
    }
    for (size_t i = 0; i < SITES * QUEUES * SLOTS; i++) {
        summary_deinit(&(&world->held[0][0][0])[i].sum);
    }
    store_close(world->store);
    registry_close(world->registry);
    temp_dir_remove(&world->store_dir);
    temp_dir_remove(&world->registry_dir);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_while_things_come_and_change)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
