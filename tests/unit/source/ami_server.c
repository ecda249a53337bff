#include "tests/unit/source/ami_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

void field(struct slice bytes, const char *name, char *to, size_t size)
{
    const char *at = memmem(bytes.data, bytes.len, name, strlen(name));
    assert_non_null(at);
    at += strlen(name);
    size_t len = strcspn(at, "\r");
    assert_true(len < size);
    memcpy(to, at, len);
    to[len] = 0;
}

static int on_send(void *ctx, struct slice bytes)
{
    struct world *world = ctx;
    if (++world->sends == world->fail_send_at) {
        return STATUS_IO;
    }
    assert_string_equal(world->action, ""); /* never two at a time */
    char copy[4096];
    assert_true(bytes.len > 4 && bytes.len < sizeof copy && memcmp(bytes.data + bytes.len - 4, "\r\n\r\n", 4) == 0);
    memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = 0;
    field(slice_str(copy), "Action: ", world->action, sizeof world->action);
    field(slice_str(copy), "\r\nActionID: ", world->id, sizeof world->id);
    buf_append_str(&world->sent, copy);
    buf_printf(&world->done, "%s\n", world->action);
    return 0;
}

static int on_message(void *ctx, const struct ami_message *message, int64_t arrival_ms)
{
    struct world *world = ctx;
    assert_int_equal(arrival_ms, world->now_ms + 1000000);
    struct slice name = message->event.len > 0 ? message->event : slice_str("Response");
    buf_append(&world->told, name.data, name.len);
    buf_append_str(&world->told, " ");
    return world->fail_message && slice_is(name, world->fail_message) ? MESSAGE_FAILURE : 0;
}

static int on_mark(void *ctx, enum ami_mark mark, int64_t arrival_ms)
{
    struct world *world = ctx;
    assert_int_equal(arrival_ms, world->now_ms + 1000000);
    const char *marks[] = {"< ", "> ", "! "};
    buf_append_str(&world->told, marks[mark]);
    return world->fail_mark == (int)mark + 1 ? MARK_FAILURE : 0;
}

static bool on_wanted(void *ctx, struct slice event)
{
    (void)ctx;
    return slice_is(event, "QueueCallerJoin") || slice_is(event, "Hangup") || slice_is(event, "QueueMemberStatus");
}

/* No MD5; the session does not mind. Its hexadecimal form is the first 16 bytes'. */
static void fake_md5(struct slice bytes, uint8_t out[16])
{
    for (size_t i = 0; i < 16; i++) {
        out[i] = i < bytes.len ? (uint8_t)bytes.data[i] : 0;
    }
}

struct ami_session_options options_of(struct world *world)
{
    return (struct ami_session_options){
        .user = "ringside",
        .secret = SECRET,
        .snapshot_ms = SNAPSHOT_MS,
        .retry_max_ms = RETRY_MAX_MS,
        .seed = 1,
        .md5 = fake_md5,
        .send = on_send,
        .message = on_message,
        .mark = on_mark,
        .wanted = on_wanted,
        .ctx = world,
    };
}

void begin_with(struct world *world, const struct ami_session_options *options)
{
    world->now_ms = 1000;
    assert_int_equal(ami_session_new(options, world->now_ms, &world->session), 0);
}

void begin(struct world *world)
{
    struct ami_session_options options = options_of(world);
    begin_with(world, &options);
}

struct ami_session_facts facts_of(const struct world *world)
{
    struct ami_session_facts facts;
    ami_session_facts(world->session, &facts);
    assert_null(memmem(&facts, sizeof facts, SECRET, strlen(SECRET)));
    return facts;
}

void assert_state(const struct world *world, enum ami_state state)
{
    assert_string_equal(ami_state_str(facts_of(world).state), ami_state_str(state));
}

void assert_error(const struct world *world, const char *text)
{
    assert_string_equal(facts_of(world).last_error, text);
}

void assert_told(struct world *world, const char *text)
{
    assert_string_equal(buf_cstr(&world->told), text);
    buf_reset(&world->told);
}

void assert_done(struct world *world, const char *text)
{
    assert_string_equal(buf_cstr(&world->done), text);
    buf_reset(&world->done);
}

