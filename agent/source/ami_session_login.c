/* From the banner to the events: challenge, login, filters, event mask. */
#include <stdio.h>
#include <string.h>

#include "agent/source/ami_session_internal.h"

enum { DIGEST_BYTES = 16, CHALLENGE_MAX = 256, MESSAGE_TEXT_MAX = 100 };

/* Filters that let an event through add up. Asterisk takes them as regular expressions, basic or extended ones by its
 * version: these mean the same in both, so there is one for each name. '^' is the beginning of the event; the longer
 * names that begin with one of these come along. Of the floods only what ami_calls reads. Answers to actions are not
 * filtered. */
static const char *const filters[] = {
    "^Event: QueueCaller",
    "^Event: QueueMember",
    "^Event: Agent",
    "^Event: Hangup",
    "^Event: SoftHangupRequest",
    "^Event: Hold",
    "^Event: Unhold",
    "^Event: BlindTransfer",
    "^Event: AttendedTransfer",
    "^Event: DialEnd",
    "^Event: Cdr",
    "^Event: CEL.*EventName: APP_.*Application: Queue",
    "^Event: FullyBooted",
    "^Event: Shutdown",
    "^Event: Reload",
    "^Event: VarSet.*Variable: QUEUESTATUS",
    "^Event: Newexten.*Application: Queue",
};
enum { FILTER_COUNT = sizeof filters / sizeof filters[0] };

/* From what is best to what any version knows: with a class that is unknown, some refuse the whole or send nothing. The
 * class dialplan is a flood without a filter. */
static const char *const masks_filtered[] = {
    "agent,call,system,cdr,user,dialplan,cel",
    "agent,call,system,cdr,user,dialplan",
    "agent,call,system,user,dialplan",
    "agent,call,system",
};
static const char *const masks_plain[] = {
    "agent,call,system,cdr,user,cel",
    "agent,call,system,cdr,user",
    "agent,call,system,user",
    "agent,call,system",
};
enum { MASK_COUNT = sizeof masks_plain / sizeof masks_plain[0] };

/* ---- login ---- */

static int login(struct ami_session *session, const char *proof)
{
    char lines[AMI_ACTION_BYTES];
    (void)snprintf(lines, sizeof lines, "Username: %s\r\n%sEvents: off\r\n", session->options.user, proof);
    int rc = ami_session_act(session, AMI_LOGIN_ACTION, lines);
    explicit_bzero(lines, sizeof lines);
    return rc;
}

static int login_plain(struct ami_session *session)
{
    char proof[AMI_USER_MAX + 32];
    (void)snprintf(proof, sizeof proof, "Secret: %s\r\n", session->options.secret);
    int rc = login(session, proof);
    explicit_bzero(proof, sizeof proof);
    return rc;
}

static int login_challenged(struct ami_session *session, struct slice challenge)
{
    char text[CHALLENGE_MAX + AMI_USER_MAX];
    uint8_t digest[DIGEST_BYTES];
    size_t secret_len = strlen(session->options.secret);
    memcpy(text, challenge.data, challenge.len);
    memcpy(text + challenge.len, session->options.secret, secret_len);
    session->options.md5(slice_make(text, challenge.len + secret_len), digest);
    explicit_bzero(text, sizeof text);
    char proof[96];
    int len = snprintf(proof, sizeof proof, "AuthType: MD5\r\nKey: ");
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        len += snprintf(proof + len, sizeof proof - (size_t)len, "%02x", digest[i]);
    }
    (void)snprintf(proof + len, sizeof proof - (size_t)len, "\r\n");
    int rc = login(session, proof);
    explicit_bzero(proof, sizeof proof);
    return rc;
}

int ami_session_login_begin(struct ami_session *session)
{
    return session->options.md5 ? ami_session_act(session, AMI_CHALLENGE, "AuthType: MD5\r\n") : login_plain(session);
}

static int refuse(struct ami_session *session, const struct ami_message *response)
{
    char text[MESSAGE_TEXT_MAX];
    ami_session_quote(session, ami_get(response, "Message"), text, sizeof text);
    /* It says this to everybody, and is soon back. */
    session->refused = !strstr(text, "shutting down");
    return ami_session_fail(session, "login refused: %s", text[0] ? text : "no reason given");
}

static int answer_challenge(struct ami_session *session, const struct ami_message *response)
{
    struct slice challenge = ami_get(response, "Challenge");
    if (!ami_session_is_success(response)) {
        return slice_is(ami_get(response, "Message"), "Login Already In Use") ? refuse(session, response)
                                                                              : login_plain(session);
    }
    if (challenge.len == 0 || challenge.len > CHALLENGE_MAX) {
        return ami_session_fail(session, "a challenge of %zu bytes is none", challenge.len);
    }
    return login_challenged(session, challenge);
}

/* ---- what is to be sent to us ---- */

static int ask_events(struct ami_session *session)
{
    char lines[AMI_ACTION_BYTES];
    const char *const *masks = session->facts.filtered ? masks_filtered : masks_plain;
    (void)snprintf(lines, sizeof lines, "EventMask: %s\r\n", masks[session->mask]);
    return ami_session_act(session, AMI_EVENTS, lines);
}

static int ask_filter(struct ami_session *session)
{
    char lines[AMI_ACTION_BYTES];
    (void)snprintf(lines, sizeof lines, "Operation: Add\r\nFilter: %s\r\n", filters[session->filters]);
    return ami_session_act(session, AMI_FILTER, lines);
}

static int answer_login(struct ami_session *session, const struct ami_message *response)
{
    if (!ami_session_is_success(response)) {
        return refuse(session, response);
    }
    session->logged_in = true;
    session->refusals = 0;
    session->facts.logged_in_at_ms = session->now_ms;
    session->facts.connects++;
    return session->no_filter ? ask_events(session) : ask_filter(session);
}

static int answer_filter(struct ami_session *session, const struct ami_message *response)
{
    if (ami_session_is_success(response)) {
        session->filters++;
        session->facts.filtered = session->filters == FILTER_COUNT;
        return session->facts.filtered ? ask_events(session) : ask_filter(session);
    }
    if (session->filters > 0) {
        session->no_filter = true;
        return ami_session_fail(session, "a filter was refused behind others: connecting again without");
    }
    ami_session_limit(session, AMI_FILTER, response);
    return ask_events(session);
}

static int answer_events(struct ami_session *session, const struct ami_message *response)
{
    if (ami_session_is_success(response) && !slice_is(ami_get(response, "Events"), "Off")) {
        return ami_session_snapshot_begin(session);
    }
    if (++session->mask == MASK_COUNT) {
        return ami_session_fail(session, "the server sends no events to this user");
    }
    return ask_events(session);
}

int ami_session_login_answer(struct ami_session *session, enum ami_action action, const struct ami_message *response)
{
    switch (action) {
    case AMI_CHALLENGE: return answer_challenge(session, response);
    case AMI_LOGIN_ACTION: return answer_login(session, response);
    case AMI_FILTER: return answer_filter(session, response);
    default: return answer_events(session, response);
    }
}
