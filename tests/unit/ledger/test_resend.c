/* A ledger that meets another store of the collector than it knew marks everything again, and notes it with the last.
 */
#include "agent/ledger/ledger_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/unit/ledger/kit.h"

enum { MAP_BYTES = 8 << 20, SMALL_BYTES = 1 << 20, STARTS = 800, QUEUES = 3, INTERVALS = STARTS * QUEUES };

static const uint8_t first[LIMITS_STORE_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t second[LIMITS_STORE_BYTES] = {1, 2, 3, 4, 5, 6, 7, 9};

static void name_queues(struct ledger *ledger, uint32_t count)
{
    for (uint32_t queue = 1; queue <= count; queue++) {
        char name[8];
        (void)snprintf(name, sizeof name, "q%u", queue);
        assert_int_equal(intern_put(ledger_names(ledger, LEDGER_QUEUE), slice_str(name)), queue);
    }
}

static void put_all(struct ledger *ledger)
{
    struct summary sum = {0};
    struct rng rng = {4};
    kit_summary(&rng, 2, &sum);
    name_queues(ledger, QUEUES);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    for (int64_t i = 1; i <= STARTS; i++) {
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            ledger_put_interval(ledger, queue, i * 900, &sum);
        }
    }
    assert_int_equal(ledger_end(ledger), 0);
    summary_deinit(&sum);
}

struct answers {
    struct ledger_ack acks[INTERVALS];
    size_t count;
};

static int answer(void *ctx, const struct ledger_interval *item)
{
    struct answers *answers = ctx;
    assert_true(answers->count < INTERVALS);
    answers->acks[answers->count++] = (struct ledger_ack){
        .kind = LEDGER_ACKED, .start_s = item->start_s, .queue = item->queue, .revision = item->revision};
    return 0;
}

static void acknowledge_from(struct ledger *ledger, int64_t from_s)
{
    static struct answers answers;
    struct ledger_view *view = NULL;
    answers.count = 0;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_intervals(view, from_s, (int64_t)UINT32_MAX, answer, &answers, NULL), 0);
    ledger_view_end(view);
    assert_int_equal(ledger_acknowledge(ledger, answers.acks, answers.count), 0);
}

static void acknowledge_all(struct ledger *ledger)
{
    acknowledge_from(ledger, 0);
}

static struct ledger_backlog backlog(struct ledger *ledger)
{
    struct ledger_backlog out;
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_backlog(view, &out), 0);
    ledger_view_end(view);
    return out;
}

static uint64_t meet(struct ledger *ledger, const uint8_t *store)
{
    struct ledger_resend resend;
    assert_int_equal(ledger_resend_begin(ledger, store, &resend), 0);
    while (resend.under_way) {
        assert_int_equal(ledger_resend_step(ledger, &resend), 0);
    }
    return resend.marked;
}

static struct ledger *open_delivered(uint64_t map_bytes)
{
    struct ledger *ledger = kit_open(map_bytes);
    put_all(ledger);
    acknowledge_all(ledger);
    assert_int_equal(backlog(ledger).dirty, 0);
    return ledger;
}

static void another_store_marks_everything(void **state)
{
    (void)state;
    struct ledger *ledger = open_delivered(MAP_BYTES);
    assert_int_equal(meet(ledger, first), 0); /* the first one is noted */
    assert_int_equal(backlog(ledger).dirty, 0);
    ledger = kit_reopen(ledger, MAP_BYTES);
    assert_int_equal(meet(ledger, first), 0);
    assert_int_equal(backlog(ledger).dirty, 0);
    assert_int_equal(meet(ledger, second), INTERVALS);
    assert_int_equal(backlog(ledger).dirty, INTERVALS);
    assert_int_equal(backlog(ledger).oldest_start_s, 900);
    (void)kit_check(ledger);
    acknowledge_all(ledger);
    assert_int_equal(meet(ledger, second), 0);
    ledger = kit_reopen(ledger, MAP_BYTES);
    assert_null(ledger_mended(ledger)); /* its sum over the marks is right */
    assert_int_equal(backlog(ledger).dirty, 0);
    ledger_close(ledger);
}

/* Each step takes the next newest; what is given up in between begins anew, for nothing is noted. */
static void it_goes_in_steps_from_the_newest(void **state)
{
    (void)state;
    struct ledger *ledger = open_delivered(MAP_BYTES);
    struct ledger_resend resend;
    assert_int_equal(meet(ledger, first), 0);
    assert_int_equal(ledger_resend_begin(ledger, second, &resend), 0);
    assert_int_equal(backlog(ledger).dirty, 0);
    for (int i = 1; i <= 2; i++) {
        int64_t before = i == 1 ? STARTS * 900 + 1 : backlog(ledger).oldest_start_s;
        assert_int_equal(ledger_resend_step(ledger, &resend), 0);
        assert_true(resend.under_way);
        assert_int_equal(backlog(ledger).dirty, resend.marked);
        assert_true(resend.marked < INTERVALS && backlog(ledger).oldest_start_s < before);
        assert_int_equal(backlog(ledger).oldest_start_s, (STARTS - ((int64_t)resend.marked - 1) / QUEUES) * 900);
    }
    acknowledge_all(ledger);
    ledger = kit_reopen(ledger, MAP_BYTES);
    assert_int_equal(meet(ledger, second), INTERVALS);
    assert_int_equal(backlog(ledger).dirty, INTERVALS);
    ledger_close(ledger);
}

