#include "platform/kv/kv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/kv/kit.h"

enum { MAP_BYTES = 1 << 20 };

static struct kv *open_kv(bool read_only)
{
    struct kv_options options = {
        .dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 4, .read_only = read_only, .preallocate = true};
    struct kv *kv = NULL;
    assert_int_equal(kv_open(&options, &kv), 0);
    return kv;
}

static void what_is_committed_is_there_after_opening_again(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    struct kv_txn *txn = kit_begin(kv, true);
    assert_int_equal(kv_put(txn, db, slice_str("key"), slice_str("value")), 0);
    assert_int_equal(kv_put(txn, db, slice_str("nothing"), slice_make("", 0)), 0);
    assert_int_equal(kv_commit(txn), 0);
    txn = kit_begin(kv, true);
    assert_int_equal(kv_put(txn, db, slice_str("given up"), slice_str("value")), 0);
    assert_int_equal(kv_delete(txn, db, slice_str("key")), 0);
    kv_abort(txn);
    kv_close(kv);

    kv = open_kv(true);
    assert_int_equal(kv_db(kv, "things", false, &db), 0);
    txn = kit_begin(kv, false);
    struct slice value;
    assert_int_equal(kv_get(txn, db, slice_str("key"), &value), 0);
    assert_true(slice_is(value, "value"));
    assert_int_equal(kv_get(txn, db, slice_str("nothing"), &value), 0);
    assert_int_equal(value.len, 0);
    assert_int_equal(kv_get(txn, db, slice_str("given up"), &value), KV_END);
    kv_abort(txn);
    unsigned other;
    assert_int_equal(kv_db(kv, "others", false, &other), STATUS_NOT_FOUND);
    kv_close(kv);
}

static void append_takes_keys_in_any_order(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    struct kv_txn *txn = kit_begin(kv, true);
    const unsigned order[] = {5, 9, 9, 3, 12};
    char text[16];
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        assert_int_equal(kv_append(txn, db, kit_key(order[i], text), slice_make("ab", i % 3)), 0);
    }
    assert_int_equal(kv_commit(txn), 0);
    txn = kit_begin(kv, false);
    const unsigned sorted[] = {3, 5, 9, 12};
    struct kv_cursor *cursor = NULL;
    assert_int_equal(kv_cursor_open(txn, db, &cursor), 0);
    struct slice key;
    struct slice value;
    int step = kv_cursor_first(cursor, &key, &value);
    for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
        assert_int_equal(step, 0);
        assert_true(slice_equal(key, kit_key(sorted[i], text)));
        step = kv_cursor_next(cursor, &key, &value);
    }
    assert_int_equal(step, KV_END);
    assert_int_equal(kv_cursor_seek(cursor, kit_key(6, text), &key, &value), 0);
    assert_true(slice_is(key, "00000009"));
    assert_int_equal(value.len, 2); /* the later of the two */
    assert_int_equal(kv_cursor_prev(cursor, &key, &value), 0);
    assert_true(slice_is(key, "00000005"));
    assert_int_equal(kv_cursor_seek(cursor, kit_key(13, text), &key, &value), KV_END);
    assert_int_equal(kv_cursor_last(cursor, &key, &value), 0);
    assert_true(slice_is(key, "00000012"));
    kv_cursor_close(cursor);
    kv_abort(txn);
    kv_close(kv);
}

static void a_full_map_fails_and_leaves_what_was(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    struct kv_txn *txn = kit_begin(kv, true);
    kit_put(txn, db, 1, 100);
    assert_int_equal(kv_commit(txn), 0);
    txn = kit_begin(kv, true);
    static char big[MAP_BYTES / 2];
    int status = 0;
    char text[16];
    for (unsigned i = 2; i < 10 && status == 0; i++) {
        status = kv_put(txn, db, kit_key(i, text), slice_make(big, sizeof big));
    }
    assert_int_equal(status, STATUS_FULL);
    kv_abort(txn);
    txn = kit_begin(kv, true);
    kit_put(txn, db, 2, 100);
    assert_int_equal(kv_commit(txn), 0);
    txn = kit_begin(kv, false);
    struct slice value;
    assert_int_equal(kv_get(txn, db, kit_key(1, text), &value), 0);
    assert_int_equal(kv_get(txn, db, kit_key(2, text), &value), 0);
    assert_int_equal(kv_get(txn, db, kit_key(3, text), &value), KV_END);
    kv_abort(txn);
    kv_close(kv);
}

static void keys_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    static char key[600];
    struct kv_txn *txn = kit_begin(kv, true);
    assert_int_equal(kv_put(txn, db, slice_make(key, sizeof key), slice_str("v")), STATUS_RANGE);
    kv_abort(txn);
    txn = kit_begin(kv, true);
    assert_int_equal(kv_put(txn, db, slice_make("", 0), slice_str("v")), STATUS_RANGE);
    kv_abort(txn);
    kv_close(kv);
}

static void a_reader_keeps_its_moment(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    struct kv_txn *txn = kit_begin(kv, true);
    kit_put(txn, db, 1, 10);
    assert_int_equal(kv_commit(txn), 0);
    struct kv_txn *reader = kit_begin(kv, false);
    for (unsigned i = 0; i < 50; i++) {
        txn = kit_begin(kv, true);
        kit_put(txn, db, 1, 20 + i);
        kit_put(txn, db, 2 + i, 3000);
        assert_int_equal(kv_commit(txn), 0);
    }
    struct slice value;
    char text[16];
    assert_int_equal(kv_get(reader, db, kit_key(1, text), &value), 0);
    assert_int_equal(value.len, 10);
    assert_int_equal(kv_get(reader, db, kit_key(2, text), &value), KV_END);
    kv_abort(reader);
    assert_int_equal(kv_reader_check(kv), 0);
    kv_close(kv);
}

