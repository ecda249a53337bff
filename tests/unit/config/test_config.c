#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/config/sample.h"

static struct config *good(const char *text)
{
    struct buf lines = BUF_INIT;
    struct config *config = sample_read(text, &lines);
    assert_string_equal(buf_cstr(&lines), "");
    assert_non_null(config);
    buf_deinit(&lines);
    return config;
}

static void empty_file_gives_all_defaults(void **state)
{
    (void)state;
    struct config *config = good("");
    const struct config_item *store = config_section(config, "store");
    assert_string_equal(config_text(store, "dir"), "/var/lib/x");
    assert_int_equal(config_number(store, "size_max"), 512 << 20);
    assert_int_equal(config_number(store, "share"), 20);
    assert_int_equal(config_number(store, "keep"), INT64_C(90) * 86400000);
    assert_int_equal(config_number(store, "step"), 3600000);
    assert_int_equal(config_number(store, "mode"), 0);
    assert_int_equal(config_number(store, "color"), 1);
    assert_true(config_yes(store, "on"));
    assert_string_equal(config_text(store, "owner"), "made-here");
    assert_int_equal(config_list_count(store, "tags"), 1);
    assert_string_equal(config_list_text(store, "tags", 0), "first");
    assert_int_equal(config_option_line(store, "dir"), 0);
    assert_int_equal(config_count(config, "feed"), 1);
    assert_string_equal(config_title(config_titled(config, "feed", 0)), "main");
    assert_int_equal(config_count(config, "line"), 1);
    assert_string_equal(config_title(config_titled(config, "line", 0)), "*");
    config_free(config);
}

static void every_type_is_read(void **state)
{
    (void)state;
    struct config *config =
        good("store {\n dir = /data\n size_max = 1GiB\n share = -3\n keep = 250ms\n step = 1h\n"
             " mode = exact\n color = blue\n on = off\n owner = 'a b'\n tags = { x, \"y z\" }\n}\n");
    const struct config_item *store = config_section(config, "store");
    assert_string_equal(config_text(store, "dir"), "/data");
    assert_int_equal(config_number(store, "size_max"), 1 << 30);
    assert_int_equal(config_number(store, "share"), -3);
    assert_int_equal(config_number(store, "keep"), 250);
    assert_int_equal(config_number(store, "step"), 3600000);
    assert_int_equal(config_number(store, "mode"), 1);
    assert_int_equal(config_number(store, "color"), 2);
    assert_false(config_yes(store, "on"));
    assert_string_equal(config_text(store, "owner"), "a b");
    assert_int_equal(config_list_count(store, "tags"), 2);
    assert_string_equal(config_list_text(store, "tags", 1), "y z");
    assert_null(config_list_text(store, "tags", 2));
    assert_int_equal(config_line(store), 1);
    assert_int_equal(config_option_line(store, "dir"), 2);
    assert_int_equal(config_option_line(store, "tags"), 11);
    config_free(config);
}

static void lists_may_be_empty_or_one_text(void **state)
{
    (void)state;
    struct config *config = good("store { tags = {} }");
    assert_int_equal(config_list_count(config_section(config, "store"), "tags"), 0);
    config_free(config);
    config = good("store { tags = alone }");
    assert_string_equal(config_list_text(config_section(config, "store"), "tags", 0), "alone");
    config_free(config);
}

static void the_way_of_writing_is_free(void **state)
{
    (void)state;
    struct config *config = good("\xef\xbb\xbf// a\r\n/* b\r\n } */ store{dir=/a//b mode=exact # c\r\n on=no}\r\n"
                                 "line \"a \\\"b\\\" \\\\ $ ${HOME} '\" { label = 'x\\y' }\r\n"
                                 "line plain { label = \"\\$ \\' caf\xc3\xa9\" }");
    assert_string_equal(config_text(config_section(config, "store"), "dir"), "/a//b");
    assert_int_equal(config_option_line(config_section(config, "store"), "dir"), 3);
    assert_int_equal(config_option_line(config_section(config, "store"), "on"), 4);
    assert_string_equal(config_title(config_titled(config, "line", 0)), "a \"b\" \\ $ ${HOME} '");
    assert_string_equal(config_text(config_titled(config, "line", 0), "label"), "x\\y");
    assert_string_equal(config_text(config_titled(config, "line", 1), "label"), "$ ' caf\xc3\xa9");
    config_free(config);
}

