/* leg_table: the legs the tracker holds, found by call id. Slots are stable indices; index 0 is "none". */
#ifndef RINGSIDE_AGENT_TRACK_LEG_TABLE_H
#define RINGSIDE_AGENT_TRACK_LEG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/event/leg.h"
#include "platform/base/slice.h"

struct leg_slot {
    struct call_leg leg;
    uint64_t hash;      /* of the call id */
    uint32_t next_same; /* chain of one bucket, largest seq first */
    uint32_t next_done; /* queue of done legs, in the order they ended; also the free list */
    uint32_t prev_live; /* list of live legs, in the order they entered */
    uint32_t next_live;
    bool used;
    bool changed; /* since it was last saved */
    bool stored;  /* a saved copy exists */
};

struct leg_table {
    struct leg_slot *slots; /* [0] is unused */
    uint32_t count;         /* slots made, [0] included */
    uint32_t cap;
    uint32_t free_head;
    uint32_t *buckets;
    uint32_t mask;
    uint32_t used;
    uint32_t live_head;
    uint32_t live_tail;
    uint32_t done_head;
    uint32_t done_tail;
    uint32_t *changed; /* slots whose `changed` is set, each once */
    uint32_t changed_count;
    size_t changed_cap;
    uint64_t seed;
};

int leg_table_init(struct leg_table *table);
void leg_table_deinit(struct leg_table *table);

/* A new live slot for `leg` (copied), linked by its call id; 0 when out of memory. May move the slots. */
uint32_t leg_table_add(struct leg_table *table, const struct call_leg *leg);

/* The slot of this call id with the largest seq, or 0; then the next smaller one. */
uint32_t leg_table_find(const struct leg_table *table, struct slice call_id);
uint32_t leg_table_find_next(const struct leg_table *table, uint32_t at);

static inline struct leg_slot *leg_table_slot(const struct leg_table *table, uint32_t at)
{
    return &table->slots[at];
}

void leg_table_set_call_id(struct leg_table *table, uint32_t at, struct slice call_id);
void leg_table_retire(struct leg_table *table, uint32_t at);        /* live to done */
void leg_table_retire_sorted(struct leg_table *table, uint32_t at); /* the same, at its place by forget_ms */
void leg_table_remove(struct leg_table *table, uint32_t at);        /* done (the oldest of them) or live: gone */
int leg_table_touch(struct leg_table *table, uint32_t at);          /* marks changed; 0 or STATUS_NO_MEMORY */

#endif
