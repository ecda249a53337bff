#include "agent/kpi/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum { BUCKETS_LEAST = 256 };

int shelf_init(struct shelf *shelf, const struct shelf_options *options)
{
    *shelf = (struct shelf){.options = *options, .mask = BUCKETS_LEAST - 1};
    shelf->buckets = calloc(BUCKETS_LEAST, sizeof(struct shelf_item *));
    return shelf->buckets ? 0 : STATUS_NO_MEMORY;
}

static void free_list(struct shelf *shelf, struct shelf_item *item)
{
    while (item) {
        struct shelf_item *next = item->next;
        shelf->options.deinit(item);
        free(item);
        item = next;
    }
}

void shelf_deinit(struct shelf *shelf)
{
    for (uint32_t b = 0; b <= shelf->mask; b++) {
        free_list(shelf, shelf->buckets[b]);
    }
    free_list(shelf, shelf->spare);
    free((void *)shelf->buckets);
    free((void *)shelf->dirty);
}

static uint32_t bucket_of(uint32_t id, int64_t number, uint32_t mask)
{
    uint64_t h = ((uint64_t)number << 20 ^ id) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32) & mask;
}

static int resize(struct shelf *shelf, uint32_t mask)
{
    struct shelf_item **buckets = calloc((size_t)mask + 1, sizeof(struct shelf_item *));
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i <= shelf->mask; i++) {
        for (struct shelf_item *item = shelf->buckets[i], *next; item; item = next) {
            next = item->next;
            uint32_t b = bucket_of(item->id, item->number, mask);
            item->next = buckets[b];
            buckets[b] = item;
        }
    }
    free((void *)shelf->buckets);
    shelf->buckets = buckets;
    shelf->mask = mask;
    return 0;
}

static void spare(struct shelf *shelf, struct shelf_item *item)
{
    shelf->options.clear(item);
    item->next = shelf->spare;
    shelf->spare = item;
}

static struct shelf_item *take_spare(struct shelf *shelf)
{
    struct shelf_item *item = shelf->spare;
    if (!item) {
        return calloc(1, shelf->options.item_size);
    }
    shelf->spare = item->next;
    return item;
}

static int make_item(struct shelf *shelf, uint32_t id, int64_t number, struct shelf_item **out)
{
    if (shelf->count > shelf->mask && resize(shelf, shelf->mask * 2 + 1) != 0) {
        return STATUS_NO_MEMORY;
    }
    struct shelf_item *item = take_spare(shelf);
    if (!item) {
        return STATUS_NO_MEMORY;
    }
    item->id = id;
    item->number = number;
    item->dirty = false;
    int status = shelf->options.load(shelf->options.ctx, item, shelf_start_s(shelf, item));
    if (status < 0) {
        spare(shelf, item);
        return status;
    }
    uint32_t b = bucket_of(id, number, shelf->mask);
    item->next = shelf->buckets[b];
    shelf->buckets[b] = item;
    shelf->count++;
    shelf->newest = number > shelf->newest ? number : shelf->newest;
    *out = item;
    return 0;
}

static int mark_dirty(struct shelf *shelf, struct shelf_item *item)
{
    if (item->dirty) {
        return 0;
    }
    struct shelf_item **dirty = grow_array((void *)shelf->dirty, shelf->dirty_count, &shelf->dirty_cap, sizeof *dirty);
    if (!dirty) {
        return STATUS_NO_MEMORY;
    }
    shelf->dirty = dirty;
    item->dirty = true;
    shelf->dirty[shelf->dirty_count++] = item;
    return 0;
}

int shelf_reach(struct shelf *shelf, uint32_t id, int64_t number, struct shelf_item **out)
{
    struct shelf_item *item = shelf->buckets[bucket_of(id, number, shelf->mask)];
    while (item && (item->id != id || item->number != number)) {
        item = item->next;
    }
    int status = item ? 0 : make_item(shelf, id, number, &item);
    if (status != 0) {
        return status;
    }
    shelf->recent[id % SHELF_RECENT] = item;
    *out = item;
    return mark_dirty(shelf, item);
}

static int compare(const void *a, const void *b)
{
    const struct shelf_item *x = *(struct shelf_item *const *)a;
    const struct shelf_item *y = *(struct shelf_item *const *)b;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

void shelf_sort(struct shelf *shelf)
{
    if (shelf->dirty_count > 1) {
        qsort((void *)shelf->dirty, shelf->dirty_count, sizeof(struct shelf_item *), compare);
    }
}

int64_t shelf_start_s(const struct shelf *shelf, const struct shelf_item *item)
{
    return item->number * shelf->options.interval_s;
}

void shelf_saved(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->dirty_count; i++) {
        shelf->dirty[i]->dirty = false;
    }
    shelf->dirty_count = 0;
}

void shelf_purge(struct shelf *shelf, int64_t keep_intervals)
{
    int64_t keep_from = shelf->newest - keep_intervals;
    memset((void *)shelf->recent, 0, sizeof shelf->recent);
    for (uint32_t b = 0; b <= shelf->mask; b++) {
        for (struct shelf_item **link = &shelf->buckets[b]; *link;) {
            struct shelf_item *item = *link;
            if (item->number >= keep_from) {
                link = &item->next;
                continue;
            }
            *link = item->next;
            spare(shelf, item);
            shelf->count--;
        }
    }
}

void shelf_trim(struct shelf *shelf)
{
    uint32_t mask = shelf->mask;
    free_list(shelf, shelf->spare);
    shelf->spare = NULL;
    if (shelf->dirty_count == 0) {
        free((void *)shelf->dirty);
        shelf->dirty = NULL;
        shelf->dirty_cap = 0;
    }
    while (mask >= BUCKETS_LEAST && shelf->count <= mask / 4) {
        mask /= 2;
    }
    if (mask != shelf->mask) {
        (void)resize(shelf, mask); /* without memory it stays as it is */
    }
}
