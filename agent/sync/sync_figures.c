/* sync_figures: how many wait, talk and work in each queue, of the board or of the ledger's open legs, and what of it
 * the collector has not heard. */
#include <stdlib.h>

#include "agent/sync/sync_internal.h"
#include "platform/base/status.h"

enum { QUEUE_BYTES = 64, NAME_BYTES = 24 }; /* of a message, at most, beside the texts */

static const struct sync_standing nothing_known = {
    .held = -1, .logged_in = -1, .ready = -1, .paused = -1, .on_call = -1};

static void begin(struct sync *sync)
{
    for (size_t i = 0; i < sync->queue_count; i++) {
        sync->queues[i].now = nothing_known;
    }
}

static int count_leg(void *ctx, const struct call_leg *leg)
{
    struct sync_queue *queue = sync_queue_at(ctx, leg->queue);
    if (!queue) {
        return leg->queue > LIMITS_QUEUES_MAX ? 0 : STATUS_NO_MEMORY;
    }
    struct sync_standing *now = &queue->now;
    now->talking += leg_is_talking(leg);
    if (leg_is_waiting(leg)) {
        now->waiting++;
        if (now->oldest_enter_ms == 0 || leg->enter_ms < now->oldest_enter_ms) {
            now->oldest_enter_ms = leg->enter_ms;
        }
    }
    return 0;
}

int sync_count_legs(struct sync *sync, struct ledger_view *view)
{
    begin(sync);
    return ledger_view_open_legs(view, count_leg, sync, NULL);
}

static int32_t known(uint32_t count)
{
    return count >= INT32_MAX ? INT32_MAX - 1 : (int32_t)count;
}

/* A queue that had no call yet has a number too, from now on. */
static uint32_t number_of(struct sync *sync, const struct board_queue *queue)
{
    return intern_put(ledger_names(sync->options.ledger, LEDGER_QUEUE), slice_str(queue->name));
}

/* Each operator once, in however many queues he is; kept under number 0, which no queue has. */
static struct sync_standing count_operators(const struct board_copy *board)
{
    uint32_t in_state[SHIFT_STATE_COUNT + 1] = {0};
    for (size_t i = 0; i < board->operator_count; i++) {
        in_state[board->operators[i].state]++;
    }
    return (struct sync_standing){.held = -1,
                                  .logged_in = known((uint32_t)board->operator_count),
                                  .ready = known(in_state[SHIFT_READY]),
                                  .paused = known(in_state[SHIFT_PAUSED]),
                                  .on_call = known(in_state[SHIFT_RING] + in_state[SHIFT_TALK] + in_state[SHIFT_HOLD])};
}

int sync_count_board(struct sync *sync, const struct board_copy *board)
{
    struct sync_queue *total = sync_queue_at(sync, 0);
    if (!total) {
        return STATUS_NO_MEMORY;
    }
    begin(sync);
    total->now = count_operators(board);
    for (size_t i = 0; i < board->queue_count; i++) {
        const struct board_queue *from = &board->queues[i];
        uint32_t number = from->name[0] ? number_of(sync, from) : 0;
        if (number == 0 || number > LIMITS_QUEUES_MAX) {
            continue;
        }
        struct sync_queue *queue = sync_queue_at(sync, number);
        if (!queue) {
            return STATUS_NO_MEMORY;
        }
        queue->now = (struct sync_standing){.waiting = from->waiting,
                                            .talking = from->talking,
                                            .oldest_enter_ms = from->oldest_enter_ms,
                                            .held = known(from->held),
                                            .logged_in = known(from->logged_in),
                                            .ready = known(from->ready),
                                            .paused = known(from->paused),
                                            .on_call = known(from->on_call)};
    }
    return 0;
}

static bool same_standing(const struct sync_standing *a, const struct sync_standing *b)
{
    return a->waiting == b->waiting && a->talking == b->talking && a->oldest_enter_ms == b->oldest_enter_ms &&
           a->held == b->held && a->logged_in == b->logged_in && a->ready == b->ready && a->paused == b->paused &&
           a->on_call == b->on_call;
}

static size_t count_changed(const struct sync *sync)
{
    size_t changed = 0;
    for (size_t i = 0; i < sync->queue_count; i++) {
        changed += !same_standing(&sync->queues[i].now, &sync->queues[i].told);
    }
    return changed;
}

static struct message_live_queue message_of(uint32_t number, const struct sync_standing *now)
{
    return (struct message_live_queue){.queue = number,
                                       .waiting = now->waiting,
                                       .oldest_enter_ms = now->oldest_enter_ms,
                                       .talking = now->talking,
                                       .ready = now->ready,
                                       .paused = now->paused,
                                       .held = now->held,
                                       .logged_in = now->logged_in,
                                       .on_call = now->on_call};
}

static void put_changed(struct sync *sync, struct ledger_view *view, struct message_live *live, struct sync_names *room,
                        bool *more)
{
    size_t bytes = 0;
    for (size_t i = 0; i < sync->queue_count; i++) {
        struct sync_queue *queue = &sync->queues[i];
        if (same_standing(&queue->now, &queue->told)) {
            continue;
        }
        if (bytes + QUEUE_BYTES + NAME_BYTES + LIMITS_QUEUE_NAME_MAX + sizeof room->settings->label >
            sync->payload_limit / 2) {
            *more = true;
            return;
        }
        room->queues[live->live_count++] = message_of((uint32_t)i, &queue->now);
        bytes += QUEUE_BYTES;
        if (!queue->live_named && i > 0) {
            size_t at = live->queue_count++;
            room->names[at] = sync_queue_message(sync, view, (uint32_t)i, &room->settings[at]);
            bytes += NAME_BYTES + room->names[at].name.len + room->names[at].label.len;
            queue->live_named = true;
        }
        queue->told = queue->now;
    }
}

int sync_put_figures(struct sync *sync, struct ledger_view *view, struct message_live *live, struct sync_names *room,
                     bool *more)
{
    size_t changed = count_changed(sync);
    if (changed == 0) {
        return 0;
    }
    room->queues = calloc(changed, sizeof *room->queues);
    room->names = calloc(changed, sizeof *room->names);
    room->settings = calloc(changed, sizeof *room->settings);
    if (!room->queues || !room->names || !room->settings) {
        return STATUS_NO_MEMORY;
    }
    put_changed(sync, view, live, room, more);
    live->live = room->queues;
    live->queues = room->names;
    return 0;
}

void sync_names_free(struct sync_names *room)
{
    free(room->queues);
    free(room->names);
    free(room->settings);
}
