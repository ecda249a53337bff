#include "platform/file/atomic.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/file/scratch.h"

static struct scratch scratch;

static int setup(void **state)
{
    (void)state;
    scratch_make(&scratch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

static void assert_content(const char *name, const char *expected)
{
    size_t len;
    char *data = scratch_read(&scratch, name, &len);
    assert_string_equal(data, expected);
    free(data);
}

static void test_makes_and_replaces(void **state)
{
    (void)state;
    const char *path = scratch_path(&scratch, "key.pem");
    mode_t mask = umask(077);
    assert_int_equal(atomic_replace(path, "one", 3, 0644), 0);
    assert_content("key.pem", "one");
    assert_int_equal(atomic_replace(path, "second", 6, 0600), 0);
    umask(mask);
    assert_content("key.pem", "second");
    struct stat meta;
    assert_int_equal(stat(path, &meta), 0);
    assert_int_equal(meta.st_mode & 07777, 0600);
    assert_int_equal(atomic_replace(path, "", 0, 0644), 0);
    assert_content("key.pem", "");
    assert_int_equal(stat(path, &meta), 0);
    assert_int_equal(meta.st_mode & 07777, 0644);
}

static void test_no_directory(void **state)
{
    (void)state;
    assert_int_equal(atomic_replace(scratch_path(&scratch, "none/key.pem"), "x", 1, 0600), STATUS_NOT_FOUND);
}

/* A write that is refused half way leaves the old content and no temporary file (teardown would miss none). */
static void test_refused_write_leaves_the_old_file(void **state)
{
    (void)state;
    const char *path = scratch_path(&scratch, "state");
    assert_int_equal(atomic_replace(path, "old", 3, 0600), 0);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {.rlim_cur = 1000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    char big[4096] = {0};
    int rc = atomic_replace(path, big, sizeof big, 0600);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(rc, STATUS_FULL);
    assert_content("state", "old");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(scratch.dir), 0); /* fails when anything is left */
    assert_int_equal(mkdir(scratch.dir, 0700), 0);
}

static void test_a_directory_in_the_way(void **state)
{
    (void)state;
    const char *path = scratch_path(&scratch, "state");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(atomic_replace(path, "x", 1, 0600), STATUS_IO);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(scratch.dir), 0);
    assert_int_equal(mkdir(scratch.dir, 0700), 0);
}

static void test_read_back(void **state)
{
    (void)state;
    const char *path = scratch_path(&scratch, "state");
    struct buf out = BUF_INIT;
    buf_append_str(&out, "before ");
    assert_int_equal(atomic_read(path, 100, &out), STATUS_NOT_FOUND);
    assert_int_equal(atomic_replace(path, "content", 7, 0600), 0);
    assert_int_equal(atomic_read(path, 6, &out), STATUS_RANGE);
    assert_int_equal(atomic_read(scratch.dir, 100, &out), STATUS_INVALID);
    assert_string_equal(buf_cstr(&out), "before ");
    assert_int_equal(atomic_read(path, 7, &out), 0);
    assert_string_equal(buf_cstr(&out), "before content");
    assert_int_equal(atomic_replace(path, "", 0, 0600), 0);
    assert_int_equal(atomic_read(path, 7, &out), 0);
    assert_string_equal(buf_cstr(&out), "before content");
    buf_deinit(&out);
    assert_int_equal(atomic_read(path, 7, &out), 0); /* nothing, into nothing */
    assert_int_equal(out.len, 0);
    assert_int_equal(unlink(path), 0);
}

static void test_rename(void **state)
{
    (void)state;
    const char *from = scratch_path(&scratch, "new");
    const char *to = scratch_path(&scratch, "place");
    const char *file = scratch_path(&scratch, "place/file");
    assert_int_equal(atomic_rename(from, to), STATUS_NOT_FOUND);
    assert_int_equal(mkdir(from, 0700), 0);
    assert_int_equal(mkdir(to, 0700), 0);
    assert_int_equal(atomic_rename(from, to), 0); /* an empty one is not in the way */
    assert_int_equal(mkdir(from, 0700), 0);
    assert_int_equal(atomic_replace(file, "x", 1, 0600), 0);
    assert_int_equal(atomic_rename(from, to), STATUS_BUSY);
    assert_int_equal(rmdir(from), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(to), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_makes_and_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_write_leaves_the_old_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_in_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
