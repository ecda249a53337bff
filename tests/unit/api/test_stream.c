#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "collector/api/feed.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "tests/unit/api/server_kit.h"

static struct kit kit;

static int setup(void **state)
{
    (void)state;
    kit_init(&kit);
    atomic_store(&kit_waiting, 1);
    atomic_store(&kit_lives, 0);
    atomic_store(&kit_live_gone, false);
    atomic_store(&kit_alerts, 1);
    return 0;
}

static int setup_server(void **state)
{
    (void)setup(state);
    kit_start(&kit);
    return 0;
}

static int teardown_server(void **state)
{
    (void)state;
    kit_stop(&kit);
    return 0;
}

/* ---- over HTTP ---- */

static void follow(struct kit_client *client, const char *query)
{
    char text[300];
    (void)snprintf(text, sizeof text, "GET /api/v1/live/stream%s HTTP/1.1\r\nHost: x\r\n%s\r\n", query, KIT_AUTH);
    kit_open(&kit, client);
    kit_send(client, text);
}

static void test_hello_live_and_changes(void **state)
{
    (void)state;
    struct kit_client client;
    follow(&client, "?site=madrid-01&queue=a");
    kit_until(&client, "HTTP/1.1 200");
    kit_until(&client, "text/event-stream");
    kit_until(&client, "retry: 3000\nevent: hello\nid: 1\ndata: {\"instance\":\"");
    kit_until(&client, "event: live\nid: 2\ndata: {\"as_of\":");
    kit_until(&client, "\"waiting\":1,");
    atomic_store(&kit_waiting, 7);
    kit_until(&client, "event: live\nid: 3\ndata: {");
    kit_until(&client, "\"waiting\":7,");
    atomic_store(&kit_alerts, 9);
    kit_until(&client, "event: alerts\nid: 4\ndata: {\"version\":9,\"firing\":2,\"pending\":1}\n\n");
    kit_close(&client);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_int_equal(kit_code(&kit, "/api/v1/live/stream", ""), 401);
    assert_int_equal(kit_code(&kit, "/api/v1/live/stream?site=nowhere", KIT_AUTH), 404);
    assert_int_equal(kit_code(&kit, "/api/v1/live/stream?operators=yes", KIT_AUTH_ADMIN), 400);
}

static void test_too_many(void **state)
{
    (void)state;
    struct kit_client clients[20];
    for (int i = 0; i < 20; i++) {
        follow(&clients[i], i % 2 ? "" : "?queue=a");
        kit_until(&clients[i], "event: live");
    }
    assert_true(atomic_load(&kit_lives) < 20); /* one for each filter */
    struct kit_answer answer;
    kit_get(&kit, "/api/v1/live/stream", KIT_AUTH, &answer);
    assert_int_equal(answer.code, 503);
    assert_non_null(kit_header(&answer, "Retry-After"));
    kit_answer_free(&answer);
    assert_int_equal(kit_code(&kit, "/metrics", KIT_AUTH), 200);
    assert_int_equal(kit_metrics().streams, 20);
    for (int i = 0; i < 20; i++) {
        kit_close(&clients[i]);
    }
    kit_wait_for(kit_code(&kit, "/metrics", KIT_AUTH) == 200 && kit_metrics().streams == 0);
}

static void test_revoked(void **state)
{
    (void)state;
    struct kit_client client;
    follow(&client, "");
    kit_until(&client, "event: live");
    kit_token_change("wall", 0, 1);
    assert_true(kit_closed(&client));
    assert_null(memmem(client.in.data, client.in.len, "event: bye", 10));
    kit_close(&client);
}

static void test_what_is_gone_ends_the_stream(void **state)
{
    (void)state;
    struct kit_client client;
    follow(&client, "?site=old");
    kit_until(&client, "event: live");
    atomic_store(&kit_live_gone, true);
    assert_true(kit_closed(&client));
    kit_close(&client);
}

