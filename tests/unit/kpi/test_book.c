#include "agent/kpi/book.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

enum { INTERVAL_MS = 900 * 1000, STORE_MAX = 4000 };

#define START_S INT64_C(1795284000)

struct stored {
    uint32_t queue;
    int64_t start_s;
    struct summary sum;
};

struct shelf {
    struct book *book;
    struct stored *items;
    size_t count;
    size_t loads;
    int load_fails;
    int put_fails;
    size_t put;
};

static int64_t short_abandon_ms(void *ctx, uint32_t queue)
{
    (void)ctx;
    return queue == 2 ? 10000 : 5000;
}

static struct stored *find(struct shelf *shelf, uint32_t queue, int64_t start_s)
{
    for (size_t i = 0; i < shelf->count; i++) {
        if (shelf->items[i].queue == queue && shelf->items[i].start_s == start_s) {
            return &shelf->items[i];
        }
    }
    return NULL;
}

static int load(void *ctx, uint32_t queue, int64_t start_s, struct summary *out)
{
    struct shelf *shelf = ctx;
    assert_true(summary_is_zero(out));
    shelf->loads++;
    if (shelf->load_fails != 0) {
        return shelf->load_fails;
    }
    const struct stored *item = find(shelf, queue, start_s);
    if (!item) {
        return BOOK_NEW;
    }
    return summary_copy(out, &item->sum);
}

static int put(void *ctx, const struct book_item *item)
{
    struct shelf *shelf = ctx;
    if (shelf->put_fails != 0) {
        return shelf->put_fails;
    }
    struct stored *at = find(shelf, item->queue, item->start_s);
    if (!at) {
        assert_true(shelf->count < STORE_MAX);
        at = &shelf->items[shelf->count++];
        *at = (struct stored){.queue = item->queue, .start_s = item->start_s};
    }
    shelf->put++;
    return summary_copy(&at->sum, item->summary);
}

static int open_shelf(void **state)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    assert_non_null(shelf);
    shelf->items = calloc(STORE_MAX, sizeof *shelf->items);
    assert_non_null(shelf->items);
    struct book_options options = {
        .interval_ms = INTERVAL_MS, .short_abandon_ms = short_abandon_ms, .load = load, .ctx = shelf};
    assert_int_equal(book_new(&options, &shelf->book), 0);
    *state = shelf;
    return 0;
}

static int close_shelf(void **state)
{
    struct shelf *shelf = *state;
    book_free(shelf->book);
    for (size_t i = 0; i < shelf->count; i++) {
        summary_deinit(&shelf->items[i].sum);
    }
    free(shelf->items);
    free(shelf);
    return 0;
}

static int change(struct shelf *shelf, enum leg_change_kind kind, const struct call_leg *leg, int64_t at_ms)
{
    struct leg_change what = {.kind = kind, .at_ms = at_ms, .queue = leg->queue, .leg = leg};
    return book_change(shelf->book, &what);
}

static void waited(struct shelf *shelf, const struct call_leg *leg, int64_t from, int64_t to)
{
    struct leg_change what = {.kind = LEG_CHANGE_WAITED, .queue = leg->queue, .leg = leg, .from = from, .to = to};
    assert_int_equal(book_change(shelf->book, &what), 0);
}

static void save(struct shelf *shelf)
{
    assert_int_equal(book_save(shelf->book, put, shelf), 0);
    book_saved(shelf->book);
    assert_int_equal(book_dirty_count(shelf->book), 0);
}

static struct call_leg entered(uint32_t queue, int64_t enter_ms)
{
    return (struct call_leg){.seq = 1, .queue = queue, .enter_ms = enter_ms, .ring_ms = -1};
}

