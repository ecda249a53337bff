#include "agent/live/board.h"

#include <stdlib.h>
#include <string.h>

#include "agent/live/board_internal.h"
#include "platform/base/status.h"

enum { QUEUES_MAX = 65535 };

static size_t cut_length(struct slice text, size_t max)
{
    if (text.len <= max) {
        return text.len;
    }
    size_t len = max;
    while (len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80) {
        len--;
    }
    return len;
}

void board_text(char *out, size_t size, struct slice text)
{
    size_t len = cut_length(text, size - 1);
    memcpy(out, len ? text.data : "", len);
    out[len] = 0;
}

struct slice board_cut(struct slice text)
{
    return slice_make(text.data, cut_length(text, BOARD_TEXT_MAX));
}

int board_new(const struct board_options *options, struct board **out)
{
    struct board *board = calloc(1, sizeof *board);
    if (!board) {
        return STATUS_NO_MEMORY;
    }
    if (intern_new(QUEUES_MAX, &board->queues) != 0 || intern_new(BOARD_OPERATORS_MAX, &board->names) != 0 ||
        pthread_mutex_init(&board->lock, NULL) != 0) {
        intern_free(board->queues);
        intern_free(board->names);
        free(board);
        return STATUS_NO_MEMORY;
    }
    board->keep_number = options->keep_number;
    *out = board;
    return 0;
}

void board_free(struct board *board)
{
    if (!board) {
        return;
    }
    live_callers_deinit(&board->callers);
    live_operators_deinit(&board->operators);
    intern_free(board->queues);
    intern_free(board->names);
    (void)pthread_mutex_destroy(&board->lock);
    free(board);
}

static void tell_note(struct board *board, int64_t at_ms, const char *text)
{
    board_text(live_events_add(&board->events, EVENT_NOTE, at_ms)->text, BOARD_TEXT_MAX + 1, slice_str(text));
}

void board_on(struct board *board, int64_t at_ms)
{
    (void)pthread_mutex_lock(&board->lock);
    if (!board->on) {
        board->on = true;
        board->on_since_ms = at_ms;
        tell_note(board, at_ms, "connected to the PBX");
        board->changes++;
    }
    (void)pthread_mutex_unlock(&board->lock);
}

/* The end of a ring or a hold that falls into the gap is never told. */
static void forget_passing(struct live_callers *callers)
{
    for (size_t i = 0; i < callers->count; i++) {
        callers->items[i].ring_count = 0;
        callers->items[i].hold_ms = 0;
    }
}

void board_off(struct board *board, int64_t at_ms)
{
    (void)pthread_mutex_lock(&board->lock);
    live_operators_clear(&board->operators);
    forget_passing(&board->callers);
    if (board->on) {
        board->on = false;
        board->down_since_ms = at_ms;
        tell_note(board, at_ms, "cut off from the PBX");
        board->changes++;
    }
    (void)pthread_mutex_unlock(&board->lock);
}

uint64_t board_changes(struct board *board)
{
    (void)pthread_mutex_lock(&board->lock);
    uint64_t changes = board->changes;
    (void)pthread_mutex_unlock(&board->lock);
    return changes;
}

/* ---- events of calls ---- */

static uint32_t operator_of(struct board *board, const struct call_event *event)
{
    return event->operator_name.len ? intern_put(board->names, board_cut(event->operator_name)) : 0;
}

static int64_t known_ms(int64_t value_ms)
{
    return value_ms == EVENT_UNKNOWN || value_ms < 0 ? -1 : value_ms;
}

/* The caller that an event is about; one of another queue is a later stay of the same call, which goes on. */
static struct live_caller *find_caller(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = live_callers_find(&board->callers, event->call_id);
    bool other = caller && event->queue.len && caller->queue != intern_find(board->queues, event->queue);
    return other ? NULL : caller;
}

static int take_enter(struct board *board, const struct call_event *event)
{
    int status;
    struct live_caller *caller = live_callers_put(&board->callers, event->call_id, &status);
    if (!caller) {
        return status;
    }
    caller->queue = intern_put(board->queues, event->queue);
    caller->enter_ms = event->at_ms;
    caller->connect_ms = 0;
    caller->hold_ms = 0;
    caller->left_ms = 0;
    caller->operator_id = 0;
    caller->ring_count = 0;
    caller->position = event->position > 0 && event->position <= UINT32_MAX ? (uint32_t)event->position : 0;
    board_text(caller->number, sizeof caller->number, board->keep_number ? event->caller : slice_str(""));
    return 0;
}

