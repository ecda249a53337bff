/* The answer equals one pass over all intervals, whatever is asked for and however it is put together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/query/sums.h"

struct world {
    struct store *store;
    struct kpi_centre centre;
    struct rng rng;
};

/* The clocks of Madrid and Lord Howe change within the span: 2026-10-25 and 2026-10-04. */
static void make_world(struct world *world, const char *from, const char *to, uint32_t odd_interval_s)
{
    *world = (struct world){.store = fake_centre_new(), .rng = {20261025}};
    static const struct {
        const char *id;
        uint32_t group;
        const char *zone;
    } sites[] = {
        {"a-madrid", 1, "Europe/Madrid"}, {"b-howe", 1, "Australia/Lord_Howe"}, {"c-kolkata", 2, "Asia/Kolkata"}};
    world->store->group_names[0] = "north";
    world->store->group_names[1] = "south";
    world->store->centre_day_zone = "Europe/Madrid";
    (void)fake_centre_queue(world->store, "sales");
    (void)fake_centre_queue(world->store, "billing");
    (void)fake_centre_queue(world->store, "田中");
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        const struct sums_branch branch = {
            .site = fake_centre_site(world->store, sites[i].id, sites[i].group, sites[i].zone),
            .interval_s = i == 2 ? odd_interval_s : 900,
            .from_s = sums_at_s(from),
            .to_s = sums_at_s(to),
            .queues = i == 1 ? 3 : 2,
            .pending_percent = 4};
        sums_add_branch(world->store, &world->rng, &branch);
        world->store->contacts[i].last_seen_ms = sums_at_s("2026-11-21T12:00:00Z") * 1000;
    }
    world->centre = (struct kpi_centre){.store = world->store,
                                        .registry = fake_centre_registry(world->store),
                                        .zone = "Europe/Madrid",
                                        .now_ms = sums_at_s("2026-11-21T12:00:30Z") * 1000};
}

static void ask(struct world *world, enum kpi_whose whose, const char *name, const char *zone, const char *by,
                const char *from, const char *to, const char *more)
{
    char words[4][80];
    (void)snprintf(words[0], sizeof words[0], "by=%s", by);
    (void)snprintf(words[1], sizeof words[1], "from=%s", from);
    (void)snprintf(words[2], sizeof words[2], "to=%s", to);
    (void)snprintf(words[3], sizeof words[3], "%s", more ? more : "");
    const char *const items[] = {words[0], words[1], words[2], more ? words[3] : NULL, NULL};
    struct query_why why = {""};
    struct json *document = NULL;
    int status = sums_ask(&world->centre, whose, name, zone, &why, &document, items);
    if (status != 0) {
        fail_msg("%s %s %s %s: %s", name ? name : "all", zone, by, from, why.text);
    }
    json_free(document);
}

static const struct {
    enum kpi_whose whose;
    const char *name;
} scopes[] = {{KPI_SITE, "a-madrid"}, {KPI_SITE, "b-howe"}, {KPI_GROUP, "north"}, {KPI_ALL, NULL}};
static const char *const columns[] = {"queue", "total", "site", "site,queue"};
static const char *const grains[] = {"", ",day", ",hour", ",interval", ",hour-of-week"};
static const char *const zones[] = {"Europe/Madrid", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu",
                                    "UTC",           "America/New_York"};
static const char *const spans[][2] = {
    {"2026-10-03", "2026-10-06"}, {"2026-10-04T00:17:00Z", "2026-10-05T13:40:00Z"}, {"2026-09-01", "2026-12-01"}};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static void test_every_shape_at_random(void **state)
{
    (void)state;
    struct world world;
    make_world(&world, "2026-10-02T00:00:00Z", "2026-10-07T00:00:00Z", 900);
    for (size_t i = 0; i < 80; i++) {
        size_t scope = rng_below(&world.rng, COUNT(scopes));
        size_t span = rng_below(&world.rng, COUNT(spans));
        char by[64];
        (void)snprintf(by, sizeof by, "%s%s", columns[i % COUNT(columns)], grains[i / 4 % COUNT(grains)]);
        ask(&world, scopes[scope].whose, scopes[scope].name, zones[rng_below(&world.rng, COUNT(zones))], by,
            spans[span][0], spans[span][1], rng_chance(&world.rng, 20) ? "queue=billing" : NULL);
    }
    fake_centre_free(world.store);
}

