#include "platform/base/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
enum { VALUES = sizeof values / sizeof values[0] };

static void fixed_widths_are_big_endian(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    wire_put_u8(&out, 0x01);
    wire_put_u16(&out, 0x0203);
    wire_put_u32(&out, 0x04050607);
    wire_put_u64(&out, UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(out.len, 15);
    assert_memory_equal(out.data, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 15);
    struct wire_reader reader = wire_reader_make(out.data, out.len);
    assert_int_equal(wire_get_u8(&reader), 0x01);
    assert_int_equal(wire_get_u16(&reader), 0x0203);
    assert_int_equal(wire_get_u32(&reader), 0x04050607);
    assert_true(wire_get_u64(&reader) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(wire_left(&reader), 0);
    assert_false(reader.failed);
    buf_deinit(&out);
}

static void varints_round_trip(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < VALUES; i++) {
        wire_put_varint(&out, values[i]);
        wire_put_svarint(&out, (int64_t)values[i]);
        wire_put_svarint(&out, -(int64_t)(values[i] >> 1));
        wire_put_svarint(&out, INT64_MIN);
    }
    struct wire_reader reader = wire_reader_make(out.data, out.len);
    for (size_t i = 0; i < VALUES; i++) {
        assert_true(wire_get_varint(&reader) == values[i]);
        assert_true(wire_get_svarint(&reader) == (int64_t)values[i]);
        assert_true(wire_get_svarint(&reader) == -(int64_t)(values[i] >> 1));
        assert_true(wire_get_svarint(&reader) == INT64_MIN);
    }
    assert_false(reader.failed);
    assert_int_equal(wire_left(&reader), 0);
    buf_deinit(&out);
}

static void varint_bytes_are_leb128(void **state)
{
    (void)state;
    uint8_t at[WIRE_VARINT_MAX];
    assert_int_equal(wire_varint_at(at, 0), 1);
    assert_memory_equal(at, "\x00", 1);
    assert_int_equal(wire_varint_at(at, 300), 2);
    assert_memory_equal(at, "\xac\x02", 2);
    assert_int_equal(wire_varint_at(at, UINT64_MAX), 10);
    assert_memory_equal(at, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    assert_true(wire_zigzag(-1) == 1);
    assert_true(wire_zigzag(1) == 2);
    assert_true(wire_zigzag(INT64_MIN) == UINT64_MAX);
}

static bool varint_fails(const char *bytes, size_t len, bool strict)
{
    struct wire_reader reader = wire_reader_make(bytes, len);
    uint64_t value = strict ? wire_get_varint_strict(&reader, UINT64_MAX) : wire_get_varint(&reader);
    assert_true(value == 0 || !reader.failed);
    return reader.failed;
}

static void varints_that_do_not_fit_fail(void **state)
{
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        assert_true(varint_fails("", 0, strict));
        assert_true(varint_fails("\x80", 1, strict));
        assert_true(varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, strict));
        assert_true(varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, strict));
        assert_true(varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, strict));
        assert_false(varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, strict));
        assert_false(varint_fails("\x00", 1, strict));
        assert_int_equal(varint_fails("\x80\x00", 2, strict), strict);
        assert_int_equal(varint_fails("\x81\x80\x00", 3, strict), strict);
    }
}

static void a_maximum_is_kept(void **state)
{
    (void)state;
    struct wire_reader reader = wire_reader_make("\x05\x05\x05\xac\x02\xac\x02", 7);
    assert_int_equal(wire_get_varint_max(&reader, 5), 5);
    assert_int_equal(wire_get_varint_strict(&reader, 5), 5);
    assert_false(reader.failed);
    struct wire_reader copy = reader;
    assert_int_equal(wire_get_varint_max(&copy, 4), 0);
    assert_true(copy.failed);
    copy = reader;
    assert_int_equal(wire_get_varint_strict(&copy, 4), 0);
    assert_true(copy.failed);
    assert_int_equal(wire_get_u8(&reader), 5);
    assert_int_equal(wire_get_varint_strict(&reader, 300), 300);
    assert_int_equal(wire_get_varint_strict(&reader, 299), 0);
    assert_true(reader.failed);
}

static void failure_sticks(void **state)
{
    (void)state;
    struct wire_reader reader = wire_reader_make("\x01\x02\x03", 3);
    assert_int_equal(wire_get_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(wire_get_u8(&reader), 0); /* though bytes are left */
    assert_int_equal(wire_get_u16(&reader), 0);
    assert_true(wire_get_u64(&reader) == 0);
    assert_int_equal(wire_get_varint(&reader), 0);
    assert_int_equal(wire_get_varint_strict(&reader, 9), 0);
    assert_int_equal(wire_get_svarint(&reader), 0);
    assert_int_equal(wire_get_bytes(&reader).len, 0);
    assert_true(reader.failed);
}

static void byte_strings_are_framed(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    wire_put_bytes(&out, slice_str("abc"));
    wire_put_bytes(&out, slice_str(""));
    struct wire_reader reader = wire_reader_make(out.data, out.len);
    assert_true(slice_is(wire_get_bytes(&reader), "abc"));
    assert_true(slice_is(wire_get_bytes(&reader), ""));
    assert_false(reader.failed);
    assert_int_equal(wire_left(&reader), 0);
    buf_deinit(&out);
    static const struct {
        const char *bytes;
        size_t len;
    } broken[] = {{"\x04"
                   "abc",
                   4},
                  {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                   "a",
                   11},
                  {"", 0},
                  {"\x80", 1}};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        reader = wire_reader_make(broken[i].bytes, broken[i].len);
        assert_int_equal(wire_get_bytes(&reader).len, 0);
        assert_true(reader.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_widths_are_big_endian), cmocka_unit_test(varints_round_trip),
        cmocka_unit_test(varint_bytes_are_leb128),     cmocka_unit_test(varints_that_do_not_fit_fail),
        cmocka_unit_test(a_maximum_is_kept),           cmocka_unit_test(failure_sticks),
        cmocka_unit_test(byte_strings_are_framed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
