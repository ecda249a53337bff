#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/witness/witness.h"

#define T INT64_C(1795284532000)

static struct call_event make(enum event_kind kind, int64_t at_ms, const char *call_id, const char *queue)
{
    return (struct call_event){.kind = kind,
                               .at_ms = at_ms,
                               .call_id = slice_str(call_id),
                               .queue = slice_str(queue),
                               .wait_ms = EVENT_UNKNOWN,
                               .talk_ms = EVENT_UNKNOWN,
                               .ring_ms = EVENT_UNKNOWN};
}

static struct witness *looking(void)
{
    struct witness *witness = NULL;
    assert_int_equal(witness_new(7, &witness), 0);
    witness_on(witness, T - 60000);
    return witness;
}

static void see(struct witness *witness, enum event_kind kind, int64_t at_ms, const char *call_id)
{
    struct call_event event = make(kind, at_ms, call_id, "sales");
    assert_int_equal(witness_see(witness, &event), 0);
}

static struct call_event told(struct witness *witness, enum event_kind kind, int64_t at_ms, const char *call_id)
{
    struct call_event row = make(kind, at_ms, call_id, "sales");
    assert_int_equal(witness_refine(witness, &row), 0);
    return row;
}

static void a_call_gets_its_milliseconds(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T + 400, "a.1");
    assert_int_equal(told(witness, EVENT_ENTER, T, "a.1").at_ms, T + 400);
    struct call_event seen = make(EVENT_CONNECT, T + 5150, "a.1", "sales");
    seen.ring_ms = 2345;
    assert_int_equal(witness_see(witness, &seen), 0);
    struct call_event row = make(EVENT_CONNECT, T + 5000, "a.1", "sales");
    row.wait_ms = 5000;
    row.ring_ms = 2000;
    assert_int_equal(witness_refine(witness, &row), 0);
    assert_int_equal(row.at_ms, T + 5150);
    assert_int_equal(row.wait_ms, 4750);
    assert_int_equal(row.ring_ms, 2345);
    see(witness, EVENT_COMPLETE_CALLER, T + 65020, "a.1");
    row = make(EVENT_COMPLETE_CALLER, T + 65000, "a.1", "sales");
    row.wait_ms = 5000;
    row.talk_ms = 60000;
    assert_int_equal(witness_refine(witness, &row), 0);
    assert_int_equal(row.at_ms, T + 65020);
    assert_int_equal(row.wait_ms, 4750);
    assert_int_equal(row.talk_ms, 59870);
    assert_int_equal(witness_counters(witness)->refined, 3);
    witness_free(witness);
}

static void a_row_stays_in_its_second(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T + 1003, "a.1"); /* the log was written a moment before the event */
    assert_int_equal(told(witness, EVENT_ENTER, T, "a.1").at_ms, T + 999);
    see(witness, EVENT_ABANDON, T + 8990, "a.1");
    struct call_event row = told(witness, EVENT_ABANDON, T + 9000, "a.1");
    assert_int_equal(row.at_ms, T + 9000);
    assert_int_equal(row.wait_ms, 8001);
    witness_free(witness);
}

static void times_far_apart_are_left_and_counted(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T + 400, "a.1");
    (void)told(witness, EVENT_ENTER, T, "a.1");
    see(witness, EVENT_CONNECT, T + 9000, "a.1");
    struct call_event row = told(witness, EVENT_CONNECT, T + 5000, "a.1");
    assert_int_equal(row.at_ms, T + 5000);
    assert_true(row.wait_ms == EVENT_UNKNOWN);
    assert_int_equal(witness_counters(witness)->differs, 1);
    witness_free(witness);
}

static void ring_times_that_cannot_be_are_left(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T, "a.1");
    (void)told(witness, EVENT_ENTER, T, "a.1");
    struct call_event seen = make(EVENT_CONNECT, T + 5000, "a.1", "sales");
    seen.ring_ms = 4900;
    assert_int_equal(witness_see(witness, &seen), 0);
    struct call_event row = make(EVENT_CONNECT, T + 5000, "a.1", "sales");
    row.ring_ms = 1000;
    assert_int_equal(witness_refine(witness, &row), 0);
    assert_int_equal(row.ring_ms, 1000);
    witness_free(witness);
}

