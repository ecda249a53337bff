#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/net/fake_resolve.h"
#include "tests/unit/net/net_bench.h"
#include "tests/unit/net/tls_server.h"

enum { FLOOD = 1 << 20 };

static void open_to(struct net_bench *bench, const char *server, const char *ca_path, const char *name)
{
    struct conn_tls tls = {.ca_path = ca_path, .server_name = name};
    struct conn_options options = net_bench_options(bench);
    options.port = tls_server_port(server);
    options.tls = &tls;
    fake_resolve_set("127.0.0.1");
    net_bench_open(bench, &options);
    net_bench_run(bench);
}

static void assert_refused(struct net_bench *bench, uint16_t port, const char *clause)
{
    assert_int_equal(bench->ups, 0);
    assert_int_equal(bench->downs, 1);
    net_bench_assert_why(bench, "cannot connect to 127.0.0.1 port %u: %s", port, clause);
}

static void expect_refusal(struct net_bench *bench, const char *server, const char *clause)
{
    open_to(bench, server, tls_server_ca(), "localhost");
    assert_refused(bench, tls_server_port(server), clause);
}

static void assert_greeted(const struct net_bench *bench)
{
    assert_int_equal(bench->downs, 0);
    assert_int_equal(bench->ups, 1);
    assert_int_equal(bench->got.len, 7);
    assert_memory_equal(bench->got.data, "Hello\r\n", 7);
}

/* ---- who is believed ---- */

static void ask(struct net_bench *bench)
{
    assert_int_equal(conn_send(bench->conn, slice_str("Action: Ping\r\n\r\n")), 0);
}

static void test_bytes_go_both_ways(void **state)
{
    struct net_bench *bench = *state;
    bench->on_up = ask;
    bench->enough = 7 + 16;
    open_to(bench, "echo", tls_server_ca(), "localhost");
    assert_string_equal(bench->address, "127.0.0.1");
    assert_int_equal(bench->downs, 0);
    assert_int_equal(bench->got.len, 7 + 16);
    assert_memory_equal(bench->got.data, "Hello\r\nAction: Ping\r\n\r\n", 7 + 16);
    assert_int_equal(conn_received_bytes(bench->conn), 7 + 16);
    assert_int_equal(conn_sent_bytes(bench->conn), 16);
}

static void test_the_host_is_the_name_unless_told(void **state)
{
    struct net_bench *bench = *state;
    bench->enough = 7;
    open_to(bench, "elsewhere", tls_server_ca(), NULL); /* its certificate is for 127.0.0.1 */
    assert_greeted(bench);
    conn_free(bench->conn);
    bench->conn = NULL;
    bench->ups = 0;
    open_to(bench, "echo", tls_server_ca(), NULL);
    assert_refused(bench, tls_server_port("echo"), "its certificate is for another host");
}

static void test_no_name_is_asked_for(void **state)
{
    struct net_bench *bench = *state;
    bench->enough = 7;
    open_to(bench, "echo", tls_server_ca(), "");
    assert_greeted(bench);
}

static void test_everybody_is_believed_without_a_ca(void **state)
{
    struct net_bench *bench = *state;
    bench->enough = 7;
    open_to(bench, "foreign", NULL, NULL);
    assert_greeted(bench);
}

static void test_a_server_with_its_own_certificate(void **state)
{
    struct net_bench *bench = *state;
    bench->enough = 7;
    open_to(bench, "self", tls_server_self(), "LocalHost");
    assert_greeted(bench);
}

static void test_another_host(void **state)
{
    expect_refusal(*state, "elsewhere", "its certificate is for another host");
}

static void test_expired(void **state)
{
    expect_refusal(*state, "expired", "its certificate expired");
}

static void test_not_yet_valid(void **state)
{
    expect_refusal(*state, "future", "its certificate is not valid yet");
}

static void test_another_ca(void **state)
{
    expect_refusal(*state, "foreign", "its certificate does not lead to a trusted CA");
}

