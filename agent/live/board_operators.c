/* Operators as the roster tells of them, and what can be seen from that they did. */
#include "agent/live/board_internal.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

struct live_operator *live_operators_find(const struct live_operators *operators, uint32_t id)
{
    return id < operators->place_count && operators->places[id] ? &operators->items[operators->places[id] - 1] : NULL;
}

struct live_operator *live_operators_put(struct live_operators *operators, uint32_t id, int *status)
{
    struct live_operator *found = live_operators_find(operators, id);
    *status = 0;
    if (found) {
        return found;
    }
    *status = STATUS_NO_MEMORY;
    uint32_t *places = grow_table(operators->places, id, &operators->place_count, sizeof *places);
    if (!places) {
        return NULL;
    }
    operators->places = places;
    struct live_operator *items = grow_array(operators->items, operators->count, &operators->cap, sizeof *items);
    if (!items) {
        return NULL;
    }
    operators->items = items;
    struct live_operator *added = &items[operators->count++];
    *added = (struct live_operator){.id = id};
    places[id] = (uint32_t)operators->count;
    *status = 0;
    return added;
}

void live_operators_remove(struct live_operators *operators, struct live_operator *which)
{
    free(which->members);
    operators->places[which->id] = 0;
    struct live_operator *last = &operators->items[--operators->count];
    if (which != last) {
        *which = *last;
        operators->places[which->id] = (uint32_t)(which - operators->items) + 1;
    }
}

void live_operators_clear(struct live_operators *operators)
{
    while (operators->count > 0) {
        live_operators_remove(operators, &operators->items[operators->count - 1]);
    }
}

void live_operators_deinit(struct live_operators *operators)
{
    live_operators_clear(operators);
    free(operators->items);
    free(operators->places);
    *operators = (struct live_operators){0};
}

static int compare_members(const void *left, const void *right)
{
    const struct live_member *a = left;
    const struct live_member *b = right;
    return (a->queue > b->queue) - (a->queue < b->queue);
}

/* Several devices of one name in a queue are one member: paused when all of them are. */
static size_t join_members(struct live_member *members, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (used > 0 && members[used - 1].queue == members[i].queue) {
            members[used - 1].paused = members[used - 1].paused && members[i].paused;
        } else {
            members[used++] = members[i];
        }
    }
    return used;
}

static int make_members(struct board *board, const struct board_stand *stand, struct live_member **out, size_t *count)
{
    struct live_member *members = stand->member_count ? calloc(stand->member_count, sizeof *members) : NULL;
    if (!members && stand->member_count) {
        return STATUS_NO_MEMORY;
    }
    size_t used = 0;
    for (size_t i = 0; i < stand->member_count; i++) {
        uint32_t queue = intern_put(board->queues, stand->members[i].queue);
        if (queue != 0) {
            members[used++] = (struct live_member){queue, stand->members[i].paused};
        }
    }
    if (used > 1) {
        qsort(members, used, sizeof *members, compare_members);
        used = join_members(members, used);
    }
    *out = members;
    *count = used;
    return 0;
}

struct pauses { /* what changed from one standing to the next */
    int64_t at_ms;
    size_t begun;
    size_t ended;
    uint32_t queue; /* of the last one */
    bool all;       /* paused everywhere now */
};

static struct pauses compare_pauses(const struct live_operator *before, const struct live_member *now, size_t count)
{
    struct pauses found = {.all = count > 0};
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        while (at < before->member_count && before->members[at].queue < now[i].queue) {
            at++;
        }
        bool known = at < before->member_count && before->members[at].queue == now[i].queue;
        bool was = known && before->members[at].paused;
        found.all = found.all && now[i].paused;
        if (was != now[i].paused && (known || now[i].paused)) {
            found.begun += now[i].paused;
            found.ended += !now[i].paused;
            found.queue = now[i].queue;
        }
    }
    return found;
}