/* Whose beginning was not seen comes in with his answer. */
static int take_connect(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = find_caller(board, event);
    int status = 0;
    if (!caller && event->queue.len) {
        status = take_enter(board, event);
        caller = status == 0 ? find_caller(board, event) : NULL;
        if (caller && known_ms(event->wait_ms) > 0) {
            caller->enter_ms -= event->wait_ms;
        }
    }
    if (caller) {
        caller->connect_ms = event->at_ms;
        caller->hold_ms = 0;
        caller->left_ms = 0;
        caller->ring_count = 0;
        caller->operator_id = operator_of(board, event);
    }
    return status;
}

static void take_leave(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = find_caller(board, event);
    if (caller && caller->connect_ms == 0) {
        caller->left_ms = event->at_ms;
    }
}

static void take_ring(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = find_caller(board, event);
    if (caller && caller->connect_ms == 0) {
        if (caller->ring_count == BOARD_RINGS_MAX) {
            memmove(caller->rings, caller->rings + 1, sizeof caller->rings - sizeof caller->rings[0]);
            caller->ring_count--;
        }
        caller->rings[caller->ring_count++] = operator_of(board, event);
    }
}

static void take_ring_end(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = find_caller(board, event);
    uint32_t id = caller ? operator_of(board, event) : 0;
    for (uint32_t i = 0; caller && i < caller->ring_count; i++) {
        if (caller->rings[i] == id) {
            caller->ring_count--;
            memmove(&caller->rings[i], &caller->rings[i + 1], (caller->ring_count - i) * sizeof caller->rings[0]);
            return;
        }
    }
}

static void take_hold(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = find_caller(board, event);
    if (caller && caller->connect_ms != 0) {
        caller->hold_ms = event->kind == EVENT_HOLD ? event->at_ms : 0;
    }
}

static void take_dump(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = find_caller(board, event);
    if (caller) {
        caller->connect_ms = 0;
        caller->hold_ms = 0;
        caller->operator_id = 0;
        caller->ring_count = 0;
    }
}

static void take_end(struct board *board, const struct call_event *event)
{
    struct live_caller *caller = find_caller(board, event);
    if (caller) {
        live_callers_remove(&board->callers, caller);
    }
}

/* Somebody who was transferred back into the queue that he talks in waits there while his conversation still ends. */
static void take_talk_end(struct board *board, const struct call_event *event)
{
    const struct live_caller *caller = find_caller(board, event);
    if (caller && caller->connect_ms != 0) {
        take_end(board, event);
    }
}

/* What is done with an event, and whether people look for it in a list. */
struct treatment {
    void (*take)(struct board *board, const struct call_event *event);
    bool counts; /* shows on the board, listed or not */
    bool listed;
    bool text; /* its text is for people and of no caller */
};

static void take_nothing(struct board *board, const struct call_event *event)
{
    (void)board;
    (void)event;
}

static void take_restart(struct board *board, const struct call_event *event)
{
    (void)event;
    live_callers_clear(&board->callers);
}

static const struct treatment treatments[EVENT_KIND_COUNT] = {
    [EVENT_ENTER] = {NULL, true, true, false},
    [EVENT_CONNECT] = {NULL, true, true, false},
    [EVENT_COMPLETE_OPERATOR] = {take_talk_end, true, true, false},
    [EVENT_COMPLETE_CALLER] = {take_talk_end, true, true, false},
    [EVENT_TRANSFER_BLIND] = {take_talk_end, true, true, false},
    [EVENT_TRANSFER_ATTENDED] = {take_talk_end, true, true, false},
    [EVENT_ABANDON] = {take_end, true, true, false},
    [EVENT_EXIT_TIMEOUT] = {take_end, true, true, false},
    [EVENT_EXIT_EMPTY] = {take_end, true, true, false},
    [EVENT_EXIT_KEY] = {take_end, true, true, true},
    [EVENT_WITHDRAW] = {take_end, true, true, false},
    [EVENT_LOST] = {take_end, true, true, false},
    [EVENT_BLOCKED] = {take_nothing, true, true, true},
    [EVENT_LEAVE] = {take_leave, true, false, false},
    [EVENT_RING] = {take_ring, true, false, false},
    [EVENT_RING_NO_ANSWER] = {take_ring_end, true, true, false},
    [EVENT_RING_CANCELED] = {take_ring_end, true, false, false},
    [EVENT_OPERATOR_DUMP] = {take_dump, true, false, false},
    [EVENT_HOLD] = {take_hold, true, false, false},
    [EVENT_UNHOLD] = {take_hold, true, false, false},
    [EVENT_MEMBER_REMOVE] = {take_nothing, false, false, false},
    [EVENT_RESTART] = {take_restart, true, true, false},
};

