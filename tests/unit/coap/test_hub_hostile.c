/* What peers may do to a hub without harm to it, and to an uplink. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/coap/kit.h"

static bool one_refused(const struct kit_seen *seen)
{
    return seen->refused >= 1;
}

static bool one_closed(const struct kit_seen *seen)
{
    return seen->closed == 1;
}

static bool all_gone(const struct kit_seen *seen)
{
    return seen->counters.sessions == 0 && seen->counters.handshakes == 0 && seen->closed == seen->opened;
}

static bool eight_waiting(const struct kit_seen *seen)
{
    return seen->counters.handshakes == 8;
}

static bool one_failed(const struct kit_seen *seen)
{
    return seen->counters.handshakes_failed == 1;
}

static bool no_handshakes(const struct kit_seen *seen)
{
    return seen->counters.handshakes == 0;
}

static void expect_end(int fd)
{
    char byte;
    struct pollfd end = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&end, 1, 10000), 1);
    while (recv(fd, &byte, 1, 0) > 0) {
    }
    (void)close(fd);
}

static void test_silent_peer(void **state)
{
    (void)state;
    struct hub_options options = kit_defaults();
    options.handshake_ms = 200;
    kit_start(&options);
    int fd = kit_dial();
    expect_end(fd);
    kit_wait(one_refused);
    assert_string_equal(kit_seen().reason, "its handshake took too long");
    kit_wait(no_handshakes);
    assert_int_equal(kit_seen().counters.handshakes_pushed_out, 1);
    kit_stop();
}

static void test_garbage(void **state)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    (void)state;
    kit_start(NULL);
    int fd = kit_dial();
    assert_int_equal(send(fd, http, sizeof http, MSG_NOSIGNAL), sizeof http);
    expect_end(fd);
    kit_wait(one_refused);
    assert_string_equal(kit_seen().reason, "its first message is no TLS");
    kit_wait(one_failed);
    kit_stop();
}

/* Silent connections neither keep a site out, nor are they kept. */
static void test_pushed_out(void **state)
{
    enum { SILENT = 30 };
    int fds[SILENT];
    struct client client = {0};
    (void)state;
    struct hub_options options = kit_defaults();
    options.handshakes_max = 8;
    options.handshake_ms = 1000;
    kit_start(&options);
    for (int i = 0; i < SILENT; i++) {
        fds[i] = kit_dial();
    }
    kit_wait(eight_waiting);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    expect_end(fds[0]);
    assert_true(kit_seen().counters.handshakes_pushed_out >= SILENT + 1 - 8);
    for (int i = 1; i < SILENT; i++) {
        (void)close(fds[i]);
    }
    kit_wait(no_handshakes);
    kit_disconnect(&client);
    kit_stop();
}

static void test_too_many_sessions(void **state)
{
    struct client clients[3] = {0};
    (void)state;
    struct hub_options options = kit_defaults();
    options.sessions_max = 2;
    kit_start(&options);
    for (int i = 0; i < 2; i++) {
        kit_connect(&clients[i], NULL);
        kit_until_connected(&clients[i]);
    }
    kit_connect(&clients[2], NULL);
    kit_until_closed(&clients[2]);
    kit_disconnect(&clients[0]);
    kit_disconnect(&clients[2]);
    kit_wait(one_closed);
    kit_connect(&clients[2], NULL);
    kit_until_connected(&clients[2]);
    kit_disconnect(&clients[1]);
    kit_disconnect(&clients[2]);
    kit_stop();
}

static void test_no_certificate(void **state)
{
    char address[32];
    char *const arguments[] = {"openssl", "s_client", "-connect", address, "-quiet", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int ended;
    (void)state;
    kit_start(NULL);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", kit_port());
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    for (int fd = 1; fd <= 2; fd++) {
        assert_int_equal(posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0), 0);
    }
    int status = posix_spawnp(&pid, "openssl", &actions, NULL, arguments, NULL);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        kit_stop();
        skip(); /* a machine without it */
    }
    assert_int_equal(waitpid(pid, &ended, 0), pid);
    kit_wait(one_refused);
    assert_string_equal(kit_seen().reason, "it showed no certificate");
    assert_int_equal(kit_seen().opened, 0);
    kit_stop();
}

