/* What is made by workers: who waits, who does not, and what becomes of it when there is too much or too little time.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/worker.h"
#include "platform/time/clock.h"
#include "tests/unit/api/server_kit.h"

static struct kit kit;

static int setup(void **state)
{
    (void)state;
    kit_init(&kit);
    atomic_store(&kit_made, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_stop(&kit);
    return 0;
}

static void ask(struct kit_client *client, const char *target, const char *headers)
{
    char text[300];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, headers);
    kit_open(&kit, client);
    kit_send(client, text);
}

static int taken(struct kit_client *client)
{
    struct kit_answer answer;
    kit_take(client, false, &answer);
    int code = answer.code;
    kit_answer_free(&answer);
    kit_close(client);
    return code;
}

static void expect_body(const char *target, const char *headers, const char *body)
{
    struct kit_answer answer;
    kit_get(&kit, target, headers, &answer);
    assert_string_equal(buf_cstr(&answer.body), body);
    kit_answer_free(&answer);
}

static void test_the_slow_keep_nobody(void **state)
{
    (void)state;
    kit_start(&kit);
    struct kit_client slow[4];
    for (int i = 0; i < 4; i++) {
        char target[60];
        (void)snprintf(target, sizeof target, "/api/v1/count?ms=1000&x=%d", i);
        ask(&slow[i], target, KIT_AUTH);
    }
    kit_wait_for(atomic_load(&kit_working) == 2);
    assert_int_equal(kit_code(&kit, "/healthz", ""), 200);
    assert_int_equal(kit_code(&kit, "/api/v1/about", KIT_AUTH), 200);
    assert_int_equal(kit_code(&kit, "/", ""), 200);
    assert_int_equal(atomic_load(&kit_made), 0);
    assert_true(api_alive(kit.api, clock_monotonic_ms()));
    assert_false(api_alive(kit.api, clock_monotonic_ms() + 60000));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(taken(&slow[i]), 200);
    }
}

static void test_made_once_for_all_who_wait(void **state)
{
    (void)state;
    kit_start(&kit);
    struct kit_client clients[30];
    for (int i = 0; i < 30; i++) {
        ask(&clients[i], i % 2 ? "/api/v1/count?ms=300&x=1&f=0" : "/api/v1/count?f=0&x=1&ms=300", KIT_AUTH);
        if (i == 0) {
            kit_wait_for(atomic_load(&kit_working) == 1);
        }
    }
    for (int i = 0; i < 30; i++) {
        assert_int_equal(taken(&clients[i]), 200);
    }
    assert_int_equal(atomic_load(&kit_made), 1);
    expect_body("/api/v1/count?ms=0&x=1&f=0", KIT_AUTH, "made 2 for view");
    expect_body("/api/v1/count?ms=0&x=1&f=0", KIT_AUTH, "made 3 for view");
}

static void test_fresh_then_stale(void **state)
{
    (void)state;
    kit_start(&kit);
    expect_body("/api/v1/count?f=300&s=60000", KIT_AUTH, "made 1 for view");
    expect_body("/api/v1/count?f=300&s=60000", KIT_AUTH, "made 1 for view");
    expect_body("/api/v1/count?f=300&s=60000", KIT_AUTH_ADMIN, "made 2 for admin");
    kit_sleep(400);
    /* Somebody makes it anew, by itself or because it was asked for when stale; nobody waits for that. */
    assert_int_equal(kit_code(&kit, "/api/v1/count?f=300&s=60000", KIT_AUTH), 200);
    kit_wait_for(atomic_load(&kit_made) >= 3);
}

static void test_stale_is_given_while_it_is_made(void **state)
{
    (void)state;
    kit_start(&kit);
    expect_body("/api/v1/count?ms=500&f=100&s=60000", KIT_AUTH, "made 1 for view");
    kit_sleep(150);
    expect_body("/api/v1/count?ms=500&f=100&s=60000", KIT_AUTH, "made 1 for view");
    expect_body("/api/v1/count?ms=500&f=100&s=60000", KIT_AUTH, "made 1 for view");
    assert_true(atomic_load(&kit_made) <= 2);
    kit_wait_for(atomic_load(&kit_made) >= 2);
}

