#include "agent/live/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/live/kit.h"

static struct board *board;
static struct board_copy *copy;

static int setup(void **state)
{
    (void)state;
    const struct board_options options = {.keep_number = true};
    copy = NULL;
    return board_new(&options, &board);
}

static int teardown(void **state)
{
    (void)state;
    board_copy_free(copy);
    board_free(board);
    return 0;
}

static const struct board_copy *look(void)
{
    board_copy_free(copy);
    copy = NULL;
    assert_int_equal(board_copy(board, &copy), 0);
    return copy;
}

static void assert_newest(enum event_kind kind, const char *queue, const char *name, const char *text)
{
    const struct board_copy *now = look();
    assert_true(now->event_count > 0);
    assert_string_equal(event_kind_str(now->events[0].kind), event_kind_str(kind));
    assert_string_equal(now->events[0].queue, queue);
    assert_string_equal(now->events[0].operator_name, name);
    assert_string_equal(now->events[0].text, text);
}

static void test_it_says_nothing_unless_it_is_on(void **state)
{
    (void)state;
    kit_put(board, EVENT_ENTER, 1000, "1.1", "sales", NULL);
    kit_stand(board, "Ana", SHIFT_READY, 900, "sales", NULL);
    const struct board_copy *now = look();
    assert_false(now->on);
    assert_int_equal(now->queue_count + now->caller_count + now->operator_count + now->event_count, 0);
    assert_int_equal(now->on_since_ms + now->down_since_ms, 0);
    board_on(board, 2000); /* what the snapshot found is there, and is no news */
    now = look();
    assert_true(now->on);
    assert_int_equal(now->on_since_ms, 2000);
    assert_int_equal(now->caller_count, 1);
    assert_int_equal(now->operator_count, 1);
    assert_int_equal(now->event_count, 1);
    assert_string_equal(now->events[0].text, "connected to the PBX");
    board_off(board, 3000);
    now = look();
    assert_false(now->on);
    assert_int_equal(now->on_since_ms, 2000);
    assert_int_equal(now->down_since_ms, 3000);
    assert_int_equal(now->queue_count + now->caller_count + now->operator_count, 0);
    assert_int_equal(now->event_count, 2);
    board_on(board, 4000); /* operators are told anew, callers stay until they are told to be gone */
    now = look();
    assert_int_equal(now->caller_count, 1);
    assert_int_equal(now->operator_count, 0);
    assert_int_equal(kit_queue(now, "sales")->logged_in, 0);
    assert_int_equal(now->down_since_ms, 0);
}

static void test_rings_and_holds_do_not_outlive_a_connection(void **state)
{
    (void)state;
    board_on(board, 0);
    kit_put(board, EVENT_ENTER, 1000, "1.1", "sales", NULL);
    kit_put(board, EVENT_RING, 2000, "1.1", "sales", "Ana");
    kit_put(board, EVENT_ENTER, 1500, "1.2", "sales", NULL);
    kit_put(board, EVENT_CONNECT, 2000, "1.2", "sales", "Bo");
    kit_put(board, EVENT_HOLD, 3000, "1.2", "sales", "Bo");
    board_off(board, 4000);
    board_on(board, 5000);
    const struct board_copy *now = look();
    assert_false(now->callers[0].ringing);
    assert_int_equal(now->callers[1].hold_ms, 0);
    assert_int_equal(now->callers[1].connect_ms, 2000);
}

