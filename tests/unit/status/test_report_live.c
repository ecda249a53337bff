#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "tests/unit/status/desk.h"

static struct desk desk;

static struct call_leg *add_open(const char *entered, uint32_t queue, enum leg_state leg_state)
{
    struct call_leg *leg = fake_ledger_add_open(desk.ledger);
    *leg = (struct call_leg){.seq = 10 + desk.ledger->open_count,
                             .contact = 10,
                             .caller = 0xabcdef,
                             .enter_ms = desk_at_s(entered) * 1000,
                             .queue = queue,
                             .state = leg_state,
                             .ring_ms = -1,
                             .call_id_len = 3,
                             .call_id = "1.2"};
    return leg;
}

static struct call_leg *add_closed(const char *entered, const char *ended, uint32_t queue, enum leg_outcome outcome)
{
    struct call_leg *leg = fake_ledger_add_closed(desk.ledger);
    *leg = (struct call_leg){.seq = 100 + desk.ledger->closed_count,
                             .contact = 100,
                             .enter_ms = desk_at_s(entered) * 1000,
                             .end_ms = desk_at_s(ended) * 1000,
                             .wait_ms = 7000,
                             .ring_ms = -1,
                             .queue = queue,
                             .state = LEG_DONE,
                             .outcome = outcome};
    return leg;
}

static void answer(struct call_leg *leg, const char *connected, uint32_t operator_id, int64_t talk_ms)
{
    leg->connect_ms = desk_at_s(connected) * 1000;
    leg->operator_id = operator_id;
    leg->talk_ms = talk_ms;
}

/* Now is 12:34:56: two callers wait for sales, one talks with support, one is held there. */
static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    desk_interval(&desk, 0, "2026-11-20T23:45:00+01:00", DESK_SALES, 5, 5, 0, 1);
    desk_interval(&desk, 1, "2026-11-21T00:00:00+01:00", DESK_SALES, 4, 2, 2, 10);
    desk_interval(&desk, 2, "2026-11-21T11:15:00+01:00", DESK_SALES, 2, 2, 0, 30);
    desk_interval(&desk, 3, "2026-11-21T11:30:00+01:00", DESK_SALES, 3, 3, 0, 5);
    desk_interval(&desk, 4, "2026-11-21T12:30:00+01:00", DESK_SALES, 2, 0, 0, 0);
    (void)add_open("2026-11-21T12:33:00+01:00", DESK_SALES, LEG_WAITING);
    (void)add_open("2026-11-21T12:34:00+01:00", DESK_SALES, LEG_RINGING);
    struct call_leg *talking = add_open("2026-11-21T12:30:00+01:00", DESK_SUPPORT, LEG_CONNECTED);
    answer(talking, "2026-11-21T12:30:20+01:00", 1, 0);
    talking->wait_ms = 20000;
    struct call_leg *held = add_open("2026-11-21T12:20:00+01:00", DESK_SUPPORT, LEG_HELD);
    answer(held, "2026-11-21T12:20:56+01:00", 2, 0);
    held->wait_ms = 56000;
    held->hold_ms = 60000;
    held->hold_since_ms = desk_at_s("2026-11-21T12:33:56+01:00") * 1000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_deinit(&desk);
    return 0;
}

static void test_queues(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_QUEUES, &json, NULL), 0);
    assert_string_equal(json_text(json, "as_of"), "2026-11-21T12:34:56+01:00");
    assert_string_equal(json_text(json, "today_from"), "2026-11-21T00:00:00+01:00");
    assert_string_equal(json_text(json, "last_hour_from"), "2026-11-21T11:30:00+01:00");
    assert_string_equal(json_text(json, "zone"), "Europe/Madrid");
    assert_int_equal(json_count(json, "queues"), 3);
    const struct json *sales = json_at(json, "queues/0");
    assert_string_equal(json_text(sales, "queue"), "sales");
    assert_int_equal(desk_int(sales, "waiting"), 2);
    assert_int_equal(desk_int(sales, "longest_wait_ms"), 116000);
    assert_int_equal(desk_int(sales, "connected"), 0);
    assert_int_equal(desk_int(sales, "entered_last_hour"), 5);
    assert_int_equal(desk_int(sales, "today/entered"), 11); /* yesterday's five are out */
    assert_int_equal(desk_int(sales, "today/answered"), 7);
    assert_int_equal(desk_int(sales, "today/abandoned"), 2);
    assert_int_equal(desk_int(sales, "today/longest_wait_ms"), 116000);
    assert_true(json_bool(sales, "today/balanced"));
    assert_string_equal(json_text(sales, "today/service_level/method"), "asterisk_sl");
    const struct json *support = json_at(json, "queues/1");
    assert_int_equal(desk_int(support, "connected"), 2);
    desk_assert_null(support, "longest_wait_ms");
    desk_assert_null(support, "today/asa_ms");
    assert_string_equal(json_text(json, "queues/2/queue"), "田中商店");
    assert_int_equal(desk_int(json, "queues/2/today/entered"), 0);
}

