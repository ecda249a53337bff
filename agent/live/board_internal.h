/* The parts of the board. Names of queues and operators are numbers here: each is kept once. Inside agent/live only. */
#ifndef RINGSIDE_AGENT_LIVE_BOARD_INTERNAL_H
#define RINGSIDE_AGENT_LIVE_BOARD_INTERNAL_H

#include <pthread.h>

#include "agent/live/board.h"
#include "platform/base/intern.h"

enum { BOARD_RINGS_MAX = 8 }; /* phones of one caller that ring at once and are known by name */

struct live_caller {
    uint64_t hash; /* of the call id */
    int64_t enter_ms;
    int64_t connect_ms;
    int64_t hold_ms;
    int64_t left_ms; /* waits no longer since; 0: does, or talks. What became of him is about to be told */
    uint32_t queue;
    uint32_t operator_id;
    uint32_t position;
    uint32_t ring_count; /* of rings, at most BOARD_RINGS_MAX */
    uint32_t rings[BOARD_RINGS_MAX];
    uint8_t call_id_len;
    char call_id[96];
    char number[24];
};

/* Callers by call id. Dense, for copying; a caller is in one queue at a time. */
struct live_callers {
    struct live_caller *items;
    size_t count;
    size_t cap;
    uint32_t *slots; /* index + 1 into items, open addressing, 0 is free */
    uint32_t mask;
};

struct live_member {
    uint32_t queue;
    bool paused;
};

struct live_operator {
    uint32_t id;
    uint32_t queue;
    enum shift_state state;
    int64_t since_ms;
    int64_t login_ms;
    struct live_member *members; /* ordered by queue, each once; owned */
    size_t member_count;
    char interface[BOARD_TEXT_MAX + 1];
    char reason[BOARD_TEXT_MAX + 1];
};

/* Dense, for copying. */
struct live_operators {
    struct live_operator *items;
    size_t count;
    size_t cap;
    uint32_t *places; /* by operator's number: index + 1 into items, 0: not logged in */
    size_t place_count;
};

/* The newest BOARD_EVENTS, going round. */
struct live_events {
    struct board_event items[BOARD_EVENTS];
    uint64_t added;
};

struct board {
    pthread_mutex_t lock;
    bool keep_number;
    bool on;
    int64_t on_since_ms;
    int64_t down_since_ms;
    int64_t newest_ms; /* of all that was told */
    uint64_t changes;
    struct intern *queues;
    struct intern *names; /* of operators */
    struct live_callers callers;
    struct live_operators operators;
    struct live_events events;
};

/* Cut at `size` - 1 bytes, at a whole character. */
void board_text(char *out, size_t size, struct slice text);
struct slice board_cut(struct slice text); /* the same for BOARD_TEXT_MAX, borrowed */

/* ---- callers ---- */
struct live_caller *live_callers_find(const struct live_callers *callers, struct slice call_id); /* NULL: none */
/* The one of this id, or a new one with nothing but its id. NULL with *status: 0 when there are too many. */
struct live_caller *live_callers_put(struct live_callers *callers, struct slice call_id, int *status);
void live_callers_remove(struct live_callers *callers, struct live_caller *caller);
void live_callers_clear(struct live_callers *callers); /* keeps the memory */
void live_callers_deinit(struct live_callers *callers);

/* ---- operators ---- */
struct live_operator *live_operators_find(const struct live_operators *operators, uint32_t id);
struct live_operator *live_operators_put(struct live_operators *operators, uint32_t id, int *status);
void live_operators_remove(struct live_operators *operators, struct live_operator *which);
void live_operators_clear(struct live_operators *operators);
void live_operators_deinit(struct live_operators *operators);

/* ---- events ---- */
struct board_event *live_events_add(struct live_events *events, enum event_kind kind, int64_t at_ms);
/* What was told of an operator a moment before at_ms, of this kind; NULL: nothing. */
struct board_event *live_events_recent(struct live_events *events, enum event_kind kind, const char *operator_name,
                                       int64_t at_ms);

#endif
