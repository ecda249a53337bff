#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/ledger/ledger_write.h"
#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "tests/unit/ledger/kit.h"

enum { MAP_BYTES = 4 << 20, OPERATORS = 20, STARTS = 12 };

#define START_S (KIT_NOW_MS / 1000 / 900 * 900)

/* Of operator `id` in the interval `n`: no two alike. */
static void make_shift(uint32_t id, unsigned n, struct shift *out)
{
    shift_clear(out);
    assert_int_equal(shift_add_state(out, SHIFT_READY, 800000 - n), 0);
    assert_int_equal(shift_add_state(out, SHIFT_PAUSED, id), 0);
    assert_int_equal(shift_add_reason(out, 2, id), 0);
    struct shift_queue *queue = shift_queue(out, 7);
    assert_non_null(queue);
    queue->logged_in_ms = shift_logged_in_ms(out);
    queue->count[SHIFT_ANSWERED] = n;
}

static void put_all(struct ledger *ledger, int64_t start_s, uint32_t operators, unsigned starts)
{
    struct shift shift = {0};
    for (unsigned n = 0; n < starts; n++) {
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        for (uint32_t id = 1; id <= operators; id++) {
            make_shift(id, n, &shift);
            ledger_put_shift(ledger, id, start_s + n * 900, &shift);
        }
        assert_int_equal(ledger_end(ledger), 0);
    }
    shift_deinit(&shift);
}

struct seen {
    unsigned count;
    unsigned stop_at;
    int64_t first_s;
    int64_t last_s;
    uint32_t last_operator;
    uint64_t bad;
};

static int see(void *ctx, const struct ledger_shift *item)
{
    struct seen *seen = ctx;
    assert_true(item->start_s > seen->last_s ||
                (item->start_s == seen->last_s && item->operator_id > seen->last_operator));
    seen->first_s = seen->count == 0 ? item->start_s : seen->first_s;
    seen->last_s = item->start_s;
    seen->last_operator = item->operator_id;
    seen->count++;
    assert_false(shift_is_zero(item->shift));
    return seen->count == seen->stop_at ? 17 : 0;
}

static struct seen walk(struct ledger *ledger, int64_t from_s, int64_t to_s, unsigned stop_at)
{
    struct seen seen = {.stop_at = stop_at, .last_s = -1};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_shifts(view, from_s, to_s, see, &seen, &seen.bad), stop_at ? 17 : 0);
    ledger_view_end(view);
    return seen;
}

static unsigned count(struct ledger *ledger)
{
    return walk(ledger, 0, INT64_MAX, 0).count;
}

static void what_was_put_is_there(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put_all(ledger, START_S, OPERATORS, STARTS);
    ledger = kit_reopen(ledger, MAP_BYTES);
    struct shift expected = {0};
    struct shift stored = {0};
    for (unsigned n = 0; n < STARTS; n++) {
        for (uint32_t id = 1; id <= OPERATORS; id++) {
            make_shift(id, n, &expected);
            assert_int_equal(ledger_load_shift(ledger, id, START_S + n * 900, &stored), 0);
            assert_true(shift_equal(&stored, &expected));
        }
    }
    assert_int_equal(ledger_load_shift(ledger, OPERATORS + 1, START_S, &stored), LEDGER_NONE);
    assert_int_equal(ledger_load_shift(ledger, 1, START_S - 900, &stored), LEDGER_NONE);
    assert_int_equal(ledger_load_shift(ledger, 1, START_S + STARTS * 900, &stored), LEDGER_NONE);
    assert_int_equal(ledger_load_shift(ledger, 1, -1, &stored), STATUS_RANGE);
    assert_int_equal(count(ledger), OPERATORS * STARTS);
    struct seen some = walk(ledger, START_S + 900, START_S + 4 * 900, 0);
    assert_int_equal(some.count, 3 * OPERATORS);
    assert_true(some.first_s == START_S + 900 && some.last_s == START_S + 3 * 900);
    assert_int_equal(walk(ledger, INT64_MIN, INT64_MAX, 5).count, 5);
    assert_int_equal(kit_check(ledger).check.records, OPERATORS * STARTS + 3);
    ledger_close(ledger);
    shift_deinit(&expected);
    shift_deinit(&stored);
}

