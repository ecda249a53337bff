/* A file that grows ahead of its content, and a disk that gives no more (as a limit to the size of files shows it). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "tests/unit/kv/kit.h"

enum { MAP_BYTES = 8 << 20, GROW_BYTES = 256 << 10, RECORD_BYTES = 3000 };

static struct kv *open_kv(unsigned *db)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 4, .grow_bytes = GROW_BYTES};
    struct kv *kv = NULL;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "things", true, db), 0);
    return kv;
}

static int put(struct kv *kv, unsigned db, uint32_t from, uint32_t count)
{
    static char bytes[RECORD_BYTES];
    struct kv_txn *txn = NULL;
    int status = kv_begin(kv, true, &txn);
    for (uint32_t i = from; status == 0 && i < from + count; i++) {
        status = kv_put(txn, db, slice_make((const char *)&i, sizeof i), slice_make(bytes, sizeof bytes));
        if (status != 0) {
            kv_abort(txn);
        }
    }
    return status != 0 ? status : kv_commit(txn);
}

static struct kv_usage usage_of(struct kv *kv)
{
    struct kv_txn *txn = NULL;
    struct kv_usage usage;
    assert_int_equal(kv_begin(kv, false, &txn), 0);
    assert_int_equal(kv_usage(txn, &usage), 0);
    kv_abort(txn);
    return usage;
}

static void the_file_is_longer_than_its_content(void **state)
{
    (void)state;
    unsigned db;
    struct kv *kv = open_kv(&db);
    assert_true(temp_dir_size(&kit_dir, "data.mdb") < MAP_BYTES / 4);
    int status = 0;
    for (uint32_t i = 0; status == 0; i += 20) {
        status = put(kv, db, i, 20);
        if (status == 0) {
            struct kv_txn *txn = NULL;
            assert_int_equal(kv_begin(kv, true, &txn), 0);
            kv_abort(txn);
            uint64_t least = usage_of(kv).file_bytes + GROW_BYTES;
            assert_true(temp_dir_size(&kit_dir, "data.mdb") >= (least < MAP_BYTES ? least : MAP_BYTES));
        }
    }
    assert_int_equal(status, STATUS_FULL);
    assert_int_equal(temp_dir_size(&kit_dir, "data.mdb"), MAP_BYTES);
    kv_close(kv);
    kv = open_kv(&db);
    assert_true(usage_of(kv).used_bytes > MAP_BYTES / 2);
    kv_close(kv);
}

static void limit_files(uint64_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes > 0 ? (rlim_t)bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static uint32_t put_until_full(struct kv *kv, unsigned db, uint32_t from)
{
    int status = 0;
    uint32_t next = from;
    for (; status == 0; next += 10) {
        status = put(kv, db, next, 10);
    }
    assert_int_equal(status, STATUS_FULL);
    return next - 10;
}

/* Full: it reads, deletes, opens again; goes on inside the file, and beyond when the disk gives more. */
static void a_full_disk_leaves_what_was_and_goes_on(void **state)
{
    (void)state;
    unsigned db;
    (void)signal(SIGXFSZ, SIG_IGN);
    struct kv *kv = open_kv(&db);
    limit_files(MAP_BYTES / 2);
    uint32_t count = put_until_full(kv, db, 0);
    assert_true(usage_of(kv).file_bytes <= MAP_BYTES / 2);
    kv_close(kv);
    kv = open_kv(&db);
    assert_int_equal(put(kv, db, count, 1), STATUS_FULL);
    for (uint32_t i = 0; i < count;) { /* little by little */
        struct kv_txn *txn = NULL;
        assert_int_equal(kv_begin_delete(kv, &txn), 0);
        for (uint32_t end = i + 10; i < end && i < count; i++) {
            assert_int_equal(kv_delete(txn, db, slice_make((const char *)&i, sizeof i)), 0);
        }
        assert_int_equal(kv_commit(txn), 0);
    }
    uint32_t again = put_until_full(kv, db, 0);
    assert_true(again > 0);
    limit_files(0);
    assert_int_equal(put(kv, db, again, 300), 0);
    assert_true(usage_of(kv).file_bytes <= temp_dir_size(&kit_dir, "data.mdb"));
    kv_close(kv);
    kv = open_kv(&db);
    kv_close(kv);
}

static void a_cursor_finds_adds_and_puts(void **state)
{
    (void)state;
    unsigned db;
    struct kv *kv = open_kv(&db);
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    struct slice value;
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_cursor_open(txn, db, &cursor), 0);
    assert_int_equal(kv_cursor_add(cursor, slice_str("b"), slice_str("first"), &value), 0);
    assert_int_equal(kv_cursor_add(cursor, slice_str("b"), slice_str("second"), &value), KV_HELD);
    assert_true(slice_is(value, "first"));
    assert_int_equal(kv_cursor_put(cursor, slice_str("b"), slice_str("third")), 0);
    assert_int_equal(kv_cursor_put(cursor, slice_str("a"), slice_str("")), 0);
    assert_int_equal(kv_cursor_find(cursor, slice_str("b"), &value), 0);
    assert_true(slice_is(value, "third"));
    assert_int_equal(kv_cursor_find(cursor, slice_str("aa"), &value), KV_END);
    kv_cursor_close(cursor);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_is_longer_than_its_content, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_what_was_and_goes_on, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_cursor_finds_adds_and_puts, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