static void flow_counts_where_it_happens_and_cohort_where_it_began(void **state)
{
    struct shelf *shelf = *state;
    struct call_leg leg = entered(1, START_S * 1000 + 890000);
    leg.flags = LEG_FLAG_TRANSFERRED_IN;
    assert_int_equal(change(shelf, LEG_CHANGE_ENTERED, &leg, leg.enter_ms), 0);
    waited(shelf, &leg, START_S / 900, START_S / 900 + 1);
    leg.wait_ms = 20000;
    leg.ring_ms = 3000;
    leg.connect_ms = leg.enter_ms + 20000;
    assert_int_equal(change(shelf, LEG_CHANGE_ANSWERED, &leg, leg.connect_ms), 0);
    struct leg_change unheld = {
        .kind = LEG_CHANGE_UNHELD, .at_ms = leg.connect_ms + 5000, .queue = 1, .leg = &leg, .value_ms = 4000};
    assert_int_equal(book_change(shelf->book, &unheld), 0);
    unheld.value_ms = -1;
    assert_int_equal(book_change(shelf->book, &unheld), 0);
    leg.talk_ms = 60000;
    leg.hold_ms = 4000;
    leg.outcome = LEG_TRANSFERRED;
    assert_int_equal(change(shelf, LEG_CHANGE_ENDED, &leg, leg.connect_ms + 900000), 0);
    save(shelf);
    assert_int_equal(shelf->count, 3);
    const struct summary *first = &find(shelf, 1, START_S)->sum;
    const struct summary *second = &find(shelf, 1, START_S + 900)->sum;
    const struct summary *third = &find(shelf, 1, START_S + 1800)->sum;
    assert_int_equal(first->flow[FLOW_ENTERED] + first->flow[FLOW_TRANSFERRED_IN], 2);
    assert_int_equal(first->flow[FLOW_ANSWERED] + first->flow[FLOW_TRANSFERRED_OUT], 0);
    assert_int_equal(first->cohort[COHORT_ANSWERED] + first->cohort[COHORT_TRANSFERRED_OUT], 2);
    assert_true(first->waiting_start == 0 && first->waiting_end == 1 && first->waiting_max == 1);
    assert_true(second->waiting_start == 1 && second->waiting_end == 0 && second->waiting_max == 1);
    assert_int_equal(second->flow[FLOW_ANSWERED], 1);
    assert_int_equal(second->flow[FLOW_SUSPECT], 1);
    assert_true(second->duration[DURATION_WAIT_ANSWERED].sum_ms == 20000);
    assert_true(second->duration[DURATION_RING].sum_ms == 3000);
    assert_true(second->duration[DURATION_HOLD].sum_ms == 4000 && second->duration[DURATION_HOLD].hist.total == 1);
    assert_int_equal(third->flow[FLOW_TRANSFERRED_OUT], 1);
    assert_true(third->duration[DURATION_TALK].sum_ms == 60000);
    assert_true(third->duration[DURATION_HANDLE].sum_ms == 64000);
    for (size_t i = 0; i < 3; i++) {
        assert_true(summary_balanced(&shelf->items[i].sum));
    }
}

static void short_abandons_follow_the_queues_threshold(void **state)
{
    struct shelf *shelf = *state;
    static const struct {
        uint32_t queue;
        int64_t wait_ms;
        uint32_t flags;
        enum leg_outcome outcome;
        unsigned is_short;
    } cases[] = {{1, 5000, 0, LEG_ABANDONED, 1},    {1, 5001, 0, LEG_ABANDONED, 0},
                 {2, 10000, 0, LEG_ABANDONED, 1},   {1, 0, LEG_FLAG_SUSPECT_WAIT, LEG_ABANDONED, 0},
                 {1, 1000, 0, LEG_EXIT_TIMEOUT, 0}, {1, 1000, 0, LEG_EXIT_KEY, 0},
                 {1, 1000, 0, LEG_EXIT_EMPTY, 0},   {1, 1000, 0, LEG_WITHDRAWN, 0},
                 {1, 1000, 0, LEG_LOST, 0}};
    static const int counters[] = {
        [LEG_ABANDONED] = FLOW_ABANDONED,   [LEG_EXIT_TIMEOUT] = FLOW_EXIT_TIMEOUT, [LEG_EXIT_KEY] = FLOW_EXIT_KEY,
        [LEG_EXIT_EMPTY] = FLOW_EXIT_EMPTY, [LEG_WITHDRAWN] = FLOW_WITHDRAWN,       [LEG_LOST] = FLOW_LOST};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t start_s = START_S + (int64_t)i * 900;
        struct call_leg leg = entered(cases[i].queue, start_s * 1000);
        assert_int_equal(change(shelf, LEG_CHANGE_ENTERED, &leg, leg.enter_ms), 0);
        leg.wait_ms = cases[i].wait_ms;
        leg.flags = cases[i].flags;
        leg.outcome = cases[i].outcome;
        assert_int_equal(change(shelf, LEG_CHANGE_LEFT, &leg, leg.enter_ms + leg.wait_ms), 0);
        save(shelf);
        const struct summary *sum = &find(shelf, cases[i].queue, start_s)->sum;
        assert_int_equal(sum->flow[FLOW_ABANDONED_SHORT], cases[i].is_short);
        assert_int_equal(sum->cohort[COHORT_ABANDONED_SHORT], cases[i].is_short);
        assert_int_equal(sum->flow[counters[cases[i].outcome]], 1);
        assert_true(summary_balanced(sum));
    }
}

