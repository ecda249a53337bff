#include "platform/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_failure_has_words_of_its_own(void **state)
{
    (void)state;
    for (int a = STATUS_LATE; a <= STATUS_OK; a++) {
        assert_string_not_equal(status_str(a), "unknown status");
        assert_null(strchr(status_str(a), '.'));
        for (int b = STATUS_LATE; b < a; b++) {
            assert_string_not_equal(status_str(a), status_str(b));
        }
    }
}

static void any_value_has_some(void **state)
{
    (void)state;
    assert_string_equal(status_str(1), "outcome");
    assert_string_equal(status_str(INT32_MAX), "outcome");
    assert_string_equal(status_str(STATUS_LATE - 1), "unknown status");
    assert_string_equal(status_str(INT32_MIN), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_has_words_of_its_own),
        cmocka_unit_test(any_value_has_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
