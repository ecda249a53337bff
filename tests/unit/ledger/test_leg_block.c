#include "agent/ledger/leg_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/ledger/kit.h"

enum { LEGS_MAX = 1200 };

static struct wire_reader reader_of(const struct buf *payload)
{
    return wire_reader_make(payload->data, payload->len);
}

static void assert_bytes(const struct buf *buf, const uint8_t *expected, size_t len)
{
    assert_int_equal(buf->len, len);
    assert_memory_equal(buf->data, expected, len);
}

/* The head of leg_block.h. */
static void worked_example_is_right(void **state)
{
    (void)state;
    struct call_leg leg = {.seq = 1,
                           .contact = 1,
                           .enter_ms = INT64_C(1795284531000),
                           .connect_ms = INT64_C(1795284533000),
                           .end_ms = INT64_C(1795284539000),
                           .wait_ms = 2000,
                           .ring_ms = 1000,
                           .talk_ms = 6000,
                           .queue = 1,
                           .operator_id = 1,
                           .position = 1,
                           .state = LEG_DONE,
                           .outcome = LEG_COMPLETED_OPERATOR,
                           .call_id_len = 12,
                           .call_id = "1795284531.0"};
    static const uint8_t row[] = {0x91, 0x01, 0x02, 0xe6, 0xf8, 0x8e, 0xb0, 0x0d, 0x02, 0x06, 0x01, 0x01, 0x0c,
                                  '1',  '7',  '9',  '5',  '2',  '8',  '4',  '5',  '3',  '1',  '.',  '0',  0x01};
    struct leg_block block;
    leg_block_init(&block);
    leg_block_add(&block, &leg);
    assert_bytes(&block.rows, row, sizeof row);

    /* The next caller, 5 s later, in the short form: id 1795284536.3, gave up after 4 s. */
    struct call_leg next = {.seq = 2,
                            .contact = 2,
                            .enter_ms = INT64_C(1795284536000),
                            .end_ms = INT64_C(1795284540000),
                            .wait_ms = 4000,
                            .ring_ms = -1,
                            .queue = 2,
                            .position = 1,
                            .state = LEG_DONE,
                            .outcome = LEG_ABANDONED,
                            .call_id_len = 12,
                            .call_id = "1795284536.3"};
    static const uint8_t next_row[] = {0xc4, 0x00, 0x02, 0x0a, 0x04, 0x02, 0x00, 0x06};
    size_t before = block.rows.len;
    leg_block_add(&block, &next);
    assert_int_equal(block.rows.len - before, sizeof next_row);
    assert_memory_equal(block.rows.data + before, next_row, sizeof next_row);
    leg_block_deinit(&block);
}

static size_t fill(struct rng *rng, struct leg_block *block, struct call_leg *legs, size_t from, bool plain)
{
    size_t count = from;
    int64_t end_ms = KIT_NOW_MS + (int64_t)from * 5000;
    bool stop = false;
    for (; count < LEGS_MAX && !leg_block_full(block) && !stop; count++) {
        end_ms += rng_between(rng, -20000, 40000);
        legs[count] = plain ? kit_plain_leg(rng, count + 1, end_ms) : kit_leg(rng, count + 1, end_ms);
        leg_block_add(block, &legs[count]);
        stop = rng_below(rng, 900) == 0;
    }
    return count;
}

static void assert_holds(struct wire_reader payload, const struct call_leg *legs, size_t count)
{
    struct leg_block_reader reader;
    assert_int_equal(leg_block_open(&reader, payload), 0);
    assert_int_equal(reader.count, count);
    int64_t min_end_ms = INT64_MAX;
    int64_t max_end_ms = INT64_MIN;
    struct call_leg leg;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(leg_block_next(&reader, &leg), 0);
        kit_assert_legs_equal(&leg, &legs[i]);
        min_end_ms = leg.end_ms < min_end_ms ? leg.end_ms : min_end_ms;
        max_end_ms = leg.end_ms > max_end_ms ? leg.end_ms : max_end_ms;
    }
    assert_int_equal(leg_block_next(&reader, &leg), LEG_BLOCK_END);
    assert_true(min_end_ms == reader.min_end_ms && max_end_ms == reader.max_end_ms);
}

