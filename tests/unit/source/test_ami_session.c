#include "agent/source/ami_session.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/source/ami_calls.h"
#include "platform/base/buf.h"
#include "platform/base/status.h"

#define SECRET "s3cret-of-the-pbx"
#define BANNER "Asterisk Call Manager/11.0.0\r\n"

enum { SNAPSHOT_MS = 300 * 1000, RETRY_MAX_MS = 30 * 1000, MARK_FAILURE = -77, MESSAGE_FAILURE = -78 };

/* A session, the server that it talks to, and what it told. */
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

static void field(struct slice bytes, const char *name, char *to, size_t size)
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

static struct ami_session_options options_of(struct world *world)
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

static void begin_with(struct world *world, const struct ami_session_options *options)
{
    world->now_ms = 1000;
    assert_int_equal(ami_session_new(options, world->now_ms, &world->session), 0);
}

static void begin(struct world *world)
{
    struct ami_session_options options = options_of(world);
    begin_with(world, &options);
}

static struct ami_session_facts facts_of(const struct world *world)
{
    struct ami_session_facts facts;
    ami_session_facts(world->session, &facts);
    assert_null(memmem(&facts, sizeof facts, SECRET, strlen(SECRET)));
    return facts;
}

static void assert_state(const struct world *world, enum ami_state state)
{
    assert_string_equal(ami_state_str(facts_of(world).state), ami_state_str(state));
}

static void assert_error(const struct world *world, const char *text)
{
    assert_string_equal(facts_of(world).last_error, text);
}

static void assert_told(struct world *world, const char *text)
{
    assert_string_equal(buf_cstr(&world->told), text);
    buf_reset(&world->told);
}

static void assert_done(struct world *world, const char *text)
{
    assert_string_equal(buf_cstr(&world->done), text);
    buf_reset(&world->done);
}

static void finish(struct world *world)
{
    (void)facts_of(world);
    ami_session_free(world->session);
    buf_deinit(&world->sent);
    buf_deinit(&world->told);
    buf_deinit(&world->done);
}

static int say(struct world *world, const char *text)
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

static int tick(struct world *world, int64_t later_ms)
{
    world->now_ms += later_ms;
    return ami_session_tick(world->session, world->now_ms, world->now_ms + 1000000);
}

/* ---- the server ---- */

/* "$" in `text` is the ActionID of the last action, which is answered by this. */
static int reply(struct world *world, const char *text)
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

#define SUCCESS "Response: Success\r\nActionID: $\r\n"
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

static int answer(struct world *world)
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

/* Answers until this action is to be answered; "": until there is none. */
static int serve_until(struct world *world, const char *action)
{
    int rc = 0;
    while (rc == 0 && strcmp(world->action, action) != 0) {
        rc = answer(world);
    }
    return rc;
}

static void connect_up(struct world *world)
{
    world->action[0] = 0;
    assert_true(ami_session_wants_connect(world->session, world->now_ms));
    assert_state(world, AMI_CONNECTING);
    assert_false(ami_session_wants_connect(world->session, world->now_ms));
    ami_session_up(world->session, world->now_ms);
    assert_state(world, AMI_LOGIN);
}

/* Connected, and all is answered. */
static void begin_running(struct world *world)
{
    begin(world);
    connect_up(world);
    assert_int_equal(say(world, BANNER), 0);
    assert_int_equal(serve_until(world, ""), 0);
    assert_state(world, AMI_RUNNING);
    buf_reset(&world->told);
    buf_reset(&world->done);
}

/* ---- tests: the way in ---- */

#define ALL_LISTS                                                                                                      \
    "< Response CoreShowChannel CoreShowChannelsComplete QueueParams QueueMember QueueStatusComplete "                 \
    "QueueSummaryComplete > "

static void logs_in_and_takes_a_snapshot(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    assert_state(&world, AMI_WAITING);
    connect_up(&world);
    assert_int_equal(world.sends, 0);
    assert_int_equal(say(&world, BANNER), 0);
    assert_string_equal(facts_of(&world).version, "AMI 11.0.0");
    assert_int_equal(serve_until(&world, "Events"), 0);
    assert_true(facts_of(&world).filtered);
    assert_int_equal(serve_until(&world, "CoreShowChannels"), 0);
    assert_state(&world, AMI_SNAPSHOT);
    world.now_ms += 30;
    assert_int_equal(serve_until(&world, ""), 0);
    assert_state(&world, AMI_RUNNING);
    assert_told(&world, ALL_LISTS);
    struct ami_session_facts facts = facts_of(&world);
    assert_string_equal(facts.version, "22.10.1");
    assert_string_equal(facts.banner, "Asterisk Call Manager/11.0.0");
    assert_string_equal(facts.last_error, "");
    assert_string_equal(facts.limits, "");
    assert_int_equal(facts.logged_in_at_ms, 1000);
    assert_int_equal(facts.connects, 1);
    assert_int_equal(facts.snapshots, 1);
    assert_int_equal(facts.snapshot_messages, 11);
    assert_int_equal(facts.snapshot_took_ms, 30);
    assert_in_range(facts.snapshot_bytes, 300, 1000);
    assert_int_equal(facts.actions, world.sends);
    assert_null(strstr(buf_cstr(&world.sent), SECRET)); /* it does not travel */
    assert_non_null(strstr(buf_cstr(&world.sent), "Action: Challenge\r\n"));
    assert_non_null(strstr(buf_cstr(&world.sent), "AuthType: MD5\r\nKey: 3130383436333932377333637265742d\r\n"
                                                  "Events: off\r\n"));
    assert_non_null(strstr(buf_cstr(&world.sent), "EventMask: agent,call,system,cdr,user,dialplan,cel\r\n"));
    assert_non_null(strstr(buf_cstr(&world.sent), "Operation: Add\r\nFilter: ^Event: QueueCaller\r\n"));
    finish(&world);
}

