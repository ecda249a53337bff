#include "tests/unit/query/sums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/grow.h"
#include "platform/time/stamp.h"
#include "proto/report/fields.h"
#include "proto/report/kpi_row.h"

enum { DAY_S = 86400, HOUR_S = 3600 };

int64_t sums_at_s(const char *stamp)
{
    int64_t at_ms = 0;
    assert_int_equal(stamp_parse(slice_str(stamp), &at_ms), 0);
    return at_ms / 1000;
}

static void add_waits(struct rng *rng, struct summary *sum, enum duration_kind kind, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t wait_ms = rng_between(rng, 0, 200) * 500;
        assert_int_equal(summary_add_duration(sum, kind, wait_ms), 0);
        sum->flow[FLOW_ABANDONED_SHORT] += kind == DURATION_WAIT_ABANDONED && wait_ms <= 5000;
    }
}

uint32_t sums_make(struct rng *rng, struct summary *sum, uint32_t waiting)
{
    uint32_t entered = rng_chance(rng, 45) ? (uint32_t)rng_below(rng, 6) : 0;
    uint32_t left = waiting + entered;
    uint32_t answered = (uint32_t)rng_below(rng, left + 1);
    left -= answered;
    uint32_t abandoned = (uint32_t)rng_below(rng, left + 1);
    left -= abandoned;
    uint32_t timeout = rng_chance(rng, 50) ? left : left / 2;
    left -= timeout;
    sum->waiting_start = waiting;
    sum->waiting_end = left;
    sum->waiting_max = waiting + entered;
    sum->flow[FLOW_ENTERED] = entered;
    sum->flow[FLOW_ANSWERED] = answered;
    sum->flow[FLOW_ABANDONED] = abandoned;
    sum->flow[FLOW_EXIT_TIMEOUT] = timeout;
    sum->flow[FLOW_RING_NO_ANSWER] = (uint32_t)rng_below(rng, 2) * entered;
    sum->cohort[COHORT_ENTERED] = entered;
    sum->cohort[COHORT_ANSWERED] = (uint32_t)rng_below(rng, entered + 1);
    add_waits(rng, sum, DURATION_WAIT_ANSWERED, answered);
    add_waits(rng, sum, DURATION_WAIT_ABANDONED, abandoned);
    add_waits(rng, sum, DURATION_WAIT_EXIT, timeout);
    add_waits(rng, sum, DURATION_TALK, answered);
    add_waits(rng, sum, DURATION_HANDLE, answered);
    return left;
}

/* What the cells have of it: the same, something else, or nothing. */
static void choose_then(struct rng *rng, struct fake_item *item, unsigned pending_percent)
{
    item->pending = rng_chance(rng, pending_percent);
    item->has_then = !item->pending || !item->has_now || rng_chance(rng, 60);
    if (!item->pending) {
        item->has_then = item->has_now;
    }
    if (item->pending && item->has_then) {
        (void)sums_make(rng, &item->then, (uint32_t)rng_below(rng, 3));
    } else if (item->has_then) {
        assert_int_equal(summary_copy(&item->then, &item->now), 0);
    }
}

void sums_add_branch(struct store *centre, struct rng *rng, const struct sums_branch *branch)
{
    uint32_t waiting[FAKE_CENTRE_QUEUES] = {0};
    for (int64_t start_s = branch->from_s; start_s < branch->to_s; start_s += branch->interval_s) {
        for (uint32_t queue = 1; queue <= branch->queues; queue++) {
            struct fake_item *item = fake_centre_add(centre, branch->site, start_s, queue, branch->interval_s);
            waiting[queue] = sums_make(rng, &item->now, waiting[queue]);
            if (start_s + branch->interval_s >= branch->to_s) {
                item->now.flow[FLOW_EXIT_EMPTY] += item->now.waiting_end; /* the day is over */
                item->now.waiting_end = 0;
            }
            item->has_now = !summary_is_zero(&item->now);
            choose_then(rng, item, branch->pending_percent);
            if (!item->has_now && !item->has_then) {
                summary_deinit(&item->now);
                centre->count--;
            }
        }
    }
    struct store_contact *contact = &centre->contacts[branch->site - 1];
    centre->has_contact[branch->site - 1] = true;
    contact->interval_s = branch->interval_s;
    contact->newest_start_s = branch->to_s - branch->interval_s;
}

