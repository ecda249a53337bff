#include "tests/unit/kv/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct temp_dir kit_dir;

int kit_setup(void **state)
{
    (void)state;
    temp_dir_make(&kit_dir);
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    temp_dir_remove(&kit_dir);
    return 0;
}

struct kv_txn *kit_begin(struct kv *kv, bool write)
{
    struct kv_txn *txn = NULL;
    assert_int_equal(kv_begin(kv, write, &txn), 0);
    return txn;
}

unsigned kit_db(struct kv *kv, const char *name)
{
    unsigned db = 0;
    assert_int_equal(kv_db(kv, name, true, &db), 0);
    return db;
}

struct slice kit_key(unsigned number, char text[16])
{
    (void)snprintf(text, 16, "%08u", number);
    return slice_str(text);
}

void kit_put(struct kv_txn *txn, unsigned db, unsigned number, size_t len)
{
    static char bytes[20000];
    char text[16];
    assert_true(len <= sizeof bytes);
    assert_int_equal(kv_put(txn, db, kit_key(number, text), slice_make(bytes, len)), 0);
}