static void test_made_ahead(void **state)
{
    (void)state;
    kit_start(&kit);
    expect_body("/api/v1/count?f=1000&s=0", KIT_AUTH, "made 1 for view");
    expect_body("/api/v1/count?f=1000&s=0", KIT_AUTH, "made 1 for view");
    kit_wait_for(atomic_load(&kit_made) >= 2); /* nobody asked for it */
    kit_wait_for(atomic_load(&kit_made) >= 3);
}

static void test_failures_are_not_kept(void **state)
{
    (void)state;
    kit_start(&kit);
    assert_int_equal(kit_code(&kit, "/api/v1/count?f=60000&code=404", KIT_AUTH), 404);
    assert_int_equal(kit_code(&kit, "/api/v1/count?f=60000&code=404", KIT_AUTH), 404);
    assert_int_equal(atomic_load(&kit_made), 2);
}

static void test_out_of_time(void **state)
{
    (void)state;
    kit.options.budget_ms = 700;
    kit.options.workers = 1;
    kit_start(&kit);
    struct kit_client first;
    struct kit_answer second;
    ask(&first, "/api/v1/count?ms=60000", KIT_AUTH);
    kit_wait_for(atomic_load(&kit_working) == 1);
    kit_get(&kit, "/api/v1/count?ms=60001", KIT_AUTH, &second);
    assert_int_equal(second.code, 503);
    assert_non_null(kit_header(&second, "Retry-After"));
    kit_answer_free(&second);
    assert_int_equal(taken(&first), 503);
    assert_int_equal(atomic_load(&kit_made), 0);
    assert_int_equal(kit_code(&kit, "/api/v1/count", KIT_AUTH), 200);
    assert_int_equal(kit_code(&kit, "/metrics", KIT_AUTH), 200);
    assert_int_equal(kit_metrics().late, 2);
}

static void nothing(struct worker_waiter *waiter)
{
    (void)waiter;
}

static atomic_bool woken;

static void wake(struct worker_waiter *waiter)
{
    (void)waiter;
    atomic_store(&woken, true);
}

static void test_too_old_to_begin(void **state)
{
    (void)state;
    static struct meter meter;
    struct worker_options options = {.api = &kit.options, .instance = "abc", .meter = &meter, .queue_max = 4};
    struct worker_waiter waiter = {.rest = nothing, .wake = wake};
    struct worker_pool *pool;
    struct question *question;
    const char *why;
    struct access_token token = {.role = ACCESS_VIEW};
    const struct endpoint *endpoint = endpoint_table;
    while (strcmp(endpoint->path, "/api/v1/count") != 0) {
        endpoint++;
    }
    assert_int_equal(worker_new(&options, &pool), 0);
    assert_int_equal(question_new("/api/v1/count", &question, &why), 0);
    struct worker_question asked = {.endpoint = endpoint, .question = question, .token = &token};
    int64_t long_ago_ms = clock_monotonic_ms() - kit.options.budget_ms;
    assert_int_equal(worker_ask(pool, &asked, &waiter, long_ago_ms), WORKER_WAITS);
    kit_wait_for(atomic_load(&woken));
    assert_int_equal(waiter.answer->code, 503);
    assert_true(waiter.answer->retry_after_s > 0);
    assert_int_equal(atomic_load(&kit_made), 0);
    body_unref(waiter.answer);
    worker_free(pool);
    question_unref(question);
}

enum { TURNS_LINE = 8 };
static atomic_int turns_done;

static void turn_done(struct worker_waiter *waiter)
{
    (void)waiter;
    atomic_fetch_add(&turns_done, 1);
}

static int ask_turn(struct worker_pool *pool, const struct access_token *token, unsigned number,
                    struct worker_waiter *waiter)
{
    char target[140];
    struct question *question;
    const char *why;
    const struct endpoint *endpoint = endpoint_table;
    while (strcmp(endpoint->path, "/api/v1/count") != 0) {
        endpoint++;
    }
    (void)snprintf(target, sizeof target, "/api/v1/count?hold=%d&x=%u&of=%s", number == 0, number, token->name);
    assert_int_equal(question_new(target, &question, &why), 0);
    struct worker_question asked = {.endpoint = endpoint, .question = question, .token = token};
    *waiter = (struct worker_waiter){.rest = nothing, .wake = turn_done};
    int status = worker_ask(pool, &asked, waiter, clock_monotonic_ms());
    question_unref(question);
    return status;
}

