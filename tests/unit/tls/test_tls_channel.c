#include "platform/tls/channel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "tests/support/rng.h"
#include "tests/unit/net/tls_server.h"

enum { PATIENCE_MS = 60000 };

/* ---- which servers are believed ---- */

static void assert_untrusted(const char *path, const char *fault)
{
    char expected[700];
    char why[700] = "";
    struct channel_trust *trust = NULL;
    assert_int_equal(channel_trust_load(path, &trust, why, sizeof why), STATUS_INVALID);
    (void)snprintf(expected, sizeof expected, "CA file %s: %s", path, fault);
    assert_string_equal(why, expected);
    assert_null(trust);
    char little[8];
    assert_int_equal(channel_trust_load(path, &trust, little, sizeof little), STATUS_INVALID);
    assert_string_equal(little, "CA file");
}

static void test_files_without_a_certificate(void **state)
{
    (void)state;
    const char *pipe_path = tls_server_file("pipe", "");
    assert_untrusted(pipe_path, "it holds no certificate");
    assert_untrusted("/does/not/exist.pem", "No such file or directory");
    assert_untrusted("/", "not a file");
    assert_untrusted(tls_server_file("text", "a text\n"), "it holds no certificate");
    assert_untrusted(tls_server_file("broken", "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n"),
                     "it holds no certificate");
    assert_int_equal(unlink(pipe_path), 0);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_untrusted(pipe_path, "not a file"); /* and nobody waits for a writer */
}

static void test_one_block_that_cannot_be_read_spoils_nothing(void **state)
{
    (void)state;
    char text[8192] = "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n";
    size_t len = strlen(text);
    FILE *file = fopen(tls_server_ca(), "re");
    assert_non_null(file);
    len += fread(text + len, 1, sizeof text - 1 - len, file);
    text[len] = 0;
    (void)fclose(file);
    struct channel_trust *trust = NULL;
    char why[256];
    assert_int_equal(channel_trust_load(tls_server_file("bundle", text), &trust, why, sizeof why), 0);
    channel_trust_free(trust);
    channel_trust_free(NULL);
}

/* ---- a session ---- */

struct session {
    struct channel_trust *trust;
    struct channel *channel;
    int fd;
};

static void session_open(struct session *session, const char *ca_path, const char *name, int fd)
{
    char why[700] = "";
    *session = (struct session){.fd = fd};
    assert_int_equal(channel_trust_load(ca_path, &session->trust, why, sizeof why), 0);
    assert_int_equal(channel_new(session->trust, name, fd, &session->channel), 0);
    assert_string_equal(channel_why(session->channel), "");
}

static void session_close(struct session *session)
{
    channel_close(session->channel);
    channel_free(session->channel);
    channel_trust_free(session->trust);
    (void)close(session->fd);
}

static int connect_to(const char *server)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(tls_server_port(server))};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Whether there is something to wait for, which has come then. */
static bool wait_for(const struct session *session, int outcome)
{
    struct pollfd ready = {.fd = session->fd, .events = outcome == CHANNEL_WANTS_WRITE ? POLLOUT : POLLIN};
    if (outcome != CHANNEL_WANTS_READ && outcome != CHANNEL_WANTS_WRITE) {
        return false;
    }
    assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
    return true;
}

static int shake_hands(struct session *session)
{
    int outcome;
    do {
        outcome = channel_handshake(session->channel);
    } while (wait_for(session, outcome));
    return outcome;
}

static int read_some(struct session *session, void *out, size_t size, size_t *got)
{
    int outcome;
    do {
        outcome = channel_read(session->channel, out, size, got);
    } while (wait_for(session, outcome));
    return outcome;
}

