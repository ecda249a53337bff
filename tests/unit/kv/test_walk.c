/* Going through the records of a database, and deleting on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "tests/support/rng.h"
#include "tests/unit/kv/kit.h"

enum { KEYS = 2000, FEW = 10 };

static struct kv *open_kv(void)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = UINT64_C(64) << 20, .max_dbs = 4};
    struct kv *kv = NULL;
    assert_int_equal(kv_open(&options, &kv), 0);
    return kv;
}

/* Deletes some on a walk with a cursor. */
static void walk_and_delete(struct kv_txn *txn, unsigned db, bool there[KEYS], struct rng *rng, unsigned percent)
{
    struct kv_cursor *cursor = NULL;
    assert_int_equal(kv_cursor_open(txn, db, &cursor), 0);
    struct slice key;
    struct slice value;
    int step = kv_cursor_first(cursor, &key, &value);
    char text[16];
    for (unsigned i = 0; i < KEYS; i++) {
        if (!there[i]) {
            continue;
        }
        assert_int_equal(step, 0);
        assert_true(slice_equal(key, kit_key(i, text)));
        if (rng_chance(rng, percent)) {
            assert_int_equal(kv_cursor_delete(cursor), 0);
            there[i] = false;
        }
        step = kv_cursor_next(cursor, &key, &value);
    }
    assert_int_equal(step, KV_END);
    kv_cursor_close(cursor);
}

struct sweeping {
    bool *there;
    struct rng *rng;
    unsigned percent;
    unsigned at;
};

static void skip_missing(struct sweeping *self)
{
    while (self->at < KEYS && !self->there[self->at]) {
        self->at++;
    }
}

static int keep_or_drop(void *ctx, struct slice key, struct slice value)
{
    struct sweeping *self = ctx;
    char text[16];
    (void)value;
    skip_missing(self);
    assert_true(self->at < KEYS);
    assert_true(slice_equal(key, kit_key(self->at, text)));
    bool drops = rng_chance(self->rng, self->percent);
    self->there[self->at++] = !drops;
    return drops ? KV_DROP : 0;
}

static void sweep(struct kv_txn *txn, unsigned db, bool there[KEYS], struct rng *rng, unsigned percent)
{
    struct sweeping self = {.there = there, .rng = rng, .percent = percent};
    assert_int_equal(kv_sweep(txn, db, slice_make("", 0), keep_or_drop, &self), 0);
    skip_missing(&self);
    assert_int_equal(self.at, KEYS);
}

static void check_left(struct kv *kv, unsigned db, const bool there[KEYS])
{
    struct kv_txn *txn = kit_begin(kv, false);
    struct slice value;
    char text[16];
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(kv_get(txn, db, kit_key(i, text), &value), there[i] ? 0 : KV_END);
    }
    kv_abort(txn);
}

/* What the walks see and what is left is compared with a table of what should be there. */
static void deleting_on_a_walk_skips_and_repeats_nothing(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 30, 1500, 5000};
    struct rng rng = {7};
    for (unsigned round = 0; round < 12; round++) {
        struct kv *kv = open_kv();
        unsigned db = kit_db(kv, "things");
        bool there[KEYS] = {false};
        struct kv_txn *txn = kit_begin(kv, true);
        for (unsigned i = 0; i < KEYS; i++) {
            if (rng_chance(&rng, 70)) {
                kit_put(txn, db, i, lengths[rng_below(&rng, 4)]);
                there[i] = true;
            }
        }
        assert_int_equal(kv_commit(txn), 0);
        const unsigned percents[] = {3, 50, 97, 100};
        for (size_t i = 0; i < 4; i++) {
            txn = kit_begin(kv, true);
            (round / 4 % 2 ? walk_and_delete : sweep)(txn, db, there, &rng, percents[(i + round) % 4]);
            assert_int_equal(kv_commit(txn), 0);
            check_left(kv, db, there);
        }
        kv_close(kv);
        temp_dir_clear(&kit_dir);
    }
}

/* What the function answers at each of ten records, and what has to come of it. */
struct answers {
    const char *said; /* a letter a record: Drop, Keep, End, Fail */
    const char *left; /* a digit a record */
    unsigned from;
    unsigned seen;
    int status;
};

struct asked {
    const struct answers *answers;
    unsigned count;
};

static int answer(void *ctx, struct slice key, struct slice value)
{
    struct asked *self = ctx;
    (void)value;
    char said = self->answers->said[key.data[key.len - 1] - '0'];
    self->count++;
    return said == 'D' ? KV_DROP : said == 'E' ? KV_END : said == 'F' ? STATUS_IO : 0;
}

