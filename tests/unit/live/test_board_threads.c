/* One thread writes, another copies. With an argument it measures instead: events a second, and the cost of a copy. */
#include "agent/live/board.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/live/kit.h"

enum { ROUNDS = 3000, HELD = 200 };

static struct board *board;
static atomic_bool done;

static void one_call(int round, int64_t at_ms)
{
    char call_id[24];
    char name[24];
    char queue[24];
    (void)snprintf(call_id, sizeof call_id, "17%d.%d", round % HELD, round % HELD);
    (void)snprintf(name, sizeof name, "op %d", round % 40);
    (void)snprintf(queue, sizeof queue, "queue %d", round % HELD % 20);
    kit_put(board, EVENT_COMPLETE_CALLER, at_ms, call_id, queue, name); /* of the round before */
    kit_put(board, EVENT_ENTER, at_ms, call_id, queue, NULL);
    kit_put(board, EVENT_RING, at_ms, call_id, queue, name);
    kit_put(board, EVENT_CONNECT, at_ms, call_id, queue, name);
    kit_stand(board, name, round % 3 ? SHIFT_TALK : SHIFT_READY, at_ms, "q1 q2 -q3", "lunch");
}

static void *write_much(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 1000 == 999) {
            board_off(board, round);
            board_on(board, round);
        }
        one_call(round, round);
    }
    atomic_store(&done, true);
    return unused;
}

static void look_at(const struct board_copy *copy)
{
    size_t waiting = 0;
    size_t talking = 0;
    for (size_t i = 0; i < copy->queue_count; i++) {
        waiting += copy->queues[i].waiting;
        talking += copy->queues[i].talking;
        assert_true(copy->queues[i].ready + copy->queues[i].on_call <= copy->queues[i].logged_in);
    }
    assert_int_equal(waiting + talking, copy->caller_count);
}

static void test_copies_are_whole_while_another_thread_writes(void **state)
{
    (void)state;
    pthread_t writer;
    uint64_t changes = 0;
    const struct board_options options = {.keep_number = true};
    assert_int_equal(board_new(&options, &board), 0);
    board_on(board, 0);
    atomic_store(&done, false);
    assert_int_equal(pthread_create(&writer, NULL, write_much, NULL), 0);
    while (!atomic_load(&done)) {
        struct board_copy *copy = NULL;
        assert_int_equal(board_copy(board, &copy), 0);
        assert_true(copy->changes >= changes);
        changes = copy->changes;
        look_at(copy);
        board_copy_free(copy);
        assert_true(board_changes(board) >= changes);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    board_free(board);
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(void)
{
    enum { CALLS = 200000, COPIES = 2000 };
    const struct board_options options = {.keep_number = true};
    if (board_new(&options, &board) != 0) {
        return;
    }
    board_on(board, 0);
    double begun = seconds();
    for (int round = 0; round < CALLS; round++) {
        one_call(round, round);
    }
    double wrote = seconds();
    for (int i = 0; i < COPIES; i++) {
        struct board_copy *copy = NULL;
        if (board_copy(board, &copy) == 0) {
            board_copy_free(copy);
        }
    }
    double copied = seconds();
    (void)printf("%.0f ns an event (4 of calls and 1 of an operator each round, names made by the test as well); "
                 "%.0f us a copy of %d callers in 20 queues and 40 operators\n",
                 (wrote - begun) / CALLS / 5 * 1e9, (copied - wrote) / COPIES * 1e6, HELD);
    board_free(board);
}

int main(int argc, char **argv)
{
    (void)argv;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copies_are_whole_while_another_thread_writes)};
    if (argc > 1) {
        measure();
        return EXIT_SUCCESS;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
