/* Where the server listens: HTTPS, addresses, and why it does not start. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/tls/channel.h"
#include "tests/support/small_ca.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/api/server_kit.h"

static struct kit kit;
static struct temp_dir dir;
static struct small_ca ca;
static char pem[128];
static char ca_pem[128];
static char trouble[512];

static void listen_to(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    if (level == LOG_ERROR) {
        (void)snprintf(trouble, sizeof trouble, "%s", text);
    }
}

static int setup(void **state)
{
    (void)state;
    int64_t now_s = time(NULL);
    temp_dir_make(&dir);
    small_ca_make(&ca, now_s - 60, now_s + 3600);
    (void)snprintf(pem, sizeof pem, "%s", temp_dir_file(&dir, "server.pem"));
    (void)snprintf(ca_pem, sizeof ca_pem, "%s", temp_dir_file(&dir, "ca.pem"));
    small_ca_collector(&ca, "127.0.0.1", now_s - 60, now_s + 3600, pem);
    small_ca_write(&ca, ca_pem);
    kit_init(&kit);
    log_set_sink(listen_to, NULL);
    trouble[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_stop(&kit);
    small_ca_free(&ca);
    temp_dir_remove(&dir);
    return 0;
}

static void expect_trouble(int status, const char *said)
{
    trouble[0] = '\0';
    assert_int_equal(api_start(&kit.options, &kit.api), status);
    if (!strstr(trouble, said)) {
        print_error("said: %s\n", trouble);
    }
    assert_non_null(strstr(trouble, said));
}

static void wait_for(int fd, int what)
{
    struct pollfd at = {.fd = fd, .events = what == CHANNEL_WANTS_READ ? POLLIN : POLLOUT};
    assert_int_equal(poll(&at, 1, 10000), 1);
}

static void ask_over_tls(struct channel *channel, int fd, struct buf *out)
{
    int rc;
    while ((rc = channel_handshake(channel)) > 0) {
        wait_for(fd, rc);
    }
    assert_int_equal(rc, 0);
    struct slice text = slice_str("GET /api/v1/about HTTP/1.1\r\nHost: x\r\n" KIT_AUTH "Connection: close\r\n\r\n");
    while (text.len > 0) {
        size_t taken = 0;
        rc = channel_write(channel, text, &taken);
        assert_true(rc >= 0);
        text = slice_make(text.data + taken, text.len - taken);
    }
    for (;;) {
        char piece[1000];
        size_t got = 0;
        rc = channel_read(channel, piece, sizeof piece, &got);
        if (rc == CHANNEL_WANTS_READ) {
            wait_for(fd, rc);
            continue;
        }
        if (rc != 0) {
            break;
        }
        buf_append(out, piece, got);
    }
}

static void test_https(void **state)
{
    (void)state;
    struct channel_trust *trust;
    struct channel *channel;
    struct kit_client client;
    struct buf text = BUF_INIT;
    char why[200];
    kit.options.certificate = pem;
    kit.options.key = pem;
    kit_start(&kit);
    kit_open(&kit, &client);
    assert_int_equal(channel_trust_load(ca_pem, &trust, why, sizeof why), 0);
    assert_int_equal(channel_new(trust, "127.0.0.1", client.fd, &channel), 0);
    ask_over_tls(channel, client.fd, &text);
    assert_non_null(strstr(buf_cstr(&text), "HTTP/1.1 200"));
    assert_non_null(strstr(buf_cstr(&text), "Strict-Transport-Security: max-age="));
    assert_non_null(strstr(buf_cstr(&text), "wall"));
    buf_deinit(&text);
    channel_free(channel);
    channel_trust_free(trust);
    kit_close(&client);
    /* Plain HTTP to it is no HTTP. */
    kit_open(&kit, &client);
    kit_send(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(kit_closed(&client));
    kit_close(&client);
}

static void test_files_that_do_not_do(void **state)
{
    (void)state;
    char other[128];
    (void)snprintf(other, sizeof other, "%s", temp_dir_file(&dir, "other.pem"));
    small_ca_collector(&ca, "127.0.0.1", time(NULL) - 60, time(NULL) + 3600, other);
    kit.options.certificate = temp_dir_file(&dir, "missing.pem");
    kit.options.key = pem;
    expect_trouble(STATUS_NOT_FOUND, "the certificate of HTTPS cannot be read");
    kit.options.certificate = pem;
    kit.options.key = NULL;
    expect_trouble(STATUS_NOT_FOUND, "the key of HTTPS cannot be read");
    kit.options.key = other;
    expect_trouble(STATUS_INVALID, "certificate and key may not fit");
    kit.options.key = ca_pem;
    expect_trouble(STATUS_INVALID, "HTTPS does not start");
}

static void test_places_that_cannot_be(void **state)
{
    (void)state;
    struct kit first;
    kit_init(&first);
    log_set_sink(listen_to, NULL);
    kit_start(&first);
    kit.options.port = first.port;
    expect_trouble(STATUS_BUSY, "cannot listen on 127.0.0.1 port");
    kit_stop(&first);
    kit.options.port = 0;
    kit.options.host = "localhost";
    expect_trouble(STATUS_INVALID, "no address literal");
    kit.options.host = "203.0.113.7";
    expect_trouble(STATUS_NOT_FOUND, "cannot listen on 203.0.113.7");
}

/* "::" takes both; a machine without IPv6 cannot be tested for that. */
static void test_both_families(void **state)
{
    (void)state;
    kit.options.host = "::";
    if (api_start(&kit.options, &kit.api) != 0) {
        skip();
    }
    kit.port = api_port(kit.api);
    assert_int_equal(kit_code(&kit, "/api/v1/about", KIT_AUTH), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_https, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_that_do_not_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places_that_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_both_families, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
