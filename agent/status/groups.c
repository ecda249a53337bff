#include "agent/status/groups.h"

#include <stdlib.h>

#include "platform/base/grow.h"
#include "platform/base/hash.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

enum { SLOTS_AT_FIRST = 64 };

int groups_init(struct groups *groups, enum query_grain grain, uint32_t interval_s, uint32_t max)
{
    *groups = (struct groups){.grain = grain, .interval_s = interval_s, .max = max, .mask = SLOTS_AT_FIRST - 1};
    groups->slots = calloc(SLOTS_AT_FIRST, sizeof *groups->slots);
    return groups->slots ? 0 : STATUS_NO_MEMORY;
}

void groups_deinit(struct groups *groups)
{
    for (uint32_t i = 0; i < groups->count; i++) {
        summary_deinit(&groups->items[i]->sum);
        free(groups->items[i]);
    }
    free(groups->items);
    free(groups->slots);
    *groups = (struct groups){0};
}

static uint32_t *groups_slot(const struct groups *groups, uint32_t queue, int64_t start_s)
{
    uint64_t key[2] = {queue, (uint64_t)start_s};
    uint32_t at = (uint32_t)hash_bytes(key, sizeof key, 0) & groups->mask;
    for (;; at = (at + 1) & groups->mask) {
        uint32_t index = groups->slots[at];
        if (index == 0 || (groups->items[index - 1]->queue == queue && groups->items[index - 1]->start_s == start_s)) {
            return &groups->slots[at];
        }
    }
}

static int groups_grow(struct groups *groups)
{
    struct group **items = grow_array(groups->items, groups->count, &groups->cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    groups->items = items;
    if (groups->count * 2 < groups->mask) {
        return 0;
    }
    uint32_t mask = groups->mask * 2 + 1;
    uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (!slots) {
        return STATUS_NO_MEMORY;
    }
    free(groups->slots);
    groups->slots = slots;
    groups->mask = mask;
    for (uint32_t i = 0; i < groups->count; i++) {
        *groups_slot(groups, groups->items[i]->queue, groups->items[i]->start_s) = i + 1;
    }
    return 0;
}

void groups_span(enum query_grain grain, uint32_t interval_s, int64_t at_s, int64_t *start_s, int64_t *end_s)
{
    switch (grain) {
    case QUERY_WHOLE:
        *start_s = 0;
        *end_s = INT64_MAX;
        break;
    case QUERY_BY_DAY:
        *start_s = zone_local_day_start(at_s);
        *end_s = zone_next_day_start(at_s);
        break;
    case QUERY_BY_HOUR:
        *start_s = zone_local_hour_start(at_s);
        *end_s = *start_s + 3600;
        break;
    case QUERY_BY_INTERVAL:
        *start_s = at_s - (at_s % interval_s + interval_s) % interval_s;
        *end_s = *start_s + interval_s;
        break;
    }
}

/* Consecutive intervals mostly share a span, so the zone is asked seldom. */
static void groups_enter_span(struct groups *groups, int64_t start_s)
{
    if (start_s < groups->span_start_s || start_s >= groups->span_end_s) {
        groups_span(groups->grain, groups->interval_s, start_s, &groups->span_start_s, &groups->span_end_s);
    }
}

static int groups_begin(struct groups *groups, uint32_t queue, struct group **out)
{
    if (groups->count >= groups->max) {
        return STATUS_FULL;
    }
    int status = groups_grow(groups);
    if (status != 0) {
        return status;
    }
    struct group *group = calloc(1, sizeof *group);
    if (!group) {
        return STATUS_NO_MEMORY;
    }
    group->queue = queue;
    group->start_s = groups->span_start_s;
    group->end_s = groups->span_end_s;
    groups->items[groups->count++] = group;
    *groups_slot(groups, queue, group->start_s) = groups->count;
    *out = group;
    return 0;
}

int groups_add(struct groups *groups, uint32_t queue, int64_t start_s, const struct summary *sum)
{
    groups_enter_span(groups, start_s);
    uint32_t index = *groups_slot(groups, queue, groups->span_start_s);
    if (index != 0) {
        return summary_append(&groups->items[index - 1]->sum, sum);
    }
    struct group *group;
    int status = groups_begin(groups, queue, &group);
    return status == 0 ? summary_copy(&group->sum, sum) : status;
}

const struct group *groups_find_whole(const struct groups *groups, uint32_t queue)
{
    uint32_t index = *groups_slot(groups, queue, 0);
    return index ? groups->items[index - 1] : NULL;
}

int groups_join_queues(const struct groups *groups, struct groups *out)
{
    int status = groups_init(out, groups->grain, groups->interval_s, groups->max);
    for (uint32_t i = 0; status == 0 && i < groups->count; i++) {
        const struct group *from = groups->items[i];
        uint32_t index = *groups_slot(out, 0, from->start_s);
        if (index == 0) {
            struct group *group;
            out->span_start_s = from->start_s;
            out->span_end_s = from->end_s;
            status = groups_begin(out, 0, &group);
            status = status == 0 ? summary_copy(&group->sum, &from->sum) : status;
            continue;
        }
        struct summary *into = &out->items[index - 1]->sum;
        uint32_t waiting_start = into->waiting_start + from->sum.waiting_start;
        uint32_t waiting_end = into->waiting_end + from->sum.waiting_end;
        uint32_t waiting_max = into->waiting_max + from->sum.waiting_max;
        status = summary_append(into, &from->sum);
        into->waiting_start = waiting_start;
        into->waiting_end = waiting_end;
        into->waiting_max = waiting_max;
    }
    return status;
}