static void test_one_queue(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_QUEUES, &json, "queue=support", NULL), 0);
    assert_int_equal(json_count(json, "queues"), 1);
    assert_string_equal(json_text(json, "queues/0/queue"), "support");
    struct json *none = NULL;
    assert_true(desk_ask(&desk, REPORT_QUEUES, &none, "queue=", NULL) < 0);
    assert_null(none);
}

static void test_open_calls(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_CALLS, &json, NULL), 0);
    assert_int_equal(desk_int(json, "open_count"), 4);
    assert_string_equal(json_text(json, "open/0/state"), "waiting");
    assert_string_equal(json_text(json, "open/0/caller"), "0000000000abcdef");
    desk_assert_null(json, "open/0/number");
    assert_int_equal(desk_int(json, "open/0/wait_ms"), 116000);
    desk_assert_null(json, "open/0/talk_ms");
    assert_string_equal(json_text(json, "open/2/operator"), "Ana");
    assert_int_equal(desk_int(json, "open/2/wait_ms"), 20000);
    assert_int_equal(desk_int(json, "open/2/talk_ms"), 276000);
    /* 14 min since the answer, of these 1 min held before and 1 min now */
    assert_string_equal(json_text(json, "open/3/state"), "held");
    assert_int_equal(desk_int(json, "open/3/hold_ms"), 120000);
    assert_int_equal(desk_int(json, "open/3/talk_ms"), 720000);
}

static void test_recent_calls(void **state)
{
    (void)state;
    struct call_leg *old = add_closed("2026-11-21T10:00:00+01:00", "2026-11-21T11:34:55+01:00", DESK_SALES, LEG_LOST);
    old->wait_ms = 0;
    struct call_leg *good =
        add_closed("2026-11-21T12:00:00+01:00", "2026-11-21T12:05:00+01:00", DESK_SALES, LEG_COMPLETED_CALLER);
    answer(good, "2026-11-21T12:00:07+01:00", 1, 290000);
    good->number_len = 4;
    (void)strcpy(good->number, "+346");
    struct call_leg *strange =
        add_closed("2026-11-21T12:10:00+01:00", "2026-11-21T12:11:00+01:00", DESK_SUPPORT, LEG_TRANSFERRED);
    answer(strange, "2026-11-21T12:10:30+01:00", 2, 5);
    strange->flags = LEG_FLAG_SUSPECT_WAIT | LEG_FLAG_SUSPECT_TALK;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_CALLS, &json, NULL), 0);
    assert_int_equal(desk_int(json, "closed_count"), 2);
    assert_false(json_bool(json, "truncated"));
    assert_string_equal(json_text(json, "closed/0/outcome"), "transferred");
    assert_true(json_bool(json, "closed/0/suspect"));
    desk_assert_null(json, "closed/0/wait_ms");
    desk_assert_null(json, "closed/0/talk_ms");
    assert_string_equal(json_text(json, "closed/1/outcome"), "completed_caller");
    assert_string_equal(json_text(json, "closed/1/number"), "+346");
    assert_int_equal(desk_int(json, "closed/1/talk_ms"), 290000);
    CLEANUP(json_cleanup) struct json *all = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_CALLS, &all, "from=today", "queue=sales", NULL), 0);
    assert_int_equal(desk_int(all, "closed_count"), 2);
    desk_assert_null(all, "closed/1/talk_ms");
}

static void test_calls_are_limited_to_the_newest(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 250; i++) {
        add_closed("2026-11-21T12:00:00+01:00", "2026-11-21T12:01:00+01:00", DESK_SALES, LEG_ABANDONED)->contact = i;
    }
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_CALLS, &json, NULL), 0);
    assert_int_equal(json_count(json, "closed"), 200);
    assert_int_equal(desk_int(json, "closed_count"), 250);
    assert_true(json_bool(json, "truncated"));
    assert_int_equal(desk_int(json, "closed/0/contact"), 249);
    assert_int_equal(desk_int(json, "closed/199/contact"), 50);
    CLEANUP(json_cleanup) struct json *few = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_CALLS, &few, "limit=3", NULL), 0);
    assert_int_equal(json_count(few, "closed"), 3);
    assert_int_equal(json_count(few, "open"), 3);
    assert_int_equal(desk_int(few, "open_count"), 4);
}