static void check_sweep(struct kv *kv, unsigned db, const struct answers *answers)
{
    struct asked asked = {.answers = answers};
    struct kv_txn *txn = kit_begin(kv, true);
    struct slice value;
    char text[16];
    for (unsigned i = 0; i < FEW; i++) {
        kit_put(txn, db, i, 10);
    }
    struct slice from = answers->from > 0 ? kit_key(answers->from, text) : slice_make("", 0);
    assert_int_equal(kv_sweep(txn, db, from, answer, &asked), answers->status);
    assert_int_equal(asked.count, answers->seen);
    for (unsigned i = 0; i < FEW; i++) {
        bool left = strchr(answers->left, (int)('0' + i)) != NULL;
        assert_int_equal(kv_get(txn, db, kit_key(i, text), &value), left ? 0 : KV_END);
    }
    kv_abort(txn);
}

static void a_sweep_does_as_it_is_told(void **state)
{
    (void)state;
    static const struct answers all[] = {
        {"KKKKKKKKKK", "0123456789", 0, 10, 0}, {"DKKKKKKKKK", "123456789", 0, 10, 0},
        {"KKKKKKKKKD", "012345678", 0, 10, 0},  {"DDDDDDDDDD", "", 0, 10, 0},
        {"DKDKDKDKDK", "13579", 0, 10, 0},      {"DDDDDDDDDD", "01234", 5, 5, 0},
        {"DDDDDDDDDD", "0123456789", 10, 0, 0}, {"DDDEDDDDDD", "3456789", 0, 4, 0},
        {"EDDDDDDDDD", "0123456789", 0, 1, 0},  {"DKFDDDDDDD", "123456789", 0, 3, STATUS_IO}};
    struct kv *kv = open_kv();
    unsigned db = kit_db(kv, "things");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        check_sweep(kv, db, &all[i]);
    }
    struct asked nothing = {.answers = &all[3]};
    struct kv_txn *txn = kit_begin(kv, true);
    assert_int_equal(kv_sweep(txn, db, slice_make("", 0), answer, &nothing), 0); /* an empty one */
    assert_int_equal(nothing.count, 0);
    kv_abort(txn);
    kv_close(kv);
}

struct seen {
    unsigned count;
    unsigned stop_at; /* at the so many-th record, 0: never */
    char first[16];
};

static int see(void *ctx, struct slice key, struct slice value)
{
    struct seen *seen = ctx;
    (void)value;
    if (seen->count++ == 0) {
        memcpy(seen->first, key.data, key.len < sizeof seen->first ? key.len : sizeof seen->first);
    }
    return seen->count == seen->stop_at ? 7 : 0;
}

static void each_goes_from_where_it_is_told_until_it_is_stopped(void **state)
{
    (void)state;
    struct kv *kv = open_kv();
    unsigned db = kit_db(kv, "each");
    char text[16];
    struct seen seen = {.count = 0};
    struct kv_txn *txn = kit_begin(kv, true);
    assert_int_equal(kv_each(txn, db, slice_make("", 0), see, &seen), 0);
    assert_int_equal(seen.count, 0);
    for (unsigned i = 10; i < 20; i++) {
        assert_int_equal(kv_put(txn, db, kit_key(i, text), slice_str("v")), 0);
    }
    assert_int_equal(kv_each(txn, db, slice_make("", 0), see, &seen), 0);
    assert_int_equal(seen.count, 10);
    seen = (struct seen){.count = 0};
    struct slice from = kit_key(15, text);
    assert_int_equal(kv_each(txn, db, from, see, &seen), 0);
    assert_int_equal(seen.count, 5);
    assert_memory_equal(seen.first, from.data, from.len);
    seen = (struct seen){.stop_at = 3};
    assert_int_equal(kv_each(txn, db, slice_make("", 0), see, &seen), 7);
    assert_int_equal(seen.count, 3);
    const struct answers drops = {.said = "DDDDDDDDDD"};
    struct asked asked = {.answers = &drops};
    assert_int_equal(kv_each(txn, db, slice_make("", 0), answer, &asked), KV_DROP); /* it deletes nothing */
    assert_int_equal(asked.count, 1);
    uint64_t left = 0;
    assert_int_equal(kv_count(txn, db, &left), 0);
    assert_int_equal(left, 10);
    seen = (struct seen){.count = 0};
    assert_int_equal(kv_each(txn, db, kit_key(99, text), see, &seen), 0);
    assert_int_equal(seen.count, 0);
    kv_abort(txn);
    kv_close(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(deleting_on_a_walk_skips_and_repeats_nothing, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_sweep_does_as_it_is_told, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(each_goes_from_where_it_is_told_until_it_is_stopped, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