int sums_ask(const struct kpi_centre *centre, enum kpi_whose whose, const char *name, const char *zone,
             struct query_why *why, struct json **out, const char *const *items)
{
    struct kpi_scope *scope = NULL;
    const struct zone *found = NULL;
    struct query query;
    *out = NULL;
    int status = kpi_scope_new(centre, whose, name, &scope, why);
    if (status != 0) {
        return status;
    }
    assert_int_equal(kpi_scope_zone(scope, zone, &found, why), 0);
    zone_use(found);
    query_init(&query, REPORT_KPI);
    query.central = true;
    for (; status == 0 && *items; items++) {
        status = query_take_item(&query, slice_str(*items), centre->now_ms, why);
    }
    if (status == 0) {
        status = kpi_query(scope, &query, found, out, why);
    }
    if (status == 0 && query.queue_count + (query.short_abandon_ms >= 0) < 100) {
        sums_compare(centre->store, scope, &query, *out);
    }
    kpi_scope_free(scope);
    zone_use(NULL);
    return status;
}

/* ---- one pass over all ---- */

struct expected {
    int64_t step; /* which step of time, whatever it is called by */
    const char *site;
    uint32_t queue;
    struct summary sum;
    bool met;
};

struct expectation {
    struct expected *items;
    size_t count;
    size_t cap;
};

/* Two moments are in the same step when this is the same. Hours differ also by offset: two o'clock may come twice. */
static int64_t step_of(const struct query *query, int64_t at_s)
{
    int32_t offset_s = zone_offset(at_s);
    int64_t local_s = at_s + offset_s;
    if (query->hour_of_week) {
        return (local_s / DAY_S + 3) % 7 * 24 + local_s % DAY_S / HOUR_S;
    }
    switch (query->grain) {
    case QUERY_WHOLE: return 0;
    case QUERY_BY_DAY: return local_s / DAY_S;
    case QUERY_BY_HOUR: return local_s / HOUR_S * 1000000 + offset_s;
    case QUERY_BY_INTERVAL: return at_s;
    }
    return 0;
}

static struct expected *expected_at(struct expectation *all, int64_t step, const char *site, uint32_t queue)
{
    for (size_t i = all->count; i-- > 0;) {
        struct expected *item = &all->items[i];
        if (item->step == step && item->site == site && item->queue == queue) {
            return item;
        }
    }
    all->items = grow_array(all->items, all->count, &all->cap, sizeof *all->items);
    assert_non_null(all->items);
    all->items[all->count] = (struct expected){.step = step, .site = site, .queue = queue};
    return &all->items[all->count++];
}

/* Over time: what waited first and last; over queues and sites the sum. So each site's queue is added up by itself. */
static void add_up(const struct store *centre, const struct kpi_scope *scope, const struct query *query, int64_t from_s,
                   int64_t to_s, struct expectation *all)
{
    struct expectation single = {0};
    for (size_t i = 0; i < centre->count; i++) {
        const struct fake_item *item = &centre->items[i];
        const struct kpi_site *site = kpi_scope_find(scope, item->site);
        if (!item->has_now || !site || item->start_s < from_s || item->start_s >= to_s ||
            !query_wants_queue(query, slice_str(centre->queues[item->queue]))) {
            continue;
        }
        int64_t step_s = query->grain == QUERY_BY_INTERVAL ? scope->grid_s : 1;
        int64_t step = step_of(query, item->start_s - item->start_s % step_s);
        struct expected *row = NULL;
        for (size_t back = single.count; !row && back-- > 0 && back + 400 > single.count;) {
            struct expected *one = &single.items[back];
            row = one->step == step && one->site == site->id && one->queue == item->queue ? one : NULL;
        }
        if (row) {
            assert_int_equal(summary_append(&row->sum, &item->now), 0);
        } else {
            single.items = grow_array(single.items, single.count, &single.cap, sizeof *single.items);
            assert_non_null(single.items);
            row = &single.items[single.count++];
            *row = (struct expected){.step = step, .site = site->id, .queue = item->queue};
            assert_int_equal(summary_copy(&row->sum, &item->now), 0);
        }
    }
    for (size_t i = 0; i < single.count; i++) {
        struct expected *one = &single.items[i];
        uint32_t queue = query_joins_queues(query) ? 0 : one->queue;
        struct expected *row = expected_at(all, one->step, query->by_site ? one->site : NULL, queue);
        assert_int_equal(summary_merge(&row->sum, &one->sum), 0);
        summary_deinit(&one->sum);
    }
    free(single.items);
}

