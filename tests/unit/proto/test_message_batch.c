#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/unit/proto/random_summary.h"

static const struct message_batch_head head = {
    .protocol = 2,
    .site = {"berlin", 6},
    .epoch = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
    .interval_s = 900,
};

struct fixture {
    struct message_batch_writer *writer;
    struct message_arena *arena;
    struct buf out;
};

static int setup(void **state)
{
    struct fixture *fix = calloc(1, sizeof *fix);
    *state = fix;
    return fix && message_batch_writer_new(&fix->writer) == 0 && message_arena_new(LIMITS_ARENA_BYTES, &fix->arena) == 0
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *fix = *state;
    message_batch_writer_free(fix->writer);
    message_arena_free(fix->arena);
    buf_deinit(&fix->out);
    free(fix);
    return 0;
}

static void assert_same(const struct summary *a, const struct summary *b)
{
    struct buf left = BUF_INIT;
    struct buf right = BUF_INIT;
    summary_encode(a, &left);
    summary_encode(b, &right);
    assert_int_equal(left.len, right.len);
    assert_memory_equal(left.data, right.data, left.len);
    assert_true(summary_equal(a, b));
    for (int i = 0; i < DURATION_COUNT; i++) {
        assert_int_equal(a->duration[i].hist.total, b->duration[i].hist.total);
    }
    buf_deinit(&left);
    buf_deinit(&right);
}

static void random_place(struct rng *rng, struct message_interval *interval)
{
    interval->queue = (uint32_t)rng_below(rng, rng_chance(rng, 90) ? 20 : UINT32_MAX);
    interval->start_s = 900 * (int64_t)rng_below(rng, UINT32_MAX / 900 + 1);
    interval->revision = rng_chance(rng, 90) ? rng_below(rng, 1000) : rng_below(rng, INT64_MAX);
    interval->open = rng_chance(rng, 20);
}

enum { MANY = 12 };

static void what_is_read_is_what_was_written(void **state)
{
    struct fixture *fix = *state;
    struct message_interval sent[MANY] = {0};
    struct message_interval got = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct rng rng = {seed};
        message_batch_begin(fix->writer, &head);
        for (int i = 0; i < MANY; i++) {
            random_place(&rng, &sent[i]);
            random_summary(&rng, seed % 2, &sent[i].sum);
            assert_int_equal(message_batch_add(fix->writer, &sent[i], SIZE_MAX), 0);
        }
        buf_reset(&fix->out);
        assert_int_equal(message_batch_end(fix->writer, &fix->out), 0);
        struct message_batch batch;
        assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), 0);
        assert_int_equal(batch.interval_count, MANY);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(message_batch_next(&batch, &got), 0);
            assert_int_equal(got.queue, sent[i].queue);
            assert_int_equal(got.start_s, sent[i].start_s);
            assert_int_equal(got.revision, sent[i].revision);
            assert_int_equal(got.open, sent[i].open);
            assert_same(&got.sum, &sent[i].sum);
        }
        assert_int_equal(message_batch_next(&batch, &got), MESSAGE_END);
        assert_int_equal(message_batch_next(&batch, &got), MESSAGE_END);
    }
    for (int i = 0; i < MANY; i++) {
        summary_deinit(&sent[i].sum);
    }
    summary_deinit(&got.sum);
}

/* Ten queues of one interval, as a site sends them. */
static size_t ten_queues(struct fixture *fix, struct rng *rng, bool whole_seconds)
{
    struct message_interval interval = {.start_s = INT64_C(1790000100), .revision = 40};
    message_batch_begin(fix->writer, &head);
    for (uint32_t i = 0; i < 10; i++) {
        interval.queue = i + 1;
        interval.revision = (uint64_t)rng_between(rng, 20, 50);
        random_ordinary(rng, whole_seconds, &interval.sum);
        assert_int_equal(message_batch_add(fix->writer, &interval, SIZE_MAX), 0);
    }
    buf_reset(&fix->out);
    assert_int_equal(message_batch_end(fix->writer, &fix->out), 0);
    summary_deinit(&interval.sum);
    return fix->out.len;
}

static void twenty_five_calls_take_at_most_140_bytes(void **state)
{
    enum { BATCHES = 50, TLS_AND_COAP = 29 + 12 };
    struct fixture *fix = *state;
    for (int whole_seconds = 0; whole_seconds < 2; whole_seconds++) {
        struct rng rng = {7};
        size_t bytes = 0;
        size_t most = 0;
        for (int i = 0; i < BATCHES; i++) {
            size_t batch = ten_queues(fix, &rng, whole_seconds) + TLS_AND_COAP;
            bytes += batch;
            most = batch > most ? batch : most;
        }
        print_message("%s: %.1f bytes a queue-interval with TLS and CoAP, at most %.1f\n",
                      whole_seconds ? "whole seconds" : "milliseconds", (double)bytes / BATCHES / 10,
                      (double)most / 10);
        assert_true(most <= (whole_seconds ? 140 : 180) * 10);
    }
}