static void test_self_signed(void **state)
{
    expect_refusal(*state, "self", "its certificate does not lead to a trusted CA");
}

static void test_a_ca_file_that_is_none(void **state)
{
    struct net_bench *bench = *state;
    struct conn_tls tls = {.ca_path = tls_server_file("nonsense", "not a certificate")};
    struct conn_options options = net_bench_options(bench);
    char why[256] = "";
    options.tls = &tls;
    assert_int_equal(conn_open(&options, &bench->conn, why, sizeof why), STATUS_INVALID);
    assert_non_null(strstr(why, "/nonsense: it holds no certificate"));
    tls.ca_path = "/does/not/exist.pem";
    assert_int_equal(conn_open(&options, &bench->conn, why, sizeof why), STATUS_INVALID);
    assert_string_equal(why, "CA file /does/not/exist.pem: No such file or directory");
    assert_null(bench->conn);
}

/* ---- handshakes that come to nothing ---- */

static void test_a_server_that_speaks_plain(void **state)
{
    expect_refusal(*state, "plain", "what it says is not TLS");
}

static void test_a_server_that_is_old(void **state)
{
    expect_refusal(*state, "old", "it speaks a TLS older than 1.2");
}

static void test_a_server_that_wants_a_certificate(void **state)
{
    struct net_bench *bench = *state;
    open_to(bench, "suspicious", tls_server_ca(), "localhost");
    assert_int_equal(bench->downs, 1);
    assert_non_null(strstr(bench->why, ": it refused with TLS alert 40: no cipher, or no certificate of ours"));
}

static void open_to_bench(struct net_bench *bench, const char *addresses, uint16_t port, int64_t timeout_ms)
{
    struct conn_tls tls = {.ca_path = tls_server_ca(), .server_name = "localhost"};
    struct conn_options options = net_bench_options(bench);
    options.port = port;
    options.tls = &tls;
    options.connect_timeout_ms = timeout_ms;
    fake_resolve_set(addresses);
    net_bench_open(bench, &options);
    net_bench_run(bench);
}

static void test_a_server_that_says_nothing(void **state)
{
    struct net_bench *bench = *state;
    open_to_bench(bench, "127.0.0.1", bench->port, 400);
    assert_int_equal(bench->downs, 1);
    assert_non_null(strstr(bench->why, ": it does not complete the TLS handshake within "));
}

static void hang_up(struct net_bench *bench)
{
    char hello[512];
    (void)recv(bench->served, hello, sizeof hello, 0);
    net_bench_hang_up(bench, false);
}

static void test_a_server_that_hangs_up(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = hang_up;
    open_to_bench(bench, "127.0.0.1", bench->port, 10000);
    assert_int_equal(bench->downs, 1);
    /* which one depends on whether our first message was there already */
    assert_true(strstr(bench->why, ": closed by the other side during the TLS handshake") ||
                strstr(bench->why, ": Connection reset by peer") || strstr(bench->why, ": Broken pipe"));
}

/* Half a record, and no more. */
static void begin_a_record(struct net_bench *bench)
{
    assert_int_equal(send(bench->served, "\x16\x03\x03\x00\x50\x02", 6, MSG_NOSIGNAL), 6);
}

static void test_a_handshake_that_stops(void **state)
{
    struct net_bench *bench = *state;
    bench->on_accept = begin_a_record;
    open_to_bench(bench, "127.0.0.1", bench->port, 400);
    assert_non_null(strstr(bench->why, ": it does not complete the TLS handshake within "));
}

/* ---- several addresses ---- */

