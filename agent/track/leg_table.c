#include "agent/track/leg_table.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/hash.h"
#include "platform/base/status.h"

enum { FIRST_CAP = 64 };

int leg_table_init(struct leg_table *table)
{
    *table = (struct leg_table){.count = 1, .cap = FIRST_CAP, .mask = FIRST_CAP * 2 - 1};
    table->slots = calloc(table->cap, sizeof *table->slots);
    table->buckets = calloc((size_t)table->mask + 1, sizeof *table->buckets);
    /* Call ids come from outside: a seed nobody knows keeps chains short. The address space is random enough. */
    table->seed = (uint64_t)(uintptr_t)table->slots * UINT64_C(0x9e3779b97f4a7c15);
    if (!table->slots || !table->buckets) {
        leg_table_deinit(table);
        return STATUS_NO_MEMORY;
    }
    return 0;
}

void leg_table_deinit(struct leg_table *table)
{
    free(table->slots);
    free(table->buckets);
    free(table->changed);
    *table = (struct leg_table){0};
}

static int grow_slots(struct leg_table *table)
{
    uint32_t cap = table->cap * 2;
    struct leg_slot *slots = realloc(table->slots, cap * sizeof *slots);
    if (!slots) {
        return STATUS_NO_MEMORY;
    }
    table->slots = slots; /* the new half is not touched before it is used */
    table->cap = cap;
    return 0;
}

