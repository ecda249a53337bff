/* model: what the roster ought to say, worked out anew for every 10 ms from plain lists of facts. */
#ifndef RINGSIDE_TESTS_UNIT_ROSTER_MODEL_H
#define RINGSIDE_TESTS_UNIT_ROSTER_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/event/event.h"
#include "proto/shift.h"

enum {
    MODEL_UNIT_MS = 10,
    MODEL_UNITS = 2000,
    MODEL_PEOPLE = 3,
    MODEL_QUEUES = 3,
    MODEL_INTERFACES = 2,
    MODEL_CALLS = 4,
    MODEL_LINES_MAX = 200,
    MODEL_WRAP_UP_MS = 700, /* where it is not told */
    MODEL_WRAP_REASON = 2
};

struct model_member {
    bool there;
    bool paused;
    uint32_t reason;
    unsigned order; /* of his pause */
    enum event_device device;
    int wrap_up_ms;
};

struct model_line { /* a call at somebody's phone */
    bool live;
    int person;
    int call;
    int queue; /* from 1 on, as in what follows */
    bool talking;
    bool held;
    bool dormant;
};

struct model_stand {
    uint8_t state;
    uint8_t queue;
    uint8_t reason;
    bool wrap_by_reason;
};

struct model {
    struct model_member members[MODEL_PEOPLE][MODEL_QUEUES + 1][MODEL_INTERFACES];
    struct model_line lines[MODEL_LINES_MAX]; /* in order of time */
    unsigned line_count;
    unsigned pauses;
    int wrap_until_ms[MODEL_PEOPLE]; /* after the beginning; 0: none */
    struct model_stand stands[MODEL_PEOPLE][MODEL_UNITS];
    bool logged_in[MODEL_PEOPLE][MODEL_QUEUES + 1][MODEL_UNITS];
    bool paused[MODEL_PEOPLE][MODEL_QUEUES + 1][MODEL_UNITS];
    unsigned counts[MODEL_PEOPLE][MODEL_QUEUES + 1][SHIFT_COUNT_COUNT];
};

/* One that happens, in small numbers: person, queue, call and interface -1 where it does not say. */
struct model_event {
    enum event_kind kind; /* EVENT_NONE: the source is cut off */
    bool resumed;         /* of EVENT_CONNECT */
    int person;
    int queue;
    int call;
    int interface;
    struct event_member member;
    uint32_t reason; /* 0: none */
};

void model_put(struct model *model, const struct model_event *event, int at_ms);
void model_note(struct model *model, int unit); /* what holds from this unit on */
void model_finish(struct model *model);         /* busy that did not last */
unsigned model_count_logged_in(const struct model *model, int unit);

#endif
