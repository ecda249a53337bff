#include "proto/shift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/support/rng.h"

static void make_random(struct rng *rng, struct shift *out)
{
    shift_clear(out);
    for (int state = 0; state < SHIFT_STATE_COUNT; state++) {
        if (rng_chance(rng, 50)) {
            int64_t unit = rng_chance(rng, 50) ? 1000 : 1;
            assert_int_equal(shift_add_state(out, (enum shift_state)state, rng_below(rng, 900) * (uint64_t)unit), 0);
        }
    }
    out->wrap_by_reason_ms = rng_chance(rng, 30) ? rng_below(rng, 90000) : 0;
    for (uint64_t i = rng_below(rng, 5); i > 0; i--) {
        uint32_t reason = (uint32_t)rng_below(rng, rng_chance(rng, 95) ? 9 : UINT64_C(1) << 32);
        assert_int_equal(shift_add_reason(out, reason, rng_below(rng, 3000)), 0);
    }
    for (uint64_t i = rng_below(rng, 8); i > 0; i--) {
        uint32_t id = (uint32_t)rng_below(rng, rng_chance(rng, 95) ? 20 : UINT64_C(1) << 32);
        struct shift_queue *queue = shift_queue(out, id);
        assert_non_null(queue);
        queue->logged_in_ms = rng_chance(rng, 50) ? shift_logged_in_ms(out) : rng_below(rng, 900000);
        queue->talk_ms = rng_chance(rng, 40) ? rng_below(rng, 900000) : 0;
        queue->ring_ms = rng_chance(rng, 40) ? rng_below(rng, 90) * 1000 : 0;
        queue->hold_ms = rng_chance(rng, 20) ? rng_below(rng, 90000) : 0;
        queue->paused_ms = rng_chance(rng, 20) ? rng_below(rng, 90000) : 0;
        for (int c = 0; c < SHIFT_COUNT_COUNT; c++) {
            queue->count[c] = rng_chance(rng, 40) ? (uint32_t)rng_below(rng, 20) : 0;
        }
    }
}

static int decode(struct shift *out, const struct buf *bytes, size_t *left)
{
    struct wire_reader reader = wire_reader_make(bytes->data, bytes->len);
    int status = shift_decode(out, &reader);
    *left = wire_left(&reader);
    return status;
}

static void what_is_stored_comes_back(void **state)
{
    (void)state;
    struct rng rng = {11};
    struct shift in = {0};
    struct shift out = {0};
    struct buf bytes = BUF_INIT;
    for (int i = 0; i < 5000; i++) {
        size_t left;
        make_random(&rng, &in);
        buf_reset(&bytes);
        shift_encode(&in, &bytes);
        wire_put_u8(&bytes, 7); /* what stands behind it is left alone */
        assert_int_equal(decode(&out, &bytes, &left), 0);
        assert_int_equal(left, 1);
        assert_true(shift_equal(&in, &out));
    }
    shift_deinit(&in);
    shift_deinit(&out);
    buf_deinit(&bytes);
}

static void the_worked_example_holds(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x01, 0x4e, 0xb0, 0x09, 0xb5, 0x42, 0xcd, 0xe3, 0x1c,
                                       0x78, 0x01, 0x01, 0x78, 0x02, 0x01, 0x3c, 0xcd, 0xe3,
                                       0x1c, 0xb5, 0x42, 0x02, 0x02, 0x00, 0x02, 0xb4, 0x01};
    struct shift shift = {0};
    assert_int_equal(shift_add_state(&shift, SHIFT_READY, 600000), 0);
    assert_int_equal(shift_add_state(&shift, SHIFT_RING, 4250), 0);
    assert_int_equal(shift_add_state(&shift, SHIFT_TALK, 235750), 0);
    assert_int_equal(shift_add_state(&shift, SHIFT_PAUSED, 60000), 0);
    assert_int_equal(shift_add_reason(&shift, 1, 60000), 0);
    for (uint32_t id = 1; id <= 2; id++) {
        shift_queue(&shift, id)->logged_in_ms = shift_logged_in_ms(&shift);
        shift_queue(&shift, id)->paused_ms = id == 1 ? 60000 : 90000;
    }
    assert_int_equal(shift_logged_in_ms(&shift), 900000);
    struct shift_queue *queue = shift_queue(&shift, 1);
    queue->talk_ms = 235750;
    queue->ring_ms = 4250;
    queue->count[SHIFT_ANSWERED] = 2;
    queue->count[SHIFT_ENDED] = 2;
    struct buf bytes = BUF_INIT;
    shift_encode(&shift, &bytes);
    assert_int_equal(bytes.len, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    buf_deinit(&bytes);
    shift_deinit(&shift);
}