static struct json *row_of(const struct store *centre, const struct kpi_scope *scope, const struct query *query,
                           const struct expected *item, int64_t start_ms)
{
    struct json *out = json_new_map();
    const struct queue_settings defaults = fields_default_settings();
    const struct queue_settings settings = fields_settings(&defaults, query);
    bool single = scope->whose == KPI_SITE || query->by_site;
    const struct kpi_row row = {.site = item->site,
                                .queue = slice_str(item->queue ? centre->queues[item->queue] : "*"),
                                .start_ms = start_ms,
                                .sum = &item->sum,
                                .settings = &settings,
                                .total = query_joins_queues(query) || !single,
                                .short_abandon_asked = query->short_abandon_ms >= 0,
                                .balanced = true,
                                .complete = true,
                                .weekly = query->hour_of_week,
                                .hour_of_week = query->hour_of_week ? (unsigned)item->step : 0};
    kpi_row_put(out, &row);
    return out;
}

static void compare_row(const struct store *centre, const struct kpi_scope *scope, const struct query *query,
                        const struct json *row, struct expectation *all)
{
    int64_t start_ms = 0;
    int64_t step = 0;
    const char *site = NULL;
    uint32_t queue = 0;
    if (query->hour_of_week) {
        assert_true(json_int(row, "hour_of_week", &step));
    } else if (query->grain != QUERY_WHOLE) {
        assert_int_equal(stamp_parse(slice_str(json_text(row, "start")), &start_ms), 0);
        step = step_of(query, start_ms / 1000);
    }
    if (query->by_site) {
        for (size_t i = 0; i < scope->count; i++) {
            site = strcmp(scope->sites[i].id, json_text(row, "site")) == 0 ? scope->sites[i].id : site;
        }
    }
    for (uint32_t i = 1; i <= centre->queue_count; i++) {
        queue = strcmp(centre->queues[i], json_text(row, "queue")) == 0 ? i : queue;
    }
    struct expected *expected = expected_at(all, step, site, queue);
    assert_false(expected->met);
    expected->met = true;
    struct json *wanted = row_of(centre, scope, query, expected, start_ms);
    struct buf left = BUF_INIT;
    struct buf right = BUF_INIT;
    assert_int_equal(json_write(row, 1, &left), 0);
    assert_int_equal(json_write(wanted, 1, &right), 0);
    const char *a = buf_cstr(&left);
    const char *b = buf_cstr(&right);
    size_t same = 0;
    while (a[same] && a[same] == b[same]) {
        same++;
    }
    if (a[same] || b[same]) {
        size_t from = same > 150 ? same - 150 : 0;
        fail_msg("row %s %s from '%s': got ...%.200s, wanted ...%.200s", json_text(row, "start"),
                 json_text(row, "queue"), json_text(row, "site"), a + from, b + from);
    }
    buf_deinit(&left);
    buf_deinit(&right);
    json_free(wanted);
}

void sums_compare(const struct store *centre, const struct kpi_scope *scope, const struct query *query,
                  const struct json *document)
{
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    struct expectation all = {0};
    const struct json *rows = json_at(document, "rows");
    assert_int_equal(stamp_parse(slice_str(json_text(document, "from")), &from_ms), 0);
    assert_int_equal(stamp_parse(slice_str(json_text(document, "to")), &to_ms), 0);
    add_up(centre, scope, query, from_ms / 1000, to_ms / 1000, &all);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        compare_row(centre, scope, query, json_item(rows, i), &all);
    }
    for (size_t i = 0; i < all.count; i++) {
        assert_true(all.items[i].met || summary_is_zero(&all.items[i].sum));
        summary_deinit(&all.items[i].sum);
    }
    free(all.items);
}
