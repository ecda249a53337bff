#include "agent/source/ami_session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/source/ami_session_internal.h"
#include "platform/base/status.h"

const char *ami_state_str(enum ami_state state)
{
    static const char *const names[AMI_STATE_COUNT] = {"waiting",  "connecting", "login",
                                                       "snapshot", "connected",  "refused"};
    return (unsigned)state < AMI_STATE_COUNT ? names[state] : "unknown";
}

const char *ami_session_action_str(enum ami_action action)
{
    static const char *const names[AMI_ACTION_COUNT] = {
        [AMI_NO_ACTION] = "none",
        [AMI_CHALLENGE] = "Challenge",
        [AMI_LOGIN_ACTION] = "Login",
        [AMI_FILTER] = "Filter",
        [AMI_EVENTS] = "Events",
        [AMI_CORE_SETTINGS] = "CoreSettings",
        [AMI_CORE_STATUS] = "CoreStatus",
        [AMI_CORE_SHOW_CHANNELS] = "CoreShowChannels",
        [AMI_QUEUE_STATUS] = "QueueStatus",
        [AMI_QUEUE_SUMMARY] = "QueueSummary",
        [AMI_PING] = "Ping",
    };
    return names[action];
}

/* ---- small tools ---- */

int64_t ami_session_random_ms(struct ami_session *session, int64_t from_ms, int64_t to_ms)
{
    uint64_t z = session->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return to_ms > from_ms ? from_ms + (int64_t)(z % ((uint64_t)(to_ms - from_ms) + 1)) : from_ms;
}

static bool tells_secret(const struct ami_session *session, struct slice text)
{
    const char *secret = session->options.secret;
    size_t len = strlen(secret);
    return len > 0 && text.len >= len && memmem(text.data, text.len, secret, len);
}

void ami_session_quote(const struct ami_session *session, struct slice from, char *to, size_t size)
{
    bool secret = tells_secret(session, from);
    size_t len = from.len < size - 1 ? from.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        to[i] = from.data[i];
        if (to[i] < ' ' || to[i] > '~') {
            to[i] = '?';
        }
    }
    to[len] = 0;
    if (secret || tells_secret(session, slice_make(to, len))) {
        explicit_bzero(to, size);
        to[0] = '?';
    }
}

int ami_session_fail(struct ami_session *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(session->facts.last_error, sizeof session->facts.last_error, format, args);
    va_end(args);
    session->said_why = true;
    return AMI_HANG_UP;
}

bool ami_session_is_success(const struct ami_message *response)
{
    return response->response.len == 7 && strncasecmp(response->response.data, "Success", 7) == 0;
}

void ami_session_limit(struct ami_session *session, enum ami_action action, const struct ami_message *response)
{
    bool denied = slice_is(ami_get(response, "Message"), "Permission denied");
    *(denied ? &session->denied : &session->unknown) |= 1U << action;
}

int ami_session_act(struct ami_session *session, enum ami_action action, const char *lines)
{
    char text[2 * AMI_ACTION_BYTES];
    session->pending = action;
    session->deadline_ms =
        session->now_ms + (action == AMI_PING ? (int64_t)AMI_PING_TIMEOUT_MS : (int64_t)AMI_ANSWER_TIMEOUT_MS);
    (void)snprintf(session->pending_id, sizeof session->pending_id, "ringside-%" PRIu64, ++session->facts.actions);
    int len = snprintf(text, sizeof text, "Action: %s\r\nActionID: %s\r\n%s\r\n", ami_session_action_str(action),
                       session->pending_id, lines);
    int status = session->options.send(session->options.ctx, slice_make(text, (size_t)len));
    explicit_bzero(text, sizeof text);
    if (status != 0) {
        return ami_session_fail(session, "%s could not be sent: %s", ami_session_action_str(action),
                                status < 0 ? status_str(status) : "the stream does not take it");
    }
    return 0;
}

/* ---- what arrives ---- */

static int on_banner(void *ctx, struct slice line)
{
    static const char prefix[] = "Asterisk Call Manager";
    struct ami_session *session = ctx;
    struct ami_session_facts *facts = &session->facts;
    ami_session_quote(session, line, facts->banner, sizeof facts->banner);
    if (line.len < sizeof prefix - 1 || memcmp(line.data, prefix, sizeof prefix - 1) != 0) {
        return ami_session_fail(session, "what answers there is no manager interface: %s", facts->banner);
    }
    session->has_banner = true;
    const char *slash = strchr(facts->banner, '/');
    if (!facts->version[0] && slash) {
        (void)snprintf(facts->version, sizeof facts->version, "AMI %.40s", slash + 1);
    }
    return ami_session_login_begin(session);
}

static int on_response(struct ami_session *session, const struct ami_message *response)
{
    if (slice_is(response->response, "Goodbye")) {
        return ami_session_fail(session, "the server said goodbye");
    }
    enum ami_action action = session->pending;
    if (action == AMI_NO_ACTION || !slice_is(ami_get(response, "ActionID"), session->pending_id)) {
        return 0;
    }
    session->pending = AMI_NO_ACTION;
    if (action == AMI_PING) {
        return 0; /* whatever it is called: "Pong", "Success" */
    }
    return session->facts.state == AMI_LOGIN ? ami_session_login_answer(session, action, response)
                                             : ami_session_snapshot_answer(session, action, response);
}