static void test_operators(void **state)
{
    (void)state;
    answer(add_closed("2026-11-21T09:00:00+01:00", "2026-11-21T09:10:00+01:00", DESK_SALES, LEG_COMPLETED_OPERATOR),
           "2026-11-21T09:00:10+01:00", 1, 500000);
    struct call_leg *over_midnight =
        add_closed("2026-11-20T23:50:00+01:00", "2026-11-21T00:10:00+01:00", DESK_SALES, LEG_COMPLETED_OPERATOR);
    answer(over_midnight, "2026-11-20T23:51:00+01:00", 1, 100000);
    over_midnight->hold_ms = 20000;
    answer(add_closed("2026-11-20T10:00:00+01:00", "2026-11-20T10:10:00+01:00", DESK_SALES, LEG_COMPLETED_OPERATOR),
           "2026-11-20T10:00:10+01:00", 1, 300000);
    (void)add_closed("2026-11-21T09:00:00+01:00", "2026-11-21T09:10:00+01:00", DESK_SALES, LEG_ABANDONED);
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, NULL), 0);
    assert_int_equal(json_count(json, "operators"), 2);
    const struct json *ana = json_at(json, "operators/0");
    assert_string_equal(json_text(ana, "operator"), "Ana");
    assert_string_equal(json_text(ana, "state"), "connected");
    assert_string_equal(json_text(ana, "queue"), "support");
    assert_int_equal(desk_int(ana, "on_call_ms"), 276000);
    assert_int_equal(desk_int(ana, "answered"), 2);
    assert_int_equal(desk_int(ana, "talk_ms"), 600000);
    assert_int_equal(desk_int(ana, "aht_ms"), 310000);
    const struct json *bo = json_at(json, "operators/1");
    assert_string_equal(json_text(bo, "operator"), "Bo | Ng");
    assert_string_equal(json_text(bo, "state"), "held");
    desk_assert_null(bo, "aht_ms");
}

static void fill_status(struct health *health)
{
    desk.ledger->facts.quality[QUALITY_LINES] = 500;
    desk.ledger->names[LEDGER_VERB][1] = "WRAPUP";
    desk.ledger->cursors[desk.ledger->cursor_count++] =
        (struct ledger_cursor){.source = "queue_log", .path = "/var/log/asterisk/queue_log", .offset = 4096};
    *health = (struct health){.started_ms = desk.now_ms - 60000,
                              .source_count = 1,
                              .confinement = {"required", .calls = true, .files = true, .landlock = 3}};
    health->sources[0] = (struct health_source){
        .name = "queue_log", .path = "/var/log/asterisk/queue_log", .state = "reading", .lag_bytes = 12};
    desk.health = health;
}

/* Logs that are rotated to dated names, for years: an answer stays an answer. */
static void test_status_tells_of_the_newest_files(void **state)
{
    enum { FILES = 60, TOLD = 32 };
    (void)state;
    struct ledger_cursor *cursors = desk.ledger->cursors;
    for (int i = 0; i < FILES; i++) {
        struct ledger_cursor *cursor = &cursors[desk.ledger->cursor_count++];
        *cursor = (struct ledger_cursor){.source = "queue_log", .updated_ms = i * 37 % FILES};
        (void)snprintf(cursor->path, sizeof cursor->path, "/log/queue_log-%d", i * 37 % FILES);
    }
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
    assert_int_equal(json_count(json, "sources"), TOLD);
    bool told[FILES] = {false};
    for (int i = 0; i < TOLD; i++) {
        char where[32];
        int number = -1;
        (void)snprintf(where, sizeof where, "sources/%d/path", i);
        assert_int_equal(sscanf(json_text(json, where), "/log/queue_log-%d", &number), 1);
        assert_in_range(number, FILES - TOLD, FILES - 1);
        assert_false(told[number]);
        told[number] = true;
    }
}