static void test_bye(void **state)
{
    (void)state;
    struct kit_client clients[5];
    for (int i = 0; i < 5; i++) {
        follow(&clients[i], "");
        kit_until(&clients[i], "event: live");
    }
    kit_stop(&kit);
    for (int i = 0; i < 5; i++) {
        kit_until(&clients[i], "event: bye");
        assert_true(kit_closed(&clients[i]));
        kit_close(&clients[i]);
    }
}

/* ---- the feed alone, with short times ---- */

static struct meter meter;
static struct feed *feed;
static atomic_uint rests;
static atomic_uint wakes;

static void rest(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&rests, 1);
}

static void wake(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&wakes, 1);
}

static int setup_feed(void **state)
{
    (void)setup(state);
    struct feed_options options = {
        .api = &kit.options, .instance = "abc", .meter = &meter, .tick_ms = 10, .beat_ms = 60000, .token_ms = 60000};
    atomic_store(&rests, 0);
    atomic_store(&wakes, 0);
    return feed_new(&options, &feed);
}

static int teardown_feed(void **state)
{
    (void)state;
    feed_free(feed);
    return 0;
}

static int open_stream(const char *target, struct feed_stream **out)
{
    struct question *question;
    const char *why;
    struct endpoint_answer answer = {0};
    struct feed_line line = {.rest = rest, .wake = wake};
    struct access_token token = {0};
    assert_int_equal(question_new(target, &question, &why), 0);
    struct endpoint_request request = {.items = question->items, .item_count = question->item_count};
    feed_endpoint.answer(&request, &answer);
    assert_int_equal(answer.code, 200);
    struct body *first = body_new(&answer, false);
    (void)snprintf(token.name, sizeof token.name, "wall");
    kit_token_hash(KIT_VIEW, token.hash);
    int status = feed_open(feed, question, &token, first, &line, out);
    body_unref(first);
    question_unref(question);
    return status;
}

/* All that is there until the line rests. */
static int64_t drain(struct feed_stream *stream, struct buf *out)
{
    char piece[700];
    int64_t len;
    while ((len = feed_read(stream, piece, sizeof piece)) > 0) {
        buf_append(out, piece, (size_t)len);
    }
    (void)buf_cstr(out);
    return len;
}

static unsigned count(struct buf *text, const char *what)
{
    unsigned found = 0;
    for (const char *at = strstr(buf_cstr(text), what); at; at = strstr(at + 1, what)) {
        found++;
    }
    return found;
}

static void test_unchanged_is_silence(void **state)
{
    (void)state;
    struct feed_stream *stream;
    struct buf text = BUF_INIT;
    assert_int_equal(open_stream("/s", &stream), 0);
    assert_int_equal(drain(stream, &text), 0);
    assert_int_equal(count(&text, "event: "), 2);
    unsigned before = atomic_load(&kit_lives);
    kit_wait_for(atomic_load(&kit_lives) > before + 5); /* ages change all the time */
    assert_int_equal(atomic_load(&wakes), 0);
    atomic_store(&kit_waiting, 2);
    kit_wait_for(atomic_load(&wakes) == 1);
    assert_int_equal(drain(stream, &text), 0);
    assert_int_equal(count(&text, "event: live"), 2);
    feed_close(stream);
    buf_deinit(&text);
}

static void test_who_reads_slowly_gets_the_newest(void **state)
{
    (void)state;
    struct feed_stream *stream;
    struct buf text = BUF_INIT;
    char piece[100];
    assert_int_equal(open_stream("/s", &stream), 0);
    while (count(&text, "event: live") == 0) {
        int64_t len = feed_read(stream, piece, sizeof piece);
        assert_true(len > 0);
        buf_append(&text, piece, (size_t)len);
    }
    for (int i = 2; i < 12; i++) {
        atomic_store(&kit_waiting, i);
        unsigned before = atomic_load(&kit_lives);
        kit_wait_for(atomic_load(&kit_lives) > before + 1);
    }
    kit_sleep(20);
    assert_int_equal(drain(stream, &text), 0);
    assert_int_equal(count(&text, "event: live"), 2);
    assert_int_equal(count(&text, "\"waiting\":1,"), 1);
    assert_int_equal(count(&text, "\"waiting\":11,"), 1);
    assert_int_equal(count(&text, "\n\n"), 3);
    feed_close(stream);
    buf_deinit(&text);
}

