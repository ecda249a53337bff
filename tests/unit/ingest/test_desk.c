#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/ingest/desk.h"

static void count_call(void *ctx)
{
    (*(int *)ctx)++;
}

static struct desk_job *job_of(uint64_t session, size_t bytes)
{
    struct desk_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->session = session;
    job->payload = calloc(1, bytes + 1);
    job->payload_len = bytes;
    return job;
}

static void keeps_the_order(void **state)
{
    (void)state;
    int calls = 0;
    struct desk *desk;
    assert_int_equal(desk_new(count_call, &calls, &desk), 0);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(desk_hand_in(desk, job_of(i, 10)));
    }
    const uint64_t bytes = 3 * (10 + sizeof(struct desk_job));
    assert_int_equal(desk_buffered_bytes(desk), bytes);
    struct desk_list jobs = desk_take(desk, 0);
    assert_int_equal(jobs.count, 3);
    assert_int_equal(jobs.first->session, 1);
    assert_int_equal(jobs.last->session, 3);
    assert_int_equal(desk_buffered_bytes(desk), bytes); /* still held, by the clerk now */
    desk_return(desk, &jobs);
    assert_int_equal(calls, 1);
    assert_int_equal(desk_buffered_bytes(desk), 0);
    assert_true(desk_hand_in(desk, job_of(4, 1)));
    struct desk_list second = desk_take(desk, 0);
    desk_return(desk, &second);
    struct desk_list answers = desk_collect(desk);
    assert_int_equal(answers.count, 4);
    for (uint64_t i = 1; i <= 4; i++) {
        struct desk_job *job = desk_list_pop(&answers);
        assert_int_equal(job->session, i);
        desk_job_free(job);
    }
    assert_null(desk_list_pop(&answers));
    assert_null(answers.last);
    desk_free(desk);
}

static void an_empty_desk_gives_nothing(void **state)
{
    (void)state;
    int calls = 0;
    struct desk *desk;
    assert_int_equal(desk_new(count_call, &calls, &desk), 0);
    struct desk_list jobs = desk_take(desk, 5);
    assert_null(jobs.first);
    desk_return(desk, &jobs);
    assert_int_equal(calls, 0);
    uint64_t session;
    assert_false(desk_next_closing(desk, &session));
    desk_close(desk, 7);
    assert_true(desk_next_closing(desk, &session));
    assert_int_equal(session, 7);
    assert_false(desk_next_closing(desk, &session));
    desk_free(desk);
}

static void *hand_in_later(void *ctx)
{
    assert_true(desk_hand_in(ctx, job_of(1, 1)));
    return NULL;
}

static void *stop_later(void *ctx)
{
    desk_stop(ctx);
    return NULL;
}

/* However long it was told to wait: work and the end wake it. */
static void a_waiting_clerk_is_woken(void **state)
{
    (void)state;
    int calls = 0;
    struct desk *desk;
    pthread_t thread;
    assert_int_equal(desk_new(count_call, &calls, &desk), 0);
    assert_int_equal(pthread_create(&thread, NULL, hand_in_later, desk), 0);
    struct desk_list jobs = desk_take(desk, 60000);
    assert_int_equal(jobs.count, 1);
    (void)pthread_join(thread, NULL);
    assert_int_equal(pthread_create(&thread, NULL, stop_later, desk), 0);
    assert_int_equal(desk_buffered_bytes(desk), sizeof(struct desk_job) + 1);
    desk_return(desk, &jobs);
    jobs = desk_take(desk, 60000);
    assert_null(jobs.first);
    assert_true(desk_stopped(desk));
    (void)pthread_join(thread, NULL);
    assert_false(desk_hand_in(desk, job_of(2, 1))); /* or a clerk that is kept busy would never end */
    assert_int_equal(desk_buffered_bytes(desk), 0);
    desk_free(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order),
        cmocka_unit_test(an_empty_desk_gives_nothing),
        cmocka_unit_test(a_waiting_clerk_is_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
