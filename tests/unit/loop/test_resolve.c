#include "platform/loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

enum { FOUND_MAX = 32 };

struct bench {
    struct loop *loop;
    struct loop_timer *guard;
    struct loop_resolve *resolve;
    unsigned calls;
    int status;
    size_t count;
    struct loop_address found[FOUND_MAX];
    bool stop_within;
    bool timed_out;
};

static void on_guard(void *ctx)
{
    struct bench *bench = ctx;
    bench->timed_out = true;
    loop_stop(bench->loop);
}

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){0};
    assert_int_equal(loop_new(&bench.loop), 0);
    assert_int_equal(loop_timer_start(bench.loop, 60000, 0, on_guard, &bench, &bench.guard), 0);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    loop_free(bench->loop);
    assert_false(bench->timed_out);
    return 0;
}

static void on_resolved(void *ctx, int status, const struct loop_address *addresses, size_t count)
{
    struct bench *bench = ctx;
    bench->calls++;
    bench->status = status;
    if (bench->stop_within) {
        loop_resolve_stop(bench->resolve); /* the addresses stay ours until we return */
    }
    assert_true(count <= FOUND_MAX);
    bench->count = count;
    memcpy(bench->found, addresses, count * sizeof *addresses);
    loop_stop(bench->loop);
}

static void resolve(struct bench *bench, const char *host)
{
    bench->calls = 0;
    assert_int_equal(loop_resolve_start(bench->loop, host, on_resolved, bench, &bench->resolve), 0);
    assert_int_equal(bench->calls, 0); /* never from within */
    loop_run(bench->loop);
    assert_int_equal(bench->calls, 1);
}

static void test_literals_come_back_as_they_are(void **state)
{
    struct bench *bench = *state;
    static const char *const literals[] = {"127.0.0.1", "192.0.2.17", "::1", "2001:db8::5", "2001:DB8:0::5"};
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        resolve(bench, literals[i]);
        assert_int_equal(bench->status, 0);
        assert_int_equal(bench->count, 1);
        assert_string_equal(bench->found[0].text, literals[i]);
        loop_resolve_stop(bench->resolve);
    }
}

static void test_a_name_gives_each_address_once(void **state)
{
    struct bench *bench = *state;
    resolve(bench, "localhost");
    assert_int_equal(bench->status, 0);
    assert_true(bench->count >= 1);
    bool loopback = true;
    for (size_t i = 0; i < bench->count; i++) {
        const char *text = bench->found[i].text;
        loopback = loopback && (strcmp(text, "::1") == 0 || strncmp(text, "127.", 4) == 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(text, bench->found[j].text);
        }
    }
    assert_true(loopback);
    loop_resolve_stop(bench->resolve);
}

static void test_a_name_that_does_not_exist(void **state)
{
    struct bench *bench = *state;
    resolve(bench, "no-such-host.invalid");
    /* which one depends on whether this machine has a name server that answers */
    assert_true(bench->status == STATUS_NOT_FOUND || bench->status == STATUS_IO);
    assert_int_equal(bench->count, 0);
    loop_resolve_stop(bench->resolve);
    resolve(bench, "");
    assert_true(bench->status == STATUS_NOT_FOUND || bench->status == STATUS_IO);
    loop_resolve_stop(bench->resolve);
}

static void test_a_name_that_is_too_long(void **state)
{
    struct bench *bench = *state;
    char host[300];
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = 0;
    assert_int_equal(loop_resolve_start(bench->loop, host, on_resolved, bench, &bench->resolve), STATUS_NOT_FOUND);
}

static void test_stopped_before_and_from_within(void **state)
{
    struct bench *bench = *state;
    struct loop_resolve *others[3];
    assert_int_equal(loop_resolve_start(bench->loop, "localhost", on_resolved, bench, &others[0]), 0);
    assert_int_equal(loop_resolve_start(bench->loop, "::1", on_resolved, bench, &others[1]), 0);
    assert_int_equal(loop_resolve_start(bench->loop, "no-such-host.invalid", on_resolved, bench, &others[2]), 0);
    loop_resolve_stop(others[1]);
    loop_resolve_stop(others[0]);
    loop_resolve_stop(others[2]);
    bench->stop_within = true;
    resolve(bench, "localhost");
    assert_int_equal(bench->status, 0);
    assert_true(bench->count >= 1);
}

static void test_the_loop_ends_with_lookups_under_way(void **state)
{
    struct bench *bench = *state;
    struct loop_resolve *resolve_left;
    assert_int_equal(loop_resolve_start(bench->loop, "localhost", on_resolved, bench, &resolve_left), 0);
    assert_int_equal(loop_resolve_start(bench->loop, "no-such-host.invalid", on_resolved, bench, &resolve_left), 0);
    assert_int_equal(loop_resolve_start(bench->loop, "::1", on_resolved, bench, &resolve_left), 0);
}

static void test_a_resting_lookup_does_not_hold_the_loop(void **state)
{
    struct bench *bench = *state;
    resolve(bench, "::1");
    loop_timer_stop(bench->guard);
    loop_run(bench->loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_literals_come_back_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_gives_each_address_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_that_does_not_exist, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_that_is_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped_before_and_from_within, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_loop_ends_with_lookups_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_resting_lookup_does_not_hold_the_loop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