void finish(struct world *world)
{
    (void)facts_of(world);
    ami_session_free(world->session);
    buf_deinit(&world->sent);
    buf_deinit(&world->told);
    buf_deinit(&world->done);
}

int say(struct world *world, const char *text)
{
    size_t len = strlen(text);
    size_t step = world->piece ? world->piece : len;
    int rc = 0;
    for (size_t at = 0; at < len && rc == 0; at += step) {
        struct slice piece = slice_make(text + at, len - at < step ? len - at : step);
        rc = ami_session_bytes(world->session, piece, world->now_ms, world->now_ms + 1000000);
    }
    return rc;
}

int tick(struct world *world, int64_t later_ms)
{
    world->now_ms += later_ms;
    return ami_session_tick(world->session, world->now_ms, world->now_ms + 1000000);
}

/* ---- the server ---- */

int reply(struct world *world, const char *text)
{
    struct buf out = BUF_INIT;
    for (; *text; text++) {
        if (*text == '$') {
            buf_append_str(&out, world->id);
        } else {
            buf_append(&out, text, 1);
        }
    }
    world->action[0] = 0;
    int rc = say(world, buf_cstr(&out));
    buf_deinit(&out);
    return rc;
}

#define DONE "ActionID: $\r\nEventList: Complete\r\n\r\n"

static const char *const answers[][2] = {
    {"Challenge", SUCCESS "Challenge: 108463927\r\n\r\n"},
    {"Login", SUCCESS "Message: Authentication accepted\r\n\r\n"},
    {"Filter", SUCCESS "Message: Success\r\n\r\n"},
    {"Events", SUCCESS "Events: On\r\n\r\n"},
    {"CoreSettings", SUCCESS "AMIversion: 11.0.0\r\nAsteriskVersion: 22.10.1\r\n\r\n"},
    {"CoreStatus", SUCCESS "CoreStartupDate: 2026-11-21\r\n\r\n"},
    {"CoreShowChannels", SUCCESS "EventList: start\r\n\r\nEvent: CoreShowChannel\r\nActionID: $\r\n\r\n"
                                 "Event: CoreShowChannelsComplete\r\n" DONE},
    {"QueueStatus", SUCCESS "EventList: start\r\n\r\nEvent: QueueParams\r\nActionID: $\r\n\r\n"
                            "Event: QueueMember\r\nActionID: $\r\n\r\nEvent: QueueStatusComplete\r\n" DONE},
    {"QueueSummary", SUCCESS "EventList: start\r\n\r\nEvent: QueueSummaryComplete\r\n" DONE},
    {"Ping", SUCCESS "Ping: Pong\r\n\r\n"},
};

int answer(struct world *world)
{
    if (world->refused_action && strcmp(world->action, world->refused_action) == 0) {
        char text[256];
        (void)snprintf(text, sizeof text, "Response: Error\r\nActionID: $\r\nMessage: %s\r\n\r\n", world->refusal);
        return reply(world, text);
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(answers[i][0], world->action) == 0) {
            return reply(world, answers[i][1]);
        }
    }
    fail_msg("no answer to %s", world->action);
    return -1;
}

int serve_until(struct world *world, const char *action)
{
    int rc = 0;
    while (rc == 0 && strcmp(world->action, action) != 0) {
        rc = answer(world);
    }
    return rc;
}

void connect_up(struct world *world)
{
    world->action[0] = 0;
    assert_true(ami_session_wants_connect(world->session, world->now_ms));
    assert_state(world, AMI_CONNECTING);
    assert_false(ami_session_wants_connect(world->session, world->now_ms));
    ami_session_up(world->session, world->now_ms);
    assert_state(world, AMI_LOGIN);
}

void greet(struct world *world)
{
    connect_up(world);
    assert_int_equal(say(world, BANNER), 0);
}

void begin_until(struct world *world, const char *action)
{
    begin(world);
    greet(world);
    assert_int_equal(serve_until(world, action), 0);
}

void begin_running(struct world *world)
{
    begin_until(world, "");
    assert_state(world, AMI_RUNNING);
    buf_reset(&world->told);
    buf_reset(&world->done);
}
