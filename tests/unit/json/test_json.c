#include "platform/json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"

static void assert_written(const struct json *json, int indent, const char *expected)
{
    struct buf out = BUF_INIT;
    assert_int_equal(json_write(json, indent, &out), 0);
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void test_members_keep_their_order(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *map = json_new_map();
    json_put_int(map, "z", -3);
    json_put_str(map, "a", "x\"y");
    json_put_bool(map, "m", true);
    json_put_null(map, "n");
    json_put_str(map, "none", NULL);
    struct json *list = json_put_list(map, "list");
    json_add_int(list, 1);
    json_add_text(list, slice_str("two"));
    json_put_number(json_add_map(list), "half", 0.5);
    json_put_int(json_put_map(map, "inside"), "k", INT64_MAX);
    assert_false(json_build_failed());
    assert_written(map, 0,
                   "{\"z\":-3,\"a\":\"x\\\"y\",\"m\":true,\"n\":null,\"none\":null,\"list\":[1,\"two\",{\"half\":0.5}],"
                   "\"inside\":{\"k\":9223372036854775807}}");
}

static void test_indented(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *map = json_new_map();
    json_put_int(map, "a", 1);
    assert_written(map, 2, "{\n  \"a\": 1\n}");
}

static void test_bad_bytes_become_replacement_characters(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *map = json_new_map();
    json_put_text(map, "latin1", slice_make("caf\xe9", 4));
    json_put_text(map, "cut", slice_make("\xe7\x94", 2));
    json_put_text(map, "surrogate", slice_make("\xed\xa0\x80", 3));
    json_put_text(map, "good", slice_str("田中"));
    json_put_text(map, "nul", slice_make("a\0b", 3));
    assert_false(json_build_failed());
    assert_string_equal(json_text(map, "latin1"), "caf\xEF\xBF\xBD");
    assert_string_equal(json_text(map, "cut"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_string_equal(json_text(map, "surrogate"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_string_equal(json_text(map, "good"), "田中");
    struct buf out = BUF_INIT;
    assert_int_equal(json_write(json_at(map, "nul"), 0, &out), 0);
    assert_string_equal(buf_cstr(&out), "\"a\\u0000b\"");
    buf_deinit(&out);
}

static void test_numbers_json_cannot_say(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *map = json_new_map();
    json_put_number(map, "nan", (double)NAN);
    json_put_number(map, "inf", (double)INFINITY);
    assert_written(map, 0, "{\"nan\":null,\"inf\":null}");
}

static void test_no_parent_does_nothing(void **state)
{
    (void)state;
    (void)json_build_failed();
    json_put_int(NULL, "a", 1);
    json_put(NULL, "a", json_new_list());
    json_add_int(NULL, 1);
    assert_null(json_put_map(NULL, "a"));
    assert_null(json_add_map(NULL));
    assert_false(json_build_failed());
}

static void test_paths(void **state)
{
    (void)state;
    static const char text[] = "{\"rows\":[{\"queue\":\"sales\",\"n\":7,\"r\":0.25,\"b\":true,\"z\":null}],\"e\":{}}";
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(json_parse(slice_str(text), 1000, &json, NULL, 0), 0);
    assert_string_equal(json_text(json, "rows/0/queue"), "sales");
    assert_string_equal(json_text(json, "rows/1/queue"), "");
    assert_string_equal(json_text(json, "rows/x"), "");
    int64_t integer = 0;
    assert_true(json_int(json, "rows/0/n", &integer));
    assert_int_equal(integer, 7);
    assert_false(json_int(json, "rows/0/r", &integer));
    double number = 0;
    assert_true(json_number(json, "rows/0/r", &number));
    assert_true(number > 0.2499 && number < 0.2501);
    assert_true(json_number(json, "rows/0/n", &number));
    assert_true(json_bool(json, "rows/0/b"));
    assert_false(json_bool(json, "rows/0/n"));
    assert_int_equal(json_kind(json, ""), JSON_MAP);
    assert_int_equal(json_kind(json, "rows"), JSON_LIST);
    assert_int_equal(json_kind(json, "rows/0/z"), JSON_NULL_VALUE);
    assert_int_equal(json_kind(json, "rows/0/queue"), JSON_TEXT);
    assert_int_equal(json_kind(json, "rows/0/nothing"), JSON_NOTHING);
    assert_int_equal(json_kind(NULL, "rows"), JSON_NOTHING);
    assert_int_equal(json_count(json, "rows"), 1);
    assert_int_equal(json_count(json, "rows/0"), 5);
    assert_int_equal(json_count(json, "e"), 0);
    assert_string_equal(json_text(json_item(json_at(json, "rows"), 0), "queue"), "sales");
    assert_null(json_item(json_at(json, "rows"), 1));
}

static int join_keys(void *ctx, const char *key, const struct json *value)
{
    (void)value;
    buf_append_str(ctx, key);
    return strcmp(key, "c") == 0 ? 5 : 0;
}

static void test_walk_ends_where_told(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(json_parse(slice_str("{\"b\":1,\"c\":2,\"a\":3}"), 100, &json, NULL, 0), 0);
    struct buf keys = BUF_INIT;
    assert_int_equal(json_each(json, join_keys, &keys), 5);
    assert_string_equal(buf_cstr(&keys), "bc");
    buf_deinit(&keys);
}

static void test_refused_documents(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "[\"\\u0000\"]", "\"\xff\"", "nul", "[1,]", "{\"a\":1e999}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json *json = NULL;
        char why[120] = "";
        assert_int_equal(json_parse(slice_str(bad[i]), 1000, &json, why, sizeof why), STATUS_INVALID);
        assert_null(json);
        assert_true(strlen(why) > 0);
    }
    struct json *json = NULL;
    char why[120] = "";
    assert_int_equal(json_parse(slice_str("[1,2,3]"), 6, &json, why, sizeof why), STATUS_RANGE);
    assert_non_null(strstr(why, "7 bytes"));
}

static void test_deep_nesting_is_refused_not_fatal(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 100000; i++) {
        buf_append_str(&text, "[");
    }
    struct json *json = NULL;
    assert_int_equal(json_parse(buf_slice(&text), 1000000, &json, NULL, 0), STATUS_INVALID);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_keep_their_order),
        cmocka_unit_test(test_indented),
        cmocka_unit_test(test_bad_bytes_become_replacement_characters),
        cmocka_unit_test(test_numbers_json_cannot_say),
        cmocka_unit_test(test_no_parent_does_nothing),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_walk_ends_where_told),
        cmocka_unit_test(test_refused_documents),
        cmocka_unit_test(test_deep_nesting_is_refused_not_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
