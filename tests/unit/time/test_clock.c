#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "platform/time/clock.h"

static void wall_is_the_calendar_s(void **state)
{
    (void)state;
    int64_t before_s = (int64_t)time(NULL);
    int64_t wall_ms = clock_wall_ms();
    int64_t after_s = (int64_t)time(NULL);
    assert_true(wall_ms >= (before_s - 1) * 1000 && wall_ms <= (after_s + 1) * 1000);
}

static void monotonic_never_goes_back(void **state)
{
    (void)state;
    int64_t last_ms = clock_monotonic_ms();
    for (int i = 0; i < 100000; i++) {
        int64_t now_ms = clock_monotonic_ms();
        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wall_is_the_calendar_s),
                                       cmocka_unit_test(monotonic_never_goes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
