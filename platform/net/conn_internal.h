/* What the files of this room share of a connection: conn_dial.c brings it about, conn_stream.c moves its bytes. */
#ifndef RINGSIDE_PLATFORM_NET_CONN_INTERNAL_H
#define RINGSIDE_PLATFORM_NET_CONN_INTERNAL_H

#include "platform/base/buf.h"
#include "platform/net/conn.h"
#include "platform/tls/channel.h"

enum { CONN_IN_BYTES = 8 * 1024, CONN_CLAUSE_MAX = 192, CONN_WHY_MAX = 640 };

enum conn_state { CONN_LOOKUP, CONN_CONNECT, CONN_HANDSHAKE, CONN_UP, CONN_OVER };

struct conn {
    struct conn_options options; /* its texts are ours; `tls` is not kept */
    char *server_name;           /* NULL: not checked */
    enum conn_state state;
    unsigned depth; /* so many of our calls are on the stack below the user's callback */
    bool freed;

    struct loop_timer *timer; /* the deadline of what goes on, and a call soon when it is up */
    struct loop_resolve *resolve;
    struct loop_fd *watch;
    int watched; /* what `watch` looks for */
    int fd;      /* -1: none */
    struct channel_trust *trust;
    struct channel *channel; /* NULL: plain */

    int64_t deadline_ms;
    struct loop_address *addresses;
    size_t address_count;
    size_t address_next;
    struct loop_address address; /* the one tried, or connected to */
    int64_t share_ms;            /* what it is given */
    enum conn_state furthest;    /* where the attempt that `why` is of had come to */
    char why[CONN_WHY_MAX];

    uint8_t *in;
    struct buf out;
    size_t out_sent;
    bool paused;
    int read_wants; /* LOOP_READABLE, unless TLS has to write before it can read; the other likewise */
    int write_wants;
    char fault[CONN_CLAUSE_MAX]; /* found in a call of the user's: it ends soon; "" : none */
    uint64_t received_bytes;
    uint64_t sent_bytes;
};

/* Everything that the loop calls begins and ends with these; the conn may be gone after the second. */
void conn_enter(struct conn *conn);
void conn_leave(struct conn *conn);

void conn_hang_up(struct conn *conn);              /* closes the socket and what stands on it */
void conn_end(struct conn *conn, const char *why); /* over: lets go of all and says so */
void conn_lost(struct conn *conn, const char *clause);
int conn_watch(struct conn *conn, int events);
/* "HOST (ADDRESS) port PORT" */
void conn_print_peer(const struct conn *conn, char *out, size_t size);

int conn_dial_start(struct conn *conn);
void conn_dial_ready(struct conn *conn); /* the socket is ready, in CONN_CONNECT and CONN_HANDSHAKE */
void conn_dial_late(struct conn *conn);  /* the timer, in all states before CONN_UP */

int conn_stream_start(struct conn *conn);
void conn_stream_turn(struct conn *conn); /* reads and writes what can be */
int conn_stream_flush(struct conn *conn); /* STATUS_IO: `fault` says why */

#endif
