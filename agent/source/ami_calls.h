/* ami_calls: what AMI tells of queues, calls and operators as normalised events (agent/event/event.h). It keeps the
 * state of the calls that it has seen, for AMI says things piecemeal (field guide 2.2, captures/README 31 to 40):
 *
 * - QueueCallerAbandon stands for abandons, timeouts, empty queues and withdrawals alike; a key exit is a
 *   QueueCallerLeave with nothing else; an answer is QueueCallerLeave, then AgentConnect. The reason comes from
 *   QUEUESTATUS (VarSet) where class dialplan is read, else from whether the caller's own channel was told to hang up
 *   before (HangupRequest, SoftHangupRequest): that is an abandon. Where neither tells, it is counted as a timeout and
 *   in counters.guessed_exits. Which key it was is not told: that would take class dtmf, and with it what callers dial.
 * - A Leave of a caller whose operator picked up (DialEnd ANSWER) is an answer on its way, however long the dialplan
 *   runs in between.
 * - EVENT_LEAVE is told at once when a caller waits no longer and what became of him is not known yet.
 * - AgentComplete may lack the caller's fields, the operator's, or both: then the operator's conversation is the one
 *   it ends. Its reason "transfer" becomes blind or attended by the BlindTransfer/AttendedTransfer event beside it.
 *   The operator's channel (DestUniqueid) tells better than the caller's id, which a transfer into a queue may change.
 * - Every EVENT_RING is followed by a CONNECT of that operator, a RING_NO_ANSWER, or a RING_CANCELED: the latter also
 *   for those who lost a call to another (no row in the queue_log), and behind an OPERATOR_DUMP. A restart, a lost
 *   call and a connection that breaks are the exceptions: nothing that rang then rings any more.
 * - Answers and ends of calls that nobody told of (counters.unmatched) are told with the ENTER, and CONNECT, that were
 *   missed, at the times that their whole-second fields say.
 * - Hold and Unhold are those of the operator's channel (or of one with the call's Linkedid that is not the caller's);
 *   the event's call_id is the caller's. Unhold counts from the channel that held. A hold that is open when the
 *   conversation ends, ends with it: no UNHOLD is told.
 * - Refused callers (full, join empty, ...): EVENT_BLOCKED, once a caller and try, text naming the status, by the best
 *   way this PBX shows: Newexten "Queue" and VarSet QUEUESTATUS; else CEL's APP_START and APP_END; else a Cdr with
 *   LastApplication "Queue" of a caller who never joined and did not hang up. The last two do not know the status:
 * their text is "REFUSED".
 * - A member's state is told whole with each change and once on each connection (EVENT_MEMBER_STATE), its removal with
 *   EVENT_MEMBER_REMOVE. A member of the agent pool who has logged off is removed, though he stays in his queues.
 *
 * Every event has its call_id (the caller's Uniqueid), queue, operator_name (MemberName) and interface filled in where
 * there are such, durations in milliseconds by the events' own times (ring_ms: from AgentCalled to DialEnd ANSWER, or
 * to the end; wait_ms, talk_ms likewise), never those of the whole-second fields; these are used only when the
 * beginning was not seen. CallerIDName's C escapes do not matter here; "<unknown>" numbers are empty. Events leave in
 * the order of AMI's; what had to be waited for (a key exit, a reason) bears the time of what began it.
 * Not thread safe, no I/O, no clock. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_CALLS_H
#define RINGSIDE_AGENT_SOURCE_AMI_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/event/event.h"
#include "agent/source/ami_frame.h"
#include "agent/source/ami_session.h"

enum {
    AMI_CALLS_GRACE_MS = 2000,  /* what a snapshot lacks may be told by events that were queued before it */
    AMI_CALLS_LEAVE_MS = 1500,  /* a Leave with nothing after it: exit by key */
    AMI_CALLS_REASON_MS = 1000, /* how long QUEUESTATUS may come after QueueCallerLeave */
    AMI_CALLS_MAX = 65536,      /* calls held; the oldest is told as EVENT_LOST beyond that */
};

struct ami_calls_counters {
    uint64_t guessed_exits;
    uint64_t refused;      /* EVENT_BLOCKED told */
    uint64_t lost_in_gaps; /* EVENT_LOST told after a snapshot */
    uint64_t taken_in;     /* calls first seen in a snapshot */
    uint64_t unmatched;    /* ends and answers of calls never seen; told, unless they lack the caller's id */
    uint64_t evicted;
};

/* Which of the ways to see refused callers this PBX has shown so far on this connection. */
struct ami_calls_sight {
    uint64_t joins; /* callers seen to join */
    bool dialplan;  /* Newexten or VarSet events come */
    bool cel;
    bool cdr;
};

struct ami_calls;

int ami_calls_new(const struct event_sink *sink, struct ami_calls **out); /* returns owned */
void ami_calls_free(struct ami_calls *calls);

/* Whether an event of this name matters here: for ami_session_options.wanted. */
bool ami_calls_wanted(void *unused, struct slice event);

/* A call that an earlier run of the agent left open, as it stood: before the first snapshot. connect_ms 0: waiting.
 * One that is known already in that state is left alone. */
struct ami_calls_open {
    struct slice call_id;
    struct slice queue;
    struct slice operator_name;
    int64_t enter_ms;
    int64_t connect_ms;
};
int ami_calls_restore(struct ami_calls *calls, const struct ami_calls_open *open);

/* Each returns 0, STATUS_NO_MEMORY, or the sink's failure. at_ms is the time of arrival (wall clock). */
int ami_calls_message(struct ami_calls *calls, const struct ami_message *message, int64_t arrival_ms);

/* SNAPSHOT_END: calls known before that are not in it and are not told of within the grace are EVENT_LOST (waiting ones
 * by QueueStatus, conversations by CoreShowChannels, or where that is denied by QueueStatus's InCall); calls
 * that were not known ENTER (at now - Wait, as soon as listed) or, in a conversation already, ENTER and CONNECT with
 * wait_ms -1; members not in it EVENT_MEMBER_REMOVE. A PBX that was started since the last connection (CoreStatus, or
 * FullyBooted's Uptime) is EVENT_RESTART first, and all calls are forgotten with it.
 * DOWN: rings and holds of which the end will not be seen are forgotten without events; what was waited for is decided.
 * After a Shutdown event DOWN is the EVENT_RESTART, at the time of the Shutdown; the next start tells none. */
int ami_calls_mark(struct ami_calls *calls, enum ami_mark mark, int64_t arrival_ms);

/* Time passes: leaves that nothing followed, graces that are over. Call it some times a second while connected. */
int ami_calls_tick(struct ami_calls *calls, int64_t now_ms);

const struct ami_calls_counters *ami_calls_counters(const struct ami_calls *calls);
void ami_calls_sight(const struct ami_calls *calls, struct ami_calls_sight *out);

/* What is held now. */
struct ami_calls_held {
    uint32_t calls;   /* visits of queues that are not over */
    uint32_t rings;   /* of them */
    uint32_t links;   /* by which they are found */
    uint32_t awaited; /* calls that something is waited for, or that are in doubt */
    uint32_t doors;   /* channels remembered for the sake of refused callers */
    uint32_t members;
    uint32_t names; /* that calls, doors and members share */
    uint32_t room;  /* most calls, rings, doors, members and names ever held at once: what memory was taken for */
};
void ami_calls_held(const struct ami_calls *calls, struct ami_calls_held *out);

#endif
