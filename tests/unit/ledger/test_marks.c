/* What is dirty, what was refused, and what an answer of the collector does to it. */
#include "agent/ledger/ledger_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/unit/ledger/kit.h"

enum { MAP_BYTES = 4 << 20, SEEN_MAX = 64 };

static void put(struct ledger *ledger, uint32_t queue, int64_t start_s, unsigned calls)
{
    struct rng rng = {queue + calls};
    struct summary sum = {0};
    kit_summary(&rng, calls, &sum);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_interval(ledger, queue, start_s, &sum);
    assert_int_equal(ledger_end(ledger), 0);
    summary_deinit(&sum);
}

struct seen {
    unsigned count;
    struct ledger_interval items[SEEN_MAX];
    uint32_t entered[SEEN_MAX];
    uint64_t bad;
    struct ledger_backlog backlog;
    unsigned refusal_count;
    struct ledger_refusal refusals[SEEN_MAX];
};

static int see_dirty(void *ctx, const struct ledger_dirty *item)
{
    struct seen *seen = ctx;
    assert_true(seen->count < SEEN_MAX);
    seen->items[seen->count] = item->interval;
    seen->entered[seen->count++] = item->interval.summary ? item->interval.summary->flow[FLOW_ENTERED] : 0;
    return 0;
}

static int see_refusal(void *ctx, const struct ledger_refusal *refusal)
{
    struct seen *seen = ctx;
    assert_true(seen->refusal_count < SEEN_MAX);
    seen->refusals[seen->refusal_count++] = *refusal;
    return 0;
}

static struct seen see_from(struct ledger *ledger, int64_t start_s, uint32_t queue)
{
    struct seen seen = {0};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_dirty(view, start_s, queue, see_dirty, &seen, &seen.bad), 0);
    assert_int_equal(ledger_view_refusals(view, see_refusal, &seen), 0);
    assert_int_equal(ledger_view_backlog(view, &seen.backlog), 0);
    ledger_view_end(view);
    return seen;
}

static struct seen see(struct ledger *ledger)
{
    struct seen seen = see_from(ledger, INT64_MAX, 0);
    assert_int_equal(seen.backlog.dirty, seen.count);
    assert_int_equal(seen.backlog.refused, seen.refusal_count);
    int64_t oldest_s = seen.count > 0 ? seen.items[seen.count - 1].start_s : 0;
    assert_true(seen.backlog.oldest_start_s == oldest_s);
    return seen;
}

static struct ledger_ack ack(enum ledger_ack_kind kind, int64_t start_s, uint32_t queue, uint32_t revision)
{
    struct ledger_ack made = {.kind = kind, .start_s = start_s, .queue = queue, .revision = revision};
    if (kind == LEDGER_REFUSED_ACK) {
        (void)snprintf(made.reason, sizeof made.reason, "queue %u does not balance", queue);
    }
    return made;
}

static void give(struct ledger *ledger, struct ledger_ack one)
{
    assert_int_equal(ledger_acknowledge(ledger, &one, 1), 0);
}

static void dirty_comes_newest_first_from_anywhere(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    assert_int_equal(see(ledger).count, 0);
    for (int64_t start_s = 0; start_s < 4 * 900; start_s += 900) {
        put(ledger, 1, start_s, 1);
        put(ledger, 2, start_s, 0); /* zeros are told too */
    }
    struct seen seen = see(ledger);
    assert_int_equal(seen.count, 8);
    for (unsigned i = 0; i < seen.count; i++) {
        assert_int_equal(seen.items[i].start_s, 2700 - 900 * (i / 2));
        assert_int_equal(seen.items[i].queue, 2 - i % 2);
        assert_int_equal(seen.items[i].revision, 8 - i);
        assert_int_equal(seen.entered[i], i % 2);
    }
    assert_int_equal(see_from(ledger, 2700, 1).count, 6);
    assert_int_equal(see_from(ledger, 1800, 2).items[0].queue, 1);
    assert_int_equal(see_from(ledger, 1000, 0).count, 4);
    assert_int_equal(see_from(ledger, 9000, 0).count, 8);
    assert_int_equal(see_from(ledger, 0, 1).count, 0);
    assert_int_equal(see_from(ledger, -1, 0).count, 0);
    ledger_close(ledger);
}

