#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/config/sample.h"

/* The file is refused with exactly these lines ("t.conf" left out, '\n' after each). */
static void refused(const char *text, const char *want)
{
    struct buf lines = BUF_INIT;
    struct buf bare = BUF_INIT;
    assert_null(sample_read(text, &lines));
    for (const char *line = buf_cstr(&lines); *line;) {
        size_t len = strcspn(line, "\n") + 1;
        assert_int_equal(strncmp(line, "t.conf:", 7), 0);
        buf_append(&bare, line + 7, len - 7);
        line += len;
    }
    assert_string_equal(buf_cstr(&bare), want);
    buf_deinit(&lines);
    buf_deinit(&bare);
}

static void values_out_of_range(void **state)
{
    (void)state;
    refused("store {\n\n size_max = 10X\n}\n",
            "3: store.size_max: \"10X\" is not a size; allowed: 16MiB to 64GiB (e.g. 512MiB)\n");
    refused("store { size_max = 1MiB }",
            "1: store.size_max: \"1MiB\" is too small; allowed: 16MiB to 64GiB (e.g. 512MiB)\n");
    refused("store { size_max = 65GiB }",
            "1: store.size_max: \"65GiB\" is too large; allowed: 16MiB to 64GiB (e.g. 512MiB)\n");
    refused("store { size_max = 99999999999999999999 }",
            "1: store.size_max: \"99999999999999999999\" is too large; allowed: 16MiB to 64GiB (e.g. 512MiB)\n");
    refused("store { share = -6 }", "1: store.share: \"-6\" is too small; allowed: -5 to 50 percent (e.g. 20)\n");
    refused("store { share = 2.5 }",
            "1: store.share: \"2.5\" is not a whole number; allowed: -5 to 50 percent (e.g. 20)\n");
    refused("store { keep = 99ms }", "1: store.keep: \"99ms\" is too short; allowed: 100ms to 400d (e.g. 90d)\n");
    refused("store { keep = 401d }", "1: store.keep: \"401d\" is too long; allowed: 100ms to 400d (e.g. 90d)\n");
    refused("store { keep = soon }", "1: store.keep: \"soon\" is not a duration; allowed: 100ms to 400d (e.g. 90d)\n");
}

static void values_of_the_wrong_kind(void **state)
{
    (void)state;
    refused("store { step = 2m }",
            "1: store.step: \"2m\" is not one of the durations to choose from; allowed: 1m, 60m\n");
    refused("store { mode = exakt }", "1: store.mode: \"exakt\" is not one of the words to choose from (did you mean "
                                      "exact?); allowed: fast, exact\n");
    refused("store { color = zzz }",
            "1: store.color: \"zzz\" is not one of the words to choose from; allowed: red, green, blue\n");
    refused("store { on = maybe }", "1: store.on: \"maybe\" is neither yes nor no; allowed: yes, no\n");
    refused("store { dir = a/b }",
            "1: store.dir: \"a/b\" is not an absolute path; allowed: an absolute path (e.g. /var/lib/x)\n");
    refused("store { owner = '' }", "1: store.owner: \"\" is empty; allowed: text of 1 to 16 bytes\n");
    refused("store { owner = abcdefghijklmnopq }",
            "1: store.owner: \"abcdefghijklmnopq\" is too long; allowed: text of 1 to 16 bytes\n");
    refused("store { owner = root }", "1: store.owner: \"root\" is reserved; allowed: text of 1 to 16 bytes\n");
    refused("store { tags = { ok,\n '' } }", "2: store.tags: \"\" is empty; allowed: text of 1 to 16 bytes\n");
}

static void unknown_names_get_a_hint(void **state)
{
    (void)state;
    refused("stroe {\n dir = /x\n nested { a = 1 }\n}\nfeed a { }\n",
            "1: \"stroe\" is not a section (did you mean store?); allowed: store, feed, line\n");
    refused("zzz \"t\" { a = { b } }\n", "1: \"zzz\" is not a section; allowed: store, feed, line\n");
    refused("dir = /x\nlimit = 3\n",
            "1: \"dir\" is an option, not a section; allowed: store { dir = ... }\n"
            "2: \"limit\" is an option, not a section; allowed: line \"TITLE\" { limit = ... }\n");
    refused("line a {\n lable = x\n}", "2: line: \"lable\" is not an option of this section (did you mean label?); "
                                       "allowed: label, limit\n");
    refused("line a {\n LIMIT = 1\n unknown = { a, b }\n more { }\n}",
            "2: line: \"LIMIT\" is not an option of this section (did you mean limit?); allowed: label, limit\n"
            "3: line: \"unknown\" is not an option of this section; allowed: label, limit\n"
            "4: line: \"more\" is not an option of this section; allowed: label, limit\n");
}

static void what_stands_again_is_refused(void **state)
{
    (void)state;
    refused("store {\n dir = /a\n on = no\n dir = /b\n}", "4: store.dir: set again (first in line 2); allowed: once\n");
    refused("store { }\nfeed a { }\nstore { share = 99 }\n",
            "3: store: the section stands again (first in line 1); allowed: once\n");
    refused("line \"a\" { }\nline a { }\n", "2: line: title \"a\" stands again (first in line 1); allowed: once\n");
    refused("line a {\n label = x label = y\n}", "2: line \"a\".label: set again (first in line 2); allowed: once\n");
}