/* What a busy operator of three queues takes: nothing is in whole seconds. */
static void a_busy_quarter_of_an_hour_is_small(void **state)
{
    (void)state;
    struct shift shift = {0};
    static const uint64_t ms[] = {300001, 20003, 400007, 30011, 60013, 89965};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(shift_add_state(&shift, (enum shift_state)i, ms[i]), 0);
    }
    assert_int_equal(shift_add_reason(&shift, 3, 89965), 0);
    for (uint32_t id = 4; id <= 6; id++) {
        struct shift_queue *queue = shift_queue(&shift, id);
        queue->logged_in_ms = shift_logged_in_ms(&shift);
        queue->paused_ms = 89965;
        if (id < 6) {
            queue->talk_ms = 200003;
            queue->ring_ms = 10001;
            queue->count[SHIFT_ANSWERED] = 3;
            queue->count[SHIFT_ENDED] = 3;
        }
    }
    struct buf bytes = BUF_INIT;
    shift_encode(&shift, &bytes);
    assert_in_range(bytes.len, 1, 50); /* a record adds five */
    buf_deinit(&bytes);
    shift_deinit(&shift);
}

static void what_encode_would_not_write_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int status;
    } cases[] = {
        {"", 0, STATUS_INVALID},
        {"\x02\x00\x00\x00", 4, STATUS_VERSION},
        {"\x01\x80\x04\x00\x00", 5, STATUS_VERSION},                              /* a tenth bit */
        {"\x01\x82\x00\x02\x00\x00", 6, STATUS_INVALID},                          /* a mask in too many bytes */
        {"\x01\x02\x00\x00\x00", 5, STATUS_INVALID},                              /* zero seconds */
        {"\x01\x02\xd1\x0f\x00\x00", 6, STATUS_INVALID},                          /* 1000 ms: a whole second */
        {"\x01\x00\x02\x01\x02\x7f", 6, STATUS_INVALID},                          /* more reasons than bytes */
        {"\x01\x00\x01\x01\x00\x00", 6, STATUS_INVALID},                          /* a reason without time */
        {"\x01\x00\x00\x01\x01\x00", 6, STATUS_INVALID},                          /* a queue without anything */
        {"\x01\x00\x00\x01\x01\x01\x00", 7, STATUS_INVALID},                      /* logged in as long as implied */
        {"\x01\x00\x00\x01\x01\x80\x04\x02", 8, STATUS_VERSION},                  /* a queue's tenth bit */
        {"\x01\x00\x00\x01\x01\x10\x00", 7, STATUS_INVALID},                      /* a count of zero */
        {"\x01\x00\x02\xff\xff\xff\xff\x0f\x02\x00\x02\x00", 12, STATUS_INVALID}, /* an id beyond the last */
    };
    struct shift shift = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_reader reader = wire_reader_make(cases[i].bytes, cases[i].len);
        assert_int_equal(shift_decode(&shift, &reader), cases[i].status);
        assert_true(shift_is_zero(&shift));
        assert_true(reader.failed);
    }
    shift_deinit(&shift);
}

