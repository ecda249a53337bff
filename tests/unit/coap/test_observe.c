/* The observing client against our own server: what arrives, in which order, and what it does when the server is gone,
 * restarted, mute or unwilling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/coap/endpoint.h"
#include "platform/coap/observe.h"

enum { PATIENCE_MS = 20000, LONG_BODY = 50000 };

static struct endpoint *endpoint;
static pthread_t server;
static char url[64];
static uint16_t port;
static atomic_int version;
static atomic_int notifications;
static atomic_int asked;
static atomic_uint code;
static atomic_uint max_age_s;
static atomic_bool is_long;

static void answer_get(void *ctx, const struct endpoint_request *request, struct endpoint_answer *answer)
{
    (void)ctx;
    atomic_fetch_add(&asked, 1);
    answer->code = atomic_load(&code);
    answer->format = ENDPOINT_JSON;
    answer->max_age_s = atomic_load(&max_age_s);
    int now = atomic_load(&version);
    buf_printf(&answer->body, "%d", now);
    for (size_t i = 0; i < request->query_count; i++) {
        buf_append_str(&answer->body, "&");
        buf_append(&answer->body, request->query[i].data, request->query[i].len);
    }
    while (atomic_load(&is_long) && answer->body.len < LONG_BODY) {
        buf_printf(&answer->body, " %d", now);
    }
}

static int64_t take_turn(void *ctx)
{
    (void)ctx;
    const struct slice live = slice_str("live");
    if (atomic_exchange(&notifications, 0) > 0) {
        endpoint_notify(endpoint, &live, 1);
    }
    return -1;
}

static void *serve(void *ctx)
{
    return endpoint_run(ctx) == 0 ? NULL : ctx;
}

static void serve_at(uint16_t wanted)
{
    const struct endpoint_options options = {.host = "127.0.0.1", .port = wanted, .get = answer_get, .turn = take_turn};
    const struct slice live = slice_str("live");
    assert_int_equal(endpoint_new(&options, &endpoint), 0);
    assert_int_equal(endpoint_add(endpoint, &live, 1, "changes", "50", true), 0);
    port = endpoint_port(endpoint);
    (void)snprintf(url, sizeof url, "coap://127.0.0.1:%u", port);
    assert_int_equal(pthread_create(&server, NULL, serve, endpoint), 0);
}

static void end_serving(void)
{
    void *failed = NULL;
    endpoint_stop(endpoint);
    assert_int_equal(pthread_join(server, &failed), 0);
    assert_null(failed);
    endpoint_free(endpoint);
    endpoint = NULL;
}

static int start(void **state)
{
    (void)state;
    atomic_store(&version, 1);
    atomic_store(&notifications, 0);
    atomic_store(&asked, 0);
    atomic_store(&code, ENDPOINT_CONTENT);
    atomic_store(&max_age_s, 60);
    atomic_store(&is_long, false);
    serve_at(0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (endpoint) {
        end_serving();
    }
    return 0;
}

static void notify(int new_version)
{
    atomic_store(&version, new_version);
    atomic_fetch_add(&notifications, 1);
    endpoint_wake(endpoint);
}

static struct observe *open_live(const char *query, int64_t silence_ms)
{
    const struct slice path = slice_str("live");
    const struct slice item = slice_str(query);
    const struct observe_options options = {.url = url,
                                            .path = &path,
                                            .path_count = 1,
                                            .query = &item,
                                            .query_count = query ? 1 : 0,
                                            .accept = ENDPOINT_JSON,
                                            .silence_ms = silence_ms};
    struct observe *observe = NULL;
    assert_int_equal(observe_open(&options, &observe), 0);
    return observe;
}

static int wait_for(struct observe *observe, int wanted)
{
    for (int left = PATIENCE_MS; left > 0; left -= 100) {
        int happened = observe_wait(observe, 100, -1);
        assert_true(happened >= 0);
        if (happened & wanted) {
            return happened;
        }
    }
    fail_msg("nothing happened");
    return 0;
}

static int version_seen(const struct observe *observe)
{
    struct observe_answer answer = observe_answer(observe);
    char text[16] = "";
    memcpy(text, answer.body.data, answer.body.len < sizeof text - 1 ? answer.body.len : sizeof text - 1);
    return atoi(text);
}

static void wait_for_version(struct observe *observe, int wanted)
{
    do {
        (void)wait_for(observe, OBSERVE_NEWS);
        assert_in_range(version_seen(observe), 1, wanted); /* nothing of the future, and no torn body below */
    } while (version_seen(observe) != wanted);
}

