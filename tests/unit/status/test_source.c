/* What status says of the live source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "proto/report/render.h"
#include "tests/unit/status/desk.h"

static struct desk desk;
static struct health health;
static struct board_copy board;
static struct json *json;

static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    health = (struct health){.started_ms = desk.now_ms - 3600000, .source_count = 2};
    health.sources[0] =
        (struct health_source){.name = "queue_log", .type = "queue_log", .path = "/q", .state = "reading"};
    health.sources[1] = (struct health_source){.name = "pbx", .type = "ami", .state = "connected"};
    health.live = (struct health_live){.configured = true,
                                       .connected = true,
                                       .version = "20.9.2",
                                       .connected_since_ms = desk.now_ms - 1800000,
                                       .connects = 2,
                                       .events = 12345,
                                       .actions = 90,
                                       .received_bytes = 3500000,
                                       .snapshot_bytes = 45000,
                                       .snapshot_took_ms = 120,
                                       .filtered = true,
                                       .refused = HEALTH_SEEN};
    board = (struct board_copy){.on = true, .on_since_ms = desk.now_ms - 1800000};
    desk.health = &health;
    desk.live = &board;
    desk.ledger->facts.leg_count = 400;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_free(json);
    json = NULL;
    desk_deinit(&desk);
    return 0;
}

static void ask(void)
{
    json_free(json);
    json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
}

static void cut_off(int64_t ago_ms, const char *state, const char *error)
{
    health.live.connected = false;
    health.live.connected_since_ms = 0;
    (void)strcpy(health.sources[1].state, state);
    (void)strcpy(health.live.last_error, error);
    board = (struct board_copy){.down_since_ms = desk.now_ms - ago_ms};
}

static void assert_hint(const char *text)
{
    for (size_t i = 0; i < json_count(json, "hints"); i++) {
        if (strcmp(json_text(json_item(json_at(json, "hints"), i), ""), text) == 0) {
            return;
        }
    }
    fail_msg("no such hint: %s; the first is: %s", text, json_text(json, "hints/0"));
}

static void test_all_is_well(void **state)
{
    (void)state;
    int64_t value = 0;
    ask();
    assert_string_equal(json_text(json, "state"), "ok");
    assert_int_equal(json_count(json, "hints"), 0);
    assert_true(json_bool(json, "live/connected"));
    assert_string_equal(json_text(json, "live/since"), "2026-11-21T12:04:56+01:00");
    assert_string_equal(json_text(json, "live/version"), "20.9.2");
    assert_string_equal(json_text(json, "live/refused_callers"), "seen");
    assert_int_equal(json_kind(json, "live/limits"), JSON_NULL_VALUE);
    assert_true(json_int(json, "live/snapshot/took_ms", &value));
    assert_int_equal(value, 120);
    assert_string_equal(json_text(json, "sources/1/type"), "ami");
    assert_string_equal(json_text(json, "sources/1/state"), "connected");
    assert_true(json_int(json, "quality/live_only", &value));
    health.live = (struct health_live){.configured = false};
    ask();
    assert_int_equal(json_kind(json, "live"), JSON_NULL_VALUE);
}

static void test_cut_off(void **state)
{
    (void)state;
    cut_off(20000, "waiting", "connection refused");
    ask();
    assert_string_equal(json_text(json, "state"), "ok"); /* it may be a restart */
    assert_hint("pbx: not connected to the PBX since 2026-11-21T12:34:36+01:00: connection refused; operators, holds "
                "and refused callers are not seen meanwhile");
    cut_off(61000, "waiting", "");
    health.live.leads = true;
    ask();
    assert_string_equal(json_text(json, "state"), "degraded");
    assert_hint("pbx: not connected to the PBX since 2026-11-21T12:33:55+01:00: no answer so far; no call is counted "
                "meanwhile");
    board.down_since_ms = 0; /* never was on: since the start */
    ask();
    assert_non_null(strstr(json_text(json, "hints/0"), "since 2026-11-21T11:34:56+01:00"));
}

