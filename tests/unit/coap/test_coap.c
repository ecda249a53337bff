/* Both ends of platform/coap against each other, and the server against datagrams made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/coap/endpoint.h"
#include "platform/coap/fetch.h"

static struct endpoint *endpoint;
static pthread_t server;
static char url[64];
static atomic_int turns;
static atomic_int notifications;
static atomic_int version;

static bool is_path(const struct endpoint_request *request, const char *first, const char *second)
{
    return request->path_count == (second ? 2U : 1U) && slice_is(request->path[0], first) &&
           (!second || slice_is(request->path[1], second));
}

static void answer_get(void *ctx, const struct endpoint_request *request, struct endpoint_answer *answer)
{
    (void)ctx;
    answer->code = ENDPOINT_CONTENT;
    answer->format = ENDPOINT_TEXT;
    answer->max_age_s = 5;
    if (is_path(request, "echo", NULL)) {
        for (size_t i = 0; i < request->query_count; i++) {
            buf_append(&answer->body, request->query[i].data, request->query[i].len);
            buf_append_str(&answer->body, "\n");
        }
        buf_printf(&answer->body, "accept %d", request->accept);
    } else if (is_path(request, "long", NULL)) {
        for (int i = 0; i < 40000; i++) {
            buf_printf(&answer->body, "%07d\n", i);
        }
        answer->format = ENDPOINT_JSON;
    } else if (is_path(request, "queues", "田中/商店 50%")) {
        buf_append_str(&answer->body, "found");
    } else if (is_path(request, "live", NULL)) {
        buf_printf(&answer->body, "v%d", atomic_load(&version));
    } else if (is_path(request, "nothing", NULL)) {
        answer->code = ENDPOINT_CONTENT;
    } else {
        answer->code = ENDPOINT_NOT_FOUND;
        buf_append_str(&answer->body, "no such thing");
    }
}

static int64_t take_turn(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&turns, 1);
    const struct slice live = slice_str("live");
    if (atomic_load(&notifications) > 0) {
        atomic_fetch_sub(&notifications, 1);
        endpoint_notify(endpoint, &live, 1);
    }
    return -1;
}

static void *serve(void *ctx)
{
    return endpoint_run(ctx) == 0 ? NULL : ctx;
}

static int start(void **state)
{
    (void)state;
    const struct endpoint_options options = {.host = "127.0.0.1", .get = answer_get, .turn = take_turn};
    atomic_store(&turns, 0);
    if (endpoint_new(&options, &endpoint) != 0) {
        return -1;
    }
    const struct slice echo = slice_str("echo");
    const struct slice live = slice_str("live");
    const struct slice queue[2] = {slice_str("queues"), slice_str("田中/商店 50%")};
    if (endpoint_add(endpoint, &echo, 1, "says it again", "0", false) != 0 ||
        endpoint_add(endpoint, &live, 1, "changes", "0", true) != 0 ||
        endpoint_add(endpoint, queue, 2, "a queue", "0", true) != 0 ||
        endpoint_add(endpoint, queue, 2, "a queue", "0", true) != 0) {
        return -1;
    }
    (void)snprintf(url, sizeof url, "coap://127.0.0.1:%u", endpoint_port(endpoint));
    return pthread_create(&server, NULL, serve, endpoint);
}

static int stop(void **state)
{
    (void)state;
    void *failed = NULL;
    endpoint_stop(endpoint);
    int status = pthread_join(server, &failed);
    endpoint_free(endpoint);
    endpoint = NULL;
    return status || failed;
}

static struct fetch_answer get(const char *first, const char *second, const char *query, int accept)
{
    const struct slice path[2] = {slice_str(first), slice_str(second)};
    const struct slice item = slice_str(query);
    const struct fetch_request request = {.url = url,
                                          .path = path,
                                          .path_count = second ? 2 : 1,
                                          .query = &item,
                                          .query_count = query ? 1 : 0,
                                          .accept = accept,
                                          .timeout_ms = 5000};
    struct fetch_answer answer = {0};
    assert_int_equal(fetch_get(&request, &answer), 0);
    return answer;
}

static void test_query_and_accept_arrive_as_they_are(void **state)
{
    (void)state;
    struct fetch_answer answer = get("echo", NULL, "queue=a+b%20&c=é", 110);
    assert_int_equal(answer.code, 205);
    assert_int_equal(answer.format, 0);
    assert_string_equal(buf_cstr(&answer.body), "queue=a+b%20&c=é\naccept 110");
    buf_deinit(&answer.body);
    answer = get("echo", NULL, NULL, -1);
    assert_string_equal(buf_cstr(&answer.body), "accept -1");
    buf_deinit(&answer.body);
}

static void test_a_long_answer_comes_whole(void **state)
{
    (void)state;
    struct fetch_answer answer = get("long", NULL, NULL, -1);
    assert_int_equal(answer.code, 205);
    assert_int_equal(answer.format, 50);
    assert_int_equal(answer.body.len, 320000);
    assert_memory_equal(answer.body.data + 319992, "0039999\n", 8);
    buf_deinit(&answer.body);
}

static void test_names_of_any_script_are_paths(void **state)
{
    (void)state;
    struct fetch_answer answer = get("queues", "田中/商店 50%", NULL, -1);
    assert_int_equal(answer.code, 205);
    assert_string_equal(buf_cstr(&answer.body), "found");
    buf_deinit(&answer.body);
}

static void test_failures_carry_a_diagnostic(void **state)
{
    (void)state;
    struct fetch_answer answer = get("queues", "none", NULL, -1);
    assert_int_equal(answer.code, 404);
    assert_string_equal(buf_cstr(&answer.body), "no such thing");
    buf_deinit(&answer.body);
    answer = get("nothing", NULL, NULL, -1);
    assert_int_equal(answer.code, 500);
    buf_deinit(&answer.body);
}

static void test_discovery_lists_what_was_added_once(void **state)
{
    (void)state;
    struct fetch_answer answer = get(".well-known", "core", NULL, -1);
    assert_int_equal(answer.code, 205);
    assert_int_equal(answer.format, 40);
    const char *text = buf_cstr(&answer.body);
    assert_non_null(strstr(text, "</echo>;title=\"says it again\";ct=\"0\""));
    const char *queue = strstr(text, "</queues/%E7%94%B0%E4%B8%AD%2F%E5%95%86%E5%BA%97%2050%25>");
    assert_non_null(queue);
    assert_null(strstr(queue + 1, "</queues/"));
    buf_deinit(&answer.body);
}

static void test_nobody_there(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    char there[64];
    (void)snprintf(there, sizeof there, "coap://127.0.0.1:%u", ntohs(address.sin_port));
    const struct fetch_request request = {.url = there, .accept = -1, .timeout_ms = 600};
    struct fetch_answer answer;
    assert_int_equal(fetch_get(&request, &answer), FETCH_TIMEOUT); /* bound, but mute */
    (void)close(fd);
    assert_int_equal(fetch_get(&request, &answer), FETCH_REFUSED);
}

