#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/ledger/ledger_write.h"
#include "agent/ledger/leg_block.h"
#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/unit/ledger/kit.h"

enum { MAP_BYTES = 4 << 20, LEGS = 2000, NAMES = 6, OPEN = 5, INTERVALS = 20 };

static void fill(void)
{
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct rng rng = {6};
    struct summary sum = {0};
    char name[32];
    for (unsigned i = 1; i <= NAMES; i++) {
        (void)snprintf(name, sizeof name, "queue %u", i);
        assert_int_equal(intern_put(ledger_names(ledger, LEDGER_QUEUE), slice_str(name)), i);
        (void)snprintf(name, sizeof name, "operator %u", i);
        assert_int_equal(intern_put(ledger_names(ledger, LEDGER_OPERATOR), slice_str(name)), i);
        (void)snprintf(name, sizeof name, "VERB%u", i);
        ledger_count_verb(ledger, slice_str(name));
    }
    for (unsigned i = 1; i <= LEGS; i++) {
        struct call_leg leg = kit_plain_leg(&rng, i, KIT_NOW_MS + (int64_t)i * 1000);
        leg.operator_id = leg.operator_id % NAMES + 1;
        assert_int_equal(ledger_add_closed_leg(ledger, &leg), 0);
    }
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    for (unsigned i = 1; i <= OPEN; i++) {
        struct call_leg leg = kit_leg(&rng, LEGS + i, KIT_NOW_MS);
        leg.state = LEG_WAITING;
        leg.queue = leg.queue % NAMES + 1;
        leg.operator_id = 0;
        ledger_put_open_leg(ledger, &leg);
    }
    for (unsigned i = 0; i < INTERVALS; i++) {
        kit_summary(&rng, 5, &sum);
        ledger_put_interval(ledger, 1, (int64_t)i * 900, &sum);
    }
    struct shift shift = {0};
    assert_int_equal(shift_add_state(&shift, SHIFT_TALK, 1234), 0);
    for (unsigned i = 0; i < INTERVALS; i++) {
        ledger_put_shift(ledger, 1, (int64_t)i * 900, &shift);
    }
    shift_deinit(&shift);
    struct ledger_cursor_record cursor = {.cursor = {.source = "queue_log", .path = "/x"}};
    struct ledger_gap gap = {.from_ms = 1, .to_ms = 2, .reason = "gap"};
    struct queue_settings settings = {.sl_method = 1};
    struct ledger_progress progress = {.newest_event_ms = KIT_NOW_MS, .next_seq = LEGS + OPEN + 1};
    ledger_put_cursor(ledger, &cursor);
    ledger_add_gap(ledger, &gap);
    ledger_put_queue_settings(ledger, 1, &settings);
    ledger_put_progress(ledger, &progress);
    assert_int_equal(ledger_end(ledger), 0);
    (void)kit_check(ledger);
    ledger_close(ledger);
    summary_deinit(&sum);
}

/* Changes the records of a database: fn edits the copy of a value, or leaves it; returns whether to store it. */
typedef bool (*edit_fn)(void *ctx, unsigned number, struct buf *value);

static unsigned edit(const char *db_name, edit_fn fn, void *ctx)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 8};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    unsigned db;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, db_name, false, &db), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_cursor_open(txn, db, &cursor), 0);
    struct slice key;
    struct slice value;
    unsigned number = 0;
    for (int step = kv_cursor_first(cursor, &key, &value); step == 0; number++) {
        struct buf name = BUF_INIT;
        struct buf copy = BUF_INIT;
        buf_append(&name, key.data, key.len);
        buf_append(&copy, value.data, value.len);
        if (fn(ctx, number, &copy)) {
            assert_int_equal(kv_put(txn, db, buf_slice(&name), buf_slice(&copy)), 0);
            kv_cursor_close(cursor);
            assert_int_equal(kv_cursor_open(txn, db, &cursor), 0);
            assert_int_equal(kv_cursor_seek(cursor, buf_slice(&name), &key, &value), 0);
        }
        step = kv_cursor_next(cursor, &key, &value);
        buf_deinit(&name);
        buf_deinit(&copy);
    }
    kv_cursor_close(cursor);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    return number;
}

