/* What was looked at can be unmapped, and nobody notices. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/kv/kv.h"
#include "tests/unit/kv/kit.h"

enum { MAP_BYTES = 8 << 20, PAGE_BYTES = 4096, RECORDS = 200, VALUE_BYTES = 3000 };

static struct kv *open_kv(void)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 4};
    struct kv *kv = NULL;
    assert_int_equal(kv_open(&options, &kv), 0);
    return kv;
}

/* KiB of the data file that are mapped and resident. */
static unsigned long resident_kib(void)
{
    char line[512];
    char path[256];
    unsigned long sum = 0;
    bool ours = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    (void)snprintf(path, sizeof path, "%s/data.mdb", kit_dir.path);
    while (fgets(line, sizeof line, maps)) {
        unsigned long kib = 0;
        if (strchr(line, '-') && strstr(line, " rw") == NULL && strstr(line, "/")) {
            ours = strstr(line, path) != NULL;
        } else if (ours && sscanf(line, "Rss: %lu kB", &kib) == 1) {
            sum += kib;
            ours = false;
        }
    }
    (void)fclose(maps);
    return sum;
}

static uint64_t sum_of_all(struct kv_txn *txn, unsigned db)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        char text[16];
        struct slice value;
        assert_int_equal(kv_get(txn, db, kit_key(i, text), &value), 0);
        for (size_t at = 0; at < value.len; at++) {
            sum = sum * 31 + (uint8_t)value.data[at];
        }
    }
    return sum;
}

static void put_all(struct kv *kv, unsigned db, unsigned seed)
{
    char bytes[VALUE_BYTES];
    char text[16];
    struct kv_txn *txn = kit_begin(kv, true);
    for (unsigned i = 0; i < RECORDS; i++) {
        memset(bytes, (int)((i * 7 + seed) % 251), sizeof bytes);
        assert_int_equal(kv_put(txn, db, kit_key(i, text), slice_make(bytes, sizeof bytes)), 0);
    }
    assert_int_equal(kv_commit(txn), 0);
}

static void what_was_read_is_unmapped_and_read_again(void **state)
{
    (void)state;
    struct kv *kv = open_kv();
    kv_trim(kv); /* of one without records */
    unsigned db = kit_db(kv, "things");
    put_all(kv, db, 1);
    struct kv_txn *reader = kit_begin(kv, false);
    uint64_t sum = sum_of_all(reader, db);
    unsigned long before = resident_kib();
    assert_true(before >= RECORDS * VALUE_BYTES / 1024);
    put_all(kv, db, 2);
    kv_trim(kv);
    assert_true(resident_kib() <= before / 8);
    assert_true(sum_of_all(reader, db) == sum); /* its moment, still */
    kv_abort(reader);
    reader = kit_begin(kv, false);
    assert_true(sum_of_all(reader, db) != sum);
    kv_abort(reader);
    put_all(kv, db, 1);
    kv_trim(kv);
    assert_true(resident_kib() <= before / 8);
    kv_close(kv);
    kv = open_kv();
    db = kit_db(kv, "things");
    reader = kit_begin(kv, false);
    assert_true(sum_of_all(reader, db) == sum);
    kv_abort(reader);
    kv_close(kv);
}

/* Where a damaged page says that it is another one, the map is not where that would have it. */
static void a_page_with_a_wrong_number_does_no_harm(void **state)
{
    static const int64_t wrong_by[] = {1, -1, 2, 300, INT64_C(1) << 40, (INT64_C(1) << 51) + 5, -77777};
    (void)state;
    struct kv *kv = open_kv();
    put_all(kv, kit_db(kv, "things"), 1);
    kv_close(kv);
    uint64_t pages = temp_dir_size(&kit_dir, "data.mdb") / PAGE_BYTES;
    for (size_t i = 0; i < sizeof wrong_by / sizeof wrong_by[0]; i++) {
        for (uint64_t page = 2; page < pages; page++) {
            size_t number = (size_t)((int64_t)page + wrong_by[i]);
            temp_dir_write(&kit_dir, "data.mdb", page * PAGE_BYTES, &number, sizeof number);
        }
        char *kept = malloc(1 << 20); /* what would be lost */
        assert_non_null(kept);
        memset(kept, 0x5a, 1 << 20);
        kv = open_kv();
        unsigned db = kit_db(kv, "things");
        kv_trim(kv);
        struct kv_txn *reader = kit_begin(kv, false);
        (void)sum_of_all(reader, db);
        kv_abort(reader);
        unsigned long before = resident_kib();
        kv_trim(kv);
        assert_int_equal(resident_kib(), before); /* it was not found, and nothing else was taken for it */
        for (size_t at = 0; at < 1 << 20; at += 512) {
            assert_int_equal(kept[at], 0x5a);
        }
        free(kept);
        kv_close(kv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_read_is_unmapped_and_read_again, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_page_with_a_wrong_number_does_no_harm, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