static void a_base_title_lends_what_it_sets(void **state)
{
    (void)state;
    struct config *config = good("line a { label = A }\nline \"*\" { limit = 5s }\nline b { limit = 7s }\nline c { }");
    assert_int_equal(config_count(config, "line"), 4);
    assert_int_equal(config_number(config_titled(config, "line", 0), "limit"), 5000);
    assert_int_equal(config_option_line(config_titled(config, "line", 0), "limit"), 0);
    assert_string_equal(config_text(config_titled(config, "line", 0), "label"), "A");
    assert_int_equal(config_number(config_titled(config, "line", 2), "limit"), 7000);
    assert_int_equal(config_number(config_titled(config, "line", 3), "limit"), 5000);
    assert_string_equal(config_text(config_titled(config, "line", 3), "label"), "");
    assert_null(config_titled(config, "line", 4));
    config_free(config);
}

static void the_default_title_gives_way(void **state)
{
    (void)state;
    struct config *config = good("feed other { }");
    assert_int_equal(config_count(config, "feed"), 1);
    assert_string_equal(config_title(config_titled(config, "feed", 0)), "other");
    config_free(config);
}

static void reading_again_and_again_keeps_no_state(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct buf lines = BUF_INIT;
        assert_null(sample_read("store { dir = \"open\n", &lines));
        assert_null(sample_read("store { dir = /x /* open", &lines));
        buf_deinit(&lines);
        struct config *config = good("store { dir = /x }");
        assert_string_equal(config_text(config_section(config, "store"), "dir"), "/x");
        config_free(config);
    }
}

/* ---- files ---- */

static int load(const char *path, struct buf *lines, struct config **out)
{
    *out = NULL;
    return config_load(path, &sample_table, sample_collect, lines, out);
}

static void files_are_read(void **state)
{
    (void)state;
    char path[] = "/tmp/ringside-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "store { share = 99 }\n", 21), 21);
    struct buf lines = BUF_INIT;
    struct config *config;
    assert_int_equal(load(path, &lines, &config), STATUS_INVALID);
    struct buf want = BUF_INIT;
    buf_printf(&want, "%s:1: store.share: \"99\" is too large; allowed: -5 to 50 percent (e.g. 20)\n", path);
    assert_string_equal(buf_cstr(&lines), buf_cstr(&want));
    assert_int_equal(ftruncate(fd, 0), 0);
    buf_reset(&lines);
    assert_int_equal(load(path, &lines, &config), 0);
    assert_string_equal(buf_cstr(&lines), "");
    config_free(config);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    buf_deinit(&lines);
    buf_deinit(&want);
}

static void what_is_no_file_is_said_so(void **state)
{
    (void)state;
    struct buf lines = BUF_INIT;
    struct config *config;
    assert_int_equal(load("/nonexistent/x.conf", &lines, &config), STATUS_NOT_FOUND);
    assert_string_equal(buf_cstr(&lines), "");
    assert_int_equal(load("/tmp", &lines, &config), STATUS_INVALID);
    assert_string_equal(buf_cstr(&lines), "/tmp: is a directory; allowed: a file\n");
    buf_reset(&lines);
    assert_int_equal(load("/dev/zero", &lines, &config), STATUS_INVALID);
    assert_non_null(strstr(buf_cstr(&lines), "/dev/zero: "));
    buf_deinit(&lines);
}

static void an_unreadable_file_is_reported(void **state)
{
    (void)state;
    char path[] = "/tmp/ringside-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0), 0);
    struct buf lines = BUF_INIT;
    struct config *config;
    bool root = geteuid() == 0; /* who may read everything */
    assert_int_equal(root ? seteuid(65534) : 0, 0);
    assert_int_equal(load(path, &lines, &config), STATUS_INVALID);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    assert_non_null(strstr(buf_cstr(&lines), "cannot be opened: Permission denied; allowed: "));
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    buf_deinit(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_file_gives_all_defaults),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(lists_may_be_empty_or_one_text),
        cmocka_unit_test(the_way_of_writing_is_free),
        cmocka_unit_test(a_base_title_lends_what_it_sets),
        cmocka_unit_test(the_default_title_gives_way),
        cmocka_unit_test(reading_again_and_again_keeps_no_state),
        cmocka_unit_test(files_are_read),
        cmocka_unit_test(what_is_no_file_is_said_so),
        cmocka_unit_test(an_unreadable_file_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