static void test_a_call_from_end_to_end(void **state)
{
    (void)state;
    board_on(board, 0);
    struct call_event enter = kit_event(EVENT_ENTER, 1000, "1.1", "sales", NULL);
    enter.position = 3;
    assert_int_equal(board_put(board, &enter), 0);
    const struct board_copy *now = look();
    assert_int_equal(now->callers[0].position, 3);
    assert_string_equal(now->callers[0].number, "+34600000001");
    assert_false(now->callers[0].ringing);
    assert_int_equal(kit_queue(now, "sales")->waiting, 1);
    assert_int_equal(kit_queue(now, "sales")->oldest_enter_ms, 1000);
    kit_put(board, EVENT_RING, 2000, "1.1", "sales", "Ana");
    kit_put(board, EVENT_RING, 2001, "1.1", "sales", "Bo");
    assert_string_equal(look()->callers[0].operator_name, "Bo");
    assert_true(copy->callers[0].ringing);
    kit_put(board, EVENT_RING_NO_ANSWER, 7000, "1.1", "sales", "Bo");
    assert_string_equal(look()->callers[0].operator_name, "Ana");
    kit_put(board, EVENT_CONNECT, 9000, "1.1", "sales", "Ana");
    now = look();
    assert_int_equal(now->callers[0].connect_ms, 9000);
    assert_string_equal(now->callers[0].operator_name, "Ana");
    assert_false(now->callers[0].ringing);
    assert_int_equal(now->events[0].wait_ms, 8000);
    assert_int_equal(kit_queue(now, "sales")->waiting, 0);
    assert_int_equal(kit_queue(now, "sales")->talking, 1);
    kit_put(board, EVENT_HOLD, 10000, "1.1", NULL, "Ana");
    assert_int_equal(look()->callers[0].hold_ms, 10000);
    assert_int_equal(kit_queue(copy, "sales")->held, 1);
    kit_put(board, EVENT_UNHOLD, 11000, "1.1", "sales", "Ana");
    assert_int_equal(look()->callers[0].hold_ms, 0);
    struct call_event end = kit_event(EVENT_COMPLETE_CALLER, 20000, "1.1", "sales", "Ana");
    end.talk_ms = 11000;
    assert_int_equal(board_put(board, &end), 0);
    now = look();
    assert_int_equal(now->caller_count, 0);
    assert_newest(EVENT_COMPLETE_CALLER, "sales", "Ana", "");
    assert_int_equal(copy->events[0].talk_ms, 11000);
    assert_int_equal(copy->events[0].wait_ms, 8000);
}

static void test_an_end_of_a_queue_he_left_already_ends_nothing(void **state)
{
    (void)state;
    board_on(board, 0);
    kit_put(board, EVENT_ENTER, 1000, "1.1", "sales", NULL);
    kit_put(board, EVENT_ENTER, 2000, "1.1", "support", NULL);
    kit_put(board, EVENT_EXIT_KEY, 2001, "1.1", "sales", NULL);
    assert_int_equal(look()->caller_count, 1);
    assert_string_equal(copy->callers[0].queue, "support");
    kit_put(board, EVENT_ABANDON, 3000, "1.1", "support", NULL);
    assert_int_equal(look()->caller_count, 0);
}

static void test_who_is_transferred_back_waits_while_his_conversation_ends(void **state)
{
    (void)state;
    board_on(board, 0);
    kit_put(board, EVENT_ENTER, 1000, "1.1", "sales", NULL);
    kit_put(board, EVENT_CONNECT, 2000, "1.1", "sales", "Ana");
    kit_put(board, EVENT_ENTER, 9000, "1.1", "sales", NULL);
    kit_put(board, EVENT_TRANSFER_BLIND, 9002, "1.1", "sales", "Ana");
    look();
    assert_int_equal(copy->caller_count, 1);
    assert_int_equal(copy->callers[0].enter_ms, 9000);
    assert_int_equal(copy->callers[0].connect_ms, 0);
}

static void test_who_was_not_seen_to_enter_comes_in_with_the_answer(void **state)
{
    (void)state;
    board_on(board, 0);
    struct call_event connect = kit_event(EVENT_CONNECT, 9000, "1.1", "sales", "Ana");
    connect.wait_ms = 4000;
    assert_int_equal(board_put(board, &connect), 0);
    assert_int_equal(look()->callers[0].enter_ms, 5000);
    kit_put(board, EVENT_RESTART, 10000, NULL, NULL, NULL);
    assert_int_equal(look()->caller_count, 0);
    assert_newest(EVENT_RESTART, "", "", "");
}

static void test_queues_count_their_operators(void **state)
{
    (void)state;
    board_on(board, 10000);
    kit_stand(board, "Ana", SHIFT_READY, 1, "sales support", NULL);
    kit_stand(board, "Bo", SHIFT_READY, 1, "sales -support", NULL);
    kit_stand(board, "Cy", SHIFT_TALK, 1, "-sales", NULL);
    kit_stand(board, "Di", SHIFT_PAUSED, 1, "-sales -support", "lunch");
    kit_stand(board, "Ed", SHIFT_UNAVAILABLE, 1, "sales", NULL);
    kit_stand(board, "Flo", SHIFT_READY, 1, "-twice twice", NULL); /* two devices, one of them paused */
    const struct board_copy *now = look();
    const struct board_queue *sales = kit_queue(now, "sales");
    assert_int_equal(sales->logged_in, 5);
    assert_int_equal(sales->ready, 2);
    assert_int_equal(sales->paused, 1);
    assert_int_equal(sales->on_call, 1);
    const struct board_queue *support = kit_queue(now, "support");
    assert_int_equal(support->logged_in, 3);
    assert_int_equal(support->ready, 1);
    assert_int_equal(support->paused, 2);
    assert_int_equal(kit_queue(now, "twice")->logged_in, 1);
    assert_int_equal(kit_queue(now, "twice")->ready, 1);
    assert_int_equal(now->operator_count, 6);
    assert_string_equal(now->operators[3].name, "Di");
    assert_string_equal(now->operators[3].reason, "lunch");
    assert_true(now->operators[3].members[1].paused);
    kit_stand(board, "Di", SHIFT_OFF, 2, "", NULL);
    kit_stand(board, "nobody", SHIFT_OFF, 2, "", NULL);
    assert_int_equal(look()->operator_count, 5);
    assert_int_equal(kit_queue(copy, "support")->logged_in, 2);
}

