/* kit: what the roster's tests share: a roster whose spans, counts and views are written down as text. */
#ifndef RINGSIDE_TESTS_UNIT_ROSTER_KIT_H
#define RINGSIDE_TESTS_UNIT_ROSTER_KIT_H

#include "agent/roster/roster.h"
#include "platform/base/buf.h"

#define KIT_T0 INT64_C(1795308300000) /* all times of tests are milliseconds after this */

enum { KIT_IDLE = EVENT_DEVICE_IDLE, KIT_IN_USE = EVENT_DEVICE_IN_USE };

struct kit {
    struct roster *roster;
    struct intern *queues;
    struct intern *operators;
    struct intern *reasons;
    int64_t wrap_up_ms; /* that members tell; -1: the PBX does not */
    struct buf states;  /* "ready 0-1000, talk@sales 1000-2000": adjoining spans that are alike as one */
    struct roster_span last;
    struct buf posts;  /* "in sales 0-1000, paused sales 0-500" */
    struct buf counts; /* "answered sales 1000" */
    struct buf shown;  /* of the newest view: "talk@sales since 1000 call c1 login 0 [sales PJSIP/100]" */
    unsigned views;
    int span_fails;
};

/* Reason "acw" stands for wrap-up; where the PBX does not tell, wrap-up lasts for options_wrap_up_ms. */
void kit_begin(struct kit *kit, int64_t options_wrap_up_ms);
void kit_end(struct kit *kit);

/* An operator "ann" with interface PJSIP/100; all of these must succeed. reason NULL: not paused. */
void kit_member(struct kit *kit, int64_t at_ms, const char *queue, int device, const char *reason);
void kit_member_at(struct kit *kit, int64_t at_ms, const char *queue, const char *interface, int device,
                   const char *reason);
void kit_put(struct kit *kit, int64_t at_ms, enum event_kind kind, const char *queue, const char *call_id);
void kit_tick(struct kit *kit, int64_t now_ms);
void kit_down(struct kit *kit, int64_t at_ms);

/* What was written down so far; begins anew. */
const char *kit_states(struct kit *kit);
const char *kit_posts(struct kit *kit);
const char *kit_counts(struct kit *kit);
const char *kit_shown(struct kit *kit); /* stays */

#endif
