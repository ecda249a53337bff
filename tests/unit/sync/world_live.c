/* What the world's collector does with a live view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sync/world.h"

static const struct message_live_queue idle = {.ready = -1, .paused = -1, .held = -1, .logged_in = -1, .on_call = -1};

const struct world_operator *world_operator(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->people_count; i++) {
        if (strcmp(world->people[i].name, name) == 0) {
            return &world->people[i];
        }
    }
    return NULL;
}

static void take_operator(struct world *world, const struct message_live_operator *told)
{
    char name[LIMITS_OPERATOR_TEXT_MAX + 1];
    assert_true(told->name.len > 0 && told->name.len < sizeof name && told->reason.len < sizeof name);
    (void)snprintf(name, sizeof name, "%.*s", (int)told->name.len, told->name.data);
    struct world_operator *who = (struct world_operator *)world_operator(world, name);
    if (told->state == SHIFT_OFF) {
        assert_non_null(who); /* nobody is told to be gone who was not told to be there */
        *who = world->people[--world->people_count];
        return;
    }
    if (!who) {
        assert_true(world->people_count < LIMITS_OPERATORS_MAX);
        who = &world->people[world->people_count++];
    }
    *who = (struct world_operator){.state = told->state, .since_ms = told->since_ms, .queue = told->queue};
    (void)snprintf(who->name, sizeof who->name, "%s", name);
    (void)snprintf(who->reason, sizeof who->reason, "%.*s", (int)told->reason.len, told->reason.data);
}

/* As a collector keeps it. */
static void keep_live(struct world *world, const struct message_live *live)
{
    for (size_t i = 0; live->all && i < WORLD_NUMBERS; i++) {
        world->figures[i] = idle;
    }
    for (size_t i = 0; i < live->live_count; i++) {
        world->figures[live->live[i].queue] = live->live[i];
    }
    if (live->all || live->operators_all || live->operators_unknown) {
        world->people_count = 0;
        world->people_known = live->operators_all;
    }
    for (size_t i = 0; i < live->operator_count; i++) {
        assert_true(world->people_known);
        take_operator(world, &live->operators[i]);
    }
    world->people_more = live->operators_more > 0 ? live->operators_more - 1 : world->people_more;
}

unsigned world_take_live(struct world *world, struct slice payload)
{
    struct message_live live;
    assert_int_equal(message_live_decode(world->arena, payload, &live), 0);
    assert_true(live.now_ms == world_wall_ms(world) - 1 || world->fault.delay_max_ms > 0);
    if (world->live_code != 0 && (live.all || live.live_count > 0 || live.gap_count > 0)) {
        return world->live_code;
    }
    keep_live(world, &live);
    if (world->live_count == WORLD_LIVES_MAX) {
        return 204;
    }
    struct world_live *seen = &world->lives[world->live_count++];
    *seen = (struct world_live){.at_ms = world->now_ms,
                                .all = live.all,
                                .live_count = live.live_count,
                                .name_count = live.queue_count,
                                .dirty = live.dirty,
                                .oldest_dirty_s = live.oldest_dirty_s,
                                .lag_ms = live.lag_ms,
                                .refused = live.refused,
                                .quality_count = live.quality_count,
                                .gap_count = live.gap_count,
                                .live_gap_count = live.live_gap_count,
                                .heartbeat_s = live.heartbeat_s,
                                .operator_count = live.operator_count,
                                .operators_all = live.operators_all,
                                .operators_unknown = live.operators_unknown,
                                .bytes = payload.len};
    for (size_t i = 0; i < live.queue_count; i++) {
        world->named[live.queues[i].number] = true;
    }
    for (size_t i = 0; i < live.live_count; i++) {
        seen->live[i] = live.live[i];
        uint32_t number = live.live[i].queue;
        assert_true(number == 0 || world->named[number] || world->fault.forgets_names > 0);
    }
    if (live.gap_count > 0) {
        (void)snprintf(seen->first_gap, sizeof seen->first_gap, "%.*s", (int)live.gaps[0].reason.len,
                       live.gaps[0].reason.data);
    }
    if (live.live_gap_count > 0) {
        (void)snprintf(seen->first_live_gap, sizeof seen->first_live_gap, "%.*s", (int)live.live_gaps[0].reason.len,
                       live.live_gaps[0].reason.data);
    }
    return 204;
}