static void pieces_do_not_matter(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 80; piece++) {
        struct world world = {.piece = piece};
        begin(&world);
        connect_up(&world);
        assert_int_equal(say(&world, BANNER), 0);
        assert_int_equal(serve_until(&world, ""), 0);
        assert_state(&world, AMI_RUNNING);
        assert_int_equal(say(&world, "Event: Newstate\n\nrubbish\r\n\r\nEvent: Hangup\nA: b\n\n"), 0);
        assert_told(&world, ALL_LISTS "Hangup ");
        assert_int_equal(facts_of(&world).bad_messages, 1);
        finish(&world);
    }
}

static void sends_the_secret_where_there_is_no_challenge(void **state)
{
    (void)state;
    for (int has_md5 = 0; has_md5 < 2; has_md5++) {
        struct world world = {.refused_action = "Challenge", .refusal = "Invalid/unknown command: Challenge."};
        struct ami_session_options options = options_of(&world);
        options.md5 = has_md5 ? fake_md5 : NULL;
        begin_with(&world, &options);
        connect_up(&world);
        assert_int_equal(say(&world, BANNER), 0);
        assert_int_equal(serve_until(&world, "Filter"), 0);
        assert_int_equal(!!strstr(buf_cstr(&world.sent), "Action: Challenge"), has_md5);
        assert_non_null(strstr(buf_cstr(&world.sent), "Username: ringside\r\nSecret: " SECRET "\r\nEvents: off\r\n"));
        finish(&world);
    }
}

static void refuses_unfit_names(void **state)
{
    (void)state;
    struct world world = {0};
    struct ami_session_options options = options_of(&world);
    char longest[AMI_USER_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[AMI_USER_MAX + 1] = 0;
    const char *unfit[] = {"a\r\nAction: Command", "a\n", "a\r", longest};
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        options.user = unfit[i];
        options.secret = SECRET;
        assert_int_equal(ami_session_new(&options, 0, &world.session), STATUS_INVALID);
        options.user = "ringside";
        options.secret = unfit[i];
        assert_int_equal(ami_session_new(&options, 0, &world.session), STATUS_INVALID);
    }
    options.user = "";
    assert_int_equal(ami_session_new(&options, 0, &world.session), STATUS_INVALID);
    longest[AMI_USER_MAX] = 0; /* the longest that is taken, of both */
    options.user = options.secret = longest;
    options.md5 = NULL;
    begin_with(&world, &options);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    finish(&world);
}

static void waits_long_after_a_refused_login(void **state)
{
    (void)state;
    struct world world = {.refused_action = "Login", .refusal = "Authentication failed"};
    begin(&world);
    int64_t before_ms = AMI_REFUSED_RETRY_MS;
    for (int i = 0; i < 6; i++) {
        connect_up(&world);
        assert_int_equal(say(&world, BANNER), 0);
        assert_int_equal(serve_until(&world, ""), AMI_HANG_UP);
        assert_state(&world, AMI_REFUSED);
        assert_error(&world, "login refused: Authentication failed");
        ami_session_down(world.session, "closed", world.now_ms, 0); /* not heard: it is down already */
        assert_error(&world, "login refused: Authentication failed");
        world.now_ms += before_ms - 1;
        assert_false(ami_session_wants_connect(world.session, world.now_ms));
        world.now_ms += 1 + before_ms / 5;
        before_ms = before_ms * 2 < AMI_REFUSED_RETRY_MAX_MS ? before_ms * 2 : AMI_REFUSED_RETRY_MAX_MS;
    }
    assert_int_equal(facts_of(&world).refusals, 6);
    assert_int_equal(facts_of(&world).downs, 0);
    assert_told(&world, "");
    finish(&world);
}

static void never_repeats_the_secret(void **state)
{
    (void)state;
    char cut[120]; /* of what is shown, the end would be in the middle of it */
    (void)snprintf(cut, sizeof cut, "%089d" SECRET, 0);
    const char *refusals[] = {"no: " SECRET " is wrong", SECRET, cut};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct world world = {.refused_action = "Login", .refusal = refusals[i]};
        begin(&world);
        connect_up(&world);
        assert_int_equal(say(&world, BANNER), 0);
        assert_int_equal(serve_until(&world, ""), AMI_HANG_UP);
        assert_error(&world, "login refused: ?");
        finish(&world);
    }
}