static void random_legs_come_back(void **state)
{
    (void)state;
    static struct call_leg legs[LEGS_MAX];
    struct rng rng = {1};
    for (unsigned round = 0; round < 150; round++) {
        struct leg_block block;
        struct leg_block loaded;
        struct buf payload = BUF_INIT;
        leg_block_init(&block);
        leg_block_init(&loaded);
        size_t count = fill(&rng, &block, legs, 0, round % 3 == 0);
        leg_block_write(&block, &payload);
        assert_true(payload.len <= LEG_BLOCK_BYTES_MAX - 5);
        assert_holds(reader_of(&payload), legs, count);

        /* loaded again, it goes on as if it had never been away */
        assert_int_equal(leg_block_load(&loaded, reader_of(&payload)), 0);
        assert_int_equal(leg_block_full(&loaded), leg_block_full(&block));
        struct rng copy = rng;
        (void)fill(&copy, &block, legs, count, false);
        count = fill(&rng, &loaded, legs, count, false);
        assert_bytes(&loaded.rows, block.rows.data, block.rows.len);
        buf_reset(&payload);
        leg_block_write(&loaded, &payload);
        assert_true(payload.len <= LEG_BLOCK_BYTES_MAX - 5);
        assert_holds(reader_of(&payload), legs, count);
        leg_block_deinit(&block);
        leg_block_deinit(&loaded);
        buf_deinit(&payload);
    }
}

static void plain_legs_are_small(void **state)
{
    (void)state;
    static struct call_leg legs[LEGS_MAX];
    struct rng rng = {2};
    struct leg_block block;
    leg_block_init(&block);
    size_t count = 0;
    while (count < LEGS_MAX && !leg_block_full(&block)) {
        count = fill(&rng, &block, legs, count, true);
    }
    assert_true(block.rows.len < count * 32);
    leg_block_deinit(&block);
}

/* Every field as long as it can be: the largest row keeps its promise, so a block is never longer than its pages. */
static void largest_row_fits(void **state)
{
    (void)state;
    struct leg_block block;
    leg_block_init(&block);
    struct call_leg leg = {.seq = UINT64_MAX / 2,
                           .contact = 0,
                           .caller = (UINT64_C(1) << 48) - 1,
                           .enter_ms = INT64_C(1795284531001),
                           .connect_ms = INT64_C(1795284531001) + (INT64_C(1) << 45),
                           .end_ms = 1,
                           .wait_ms = 86400001,
                           .ring_ms = 86400001,
                           .talk_ms = 86400001,
                           .hold_ms = 86400001,
                           .queue = UINT32_MAX,
                           .operator_id = UINT32_MAX,
                           .position = UINT32_MAX,
                           .missed = UINT32_MAX,
                           .state = LEG_DONE,
                           .outcome = LEG_LOST_CONNECTED,
                           .flags = UINT32_MAX,
                           .call_id_len = LEG_CALL_ID_MAX,
                           .number_len = sizeof leg.number - 1};
    memset(leg.call_id, 'x', LEG_CALL_ID_MAX);
    memset(leg.number, '9', leg.number_len);
    leg_block_add(&block, &leg);
    assert_true(block.rows.len <= LEG_ROW_BYTES_MAX);
    struct buf payload = BUF_INIT;
    leg_block_write(&block, &payload);
    assert_holds(reader_of(&payload), &leg, 1);
    buf_deinit(&payload);
    leg_block_deinit(&block);
}

static int read_to_the_end(struct wire_reader payload, size_t *rows)
{
    struct leg_block_reader reader;
    struct call_leg leg;
    int status = leg_block_open(&reader, payload);
    for (*rows = 0; status == 0; (*rows)++) {
        status = leg_block_next(&reader, &leg);
        if (status == 0) {
            assert_true(leg.call_id_len <= LEG_CALL_ID_MAX && leg.number_len < sizeof leg.number);
            assert_true(leg.outcome < LEG_OUTCOME_COUNT);
        }
    }
    return status;
}

