/* What is much: reading in portions, pausing, a full buffer. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/net/net_bench.h"

enum { FLOOD = 4 * 1024 * 1024, ROUND_MAX = 64 * 1024, PIECE = 10007 };

static uint8_t flood[FLOOD];

/* The other end, which may block, and so has a thread. */
struct other_end {
    int fd;
    size_t sum;
    bool right;
    pthread_t thread;
};
static struct other_end other;

static int group_setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLOOD; i++) {
        flood[i] = (uint8_t)(i % 251);
    }
    return 0;
}

static void *pour(void *ctx)
{
    struct other_end *end = ctx;
    ssize_t sent = 1;
    while (end->sum < FLOOD && sent > 0) {
        sent = send(end->fd, flood + end->sum, FLOOD - end->sum, MSG_NOSIGNAL);
        end->sum += sent > 0 ? (size_t)sent : 0;
    }
    close(end->fd);
    return NULL;
}

static void *drink(void *ctx)
{
    struct other_end *end = ctx;
    uint8_t piece[3001];
    ssize_t got;
    while ((got = recv(end->fd, piece, sizeof piece, 0)) > 0) {
        end->right = end->right && end->sum + (size_t)got <= FLOOD && memcmp(piece, flood + end->sum, (size_t)got) == 0;
        end->sum += (size_t)got;
    }
    close(end->fd);
    return NULL;
}

static void start(struct net_bench *bench, void *(*run)(void *))
{
    other = (struct other_end){.fd = dup(bench->served), .right = true};
    assert_int_equal(fcntl(other.fd, F_SETFL, 0), 0);
    close(bench->served);
    bench->served = -1;
    assert_int_equal(pthread_create(&other.thread, NULL, run, &other), 0);
}

static void start_pouring(struct net_bench *bench)
{
    start(bench, pour);
}

static void start_drinking(struct net_bench *bench)
{
    start(bench, drink);
}

static void open_plain(struct net_bench *bench)
{
    struct conn_options options = net_bench_options(bench);
    net_bench_open(bench, &options);
}

static void assert_all_has_come(const struct net_bench *bench)
{
    assert_int_equal(bench->got.len, FLOOD);
    assert_memory_equal(bench->got.data, flood, FLOOD);
    assert_int_equal(conn_received_bytes(bench->conn), FLOOD);
}

/* ---- reading ---- */

static size_t most_in_round;

static int on_round(void *ctx)
{
    struct net_bench *bench = ctx;
    size_t in_round = bench->got.len - bench->sum;
    most_in_round = in_round > most_in_round ? in_round : most_in_round;
    bench->sum = bench->got.len;
    return LOOP_MORE;
}

static void test_no_round_is_long(void **state)
{
    struct net_bench *bench = *state;
    struct loop_again *again;
    most_in_round = 0;
    assert_int_equal(loop_again_new(bench->loop, on_round, bench, &again), 0);
    loop_again_start(again);
    bench->on_accept = start_pouring;
    open_plain(bench);
    net_bench_run(bench);
    pthread_join(other.thread, NULL);
    assert_all_has_come(bench);
    assert_int_equal(bench->downs, 1);
    assert_in_range(most_in_round, 1, ROUND_MAX);
}

static struct loop_timer *resume_timer;
static bool paused;

static void resume(void *ctx)
{
    struct net_bench *bench = ctx;
    paused = false;
    conn_resume(bench->conn);
    assert_true(bench->calls > 0); /* nothing was called from within */
}

static bool pause_often(struct net_bench *bench, struct slice bytes)
{
    (void)bytes;
    assert_false(paused);
    if (++bench->calls % 8 != 0) {
        return true;
    }
    paused = true;
    assert_int_equal(loop_timer_restart(resume_timer, bench->calls % 16 == 0), 0);
    return false;
}

static void test_pauses_lose_nothing(void **state)
{
    struct net_bench *bench = *state;
    paused = false;
    assert_int_equal(loop_timer_start(bench->loop, 60000, 0, resume, bench, &resume_timer), 0);
    bench->on_accept = start_pouring;
    bench->on_bytes = pause_often;
    open_plain(bench);
    net_bench_run(bench);
    pthread_join(other.thread, NULL);
    assert_all_has_come(bench);
    assert_true(bench->calls > 8);
    assert_string_not_equal(bench->why, "");
}

/* ---- writing ---- */

static void send_on(void *ctx)
{
    struct net_bench *bench = ctx;
    for (unsigned i = 0; i < 5 && bench->sum < FLOOD; i++) {
        size_t left = FLOOD - bench->sum;
        struct slice piece = slice_make((const char *)flood + bench->sum, left < PIECE ? left : PIECE);
        if (bench->sum - conn_sent_bytes(bench->conn) + piece.len > CONN_SEND_MAX) {
            return; /* as much waits as may */
        }
        assert_int_equal(conn_send(bench->conn, piece), 0);
        bench->sum += piece.len;
    }
    if (conn_sent_bytes(bench->conn) == FLOOD) {
        loop_stop(bench->loop);
    }
}

static void test_much_is_sent_in_order(void **state)
{
    struct net_bench *bench = *state;
    struct loop_timer *timer;
    bench->on_accept = start_drinking;
    open_plain(bench);
    bench->on_up = net_bench_stop;
    net_bench_run(bench);
    assert_int_equal(loop_timer_start(bench->loop, 1, 1, send_on, bench, &timer), 0);
    net_bench_run(bench);
    loop_timer_stop(timer);
    assert_int_equal(conn_sent_bytes(bench->conn), FLOOD);
    conn_free(bench->conn);
    bench->conn = NULL;
    pthread_join(other.thread, NULL);
    assert_int_equal(other.sum, FLOOD);
    assert_true(other.right);
}

static void send_without_end(struct net_bench *bench)
{
    struct slice piece = slice_make((const char *)flood, PIECE);
    int status;
    assert_int_equal(conn_send(bench->conn, slice_make((const char *)flood, CONN_SEND_MAX + 1)), STATUS_FULL);
    assert_int_equal(conn_send(bench->conn, slice_str("")), 0);
    while ((status = conn_send(bench->conn, piece)) == 0) {
        bench->sum += piece.len;
    }
    assert_int_equal(status, STATUS_FULL);
    assert_int_equal(conn_send(bench->conn, piece), STATUS_IO);
    assert_int_equal(bench->downs, 0); /* not from within */
}

static void test_a_peer_that_does_not_read_is_given_up(void **state)
{
    struct net_bench *bench = *state;
    bench->on_up = send_without_end;
    open_plain(bench);
    net_bench_run(bench);
    assert_int_equal(bench->downs, 1);
    assert_true(bench->sum > CONN_SEND_MAX - PIECE);
    assert_non_null(strstr(bench->why, ": it does not take the "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_round_is_long, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_pauses_lose_nothing, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_much_is_sent_in_order, net_bench_setup, net_bench_teardown),
        cmocka_unit_test_setup_teardown(test_a_peer_that_does_not_read_is_given_up, net_bench_setup,
                                        net_bench_teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
