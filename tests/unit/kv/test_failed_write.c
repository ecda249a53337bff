/* A commit of which one write failed, wherever: what was committed before is there, nobody takes it for damaged, and
 * the next one who writes goes on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_repair.h"
#include "platform/kv/kv_salvage.h"
#include "tests/support/faults/faults.h"
#include "tests/support/temp_dir.h"

enum { COMMITS = 5, KEYS = 30, WRITES_MAX = 200 };

static struct temp_dir dir;

static int begin(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    faults_watch(NULL);
    temp_dir_remove(&dir);
    return 0;
}

static int put_all(struct kv *kv, unsigned db, int number)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(kv, true, &txn);
    for (int i = 0; status == 0 && i < KEYS; i++) {
        char key[16];
        char value[400];
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)snprintf(value, sizeof value, "%0300d", number);
        status = kv_put(txn, db, slice_str(key), slice_str(value));
    }
    if (status != 0) {
        kv_abort(txn);
        return status;
    }
    return kv_commit(txn);
}

/* How many commits succeeded. */
static int work(uint64_t number, enum faults_kind kind, bool *fired)
{
    struct kv *kv = NULL;
    unsigned db = 0;
    int done = 0;
    const struct kv_options options = {.dir = dir.path, .map_bytes = 1 << 20, .max_dbs = 2, .preallocate = true};
    faults_watch(dir.path);
    faults_arm(FAULTS_WRITE, number, kind, EIO, false);
    int status = kv_open(&options, &kv);
    status = status == 0 ? kv_db(kv, "db", true, &db) : status;
    for (int i = 1; status == 0 && i <= COMMITS; i++) {
        status = put_all(kv, db, i);
        done += status == 0;
    }
    kv_close(kv);
    *fired = faults_fired();
    faults_watch(NULL);
    assert_true(status == 0 || *fired);
    return done;
}

static int read_number(void)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct slice value;
    unsigned db = 0;
    int number = 0;
    const struct kv_options options = {.dir = dir.path, .max_dbs = 2, .read_only = true};
    assert_int_equal(kv_open(&options, &kv), 0);
    if (kv_db(kv, "db", false, &db) == 0) {
        assert_int_equal(kv_begin(kv, false, &txn), 0);
        if (kv_get(txn, db, slice_str("k7"), &value) == 0) {
            number = atoi(value.data);
        }
        kv_abort(txn);
    }
    kv_close(kv);
    return number;
}

static void check(int done, bool doubtful)
{
    const struct kv_look look = {.depth = KV_DEPTH_RECORDS};
    struct kv_damage damage;
    if (access(temp_dir_file(&dir, "data.mdb"), F_OK) != 0) {
        assert_int_equal(done, 0);
        return;
    }
    assert_int_equal(kv_look_over(dir.path, &look, &damage), 0);
    assert_string_equal(damage.what, "");
    assert_int_equal(kv_repair_may_read(dir.path), 0);
    int number = read_number();
    assert_true(number == done || (doubtful && number == done + 1));
}

static void every_write(enum faults_kind kind)
{
    bool fired = true;
    uint64_t number = 1;
    for (; fired && number < WRITES_MAX; number++) {
        int done = work(number, kind, &fired);
        check(done, kind == FAULTS_FAIL_AFTER);
        bool again;
        assert_int_equal(work(0, kind, &again), COMMITS);
        check(COMMITS, false);
        temp_dir_clear(&dir);
    }
    assert_false(fired);
    assert_true(number > 2 * COMMITS); /* data and a meta page each */
}

static void test_fails(void **state)
{
    (void)state;
    every_write(FAULTS_FAIL);
}

static void test_is_torn(void **state)
{
    (void)state;
    every_write(FAULTS_TEAR);
}

static void test_fails_after_it_happened(void **state)
{
    (void)state;
    every_write(FAULTS_FAIL_AFTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fails, begin, end),
        cmocka_unit_test_setup_teardown(test_is_torn, begin, end),
        cmocka_unit_test_setup_teardown(test_fails_after_it_happened, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
