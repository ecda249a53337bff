#include "platform/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    unsigned count;
    enum log_level level;
    char text[2048];
};

static void hear(void *ctx, enum log_level level, const char *text)
{
    struct heard *heard = ctx;
    heard->count++;
    heard->level = level;
    strncpy(heard->text, text, sizeof heard->text - 1);
}

static void module_first_then_the_text(void **state)
{
    (void)state;
    struct heard heard = {0};
    log_set_sink(hear, &heard);
    log_write(LOG_WARNING, "source", "no such file path=%s", "/x");
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.level, LOG_WARNING);
    assert_string_equal(heard.text, "source: no such file path=/x");
    log_set_sink(NULL, NULL);
}

static void the_level_decides(void **state)
{
    (void)state;
    struct heard heard = {0};
    log_set_sink(hear, &heard);
    log_write(LOG_DEBUG, "m", "not by default");
    assert_int_equal(heard.count, 0);
    log_set_level(LOG_ERROR);
    log_write(LOG_WARNING, "m", "no");
    assert_int_equal(heard.count, 0);
    log_write(LOG_ERROR, "m", "yes");
    assert_int_equal(heard.count, 1);
    log_set_level(LOG_INFO);
    log_set_sink(NULL, NULL);
}

/* Names from a log file reach the journal: they must not end a line or steer a terminal. */
static void nothing_forges_a_line(void **state)
{
    (void)state;
    struct heard heard = {0};
    log_set_sink(hear, &heard);
    log_write(LOG_INFO, "m", "%s", "a\nb\r\tc\x1b[2Jd\x7f é");
    assert_string_equal(heard.text, "m: a?b??c?[2Jd? é");
    log_set_sink(NULL, NULL);
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    struct heard heard = {0};
    char text[4000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    log_set_sink(hear, &heard);
    log_write(LOG_INFO, "m", "%s", text);
    assert_int_equal(heard.count, 1);
    assert_in_range(strlen(heard.text), 500, 1100);
    log_set_sink(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_first_then_the_text),
        cmocka_unit_test(the_level_decides),
        cmocka_unit_test(nothing_forges_a_line),
        cmocka_unit_test(a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
