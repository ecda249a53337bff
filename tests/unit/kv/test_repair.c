/* What lies in the directory before, while and after a damaged environment is mended. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"
#include "platform/kv/record.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/kv/no_links.h"

enum { MAP_BYTES = 1 << 20, RECORDS = 200, PAGE = 4096 };
#define NOW_MS INT64_C(1795284531000)

static struct temp_dir dir;

static int setup(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

static void open_at(const char *path, struct kv **kv, unsigned *db)
{
    const struct kv_options options = {.dir = path, .map_bytes = MAP_BYTES, .max_dbs = 1, .preallocate = true};
    assert_int_equal(kv_open(&options, kv), 0);
    assert_int_equal(kv_db(*kv, "things", true, db), 0);
}

static void fill(const char *path, unsigned from)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct buf value = BUF_INIT;
    unsigned db;
    open_at(path, &kv, &db);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record_key key = record_key_u32(from + i);
        record_begin(&value);
        char text[96];
        (void)snprintf(text, sizeof text, "record %06u is one of those that are long enough to fill a few pages",
                       from + i);
        wire_put_bytes(&value, slice_str(text));
        assert_int_equal(record_put(txn, db, &key, &value), 0);
    }
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    buf_deinit(&value);
}

static uint64_t count(uint32_t *first)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    uint64_t records = 0;
    unsigned db;
    open_at(dir.path, &kv, &db);
    assert_int_equal(kv_begin(kv, false, &txn), 0);
    assert_int_equal(kv_count(txn, db, &records), 0);
    assert_int_equal(kv_cursor_open(txn, db, &cursor), 0);
    *first = kv_cursor_first(cursor, &key, &value) == 0 ? record_key_at_u32(key, 0) : UINT32_MAX;
    kv_cursor_close(cursor);
    kv_abort(txn);
    kv_close(kv);
    return records;
}

static bool is_whole(void *ctx, const char *db, struct slice key, struct slice value)
{
    (void)ctx;
    (void)db;
    return kv_repair_is_record(key, value);
}

static int repair_at(int64_t now_ms, struct kv_repair *out)
{
    const struct kv_repair_options options = {
        .dir = dir.path, .map_bytes = MAP_BYTES, .now_ms = now_ms, .note_fd = -1, .whole = is_whole};
    return kv_repair(&options, out);
}

/* One record, wherever it stands, for a page that was split still has what it gave away. */
static void hurt(unsigned number)
{
    char bytes[PAGE];
    char text[32];
    unsigned hits = 0;
    (void)snprintf(text, sizeof text, "record %06u", number);
    for (uint64_t page = 2; page < 24; page++) {
        temp_dir_read(&dir, "data.mdb", page * PAGE, bytes, PAGE);
        for (size_t i = 0; i + 13 <= PAGE; i++) {
            if (memcmp(bytes + i, text, 13) == 0) {
                temp_dir_write(&dir, "data.mdb", page * PAGE + i, "RECORD", 6);
                hits++;
            }
        }
    }
    assert_true(hits > 0);
}

static bool is_there(const char *name)
{
    return access(temp_dir_file(&dir, name), F_OK) == 0;
}

static void a_sound_one_is_left_alone(void **state)
{
    (void)state;
    struct kv_repair repair;
    uint32_t first;
    assert_int_equal(repair_at(NOW_MS, &repair), 0); /* there is none */
    fill(dir.path, 1);
    assert_int_equal(repair_at(NOW_MS, &repair), 0);
    assert_int_equal(count(&first), RECORDS);
    assert_int_equal(kv_repair_may_read(dir.path), 0);
    assert_int_equal(kv_repair_drop_oldest(dir.path), STATUS_NOT_FOUND);
}

static void a_damaged_one_gives_its_place(void **state)
{
    (void)state;
    struct kv_repair repair;
    struct stat st;
    uint32_t first;
    fill(dir.path, 1);
    for (unsigned time = 0; time < 4; time++) {
        hurt(20 + time);
        assert_int_equal(repair_at(NOW_MS + time * INT64_C(60000), &repair), KV_REPAIRED);
        assert_true(!repair.anew && repair.damage.db_count == 1 && repair.damage.dbs[0].lost_count == 1);
        assert_int_equal(stat(temp_dir_file(&dir, repair.aside), &st), 0);
        assert_true(st.st_size > 0 && st.st_size < MAP_BYTES / 2); /* what was reserved was given back */
        assert_int_equal(count(&first), RECORDS - time - 1);
        assert_false(is_there("repair") || is_there("lock.mdb.old"));
    }
    /* the newest two are kept */
    assert_int_equal(kv_repair_drop_oldest(dir.path), 0);
    assert_true(is_there(repair.aside));
    assert_int_equal(kv_repair_drop_oldest(dir.path), 0);
    assert_false(is_there(repair.aside));
    assert_int_equal(kv_repair_drop_oldest(dir.path), STATUS_NOT_FOUND);
}