static void test_urls_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        int status;
    } cases[] = {
        {"", STATUS_INVALID},
        {"127.0.0.1:5683", STATUS_INVALID},
        {"http://127.0.0.1", STATUS_UNSUPPORTED},
        {"coaps://127.0.0.1", STATUS_UNSUPPORTED},
        {"coap://", STATUS_INVALID},
        {"coap://[::1", STATUS_INVALID},
        {"coap://127.0.0.1:0", STATUS_INVALID},
        {"coap://127.0.0.1:65536", STATUS_INVALID},
        {"coap://127.0.0.1:x", STATUS_INVALID},
        {"coap://127.0.0.1/kpi", STATUS_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fetch_request request = {.url = cases[i].url, .accept = -1, .timeout_ms = 100};
        struct fetch_answer answer;
        assert_int_equal(fetch_get(&request, &answer), cases[i].status);
    }
}

static void test_options_too_long_to_send(void **state)
{
    (void)state;
    char big[256];
    memset(big, 'x', sizeof big);
    const struct slice item = slice_make(big, sizeof big);
    const struct fetch_request request = {
        .url = url, .query = &item, .query_count = 1, .accept = -1, .timeout_ms = 100};
    struct fetch_answer answer;
    assert_int_equal(fetch_get(&request, &answer), STATUS_RANGE);
}

static void test_addresses_that_are_refused(void **state)
{
    (void)state;
    struct endpoint *other = NULL;
    struct endpoint_options options = {.host = "0.0.0.0", .get = answer_get};
    assert_int_equal(endpoint_new(&options, &other), STATUS_DENIED);
    options.host = "::";
    assert_int_equal(endpoint_new(&options, &other), STATUS_DENIED);
    options.host = "localhost";
    assert_int_equal(endpoint_new(&options, &other), STATUS_INVALID);
    options.host = "127.0.0.1";
    options.port = endpoint_port(endpoint);
    assert_int_equal(endpoint_new(&options, &other), STATUS_BUSY);
    assert_null(other);
}

static void test_ipv6_loopback(void **state)
{
    (void)state;
    struct endpoint *other = NULL;
    const struct endpoint_options options = {.host = "::1", .get = answer_get};
    if (endpoint_new(&options, &other) != 0) {
        skip(); /* a machine without IPv6 */
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve, other), 0);
    char keep[sizeof url];
    memcpy(keep, url, sizeof keep);
    (void)snprintf(url, sizeof url, "coap://[::1]:%u/", endpoint_port(other));
    struct fetch_answer answer = get("echo", NULL, NULL, -1);
    memcpy(url, keep, sizeof keep);
    assert_int_equal(answer.code, 205);
    buf_deinit(&answer.body);
    endpoint_stop(other);
    assert_int_equal(pthread_join(thread, NULL), 0);
    endpoint_free(other);
}

