#include "agent/source/ami_session.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/source/ami_calls.h"
#include "platform/base/status.h"
#include "tests/unit/source/ami_server.h"

/* ---- the way in ---- */

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
        begin_until(&world, "");
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
        options.md5 = has_md5 ? options.md5 : NULL;
        begin_with(&world, &options);
        greet(&world);
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
    greet(&world);
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
        greet(&world);
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
        greet(&world);
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
    greet(&world);
    assert_int_equal(serve_until(&world, ""), AMI_HANG_UP);
    assert_state(&world, AMI_WAITING);
    finish(&world);
}

/* ---- what the server cannot ---- */

static void goes_without_a_filter(void **state)
{
    (void)state;
    struct world world = {.refused_action = "Filter", .refusal = "Permission denied"};
    begin_until(&world, "");
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
    begin_until(&world, "Filter");
    assert_int_equal(answer(&world), 0);
    assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\nMessage: Internal Error.\r\n\r\n"), AMI_HANG_UP);
    assert_state(&world, AMI_WAITING);
    buf_reset(&world.done);
    world.now_ms += RETRY_MAX_MS;
    greet(&world);
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
        begin_until(&world, "Events");
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
    begin_until(&world, "");
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
    begin_until(&world, "");
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
    begin_until(&world, "QueueSummary");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