/* A session of a known site that turns bad. */
static void bad_site(const void *bytes, size_t len, struct hub_counters *counters)
{
    struct client client = {0};
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    kit_send_raw(&client, bytes, len);
    kit_until_closed(&client);
    kit_wait(all_gone);
    *counters = kit_seen().counters;
    assert_int_equal(kit_seen().requests, 0);
    kit_disconnect(&client);
    kit_stop();
}

static void test_oversized(void **state)
{
    static const uint8_t just_over[] = {0xE0, 0xFE, 0xF0, 0x02}; /* 65536 + 4 bytes are one too many */
    static const uint8_t four_gigabytes[] = {0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    struct hub_counters counters;
    (void)state;
    bad_site(just_over, sizeof just_over, &counters);
    assert_int_equal(counters.oversized, 1);
    bad_site(four_gigabytes, sizeof four_gigabytes, &counters);
    assert_int_equal(counters.oversized, 1);
    assert_int_equal(counters.malformed, 0);
}

static void test_malformed(void **state)
{
    static const uint8_t long_token[] = {0x0F, 0x02, 0, 0, 0, 0, 0, 0};
    struct hub_counters counters;
    (void)state;
    bad_site(long_token, sizeof long_token, &counters);
    assert_int_equal(counters.malformed, 1);
    assert_int_equal(counters.oversized, 0);
}

/* libcoap alone would connect to the peer to answer the Ping. */
static void test_ping_after_release(void **state)
{
    static const uint8_t release_and_ping[] = {0x00, 0xE4, 0x00, 0xE2, 0x00, 0xE2};
    struct hub_counters counters;
    (void)state;
    bad_site(release_and_ping, sizeof release_and_ping, &counters);
    assert_int_equal(counters.malformed, 0);
}

/* Many messages in one TLS record, so that heads lie across the ends of libcoap's reads: libcoap alone loses its way.
 */
static void test_packed_messages(void **state)
{
    enum { MESSAGES = 40 };
    struct client client = {0};
    struct buf bytes = BUF_INIT;
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    for (unsigned i = 0; i < MESSAGES; i++) { /* POST /echo with a payload of 300 + i bytes, in a head of 4 bytes */
        size_t body = 5 + 1 + 300 + i;
        const uint8_t head[] = {0xE8, (uint8_t)((body - 269) >> 8), (uint8_t)(body - 269), 0x02};
        const uint64_t tag = i;
        buf_append(&bytes, head, sizeof head);
        buf_append(&bytes, &tag, sizeof tag);
        buf_append_str(&bytes, "\xB4"
                               "echo\xFF");
        for (unsigned k = 0; k < 300 + i; k++) {
            buf_append(&bytes, &(uint8_t){(uint8_t)k}, 1);
        }
    }
    assert_false(bytes.failed);
    kit_send_raw(&client, bytes.data, bytes.len);
    kit_until_answers(&client, MESSAGES);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(client.tags[i], i);
    }
    assert_int_equal(client.payload.len, 300 + MESSAGES - 1);
    buf_deinit(&bytes);
    kit_disconnect(&client);
    kit_stop();
}

/* Options that must be understood, and blocks, which are not wanted here. */
static void test_critical_options(void **state)
{
    static const uint8_t block1[] = {0x88, 0x02, 1, 0, 0, 0, 0, 0, 0, 0, 0xB4, 'e', 'c', 'h', 'o', 0xD1, 0x03, 0x0E};
    static const uint8_t unknown[] = {0x88, 0x02, 2, 0, 0, 0, 0, 0, 0, 0, 0xB4, 'e', 'c', 'h', 'o', 0xD1, 0xFF, 0x01};
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    kit_send_raw(&client, block1, sizeof block1);
    kit_until_answers(&client, 1);
    assert_int_equal(client.code, 402);
    kit_send_raw(&client, unknown, sizeof unknown); /* libcoap refuses it, repeating the option, and drops the answer */
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("x"), 3), 0);
    kit_until_answers(&client, 2);
    assert_int_equal(client.code, 205);
    assert_int_equal(kit_seen().requests, 1);
    kit_disconnect(&client);
    kit_stop();
}

