#include "agent/track/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

enum { INTERVAL_MS = 900 * 1000, LEGS_MAX = 400 };

#define T0 INT64_C(1795284000000)

/* A tracker that notes all it says; `saved` is what storage holds. */
struct bench {
    struct track_options options;
    struct track *track;
    struct call_leg saved[LEGS_MAX];
    struct call_leg closed[LEGS_MAX];
    size_t closed_count;
    size_t changes[LEG_CHANGE_BLOCKED + 1];
    int fail_with;   /* what the callbacks return */
    size_t stop_put; /* track_save()'s put fails after so many */
};

static int on_change(void *ctx, const struct leg_change *change)
{
    struct bench *bench = ctx;
    bench->changes[change->kind]++;
    return bench->fail_with;
}

static int on_closed(void *ctx, const struct call_leg *leg)
{
    struct bench *bench = ctx;
    assert_true(bench->closed_count < LEGS_MAX);
    bench->closed[bench->closed_count++] = *leg;
    return bench->fail_with;
}

static uint64_t token(void *ctx, struct slice number)
{
    (void)ctx;
    return number.len ? (uint64_t)(unsigned char)number.data[0] : 0;
}

static struct bench *make(size_t open_max)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->options = (struct track_options){.interval_ms = INTERVAL_MS,
                                            .open_max = open_max,
                                            .caller_token = token,
                                            .change = on_change,
                                            .closed = on_closed,
                                            .ctx = bench};
    assert_int_equal(intern_new(3, &bench->options.queues), 0);
    assert_int_equal(intern_new(3, &bench->options.operators), 0);
    assert_int_equal(track_new(&bench->options, &bench->track), 0);
    return bench;
}

static void destroy(struct bench *bench)
{
    track_free(bench->track);
    intern_free(bench->options.queues);
    intern_free(bench->options.operators);
    free(bench);
}

static int save_leg(void *ctx, const struct call_leg *leg)
{
    struct bench *bench = ctx;
    assert_true(leg->seq < LEGS_MAX);
    if (bench->stop_put > 0 && --bench->stop_put == 0) {
        return STATUS_FULL;
    }
    bench->saved[leg->seq] = *leg;
    return 0;
}

static int drop_leg(void *ctx, uint64_t seq)
{
    struct bench *bench = ctx;
    assert_true(bench->saved[seq].seq == seq); /* only what was stored is dropped */
    bench->saved[seq] = (struct call_leg){0};
    return 0;
}

static void save(struct bench *bench)
{
    struct track_saver saver = {save_leg, drop_leg, bench};
    assert_int_equal(track_save(bench->track, &saver), 0);
    track_saved(bench->track);
}

static void save_and_restore(struct bench *bench)
{
    save(bench);
    int64_t newest_ms = track_newest_ms(bench->track);
    uint64_t next_seq = track_next_seq(bench->track);
    struct track_counters counters = *track_counters(bench->track);
    track_free(bench->track);
    assert_int_equal(track_new(&bench->options, &bench->track), 0);
    track_restore(bench->track, newest_ms, next_seq);
    for (size_t seq = 1; seq < LEGS_MAX; seq++) {
        if (bench->saved[seq].seq) {
            assert_int_equal(track_restore_leg(bench->track, &bench->saved[seq]), 0);
        }
    }
    *track_counters(bench->track) = counters;
}

struct row {
    int at_s;
    enum event_kind kind;
    const char *call_id;
    const char *queue;
    const char *operator_name;
    int wait_s; /* -1: not known */
    int talk_s;
};

static int put(struct bench *bench, const struct row *row)
{
    struct call_event event = {.kind = row->kind,
                               .at_ms = T0 + row->at_s * INT64_C(1000),
                               .call_id = slice_str(row->call_id),
                               .queue = slice_str(row->queue),
                               .operator_name = slice_str(row->operator_name),
                               .wait_ms = row->wait_s < 0 ? EVENT_UNKNOWN : row->wait_s * INT64_C(1000),
                               .talk_ms = row->talk_s < 0 ? EVENT_UNKNOWN : row->talk_s * INT64_C(1000),
                               .ring_ms = EVENT_UNKNOWN,
                               .position = EVENT_UNKNOWN,
                               .original_position = EVENT_UNKNOWN};
    return track_put(bench->track, &event);
}