static void test_more_queues_than_are_shown_are_counted(void **state)
{
    (void)state;
    char queues[1000] = "";
    for (int i = 0; i < 40; i++) {
        (void)snprintf(queues + strlen(queues), sizeof queues - strlen(queues), "q%d ", i);
    }
    board_on(board, 0);
    kit_stand(board, "Ana", SHIFT_READY, 1, queues, NULL);
    const struct board_copy *now = look();
    assert_int_equal(now->queue_count, 40);
    assert_int_equal(now->operators[0].member_count, BOARD_MEMBERS_MAX);
    for (size_t i = 0; i < now->queue_count; i++) {
        assert_int_equal(now->queues[i].ready, 1);
    }
}

static void test_what_operators_do_is_listed_once(void **state)
{
    (void)state;
    board_on(board, 1000);
    kit_stand(board, "Old", SHIFT_READY, 500, "sales", NULL); /* was there before */
    assert_int_equal(look()->event_count, 1);
    kit_stand(board, "Ana", SHIFT_READY, 5000, "sales", NULL);
    assert_newest(EVENT_LOGIN, "sales", "Ana", "");
    kit_stand(board, "Ana", SHIFT_READY, 5000, "sales support", NULL);
    assert_int_equal(look()->event_count, 2);
    /* a pause in all queues comes in two pieces */
    kit_stand(board, "Ana", SHIFT_READY, 5000, "-sales support", NULL);
    kit_stand(board, "Ana", SHIFT_PAUSED, 5100, "-sales -support", "lunch");
    assert_newest(EVENT_PAUSE, "", "Ana", "lunch");
    assert_int_equal(copy->event_count, 3);
    kit_stand(board, "Ana", SHIFT_READY, 20000, "sales -support", NULL);
    assert_newest(EVENT_UNPAUSE, "sales", "Ana", "");
    /* during a call: the state stays, the time is that of now */
    kit_stand(board, "Ana", SHIFT_TALK, 30000, "sales -support", NULL);
    kit_put(board, EVENT_ENTER, 45000, "1.1", "sales", NULL);
    kit_stand(board, "Ana", SHIFT_TALK, 30000, "-sales -support", NULL);
    assert_newest(EVENT_PAUSE, "", "Ana", "");
    assert_int_equal(copy->events[0].at_ms, 45000);
    size_t before = copy->event_count;
    kit_stand(board, "Ana", SHIFT_PAUSED, 50000, "-sales -support", NULL);
    assert_int_equal(look()->event_count, before);
}

static void test_logging_off_is_one_line(void **state)
{
    (void)state;
    board_on(board, 1000);
    kit_stand(board, "Ana", SHIFT_READY, 900, "sales support", NULL);
    kit_put(board, EVENT_MEMBER_REMOVE, 9000, NULL, "sales", "Ana");
    assert_newest(EVENT_MEMBER_REMOVE, "sales", "Ana", "");
    kit_stand(board, "Ana", SHIFT_READY, 900, "support", NULL);
    kit_put(board, EVENT_MEMBER_REMOVE, 9010, NULL, "support", "Ana");
    kit_stand(board, "Ana", SHIFT_OFF, 9010, "", NULL);
    assert_newest(EVENT_LOGOFF, "", "Ana", "");
    assert_int_equal(copy->event_count, 2);
    /* the roster first, then the event */
    kit_stand(board, "Bo", SHIFT_READY, 900, "sales", NULL);
    kit_stand(board, "Bo", SHIFT_OFF, 12000, "", NULL);
    assert_int_equal(look()->event_count, 2);
    kit_put(board, EVENT_MEMBER_REMOVE, 12000, NULL, "sales", "Bo");
    assert_newest(EVENT_LOGOFF, "", "Bo", "");
    /* from one queue of two, long after */
    kit_stand(board, "Cy", SHIFT_READY, 900, "sales support", NULL);
    kit_put(board, EVENT_MEMBER_REMOVE, 30000, NULL, "sales", "Cy");
    kit_stand(board, "Cy", SHIFT_READY, 900, "support", NULL);
    assert_newest(EVENT_MEMBER_REMOVE, "sales", "Cy", "");
}

