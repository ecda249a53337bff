#include <stdlib.h>
#include <string.h>

#include "agent/live/board_internal.h"
#include "platform/base/status.h"

void board_copy_free(struct board_copy *copy)
{
    if (!copy) {
        return;
    }
    for (size_t i = 0; i < copy->operator_count; i++) {
        free(copy->operators[i].members);
    }
    free(copy->queues);
    free(copy->callers);
    free(copy->operators);
    free(copy->events);
    free(copy);
}

/* Room for `count` items, at least for one; NULL without memory. */
static void *room_for(size_t count, size_t item_bytes)
{
    return calloc(count ? count : 1, item_bytes);
}

static void copy_queues(const struct board *board, struct board_copy *copy)
{
    for (uint32_t id = 1; id <= copy->queue_count; id++) {
        board_text(copy->queues[id - 1].name, sizeof copy->queues[0].name, intern_name(board->queues, id));
    }
}

static void count_caller(struct board_queue *queue, const struct live_caller *caller)
{
    if (caller->connect_ms != 0) {
        queue->talking++;
        queue->held += caller->hold_ms != 0;
        return;
    }
    queue->waiting++;
    if (queue->oldest_enter_ms == 0 || caller->enter_ms < queue->oldest_enter_ms) {
        queue->oldest_enter_ms = caller->enter_ms;
    }
}

static void copy_callers(const struct board *board, struct board_copy *copy)
{
    for (size_t i = 0; i < board->callers.count; i++) {
        const struct live_caller *from = &board->callers.items[i];
        if (from->left_ms != 0) {
            continue;
        }
        struct board_caller *to = &copy->callers[copy->caller_count++];
        uint32_t operator_id = from->connect_ms        ? from->operator_id
                               : from->ring_count == 0 ? 0
                                                       : from->rings[from->ring_count - 1];
        board_text(to->call_id, sizeof to->call_id, slice_make(from->call_id, from->call_id_len));
        board_text(to->queue, sizeof to->queue, intern_name(board->queues, from->queue));
        memcpy(to->number, from->number, sizeof to->number);
        board_text(to->operator_name, sizeof to->operator_name, intern_name(board->names, operator_id));
        to->enter_ms = from->enter_ms;
        to->connect_ms = from->connect_ms;
        to->hold_ms = from->hold_ms;
        to->position = from->position;
        to->ringing = from->connect_ms == 0 && from->ring_count > 0;
        if (from->queue != 0) {
            count_caller(&copy->queues[from->queue - 1], from);
        }
    }
}

static void count_member(struct board_queue *queue, const struct live_operator *who, bool paused)
{
    bool on_call = who->state == SHIFT_RING || who->state == SHIFT_TALK || who->state == SHIFT_HOLD;
    queue->logged_in++;
    queue->ready += who->state == SHIFT_READY && !paused;
    queue->paused += paused && !on_call;
    queue->on_call += on_call;
}

static int copy_members(const struct board *board, const struct live_operator *from, struct board_operator *to,
                        struct board_copy *copy)
{
    size_t count = from->member_count < BOARD_MEMBERS_MAX ? from->member_count : BOARD_MEMBERS_MAX;
    to->members = room_for(count, sizeof *to->members);
    if (!to->members) {
        return STATUS_NO_MEMORY;
    }
    to->member_count = count;
    for (size_t i = 0; i < from->member_count; i++) {
        const struct live_member *member = &from->members[i];
        count_member(&copy->queues[member->queue - 1], from, member->paused);
        if (i < count) {
            board_text(to->members[i].queue, sizeof to->members[i].queue, intern_name(board->queues, member->queue));
            to->members[i].paused = member->paused;
        }
    }
    return 0;
}

