#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/endpoint.h"
#include "platform/file/gzip.h"
#include "tests/unit/api/server_kit.h"

static struct kit kit;

static int setup(void **state)
{
    (void)state;
    kit_init(&kit);
    kit_start(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_stop(&kit);
    return 0;
}

static void expect_header(struct kit_answer *answer, const char *name, const char *value)
{
    const char *found = kit_header(answer, name);
    assert_non_null(found);
    assert_string_equal(found, value);
}

static void expect_always(struct kit_answer *answer)
{
    expect_header(answer, "X-Content-Type-Options", "nosniff");
    expect_header(answer, "Referrer-Policy", "no-referrer");
    expect_header(answer, "Cross-Origin-Opener-Policy", "same-origin");
    expect_header(answer, "Cross-Origin-Resource-Policy", "same-origin");
    assert_non_null(strstr(kit_header(answer, "Content-Security-Policy"), "default-src 'none'"));
    assert_non_null(kit_header(answer, "Permissions-Policy"));
    assert_non_null(kit_header(answer, "Cache-Control"));
    assert_null(kit_header(answer, "Access-Control-Allow-Origin"));
    assert_null(kit_header(answer, "Strict-Transport-Security"));
}

static void expect(const char *method, const char *target, const char *headers, int code)
{
    struct kit_answer answer;
    kit_ask(&kit, method, target, headers, NULL, &answer);
    if (answer.code != code) {
        print_error("%s %.80s: %d instead of %d\n", method, target, answer.code, code);
    }
    assert_int_equal(answer.code, code);
    expect_always(&answer);
    kit_answer_free(&answer);
}

static void test_codes(void **state)
{
    (void)state;
    expect("GET", "/healthz", "", 200);
    expect("GET", "/api/v1/about", "", 401);
    expect("GET", "/api/v1/about", "Authorization: Basic dmlldzp0\r\n", 401);
    expect("GET", "/api/v1/about", "Authorization: Bearer wrong\r\n", 401);
    expect("GET", "/api/v1/about", "Authorization: Bearer " KIT_VIEW " more\r\n", 401);
    expect("GET", "/api/v1/about", "authorization: bearer " KIT_VIEW "\r\n", 200);
    expect("GET", "/api/v1/about", KIT_AUTH, 200);
    expect("GET", "/api/v1/tokens", KIT_AUTH, 403);
    expect("GET", "/api/v1/tokens", KIT_AUTH_ADMIN, 200);
    expect("GET", "/api/v1/nothing", KIT_AUTH, 404);
    expect("GET", "/api", KIT_AUTH, 404);
    expect("GET", "/api/v1/sites/", KIT_AUTH, 404);
    expect("GET", "/api/v1/sites/a/b", KIT_AUTH, 404);
    expect("GET", "/api/v1/sites/a%2fb", KIT_AUTH, 404);
    expect("GET", "/api/v1/sites/a%00b", KIT_AUTH, 404);
    expect("GET", "/api/v1/echo?a=%zz", KIT_AUTH, 400);
    expect("GET", "/api/v1/echo?a=%", KIT_AUTH, 400);
    expect("DELETE", "/api/v1/echo", KIT_AUTH, 405);
    expect("POST", "/api/v1/echo", KIT_AUTH, 405);
    expect("GET", "/api/v1/alerts/mute", KIT_AUTH_ADMIN, 405);
    expect("GET", "/api/v1/fail", KIT_AUTH, 500);
    expect("GET", "/metrics", "", 401);
    expect("GET", "/metrics", KIT_AUTH, 200);
    expect("GET", "/api/v1/openapi.json", "", 200);
    expect("OPTIONS", "/api/v1/echo", "", 204);
}

static void test_refusals_say_what(void **state)
{
    (void)state;
    struct kit_answer answer;
    kit_get(&kit, "/api/v1/about", "", &answer);
    expect_header(&answer, "WWW-Authenticate", "Bearer");
    expect_header(&answer, "Content-Type", "application/json");
    expect_header(&answer, "Cache-Control", "no-store");
    assert_non_null(strstr(buf_cstr(&answer.body), "{\"error\":{\"code\":401,"));
    kit_answer_free(&answer);
    kit_ask(&kit, "PUT", "/api/v1/echo", KIT_AUTH, NULL, &answer);
    expect_header(&answer, "Allow", "GET, HEAD, OPTIONS");
    kit_answer_free(&answer);
    kit_ask(&kit, "OPTIONS", "/api/v1/alerts/mute", "", NULL, &answer);
    expect_header(&answer, "Allow", "POST, OPTIONS");
    kit_answer_free(&answer);
}

static void test_limits(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    buf_append_str(&text, "/api/v1/echo?a=");
    for (int i = 0; i < 2100; i++) {
        buf_append_str(&text, "x");
    }
    expect("GET", buf_cstr(&text), KIT_AUTH, 414);
    buf_reset(&text);
    buf_append_str(&text, "/api/v1/echo?a=1");
    for (int i = 1; i < ENDPOINT_ITEMS_MAX; i++) {
        buf_append_str(&text, "&a=1");
    }
    expect("GET", buf_cstr(&text), KIT_AUTH, 200);
    buf_append_str(&text, "&&a=1");
    expect("GET", buf_cstr(&text), KIT_AUTH, 400);
    buf_reset(&text);
    buf_append_str(&text, "/");
    for (int i = 0; i < 1100; i++) {
        buf_append_str(&text, "x");
    }
    expect("GET", buf_cstr(&text), KIT_AUTH, 414);
    buf_reset(&text);
    buf_append_str(&text, KIT_AUTH "X-Filler: ");
    for (int i = 0; i < 9000; i++) {
        buf_append_str(&text, "x");
    }
    buf_append_str(&text, "\r\n");
    expect("GET", "/api/v1/echo", buf_cstr(&text), 431);
    buf_deinit(&text);
}

static void test_decoding(void **state)
{
    (void)state;
    struct kit_answer answer;
    kit_get(&kit, "/api/v1/sites/madrid%2D01?queue=a%26b&&queue=c+d%2b&empty=&bare", KIT_AUTH, &answer);
    assert_string_equal(buf_cstr(&answer.body), "rest=madrid-01;queue=a&b;queue=c d+;empty=;bare=;");
    kit_answer_free(&answer);
}

static void test_body(void **state)
{
    (void)state;
    struct kit_answer answer;
    kit_ask(&kit, "POST", "/api/v1/alerts/mute", KIT_AUTH_ADMIN, "{\"rule\":\"r\"}", &answer);
    assert_int_equal(answer.code, 200);
    assert_string_equal(buf_cstr(&answer.body), "rest=;{\"rule\":\"r\"}");
    kit_answer_free(&answer);
    char long_body[ENDPOINT_BODY_MAX + 2];
    memset(long_body, 'x', sizeof long_body);
    long_body[sizeof long_body - 1] = '\0';
    kit_ask(&kit, "POST", "/api/v1/alerts/mute", KIT_AUTH_ADMIN, long_body, &answer);
    assert_int_equal(answer.code, 413);
    kit_answer_free(&answer);
    long_body[ENDPOINT_BODY_MAX] = '\0';
    kit_ask(&kit, "POST", "/api/v1/alerts/mute", KIT_AUTH_ADMIN, long_body, &answer);
    assert_int_equal(answer.code, 200);
    kit_answer_free(&answer);
}

static void test_chunked_body_has_its_limit_too(void **state)
{
    (void)state;
    struct kit_client client;
    struct kit_answer answer;
    kit_open(&kit, &client);
    kit_send(&client,
             "POST /api/v1/alerts/mute HTTP/1.1\r\nHost: x\r\n" KIT_AUTH_ADMIN "Transfer-Encoding: chunked\r\n\r\n");
    char chunk[1100];
    memset(chunk, 'y', sizeof chunk);
    memcpy(chunk, "400\r\n", 5);
    memcpy(chunk + 5 + 1024, "\r\n", 3);
    for (int i = 0; i < 5; i++) {
        kit_send(&client, chunk);
    }
    kit_send(&client, "0\r\n\r\n");
    kit_take(&client, false, &answer);
    assert_int_equal(answer.code, 413);
    kit_answer_free(&answer);
    kit_close(&client);
}

static void test_head(void **state)
{
    (void)state;
    struct kit_answer get;
    struct kit_answer head;
    kit_get(&kit, "/api/v1/count?n=500&f=60000", KIT_AUTH, &get);
    kit_ask(&kit, "HEAD", "/api/v1/count?n=500&f=60000", KIT_AUTH, NULL, &head);
    assert_int_equal(head.code, 200);
    assert_int_equal(strtoul(kit_header(&head, "Content-Length"), NULL, 10), get.body.len);
    kit_answer_free(&get);
    kit_answer_free(&head);
    expect("HEAD", "/api/v1/live/stream", KIT_AUTH, 200);
    expect("HEAD", "/", "", 200);
}

static void test_gzip(void **state)
{
    (void)state;
    struct kit_answer plain;
    struct kit_answer packed;
    struct buf unpacked = BUF_INIT;
    kit_get(&kit, "/api/v1/count?n=5000&f=60000", KIT_AUTH, &plain);
    assert_null(kit_header(&plain, "Content-Encoding"));
    expect_header(&plain, "Vary", "Accept-Encoding");
    kit_get(&kit, "/api/v1/count?f=60000&n=5000", KIT_AUTH "Accept-Encoding: br, gzip;q=0.8\r\n", &packed);
    expect_header(&packed, "Content-Encoding", "gzip");
    assert_true(packed.body.len < plain.body.len);
    assert_int_equal(gzip_unpack(buf_slice(&packed.body), 1 << 20, &unpacked), 0);
    assert_true(slice_equal(buf_slice(&unpacked), buf_slice(&plain.body)));
    kit_answer_free(&packed);
    kit_get(&kit, "/api/v1/count?f=60000&n=5000", KIT_AUTH "Accept-Encoding: gzip;q=0\r\n", &packed);
    assert_null(kit_header(&packed, "Content-Encoding"));
    kit_answer_free(&packed);
    kit_get(&kit, "/api/v1/about", KIT_AUTH "Accept-Encoding: gzip\r\n", &packed);
    assert_null(kit_header(&packed, "Content-Encoding"));
    kit_answer_free(&packed);
    kit_answer_free(&plain);
    buf_deinit(&unpacked);
}

static void test_etag(void **state)
{
    (void)state;
    struct kit_answer answer;
    char headers[200];
    kit_get(&kit, "/api/v1/count?n=9&f=60000", KIT_AUTH, &answer);
    (void)snprintf(headers, sizeof headers, KIT_AUTH "If-None-Match: \"other\", %s\r\n", kit_header(&answer, "ETag"));
    kit_answer_free(&answer);
    kit_get(&kit, "/api/v1/count?n=9&f=60000", headers, &answer);
    assert_int_equal(answer.code, 304);
    assert_int_equal(answer.body.len, 0);
    expect_always(&answer);
    kit_answer_free(&answer);
    expect("GET", "/api/v1/count?n=9&f=60000", KIT_AUTH "If-None-Match: \"other\"\r\n", 200);
}

static void test_saving(void **state)
{
    (void)state;
    struct kit_answer answer;
    kit_get(&kit, "/api/v1/count?save=1", KIT_AUTH, &answer);
    expect_header(&answer, "Content-Disposition", "attachment; filename=\"ringside-kpi.csv\"");
    kit_answer_free(&answer);
}

static void test_files(void **state)
{
    (void)state;
    struct kit_answer page;
    struct kit_answer answer;
    kit_get(&kit, "/", "", &page);
    assert_int_equal(page.code, 200);
    expect_header(&page, "Content-Type", "text/html; charset=utf-8");
    expect_header(&page, "Cache-Control", "no-cache");
    assert_non_null(strstr(buf_cstr(&page.body), "<title>Ringside</title>"));
    static const char *const links[] = {"/site/madrid-01/queue/a%2Fb", "/compare?from=today&zone=Europe/Madrid",
                                        "/index.html", "/fleet/"};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        kit_get(&kit, links[i], "", &answer);
        assert_true(slice_equal(buf_slice(&answer.body), buf_slice(&page.body)));
        kit_answer_free(&answer);
    }
    kit_get(&kit, "/assets/app-1a2b.js", "Accept-Encoding: gzip\r\n", &answer);
    expect_header(&answer, "Content-Encoding", "gzip");
    assert_non_null(strstr(kit_header(&answer, "Cache-Control"), "immutable"));
    kit_answer_free(&answer);
    kit_get(&kit, "/", "If-None-Match: W/\"html-1\"\r\n", &answer);
    assert_int_equal(answer.code, 304);
    expect_header(&answer, "Cache-Control", "no-cache");
    kit_answer_free(&answer);
    kit_answer_free(&page);
    expect("GET", "/favicon.ico", "", 404);
    expect("GET", "/assets/../index.html", "", 404);
    expect("POST", "/", "", 405);
    expect("OPTIONS", "/", "", 204);
}

