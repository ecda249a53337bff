#include "platform/service/runner.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/service/runner_internal.h"

enum { STOP_MS = 2000 };

struct runner {
    int fd;
    bool busy;
};

int runner_start(const char *file, struct runner **out)
{
    int pair[2];
    struct runner *runner = calloc(1, sizeof *runner);
    if (!runner) {
        return STATUS_NO_MEMORY;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        free(runner);
        return STATUS_IO;
    }
    const int room = 2 * RUNNER_MESSAGE_MAX; /* one message; the kernel may give less where that is its limit */
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    pid_t daemon = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        runner_serve(pair[1], file, daemon);
    }
    (void)close(pair[1]);
    if (pid < 0) {
        (void)close(pair[0]);
        free(runner);
        return STATUS_IO;
    }
    runner->fd = pair[0];
    *out = runner;
    return 0;
}

/* Its end of the pair closes when it is gone. The entry in the system's table stays until we are: we may not wait for
 * processes any more. */
void runner_stop(struct runner *runner)
{
    char rest[64];
    if (!runner) {
        return;
    }
    (void)shutdown(runner->fd, SHUT_WR);
    struct pollfd wait = {.fd = runner->fd, .events = POLLIN};
    while (poll(&wait, 1, STOP_MS) > 0 && recv(runner->fd, rest, sizeof rest, MSG_DONTWAIT) > 0) {
    }
    (void)close(runner->fd);
    free(runner);
}

int runner_fd(const struct runner *runner)
{
    return runner->fd;
}

static bool append_words(struct buf *out, const char *const *words, uint32_t *count)
{
    for (*count = 0; words && words[*count]; ++*count) {
        if (*count == RUNNER_WORDS_MAX) {
            return false;
        }
        buf_append(out, words[*count], strlen(words[*count]) + 1);
    }
    return true;
}

static int send_message(const struct runner *runner, const struct buf *message)
{
    ssize_t sent;
    do {
        sent = send(runner->fd, message->data, message->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return 0;
    }
    return errno == EMSGSIZE ? STATUS_RANGE : errno == EAGAIN ? STATUS_BUSY : STATUS_IO;
}

int runner_run(struct runner *runner, const struct runner_task *task)
{
    struct buf message = BUF_INIT;
    struct runner_head head = {.timeout_ms = task->timeout_ms};
    if (runner->busy) {
        return STATUS_BUSY;
    }
    if (task->input_len > RUNNER_MESSAGE_MAX) {
        return STATUS_RANGE;
    }
    buf_append(&message, &head, sizeof head);
    bool fits = append_words(&message, task->args, &head.args) && append_words(&message, task->env, &head.envs);
    head.words_len = (uint32_t)(message.len - sizeof head);
    head.input_len = (uint32_t)task->input_len;
    buf_append(&message, task->input, task->input_len);
    int status = message.failed ? STATUS_NO_MEMORY : fits && message.len <= RUNNER_MESSAGE_MAX ? 0 : STATUS_RANGE;
    if (status == 0) {
        memcpy(message.data, &head, sizeof head);
        status = send_message(runner, &message);
    }
    runner->busy = status == 0;
    buf_deinit(&message);
    return status;
}

int runner_take(struct runner *runner, struct runner_report *out)
{
    struct runner_report report;
    ssize_t got;
    do {
        got = recv(runner->fd, &report, sizeof report, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) {
        return 0;
    }
    if (got != (ssize_t)sizeof report) {
        return STATUS_IO;
    }
    runner->busy = false;
    *out = report;
    return 1;
}
