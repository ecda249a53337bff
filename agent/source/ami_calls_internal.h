/* ami_calls_internal: what the files of ami_calls share.
 *
 * A visit is one caller's stay in one queue, from QueueCallerJoin to its end; the same channel may have several, one
 * after the other or (in a transfer) overlapping for a moment. Rings belong to a visit that waits. Both, and the doors
 * (what is known of a channel that may be refused), lie in pools and are named by their numbers, 0 is none. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_CALLS_INTERNAL_H
#define RINGSIDE_AGENT_SOURCE_AMI_CALLS_INTERNAL_H

#include "agent/event/leg.h"
#include "agent/source/ami_calls.h"
#include "agent/source/ami_index.h"
#include "agent/source/ami_names.h"
#include "agent/source/ami_pool.h"
#include "platform/base/buf.h"
#include "platform/base/hash.h"
#include "platform/base/status.h"

enum {
    AMI_CALLS_SETTLE_MS = 1000,         /* how long a ring's or a transfer's own event may come after its signs */
    AMI_CALLS_ANSWERED_MS = 600 * 1000, /* a Leave with an answered ring waits this long: dialplan runs in between */
    AMI_CALLS_RINGS_MAX = 1024,         /* of one visit */
    AMI_CALLS_MEMBERS_MAX = 65536,
    AMI_CALLS_ORPHAN_STEPS = 1024,
    AMI_CALLS_DOOR_MS = 5000, /* a channel is remembered this long after its Hangup: Cdr and CEL come late */
    AMI_CALLS_DOOR_CEL_MS = 500,
    AMI_CALLS_ENDED_SLOTS = 8192, /* powers of two */
    AMI_CALLS_GONE_SLOTS = 1024,
};

enum ami_visit_state {
    VISIT_WAITING = 1,
    VISIT_LEAVING = 2, /* Leave was seen: answered, or left by key */
    VISIT_REASON = 4,  /* Abandon was seen: why is awaited */
    VISIT_TALKING = 8,
    VISIT_ENDING = 16, /* AgentComplete by transfer was seen: of which kind is awaited */
};

struct ami_visit {
    uint32_t prev, next;         /* all visits, in the order they began */
    uint32_t prev_due, next_due; /* those that something is awaited of */
    enum ami_visit_state state;
    char call_id[LEG_CALL_ID_MAX + 1];
    uint8_t call_id_len;
    bool due;
    bool asked;   /* the caller's channel was told to hang up */
    bool partial; /* not all its rings were seen */
    bool no_wait; /* when it entered is not known */
    bool orphan;  /* its channel is gone though it waits: another took its place, or an event was lost */
    uint64_t call_hash;
    uint64_t other_hash;   /* of the channel that took the caller's place; 0 none */
    uint64_t linked_hash;  /* of the Linkedid; 0 none */
    uint64_t channel_hash; /* the operator's channel while talking; 0 not known */
    uint64_t hold_hash;    /* the channel that holds; 0 not held */
    uint64_t desk_hash;    /* of queue and interface while talking */
    uint32_t queue;        /* names */
    uint32_t operator_name;
    uint32_t interface;
    uint32_t rings; /* first of the chain */
    uint32_t ring_count;
    uint32_t connection;      /* in which it was seen to begin */
    uint32_t seen;            /* newest snapshot since whose beginning it was told of */
    uint32_t listed;          /* newest snapshot that has it waiting */
    enum event_kind transfer; /* EVENT_NONE or which kind */
    int64_t enter_ms;
    int64_t connect_ms;
    int64_t left_ms;  /* of what brought it into LEAVING, REASON, ENDING */
    int64_t due_ms;   /* clock of arrival, as the next two */
    int64_t doubt_ms; /* a snapshot lacks it: lost from then on; 0 none */
    int64_t taken_ms; /* first seen in a snapshot then; 0 otherwise */
    int64_t position;
    int64_t original_position;
    int64_t wait_ms; /* of an ENDING one, as the next */
    int64_t talk_ms;
};