static void they_are_written_over_and_dropped(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put_all(ledger, START_S, OPERATORS, STARTS);
    struct shift shift = {0};
    struct shift stored = {0};
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_shift(ledger, 4, START_S, &shift); /* zero */
    ledger_put_shift(ledger, 9, START_S - 900, &shift);
    make_shift(5, 99, &shift);
    ledger_put_shift(ledger, 5, START_S, &shift);
    assert_int_equal(ledger_end(ledger), 0);
    assert_int_equal(ledger_load_shift(ledger, 4, START_S, &stored), LEDGER_NONE);
    assert_int_equal(ledger_load_shift(ledger, 5, START_S, &stored), 0);
    assert_true(shift_equal(&stored, &shift));
    assert_int_equal(count(ledger), OPERATORS * STARTS - 1);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_shift(ledger, 5, START_S + STARTS * 900, &shift);
    ledger_put_shift(ledger, 5, INT64_C(1) << 33, &shift);
    assert_int_equal(ledger_end(ledger), STATUS_RANGE);
    assert_int_equal(count(ledger), OPERATORS * STARTS - 1); /* nothing of a failed commit */
    assert_int_equal(ledger_load_shift(ledger, 5, START_S + STARTS * 900, &stored), LEDGER_NONE);
    put_all(ledger, START_S + STARTS * 900, 1, 1);
    assert_int_equal(count(ledger), OPERATORS * STARTS);
    ledger_close(ledger);
    shift_deinit(&shift);
    shift_deinit(&stored);
}

static void damaged_ones_are_quarantined(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put_all(ledger, 900, 2, 1);
    kit_put_raw_beside("shifts", slice_make("\0\0\x03\x84\0\0\0\1", 8), slice_str("\x01\x01\x02\x02 damaged"));
    kit_put_raw_beside("shifts", slice_make("\0\0\x03\x84\0\0\0\7", 8), slice_str("x"));
    kit_put_raw_beside("shifts", slice_make("\0\0\x03\x84\0", 5), slice_str("y"));
    struct seen seen = walk(ledger, 0, INT64_MAX, 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.bad, 3);
    struct ledger_check_result check;
    assert_int_equal(ledger_check(ledger, NULL, NULL, &check), 3);
    struct shift shift = {0};
    assert_int_equal(ledger_load_shift(ledger, 1, 900, &shift), LEDGER_NONE);
    assert_true(shift_is_zero(&shift));
    assert_int_equal(ledger_quality(ledger)[QUALITY_QUARANTINED], 1);
    put_all(ledger, 900, 2, 1); /* written over */
    assert_int_equal(ledger_load_shift(ledger, 1, 900, &shift), 0);
    assert_int_equal(walk(ledger, 0, INT64_MAX, 0).bad, 2);
    shift_deinit(&shift);
    ledger_close(ledger);
}

static void more_time_than_there_is_is_a_defect(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct shift shift = {0};
    assert_int_equal(shift_add_state(&shift, SHIFT_READY, 900001), 0);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_shift(ledger, 1, START_S, &shift);
    assert_int_equal(ledger_end(ledger), 0);
    struct ledger_check_result check;
    assert_int_equal(ledger_check(ledger, NULL, NULL, &check), 1);
    shift_deinit(&shift);
    ledger_close(ledger);
}

struct copy {
    struct kv_txn *to;
    unsigned db;
};

static int copy_record(void *ctx, struct slice key, struct slice value)
{
    struct copy *copy = ctx;
    return kv_put(copy->to, copy->db, key, value);
}

