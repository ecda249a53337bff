#include "platform/kv/kv_loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"
#include "platform/kv/record.h"
#include "tests/unit/kv/kit.h"

static const char *const words[][2] = {{"hen", "hens"}, {"fox", "foxes"}, {"set of eggs", "sets of eggs"}};
static const struct kv_loss_kinds kinds = {3, words};
static const struct kv_loss_kinds fewer = {2, words};

static struct kv *environment;
static struct kv_txn *txn;
static unsigned db;

static int setup(void **state)
{
    (void)kit_setup(state);
    const struct kv_options options = {.dir = kit_dir.path, .map_bytes = 1 << 20, .max_dbs = 2};
    assert_int_equal(kv_open(&options, &environment), 0);
    db = kit_db(environment, "meta");
    txn = kit_begin(environment, true);
    return 0;
}

static int teardown(void **state)
{
    kv_abort(txn);
    kv_close(environment);
    return kit_teardown(state);
}

static struct kv_loss loss_of(uint64_t hens, uint64_t foxes, uint64_t eggs)
{
    return (struct kv_loss){
        .times = 1, .at_ms = 1000, .exact = true, .aside = "old.mdb", .what = "noise", .lost = {hens, foxes, eggs}};
}

static struct slice stored(void)
{
    struct slice value;
    assert_int_equal(kv_get(txn, db, slice_str("damage"), &value), 0);
    return value;
}

/* Stores a payload as the record. */
static void store_payload(const void *payload, size_t len)
{
    struct buf value = BUF_INIT;
    struct record_key key = record_key_text("damage");
    record_begin(&value);
    buf_append(&value, payload, len);
    assert_int_equal(record_put(txn, db, &key, &value), 0);
    buf_deinit(&value);
}

static void assert_nothing(const struct kv_loss *loss)
{
    assert_true(loss->times == 0 && loss->at_ms == 0 && !loss->anew && loss->exact);
    assert_true(loss->aside[0] == 0 && loss->what[0] == 0);
    for (size_t i = 0; i < KV_LOSS_KINDS_MAX; i++) {
        assert_int_equal(loss->lost[i], 0);
    }
}

static void assert_same(const struct kv_loss *a, const struct kv_loss *b)
{
    assert_true(a->times == b->times && a->at_ms == b->at_ms && a->anew == b->anew && a->exact == b->exact);
    assert_string_equal(a->aside, b->aside);
    assert_string_equal(a->what, b->what);
    assert_memory_equal(a->lost, b->lost, sizeof a->lost);
}

/* The bytes are those that ledgers and stores hold: version, times, when (zigzag), flags, two texts, the counts. */
static void it_is_stored_as_told(void **state)
{
    (void)state;
    static const char expected[] = "\x01\x01\xd0\x0f\x02\x07old.mdb\x05noise\x03\x00\xac\x02\x01";
    size_t len = sizeof expected - 1;
    struct kv_loss loss = loss_of(0, 300, 1);
    struct kv_loss all;
    assert_int_equal(kv_loss_add(txn, db, &kinds, &loss, &all), 0);
    assert_int_equal(stored().len, len + 4); /* the CRC */
    assert_memory_equal(stored().data, expected, len);
    loss.anew = true;
    loss.exact = false;
    assert_int_equal(kv_loss_add(txn, db, &kinds, &loss, &all), 0);
    assert_int_equal(stored().data[1], 2);
    assert_int_equal(stored().data[4], 1);
}

static void losses_add_up(void **state)
{
    (void)state;
    struct kv_loss first = loss_of(1, 0, 7);
    struct kv_loss second = loss_of(2, 5, 0);
    struct kv_loss told;
    struct kv_loss all;
    assert_int_equal(kv_loss_load(txn, db, &kinds, &told), KV_END);
    assert_nothing(&told);
    first.anew = true;
    first.exact = false;
    assert_int_equal(kv_loss_add(txn, db, &kinds, &first, &all), 0);
    assert_same(&all, &first);
    second.at_ms = -5;
    (void)snprintf(second.aside, sizeof second.aside, "new.mdb");
    (void)snprintf(second.what, sizeof second.what, "zeros");
    assert_int_equal(kv_loss_add(txn, db, &kinds, &second, &all), 0);
    assert_int_equal(kv_loss_load(txn, db, &kinds, &told), 0);
    assert_true(told.times == 2 && told.at_ms == -5 && !told.anew);
    assert_false(told.exact); /* for ever */
    assert_string_equal(told.aside, "new.mdb");
    assert_string_equal(told.what, "zeros");
    assert_true(told.lost[0] == 3 && told.lost[1] == 5 && told.lost[2] == 7);
    assert_same(&all, &told);
}

