/* The sandbox: which files may be used, and a directory that is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/service/sandbox_kit.h"

static int read_by_link(void)
{
    return kit_outcome(open(kit_in("own/link"), O_RDONLY | O_CLOEXEC) >= 0);
}

static int read_passwords(void)
{
    return kit_outcome(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
}

static int list_other(void)
{
    return kit_outcome(open(kit_in("other"), O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
}

static int write_other(void)
{
    return kit_outcome(open(kit_in("other/file"), O_WRONLY | O_CLOEXEC) >= 0);
}

static int write_what_is_read(void)
{
    return kit_outcome(open(kit_in("read/file"), O_WRONLY | O_CLOEXEC) >= 0);
}

static int make_other(void)
{
    bool done = open(kit_in("other/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
    int result = kit_outcome(done);
    (void)unlink(kit_in("other/new"));
    return result;
}

static int make_in_tmp(void)
{
    int fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    return kit_outcome(fd >= 0);
}

static int remove_other(void)
{
    bool done = unlink(kit_in("other/spare")) == 0;
    int result = kit_outcome(done);
    if (done) {
        (void)close(open(kit_in("other/spare"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    return result;
}

static int take_away(void)
{
    char from[400];
    (void)snprintf(from, sizeof from, "%s", kit_in("own/spare"));
    bool done = rename(from, kit_in("other/taken")) == 0;
    int result = kit_outcome(done);
    if (done) {
        char to[400];
        (void)snprintf(to, sizeof to, "%s", kit_in("other/taken"));
        (void)rename(to, from);
    }
    return result;
}

static int make_socket_file(void)
{
    bool done = mknod(kit_in("own/socket"), S_IFSOCK | 0600, 0) == 0;
    int result = kit_outcome(done);
    (void)unlink(kit_in("own/socket"));
    return result;
}

static int use_own(void)
{
    char from[400];
    char text[8] = "";
    (void)snprintf(from, sizeof from, "%s", kit_in("own/new"));
    int fd = open(from, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, "text", 4) == 4 && fdatasync(fd) == 0 && posix_fallocate(fd, 0, 65536) == 0 &&
                pread(fd, text, 4, 0) == 4 && ftruncate(fd, 4096) == 0;
    void *mapped = done ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    struct flock lock = {.l_type = F_WRLCK};
    done = done && mapped != MAP_FAILED && msync(mapped, 4096, MS_SYNC) == 0 && fcntl(fd, F_SETLK, &lock) == 0;
    done = done && link(from, kit_in("own/second")) == 0 &&
           unlink(kit_in("own/second")) == 0; /* a damaged file put aside */
    done = done && rename(from, kit_in("own/newer")) == 0 && unlink(kit_in("own/newer")) == 0;
    done = done && mkdir(kit_in("own/deep"), 0700) == 0 && rmdir(kit_in("own/deep")) == 0;
    done = done && open(kit_in("read/file"), O_RDONLY | O_CLOEXEC) >= 0;
    return done && strcmp(text, "text") == 0 ? 0 : errno ? errno : KIT_UNTOLD;
}

static void test_files_elsewhere(void **state)
{
    (void)state;
    if (!kit_has_files()) {
        return;
    }
    kit_assert_refused(kit_read_other, EACCES);
    kit_assert_refused(read_by_link, EACCES);
    kit_assert_refused(read_passwords, EACCES);
    kit_assert_refused(list_other, EACCES);
    kit_assert_refused(write_other, EACCES);
    kit_assert_refused(write_what_is_read, EACCES);
    kit_assert_refused(make_other, EACCES);
    kit_assert_refused(make_in_tmp, EACCES);
    kit_assert_refused(remove_other, EACCES);
    int taken = kit_in_child(take_away, true);
    assert_true(taken == EXDEV || taken == EACCES);
    assert_int_equal(kit_in_child(take_away, false), 0);
}

static void test_own_files(void **state)
{
    (void)state;
    assert_int_equal(kit_in_child(use_own, false), 0);
    kit_assert_works(use_own);
    if (kit_has_files()) {
        int made = kit_in_child(make_socket_file, true);
        assert_true(made == EACCES || made == EPERM);
        assert_int_equal(kit_in_child(make_socket_file, false), 0);
    }
}

/* ---- a directory where only what is empty goes ---- */

static int tidy_other(void)
{
    int fd = open(kit_in("other"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return kit_outcome(fd >= 0 && fsync(fd) == 0 && rmdir(kit_in("other/empty")) == 0);
}

static int make_directory_in_other(void)
{
    bool done = mkdir(kit_in("other/empty"), 0700) == 0;
    int result = kit_outcome(done);
    (void)rmdir(kit_in("other/empty"));
    return result;
}

static void test_what_is_only_tidied(void **state)
{
    (void)state;
    static char path[400];
    const struct sandbox_path before = kit_place.paths[1];
    if (!kit_has_files()) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s", kit_in("other"));
    kit_place.paths[1] = (struct sandbox_path){path, SANDBOX_TIDY};
    assert_int_equal(mkdir(kit_in("other/empty"), 0700), 0);
    kit_assert_works(tidy_other);
    assert_int_equal(access(kit_in("other/empty"), F_OK), -1);
    kit_assert_refused(make_directory_in_other, EACCES);
    kit_assert_refused(kit_read_other, EACCES);
    kit_assert_refused(write_other, EACCES);
    kit_assert_refused(make_other, EACCES);
    kit_assert_refused(remove_other, EACCES);
    kit_place.paths[1] = before;
}

/* ---- what is lost by it, and what is told ---- */

/* `told`: it has entered; `go`: the directory is another one. */
static int lose_path(int told, int go)
{
    char letter = 'x';
    struct buf why = BUF_INIT;
    struct sandbox_facts facts;
    const struct sandbox_path paths[] = {{kit_place.read, SANDBOX_READ}, {"/nowhere/yet", SANDBOX_READ}};
    const struct sandbox_options options = {.paths = paths, .path_count = 2};
    if (sandbox_lost_path() || sandbox_enter(&options, &facts, &why) != 0 || sandbox_lost_path()) {
        return 1;
    }
    if (write(told, &letter, 1) != 1 || read(go, &letter, 1) != 1) {
        return 2;
    }
    return !sandbox_lost_path() ? 3 : sandbox_lost_resolver() ? 4 : 0;
}

static void test_a_directory_that_is_replaced_is_noticed(void **state)
{
    (void)state;
    int told[2];
    int go[2];
    char letter;
    int how = 0;
    if (!kit_has_files()) {
        return;
    }
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(lose_path(told[1], go[0]));
    }
    assert_int_equal(read(told[0], &letter, 1), 1);
    assert_int_equal(rename(kit_place.read, kit_in("away")), 0);
    assert_int_equal(mkdir(kit_place.read, 0755), 0);
    assert_int_equal(write(go[1], &letter, 1), 1);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_elsewhere),
        cmocka_unit_test(test_own_files),
        cmocka_unit_test(test_what_is_only_tidied),
        cmocka_unit_test(test_a_directory_that_is_replaced_is_noticed),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