/* Pings or requests without end from a peer that reads nothing. */
static void never_reads(const uint8_t *message, size_t len, unsigned count)
{
    struct client client = {0};
    struct buf bytes = BUF_INIT;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    for (unsigned i = 0; i < count; i++) {
        buf_append(&bytes, message, len);
    }
    size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < 2000 && kit_seen().closed == 0; i++) {
        kit_send_unread(&client, bytes.data, bytes.len);
        (void)poll(NULL, 0, 1);
    }
    kit_wait(one_closed);
#ifndef __SANITIZE_ADDRESS__
    assert_true(mallinfo2().uordblks < before + 4 * 1024 * 1024);
#else
    (void)before;
#endif
    buf_deinit(&bytes);
    kit_disconnect(&client);
    kit_stop();
}

static void test_slow_reader(void **state)
{
    static const uint8_t get_big[] = {0x48, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0xB3, 'b', 'i', 'g'};
    (void)state;
    never_reads(get_big, sizeof get_big, 1);
}

static void test_idle(void **state)
{
    struct client client = {0};
    (void)state;
    struct hub_options options = kit_defaults();
    options.idle_ms = 200;
    kit_start(&options);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    kit_until_closed(&client);
    kit_wait(one_closed);
    kit_disconnect(&client);
    kit_stop();
}

static void test_rotation(void **state)
{
    struct client client = {0};
    (void)state;
    kit_copy(KIT_SERVER, "current.pem");
    struct hub_options options = kit_defaults();
    options.identity_path = kit_named("current.pem");
    kit_start(&options);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    uint8_t first[32];
    memcpy(first, client.server_key, sizeof first);
    kit_disconnect(&client);
    kit_copy(KIT_SERVER_NEXT, "current.pem");
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_memory_not_equal(first, client.server_key, sizeof first);
    kit_disconnect(&client);
    (void)unlink(kit_named("current.pem")); /* the one before stays */
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_memory_not_equal(first, client.server_key, sizeof first);
    kit_disconnect(&client);
    kit_copy(KIT_CA, "current.pem"); /* no key in it: so it does */
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_memory_not_equal(first, client.server_key, sizeof first);
    kit_disconnect(&client);
    kit_copy(KIT_SERVER, "current.pem");
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_memory_equal(first, client.server_key, sizeof first);
    kit_disconnect(&client);
    kit_stop();
}

static void reconnect(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct client client = {0};
        kit_connect(&client, NULL);
        kit_until_connected(&client);
        assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("again"), i), 0);
        kit_until_answers(&client, 1);
        kit_disconnect(&client);
    }
    kit_wait(all_gone);
}

static void test_reconnects_leave_nothing(void **state)
{
    (void)state;
    kit_start(NULL);
    reconnect(20);
#ifndef __SANITIZE_ADDRESS__
    size_t before = mallinfo2().uordblks;
    reconnect(180);
    assert_true(mallinfo2().uordblks < before + 16 * 1024);
#endif
    kit_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_peer),     cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_pushed_out),      cmocka_unit_test(test_too_many_sessions),
        cmocka_unit_test(test_no_certificate),  cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_malformed),       cmocka_unit_test(test_ping_after_release),
        cmocka_unit_test(test_packed_messages), cmocka_unit_test(test_critical_options),
        cmocka_unit_test(test_slow_reader),     cmocka_unit_test(test_idle),
        cmocka_unit_test(test_rotation),        cmocka_unit_test(test_reconnects_leave_nothing),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