static int add(struct fixture *fix, const struct message_interval *interval)
{
    return message_batch_add(fix->writer, interval, SIZE_MAX);
}

static void what_cannot_be_told_is_not_written(void **state)
{
    struct fixture *fix = *state;
    const struct message_interval good = {.queue = 1, .start_s = 900, .revision = 1};
    struct message_interval bad = good;
    message_batch_begin(fix->writer, &head);
    bad.start_s = 901;
    assert_int_equal(add(fix, &bad), STATUS_INVALID);
    bad.start_s = -900;
    assert_int_equal(add(fix, &bad), STATUS_INVALID);
    bad = good;
    bad.revision = (uint64_t)INT64_MAX + 1;
    assert_int_equal(add(fix, &bad), STATUS_INVALID);
    bad = good;
    bad.sum.duration[DURATION_HOLD].sum_ms = 1;
    assert_int_equal(add(fix, &bad), STATUS_INVALID);
    bad = good;
    bad.sum.duration[DURATION_TALK].max_ms = 1;
    assert_int_equal(add(fix, &bad), STATUS_INVALID);
    bad = good;
    assert_int_equal(summary_add_duration(&bad.sum, DURATION_RING, 5), 0);
    bad.sum.duration[DURATION_RING].sum_ms = (uint64_t)INT64_MAX + 1;
    assert_int_equal(add(fix, &bad), STATUS_INVALID);
    summary_deinit(&bad.sum);
    assert_int_equal(message_batch_end(fix->writer, &fix->out), 0);
    struct message_batch batch;
    assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), 0);
    assert_int_equal(batch.interval_count, 0);
    assert_int_equal(batch.start, 0);
}

static void a_batch_stays_within_its_limit(void **state)
{
    struct fixture *fix = *state;
    struct rng rng = {11};
    struct message_interval interval = {.queue = 1, .start_s = INT64_C(1790000100), .revision = 7};
    const struct message_queue queue = {.number = 1, .name = slice_str("sales")};
    random_ordinary(&rng, true, &interval.sum);
    for (size_t limit = 0; limit < 2000; limit += 13) {
        message_batch_begin(fix->writer, &head);
        size_t added = 0;
        int named = message_batch_add_queue(fix->writer, &queue, limit);
        while (message_batch_add(fix->writer, &interval, limit) == 0) {
            added++;
        }
        assert_int_equal(message_batch_add(fix->writer, &interval, limit), STATUS_FULL);
        buf_reset(&fix->out);
        assert_int_equal(message_batch_end(fix->writer, &fix->out), 0);
        assert_true(fix->out.len <= limit || (named == STATUS_FULL && added == 0));
        struct message_batch batch;
        assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), 0);
        assert_int_equal(batch.interval_count, added);
        assert_int_equal(batch.queue_count, named == 0);
        assert_true(added >= limit / 150);
    }
    summary_deinit(&interval.sum);
}

static void a_batch_holds_no_more_than_its_most_intervals(void **state)
{
    struct fixture *fix = *state;
    struct message_interval interval = {.queue = 1, .start_s = 0, .revision = 7};
    message_batch_begin(fix->writer, &head);
    for (int i = 0; i < LIMITS_BATCH_INTERVALS_MAX; i++) {
        interval.start_s += 900;
        assert_int_equal(add(fix, &interval), 0);
    }
    assert_int_equal(add(fix, &interval), STATUS_FULL);
    struct message_batch batch;
    assert_int_equal(message_batch_end(fix->writer, &fix->out), 0);
    assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), 0);
    buf_append(&fix->out, "\x3a\x00", 2);
    assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), STATUS_INVALID);
}

static void intervals_do_not_need_memory_at_the_same_time(void **state)
{
    enum { INTERVALS = 400, BYTES = 128 * 1024 };
    struct fixture *fix = *state;
    struct rng rng = {17};
    struct message_interval interval = {.queue = 1, .start_s = 0, .revision = 7};
    random_ordinary(&rng, true, &interval.sum);
    message_batch_begin(fix->writer, &head);
    for (int i = 0; i < INTERVALS; i++) {
        assert_int_equal(add(fix, &interval), 0);
    }
    assert_int_equal(message_batch_end(fix->writer, &fix->out), 0);
    struct message_arena *small = NULL;
    struct message_batch batch;
    assert_int_equal(message_arena_new(BYTES, &small), 0);
    assert_int_equal(message_batch_decode(small, buf_slice(&fix->out), &batch), 0);
    for (int i = 0; i < INTERVALS; i++) {
        assert_int_equal(message_batch_next(&batch, &interval), 0);
    }
    message_arena_free(small);
    summary_deinit(&interval.sum);
}

