/* What stands now: CoreSettings once a connection, then CoreStatus and the lists, one after the other. */
#include <string.h>
#include <strings.h>

#include "agent/source/ami_session_internal.h"

static bool begins_with(struct slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static bool is_text(struct slice value, const char *text)
{
    return value.len == strlen(text) && strncasecmp(value.data, text, value.len) == 0;
}

bool ami_session_is_list(enum ami_action action)
{
    return action == AMI_CORE_SHOW_CHANNELS || action == AMI_QUEUE_STATUS || action == AMI_QUEUE_SUMMARY;
}

bool ami_session_is_listed(enum ami_action list, struct slice event)
{
    return ami_session_is_list(list) &&
           begins_with(event, list == AMI_CORE_SHOW_CHANNELS ? "CoreShowChannel" : "Queue");
}

/* ---- the end ---- */

static void plan_next(struct ami_session *session)
{
    int64_t pace_ms = session->options.snapshot_ms;
    if (session->snapshot_torn && !(session->unknown >> AMI_QUEUE_STATUS & 1)) {
        session->snapshot_at_ms = session->now_ms + AMI_ANSWER_TIMEOUT_MS;
    } else if (pace_ms <= 0) {
        session->snapshot_at_ms = INT64_MAX;
    } else {
        int64_t fifth_ms = pace_ms / 5;
        session->snapshot_at_ms =
            session->now_ms + ami_session_random_ms(session, pace_ms - fifth_ms, pace_ms + fifth_ms);
    }
}

static int end(struct ami_session *session)
{
    struct ami_session_facts *facts = &session->facts;
    session->in_snapshot = false;
    facts->state = AMI_RUNNING;
    plan_next(session);
    if (session->snapshot_torn) {
        return 0;
    }
    facts->snapshots++;
    facts->snapshot_messages = session->snapshot_messages;
    facts->snapshot_bytes = session->snapshot_bytes;
    facts->snapshot_took_ms = session->now_ms - session->snapshot_began_ms;
    return session->options.mark(session->options.ctx, AMI_MARK_SNAPSHOT_END, session->wall_ms);
}

/* ---- one action after the other ---- */

static int ask_from(struct ami_session *session, enum ami_action action)
{
    while (action <= AMI_QUEUE_SUMMARY && session->denied >> action & 1) {
        action++;
    }
    if (action <= AMI_QUEUE_SUMMARY) {
        return ami_session_act(session, action, "");
    }
    int rc = end(session);
    return rc == 0 && session->snapshot_again ? ami_session_snapshot_begin(session) : rc;
}

int ami_session_snapshot_begin(struct ami_session *session)
{
    if (session->facts.state != AMI_RUNNING) {
        session->facts.state = AMI_SNAPSHOT;
    }
    session->in_snapshot = true;
    session->snapshot_again = false;
    session->snapshot_torn = false;
    session->snapshot_began_ms = session->now_ms;
    session->snapshot_messages = session->snapshot_bytes = 0;
    int rc = session->options.mark(session->options.ctx, AMI_MARK_SNAPSHOT_BEGIN, session->wall_ms);
    return rc == 0 ? ask_from(session, session->has_version ? AMI_CORE_STATUS : AMI_CORE_SETTINGS) : rc;
}

static void count(struct ami_session *session, const struct ami_message *message)
{
    session->snapshot_messages++;
    for (size_t i = 0; i < message->count; i++) {
        session->snapshot_bytes += message->headers[i].name.len + message->headers[i].value.len + strlen(": \r\n");
    }
    session->snapshot_bytes += strlen("\r\n");
}

static int pass_on(struct ami_session *session, const struct ami_message *message)
{
    return session->options.message(session->options.ctx, message, session->wall_ms);
}

static void take_version(struct ami_session *session, const struct ami_message *settings)
{
    struct ami_session_facts *facts = &session->facts;
    session->has_version = true;
    ami_session_quote(session, ami_get(settings, "AsteriskVersion"), facts->version, sizeof facts->version);
}

/* Without QueueStatus nobody can be said to be gone; the others only tell more. */
static int answer_refused(struct ami_session *session, enum ami_action action, const struct ami_message *response)
{
    ami_session_limit(session, action, response);
    session->snapshot_torn |= action == AMI_QUEUE_STATUS;
    return ask_from(session, action + 1);
}

int ami_session_snapshot_answer(struct ami_session *session, enum ami_action action, const struct ami_message *response)
{
    count(session, response);
    if (!ami_session_is_success(response)) {
        return answer_refused(session, action, response);
    }
    session->unknown &= ~(1U << action);
    if (action == AMI_CORE_SETTINGS) {
        take_version(session, response);
    } else if (action == AMI_CORE_STATUS) {
        int rc = pass_on(session, response);
        if (rc != 0) {
            return rc;
        }
    } else {
        session->pending = action; /* its items follow */
        session->deadline_ms = session->now_ms + AMI_ANSWER_TIMEOUT_MS;
        return 0;
    }
    return ask_from(session, action + 1);
}

static bool ends_list(const struct ami_message *item)
{
    static const char suffix[] = "Complete";
    size_t len = sizeof suffix - 1;
    return ami_has(item, "EventList") ||
           (item->event.len > len && memcmp(item->event.data + item->event.len - len, suffix, len) == 0);
}

int ami_session_snapshot_item(struct ami_session *session, const struct ami_message *item)
{
    enum ami_action action = session->pending;
    count(session, item);
    session->deadline_ms = session->now_ms + AMI_ANSWER_TIMEOUT_MS;
    int rc = pass_on(session, item);
    if (rc != 0 || !ends_list(item)) {
        return rc;
    }
    session->snapshot_torn |= ami_has(item, "EventList") && !is_text(ami_get(item, "EventList"), "Complete");
    session->pending = AMI_NO_ACTION;
    return ask_from(session, action + 1);
}
