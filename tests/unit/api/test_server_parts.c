/* Small parts of the server, without one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/api/conns.h"
#include "collector/api/question.h"
#include "collector/api/route.h"
#include "platform/base/status.h"
#include "platform/file/gzip.h"
#include "tests/support/rng.h"

static bool hung_up(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_slow_connections(void **state)
{
    (void)state;
    struct conns_limits limits = {.asking_ms = 100, .taking_ms = 1000};
    struct conns *conns;
    int pairs[4][2];
    struct conn_entry *entries[4];
    assert_int_equal(conns_new(&limits, &conns), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
        entries[i] = conns_open(conns, pairs[i][0], 0);
        assert_non_null(entries[i]);
    }
    conns_set(conns, entries[1], CONNS_WAITING, 50);
    conns_set(conns, entries[2], CONNS_TAKING, 50);
    conns_set(conns, entries[3], CONNS_FOLLOWING, 50);
    conns_sweep(conns, 100);
    for (int i = 0; i < 4; i++) {
        assert_false(hung_up(pairs[i][1]));
    }
    conns_sweep(conns, 101);
    assert_true(hung_up(pairs[0][1]));
    assert_false(hung_up(pairs[2][1]));
    conns_sweep(conns, 100000);
    assert_false(hung_up(pairs[1][1]));
    assert_true(hung_up(pairs[2][1]));
    assert_false(hung_up(pairs[3][1]));
    static const int order[] = {1, 3, 0, 2};
    for (int i = 0; i < 4; i++) {
        conns_close(conns, entries[order[i]]);
        close(pairs[order[i]][0]);
        close(pairs[order[i]][1]);
    }
    conns_free(conns);
}

static void test_packing(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 4096, 70000, 1000000};
    struct rng rng = {1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf plain = BUF_INIT;
        struct buf packed = BUF_INIT;
        struct buf again = BUF_INIT;
        buf_append_str(&again, "before");
        for (size_t k = 0; k < sizes[i]; k++) {
            uint8_t byte = (uint8_t)rng_below(&rng, i % 2 ? 256 : 4);
            buf_append(&plain, &byte, 1);
        }
        assert_int_equal(gzip_pack(buf_slice(&plain), 6, &packed), 0);
        assert_int_equal(gzip_unpack(buf_slice(&packed), sizes[i], &again), 0);
        assert_int_equal(again.len, sizes[i] + 6);
        assert_true(slice_equal(slice_make((char *)again.data + 6, again.len - 6), buf_slice(&plain)));
        if (sizes[i] > 0) {
            assert_int_equal(gzip_unpack(buf_slice(&packed), sizes[i] - 1, &again), STATUS_RANGE);
        }
        for (size_t cut = 0; cut < packed.len; cut += 1 + packed.len / 50) {
            assert_int_equal(gzip_unpack(slice_make((char *)packed.data, cut), sizes[i], &again), STATUS_CORRUPT);
        }
        packed.data[packed.len - 5] ^= 1; /* of the checksum */
        assert_int_equal(gzip_unpack(buf_slice(&packed), sizes[i], &again), STATUS_CORRUPT);
        packed.data[packed.len - 5] ^= 1;
        buf_append_str(&packed, "x");
        assert_int_equal(gzip_unpack(buf_slice(&packed), sizes[i], &again), STATUS_CORRUPT);
        assert_int_equal(again.len, sizes[i] + 6);
        buf_deinit(&plain);
        buf_deinit(&packed);
        buf_deinit(&again);
    }
}

/* Targets of any bytes: refused or taken apart, never read beyond their end. */
static void test_any_target(void **state)
{
    (void)state;
    static const char letters[] = "/?&=%+.aF0 \x01\xff";
    struct rng rng = {7};
    for (int i = 0; i < 20000; i++) {
        char text[64] = "/";
        size_t len = (size_t)rng_below(&rng, sizeof text - 2);
        for (size_t k = 0; k < len; k++) {
            text[1 + k] = letters[rng_below(&rng, sizeof letters - 1)];
        }
        text[1 + len] = '\0';
        struct question *question;
        const char *why = NULL;
        struct buf key = BUF_INIT;
        struct route route;
        int code = question_new(text, &question, &why);
        if (code != 0) {
            assert_int_equal(code, 400);
            assert_non_null(why);
            continue;
        }
        question_key(question, &key);
        (void)route_find(question, "GET", &route);
        buf_deinit(&key);
        question_unref(question);
    }
}

static enum route_kind route_of(const char *method, const char *target, struct route *out)
{
    struct question *question;
    const char *why;
    assert_int_equal(question_new(target, &question, &why), 0);
    enum route_kind kind = route_find(question, method, out);
    question_unref(question);
    return kind;
}

static void test_routes(void **state)
{
    (void)state;
    struct route route;
    assert_int_equal(route_of("GET", "/api/v1/sites", &route), ROUTE_ENDPOINT);
    assert_string_equal(route.endpoint->path, "/api/v1/sites");
    assert_int_equal(route_of("HEAD", "/api/v1/sites/x", &route), ROUTE_ENDPOINT);
    assert_string_equal(route.endpoint->path, "/api/v1/sites/");
    assert_int_equal(route_of("GET", "/api/v1/sites/x/", &route), ROUTE_NOTHING);
    assert_int_equal(route_of("GET", "/api/v1", &route), ROUTE_NOTHING);
    assert_int_equal(route_of("GET", "/%61pi/v1/sites", &route), ROUTE_ENDPOINT);
    assert_int_equal(route_of("GET", "/apis", &route), ROUTE_FILE);
    assert_int_equal(route_of("GET", "/metrics/x", &route), ROUTE_NOTHING);
    assert_int_equal(route_of("GET", "/metricsx", &route), ROUTE_FILE);
    assert_int_equal(route_of("GET", "/", &route), ROUTE_FILE);
    assert_int_equal(route_of("BREW", "/healthz", &route), ROUTE_METHOD);
    assert_int_equal(route_of("get", "/healthz", &route), ROUTE_METHOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_connections),
        cmocka_unit_test(test_packing),
        cmocka_unit_test(test_any_target),
        cmocka_unit_test(test_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