/* Who asks much fills neither the line nor the time of the others. */
static void test_askers_take_turns(void **state)
{
    (void)state;
    static struct meter meter;
    kit.options.workers = 1;
    kit.options.budget_ms = 60000;
    struct worker_options options = {
        .api = &kit.options, .instance = "abc", .meter = &meter, .queue_max = TURNS_LINE, .cache_bytes_max = 1 << 20};
    struct worker_waiter waiters[TURNS_LINE + 1];
    struct worker_waiter refused;
    struct worker_pool *pool;
    struct access_token much = {.name = "much", .role = ACCESS_VIEW, .hash = {1}};
    struct access_token little = {.name = "little", .role = ACCESS_VIEW, .hash = {2}};
    atomic_store(&turns_done, 0);
    atomic_store(&kit_hold, true);
    assert_int_equal(worker_new(&options, &pool), 0);
    assert_int_equal(ask_turn(pool, &much, 0, &waiters[0]), WORKER_WAITS);
    kit_wait_for(atomic_load(&kit_working) == 1);
    for (unsigned i = 1; i <= 6; i++) {
        assert_int_equal(ask_turn(pool, &much, i, &waiters[i]), WORKER_WAITS);
    }
    assert_true(ask_turn(pool, &much, 7, &refused) < 0);
    assert_int_equal(ask_turn(pool, &little, 7, &waiters[7]), WORKER_WAITS);
    assert_int_equal(ask_turn(pool, &little, 8, &waiters[8]), WORKER_WAITS);
    assert_true(ask_turn(pool, &little, 9, &refused) < 0);
    atomic_store(&kit_hold, false);
    kit_wait_for(atomic_load(&turns_done) == TURNS_LINE + 1);
    assert_string_equal(buf_cstr(&waiters[7].answer->plain), "made 2 for view");
    assert_string_equal(buf_cstr(&waiters[8].answer->plain), "made 4 for view");
    for (int i = 0; i <= TURNS_LINE; i++) {
        body_unref(waiters[i].answer);
    }
    worker_free(pool);
}

/* A hundred who ask for all there is and take it byte by byte must not cost the memory of a hundred answers. */
static void test_answers_in_memory(void **state)
{
    (void)state;
    static struct meter meter;
    enum { MUCH = 200 << 20 };
    struct worker_options options = {.api = &kit.options, .instance = "abc", .meter = &meter, .queue_max = TURNS_LINE};
    struct endpoint_answer answer = {.code = 404};
    struct worker_waiter waiter;
    struct worker_pool *pool;
    struct access_token token = {.name = "much", .role = ACCESS_VIEW, .hash = {1}};
    atomic_store(&turns_done, 0);
    assert_int_equal(worker_new(&options, &pool), 0);
    assert_non_null(buf_grow(&answer.body, MUCH));
    size_t before = body_bytes_alive();
    struct body *held = body_new(&answer, false);
    assert_non_null(held);
    assert_true(body_bytes_alive() - before >= MUCH);
    assert_true(ask_turn(pool, &token, 1, &waiter) < 0);
    body_unref(held);
    assert_int_equal(body_bytes_alive(), before);
    assert_int_equal(ask_turn(pool, &token, 1, &waiter), WORKER_WAITS);
    kit_wait_for(atomic_load(&turns_done) == 1);
    body_unref(waiter.answer);
    worker_free(pool);
}

static int answered(const struct kit_client *clients, int count)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        struct pollfd at = {.fd = clients[i].fd, .events = POLLIN};
        found += poll(&at, 1, 0) > 0;
    }
    return found;
}

/* One is being made, 96 of the 128 that may wait do; the others are told so at once: they are of one asker. */
static void test_queue_full(void **state)
{
    (void)state;
    enum { MANY = 140, BUSY = MANY - 97 };
    kit.options.workers = 1;
    kit.options.budget_ms = 60000;
    kit_start(&kit);
    static struct kit_client clients[MANY];
    atomic_store(&kit_hold, true);
    ask(&clients[0], "/api/v1/count?hold=1", KIT_AUTH);
    kit_wait_for(atomic_load(&kit_working) == 1);
    for (int i = 1; i < MANY; i++) {
        char target[60];
        (void)snprintf(target, sizeof target, "/api/v1/count?x=%d", i);
        ask(&clients[i], target, KIT_AUTH);
    }
    kit_wait_for(answered(clients, MANY) == BUSY);
    atomic_store(&kit_hold, false);
    int good = 0;
    int busy = 0;
    for (int i = 0; i < MANY; i++) {
        int code = taken(&clients[i]);
        good += code == 200;
        busy += code == 503;
    }
    assert_int_equal(good, MANY - BUSY);
    assert_int_equal(busy, BUSY);
}