static void waiting_taken_back_leaves_nothing(void **state)
{
    struct shelf *shelf = *state;
    struct call_leg leg = entered(1, START_S * 1000);
    assert_int_equal(change(shelf, LEG_CHANGE_ENTERED, &leg, leg.enter_ms), 0);
    waited(shelf, &leg, START_S / 900, START_S / 900 + 3);
    save(shelf);
    assert_int_equal(shelf->count, 4);
    waited(shelf, &leg, START_S / 900 + 3, START_S / 900);
    leg.outcome = LEG_ABANDONED;
    assert_int_equal(change(shelf, LEG_CHANGE_LEFT, &leg, leg.enter_ms), 0);
    save(shelf);
    for (int64_t i = 1; i <= 3; i++) {
        const struct stored *item = find(shelf, 1, START_S + i * 900);
        assert_true(summary_is_zero(&item->sum));
    }
}

static void a_failed_commit_loses_nothing(void **state)
{
    struct shelf *shelf = *state;
    struct call_leg leg = entered(1, START_S * 1000);
    assert_int_equal(change(shelf, LEG_CHANGE_ENTERED, &leg, leg.enter_ms), 0);
    shelf->put_fails = STATUS_FULL;
    assert_int_equal(book_save(shelf->book, put, shelf), STATUS_FULL);
    assert_int_equal(book_dirty_count(shelf->book), 1);
    shelf->put_fails = 0;
    assert_int_equal(change(shelf, LEG_CHANGE_ENTERED, &leg, leg.enter_ms), 0);
    save(shelf);
    assert_int_equal(shelf->items[0].sum.flow[FLOW_ENTERED], 2);
    save(shelf);
    assert_int_equal(shelf->put, 1); /* nothing changed since */
    struct leg_change blocked = {.kind = LEG_CHANGE_BLOCKED, .at_ms = START_S * 1000, .queue = 1};
    assert_int_equal(book_change(shelf->book, &blocked), 0);
    save(shelf);
    assert_int_equal(shelf->put, 2);
}

static void failing_to_load_is_passed_on_and_leaves_no_entry(void **state)
{
    struct shelf *shelf = *state;
    struct call_leg leg = entered(1, START_S * 1000);
    shelf->load_fails = STATUS_IO;
    assert_int_equal(change(shelf, LEG_CHANGE_ENTERED, &leg, leg.enter_ms), STATUS_IO);
    assert_int_equal(book_dirty_count(shelf->book), 0);
    shelf->load_fails = 0;
    assert_int_equal(change(shelf, LEG_CHANGE_ENTERED, &leg, leg.enter_ms), 0);
    save(shelf);
    assert_int_equal(shelf->items[0].sum.flow[FLOW_ENTERED], 1);
    assert_int_equal(book_change(shelf->book, &(struct leg_change){.kind = (enum leg_change_kind)99}), STATUS_INVALID);
}

/* Old intervals leave the memory and come back when a late row needs them. */
static void old_intervals_leave_and_come_back(void **state)
{
    struct shelf *shelf = *state;
    enum { QUEUES = 70, STEPS = 40 };
    for (int64_t i = 0; i < STEPS; i++) {
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            struct leg_change missed = {.kind = LEG_CHANGE_MISSED, .at_ms = (START_S + i * 900) * 1000, .queue = queue};
            assert_int_equal(book_change(shelf->book, &missed), 0);
        }
        assert_int_equal(book_dirty_count(shelf->book), QUEUES);
        save(shelf);
    }
    size_t loads = shelf->loads;
    assert_int_equal(loads, QUEUES * STEPS);
    for (int64_t i = STEPS - 1; i >= 0; i--) {
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            struct leg_change missed = {.kind = LEG_CHANGE_MISSED, .at_ms = (START_S + i * 900) * 1000, .queue = queue};
            assert_int_equal(book_change(shelf->book, &missed), 0);
        }
        save(shelf);
    }
    assert_true(shelf->loads > loads + QUEUES * (STEPS - 10)); /* they had left */
    assert_true(shelf->loads < loads + QUEUES * STEPS);        /* the newest had not */
    for (size_t i = 0; i < shelf->count; i++) {
        assert_int_equal(shelf->items[i].sum.flow[FLOW_RING_NO_ANSWER], 2);
    }
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static size_t heap_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
#endif
}

