#include "tests/unit/query/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

static bool is_over(void *ctx)
{
    struct desk *desk = ctx;
    desk->looked++;
    return desk->looks >= 0 && desk->looked > desk->looks;
}

int desk_open(void **state)
{
    static struct desk desk;
    static const char *const ids[] = {"madrid-01", "sevilla-02", "malaga-03"};
    struct rng rng = {9};
    desk = (struct desk){.store = fake_centre_new(), .looks = -1};
    struct store *store = desk.store;
    store->group_names[0] = "north";
    store->centre_day_zone = "Europe/Madrid";
    (void)fake_centre_queue(store, "sales");
    (void)fake_centre_queue(store, "support");
    for (size_t i = 0; i < 3; i++) {
        const struct sums_branch branch = {.site = fake_centre_site(store, ids[i], i < 2 ? 1 : 0, "Europe/Madrid"),
                                           .interval_s = 900,
                                           .from_s = sums_at_s("2026-11-18T23:00:00Z"),
                                           .to_s = sums_at_s("2026-11-20T23:00:00Z"),
                                           .queues = 2,
                                           .pending_percent = 5};
        sums_add_branch(store, &rng, &branch);
        store->contacts[i].last_seen_ms = sums_at_s("2026-11-21T11:00:00Z") * 1000 - 20000;
    }
    desk.centre = (struct kpi_centre){.store = store,
                                      .registry = fake_centre_registry(store),
                                      .zone = "Europe/Madrid",
                                      .now_ms = sums_at_s("2026-11-21T11:00:00Z") * 1000,
                                      .expired = is_over,
                                      .expired_ctx = &desk};
    *state = &desk;
    return 0;
}

void desk_done(struct desk *desk)
{
    json_free(desk->document);
    desk->document = NULL;
    kpi_scope_free(desk->scope);
    desk->scope = NULL;
    zone_use(NULL);
}

int desk_close(void **state)
{
    struct desk *desk = *state;
    desk_done(desk);
    fake_centre_free(desk->store);
    return 0;
}

int desk_ask(struct desk *desk, enum kpi_whose whose, const char *name, const char *zone, const char *const *items)
{
    desk_done(desk);
    int status = kpi_scope_new(&desk->centre, whose, name, &desk->scope, &desk->why);
    status = status == 0 ? kpi_scope_zone(desk->scope, zone, &desk->zone, &desk->why) : status;
    if (status == 0) {
        zone_use(desk->zone);
        query_init(&desk->query, REPORT_KPI);
        desk->query.central = true;
    }
    for (; status == 0 && *items; items++) {
        status = query_take_item(&desk->query, slice_str(*items), desk->centre.now_ms, &desk->why);
    }
    return status;
}

void desk_hurry(struct desk *desk, int (*answer)(struct desk *desk))
{
    int status = STATUS_LATE;
    for (desk->looks = 0; status == STATUS_LATE; desk->looks += 1 + desk->looks / 4) {
        desk->looked = 0;
        status = answer(desk);
        if (status == STATUS_LATE) {
            assert_null(desk->document);
            assert_string_equal(desk->why.text,
                                "took longer than allowed: ask for a shorter span, coarser steps or fewer sites");
        }
    }
    assert_int_equal(status, 0);
    assert_true(desk->looked > 1);
    desk->looks = -1;
}

int64_t desk_int(const struct json *json, const char *path)
{
    int64_t value = 0;
    if (!json_int(json, path, &value)) {
        fail_msg("no integer at %s", path);
    }
    return value;
}

double desk_number(const struct json *json, const char *path)
{
    double value = 0;
    if (!json_number(json, path, &value)) {
        fail_msg("no number at %s", path);
    }
    return value;
}
