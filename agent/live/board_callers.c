#include "agent/live/board_internal.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/hash.h"
#include "platform/base/status.h"

enum { SLOTS_AT_FIRST = 64 };

/* Longer ids are cut, as everywhere in the agent. */
static struct slice cut_id(struct slice call_id)
{
    size_t max = sizeof((struct live_caller *)0)->call_id - 1;
    return slice_make(call_id.data, call_id.len < max ? call_id.len : max);
}

static uint32_t slot_of(const struct live_callers *callers, uint64_t hash, struct slice call_id)
{
    uint32_t at = (uint32_t)hash & callers->mask;
    for (;; at = (at + 1) & callers->mask) {
        if (callers->slots[at] == 0) {
            return at;
        }
        const struct live_caller *caller = &callers->items[callers->slots[at] - 1];
        if (caller->hash == hash && slice_equal(slice_make(caller->call_id, caller->call_id_len), call_id)) {
            return at;
        }
    }
}

/* The slot that points to an item, which is there. */
static uint32_t slot_to(const struct live_callers *callers, uint64_t hash, uint32_t index)
{
    uint32_t at = (uint32_t)hash & callers->mask;
    while (callers->slots[at] != index + 1) {
        at = (at + 1) & callers->mask;
    }
    return at;
}

struct live_caller *live_callers_find(const struct live_callers *callers, struct slice call_id)
{
    if (!callers->slots || call_id.len == 0) {
        return NULL;
    }
    struct slice id = cut_id(call_id);
    uint32_t index = callers->slots[slot_of(callers, hash_bytes(id.data, id.len, 0), id)];
    return index ? &callers->items[index - 1] : NULL;
}

static int make_slots(struct live_callers *callers)
{
    if (callers->slots && callers->count * 2 < callers->mask) {
        return 0;
    }
    uint32_t mask = callers->slots ? callers->mask * 2 + 1 : SLOTS_AT_FIRST - 1;
    uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (!slots) {
        return STATUS_NO_MEMORY;
    }
    free(callers->slots);
    callers->slots = slots;
    callers->mask = mask;
    for (uint32_t i = 0; i < callers->count; i++) {
        uint32_t at = (uint32_t)callers->items[i].hash & mask;
        while (slots[at] != 0) {
            at = (at + 1) & mask;
        }
        slots[at] = i + 1;
    }
    return 0;
}

static struct live_caller *add(struct live_callers *callers, uint64_t hash, struct slice id)
{
    struct live_caller *items = grow_array(callers->items, callers->count, &callers->cap, sizeof *items);
    if (!items) {
        return NULL;
    }
    callers->items = items;
    if (make_slots(callers) != 0) {
        return NULL;
    }
    struct live_caller *caller = &items[callers->count];
    *caller = (struct live_caller){.hash = hash, .call_id_len = (uint8_t)id.len};
    memcpy(caller->call_id, id.data, id.len);
    callers->slots[slot_of(callers, hash, id)] = (uint32_t)++callers->count;
    return caller;
}

struct live_caller *live_callers_put(struct live_callers *callers, struct slice call_id, int *status)
{
    struct live_caller *caller = live_callers_find(callers, call_id);
    *status = 0;
    if (caller || call_id.len == 0 || callers->count >= BOARD_CALLERS_MAX) {
        return caller;
    }
    struct slice id = cut_id(call_id);
    caller = add(callers, hash_bytes(id.data, id.len, 0), id);
    *status = caller ? 0 : STATUS_NO_MEMORY;
    return caller;
}

/* Frees a slot and moves up those behind it that it stood in the way of. */
static void free_slot(struct live_callers *callers, uint32_t hole)
{
    callers->slots[hole] = 0;
    for (uint32_t at = (hole + 1) & callers->mask; callers->slots[at] != 0; at = (at + 1) & callers->mask) {
        uint32_t home = (uint32_t)callers->items[callers->slots[at] - 1].hash & callers->mask;
        if (((at - home) & callers->mask) >= ((at - hole) & callers->mask)) {
            callers->slots[hole] = callers->slots[at];
            callers->slots[at] = 0;
            hole = at;
        }
    }
}

void live_callers_remove(struct live_callers *callers, struct live_caller *caller)
{
    uint32_t index = (uint32_t)(caller - callers->items);
    free_slot(callers, slot_to(callers, caller->hash, index));
    uint32_t last = (uint32_t)--callers->count;
    if (index != last) {
        callers->slots[slot_to(callers, callers->items[last].hash, last)] = index + 1;
        callers->items[index] = callers->items[last];
    }
}

void live_callers_clear(struct live_callers *callers)
{
    callers->count = 0;
    if (callers->slots) {
        memset(callers->slots, 0, ((size_t)callers->mask + 1) * sizeof *callers->slots);
    }
}

void live_callers_deinit(struct live_callers *callers)
{
    free(callers->items);
    free(callers->slots);
    *callers = (struct live_callers){0};
}
