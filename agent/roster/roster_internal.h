/* roster_internal: what the roster's files share. */
#ifndef RINGSIDE_AGENT_ROSTER_ROSTER_INTERNAL_H
#define RINGSIDE_AGENT_ROSTER_ROSTER_INTERNAL_H

#include "agent/roster/roster.h"

#define ROSTER_NEVER INT64_MIN

/* A queue's call at an operator's phone: it rings there, or he talks. */
struct engagement {
    struct engagement *next_of_bucket;
    struct engagement *next; /* of the operator, newest first */
    struct person *person;
    uint64_t hash; /* of call_id */
    uint32_t queue;
    bool talking; /* else it rings */
    bool held;
    bool dormant; /* the source was cut off since */
    size_t call_id_len;
    char call_id[];
};

/* Beside a roster_member of the same place. */
struct standing {
    enum event_device device;
    uint32_t reason;      /* of his pause */
    uint64_t pause_order; /* grows with each pause and change of a reason */
    int64_t wrap_up_ms;   /* -1: not told */
};

/* All members of one queue under the operator's name. */
struct post {
    uint32_t queue;
    uint32_t members;
    uint32_t paused;
    int64_t logged_in_from_ms; /* not told yet from here on */
    int64_t paused_from_ms;    /* while paused == members */
};

/* What a span of a state is of. */
struct stand {
    enum shift_state state;
    uint32_t queue; /* of the call: ring, talk, hold, wrap by time */
    uint32_t reason;
    bool wrap_by_reason;
    const struct engagement *call;
};

struct person {
    uint32_t id;
    struct roster_member *members; /* ordered by queue, interface; interfaces owned */
    struct standing *standings;
    size_t member_count;
    size_t member_cap;
    size_t standing_cap;
    struct post *posts; /* ordered by queue */
    size_t post_count;
    size_t post_cap;
    size_t paused_count; /* members paused, gone (device cannot be reached), used (device in use) */
    size_t gone_count;
    size_t used_count;
    uint32_t reason; /* of the pause that came last, when reason_known */
    bool reason_known;
    struct engagement *engagements;
    size_t engagement_count;
    int64_t wrap_until_ms;
    uint32_t wrap_queue;
    struct stand stand; /* that is in force; its call is only compared and shown */
    int64_t since_ms;
    int64_t told_ms;       /* all spans of states are told up to here */
    int64_t newest_ms;     /* of the times applied to him */
    int64_t busy_from_ms;  /* his device has been in use since, but not long enough yet; ROSTER_NEVER: no */
    int64_t first_seen_ms; /* since he is logged in */
    bool changed;          /* to be told by options.changed */
};

struct roster {
    struct roster_options options;
    struct person **people; /* by id */
    size_t people_slots;
    struct person **list; /* all that were ever seen */
    size_t count;
    size_t cap;
    size_t logged_in;
    struct engagement **buckets; /* by call */
    size_t bucket_count;         /* a power of two */
    size_t engagement_count;
    uint64_t next_pause;
    int64_t ticked_ms;    /* last */
    uint32_t last_reason; /* asked of is_wrap_reason last, with the answer */
    bool last_is_wrap;
};

/* roster_call.c */
enum { PERSON_ENGAGEMENTS_MAX = 32 }; /* the oldest goes beyond: ends that never came */
int engagement_add(struct roster *roster, struct person *person, struct slice call_id, uint32_t queue, bool talking,
                   bool dormant);
/* The next of this call behind `after` (NULL: the first); of any operator and queue. */
struct engagement *engagement_next(const struct roster *roster, struct slice call_id, const struct engagement *after);
/* Of this operator (NULL: any) and, where he has one of it, of this queue. */
struct engagement *engagement_find(const struct roster *roster, const struct person *person, struct slice call_id,
                                   uint32_t queue, bool talking);
void engagement_drop(struct roster *roster, struct engagement *engagement);

/* roster_member.c */
int members_put(struct roster *roster, struct person *person, const struct call_event *event, uint32_t queue,
                int64_t at_ms);
int members_remove(struct roster *roster, struct person *person, uint32_t queue, struct slice interface, int64_t at_ms);
void members_forget(struct person *person);                                    /* all, nothing is told */
int members_tell(struct roster *roster, struct person *person, int64_t to_ms); /* spans, up to there */
uint32_t members_reason(struct person *person); /* of the pause that came last; all are paused */
int64_t members_wrap_up_ms(const struct person *person, uint32_t queue);
int64_t members_login_ms(const struct person *person); /* the earliest that is told; 0: none */

/* roster_state.c */
/* The time at which something counts that is told to have been at at_ms. */
int64_t person_time(const struct person *person, int64_t at_ms);
int person_pass(struct roster *roster, struct person *person, int64_t to_ms);   /* timers that end by then */
int person_settle(struct roster *roster, struct person *person, int64_t at_ms); /* what holds from at_ms on */
int person_tell(struct roster *roster, struct person *person, int64_t to_ms);   /* spans, up to there */
int person_show(struct roster *roster, struct person *person);                  /* when changed */

#endif
