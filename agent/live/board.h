/* board: what is happening now, in memory: who waits, who talks to whom, how operators stand, and what happened last.
 * The ingest thread writes it, the status server's thread and the way to the collector copy it: guarded by its own
 * mutex, held for the copying only. It says nothing unless it is on: a live source (AMI) is connected and its first
 * snapshot was taken in. */
#ifndef RINGSIDE_AGENT_LIVE_BOARD_H
#define RINGSIDE_AGENT_LIVE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/event/event.h"
#include "platform/base/slice.h"
#include "proto/shift.h"

enum {
    BOARD_TEXT_MAX = 79, /* names and reasons are cut there, at a whole UTF-8 character */
    BOARD_EVENTS = 64,   /* the newest are kept */
    BOARD_CALLERS_MAX = 20000,
    BOARD_OPERATORS_MAX = 20000,
    BOARD_MEMBERS_MAX = 32 /* queues of one operator that are kept; all are counted */
};

struct board_caller {
    char call_id[96];
    char queue[256];
    char number[24];                        /* only where the site keeps callers' numbers */
    char operator_name[BOARD_TEXT_MAX + 1]; /* talking to him, or whose phone rings (the newest); empty: nobody */
    int64_t enter_ms;
    int64_t connect_ms; /* 0: waiting */
    int64_t hold_ms;    /* on hold since; 0: not */
    uint32_t position;  /* as it entered; 0: not known */
    bool ringing;       /* waiting, and an operator's phone rings */
};

struct board_member {
    char queue[256];
    bool paused;
};

struct board_operator {
    char name[BOARD_TEXT_MAX + 1];
    char interface[BOARD_TEXT_MAX + 1];
    char reason[BOARD_TEXT_MAX + 1]; /* of the pause, or of the wrap-up by reason */
    char queue[256];                 /* of the call he rings, talks or wraps up for; empty: none */
    enum shift_state state;
    int64_t since_ms;
    int64_t login_ms;
    size_t member_count; /* of `members`, at most BOARD_MEMBERS_MAX */
    struct board_member *members;
};

struct board_event { /* something that people look for in a list of what happened last */
    enum event_kind kind;
    int64_t at_ms;
    char queue[256];
    char operator_name[BOARD_TEXT_MAX + 1];
    char text[BOARD_TEXT_MAX + 1]; /* reason, key, refused how */
    int64_t wait_ms;               /* -1: does not apply, as the next */
    int64_t talk_ms;
};

struct board_queue { /* counted when it is copied */
    char name[256];
    uint32_t waiting;
    int64_t oldest_enter_ms; /* of those waiting; 0: nobody */
    uint32_t talking;        /* callers with an operator, on hold or not */
    uint32_t held;
    uint32_t logged_in; /* operators: members of this queue */
    uint32_t ready;     /* of them: SHIFT_READY and not paused in this queue */
    uint32_t paused;    /* of them: paused in this queue, and not in a call */
    uint32_t on_call;   /* of them: SHIFT_RING, SHIFT_TALK, SHIFT_HOLD, whatever the queue */
};

/* One moment, all owned by it. Sorted: queues by name, callers by queue and entering, operators by name, events newest
 * first. */
struct board_copy {
    bool on;
    int64_t on_since_ms;   /* wall clock; 0: never was */
    int64_t down_since_ms; /* wall clock, when not on; 0: never was on */
    uint64_t changes;      /* grows with every change: two copies with the same number are alike */
    struct board_queue *queues;
    size_t queue_count;
    struct board_caller *callers;
    size_t caller_count;
    struct board_operator *operators;
    size_t operator_count;
    struct board_event *events;
    size_t event_count;
};

struct board;

struct board_options {
    bool keep_number;
};
int board_new(const struct board_options *options, struct board **out); /* returns owned */
void board_free(struct board *board);                                   /* NULL is fine */

/* Ingest thread. STATUS_NO_MEMORY leaves out what there was no memory for. */
void board_on(struct board *board, int64_t at_ms);
/* Forgets the operators, keeps the events. Callers are kept too, unseen: the source tells which are gone once it is
 * back, and not again of those that are still there. */
void board_off(struct board *board, int64_t at_ms);
int board_put(struct board *board, const struct call_event *event);
/* An operator as the roster tells (names resolved); state SHIFT_OFF takes him off. All borrowed. */
struct board_stand {
    struct slice name;
    struct slice interface;
    struct slice reason;
    struct slice queue;
    enum shift_state state;
    int64_t since_ms;
    int64_t login_ms;
    const struct board_stand_member *members;
    size_t member_count;
};
struct board_stand_member {
    struct slice queue;
    bool paused;
};
int board_stand(struct board *board, const struct board_stand *stand);

/* Any thread. Returns owned; free with board_copy_free(). */
int board_copy(struct board *board, struct board_copy **out);
void board_copy_free(struct board_copy *copy);
uint64_t board_changes(struct board *board);

#endif