static bool flip_one(void *ctx, unsigned number, struct buf *value)
{
    if (number != *(unsigned *)ctx || value->len == 0) {
        return false;
    }
    value->data[value->len / 2] ^= 0x10;
    return true;
}

static void flip(const char *db, unsigned number)
{
    assert_true(edit(db, flip_one, &number) > number);
}

static int count_leg(void *ctx, const struct call_leg *leg)
{
    (void)leg;
    (*(unsigned *)ctx)++;
    return 0;
}

static int count_interval(void *ctx, const struct ledger_interval *item)
{
    (void)item;
    (*(unsigned *)ctx)++;
    return 0;
}

static int count_cursor(void *ctx, const struct ledger_cursor *cursor)
{
    (void)cursor;
    (*(unsigned *)ctx)++;
    return 0;
}

static int count_gap(void *ctx, const struct ledger_gap *gap)
{
    (void)gap;
    (*(unsigned *)ctx)++;
    return 0;
}

struct counts {
    unsigned closed;
    unsigned open;
    unsigned intervals;
    unsigned cursors;
    unsigned gaps;
    uint64_t bad;
    unsigned defects;
};

static struct counts count(struct ledger *ledger)
{
    struct counts counts = {0};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_closed_legs(view, 0, INT64_MAX, count_leg, &counts.closed, &counts.bad), 0);
    assert_int_equal(ledger_view_open_legs(view, count_leg, &counts.open, &counts.bad), 0);
    assert_int_equal(ledger_view_intervals(view, 0, INT64_MAX, count_interval, &counts.intervals, &counts.bad), 0);
    assert_int_equal(ledger_view_cursors(view, count_cursor, &counts.cursors), 0);
    assert_int_equal(ledger_view_gaps(view, count_gap, &counts.gaps), 0);
    ledger_view_end(view);
    struct ledger_check_result result;
    int defects = ledger_check(ledger, NULL, NULL, &result);
    assert_true(defects >= 0 && (uint64_t)defects == result.defects);
    counts.defects = (unsigned)defects;
    return counts;
}

static struct counts count_readonly(void)
{
    struct ledger *ledger = kit_open_readonly();
    struct counts counts = count(ledger);
    ledger_close(ledger);
    return counts;
}

static void readers_skip_and_count(void **state)
{
    (void)state;
    fill();
    struct counts whole = count_readonly();
    assert_int_equal(whole.closed, LEGS);
    assert_int_equal(whole.open, OPEN);
    assert_int_equal(whole.intervals, INTERVALS);
    assert_int_equal(whole.bad + whole.defects, 0);
    flip("legs", 0);
    flip("open_legs", 2);
    flip("intervals", 4);
    flip("intervals", 5);
    flip("cursors", 0);
    flip("gaps", 0);
    struct counts damaged = count_readonly();
    assert_true(damaged.closed < LEGS && damaged.closed > 0);
    assert_int_equal(damaged.open, OPEN - 1);
    assert_int_equal(damaged.intervals, INTERVALS - 2);
    assert_int_equal(damaged.cursors + damaged.gaps, 0);
    assert_int_equal(damaged.bad, 1 + 2 + 2); /* a damaged open leg is met on both walks over legs */
    assert_true(damaged.defects >= 6);
}

/* In its place stands what was read till then, of whatever log. */
static int see_lost_cursor(void *ctx, const struct ledger_cursor_record *record)
{
    assert_string_equal(record->cursor.source, ledger_lost_source);
    assert_int_equal(record->cursor.last_ms, KIT_NOW_MS);
    (*(unsigned *)ctx)++;
    return 0;
}