static void test_token_revoked(void **state)
{
    (void)state;
    expect("GET", "/api/v1/count?f=60000", KIT_AUTH, 200);
    unsigned finds = atomic_load(&kit_finds);
    expect("GET", "/api/v1/count?f=60000", KIT_AUTH, 200);
    assert_int_equal(atomic_load(&kit_finds), finds);
    kit_token_change("wall", 0, 1);
    expect("GET", "/api/v1/count?f=60000", KIT_AUTH, 401);
    kit_token_change("wall", 1, 0);
    expect("GET", "/api/v1/count?f=60000", KIT_AUTH, 401);
    kit_tokens_reset();
    expect("GET", "/api/v1/count?f=60000", KIT_AUTH, 200);
    kit_tokens_reset();
    atomic_store(&kit_find_rc, -2);
    expect("GET", "/api/v1/about", KIT_AUTH, 503);
    atomic_store(&kit_find_rc, 0);
}

static void test_metrics_count(void **state)
{
    (void)state;
    expect("GET", "/api/v1/about", "Authorization: Bearer guess\r\n", 401);
    expect("GET", "/api/v1/count?f=60000", KIT_AUTH, 200);
    expect("GET", "/api/v1/count?f=60000", KIT_AUTH, 200);
    expect("GET", "/metrics", KIT_AUTH, 200);
    struct metrics_server server = kit_metrics();
    assert_int_equal(server.requests[2], 2);
    assert_int_equal(server.requests[4], 1);
    assert_int_equal(server.cache_hits, 1);
    assert_int_equal(server.cache_misses, 2);
    assert_int_equal(server.refused_token, 1);
    assert_int_equal(server.duration_count, 3);
    assert_true(server.connections >= 1);
}

