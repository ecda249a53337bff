#include "agent/source/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state = 1;

static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

/* Byte by byte, as the header says it. Exact-size heap memory, so that a read outside is seen by the sanitizer. */
static void assert_scanned(const char *bytes, size_t len)
{
    char *line = malloc(len ? len : 1);
    assert_non_null(line);
    memcpy(line, bytes, len);
    struct scan scan;
    scan_line(line, len, &scan);
    uint32_t bars = 0;
    uint32_t control = (uint32_t)len;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)line[i];
        if (byte == '|' && bars < SCAN_BARS_MAX) {
            assert_true(bars < scan.bars);
            assert_int_equal(scan.bar[bars++], i);
        }
        if (byte < 32 && byte != '\t' && control == len) {
            control = (uint32_t)i;
        }
    }
    assert_int_equal(scan.bars, bars);
    assert_int_equal(scan.bar[bars], len);
    assert_int_equal(scan.first_control, control);
    free(line);
}

static void every_byte_at_every_place(void **state)
{
    (void)state;
    char line[200];
    for (size_t len = 0; len <= 150; len++) {
        memset(line, 'x', sizeof line);
        assert_scanned(line, len);
        for (size_t at = 0; at < len; at++) {
            line[at] = '|';
            assert_scanned(line, len);
            line[at] = 1;
            assert_scanned(line, len);
            line[at] = 'x';
        }
    }
    for (int byte = 0; byte < 256; byte++) {
        memset(line, byte, sizeof line);
        assert_scanned(line, 3);
        assert_scanned(line, 77);
        assert_scanned(line, 16);
    }
}

/* Neighbours that a careless carry would mix up. */
static void noise(void **state)
{
    (void)state;
    static const char few[] = {'|', '}', '{', 0, '\t', '\n', 8, 10, 31, 32, 'a', (char)0x80, (char)0xfc, (char)0xff};
    char line[300];
    for (int round = 0; round < 20000; round++) {
        size_t len = random_next() % sizeof line;
        for (size_t i = 0; i < len; i++) {
            line[i] = round % 2 ? few[random_next() % sizeof few] : (char)random_next();
        }
        assert_scanned(line, len);
    }
}

static void bars_behind_the_last_are_left_alone(void **state)
{
    (void)state;
    char line[8191];
    memset(line, '|', sizeof line);
    for (size_t len = 60; len < 140; len++) {
        assert_scanned(line, len);
    }
    assert_scanned(line, sizeof line);
}

static void a_block_tells_of_its_own_bytes_only(void **state)
{
    (void)state;
    char line[64];
    memset(line, '|', sizeof line);
    for (size_t len = 0; len <= 64; len++) {
        struct scan_block block = scan_block(line, len);
        assert_true(block.bars == (len == 64 ? UINT64_MAX : (UINT64_C(1) << len) - 1));
        assert_true(block.controls == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(noise),
        cmocka_unit_test(bars_behind_the_last_are_left_alone),
        cmocka_unit_test(a_block_tells_of_its_own_bytes_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
