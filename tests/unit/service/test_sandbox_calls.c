/* The sandbox: system calls that are refused, that end the process and that are needed, and what is told of it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/service/sandbox_kit.h"

/* ---- processes ---- */

static int fork_one(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return kit_outcome(pid > 0);
}

static int fork_by_clone3(void)
{
    uint64_t args[8] = {0, 0, 0, 0, SIGCHLD};
    long pid = syscall(SYS_clone3, args, sizeof args);
    if (pid == 0) {
        _exit(0);
    }
    return kit_outcome(pid > 0);
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
    return kit_outcome(kill(getppid(), 0) == 0);
}

/* The kernel would send it, by data that comes in. */
static int have_parent_signalled(void)
{
    int pair[2];
    return kit_outcome(pipe2(pair, O_CLOEXEC) == 0 && fcntl(pair[0], F_SETOWN, getppid()) == 0);
}

static int choose_signal(void)
{
    int pair[2];
    return kit_outcome(pipe2(pair, O_CLOEXEC) == 0 && fcntl(pair[0], F_SETSIG, SIGTERM) == 0);
}

static int become_somebody(void)
{
    return geteuid() == 0 ? kit_outcome(setuid(65534) == 0) : 0;
}

static int raise_limit(void)
{
    const struct rlimit limit = {64, 64};
    return kit_outcome(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static int be_traceable(void)
{
    return kit_outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static void test_processes(void **state)
{
    (void)state;
    kit_assert_refused(fork_one, EPERM);
    kit_assert_refused(fork_by_clone3, ENOSYS);
    kit_assert_refused(exec_true, EPERM);
    kit_assert_refused(exec_open_file, EPERM);
    kit_assert_refused(signal_parent, EPERM);
    kit_assert_refused(have_parent_signalled, EPERM);
    kit_assert_refused(choose_signal, EPERM);
    kit_assert_refused(raise_limit, EPERM);
    kit_assert_refused(be_traceable, EPERM);
    if (geteuid() == 0) {
        kit_assert_refused(become_somebody, EPERM);
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
    int error = pthread_create(&thread, NULL, answer, &kit_place);
    return error ? error : pthread_join(thread, &got) == 0 && got == &kit_place ? 0 : KIT_UNTOLD;
}

static void *read_in_thread(void *argument)
{
    *(int *)argument = kit_read_other();
    return NULL;
}

static int step_out_in_thread(void)
{
    pthread_t thread;
    int result = KIT_UNTOLD;
    int error = pthread_create(&thread, NULL, read_in_thread, &result);
    return error ? error : pthread_join(thread, NULL) == 0 ? result : KIT_UNTOLD;
}

static int clone_with_spaces(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        _exit(0);
    }
    return kit_outcome(pid > 0);
}

static void test_threads(void **state)
{
    (void)state;
    kit_assert_works(make_thread);
    if (kit_has_files()) {
        kit_assert_refused(step_out_in_thread, EACCES);
    }
    assert_int_equal(kit_in_child(clone_with_spaces, true), EPERM);
    kit_place.options.threads = false;
    assert_int_equal(kit_in_child(make_thread, true), EPERM);
    kit_place.options.threads = true;
}

/* ---- code ---- */

static int map_code(void)
{
    return kit_outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int map_code_of_file(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return kit_outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}

static int make_data_code(void)
{
    void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data == MAP_FAILED ? KIT_UNTOLD : kit_outcome(mprotect(data, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void test_no_new_code(void **state)
{
    (void)state;
    kit_assert_refused(map_code, EPERM);
    kit_assert_refused(make_data_code, EPERM);
    assert_int_equal(kit_in_child(map_code_of_file, false), 0);
    int mapped = kit_in_child(map_code_of_file, true);
    assert_true(mapped == EPERM || mapped == EBADF); /* or the program may not even be opened */
}

/* ---- what nobody needs ---- */

static int trace(void)
{
    return kit_outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
}

static int mount_something(void)
{
    return kit_outcome(mount("none", kit_place.own, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0) & 0x7f;
}

static int load_bpf(void)
{
    return kit_outcome(syscall(SYS_bpf, 0, NULL, 0) == 0);
}

static int leave_spaces(void)
{
    return kit_outcome(unshare(CLONE_FILES) == 0);
}

static int set_clock(void)
{
    return kit_outcome(syscall(SYS_clock_settime, 99, NULL) == 0);
}

static int read_other_memory(void)
{
    return kit_outcome(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) == 0);
}

static int make_ring(void)
{
    (void)syscall(SYS_io_uring_setup, 1, NULL);
    return errno;
}

static void test_what_ends_the_process(void **state)
{
    (void)state;
    static const kit_attempt_fn attempts[] = {trace,        mount_something, load_bpf,
                                              leave_spaces, set_clock,       read_other_memory};
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        kit_assert_kills(attempts[i]);
    }
    assert_int_equal(kit_in_child(make_ring, true), ENOSYS);
}

/* ---- what a library may try in good faith ---- */

static int find_handle(void)
{
    union {
        struct file_handle head;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
    int mount = 0;
    return kit_outcome(name_to_handle_at(AT_FDCWD, kit_place.read, &handle.head, &mount, 0) == 0);
}

static int compare_files(void)
{
    return kit_outcome(syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, 0, 0) == 0);
}

static int find_keyring(void)
{
    return kit_outcome(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* of the session */, 0, 0, 0) >= 0);
}

static int ask_for_key(void)
{
    return kit_outcome(syscall(SYS_request_key, "user", "ringside-none", NULL, 0) >= 0);
}

static int add_key_of_session(void)
{
    return kit_outcome(syscall(SYS_add_key, "user", "ringside-none", "x", 1, -1 /* of the thread */) >= 0);
}

static int ask_whether_the_clock_is_right(void)
{
    struct timex state = {.modes = 0};
    return kit_outcome(adjtimex(&state) >= 0);
}

static int set_memory_policy(void)
{
    return kit_outcome(syscall(SYS_set_mempolicy, 0 /* MPOL_DEFAULT */, NULL, 0) == 0);
}

/* It is answered, whatever the kernel knows of it by itself. */
static void test_what_is_answered(void **state)
{
    (void)state;
    static const kit_attempt_fn attempts[] = {find_handle,      compare_files,      find_keyring,
                                              ask_for_key,      add_key_of_session, ask_whether_the_clock_is_right,
                                              set_memory_policy};
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        assert_true(kit_in_child(attempts[i], false) >= 0);
        assert_int_equal(kit_in_child(attempts[i], true), EPERM);
    }
    kit_assert_refused(ask_whether_the_clock_is_right, EPERM);
}

/* fchmodat2, of Linux 6.6: newer than the list of calls. A C library that knows it goes back to fchmodat for ENOSYS,
 * and for nothing else. */
static int make_newer_call(void)
{
    char file[400];
    (void)snprintf(file, sizeof file, "%s", kit_in("own/file"));
    return kit_outcome(syscall(452, AT_FDCWD, file, 0644, 0) == 0);
}

static void test_newer_calls_do_not_exist(void **state)
{
    (void)state;
    int unconfined = kit_in_child(make_newer_call, false);
    assert_true(unconfined == 0 || unconfined == ENOSYS);
    assert_int_equal(kit_in_child(make_newer_call, true), ENOSYS);
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
                inotify_add_watch(inotify_init1(IN_CLOEXEC), kit_in("read"), IN_MODIFY) >= 0;
    void *large = malloc(64 << 20);
    memset(large, 1, 64 << 20);
    large = realloc(large, 96 << 20);
    free(large);
    return kit_outcome(done && large && raise(0) == 0);
}

static void test_what_is_needed_works(void **state)
{
    (void)state;
    assert_int_equal(kit_in_child(wait_for_things, false), 0);
    kit_assert_works(wait_for_things);
}

/* ---- loosely, for programs that nobody knows ---- */

static int run_loosely(void)
{
    struct buf why = BUF_INIT;
    if (sandbox_enter_loosely(&why) != 0) {
        return KIT_NOT_ENTERED;
    }
    if (trace() != EPERM || load_bpf() != EPERM || mount_something() != EPERM || leave_spaces() != EPERM ||
        find_keyring() != EPERM || find_handle() != EPERM) {
        return KIT_UNTOLD;
    }
    return kit_read_other() == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? exec_true() : KIT_UNTOLD;
}

static void test_loosely(void **state)
{
    (void)state;
    assert_int_equal(kit_in_child(run_loosely, false), 0);
}

/* ---- what is told ---- */

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

/* The same as what a child reached that entered. */
static void test_what_would_hold_is_told(void **state)
{
    (void)state;
    struct sandbox_facts facts;
    struct buf text = BUF_INIT;
    const struct sandbox_facts *kernel = &kit_place.kernel;
    sandbox_foresee(&facts);
    bool enough = sandbox_foretell(&text);
    if (sandbox_suits_build()) {
        char want[128];
        char version[32] = "";
        assert_int_equal(facts.seccomp, kernel->seccomp);
        assert_int_equal(facts.landlock, kernel->landlock);
        assert_int_equal(facts.files, kernel->files);
        assert_int_equal(facts.ports, kernel->ports);
        if (kernel->files) {
            (void)snprintf(version, sizeof version, " (Landlock %u)", kernel->landlock);
        }
        (void)snprintf(want, sizeof want, "system calls yes, files %s%s, TCP ports %s", kernel->files ? "yes" : "no",
                       version, kernel->ports ? "yes" : "no");
        assert_string_equal(buf_cstr(&text), want);
        assert_int_equal(enough, kernel->files);
    } else {
        assert_false(facts.seccomp || facts.files || facts.ports || facts.landlock > 0 || enough);
        assert_non_null(strstr(buf_cstr(&text), "system calls no, files no, TCP ports no: built with sanitizers"));
    }
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_no_new_code),
        cmocka_unit_test(test_what_ends_the_process),
        cmocka_unit_test(test_what_is_answered),
        cmocka_unit_test(test_newer_calls_do_not_exist),
        cmocka_unit_test(test_what_is_needed_works),
        cmocka_unit_test(test_loosely),
        cmocka_unit_test(test_what_holds_is_told),
        cmocka_unit_test(test_what_would_hold_is_told),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