static void test_status_of_a_running_agent(void **state)
{
    (void)state;
    struct health health;
    fill_status(&health);
    memset(desk.ledger->facts.epoch, 0xa5, sizeof desk.ledger->facts.epoch);
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
    assert_string_equal(json_text(json, "state"), "ok");
    assert_int_equal(json_count(json, "hints"), 0);
    assert_string_equal(json_text(json, "epoch"), "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
    assert_int_equal(desk_int(json, "uptime_ms"), 60000);
    assert_int_equal(desk_int(json, "ledger/committed_age_ms"), 1000);
    assert_int_equal(json_count(json, "sources"), 1);
    assert_string_equal(json_text(json, "sources/0/state"), "reading");
    assert_int_equal(desk_int(json, "sources/0/lag_bytes"), 12);
    assert_int_equal(desk_int(json, "sources/0/offset"), 4096);
    assert_int_equal(desk_int(json, "quality/lines"), 500);
    assert_string_equal(json_text(json, "unknown_verbs/0/verb"), "WRAPUP");
    assert_int_equal(desk_int(json, "unknown_verbs/0/count"), 10);
    assert_int_equal(json_count(json, "queues"), 3);
    assert_int_equal(desk_int(json, "queues/0/service_level_threshold_s"), 20);
    assert_string_equal(json_text(json, "sandbox/setting"), "required");
    assert_true(json_bool(json, "sandbox/system_calls"));
    assert_true(json_bool(json, "sandbox/files"));
    assert_int_equal(json_kind(json, "sandbox/tcp_ports"), JSON_BOOL);
    assert_false(json_bool(json, "sandbox/tcp_ports"));
    assert_int_equal(desk_int(json, "sandbox/landlock"), 3);
    desk.health = NULL; /* the ledger is read without the agent */
    json_cleanup(&json);
    json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
    desk_assert_null(json, "sandbox");
}

static void test_status_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        const char *says;
    } cases[] = {{"missing", "does not exist: is Asterisk writing to a database"},
                 {"denied", "may not be read"},
                 {"error", "cannot be read: disk on fire"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct health health;
        desk.ledger->cursor_count = 0;
        fill_status(&health);
        desk.ledger->cursor_count = 0; /* never brought anything */
        (void)strcpy(health.sources[0].state, cases[i].state);
        (void)strcpy(health.sources[0].last_error, "disk on fire");
        CLEANUP(json_cleanup) struct json *json = NULL;
        assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
        assert_string_equal(json_text(json, "state"), "degraded");
        assert_non_null(strstr(json_text(json, "hints/0"), cases[i].says));
        assert_string_equal(json_text(json, "sources/0/state"), cases[i].state);
        assert_string_equal(json_text(json, "sources/0/last_error"), "disk on fire");
    }
}

static void test_status_of_the_centre(void **state)
{
    (void)state;
    struct health health;
    fill_status(&health);
    CLEANUP(json_cleanup) struct json *alone = NULL;
    health.centre = (struct health_centre){.known = true, .problem = "this box has not joined"};
    desk.ledger->backlog = (struct ledger_backlog){.dirty = 400, .oldest_start_s = desk.now_ms / 1000 - 86400};
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &alone, NULL), 0);
    assert_string_equal(json_text(alone, "state"), "ok"); /* it need not have one */
    assert_false(json_bool(alone, "centre/joined"));
    assert_int_equal(desk_int(alone, "centre/waiting"), 400);

    health.centre = (struct health_centre){.known = true,
                                           .joined = true,
                                           .wanted = true,
                                           .state = "running",
                                           .collector = "coaps+tcp://centre",
                                           .address = "192.0.2.1",
                                           .connected_since_ms = desk.now_ms - 5000,
                                           .acked_ms = desk.now_ms - 2000,
                                           .certificate_not_after_s = desk.now_ms / 1000 + 100,
                                           .certificate_renew_at_s = desk.now_ms / 1000 + 50,
                                           .clock_offset_ms = -200000};
    CLEANUP(json_cleanup) struct json *fine = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &fine, NULL), 0);
    assert_string_equal(json_text(fine, "state"), "ok");
    assert_int_equal(json_count(fine, "hints"), 0);
    assert_string_equal(json_text(fine, "centre/state"), "running");
    assert_int_equal(desk_int(fine, "centre/acknowledged_age_ms"), 2000);
    assert_int_equal(desk_int(fine, "centre/clock_offset_ms"), -200000);
}