/* One leg takes over the id of another conversation; the row after decides by what is known of both. */
static void legs_of_one_id_stand_in_the_same_order_after_a_restart(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0, EVENT_ENTER, "a", "q1", NULL, -1, -1},
        {5, EVENT_ENTER, "x", "q2", NULL, -1, -1},
        {10, EVENT_CONNECT, "x", "q2", "op1", 5, -1},
        {12, EVENT_CONNECT, "x", "q1", "op2", 12, -1},
        {20, EVENT_HOLD, "x", "", NULL, -1, -1},
        {30, EVENT_UNHOLD, "x", "", NULL, -1, -1},
        {40, EVENT_COMPLETE_CALLER, "x", "q2", "op1", -1, 30},
        {50, EVENT_COMPLETE_CALLER, "x", "q1", "op2", -1, 38},
        {900, EVENT_RELOAD, "", "", NULL, -1, -1},
    };
    for (int restarts = 0; restarts < 2; restarts++) {
        struct bench *bench = make(100);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            assert_int_equal(put(bench, &rows[i]), 0);
            if (restarts) {
                save_and_restore(bench);
            }
        }
        assert_int_equal(bench->closed_count, 2);
        for (size_t i = 0; i < 2; i++) { /* the hold belongs to the conversation that began last */
            const struct call_leg *leg = &bench->closed[i];
            assert_int_equal(leg->hold_ms, leg->connect_ms == T0 + 12000 ? 10000 : 0);
        }
        assert_int_equal(track_counters(bench->track)->rescued, 1);
        destroy(bench);
    }
}

static void calls_that_never_end_are_bounded(void **state)
{
    (void)state;
    enum { MAX = 50 };
    struct bench *bench = make(MAX);
    char id[32];
    for (int i = 0; i < 300; i++) { /* all in one second */
        (void)snprintf(id, sizeof id, "1.%d", i);
        const struct row row = {0, EVENT_ENTER, id, "q1", NULL, -1, -1};
        assert_int_equal(put(bench, &row), 0);
        assert_true(track_open_count(bench->track) <= MAX + 1);
    }
    const struct track_counters *counters = track_counters(bench->track);
    assert_int_equal(counters->lost_evicted, 300 - MAX);
    assert_int_equal(bench->changes[LEG_CHANGE_ENTERED], 300);
    assert_int_equal(bench->changes[LEG_CHANGE_LEFT], 300 - MAX);
    for (size_t i = 0; i < bench->closed_count; i++) { /* the oldest go first */
        assert_true(bench->closed[i].seq == i + 1 && bench->closed[i].outcome == LEG_LOST);
    }
    save(bench);
    destroy(bench);
}

static void finished_calls_make_room_before_open_ones_are_lost(void **state)
{
    (void)state;
    struct bench *bench = make(10);
    char id[32];
    const struct row first = {0, EVENT_ENTER, "stays", "q1", NULL, -1, -1};
    assert_int_equal(put(bench, &first), 0);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(id, sizeof id, "1.%d", i);
        const struct row enter = {1, EVENT_ENTER, id, "q1", NULL, -1, -1};
        const struct row leave = {1, EVENT_ABANDON, id, "q1", NULL, 0, -1};
        assert_int_equal(put(bench, &enter), 0);
        assert_int_equal(put(bench, &leave), 0);
        assert_true(track_open_count(bench->track) <= 11);
    }
    assert_int_equal(track_counters(bench->track)->lost_evicted, 0);
    const struct row connect = {2, EVENT_CONNECT, "stays", "q1", "op1", 2, -1};
    assert_int_equal(put(bench, &connect), 0);
    assert_int_equal(bench->changes[LEG_CHANGE_ANSWERED], 1);
    destroy(bench);
}

static void long_ids_are_one_call_by_what_is_kept_of_them(void **state)
{
    (void)state;
    struct bench *bench = make(10);
    char id[LEG_CALL_ID_MAX + 30];
    memset(id, 'i', sizeof id - 1);
    id[sizeof id - 1] = 0;
    const struct row enter = {0, EVENT_ENTER, id, "q1", NULL, -1, -1};
    const struct row connect = {5, EVENT_CONNECT, id, "q1", "op1", 5, -1};
    assert_int_equal(put(bench, &enter), 0);
    save_and_restore(bench);
    assert_int_equal(put(bench, &connect), 0);
    save(bench);
    assert_int_equal(bench->saved[1].call_id_len, LEG_CALL_ID_MAX);
    assert_int_equal(bench->saved[1].state, LEG_CONNECTED);
    assert_int_equal(track_counters(bench->track)->orphan_ends, 0);
    destroy(bench);
}

static void more_names_than_fit_are_counted(void **state)
{
    (void)state;
    struct bench *bench = make(10);
    static const char *const queues[] = {"q1", "q2", "q3", "q4", "q5"};
    for (int i = 0; i < 5; i++) {
        const struct row enter = {i, EVENT_ENTER, queues[i], queues[i], NULL, -1, -1};
        assert_int_equal(put(bench, &enter), 0);
    }
    assert_int_equal(bench->changes[LEG_CHANGE_ENTERED], 3);
    assert_int_equal(track_counters(bench->track)->names_refused, 2);
    destroy(bench);
}