static void test_rate(void **state)
{
    (void)state;
    kit.options.requests_per_s = 0.5;
    kit.options.requests_burst = 3;
    kit_start(&kit);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kit_code(&kit, "/api/v1/about", KIT_AUTH), 200);
    }
    struct kit_answer answer;
    kit_get(&kit, "/api/v1/about", KIT_AUTH, &answer);
    assert_int_equal(answer.code, 429);
    assert_string_equal(kit_header(&answer, "Retry-After"), "2");
    kit_answer_free(&answer);
    assert_int_equal(kit_code(&kit, "/api/v1/about", KIT_AUTH_ADMIN), 200);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(kit_code(&kit, "/healthz", ""), 200);
        assert_int_equal(kit_code(&kit, "/", ""), 200);
    }
}

static void test_open_metrics(void **state)
{
    (void)state;
    kit.options.metrics_open = true;
    kit_start(&kit);
    assert_int_equal(kit_code(&kit, "/metrics", ""), 200);
}

static void test_connections_of_one_address(void **state)
{
    (void)state;
    kit.options.address_connections_max = 5;
    kit_start(&kit);
    struct kit_client clients[5];
    for (int i = 0; i < 5; i++) {
        struct kit_answer answer;
        ask(&clients[i], "/healthz", "");
        kit_take(&clients[i], false, &answer);
        kit_answer_free(&answer);
    }
    struct kit_client more;
    kit_open(&kit, &more);
    assert_true(kit_closed(&more));
    kit_close(&more);
    for (int i = 0; i < 5; i++) {
        kit_close(&clients[i]);
    }
}

static void test_stop_under_load(void **state)
{
    (void)state;
    kit.options.budget_ms = 60000;
    kit_start(&kit);
    enum { MANY = 40 };
    struct kit_client clients[MANY];
    for (int i = 0; i < MANY; i++) {
        char target[60];
        (void)snprintf(target, sizeof target, "/api/v1/count?ms=30000&x=%d", i % 10);
        ask(&clients[i], target, KIT_AUTH);
    }
    struct kit_client half;
    kit_open(&kit, &half);
    kit_send(&half, "GET /api/v1/about HTTP/1.1\r\nHo");
    kit_wait_for(atomic_load(&kit_working) == 2);
    int64_t begun_ms = clock_monotonic_ms();
    kit_stop(&kit);
    assert_true(clock_monotonic_ms() - begun_ms < 20000); /* far less than what is under way would take */
    assert_int_equal(atomic_load(&kit_working), 0);
    for (int i = 0; i < MANY; i++) {
        /* 503, or hung up before the request was read. */
        (void)kit_closed(&clients[i]);
        kit_close(&clients[i]);
    }
    kit_close(&half);
}

static void test_stop_at_any_moment(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        kit_start(&kit);
        struct kit_client clients[8];
        for (int k = 0; k < 8; k++) {
            ask(&clients[k], k % 2 ? "/api/v1/count?ms=3" : "/api/v1/live/stream", KIT_AUTH);
        }
        kit_sleep(i % 5);
        kit_stop(&kit);
        for (int k = 0; k < 8; k++) {
            kit_close(&clients[k]);
        }
    }
}

/* Clients that go while somebody works for them. */
static void test_gone_before_the_answer(void **state)
{
    (void)state;
    kit_start(&kit);
    for (int i = 0; i < 20; i++) {
        struct kit_client client;
        ask(&client, "/api/v1/count?ms=20&n=100000", KIT_AUTH);
        kit_sleep(i % 3);
        kit_close(&client);
    }
    assert_int_equal(kit_code(&kit, "/api/v1/count", KIT_AUTH), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_slow_keep_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_made_once_for_all_who_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fresh_then_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale_is_given_while_it_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_made_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_old_to_begin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_askers_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_in_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_metrics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections_of_one_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_under_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_at_any_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone_before_the_answer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