static int grow_buckets(struct leg_table *table)
{
    uint32_t mask = table->mask * 2 + 1;
    uint32_t *buckets = calloc((size_t)mask + 1, sizeof *buckets);
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    /* Chains are newest first; walking each old chain from its end would need a stack, so collect by reversing. */
    for (uint32_t b = 0; b <= table->mask; b++) {
        uint32_t reversed = 0;
        for (uint32_t at = table->buckets[b]; at;) {
            uint32_t next = table->slots[at].next_same;
            table->slots[at].next_same = reversed;
            reversed = at;
            at = next;
        }
        while (reversed) {
            uint32_t next = table->slots[reversed].next_same;
            uint32_t *head = &buckets[(uint32_t)table->slots[reversed].hash & mask];
            table->slots[reversed].next_same = *head;
            *head = reversed;
            reversed = next;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->mask = mask;
    return 0;
}

/* By number, not by when it was linked: a table put back from storage must answer as the one before did. */
static void link_same(struct leg_table *table, uint32_t at)
{
    uint32_t *link = &table->buckets[(uint32_t)table->slots[at].hash & table->mask];
    while (*link && table->slots[*link].leg.seq > table->slots[at].leg.seq) {
        link = &table->slots[*link].next_same;
    }
    table->slots[at].next_same = *link;
    *link = at;
}

static void unlink_same(struct leg_table *table, uint32_t at)
{
    uint32_t *link = &table->buckets[(uint32_t)table->slots[at].hash & table->mask];
    while (*link != at) {
        link = &table->slots[*link].next_same;
    }
    *link = table->slots[at].next_same;
}

static void link_live(struct leg_table *table, uint32_t at)
{
    struct leg_slot *slot = &table->slots[at];
    slot->prev_live = table->live_tail;
    slot->next_live = 0;
    if (table->live_tail) {
        table->slots[table->live_tail].next_live = at;
    } else {
        table->live_head = at;
    }
    table->live_tail = at;
}

static void unlink_live(struct leg_table *table, uint32_t at)
{
    struct leg_slot *slot = &table->slots[at];
    if (slot->prev_live) {
        table->slots[slot->prev_live].next_live = slot->next_live;
    } else {
        table->live_head = slot->next_live;
    }
    if (slot->next_live) {
        table->slots[slot->next_live].prev_live = slot->prev_live;
    } else {
        table->live_tail = slot->prev_live;
    }
}

uint32_t leg_table_add(struct leg_table *table, const struct call_leg *leg)
{
    uint32_t at = table->free_head;
    if (at) {
        table->free_head = table->slots[at].next_done;
    } else {
        if (table->count == table->cap && grow_slots(table) != 0) {
            return 0;
        }
        at = table->count++;
        table->slots[at] = (struct leg_slot){0};
    }
    if (table->used >= table->mask && grow_buckets(table) != 0) {
        table->slots[at].next_done = table->free_head;
        table->free_head = at;
        return 0;
    }
    struct leg_slot *slot = &table->slots[at];
    slot->leg = *leg;
    slot->hash = hash_bytes(leg->call_id, leg->call_id_len, table->seed);
    slot->next_done = 0;
    slot->used = true;
    slot->stored = false;
    link_same(table, at);
    link_live(table, at);
    table->used++;
    return at;
}

static bool same_call(const struct leg_slot *slot, uint64_t hash, const char *call_id, size_t len)
{
    return slot->hash == hash && slot->leg.call_id_len == len && hash_same(slot->leg.call_id, call_id, len);
}

uint32_t leg_table_find(const struct leg_table *table, struct slice call_id)
{
    if (call_id.len > LEG_CALL_ID_MAX) {
        call_id.len = LEG_CALL_ID_MAX;
    }
    uint64_t hash = hash_bytes(call_id.data, call_id.len, table->seed);
    uint32_t at = table->buckets[(uint32_t)hash & table->mask];
    while (at && !same_call(&table->slots[at], hash, call_id.data, call_id.len)) {
        at = table->slots[at].next_same;
    }
    return at;
}

uint32_t leg_table_find_next(const struct leg_table *table, uint32_t at)
{
    const struct leg_slot *slot = &table->slots[at];
    uint32_t next = slot->next_same;
    while (next && !same_call(&table->slots[next], slot->hash, slot->leg.call_id, slot->leg.call_id_len)) {
        next = table->slots[next].next_same;
    }
    return next;
}

void leg_table_set_call_id(struct leg_table *table, uint32_t at, struct slice call_id)
{
    struct leg_slot *slot = &table->slots[at];
    unlink_same(table, at);
    size_t len = call_id.len > LEG_CALL_ID_MAX ? LEG_CALL_ID_MAX : call_id.len;
    memcpy(slot->leg.call_id, call_id.data, len);
    slot->leg.call_id[len] = 0;
    slot->leg.call_id_len = (uint8_t)len;
    slot->hash = hash_bytes(slot->leg.call_id, len, table->seed);
    link_same(table, at);
}

void leg_table_retire(struct leg_table *table, uint32_t at)
{
    unlink_live(table, at);
    table->slots[at].next_done = 0;
    if (table->done_tail) {
        table->slots[table->done_tail].next_done = at;
    } else {
        table->done_head = at;
    }
    table->done_tail = at;
}

void leg_table_remove(struct leg_table *table, uint32_t at)
{
    struct leg_slot *slot = &table->slots[at];
    if (slot->leg.state == LEG_DONE) {
        /* Done legs leave from the head of their queue only: they were put there in the order they are forgotten. */
        table->done_head = slot->next_done;
        if (!table->done_head) {
            table->done_tail = 0;
        }
    } else {
        unlink_live(table, at);
    }
    unlink_same(table, at);
    slot->used = false;
    slot->next_done = table->free_head;
    table->free_head = at;
    table->used--;
}

int leg_table_touch(struct leg_table *table, uint32_t at)
{
    if (table->slots[at].changed) {
        return 0;
    }
    uint32_t *changed = grow_array(table->changed, table->changed_count, &table->changed_cap, sizeof *changed);
    if (!changed) {
        return STATUS_NO_MEMORY;
    }
    table->changed = changed;
    table->slots[at].changed = true;
    table->changed[table->changed_count++] = at;
    return 0;
}

void leg_table_retire_sorted(struct leg_table *table, uint32_t at)
{
    unlink_live(table, at);
    uint32_t before = 0;
    for (uint32_t walk = table->done_head; walk; walk = table->slots[walk].next_done) {
        if (table->slots[walk].leg.forget_ms > table->slots[at].leg.forget_ms) {
            break;
        }
        before = walk;
    }
    uint32_t *link = before ? &table->slots[before].next_done : &table->done_head;
    table->slots[at].next_done = *link;
    *link = at;
    if (table->done_tail == before) {
        table->done_tail = at;
    }
}
