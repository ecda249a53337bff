/* Each attempt is made by a child that has entered the sandbox, and by one that has not: what the sandbox refuses must
 * be possible without it, or the refusal would say nothing. */
#include "platform/service/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "tests/support/temp_dir.h"

enum { UNTOLD = 250, NOT_ENTERED = 251 };

struct place {
    struct temp_dir dir; /* "own" (may be written), "read" (may be read), "other", each with a file "file" */
    struct sandbox_options options;
    struct sandbox_path paths[2];
    char own[400];
    char read[400];
    uint16_t open_port;  /* somebody listens; the sandbox lets it through */
    uint16_t other_port; /* somebody listens; it does not */
    int listeners[2];
    struct sandbox_facts kernel; /* what it has */
};

static struct place place;

static const char *in(const char *where)
{
    static char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", place.dir.path, where);
    return path;
}

/* 0: done; else errno. Nothing of it may outlive the child. */
typedef int (*attempt_fn)(void);

static int outcome(bool done)
{
    return done ? 0 : errno;
}

/* The child's exit status; -signal when it was killed. */
static int in_child(attempt_fn attempt, bool confined)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox_facts facts;
        struct buf why = BUF_INIT;
        int entered = confined ? sandbox_enter(&place.options, &facts, &why) : 0;
        _exit(entered != 0 ? NOT_ENTERED : attempt() & 0xff);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
}

static void assert_refused(attempt_fn attempt, int error)
{
    assert_int_equal(in_child(attempt, false), 0);
    assert_int_equal(in_child(attempt, true), error);
}

static void assert_works(attempt_fn attempt)
{
    assert_int_equal(in_child(attempt, true), 0);
}

/* Some things even root is refused here without a sandbox, as in a container: that it is killed says enough. */
static void assert_kills(attempt_fn attempt)
{
    assert_true(in_child(attempt, false) >= 0);
    assert_int_equal(in_child(attempt, true), -SIGSYS);
}

static bool has_files(void)
{
    if (!place.kernel.files) {
        print_message("this kernel has no Landlock: not looked at\n");
    }
    return place.kernel.files;
}

/* ---- files ---- */

static int read_other(void)
{
    return outcome(open(in("other/file"), O_RDONLY | O_CLOEXEC) >= 0);
}

static int read_by_link(void)
{
    return outcome(open(in("own/link"), O_RDONLY | O_CLOEXEC) >= 0);
}