static void a_server_that_shuts_down_refuses_nobody(void **state)
{
    (void)state;
    struct world world = {.refused_action = "Login", .refusal = "Asterisk is shutting down"};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, ""), AMI_HANG_UP);
    assert_state(&world, AMI_WAITING);
    finish(&world);
}

/* ---- tests: what the server cannot ---- */

static void goes_without_a_filter(void **state)
{
    (void)state;
    struct world world = {.refused_action = "Filter", .refusal = "Permission denied"};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_false(facts_of(&world).filtered);
    assert_string_equal(facts_of(&world).limits, "not permitted: Filter");
    assert_non_null(strstr(buf_cstr(&world.sent), "EventMask: agent,call,system,cdr,user,cel\r\n"));
    assert_done(&world, "Challenge\nLogin\nFilter\nEvents\nCoreSettings\nCoreStatus\nCoreShowChannels\nQueueStatus\n"
                        "QueueSummary\n");
    finish(&world);
}

/* The filters that were sent, as regular expressions of this kind; returns how many. */
static size_t compile_filters(struct world *world, int flags, regex_t *out, size_t room)
{
    size_t count = 0;
    const char *at = buf_cstr(&world->sent);
    while ((at = strstr(at, "\r\nFilter: "))) {
        char text[256];
        field(slice_str(at), "Filter: ", text, sizeof text);
        assert_true(count < room);
        assert_int_equal(regcomp(&out[count++], text, flags), 0);
        at += strlen("\r\nFilter: ");
    }
    return count;
}

static bool passes(const regex_t *filters, size_t count, const char *name, const char *more)
{
    char event[512];
    (void)snprintf(event, sizeof event, "Event: %s\r\nPrivilege: some,all\r\nX: Event: Hangup\r\n%s\r\n", name, more);
    for (size_t i = 0; i < count; i++) {
        if (regexec(&filters[i], event, 0, NULL, 0) == 0) {
            return true;
        }
    }
    return false;
}

static void check_filters(const regex_t *filters, size_t count)
{
    static const char *const names[] = {"AgentCalled",
                                        "AgentComplete",
                                        "AgentConnect",
                                        "AgentDump",
                                        "AgentRingNoAnswer",
                                        "AttendedTransfer",
                                        "BlindTransfer",
                                        "BridgeCreate",
                                        "BridgeEnter",
                                        "BridgeLeave",
                                        "Cdr",
                                        "DeviceStateChange",
                                        "DialBegin",
                                        "DialEnd",
                                        "DialState",
                                        "FullyBooted",
                                        "Hangup",
                                        "HangupRequest",
                                        "Hold",
                                        "LocalBridge",
                                        "NewCallerid",
                                        "NewConnectedLine",
                                        "Newchannel",
                                        "Newstate",
                                        "QueueCallerAbandon",
                                        "QueueCallerJoin",
                                        "QueueCallerLeave",
                                        "QueueMemberAdded",
                                        "QueueMemberPause",
                                        "QueueMemberPaused",
                                        "QueueMemberPenalty",
                                        "QueueMemberRemoved",
                                        "QueueMemberRinginuse",
                                        "QueueMemberStatus",
                                        "Shutdown",
                                        "SoftHangupRequest",
                                        "SuccessfulAuth",
                                        "TestEvent",
                                        "Unhold",
                                        "UserEvent"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(passes(filters, count, names[i], ""), ami_calls_wanted(NULL, slice_str(names[i])));
    }
    assert_true(passes(filters, count, "VarSet", "Variable: QUEUESTATUS\r\nValue: FULL\r\n"));
    assert_false(passes(filters, count, "VarSet", "Variable: QUEUEPOSITION\r\nValue: 1\r\n"));
    assert_true(passes(filters, count, "Newexten", "Application: Queue\r\nAppData: sales,,,,\r\n"));
    assert_false(passes(filters, count, "Newexten", "Application: AppQueue\r\n"));
    assert_true(passes(filters, count, "CEL", "EventName: APP_START\r\nExten: 1\r\nApplication: Queue\r\n"));
    assert_false(passes(filters, count, "CEL", "EventName: CHAN_START\r\nApplication: Queue\r\n"));
    assert_false(passes(filters, count, "CEL", "EventName: APP_END\r\nApplication: Dial\r\n"));
}

/* Asterisk's versions differ in the kind. */
static void the_filters_let_through_what_is_wanted(void **state)
{
    (void)state;
    struct world world = {0};
    begin_running(&world);
    const int kinds[] = {0, REG_EXTENDED};
    for (size_t k = 0; k < 2; k++) {
        regex_t filters[32];
        size_t count = compile_filters(&world, kinds[k], filters, 32);
        assert_in_range(count, 10, 32);
        check_filters(filters, count);
        for (size_t i = 0; i < count; i++) {
            regfree(&filters[i]);
        }
    }
    finish(&world);
}

