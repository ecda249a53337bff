#include "tests/support/fake_centre.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/rollup/cell.h"
#include "collector/store/store_write.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

struct store_view {
    struct store *store;
};

struct store *fake_centre_new(void)
{
    struct store *centre = calloc(1, sizeof *centre);
    assert(centre);
    return centre;
}

void fake_centre_free(struct store *centre)
{
    for (size_t i = 0; i < centre->count; i++) {
        summary_deinit(&centre->items[i].now);
        summary_deinit(&centre->items[i].then);
    }
    for (size_t i = 0; i < centre->cell_count; i++) {
        buf_deinit(&centre->cells[i].stored);
    }
    free(centre->items);
    free(centre->cells);
    free(centre);
}

/* Both are the same thing here. */
struct registry *fake_centre_registry(struct store *centre)
{
    return (struct registry *)(void *)centre;
}

static struct store *centre_of(struct registry *registry)
{
    return (struct store *)(void *)registry;
}

uint32_t fake_centre_site(struct store *centre, const char *id, uint32_t group, const char *zone)
{
    assert(centre->site_count < FAKE_CENTRE_SITES);
    size_t at = centre->site_count++;
    struct registry_site *site = &centre->sites[at];
    site->number = (uint32_t)at + 1;
    site->state = REGISTRY_JOINED;
    site->group_number = group;
    (void)snprintf(site->id, sizeof site->id, "%s", id);
    (void)snprintf(site->zone, sizeof site->zone, "%s", zone);
    centre->groups[at] = group ? store_scope_group(group) : STORE_ALL;
    centre->day_zones[at] = zone;
    return site->number;
}

uint32_t fake_centre_queue(struct store *centre, const char *name)
{
    size_t number = ++centre->queue_count;
    assert(number < FAKE_CENTRE_QUEUES);
    (void)snprintf(centre->queues[number], sizeof centre->queues[number], "%s", name);
    return (uint32_t)number;
}

struct fake_item *fake_centre_add(struct store *centre, uint32_t site, int64_t start_s, uint32_t queue,
                                  uint32_t interval_s)
{
    centre->items = grow_array(centre->items, centre->count, &centre->cap, sizeof *centre->items);
    assert(centre->items && !centre->built);
    struct fake_item *item = &centre->items[centre->count++];
    *item = (struct fake_item){.site = site, .queue = queue, .start_s = start_s, .interval_s = interval_s};
    return item;
}

/* ---- cells ---- */

struct key {
    store_scope scope;
    int grain;
    int64_t key_s;
    uint32_t queue;
    int64_t from_s;
    int64_t to_s;
    const struct fake_item *item;
};

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    if (a->scope != b->scope) {
        return a->scope < b->scope ? -1 : 1;
    }
    if (a->grain != b->grain) {
        return a->grain - b->grain;
    }
    if (a->key_s != b->key_s) {
        return a->key_s < b->key_s ? -1 : 1;
    }
    return (a->queue > b->queue) - (a->queue < b->queue);
}

struct keys {
    struct key *items;
    size_t count;
    size_t cap;
};

static void add_key(struct keys *keys, struct key key)
{
    keys->items = grow_array(keys->items, keys->count, &keys->cap, sizeof *keys->items);
    assert(keys->items);
    keys->items[keys->count++] = key;
}

static void add_keys(struct keys *keys, const struct fake_item *item, store_scope scope, const char *day_zone,
                     bool total)
{
    int64_t hour_s = item->start_s - item->start_s % HOUR_S;
    struct key key = {scope,  STORE_HOUR,      hour_s, total ? STORE_QUEUE_TOTAL : item->queue,
                      hour_s, hour_s + HOUR_S, item};
    add_key(keys, key);
    const struct zone *zone = NULL;
    if (day_zone && zone_find(day_zone, &zone) == 0) {
        zone_use(zone);
        struct zone_date date = zone_date_of(item->start_s);
        key.grain = STORE_DAY;
        key.key_s = stamp_days_of(date.year, date.month, date.day) * DAY_S;
        key.from_s = zone_local_day_start(item->start_s);
        key.to_s = zone_next_day_start(item->start_s);
        add_key(keys, key);
    }
}