static int listen_elsewhere(const char *address, uint16_t port)
{
    int fd = net_bench_bind(address, &port);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void test_a_mute_address_leaves_time_for_the_others(void **state)
{
    struct net_bench *bench = *state;
    int mute = listen_elsewhere("127.0.0.2", tls_server_port("echo"));
    bench->enough = 7;
    open_to_bench(bench, "127.0.0.2 127.0.0.1", tls_server_port("echo"), 3000);
    close(mute);
    assert_greeted(bench);
    assert_string_equal(bench->address, "127.0.0.1");
}

static void test_the_sentence_is_of_the_address_that_came_furthest(void **state)
{
    struct net_bench *bench = *state;
    open_to_bench(bench, "127.0.0.1 127.0.0.2", tls_server_port("expired"), 10000);
    assert_int_equal(bench->downs, 1);
    assert_non_null(strstr(bench->why, "its certificate expired; 1 other address failed too"));
}

/* ---- streams ---- */

static void assert_flood(const struct net_bench *bench)
{
    assert_int_equal(bench->got.len, FLOOD);
    for (size_t i = 0; i < FLOOD; i++) {
        if (bench->got.data[i] != i % 251) {
            fail_msg("byte %zu is wrong", i);
        }
    }
}

static struct loop_timer *resume_timer;

static void resume(void *ctx)
{
    struct net_bench *bench = ctx;
    conn_resume(bench->conn);
}

static bool pause_often(struct net_bench *bench, struct slice bytes)
{
    (void)bytes;
    if (++bench->calls % 5 != 0) {
        return true;
    }
    assert_int_equal(loop_timer_restart(resume_timer, 0), 0);
    return false;
}

static void test_pauses_lose_nothing(void **state)
{
    struct net_bench *bench = *state;
    assert_int_equal(loop_timer_start(bench->loop, 60000, 0, resume, bench, &resume_timer), 0);
    bench->on_bytes = pause_often;
    open_to(bench, "flood", tls_server_ca(), "localhost");
    assert_int_equal(bench->downs, 1);
    net_bench_assert_why(bench, "lost the connection to 127.0.0.1 port %u: closed by the other side",
                         tls_server_port("flood"));
    assert_flood(bench);
}

/* A round ends in the middle of a record, and nothing comes after it that would wake us. */
static void test_the_rest_of_a_record_is_not_left_lying(void **state)
{
    struct net_bench *bench = *state;
    bench->enough = 7 + FLOOD;
    open_to(bench, "stay", tls_server_ca(), "localhost");
    assert_int_equal(bench->got.len, 7 + FLOOD);
    assert_int_equal(bench->downs, 0);
}

static void test_the_server_closes_without_a_word(void **state)
{
    struct net_bench *bench = *state;
    open_to(bench, "cut", tls_server_ca(), "localhost");
    assert_int_equal(bench->ups, 1);
    assert_int_equal(bench->downs, 1);
    assert_int_equal(bench->got.len, 7);
    assert_non_null(strstr(bench->why, ": closed by the other side"));
}

static void test_packets_of_a_few_bytes(void **state)
{
    struct net_bench *bench = *state;
    bench->on_up = ask;
    bench->enough = 7 + 16;
    open_to(bench, "drip", tls_server_ca(), "localhost");
    assert_memory_equal(bench->got.data, "Hello\r\nAction: Ping\r\n\r\n", 7 + 16);
}

static bool let_go(struct net_bench *bench, struct slice bytes)
{
    bench->sum += (uint8_t)bytes.data[bytes.len - 1];
    if (++bench->calls == 3) {
        conn_free(bench->conn);
        bench->conn = NULL;
        loop_stop(bench->loop);
        bench->sum += (uint8_t)bytes.data[0]; /* readable until we return */
    }
    return true;
}

static void test_freed_with_bytes_still_to_come(void **state)
{
    struct net_bench *bench = *state;
    bench->on_bytes = let_go;
    open_to(bench, "flood", tls_server_ca(), "localhost");
    assert_int_equal(bench->calls, 3);
    assert_int_equal(bench->downs, 0);
}

static void let_go_at_once(struct net_bench *bench)
{
    conn_free(bench->conn);
    bench->conn = NULL;
    loop_stop(bench->loop);
}

static void test_freed_when_up(void **state)
{
    struct net_bench *bench = *state;
    bench->on_up = let_go_at_once;
    open_to(bench, "echo", tls_server_ca(), "localhost");
    assert_int_equal(bench->ups, 1);
    assert_int_equal(bench->downs, 0);
}

static void test_freed_when_refused(void **state)
{
    struct net_bench *bench = *state;
    bench->on_down = let_go_at_once;
    open_to(bench, "expired", tls_server_ca(), "localhost");
    assert_int_equal(bench->downs, 1);
}

static char text[CONN_SEND_MAX];

static void send_all(struct net_bench *bench)
{
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i % 249);
    }
    for (size_t at = 0; at < sizeof text; at += 8192) {
        assert_int_equal(conn_send(bench->conn, slice_make(text + at, 8192)), 0);
    }
}