static void an_answer_counts_for_what_was_sent(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put(ledger, 1, 900, 1);
    put(ledger, 2, 900, 2);
    put(ledger, 1, 900, 3); /* changed while the first was under way */
    struct ledger_ack acks[] = {ack(LEDGER_ACKED, 900, 1, 1), ack(LEDGER_ACKED, 900, 2, 2),
                                ack(LEDGER_ACKED, 1800, 7, 1)}; /* nothing there (any more) */
    assert_int_equal(ledger_acknowledge(ledger, acks, 3), 0);
    struct seen seen = see(ledger);
    assert_true(seen.count == 1 && seen.items[0].queue == 1 && seen.items[0].revision == 3);
    give(ledger, ack(LEDGER_ACKED, 900, 1, 3));
    assert_int_equal(see(ledger).count, 0);
    assert_int_equal(ledger_acknowledge(ledger, NULL, 0), 0);
    ledger_close(ledger);
}

static void a_refusal_stays_until_the_content_changes(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put(ledger, 1, 900, 1);
    put(ledger, 2, 900, 2);
    put(ledger, 3, 900, 2);
    give(ledger, ack(LEDGER_REFUSED_ACK, 900, 2, 2));
    give(ledger, ack(LEDGER_REFUSED_ACK, 900, 2, 2)); /* an old answer again */
    give(ledger, ack(LEDGER_REFUSED_ACK, 900, 3, 2)); /* of a revision before */
    give(ledger, ack(LEDGER_REFUSED_ACK, 900, 9, 2));
    ledger = kit_reopen(ledger, MAP_BYTES);
    struct seen seen = see(ledger);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.refusal_count, 1);
    assert_true(seen.refusals[0].queue == 2 && seen.refusals[0].start_s == 900 && seen.refusals[0].revision == 2);
    assert_string_equal(seen.refusals[0].reason, "queue 2 does not balance");
    put(ledger, 2, 900, 5);
    seen = see(ledger);
    assert_true(seen.count == 3 && seen.refusal_count == 0);
    (void)kit_check(ledger);
    ledger_close(ledger);
}

static void marks_go_with_their_intervals(void **state)
{
    (void)state;
    struct ledger_options options = kit_options(MAP_BYTES);
    options.intervals_keep_ms = KIT_DAY_MS;
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_writer(&options, &ledger), 0);
    for (int64_t i = 0; i < 10; i++) {
        put(ledger, 1, KIT_NOW_MS / 1000 + i * 900, 1);
        put(ledger, 2, KIT_NOW_MS / 1000 + i * 900, 1);
        give(ledger, ack(LEDGER_REFUSED_ACK, KIT_NOW_MS / 1000 + i * 900, 2, (uint32_t)(i * 3 + 2)));
    }
    assert_int_equal(see(ledger).refusal_count, 10);
    kit_tend(ledger, KIT_NOW_MS + KIT_DAY_MS + 4 * 900 * 1000 + 1000, 1);
    struct seen seen = see(ledger);
    assert_int_equal(seen.count, 5);
    assert_int_equal(seen.refusal_count, 5);
    ledger_close(ledger);
}

/* The file is copied back to an older state: the collector holds more than the ledger knows of. */
static void a_surpassed_interval_rises_above(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put(ledger, 1, 900, 4);
    put(ledger, 2, 900, 5);
    struct ledger_ack higher = ack(LEDGER_SURPASSED, 900, 1, 1);
    higher.held_revision = 5000;
    give(ledger, higher);
    struct seen seen = see(ledger);
    assert_true(seen.count == 2 && seen.items[1].revision == 5001 && seen.entered[1] == 4);
    give(ledger, higher); /* the same answer late: nothing to do */
    assert_int_equal(see(ledger).items[1].revision, 5001);
    put(ledger, 3, 900, 1);
    assert_true(see(ledger).items[0].revision > 5001); /* all that are written from now on */
    struct ledger_ack conflict = ack(LEDGER_SURPASSED, 900, 2, 2);
    conflict.held_revision = 2; /* the same revision with other content */
    give(ledger, conflict);
    assert_true(see(ledger).items[1].revision > 5002);
    ledger = kit_reopen(ledger, MAP_BYTES);
    put(ledger, 4, 900, 1);
    assert_true(see(ledger).items[0].revision > see(ledger).items[2].revision);
    (void)kit_check(ledger);
    ledger_close(ledger);
}