static void test_status_says_what_is_wrong_with_the_centre(void **state)
{
    (void)state;
    struct health health;
    fill_status(&health);
    health.started_ms = desk.now_ms - 3600000;
    health.centre = (struct health_centre){.known = true,
                                           .joined = true,
                                           .wanted = true,
                                           .state = "waiting",
                                           .collector = "coaps+tcp://centre",
                                           .certificate_not_after_s = desk.now_ms / 1000 - 7200,
                                           .clock_offset_ms = 3600000,
                                           .last_error = "connection refused"};
    desk.ledger->backlog = (struct ledger_backlog){.dirty = 7, .oldest_start_s = 1700000100, .refused = 2};
    desk.ledger->refusals[desk.ledger->refusal_count++] =
        (struct ledger_refusal){.start_s = 1700000100, .queue = DESK_SALES, .revision = 3, .reason = "out of balance"};
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
    assert_string_equal(json_text(json, "state"), "degraded");
    assert_int_equal(json_count(json, "hints"), 4);
    assert_string_equal(json_text(json, "hints/0"),
                        "nothing was delivered to the centre for 60 minutes, 7 intervals wait: connection refused");
    assert_non_null(strstr(json_text(json, "hints/1"), "the certificate of this box ended 2 hours ago"));
    assert_non_null(strstr(json_text(json, "hints/2"), "is 60 minutes ahead of the centre's"));
    assert_non_null(strstr(json_text(json, "hints/3"), "2 intervals were refused by the centre"));
    assert_non_null(strstr(json_text(json, "hints/3"), "sales 2023-11-14T23:15:00+01:00: out of balance"));
    assert_string_equal(json_text(json, "centre/refusals/0/queue"), "sales");

    /* it answers, and yet what was over long ago waits */
    health.centre.acked_ms = desk.now_ms - 1000;
    health.centre.delivered_ms = desk.now_ms - 40 * 60000;
    CLEANUP(json_cleanup) struct json *stuck = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &stuck, NULL), 0);
    assert_string_equal(json_text(stuck, "hints/0"),
                        "nothing was delivered to the centre for 40 minutes, 7 intervals wait: connection refused");
    desk.ledger->backlog.oldest_start_s = desk.now_ms / 1000 - 600; /* still open */
    CLEANUP(json_cleanup) struct json *open = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &open, NULL), 0);
    assert_null(strstr(json_text(open, "hints/0"), "nothing was delivered"));

    health.centre = (struct health_centre){.known = true, .wanted = true, .problem = "ca.pem: it is missing"};
    desk.ledger->refusal_count = 0;
    desk.ledger->backlog = (struct ledger_backlog){0};
    CLEANUP(json_cleanup) struct json *broken = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &broken, NULL), 0);
    assert_string_equal(json_text(broken, "state"), "degraded");
    assert_string_equal(json_text(broken, "hints/0"), "the centre: ca.pem: it is missing");
}

static void test_status_of_a_full_ledger(void **state)
{
    (void)state;
    struct health health;
    fill_status(&health);
    health.ledger_full = true;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
    assert_string_equal(json_text(json, "state"), "degraded");
    assert_true(json_bool(json, "ledger/full"));
    assert_non_null(strstr(json_text(json, "hints/0"), "the ledger is full"));
}

static void test_status_without_the_daemon(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *fresh = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &fresh, NULL), 0);
    assert_string_equal(json_text(fresh, "state"), "ok");
    desk_assert_null(fresh, "started");
    desk.ledger->facts.committed_ms = desk.now_ms - 600000;
    CLEANUP(json_cleanup) struct json *stale = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &stale, NULL), 0);
    assert_string_equal(json_text(stale, "state"), "down");
    assert_non_null(strstr(json_text(stale, "hints/0"), "the last commit to this ledger is 10 minutes old"));
}

static void test_calls_are_ordered_by_their_end(void **state)
{
    (void)state;
    static const int ends[] = {30, 10, 50, 20, 40, 50, 0};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        add_closed("2026-11-21T12:00:00+01:00", "2026-11-21T12:01:00+01:00", DESK_SALES, LEG_ABANDONED)->end_ms +=
            ends[i] * 1000;
    }
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_CALLS, &json, "limit=5", NULL), 0);
    static const char *const expected[] = {"2026-11-21T12:01:50+01:00", "2026-11-21T12:01:50+01:00",
                                           "2026-11-21T12:01:40+01:00", "2026-11-21T12:01:30+01:00",
                                           "2026-11-21T12:01:20+01:00"};
    assert_int_equal(json_count(json, "closed"), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(json_text(json_item(json_at(json, "closed"), i), "ended"), expected[i]);
    }
    assert_int_equal(desk_int(json, "closed_count"), 7);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_queues),
        CASE(test_one_queue),
        CASE(test_open_calls),
        CASE(test_recent_calls),
        CASE(test_calls_are_limited_to_the_newest),
        CASE(test_calls_are_ordered_by_their_end),
        CASE(test_operators),
        CASE(test_status_of_a_running_agent),
        CASE(test_status_tells_of_the_newest_files),
        CASE(test_status_says_what_is_wrong),
        CASE(test_status_of_the_centre),
        CASE(test_status_says_what_is_wrong_with_the_centre),
        CASE(test_status_of_a_full_ledger),
        CASE(test_status_without_the_daemon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
