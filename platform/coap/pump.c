#include "platform/coap/pump.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "platform/base/status.h"

enum { IDLE_ROUNDS_MAX = 64 };

int64_t pump_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int pump_init(struct pump *pump, coap_context_t *context)
{
    *pump = (struct pump){
        .context = context, .fd = coap_context_get_coap_fd(context), .listener_fd = -1, .events_max = PUMP_EVENTS_MAX};
    return pump->fd >= 0 ? 0 : STATUS_UNSUPPORTED;
}

/* libcoap keeps its sockets to itself; the kernel says which are in an epoll set, and with which mark. Finds the socket
 * of a mark, or, with *mark NULL, the first socket that has one. -1: not told. */
static int find_socket(int epoll_fd, void **mark)
{
    char path[64];
    char line[256];
    int found = -1;
    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", epoll_fd);
    FILE *info = fopen(path, "re");
    while (info && found < 0 && fgets(line, sizeof line, info)) {
        int fd;
        unsigned events;
        unsigned long long data;
        // NOLINTNEXTLINE(cert-err34-c): the kernel's own text
        if (sscanf(line, "tfd: %d events: %x data: %llx", &fd, &events, &data) == 3 && data != 0 &&
            (!*mark || data == (unsigned long long)(uintptr_t)*mark)) {
            *mark = (void *)(uintptr_t)data; // NOLINT(performance-no-int-to-ptr): it was one
            found = fd;
        }
    }
    if (info) {
        (void)fclose(info);
    }
    return found;
}

static void send_at_once(int fd)
{
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void pump_widen(struct pump *pump, int backlog)
{
    int fd = find_socket(pump->fd, &pump->listener);
    if (fd >= 0) {
        (void)listen(fd, backlog);
        send_at_once(fd); /* those that are accepted inherit it */
        pump->listener_fd = fd;
    }
}

bool pump_listen(struct pump *pump, bool on)
{
    if (pump->listener_fd < 0) {
        return false;
    }
    if (pump->deaf == on) {
        struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.ptr = pump->listener};
        if (epoll_ctl(pump->fd, EPOLL_CTL_MOD, pump->listener_fd, &event) != 0) {
            return false;
        }
        pump->deaf = !on;
    }
    return true;
}

void pump_hasten(const struct pump *pump)
{
    void *mark = NULL;
    int fd = find_socket(pump->fd, &mark);
    if (fd >= 0) {
        send_at_once(fd);
    }
}

/* A socket that was full for a moment only stays watched for room by libcoap, which then has nothing to write, and
 * every wait ends at once. After many such rounds it is no longer watched; stream_flush() has it watched again. */
static void calm(struct pump *pump, const struct epoll_event *events, int count)
{
    if (count != 1 || events[0].events != EPOLLOUT || events[0].data.ptr == NULL) {
        pump->idle_rounds = 0;
        return;
    }
    pump->idle_rounds = events[0].data.ptr == pump->idle_mark ? pump->idle_rounds + 1 : 0;
    pump->idle_mark = events[0].data.ptr;
    if (pump->idle_rounds < IDLE_ROUNDS_MAX) {
        return;
    }
    pump->idle_rounds = 0;
    struct epoll_event quiet = {.events = EPOLLIN, .data.ptr = pump->idle_mark};
    int fd = find_socket(pump->fd, &pump->idle_mark);
    if (fd >= 0) {
        (void)epoll_ctl(pump->fd, EPOLL_CTL_MOD, fd, &quiet);
    }
}

int pump_round(struct pump *pump, bool tidy)
{
    struct epoll_event events[PUMP_EVENTS_MAX];
    int count = epoll_wait(pump->fd, events, pump->events_max, 0);
    if (count < 0) {
        return errno == EINTR ? 0 : STATUS_IO;
    }
    pump->knocked = false;
    for (int i = 0; i < count; i++) {
        pump->knocked = pump->knocked || (pump->listener && events[i].data.ptr == pump->listener);
    }
    calm(pump, events, count);
    if (count > 0 || tidy) {
        coap_io_do_epoll(pump->context, events, (size_t)count);
    }
    return 0;
}
