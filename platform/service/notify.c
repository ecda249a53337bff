#include "platform/service/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/num.h"
#include "platform/base/status.h"

enum { MESSAGE_BYTES = 512 };

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_ms;
};

/* "/path" or "@abstract". */
static int set_address(struct notify *notify, const char *text)
{
    size_t len = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof notify->address.sun_path) {
        return STATUS_INVALID;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, text, len);
    notify->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (text[0] == '@') {
        notify->address.sun_path[0] = '\0';
    } else {
        notify->address_len++; /* the NUL of a path */
    }
    return 0;
}

/* WATCHDOG_PID says whom it is for; it is ours or absent. */
static int64_t watchdog_from_environment(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t period_us = 0;
    uint64_t number = 0;
    if (!usec || num_parse_u64(slice_str(usec), &period_us) != 0 || period_us > INT64_MAX) {
        return 0;
    }
    if (pid && (num_parse_u64(slice_str(pid), &number) != 0 || number != (uint64_t)getpid())) {
        return 0;
    }
    int64_t half_ms = (int64_t)(period_us / 2000);
    return period_us > 0 && half_ms == 0 ? 1 : half_ms;
}

int notify_open(struct notify **out)
{
    struct notify *notify = calloc(1, sizeof *notify);
    if (!notify) {
        return STATUS_NO_MEMORY;
    }
    notify->fd = -1;
    const char *address = getenv("NOTIFY_SOCKET");
    int status = 0;
    if (address && address[0] != '\0') {
        status = set_address(notify, address);
        if (status == 0) {
            notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            status = notify->fd >= 0 ? 0 : STATUS_IO;
        }
    }
    notify->watchdog_ms = watchdog_from_environment();
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    if (status != 0) {
        notify_close(notify);
        return status;
    }
    *out = notify;
    return 0;
}

void notify_close(struct notify *notify)
{
    if (notify && notify->fd >= 0) {
        (void)close(notify->fd);
    }
    free(notify);
}

static int send_text(struct notify *notify, const char *text)
{
    if (notify->fd < 0) {
        return 0;
    }
    size_t len = strlen(text);
    ssize_t sent;
    do {
        sent =
            sendto(notify->fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&notify->address, notify->address_len);
    } while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)len) {
        return 0;
    }
    return sent < 0 && (errno == EAGAIN || errno == ENOBUFS) ? STATUS_BUSY : STATUS_IO;
}

/* The state's assignment, and the status behind it. A status with a line feed could smuggle in another assignment. */
static int send_state(struct notify *notify, const char *state, const char *status)
{
    char text[MESSAGE_BYTES];
    if (status) {
        (void)snprintf(text, sizeof text, "%s%sSTATUS=%.*s", state, state[0] ? "\n" : "", (int)strcspn(status, "\n"),
                       status);
    } else {
        (void)snprintf(text, sizeof text, "%s", state);
    }
    return send_text(notify, text);
}

int notify_ready(struct notify *notify, const char *status)
{
    return send_state(notify, "READY=1", status);
}

int notify_reloading(struct notify *notify)
{
    char text[64];
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)now.tv_sec * 1000000 + (long long)now.tv_nsec / 1000);
    return send_text(notify, text);
}

int notify_status(struct notify *notify, const char *status)
{
    return send_state(notify, "", status ? status : "");
}

int notify_stopping(struct notify *notify, const char *status)
{
    return send_state(notify, "STOPPING=1", status);
}

int notify_watchdog(struct notify *notify)
{
    return send_text(notify, "WATCHDOG=1");
}

int64_t notify_watchdog_ms(const struct notify *notify)
{
    return notify->watchdog_ms;
}