static void the_writer_starts_and_goes_on(void **state)
{
    (void)state;
    fill();
    flip("legs", 0);
    flip("legs", 1); /* one of them is the growing block or near it */
    flip("legs", 2);
    flip("open_legs", 0);
    flip("intervals", INTERVALS - 1);
    flip("cursors", 0);
    struct ledger *ledger = kit_open(MAP_BYTES);
    unsigned open = 0;
    unsigned cursors = 0;
    assert_int_equal(ledger_load_open_legs(ledger, count_leg, &open), 0);
    assert_int_equal(open, OPEN - 1);
    assert_int_equal(ledger_load_cursors(ledger, see_lost_cursor, &cursors), 0);
    assert_int_equal(cursors, 1);
    struct summary sum = {0};
    assert_int_equal(ledger_load_interval(ledger, 1, (INTERVALS - 1) * 900, &sum), LEDGER_NONE);
    assert_true(summary_is_zero(&sum));
    assert_true(ledger_quality(ledger)[QUALITY_QUARANTINED] >= 3);
    uint64_t before = count(ledger).closed;
    struct rng rng = {8};
    struct call_leg leg = kit_plain_leg(&rng, 5000, KIT_NOW_MS + 5000000);
    assert_int_equal(ledger_add_closed_leg(ledger, &leg), 0);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    kit_summary(&rng, 3, &sum);
    ledger_put_interval(ledger, 1, (INTERVALS - 1) * 900, &sum);
    assert_int_equal(ledger_end(ledger), 0);
    summary_deinit(&sum);
    ledger = kit_reopen(ledger, MAP_BYTES);
    assert_int_equal(count(ledger).closed, before + 1);
    assert_int_equal(count(ledger).intervals, INTERVALS);
    ledger_close(ledger);
}

/* Whichever name is damaged, the others keep theirs, and new ones get new numbers. */
static void names_keep_their_ids(void **state)
{
    (void)state;
    for (unsigned damaged = 0; damaged < 3 * NAMES; damaged++) {
        fill();
        flip("names", damaged);
        struct ledger *ledger = kit_open(MAP_BYTES);
        char name[32];
        for (unsigned i = 1; i <= NAMES; i++) {
            (void)snprintf(name, sizeof name, "queue %u", i);
            bool lost = damaged == i - 1;
            assert_int_equal(intern_find(ledger_names(ledger, LEDGER_QUEUE), slice_str(name)), lost ? 0 : i);
            (void)snprintf(name, sizeof name, "operator %u", i);
            lost = damaged == NAMES + i - 1;
            assert_int_equal(intern_find(ledger_names(ledger, LEDGER_OPERATOR), slice_str(name)), lost ? 0 : i);
        }
        assert_int_equal(intern_put(ledger_names(ledger, LEDGER_QUEUE), slice_str("new")), NAMES + 1);
        assert_int_equal(ledger_quality(ledger)[QUALITY_QUARANTINED], 1);
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        assert_int_equal(ledger_end(ledger), 0);
        ledger = kit_reopen(ledger, MAP_BYTES);
        assert_int_equal(intern_find(ledger_names(ledger, LEDGER_QUEUE), slice_str("new")), NAMES + 1);
        ledger_close(ledger);
        temp_dir_clear(&kit_dir);
    }
}

/* Records under keys that this program never writes. */
static void foreign_keys_are_stood(void **state)
{
    (void)state;
    static const char *const dbs[] = {"names", "cursors", "open_legs", "legs", "intervals",
                                      "dirty", "gaps",    "shifts",    "meta"};
    static const struct slice keys[] = {{"\x01", 1},
                                        {"\x00\x00\x00\x00\x00", 5},
                                        {"\x01\x00\x00\x00\x00", 5},
                                        {"\x02\xff\xff\xff\xff", 5},
                                        {"\x03\x00\x01\x00\x00", 5},
                                        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9}};
    for (size_t d = 0; d < sizeof dbs / sizeof dbs[0]; d++) {
        fill();
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            kit_put_raw(dbs[d], keys[k], slice_make("\x01some value", k % 2 ? 0 : 11));
        }
        struct counts counts = count_readonly();
        assert_int_equal(counts.closed, LEGS);
        assert_int_equal(counts.intervals, INTERVALS);
        struct ledger *ledger = kit_open(MAP_BYTES);
        assert_int_equal(intern_find(ledger_names(ledger, LEDGER_QUEUE), slice_str("queue 6")), NAMES);
        assert_int_equal(intern_find(ledger_names(ledger, LEDGER_OPERATOR), slice_str("operator 6")), NAMES);
        bool more;
        assert_int_equal(ledger_tend(ledger, KIT_NOW_MS, &more), 0);
        struct rng rng = {8};
        struct call_leg leg = kit_plain_leg(&rng, 5000, KIT_NOW_MS + 5000000);
        assert_int_equal(ledger_add_closed_leg(ledger, &leg), 0);
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        assert_int_equal(ledger_end(ledger), 0);
        assert_int_equal(count(ledger).closed, LEGS + 1);
        ledger_close(ledger);
        temp_dir_clear(&kit_dir);
    }
}

