/* Want of memory is no damage: nobody may take a sound file for a damaged one, and mend it, because of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_salvage.h"
#include "tests/unit/kv/kit.h"

enum { MAP_BYTES = 1 << 20, VALUE_BYTES = 20000, PAGE = 4096, PAGES_AT = 12 };

uint8_t *__real_buf_grow(struct buf *buf, size_t n);
uint8_t *__wrap_buf_grow(struct buf *buf, size_t n);

static bool starving;
static unsigned asked; /* how often room for a large value was wanted */

uint8_t *__wrap_buf_grow(struct buf *buf, size_t n)
{
    asked += n >= VALUE_BYTES;
    return starving && n >= VALUE_BYTES ? NULL : __real_buf_grow(buf, n);
}

static void make(void)
{
    static char value[VALUE_BYTES];
    const struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 1};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db;
    memset(value, 'v', sizeof value);
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "things", true, &db), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_put(txn, db, slice_str("large"), slice_make(value, sizeof value)), 0);
    assert_int_equal(kv_put(txn, db, slice_str("small"), slice_str("value")), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    starving = false;
    asked = 0;
}

static int look(struct kv_damage *out)
{
    return kv_look_over(kit_dir.path, &(struct kv_look){.depth = KV_DEPTH_RECORDS}, out);
}

static void without_memory_nothing_is_damaged(void **state)
{
    (void)state;
    struct kv_damage damage;
    char path[400];
    const struct kv_look all = {.depth = KV_DEPTH_RECORDS};
    make();
    assert_int_equal(look(&damage), 0);
    assert_int_equal(asked, 1);
    starving = true;
    assert_int_equal(look(&damage), STATUS_NO_MEMORY);
    (void)snprintf(path, sizeof path, "%s", temp_dir_file(&kit_dir, "saved.mdb"));
    assert_int_equal(kv_salvage(kit_dir.path, &all, path, MAP_BYTES, &damage), STATUS_NO_MEMORY);
    starving = false;
    assert_int_equal(kv_salvage(kit_dir.path, &all, path, MAP_BYTES, &damage), 0);
    assert_int_equal(damage.dbs[0].sound_count, 2);
}

/* Where the run says that it is shorter than the value, the value is not fetched to see. */
static void a_wrong_run_is_not_read(void **state)
{
    (void)state;
    struct kv_damage damage;
    char page[PAGE];
    unsigned hurt = 0;
    make();
    for (uint64_t number = 2; number < 12; number++) {
        temp_dir_read(&kit_dir, "data.mdb", number * PAGE, page, PAGE);
        if (page[PAGES_AT] == (VALUE_BYTES + 16 + PAGE - 1) / PAGE && page[sizeof(size_t) + 8] == 'v') {
            temp_dir_write(&kit_dir, "data.mdb", number * PAGE + PAGES_AT, "\1", 1);
            hurt++;
        }
    }
    assert_int_equal(hurt, 1);
    assert_int_equal(look(&damage), KV_DAMAGED);
    assert_int_equal(damage.dbs[0].lost_count, 1);
    assert_int_equal(asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_damaged, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_run_is_not_read, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