/* An older version has fewer kinds, a later one more. */
static void kinds_come_and_go(void **state)
{
    (void)state;
    const struct kv_loss loss = loss_of(4, 5, 6);
    struct kv_loss told;
    assert_int_equal(kv_loss_add(txn, db, &kinds, &loss, &told), 0);
    assert_int_equal(kv_loss_load(txn, db, &fewer, &told), 0);
    assert_true(told.lost[0] == 4 && told.lost[1] == 5 && told.lost[2] == 0);
    static const char two[] = "\x01\x00\x02\x00\x00\x02\x08\x09";
    store_payload(two, sizeof two - 1);
    assert_int_equal(kv_loss_load(txn, db, &kinds, &told), 0);
    assert_true(told.lost[0] == 8 && told.lost[1] == 9 && told.lost[2] == 0);
    static const char many[] = "\x01\x00\x02\x00\x00\x12\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3\4"; /* more than have room */
    store_payload(many, sizeof many - 1);
    assert_int_equal(kv_loss_load(txn, db, &kinds, &told), 0);
    assert_true(told.lost[0] == 1 && told.lost[1] == 2 && told.lost[2] == 3 && told.lost[3] == 0);
}

static void a_damaged_record_counts_for_nothing(void **state)
{
    (void)state;
    const struct kv_loss loss = loss_of(4, 5, 6);
    struct kv_loss told;
    struct kv_loss all;
    assert_int_equal(kv_loss_add(txn, db, &kinds, &loss, &told), 0);
    char bytes[64];
    struct slice value = stored();
    memcpy(bytes, value.data, value.len);
    bytes[2] = (char)(bytes[2] ^ 1);
    assert_int_equal(kv_put(txn, db, slice_str("damage"), slice_make(bytes, value.len)), 0);
    assert_int_equal(kv_loss_load(txn, db, &kinds, &told), STATUS_CORRUPT);
    assert_nothing(&told);
    assert_int_equal(kv_loss_add(txn, db, &kinds, &loss, &all), 0);
    assert_same(&all, &loss);
    static const char whole[] = "\x01\x00\x02\x01x\x01y\x03\x08\x09\x0a";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        store_payload(whole, len);
        assert_int_equal(kv_loss_load(txn, db, &kinds, &told), STATUS_CORRUPT);
        assert_nothing(&told);
    }
    store_payload(whole, sizeof whole - 1);
    assert_int_equal(kv_loss_load(txn, db, &kinds, &told), 0);
    assert_int_equal(told.lost[2], 10);
}

static void assert_told(const struct kv_loss *loss, const char *expected)
{
    char text[512];
    kv_loss_tell(loss, &kinds, text, sizeof text);
    assert_string_equal(text, expected);
}

static void it_is_told_in_words(void **state)
{
    (void)state;
    struct kv_loss loss = loss_of(0, 0, 0);
    assert_told(&loss, "damaged (noise); lost: nothing; the damaged file is kept as old.mdb");
    loss = loss_of(1, 0, 2);
    assert_told(&loss, "damaged (noise); lost: 1 hen, 2 sets of eggs; the damaged file is kept as old.mdb");
    loss = loss_of(0, 30, 1);
    loss.exact = false;
    assert_told(&loss, "damaged (noise); lost: 30 foxes, 1 set of eggs at least; the damaged file is kept as old.mdb");
    loss.anew = true;
    assert_told(&loss, "damaged (noise); nothing of it could be read, it begins anew; the damaged file is kept as "
                       "old.mdb");
    char small[12];
    kv_loss_tell(&loss, &kinds, small, sizeof small);
    assert_string_equal(small, "damaged (no");
}

static void a_repair_begins_one(void **state)
{
    (void)state;
    struct kv_repair repair = {.anew = true};
    struct kv_loss loss;
    memset(&loss, 0xff, sizeof loss);
    memset(repair.aside, 'a', sizeof repair.aside - 1);
    memset(repair.damage.what, 'w', sizeof repair.damage.what - 1);
    kv_loss_begin(&repair, 77, &loss);
    assert_true(loss.times == 1 && loss.at_ms == 77 && loss.anew && loss.exact);
    assert_string_equal(loss.aside, repair.aside);
    assert_string_equal(loss.what, repair.damage.what);
    for (size_t i = 0; i < KV_LOSS_KINDS_MAX; i++) {
        assert_int_equal(loss.lost[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_stored_as_told, setup, teardown),
        cmocka_unit_test_setup_teardown(losses_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_counts_for_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_told_in_words, setup, teardown),
        cmocka_unit_test(a_repair_begins_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