static void test_refusals_and_rings_in_vain_are_listed(void **state)
{
    (void)state;
    board_on(board, 0);
    struct call_event blocked = kit_event(EVENT_BLOCKED, 5000, "1.9", "sales", NULL);
    blocked.text = slice_str("FULL");
    assert_int_equal(board_put(board, &blocked), 0);
    assert_newest(EVENT_BLOCKED, "sales", "", "FULL");
    assert_int_equal(copy->caller_count, 0);
    struct call_event enter = kit_event(EVENT_ENTER, 6000, "1.1", "sales", NULL);
    enter.text = slice_str("+34600000001"); /* raw parameters are not shown */
    assert_int_equal(board_put(board, &enter), 0);
    assert_newest(EVENT_ENTER, "sales", "", "");
    kit_put(board, EVENT_RING_NO_ANSWER, 7000, "1.1", "sales", "Ana");
    assert_newest(EVENT_RING_NO_ANSWER, "sales", "Ana", "");
    uint64_t changes = copy->changes;
    kit_put(board, EVENT_NOTE, 8000, "1.1", "sales", "Ana");
    assert_int_equal(look()->changes, changes);
    assert_int_equal(board_changes(board), changes);
}

static void test_events_are_newest_first_and_the_newest_are_kept(void **state)
{
    (void)state;
    board_on(board, 0);
    for (int i = 0; i < 200; i++) {
        kit_put(board, EVENT_ABANDON, 1000 + i, "1.1", "sales", NULL);
    }
    kit_put(board, EVENT_EXIT_KEY, 1190, "1.1", "sales", NULL); /* told late */
    const struct board_copy *now = look();
    assert_int_equal(now->event_count, BOARD_EVENTS);
    assert_int_equal(now->events[0].at_ms, 1199);
    for (size_t i = 1; i < now->event_count; i++) {
        assert_true(now->events[i - 1].at_ms >= now->events[i].at_ms);
    }
}

static void test_long_and_odd_names(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'a', sizeof name);
    memcpy(name + 78, "é", 2); /* would be cut in its middle */
    name[sizeof name - 1] = 0;
    char call_id[300];
    memset(call_id, '7', sizeof call_id);
    call_id[sizeof call_id - 1] = 0;
    board_on(board, 0);
    kit_stand(board, name, SHIFT_READY, 1, "sales", NULL);
    kit_stand(board, "", SHIFT_READY, 1, "sales", NULL);
    kit_put(board, EVENT_ENTER, 1000, call_id, "sales", NULL);
    kit_put(board, EVENT_CONNECT, 1000, call_id, "sales", name);
    kit_put(board, EVENT_ENTER, 1000, "", "sales", NULL);
    const struct board_copy *now = look();
    assert_int_equal(now->operator_count, 1);
    assert_int_equal(strlen(now->operators[0].name), 78);
    assert_int_equal(now->caller_count, 1);
    assert_string_equal(now->callers[0].operator_name, now->operators[0].name);
    kit_put(board, EVENT_COMPLETE_CALLER, 1000, call_id, "sales", name);
    assert_int_equal(look()->caller_count, 0);
    kit_stand(board, name, SHIFT_OFF, 1, "", NULL);
    assert_int_equal(look()->operator_count, 0);
}

static void test_numbers_only_where_the_site_keeps_them(void **state)
{
    (void)state;
    board_free(board);
    const struct board_options options = {.keep_number = false};
    assert_int_equal(board_new(&options, &board), 0);
    board_on(board, 0);
    kit_put(board, EVENT_ENTER, 1000, "1.1", "sales", NULL);
    assert_string_equal(look()->callers[0].number, "");
    board_copy_free(NULL);
    board_free(NULL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_it_says_nothing_unless_it_is_on),
        CASE(test_rings_and_holds_do_not_outlive_a_connection),
        CASE(test_a_call_from_end_to_end),
        CASE(test_an_end_of_a_queue_he_left_already_ends_nothing),
        CASE(test_who_is_transferred_back_waits_while_his_conversation_ends),
        CASE(test_who_was_not_seen_to_enter_comes_in_with_the_answer),
        CASE(test_queues_count_their_operators),
        CASE(test_more_queues_than_are_shown_are_counted),
        CASE(test_what_operators_do_is_listed_once),
        CASE(test_logging_off_is_one_line),
        CASE(test_refusals_and_rings_in_vain_are_listed),
        CASE(test_events_are_newest_first_and_the_newest_are_kept),
        CASE(test_long_and_odd_names),
        CASE(test_numbers_only_where_the_site_keeps_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