/* Whatever decodes is written again as it was read. */
static void noise_is_refused_or_canonical(void **state)
{
    (void)state;
    struct rng rng = {5};
    struct shift shift = {0};
    struct buf bytes = BUF_INIT;
    struct buf again = BUF_INIT;
    unsigned good = 0;
    for (int i = 0; i < 30000; i++) {
        make_random(&rng, &shift);
        buf_reset(&bytes);
        shift_encode(&shift, &bytes);
        for (uint64_t k = rng_below(&rng, 4); k > 0 && bytes.len > 0; k--) {
            bytes.data[rng_below(&rng, bytes.len)] = (uint8_t)rng_next(&rng);
        }
        bytes.len -= rng_chance(&rng, 30) ? rng_below(&rng, bytes.len) : 0;
        size_t left;
        if (decode(&shift, &bytes, &left) == 0) {
            buf_reset(&again);
            shift_encode(&shift, &again);
            assert_int_equal(again.len, bytes.len - left);
            assert_memory_equal(again.data, bytes.data, again.len);
            good++;
        }
    }
    assert_in_range(good, 1000, 29000);
    shift_deinit(&shift);
    buf_deinit(&bytes);
    buf_deinit(&again);
}

static void shifts_add_up(void **state)
{
    (void)state;
    struct rng rng = {3};
    struct shift a = {0};
    struct shift b = {0};
    struct shift ab = {0};
    struct shift ba = {0};
    for (int i = 0; i < 500; i++) {
        make_random(&rng, &a);
        make_random(&rng, &b);
        shift_clear(&ab);
        shift_clear(&ba);
        assert_int_equal(shift_merge(&ab, &a), 0);
        assert_true(shift_equal(&ab, &a));
        assert_int_equal(shift_merge(&ab, &b), 0);
        assert_int_equal(shift_merge(&ba, &b), 0);
        assert_int_equal(shift_merge(&ba, &a), 0);
        assert_true(shift_equal(&ab, &ba));
        assert_int_equal(shift_logged_in_ms(&ab), shift_logged_in_ms(&a) + shift_logged_in_ms(&b));
        for (size_t k = 1; k < ab.queue_count; k++) {
            assert_true(ab.queues[k - 1].queue < ab.queues[k].queue);
        }
    }
    shift_deinit(&a);
    shift_deinit(&b);
    shift_deinit(&ab);
    shift_deinit(&ba);
}

static void an_entry_at_zero_says_nothing(void **state)
{
    (void)state;
    struct shift a = {0};
    struct shift b = {0};
    assert_non_null(shift_queue(&a, 7));
    assert_int_equal(shift_add_reason(&a, 3, 0), 0);
    assert_true(shift_is_zero(&a));
    assert_true(shift_equal(&a, &b));
    shift_queue(&a, 9)->count[SHIFT_MISSED] = 1;
    shift_queue(&b, 9)->count[SHIFT_MISSED] = 1;
    assert_true(shift_equal(&a, &b) && shift_equal(&b, &a));
    assert_false(shift_is_zero(&a));
    shift_queue(&b, 8)->talk_ms = 1;
    assert_false(shift_equal(&a, &b) || shift_equal(&b, &a));
    shift_deinit(&a);
    shift_deinit(&b);
}

static void occupancy_needs_something_below_the_line(void **state)
{
    (void)state;
    struct shift shift = {0};
    double occupancy = -1;
    assert_int_equal(shift_add_state(&shift, SHIFT_PAUSED, 5000), 0);
    assert_int_equal(shift_add_state(&shift, SHIFT_BUSY, 5000), 0);
    assert_false(shift_occupancy(&shift, &occupancy));
    static const uint64_t s[] = {40, 10, 20, 10, 20};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(shift_add_state(&shift, (enum shift_state)i, s[i] * 1000), 0);
    }
    assert_true(shift_occupancy(&shift, &occupancy));
    assert_true(occupancy == 0.5);
    shift_deinit(&shift);
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(shift_state_names[SHIFT_READY], "ready");
    assert_string_equal(shift_state_names[SHIFT_UNAVAILABLE], "unavailable");
    assert_string_equal(shift_state_names[SHIFT_OFF], "off");
    for (int i = 0; i <= SHIFT_STATE_COUNT; i++) {
        assert_non_null(shift_state_names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_comes_back),
        cmocka_unit_test(the_worked_example_holds),
        cmocka_unit_test(a_busy_quarter_of_an_hour_is_small),
        cmocka_unit_test(what_encode_would_not_write_is_refused),
        cmocka_unit_test(noise_is_refused_or_canonical),
        cmocka_unit_test(shifts_add_up),
        cmocka_unit_test(an_entry_at_zero_says_nothing),
        cmocka_unit_test(occupancy_needs_something_below_the_line),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