/* Whose last queue it was has logged off. Leaving several queues at once is one line. */
static void list_removal(struct board *board, const struct call_event *event)
{
    char name[BOARD_TEXT_MAX + 1];
    board_text(name, sizeof name, event->operator_name);
    bool gone = !live_operators_find(&board->operators, intern_find(board->names, board_cut(event->operator_name)));
    struct board_event *line = live_events_recent(&board->events, EVENT_LOGOFF, name, event->at_ms);
    bool joined = line != NULL;
    if (!line) {
        line = live_events_recent(&board->events, EVENT_MEMBER_REMOVE, name, event->at_ms);
        joined = line != NULL;
    }
    if (!line) {
        line = live_events_add(&board->events, EVENT_MEMBER_REMOVE, event->at_ms);
        memcpy(line->operator_name, name, sizeof name);
        board_text(line->queue, sizeof line->queue, event->queue);
    }
    if (gone || joined) {
        line->queue[0] = 0;
    }
    if (gone) {
        line->kind = EVENT_LOGOFF;
    }
    board->changes++;
}

static void list_event(struct board *board, const struct call_event *event, const struct live_caller *caller)
{
    struct board_event *line = live_events_add(&board->events, event->kind, event->at_ms);
    board_text(line->queue, sizeof line->queue, event->queue);
    board_text(line->operator_name, sizeof line->operator_name, event->operator_name);
    if (treatments[event->kind].text) {
        board_text(line->text, sizeof line->text, event->text);
    }
    line->wait_ms = known_ms(event->wait_ms);
    line->talk_ms = known_ms(event->talk_ms);
    if (line->wait_ms < 0 && caller && event->kind != EVENT_ENTER) {
        int64_t until_ms = caller->connect_ms ? caller->connect_ms : event->at_ms;
        line->wait_ms = until_ms > caller->enter_ms ? until_ms - caller->enter_ms : 0;
    }
}

/* What a snapshot takes in happened before, and is no news. */
static bool is_news(const struct board *board, const struct call_event *event)
{
    bool told_late = event->kind == EVENT_ENTER || event->kind == EVENT_CONNECT || event->kind == EVENT_LOST;
    return board->on ? !told_late || event->at_ms >= board->on_since_ms : event->kind == EVENT_RESTART;
}

static int put_locked(struct board *board, const struct call_event *event)
{
    const struct treatment *treatment = &treatments[event->kind];
    bool news = is_news(board, event);
    board->newest_ms = event->at_ms > board->newest_ms ? event->at_ms : board->newest_ms;
    if (event->kind == EVENT_MEMBER_REMOVE && news) {
        list_removal(board, event);
    }
    if (treatment->listed && news) {
        list_event(board, event, find_caller(board, event));
    }
    int status = 0;
    if (event->kind == EVENT_ENTER) {
        status = take_enter(board, event);
    } else if (event->kind == EVENT_CONNECT) {
        status = take_connect(board, event);
    } else if (treatment->take) {
        treatment->take(board, event);
    }
    board->changes += treatment->counts;
    return status;
}

int board_put(struct board *board, const struct call_event *event)
{
    if ((unsigned)event->kind >= EVENT_KIND_COUNT) {
        return 0;
    }
    (void)pthread_mutex_lock(&board->lock);
    int status = put_locked(board, event);
    (void)pthread_mutex_unlock(&board->lock);
    return status;
}
