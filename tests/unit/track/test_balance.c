#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/kpi/book.h"
#include "agent/track/track.h"
#include "platform/base/status.h"
#include "tests/unit/track/stream.h"

enum { INTERVAL_MS = 300 * 1000, ITEMS_MAX = 40000, LEGS_MAX = 12000, QUEUES_MAX = 8, NUMBERS = 400 * 288 };

/* Tracker and book over arrays; everything is saved after every row, so that every moment can be looked at. */
struct item {
    uint32_t queue;
    int64_t number;
    struct summary sum;
};

struct desk {
    struct track *track;
    struct book *book;
    struct intern *queues;
    struct intern *operators;
    struct item *items;
    size_t item_count;
    uint32_t *places;
    struct call_leg *legs; /* by seq: as saved, or as closed */
    bool *closed;
    uint64_t leg_count;
};

static uint64_t token(void *ctx, struct slice number)
{
    (void)ctx;
    return number.len;
}

static int on_change(void *ctx, const struct leg_change *change)
{
    return book_change(((struct desk *)ctx)->book, change);
}

static int on_closed(void *ctx, const struct call_leg *leg)
{
    struct desk *desk = ctx;
    assert_true(leg->seq < LEGS_MAX && leg->state == LEG_DONE && leg->outcome != LEG_OPEN);
    assert_false(desk->closed[leg->seq]); /* once only */
    desk->closed[leg->seq] = true;
    desk->legs[leg->seq] = *leg;
    desk->leg_count = leg->seq > desk->leg_count ? leg->seq : desk->leg_count;
    return 0;
}

static int64_t short_ms(void *ctx, uint32_t queue)
{
    (void)ctx;
    (void)queue;
    return 5000;
}

/* Where the index of an interval's item stands; 0 there: none. */
static uint32_t *place_of(struct desk *desk, uint32_t queue, int64_t number)
{
    int64_t at = number - STREAM_START_MS / INTERVAL_MS + NUMBERS / 2;
    assert_true(queue < QUEUES_MAX && at >= 0 && at < NUMBERS);
    return &desk->places[queue * NUMBERS + (size_t)at];
}

static struct item *find_item(struct desk *desk, uint32_t queue, int64_t number)
{
    uint32_t at = *place_of(desk, queue, number);
    return at ? &desk->items[at - 1] : NULL;
}

static int load(void *ctx, uint32_t queue, int64_t start_s, struct summary *out)
{
    const struct item *item = find_item(ctx, queue, start_s * 1000 / INTERVAL_MS);
    if (!item) {
        return BOOK_NEW;
    }
    return summary_copy(out, &item->sum);
}

static int keep_item(void *ctx, const struct book_item *saved)
{
    struct desk *desk = ctx;
    int64_t number = saved->start_s * 1000 / INTERVAL_MS;
    struct item *item = find_item(desk, saved->queue, number);
    if (!item) {
        assert_true(desk->item_count < ITEMS_MAX);
        item = &desk->items[desk->item_count++];
        *place_of(desk, saved->queue, number) = (uint32_t)desk->item_count;
        *item = (struct item){.queue = saved->queue, .number = number};
    }
    const struct summary *sum = saved->summary;
    assert_true(summary_balanced(sum));
    assert_true(sum->waiting_max >= sum->waiting_start && sum->waiting_max >= sum->waiting_end);
    assert_true(sum->flow[FLOW_ABANDONED_SHORT] <= sum->flow[FLOW_ABANDONED]);
    assert_true(sum->flow[FLOW_ENTERED] == sum->cohort[COHORT_ENTERED]);
    assert_true(sum->cohort[COHORT_ANSWERED] <= sum->cohort[COHORT_ENTERED]);
    return summary_copy(&item->sum, sum);
}

