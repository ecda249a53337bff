#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "collector/options.h"

enum { HOSTS_MAX = 2, WORDS_MAX = 8 };

struct taken {
    const char *zone;
    bool again;
    const char *hosts[HOSTS_MAX];
    struct options_list host_list;
    const char *id;
    struct options_list operands;
};

static int parse(const char *const words[WORDS_MAX], struct taken *out)
{
    char *argv[WORDS_MAX + 1];
    int argc = 0;
    for (; words[argc]; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc];
    }
    argv[argc] = NULL;
    *out = (struct taken){.zone = NULL};
    out->host_list = (struct options_list){.items = out->hosts, .max = HOSTS_MAX};
    out->operands = (struct options_list){.items = &out->id, .max = 1};
    const struct options_spec specs[] = {{.name = "--zone", .value = &out->zone},
                                         {.name = "--again", .flag = &out->again},
                                         {.name = "--host", .list = &out->host_list}};
    return options_parse(argc, argv, specs, sizeof specs / sizeof specs[0], &out->operands);
}

static void both_spellings(void **state)
{
    (void)state;
    struct taken taken;
    const char *const words[WORDS_MAX] = {"add", "--zone", "UTC", "a", "--host=b", "--again", "--host", NULL};
    assert_int_equal(parse(words, &taken), EXIT_USAGE); /* the last --host lacks its value */
    const char *const whole[WORDS_MAX] = {"add", "--zone=", "a", "--host=b", "--again", "--host", "c", NULL};
    assert_int_equal(parse(whole, &taken), EXIT_OK);
    assert_string_equal(taken.zone, "");
    assert_string_equal(taken.id, "a");
    assert_true(taken.again);
    assert_int_equal(taken.host_list.count, 2);
    assert_string_equal(taken.hosts[1], "c");
}

static void what_is_wrong(void **state)
{
    (void)state;
    struct taken taken;
    static const char *const wrong[][WORDS_MAX] = {{"add", "--zon", "UTC"},
                                                   {"add", "--zones=x"},
                                                   {"add", "-z"},
                                                   {"add", "--again=yes"},
                                                   {"add", "a", "b"},
                                                   {"add", "--zone"},
                                                   {"add", "--host=1", "--host=2", "--host=3"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(wrong[i], &taken), EXIT_USAGE);
    }
}

static void behind_two_dashes_all_are_operands(void **state)
{
    (void)state;
    struct taken taken;
    const char *const words[WORDS_MAX] = {"add", "--", "--zone", NULL};
    assert_int_equal(parse(words, &taken), EXIT_OK);
    assert_string_equal(taken.id, "--zone");
    assert_null(taken.zone);
    const char *const dash[WORDS_MAX] = {"add", "-", NULL};
    assert_int_equal(parse(dash, &taken), EXIT_OK);
    assert_string_equal(taken.id, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings),
        cmocka_unit_test(what_is_wrong),
        cmocka_unit_test(behind_two_dashes_all_are_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
