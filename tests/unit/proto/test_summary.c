#include "proto/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/status.h"

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static void fill(struct summary *sum, uint64_t seed)
{
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    summary_clear(sum);
    for (int i = 0; i < FLOW_COUNT; i++) {
        sum->flow[i] = (uint32_t)(random_next() % 3 ? random_next() % 200 : 0);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        sum->cohort[i] = (uint32_t)(random_next() % 3 ? random_next() % 200 : 0);
    }
    sum->waiting_start = (uint32_t)(random_next() % 4);
    sum->waiting_end = (uint32_t)(random_next() % 4);
    sum->waiting_max = (uint32_t)(random_next() % 9);
    for (int i = 0; i < DURATION_COUNT; i++) {
        for (uint64_t n = random_next() % 40; n > 0; n--) {
            assert_int_equal(summary_add_duration(sum, (enum duration_kind)i, (int64_t)(random_next() % 400000)), 0);
        }
    }
}

static void assert_bytes(const struct summary *sum, const void *bytes, size_t len)
{
    struct buf out = BUF_INIT;
    summary_encode(sum, &out);
    assert_false(out.failed);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, bytes, len);
    buf_deinit(&out);
}

static void assert_same(const struct summary *a, const struct summary *b)
{
    struct buf out = BUF_INIT;
    summary_encode(b, &out);
    assert_bytes(a, out.data, out.len);
    buf_deinit(&out);
    assert_true(summary_equal(a, b));
}

static int decode(const void *bytes, size_t len)
{
    struct summary sum = {0};
    struct wire_reader reader = wire_reader_make(bytes, len);
    int status = summary_decode(&sum, &reader);
    if (status != 0) {
        assert_true(summary_is_zero(&sum));
        assert_true(reader.failed);
    }
    summary_deinit(&sum);
    return status;
}

static void an_empty_summary_is_six_bytes(void **state)
{
    (void)state;
    struct summary sum = {0};
    assert_true(summary_is_zero(&sum));
    assert_true(summary_balanced(&sum));
    assert_bytes(&sum, "\x01\x00\x00\x00\x00\x00", 6);
}

static void encodes_golden_bytes(void **state)
{
    (void)state;
    struct summary sum = {0};
    sum.flow[FLOW_ENTERED] = 300;
    sum.flow[FLOW_SUSPECT] = 1;
    sum.cohort[COHORT_ANSWERED] = 4;
    sum.waiting_end = 2;
    assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ANSWERED, 2000), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ANSWERED, 5000), 0);
    }
    assert_int_equal(summary_add_duration(&sum, DURATION_HANDLE, -7), 0); /* counts as 0 ms */
    static const uint8_t golden[] = {
        0x01, 0x00,                                     /* version, nothing left out */
        0x81, 0x80, 0x01, 0xac, 0x02, 0x01,             /* flow 0 and 14 */
        0x02, 0x04,                                     /* cohort 1 */
        0x02, 0x02,                                     /* waiting_end */
        0x81, 0x01,                                     /* durations 0 and 7 */
        0x22, 0x00, 0x05, 0x98, 0x11, 0xd7, 0x04, 0x03, /* sum 17 s, max at the edge, 5 bytes */
        0x00, 0x00, 0x01, 0x00,                         /* sum 0, max 0, 1 byte: bin 0 once */
    };
    assert_bytes(&sum, golden, sizeof golden);
    assert_int_equal(decode(golden, sizeof golden), 0);
    for (size_t len = 0; len < sizeof golden; len++) {
        assert_int_equal(decode(golden, len), STATUS_INVALID);
    }
    summary_deinit(&sum);
}

static void decode_gives_back_what_was_encoded(void **state)
{
    (void)state;
    struct summary sum = {0};
    struct summary back = {0};
    struct buf out = BUF_INIT;
    for (uint64_t seed = 0; seed < 300; seed++) {
        fill(&sum, seed);
        buf_reset(&out);
        summary_encode(&sum, &out);
        buf_append_str(&out, "next");
        struct wire_reader reader = wire_reader_make(out.data, out.len);
        assert_int_equal(summary_decode(&back, &reader), 0);
        assert_int_equal(wire_left(&reader), 4);
        assert_same(&back, &sum);
    }
    buf_deinit(&out);
    summary_deinit(&sum);
    summary_deinit(&back);
}