/* Stored blocks carry a checksum, so these never come from a disk; the decoder must stand them all the same. */
static void damaged_blocks_end_in_a_status(void **state)
{
    (void)state;
    static struct call_leg legs[LEGS_MAX];
    struct rng rng = {5};
    struct leg_block block;
    struct buf payload = BUF_INIT;
    leg_block_init(&block);
    (void)fill(&rng, &block, legs, 0, false);
    leg_block_write(&block, &payload);
    size_t rows;
    for (size_t len = 0; len < payload.len; len += 1 + len / 50) {
        uint8_t *exact = malloc(len + (len == 0));
        assert_non_null(exact);
        memcpy(exact, payload.data, len);
        assert_int_equal(read_to_the_end(wire_reader_make(exact, len), &rows), STATUS_CORRUPT);
        free(exact);
    }
    for (unsigned round = 0; round < 4000; round++) {
        size_t at = rng_below(&rng, payload.len);
        size_t run = round % 2 ? 1 : rng_below(&rng, 12);
        uint8_t kept[12];
        for (size_t i = 0; i < run && at + i < payload.len; i++) {
            kept[i] = payload.data[at + i];
            payload.data[at + i] = rng_chance(&rng, 50) ? 0xff : (uint8_t)rng_next(&rng);
        }
        int status = read_to_the_end(reader_of(&payload), &rows);
        assert_true(status == LEG_BLOCK_END || status == STATUS_CORRUPT);
        struct leg_block loaded;
        leg_block_init(&loaded);
        assert_int_equal(leg_block_load(&loaded, reader_of(&payload)), status == LEG_BLOCK_END ? 0 : status);
        leg_block_deinit(&loaded);
        for (size_t i = 0; i < run && at + i < payload.len; i++) {
            payload.data[at + i] = kept[i];
        }
    }
    buf_deinit(&payload);
    leg_block_deinit(&block);
}

static void numbers_that_overflow_are_corrupt(void **state)
{
    (void)state;
    struct buf payload = BUF_INIT;
    static const int64_t extremes[] = {INT64_MAX, INT64_MIN, INT64_C(1) << 46};
    for (int field = 0; field < 2; field++) {
        for (size_t i = 0; i < 3; i++) { /* the second row's time of entering, or its id's epoch */
            buf_reset(&payload);
            wire_put_varint(&payload, 2);
            wire_put_svarint(&payload, 1);
            wire_put_svarint(&payload, 1);
            static const uint8_t first[] = {0x84, 0x00, 0x02, 0x02, 0x02, 0x01, 0x03, '1', '.', '1'};
            buf_append(&payload, first, sizeof first);
            wire_put_u16(&payload, 0xc400);
            wire_put_svarint(&payload, 1);
            wire_put_svarint(&payload, field == 0 ? extremes[i] : 1);
            wire_put_varint(&payload, 1);
            wire_put_varint(&payload, 1);
            wire_put_svarint(&payload, field == 1 ? extremes[i] : 1);
            wire_put_svarint(&payload, 1);
            size_t rows;
            assert_int_equal(read_to_the_end(reader_of(&payload), &rows), STATUS_CORRUPT);
            assert_int_equal(rows, 2); /* the first is good */
        }
    }
    buf_deinit(&payload);
}

static void open_legs_come_back(void **state)
{
    (void)state;
    struct rng rng = {9};
    struct buf payload = BUF_INIT;
    for (unsigned round = 0; round < 2000; round++) {
        struct call_leg leg = kit_leg(&rng, round + 1, KIT_NOW_MS);
        leg.state = (enum leg_state)rng_between(&rng, LEG_WAITING, LEG_DONE);
        leg.outcome = leg.state == LEG_DONE ? leg.outcome : LEG_OPEN;
        leg.hold_since_ms = rng_chance(&rng, 50) ? KIT_NOW_MS : 0;
        leg.waited_to = rng_between(&rng, -1, 2000000);
        leg.forget_ms = rng_between(&rng, 0, KIT_NOW_MS);
        buf_reset(&payload);
        leg_open_write(&leg, &payload);
        struct call_leg back;
        struct wire_reader reader = reader_of(&payload);
        assert_int_equal(leg_open_read(&reader, &back), 0);
        kit_assert_legs_equal(&leg, &back);
        assert_true(leg.hold_since_ms == back.hold_since_ms && leg.waited_to == back.waited_to &&
                    leg.forget_ms == back.forget_ms);
        for (unsigned damage = 0; damage < 20; damage++) {
            struct wire_reader cut = wire_reader_make(payload.data, rng_below(&rng, payload.len));
            assert_int_equal(leg_open_read(&cut, &back), STATUS_CORRUPT);
            size_t at = rng_below(&rng, payload.len);
            uint8_t kept = payload.data[at];
            payload.data[at] = (uint8_t)rng_next(&rng);
            struct wire_reader other = reader_of(&payload);
            int status = leg_open_read(&other, &back);
            assert_true(status == 0 || status == STATUS_CORRUPT);
            payload.data[at] = kept;
        }
    }
    buf_deinit(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example_is_right),
        cmocka_unit_test(random_legs_come_back),
        cmocka_unit_test(plain_legs_are_small),
        cmocka_unit_test(largest_row_fits),
        cmocka_unit_test(damaged_blocks_end_in_a_status),
        cmocka_unit_test(numbers_that_overflow_are_corrupt),
        cmocka_unit_test(open_legs_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