static int count_one(void *ctx, const struct book_item *item)
{
    size_t *count = ctx;
    *count += item->summary->flow[FLOW_RING_NO_ANSWER] == 1;
    return 0;
}

/* A month is read in one go, then there is calm. */
static void what_a_burst_took_is_given_back(void **state)
{
    enum { INTERVALS = 3000, LEFT_BYTES = 64 * 1024 };
    struct shelf *shelf = *state;
    size_t before = heap_bytes();
    for (int burst = 0; burst < 2; burst++) {
        size_t counted = 0;
        for (int64_t i = 0; i < INTERVALS; i++) {
            struct leg_change missed = {
                .kind = LEG_CHANGE_MISSED, .at_ms = (START_S + (burst * INTERVALS + i) * 900) * 1000, .queue = 1};
            assert_int_equal(book_change(shelf->book, &missed), 0);
        }
        book_trim(shelf->book); /* nothing of it: it is not stored yet */
        assert_int_equal(book_dirty_count(shelf->book), INTERVALS);
        assert_int_equal(book_save(shelf->book, count_one, &counted), 0);
        assert_int_equal(counted, INTERVALS);
        book_saved(shelf->book);
        assert_true(heap_bytes() > before + INTERVALS * sizeof(struct summary));
        book_trim(shelf->book);
        assert_true(heap_bytes() < before + LEFT_BYTES);
    }
    struct leg_change missed = {
        .kind = LEG_CHANGE_MISSED, .at_ms = (START_S + (2 * INTERVALS - 1) * 900) * 1000, .queue = 1};
    shelf->loads = 0;
    assert_int_equal(book_change(shelf->book, &missed), 0);
    assert_int_equal(shelf->loads, 0); /* the newest are still there, and found */
    assert_int_equal(book_save(shelf->book, put, shelf), 0);
    assert_int_equal(shelf->items[0].sum.flow[FLOW_RING_NO_ANSWER], 2);
}

static int in_order(void *ctx, const struct book_item *item)
{
    struct book_item *last = ctx;
    assert_true(item->start_s > last->start_s || (item->start_s == last->start_s && item->queue > last->queue));
    *last = *item;
    return 0;
}

static void saving_is_in_the_order_of_storage(void **state)
{
    struct shelf *shelf = *state;
    for (uint32_t i = 0; i < 500; i++) {
        struct leg_change missed = {.kind = LEG_CHANGE_MISSED,
                                    .at_ms = (START_S + (int64_t)(i * 7919 % 50) * 900) * 1000,
                                    .queue = i * 31 % 37 + 1};
        assert_int_equal(book_change(shelf->book, &missed), 0);
    }
    struct book_item last = {.start_s = 0};
    assert_int_equal(book_save(shelf->book, in_order, &last), 0);
    assert_true(last.start_s > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flow_counts_where_it_happens_and_cohort_where_it_began, open_shelf,
                                        close_shelf),
        cmocka_unit_test_setup_teardown(short_abandons_follow_the_queues_threshold, open_shelf, close_shelf),
        cmocka_unit_test_setup_teardown(waiting_taken_back_leaves_nothing, open_shelf, close_shelf),
        cmocka_unit_test_setup_teardown(a_failed_commit_loses_nothing, open_shelf, close_shelf),
        cmocka_unit_test_setup_teardown(failing_to_load_is_passed_on_and_leaves_no_entry, open_shelf, close_shelf),
        cmocka_unit_test_setup_teardown(old_intervals_leave_and_come_back, open_shelf, close_shelf),
        cmocka_unit_test_setup_teardown(what_a_burst_took_is_given_back, open_shelf, close_shelf),
        cmocka_unit_test_setup_teardown(saving_is_in_the_order_of_storage, open_shelf, close_shelf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
