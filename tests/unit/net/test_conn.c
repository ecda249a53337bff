#include "platform/net/conn.h"

#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/net/net_bench.h"

static void open_plain(struct net_bench *bench)
{
    struct conn_options options = net_bench_options(bench);
    net_bench_open(bench, &options);
}

/* ---- both ways ---- */

static void greet(struct net_bench *bench)
{
    net_bench_say(bench, "Hello\r\n");
}

static void ask(struct net_bench *bench)
{
    assert_int_equal(conn_send(bench->conn, slice_str("Action: ")), 0);
    assert_int_equal(conn_send(bench->conn, slice_str("Ping\r\n\r\n")), 0);
}

static void look_at_request(void *ctx, int ready)
{
    struct net_bench *bench = ctx;
    char text[64] = "";
    (void)ready;
    assert_int_equal(recv(bench->served, text, sizeof text, 0), 16);
    assert_string_equal(text, "Action: Ping\r\n\r\n");
    greet(bench);
}

static struct loop_fd *request;

static void expect_request(struct net_bench *bench)
{
    assert_int_equal(loop_fd_watch(bench->loop, bench->served, LOOP_READABLE, look_at_request, bench, &request), 0);
}

static void test_bytes_go_both_ways(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = expect_request;
    bench->on_up = ask;
    bench->enough = 7;
    open_plain(bench);
    assert_int_equal(conn_send(bench->conn, slice_str("early")), STATUS_IO);
    net_bench_run(bench);
    loop_fd_stop(request);
    assert_int_equal(bench->ups, 1);
    assert_int_equal(bench->downs, 0);
    assert_string_equal(bench->address, "127.0.0.1");
    assert_memory_equal(bench->got.data, "Hello\r\n", 7);
    assert_int_equal(conn_received_bytes(bench->conn), 7);
    assert_int_equal(conn_sent_bytes(bench->conn), 16);
}

/* The descriptor whose other end is `served`. */
static int own_end(const struct net_bench *bench)
{
    struct sockaddr_in peer;
    struct sockaddr_in name;
    socklen_t size = sizeof peer;
    assert_int_equal(getpeername(bench->served, (struct sockaddr *)&peer, &size), 0);
    for (int fd = 0; fd < 256; fd++) {
        size = sizeof name;
        if (getsockname(fd, (struct sockaddr *)&name, &size) == 0 && name.sin_port == peer.sin_port) {
            return fd;
        }
    }
    fail();
    return -1;
}

static void test_the_socket_is_set_up(void **state)
{
    static const int table[][2] = {{IPPROTO_TCP, TCP_NODELAY}, {SOL_SOCKET, SO_KEEPALIVE}};
    struct net_bench *bench = *state;
    bench->on_accept = greet;
    bench->enough = 7;
    open_plain(bench);
    net_bench_run(bench);
    int fd = own_end(bench);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int value = 0;
        socklen_t size = sizeof value;
        assert_int_equal(getsockopt(fd, table[i][0], table[i][1], &value, &size), 0);
        assert_int_not_equal(value, 0);
    }
}

/* What is sent in the same breath as the end still goes out. */
static void say_farewell(struct net_bench *bench)
{
    assert_int_equal(conn_send(bench->conn, slice_str("Action: Ping\r\n\r\n")), 0);
    conn_free(bench->conn);
    bench->conn = NULL;
}

static void stop_at_request(void *ctx, int ready)
{
    struct net_bench *bench = ctx;
    char text[64] = "";
    (void)ready;
    assert_int_equal(recv(bench->served, text, sizeof text, 0), 16);
    loop_stop(bench->loop);
}

static void expect_farewell(struct net_bench *bench)
{
    assert_int_equal(loop_fd_watch(bench->loop, bench->served, LOOP_READABLE, stop_at_request, bench, &request), 0);
}

static void test_the_last_words_are_heard(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = expect_farewell;
    bench->on_up = say_farewell;
    open_plain(bench);
    net_bench_run(bench);
    loop_fd_stop(request);
    assert_int_equal(bench->downs, 0);
}

/* ---- what goes wrong ---- */

static void test_refused(void **state)
{
    struct net_bench *bench = *state;
    struct conn_options options = net_bench_options(bench);
    options.port = 0;
    int deaf = net_bench_bind("127.0.0.1", &options.port);
    net_bench_open(bench, &options);
    net_bench_run(bench);
    net_bench_assert_why(bench, "cannot connect to 127.0.0.1 port %u: Connection refused", options.port);
    assert_int_equal(bench->ups, 0);
    assert_int_equal(conn_send(bench->conn, slice_str("late")), STATUS_IO);
    close(deaf);
}

static void greet_and_hang_up(struct net_bench *bench)
{
    greet(bench);
    net_bench_hang_up(bench, false);
}

static void reset(struct net_bench *bench)
{
    net_bench_hang_up(bench, true);
}

static void test_the_peer_closes(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = greet_and_hang_up;
    open_plain(bench);
    net_bench_run(bench);
    net_bench_assert_why(bench, "lost the connection to 127.0.0.1 port %u: closed by the other side", bench->port);
    assert_int_equal(bench->ups, 1);
    assert_int_equal(bench->downs, 1);
    assert_int_equal(bench->got.len, 7);
    assert_int_equal(conn_send(bench->conn, slice_str("late")), STATUS_IO);
    conn_resume(bench->conn);
}

static void reset_at_request(void *ctx, int ready)
{
    (void)ready;
    loop_fd_stop(request);
    reset(ctx);
}

static void await_request(struct net_bench *bench)
{
    assert_int_equal(loop_fd_watch(bench->loop, bench->served, LOOP_READABLE, reset_at_request, bench, &request), 0);
}