static int keep_leg(void *ctx, const struct call_leg *leg)
{
    struct desk *desk = ctx;
    assert_true(leg->seq < LEGS_MAX && !desk->closed[leg->seq]);
    desk->legs[leg->seq] = *leg;
    desk->leg_count = leg->seq > desk->leg_count ? leg->seq : desk->leg_count;
    return 0;
}

static int drop_leg(void *ctx, uint64_t seq)
{
    assert_true(((struct desk *)ctx)->closed[seq]); /* it was handed out before */
    return 0;
}

static void save(struct desk *desk)
{
    struct track_saver saver = {keep_leg, drop_leg, desk};
    assert_int_equal(track_save(desk->track, &saver), 0);
    track_saved(desk->track);
    assert_int_equal(book_save(desk->book, keep_item, desk), 0);
    book_saved(desk->book);
    assert_int_equal(book_dirty_count(desk->book), 0);
}

static struct desk *make(size_t open_max)
{
    struct desk *desk = calloc(1, sizeof *desk);
    assert_non_null(desk);
    desk->items = calloc(ITEMS_MAX, sizeof *desk->items);
    desk->places = calloc((size_t)QUEUES_MAX * NUMBERS, sizeof *desk->places);
    desk->legs = calloc(LEGS_MAX, sizeof *desk->legs);
    desk->closed = calloc(LEGS_MAX, sizeof *desk->closed);
    assert_true(desk->items && desk->places && desk->legs && desk->closed);
    assert_int_equal(intern_new(100, &desk->queues), 0);
    assert_int_equal(intern_new(100, &desk->operators), 0);
    struct book_options book = {.interval_ms = INTERVAL_MS, .short_abandon_ms = short_ms, .load = load, .ctx = desk};
    assert_int_equal(book_new(&book, &desk->book), 0);
    struct track_options track = {.interval_ms = INTERVAL_MS,
                                  .open_max = open_max,
                                  .queues = desk->queues,
                                  .operators = desk->operators,
                                  .caller_token = token,
                                  .change = on_change,
                                  .closed = on_closed,
                                  .ctx = desk};
    assert_int_equal(track_new(&track, &desk->track), 0);
    return desk;
}

static void destroy(struct desk *desk)
{
    track_free(desk->track);
    book_free(desk->book);
    intern_free(desk->queues);
    intern_free(desk->operators);
    for (size_t i = 0; i < desk->item_count; i++) {
        summary_deinit(&desk->items[i].sum);
    }
    free(desk->items);
    free(desk->places);
    free(desk->legs);
    free(desk->closed);
    free(desk);
}

/* Who waits at the end of an interval waits at the start of the next, but for those whom no later row moved on yet:
 * these are the legs that wait now, each at the newest interval it counts in. */
static void check_edges(struct desk *desk)
{
    for (size_t i = 0; i < desk->item_count; i++) {
        const struct item *item = &desk->items[i];
        const struct item *next = find_item(desk, item->queue, item->number + 1);
        uint32_t stay = 0;
        for (uint64_t seq = 1; seq <= desk->leg_count; seq++) {
            const struct call_leg *leg = &desk->legs[seq];
            stay +=
                leg->seq && leg->state == LEG_WAITING && leg->queue == item->queue && leg->waited_to == item->number;
        }
        assert_int_equal(item->sum.waiting_end, stay + (next ? next->sum.waiting_start : 0));
    }
}

static uint64_t total(const struct desk *desk, bool cohort, int counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < desk->item_count; i++) {
        sum += cohort ? desk->items[i].sum.cohort[counter] : desk->items[i].sum.flow[counter];
    }
    return sum;
}