static void half_a_filter_is_none(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, "Filter"), 0);
    assert_int_equal(answer(&world), 0);
    assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\nMessage: Internal Error.\r\n\r\n"), AMI_HANG_UP);
    assert_state(&world, AMI_WAITING);
    buf_reset(&world.done);
    world.now_ms += RETRY_MAX_MS;
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, "CoreSettings"), 0);
    assert_done(&world, "Challenge\nLogin\nEvents\nCoreSettings\n");
    finish(&world);
}

static void asks_for_fewer_events_where_classes_are_unknown(void **state)
{
    (void)state;
    const char *refusals[] = {"Response: Error\r\nActionID: $\r\nMessage: Invalid event mask\r\n\r\n",
                              SUCCESS "Events: Off\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct world world = {0};
        begin(&world);
        connect_up(&world);
        assert_int_equal(say(&world, BANNER), 0);
        assert_int_equal(serve_until(&world, "Events"), 0);
        assert_int_equal(reply(&world, refusals[i]), 0);
        assert_string_equal(world.action, "Events");
        assert_non_null(strstr(buf_cstr(&world.sent), "EventMask: agent,call,system,cdr,user,dialplan\r\n"));
        assert_int_equal(reply(&world, refusals[i]), 0);
        assert_int_equal(reply(&world, refusals[i]), 0);
        assert_int_equal(reply(&world, refusals[i]), AMI_HANG_UP);
        assert_error(&world, "the server sends no events to this user");
        assert_told(&world, "! ");
        finish(&world);
    }
}

static void leaves_out_lists_that_are_refused(void **state)
{
    (void)state;
    struct world world = {.refused_action = "CoreShowChannels", .refusal = "Permission denied"};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_told(&world, "< Response QueueParams QueueMember QueueStatusComplete QueueSummaryComplete > ");
    assert_string_equal(facts_of(&world).limits, "not permitted: CoreShowChannels");
    buf_reset(&world.done);
    for (int i = 0; i < 30 && !strstr(buf_cstr(&world.done), "QueueStatus"); i++) { /* not asked again */
        assert_int_equal(tick(&world, 15000), 0);
        assert_int_equal(serve_until(&world, ""), 0);
    }
    assert_null(strstr(buf_cstr(&world.done), "CoreShowChannels"));
    finish(&world);
}

static void without_queue_status_there_is_no_whole_snapshot(void **state)
{
    (void)state;
    struct world world = {.refused_action = "QueueStatus", .refusal = "Invalid/unknown command: QueueStatus."};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_state(&world, AMI_RUNNING);
    assert_told(&world, "< Response CoreShowChannel CoreShowChannelsComplete QueueSummaryComplete ");
    assert_string_equal(facts_of(&world).limits, "refused: QueueStatus");
    world.refused_action = NULL; /* the module was loaded */
    for (int i = 0; i < 30 && facts_of(&world).snapshots == 0; i++) {
        assert_int_equal(tick(&world, 15000), 0);
        assert_int_equal(serve_until(&world, ""), 0);
    }
    assert_told(&world, ALL_LISTS);
    assert_string_equal(facts_of(&world).limits, "");
    finish(&world);
}

static void a_cancelled_list_is_asked_for_again(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, "QueueSummary"), 0);
    assert_int_equal(reply(&world, SUCCESS "\r\nEvent: QueueSummaryComplete\r\nActionID: $\r\n"
                                           "EventList: Cancelled\r\n\r\n"),
                     0);
    assert_state(&world, AMI_RUNNING);
    assert_int_equal(facts_of(&world).snapshots, 0);
    assert_int_equal(tick(&world, AMI_ANSWER_TIMEOUT_MS), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_int_equal(facts_of(&world).snapshots, 1);
    finish(&world);
}

/* ---- tests: strange servers ---- */

static void hangs_up_on_what_is_no_manager(void **state)
{
    (void)state;
    static const char *const others[][2] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", "what answers there is no manager interface: SSH-2.0-OpenSSH_9.2"},
        {"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
         "what answers there is no manager interface: HTTP/1.1 400 Bad Request"},
        {"Event: FullyBooted\r\n\r\n", "what answers there is no manager interface: it does not introduce itself"},
        {"\x15\x03\x01\r\n", "what answers there is no manager interface: ???"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct world world = {0};
        begin(&world);
        connect_up(&world);
        assert_int_equal(say(&world, others[i][0]), AMI_HANG_UP);
        assert_error(&world, others[i][1]);
        assert_state(&world, AMI_WAITING);
        assert_int_equal(world.sends, 0);
        assert_int_equal(say(&world, BANNER), AMI_HANG_UP); /* not read any more */
        finish(&world);
    }
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    char noise[AMI_BANNER_MAX + 2];
    memset(noise, 'n', sizeof noise);
    assert_int_equal(ami_session_bytes(world.session, slice_make(noise, sizeof noise), world.now_ms, 0), AMI_HANG_UP);
    assert_error(&world, "what answers there is no manager interface");
    finish(&world);
}