static void build_cell(struct store *centre, const struct key *keys, size_t count)
{
    struct cell *cell = NULL;
    assert(cell_new(&cell) == 0);
    for (size_t i = 0; i < count; i++) {
        const struct fake_item *item = keys[i].item;
        const struct cell_part part = {&item->then, item->start_s == keys[i].from_s,
                                       item->start_s + item->interval_s == keys[i].to_s};
        assert(cell_add(cell, &part) == 0);
    }
    centre->cells = grow_array(centre->cells, centre->cell_count, &centre->cell_cap, sizeof *centre->cells);
    assert(centre->cells);
    struct fake_cell *out = &centre->cells[centre->cell_count++];
    *out = (struct fake_cell){keys->scope, keys->grain, keys->key_s, keys->queue, BUF_INIT};
    cell_encode(cell, &out->stored);
    cell_free(cell);
}

static void build(struct store *centre, const struct zone *back_to)
{
    struct keys keys = {0};
    for (size_t i = 0; i < centre->count; i++) {
        const struct fake_item *item = &centre->items[i];
        if (!item->has_then) {
            continue;
        }
        store_scope group = centre->groups[item->site - 1];
        add_keys(&keys, item, item->site, centre->day_zones[item->site - 1], false);
        for (int total = 0; total < 2; total++) {
            add_keys(&keys, item, STORE_ALL, centre->centre_day_zone, total);
            if (group != STORE_ALL) {
                add_keys(&keys, item, group, centre->centre_day_zone, total);
            }
        }
    }
    if (keys.count > 0) {
        qsort(keys.items, keys.count, sizeof *keys.items, compare_keys);
    }
    for (size_t i = 0, end; i < keys.count; i = end) {
        for (end = i + 1; end < keys.count && compare_keys(&keys.items[i], &keys.items[end]) == 0; end++) {
        }
        build_cell(centre, keys.items + i, end - i);
    }
    free(keys.items);
    centre->built = true;
    zone_use(back_to);
}

/* ---- store.h ---- */

int store_view_begin(struct store *store, struct store_view **out)
{
    struct store_view *view = calloc(1, sizeof *view);
    assert(view);
    view->store = store;
    *out = view;
    return 0;
}

void store_view_end(struct store_view *view)
{
    free(view);
}

struct slice store_view_queue_name(struct store_view *view, uint32_t queue)
{
    return slice_str(queue > 0 && queue <= view->store->queue_count ? view->store->queues[queue] : "");
}

uint32_t store_view_queue_find(struct store_view *view, struct slice name)
{
    for (uint32_t i = 1; i <= view->store->queue_count; i++) {
        if (slice_is(name, view->store->queues[i])) {
            return i;
        }
    }
    return 0;
}

bool store_view_queue_settings(struct store_view *view, uint32_t site, uint32_t queue, struct queue_settings *out)
{
    bool told = queue < FAKE_CENTRE_QUEUES && view->store->has_settings[site - 1][queue];
    if (told) {
        *out = view->store->settings[site - 1][queue];
    }
    return told;
}

bool store_view_contact(struct store_view *view, uint32_t site, struct store_contact *out)
{
    *out = view->store->contacts[site - 1];
    return view->store->has_contact[site - 1];
}

int store_view_intervals(struct store_view *view, uint32_t site, int64_t from_s, int64_t to_s, store_interval_fn fn,
                         void *ctx, uint64_t *bad)
{
    (void)bad;
    struct store *centre = view->store;
    size_t low = 0;
    for (size_t left = centre->count; left > 0;) {
        size_t half = left / 2;
        const struct fake_item *item = &centre->items[low + half];
        bool below = item->site != site ? item->site < site : item->start_s < from_s;
        low = below ? low + half + 1 : low;
        left = below ? left - half - 1 : half;
    }
    int outcome = 0;
    for (; outcome == 0 && low < centre->count; low++) {
        const struct fake_item *item = &centre->items[low];
        if (item->site != site || item->start_s >= to_s) {
            break;
        }
        const struct store_interval out = {.site = site,
                                           .queue = item->queue,
                                           .start_s = item->start_s,
                                           .interval_s = item->interval_s,
                                           .sum = &item->now};
        centre->interval_reads++;
        outcome = item->has_now ? fn(ctx, &out) : 0;
    }
    return outcome;
}

/* Index of the first cell that is not below `first`. */
static size_t first_cell(const struct store *centre, const struct key *first)
{
    size_t low = 0;
    for (size_t left = centre->cell_count; left > 0;) {
        size_t half = left / 2;
        const struct fake_cell *cell = &centre->cells[low + half];
        const struct key key = {.scope = cell->scope, .grain = cell->grain, .key_s = cell->key_s, .queue = cell->queue};
        bool below = compare_keys(&key, first) < 0;
        low = below ? low + half + 1 : low;
        left = below ? left - half - 1 : half;
    }
    return low;
}