static void protocol_1_has_the_whole_epoch(void **state)
{
    struct fixture *fix = *state;
    struct message_batch_head first = head;
    first.protocol = 1;
    message_batch_begin(fix->writer, &first);
    assert_int_equal(message_batch_end(fix->writer, &fix->out), 0);
    struct message_batch batch;
    assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), 0);
    assert_int_equal(batch.epoch_len, 16);
    assert_memory_equal(batch.epoch, head.epoch, 16);
    fix->out.data[1] = 2; /* protocol 2 with an epoch of that length */
    assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), STATUS_INVALID);
    fix->out.data[1] = 3;
    assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), STATUS_VERSION);
    assert_int_equal(batch.protocol, 3);
}

/* A batch of three intervals, of which the one in the middle has `content`. */
static int middle_status(struct fixture *fix, const char *content, size_t len, struct message_interval *last)
{
    static const char batch_head[] = "\x08\x02\x1a\x04"
                                     "abcd"
                                     "\x28\x64\x30\x07";
    static const char neighbour[] = "\x3a\x06\x08\x01\x10\x02\x18\x02"; /* queue 1, one on, a revision on */
    buf_reset(&fix->out);
    buf_append(&fix->out, batch_head, sizeof batch_head - 1);
    buf_append(&fix->out, neighbour, sizeof neighbour - 1);
    buf_append(&fix->out, "\x3a", 1);
    buf_append(&fix->out, &(uint8_t){(uint8_t)len}, 1);
    buf_append(&fix->out, content, len);
    buf_append(&fix->out, neighbour, sizeof neighbour - 1);
    struct message_batch batch;
    assert_int_equal(message_batch_decode(fix->arena, buf_slice(&fix->out), &batch), 0);
    assert_int_equal(batch.interval_count, 3);
    assert_int_equal(message_batch_next(&batch, last), 0);
    assert_int_equal(last->start_s, 101 * 900);
    int status = message_batch_next(&batch, last);
    assert_true(status == 0 || summary_is_zero(&last->sum));
    int after = message_batch_next(&batch, last);
    assert_true(after == 0 || (status != 0 && after == STATUS_INVALID));
    assert_int_equal(message_batch_next(&batch, &(struct message_interval){0}), MESSAGE_END);
    last->queue = after == 0 ? last->queue : UINT32_MAX;
    return status;
}

static void damage_stays_with_its_interval(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } damaged[] = {
        {"\x10\x04\x32\x02\x08\x01", 6},             /* one less than none entered */
        {"\x10\x04\x52\x01\x80", 5},                 /* no histogram */
        {"\x10\x04\x52\x01\x03", 5},                 /* a count is missing */
        {"\x10\x04\x52\x02\xe8\x39", 6},             /* a whole second beyond the last: 3700 */
        {"\x10\x04\x52\x01\x02\x7a\x02\x01\x01", 9}, /* one histogram, two differences */
        {"\x10\x04\x52\x01\x02\x82\x01\x02\x01\x01", 10},
        {"\x10\x04\x52\x01\x02\x7a\x02\xe9\x07", 9}, /* a sum of -1 */
        {"\x10\x04\x72\x01\x02\xa0\x01\x01", 8},     /* a handle and none */
    };
    struct fixture *fix = *state;
    struct message_interval last = {0};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        assert_int_equal(middle_status(fix, damaged[i].bytes, damaged[i].len, &last), STATUS_INVALID);
        assert_int_equal(last.queue, 1);
        assert_int_equal(last.start_s, 104 * 900);
        assert_int_equal(last.revision, 9);
    }
    assert_int_equal(middle_status(fix, "\x10\x04\x52\x02\xe6\x39", 6, &last), 0); /* the last second: 3699 */
    assert_int_equal(middle_status(fix, "\x10\x04\x52\x01\x02\x7a\x02\xe8\x07", 9, &last), 0); /* a sum of 0 */
    summary_deinit(&last.sum);
}

static void nothing_is_taken_whose_place_is_not_known(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } lost[] = {
        {"\x12\x7f", 2},
        {"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10},
        {"\x10\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* so far on that there is no number for it */
    };
    struct fixture *fix = *state;
    struct message_interval last = {0};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        assert_int_equal(middle_status(fix, lost[i].bytes, lost[i].len, &last), STATUS_INVALID);
        assert_int_equal(last.queue, UINT32_MAX);
    }
    summary_deinit(&last.sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_is_what_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(twenty_five_calls_take_at_most_140_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_told_is_not_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_stays_within_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_holds_no_more_than_its_most_intervals, setup, teardown),
        cmocka_unit_test_setup_teardown(intervals_do_not_need_memory_at_the_same_time, setup, teardown),
        cmocka_unit_test_setup_teardown(protocol_1_has_the_whole_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_stays_with_its_interval, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_taken_whose_place_is_not_known, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