static void an_absurd_revision_is_not_followed(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put(ledger, 1, 900, 4);
    struct ledger_ack absurd = ack(LEDGER_SURPASSED, 900, 1, 1);
    absurd.held_revision = UINT64_MAX;
    give(ledger, absurd);
    struct seen seen = see(ledger);
    assert_int_equal(seen.count, 0);
    assert_int_equal(seen.refusal_count, 1);
    assert_string_equal(seen.refusals[0].reason, "the collector says that it holds revision 18446744073709551615");
    put(ledger, 1, 900, 5);
    assert_true(see(ledger).items[0].revision < 10);
    ledger_close(ledger);
}

static void damage_is_told_and_can_be_put_aside(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put(ledger, 1, 900, 1);
    put(ledger, 2, 900, 1);
    give(ledger, ack(LEDGER_REFUSED_ACK, 900, 2, 2));
    struct record_key first = record_key_u32_u32(900, 1);
    struct record_key second = record_key_u32_u32(900, 2);
    kit_put_raw_beside("intervals", record_key_slice(&first), slice_str("noise"));
    kit_put_raw_beside("dirty", record_key_slice(&second), slice_str("noise")); /* waits again */
    struct seen seen = see_from(ledger, INT64_MAX, 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.bad, 1);
    assert_true(seen.items[1].queue == 1 && !seen.items[1].summary && seen.items[1].revision == 0);
    give(ledger, ack(LEDGER_ACKED, 900, 2, 2));
    give(ledger, ack(LEDGER_REFUSED_ACK, 900, 1, 0));
    seen = see(ledger);
    assert_true(seen.count == 0 && seen.refusal_count == 1);
    put(ledger, 1, 900, 3);
    give(ledger, ack(LEDGER_REFUSED_ACK, 900, 1, 0)); /* it is whole again */
    assert_int_equal(see(ledger).count, 1);
    (void)kit_check(ledger);
    ledger_close(ledger);
}

static int count_leg(void *ctx, const struct call_leg *leg)
{
    (void)leg;
    (*(unsigned *)ctx)++;
    return 0;
}

static void an_answer_takes_nothing_along(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct rng rng = {3};
    put(ledger, 1, 900, 1);
    struct call_leg leg = kit_plain_leg(&rng, 1, KIT_NOW_MS);
    assert_int_equal(ledger_add_closed_leg(ledger, &leg), 0);
    ledger_quality(ledger)[QUALITY_LINES] = 77;
    (void)intern_put(ledger_names(ledger, LEDGER_QUEUE), slice_str("sales"));
    give(ledger, ack(LEDGER_ACKED, 900, 1, 1));
    unsigned legs = 0;
    struct ledger_view *view = NULL;
    struct ledger_facts facts;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_closed_legs(view, INT64_MIN, INT64_MAX, count_leg, &legs, NULL), 0);
    assert_int_equal(ledger_view_facts(view, &facts), 0);
    assert_int_equal(ledger_view_name(view, LEDGER_QUEUE, 1).len, 0);
    ledger_view_end(view);
    assert_true(legs == 0 && facts.quality[QUALITY_LINES] == 0 && facts.committed_ms == KIT_NOW_MS);
    kit_commit(ledger);
    assert_int_equal(kit_check(ledger).facts.leg_count, 1);
    assert_int_equal(kit_check(ledger).facts.quality[QUALITY_LINES], 77);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dirty_comes_newest_first_from_anywhere, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_answer_counts_for_what_was_sent, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_refusal_stays_until_the_content_changes, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(marks_go_with_their_intervals, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_surpassed_interval_rises_above, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_absurd_revision_is_not_followed, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(damage_is_told_and_can_be_put_aside, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_answer_takes_nothing_along, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
