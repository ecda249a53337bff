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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_is_what_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(twenty_five_calls_take_at_most_140_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
