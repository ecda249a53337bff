/* roller: brings stored cells up by what changed below them. The caller says which cells are touched by which sources
 * (items), a level at a time, from the hours of the sites upwards; each cell is read, changed and written once a level.
 *
 * A source is an interval's content (mark: what it holds now, and what the cells contain of it) or what a cell of a
 * lower level gained and lost (part). All runs within the writer's transaction; what marks and parts borrow comes from
 * a read transaction that was begun before it, or from the roller's own memory. */
#ifndef RINGSIDE_COLLECTOR_STORE_ROLLER_H
#define RINGSIDE_COLLECTOR_STORE_ROLLER_H

#include "collector/store/store_internal.h"

struct roller_mark {
    uint32_t site;
    uint32_t queue;
    uint32_t start_s;
    uint32_t interval_s;
    uint32_t then_interval_s;
    bool lost; /* what the cells contain of it has to be found out */
    store_scope group;
    struct slice now; /* summary bytes; empty: nothing */
    struct slice then;
};

struct roller_part {
    store_scope scope; /* whose hour this was */
    store_scope group; /* of a site */
    uint32_t hour_s;
    uint32_t queue;
    struct slice plus; /* stored form of a cell; empty: nothing */
    struct slice minus;
    size_t first_mark; /* of a site's hour: the marks it came from */
    size_t mark_end;
};

struct roller_item {
    store_scope scope;
    uint32_t key_s;
    uint32_t queue;
    uint32_t source; /* index */
    bool is_mark;
};

struct roller_chunk;

struct store_roller {
    struct store *store;
    const struct store_layout *layout;
    struct roller_mark *marks;
    size_t mark_count;
    size_t mark_cap;
    struct roller_part *parts;
    size_t part_count;
    size_t part_cap;
    struct roller_item *items;
    size_t item_count;
    size_t item_cap;
    struct cell *plus;
    struct cell *minus;
    bool has_minus;
    bool has_lost;
    struct kv_cursor *cells[2]; /* by grain */
    struct summary summary;
    struct buf form;
    struct roller_chunk *chunks; /* what parts borrow */
};

/* The store's roller, empty, for work within its transaction. */
int roller_begin(struct store *store, const struct store_layout *layout, struct store_roller **out);
void roller_end(struct store_roller *roller);

int roller_add_mark(struct store_roller *roller, const struct roller_mark *mark);
int roller_add_part(struct store_roller *roller, const struct roller_part *part);
int roller_add_item(struct store_roller *roller, const struct roller_item *item);

/* Changes the cells that the items name, then forgets the items. `emit`: each becomes a part for the next level. */
int roller_run(struct store_roller *roller, enum store_grain grain, bool emit);

/* The hour belongs to one day of this scope. */
bool roller_is_whole(const struct store_roller *roller, store_scope scope, uint32_t hour_s);
uint32_t roller_day_key(const struct store_roller *roller, store_scope scope, uint32_t at_s);

/* Items for the days of `scope` from a part, whole; or from a mark, for its queue and, but for sites, the total. */
int roller_add_day(struct store_roller *roller, store_scope scope, size_t part);
int roller_add_mark_days(struct store_roller *roller, store_scope scope, size_t mark);

/* Where what begins at start_s and takes length_s lies in the cell. */
struct cell_part roller_edges(const struct store_roller *roller, enum store_grain grain, store_scope scope,
                              uint32_t key_s, uint32_t start_s, uint32_t length_s);

/* below.c: what a cell should hold, from the level below as stored and, for intervals with a mark, what the cells
 * contain of them. Adds to `into`, or raises its maxima only. */
int below_add(struct store_roller *roller, enum store_grain grain, store_scope scope, uint32_t key_s, uint32_t queue,
              bool maxima_only, struct cell *into);

/* Calls fn for each interval of a site that begins in the span, with what the cells contain of it. */
typedef int (*below_interval_fn)(void *ctx, uint32_t start_s, uint32_t queue, const struct store_interval_form *form);
int below_intervals(struct store *store, struct kv_txn *txn, uint32_t site, uint32_t from_s, uint32_t to_s,
                    below_interval_fn fn, void *ctx);

#endif