struct ami_ring {
    uint32_t next; /* of the visit */
    uint32_t visit;
    uint32_t operator_name;
    uint32_t interface;
    uint64_t channel_hash; /* 0 not told */
    int64_t start_ms;
    int64_t answered_ms; /* 0 not */
    int64_t ended_ms;    /* the telephone stopped, why is awaited; 0 not */
    int64_t due_ms;      /* clock of arrival; with ended_ms */
};

struct ami_door {
    uint32_t prev_due, next_due;
    uint32_t prev, next; /* all, in the order they were made */
    uint64_t hash;
    uint32_t queue;     /* the Queue() now run, by the dialplan's events; 0 none, or joined */
    uint32_t cel_queue; /* the same by CEL */
    uint32_t joins;
    uint32_t starts; /* of Queue(), by CEL */
    uint32_t ends;
    uint32_t told;
    bool due;
    char call_id[LEG_CALL_ID_MAX + 1];
    uint8_t call_id_len;
    char caller[64];
    uint8_t caller_len;
    int64_t check_ms; /* clock of arrival: whether CEL's ends are as many as joins; 0 none */
    int64_t check_at_ms;
    int64_t drop_ms; /* clock of arrival; 0 not yet */
};

struct ami_member {
    uint32_t prev, next;
    uint64_t hash;
    uint32_t queue;
    uint32_t operator_name;
    uint32_t interface;
    uint32_t reason;
    uint32_t seen;
    uint32_t told; /* number of the connection on which its state was told: on a new one it is told again */
    struct event_member state;
};

/* A channel of a snapshot; texts only of one that runs Queue() or was called by it. */
struct ami_seen {
    uint64_t call_hash;
    uint64_t linked_hash;
    uint64_t bridge_hash; /* 0: in none */
    size_t text_at;       /* call id, queue, channel, caller one after the other in the snapshot's texts */
    uint32_t call_id_len, queue_len, channel_len, caller_len;
    bool operator_side;
};

struct ami_ended {
    uint64_t key;
    int64_t at_ms; /* clock of arrival */
};

struct ami_calls {
    struct event_sink sink;
    struct ami_calls_counters counters;
    struct ami_calls_sight sight;
    uint64_t seed;
    struct ami_names names;
    struct ami_pool visits, rings, doors, members;
    struct ami_index by_call, by_linked, by_channel, by_desk, by_ring, by_door, by_member;
    uint32_t visit_head, visit_tail;
    uint32_t due_head, due_tail;
    uint32_t door_head, door_tail;
    uint32_t door_due_head, door_due_tail;
    uint32_t member_head, member_tail;
    uint32_t orphans;
    uint32_t doubts;
    int64_t next_due_ms; /* INT64_MAX: nothing */
    int64_t arrival_ms;  /* of what is in hand */
    int64_t ticked_ms;
    /* connection */
    uint32_t connection;
    int64_t first_ms;           /* its first message; 0 none yet */
    int64_t last_ms;            /* newest message of any connection; 0 none yet */
    int64_t last_connection_ms; /* the same of the connections before this one */
    int64_t started_ms;         /* of the PBX, by FullyBooted's Uptime; 0 not known */
    int64_t shutdown_ms;
    bool restart_told; /* for the start that the next CoreStatus shows */
    char boot[64];     /* what CoreStatus said of its start */
    /* snapshot */
    uint32_t snapshot;
    bool in_snapshot, whole_calls, whole_channels;
    int64_t begin_ms;
    struct ami_seen *seen;
    size_t seen_count, seen_cap;
    struct buf texts;
    struct ami_ended ended[AMI_CALLS_ENDED_SLOTS];
    uint64_t gone[AMI_CALLS_GONE_SLOTS];
};

/* What most messages say. */
struct ami_facts {
    const struct ami_message *message;
    int64_t at_ms;
    struct slice call_id; /* Uniqueid, cut to LEG_CALL_ID_MAX bytes; may be empty, as all here */
    uint64_t call_hash;   /* of all its bytes; 0 when empty, as the others */
    uint64_t linked_hash;
    uint64_t channel_hash; /* of DestUniqueid */
    struct slice queue;
    struct slice operator_name;
    struct slice interface;
};