static void test_pipelining_and_keeping_alive(void **state)
{
    (void)state;
    struct kit_client client;
    struct kit_answer answer;
    kit_open(&kit, &client);
    kit_send(&client, "GET /api/v1/echo?a=1 HTTP/1.1\r\nHost: x\r\n" KIT_AUTH "\r\n"
                      "GET /api/v1/about HTTP/1.1\r\nHost: x\r\n" KIT_AUTH "\r\n"
                      "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    kit_take(&client, false, &answer);
    assert_string_equal(buf_cstr(&answer.body), "rest=;a=1;");
    kit_answer_free(&answer);
    kit_take(&client, false, &answer);
    assert_string_equal(buf_cstr(&answer.body), "wall");
    kit_answer_free(&answer);
    kit_take(&client, false, &answer);
    assert_string_equal(buf_cstr(&answer.body), "ok");
    kit_answer_free(&answer);
    kit_close(&client);
}

static void test_garbage(void **state)
{
    (void)state;
    static const char *const garbage[] = {"\r\n\r\n\r\n\r\n",
                                          "nonsense\r\n\r\n",
                                          "GET\r\n\r\n",
                                          "GET / HTTP/9.9\r\n\r\n",
                                          "GET nopath HTTP/1.1\r\nHost: x\r\n\r\n",
                                          "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 hello",
                                          "GET / HTTP/1.1\r\n: no name\r\n\r\n",
                                          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                                          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                                          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                          "GET http://a/b HTTP/1.1\r\nHost: x\r\n\r\n",
                                          "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
                                          "GET /api/v1/echo?%00=%00&&&=&==& HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        struct kit_client client;
        kit_open(&kit, &client);
        kit_send(&client, garbage[i]);
        kit_close(&client);
    }
    struct kit_client half[20];
    for (size_t i = 0; i < 20; i++) {
        kit_open(&kit, &half[i]);
        kit_send(&half[i], i % 2 ? "GET /api/v1/echo HTTP/1.1\r\nHost"
                                 : "POST /api/v1/alerts/mute HTTP/1.1\r\nHost: x\r\n" KIT_AUTH_ADMIN
                                   "Content-Length: 100\r\n\r\nhalf");
    }
    expect("GET", "/healthz", "", 200);
    expect("GET", "/api/v1/echo", KIT_AUTH, 200);
    for (size_t i = 0; i < 20; i++) {
        kit_close(&half[i]);
    }
}

static void test_many_connections(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static struct kit_client clients[MANY];
    for (int i = 0; i < MANY; i++) {
        kit_open(&kit, &clients[i]);
        kit_send(&clients[i], "GET /api/v1/count?ms=50&f=60000 HTTP/1.1\r\nHost: x\r\n" KIT_AUTH "\r\n");
    }
    for (int i = 0; i < MANY; i++) {
        struct kit_answer answer;
        kit_take(&clients[i], false, &answer);
        assert_int_equal(answer.code, 200);
        kit_answer_free(&answer);
    }
    for (int i = 0; i < MANY; i++) {
        kit_close(&clients[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_say_what, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_decoding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked_body_has_its_limit_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gzip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_etag, setup, teardown),
        cmocka_unit_test_setup_teardown(test_saving, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_token_revoked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metrics_count, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelining_and_keeping_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_connections, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
