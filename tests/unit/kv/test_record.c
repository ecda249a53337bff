#include "platform/kv/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

/* The head of record.h; the CRC from another implementation: CRC-32C of 01 00000001 01 "sales". */
static void worked_example_is_right(void **state)
{
    (void)state;
    struct record_key key = record_key_u8_u32(1, 1);
    assert_int_equal(key.len, 5);
    assert_memory_equal(key.bytes, "\x01\x00\x00\x00\x01", 5);
    struct buf value = BUF_INIT;
    record_begin(&value);
    buf_append_str(&value, "sales");
    assert_int_equal(record_end(&value, &key), 0);
    static const uint8_t expected[] = {0x01, 0x73, 0x61, 0x6c, 0x65, 0x73, 0xcf, 0x6f, 0x73, 0xa4};
    assert_int_equal(value.len, sizeof expected);
    assert_memory_equal(value.data, expected, sizeof expected);
    struct wire_reader payload;
    assert_int_equal(record_open(record_key_slice(&key), buf_slice(&value), &payload), 0);
    assert_true(slice_is(slice_make((const char *)payload.pos, wire_left(&payload)), "sales"));
    buf_deinit(&value);
}

static void keys_sort_by_their_meaning(void **state)
{
    (void)state;
    struct record_key key = record_key_u32_u32(0x01020304, 0xa0b0c0d0);
    assert_int_equal(key.len, 8);
    assert_memory_equal(key.bytes, "\x01\x02\x03\x04\xa0\xb0\xc0\xd0", 8);
    key = record_key_u64_u32(UINT64_C(0x0102030405060708), 9);
    assert_int_equal(key.len, 12);
    assert_memory_equal(key.bytes, "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x09", 12);
    key = record_key_u32_u64(1, 2);
    assert_memory_equal(key.bytes, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02", key.len);
    key = record_key_4u32(1, 2, 3, UINT32_MAX);
    assert_int_equal(key.len, 16);
    assert_int_equal(record_key_at_u32(record_key_slice(&key), 8), 3);
    assert_int_equal(record_key_at_u32(record_key_slice(&key), 12), UINT32_MAX);
    assert_int_equal(record_key_at_u32(record_key_slice(&key), 13), 0xffffff00U);
    assert_int_equal(record_key_at_u32(record_key_slice(&key), 16), 0);
    assert_int_equal(record_key_at_u32(slice_make("\x05", 1), 0), 0x05000000);
    assert_true(record_key_at_u64(slice_make("\x05\x06", 2), 1) == UINT64_C(0x06) << 56);
    assert_true(record_key_at_u64(record_key_slice(&key), 4) == UINT64_C(0x0000000200000003));
    key = record_key_text("state");
    assert_true(slice_is(record_key_slice(&key), "state"));
    key = record_key_text("longer than sixteen bytes");
    assert_int_equal(key.len, RECORD_KEY_MAX);
    struct record_key small = record_key_u64(255);
    struct record_key large = record_key_u64(256);
    assert_true(memcmp(small.bytes, large.bytes, 8) < 0);
}

static void any_damage_is_seen(void **state)
{
    (void)state;
    struct record_key key = record_key_u32(7);
    struct record_key other = record_key_u32(8);
    struct buf value = BUF_INIT;
    record_begin(&value);
    buf_append_str(&value, "some payload");
    assert_int_equal(record_end(&value, &key), 0);
    struct slice at = record_key_slice(&key);
    struct wire_reader payload;
    assert_int_equal(record_open(record_key_slice(&other), buf_slice(&value), &payload), STATUS_CORRUPT);
    for (size_t len = 0; len < value.len; len++) {
        struct slice cut = slice_make((const char *)value.data, len);
        assert_int_equal(record_open(at, cut, &payload), STATUS_CORRUPT);
    }
    for (size_t bit = 0; bit < value.len * 8; bit++) {
        value.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(record_open(at, buf_slice(&value), &payload), STATUS_CORRUPT);
        value.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(record_open(at, buf_slice(&value), &payload), 0);
    buf_deinit(&value);
}

static void a_later_version_is_not_read(void **state)
{
    (void)state;
    struct record_key key = record_key_u32(7);
    struct buf value = BUF_INIT;
    wire_put_u8(&value, RECORD_VERSION + 1);
    assert_int_equal(record_end(&value, &key), 0);
    struct wire_reader payload;
    assert_int_equal(record_open(record_key_slice(&key), buf_slice(&value), &payload), STATUS_VERSION);
    buf_deinit(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example_is_right),
        cmocka_unit_test(keys_sort_by_their_meaning),
        cmocka_unit_test(any_damage_is_seen),
        cmocka_unit_test(a_later_version_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
