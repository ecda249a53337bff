#include "platform/file/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/file/scratch.h"

enum { WRITERS = 3, WRITERS_TIMES = 400, WRITERS_BYTES = 20000 };

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

static void assert_nothing_left(const char *path)
{
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(scratch.dir), 0); /* fails when anything is left */
    assert_int_equal(mkdir(scratch.dir, 0700), 0);
}

static void test_what_an_end_left_goes(void **state)
{
    (void)state;
    const char *path = scratch_path(&scratch, "state");
    const char *left = scratch_path(&scratch, "state.new");
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0) {
            scratch_write(&scratch, "state.new", "half of a longer content", 24);
            assert_int_equal(chmod(left, 0444), 0);
        } else if (kind == 1) {
            assert_int_equal(symlink("/nonexistent/elsewhere", left), 0);
        } else {
            pid_t child = fork();
            if (child == 0) { /* ended while it held the lock */
                int fd = open(left, O_RDWR | O_CREAT, 0600);
                _exit(fd >= 0 && flock(fd, LOCK_EX) == 0 && write(fd, "half", 4) == 4 ? 0 : 1);
            }
            int result = -1;
            assert_int_equal(waitpid(child, &result, 0), child);
            assert_int_equal(result, 0);
        }
        assert_int_equal(atomic_replace(path, "new", 3, 0600), 0);
        assert_content("state", "new");
        assert_nothing_left(path);
    }
    assert_int_equal(mkdir(left, 0700), 0);
    assert_true(atomic_replace(path, "new", 3, 0600) < 0);
    assert_int_equal(rmdir(left), 0);
}

static int replace_slowly(const char *path, const char *temporary, int told)
{
    int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || write(told, "x", 1) != 1) {
        return 1;
    }
    usleep(50000);
    return write(fd, "slow", 4) == 4 && rename(temporary, path) == 0 ? 0 : 2;
}

static void test_who_is_still_writing_is_waited_for(void **state)
{
    (void)state;
    const char *path = scratch_path(&scratch, "state");
    int told[2];
    char byte;
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(replace_slowly(path, scratch_path(&scratch, "state.new"), told[1]));
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(atomic_replace(path, "new", 3, 0600), 0);
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_content("state", "new");
    close(told[0]);
    close(told[1]);
    assert_nothing_left(path);
}

/* Each content is of one letter: one that is mixed or cut shows. */
static int replace_often(const char *path, char letter)
{
    char data[WRITERS_BYTES];
    memset(data, letter, sizeof data);
    for (int i = 0; i < WRITERS_TIMES; i++) {
        if (atomic_replace(path, data, sizeof data - (size_t)(letter - 'a') * 100, 0600) != 0) {
            return 1;
        }
    }
    return 0;
}

static void test_many_at_once(void **state)
{
    (void)state;
    const char *path = scratch_path(&scratch, "state");
    pid_t children[WRITERS];
    int running = WRITERS;
    assert_int_equal(atomic_replace(path, "", 0, 0600), 0);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(replace_often(path, (char)('a' + i)));
        }
        assert_true(children[i] > 0);
    }
    while (running > 0) {
        struct buf now = BUF_INIT;
        int result = 0;
        pid_t ended = waitpid(-1, &result, WNOHANG);
        assert_true(ended >= 0);
        assert_int_equal(result, 0);
        running -= ended > 0;
        assert_int_equal(atomic_read(path, WRITERS_BYTES, &now), 0);
        for (size_t i = 0; i < now.len; i++) {
            assert_int_equal(now.data[i], now.data[0]);
        }
        assert_true(now.len == 0 || now.len == WRITERS_BYTES - (size_t)(now.data[0] - 'a') * 100);
        buf_deinit(&now);
    }
    assert_nothing_left(path);
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
        cmocka_unit_test_setup_teardown(test_what_an_end_left_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_still_writing_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_in_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
