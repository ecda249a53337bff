#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/source/pbx_clock.h"

#define T INT64_C(1795284532000)
#define HOUR_MS INT64_C(3600000)

static void what_events_say_is_followed(void **state)
{
    (void)state;
    struct pbx_clock clock = {0};
    assert_int_equal(pbx_clock_hear(&clock, T + 700, T), PBX_CLOCK_TAKEN);
    assert_int_equal(clock.ahead_ms, 700);
    /* a minute of events had waited somewhere; the newest is told as promptly as ever */
    assert_int_equal(pbx_clock_hear(&clock, T + 1000, T + 60000), PBX_CLOCK_TAKEN);
    assert_int_equal(clock.ahead_ms, -59000);
    assert_int_equal(pbx_clock_hear(&clock, T + 60700, T + 60000), PBX_CLOCK_TAKEN);
    assert_int_equal(clock.ahead_ms, 700);
}

static void one_absurd_time_moves_nothing(void **state)
{
    (void)state;
    struct pbx_clock clock = {0};
    for (int64_t at_ms = T; at_ms < T + 60000; at_ms += 1000) {
        assert_int_equal(pbx_clock_hear(&clock, at_ms, at_ms), PBX_CLOCK_TAKEN);
        assert_int_equal(pbx_clock_hear(&clock, at_ms + 23 * HOUR_MS, at_ms), PBX_CLOCK_DOUBTED);
        assert_int_equal(pbx_clock_hear(&clock, at_ms - 23 * HOUR_MS, at_ms), PBX_CLOCK_DOUBTED);
        assert_int_equal(clock.ahead_ms, 0);
    }
}

static void a_clock_that_is_set_is_believed_when_others_say_so(void **state)
{
    (void)state;
    for (int64_t by_ms = -HOUR_MS; by_ms <= HOUR_MS; by_ms += 2 * HOUR_MS) {
        struct pbx_clock clock = {0};
        assert_int_equal(pbx_clock_hear(&clock, T, T), PBX_CLOCK_TAKEN);
        assert_int_equal(pbx_clock_hear(&clock, T + by_ms, T), PBX_CLOCK_DOUBTED);
        assert_int_equal(pbx_clock_hear(&clock, T + 1000 + by_ms, T + 1000), PBX_CLOCK_DOUBTED);
        assert_int_equal(pbx_clock_hear(&clock, T + 2000 + by_ms, T + 2000), PBX_CLOCK_STEPPED);
        assert_int_equal(pbx_clock_hear(&clock, T + 2001 + by_ms, T + 2001), PBX_CLOCK_STEPPED);
        assert_int_equal(clock.ahead_ms, 0); /* until the time before has ended */
        pbx_clock_step(&clock);
        assert_int_equal(clock.ahead_ms, by_ms);
        assert_int_equal(pbx_clock_hear(&clock, T + 3000 + by_ms, T + 3000), PBX_CLOCK_TAKEN);
    }
}

static void a_clock_that_was_wrong_from_the_first_gives_no_time_away(void **state)
{
    (void)state;
    struct pbx_clock clock = {0};
    const int64_t by_ms = 5 * 60000;
    assert_int_equal(pbx_clock_hear(&clock, T + by_ms, T), PBX_CLOCK_DOUBTED);
    assert_int_equal(pbx_clock_hear(&clock, T + by_ms, T), PBX_CLOCK_DOUBTED);
    assert_int_equal(pbx_clock_hear(&clock, T + by_ms, T), PBX_CLOCK_STEPPED);
}

static void what_waited_is_gone_with_its_connection(void **state)
{
    (void)state;
    struct pbx_clock clock = {0};
    assert_int_equal(pbx_clock_hear(&clock, T, T), PBX_CLOCK_TAKEN);
    assert_int_equal(pbx_clock_hear(&clock, T, T + 30000), PBX_CLOCK_TAKEN);
    assert_int_equal(clock.ahead_ms, -30000);
    pbx_clock_again(&clock);
    assert_int_equal(clock.ahead_ms, 0);
    /* but a clock that stays behind was set back */
    for (int64_t at_ms = T; at_ms < T + 10 * 60000; at_ms += 10000) {
        assert_int_equal(pbx_clock_hear(&clock, at_ms - 30000, at_ms), PBX_CLOCK_TAKEN);
    }
    pbx_clock_again(&clock);
    assert_int_equal(clock.ahead_ms, -30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_events_say_is_followed),
        cmocka_unit_test(one_absurd_time_moves_nothing),
        cmocka_unit_test(a_clock_that_is_set_is_believed_when_others_say_so),
        cmocka_unit_test(a_clock_that_was_wrong_from_the_first_gives_no_time_away),
        cmocka_unit_test(what_waited_is_gone_with_its_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
