/* conn_dial: from a host's name to a stream: the addresses in turn, each with its share of the time, and TLS. What an
 * address fails with is kept if it came as far as those before it; the last address's failure is then the sentence. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "platform/base/status.h"
#include "platform/net/conn_internal.h"

enum {
    SHARE_MIN_MS = 500, /* no address is given less, as long as there is that much */
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 15,
    KEEPALIVE_PROBES = 4
};

static void fail(struct conn *conn, const char *clause)
{
    char peer[CONN_WHY_MAX - CONN_CLAUSE_MAX - 64];
    if (conn->state >= conn->furthest) {
        conn->furthest = conn->state;
        conn_print_peer(conn, peer, sizeof peer);
        (void)snprintf(conn->why, sizeof conn->why, "cannot connect to %s: %s", peer, clause);
    }
    conn_hang_up(conn);
}

static void give_up(struct conn *conn)
{
    size_t others = conn->address_next - 1;
    size_t len = strlen(conn->why);
    if (others > 0) {
        (void)snprintf(conn->why + len, sizeof conn->why - len, "; %zu other address%s failed too", others,
                       others == 1 ? "" : "es");
    }
    conn_end(conn, conn->why);
}

/* ---- the stream stands ---- */

static void come_up(struct conn *conn)
{
    int status = conn_stream_start(conn);
    if (status != 0) {
        fail(conn, status_str(status));
        give_up(conn);
        return;
    }
    free(conn->addresses);
    conn->addresses = NULL;
    conn->state = CONN_UP;
    conn->options.up(conn->options.ctx, conn->address.text);
    if (conn->state == CONN_UP) {
        conn_stream_turn(conn);
    }
}

/* ---- one address; false: it has failed ---- */

static bool expect(struct conn *conn, int events)
{
    int status = conn_watch(conn, events);
    if (status != 0) {
        fail(conn, status_str(status));
    }
    return status == 0;
}

static bool shake_hands(struct conn *conn)
{
    int outcome = channel_handshake(conn->channel);
    switch (outcome) {
    case 0: come_up(conn); return true;
    case CHANNEL_WANTS_READ: return expect(conn, LOOP_READABLE);
    case CHANNEL_WANTS_WRITE: return expect(conn, LOOP_WRITABLE);
    case CHANNEL_ENDED: fail(conn, "closed by the other side during the TLS handshake"); return false;
    default: fail(conn, channel_why(conn->channel)); return false;
    }
}

static bool begin_stream(struct conn *conn)
{
    if (!conn->trust) {
        come_up(conn);
        return true;
    }
    int status = channel_new(conn->trust, conn->server_name, conn->fd, &conn->channel);
    if (status != 0) {
        fail(conn, status == STATUS_RANGE ? "the server's name is too long" : status_str(status));
        return false;
    }
    conn->state = CONN_HANDSHAKE;
    return shake_hands(conn);
}

static bool finish_connect(struct conn *conn)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error != 0) {
        fail(conn, strerror(error));
        return false;
    }
    return begin_stream(conn);
}

static void set_options(int fd)
{
    static const struct {
        int level;
        int option;
        int value;
    } table[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        (void)setsockopt(fd, table[i].level, table[i].option, &table[i].value, sizeof table[i].value);
    }
}

static bool connect_to(struct conn *conn, const struct addrinfo *info)
{
    conn->fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0) {
        fail(conn, strerror(errno));
        return false;
    }
    set_options(conn->fd);
    if (connect(conn->fd, info->ai_addr, info->ai_addrlen) == 0) {
        return begin_stream(conn);
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        fail(conn, strerror(errno));
        return false;
    }
    return expect(conn, LOOP_WRITABLE);
}

static bool try_address(struct conn *conn)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *info = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", conn->options.port);
    conn->state = CONN_CONNECT;
    int error = getaddrinfo(conn->address.text, port, &hints, &info);
    if (error != 0) {
        fail(conn, gai_strerror(error));
        return false;
    }
    bool going = connect_to(conn, info);
    freeaddrinfo(info);
    return going;
}

/* ---- all of them ---- */

/* An equal part for all that are left. */
static int64_t next_share_ms(const struct conn *conn, int64_t left_ms)
{
    int64_t share_ms = left_ms / (int64_t)(conn->address_count - conn->address_next);
    share_ms = share_ms > SHARE_MIN_MS ? share_ms : SHARE_MIN_MS;
    return share_ms < left_ms ? share_ms : left_ms;
}

static void try_next(struct conn *conn)
{
    while (conn->address_next < conn->address_count) {
        int64_t left_ms = conn->deadline_ms - loop_now_ms();
        if (left_ms <= 0 && conn->address_next > 0) {
            break;
        }
        conn->share_ms = left_ms > 0 ? next_share_ms(conn, left_ms) : 1;
        conn->address = conn->addresses[conn->address_next++];
        (void)loop_timer_restart(conn->timer, (uint64_t)conn->share_ms);
        if (try_address(conn)) {
            return;
        }
    }
    give_up(conn);
}

void conn_dial_ready(struct conn *conn)
{
    bool going = conn->state == CONN_CONNECT ? finish_connect(conn) : shake_hands(conn);
    if (!going) {
        try_next(conn);
    }
}

void conn_dial_late(struct conn *conn)
{
    char clause[CONN_CLAUSE_MAX];
    const char *late = conn->state == CONN_LOOKUP    ? "its address is not found"
                       : conn->state == CONN_CONNECT ? "it does not answer"
                                                     : "it does not complete the TLS handshake";
    int64_t waited_ms = conn->state == CONN_LOOKUP ? conn->options.connect_timeout_ms : conn->share_ms;
    (void)snprintf(clause, sizeof clause, "%s within %lld ms", late, (long long)waited_ms);
    fail(conn, clause);
    if (conn->state == CONN_LOOKUP) {
        conn_end(conn, conn->why);
    } else {
        try_next(conn);
    }
}

static int keep(struct conn *conn, const struct loop_address *addresses, size_t count)
{
    conn->addresses = calloc(count, sizeof *addresses);
    if (!conn->addresses) {
        return STATUS_NO_MEMORY;
    }
    memcpy(conn->addresses, addresses, count * sizeof *addresses);
    conn->address_count = count;
    return 0;
}

static void on_found(void *ctx, int status, const struct loop_address *addresses, size_t count)
{
    struct conn *conn = ctx;
    conn_enter(conn);
    if (status == 0) {
        status = keep(conn, addresses, count);
    }
    loop_resolve_stop(conn->resolve);
    conn->resolve = NULL;
    if (status == 0) {
        try_next(conn);
    } else {
        fail(conn, status == STATUS_NOT_FOUND ? "there is no such host"
                   : status == STATUS_IO      ? "its address cannot be looked up"
                                              : status_str(status));
        conn_end(conn, conn->why);
    }
    conn_leave(conn);
}

int conn_dial_start(struct conn *conn)
{
    return loop_resolve_start(conn->options.loop, conn->options.host, on_found, conn, &conn->resolve);
}