static size_t files_named(const char *prefix)
{
    DIR *listing = opendir(dir.path);
    size_t found = 0;
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        found += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    }
    (void)closedir(listing);
    return found;
}

static void change_name(const char *from, const char *to, bool keep)
{
    const char *old = temp_dir_file(&dir, from);
    const char *new = temp_dir_file(&dir, to);
    assert_int_equal(keep ? link(old, new) : rename(old, new), 0);
}

/* A damaged one, and beside it another, as if saved, under that name. */
static void fill_two(const char *name)
{
    char place[4096];
    (void)snprintf(place, sizeof place, "%s/repair", dir.path);
    fill(dir.path, 1);
    hurt(77);
    assert_int_equal(mkdir(place, 0700), 0);
    fill(place, 1000);
    if (name) {
        change_name("repair/data.mdb", name, false);
    }
}

#define MENDED "mended-20261122T000000Z.mdb"
#define DAMAGED "damaged-20261122T000000Z.mdb"

/* While it was saved, and at each step of the change of place as long as data.mdb is there: done again. */
static void an_interrupted_one_is_done_again(void **state)
{
    (void)state;
    struct kv_repair repair;
    uint32_t first;
    for (int step = 0; step < 3; step++) {
        fill_two(step > 0 ? "moving.mdb" : NULL);
        if (step == 2) {
            change_name("data.mdb", DAMAGED, true);
        }
        assert_int_equal(repair_at(NOW_MS, &repair), KV_REPAIRED);
        assert_int_equal(repair.damage.dbs[0].lost_count, 1);
        assert_int_equal(count(&first), RECORDS - 1);
        assert_int_equal(first, 1);
        assert_true(is_there(repair.aside));
        assert_int_equal(files_named("damaged-"), 1);
        assert_false(is_there("repair") || is_there("moving.mdb"));
        assert_int_equal(repair_at(NOW_MS, &repair), 0);
        assert_int_equal(files_named("damaged-"), 1);
        temp_dir_clear(&dir);
    }
}

/* Where a file cannot have two names there is a moment without data.mdb. */
static void one_without_a_file_is_gone_on_with(void **state)
{
    (void)state;
    struct kv_repair repair;
    uint32_t first;
    fill_two(MENDED);
    change_name("data.mdb", DAMAGED, false);
    assert_int_equal(repair_at(NOW_MS, &repair), KV_REPAIRED);
    assert_int_equal(count(&first), RECORDS);
    assert_int_equal(first, 1000);
    assert_string_equal(repair.aside, DAMAGED);
    assert_true(is_there(repair.aside));
    assert_false(is_there("repair") || is_there(MENDED));
    assert_int_equal(repair_at(NOW_MS, &repair), 0);
}

/* Somebody's copy, with and without a twin, beside a damaged and a sound one, and with no other file at all. */
static void a_file_that_nobody_of_us_put_there_stays(void **state)
{
    (void)state;
    struct kv_repair repair;
    uint32_t first;
    for (int twin = 0; twin < 2; twin++) {
        fill_two(MENDED);
        if (twin) {
            change_name(MENDED, DAMAGED, true);
        }
        assert_int_equal(repair_at(NOW_MS, &repair), KV_REPAIRED);
        assert_string_not_equal(repair.aside, DAMAGED);
        assert_int_equal(count(&first), RECORDS - 1);
        assert_int_equal(first, 1);
        assert_int_equal(repair_at(NOW_MS, &repair), 0);
        assert_true(is_there(MENDED) && is_there(DAMAGED) == twin);
        temp_dir_clear(&dir);
    }
    fill_two(MENDED);
    assert_int_equal(unlink(temp_dir_file(&dir, "data.mdb")), 0);
    assert_int_equal(repair_at(NOW_MS, &repair), 0);
    assert_true(is_there(MENDED) && !is_there("data.mdb"));
}

