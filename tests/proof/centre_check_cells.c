/* Hours and days of all scopes: each that there should be, with what the input adds up to, and no other. */
#include <stdlib.h>

#include "collector/rollup/cell.h"
#include "tests/proof/centre_check_internal.h"

struct expected {
    store_scope scope;
    enum store_grain grain;
    int64_t key_s;
    int queue; /* -1: all */
    bool seen;
    struct input_tally tally;
};

enum { EXPECTED_MAX = 600 };

struct cells {
    struct check *check;
    struct expected *items;
    size_t count;
    store_scope scope;
    enum store_grain grain;
    struct cell *cell;
};

static struct expected *expected_at(struct cells *cells, store_scope scope, enum store_grain grain, int64_t key_s,
                                    int queue, bool make)
{
    for (size_t i = 0; i < cells->count; i++) {
        struct expected *item = &cells->items[i];
        if (item->scope == scope && item->grain == grain && item->key_s == key_s && item->queue == queue) {
            return item;
        }
    }
    if (!make || cells->count == EXPECTED_MAX) {
        return NULL;
    }
    struct expected *item = &cells->items[cells->count++];
    *item = (struct expected){.scope = scope, .grain = grain, .key_s = key_s, .queue = queue};
    return item;
}

static int64_t day_key_s(const char *zone, int64_t start_s)
{
    int64_t local_s = start_s + model_zone_offset_s(zone);
    return local_s - local_s % 86400;
}

static void expect_in(struct cells *cells, store_scope scope, const char *zone, int queue, int64_t start_s,
                      const struct input_content *content)
{
    struct expected *hour = expected_at(cells, scope, STORE_HOUR, start_s - start_s % 3600, queue, true);
    struct expected *day = expected_at(cells, scope, STORE_DAY, day_key_s(zone, start_s), queue, true);
    if (hour && day) {
        input_tally_add(&hour->tally, content);
        input_tally_add(&day->tally, content);
    } else {
        (void)centre_check_fault(cells->check, "the proof has too little room for what it expects");
    }
}

static void expect_entry(struct cells *cells, unsigned site, unsigned queue, unsigned slot)
{
    const struct check *check = cells->check;
    const struct model_record *record = &check->done.sites[site];
    struct input_place place = model_place(check->model, site, queue, slot);
    struct input_content content;
    int64_t start_s = input_start_s(slot);
    const char *zone = record->zone ? model_zone_names[record->zone] : model_told_zones[site];
    input_content(check->model->seed, &place, &content);
    expect_in(cells, check->model->sites[site].number, zone, (int)queue, start_s, &content);
    expect_in(cells, STORE_ALL, MODEL_CENTRE_ZONE, (int)queue, start_s, &content);
    expect_in(cells, STORE_ALL, MODEL_CENTRE_ZONE, -1, start_s, &content);
    if (record->group) {
        uint32_t number = registry_group_find(check->registry, slice_str(model_group_names[record->group]));
        expect_in(cells, store_scope_group(number), MODEL_CENTRE_ZONE, (int)queue, start_s, &content);
        expect_in(cells, store_scope_group(number), MODEL_CENTRE_ZONE, -1, start_s, &content);
    }
}

static void expect_all(struct cells *cells)
{
    for (unsigned i = 0; i < INPUT_SITES * INPUT_QUEUES * INPUT_SLOTS; i++) {
        unsigned site = i / (INPUT_QUEUES * INPUT_SLOTS);
        unsigned queue = i / INPUT_SLOTS % INPUT_QUEUES;
        const struct model_entry *entry = &cells->check->model->sites[site].entries[queue][i % INPUT_SLOTS];
        if (!entry->there || !model_has_data(&cells->check->done, site)) {
            continue;
        }
        if (entry->waits || entry->acked != entry->revision || entry->acked_epoch != entry->epoch) {
            (void)centre_check_fault(cells->check, "site %s queue %u: something waits at the end", model_site_ids[site],
                                     queue);
        }
        expect_entry(cells, site, queue, i % INPUT_SLOTS);
    }
}

static int see_cell(void *ctx, const struct store_cell *item)
{
    struct cells *cells = ctx;
    struct summary sum = {0};
    struct cell_facts facts = {0};
    int queue = item->queue == STORE_QUEUE_TOTAL ? -1 : centre_check_queue_of(cells->check, item->queue);
    struct expected *expected = expected_at(cells, cells->scope, cells->grain, item->key_s, queue, false);
    cell_clear(cells->cell);
    bool read = cell_merge_encoded(cells->cell, item->stored, true) == 0 && cell_summary(cells->cell, &sum) == 0;
    cell_facts(cells->cell, &facts);
    const char *grain = cells->grain == STORE_HOUR ? "hour" : "day";
    if (!read || !expected || expected->seen || (item->queue != STORE_QUEUE_TOTAL && queue < 0)) {
        (void)centre_check_fault(cells->check, "scope %x: %s %lld of queue %d is not expected or cannot be read",
                                 cells->scope, grain, (long long)item->key_s, queue);
    } else if (facts.intervals != expected->tally.intervals || facts.unbalanced != 0 ||
               !input_tally_is(&expected->tally, &sum)) {
        (void)centre_check_fault(
            cells->check, "scope %x: %s %lld of queue %d: %llu intervals and %u callers, expected %llu and %llu",
            cells->scope, grain, (long long)item->key_s, queue, (unsigned long long)facts.intervals,
            sum.flow[FLOW_ENTERED], (unsigned long long)expected->tally.intervals,
            (unsigned long long)expected->tally.entered);
    }
    if (expected) {
        expected->seen = true;
    }
    summary_deinit(&sum);
    return 0;
}

static void see_scope(struct cells *cells, store_scope scope)
{
    const enum store_grain grains[] = {STORE_HOUR, STORE_DAY};
    const uint32_t queues[] = {UINT32_MAX, STORE_QUEUE_TOTAL};
    cells->scope = scope;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t bad = 0;
        cells->grain = grains[i / 2];
        if (store_view_cells(cells->check->view, scope, cells->grain, 0, INT64_C(4000000000), queues[i % 2], see_cell,
                             cells, &bad) != 0 ||
            bad > 0) {
            (void)centre_check_fault(cells->check, "cells of scope %x cannot be read", scope);
        }
    }
}

void centre_check_cells(struct check *check)
{
    struct cells cells = {.check = check, .items = calloc(EXPECTED_MAX, sizeof *cells.items)};
    if (!cells.items || cell_new(&cells.cell) != 0) {
        (void)centre_check_fault(check, "no memory for the check");
        free(cells.items);
        return;
    }
    expect_all(&cells);
    see_scope(&cells, STORE_ALL);
    for (unsigned i = 0; i < INPUT_SITES; i++) {
        if (check->model->sites[i].number != 0) {
            see_scope(&cells, check->model->sites[i].number);
        }
    }
    for (uint32_t group = 1; group <= MODEL_GROUPS; group++) {
        see_scope(&cells, store_scope_group(group));
    }
    for (size_t i = 0; i < cells.count; i++) {
        if (!cells.items[i].seen) {
            (void)centre_check_fault(check, "scope %x: %s %lld of queue %d is missing", cells.items[i].scope,
                                     cells.items[i].grain == STORE_HOUR ? "hour" : "day",
                                     (long long)cells.items[i].key_s, cells.items[i].queue);
        }
    }
    cell_free(cells.cell);
    free(cells.items);
}