static void stays_of_one_call_are_told_apart(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T + 100, "a.1");
    see(witness, EVENT_EXIT_TIMEOUT, T + 10200, "a.1");
    see(witness, EVENT_ENTER, T + 10300, "a.1");
    see(witness, EVENT_ABANDON, T + 20400, "a.1");
    assert_int_equal(told(witness, EVENT_ENTER, T, "a.1").at_ms, T + 100);
    assert_int_equal(told(witness, EVENT_EXIT_TIMEOUT, T + 10000, "a.1").wait_ms, 10100);
    assert_int_equal(told(witness, EVENT_ENTER, T + 10000, "a.1").at_ms, T + 10300);
    assert_int_equal(told(witness, EVENT_ABANDON, T + 20000, "a.1").wait_ms, 10100);
    witness_tick(witness, T + 60000, T + 60000);
    assert_int_equal(witness_counters(witness)->live_only, 0);
    assert_int_equal(witness_counters(witness)->log_only, 0);
    witness_free(witness);
}

/* A blind transfer into the queue that the operator answered from: AgentComplete comes behind the second join. */
static void a_caller_waits_again_while_his_conversation_ends(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T + 151, "a.1");
    see(witness, EVENT_CONNECT, T + 3284, "a.1");
    see(witness, EVENT_ENTER, T + 6089, "a.1");
    see(witness, EVENT_TRANSFER_BLIND, T + 6090, "a.1");
    see(witness, EVENT_CONNECT, T + 8705, "a.1");
    see(witness, EVENT_COMPLETE_OPERATOR, T + 15883, "a.1");
    (void)told(witness, EVENT_ENTER, T, "a.1");
    assert_int_equal(told(witness, EVENT_CONNECT, T + 3000, "a.1").wait_ms, 3133);
    struct call_event row = told(witness, EVENT_TRANSFER_BLIND, T + 6000, "a.1");
    assert_int_equal(row.at_ms, T + 6090);
    assert_int_equal(row.talk_ms, 2806);
    assert_int_equal(told(witness, EVENT_ENTER, T + 6000, "a.1").at_ms, T + 6089);
    assert_int_equal(told(witness, EVENT_CONNECT, T + 8000, "a.1").wait_ms, 2616);
    assert_int_equal(told(witness, EVENT_COMPLETE_OPERATOR, T + 15000, "a.1").talk_ms, 7178);
    assert_int_equal(witness_counters(witness)->differs, 0);
    witness_free(witness);
}

static void an_end_of_which_only_the_leaving_was_seen_yet_is_as_fine(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T + 400, "a.1");
    (void)told(witness, EVENT_ENTER, T, "a.1");
    see(witness, EVENT_LEAVE, T + 8700, "a.1"); /* the reason is told a second later, the row is there before */
    struct call_event row = told(witness, EVENT_EXIT_KEY, T + 8000, "a.1");
    assert_int_equal(row.at_ms, T + 8700);
    assert_int_equal(row.wait_ms, 8300);
    witness_free(witness);
}

static void who_alone_knows_a_call_is_counted_once(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T, "live.only");
    (void)told(witness, EVENT_ENTER, T + 1000, "log.only");
    witness_tick(witness, T + 9000, T + 9000);
    assert_int_equal(witness_counters(witness)->live_only, 0);
    assert_int_equal(witness_counters(witness)->log_only, 0);
    for (int64_t at_ms = T + 12000; at_ms < T + 60000; at_ms += 1000) {
        witness_tick(witness, at_ms, at_ms);
    }
    assert_int_equal(witness_counters(witness)->live_only, 1);
    assert_int_equal(witness_counters(witness)->log_only, 1);
    witness_free(witness);
}

