/* A host with several addresses, some of them of no use. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/net/fake_resolve.h"
#include "tests/unit/net/net_bench.h"

static void open_pbx(struct net_bench *bench, const char *addresses, int64_t timeout_ms)
{
    struct conn_options options = net_bench_options(bench);
    options.host = "pbx.example";
    options.connect_timeout_ms = timeout_ms;
    fake_resolve_set(addresses);
    net_bench_open(bench, &options);
    net_bench_run(bench);
}

static void test_the_first_that_answers(void **state)
{
    struct net_bench *bench = *state;
    bench->on_up = net_bench_stop;
    open_pbx(bench, "127.0.0.3 127.0.0.2 127.0.0.1 127.0.0.4", 10000);
    assert_int_equal(bench->ups, 1);
    assert_string_equal(bench->address, "127.0.0.1");
    assert_int_equal(bench->downs, 0);
}

static void test_none_answers(void **state)
{
    struct net_bench *bench = *state;
    open_pbx(bench, "127.0.0.3", 10000);
    net_bench_assert_why(bench, "cannot connect to pbx.example (127.0.0.3) port %u: Connection refused", bench->port);
    conn_free(bench->conn);
    open_pbx(bench, "127.0.0.3 127.0.0.2", 10000);
    net_bench_assert_why(bench,
                         "cannot connect to pbx.example (127.0.0.2) port %u: Connection refused; 1 other address "
                         "failed too",
                         bench->port);
    conn_free(bench->conn);
    open_pbx(bench, "127.0.0.3 127.0.0.2 127.0.0.4", 10000);
    assert_non_null(strstr(bench->why, "; 2 other addresses failed too"));
    assert_int_equal(bench->downs, 3);
}

static void test_addresses_that_are_none(void **state)
{
    struct net_bench *bench = *state;
    bench->on_up = net_bench_stop;
    open_pbx(bench, "nonsense fe80::1%nosuchif 127.0.0.1", 10000);
    assert_string_equal(bench->address, "127.0.0.1");
}

/* A socket that listens, but whose queue is full: the system drops whatever else comes, as a dead host would. */
struct dead_end {
    int listener;
    int fillers[4];
};

static struct dead_end dead_end_make(const char *address, uint16_t port)
{
    struct dead_end end = {.listener = net_bench_bind(address, &port)};
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(listen(end.listener, 0), 0);
    assert_int_equal(inet_pton(AF_INET, address, &name.sin_addr), 1);
    for (size_t i = 0; i < sizeof end.fillers / sizeof end.fillers[0]; i++) {
        end.fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(end.fillers[i], (struct sockaddr *)&name, sizeof name);
    }
    return end;
}

static void dead_end_close(const struct dead_end *end)
{
    for (size_t i = 0; i < sizeof end->fillers / sizeof end->fillers[0]; i++) {
        close(end->fillers[i]);
    }
    close(end->listener);
}

/* Every address tried takes its share: were it all, the last would not come to its turn. */
static void test_a_dead_address_leaves_time_for_the_others(void **state)
{
    struct net_bench *bench = *state;
    struct dead_end end = dead_end_make("127.0.0.5", bench->port);
    bench->on_up = net_bench_stop;
    open_pbx(bench, "127.0.0.5 127.0.0.1", 2000);
    assert_string_equal(bench->address, "127.0.0.1");
    dead_end_close(&end);
}

static void test_all_are_dead(void **state)
{
    struct net_bench *bench = *state;
    struct dead_end end = dead_end_make("127.0.0.5", bench->port);
    open_pbx(bench, "127.0.0.5", 300);
    assert_int_equal(bench->ups, 0);
    assert_non_null(strstr(bench->why, "cannot connect to pbx.example (127.0.0.5) port "));
    assert_non_null(strstr(bench->why, ": it does not answer within "));
    conn_free(bench->conn);
    open_pbx(bench, "127.0.0.5 127.0.0.5 127.0.0.5 127.0.0.5 127.0.0.5", 900); /* time for two of them */
    assert_non_null(strstr(bench->why, "; 1 other address failed too"));
    dead_end_close(&end);
}

static void test_a_lookup_that_never_ends(void **state)
{
    struct net_bench *bench = *state;
    open_pbx(bench, "", 50);
    net_bench_assert_why(bench, "cannot connect to pbx.example port %u: its address is not found within 50 ms",
                         bench->port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_first_that_answers, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_none_answers, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_addresses_that_are_none, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_a_dead_address_leaves_time_for_the_others, net_bench_setup,
                                        net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_all_are_dead, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_a_lookup_that_never_ends, net_bench_setup, net_bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