static void test_the_peer_resets(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = await_request;
    bench->on_up = ask;
    open_plain(bench);
    net_bench_run(bench);
    net_bench_assert_why(bench, "lost the connection to 127.0.0.1 port %u: Connection reset by peer", bench->port);
}

static void test_a_host_that_does_not_exist(void **state)
{
    struct net_bench *bench = *state;
    struct conn_options options = net_bench_options(bench);
    options.host = "no-such-host.invalid";
    net_bench_open(bench, &options);
    net_bench_run(bench);
    /* which one depends on whether this machine has a name server that answers */
    assert_true(strstr(bench->why, "cannot connect to no-such-host.invalid port ") == bench->why);
    assert_true(strstr(bench->why, ": there is no such host") || strstr(bench->why, ": its address "));
}

static void test_a_host_name_that_is_too_long(void **state)
{
    struct net_bench *bench = *state;
    struct conn_options options = net_bench_options(bench);
    char host[400];
    char why[128];
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = 0;
    options.host = host;
    assert_int_equal(conn_open(&options, &bench->conn, why, sizeof why), STATUS_INVALID);
    assert_string_equal(why, "a host name of 399 bytes is too long");
    assert_null(bench->conn);
}

/* ---- freed wherever ---- */

static void let_go(struct net_bench *bench)
{
    conn_free(bench->conn);
    bench->conn = NULL;
    loop_stop(bench->loop);
}

/* The bytes stay readable until the callback returns. */
static bool let_go_of_bytes(struct net_bench *bench, struct slice bytes)
{
    let_go(bench);
    assert_true(slice_is(bytes, "Hello\r\n"));
    return true;
}

static void test_freed_when_up(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = greet;
    bench->on_up = let_go;
    open_plain(bench);
    net_bench_run(bench);
    assert_int_equal(bench->ups, 1);
    assert_int_equal(bench->got.len, 0);
    assert_int_equal(bench->downs, 0);
}

static void test_freed_with_bytes(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = greet_and_hang_up;
    bench->on_bytes = let_go_of_bytes;
    open_plain(bench);
    net_bench_run(bench);
    assert_int_equal(bench->got.len, 7);
    assert_int_equal(bench->downs, 0);
}

static void test_freed_when_down(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = greet_and_hang_up;
    bench->on_down = let_go;
    open_plain(bench);
    net_bench_run(bench);
    assert_int_equal(bench->downs, 1);
}

static void test_freed_before_anything(void **state)
{
    struct net_bench *bench = *state;
    struct conn_options options = net_bench_options(bench);
    open_plain(bench);
    conn_free(bench->conn);
    options.host = "no-such-host.invalid";
    net_bench_open(bench, &options);
    conn_free(bench->conn);
    conn_free(NULL);
    bench->conn = NULL;
    assert_int_equal(bench->downs, 0);
}

/* ---- many ---- */

enum { MANY = 2000, MANY_BEGUN = 50 };

static void open_again(struct net_bench *bench)
{
    struct conn *before = bench->conn;
    bench->calls += bench->calls < bench->sum;
    if (bench->calls == bench->sum) { /* enough */
        loop_stop(bench->loop);
        return;
    }
    open_plain(bench);
    conn_free(before);
}

/* By turns the other end resets, and we go: when up, or with the first bytes. */
static void serve_many(struct net_bench *bench)
{
    if (bench->calls % 3 == 0) {
        reset(bench);
    } else {
        greet(bench);
    }
}

static void go_when_up(struct net_bench *bench)
{
    if (bench->calls % 3 == 1) {
        open_again(bench);
    }
}

static bool go_with_bytes(struct net_bench *bench, struct slice bytes)
{
    (void)bytes;
    if (bench->calls % 3 == 2) {
        open_again(bench);
    }
    return true;
}

static void test_many_leave_nothing_behind(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = serve_many;
    bench->on_up = go_when_up;
    bench->on_bytes = go_with_bytes;
    bench->on_down = open_again;
    bench->sum = MANY_BEGUN;
    open_plain(bench);
    net_bench_run(bench);
    buf_deinit(&bench->got);
    conn_free(bench->conn);
    unsigned descriptors = net_bench_descriptors();
    size_t heap = mallinfo2().uordblks; /* 0 under a sanitizer, which looks for leaks itself */
    bench->sum = MANY;
    open_plain(bench);
    net_bench_run(bench);
    buf_deinit(&bench->got);
    conn_free(bench->conn);
    bench->conn = NULL;
    assert_int_equal(bench->calls, MANY);
    assert_in_range(bench->accepted, MANY - 2, MANY + 2);
    assert_in_range(net_bench_descriptors(), 0, descriptors + 1); /* one may wait to be accepted */
    assert_in_range(mallinfo2().uordblks, 0, heap + 4096);
}

static void test_a_connection_is_small(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = greet;
    bench->enough = 7;
    buf_append_str(&bench->got, "memory for what will come");
    buf_reset(&bench->got);
    size_t before = mallinfo2().uordblks;
    open_plain(bench);
    net_bench_run(bench);
    assert_in_range(mallinfo2().uordblks - before, 0, 2048 + 8 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_go_both_ways, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_the_socket_is_set_up, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_the_last_words_are_heard, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_refused, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_the_peer_closes, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_the_peer_resets, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_a_host_that_does_not_exist, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_a_host_name_that_is_too_long, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_freed_when_up, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_freed_with_bytes, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_freed_when_down, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_freed_before_anything, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_many_leave_nothing_behind, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_a_connection_is_small, net_bench_setup, net_bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