static inline struct ami_visit *ami_visit_at(const struct ami_calls *calls, uint32_t at)
{
    return ami_pool_at(&calls->visits, at);
}

static inline struct ami_ring *ami_ring_at(const struct ami_calls *calls, uint32_t at)
{
    return ami_pool_at(&calls->rings, at);
}

static inline struct ami_door *ami_door_at(const struct ami_calls *calls, uint32_t at)
{
    return ami_pool_at(&calls->doors, at);
}

static inline struct ami_member *ami_member_at(const struct ami_calls *calls, uint32_t at)
{
    return ami_pool_at(&calls->members, at);
}

static inline uint64_t ami_calls_hash(const struct ami_calls *calls, struct slice text)
{
    return text.len ? hash_bytes(text.data, text.len, calls->seed) | 1 : 0;
}

static inline uint64_t ami_calls_pair(uint64_t a, uint64_t b)
{
    return hash_fold(a ^ UINT64_C(0x9e3779b97f4a7c15), b ^ UINT64_C(0xd6e8feb86659fd93)) | 1;
}

static inline struct slice ami_calls_name(const struct ami_calls *calls, uint32_t name)
{
    return ami_names_text(&calls->names, name);
}

/* ---- ami_calls.c: telling ---- */

struct slice ami_calls_known(struct slice value); /* empty for "<unknown>" */
struct call_event ami_calls_event(enum event_kind kind, int64_t at_ms, const char *verb);
struct call_event ami_calls_of(const struct ami_calls *calls, const struct ami_visit *visit, enum event_kind kind,
                               int64_t at_ms, const char *verb); /* with the visit's call and queue */
int ami_calls_put(struct ami_calls *calls, const struct call_event *event);
void ami_calls_due_at(struct ami_calls *calls, int64_t due_ms); /* tick() has something to do then */
int ami_calls_restart(struct ami_calls *calls, int64_t at_ms);

/* ---- ami_calls_table.c: visits ---- */

struct ami_visit_key {
    struct slice call_id;
    uint64_t call_hash;
    struct slice queue;
};
/* A new visit that waits, with nothing told. 0 or STATUS_NO_MEMORY. Tells the oldest as lost when there are too
 * many. */
int ami_calls_add(struct ami_calls *calls, const struct ami_visit_key *key, int64_t enter_ms, uint32_t *out);
void ami_calls_drop(struct ami_calls *calls, uint32_t at); /* rings too, silently */
int ami_calls_lose(struct ami_calls *calls, uint32_t at, int64_t at_ms, const char *verb);
/* The newest visit of this channel in one of these states; queue 0: in any queue. */
uint32_t ami_calls_find(const struct ami_calls *calls, uint64_t call_hash, uint32_t queue, unsigned states);
/* The same for a message's channel and queue; a visit whose own channel is gone stands in when the channel is not
 * known at all. */
uint32_t ami_calls_find_waiting(struct ami_calls *calls, const struct ami_facts *facts, unsigned states);
void ami_calls_touch(struct ami_calls *calls, uint32_t at); /* it was told of just now */
void ami_calls_link(struct ami_calls *calls, uint32_t at, uint64_t linked_hash);
int ami_calls_set_hold(struct ami_calls *calls, uint32_t at, uint64_t channel_hash); /* 0: not held */
int ami_calls_set_channel(struct ami_calls *calls, uint32_t at, uint64_t channel_hash);
int ami_calls_talks(struct ami_calls *calls, uint32_t at, const struct ami_facts *facts); /* sets the operator */
void ami_calls_await(struct ami_calls *calls, uint32_t at, int64_t due_ms);
void ami_calls_unawait(struct ami_calls *calls, uint32_t at);
void ami_calls_set_orphan(struct ami_calls *calls, uint32_t at, bool orphan);
void ami_calls_set_doubt(struct ami_calls *calls, uint32_t at, int64_t doubt_ms);
void ami_calls_ended(struct ami_calls *calls, uint64_t call_hash, struct slice queue);
bool ami_calls_was_ended(const struct ami_calls *calls, uint64_t call_hash, struct slice queue, int64_t since_ms);