/* A pause in all queues comes as one in each: they are one line, of no queue. */
static void tell_pause(struct board *board, const struct board_stand *stand, const struct pauses *pauses)
{
    enum event_kind kind = pauses->begun ? EVENT_PAUSE : EVENT_UNPAUSE;
    char name[BOARD_TEXT_MAX + 1];
    board_text(name, sizeof name, stand->name);
    struct board_event *event = live_events_recent(&board->events, kind, name, pauses->at_ms);
    bool joined = event != NULL;
    if (!event) {
        event = live_events_add(&board->events, kind, pauses->at_ms);
        memcpy(event->operator_name, name, sizeof name);
    }
    bool single = !joined && pauses->begun + pauses->ended == 1 && !(kind == EVENT_PAUSE && pauses->all);
    board_text(event->queue, sizeof event->queue, single ? intern_name(board->queues, pauses->queue) : slice_str(""));
    if (kind == EVENT_PAUSE && stand->reason.len > 0) {
        board_text(event->text, sizeof event->text, stand->reason);
    }
}

static void tell_login(struct board *board, const struct board_stand *stand)
{
    struct board_event *event = live_events_add(&board->events, EVENT_LOGIN, stand->login_ms);
    board_text(event->operator_name, sizeof event->operator_name, stand->name);
    if (stand->member_count == 1) {
        board_text(event->queue, sizeof event->queue, stand->members[0].queue);
    }
}

/* Only when it is on: what a first snapshot finds did not happen just now. */
static void tell_changes(struct board *board, const struct live_operator *before, bool is_new,
                         const struct board_stand *stand, const struct live_member *members, size_t count)
{
    if (!board->on) {
        return;
    }
    if (is_new) {
        if (stand->login_ms >= board->on_since_ms) {
            tell_login(board, stand);
        }
        return;
    }
    struct pauses pauses = compare_pauses(before, members, count);
    if (pauses.begun || pauses.ended) {
        /* A pause during a call leaves him in the state that he was in before. */
        pauses.at_ms = before->since_ms != stand->since_ms ? stand->since_ms : board->newest_ms;
        tell_pause(board, stand, &pauses);
    }
}

static void take_off(struct board *board, const struct board_stand *stand, uint32_t id)
{
    struct live_operator *which = live_operators_find(&board->operators, id);
    if (!which) {
        return;
    }
    char name[BOARD_TEXT_MAX + 1];
    board_text(name, sizeof name, stand->name);
    struct board_event *left = live_events_recent(&board->events, EVENT_MEMBER_REMOVE, name, stand->since_ms);
    if (left) {
        left->kind = EVENT_LOGOFF; /* from his last queue */
        left->queue[0] = 0;
    }
    live_operators_remove(&board->operators, which);
    board->changes++;
}

static int stand_locked(struct board *board, const struct board_stand *stand)
{
    struct slice name = board_cut(stand->name);
    bool off = stand->state >= SHIFT_OFF;
    uint32_t id = off || name.len == 0 ? intern_find(board->names, name) : intern_put(board->names, name);
    board->newest_ms = stand->since_ms > board->newest_ms ? stand->since_ms : board->newest_ms;
    if (off) {
        take_off(board, stand, id);
        return 0;
    }
    if (id == 0) {
        return name.len == 0 || intern_count(board->names) >= BOARD_OPERATORS_MAX ? 0 : STATUS_NO_MEMORY;
    }
    struct live_member *members;
    size_t count;
    int status = make_members(board, stand, &members, &count);
    if (status != 0) {
        return status;
    }
    bool is_new = !live_operators_find(&board->operators, id);
    struct live_operator *which = live_operators_put(&board->operators, id, &status);
    if (!which) {
        free(members);
        return status;
    }
    tell_changes(board, which, is_new, stand, members, count);
    free(which->members);
    which->members = members;
    which->member_count = count;
    which->state = stand->state;
    which->since_ms = stand->since_ms;
    which->login_ms = stand->login_ms;
    which->queue = stand->queue.len ? intern_put(board->queues, stand->queue) : 0;
    board_text(which->interface, sizeof which->interface, stand->interface);
    board_text(which->reason, sizeof which->reason, stand->reason);
    board->changes++;
    return 0;
}

int board_stand(struct board *board, const struct board_stand *stand)
{
    (void)pthread_mutex_lock(&board->lock);
    int status = stand_locked(board, stand);
    (void)pthread_mutex_unlock(&board->lock);
    return status;
}
