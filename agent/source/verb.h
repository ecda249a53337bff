/* verb: the words of queue_log: what each means and how its parameters are laid out. */
#ifndef RINGSIDE_AGENT_SOURCE_VERB_H
#define RINGSIDE_AGENT_SOURCE_VERB_H

#include <stdint.h>

#include "agent/event/event.h"
#include "platform/base/slice.h"

enum verb_shape {
    VERB_TEXT,         /* anything; bars belong to it */
    VERB_SELF,         /* the same, but the event's text is the verb itself */
    VERB_REASON,       /* one text, bars belong to it: pauses */
    VERB_EMPTY,        /* one empty parameter */
    VERB_MEMBER,       /* "PAUSED" or empty */
    VERB_NUMBER,       /* one number that carries no KPI */
    VERB_ENTER,        /* url | caller | position [| caller's name] */
    VERB_CONNECT,      /* wait s [| operator's channel id | ring s] */
    VERB_COMPLETE,     /* wait s | talk s | original position */
    VERB_TRANSFER,     /* target, one or more fields [| wait s | talk s [| original position]] */
    VERB_LEAVE,        /* position [| original position | wait s] */
    VERB_LEAVE_BY_KEY, /* key | position [| original position | wait s] */
    VERB_WITHDRAW,     /* position | original position | wait s | text; bars belong to the text */
    VERB_RING,         /* ring ms */
};

struct verb {
    char name[20];
    uint8_t length;
    uint8_t kind;           /* enum event_kind */
    uint8_t shape;          /* enum verb_shape */
    uint8_t operator_named; /* Asterisk writes an operator's name in front of it */
};

/* NULL when there is no such verb. Spelled in capitals only, as all writers do. */
const struct verb *verb_find(struct slice name);

#endif