static void test_tells_what_changes(void **state)
{
    (void)state;
    struct observe *observe = open_live("queue=sales", 0);
    assert_int_equal(observe_state(observe), OBSERVE_WAITING);
    assert_int_equal(observe_answer(observe).code, 0);
    int happened = wait_for(observe, OBSERVE_NEWS);
    assert_true(happened & OBSERVE_STATE);
    assert_int_equal(observe_state(observe), OBSERVE_ANSWERS);
    struct observe_answer answer = observe_answer(observe);
    assert_int_equal(answer.code, 205);
    assert_int_equal(answer.format, ENDPOINT_JSON);
    assert_true(answer.observed);
    assert_true(slice_is(answer.body, "1&queue=sales"));
    for (int i = 2; i < 20; i++) { /* some of them confirmable */
        notify(i);
        wait_for_version(observe, i);
    }
    assert_int_equal(atomic_load(&asked), 19);
    observe_close(observe);
}

static void assert_whole(struct slice body)
{
    int first = atoi(body.data);
    char *text = malloc(body.len + 1);
    assert_non_null(text);
    memcpy(text, body.data, body.len);
    text[body.len] = 0;
    assert_true(body.len >= LONG_BODY);
    for (char *at = strtok(text, " "); at; at = strtok(NULL, " ")) {
        assert_int_equal(atoi(at), first);
    }
    free(text);
}

static void test_long_answers_are_never_torn(void **state)
{
    (void)state;
    atomic_store(&is_long, true);
    struct observe *observe = open_live(NULL, 0);
    (void)wait_for(observe, OBSERVE_NEWS);
    assert_whole(observe_answer(observe).body);
    for (int round = 0; round < 20; round++) {
        int last = round * 10 + 11;
        for (int i = last - 9; i <= last; i++) { /* they overtake one another */
            notify(i);
            if (observe_wait(observe, 1, -1) & OBSERVE_NEWS) {
                assert_whole(observe_answer(observe).body);
            }
        }
        while (version_seen(observe) != last) {
            (void)wait_for(observe, OBSERVE_NEWS);
            assert_whole(observe_answer(observe).body);
        }
    }
    observe_close(observe);
}

static void test_asks_again_after_silence_and_max_age(void **state)
{
    (void)state;
    atomic_store(&max_age_s, 1);
    struct observe *observe = open_live(NULL, 30000);
    (void)wait_for(observe, OBSERVE_NEWS);
    atomic_store(&version, 2); /* and nobody says so */
    wait_for_version(observe, 2);
    atomic_store(&max_age_s, 60);
    observe_close(observe);

    observe = open_live(NULL, 1000);
    wait_for_version(observe, 2);
    atomic_store(&version, 3);
    wait_for_version(observe, 3);
    observe_close(observe);
}

static void test_a_server_that_starts_anew_is_found_again(void **state)
{
    (void)state;
    struct observe *observe = open_live(NULL, 1000);
    for (int i = 2; i < 9; i++) {
        notify(i);
        wait_for_version(observe, i);
    }
    int64_t heard_ms = observe_heard_ms(observe);
    end_serving();
    while (observe_state(observe) != OBSERVE_REFUSED) {
        (void)wait_for(observe, OBSERVE_STATE);
    }
    assert_int_equal(observe_answer(observe).code, 404); /* libcoap says so of what it takes down */
    assert_true(observe_heard_ms(observe) >= heard_ms);
    atomic_store(&version, 20);
    serve_at(port);
    wait_for_version(observe, 20);
    assert_int_equal(observe_state(observe), OBSERVE_ANSWERS);
    notify(21); /* its count began anew, lower than before */
    wait_for_version(observe, 21);
    observe_close(observe);
}

