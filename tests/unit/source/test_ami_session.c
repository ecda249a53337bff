#include "agent/source/ami_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/source/ami_server.h"

/* ---- strange servers ---- */

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
    begin_until(&world, "Login");
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
    begin_until(&world, "CoreShowChannels");
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
    greet(&world);
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

/* ---- failures of ours ---- */

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
        greet(&world);
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
        cmocka_unit_test(hangs_up_on_what_is_no_manager),     cmocka_unit_test(takes_only_its_own_answers),
        cmocka_unit_test(an_unknown_response_is_no_success),  cmocka_unit_test(a_challenge_must_be_one),
        cmocka_unit_test(passes_on_what_is_wanted),           cmocka_unit_test(hangs_up_when_sending_fails),
        cmocka_unit_test(hands_back_what_could_not_be_taken), cmocka_unit_test(names_its_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
