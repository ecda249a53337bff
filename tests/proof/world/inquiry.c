#include "tests/proof/world/inquiry.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/query/kpi_walk.h"
#include "platform/base/status.h"
#include "tests/proof/world/branch.h"
#include "tests/proof/world/centre.h"

enum { DAYS_MAX = 12 };

struct inquiry {
    struct world *world;
    const char *whose;
    int64_t first_s; /* local midnight of day 0 */
    int64_t midnights_s[DAYS_MAX];
    struct truth_cell expected[DAYS_MAX][WORLD_QUEUES_MAX];
    bool seen[DAYS_MAX][WORLD_QUEUES_MAX];
};

/* libc's zones, so that the product's own are compared with something. */
static void use_zone(const char *zone)
{
    assert(setenv("TZ", zone, 1) == 0);
    tzset();
}

static int64_t midnight_s(int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm local;
    assert(localtime_r(&at, &local));
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    local.tm_isdst = -1;
    return (int64_t)mktime(&local);
}

static size_t day_of(const struct inquiry *self, int64_t at_s)
{
    int64_t start_s = midnight_s(at_s);
    for (size_t i = 0; i < DAYS_MAX; i++) {
        if (self->midnights_s[i] == start_s) {
            return i;
        }
    }
    return DAYS_MAX;
}

static void list_days(struct inquiry *self, int64_t first_s)
{
    int64_t at_s = midnight_s(first_s);
    for (size_t i = 0; i < DAYS_MAX; i++) {
        self->midnights_s[i] = at_s;
        at_s = midnight_s(at_s + 86400 + 3600 * 3);
    }
}

static void expect(struct inquiry *self, const struct branch *branch, const struct truth_cell *cells, bool by_day)
{
    const struct pbx *pbx = &branch->pbx;
    for (size_t i = 0; i < pbx->slots * self->world->plan.queue_count; i++) {
        if (!truth_is_empty(&cells[i])) {
            int64_t at_s = pbx->origin_s + (int64_t)(i % pbx->slots) * self->world->plan.interval_s;
            size_t day = by_day ? day_of(self, at_s) : 0;
            assert(day < DAYS_MAX);
            truth_add(&self->expected[day][i / pbx->slots], &cells[i]);
        }
    }
}

static int take_row(void *ctx, const struct kpi_row *row)
{
    struct inquiry *self = ctx;
    char why[160];
    uint32_t queue = (uint32_t)(row->queue.data[1] - '0');
    size_t day = row->start_ms != 0 ? day_of(self, row->start_ms / 1000) : 0;
    assert(queue < WORLD_QUEUES_MAX);
    if (day == DAYS_MAX || (row->start_ms != 0 && self->midnights_s[day] != row->start_ms / 1000)) {
        world_fail(self->world, "asked about %s: a row of a day that begins at %lld", self->whose,
                   (long long)row->start_ms / 1000);
        return 1;
    }
    self->seen[day][queue] = true;
    if (!row->balanced || !truth_agrees(&self->expected[day][queue], row->sum, false, why, sizeof why)) {
        world_fail(self->world, "asked about %s, q%u, day %zu (%lld): %s", self->whose, queue, day,
                   (long long)self->midnights_s[day], row->balanced ? why : "does not balance");
        return 1;
    }
    return 0;
}

static void expect_rows(struct inquiry *self)
{
    for (size_t i = 0; i < DAYS_MAX * WORLD_QUEUES_MAX && !self->world->failed; i++) {
        size_t day = i / WORLD_QUEUES_MAX;
        size_t queue = i % WORLD_QUEUES_MAX;
        if (!self->seen[day][queue] && self->expected[day][queue].flow[FLOW_ENTERED] > 0) {
            world_fail(self->world, "asked about %s: no row of q%zu, day %zu", self->whose, queue, day);
        }
    }
}

static void ask(struct inquiry *self, enum kpi_whose whose, const char *zone_name, bool by_day)
{
    struct world *world = self->world;
    struct kpi_centre centre = {.store = centre_store(world->centre),
                                .registry = centre_registry(world->centre),
                                .zone = "UTC",
                                .now_ms = world_centre_wall_ms(world)};
    struct kpi_scope *scope = NULL;
    struct query_why why = {""};
    const struct zone *zone = NULL;
    int status = kpi_scope_new(&centre, whose, self->whose, &scope, &why);
    if (status == 0) {
        status = kpi_scope_zone(scope, zone_name, &zone, &why);
    }
    if (status == 0) {
        struct query query;
        zone_use(zone);
        query_init(&query, REPORT_KPI);
        query.central = true;
        query.by_queue = true;
        query.grain = by_day ? QUERY_BY_DAY : QUERY_WHOLE;
        query.has_from = query.has_to = true;
        query.from_ms = self->midnights_s[0] * 1000;
        query.to_ms = self->midnights_s[DAYS_MAX - 1] * 1000;
        status = kpi_walk(scope, &query, zone, NULL, take_row, self, &why);
        zone_use(NULL);
    }
    kpi_scope_free(scope);
    if (status != 0) {
        world_fail(world, "asked about %s: %s: %s", self->whose, status_str(status), why.text);
        return;
    }
    expect_rows(self);
}

static void ask_site(struct world *world, const struct branch *branch, const struct truth_cell *cells)
{
    struct inquiry *self = world_zeroed(1, sizeof *self);
    *self = (struct inquiry){.world = world, .whose = branch->site};
    use_zone(centre_zone(branch->number));
    list_days(self, branch->pbx.origin_s - 86400);
    expect(self, branch, cells, true);
    ask(self, KPI_SITE, NULL, true);
    free(self);
}

static void ask_all(struct world *world, struct truth_cell *const cells[WORLD_BRANCHES_MAX])
{
    struct inquiry *self = world_zeroed(1, sizeof *self);
    *self = (struct inquiry){.world = world, .whose = ""};
    use_zone("UTC");
    list_days(self, world->branches[0]->pbx.origin_s - 86400);
    for (size_t i = 0; i < world->plan.branch_count; i++) {
        expect(self, world->branches[i], cells[i], true);
    }
    ask(self, KPI_ALL, "UTC", true);
    free(self);
}

void inquiry(struct world *world, struct truth_cell *const cells[WORLD_BRANCHES_MAX])
{
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        ask_site(world, world->branches[i], cells[i]);
    }
    if (!world->failed) {
        ask_all(world, cells);
    }
    use_zone("UTC");
}