static void titles_are_checked(void **state)
{
    (void)state;
    refused("feed { path = /x }",
            "1: feed: \"{\" is out of place; allowed: a title and braces: NAME \"TITLE\" { ... }\n");
    refused("feed \"\" { }", "1: feed: title \"\" is empty or too long; allowed: up to 8 bytes\n");
    refused("\nfeed too-long-title { }", "2: feed: title \"too-long-title\" is long; allowed: up to 8 bytes\n");
    refused("store x { }", "1: store: \"x\" is out of place; allowed: { and the section's options\n");
    refused("line 'a \"b' { limit = x }",
            "1: line \"a \"b\".limit: \"x\" is not a duration; allowed: a duration (e.g. 20s)\n");
}

static void broken_grammar(void **state)
{
    (void)state;
    refused("store {\n dir /x\n on = no\n}", "2: store.dir: \"/x\" is out of place; allowed: = and a value\n");
    refused("store {\n dir =\n}", "3: store.dir: \"}\" is out of place; allowed: a value\n");
    refused("store {\n dir = { /x }\n share = 99 }", "2: store.dir: \"{\" is out of place; allowed: a value\n"
                                                     "3: store.share: \"99\" is too large; allowed: -5 to 50 percent "
                                                     "(e.g. 20)\n");
    refused("store {\n dir = /a b\n}",
            "2: store.dir: \"b\" is out of place; allowed: one value on a line, in quotes when it has spaces\n");
    refused("store {\n tags = { a b }\n}",
            "2: store.tags: \"b\" is out of place; allowed: texts with commas between, then }\n");
    refused("store {\n = 3\n}", "2: store: \"=\" is out of place; allowed: NAME = VALUE, or } to end the section\n");
    refused("store { dir = /x }\n}\nstore2",
            "2: top level: \"}\" is out of place; allowed: SECTION { ... }\n"
            "3: \"store2\" is not a section (did you mean store?); allowed: store, feed, line\n");
    refused("store {\n dir = /x\n\n", "1: store: the section that begins here is not closed; allowed: } at its end\n");
    refused("store {\n dir += /x\n}", "2: store.dir: \"+\" is out of place; allowed: = and a value\n");
}

static void broken_text(void **state)
{
    (void)state;
    refused("store {\n dir = \"/x\n on = no\n}",
            "2: store.dir: a string is not closed on its line; allowed: \"text\"\n");
    refused("store {\n owner = \"a\\0b\"\n}", "2: store.owner: unknown escape in a string; allowed: \\\\ and \\\" (or "
                                              "the string in single quotes)\n");
    refused("store { }\n\n/* open\n\n", "3: top level: a comment is not closed; allowed: */ at its end\n");
    refused("store { }\n\x01", "2: byte 0x01 is not text; allowed: a plain text file\n");
    refused("store {\n dir = /x/${HOME}/y\n}",
            "2: store.dir: environment variables are not expanded; allowed: the value itself\n");
    refused("store {\n tags = { a,\n 'b }\n on = maybe\n}",
            "3: store.tags: a string is not closed on its line; allowed: \"text\"\n"
            "4: store.on: \"maybe\" is neither yes nor no; allowed: yes, no\n");
}

static void lines_stay_right_behind_comments(void **state)
{
    (void)state;
    refused("/* one */ /* two */\n/* three\n four */\n# five\nstore {\n /* six */ share = 99\n}\n",
            "6: store.share: \"99\" is too large; allowed: -5 to 50 percent (e.g. 20)\n");
    refused("line \"a\"\n{\n limit\n =\n x\n}\n", "5: line \"a\".limit: \"x\" is not a duration; allowed: a duration "
                                                  "(e.g. 20s)\n");
}

static void all_defects_are_reported_by_line(void **state)
{
    (void)state;
    refused("store {\n share = 99\n shere = 1\n mode = x\n mode = fast\n}\nzzz { }\nline a { limit = x }\n",
            "2: store.share: \"99\" is too large; allowed: -5 to 50 percent (e.g. 20)\n"
            "3: store: \"shere\" is not an option of this section (did you mean share?); allowed: dir, size_max, "
            "share, keep, step, mode, color, on, owner, tags\n"
            "4: store.mode: \"x\" is not one of the words to choose from; allowed: fast, exact\n"
            "5: store.mode: set again (first in line 4); allowed: once\n"
            "7: \"zzz\" is not a section; allowed: store, feed, line\n"
            "8: line \"a\".limit: \"x\" is not a duration; allowed: a duration (e.g. 20s)\n");
}

static void messages_are_one_readable_line(void **state)
{
    (void)state;
    refused("store { dir = \"tab\there\" }", "1: store.dir: \"tab?here\" is not an absolute path; allowed: an absolute "
                                             "path (e.g. /var/lib/x)\n");
    char text[400];
    char want[400];
    (void)snprintf(text, sizeof text, "store { mode = %0200d }", 0);
    (void)snprintf(want, sizeof want,
                   "1: store.mode: \"%057d...\" is not one of the words to choose from; allowed: fast, exact\n", 0);
    refused(text, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(values_of_the_wrong_kind),
        cmocka_unit_test(unknown_names_get_a_hint),
        cmocka_unit_test(what_stands_again_is_refused),
        cmocka_unit_test(titles_are_checked),
        cmocka_unit_test(broken_grammar),
        cmocka_unit_test(broken_text),
        cmocka_unit_test(lines_stay_right_behind_comments),
        cmocka_unit_test(all_defects_are_reported_by_line),
        cmocka_unit_test(messages_are_one_readable_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