static void decode_refuses_every_other_spelling(void **state)
{
    (void)state;
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x00", 6), 0);
    assert_int_equal(decode("\x00\x00\x00\x00\x00\x00", 6), STATUS_VERSION);
    assert_int_equal(decode("\x02\x00\x00\x00\x00\x00", 6), STATUS_VERSION);
    assert_int_equal(decode("\x01\x04\x00\x00\x00\x00", 6), STATUS_VERSION);         /* leaves out what nobody knows */
    assert_int_equal(decode("\x01\x00\x80\x80\x02\x00\x00\x00", 8), STATUS_VERSION); /* flow 15 */
    assert_int_equal(decode("\x01\x00\x00\x80\x10\x00\x00", 7), STATUS_VERSION);     /* cohort 11 */
    assert_int_equal(decode("\x01\x00\x00\x00\x08\x00", 6), STATUS_VERSION);         /* a fourth waiting number */
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x80\x02", 7), STATUS_VERSION);     /* duration 8 */
    assert_int_equal(decode("\x01\x00\x80\x00\x00\x00\x00", 7), STATUS_INVALID);     /* mask too long */
    assert_int_equal(decode("\x01\x00\x01\x00\x00\x00\x00", 7), STATUS_INVALID);     /* a counter of zero */
    assert_int_equal(decode("\x01\x00\x01\x81\x00\x00\x00\x00", 8), STATUS_INVALID); /* counter too long */
    assert_int_equal(decode("\x01\x00\x01\x80\x80\x80\x80\x10\x00\x00\x00", 11), STATUS_INVALID); /* 2^32 */
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x01\x00\x00\x00", 9), STATUS_INVALID);      /* an empty duration */
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x01\x03\x00\x05\x02", 10), STATUS_INVALID); /* histogram cut short */
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x01\x03\x00\x02\x03\x01", 11), STATUS_INVALID);
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x01\x03\x00\x01\x02", 10), 0);
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x01\x03\x04\x01\x02", 10), STATUS_INVALID); /* a maximum below zero */
    assert_int_equal(decode("\x01\x00\x00\x00\x00\x01\xd1\x0f\x00\x01\x02", 11), STATUS_INVALID); /* 1 s in ms */
    /* One call entered, cohort the same: left out, and only so. */
    assert_int_equal(decode("\x01\x01\x01\x01\x00\x00", 6), 0);
    assert_int_equal(decode("\x01\x00\x01\x01\x01\x01\x00\x00", 8), STATUS_INVALID);
    assert_int_equal(decode("\x01\x01\x00\x00\x00", 5), STATUS_INVALID);
    /* Talk of 1 ms, handle the same. */
    assert_int_equal(decode("\x01\x02\x00\x00\x00\x20\x03\x00\x01\x02", 10), 0);
    assert_int_equal(decode("\x01\x00\x00\x00\x00\xa0\x01\x03\x00\x01\x02\x03\x00\x01\x02", 15), STATUS_INVALID);
    assert_int_equal(decode("\x01\x02\x00\x00\x00\x00", 6), STATUS_INVALID);
}

static void append_adds_and_keeps_the_ends(void **state)
{
    (void)state;
    struct summary a = {0};
    struct summary b = {0};
    struct summary sum = {0};
    fill(&a, 1);
    fill(&b, 2);
    assert_int_equal(summary_copy(&sum, &a), 0);
    assert_same(&sum, &a);
    assert_int_equal(summary_append(&sum, &b), 0);
    for (int i = 0; i < FLOW_COUNT; i++) {
        assert_int_equal(sum.flow[i], a.flow[i] + b.flow[i]);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        assert_int_equal(sum.cohort[i], a.cohort[i] + b.cohort[i]);
    }
    for (int i = 0; i < DURATION_COUNT; i++) {
        const struct duration_stat *got = &sum.duration[i];
        assert_int_equal(got->sum_ms, a.duration[i].sum_ms + b.duration[i].sum_ms);
        uint32_t max_ms = a.duration[i].max_ms > b.duration[i].max_ms ? a.duration[i].max_ms : b.duration[i].max_ms;
        assert_int_equal(got->max_ms, max_ms);
        assert_int_equal(got->hist.total, a.duration[i].hist.total + b.duration[i].hist.total);
    }
    assert_int_equal(sum.waiting_start, a.waiting_start);
    assert_int_equal(sum.waiting_end, b.waiting_end);
    assert_int_equal(sum.waiting_max, a.waiting_max > b.waiting_max ? a.waiting_max : b.waiting_max);
    a.waiting_max = 8;
    b.waiting_max = 3;
    assert_int_equal(summary_append(&a, &b), 0);
    assert_int_equal(a.waiting_max, 8);
    b.waiting_max = 9;
    assert_int_equal(summary_append(&a, &b), 0);
    assert_int_equal(a.waiting_max, 9);
    summary_deinit(&a);
    summary_deinit(&b);
    summary_deinit(&sum);
}

/* (a + b) + c = a + (b + c), bit for bit. */
static void append_is_associative(void **state)
{
    (void)state;
    struct summary part[3];
    memset(part, 0, sizeof part);
    struct summary left = {0};
    struct summary right = {0};
    for (uint64_t seed = 10; seed < 110; seed++) {
        for (uint64_t i = 0; i < 3; i++) {
            fill(&part[i], seed * 3 + i);
        }
        assert_int_equal(summary_copy(&left, &part[0]), 0);
        assert_int_equal(summary_append(&left, &part[1]), 0);
        assert_int_equal(summary_append(&left, &part[2]), 0);
        assert_int_equal(summary_copy(&right, &part[0]), 0);
        assert_int_equal(summary_append(&part[1], &part[2]), 0);
        assert_int_equal(summary_append(&right, &part[1]), 0);
        assert_same(&left, &right);
    }
    for (int i = 0; i < 3; i++) {
        summary_deinit(&part[i]);
    }
    summary_deinit(&left);
    summary_deinit(&right);
}