static void test_beat(void **state)
{
    (void)state;
    feed_free(feed);
    struct feed_options options = {
        .api = &kit.options, .instance = "abc", .meter = &meter, .tick_ms = 10, .beat_ms = 50, .token_ms = 60000};
    assert_int_equal(feed_new(&options, &feed), 0);
    struct feed_stream *stream;
    struct buf text = BUF_INIT;
    assert_int_equal(open_stream("/s", &stream), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(drain(stream, &text), 0);
        kit_wait_for(atomic_load(&wakes) > i);
    }
    assert_true(count(&text, ": \n\n") >= 2);
    assert_int_equal(count(&text, "event: "), 2);
    feed_close(stream);
    buf_deinit(&text);
}

static void test_expired_token(void **state)
{
    (void)state;
    feed_free(feed);
    struct feed_options options = {
        .api = &kit.options, .instance = "abc", .meter = &meter, .tick_ms = 10, .beat_ms = 60000, .token_ms = 30};
    kit_token_change("wall", clock_wall_ms() + 200, 0);
    assert_int_equal(feed_new(&options, &feed), 0);
    struct feed_stream *stream;
    struct buf text = BUF_INIT;
    assert_int_equal(open_stream("/s", &stream), 0);
    assert_int_equal(drain(stream, &text), 0);
    kit_wait_for(atomic_load(&wakes) > 0); /* the registry has not changed */
    assert_int_equal(drain(stream, &text), FEED_END);
    feed_close(stream);
    buf_deinit(&text);
}

static void test_figures(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {
        {"{\"as_of\":\"x\",\"n\":1}", "{\"as_of\":\"y,}\",\"n\":1}", true},
        {"{\"as_of\":1,\"n\":1}", "{\"as_of\":12,\"n\":1}", true},
        {"{\"as_of\":null}", "{\"as_of\":5}", true},
        {"[{\"age_ms\":1},{\"age_ms\":2}]", "[{\"age_ms\":3},{\"age_ms\":4}]", true},
        {"{\"n\":1}", "{\"n\":2}", false},
        {"{\"n\":\"as_of\"}", "{\"n\":\"at_of\"}", false},
        {"{\"q\":\"a\\\"as_of\\\":1\"}", "{\"q\":\"a\\\"as_of\\\":2\"}", false},
        {"{\"average_ms\":1}", "{\"average_ms\":2}", false},
        {"{\"as_of\":", "{\"as_of\":\"", true},
        {"\"", "\"\\", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t a = feed_figures(slice_str(cases[i].a));
        uint64_t b = feed_figures(slice_str(cases[i].b));
        assert_int_equal(a == b, cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hello_live_and_changes, setup_server, teardown_server),
        cmocka_unit_test_setup_teardown(test_refusals, setup_server, teardown_server),
        cmocka_unit_test_setup_teardown(test_too_many, setup_server, teardown_server),
        cmocka_unit_test_setup_teardown(test_revoked, setup_server, teardown_server),
        cmocka_unit_test_setup_teardown(test_what_is_gone_ends_the_stream, setup_server, teardown_server),
        cmocka_unit_test_setup_teardown(test_bye, setup_server, teardown_server),
        cmocka_unit_test_setup_teardown(test_unchanged_is_silence, setup_feed, teardown_feed),
        cmocka_unit_test_setup_teardown(test_who_reads_slowly_gets_the_newest, setup_feed, teardown_feed),
        cmocka_unit_test_setup_teardown(test_beat, setup_feed, teardown_feed),
        cmocka_unit_test_setup_teardown(test_expired_token, setup_feed, teardown_feed),
        cmocka_unit_test(test_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