static void test_much_is_sent_in_order(void **state)
{
    struct net_bench *bench = *state;
    bench->on_up = send_all;
    bench->enough = 7 + sizeof text;
    open_to(bench, "echo", tls_server_ca(), "localhost");
    assert_int_equal(bench->got.len, 7 + sizeof text);
    assert_memory_equal(bench->got.data + 7, text, sizeof text);
}

/* More in every round, until it is too much: what is stuck is resumed with other lengths behind it. */
static void send_more(void *ctx)
{
    struct net_bench *bench = ctx;
    int status = 0;
    for (unsigned i = 0; i < 5 && status == 0; i++) {
        status = conn_send(bench->conn, slice_make(text, 5003));
    }
    if (status != 0 && bench->calls++ == 0) {
        assert_int_equal(status, STATUS_FULL);
    }
}

static void test_a_server_that_does_not_read_is_given_up(void **state)
{
    struct net_bench *bench = *state;
    struct loop_timer *timer;
    bench->enough = 7;
    open_to(bench, "deaf", tls_server_ca(), "localhost");
    assert_int_equal(loop_timer_start(bench->loop, 0, 1, send_more, bench, &timer), 0);
    net_bench_run(bench);
    loop_timer_stop(timer);
    assert_int_equal(bench->downs, 1);
    assert_non_null(strstr(bench->why, ": it does not take the "));
}

static void test_many_leave_nothing_behind(void **state)
{
    struct net_bench *bench = *state;
    unsigned descriptors = net_bench_descriptors();
    bench->enough = 1;
    for (unsigned i = 0; i < 20; i++) {
        open_to(bench, i % 2 ? "echo" : "expired", tls_server_ca(), "localhost");
        conn_free(bench->conn);
        bench->conn = NULL;
        buf_reset(&bench->got);
    }
    assert_int_equal(bench->ups, 10);
    assert_int_equal(bench->downs, 10);
    assert_int_equal(net_bench_descriptors(), descriptors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, net_bench_setup, net_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_go_both_ways),
        TEST(test_the_host_is_the_name_unless_told),
        TEST(test_no_name_is_asked_for),
        TEST(test_everybody_is_believed_without_a_ca),
        TEST(test_a_server_with_its_own_certificate),
        TEST(test_another_host),
        TEST(test_expired),
        TEST(test_not_yet_valid),
        TEST(test_another_ca),
        TEST(test_self_signed),
        TEST(test_a_ca_file_that_is_none),
        TEST(test_a_server_that_speaks_plain),
        TEST(test_a_server_that_is_old),
        TEST(test_a_server_that_wants_a_certificate),
        TEST(test_a_server_that_says_nothing),
        TEST(test_a_server_that_hangs_up),
        TEST(test_a_handshake_that_stops),
        TEST(test_a_mute_address_leaves_time_for_the_others),
        TEST(test_the_sentence_is_of_the_address_that_came_furthest),
        TEST(test_pauses_lose_nothing),
        TEST(test_the_rest_of_a_record_is_not_left_lying),
        TEST(test_the_server_closes_without_a_word),
        TEST(test_packets_of_a_few_bytes),
        TEST(test_freed_with_bytes_still_to_come),
        TEST(test_freed_when_up),
        TEST(test_freed_when_refused),
        TEST(test_much_is_sent_in_order),
        TEST(test_a_server_that_does_not_read_is_given_up),
        TEST(test_many_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, tls_server_setup, tls_server_teardown);
}
