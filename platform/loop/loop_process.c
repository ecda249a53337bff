#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#if __has_include(<linux/close_range.h>)
#include <linux/close_range.h>
#endif

#include "platform/base/status.h"
#include "platform/loop/loop_internal.h"

struct loop_process {
    uv_process_t handle;
    struct loop *loop;
    struct loop_process *next;
    struct loop_process *before;
    struct loop_timer *timeout;
    loop_process_fn fn; /* NULL: stopped, only its end is waited for */
    void *ctx;
    bool over;
    bool timed_out;
};

static void link_in(struct loop *loop, struct loop_process *process)
{
    process->loop = loop;
    process->next = loop->processes;
    if (process->next) {
        process->next->before = process;
    }
    loop->processes = process;
}

static void let_go(struct loop_process *process)
{
    *(process->before ? &process->before->next : &process->loop->processes) = process->next;
    if (process->next) {
        process->next->before = process->before;
    }
    loop_timer_stop(process->timeout);
    loop_close(process);
}

static void kill_group(const struct loop_process *process)
{
    (void)kill(-process->handle.pid, SIGKILL);
}

static void on_timeout(void *ctx)
{
    struct loop_process *process = ctx;
    process->timed_out = true;
    kill_group(process);
}

static void on_exit_seen(uv_process_t *handle, int64_t exit_status, int signal_number)
{
    struct loop_process *process = handle->data;
    process->over = true;
    loop_timer_stop(process->timeout);
    process->timeout = NULL;
    if (!process->fn) {
        let_go(process);
    } else if (process->timed_out) {
        process->fn(process->ctx, LOOP_PROCESS_TIMED_OUT, 0);
    } else if (signal_number != 0) {
        process->fn(process->ctx, LOOP_PROCESS_SIGNALLED, signal_number);
    } else {
        process->fn(process->ctx, LOOP_PROCESS_EXITED, (int)exit_status);
    }
}

/* A file in memory rather than a pipe: nobody has to wait until it is read, and a program that does not read it does no
 * harm. */
static int open_input(const void *input, size_t len, int *out)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0) {
        return STATUS_IO;
    }
    for (size_t done = 0; done < len;) {
        ssize_t wrote = write(fd, (const char *)input + done, len - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            (void)close(fd);
            return STATUS_IO;
        }
        done += (size_t)wrote;
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return STATUS_IO;
    }
    *out = fd;
    return 0;
}

static int spawn_status(int error)
{
    switch (error) {
    case UV_ENOENT:
    case UV_ENOTDIR: return STATUS_NOT_FOUND;
    case UV_EACCES:
    case UV_EPERM:
    case -ENOEXEC: return STATUS_DENIED;
    case UV_EAGAIN: return STATUS_NO_MEMORY;
    default: return loop_status(error);
    }
}

/* Libraries open descriptors that a child would keep. None of ours is meant for one. */
static void keep_descriptors(void)
{
#if defined(SYS_close_range) && defined(CLOSE_RANGE_CLOEXEC)
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        return;
    }
#endif
    uv_disable_stdio_inheritance(); /* an older kernel: up to the first gap */
}

static int spawn(struct loop_process *process, const struct loop_process_options *options, int input)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_INHERIT_FD, .data.fd = input},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t with = {.exit_cb = on_exit_seen,
                                 .file = options->file,
                                 .args = (char **)options->args,
                                 .env = (char **)options->env,
                                 .cwd = "/",
                                 .flags = UV_PROCESS_DETACHED, /* a session and group of its own */
                                 .stdio_count = 3,
                                 .stdio = stdio};
    keep_descriptors();
    int status = spawn_status(uv_spawn(&process->loop->uv, &process->handle, &with));
    process->handle.data = process;
    process->over = status != 0;
    if (status == 0 && options->timeout_ms > 0) {
        status = loop_timer_start(process->loop, options->timeout_ms, 0, on_timeout, process, &process->timeout);
    }
    return status;
}

int loop_process_start(struct loop *loop, const struct loop_process_options *options, loop_process_fn fn, void *ctx,
                       struct loop_process **out)
{
    int input = -1;
    struct loop_process *process = calloc(1, sizeof *process);
    if (!process) {
        return STATUS_NO_MEMORY;
    }
    int status = open_input(options->input, options->input_len, &input);
    if (status != 0) {
        free(process);
        return status;
    }
    process->fn = fn;
    process->ctx = ctx;
    link_in(loop, process);
    status = spawn(process, options, input);
    (void)close(input);
    if (status != 0) {
        loop_process_stop(process);
        return status;
    }
    *out = process;
    return 0;
}

/* Who is killed has still to be waited for, or its entry in the system's table would stay. */
void loop_process_stop(struct loop_process *process)
{
    if (!process) {
        return;
    }
    process->fn = NULL;
    if (process->over) {
        let_go(process);
    } else {
        kill_group(process);
    }
}

void loop_process_end_all(struct loop *loop)
{
    while (loop->processes) {
        struct loop_process *process = loop->processes;
        if (!process->over) {
            kill_group(process);
            while (waitpid(process->handle.pid, NULL, 0) < 0 && errno == EINTR) {
            }
        }
        let_go(process);
    }
}
