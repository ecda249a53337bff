/* conn_stream: the bytes of a connection that is up, plain or through TLS. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "platform/base/status.h"
#include "platform/net/conn_internal.h"

enum {
    ROUND_BYTES = 64 * 1024, /* read in one round of the loop */
    KEEP_BYTES = 4096        /* a buffer larger than this is given back when it is empty */
};

/* ---- the socket, answering as a channel does ---- */

static int socket_outcome(struct conn *conn, int wants)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return wants;
    }
    (void)snprintf(conn->fault, sizeof conn->fault, "%s", strerror(errno));
    return STATUS_IO;
}

static int receive(struct conn *conn, size_t *got)
{
    if (conn->channel) {
        int outcome = channel_read(conn->channel, conn->in, CONN_IN_BYTES, got);
        if (outcome < 0) {
            (void)snprintf(conn->fault, sizeof conn->fault, "%s", channel_why(conn->channel));
        }
        return outcome;
    }
    ssize_t count;
    do {
        count = recv(conn->fd, conn->in, CONN_IN_BYTES, 0);
    } while (count < 0 && errno == EINTR);
    *got = count > 0 ? (size_t)count : 0;
    return count > 0 ? 0 : count == 0 ? CHANNEL_ENDED : socket_outcome(conn, CHANNEL_WANTS_READ);
}

static int transmit(struct conn *conn, struct slice bytes, size_t *taken)
{
    if (conn->channel) {
        int outcome = channel_write(conn->channel, bytes, taken);
        if (outcome < 0) {
            (void)snprintf(conn->fault, sizeof conn->fault, "%s", channel_why(conn->channel));
        }
        return outcome;
    }
    ssize_t count;
    do {
        count = send(conn->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    *taken = count > 0 ? (size_t)count : 0;
    return count >= 0 ? 0 : socket_outcome(conn, CHANNEL_WANTS_WRITE);
}

/* ---- in ---- */

static void hand_over(struct conn *conn, size_t len)
{
    conn->received_bytes += len;
    conn->paused = !conn->options.bytes(conn->options.ctx, slice_make((const char *)conn->in, len));
}

/* What is decrypted already (a record is larger than our buffer) shows at no descriptor. */
static void come_back_soon(struct conn *conn)
{
    (void)loop_timer_restart(conn->timer, 0);
}

static void take_in(struct conn *conn)
{
    size_t left = ROUND_BYTES;
    while (conn->state == CONN_UP && !conn->paused && left >= CONN_IN_BYTES) {
        size_t got = 0;
        int outcome = receive(conn, &got);
        if (outcome == CHANNEL_WANTS_READ || outcome == CHANNEL_WANTS_WRITE) {
            conn->read_wants = outcome == CHANNEL_WANTS_READ ? LOOP_READABLE : LOOP_WRITABLE;
            return;
        }
        if (outcome != 0) {
            conn_lost(conn, outcome == CHANNEL_ENDED ? "closed by the other side" : conn->fault);
            return;
        }
        conn->read_wants = LOOP_READABLE;
        hand_over(conn, got);
        left -= got;
        if (!conn->channel && got < CONN_IN_BYTES) {
            return; /* there was no more; if there is by now, the loop says so */
        }
    }
    if (conn->state == CONN_UP && !conn->paused && conn->channel && channel_pending(conn->channel)) {
        come_back_soon(conn);
    }
}

/* ---- out ---- */

static size_t waiting_bytes(const struct conn *conn)
{
    return conn->out.len - conn->out_sent;
}

static void drop_sent(struct conn *conn)
{
    size_t waiting = waiting_bytes(conn);
    if (waiting > 0) {
        if (conn->out_sent > conn->out.len / 2) {
            memmove(conn->out.data, conn->out.data + conn->out_sent, waiting);
            conn->out.len = waiting;
            conn->out_sent = 0;
        }
        return;
    }
    conn->out_sent = 0;
    buf_reset(&conn->out);
    if (conn->out.cap > KEEP_BYTES) {
        buf_deinit(&conn->out);
    }
}

int conn_stream_flush(struct conn *conn)
{
    int outcome = 0;
    while (outcome == 0 && waiting_bytes(conn) > 0) {
        size_t taken = 0;
        struct slice all = buf_slice(&conn->out);
        outcome = transmit(conn, slice_make(all.data + conn->out_sent, all.len - conn->out_sent), &taken);
        conn->out_sent += taken;
        conn->sent_bytes += taken;
    }
    conn->write_wants = outcome == CHANNEL_WANTS_READ ? LOOP_READABLE : LOOP_WRITABLE;
    drop_sent(conn);
    return outcome < 0 ? STATUS_IO : 0;
}

/* ---- together ---- */

static int watch(struct conn *conn)
{
    int in = conn->paused ? 0 : conn->read_wants;
    int out = waiting_bytes(conn) > 0 ? conn->write_wants : 0;
    return conn_watch(conn, in | out);
}

void conn_stream_turn(struct conn *conn)
{
    if (*conn->fault) {
        conn_lost(conn, conn->fault);
        return;
    }
    take_in(conn);
    if (conn->state != CONN_UP) {
        return;
    }
    int status = conn_stream_flush(conn);
    if (status != 0) {
        conn_lost(conn, conn->fault);
        return;
    }
    status = watch(conn);
    if (status != 0) {
        conn_lost(conn, status_str(status));
    }
}

int conn_stream_start(struct conn *conn)
{
    conn->in = malloc(CONN_IN_BYTES);
    conn->read_wants = LOOP_READABLE;
    conn->write_wants = LOOP_WRITABLE;
    return conn->in ? 0 : STATUS_NO_MEMORY;
}

/* A peer that has not taken what waits for it is not waited for any longer. */
static int make_room(struct conn *conn, size_t len)
{
    if (len > CONN_SEND_MAX) {
        return STATUS_FULL;
    }
    if (waiting_bytes(conn) + len <= CONN_SEND_MAX) {
        return 0;
    }
    int status = conn_stream_flush(conn);
    if (status == 0 && waiting_bytes(conn) + len > CONN_SEND_MAX) {
        (void)snprintf(conn->fault, sizeof conn->fault, "it does not take the %zu bytes that wait for it",
                       waiting_bytes(conn));
        status = STATUS_FULL;
    }
    if (status != 0) {
        come_back_soon(conn);
    }
    return status;
}

int conn_send(struct conn *conn, struct slice bytes)
{
    if (conn->state != CONN_UP || *conn->fault) {
        return STATUS_IO;
    }
    int status = make_room(conn, bytes.len);
    if (status != 0) {
        return status;
    }
    buf_append(&conn->out, bytes.data, bytes.len);
    if (conn->out.failed) {
        conn->out.failed = false; /* what waits is still whole */
        return STATUS_NO_MEMORY;
    }
    return watch(conn);
}

void conn_resume(struct conn *conn)
{
    if (conn->state == CONN_UP && conn->paused) {
        conn->paused = false;
        come_back_soon(conn);
    }
}
