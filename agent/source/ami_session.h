/* ami_session: the client's side of AMI as an engine: no socket, no clock. It is told what arrives and what time it
 * is, and says what to send, when to connect and when to hang up.
 *
 * On a connection: banner, login (MD5 challenge where the server has it, so that the secret does not travel; plain
 * where it does not), event mask, filter, then a snapshot: CoreStatus, CoreShowChannels, QueueStatus, QueueSummary, one
 * after the other, never two at a time. Then it listens. Snapshots again at a slow, jittered pace (options.snapshot_ms
 * +-20 %), Ping when nothing came for a while. A server that does not answer in time is hung up on. Connecting again
 * is paced with full jitter, a refused login much slower. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_SESSION_H
#define RINGSIDE_AGENT_SOURCE_AMI_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/source/ami_frame.h"
#include "platform/base/slice.h"

enum ami_state {
    AMI_WAITING,    /* until the next attempt */
    AMI_CONNECTING, /* the stream is being made */
    AMI_LOGIN,      /* banner, login, mask, filter */
    AMI_SNAPSHOT,   /* the first snapshot of this connection is under way */
    AMI_RUNNING,
    AMI_REFUSED, /* the login was refused; waits long for the next attempt */
    AMI_STATE_COUNT
};
const char *
ami_state_str(enum ami_state state); /* "waiting", "connecting", "login", "snapshot", "connected", "refused" */

enum {
    AMI_LOGIN_TIMEOUT_MS = 10 * 1000,  /* from the stream's being there to the end of login */
    AMI_ANSWER_TIMEOUT_MS = 30 * 1000, /* for a whole list of a snapshot: since its last message */
    AMI_PING_AFTER_MS = 20 * 1000,     /* of silence */
    AMI_PING_TIMEOUT_MS = 20 * 1000,
    AMI_REFUSED_RETRY_MS = 60 * 1000,
    AMI_REFUSED_RETRY_MAX_MS = 5 * 60 * 1000, /* it doubles up to here: PBXs lock out whoever fails too often */
    AMI_RETRY_MIN_MS = 1000,
    AMI_STEADY_MS = 60 * 1000, /* a connection that lived so long is followed by the shortest of waits */
    AMI_USER_MAX = 256,        /* bytes, as of the secret: Asterisk takes lines of 1024 */
};

/* What a snapshot tells; BEGIN and END frame the messages of each list, which go to message() like any other. */
enum ami_mark {
    AMI_MARK_SNAPSHOT_BEGIN, /* the first list is asked for; events in between may be older than it */
    AMI_MARK_SNAPSHOT_END,   /* all lists came whole, but for those that the user may not ask for */
    AMI_MARK_DOWN            /* a connection that was logged in is gone: from here on nothing is seen */
};

struct ami_session_options {
    const char *user; /* borrowed for the session's life, as the next */
    const char *secret;
    int64_t snapshot_ms;
    int64_t retry_max_ms;
    uint64_t seed; /* of the jitter */
    /* MD5 of these bytes; NULL: the secret goes as it is. */
    void (*md5)(struct slice bytes, uint8_t out[16]);
    /* Sends these bytes on the stream, and keeps no copy (they may hold the secret); a failure hangs up. */
    int (*send)(void *ctx, struct slice bytes);
    /* A message that matters: every wanted event, the response of CoreStatus, and of the lists each item and the event
     * that ends it ("QueueStatusComplete"). Non-zero hangs up and is returned by ami_session_bytes(). */
    int (*message)(void *ctx, const struct ami_message *message, int64_t arrival_ms);
    int (*mark)(void *ctx, enum ami_mark mark, int64_t arrival_ms);
    bool (*wanted)(void *ctx, struct slice event); /* which asynchronous events message() is for */
    void *ctx;
};

struct ami_session_facts {
    enum ami_state state;
    char version[64]; /* of Asterisk, from CoreSettings or the banner; empty: not known yet */
    char banner[80];
    char last_error[160];    /* why the newest connection ended or was refused; empty: none yet. Never the secret */
    char limits[160];        /* what this user may not do, or this PBX cannot; empty: nothing is missing */
    int64_t logged_in_at_ms; /* monotonic; 0: not */
    uint64_t connects;       /* logins that worked */
    uint64_t refusals;
    uint64_t downs;
    uint64_t bad_messages;
    uint64_t messages;
    uint64_t actions; /* sent: what we put on the PBX */
    uint64_t snapshots;
    uint64_t snapshot_messages; /* of the newest whole snapshot, as the next two */
    uint64_t snapshot_bytes;
    int64_t snapshot_took_ms;
    bool filtered; /* the server took our filter: only what we need is sent */
};

struct ami_session;

/* Returns owned. STATUS_INVALID: the user is empty, or user or secret are too long or have line ends in them. */
int ami_session_new(const struct ami_session_options *options, int64_t now_ms, struct ami_session **out);
void ami_session_free(struct ami_session *session);

/* All times now_ms are monotonic, wall_ms the wall clock. */

/* Whether a stream is to be made now; then AMI_CONNECTING holds until up or down is told. Down may be told at any time.
 */
bool ami_session_wants_connect(struct ami_session *session, int64_t now_ms);
void ami_session_up(struct ami_session *session, int64_t now_ms);
void ami_session_down(struct ami_session *session, const char *why, int64_t now_ms, int64_t wall_ms);

/* 0; AMI_HANG_UP (positive): close the stream, ami_session_down() was done already; a failure of message() or mark(),
 * likewise hung up. */
enum { AMI_HANG_UP = 1 };
int ami_session_bytes(struct ami_session *session, struct slice bytes, int64_t now_ms, int64_t wall_ms);

/* Timers: pings, snapshots, time-outs. Returns as ami_session_bytes(). Call it when it is due, or each second. */
int ami_session_tick(struct ami_session *session, int64_t now_ms, int64_t wall_ms);

void ami_session_facts(const struct ami_session *session, struct ami_session_facts *out);

#endif
