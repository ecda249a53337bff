/* conn: a byte stream to a server, plain TCP or TLS over it, on the loop: nothing here ever blocks. Looks the host up,
 * tries its addresses one after the other, hands over what arrives. All callbacks run on the loop's thread; conn_free()
 * may be called from any of them. */
#ifndef RINGSIDE_PLATFORM_NET_CONN_H
#define RINGSIDE_PLATFORM_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "platform/loop/loop.h"

enum {
    CONN_SEND_MAX = 256 * 1024 /* bytes that wait to be sent; a peer that takes no more is given up */
};

struct conn_tls {
    const char *ca_path;     /* PEM file the server's certificate must descend from; NULL: not checked */
    const char *server_name; /* the name it must carry; NULL: the host asked for; "" : not checked */
};

struct conn_options {
    struct loop *loop; /* borrowed */
    const char *host;  /* name or literal; copied */
    uint16_t port;
    const struct conn_tls *tls; /* NULL: plain; copied */
    int64_t connect_timeout_ms; /* from the start to the last byte of the TLS handshake, over all addresses */
    /* The stream stands. `address` is the literal connected to. */
    void (*up)(void *ctx, const char *address);
    /* Borrowed. Returns false to have no more for now (conn_resume() goes on). */
    bool (*bytes)(void *ctx, struct slice bytes);
    /* It is over, or never came to be: one sentence. Called once; conn_free() is still the caller's. */
    void (*down)(void *ctx, const char *why);
    void *ctx;
};

struct conn;

/* Begins to connect. down() is called later, never from here. STATUS_INVALID (the CA file cannot be read or holds no
 * certificate: `why` has the sentence), STATUS_NO_MEMORY, STATUS_IO. Returns owned. */
int conn_open(const struct conn_options *options, struct conn **out, char *why, size_t why_size);

/* Takes the bytes (copied), all or none. STATUS_FULL beyond CONN_SEND_MAX: when bytes wait already, the peer is given
 * up and down() follows. STATUS_IO when it is not up. */
int conn_send(struct conn *conn, struct slice bytes);

/* Until it is resumed, a peer that closes is not noticed. bytes() is called later, never from here. */
void conn_resume(struct conn *conn);

/* Closes; no callback after this; NULL is fine. What waits to be sent is offered to the system once more. */
void conn_free(struct conn *conn);

/* Bytes received and sent since conn_open(), the stream's own. */
uint64_t conn_received_bytes(const struct conn *conn);
uint64_t conn_sent_bytes(const struct conn *conn);

#endif