static void test_a_refused_login(void **state)
{
    (void)state;
    cut_off(1000, "refused", "Authentication failed");
    ask();
    assert_string_equal(json_text(json, "state"), "degraded");
    assert_hint("pbx: the PBX refuses the login: compare user and secret with its manager.conf, and whether "
                "permit/deny there let this box in: Authentication failed");
}

static void test_what_the_manager_user_lacks(void **state)
{
    (void)state;
    health.live.filtered = false;
    health.live.refused = HEALTH_UNSEEN;
    (void)strcpy(health.live.limits, "may not ask for QueueStatus");
    ask();
    assert_string_equal(json_text(json, "state"), "ok");
    assert_string_equal(json_text(json, "live/refused_callers"), "unseen");
    assert_hint("pbx: may not ask for QueueStatus: see the manager user's read and write in manager.conf");
    assert_hint("pbx: callers refused at the door (queue full, nobody there) are not seen: give the manager user the "
                "read class dialplan (or cdr)");
    assert_hint("pbx: the PBX sends all its events (3 MB so far) where a small part is needed: give the manager user "
                "the write class system, so that the agent can set its filter");
    cut_off(1000, "waiting", "gone");
    ask();
    assert_int_equal(json_count(json, "hints"), 1);
}

static void test_log_and_live_source_that_disagree(void **state)
{
    (void)state;
    desk.ledger->facts.quality[QUALITY_LIVE_ONLY] = 7;
    desk.ledger->facts.quality[QUALITY_LOG_ONLY] = 9;
    desk.ledger->facts.quality[QUALITY_GUESSED_EXITS] = 3;
    ask();
    assert_int_equal(json_count(json, "hints"), 0); /* a few are nothing to speak of */
    desk.ledger->facts.quality[QUALITY_LIVE_ONLY] = 40;
    desk.ledger->facts.quality[QUALITY_LOG_ONLY] = 41;
    ask();
    assert_hint("40 calls were seen by pbx and never came in the log: does the PBX write its queue_log elsewhere, or "
                "to a database?");
    assert_hint("41 calls of the log were never seen by pbx: is it the same PBX, and does the manager user have the "
                "read classes agent and call?");
    assert_int_equal(json_count(json, "hints"), 2);
    health.live.leads = true;
    ask();
    assert_hint("3 callers left for a reason that the PBX did not tell and count as timeouts: give the manager user "
                "the read class dialplan, or read queue_log as well");
}

static void test_as_text(void **state)
{
    (void)state;
    static const struct render_style plain = {.width = 80};
    struct buf out = BUF_INIT;
    ask();
    assert_int_equal(render(REPORT_STATUS, RENDER_TABLE, json, &plain, &out), 0);
    assert_non_null(strstr(buf_cstr(&out),
                           "\nsource       queue_log /q: reading, 0 B behind\n"
                           "source       pbx: connected\n"
                           "live         connected since 2026-11-21 12:04:56, version of the PBX: 20.9.2\n"
                           "             12345 events in 3.3 MiB, 90 actions sent, snapshot 43.9 KiB in 120 ms\n"));
    cut_off(1000, "waiting", "gone");
    health.live.filtered = false;
    ask();
    buf_reset(&out);
    assert_int_equal(render(REPORT_STATUS, RENDER_TABLE, json, &plain, &out), 0);
    assert_non_null(strstr(buf_cstr(&out), "\nlive         not connected\n             12345 events in 3.3 MiB (not "
                                           "filtered), 90 actions sent"));
    buf_deinit(&out);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_all_is_well),
        CASE(test_cut_off),
        CASE(test_a_refused_login),
        CASE(test_what_the_manager_user_lacks),
        CASE(test_log_and_live_source_that_disagree),
        CASE(test_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
