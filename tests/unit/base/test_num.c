#include "platform/base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "platform/base/status.h"

enum { UNTOUCHED = 42 };

static void assert_u64(const char *text, int status, uint64_t want)
{
    uint64_t got = UNTOUCHED;
    assert_int_equal(num_parse_u64(slice_str(text), &got), status);
    assert_true(got == (status == 0 ? want : UNTOUCHED));
}

static void assert_i64(const char *text, int status, int64_t want)
{
    int64_t got = UNTOUCHED;
    assert_int_equal(num_parse_i64(slice_str(text), &got), status);
    assert_true(got == (status == 0 ? want : UNTOUCHED));
}

static void assert_duration(const char *text, int status, int64_t want)
{
    int64_t got = UNTOUCHED;
    assert_int_equal(num_parse_duration_ms(slice_str(text), &got), status);
    assert_true(got == (status == 0 ? want : UNTOUCHED));
}

static void assert_bytes(const char *text, int status, uint64_t want)
{
    uint64_t got = UNTOUCHED;
    assert_int_equal(num_parse_bytes(slice_str(text), &got), status);
    assert_true(got == (status == 0 ? want : UNTOUCHED));
}

static void whole_numbers(void **state)
{
    (void)state;
    assert_u64("0", 0, 0);
    assert_u64("007", 0, 7);
    assert_u64("18446744073709551615", 0, UINT64_MAX);
    assert_u64("18446744073709551616", STATUS_RANGE, 0);
    assert_u64("99999999999999999999999", STATUS_RANGE, 0);
    assert_i64("9223372036854775807", 0, INT64_MAX);
    assert_i64("-9223372036854775807", 0, -INT64_MAX);
    assert_i64("9223372036854775808", STATUS_RANGE, 0);
    assert_i64("-5", 0, -5);
}

static void nothing_is_skipped(void **state)
{
    (void)state;
    static const char *const none[] = {"", "-", "+1", " 1", "1 ", "1.5", "0x10", "1e3", "--1", "x", "1\n"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_u64(none[i], STATUS_INVALID, 0);
        assert_i64(none[i], STATUS_INVALID, 0);
        assert_duration(none[i], STATUS_INVALID, 0);
        assert_bytes(none[i], STATUS_INVALID, 0);
    }
    assert_u64("-1", STATUS_INVALID, 0);
    assert_duration("-1s", STATUS_INVALID, 0);
    uint64_t got = UNTOUCHED;
    assert_int_equal(num_parse_u64(slice_make("123", 2), &got), 0); /* the slice ends, the text goes on */
    assert_true(got == 12);
}

static void durations(void **state)
{
    (void)state;
    assert_duration("20", 0, 20000);
    assert_duration("20s", 0, 20000);
    assert_duration("250ms", 0, 250);
    assert_duration("5m", 0, 300000);
    assert_duration("5min", 0, 300000);
    assert_duration("2h", 0, 7200000);
    assert_duration("7d", 0, 604800000);
    assert_duration("1w", 0, 604800000);
    assert_duration("0ms", 0, 0);
    assert_duration("1S", STATUS_INVALID, 0);
    assert_duration("s", STATUS_INVALID, 0);
    assert_duration("1s1", STATUS_INVALID, 0);
    assert_duration("9223372036854775", 0, 9223372036854775000);
    assert_duration("9223372036854776", STATUS_RANGE, 0);
    assert_duration("18446744073709551615w", STATUS_RANGE, 0);
}

static void byte_sizes(void **state)
{
    (void)state;
    assert_bytes("4096", 0, 4096);
    assert_bytes("64k", 0, 65536);
    assert_bytes("64KiB", 0, 65536);
    assert_bytes("16M", 0, 16777216);
    assert_bytes("16MB", 0, 16777216);
    assert_bytes("2G", 0, 2147483648);
    assert_bytes("2GiB", 0, 2147483648);
    assert_bytes("7B", 0, 7);
    assert_bytes("1T", STATUS_INVALID, 0);
    assert_bytes("1m", STATUS_INVALID, 0);
    assert_bytes("18446744073709551615", STATUS_RANGE, 0);
    assert_bytes("99999999999G", STATUS_RANGE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(nothing_is_skipped),
        cmocka_unit_test(durations),
        cmocka_unit_test(byte_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