static void assert_next(struct session *session, const char *expected)
{
    char text[64] = "";
    size_t sum = 0;
    while (sum < strlen(expected)) {
        size_t got = 0;
        assert_int_equal(read_some(session, text + sum, sizeof text - 1 - sum, &got), 0);
        sum += got;
    }
    assert_string_equal(text, expected);
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct session session;
    char text[8] = "";
    size_t count = 0;
    session_open(&session, tls_server_ca(), "localhost", connect_to("echo"));
    assert_int_equal(channel_handshake(session.channel), CHANNEL_WANTS_READ);
    assert_int_equal(shake_hands(&session), 0);
    assert_int_equal(read_some(&session, text, 3, &count), 0);
    assert_int_equal(count, 3);
    assert_true(channel_pending(session.channel)); /* all of a record is decrypted at once */
    assert_next(&session, "lo\r\n");
    assert_false(channel_pending(session.channel));
    assert_int_equal(channel_read(session.channel, text, sizeof text, &count), CHANNEL_WANTS_READ);
    assert_int_equal(count, 0);
    assert_int_equal(channel_write(session.channel, slice_str(""), &count), 0);
    assert_int_equal(channel_write(session.channel, slice_str("Ping"), &count), 0);
    assert_int_equal(count, 4);
    assert_next(&session, "Ping");
    assert_string_equal(channel_why(session.channel), "");
    session_close(&session);
}

/* Takes in what comes back, and looks whether it is what was sent. */
static size_t compare(struct session *session, size_t sum, const char *sent)
{
    char piece[16384];
    size_t got = 0;
    while (channel_read(session->channel, piece, sizeof piece, &got) == 0) {
        assert_memory_equal(piece, sent + sum, got);
        sum += got;
    }
    return sum;
}

/* When a write is stuck, some of its bytes are on their way: that there are more by the next call changes nothing. */
static void test_a_write_that_is_stuck(void **state)
{
    enum { ROOM = 24 * 1024 * 1024, FIRST = 5000, LATER = 9000, MORE = 100000 };
    (void)state;
    static char sent[ROOM];
    struct session session;
    size_t sum = 0;
    size_t count = 0;
    int outcome = 0;
    for (size_t i = 0; i < ROOM; i++) {
        sent[i] = (char)(i % 251);
    }
    session_open(&session, tls_server_ca(), "localhost", connect_to("echo"));
    assert_int_equal(shake_hands(&session), 0);
    assert_next(&session, "Hello\r\n");
    while (outcome == 0 && sum < ROOM - MORE) {
        outcome = channel_write(session.channel, slice_make(sent + sum, FIRST), &count);
        sum += count;
        assert_true((outcome == 0) == (count > 0));
    }
    assert_int_equal(outcome, CHANNEL_WANTS_WRITE);
    size_t back = 0;
    for (size_t end = sum + MORE; back < end; back = compare(&session, back, sent)) {
        struct pollfd ready = {.fd = session.fd, .events = (short)(POLLIN | (sum < end ? POLLOUT : 0))};
        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
        if (sum < end) {
            (void)channel_write(session.channel, slice_make(sent + sum, end - sum < LATER ? end - sum : LATER), &count);
            sum += count;
        }
    }
    session_close(&session);
}

static void test_the_server_ends(void **state)
{
    static const char *const servers[] = {"flood", "cut"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct session session;
        char piece[16384];
        size_t sum = 0;
        size_t got = 0;
        int outcome;
        session_open(&session, tls_server_ca(), "localhost", connect_to(servers[i]));
        assert_int_equal(shake_hands(&session), 0);
        while ((outcome = read_some(&session, piece, sizeof piece, &got)) == 0) {
            sum += got;
        }
        assert_int_equal(outcome, CHANNEL_ENDED);
        assert_int_equal(sum, i == 0 ? 1 << 20 : 7);
        session_close(&session);
    }
}

/* ---- names ---- */

static void test_the_name_is_told_but_no_address(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, tls_server_ca(), "localhost", connect_to("sni"));
    assert_int_equal(shake_hands(&session), 0);
    assert_next(&session, "localhost\r\n");
    session_close(&session);
    session_open(&session, NULL, "127.0.0.1", connect_to("sni"));
    assert_int_equal(shake_hands(&session), 0);
    assert_next(&session, "None\r\n");
    session_close(&session);
}