static void takes_only_its_own_answers(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, "Login"), 0);
    assert_int_equal(say(&world, "Response: Success\r\n\r\nResponse: Success\r\nActionID: other\r\n\r\n"
                                 "Response: Error\r\nMessage: Authentication failed\r\n\r\nX: y\r\n\r\n"),
                     0);
    assert_string_equal(world.action, "Login");
    assert_int_equal(serve_until(&world, "QueueStatus"), 0);
    buf_reset(&world.told);
    assert_int_equal(say(&world, "Event: QueueMember\r\nActionID: other\r\n\r\nEvent: QueueStatusComplete\r\n\r\n"
                                 "Event: OriginateResponse\r\nResponse: Error\r\nActionID: other\r\n\r\n"),
                     0);
    assert_told(&world, "");
    assert_int_equal(serve_until(&world, ""), 0);
    assert_told(&world, "QueueParams QueueMember QueueStatusComplete QueueSummaryComplete > ");
    assert_int_equal(say(&world, "Response: Whatever\r\nActionID: x\r\n\r\nResponse: Error\r\n\r\n"), 0);
    assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\n\r\n"), 0); /* answered already */
    assert_state(&world, AMI_RUNNING);
    assert_int_equal(say(&world, "Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"), AMI_HANG_UP);
    assert_error(&world, "the server said goodbye");
    finish(&world);
}

static void an_unknown_response_is_no_success(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, "CoreShowChannels"), 0);
    assert_int_equal(reply(&world, "Response: Follows\r\nActionID: $\r\n\r\n"), 0);
    assert_string_equal(world.action, "QueueStatus");
    assert_string_equal(facts_of(&world).limits, "refused: CoreShowChannels");
    finish(&world);
}

static void a_challenge_must_be_one(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(reply(&world, SUCCESS "\r\n"), AMI_HANG_UP);
    assert_error(&world, "a challenge of 0 bytes is none");
    assert_state(&world, AMI_WAITING);
    finish(&world);
}

static void passes_on_what_is_wanted(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER "Event: QueueCallerJoin\r\n\r\n"), 0); /* before the login: not from Asterisk */
    assert_int_equal(serve_until(&world, "Events"), 0);
    assert_told(&world, "");
    assert_int_equal(say(&world, "Event: Hangup\r\n\r\n"), 0);
    assert_int_equal(serve_until(&world, "QueueStatus"), 0);
    assert_int_equal(say(&world, "Event: QueueCallerJoin\r\n\r\nEvent: Newstate\r\n\r\n"), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_told(&world, "Hangup < Response CoreShowChannel CoreShowChannelsComplete QueueCallerJoin QueueParams "
                        "QueueMember QueueStatusComplete QueueSummaryComplete > ");
    assert_int_equal(say(&world, "rubbish\r\n\r\nEvent: Hangup\r\nrubbish\r\n\r\nEvent: Newstate\r\n\r\n"
                                 "Event: Hangup\r\n\r\nEvent: QueueMem"),
                     0);
    assert_int_equal(say(&world, "berStatus\r\n\r\n"), 0);
    assert_told(&world, "Hangup QueueMemberStatus ");
    assert_int_equal(facts_of(&world).bad_messages, 2);
    finish(&world);
}

/* ---- tests: time ---- */

static void snapshots_come_at_a_slow_jittered_pace(void **state)
{
    (void)state;
    struct world world = {0};
    begin_running(&world);
    int64_t last_ms = world.now_ms;
    int64_t shortest_ms = INT64_MAX;
    int64_t longest_ms = 0;
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(tick(&world, 1000), 0);
        bool snapshot = strcmp(world.action, "CoreStatus") == 0;
        assert_int_equal(serve_until(&world, ""), 0);
        if (snapshot) {
            int64_t took_ms = world.now_ms - last_ms;
            shortest_ms = took_ms < shortest_ms ? took_ms : shortest_ms;
            longest_ms = took_ms > longest_ms ? took_ms : longest_ms;
            last_ms = world.now_ms;
        }
    }
    assert_true(shortest_ms >= SNAPSHOT_MS * 8 / 10 && longest_ms <= SNAPSHOT_MS * 12 / 10 + 1000);
    assert_true(longest_ms > shortest_ms);
    assert_in_range(facts_of(&world).snapshots, 6, 9);
    assert_null(strstr(buf_cstr(&world.done), "CoreSettings"));
    assert_state(&world, AMI_RUNNING);
    finish(&world);
}

