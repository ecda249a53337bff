/* shelf: entries by (id, number of an interval) that are in memory: found fast, remembered while they differ from what
 * is stored, let go when they are old. Whatever its owner keeps there begins with a struct shelf_item. Not thread safe.
 */
#ifndef RINGSIDE_AGENT_KPI_SHELF_H
#define RINGSIDE_AGENT_KPI_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHELF_RECENT = 1024 }; /* ids whose last interval is found without the table; a power of two */

struct shelf_item {
    int64_t number; /* of the interval: start / length */
    uint32_t id;
    bool dirty;
    struct shelf_item *next; /* of the bucket, or of the spare ones */
};

struct shelf_options {
    size_t item_size;
    int64_t interval_s;
    int (*load)(void *ctx, struct shelf_item *item, int64_t start_s); /* into a cleared one; below 0: there is none */
    void (*clear)(struct shelf_item *item);                           /* all zero; may keep memory for the next */
    void (*deinit)(struct shelf_item *item);
    void *ctx;
};

/* Its users read `count` and the dirty ones, which shelf_sort() brings into the order of (start, id). */
struct shelf {
    struct shelf_options options;
    struct shelf_item **buckets;
    uint32_t mask;
    uint32_t count;
    struct shelf_item *spare; /* cleared */
    struct shelf_item **dirty;
    size_t dirty_count;
    size_t dirty_cap;
    int64_t newest;
    struct shelf_item *recent[SHELF_RECENT];
};

int shelf_init(struct shelf *shelf, const struct shelf_options *options);
void shelf_deinit(struct shelf *shelf);

void shelf_sort(struct shelf *shelf);
int64_t shelf_start_s(const struct shelf *shelf, const struct shelf_item *item);
void shelf_saved(struct shelf *shelf); /* nothing is dirty any more */

/* Lets go of all that is further behind the newest. Nothing may be dirty. */
void shelf_purge(struct shelf *shelf, int64_t keep_intervals);

/* Gives back the memory of what was let go, which is else kept for the next ones. */
void shelf_trim(struct shelf *shelf);

int shelf_reach(struct shelf *shelf, uint32_t id, int64_t number, struct shelf_item **out);

/* The one to write to, marked dirty: the one in memory, else loaded. 0, STATUS_NO_MEMORY, load's failure. */
static inline int shelf_touch(struct shelf *shelf, uint32_t id, int64_t number, struct shelf_item **out)
{
    struct shelf_item *item = shelf->recent[id % SHELF_RECENT];
    if (item && item->id == id && item->number == number && item->dirty) {
        *out = item;
        return 0;
    }
    return shelf_reach(shelf, id, number, out);
}

#endif
