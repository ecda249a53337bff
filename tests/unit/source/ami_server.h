/* ami_server: what the tests of ami_session share: a session, the manager interface that it talks to, and what it told.
 */
#ifndef RINGSIDE_TESTS_UNIT_SOURCE_AMI_SERVER_H
#define RINGSIDE_TESTS_UNIT_SOURCE_AMI_SERVER_H

#include "agent/source/ami_session.h"
#include "platform/base/buf.h"

#define SECRET "s3cret-of-the-pbx"
#define BANNER "Asterisk Call Manager/11.0.0\r\n"

enum { SNAPSHOT_MS = 300 * 1000, RETRY_MAX_MS = 30 * 1000, MARK_FAILURE = -77, MESSAGE_FAILURE = -78 };

struct world {
    struct ami_session *session;
    int64_t now_ms;
    char action[64]; /* the one that is not answered yet; "" none */
    char id[64];
    struct buf sent; /* everything */
    struct buf told; /* "<" begin, ">" end, "!" down, and names of messages */
    struct buf done; /* names of the actions, one a line */
    int sends;
    size_t piece;     /* how many bytes of the server's come at once; 0: all */
    int fail_send_at; /* 0: never */
    int fail_mark;    /* of ami_mark + 1 */
    const char *fail_message;
    const char *refused_action; /* is answered with this error */
    const char *refusal;
};

#define SUCCESS "Response: Success\r\nActionID: $\r\n"

/* What a snapshot tells. */
#define ALL_LISTS                                                                                                      \
    "< Response CoreShowChannel CoreShowChannelsComplete QueueParams QueueMember QueueStatusComplete "                 \
    "QueueSummaryComplete > "

struct ami_session_options options_of(struct world *world);
void begin_with(struct world *world, const struct ami_session_options *options);
void begin(struct world *world);
void begin_until(struct world *world, const char *action); /* connected; greet() and serve_until() */
void begin_running(struct world *world);                   /* connected, and all is answered; nothing of it is kept */
void finish(struct world *world);

/* Checks by the way that they do not tell the secret. */
struct ami_session_facts facts_of(const struct world *world);
void assert_state(const struct world *world, enum ami_state state);
void assert_error(const struct world *world, const char *text);
void assert_told(struct world *world, const char *text); /* and forgets it, as the next */
void assert_done(struct world *world, const char *text);

void connect_up(struct world *world);
void greet(struct world *world); /* connected, and the server introduces itself */
int say(struct world *world, const char *text);
int tick(struct world *world, int64_t later_ms);

/* "$" in `text` is the ActionID of the last action, which is answered by this. */
int reply(struct world *world, const char *text);
int answer(struct world *world); /* as a server does */

/* Answers until this action is to be answered; "": until there is none. */
int serve_until(struct world *world, const char *action);

/* Of what was sent: the value of the first header of this name, given with what stands before and behind it. */
void field(struct slice bytes, const char *name, char *to, size_t size);

#endif