static void late_boot_means_another_snapshot(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, "QueueStatus"), 0);
    assert_int_equal(say(&world, "Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"), 0); /* in the middle of one */
    assert_int_equal(serve_until(&world, ""), 0);
    assert_int_equal(facts_of(&world).snapshots, 2);
    assert_told(&world, ALL_LISTS ALL_LISTS);
    assert_int_equal(say(&world, "Event: FullyBooted\r\n\r\n"), 0); /* once is enough */
    assert_int_equal(tick(&world, 1000), 0);
    assert_string_equal(world.action, "");
    finish(&world);

    struct world later = {0};
    begin_running(&later);
    assert_int_equal(say(&later, "Event: FullyBooted\r\n\r\n"), 0);
    assert_int_equal(tick(&later, 0), 0);
    assert_int_equal(serve_until(&later, ""), 0);
    assert_int_equal(facts_of(&later).snapshots, 2);
    finish(&later);

    struct world usual = {0};
    begin(&usual);
    connect_up(&usual);
    assert_int_equal(say(&usual, BANNER), 0);
    assert_int_equal(serve_until(&usual, "Filter"), 0);
    assert_int_equal(say(&usual, "Event: FullyBooted\r\n\r\n"), 0);
    assert_int_equal(serve_until(&usual, ""), 0);
    assert_int_equal(tick(&usual, 1000), 0);
    assert_int_equal(facts_of(&usual).snapshots, 1);
    finish(&usual);
}

static void pings_what_is_silent(void **state)
{
    (void)state;
    struct world world = {0};
    begin_running(&world);
    assert_int_equal(tick(&world, AMI_PING_AFTER_MS - 1), 0);
    assert_string_equal(world.action, "");
    assert_int_equal(say(&world, "Ev"), 0); /* it lives */
    assert_int_equal(tick(&world, AMI_PING_AFTER_MS - 1), 0);
    assert_string_equal(world.action, "");
    assert_int_equal(tick(&world, 1), 0);
    assert_string_equal(world.action, "Ping");
    assert_int_equal(say(&world, "ent: Hangup\r\n\r\n"), 0);
    assert_int_equal(tick(&world, AMI_PING_TIMEOUT_MS - 1), 0);
    assert_int_equal(reply(&world, "Response: Pong\r\nActionID: $\r\n\r\n"), 0); /* as Asterisk 1.4 said */
    assert_int_equal(tick(&world, AMI_PING_AFTER_MS), 0);
    assert_string_equal(world.action, "Ping");
    assert_int_equal(tick(&world, AMI_PING_TIMEOUT_MS - 1), 0);
    assert_int_equal(tick(&world, 1), AMI_HANG_UP);
    assert_error(&world, "no answer to Ping in time");
    assert_state(&world, AMI_WAITING);
    assert_told(&world, "Hangup ! ");
    assert_int_equal(facts_of(&world).downs, 1);
    assert_int_equal(facts_of(&world).logged_in_at_ms, 0);
    assert_int_equal(tick(&world, 100), 0);
    finish(&world);
}

