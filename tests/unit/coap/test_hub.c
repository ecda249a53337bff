/* A hub and uplinks over loopback: what is answered, who is let in, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "tests/unit/coap/kit.h"

static bool one_closed(const struct kit_seen *seen)
{
    return seen->closed == 1;
}

static bool one_refused(const struct kit_seen *seen)
{
    return seen->refused >= 1;
}

/* An alert may be lost when the side that sent it resets the connection after it. */
static void assert_reason(const char *reason, const char *expected, const char *cut_off)
{
    if (strcmp(reason, cut_off) != 0) {
        assert_string_equal(reason, expected);
    }
}

static void test_exchange(void **state)
{
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("early"), 1), STATUS_BUSY);
    kit_until_connected(&client);
    assert_int_equal(client.judged, 1);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("hello"), 5), 0);
    kit_until_answers(&client, 1);
    assert_int_equal(client.code, 205);
    assert_int_equal(client.format, 42);
    assert_int_equal(client.tags[0], 5);
    assert_int_equal(client.max_age_s, 60);
    assert_true(slice_is(buf_slice(&client.payload), "hello"));
    assert_int_equal(kit_ask(&client, UPLINK_GET, "busy", slice_str(""), 6), 0);
    kit_until_answers(&client, 2);
    assert_int_equal(client.code, 503);
    assert_int_equal(client.max_age_s, 17);
    assert_int_equal(kit_ask(&client, UPLINK_GET, "nothing", slice_str(""), 7), 0);
    kit_until_answers(&client, 3);
    assert_int_equal(client.code, 404);
    uint64_t in;
    uint64_t out;
    uplink_bytes(client.uplink, &in, &out);
    kit_disconnect(&client);
    kit_wait(one_closed);
    struct kit_seen seen = kit_seen();
    assert_int_equal(seen.closed_in, out);
    assert_int_equal(seen.closed_out, in);
    assert_string_equal(seen.identity, "");
    kit_stop();
}

static void test_paths(void **state)
{
    const char *deep[] = {"1", "2", "3", "4", "5"};
    const char *core[] = {".well-known", "core"};
    struct client client = {0};
    struct uplink_request request = {.method = UPLINK_GET, .path = deep, .path_count = 5, .format = -1, .accept = -1};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_int_equal(uplink_request(client.uplink, &request), 0);
    kit_until_answers(&client, 1);
    assert_int_equal(client.code, 404);
    assert_int_equal(kit_seen().requests, 0);
    request.path = core;
    request.path_count = 2;
    assert_int_equal(uplink_request(client.uplink, &request), 0);
    kit_until_answers(&client, 2);
    assert_int_equal(client.code, 404);
    assert_int_equal(kit_seen().requests, 1);
    kit_disconnect(&client);
    kit_stop();
}

static void test_psk(void **state)
{
    static const uint8_t key[32] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
                                    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
    static const uint8_t wrong[32] = {1};
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    struct uplink_options options = kit_client_options(&client);
    options.identity_path = options.ca_path = NULL;
    options.psk_identity = slice_str("join");
    options.psk_key = slice_make((const char *)key, sizeof key);
    kit_connect(&client, &options);
    kit_until_connected(&client);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("psk"), 1), 0);
    kit_until_answers(&client, 1);
    assert_true(slice_is(buf_slice(&client.payload), "psk"));
    assert_string_equal(kit_seen().identity, "join");
    kit_disconnect(&client);

    options.psk_key = slice_make((const char *)wrong, sizeof wrong);
    kit_connect(&client, &options);
    kit_until_closed(&client);
    assert_false(client.connected);
    kit_wait(one_refused);
    assert_string_equal(kit_seen().reason, "its key is not the right one, or bytes were damaged");
    kit_disconnect(&client);

    options.psk_identity = slice_str("stranger");
    kit_connect(&client, &options);
    kit_until_closed(&client);
    assert_reason(client.reason, "the server: it does not know our PSK identity or refused it",
                  "the server: it closed the connection during the handshake");
    kit_disconnect(&client);
    kit_stop();
}

