#include "tests/unit/net/net_bench.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_MS = 60000, TIMEOUT_MS = 10000 };

static void on_guard(void *ctx)
{
    struct net_bench *bench = ctx;
    bench->timed_out = true;
    loop_stop(bench->loop);
}

static void on_listener(void *ctx, int ready)
{
    struct net_bench *bench = ctx;
    (void)ready;
    if (bench->served >= 0) {
        (void)close(bench->served);
    }
    bench->served = accept4(bench->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(bench->served >= 0);
    bench->accepted++;
    if (bench->on_accept) {
        bench->on_accept(bench);
    }
}

int net_bench_bind(const char *address, uint16_t *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, address, &name.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    *port = ntohs(name.sin_port);
    return fd;
}

int net_bench_setup(void **state)
{
    static struct net_bench bench;
    bench = (struct net_bench){.served = -1};
    assert_int_equal(loop_new(&bench.loop), 0);
    assert_int_equal(loop_timer_start(bench.loop, GUARD_MS, 0, on_guard, &bench, &bench.guard), 0);
    bench.listener = net_bench_bind("127.0.0.1", &bench.port);
    assert_int_equal(listen(bench.listener, 64), 0);
    assert_int_equal(loop_fd_watch(bench.loop, bench.listener, LOOP_READABLE, on_listener, &bench, &bench.accepting),
                     0);
    *state = &bench;
    return 0;
}

int net_bench_teardown(void **state)
{
    struct net_bench *bench = *state;
    conn_free(bench->conn);
    loop_free(bench->loop);
    close(bench->listener);
    if (bench->served >= 0) {
        close(bench->served);
    }
    buf_deinit(&bench->got);
    assert_false(bench->timed_out);
    return 0;
}

/* ---- the connection ---- */

static void on_up(void *ctx, const char *address)
{
    struct net_bench *bench = ctx;
    bench->ups++;
    (void)snprintf(bench->address, sizeof bench->address, "%s", address);
    if (bench->on_up) {
        bench->on_up(bench);
    }
}

static bool on_bytes(void *ctx, struct slice bytes)
{
    struct net_bench *bench = ctx;
    assert_true(bytes.len > 0);
    buf_append(&bench->got, bytes.data, bytes.len);
    if (bench->enough > 0 && bench->got.len >= bench->enough) {
        loop_stop(bench->loop);
    }
    return bench->on_bytes ? bench->on_bytes(bench, bytes) : true;
}

static void on_down(void *ctx, const char *why)
{
    struct net_bench *bench = ctx;
    bench->downs++;
    (void)snprintf(bench->why, sizeof bench->why, "%s", why);
    if (bench->on_down) {
        bench->on_down(bench);
    } else {
        loop_stop(bench->loop);
    }
}

struct conn_options net_bench_options(struct net_bench *bench)
{
    return (struct conn_options){.loop = bench->loop,
                                 .host = "127.0.0.1",
                                 .port = bench->port,
                                 .connect_timeout_ms = TIMEOUT_MS,
                                 .up = on_up,
                                 .bytes = on_bytes,
                                 .down = on_down,
                                 .ctx = bench};
}

void net_bench_open(struct net_bench *bench, const struct conn_options *options)
{
    char why[256] = "";
    unsigned ups = bench->ups;
    unsigned downs = bench->downs;
    int status = conn_open(options, &bench->conn, why, sizeof why);
    if (status != 0) {
        print_error("%s\n", why);
    }
    assert_int_equal(status, 0);
    assert_int_equal(bench->ups, ups); /* never from within */
    assert_int_equal(bench->downs, downs);
}

void net_bench_run(struct net_bench *bench)
{
    loop_run(bench->loop);
    if (bench->timed_out) {
        print_error("nothing more happens; up %u down %u got %zu \"%s\"\n", bench->ups, bench->downs, bench->got.len,
                    bench->why);
    }
    assert_false(bench->timed_out);
}

void net_bench_stop(struct net_bench *bench)
{
    loop_stop(bench->loop);
}

void net_bench_hang_up(struct net_bench *bench, bool reset)
{
    struct linger at_once = {.l_onoff = 1};
    if (reset) {
        assert_int_equal(setsockopt(bench->served, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    }
    close(bench->served);
    bench->served = -1;
}

void net_bench_say(struct net_bench *bench, const char *text)
{
    assert_int_equal(send(bench->served, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void net_bench_assert_why(const struct net_bench *bench, const char *format, ...)
{
    char expected[640];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    assert_string_equal(bench->why, expected);
}

unsigned net_bench_descriptors(void)
{
    unsigned count = 0;
    DIR *listing = opendir("/proc/self/fd");
    assert_non_null(listing);
    while (readdir(listing)) {
        count++;
    }
    closedir(listing);
    return count;
}