static void what_was_refused_is_marked_too(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put_all(ledger);
    struct ledger_ack refusal = {
        .kind = LEDGER_REFUSED_ACK, .start_s = 1800, .queue = 2, .revision = 1, .reason = "too old"};
    assert_int_equal(ledger_acknowledge(ledger, &refusal, 1), 0);
    assert_int_equal(backlog(ledger).refused, 1);
    assert_int_equal(meet(ledger, first), 0);
    assert_int_equal(backlog(ledger).refused, 1);
    assert_int_equal(meet(ledger, second), INTERVALS);
    assert_int_equal(backlog(ledger).refused, 0);
    assert_int_equal(backlog(ledger).dirty, INTERVALS);
    (void)kit_check(ledger);
    ledger_close(ledger);
}

/* Which store it was is lost with the record: nothing tells that it is another one. */
static void a_lost_note_is_made_again(void **state)
{
    (void)state;
    struct ledger *ledger = open_delivered(MAP_BYTES);
    assert_int_equal(meet(ledger, first), 0);
    ledger_close(ledger);
    kit_put_raw("meta", slice_str("centre"), slice_str("noise"));
    ledger = kit_open(MAP_BYTES);
    assert_non_null(ledger_mended(ledger));
    assert_int_equal(ledger_mended(ledger)->lost[LEDGER_LOST_SETTINGS], 1);
    assert_int_equal(meet(ledger, second), 0);
    assert_int_equal(backlog(ledger).dirty, 0);
    assert_int_equal(meet(ledger, first), INTERVALS);
    ledger_close(ledger);
}

/* The collector may still have them under the true name. */
static void a_queue_without_its_name_is_left_out(void **state)
{
    (void)state;
    struct ledger *ledger = open_delivered(MAP_BYTES);
    assert_int_equal(meet(ledger, first), 0);
    ledger_close(ledger);
    struct record_key name = record_key_u8_u32(LEDGER_QUEUE, 2);
    kit_put_raw("names", record_key_slice(&name), slice_str("noise"));
    ledger = kit_open(MAP_BYTES);
    assert_int_equal(ledger_mended(ledger)->lost[LEDGER_LOST_NAMES], 1);
    assert_int_equal(meet(ledger, second), INTERVALS - STARTS);
    assert_int_equal(backlog(ledger).dirty, INTERVALS - STARTS);
    ledger_close(ledger);
}

/* Until nothing fits any more, also not what was freed by the commits before. */
static void fill(struct ledger *ledger, struct rng *rng)
{
    struct summary sum = {0};
    unsigned full = 0;
    name_queues(ledger, 20);
    for (int64_t start_s = 900; full < 20; start_s += 900) {
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        for (uint32_t queue = 1; queue <= 20; queue++) {
            kit_summary(rng, 3, &sum);
            ledger_put_interval(ledger, queue, start_s, &sum);
        }
        int status = ledger_end(ledger);
        assert_true(status == 0 || status == STATUS_FULL);
        full = status == 0 ? 0 : full + 1;
        acknowledge_from(ledger, start_s);
    }
    summary_deinit(&sum);
}

/* Where there is no room for the marks of what it holds, it waits until the oldest has been given up. */
static void a_full_ledger_makes_room_first(void **state)
{
    (void)state;
    struct rng rng = {5};
    struct ledger *ledger = kit_open(SMALL_BYTES);
    struct ledger_resend resend;
    fill(ledger, &rng);
    uint64_t held = kit_check(ledger).facts.interval_count;
    assert_int_equal(backlog(ledger).dirty, 0);
    assert_int_equal(meet(ledger, first), 0);
    assert_int_equal(ledger_resend_begin(ledger, second, &resend), 0);
    unsigned full = 0;
    while (resend.under_way) {
        int status = ledger_resend_step(ledger, &resend);
        assert_true(status == 0 || status == STATUS_FULL);
        if (status == STATUS_FULL) {
            assert_true(++full < 50);
            assert_int_equal(ledger_shed(ledger, SMALL_BYTES / 16), 0);
        }
    }
    struct kit_facts facts = kit_check(ledger);
    assert_true(full > 0 && facts.facts.interval_count < held);
    assert_int_equal(backlog(ledger).dirty, facts.facts.interval_count);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_store_marks_everything, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(it_goes_in_steps_from_the_newest, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_was_refused_is_marked_too, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_lost_note_is_made_again, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_queue_without_its_name_is_left_out, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_full_ledger_makes_room_first, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
