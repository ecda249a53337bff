#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "tests/support/rng.h"
#include "tests/unit/kv/kit.h"

enum { MAP_BYTES = 1 << 20, RECORDS = 300 };

static struct kv_options options_of(bool read_only)
{
    return (struct kv_options){
        .dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 4, .read_only = read_only, .preallocate = true};
}

static void fill(void)
{
    struct kv_options options = options_of(false);
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "things", true, &db), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    static char bytes[2000];
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_int_equal(kv_put(txn, db, slice_make((const char *)&i, sizeof i), slice_make(bytes, i * 6 + 1)), 0);
    }
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
}

/* Opens and reads everything; whatever comes, it is a status and no signal. */
static int read_all(bool read_only, unsigned *found)
{
    struct kv_options options = options_of(read_only);
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    unsigned db;
    *found = 0;
    int status = kv_open(&options, &kv);
    if (status != 0) {
        return status;
    }
    status = kv_db(kv, "things", false, &db);
    if (status == 0) {
        status = kv_begin(kv, false, &txn);
    }
    if (status == 0) {
        status = kv_cursor_open(txn, db, &cursor);
    }
    struct slice key;
    struct slice value;
    unsigned sum = 0;
    for (int step = status == 0 ? kv_cursor_first(cursor, &key, &value) : status;;
         step = kv_cursor_next(cursor, &key, &value)) {
        if (step != 0) {
            status = step == KV_END ? 0 : step;
            break;
        }
        for (size_t i = 0; i < value.len; i++) {
            sum += (unsigned char)value.data[i];
        }
        (*found)++;
    }
    (void)sum;
    kv_cursor_close(cursor);
    kv_abort(txn);
    kv_close(kv);
    return status;
}

static void a_file_cut_short_is_corrupt(void **state)
{
    (void)state;
    fill();
    temp_dir_copy(&kit_dir, "data.mdb", "whole");
    unsigned found;
    assert_int_equal(read_all(true, &found), 0);
    assert_int_equal(found, RECORDS);
    const uint64_t lengths[] = {1,    17,       4095,      4096,      8191,          8192,
                                8193, 3 * 4096, 30 * 4096, 60 * 4096, 80 * 4096 + 5, 40 * 4096 + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        temp_dir_truncate(&kit_dir, "data.mdb", 0);
        temp_dir_copy(&kit_dir, "whole", "data.mdb");
        temp_dir_truncate(&kit_dir, "data.mdb", lengths[i]);
        assert_int_equal(read_all(true, &found), STATUS_CORRUPT);
        assert_int_equal(read_all(false, &found), STATUS_CORRUPT);
        assert_int_equal(temp_dir_size(&kit_dir, "data.mdb"), lengths[i]); /* it was not touched */
    }
}

static void an_empty_file_is_a_new_one(void **state)
{
    (void)state;
    temp_dir_truncate(&kit_dir, "data.mdb", 0);
    unsigned found;
    assert_int_equal(read_all(true, &found), STATUS_NOT_FOUND);
    fill();
    assert_int_equal(read_all(true, &found), 0);
    assert_int_equal(found, RECORDS);
}

static void noise_is_corrupt(void **state)
{
    (void)state;
    struct rng rng = {3};
    static uint64_t noise[MAP_BYTES / 8 / 4];
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
            noise[i] = round == 0 ? 0 : round == 1 ? UINT64_MAX : rng_next(&rng);
        }
        temp_dir_truncate(&kit_dir, "data.mdb", 0);
        temp_dir_write(&kit_dir, "data.mdb", 0, noise, sizeof noise);
        unsigned found;
        assert_int_equal(read_all(true, &found), STATUS_CORRUPT);
        assert_int_equal(read_all(false, &found), STATUS_CORRUPT);
    }
}

/* Both meta pages, every byte of their heads: LMDB itself has no checksum over them. */
static void damaged_meta_pages_end_in_a_status(void **state)
{
    (void)state;
    fill();
    temp_dir_copy(&kit_dir, "data.mdb", "whole");
    struct rng rng = {11};
    unsigned refused = 0;
    for (unsigned at = 0; at < 152; at++) {
        for (unsigned page = 0; page < 3; page++) { /* 2: both */
            temp_dir_truncate(&kit_dir, "data.mdb", 0);
            temp_dir_copy(&kit_dir, "whole", "data.mdb");
            uint8_t byte;
            temp_dir_read(&kit_dir, "data.mdb", at + (page == 1 ? 4096 : 0), &byte, 1);
            byte ^= (uint8_t)(1 + rng_below(&rng, 255));
            for (unsigned i = 0; i < 2; i++) {
                if (page == 2 || page == i) {
                    temp_dir_write(&kit_dir, "data.mdb", at + 4096 * i, &byte, 1);
                }
            }
            unsigned found;
            int status = read_all(true, &found);
            assert_true(status <= 0 && found <= RECORDS);
            refused += status != 0;
        }
    }
    assert_true(refused > 50);
}

static void another_format_is_told_apart(void **state)
{
    (void)state;
    fill();
    const uint32_t version = 7; /* behind the page header and the magic of both meta pages */
    temp_dir_write(&kit_dir, "data.mdb", 16 + 4, &version, sizeof version);
    temp_dir_write(&kit_dir, "data.mdb", 4096 + 16 + 4, &version, sizeof version);
    unsigned found;
    assert_int_equal(read_all(true, &found), STATUS_VERSION);
    assert_int_equal(read_all(false, &found), STATUS_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_cut_short_is_corrupt, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_is_a_new_one, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(noise_is_corrupt, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(damaged_meta_pages_end_in_a_status, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(another_format_is_told_apart, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