/* The closed ledger as a version would have left it that had these databases. */
static void leave_only(const char *const *names, size_t name_count)
{
    char dir[200];
    char from[240];
    char to[240];
    (void)snprintf(dir, sizeof dir, "%s/older", kit_dir.path);
    (void)snprintf(from, sizeof from, "%s/data.mdb", dir);
    (void)snprintf(to, sizeof to, "%s/data.mdb", kit_dir.path);
    assert_int_equal(mkdir(dir, 0700), 0);
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 9};
    struct kv *whole = NULL;
    struct kv *older = NULL;
    struct kv_txn *txn = NULL;
    struct copy copy = {0};
    assert_int_equal(kv_open(&options, &whole), 0);
    options.dir = dir;
    assert_int_equal(kv_open(&options, &older), 0);
    for (size_t i = 0; i < name_count; i++) {
        unsigned db;
        assert_int_equal(kv_db(whole, names[i], false, &db), 0);
        assert_int_equal(kv_db(older, names[i], true, &copy.db), 0);
        assert_int_equal(kv_begin(whole, false, &txn), 0);
        assert_int_equal(kv_begin(older, true, &copy.to), 0);
        assert_int_equal(kv_each(txn, db, slice_make("", 0), copy_record, &copy), 0);
        assert_int_equal(kv_commit(copy.to), 0);
        kv_abort(txn);
    }
    kv_close(older);
    kv_close(whole);
    assert_int_equal(rename(from, to), 0);
    (void)snprintf(from, sizeof from, "%s/lock.mdb", dir);
    assert_int_equal(unlink(from), 0);
    assert_int_equal(rmdir(dir), 0);
}

static int no_shift(void *ctx, const struct ledger_shift *item)
{
    (void)ctx;
    (void)item;
    return STATUS_INVALID;
}

static int take_gap(void *ctx, const struct ledger_gap *gap)
{
    *(struct ledger_gap *)ctx = *gap;
    return 0;
}

static struct ledger_gap only_gap(struct ledger *ledger)
{
    struct ledger_gap gap = {.kind = (enum ledger_gap_kind) - 1};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_gaps(view, take_gap, &gap), 0);
    ledger_view_end(view);
    return gap;
}

static enum ledger_operators shown(struct ledger *ledger)
{
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    enum ledger_operators operators = ledger_view_operators(view);
    ledger_view_end(view);
    return operators;
}

/* As a version left it that knew neither shifts nor kinds of gaps. */
static void an_older_ledger_opens(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct ledger_gap gap = {.from_ms = 5000, .to_ms = 6000, .reason = "rotated away"};
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_add_gap(ledger, &gap); /* of calls: the form is that of before */
    assert_int_equal(ledger_end(ledger), 0);
    ledger_close(ledger);
    static const char *const before[] = {"meta", "names", "cursors", "open_legs", "legs", "intervals", "dirty", "gaps"};
    leave_only(before, sizeof before / sizeof before[0]);
    struct ledger *reader = kit_open_readonly();
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(reader, &view), 0);
    assert_int_equal(ledger_view_shifts(view, 0, INT64_MAX, no_shift, NULL, NULL), 0);
    ledger_view_end(view);
    (void)kit_check(reader);
    assert_int_equal(only_gap(reader).kind, LEDGER_GAP_CALLS);
    assert_int_equal(shown(reader), LEDGER_OPERATORS_NAMED);
    ledger_close(reader);
    ledger = kit_open(MAP_BYTES);
    put_all(ledger, START_S, 3, 2);
    assert_int_equal(count(ledger), 6);
    ledger_close(ledger);
    reader = kit_open_readonly();
    assert_int_equal(count(reader), 6);
    ledger_close(reader);
}

static void gaps_have_a_kind(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct ledger_gap gap = {.from_ms = 5000, .to_ms = 6000, .kind = LEDGER_GAP_LIVE, .reason = "no answer"};
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_add_gap(ledger, &gap);
    assert_int_equal(ledger_end(ledger), 0);
    struct ledger_gap stored = only_gap(ledger);
    assert_int_equal(stored.kind, LEDGER_GAP_LIVE);
    assert_string_equal(stored.reason, "no answer");
    assert_true(stored.from_ms == 5000 && stored.to_ms == 6000);
    ledger_close(ledger);
}

static void how_operators_are_shown_is_kept(void **state)
{
    (void)state;
    for (int as = LEDGER_OPERATORS_NAMED; as <= LEDGER_OPERATORS_HIDDEN; as++) {
        struct ledger *ledger = kit_open(MAP_BYTES);
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        ledger_put_operators(ledger, (enum ledger_operators)as);
        assert_int_equal(ledger_end(ledger), 0);
        ledger_close(ledger);
        ledger = kit_open_readonly();
        assert_int_equal(shown(ledger), as);
        ledger_close(ledger);
    }
    kit_put_raw("meta", slice_str("operators"), slice_str("damage"));
    struct ledger *ledger = kit_open_readonly();
    assert_int_equal(shown(ledger), LEDGER_OPERATORS_HIDDEN);
    ledger_close(ledger);
}