static int read_passwords(void)
{
    return outcome(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
}

static int list_other(void)
{
    return outcome(open(in("other"), O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
}

static int write_other(void)
{
    return outcome(open(in("other/file"), O_WRONLY | O_CLOEXEC) >= 0);
}

static int write_what_is_read(void)
{
    return outcome(open(in("read/file"), O_WRONLY | O_CLOEXEC) >= 0);
}

static int make_other(void)
{
    bool done = open(in("other/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
    int result = outcome(done);
    (void)unlink(in("other/new"));
    return result;
}

static int make_in_tmp(void)
{
    int fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    return outcome(fd >= 0);
}

static int remove_other(void)
{
    bool done = unlink(in("other/spare")) == 0;
    int result = outcome(done);
    if (done) {
        (void)close(open(in("other/spare"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    return result;
}

static int take_away(void)
{
    char from[400];
    (void)snprintf(from, sizeof from, "%s", in("own/spare"));
    bool done = rename(from, in("other/taken")) == 0;
    int result = outcome(done);
    if (done) {
        char to[400];
        (void)snprintf(to, sizeof to, "%s", in("other/taken"));
        (void)rename(to, from);
    }
    return result;
}

static int make_socket_file(void)
{
    bool done = mknod(in("own/socket"), S_IFSOCK | 0600, 0) == 0;
    int result = outcome(done);
    (void)unlink(in("own/socket"));
    return result;
}

static int use_own(void)
{
    char from[400];
    char text[8] = "";
    (void)snprintf(from, sizeof from, "%s", in("own/new"));
    int fd = open(from, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, "text", 4) == 4 && fdatasync(fd) == 0 && posix_fallocate(fd, 0, 65536) == 0 &&
                pread(fd, text, 4, 0) == 4 && ftruncate(fd, 4096) == 0;
    void *mapped = done ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    struct flock lock = {.l_type = F_WRLCK};
    done = done && mapped != MAP_FAILED && msync(mapped, 4096, MS_SYNC) == 0 && fcntl(fd, F_SETLK, &lock) == 0;
    done = done && link(from, in("own/second")) == 0 && unlink(in("own/second")) == 0; /* a damaged file put aside */
    done = done && rename(from, in("own/newer")) == 0 && unlink(in("own/newer")) == 0;
    done = done && mkdir(in("own/deep"), 0700) == 0 && rmdir(in("own/deep")) == 0;
    done = done && open(in("read/file"), O_RDONLY | O_CLOEXEC) >= 0;
    return done && strcmp(text, "text") == 0 ? 0 : errno ? errno : UNTOLD;
}

static void test_files_elsewhere(void **state)
{
    (void)state;
    if (!has_files()) {
        return;
    }
    assert_refused(read_other, EACCES);
    assert_refused(read_by_link, EACCES);
    assert_refused(read_passwords, EACCES);
    assert_refused(list_other, EACCES);
    assert_refused(write_other, EACCES);
    assert_refused(write_what_is_read, EACCES);
    assert_refused(make_other, EACCES);
    assert_refused(make_in_tmp, EACCES);
    assert_refused(remove_other, EACCES);
    int taken = in_child(take_away, true);
    assert_true(taken == EXDEV || taken == EACCES);
    assert_int_equal(in_child(take_away, false), 0);
}

static void test_own_files(void **state)
{
    (void)state;
    assert_int_equal(in_child(use_own, false), 0);
    assert_works(use_own);
    if (has_files()) {
        int made = in_child(make_socket_file, true);
        assert_true(made == EACCES || made == EPERM);
        assert_int_equal(in_child(make_socket_file, false), 0);
    }
}

/* ---- processes ---- */

static int fork_one(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return outcome(pid > 0);
}

static int fork_by_clone3(void)
{
    uint64_t args[8] = {0, 0, 0, 0, SIGCHLD};
    long pid = syscall(SYS_clone3, args, sizeof args);
    if (pid == 0) {
        _exit(0);
    }
    return outcome(pid > 0);
}

static int exec_true(void)
{
    char *args[] = {(char *)(uintptr_t) "true", NULL};
    char *env[] = {NULL};
    (void)execve("/bin/true", args, env);
    return errno;
}

static int exec_open_file(void)
{
    char *args[] = {(char *)(uintptr_t) "true", NULL};
    char *env[] = {NULL};
    int fd = open("/bin/true", O_PATH | O_CLOEXEC);
    (void)syscall(SYS_execveat, fd, "", args, env, 0x1000 /* AT_EMPTY_PATH */);
    return errno;
}

static int signal_parent(void)
{
    return outcome(kill(getppid(), 0) == 0);
}

static int become_somebody(void)
{
    return geteuid() == 0 ? outcome(setuid(65534) == 0) : 0;
}

static int raise_limit(void)
{
    const struct rlimit limit = {64, 64};
    return outcome(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static int be_traceable(void)
{
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static void test_processes(void **state)
{
    (void)state;
    assert_refused(fork_one, EPERM);
    assert_refused(fork_by_clone3, ENOSYS);
    assert_refused(exec_true, EPERM);
    assert_refused(exec_open_file, EPERM);
    assert_refused(signal_parent, EPERM);
    assert_refused(raise_limit, EPERM);
    assert_refused(be_traceable, EPERM);
    if (geteuid() == 0) {
        assert_refused(become_somebody, EPERM);
    }
}

/* ---- threads ---- */

static void *answer(void *argument)
{
    return argument;
}

static int make_thread(void)
{
    pthread_t thread;
    void *got = NULL;
    int error = pthread_create(&thread, NULL, answer, &place);
    return error ? error : pthread_join(thread, &got) == 0 && got == &place ? 0 : UNTOLD;
}

static void *read_in_thread(void *argument)
{
    *(int *)argument = read_other();
    return NULL;
}

static int step_out_in_thread(void)
{
    pthread_t thread;
    int result = UNTOLD;
    int error = pthread_create(&thread, NULL, read_in_thread, &result);
    return error ? error : pthread_join(thread, NULL) == 0 ? result : UNTOLD;
}

static int clone_with_spaces(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        _exit(0);
    }
    return outcome(pid > 0);
}

static void test_threads(void **state)
{
    (void)state;
    assert_works(make_thread);
    if (has_files()) {
        assert_refused(step_out_in_thread, EACCES);
    }
    assert_int_equal(in_child(clone_with_spaces, true), EPERM);
    place.options.threads = false;
    assert_int_equal(in_child(make_thread, true), EPERM);
    place.options.threads = true;
}

/* ---- code ---- */

static int map_code(void)
{
    return outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int map_code_of_file(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}

static int make_data_code(void)
{
    void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data == MAP_FAILED ? UNTOLD : outcome(mprotect(data, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void test_no_new_code(void **state)
{
    (void)state;
    assert_refused(map_code, EPERM);
    assert_refused(make_data_code, EPERM);
    assert_int_equal(in_child(map_code_of_file, false), 0);
    int mapped = in_child(map_code_of_file, true);
    assert_true(mapped == EPERM || mapped == EBADF); /* or the program may not even be opened */
}

/* ---- the network ---- */

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return outcome(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
}

static int connect_open(void)
{
    return connect_to(place.open_port);
}

static int connect_other(void)
{
    return connect_to(place.other_port);
}

static int connect_in_first_packet(void)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(place.other_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return outcome(
        sendto(fd, "x", 1, 0x20000000 /* MSG_FASTOPEN */, (const struct sockaddr *)&address, sizeof address) >= 0);
}

static int bind_to(int type, uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    return outcome(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
}

static int bind_tcp(void)
{
    return bind_to(SOCK_STREAM, 0);
}

static int bind_udp(void)
{
    return bind_to(SOCK_DGRAM, 0);
}

static int listen_somewhere(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return outcome(fd >= 0 && listen(fd, 1) == 0);
}

static int packet_socket(void)
{
    return outcome(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
}

static int other_netlink(void)
{
    return outcome(socket(16, SOCK_RAW | SOCK_CLOEXEC, 15 /* NETLINK_KOBJECT_UEVENT */) >= 0);
}

static int crypto_socket(void)
{
    return outcome(socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) >= 0);
}

static int raw_socket(void)
{
    return outcome(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) >= 0);
}

static int look_up(void)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int rc = getaddrinfo("localhost", "443", &hints, &found);
    if (rc == 0) {
        freeaddrinfo(found);
    }
    return rc == 0 ? 0 : UNTOLD;
}

static void test_network(void **state)
{
    (void)state;
    assert_works(connect_open);
    assert_works(bind_udp);
    assert_works(look_up);
    assert_refused(listen_somewhere, EPERM);
    assert_int_equal(in_child(packet_socket, true), EPERM);
    assert_int_equal(in_child(raw_socket, true), EPERM);
    assert_int_equal(in_child(crypto_socket, true), EPERM);
    assert_refused(other_netlink, EPERM);
    assert_int_equal(in_child(connect_in_first_packet, true), EPERM);
    if (!place.kernel.ports) {
        print_message("this kernel's Landlock knows no ports: not looked at\n");
        return;
    }
    assert_refused(connect_other, EACCES);
    assert_refused(bind_tcp, EACCES);
    place.options.any_connect = true;
    assert_works(connect_other);
    place.options.any_connect = false;
    place.options.any_listen = true;
    assert_works(bind_tcp);
    assert_works(listen_somewhere);
    place.options.any_listen = false;
}

/* ---- what nobody needs ---- */

static int trace(void)
{
    return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
}

static int mount_something(void)
{
    return outcome(mount("none", place.own, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0) & 0x7f;
}

static int load_bpf(void)
{
    return outcome(syscall(SYS_bpf, 0, NULL, 0) == 0);
}

static int leave_spaces(void)
{
    return outcome(unshare(CLONE_FILES) == 0);
}

static int read_keys(void)
{
    return outcome(syscall(SYS_keyctl, 0, -3, 0, 0, 0) >= 0);
}

static int set_clock(void)
{
    return outcome(syscall(SYS_clock_settime, 99, NULL) == 0);
}

static int read_other_memory(void)
{
    return outcome(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) == 0);
}

static int make_ring(void)
{
    (void)syscall(SYS_io_uring_setup, 1, NULL);
    return errno;
}

static void test_what_ends_the_process(void **state)
{
    (void)state;
    static const attempt_fn attempts[] = {trace,     mount_something, load_bpf,         leave_spaces,
                                          read_keys, set_clock,       read_other_memory};
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        assert_kills(attempts[i]);
    }
    assert_int_equal(in_child(make_ring, true), ENOSYS);
}

/* ---- what the loop and the C library need ---- */

static int wait_for_things(void)
{
    int poller = epoll_create1(EPOLL_CLOEXEC);
    int event = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wanted = {.events = EPOLLIN};
    struct epoll_event got;
    int pair[2];
    const struct timespec moment = {0, 1000};
    bool done = poller >= 0 && event >= 0 && epoll_ctl(poller, EPOLL_CTL_ADD, event, &wanted) == 0 &&
                epoll_wait(poller, &got, 1, 1000) == 1 && pipe2(pair, O_CLOEXEC) == 0 &&
                socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && nanosleep(&moment, NULL) == 0 &&
                inotify_add_watch(inotify_init1(IN_CLOEXEC), in("read"), IN_MODIFY) >= 0;
    void *large = malloc(64 << 20);
    memset(large, 1, 64 << 20);
    large = realloc(large, 96 << 20);
    free(large);
    return outcome(done && large && raise(0) == 0);
}

static void test_what_is_needed_works(void **state)
{
    (void)state;
    assert_int_equal(in_child(wait_for_things, false), 0);
    assert_works(wait_for_things);
}

/* ---- loosely, for programs that nobody knows ---- */

static int run_loosely(void)
{
    struct buf why = BUF_INIT;
    if (sandbox_enter_loosely(&why) != 0) {
        return NOT_ENTERED;
    }
    if (trace() != EPERM || load_bpf() != EPERM || mount_something() != EPERM || leave_spaces() != EPERM) {
        return UNTOLD;
    }
    return read_other() == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? exec_true() : UNTOLD;
}

static void test_loosely(void **state)
{
    (void)state;
    assert_int_equal(in_child(run_loosely, false), 0);
}

/* ---- what is lost by it, and what is told ---- */

/* `told`: it has entered; `go`: the directory is another one. */
static int lose_path(int told, int go)
{
    char letter = 'x';
    struct buf why = BUF_INIT;
    struct sandbox_facts facts;
    const struct sandbox_path paths[] = {{place.read, SANDBOX_READ}, {"/nowhere/yet", SANDBOX_READ}};
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
    if (!has_files()) {
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
    assert_int_equal(rename(place.read, in("away")), 0);
    assert_int_equal(mkdir(place.read, 0755), 0);
    assert_int_equal(write(go[1], &letter, 1), 1);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void test_what_holds_is_told(void **state)
{
    (void)state;
    static const struct {
        struct sandbox_facts facts;
        const char *text;
    } cases[] = {
        {{.seccomp = true, .landlock = 7, .files = true, .ports = true}, "system calls, files (Landlock 7), TCP ports"},
        {{.seccomp = true, .landlock = 2, .files = true}, "system calls, files (Landlock 2)"},
        {{.seccomp = true}, "system calls"},
        {{.landlock = 1, .files = true}, "files (Landlock 1)"},
        {{.seccomp = false}, "nothing"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf text = BUF_INIT;
        sandbox_describe(&cases[i].facts, &text);
        assert_string_equal(buf_cstr(&text), cases[i].text);
        buf_deinit(&text);
    }
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
    int fd = open(in(where), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
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
        int status = sandbox_enter(&place.options, &facts, &why);
        _exit(write(pair[1], &facts, sizeof facts) == (ssize_t)sizeof facts && status == 0 ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_int_equal(read(pair[0], &place.kernel, sizeof place.kernel), sizeof place.kernel);
    (void)close(pair[0]);
    (void)close(pair[1]);
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
    assert_true(place.kernel.seccomp);
    assert_int_equal(place.kernel.landlock, version < 1 ? 0 : version < 7 ? version : 7);
    assert_int_equal(place.kernel.files, version >= 1);
    assert_int_equal(place.kernel.ports, version >= 4);
}

static int setup(void **state)
{
    static const char *const files[] = {"own/spare", "own/file", "read/file", "other/file", "other/spare"};
    temp_dir_make(&place.dir);
    assert_int_equal(mkdir(in("own"), 0755), 0);
    assert_int_equal(mkdir(in("read"), 0755), 0);
    assert_int_equal(mkdir(in("other"), 0755), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        make_file(files[i]);
    }
    assert_int_equal(symlink("../other/file", in("own/link")), 0);
    (void)snprintf(place.own, sizeof place.own, "%s", in("own"));
    (void)snprintf(place.read, sizeof place.read, "%s", in("read"));
    place.listeners[0] = listen_on(&place.open_port);
    place.listeners[1] = listen_on(&place.other_port);
    place.paths[0] = (struct sandbox_path){place.own, SANDBOX_WRITE};
    place.paths[1] = (struct sandbox_path){place.read, SANDBOX_READ};
    place.options = (struct sandbox_options){
        .paths = place.paths, .path_count = 2, .connect_ports = {place.open_port}, .threads = true};
    learn();
    *state = &place;
    return 0;
}

static int take_off(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    static const char *const dirs[] = {"own", "read", "other", "away"};
    (void)state;
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        (void)nftw(in(dirs[i]), take_off, 8, FTW_DEPTH | FTW_PHYS);
    }
    (void)close(place.listeners[0]);
    (void)close(place.listeners[1]);
    temp_dir_remove(&place.dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_elsewhere),
        cmocka_unit_test(test_own_files),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_no_new_code),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_what_ends_the_process),
        cmocka_unit_test(test_what_is_needed_works),
        cmocka_unit_test(test_loosely),
        cmocka_unit_test(test_a_directory_that_is_replaced_is_noticed),
        cmocka_unit_test(test_what_holds_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