static void test_answers_out_of_order(void **state)
{
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    for (uint64_t tag = 0; tag < 20; tag++) {
        assert_int_equal(kit_ask(&client, UPLINK_POST, "later", slice_str("x"), tag), 0);
    }
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("now"), 99), 0);
    kit_until_answers(&client, 1);
    assert_int_equal(client.tags[0], 99);
    kit_release();
    kit_until_answers(&client, 21);
    for (uint64_t tag = 0; tag < 20; tag++) {
        assert_int_equal(client.tags[1 + tag], 19 - tag);
    }
    assert_int_equal(client.code, 204);
    kit_disconnect(&client);
    kit_stop();
}

static void test_large(void **state)
{
    static char text[60000];
    struct client client = {0};
    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i * 7 % 26 + i / 1000 % 3);
    }
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_true(uplink_message_max(client.uplink) > 65000);
    for (uint64_t tag = 0; tag < 4; tag++) {
        assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_make(text, sizeof text), tag), 0);
    }
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_make(text, sizeof text), 4), STATUS_BUSY);
    kit_until_answers(&client, 4);
    assert_true(slice_equal(buf_slice(&client.payload), slice_make(text, sizeof text)));
    for (size_t len = 16300; len < 16500; len++) { /* around the end of a TLS record */
        unsigned before = client.answers;
        assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_make(text, len), len), 0);
        kit_until_answers(&client, before + 1);
        assert_true(slice_equal(buf_slice(&client.payload), slice_make(text, len)));
    }
    char *huge = calloc(1, KIT_MESSAGE_MAX);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_make(huge, KIT_MESSAGE_MAX), 9), STATUS_RANGE);
    free(huge);
    kit_disconnect(&client);
    kit_stop();
}

static void test_judge_refuses(void **state)
{
    struct client client = {.refuse = true};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_closed(&client);
    assert_false(client.connected);
    assert_string_equal(client.reason, "the server is not the one that was asked for");
    kit_wait(one_closed);
    assert_int_equal(kit_seen().closed_in, 0);
    kit_disconnect(&client);
    kit_stop();
}

static void refused_with(enum kit_file identity, enum kit_file ca, const char *here, const char *there)
{
    struct client client = {0};
    kit_start(NULL);
    struct uplink_options options = kit_client_options(&client);
    options.identity_path = kit_path(identity);
    options.ca_path = kit_path(ca);
    kit_connect(&client, &options);
    kit_until_closed(&client);
    assert_reason(client.reason, here, "the server: it closed the connection during the handshake");
    kit_wait(one_refused);
    assert_reason(kit_seen().reason, there, "it closed the connection during the handshake");
    assert_int_equal(kit_seen().opened, 0);
    kit_disconnect(&client);
    kit_stop();
}

static void test_wrong_authorities(void **state)
{
    static const char foreign[] = "its certificate does not come from the CA that is trusted here";
    (void)state;
    refused_with(KIT_SITE, KIT_OTHER_CA, "the server: its certificate does not come from the CA that is trusted here",
                 "it does not trust the CA of our certificate");
    refused_with(KIT_OTHER_SITE, KIT_CA, "the server: it does not trust the CA of our certificate", foreign);
    refused_with(KIT_SELF_SIGNED, KIT_CA, "the server: it refused our certificate as unsupported", foreign);
}

static void test_expired_may_come_in(void **state)
{
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    struct uplink_options options = kit_client_options(&client);
    options.identity_path = kit_path(KIT_SITE_EXPIRED);
    kit_connect(&client, &options);
    kit_until_connected(&client);
    kit_disconnect(&client);
    kit_stop();
}

static void test_opened_refuses(void **state)
{
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    kit_refuse_opened(true);
    kit_connect(&client, NULL);
    kit_until_closed(&client);
    assert_int_equal(kit_seen().opened, 1);
    assert_int_equal(kit_seen().closed, 0);
    assert_int_equal(kit_seen().refused, 0);
    kit_disconnect(&client);
    kit_stop();
}

static void test_closed_by_server(void **state)
{
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "bye", slice_str("x"), 1), 0);
    kit_until_closed(&client);
    assert_int_equal(client.answers, 0);
    kit_wait(one_closed);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("x"), 1), STATUS_BUSY);
    kit_disconnect(&client);
    kit_stop();
}