static void test_intervals_of_several_lengths(void **state)
{
    (void)state;
    struct world world;
    make_world(&world, "2026-10-02T00:00:00Z", "2026-10-06T00:00:00Z", 3600);
    for (size_t i = 0; i < COUNT(columns) * COUNT(grains); i++) {
        char by[64];
        (void)snprintf(by, sizeof by, "%s%s", columns[i % COUNT(columns)], grains[i / COUNT(columns)]);
        ask(&world, KPI_ALL, NULL, zones[i % COUNT(zones)], by, "2026-10-03", "2026-10-04", NULL);
        ask(&world, KPI_GROUP, "south", zones[(i + 1) % COUNT(zones)], by, "2026-10-03T10:10", "2026-10-05T11:00",
            "short_abandon=9s");
    }
    fake_centre_free(world.store);
}

static void test_days_of_all_lengths(void **state)
{
    (void)state;
    struct world world;
    make_world(&world, "2026-10-23T00:00:00Z", "2026-10-28T00:00:00Z", 1800); /* 25 hours in Madrid */
    for (size_t i = 0; i < COUNT(grains); i++) {
        char by[64];
        (void)snprintf(by, sizeof by, "total%s", grains[i]);
        ask(&world, KPI_ALL, NULL, "Europe/Madrid", by, "2026-10-24", "2026-10-26", NULL);
        ask(&world, KPI_SITE, "a-madrid", "Europe/Madrid", by, "2026-10-25", "2026-10-25", NULL);
        ask(&world, KPI_SITE, "c-kolkata", "Asia/Kolkata", by, "2026-10-24", "2026-10-25", NULL);
    }
    fake_centre_free(world.store);
    make_world(&world, "2026-04-03T00:00:00Z", "2026-04-07T00:00:00Z", 900); /* 24.5 hours in Lord Howe */
    for (size_t i = 0; i < COUNT(grains); i++) {
        char by[64];
        (void)snprintf(by, sizeof by, "queue%s", grains[i]);
        ask(&world, KPI_SITE, "b-howe", "Australia/Lord_Howe", by, "2026-04-04", "2026-04-06", NULL);
        ask(&world, KPI_ALL, NULL, "Australia/Lord_Howe", by, "2026-04-05", "2026-04-05", NULL);
    }
    fake_centre_free(world.store);
}

/* More queues than there are dense cells. */
static void test_many_queues(void **state)
{
    (void)state;
    struct store *store = fake_centre_new();
    struct rng rng = {7};
    for (int i = 0; i < 90; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "q%02d", (i * 37) % 90);
        (void)fake_centre_queue(store, name);
    }
    store->centre_day_zone = "UTC";
    const struct sums_branch branch = {.site = fake_centre_site(store, "many", 0, "UTC"),
                                       .interval_s = 900,
                                       .from_s = sums_at_s("2026-10-03T00:00:00Z"),
                                       .to_s = sums_at_s("2026-10-03T08:00:00Z"),
                                       .queues = 90,
                                       .pending_percent = 5};
    sums_add_branch(store, &rng, &branch);
    store->contacts[0].last_seen_ms = sums_at_s("2026-11-21T12:00:00Z") * 1000;
    struct world world = {.store = store};
    world.centre = (struct kpi_centre){.store = store,
                                       .registry = fake_centre_registry(store),
                                       .zone = "UTC",
                                       .now_ms = sums_at_s("2026-11-21T12:00:00Z") * 1000};
    ask(&world, KPI_ALL, NULL, "UTC", "queue", "2026-10-03", "2026-10-03", NULL);
    ask(&world, KPI_ALL, NULL, "UTC", "queue,hour", "2026-10-03", "2026-10-03", NULL);
    ask(&world, KPI_SITE, "many", "UTC", "hour-of-week", "2026-10-03", "2026-10-03", NULL);
    fake_centre_free(store);
}

/* The cells of a group still hold a site that the registry has moved, or do not hold one yet. */
static void test_a_group_in_change(void **state)
{
    (void)state;
    struct world world;
    make_world(&world, "2026-10-02T00:00:00Z", "2026-10-04T00:00:00Z", 900);
    world.store->sites[2].group_number = 1;
    ask(&world, KPI_GROUP, "north", "UTC", "queue,hour", "2026-10-02", "2026-10-03", NULL);
    world.store->sites[0].group_number = 2;
    ask(&world, KPI_GROUP, "north", "UTC", "total,day", "2026-10-02", "2026-10-03", NULL);
    ask(&world, KPI_GROUP, "south", "UTC", "total", "2026-10-02", "2026-10-03", NULL);
    world.store->grouping_unknown = true;
    ask(&world, KPI_GROUP, "north", "UTC", "queue", "2026-10-02", "2026-10-03", NULL);
    ask(&world, KPI_ALL, NULL, "UTC", "total,day", "2026-10-02", "2026-10-03", NULL);
    fake_centre_free(world.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape_at_random), cmocka_unit_test(test_intervals_of_several_lengths),
        cmocka_unit_test(test_days_of_all_lengths),   cmocka_unit_test(test_many_queues),
        cmocka_unit_test(test_a_group_in_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