/* ---- ami_calls_queue.c: callers come and go ---- */

int ami_calls_join(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_abandon(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_leave(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_asked(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_hangup(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_status(struct ami_calls *calls, const struct ami_facts *facts, struct slice status);
int ami_calls_enter(struct ami_calls *calls, uint32_t at, struct slice caller, const char *verb);
/* A call of which nothing was known, as its end tells it: ENTER, told when it was. */
int ami_calls_late(struct ami_calls *calls, const struct ami_facts *facts, int64_t enter_ms, uint32_t *out);
/* What was awaited did not come. */
int ami_calls_settle(struct ami_calls *calls, uint32_t at, bool now);

/* ---- ami_calls_ring.c: operators' telephones ring ---- */

int ami_calls_ring(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_no_answer(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_dump(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_dialed(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_ring_hangup(struct ami_calls *calls, const struct ami_facts *facts);
uint32_t ami_calls_find_ring(const struct ami_calls *calls, const struct ami_facts *facts, uint32_t visit);
uint32_t ami_calls_find_ring_of(const struct ami_calls *calls, uint32_t visit, struct slice interface);
void ami_calls_drop_ring(struct ami_calls *calls, uint32_t at);
int ami_calls_cancel_rings(struct ami_calls *calls, uint32_t visit, int64_t at_ms, const char *verb);
int ami_calls_cancel_ended(struct ami_calls *calls, uint32_t visit); /* those that ended without an answer */
int ami_calls_cancel_old(struct ami_calls *calls, uint32_t visit);   /* those that ended long enough ago */
bool ami_calls_is_answered(const struct ami_calls *calls, uint32_t visit);

/* ---- ami_calls_talk.c: conversations ---- */

int ami_calls_connect(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_complete(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_transfer(struct ami_calls *calls, const struct ami_facts *facts, enum event_kind kind);
int ami_calls_end(struct ami_calls *calls, uint32_t at, enum event_kind kind); /* of an ENDING visit */
int ami_calls_hold(struct ami_calls *calls, const struct ami_facts *facts, bool hold);

/* ---- ami_calls_door.c: refused callers ---- */

int ami_calls_newexten(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_refused(struct ami_calls *calls, const struct ami_facts *facts, struct slice status);
int ami_calls_cel(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_cdr(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_door_join(struct ami_calls *calls, const struct ami_facts *facts);
void ami_calls_door_hangup(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_doors_tick(struct ami_calls *calls);
void ami_calls_doors_clear(struct ami_calls *calls);

/* ---- ami_calls_member.c: operators ---- */

int ami_calls_member(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_member_removed(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_members_end(struct ami_calls *calls); /* those that the snapshot lacks are removed */
/* Whether the operator of this conversation is known to be in none of this queue. */
bool ami_calls_is_idle(const struct ami_calls *calls, const struct ami_visit *visit);
/* The member of this queue whose telephone a channel is, by their names; 0 none. */
uint32_t ami_calls_member_of(const struct ami_calls *calls, uint32_t queue, struct slice channel);
/* "PJSIP/101-00000007" and "Local/101@agents/n" without what is behind the device. */
struct slice ami_calls_device(struct slice channel, bool is_channel);

/* ---- ami_calls_snapshot.c ---- */

int ami_calls_entry(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_channel(struct ami_calls *calls, const struct ami_facts *facts);
int ami_calls_core_status(struct ami_calls *calls, const struct ami_message *message);
int ami_calls_booted(struct ami_calls *calls, const struct ami_message *message);
void ami_calls_snapshot_begin(struct ami_calls *calls);
int ami_calls_snapshot_end(struct ami_calls *calls);
int ami_calls_doubts(struct ami_calls *calls);
int ami_calls_down(struct ami_calls *calls);

#endif
