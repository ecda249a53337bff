/* leg: one caller's stay in one queue, from entering to leaving or hanging up. */
#ifndef RINGSIDE_AGENT_EVENT_LEG_H
#define RINGSIDE_AGENT_EVENT_LEG_H

#include <stdbool.h>
#include <stdint.h>

enum leg_state { LEG_WAITING = 0, LEG_RINGING = 1, LEG_CONNECTED = 2, LEG_HELD = 3, LEG_DONE = 4 };

enum leg_outcome {
    LEG_OPEN = 0,           /* not over yet */
    LEG_COMPLETED_OPERATOR, /* answered; the operator hung up */
    LEG_COMPLETED_CALLER,   /* answered; the caller hung up */
    LEG_TRANSFERRED,        /* answered; left by transfer */
    LEG_ABANDONED,
    LEG_EXIT_TIMEOUT,
    LEG_EXIT_EMPTY,
    LEG_EXIT_KEY,
    LEG_WITHDRAWN,
    LEG_LOST,           /* restart, expiry or a missing end while waiting */
    LEG_LOST_CONNECTED, /* the same while talking: answered, but nobody saw the end */
    LEG_OUTCOME_COUNT
};

enum {
    LEG_FLAG_SUSPECT_WAIT = 1, /* negative or absurd: kept out of sums */
    LEG_FLAG_SUSPECT_TALK = 2,
    LEG_FLAG_TRANSFERRED_IN = 4,
    LEG_FLAG_RESCUED = 8,   /* joined by the arithmetic rules, not by call id */
    LEG_FLAG_REQUEUED = 16, /* the same contact was in a queue before */
    LEG_FLAG_INFERRED = 32, /* the answer was inferred from its end: the CONNECT row is missing */
    LEG_FLAG_SUSPECT_RING = 64,
};

enum { LEG_CALL_ID_MAX = 95 }; /* longer call ids are cut; Asterisk's schema allows 80 */

struct call_leg {
    uint64_t seq;     /* grows with every leg of the ledger; unique */
    uint64_t contact; /* seq of the contact's first leg: legs of one customer contact share it */
    uint64_t caller;  /* keyed hash of the caller's number, 0 when unknown or dropped */
    int64_t enter_ms;
    int64_t connect_ms; /* 0 until answered */
    int64_t end_ms;     /* 0 until done */
    int64_t wait_ms;    /* valid when it left waiting and not LEG_FLAG_SUSPECT_WAIT */
    int64_t ring_ms;    /* the answered ring; -1 unknown */
    int64_t talk_ms;    /* hold excluded; valid when ended and not LEG_FLAG_SUSPECT_TALK */
    int64_t hold_ms;
    int64_t hold_since_ms; /* while LEG_HELD */
    uint32_t queue;        /* name ids of the ledger */
    uint32_t operator_id;  /* 0 until answered */
    uint32_t position;     /* where the caller entered; 0 unknown */
    uint32_t missed;       /* rings not answered so far */
    enum leg_state state;
    enum leg_outcome outcome;
    uint32_t flags;
    uint8_t call_id_len;
    char call_id[LEG_CALL_ID_MAX + 1];
    /* The tracker's own, kept with the leg so that a restart goes on exactly where it was: */
    int64_t waited_to; /* newest interval number in which it counts as waiting */
    int64_t forget_ms; /* event time from which a leg that is done is no longer looked up */
    uint8_t number_len;
    char number[23]; /* the caller's number, only where the site keeps it; else empty */
};

bool leg_is_waiting(const struct call_leg *leg); /* in the queue, an operator's phone ringing or not */
bool leg_is_talking(const struct call_leg *leg); /* with an operator, on hold or not */
bool leg_is_done(const struct call_leg *leg);

const char *leg_state_str(enum leg_state state);       /* "waiting" ... */
const char *leg_outcome_str(enum leg_outcome outcome); /* "open", "completed_operator", "abandoned" ... */

#endif