/* The intervals say what the legs say. */
static void check_totals(const struct desk *desk)
{
    uint64_t outcomes[LEG_OUTCOME_COUNT] = {0};
    uint64_t answered = 0;
    uint64_t entered = 0;
    uint64_t transferred_in = 0;
    for (uint64_t seq = 1; seq <= desk->leg_count; seq++) {
        const struct call_leg *leg = &desk->legs[seq];
        entered += leg->seq != 0;
        answered += leg->connect_ms != 0;
        transferred_in += (leg->flags & LEG_FLAG_TRANSFERRED_IN) != 0;
        outcomes[leg->outcome] += leg->seq != 0;
    }
    static const struct {
        int flow;
        int cohort;
        enum leg_outcome outcome;
    } same[] = {{FLOW_ABANDONED, COHORT_ABANDONED, LEG_ABANDONED},
                {FLOW_EXIT_TIMEOUT, COHORT_EXIT_TIMEOUT, LEG_EXIT_TIMEOUT},
                {FLOW_EXIT_EMPTY, COHORT_EXIT_EMPTY, LEG_EXIT_EMPTY},
                {FLOW_EXIT_KEY, COHORT_EXIT_KEY, LEG_EXIT_KEY},
                {FLOW_WITHDRAWN, COHORT_WITHDRAWN, LEG_WITHDRAWN},
                {FLOW_LOST, COHORT_LOST, LEG_LOST},
                {FLOW_TRANSFERRED_OUT, COHORT_TRANSFERRED_OUT, LEG_TRANSFERRED}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_int_equal(total(desk, false, same[i].flow), outcomes[same[i].outcome]);
        assert_int_equal(total(desk, true, same[i].cohort), outcomes[same[i].outcome]);
    }
    assert_int_equal(total(desk, false, FLOW_LOST_CONNECTED), outcomes[LEG_LOST_CONNECTED]);
    assert_int_equal(total(desk, false, FLOW_ENTERED), entered);
    assert_int_equal(total(desk, false, FLOW_ANSWERED), answered);
    assert_int_equal(total(desk, true, COHORT_ANSWERED), answered);
    assert_int_equal(total(desk, false, FLOW_TRANSFERRED_IN), transferred_in);
    assert_int_equal(total(desk, true, COHORT_ABANDONED_SHORT), total(desk, false, FLOW_ABANDONED_SHORT));
    assert_int_equal(total(desk, false, FLOW_SUSPECT), track_counters(desk->track)->suspect_durations);
}

static void run(uint64_t seed, const struct stream_options *options, size_t open_max, unsigned events)
{
    struct desk *desk = make(open_max);
    struct stream stream;
    stream_init(&stream, seed, options);
    for (unsigned i = 0; i < events; i++) {
        struct call_event event = stream_next(&stream);
        assert_int_equal(track_put(desk->track, &event), 0);
        assert_true(track_open_count(desk->track) <= open_max + 1);
        if (i % 7 == 0) { /* the clock runs on without rows */
            assert_int_equal(track_tick(desk->track, stream.now_ms + rng_between(&stream.rng, -60, 900) * 1000), 0);
        }
        save(desk);
        if (i % 100 == 0) {
            check_edges(desk);
        }
    }
    check_edges(desk);
    check_totals(desk);
    destroy(desk);
}

static void books_balance_at_every_moment_of_ordinary_days(void **state)
{
    (void)state;
    const struct stream_options options = {.odd_percent = 1, .late_percent = 2};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run(seed, &options, 65536, 1500);
    }
}

static void books_balance_at_every_moment_of_bad_days(void **state)
{
    (void)state;
    const struct stream_options options = {.odd_percent = 25, .late_percent = 15, .steps_per_mille = 4};
    for (uint64_t seed = 50; seed <= 65; seed++) {
        run(seed, &options, 65536, 1500);
    }
}

static void books_balance_when_legs_are_given_up(void **state)
{
    (void)state;
    const struct stream_options options = {.odd_percent = 10, .late_percent = 10, .steps_per_mille = 2};
    for (uint64_t seed = 80; seed <= 88; seed++) {
        run(seed, &options, 1 + seed % 7, 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_balance_at_every_moment_of_ordinary_days),
        cmocka_unit_test(books_balance_at_every_moment_of_bad_days),
        cmocka_unit_test(books_balance_when_legs_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
