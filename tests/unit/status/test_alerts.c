/* The site's own alerts as status tells of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "platform/coap/fetch.h"
#include "proto/report/render.h"
#include "proto/report/text.h"
#include "tests/unit/status/server_desk.h"

static const struct render_style plain = {.width = 80};

static const char document_text[] =
    "{\"site\":\"madrid-01\",\"zone\":\"Europe/Madrid\",\"configured\":true,\"when\":\"offline\",\"telling\":false,"
    "\"as_of\":\"2026-11-21T12:34:56.000+01:00\",\"rules\":[{\"rule\":\"waits\"},{\"rule\":\"level\"}],\"alerts\":["
    "{\"id\":\"1\",\"rule\":\"waits\",\"severity\":\"critical\",\"phase\":\"firing\",\"site\":\"madrid-01\",\"queue\":"
    "\"sa\\u001bles\",\"value\":3,\"value_text\":\"3\",\"begun\":\"2026-11-21T12:30:00.000+01:00\",\"muted\":false,"
    "\"stale\":true,\"text\":\"x\"},{\"id\":\"2\",\"rule\":\"level of a long name that goes on and on for ever and "
    "ever\",\"severity\":\"warning\",\"phase\":\"pending\",\"site\":\"madrid-01\",\"queue\":null,\"value\":null,"
    "\"value_text\":\"unknown\",\"begun\":\"2026-11-20T12:30:00.000+01:00\",\"muted\":true,\"stale\":false,\"text\":"
    "\"y\"}],\"mutes\":[]}";

static void render_it(const char *text, enum render_format format, struct buf *out)
{
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(json_parse(slice_str(text), 10000, &json, NULL, 0), 0);
    buf_reset(out);
    assert_int_equal(render(REPORT_ALERTS, format, json, &plain, out), 0);
}

static void test_table(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    render_it(document_text, RENDER_TABLE, &out);
    const char *text = buf_cstr(&out);
    assert_non_null(strstr(text, "1 firing, 1 pending of 2 rules; the centre is within reach, and tells"));
    assert_non_null(strstr(text, "critical firing, stale"));
    assert_non_null(strstr(text, "warning  pending, muted"));
    assert_non_null(strstr(text, " 12:30:00\n"));
    assert_non_null(strstr(text, "2026-11-20 12:30:00\n"));
    assert_null(strchr(text, '\x1b'));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        assert_true(text_width(slice_make(line, strcspn(line, "\n"))) <= 80);
    }
    buf_deinit(&out);
}

static void test_rows_as_csv(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    render_it(document_text, RENDER_CSV, &out);
    assert_non_null(
        strstr(buf_cstr(&out), "id,rule,severity,phase,site,queue,value,value_text,begun,muted,stale,text\r\n"));
    assert_non_null(strstr(buf_cstr(&out), "\r\n1,waits,critical,firing,"));
    buf_deinit(&out);
}

static void get(const struct server_desk *it, const char *resource, int accept, struct fetch_answer *answer)
{
    const struct slice path = slice_str(resource);
    const struct fetch_request request = {
        .url = it->url, .path = &path, .path_count = 1, .accept = accept, .timeout_ms = 10000};
    assert_int_equal(fetch_get(&request, answer), 0);
}

static void expect(const struct server_desk *it, const char *resource, int accept, const char *part)
{
    struct fetch_answer answer;
    get(it, resource, accept, &answer);
    assert_int_equal(answer.code, 205);
    if (!strstr(buf_cstr(&answer.body), part)) {
        fail_msg("%s\nhas no\n%s", buf_cstr(&answer.body), part);
    }
    buf_deinit(&answer.body);
}

static void test_the_daemons_document_is_the_answer(void **state)
{
    struct server_desk it;
    (void)state;
    server_desk_init(&it);
    server_desk_start(&it, 1000, NULL, 0);
    expect(&it, "alerts", 50, "\"configured\":false");
    expect(&it, "alerts", 0, "no rule is set");
    const struct health_alerts alerts = {.configured = true, .firing = 2, .worst = "waits: sales at madrid-01: 3"};
    status_health_set_alerts(it.health, &alerts, slice_str(document_text));
    expect(&it, "alerts", 50, "\"phase\":\"pending\"");
    expect(&it, "alerts", 0, "1 firing, 1 pending");
    expect(&it, "status", 0, "-> alert waits: sales at madrid-01: 3; 2 fire in all: see `ringside alerts`");
    server_desk_deinit(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_rows_as_csv),
        cmocka_unit_test(test_the_daemons_document_is_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
