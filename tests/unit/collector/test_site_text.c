#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/site_text.h"

static struct json *parse(const char *text)
{
    struct json *json = NULL;
    char why[128] = "";
    int status = json_parse(slice_str(text), 65536, &json, why, sizeof why);
    assert_string_equal(why, "");
    assert_int_equal(status, 0);
    return json;
}

static void assert_text(void (*fn)(const struct json *json, struct buf *out), const char *document, const char *want)
{
    struct json *json = parse(document);
    struct buf out = BUF_INIT;
    fn(json, &out);
    assert_string_equal(buf_cstr(&out), want);
    buf_deinit(&out);
    json_free(json);
}

static void table_80(const struct json *json, struct buf *out)
{
    site_text_table(json, 80, out);
}

static const char three[] =
    "{\"as_of\":\"2026-11-21T10:00:00Z\",\"sites\":["
    "{\"site\":\"a\",\"state\":\"joined\",\"group\":\"north\",\"zone\":\"UTC\",\"online\":true,\"last_seen_age_ms\":"
    "12000,"
    "\"lag_ms\":400,\"backlog\":0,\"agent_version\":\"0.1.0\",\"clock_offset_ms\":-3600000,\"waiting\":3,\"talking\":"
    "12,"
    "\"certificate_end\":\"2026-12-01T10:00:00Z\"},"
    "{\"site\":\"b\",\"state\":\"joined\",\"group\":null,\"zone\":null,\"online\":false,\"last_seen_age_ms\":172800000,"
    "\"lag_ms\":null,\"backlog\":1200,\"agent_version\":\"\\u001b[31m,\\\"x\",\"clock_offset_ms\":20,"
    "\"certificate_end\":\"2026-11-21T09:00:00Z\"},"
    "{\"site\":\"c\",\"state\":\"revoked\",\"online\":false}]}";

static void a_table_of_sites(void **state)
{
    (void)state;
    assert_text(table_80, three,
                "Site  State        Seen    Lag  Backlog    Clock  Version    Cert  Group  Zone\n"
                "a     online   12 s ago  0.4 s        0  -60 min  0.1.0      10 d  north  UTC\n"
                "b     offline   2 d ago      -     1200    0.0 s  ?[31m,\"x  ended  -      -\n"
                "c     revoked     never      -        -        -  -             -  -      -\n");
}

static void a_csv_of_sites(void **state)
{
    (void)state;
    assert_text(
        site_text_csv_list,
        "{\"sites\":[{\"site\":\"a\",\"online\":true,\"lag_ms\":4,\"zone\":null,\"counters\":{\"taken\":7}},"
        "{\"site\":\"b, \\\"x\\\"\",\"online\":false,\"lag_ms\":null,\"zone\":\"UTC\",\"counters\":{\"taken\":0}}]}",
        "site,online,lag_ms,zone,counters.taken\r\n"
        "a,true,4,,7\r\n"
        "\"b, \"\"x\"\"\",false,,UTC,0\r\n");
}

static void a_page_of_a_site(void **state)
{
    (void)state;
    assert_text(
        site_text_page,
        "{\"site\":\"a\",\"state\":\"joined\",\"online\":true,\"group\":\"north\",\"zone\":null,"
        "\"added\":\"2026-11-21T10:00:00.123+01:00\",\"joined\":\"2026-11-21T10:00:00.5Z\",\"certificate_end\":null,"
        "\"last_seen\":\"2026-11-21T10:00:00Z\",\"last_seen_age_ms\":90000,\"address\":\"192.0.2.1:1\",\"lag_ms\":0,"
        "\"backlog\":3,\"counters\":{\"taken\":7,\"refused\":0,\"stale\":2},"
        "\"gaps\":[{\"from\":\"2026-11-21T10:00:00Z\",\"to\":\"2026-11-21T10:10:00Z\",\"reason\":\"lost \\u0007\"}],"
        "\"events\":[{\"at\":\"2026-11-21T10:00:00Z\",\"kind\":\"two-boxes\",\"text\":\"both \\u202e here\"}]}",
        "a: online\n\n"
        "group         north\n"
        "zone          -\n"
        "added         2026-11-21T10:00:00+01:00\n"
        "joined        2026-11-21T10:00:00Z\n"
        "certificate   -\n"
        "\n"
        "seen          90 s ago\n"
        "address       192.0.2.1:1\n"
        "connected     -\n"
        "acknowledged  -\n"
        "lag           0.0 s\n"
        "backlog       3\n"
        "newest        -\n"
        "clock         -\n"
        "version       -\n"
        "epoch         -\n"
        "counted       taken 7, stale 2\n"
        "gap           2026-11-21T10:00:00Z to 2026-11-21T10:10:00Z: lost ?\n"
        "event         2026-11-21T10:00:00Z two-boxes: both ? here\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_sites),
        cmocka_unit_test(a_csv_of_sites),
        cmocka_unit_test(a_page_of_a_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