static void test_answer_to_nobody(void **state)
{
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "later", slice_str("x"), 1), 0);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("x"), 2), 0);
    kit_until_answers(&client, 1);
    kit_disconnect(&client);
    kit_wait(one_closed);
    kit_connect(&client, NULL); /* takes the same slot */
    kit_until_connected(&client);
    kit_release();
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("x"), 3), 0);
    kit_until_answers(&client, 1);
    for (int i = 0; i < 10; i++) {
        kit_turn(&client, 10);
    }
    assert_int_equal(client.answers, 1);
    assert_int_equal(client.tags[0], 3);
    kit_disconnect(&client);
    kit_stop();
}

/* After closed() the descriptor is quiet until uplink_free(). */
static void test_quiet_when_closed(void **state)
{
    struct client client = {0};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    kit_stop();
    kit_until_closed(&client);
    (void)uplink_turn(client.uplink);
    struct pollfd fd = {.fd = uplink_fd(client.uplink), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 50), 0);
    assert_int_equal(uplink_turn(client.uplink), -1);
    kit_disconnect(&client);
}

static void test_server_gone(void **state)
{
    struct client client = {0};
    struct client other = {0};
    (void)state;
    kit_start(NULL);
    struct uplink_options options = kit_client_options(&other);
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    kit_stop();
    assert_int_equal(kit_seen().closed, 1);
    kit_until_closed(&client);
    kit_disconnect(&client);
    kit_connect(&other, &options);
    kit_until_closed(&other);
    assert_string_equal(other.reason, "the server: nobody listens there");
    kit_disconnect(&other);
}

static void test_free_from_callbacks(void **state)
{
    struct client client = {.free_judge = true};
    (void)state;
    kit_start(NULL);
    kit_connect(&client, NULL);
    while (client.uplink) {
        kit_turn(&client, 20);
    }
    client = (struct client){.free_connected = true};
    kit_connect(&client, NULL);
    while (client.uplink) {
        kit_turn(&client, 20);
    }
    client = (struct client){.free_answered = true};
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("x"), 1), 0);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "echo", slice_str("y"), 2), 0);
    while (client.uplink) {
        kit_turn(&client, 20);
    }
    assert_int_equal(client.answers, 1);
    kit_disconnect(&client);
    client = (struct client){.free_closed = true};
    kit_connect(&client, NULL);
    kit_until_connected(&client);
    assert_int_equal(kit_ask(&client, UPLINK_POST, "bye", slice_str("x"), 1), 0);
    while (client.uplink) {
        kit_turn(&client, 20);
    }
    kit_disconnect(&client);
    kit_stop();
}

static void test_bad_options(void **state)
{
    struct client client = {0};
    struct hub *none;
    (void)state;
    kit_start(NULL);
    struct hub_options options = kit_defaults();
    options.port = kit_port();
    assert_int_equal(hub_new(&options, &none), STATUS_BUSY);
    options.host = "localhost";
    assert_int_equal(hub_new(&options, &none), STATUS_INVALID);
    options = kit_defaults();
    options.ca_path = "/nowhere/ca.pem";
    assert_int_equal(hub_new(&options, &none), STATUS_NOT_FOUND);
    struct uplink_options up = kit_client_options(&client);
    up.address = "localhost";
    assert_int_equal(uplink_new(&up, &client.uplink), STATUS_INVALID);
    up = kit_client_options(&client);
    up.identity_path = "/nowhere/site.pem";
    assert_int_equal(uplink_new(&up, &client.uplink), STATUS_NOT_FOUND);
    up.identity_path = up.ca_path = NULL;
    assert_int_equal(uplink_new(&up, &client.uplink), STATUS_INVALID);
    kit_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_psk),
        cmocka_unit_test(test_answers_out_of_order),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_judge_refuses),
        cmocka_unit_test(test_wrong_authorities),
        cmocka_unit_test(test_expired_may_come_in),
        cmocka_unit_test(test_opened_refuses),
        cmocka_unit_test(test_closed_by_server),
        cmocka_unit_test(test_server_gone),
        cmocka_unit_test(test_free_from_callbacks),
        cmocka_unit_test(test_answer_to_nobody),
        cmocka_unit_test(test_quiet_when_closed),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