static void usage_counts_pages_in_use(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    assert_int_equal(temp_dir_size(&kit_dir, "data.mdb"), MAP_BYTES); /* taken from the disk at once */
    struct kv_txn *txn = kit_begin(kv, true);
    for (unsigned i = 0; i < 20; i++) {
        kit_put(txn, db, i, 20000);
    }
    assert_int_equal(kv_commit(txn), 0);
    struct kv_usage full;
    txn = kit_begin(kv, false);
    assert_int_equal(kv_usage(txn, &full), 0);
    kv_abort(txn);
    assert_int_equal(full.map_bytes, MAP_BYTES);
    assert_true(full.used_bytes > 20 * 20000 && full.used_bytes < 20 * 20000 + 100000);
    txn = kit_begin(kv, true);
    char text[16];
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(kv_delete(txn, db, kit_key(i, text)), 0);
    }
    assert_int_equal(kv_delete(txn, db, kit_key(0, text)), KV_END);
    assert_int_equal(kv_commit(txn), 0);
    struct kv_usage empty;
    txn = kit_begin(kv, false);
    assert_int_equal(kv_usage(txn, &empty), 0);
    kv_abort(txn);
    assert_true(empty.used_bytes < 100000);
    assert_true(empty.file_bytes >= full.file_bytes);
    kv_close(kv);
}

/* In a process of its own, without the rights of root: opens and reads. Exits with 0 when that works. */
static int read_as_somebody(void)
{
    if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) {
        return 2;
    }
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 4};
    struct kv *kv = NULL;
    if (kv_open(&options, &kv) != STATUS_DENIED) {
        return 3; /* a writer may not */
    }
    options.read_only = true;
    unsigned db;
    struct kv_txn *txn = NULL;
    struct slice value;
    if (kv_open(&options, &kv) != 0 || kv_db(kv, "things", false, &db) != 0 || kv_begin(kv, false, &txn) != 0) {
        return 4;
    }
    int status = kv_get(txn, db, slice_str("00000001"), &value);
    kv_abort(txn);
    kv_close(kv);
    return status == 0 && value.len == 77 ? 0 : 5;
}

static void reads_where_it_may_not_write(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    struct kv_txn *txn = kit_begin(kv, true);
    kit_put(txn, db, 1, 77);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    assert_int_equal(chmod(temp_dir_file(&kit_dir, "data.mdb"), 0444), 0);
    for (int lock = 0; lock < 2; lock++) { /* with a lock file that may only be read, and without one */
        if (lock == 0) {
            assert_int_equal(chmod(temp_dir_file(&kit_dir, "lock.mdb"), 0444), 0);
        } else {
            assert_int_equal(unlink(temp_dir_file(&kit_dir, "lock.mdb")), 0);
        }
        assert_int_equal(chmod(kit_dir.path, 0555), 0);
        pid_t child = fork();
        if (child == 0) {
            _exit(read_as_somebody());
        }
        int result = -1;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_int_equal(chmod(kit_dir.path, 0755), 0);
        assert_true(WIFEXITED(result));
        assert_int_equal(WEXITSTATUS(result), 0);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    struct kv *kv = NULL;
    struct kv_options options = {.dir = kit_dir.path, .max_dbs = 4, .read_only = true};
    assert_int_equal(kv_open(&options, &kv), STATUS_NOT_FOUND);
    options.dir = temp_dir_file(&kit_dir, "missing");
    assert_int_equal(kv_open(&options, &kv), STATUS_NOT_FOUND);
    options.read_only = false;
    options.map_bytes = MAP_BYTES;
    assert_int_equal(kv_open(&options, &kv), STATUS_NOT_FOUND);
    assert_null(kv);
}

static void a_map_grows_and_does_not_shrink_below_its_content(void **state)
{
    (void)state;
    struct kv *kv = open_kv(false);
    unsigned db = kit_db(kv, "things");
    struct kv_txn *txn = kit_begin(kv, true);
    for (unsigned i = 0; i < 40; i++) {
        kit_put(txn, db, i, 20000);
    }
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    const uint64_t sizes[] = {MAP_BYTES / 4, UINT64_C(4) * MAP_BYTES};
    for (size_t i = 0; i < 2; i++) {
        struct kv_options options = {.dir = kit_dir.path, .map_bytes = sizes[i], .max_dbs = 4, .preallocate = true};
        assert_int_equal(kv_open(&options, &kv), 0);
        db = kit_db(kv, "things");
        struct kv_usage usage;
        txn = kit_begin(kv, false);
        assert_int_equal(kv_usage(txn, &usage), 0);
        kv_abort(txn);
        assert_true(usage.map_bytes >= usage.file_bytes);
        assert_true(usage.map_bytes >= sizes[i]);
        txn = kit_begin(kv, true);
        struct slice value;
        char text[16];
        assert_int_equal(kv_get(txn, db, kit_key(39, text), &value), 0);
        assert_int_equal(value.len, 20000);
        kv_abort(txn);
        kv_close(kv);
    }
    assert_int_equal(temp_dir_size(&kit_dir, "data.mdb"), 4 * MAP_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_committed_is_there_after_opening_again, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(append_takes_keys_in_any_order, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_full_map_fails_and_leaves_what_was, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(keys_that_do_not_fit_are_refused, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_reader_keeps_its_moment, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(usage_counts_pages_in_use, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(reads_where_it_may_not_write, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_found, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_map_grows_and_does_not_shrink_below_its_content, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