/* Nor is it written over where the names of a repair of that second would be its own. */
static void a_name_that_is_taken_is_not_given(void **state)
{
    (void)state;
    struct kv_repair repair;
    struct stat before;
    struct stat after;
    uint32_t first;
    const char *name = "mended-20261121T180851Z.mdb"; /* NOW_MS */
    no_links = true;
    fill_two(name);
    assert_int_equal(stat(temp_dir_file(&dir, name), &before), 0);
    assert_int_equal(repair_at(NOW_MS, &repair), KV_REPAIRED);
    no_links = false;
    assert_int_equal(count(&first), RECORDS - 1);
    assert_int_equal(first, 1);
    assert_string_equal(repair.aside, "damaged-20261121T180852Z.mdb");
    assert_int_equal(stat(temp_dir_file(&dir, name), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(files_named("mended-"), 1);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

static bool stays; /* nothing may be renamed out of the directory "repair" */
static unsigned refused;

int __wrap_rename(const char *from, const char *to)
{
    if (stays && strstr(from, "/repair/data.mdb") && !strstr(to, "/repair/")) {
        refused++;
        errno = EXDEV;
        return -1;
    }
    return __real_rename(from, to);
}

/* As with Landlock 1. */
static void a_file_that_may_not_change_its_directory_is_copied(void **state)
{
    (void)state;
    struct kv_repair repair;
    uint32_t first;
    fill(dir.path, 1);
    hurt(77);
    stays = true;
    int status = repair_at(NOW_MS, &repair);
    stays = false;
    assert_int_equal(status, KV_REPAIRED);
    assert_int_equal(refused, 1);
    assert_int_equal(count(&first), RECORDS - 1);
    assert_true(is_there(repair.aside));
    assert_false(is_there("repair") || is_there("moving.mdb"));
    assert_int_equal(repair_at(NOW_MS, &repair), 0);
}

static int refuse(void *ctx, const char *place, const struct kv_repair *repair)
{
    (void)place;
    (void)repair;
    ++*(unsigned *)ctx;
    return STATUS_VERSION;
}

static void an_owner_who_refuses_keeps_it(void **state)
{
    (void)state;
    unsigned asked = 0;
    char before[8 * PAGE];
    char after[sizeof before];
    fill(dir.path, 1);
    hurt(77);
    temp_dir_read(&dir, "data.mdb", 0, before, sizeof before);
    const struct kv_repair_options options = {
        .dir = dir.path, .map_bytes = MAP_BYTES, .now_ms = NOW_MS, .note_fd = -1, .ctx = &asked, .mend = refuse};
    struct kv_repair repair;
    assert_int_equal(kv_repair(&options, &repair), 0); /* without whole() nothing is wrong with it */
    temp_dir_write(&dir, "data.mdb", 7 * PAGE + 10, "\xff\xff\xff\xff\xff\xff", 6);
    temp_dir_read(&dir, "data.mdb", 0, before, sizeof before);
    assert_int_equal(kv_repair(&options, &repair), STATUS_VERSION);
    assert_int_equal(asked, 1);
    temp_dir_read(&dir, "data.mdb", 0, after, sizeof after);
    assert_memory_equal(before, after, sizeof before);
    assert_false(is_there("repair"));
    assert_int_equal(kv_repair_may_read(dir.path), STATUS_CORRUPT);
}

/* Else each start would put away what a newer library wrote. */
static void another_version_of_lmdb_is_left_alone(void **state)
{
    (void)state;
    struct kv_repair repair;
    static const uint8_t version[4] = {2, 0, 0, 0};
    fill(dir.path, 1);
    temp_dir_write(&dir, "data.mdb", 20, version, sizeof version);
    temp_dir_write(&dir, "data.mdb", PAGE + 20, version, sizeof version);
    assert_int_equal(repair_at(NOW_MS, &repair), STATUS_VERSION);
    assert_int_equal(kv_repair_drop_oldest(dir.path), STATUS_NOT_FOUND);
    assert_true(is_there("data.mdb"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sound_one_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_one_gives_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_one_is_done_again, setup, teardown),
        cmocka_unit_test_setup_teardown(one_without_a_file_is_gone_on_with, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_nobody_of_us_put_there_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_taken_is_not_given, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_may_not_change_its_directory_is_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(an_owner_who_refuses_keeps_it, setup, teardown),
        cmocka_unit_test_setup_teardown(another_version_of_lmdb_is_left_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