static void append_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct summary a = {0};
    struct summary b = {0};
    a.flow[FLOW_LOST] = UINT32_MAX;
    b.flow[FLOW_LOST] = 1;
    assert_int_equal(summary_append(&a, &b), STATUS_RANGE);
    summary_clear(&a);
    summary_clear(&b);
    a.cohort[COHORT_LOST] = UINT32_MAX;
    b.cohort[COHORT_LOST] = 1;
    assert_int_equal(summary_append(&a, &b), STATUS_RANGE);
    summary_clear(&a);
    summary_clear(&b);
    a.duration[DURATION_TALK].sum_ms = UINT64_MAX;
    assert_int_equal(summary_add_duration(&a, DURATION_TALK, 1), STATUS_RANGE);
    assert_int_equal(summary_add_duration(&b, DURATION_TALK, 1), 0);
    assert_int_equal(summary_append(&a, &b), STATUS_RANGE);
    summary_deinit(&a);
    summary_deinit(&b);
}

static void huge_durations_are_bounded(void **state)
{
    (void)state;
    struct summary sum = {0};
    assert_int_equal(summary_add_duration(&sum, DURATION_RING, INT64_MAX), 0);
    assert_int_equal(sum.duration[DURATION_RING].max_ms, UINT32_MAX);
    assert_int_equal(sum.duration[DURATION_RING].sum_ms, UINT32_MAX);
    summary_deinit(&sum);
}

static void balance_is_what_came_against_what_went(void **state)
{
    (void)state;
    static const enum flow_counter went[] = {FLOW_ANSWERED, FLOW_ABANDONED, FLOW_EXIT_TIMEOUT, FLOW_EXIT_EMPTY,
                                             FLOW_EXIT_KEY, FLOW_WITHDRAWN, FLOW_LOST};
    static const enum flow_counter beside[] = {FLOW_ABANDONED_SHORT, FLOW_BLOCKED,         FLOW_LOST_CONNECTED,
                                               FLOW_TRANSFERRED_IN,  FLOW_TRANSFERRED_OUT, FLOW_RING_NO_ANSWER,
                                               FLOW_SUSPECT};
    struct summary sum = {0};
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        sum.flow[beside[i]] = 9;
        assert_true(summary_balanced(&sum));
    }
    for (size_t i = 0; i < sizeof went / sizeof went[0]; i++) {
        sum.flow[went[i]] = 1;
        assert_false(summary_balanced(&sum));
        sum.flow[FLOW_ENTERED]++;
        assert_true(summary_balanced(&sum));
    }
    sum.waiting_start = 2;
    assert_false(summary_balanced(&sum));
    sum.waiting_end = 2;
    assert_true(summary_balanced(&sum));
    sum.flow[FLOW_ENTERED] = UINT32_MAX; /* no wrap-around may make it true */
    sum.flow[FLOW_ANSWERED] = UINT32_MAX;
    assert_false(summary_balanced(&sum));
}

static void every_name_is_there_once(void **state)
{
    (void)state;
    for (int i = 0; i < FLOW_COUNT; i++) {
        assert_non_null(summary_flow_names[i]);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(summary_flow_names[i], summary_flow_names[j]);
        }
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        assert_non_null(summary_cohort_names[i]);
    }
    for (int i = 0; i < DURATION_COUNT; i++) {
        assert_non_null(strstr(summary_duration_names[i], "_ms"));
    }
    assert_string_equal(summary_flow_names[FLOW_EXIT_KEY], "exit_key");
    assert_string_equal(summary_cohort_names[COHORT_TRANSFERRED_OUT], "transferred_out");
}

/* Equality looks at every field. */
static void a_change_anywhere_is_unequal(void **state)
{
    (void)state;
    struct summary a = {0};
    struct summary b = {0};
    fill(&a, 5);
    for (int field = 0; field < 7; field++) {
        assert_int_equal(summary_copy(&b, &a), 0);
        assert_true(summary_equal(&a, &b));
        uint32_t *counters[] = {&b.flow[FLOW_SUSPECT], &b.cohort[COHORT_TRANSFERRED_OUT],
                                &b.waiting_start,      &b.waiting_end,
                                &b.waiting_max,        &b.duration[7].max_ms};
        if (field < 6) {
            ++*counters[field];
        } else {
            assert_int_equal(histogram_add(&b.duration[3].hist, 1, 1), 0);
        }
        assert_false(summary_equal(&a, &b));
    }
    summary_deinit(&a);
    summary_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_summary_is_six_bytes),          cmocka_unit_test(encodes_golden_bytes),
        cmocka_unit_test(decode_gives_back_what_was_encoded),     cmocka_unit_test(decode_refuses_every_other_spelling),
        cmocka_unit_test(append_adds_and_keeps_the_ends),         cmocka_unit_test(append_is_associative),
        cmocka_unit_test(append_refuses_what_does_not_fit),       cmocka_unit_test(huge_durations_are_bounded),
        cmocka_unit_test(balance_is_what_came_against_what_went), cmocka_unit_test(every_name_is_there_once),
        cmocka_unit_test(a_change_anywhere_is_unequal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
