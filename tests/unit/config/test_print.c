#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/config/sample.h"

static char *printed(const char *text)
{
    struct buf lines = BUF_INIT;
    struct config *config = sample_read(text, &lines);
    assert_string_equal(buf_cstr(&lines), "");
    char *out = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&out, &len);
    assert_non_null(file);
    assert_int_equal(config_print(config, file), 0);
    assert_int_equal(fclose(file), 0);
    config_free(config);
    buf_deinit(&lines);
    return out;
}

/* Without the comments, which tell set from default. */
static char *bare(const char *text)
{
    char *out = strdup(text);
    assert_non_null(out);
    char *to = out;
    bool quoted = false;
    for (const char *from = text; *from;) {
        if (*from == '#' && !quoted) {
            from += strcspn(from, "\n");
            continue;
        }
        if (*from == '\\') {
            *to++ = *from++;
        } else if (*from == '"') {
            quoted = !quoted;
        }
        *to++ = *from++;
    }
    *to = '\0';
    return out;
}

static void print_tells_set_from_default(void **state)
{
    (void)state;
    char *text = printed("line b { label = \"x \\\" \\\\ $\" }\nline \"*\" { limit = 90s }\nfeed a { }");
    assert_string_equal(text, "store {\n"
                              "    dir = \"/var/lib/x\"                      # default\n"
                              "    size_max = 512MiB                       # default\n"
                              "    share = 20                              # default\n"
                              "    keep = 90d                              # default\n"
                              "    step = 60m                              # default\n"
                              "    mode = fast                             # default\n"
                              "    color = green                           # default\n"
                              "    on = yes                                # default\n"
                              "    owner = \"made-here\"                     # default\n"
                              "    tags = { \"first\" }                      # default\n"
                              "}\n"
                              "\n"
                              "feed \"a\" {\n"
                              "    path = \"/dev/null\"                      # default\n"
                              "}\n"
                              "\n"
                              "line \"b\" {\n"
                              "    label = \"x \\\" \\\\ $\"                     # set\n"
                              "    limit = 90s                             # from line \"*\"\n"
                              "}\n"
                              "\n"
                              "line \"*\" {\n"
                              "    label = \"\"                              # default\n"
                              "    limit = 90s                             # set\n"
                              "}\n");
    free(text);
}

static void print_reads_to_the_same(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "store { tags = {} share = -5 keep = 1500ms size_max = 17MiB on = off }",
        "store { tags = { a, 'b # c', \"d\\\"e\" } size_max = 16777217 step = 1h }",
        "line 'odd } name # \\' { label = '${HOME}' }\nline \"*\" { label = star limit = 0 }",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *once = printed(files[i]);
        char *twice = printed(once);
        char *thrice = printed(twice);
        char *a = bare(once);
        char *b = bare(twice);
        assert_string_equal(a, b);
        assert_string_equal(twice, thrice);
        free(once);
        free(twice);
        free(thrice);
        free(a);
        free(b);
    }
}

static void page_shows_every_option(void **state)
{
    (void)state;
    struct buf page = BUF_INIT;
    config_page(&sample_table, &page);
    const char *text = buf_cstr(&page);
    assert_int_equal(strncmp(text, "# sample\n\nWords.\n\nThe default file is `/etc/sample.conf`.\n", 58), 0);
    static const char *const want[] = {
        "| `dir` | path | an absolute path | `/var/lib/x` | restart | A place |\n",
        "| `size_max` | size | 16MiB to 64GiB | `512MiB` | reload | A size |\n",
        "| `share` | number | -5 to 50 percent | `20` | reload | A part |\n",
        "| `keep` | duration | 100ms to 400d | `90d` | reload | Time |\n",
        "| `step` | duration | 1m, 60m | `60m` | reload | One \\| of few |\n",
        "| `color` | word | red, green, blue | `green` | reload | A word |\n",
        "| `owner` | text | text of 1 to 16 bytes | somebody | reload | A name |\n",
        "| `tags` | texts | text of 1 to 16 bytes | `first` | reload | Names |\n",
        "| `label` | text | any text | empty | reload | Shown |\n",
        "What a `line` does not set it takes from `line \"*\"`.",
        "Without any, there is one `feed \"main\"` with the defaults.",
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_non_null(strstr(text, want[i]));
    }
    buf_deinit(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_tells_set_from_default),
        cmocka_unit_test(print_reads_to_the_same),
        cmocka_unit_test(page_shows_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