/* The queues are known only when all of Asterisk is up: what was told before may have been too little. */
static void on_booted(struct ami_session *session)
{
    if (session->has_booted) {
        return;
    }
    session->has_booted = true;
    if (session->in_snapshot) {
        session->snapshot_again = true;
    } else if (session->facts.state == AMI_RUNNING) {
        session->snapshot_at_ms = session->now_ms;
    }
}

static bool is_asked_for(const struct ami_session *session, struct slice event)
{
    return session->options.wanted && session->options.wanted(session->options.ctx, event);
}

static int on_event(struct ami_session *session, const struct ami_message *event)
{
    if (ami_session_is_list(session->pending) && slice_is(ami_get(event, "ActionID"), session->pending_id)) {
        return ami_session_snapshot_item(session, event);
    }
    if (!session->logged_in) {
        return 0;
    }
    if (slice_is(event->event, "FullyBooted")) {
        on_booted(session);
    }
    return is_asked_for(session, event->event) ? session->options.message(session->options.ctx, event, session->wall_ms)
                                               : 0;
}

static int on_message(void *ctx, const struct ami_message *message)
{
    struct ami_session *session = ctx;
    if (!session->has_banner) {
        return ami_session_fail(session, "what answers there is no manager interface: it does not introduce itself");
    }
    if (message->event.len > 0) {
        return on_event(session, message);
    }
    return message->response.len > 0 ? on_response(session, message) : 0;
}

static bool on_wanted(void *ctx, struct slice event)
{
    const struct ami_session *session = ctx;
    return ami_session_is_listed(session->pending, event) || slice_is(event, "FullyBooted") ||
           is_asked_for(session, event);
}

/* ---- connections ---- */

/* Attempts of many, or of one that fails at once, are spread over twice the time with each failure. */
static int64_t retry_ms(struct ami_session *session)
{
    int64_t limit_ms = session->options.retry_max_ms;
    int64_t min_ms = AMI_RETRY_MIN_MS < limit_ms ? AMI_RETRY_MIN_MS : limit_ms;
    int64_t max_ms = min_ms;
    for (unsigned i = 0; i <= session->failures && max_ms < limit_ms; i++) {
        max_ms *= 2;
    }
    max_ms = max_ms < limit_ms ? max_ms : limit_ms;
    return ami_session_random_ms(session, min_ms, max_ms);
}