static void a_login_must_end_in_time(void **state)
{
    (void)state;
    static const char *const steps[][2] = {
        {"", "no login within 10 s: waited for a banner"},
        {"Challenge", "no login within 10 s: waited for the answer to Challenge"},
        {"Login", "no login within 10 s: waited for the answer to Login"},
        {"Events", "no login within 10 s: waited for the answer to Events"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct world world = {0};
        begin(&world);
        connect_up(&world);
        assert_int_equal(tick(&world, AMI_LOGIN_TIMEOUT_MS / 2), 0);
        assert_int_equal(say(&world, i == 0 ? "Asterisk Call Manager" : BANNER), 0);
        assert_int_equal(serve_until(&world, steps[i][0]), 0);
        assert_int_equal(tick(&world, AMI_LOGIN_TIMEOUT_MS / 2 - 1), 0);
        assert_int_equal(tick(&world, 1), AMI_HANG_UP);
        assert_error(&world, steps[i][1]);
        assert_told(&world, i == 3 ? "! " : "");
        finish(&world);
    }
}

static void reconnect(struct world *world)
{
    world->now_ms += AMI_REFUSED_RETRY_MAX_MS * 2;
    connect_up(world);
    assert_int_equal(say(world, BANNER), 0);
}

static void connections_begin_anew(void **state)
{
    (void)state;
    struct world world = {.refused_action = "CoreStatus", .refusal = "Permission denied"};
    begin(&world);
    for (int i = 0; i < 2; i++) { /* refused often: the waits are long now */
        reconnect(&world);
        assert_int_equal(serve_until(&world, "Login"), 0);
        assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\nMessage: No\r\n\r\n"), AMI_HANG_UP);
    }
    reconnect(&world);
    assert_int_equal(serve_until(&world, "Events"), 0);
    assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\n\r\n"), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_string_equal(facts_of(&world).limits, "not permitted: CoreStatus");
    ami_session_down(world.session, "reset", world.now_ms, world.now_ms + 1000000);
    assert_false(facts_of(&world).filtered);

    world.refused_action = NULL; /* the PBX was set up better */
    buf_reset(&world.sent);
    reconnect(&world);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_string_equal(facts_of(&world).limits, "");
    assert_non_null(strstr(buf_cstr(&world.sent), "EventMask: agent,call,system,cdr,user,dialplan,cel\r\n"));
    assert_true(facts_of(&world).filtered);

    assert_int_equal(say(&world, "Response: Goodbye\r\n\r\n"), AMI_HANG_UP);
    reconnect(&world);
    assert_int_equal(serve_until(&world, "Login"), 0);
    assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\nMessage: No\r\n\r\n"), AMI_HANG_UP);
    assert_true(ami_session_wants_connect(world.session, world.now_ms + AMI_REFUSED_RETRY_MS * 12 / 10));
    finish(&world);
}

static void lists_must_go_on(void **state)
{
    (void)state;
    const char *lists[] = {"CoreSettings", "CoreStatus", "CoreShowChannels", "QueueStatus", "QueueSummary"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct world world = {0};
        begin(&world);
        connect_up(&world);
        assert_int_equal(say(&world, BANNER), 0);
        assert_int_equal(serve_until(&world, lists[i]), 0);
        assert_int_equal(tick(&world, AMI_ANSWER_TIMEOUT_MS - 1), 0);
        if (i >= 2) {
            assert_int_equal(reply(&world, SUCCESS "\r\n"), 0);
            assert_int_equal(tick(&world, AMI_ANSWER_TIMEOUT_MS - 1), 0);
            assert_int_equal(reply(&world, i == 2 ? "Event: CoreShowChannel\r\nActionID: $\r\n\r\n"
                                                  : "Event: QueueEntry\r\nActionID: $\r\n\r\n"),
                             0);
            assert_int_equal(tick(&world, AMI_ANSWER_TIMEOUT_MS - 1), 0);
            assert_int_equal(say(&world, "Event: Hangup\r\n\r\n"), 0); /* is not of the list */
        }
        assert_int_equal(tick(&world, 1), AMI_HANG_UP);
        char text[100];
        (void)snprintf(text, sizeof text, "no answer to %s in time", lists[i]);
        assert_error(&world, text);
        assert_int_equal(facts_of(&world).snapshots, 0);
        finish(&world);
    }
}

static void a_list_cut_by_the_line_is_no_snapshot(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0);
    assert_int_equal(serve_until(&world, "QueueStatus"), 0);
    assert_int_equal(reply(&world, SUCCESS "\r\nEvent: QueueParams\r\nActionID: $\r\n\r\nEvent: QueueMem"), 0);
    ami_session_down(world.session, "connection reset\r\nby peer", world.now_ms, world.now_ms + 1000000);
    assert_error(&world, "connection reset??by peer");
    assert_told(&world, "< Response CoreShowChannel CoreShowChannelsComplete QueueParams ! ");
    world.now_ms += RETRY_MAX_MS;
    connect_up(&world);
    assert_int_equal(say(&world, BANNER), 0); /* nothing of the old bytes is left */
    assert_int_equal(serve_until(&world, ""), 0);
    assert_told(&world, ALL_LISTS);
    assert_int_equal(facts_of(&world).bad_messages, 0);
    assert_int_equal(facts_of(&world).connects, 2);
    assert_int_equal(facts_of(&world).snapshots, 1);
    finish(&world);
}

/* How long it waits after a failed connection, found out by asking. */
static int64_t wait_of(struct world *world)
{
    int64_t from_ms = world->now_ms;
    while (!ami_session_wants_connect(world->session, world->now_ms)) {
        world->now_ms++;
    }
    return world->now_ms - from_ms;
}

static void retries_are_spread_and_slow_down(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    assert_int_equal(wait_of(&world), 0);
    int64_t longest_ms = 0;
    int64_t ceiling_ms = 2 * AMI_RETRY_MIN_MS;
    for (int i = 0; i < 60; i++) {
        ami_session_down(world.session, "connection refused", world.now_ms, world.now_ms + 1000000);
        int64_t wait_ms = wait_of(&world);
        assert_in_range(wait_ms, AMI_RETRY_MIN_MS, ceiling_ms);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        ceiling_ms = ceiling_ms * 2 < RETRY_MAX_MS ? ceiling_ms * 2 : RETRY_MAX_MS;
    }
    assert_true(longest_ms > RETRY_MAX_MS / 2);
    assert_told(&world, "");
    ami_session_up(world.session, world.now_ms);
    world.now_ms += AMI_STEADY_MS + 1; /* it lived */
    ami_session_down(world.session, "reset", world.now_ms, world.now_ms + 1000000);
    assert_in_range(wait_of(&world), AMI_RETRY_MIN_MS, 2 * AMI_RETRY_MIN_MS);
    finish(&world);
}

static void the_wall_clock_does_not_matter(void **state)
{
    (void)state;
    struct world world = {0};
    begin_running(&world);
    assert_int_equal(ami_session_tick(world.session, world.now_ms, INT64_C(4102444800000)), 0);
    assert_int_equal(ami_session_tick(world.session, world.now_ms, -5), 0);
    assert_string_equal(world.action, "");
    assert_state(&world, AMI_RUNNING);
    finish(&world);
}

/* ---- tests: failures of ours ---- */