static void test_errors_are_told_and_asked_again(void **state)
{
    (void)state;
    atomic_store(&code, ENDPOINT_NOT_FOUND);
    struct observe *observe = open_live(NULL, 0);
    (void)wait_for(observe, OBSERVE_NEWS);
    assert_int_equal(observe_answer(observe).code, 404);
    assert_int_equal(observe_state(observe), OBSERVE_ANSWERS);
    atomic_store(&code, ENDPOINT_CONTENT);
    (void)wait_for(observe, OBSERVE_NEWS);
    assert_int_equal(observe_answer(observe).code, 205);
    assert_true(observe_answer(observe).observed);
    observe_close(observe);
}

static void test_the_end_is_told(void **state)
{
    (void)state;
    struct observe *observe = open_live(NULL, 0);
    struct observe *witness = open_live(NULL, 0);
    (void)wait_for(observe, OBSERVE_NEWS);
    (void)wait_for(witness, OBSERVE_NEWS);
    observe_close(observe);
    while (atomic_load(&asked) < 3) { /* the deregistration is answered like a GET */
        (void)observe_wait(witness, 10, -1);
    }
    notify(2);
    wait_for_version(witness, 2);
    assert_int_equal(atomic_load(&asked), 4);
    observe_close(witness);
}

static void test_waits_for_others_too(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct observe *observe = open_live(NULL, 0);
    (void)wait_for(observe, OBSERVE_NEWS);
    assert_int_equal(observe_wait(observe, 20, ends[0]), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(observe_wait(observe, PATIENCE_MS, ends[0]), OBSERVE_INPUT);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(observe_wait(observe, 20, ends[0]), 0);
    (void)close(ends[1]);
    assert_int_equal(observe_wait(observe, PATIENCE_MS, ends[0]), OBSERVE_INPUT);
    (void)close(ends[0]);
    observe_close(observe);
}

static void test_a_mute_server_is_noticed(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int mute = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(mute, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(mute, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, sizeof url, "coap://127.0.0.1:%u", ntohs(address.sin_port));
    struct observe *observe = open_live(NULL, 0);
    (void)wait_for(observe, OBSERVE_STATE);
    assert_int_equal(observe_state(observe), OBSERVE_SILENT);
    assert_int_equal(observe_heard_ms(observe), 0);
    observe_close(observe);
    (void)close(mute);
}

static void test_refuses_what_it_cannot_ask(void **state)
{
    (void)state;
    char much[300];
    memset(much, 'x', sizeof much);
    const struct slice too_long = slice_make(much, sizeof much);
    struct slice many[64];
    for (size_t i = 0; i < 64; i++) {
        many[i] = slice_make(much, 250);
    }
    struct observe *observe = NULL;
    struct observe_options options = {.url = "http://127.0.0.1", .accept = -1};
    assert_int_equal(observe_open(&options, &observe), STATUS_UNSUPPORTED);
    options.url = "coap://";
    assert_int_equal(observe_open(&options, &observe), STATUS_INVALID);
    options.url = url;
    options.path = &too_long;
    options.path_count = 1;
    assert_int_equal(observe_open(&options, &observe), STATUS_RANGE);
    options.path_count = 0;
    options.query = many;
    options.query_count = 64;
    assert_int_equal(observe_open(&options, &observe), 0);
    assert_int_equal(observe_wait(observe, 10, -1), STATUS_RANGE);
    observe_close(observe);
    observe_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tells_what_changes, start, stop),
        cmocka_unit_test_setup_teardown(test_long_answers_are_never_torn, start, stop),
        cmocka_unit_test_setup_teardown(test_asks_again_after_silence_and_max_age, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_starts_anew_is_found_again, start, stop),
        cmocka_unit_test_setup_teardown(test_errors_are_told_and_asked_again, start, stop),
        cmocka_unit_test_setup_teardown(test_the_end_is_told, start, stop),
        cmocka_unit_test_setup_teardown(test_waits_for_others_too, start, stop),
        cmocka_unit_test_setup_teardown(test_a_mute_server_is_noticed, start, stop),
        cmocka_unit_test_setup_teardown(test_refuses_what_it_cannot_ask, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