static int raw_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(endpoint_port(endpoint))};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static ssize_t raw_read(int fd, uint8_t *at, size_t room, int timeout_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, timeout_ms) == 1 ? recv(fd, at, room, 0) : -1;
}

static void test_other_methods_are_refused(void **state)
{
    (void)state;
    int fd = raw_socket();
    for (uint8_t method = 2; method <= 3; method++) { /* POST, PUT /echo */
        const uint8_t request[] = {0x41, method, 0x12, method, 0x77, 0xb4, 'e', 'c', 'h', 'o'};
        assert_int_equal(send(fd, request, sizeof request, 0), sizeof request);
        uint8_t reply[128];
        assert_true(raw_read(fd, reply, sizeof reply, 2000) >= 4);
        assert_int_equal(reply[1], 4 << 5 | 5);
    }
    (void)close(fd);
}

static void test_observers_hear_of_changes(void **state)
{
    (void)state;
    int fd = raw_socket();
    const uint8_t request[] = {0x41, 0x01, 0x20, 0x01, 0x55, 0x60, 0x54, 'l', 'i', 'v', 'e'};
    uint8_t reply[128];
    atomic_store(&version, 1);
    assert_int_equal(send(fd, request, sizeof request, 0), sizeof request);
    ssize_t len = raw_read(fd, reply, sizeof reply, 2000);
    assert_true(len > 6);
    assert_int_equal(reply[1], 2 << 5 | 5);
    assert_memory_equal(reply + len - 2, "v1", 2);
    assert_int_equal(reply[5] >> 4, 6); /* the observe option: we are on the list */
    for (int i = 2; i < 5; i++) {
        atomic_store(&version, i);
        atomic_store(&notifications, 1);
        endpoint_wake(endpoint);
        len = raw_read(fd, reply, sizeof reply, 2000);
        assert_true(len > 6);
        assert_int_equal(reply[4], 0x55); /* our token */
        assert_int_equal(reply[len - 1], '0' + i);
        if ((reply[0] >> 4 & 3) == 0) { /* confirmable */
            const uint8_t ack[] = {0x60, 0x00, reply[2], reply[3]};
            assert_int_equal(send(fd, ack, sizeof ack, 0), sizeof ack);
        }
    }
    (void)close(fd);
}

static void test_noise_does_no_harm(void **state)
{
    (void)state;
    int fd = raw_socket();
    uint32_t random = 12345;
    for (int i = 0; i < 3000; i++) {
        uint8_t noise[64];
        size_t len = (size_t)(i % (int)sizeof noise);
        for (size_t at = 0; at < len; at++) {
            random = random * 1664525 + 1013904223;
            noise[at] = (uint8_t)(random >> 24);
        }
        if (len > 0 && i % 2) {
            noise[0] = (uint8_t)(0x40 | (noise[0] & 0x1f)); /* version 1, so that more of it is looked at */
        }
        (void)send(fd, noise, len, 0);
    }
    (void)close(fd);
    struct fetch_answer answer = get("echo", NULL, NULL, -1);
    assert_int_equal(answer.code, 205);
    buf_deinit(&answer.body);
}

static void test_many_clients(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) { /* each a new port, so a new session */
        struct fetch_answer answer = get("live", NULL, NULL, -1);
        assert_int_equal(answer.code, 205);
        buf_deinit(&answer.body);
    }
}

static void test_waking_takes_a_turn(void **state)
{
    (void)state;
    int before = atomic_load(&turns);
    endpoint_wake(endpoint);
    for (int i = 0; i < 200 && atomic_load(&turns) == before; i++) {
        (void)usleep(10000);
    }
    assert_true(atomic_load(&turns) > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_and_accept_arrive_as_they_are),
        cmocka_unit_test(test_a_long_answer_comes_whole),
        cmocka_unit_test(test_names_of_any_script_are_paths),
        cmocka_unit_test(test_failures_carry_a_diagnostic),
        cmocka_unit_test(test_discovery_lists_what_was_added_once),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_urls_that_are_none),
        cmocka_unit_test(test_options_too_long_to_send),
        cmocka_unit_test(test_addresses_that_are_refused),
        cmocka_unit_test(test_ipv6_loopback),
        cmocka_unit_test(test_other_methods_are_refused),
        cmocka_unit_test(test_observers_hear_of_changes),
        cmocka_unit_test(test_noise_does_no_harm),
        cmocka_unit_test(test_many_clients),
        cmocka_unit_test(test_waking_takes_a_turn),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