static void hangs_up_when_sending_fails(void **state)
{
    (void)state;
    struct world whole = {0};
    begin_running(&whole);
    int sends = whole.sends;
    finish(&whole);
    assert_in_range(sends, 20, 40);
    for (int at = 1; at <= sends; at++) {
        struct world world = {.fail_send_at = at};
        begin(&world);
        connect_up(&world);
        int rc = say(&world, BANNER);
        rc = rc == 0 ? serve_until(&world, "") : rc;
        assert_int_equal(rc, AMI_HANG_UP);
        assert_state(&world, AMI_WAITING);
        assert_non_null(strstr(facts_of(&world).last_error, " could not be sent: "));
        world.now_ms += RETRY_MAX_MS;
        connect_up(&world);
        assert_int_equal(say(&world, BANNER), 0);
        assert_int_equal(serve_until(&world, ""), 0);
        assert_state(&world, AMI_RUNNING);
        finish(&world);
    }
    struct world pinging = {.fail_send_at = sends + 1};
    begin_running(&pinging);
    assert_int_equal(tick(&pinging, AMI_PING_AFTER_MS), AMI_HANG_UP);
    assert_error(&pinging, "Ping could not be sent: input/output error");
    finish(&pinging);
}

static int connect_with(struct world *world)
{
    begin(world);
    connect_up(world);
    int rc = say(world, BANNER);
    return rc == 0 ? serve_until(world, "") : rc;
}

static void hands_back_what_could_not_be_taken(void **state)
{
    (void)state;
    const char *messages[] = {"Response", "CoreShowChannelsComplete", "QueueMember"};
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct world world = {.fail_message = messages[i]};
        assert_int_equal(connect_with(&world), MESSAGE_FAILURE);
        assert_state(&world, AMI_WAITING);
        assert_int_equal(facts_of(&world).downs, 1);
        finish(&world);
    }
    for (int mark = AMI_MARK_SNAPSHOT_BEGIN; mark <= AMI_MARK_SNAPSHOT_END; mark++) {
        struct world world = {.fail_mark = mark + 1};
        assert_int_equal(connect_with(&world), MARK_FAILURE);
        assert_state(&world, AMI_WAITING);
        finish(&world);
    }
    struct world world = {.fail_mark = AMI_MARK_DOWN + 1};
    assert_int_equal(connect_with(&world), 0);
    assert_int_equal(say(&world, "Response: Goodbye\r\n\r\n"), MARK_FAILURE);
    finish(&world);
    struct world event = {.fail_message = "Hangup"};
    begin_running(&event);
    assert_int_equal(say(&event, "Event: Hangup\r\n\r\n"), MESSAGE_FAILURE);
    finish(&event);
}

static void names_its_states(void **state)
{
    (void)state;
    assert_string_equal(ami_state_str(AMI_WAITING), "waiting");
    assert_string_equal(ami_state_str(AMI_RUNNING), "connected");
    assert_string_equal(ami_state_str(AMI_REFUSED), "refused");
    assert_string_equal(ami_state_str(AMI_STATE_COUNT), "unknown");
    ami_session_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_in_and_takes_a_snapshot),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(sends_the_secret_where_there_is_no_challenge),
        cmocka_unit_test(refuses_unfit_names),
        cmocka_unit_test(waits_long_after_a_refused_login),
        cmocka_unit_test(never_repeats_the_secret),
        cmocka_unit_test(a_server_that_shuts_down_refuses_nobody),
        cmocka_unit_test(goes_without_a_filter),
        cmocka_unit_test(the_filters_let_through_what_is_wanted),
        cmocka_unit_test(half_a_filter_is_none),
        cmocka_unit_test(asks_for_fewer_events_where_classes_are_unknown),
        cmocka_unit_test(leaves_out_lists_that_are_refused),
        cmocka_unit_test(without_queue_status_there_is_no_whole_snapshot),
        cmocka_unit_test(a_cancelled_list_is_asked_for_again),
        cmocka_unit_test(hangs_up_on_what_is_no_manager),
        cmocka_unit_test(takes_only_its_own_answers),
        cmocka_unit_test(an_unknown_response_is_no_success),
        cmocka_unit_test(a_challenge_must_be_one),
        cmocka_unit_test(passes_on_what_is_wanted),
        cmocka_unit_test(snapshots_come_at_a_slow_jittered_pace),
        cmocka_unit_test(late_boot_means_another_snapshot),
        cmocka_unit_test(pings_what_is_silent),
        cmocka_unit_test(a_login_must_end_in_time),
        cmocka_unit_test(connections_begin_anew),
        cmocka_unit_test(lists_must_go_on),
        cmocka_unit_test(a_list_cut_by_the_line_is_no_snapshot),
        cmocka_unit_test(retries_are_spread_and_slow_down),
        cmocka_unit_test(the_wall_clock_does_not_matter),
        cmocka_unit_test(hangs_up_when_sending_fails),
        cmocka_unit_test(hands_back_what_could_not_be_taken),
        cmocka_unit_test(names_its_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