static void reasons_keep_their_ids(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    assert_int_equal(intern_put(ledger_names(ledger, LEDGER_REASON), slice_str("lunch")), 1);
    assert_int_equal(intern_put(ledger_names(ledger, LEDGER_REASON), slice_str("wrap")), 2);
    ledger_count_verb(ledger, slice_str("VERB"));
    kit_commit(ledger);
    ledger = kit_reopen(ledger, MAP_BYTES);
    assert_int_equal(intern_find(ledger_names(ledger, LEDGER_REASON), slice_str("wrap")), 2);
    assert_int_equal(intern_count(ledger_names(ledger, LEDGER_VERB)), 1);
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_true(slice_is(ledger_view_name(view, LEDGER_REASON, 1), "lunch"));
    ledger_view_end(view);
    ledger_close(ledger);
}

static void they_go_after_their_time(void **state)
{
    (void)state;
    struct ledger_options options = kit_options(MAP_BYTES);
    options.intervals_keep_ms = KIT_DAY_MS;
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_writer(&options, &ledger), 0);
    put_all(ledger, START_S, 30, 192); /* two days, more than one call drops */
    bool more = false;
    int64_t end_ms = (START_S + 192 * 900) * 1000;
    assert_int_equal(ledger_tend(ledger, end_ms, &more), 0);
    assert_true(more);
    assert_int_equal(count(ledger), 192 * 30 - 2000);
    kit_tend(ledger, end_ms, 1);
    struct seen seen = walk(ledger, 0, INT64_MAX, 0);
    assert_int_equal(seen.count, 96 * 30);
    assert_true(seen.first_s == START_S + 96 * 900);
    assert_int_equal(kit_check(ledger).facts.quality[QUALITY_SHED_INTERVALS], 0);
    ledger_close(ledger);
}

static int oldest_interval(void *ctx, const struct ledger_interval *item)
{
    int64_t *oldest_s = ctx;
    *oldest_s = item->start_s;
    return 1;
}

/* Room is made with the oldest of both. */
static void they_are_shed_with_intervals_of_their_time(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct rng rng = {1};
    struct summary sum = {0};
    kit_summary(&rng, 20, &sum);
    for (unsigned n = 0; n < 100; n++) {
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        for (uint32_t queue = 1; queue <= 5; queue++) {
            ledger_put_interval(ledger, queue, START_S + n * 900, &sum);
        }
        assert_int_equal(ledger_end(ledger), 0);
    }
    summary_deinit(&sum);
    put_all(ledger, START_S, 10, 100);
    uint64_t used = kit_check(ledger).facts.used_bytes;
    assert_int_equal(ledger_shed(ledger, 20000), 0);
    struct kit_facts after = kit_check(ledger);
    struct seen seen = walk(ledger, 0, INT64_MAX, 0);
    int64_t oldest_s = 0;
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_intervals(view, 0, INT64_MAX, oldest_interval, &oldest_s, NULL), 1);
    ledger_view_end(view);
    assert_true(seen.count < 1000 && seen.count > 0 && after.facts.interval_count < 500);
    assert_in_range(oldest_s, seen.first_s, seen.first_s + 900);
    assert_int_equal(after.facts.quality[QUALITY_SHED_INTERVALS], 1500 - seen.count - after.facts.interval_count);
    assert_true(used > 0);
    while (ledger_shed(ledger, 1 << 20) == 0) {
    }
    assert_int_equal(count(ledger), 0);
    assert_int_equal(kit_check(ledger).facts.interval_count, 0);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_there, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(they_are_written_over_and_dropped, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(damaged_ones_are_quarantined, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(more_time_than_there_is_is_a_defect, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_older_ledger_opens, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(gaps_have_a_kind, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(how_operators_are_shown_is_kept, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(reasons_keep_their_ids, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(they_go_after_their_time, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(they_are_shed_with_intervals_of_their_time, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
