/* The power fails at any moment of a repair: the next start finds data.mdb as it was or mended, all that was sound is
 * there, and somebody's file that is named as one of ours is left alone. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"
#include "platform/kv/record.h"
#include "tests/support/faults/faults.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/kv/no_links.h"

enum { MAP_BYTES = 1 << 18, RECORDS = 60, PAGE = 4096, FOREIGN_FROM = 5000, POINTS_MAX = 400, SEEDS = 8 };
#define NOW_MS INT64_C(1795284531000)
#define FOREIGN "mended-20260101T000000Z.mdb"

static struct temp_dir dir; /* holds root/, which is watched, and cut/ */
static struct temp_dir root;
static struct temp_dir found; /* what is there after the power failed */

static void open_at(const char *path, struct kv **kv, unsigned *db)
{
    const struct kv_options options = {.dir = path, .map_bytes = MAP_BYTES, .max_dbs = 1};
    assert_int_equal(kv_open(&options, kv), 0);
    assert_int_equal(kv_db(*kv, "things", true, db), 0);
}

static void fill(unsigned from)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct buf value = BUF_INIT;
    unsigned db;
    open_at(root.path, &kv, &db);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record_key key = record_key_u32(from + i);
        char text[160];
        int len = snprintf(text, sizeof text, "record %06u %0120u", from + i, i);
        record_begin(&value);
        buf_append(&value, text, (size_t)len);
        assert_int_equal(record_put(txn, db, &key, &value), 0);
    }
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    buf_deinit(&value);
}

/* One record, wherever it stands. */
static void hurt(unsigned number)
{
    char bytes[PAGE];
    char text[32];
    unsigned hits = 0;
    int len = snprintf(text, sizeof text, "record %06u", number);
    for (uint64_t page = 2; page * PAGE < temp_dir_size(&root, "data.mdb"); page++) {
        temp_dir_read(&root, "data.mdb", page * PAGE, bytes, PAGE);
        for (size_t i = 0; i + (size_t)len <= PAGE; i++) {
            if (memcmp(bytes + i, text, (size_t)len) == 0) {
                temp_dir_write(&root, "data.mdb", page * PAGE + i, "RECORD", 6);
                hits++;
            }
        }
    }
    assert_true(hits > 0);
}

static bool is_whole(void *ctx, const char *db, struct slice key, struct slice value)
{
    (void)ctx;
    (void)db;
    return kv_repair_is_record(key, value);
}

static int repair(const char *path, struct kv_repair *out)
{
    const struct kv_repair_options options = {
        .dir = path, .map_bytes = MAP_BYTES, .now_ms = NOW_MS, .note_fd = -1, .whole = is_whole};
    return kv_repair(&options, out);
}

/* A damaged one, and beside it a sound one that is none of ours. */
static void begin(void)
{
    temp_dir_make(&dir);
    (void)snprintf(root.path, sizeof root.path, "%.50s/root", dir.path);
    (void)snprintf(found.path, sizeof found.path, "%.50s/cut", dir.path);
    assert_int_equal(mkdir(root.path, 0700), 0);
    fill(FOREIGN_FROM);
    assert_int_equal(rename(temp_dir_file(&root, "data.mdb"), temp_dir_file(&root, FOREIGN)), 0);
    assert_int_equal(unlink(temp_dir_file(&root, "lock.mdb")), 0);
    fill(1);
    hurt(7);
}

static void remove_all(const char *path)
{
    struct temp_dir below = {{0}};
    (void)snprintf(below.path, sizeof below.path, "%.55s/repair", path);
    if (access(below.path, F_OK) == 0) {
        temp_dir_remove(&below);
    }
    (void)snprintf(below.path, sizeof below.path, "%.60s", path);
    temp_dir_remove(&below);
}

/* The process ends at the point, and the directory as it was found is beside; false: the repair was done before. */
static bool cut(enum faults_point point, uint64_t number, uint64_t seed)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kv_repair out;
        faults_watch(root.path);
        if (faults_platter_begin() != 0) {
            _exit(1);
        }
        faults_platter_cut_at(point, number, found.path, seed * 1000 + number,
                              seed == 0   ? FAULTS_NONE_KEPT
                              : seed <= 2 ? FAULTS_PREFIX_KEPT
                                          : FAULTS_ANY_KEPT);
        _exit(repair(root.path, &out) == KV_REPAIRED ? 0 : 2);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended) && (WEXITSTATUS(ended) == 0 || WEXITSTATUS(ended) == FAULTS_EXIT));
    return WEXITSTATUS(ended) == FAULTS_EXIT;
}

static void check_records(void)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db;
    uint64_t records = 0;
    open_at(found.path, &kv, &db);
    assert_int_equal(kv_begin(kv, false, &txn), 0);
    assert_int_equal(kv_count(txn, db, &records), 0);
    assert_int_equal(records, RECORDS - 1);
    for (uint32_t number = 1; number <= RECORDS; number++) {
        struct record_key key = record_key_u32(number);
        struct slice value;
        assert_int_equal(kv_get(txn, db, record_key_slice(&key), &value), number == 7 ? KV_END : 0);
    }
    kv_abort(txn);
    kv_close(kv);
}

/* Returns whether the damaged file is kept. */
static bool check_names(void)
{
    bool kept = false;
    DIR *listing = opendir(found.path);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        const char *name = entry->d_name;
        struct stat aside;
        struct stat data;
        if (strncmp(name, "damaged-", 8) == 0) {
            assert_int_equal(stat(temp_dir_file(&found, name), &aside), 0);
            assert_int_equal(stat(temp_dir_file(&found, "data.mdb"), &data), 0);
            assert_int_not_equal(aside.st_ino, data.st_ino);
            kept = true;
        } else if (name[0] != '.' && strcmp(name, FOREIGN) != 0 && strcmp(name, "data.mdb") != 0 &&
                   strcmp(name, "lock.mdb") != 0 && (!no_links || strncmp(name, "mended-", 7) != 0)) {
            fail_msg("%s was left", name);
        }
    }
    (void)closedir(listing);
    return kept;
}

static void check_found(uint64_t foreign_bytes)
{
    struct kv_repair out;
    int status = repair(found.path, &out);
    assert_true(status == KV_REPAIRED || status == 0);
    assert_false(out.anew);
    check_records();
    assert_true(check_names());
    assert_int_equal(temp_dir_size(&found, FOREIGN), foreign_bytes);
    assert_int_equal(repair(found.path, &out), 0);
}

static void cut_everywhere(void)
{
    static const enum faults_point points[] = {FAULTS_WRITE, FAULTS_SYNC, FAULTS_NAME, FAULTS_SPACE};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        bool is_cut = true;
        uint64_t number = 1;
        for (; is_cut; number++) {
            assert_in_range(number, 1, POINTS_MAX);
            for (uint64_t seed = 0; seed < SEEDS && is_cut; seed++) {
                begin();
                uint64_t foreign_bytes = temp_dir_size(&root, FOREIGN);
                is_cut = cut(points[i], number, seed);
                if (is_cut) {
                    check_found(foreign_bytes);
                    remove_all(found.path);
                }
                remove_all(root.path);
                temp_dir_remove(&dir);
            }
        }
        assert_true(number > 2); /* there is such a point */
    }
}

static void the_power_fails_at_any_moment(void **state)
{
    (void)state;
    no_links = false;
    cut_everywhere();
}

static void likewise_where_a_file_cannot_have_two_names(void **state)
{
    (void)state;
    no_links = true;
    cut_everywhere();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_power_fails_at_any_moment),
        cmocka_unit_test(likewise_where_a_file_cannot_have_two_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