static void a_row_read_before_its_event_is_no_difference(void **state)
{
    (void)state;
    struct witness *witness = looking();
    assert_int_equal(told(witness, EVENT_ENTER, T, "a.1").at_ms, T);
    see(witness, EVENT_ENTER, T + 300, "a.1");
    witness_tick(witness, T + 60000, T + 60000);
    assert_int_equal(witness_counters(witness)->log_only, 0);
    assert_int_equal(witness_counters(witness)->live_only, 0);
    witness_free(witness);
}

static void a_log_that_is_behind_is_waited_for(void **state)
{
    (void)state;
    struct witness *witness = looking();
    see(witness, EVENT_ENTER, T, "a.1");
    see(witness, EVENT_ABANDON, T + 3000, "a.1");
    witness_tick(witness, T + 600000, T - 3600000);
    assert_int_equal(witness_counters(witness)->live_only, 0);
    assert_int_equal(told(witness, EVENT_ENTER, T, "a.1").at_ms, T);
    assert_int_equal(told(witness, EVENT_ABANDON, T + 3000, "a.1").wait_ms, 3000);
    witness_tick(witness, T + 610000, T + 610000);
    assert_int_equal(witness_counters(witness)->live_only, 0);
    witness_free(witness);
}

static void what_was_not_looked_at_is_not_counted(void **state)
{
    (void)state;
    struct witness *witness = NULL;
    assert_int_equal(witness_new(7, &witness), 0);
    (void)told(witness, EVENT_ENTER, T, "before.1");
    see(witness, EVENT_ENTER, T, "snapshot.1"); /* waited already when we came */
    witness_on(witness, T + 1000);
    (void)told(witness, EVENT_ENTER, T + 2000, "edge.1");
    (void)told(witness, EVENT_ENTER, T + 9000, "cut.1");
    witness_off(witness, T + 10000);
    (void)told(witness, EVENT_ENTER, T + 11000, "after.1");
    witness_on(witness, T + 30000);
    witness_tick(witness, T + 90000, T + 90000);
    assert_int_equal(witness_counters(witness)->log_only, 0);
    assert_int_equal(witness_counters(witness)->live_only, 0);
    witness_free(witness);
}

/* A day of calls in a hurry: what is over leaves, whatever the table grew to. */
static void many_calls_come_and_go(void **state)
{
    (void)state;
    struct witness *witness = looking();
    char call_id[32];
    for (int64_t i = 0; i < 300000; i++) {
        int64_t at_ms = T + i * 100;
        (void)snprintf(call_id, sizeof call_id, "pbx-%lld", (long long)i);
        see(witness, EVENT_ENTER, at_ms, call_id);
        assert_int_equal(told(witness, EVENT_ENTER, at_ms / 1000 * 1000, call_id).at_ms, at_ms);
        see(witness, EVENT_ABANDON, at_ms + 50, call_id);
        if (i % 1000 == 0) {
            witness_tick(witness, at_ms, at_ms);
        }
    }
    assert_int_equal(witness_counters(witness)->refined, 300000);
    assert_int_equal(witness_counters(witness)->live_only, 0);
    witness_free(witness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_gets_its_milliseconds),
        cmocka_unit_test(a_row_stays_in_its_second),
        cmocka_unit_test(times_far_apart_are_left_and_counted),
        cmocka_unit_test(ring_times_that_cannot_be_are_left),
        cmocka_unit_test(stays_of_one_call_are_told_apart),
        cmocka_unit_test(a_caller_waits_again_while_his_conversation_ends),
        cmocka_unit_test(an_end_of_which_only_the_leaving_was_seen_yet_is_as_fine),
        cmocka_unit_test(who_alone_knows_a_call_is_counted_once),
        cmocka_unit_test(a_row_read_before_its_event_is_no_difference),
        cmocka_unit_test(a_log_that_is_behind_is_waited_for),
        cmocka_unit_test(what_was_not_looked_at_is_not_counted),
        cmocka_unit_test(many_calls_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
