#include "platform/net/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/net/conn_internal.h"

/* ---- the end ---- */

void conn_hang_up(struct conn *conn)
{
    loop_fd_stop(conn->watch);
    conn->watch = NULL;
    conn->watched = 0;
    channel_free(conn->channel);
    conn->channel = NULL;
    if (conn->fd >= 0) {
        (void)close(conn->fd);
        conn->fd = -1;
    }
}

static void let_go(struct conn *conn)
{
    conn->state = CONN_OVER;
    conn_hang_up(conn);
    loop_resolve_stop(conn->resolve);
    conn->resolve = NULL;
    loop_timer_stop(conn->timer);
    conn->timer = NULL;
    channel_trust_free(conn->trust);
    conn->trust = NULL;
    free(conn->addresses);
    conn->addresses = NULL;
    buf_deinit(&conn->out);
    conn->out_sent = 0;
}

/* The read buffer lives until here: bytes() may free the conn and still look at what it was given. */
static void destroy(struct conn *conn)
{
    free((char *)conn->options.host);
    free(conn->server_name);
    free(conn->in);
    free(conn);
}

void conn_enter(struct conn *conn)
{
    conn->depth++;
}

void conn_leave(struct conn *conn)
{
    if (--conn->depth == 0 && conn->freed) {
        destroy(conn);
    }
}

void conn_end(struct conn *conn, const char *why)
{
    if (why != conn->why) {
        (void)snprintf(conn->why, sizeof conn->why, "%s", why);
    }
    let_go(conn);
    conn->options.down(conn->options.ctx, conn->why);
}

void conn_print_peer(const struct conn *conn, char *out, size_t size)
{
    const char *host = conn->options.host;
    const char *address = conn->address.text;
    if (*address && strcmp(host, address) != 0) {
        (void)snprintf(out, size, "%s (%s) port %u", host, address, conn->options.port);
    } else {
        (void)snprintf(out, size, "%s port %u", host, conn->options.port);
    }
}

void conn_lost(struct conn *conn, const char *clause)
{
    char peer[CONN_WHY_MAX - CONN_CLAUSE_MAX - 64];
    conn_print_peer(conn, peer, sizeof peer);
    (void)snprintf(conn->why, sizeof conn->why, "lost the connection to %s: %s", peer, clause);
    conn_end(conn, conn->why);
}

void conn_free(struct conn *conn)
{
    if (!conn) {
        return;
    }
    if (conn->state == CONN_UP && !*conn->fault && conn_stream_flush(conn) == 0 && conn->channel) {
        channel_close(conn->channel);
    }
    let_go(conn);
    conn->freed = true;
    if (conn->depth == 0) {
        destroy(conn);
    }
}

/* ---- what the loop calls ---- */

static void on_ready(void *ctx, int ready)
{
    struct conn *conn = ctx;
    (void)ready; /* to try both costs little, and TLS may need the one for the other */
    conn_enter(conn);
    if (conn->state == CONN_UP) {
        conn_stream_turn(conn);
    } else {
        conn_dial_ready(conn);
    }
    conn_leave(conn);
}

static void on_timer(void *ctx)
{
    struct conn *conn = ctx;
    conn_enter(conn);
    if (conn->state == CONN_UP) {
        conn_stream_turn(conn);
    } else {
        conn_dial_late(conn);
    }
    conn_leave(conn);
}

int conn_watch(struct conn *conn, int events)
{
    int status = 0;
    if (!conn->watch) {
        status = loop_fd_watch(conn->options.loop, conn->fd, events, on_ready, conn, &conn->watch);
    } else if (events != conn->watched) {
        status = loop_fd_change(conn->watch, events);
    }
    if (status == 0) {
        conn->watched = events;
    }
    return status;
}

/* ---- the beginning ---- */

static int copy_options(struct conn *conn, const struct conn_options *options)
{
    const struct conn_tls *tls = options->tls;
    const char *name = tls ? (tls->server_name ? tls->server_name : options->host) : "";
    conn->options = *options;
    conn->options.tls = NULL;
    conn->options.host = strdup(options->host);
    conn->server_name = *name ? strdup(name) : NULL;
    return conn->options.host && (conn->server_name || !*name) ? 0 : STATUS_NO_MEMORY;
}

static int start(struct conn *conn, const struct conn_options *options, char *why, size_t why_size)
{
    int64_t timeout_ms = options->connect_timeout_ms > 0 ? options->connect_timeout_ms : 1;
    conn->deadline_ms = loop_now_ms() + timeout_ms;
    int status = copy_options(conn, options);
    if (status == 0 && options->tls) {
        status = channel_trust_load(options->tls->ca_path, &conn->trust, why, why_size);
        if (status != 0) {
            return status;
        }
    }
    if (status == 0) {
        status = loop_timer_start(options->loop, (uint64_t)timeout_ms, 0, on_timer, conn, &conn->timer);
    }
    if (status == 0) {
        status = conn_dial_start(conn);
    }
    if (status == STATUS_NOT_FOUND) {
        (void)snprintf(why, why_size, "a host name of %zu bytes is too long", strlen(options->host));
        return STATUS_INVALID;
    }
    if (status != 0) {
        (void)snprintf(why, why_size, "no connection can be begun: %s", status_str(status));
    }
    return status;
}

int conn_open(const struct conn_options *options, struct conn **out, char *why, size_t why_size)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        (void)snprintf(why, why_size, "no connection can be begun: %s", status_str(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    conn->fd = -1;
    int status = start(conn, options, why, why_size);
    if (status != 0) {
        conn_free(conn);
        return status;
    }
    *out = conn;
    return 0;
}

uint64_t conn_received_bytes(const struct conn *conn)
{
    return conn->received_bytes;
}

uint64_t conn_sent_bytes(const struct conn *conn)
{
    return conn->sent_bytes;
}
