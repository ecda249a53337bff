#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/config/config.h"
#include "tests/unit/config/sample.h"

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const char seed[] =
    "# seed\nstore { dir = /data size_max = 1GiB share = 3 keep = 1d step = 1m mode = exact\n"
    "  color = red on = no owner = \"a \\\" b\" tags = { x, 'y', \"z\" } }\n"
    "/* note */ feed a { path = /x }\nline \"*\" { limit = 5s }\nline 'q 1' { label = \"${L}\" }\n";

/* Whatever comes in: either a config without a word, or words and no config. */
static void read_any(const char *bytes, size_t len)
{
    struct buf lines = BUF_INIT;
    struct config *config = sample_read_bytes(slice_make(bytes, len), &lines);
    assert_int_equal(config == NULL, lines.len > 0);
    config_free(config);
    buf_deinit(&lines);
}

static void every_cut_of_a_file(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof seed; len++) {
        char *copy = malloc(len ? len : 1); /* its own block, so that reading past the end shows */
        assert_non_null(copy);
        memcpy(copy, seed, len);
        read_any(copy, len);
        free(copy);
    }
}

static void changed_files(void **state)
{
    (void)state;
    static const char signs[] = "{}=,\"'\\#/*$()+ \n\tax0|;";
    uint64_t random = 0x9e3779b97f4a7c15u;
    for (int round = 0; round < 6000; round++) {
        char copy[sizeof seed];
        memcpy(copy, seed, sizeof seed);
        for (uint64_t n = 1 + next_random(&random) % 6; n > 0; n--) {
            size_t at = next_random(&random) % (sizeof seed - 1);
            copy[at] = next_random(&random) % 8 ? signs[next_random(&random) % (sizeof signs - 1)]
                                                : (char)next_random(&random);
        }
        read_any(copy, sizeof seed - 1);
    }
}

static void noise(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (int round = 0; round < 500; round++) {
        char bytes[256];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (char)next_random(&random);
        }
        read_any(bytes, sizeof bytes);
    }
}

static void deep_nesting(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 100000; i++) {
        buf_append_str(&text, "a{");
    }
    struct buf lines = BUF_INIT;
    assert_null(sample_read_bytes(buf_slice(&text), &lines));
    buf_deinit(&text);
    buf_deinit(&lines);
}

static void a_large_file_is_refused(void **state)
{
    (void)state;
    size_t len = 10 << 20;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, '\n', len);
    struct buf lines = BUF_INIT;
    assert_null(sample_read_bytes(slice_make(bytes, len), &lines));
    assert_string_equal(buf_cstr(&lines),
                        "t.conf: 10485760 bytes are too large for a configuration file; allowed: up to 1MiB\n");
    free(bytes);
    buf_deinit(&lines);
}

static void many_defects_do_not_flood(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        buf_printf(&text, "nonsense%d { }\n", i);
    }
    struct buf lines = BUF_INIT;
    assert_null(sample_read_bytes(buf_slice(&text), &lines));
    size_t count = 0;
    for (const char *c = buf_cstr(&lines); *c; c++) {
        count += *c == '\n';
    }
    assert_int_equal(count, CONFIG_REPORT_MAX + 1);
    assert_non_null(strstr(buf_cstr(&lines), "t.conf: 900 more defects; correct these first\n"));
    buf_deinit(&text);
    buf_deinit(&lines);
}

static void many_sections_are_refused(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 60000; i++) {
        buf_printf(&text, "line %d { }\n", i);
    }
    struct buf lines = BUF_INIT;
    assert_null(sample_read_bytes(buf_slice(&text), &lines));
    assert_non_null(strstr(buf_cstr(&lines), "t.conf:4097: line: one section too many; allowed: up to 4096\n"));
    buf_deinit(&text);
    buf_deinit(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_file),
        cmocka_unit_test(changed_files),
        cmocka_unit_test(noise),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(a_large_file_is_refused),
        cmocka_unit_test(many_defects_do_not_flood),
        cmocka_unit_test(many_sections_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