static void build_once(struct store *centre)
{
    const struct zone *zone = NULL;
    if (!centre->built) {
        assert(zone_find(zone_name(), &zone) == 0);
        build(centre, zone);
    }
}

static int show_cell(struct store *centre, const struct fake_cell *cell, store_cell_fn fn, void *ctx)
{
    const struct store_cell out = {cell->key_s, cell->queue, buf_slice(&cell->stored)};
    *(cell->grain == STORE_HOUR ? &centre->hour_reads : &centre->day_reads) += 1;
    return fn(ctx, &out);
}

// NOLINTNEXTLINE(readability-function-size): as store.h has it
int store_view_cells(struct store_view *view, store_scope scope, enum store_grain grain, int64_t from_key_s,
                     int64_t to_key_s, uint32_t queue, store_cell_fn fn, void *ctx, uint64_t *bad)
{
    (void)bad;
    struct store *centre = view->store;
    const struct key first = {.scope = scope, .grain = (int)grain, .key_s = from_key_s};
    const struct key behind = {.scope = scope, .grain = (int)grain, .key_s = to_key_s};
    int outcome = 0;
    build_once(centre);
    size_t end = first_cell(centre, &behind);
    for (size_t i = first_cell(centre, &first); outcome == 0 && i < end; i++) {
        const struct fake_cell *cell = &centre->cells[i];
        bool wanted = queue == UINT32_MAX ? cell->queue != STORE_QUEUE_TOTAL : cell->queue == queue;
        outcome = wanted ? show_cell(centre, cell, fn, ctx) : 0;
    }
    return outcome;
}

int store_view_pending(struct store_view *view, int64_t from_s, int64_t to_s, store_pending_fn fn, void *ctx,
                       uint64_t *bad)
{
    (void)bad;
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->store->count; i++) {
        const struct fake_item *item = &view->store->items[i];
        if (item->pending && item->start_s >= from_s && item->start_s < to_s) {
            const struct store_pending out = {item->site,
                                              item->queue,
                                              item->start_s,
                                              item->interval_s,
                                              item->has_now ? &item->now : NULL,
                                              item->has_then ? &item->then : NULL};
            outcome = fn(ctx, &out);
        }
    }
    return outcome;
}

int store_view_queues(struct store_view *view, uint32_t site, store_queue_fn fn, void *ctx)
{
    struct store *store = view->store;
    int outcome = 0;
    for (uint32_t queue = 1; outcome == 0 && queue <= store->queue_count; queue++) {
        outcome = store->has_settings[site - 1][queue] ? fn(ctx, queue) : 0;
    }
    return outcome;
}

int store_view_gaps(struct store_view *view, uint32_t site, store_gap_fn fn, void *ctx)
{
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->store->gap_count; i++) {
        outcome = view->store->gap_sites[i] == site ? fn(ctx, &view->store->gaps[i]) : 0;
    }
    return outcome;
}

int store_grouping(struct store *store, store_scope scope, store_scope *group, char day_zone[64])
{
    if (store->grouping_unknown) {
        return STORE_UNKNOWN;
    }
    bool site = scope != STORE_ALL && !(scope & STORE_GROUP_BIT);
    const char *zone = site ? store->day_zones[scope - 1] : store->centre_day_zone;
    *group = site ? store->groups[scope - 1] : STORE_ALL;
    (void)snprintf(day_zone, 64, "%s", zone ? zone : "");
    return 0;
}

/* ---- registry.h ---- */

int registry_find(struct registry *registry, struct slice id, struct registry_site *out)
{
    const struct store *centre = centre_of(registry);
    for (size_t i = 0; i < centre->site_count; i++) {
        if (slice_is(id, centre->sites[i].id)) {
            *out = centre->sites[i];
            return 0;
        }
    }
    return STATUS_NOT_FOUND;
}

int registry_each(struct registry *registry, registry_site_fn fn, void *ctx)
{
    const struct store *centre = centre_of(registry);
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < centre->site_count; i++) {
        outcome = fn(ctx, &centre->sites[i]);
    }
    return outcome;
}

uint32_t registry_group_find(struct registry *registry, struct slice name)
{
    const struct store *centre = centre_of(registry);
    for (uint32_t i = 0; i < FAKE_CENTRE_SITES && centre->group_names[i]; i++) {
        if (slice_is(name, centre->group_names[i])) {
            return i + 1;
        }
    }
    return 0;
}
