/* What the files of ami_session share: one action is outstanding at a time, and everything hangs on its answer. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_SESSION_INTERNAL_H
#define RINGSIDE_AGENT_SOURCE_AMI_SESSION_INTERNAL_H

#include "agent/source/ami_session.h"

/* Those from CORE_SETTINGS to QUEUE_SUMMARY are a snapshot, in this order. */
enum ami_action {
    AMI_NO_ACTION,
    AMI_CHALLENGE,
    AMI_LOGIN_ACTION,
    AMI_FILTER,
    AMI_EVENTS,
    AMI_CORE_SETTINGS,
    AMI_CORE_STATUS,
    AMI_CORE_SHOW_CHANNELS,
    AMI_QUEUE_STATUS,
    AMI_QUEUE_SUMMARY,
    AMI_PING,
    AMI_ACTION_COUNT
};

enum { AMI_ACTION_BYTES = 1024 };

struct ami_session {
    struct ami_session_options options;
    struct ami_frame *frame;
    struct ami_session_facts facts;
    uint64_t random;
    int64_t now_ms; /* of the call in hand, as the next */
    int64_t wall_ms;

    int64_t connect_at_ms;
    unsigned failures; /* in a row: of connections that did not last */
    unsigned refusals; /* in a row */

    /* of this connection */
    int64_t up_at_ms;
    int64_t heard_at_ms;
    bool has_banner;
    bool logged_in;
    bool refused;
    bool said_why;       /* last_error is about the end of this connection */
    uint64_t bad_before; /* of the frame's counter */

    enum ami_action pending;
    char pending_id[32]; /* its ActionID */
    int64_t deadline_ms;
    size_t filters;   /* that were taken */
    bool no_filter;   /* stays over connections: a filter that was taken in part cannot be taken back */
    size_t mask;      /* which of the event masks is tried */
    unsigned denied;  /* bits of actions that the user may not do */
    unsigned unknown; /* bits of actions that were refused otherwise */

    bool has_version; /* CoreSettings was answered */
    bool in_snapshot;
    bool has_booted;     /* FullyBooted came */
    bool snapshot_again; /* something made the one under way old */
    bool snapshot_torn;  /* of the one under way, something that matters did not come */
    int64_t snapshot_at_ms;
    int64_t snapshot_began_ms;
    uint64_t snapshot_messages;
    uint64_t snapshot_bytes;
};

/* Of the functions below, those that return int return 0, AMI_HANG_UP, or a failure of message() or mark(). */

/* Says why it is hung up. Returns AMI_HANG_UP. */
int ami_session_fail(struct ami_session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Copies what a server wrote, made printable and cut; never the secret. */
void ami_session_quote(const struct ami_session *session, struct slice from, char *to, size_t size);

/* Sends an action with these further lines ("Key: value\r\n"...), and waits for its answer. */
int ami_session_act(struct ami_session *session, enum ami_action action, const char *lines);
const char *ami_session_action_str(enum ami_action action);

/* `from` <= result <= `to` */
int64_t ami_session_random_ms(struct ami_session *session, int64_t from_ms, int64_t to_ms);

/* Takes note of an action that was refused. */
void ami_session_limit(struct ami_session *session, enum ami_action action, const struct ami_message *response);
bool ami_session_is_success(const struct ami_message *response);

int ami_session_login_begin(struct ami_session *session);
int ami_session_login_answer(struct ami_session *session, enum ami_action action, const struct ami_message *response);

int ami_session_snapshot_begin(struct ami_session *session);
int ami_session_snapshot_answer(struct ami_session *session, enum ami_action action,
                                const struct ami_message *response);
int ami_session_snapshot_item(struct ami_session *session, const struct ami_message *item);
bool ami_session_is_list(enum ami_action action);
bool ami_session_is_listed(enum ami_action list, struct slice event); /* what its items look like */

#endif