static int copy_operators(const struct board *board, struct board_copy *copy)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < board->operators.count; i++) {
        const struct live_operator *from = &board->operators.items[i];
        struct board_operator *to = &copy->operators[copy->operator_count++];
        board_text(to->name, sizeof to->name, intern_name(board->names, from->id));
        memcpy(to->interface, from->interface, sizeof to->interface);
        memcpy(to->reason, from->reason, sizeof to->reason);
        board_text(to->queue, sizeof to->queue, intern_name(board->queues, from->queue));
        to->state = from->state;
        to->since_ms = from->since_ms;
        to->login_ms = from->login_ms;
        status = copy_members(board, from, to, copy);
    }
    return status;
}

static void copy_events(const struct live_events *events, struct board_copy *copy)
{
    size_t count = events->added < BOARD_EVENTS ? (size_t)events->added : BOARD_EVENTS;
    for (size_t i = 0; i < count; i++) {
        copy->events[i] = events->items[(events->added - 1 - i) % BOARD_EVENTS];
    }
    copy->event_count = count;
}

/* Nothing but its events when it is off. */
static int copy_locked(const struct board *board, struct board_copy *copy)
{
    copy->on = board->on;
    copy->on_since_ms = board->on_since_ms;
    copy->down_since_ms = board->on ? 0 : board->down_since_ms;
    copy->changes = board->changes;
    copy->queue_count = board->on ? intern_count(board->queues) : 0;
    copy->queues = room_for(copy->queue_count, sizeof *copy->queues);
    copy->callers = room_for(board->on ? board->callers.count : 0, sizeof *copy->callers);
    copy->operators = room_for(board->on ? board->operators.count : 0, sizeof *copy->operators);
    copy->events = room_for(BOARD_EVENTS, sizeof *copy->events);
    if (!copy->queues || !copy->callers || !copy->operators || !copy->events) {
        return STATUS_NO_MEMORY;
    }
    copy_events(&board->events, copy);
    if (!board->on) {
        return 0;
    }
    copy_queues(board, copy);
    copy_callers(board, copy);
    return copy_operators(board, copy);
}

static int compare_queues(const void *left, const void *right)
{
    return strcmp(((const struct board_queue *)left)->name, ((const struct board_queue *)right)->name);
}

static int compare_callers(const void *left, const void *right)
{
    const struct board_caller *a = left;
    const struct board_caller *b = right;
    int order = strcmp(a->queue, b->queue);
    if (order == 0) {
        order = (a->enter_ms > b->enter_ms) - (a->enter_ms < b->enter_ms);
    }
    return order != 0 ? order : strcmp(a->call_id, b->call_id);
}

static int compare_operators(const void *left, const void *right)
{
    return strcmp(((const struct board_operator *)left)->name, ((const struct board_operator *)right)->name);
}

static int compare_members(const void *left, const void *right)
{
    return strcmp(((const struct board_member *)left)->queue, ((const struct board_member *)right)->queue);
}

/* Events come nearly in order; those that came late move to their place, and those of one moment stay as they came. */
static void sort_events(struct board_event *events, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t at = i; at > 0 && events[at - 1].at_ms < events[at].at_ms; at--) {
            struct board_event keep = events[at];
            events[at] = events[at - 1];
            events[at - 1] = keep;
        }
    }
}

static void sort_copy(struct board_copy *copy)
{
    qsort(copy->queues, copy->queue_count, sizeof *copy->queues, compare_queues);
    qsort(copy->callers, copy->caller_count, sizeof *copy->callers, compare_callers);
    qsort(copy->operators, copy->operator_count, sizeof *copy->operators, compare_operators);
    for (size_t i = 0; i < copy->operator_count; i++) {
        qsort(copy->operators[i].members, copy->operators[i].member_count, sizeof *copy->operators[i].members,
              compare_members);
    }
    sort_events(copy->events, copy->event_count);
}

int board_copy(struct board *board, struct board_copy **out)
{
    struct board_copy *copy = calloc(1, sizeof *copy);
    if (!copy) {
        return STATUS_NO_MEMORY;
    }
    (void)pthread_mutex_lock(&board->lock);
    int status = copy_locked(board, copy);
    (void)pthread_mutex_unlock(&board->lock);
    if (status != 0) {
        board_copy_free(copy);
        return status;
    }
    sort_copy(copy);
    *out = copy;
    return 0;
}
