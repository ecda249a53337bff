/* /live observed over a real socket: everything that changes is heard of, the last of it too, whole whatever its size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/cleanup.h"
#include "platform/coap/observe.h"
#include "platform/time/clock.h"
#include "tests/unit/status/live_desk.h"
#include "tests/unit/status/server_desk.h"

enum { PATIENCE_MS = 20000, LIVE_MIN_MS = 50 };

static struct server_desk it;
static struct board *board;
static struct observe *watcher;

static int setup(void **state)
{
    (void)state;
    server_desk_init(&it);
    live_desk_board(&it.desk, &board);
    server_desk_start(&it, 100, board, LIVE_MIN_MS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    observe_close(watcher);
    watcher = NULL;
    server_desk_deinit(&it);
    board_free(board);
    return 0;
}

static void watch(const char *resource)
{
    const struct slice path = slice_str(resource);
    const struct observe_options options = {
        .url = it.url, .path = &path, .path_count = 1, .accept = 50, .silence_ms = PATIENCE_MS};
    assert_int_equal(observe_open(&options, &watcher), 0);
}

/* The next answer, or NULL when none came in that time. */
static struct json *hear(int64_t timeout_ms)
{
    int64_t until_ms = clock_monotonic_ms() + timeout_ms;
    while (clock_monotonic_ms() < until_ms) {
        int happened = observe_wait(watcher, until_ms - clock_monotonic_ms(), -1);
        assert_true(happened >= 0);
        if (happened & OBSERVE_NEWS) {
            struct observe_answer answer = observe_answer(watcher);
            struct json *json = NULL;
            assert_int_equal(answer.code, 205);
            assert_true(answer.observed);
            assert_int_equal(json_parse(answer.body, 10000000, &json, NULL, 0), 0);
            return json;
        }
    }
    return NULL;
}

static int64_t waiting_in(const struct json *json)
{
    int64_t waiting = -1;
    assert_true(json_int(json, "totals/waiting", &waiting));
    return waiting;
}

static void come(int number)
{
    char call_id[24];
    (void)snprintf(call_id, sizeof call_id, "17000.%d", number);
    const struct call_event event = {.kind = EVENT_ENTER,
                                     .at_ms = it.desk.now_ms - number,
                                     .call_id = slice_str(call_id),
                                     .queue = slice_str("sales"),
                                     .caller = slice_str("+34600000001"),
                                     .wait_ms = EVENT_UNKNOWN,
                                     .talk_ms = EVENT_UNKNOWN};
    assert_int_equal(board_put(board, &event), 0);
    status_server_notify_live(it.server);
}

static void log_in(int number)
{
    char name[24];
    const struct board_stand_member member = {slice_str("sales"), false};
    (void)snprintf(name, sizeof name, "operator %d", number);
    const struct board_stand stand = {.name = slice_str(name),
                                      .state = SHIFT_READY,
                                      .since_ms = 1,
                                      .login_ms = 1,
                                      .members = &member,
                                      .member_count = 1};
    assert_int_equal(board_stand(board, &stand), 0);
}

/* Listens until so many wait; tells how many answers it took. */
static int hear_until(int64_t waiting)
{
    for (int answers = 1;; answers++) {
        CLEANUP(json_cleanup) struct json *json = hear(PATIENCE_MS);
        assert_non_null(json);
        if (waiting_in(json) == waiting) {
            return answers;
        }
    }
}

static void test_a_change_is_heard_of(void **state)
{
    (void)state;
    watch("live");
    CLEANUP(json_cleanup) struct json *first = hear(PATIENCE_MS);
    assert_int_equal(waiting_in(first), 2);
    come(1);
    CLEANUP(json_cleanup) struct json *second = hear(PATIENCE_MS);
    assert_int_equal(waiting_in(second), 3);
    assert_null(hear(3 * LIVE_MIN_MS)); /* and nothing without a reason */
}

static void test_many_changes_are_a_few_answers_and_the_last_is_told(void **state)
{
    (void)state;
    watch("live");
    json_free(hear(PATIENCE_MS));
    int64_t begun_ms = clock_monotonic_ms();
    for (int i = 1; i <= 200; i++) {
        come(i);
        (void)usleep(1000);
    }
    int answers = hear_until(202);
    int64_t took_ms = clock_monotonic_ms() - begun_ms;
    assert_true(answers <= 2 + took_ms / LIVE_MIN_MS);
    json_free(hear(3 * LIVE_MIN_MS)); /* the last change may have been told before its own notice */
    assert_null(hear(3 * LIVE_MIN_MS));
}

static void test_a_commit_is_heard_of_as_well(void **state)
{
    (void)state;
    watch("live");
    json_free(hear(PATIENCE_MS));
    status_server_notify(it.server);
    CLEANUP(json_cleanup) struct json *json = hear(PATIENCE_MS);
    assert_non_null(json);
    assert_null(hear(3 * LIVE_MIN_MS));
}

static void test_a_large_document_comes_whole(void **state)
{
    (void)state;
    for (int i = 1; i <= 350; i++) {
        come(i);
        log_in(i);
    }
    watch("live");
    json_free(hear(PATIENCE_MS));
    size_t largest = 0;
    for (int round = 1; round <= 20; round++) {
        come(1000 + round);
        (void)hear_until(352 + round);
        size_t len = observe_answer(watcher).body.len;
        largest = len > largest ? len : largest;
    }
    for (int i = 1; i <= 300; i++) { /* faster than they can be fetched */
        come(2000 + i);
        (void)observe_wait(watcher, 0, -1);
    }
    (void)hear_until(672);
    assert_true(largest > 60000);
}

static void test_operators_and_calls_can_be_observed(void **state)
{
    (void)state;
    static const char *const resources[] = {"operators", "calls", "queues", "status"};
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        watch(resources[i]);
        json_free(hear(PATIENCE_MS));
        status_server_notify(it.server);
        CLEANUP(json_cleanup) struct json *json = hear(PATIENCE_MS);
        assert_non_null(json);
        observe_close(watcher);
        watcher = NULL;
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_change_is_heard_of),
        CASE(test_many_changes_are_a_few_answers_and_the_last_is_told),
        CASE(test_a_commit_is_heard_of_as_well),
        CASE(test_a_large_document_comes_whole),
        CASE(test_operators_and_calls_can_be_observed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