static int64_t refused_retry_ms(struct ami_session *session)
{
    int64_t wait_ms = AMI_REFUSED_RETRY_MS;
    for (unsigned i = 1; i < session->refusals && wait_ms < AMI_REFUSED_RETRY_MAX_MS; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms < AMI_REFUSED_RETRY_MAX_MS ? wait_ms : AMI_REFUSED_RETRY_MAX_MS;
    return ami_session_random_ms(session, wait_ms, wait_ms + wait_ms / 5);
}

static bool is_up(const struct ami_session *session)
{
    enum ami_state state = session->facts.state;
    return state == AMI_LOGIN || state == AMI_SNAPSHOT || state == AMI_RUNNING;
}

static void plan_connect(struct ami_session *session)
{
    if (session->refused) {
        session->refusals++;
        session->facts.refusals++;
        session->facts.state = AMI_REFUSED;
        session->connect_at_ms = session->now_ms + refused_retry_ms(session);
        return;
    }
    if (is_up(session) && session->now_ms - session->up_at_ms > AMI_STEADY_MS) {
        session->failures = 0;
    }
    session->facts.state = AMI_WAITING;
    session->connect_at_ms = session->now_ms + retry_ms(session);
    session->failures += session->failures < 32;
}

/* The connection is gone; last_error says why. Returns what mark() did. */
static int go_down(struct ami_session *session)
{
    bool was_in = session->logged_in;
    plan_connect(session);
    session->pending = AMI_NO_ACTION;
    session->logged_in = session->refused = session->said_why = session->in_snapshot = false;
    session->facts.filtered = false;
    session->facts.logged_in_at_ms = 0;
    ami_frame_reset(session->frame);
    if (!was_in) {
        return 0;
    }
    session->facts.downs++;
    return session->options.mark(session->options.ctx, AMI_MARK_DOWN, session->wall_ms);
}

/* Hangs up when rc says so. Returns rc, or what went wrong in hanging up. */
static int finish(struct ami_session *session, int rc)
{
    if (rc == 0) {
        return 0;
    }
    if (!session->said_why) {
        (void)ami_session_fail(session, "what arrived could not be taken: %s",
                               rc < 0 ? status_str(rc) : "it was stopped");
    }
    int down = go_down(session);
    return rc == AMI_HANG_UP && down != 0 ? down : rc;
}

bool ami_session_wants_connect(struct ami_session *session, int64_t now_ms)
{
    enum ami_state state = session->facts.state;
    if ((state != AMI_WAITING && state != AMI_REFUSED) || now_ms < session->connect_at_ms) {
        return false;
    }
    session->facts.state = AMI_CONNECTING;
    return true;
}

void ami_session_up(struct ami_session *session, int64_t now_ms)
{
    if (session->facts.state != AMI_CONNECTING) {
        return;
    }
    session->facts.state = AMI_LOGIN;
    session->now_ms = session->up_at_ms = session->heard_at_ms = now_ms;
    session->has_banner = session->has_version = session->has_booted = false;
    session->filters = session->mask = 0;
    session->denied = session->unknown = 0;
    session->bad_before = ami_frame_counters(session->frame)->bad;
}

void ami_session_down(struct ami_session *session, const char *why, int64_t now_ms, int64_t wall_ms)
{
    if (session->facts.state == AMI_WAITING || session->facts.state == AMI_REFUSED) {
        return;
    }
    session->now_ms = now_ms;
    session->wall_ms = wall_ms;
    ami_session_quote(session, slice_str(why), session->facts.last_error, sizeof session->facts.last_error);
    (void)go_down(session);
}

int ami_session_bytes(struct ami_session *session, struct slice bytes, int64_t now_ms, int64_t wall_ms)
{
    static const struct ami_frame_sink sink = {on_banner, on_message, on_wanted, NULL};
    if (!is_up(session)) {
        return AMI_HANG_UP;
    }
    session->now_ms = session->heard_at_ms = now_ms;
    session->wall_ms = wall_ms;
    struct ami_frame_sink here = sink;
    here.ctx = session;
    int rc = ami_frame_take(session->frame, bytes, &here);
    if (rc == 0 && !session->has_banner && ami_frame_counters(session->frame)->bad > session->bad_before) {
        rc = ami_session_fail(session, "what answers there is no manager interface");
    }
    return finish(session, rc);
}

/* ---- time ---- */

static int act_by_time(struct ami_session *session)
{
    int64_t now_ms = session->now_ms;
    const char *waits_for = session->pending ? ami_session_action_str(session->pending) : "a banner";
    if (session->facts.state == AMI_LOGIN) {
        return now_ms - session->up_at_ms < AMI_LOGIN_TIMEOUT_MS
                   ? 0
                   : ami_session_fail(session, "no login within %d s: waited for %s%s", AMI_LOGIN_TIMEOUT_MS / 1000,
                                      session->pending ? "the answer to " : "", waits_for);
    }
    if (session->pending) {
        return now_ms < session->deadline_ms ? 0 : ami_session_fail(session, "no answer to %s in time", waits_for);
    }
    if (now_ms >= session->snapshot_at_ms) {
        return ami_session_snapshot_begin(session);
    }
    return now_ms - session->heard_at_ms >= AMI_PING_AFTER_MS ? ami_session_act(session, AMI_PING, "") : 0;
}

int ami_session_tick(struct ami_session *session, int64_t now_ms, int64_t wall_ms)
{
    if (!is_up(session)) {
        return 0;
    }
    session->now_ms = now_ms;
    session->wall_ms = wall_ms;
    return finish(session, act_by_time(session));
}

/* ---- the rest ---- */

static bool is_fit(const char *text)
{
    return strlen(text) <= AMI_USER_MAX && !strpbrk(text, "\r\n");
}

int ami_session_new(const struct ami_session_options *options, int64_t now_ms, struct ami_session **out)
{
    if (!options->user[0] || !is_fit(options->user) || !is_fit(options->secret)) {
        return STATUS_INVALID;
    }
    struct ami_session *session = calloc(1, sizeof *session);
    if (!session || ami_frame_new(&session->frame) != 0) {
        free(session);
        return STATUS_NO_MEMORY;
    }
    session->options = *options;
    session->random = options->seed;
    session->connect_at_ms = now_ms;
    *out = session;
    return 0;
}

void ami_session_free(struct ami_session *session)
{
    if (session) {
        ami_frame_free(session->frame);
        free(session);
    }
}

/* "not permitted: Filter, CoreStatus; refused: QueueStatus" */
static void list_limits(const struct ami_session *session, char *to, size_t size)
{
    const struct {
        const char *title;
        unsigned actions;
    } kinds[] = {{"not permitted: ", session->denied}, {"refused: ", session->unknown}};
    size_t len = 0;
    to[0] = 0;
    for (size_t i = 0; i < 2; i++) {
        const char *before = len > 0 ? "; " : "";
        const char *title = kinds[i].title;
        for (enum ami_action action = AMI_NO_ACTION; action < AMI_ACTION_COUNT && len < size; action++) {
            if (kinds[i].actions >> action & 1) {
                int more = snprintf(to + len, size - len, "%s%s%s", before, title, ami_session_action_str(action));
                len += more > 0 ? (size_t)more : 0;
                before = ", ";
                title = "";
            }
        }
    }
}

void ami_session_facts(const struct ami_session *session, struct ami_session_facts *out)
{
    const struct ami_frame_counters *counters = ami_frame_counters(session->frame);
    *out = session->facts;
    out->messages = counters->messages;
    out->bad_messages = counters->bad;
    list_limits(session, out->limits, sizeof out->limits);
}
