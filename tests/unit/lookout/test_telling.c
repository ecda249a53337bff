/* Telling receivers whose names nobody resolves: the resolver here does not come back until it is let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "collector/alert/telling.h"
#include "platform/base/status.h"

enum { PATIENCE_S = 30, FOR_EVER_MS = 3600 * 1000 };

static sem_t let_go;
static sem_t gave_up;
static sem_t told;
static atomic_int asked;
static atomic_int resolving;

/* For libcurl. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **out)
{
    (void)service;
    (void)hints;
    (void)out;
    if (strcmp(name, "lost.example") == 0) {
        atomic_fetch_add(&resolving, 1);
        while (sem_wait(&let_go) != 0) {
        }
        atomic_fetch_sub(&resolving, 1);
    }
    return EAI_AGAIN;
}

static bool take(void *ctx, size_t receiver, struct outbox_delivery *out)
{
    (void)ctx;
    if (atomic_fetch_or(&asked, 1 << receiver) & 1 << receiver) {
        return false;
    }
    *out = (struct outbox_delivery){.id = "1", .receiver = receiver, .items = json_new_list()};
    return true;
}

static void done(void *ctx, size_t receiver, enum outbox_outcome outcome, const char *error)
{
    (void)ctx;
    (void)error;
    assert_int_equal(outcome, OUTBOX_FAILED);
    (void)sem_post(receiver == 0 ? &gave_up : &told);
}

static int64_t next_ms(void *ctx)
{
    (void)ctx;
    return INT64_MAX;
}

static void wait_for(sem_t *what)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    assert_int_equal(sem_timedwait(what, &until), 0);
}

static int setup(void **state)
{
    (void)state;
    atomic_store(&asked, 0);
    (void)sem_init(&let_go, 0, 0);
    (void)sem_init(&gave_up, 0, 0);
    (void)sem_init(&told, 0, 0);
    return 0;
}

/* The threads that still resolve end by themselves. */
static int teardown(void **state)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    (void)state;
    (void)sem_post(&let_go);
    while (atomic_load(&resolving) > 0) {
        (void)nanosleep(&moment, NULL);
    }
    for (int i = 0; i < 20; i++) {
        (void)nanosleep(&moment, NULL);
    }
    return 0;
}

static struct telling *start(int64_t timeout_ms)
{
    static char nothing[] = "";
    static char lost[] = "http://lost.example/";
    static char nobody[] = "http://127.0.0.1:1/";
    static struct receiver receivers[2];
    const struct telling_source source = {.take = take, .done = done, .next_ms = next_ms};
    const struct telling_options options = {.receivers = receivers, .receiver_count = 2, .name = "x", .hold_ms = 1};
    struct telling *telling;
    for (size_t i = 0; i < 2; i++) {
        receivers[i] = (struct receiver){.name = nothing,
                                         .secret_file = nothing,
                                         .bearer_file = nothing,
                                         .ca_file = nothing,
                                         .timeout_ms = i == 0 ? timeout_ms : FOR_EVER_MS,
                                         .url = i == 0 ? lost : nobody};
    }
    assert_int_equal(telling_start(&options, &source, &telling), 0);
    return telling;
}

/* An attempt is over when its time is, and the others do not wait for it. */
static void test_a_name_that_nobody_resolves(void **state)
{
    (void)state;
    struct telling *telling = start(100);
    wait_for(&told);
    wait_for(&gave_up);
    telling_stop(telling, 0);
}

static void test_stopping_does_not_wait_for_it(void **state)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    (void)state;
    struct telling *telling = start(FOR_EVER_MS);
    while (atomic_load(&resolving) == 0) {
        (void)nanosleep(&moment, NULL);
    }
    telling_stop(telling, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_name_that_nobody_resolves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopping_does_not_wait_for_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