static void failures_are_passed_on(void **state)
{
    (void)state;
    struct bench *bench = make(10);
    const struct row enter = {0, EVENT_ENTER, "a", "q1", NULL, -1, -1};
    bench->fail_with = STATUS_IO;
    assert_int_equal(put(bench, &enter), STATUS_IO);
    destroy(bench);
    bench = make(10);
    const struct row second = {0, EVENT_ENTER, "b", "q1", NULL, -1, -1};
    assert_int_equal(put(bench, &enter), 0);
    assert_int_equal(put(bench, &second), 0);
    bench->stop_put = 2;
    struct track_saver saver = {save_leg, drop_leg, bench};
    assert_int_equal(track_save(bench->track, &saver), STATUS_FULL);
    memset(bench->saved, 0, sizeof bench->saved); /* the transaction never was */
    save(bench);
    assert_true(bench->saved[1].seq == 1 && bench->saved[2].seq == 2);
    destroy(bench);
}

/* A leg that came and went between two commits is handed out and never stored nor dropped. */
static void short_lives_leave_no_trace_in_storage(void **state)
{
    (void)state;
    struct bench *bench = make(10);
    const struct row rows[] = {{0, EVENT_ENTER, "a", "q1", NULL, -1, -1},
                               {1, EVENT_ABANDON, "a", "q1", NULL, 1, -1},
                               {300, EVENT_RELOAD, "", "", NULL, -1, -1}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(bench, &rows[i]), 0);
    }
    assert_int_equal(bench->closed_count, 1);
    assert_int_equal(track_open_count(bench->track), 0);
    save(bench); /* drop_leg() would fail */
    assert_int_equal(bench->saved[1].seq, 0);
    destroy(bench);
}

static void done_legs_are_known_for_their_time_and_then_forgotten(void **state)
{
    (void)state;
    for (int restarts = 0; restarts < 2; restarts++) {
        struct bench *bench = make(10);
        const struct row rows[] = {{0, EVENT_ENTER, "a", "q1", NULL, -1, -1},
                                   {1, EVENT_ABANDON, "a", "q1", NULL, 1, -1},
                                   {121, EVENT_ABANDON, "a", "q1", NULL, 1, -1},  /* 120 s: a second end */
                                   {122, EVENT_ABANDON, "a", "q1", NULL, 1, -1}}; /* later: of nothing known */
        for (int i = 0; i < 4; i++) {
            assert_int_equal(put(bench, &rows[i]), 0);
            if (restarts) {
                save_and_restore(bench);
            }
        }
        assert_int_equal(track_counters(bench->track)->double_ends, 1);
        assert_int_equal(track_counters(bench->track)->orphan_ends, 1);
        assert_int_equal(bench->closed_count, 1);
        assert_int_equal(bench->saved[1].seq, 0);
        destroy(bench);
    }
}

static void ticks_count_waiting_callers_once_and_keep_out_of_the_past(void **state)
{
    (void)state;
    struct bench *bench = make(10);
    const struct row enter = {0, EVENT_ENTER, "a", "q1", NULL, -1, -1};
    assert_int_equal(track_tick(bench->track, T0), 0); /* before any event */
    assert_int_equal(put(bench, &enter), 0);
    assert_int_equal(track_tick(bench->track, T0 + 10000), 0);
    assert_int_equal(bench->changes[LEG_CHANGE_WAITED], 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(track_tick(bench->track, T0 + 2 * INTERVAL_MS), 0);
    }
    assert_int_equal(bench->changes[LEG_CHANGE_WAITED], 1);
    assert_int_equal(track_tick(bench->track, T0 + INT64_C(86400000)), 0); /* a replayed log lives in its own time */
    assert_int_equal(bench->changes[LEG_CHANGE_WAITED], 1);
    assert_int_equal(track_newest_ms(bench->track), T0);
    destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legs_of_one_id_stand_in_the_same_order_after_a_restart),
        cmocka_unit_test(calls_that_never_end_are_bounded),
        cmocka_unit_test(finished_calls_make_room_before_open_ones_are_lost),
        cmocka_unit_test(long_ids_are_one_call_by_what_is_kept_of_them),
        cmocka_unit_test(more_names_than_fit_are_counted),
        cmocka_unit_test(failures_are_passed_on),
        cmocka_unit_test(short_lives_leave_no_trace_in_storage),
        cmocka_unit_test(done_legs_are_known_for_their_time_and_then_forgotten),
        cmocka_unit_test(ticks_count_waiting_callers_once_and_keep_out_of_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