static void accounts_are_right_again_once_a_damaged_block_is_gone(void **state)
{
    (void)state;
    struct rng rng = {1};
    uint64_t seq = 0;
    struct ledger *ledger = kit_open(MAP_BYTES);
    kit_add_span(ledger, &rng, &seq, KIT_NOW_MS, KIT_NOW_MS + 3000 * 1000, 1000);
    kit_put_raw_beside("legs", slice_make("\0\0\0\0\0\0\0\2", 8), slice_str("damage"));
    struct ledger_check_result check;
    assert_int_equal(ledger_check(ledger, NULL, NULL, &check), 2);     /* the block, and the count */
    assert_int_equal(ledger_shed(ledger, LEG_BLOCK_BYTES_MAX + 1), 0); /* the first two */
    (void)kit_check(ledger);
    ledger_close(ledger);
}

/* Identity, a queue's settings, secret, state: it goes on without any of them, and tells which it was. */
static void what_its_meta_lost_is_told(void **state)
{
    (void)state;
    static const enum ledger_loss losses[] = {LEDGER_LOST_IDENTITY, LEDGER_LOST_SETTINGS, LEDGER_LOST_SECRET,
                                              LEDGER_LOST_STATE};
    for (unsigned number = 0; number < 4; number++) {
        fill();
        flip("meta", number);
        struct ledger *ledger = kit_open(MAP_BYTES);
        const struct kv_loss *damage = ledger_mended(ledger);
        assert_non_null(damage);
        assert_true(damage->times == 1 && damage->exact && !damage->anew);
        for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
            assert_int_equal(damage->lost[i], i == (int)losses[number]);
        }
        assert_int_equal(access(temp_dir_file(&kit_dir, damage->aside), F_OK), 0);
        (void)kit_check(ledger);
        assert_int_equal(count(ledger).closed, LEGS);
        assert_true(ledger_progress(ledger).newest_event_ms >= KIT_NOW_MS);
        ledger = kit_reopen(ledger, MAP_BYTES);
        assert_null(ledger_mended(ledger));
        ledger_close(ledger);
        temp_dir_clear(&kit_dir);
    }
}

static bool make_noise(void *ctx, unsigned number, struct buf *value)
{
    struct rng *rng = ctx;
    (void)number;
    if (!rng_chance(rng, 30)) {
        return false;
    }
    size_t len = rng_below(rng, value->len + 20);
    size_t keep = rng_chance(rng, 50) && len > 5 ? rng_below(rng, 5) : 0;
    if (len > value->len) {
        (void)buf_grow(value, len - value->len);
    }
    value->len = len;
    for (size_t i = keep; i < len; i++) {
        value->data[i] = (uint8_t)rng_next(rng);
    }
    return true;
}

static void any_noise_is_stood(void **state)
{
    (void)state;
    static const char *const dbs[] = {"names", "cursors", "open_legs", "legs", "intervals", "dirty", "gaps", "shifts"};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rng rng = {seed};
        fill();
        for (size_t d = 0; d < sizeof dbs / sizeof dbs[0]; d++) {
            (void)edit(dbs[d], make_noise, &rng);
        }
        (void)count_readonly();
        struct ledger *ledger = kit_open(MAP_BYTES);
        bool more;
        assert_int_equal(ledger_tend(ledger, KIT_NOW_MS + 10 * KIT_DAY_MS, &more), 0);
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        assert_int_equal(ledger_end(ledger), 0);
        int status = ledger_shed(ledger, 1 << 20);
        assert_true(status == 0 || status == LEDGER_NONE);
        (void)count(ledger);
        ledger_close(ledger);
        temp_dir_clear(&kit_dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_skip_and_count, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(the_writer_starts_and_goes_on, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(names_keep_their_ids, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(foreign_keys_are_stood, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(accounts_are_right_again_once_a_damaged_block_is_gone, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_its_meta_lost_is_told, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(any_noise_is_stood, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