static void test_names(void **state)
{
    static const struct {
        const char *server;
        const char *name;
        const char *why; /* NULL: it is the one */
    } table[] = {
        {"echo", "localhost", NULL},
        {"echo", "LOCALHOST", NULL},
        {"echo", NULL, NULL},
        {"elsewhere", "127.0.0.1", NULL}, /* an address, as such */
        {"echo", "127.0.0.1", "its certificate is for another host"},
        {"elsewhere", "localhost", "its certificate is for another host"},
        {"echo", "", "its certificate is for another host"},
        {"role", NULL, "its certificate is for another role"},
        {"expired", "localhost", "its certificate expired"},
        {"expired", "elsewhere.example", "its certificate is for another host"},
        {"foreign", "elsewhere.example", "its certificate does not lead to a trusted CA"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct session session;
        session_open(&session, tls_server_ca(), table[i].name, connect_to(table[i].server));
        assert_int_equal(shake_hands(&session), table[i].why ? STATUS_IO : 0);
        assert_string_equal(channel_why(session.channel), table[i].why ? table[i].why : "");
        session_close(&session);
    }
}

/* A certificate that has no names but its CN, which Asterisk's own script makes. */
static void test_the_common_name_counts_where_there_is_no_other(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, tls_server_self(), "localhost", connect_to("self"));
    assert_int_equal(shake_hands(&session), 0);
    session_close(&session);
    session_open(&session, tls_server_self(), "127.0.0.1", connect_to("self"));
    assert_int_equal(shake_hands(&session), STATUS_IO);
    assert_string_equal(channel_why(session.channel), "its certificate is for another host");
    session_close(&session);
}

static void test_a_name_that_is_too_long(void **state)
{
    (void)state;
    char name[300];
    char why[64];
    struct channel_trust *trust = NULL;
    struct channel *channel = NULL;
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(channel_trust_load(NULL, &trust, why, sizeof why), 0);
    assert_int_equal(channel_new(trust, name, 0, &channel), STATUS_RANGE);
    assert_null(channel);
    channel_free(NULL);
    channel_trust_free(trust);
}

/* ---- what is no handshake ---- */

static int answer(struct session *session, const void *data, size_t len)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    session_open(session, tls_server_ca(), "localhost", ends[0]);
    assert_int_equal(channel_handshake(session->channel), CHANNEL_WANTS_READ);
    assert_int_equal(send(ends[1], data, len, MSG_NOSIGNAL), len);
    assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
    int outcome = shake_hands(session);
    (void)close(ends[1]);
    return outcome;
}

static void test_other_answers(void **state)
{
    static const struct {
        const char *data;
        size_t len;
        int outcome;
        const char *why;
    } table[] = {
        {"", 0, CHANNEL_ENDED, ""},
        {"\x16\x03\x03\x00\x50\x02", 6, CHANNEL_ENDED, ""},
        {"Asterisk Call Manager/9.0.0\r\n", 29, STATUS_IO, "what it says is not TLS"},
        {"\x15\x03\x03\x00\x02\x02\x28", 7, STATUS_IO,
         "it refused with TLS alert 40: no cipher, or no certificate of ours, suits it"},
        {"\x15\x03\x03\x00\x02\x02\x46", 7, STATUS_IO, "it refused with TLS alert 70: it speaks a TLS older than 1.2"},
        {"\x15\x03\x03\x00\x02\x02\x50", 7, STATUS_IO, "it refused with TLS alert 80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct session session;
        assert_int_equal(answer(&session, table[i].data, table[i].len), table[i].outcome);
        assert_string_equal(channel_why(session.channel), table[i].why);
        session_close(&session);
    }
}

static void test_nonsense_in_records(void **state)
{
    (void)state;
    struct rng rng = {1};
    for (unsigned round = 0; round < 300; round++) {
        struct session session;
        uint8_t data[200];
        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = (uint8_t)rng_below(&rng, 256);
        }
        memcpy(data, "\x16\x03\x03\x00\x40\x02\x00\x00\x3c\x03\x03", round % 2 ? 5 : 11);
        int outcome = answer(&session, data, sizeof data);
        assert_true(outcome == STATUS_IO || outcome == CHANNEL_ENDED);
        session_close(&session);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_without_a_certificate),
        cmocka_unit_test(test_one_block_that_cannot_be_read_spoils_nothing),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_a_write_that_is_stuck),
        cmocka_unit_test(test_the_server_ends),
        cmocka_unit_test(test_the_name_is_told_but_no_address),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_the_common_name_counts_where_there_is_no_other),
        cmocka_unit_test(test_a_name_that_is_too_long),
        cmocka_unit_test(test_other_answers),
        cmocka_unit_test(test_nonsense_in_records),
    };
    return cmocka_run_group_tests(tests, tls_server_setup, tls_server_teardown);
}
