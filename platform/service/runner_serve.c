/* The process that runs programs. What it is sent comes from a daemon that may have been taken over. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/service/runner_internal.h"
#include "platform/service/sandbox.h"

enum { FILES_MAX = 256, FD_FIRST = 3 };

static const char search_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
static const char prefix[] = "RINGSIDE_";

struct server {
    int fd;
    int signals;
    const char *file;
    pid_t daemon;
    pid_t child; /* 0: none runs */
    int64_t deadline_ms;
    bool timed_out;
    char message[RUNNER_MESSAGE_MAX + 1];
};

/* As the program wants them. */
struct task {
    const char *argv[RUNNER_WORDS_MAX + 2];
    const char *envp[RUNNER_WORDS_MAX + 2];
    const char *input;
    size_t input_len;
    uint32_t timeout_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void report(const struct server *server, enum runner_end end, int number)
{
    const struct runner_report message = {(uint32_t)end, number};
    (void)send(server->fd, &message, sizeof message, MSG_NOSIGNAL);
}

/* ---- what was sent ---- */

static const char *next_word(const char **at, const char *end)
{
    const char *word = *at;
    const char *nul = memchr(word, '\0', (size_t)(end - word));
    *at = nul ? nul + 1 : end;
    return nul ? word : NULL;
}

/* Only our own variables: others change what the program is, or what its interpreter does. */
static bool is_ours(const char *entry)
{
    return strncmp(entry, prefix, sizeof prefix - 1) == 0 && strchr(entry, '=') != NULL;
}

static bool read_task(const struct server *server, size_t len, struct task *out)
{
    struct runner_head head;
    if (len < sizeof head) {
        return false;
    }
    memcpy(&head, server->message, sizeof head);
    size_t rest = len - sizeof head;
    if (head.args > RUNNER_WORDS_MAX || head.envs > RUNNER_WORDS_MAX || head.words_len > rest ||
        head.input_len != rest - head.words_len) {
        return false;
    }
    const char *at = server->message + sizeof head;
    const char *end = at + head.words_len;
    *out = (struct task){.input = end, .input_len = head.input_len, .timeout_ms = head.timeout_ms};
    out->argv[0] = server->file;
    out->envp[0] = search_path;
    for (uint32_t i = 0; i < head.args; i++) {
        if ((out->argv[1 + i] = next_word(&at, end)) == NULL) {
            return false;
        }
    }
    for (uint32_t i = 0; i < head.envs; i++) {
        if ((out->envp[1 + i] = next_word(&at, end)) == NULL || !is_ours(out->envp[1 + i])) {
            return false;
        }
    }
    return at == end;
}

/* ---- the program ---- */

/* A file in memory rather than a pipe: nobody has to wait until it is read, and a program that does not read it does no
 * harm. */
static int open_input(const struct task *task)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    for (size_t done = 0; fd >= 0 && done < task->input_len;) {
        ssize_t wrote = write(fd, task->input + done, task->input_len - done);
        if (wrote <= 0 && errno != EINTR) {
            (void)close(fd);
            return -1;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void close_from(unsigned first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) {
        return;
    }
#endif
    for (unsigned fd = first; fd < FILES_MAX; fd++) { /* an older kernel; there are no more than that */
        (void)close((int)fd);
    }
}

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child. `told` closes by itself when the program runs. */
static _Noreturn void become(const struct server *server, const struct task *task, int input, int told)
{
    reset_signals();
    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)dup2(input, STDIN_FILENO);
    (void)dup2(told, FD_FIRST);
    (void)fcntl(FD_FIRST, F_SETFD, FD_CLOEXEC);
    close_from(FD_FIRST + 1);
    if (chdir("/") == 0) {
        (void)execve(server->file, (char **)(uintptr_t)task->argv, (char **)(uintptr_t)task->envp);
    }
    int error = errno;
    (void)!write(FD_FIRST, &error, sizeof error);
    _exit(127);
}

/* 0, or errno of what failed, also in the child before the program ran. */
static int spawn(struct server *server, const struct task *task)
{
    int told[2];
    int error = 0;
    int input = open_input(task);
    if (input < 0 || pipe2(told, O_CLOEXEC) != 0) {
        error = errno;
        if (input >= 0) {
            (void)close(input);
        }
        return error;
    }
    pid_t pid = fork();
    if (pid == 0) {
        become(server, task, input, told[1]);
    }
    error = pid < 0 ? errno : 0;
    (void)close(input);
    (void)close(told[1]);
    if (pid > 0 && read(told[0], &error, sizeof error) == (ssize_t)sizeof error) {
        (void)waitpid(pid, NULL, 0);
    } else if (pid > 0) {
        server->child = pid;
    }
    (void)close(told[0]);
    return error;
}

static void kill_group(const struct server *server)
{
    if (server->child > 0) {
        (void)kill(-server->child, SIGKILL);
    }
}

static void take_task(struct server *server, size_t len)
{
    struct task task;
    if (server->child > 0 || !read_task(server, len, &task)) {
        report(server, RUNNER_REFUSED, 0);
        return;
    }
    int error = spawn(server, &task);
    server->timed_out = false;
    server->deadline_ms = task.timeout_ms ? now_ms() + task.timeout_ms : 0;
    if (error != 0) {
        report(server, RUNNER_NOT_STARTED, error);
    }
}

/* ---- waiting ---- */

static void end_with_the_daemon(const struct server *server)
{
    kill_group(server);
    _exit(0);
}

static void on_message(struct server *server)
{
    ssize_t got = recv(server->fd, server->message, sizeof server->message, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        end_with_the_daemon(server);
    }
    if (got > 0) {
        take_task(server, (size_t)got);
        memset(server->message, 0, (size_t)got);
    }
}

static void on_child(struct server *server)
{
    int how = 0;
    if (server->child == 0 || waitpid(server->child, &how, WNOHANG) != server->child) {
        return;
    }
    if (server->timed_out) {
        report(server, RUNNER_TIMED_OUT, 0);
    } else if (WIFSIGNALED(how)) {
        report(server, RUNNER_SIGNALLED, WTERMSIG(how));
    } else {
        report(server, RUNNER_EXITED, WEXITSTATUS(how));
    }
    server->child = 0;
}

/* A service manager asks all processes to end at once; we end when the daemon has. */
static void on_signal(struct server *server)
{
    struct signalfd_siginfo info;
    while (read(server->signals, &info, sizeof info) == (ssize_t)sizeof info) {
    }
    if (getppid() != server->daemon) {
        end_with_the_daemon(server);
    }
    on_child(server);
}

static int wait_ms(const struct server *server)
{
    if (server->child == 0 || server->deadline_ms == 0 || server->timed_out) {
        return -1;
    }
    int64_t left = server->deadline_ms - now_ms();
    return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static bool prepare(struct server *server)
{
    static const struct rlimit files = {FILES_MAX, FILES_MAX};
    static const struct rlimit none = {0, 0};
    struct buf why = BUF_INIT;
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (server->fd != FD_FIRST && dup2(server->fd, FD_FIRST) != FD_FIRST) {
        return false;
    }
    server->fd = FD_FIRST;
    close_from(FD_FIRST + 1);
    (void)fcntl(FD_FIRST, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "ringside-runner", 0, 0, 0);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)sandbox_enter_loosely(&why);
    buf_deinit(&why);
    server->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return server->signals >= 0 && getppid() == server->daemon;
}

_Noreturn void runner_serve(int fd, const char *file, pid_t daemon)
{
    static struct server server;
    server = (struct server){.fd = fd, .file = file, .daemon = daemon};
    if (!prepare(&server)) {
        _exit(1);
    }
    struct pollfd waits[] = {{.fd = server.fd, .events = POLLIN}, {.fd = server.signals, .events = POLLIN}};
    for (;;) {
        int ready = poll(waits, 2, wait_ms(&server));
        if (ready > 0 && waits[1].revents) {
            on_signal(&server);
        }
        if (ready > 0 && waits[0].revents) {
            on_message(&server);
        }
        if (wait_ms(&server) == 0) {
            server.timed_out = true;
            kill_group(&server);
        }
    }
}
