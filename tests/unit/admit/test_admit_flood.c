#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/admit/admit.h"

static const struct admit_flood limits = {
    .bytes_per_s = 1000, .bytes_max = 10000, .messages_per_s = 2, .messages_max = 4};

static void a_new_bucket_is_full(void **state)
{
    (void)state;
    struct admit_bucket bucket = {0};
    assert_int_equal(admit_flood(&bucket, &limits, 10000, 50), 0);
    assert_int_equal(admit_flood(&bucket, &limits, 1, 50), 1);
}

static void bytes_come_back_with_time(void **state)
{
    (void)state;
    struct admit_bucket bucket = {0};
    assert_int_equal(admit_flood(&bucket, &limits, 10000, 1000), 0);
    assert_int_equal(admit_flood(&bucket, &limits, 3000, 1000), 3); /* the time it takes to earn them */
    assert_int_equal(admit_flood(&bucket, &limits, 3000, 3000), 1);
    assert_int_equal(admit_flood(&bucket, &limits, 3000, 4000), 0);
}

static void messages_count_too(void **state)
{
    (void)state;
    struct admit_bucket bucket = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(admit_flood(&bucket, &limits, 0, 1000), 0);
    }
    assert_int_equal(admit_flood(&bucket, &limits, 0, 1000), 1);
    assert_int_equal(admit_flood(&bucket, &limits, 0, 1500), 0);
}

static void what_never_fits_passes_once_the_bucket_is_full(void **state)
{
    (void)state;
    struct admit_bucket bucket = {0};
    assert_int_equal(admit_flood(&bucket, &limits, 60000, 1000), 0);
    assert_int_equal(bucket.bytes < 0, 1); /* and is paid for afterwards */
    assert_true(admit_flood(&bucket, &limits, 1, 1000) > 40);
}

static void a_clock_that_steps_back_earns_nothing(void **state)
{
    (void)state;
    struct admit_bucket bucket = {0};
    assert_int_equal(admit_flood(&bucket, &limits, 10000, 100000), 0);
    assert_int_equal(admit_flood(&bucket, &limits, 1000, 5000), 1);
    assert_int_equal(admit_flood(&bucket, &limits, 1000, 6000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_bucket_is_full),
        cmocka_unit_test(bytes_come_back_with_time),
        cmocka_unit_test(messages_count_too),
        cmocka_unit_test(what_never_fits_passes_once_the_bucket_is_full),
        cmocka_unit_test(a_clock_that_steps_back_earns_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
