#include "tests/unit/service/sandbox_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct kit_place kit_place;

const char *kit_in(const char *where)
{
    static char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", kit_place.dir.path, where);
    return path;
}

int kit_outcome(bool done)
{
    return done ? 0 : errno;
}

int kit_in_child(kit_attempt_fn attempt, bool confined)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox_facts facts;
        struct buf why = BUF_INIT;
        int entered = confined ? sandbox_enter(&kit_place.options, &facts, &why) : 0;
        _exit(entered != 0 ? KIT_NOT_ENTERED : attempt() & 0xff);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
}

void kit_assert_refused(kit_attempt_fn attempt, int error)
{
    assert_int_equal(kit_in_child(attempt, false), 0);
    assert_int_equal(kit_in_child(attempt, true), error);
}

void kit_assert_works(kit_attempt_fn attempt)
{
    assert_int_equal(kit_in_child(attempt, true), 0);
}

void kit_assert_kills(kit_attempt_fn attempt)
{
    assert_true(kit_in_child(attempt, false) >= 0);
    assert_int_equal(kit_in_child(attempt, true), -SIGSYS);
}

bool kit_has_files(void)
{
    if (!kit_place.kernel.files) {
        print_message("this kernel has no Landlock: not looked at\n");
    }
    return kit_place.kernel.files;
}

int kit_read_other(void)
{
    return kit_outcome(open(kit_in("other/file"), O_RDONLY | O_CLOEXEC) >= 0);
}

/* ---- the place ---- */

static int listen_on(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void make_file(const char *where)
{
    int fd = open(kit_in(where), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    (void)close(fd);
}

/* What the kernel has, as a child that entered tells it; that there is a filter of system calls is no question. */
static void learn(void)
{
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_facts facts;
        struct buf why = BUF_INIT;
        int status = sandbox_enter(&kit_place.options, &facts, &why);
        _exit(write(pair[1], &facts, sizeof facts) == (ssize_t)sizeof facts && status == 0 ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_int_equal(read(pair[0], &kit_place.kernel, sizeof kit_place.kernel), sizeof kit_place.kernel);
    (void)close(pair[0]);
    (void)close(pair[1]);
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
    assert_true(kit_place.kernel.seccomp);
    assert_int_equal(kit_place.kernel.landlock, version < 1 ? 0 : version < 7 ? version : 7);
    assert_int_equal(kit_place.kernel.files, version >= 1);
    assert_int_equal(kit_place.kernel.ports, version >= 4);
}

int kit_setup(void **state)
{
    static const char *const files[] = {"own/spare", "own/file", "read/file", "other/file", "other/spare"};
    temp_dir_make(&kit_place.dir);
    assert_int_equal(mkdir(kit_in("own"), 0755), 0);
    assert_int_equal(mkdir(kit_in("read"), 0755), 0);
    assert_int_equal(mkdir(kit_in("other"), 0755), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        make_file(files[i]);
    }
    assert_int_equal(symlink("../other/file", kit_in("own/link")), 0);
    (void)snprintf(kit_place.own, sizeof kit_place.own, "%s", kit_in("own"));
    (void)snprintf(kit_place.read, sizeof kit_place.read, "%s", kit_in("read"));
    kit_place.listeners[0] = listen_on(&kit_place.open_port);
    kit_place.listeners[1] = listen_on(&kit_place.other_port);
    kit_place.paths[0] = (struct sandbox_path){kit_place.own, SANDBOX_WRITE};
    kit_place.paths[1] = (struct sandbox_path){kit_place.read, SANDBOX_READ};
    kit_place.options = (struct sandbox_options){
        .paths = kit_place.paths, .path_count = 2, .connect_ports = {kit_place.open_port}, .threads = true};
    learn();
    *state = &kit_place;
    return 0;
}

static int take_off(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

int kit_teardown(void **state)
{
    static const char *const dirs[] = {"own", "read", "other", "away"};
    (void)state;
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        (void)nftw(kit_in(dirs[i]), take_off, 8, FTW_DEPTH | FTW_PHYS);
    }
    (void)close(kit_place.listeners[0]);
    (void)close(kit_place.listeners[1]);
    temp_dir_remove(&kit_place.dir);
    return 0;
}
