/* hub: a CoAP server over TLS (RFC 8323, coaps+tcp) for many peers, in a loop of its own, hub_run(), to be run in a
 * thread of its own. X.509 and PSK on the same port. Every function is for that thread (from a callback) unless it says
 * otherwise.
 *
 * Peers are not trusted: a message is at most message_max bytes (announced by CSM, enforced before memory is taken),
 * at most handshakes_max handshakes are under way (others wait in the kernel's queue meanwhile, and those that take
 * more than half of handshake_ms then give way to them) and none takes longer than handshake_ms; a session that says
 * nothing for idle_ms is closed (a whole request or a Ping is something, a part of one is not). A peer's certificate
 * must lead to the CA, but may have expired: opened() judges that. Block-wise transfer and queries are refused
 * with 4.02. */
#ifndef RINGSIDE_PLATFORM_COAP_HUB_H
#define RINGSIDE_PLATFORM_COAP_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

struct hub;

enum { HUB_PATH_MAX = 4, HUB_KEY_MAX = 64, HUB_TOKEN_MAX = 8, HUB_ADDRESS_MAX = 64 };
enum hub_method { HUB_GET = 1, HUB_POST = 2, HUB_PUT = 3, HUB_DELETE = 4 };

/* An answer is owed to this request of this session; plain bytes, copy it and hand it to other threads at will. */
struct hub_ticket {
    uint64_t session;
    uint8_t token[HUB_TOKEN_MAX];
    uint8_t token_len;
};

struct hub_request {  /* borrowed for the call */
    uint64_t session; /* never used twice */
    void *session_ctx;
    enum hub_method method;
    struct slice path[HUB_PATH_MAX];
    size_t path_count; /* a longer path is refused by the hub */
    int format;        /* content format of the payload, -1: not said */
    int accept;        /* -1: not said */
    struct slice payload;
    struct hub_ticket ticket;
};

struct hub_answer {     /* borrowed for the call */
    unsigned code;      /* class * 100 + detail, as in endpoint.h */
    int format;         /* -1: none */
    uint32_t max_age_s; /* with 503; 0: not said */
    struct slice payload;
};

struct hub_session_facts {
    uint64_t session;
    char address[HUB_ADDRESS_MAX]; /* "192.0.2.1:49152" or "[2001:db8::1]:49152" */
    uint64_t in_bytes;             /* CoAP messages with their heads, signals too, as they are within TLS */
    uint64_t out_bytes;            /* of those, what TLS has taken */
    void *tls_session;             /* for peer_judge(); valid during the call only, as the next; NULL in closed() */
    struct slice psk_identity;     /* the PSK identity that the handshake used; empty: X.509 */
};

/* Counted since the start. */
struct hub_counters {
    uint64_t accepted;
    uint64_t handshakes_failed;
    uint64_t handshakes_pushed_out; /* gave way to newer ones, or took too long */
    uint64_t oversized;             /* announced a message over message_max */
    uint64_t malformed;             /* bytes that are no CoAP */
    uint32_t sessions;              /* open now */
    uint32_t handshakes;            /* under way now */
};

struct hub_options {
    const char *host; /* an address literal */
    uint16_t port;    /* 0: any free one */
    /* PEM: certificate and private key in one file, and the CA. Looked at again for every session: renaming a new file
     * into place rotates them. While there is none, or none with a certificate in it, the one before stays. */
    const char *identity_path;
    const char *ca_path;
    uint32_t message_max;
    uint32_t sessions_max;
    uint32_t handshakes_max;
    int64_t handshake_ms;
    int64_t idle_ms;
    void *ctx; /* borrowed, handed to every callback */

    /* The key of a PSK identity: writes at most HUB_KEY_MAX bytes, returns how many; 0 refuses. May be NULL. */
    size_t (*psk)(void *ctx, struct slice identity, uint8_t key[HUB_KEY_MAX]);
    /* After the handshake, before anything of the peer is looked at: judge it. 0 takes it; *session_ctx is then handed
     * to requests and `closed`. Else the session is closed. */
    int (*opened)(void *ctx, const struct hub_session_facts *facts, void **session_ctx);
    void (*closed)(void *ctx, const struct hub_session_facts *facts, void *session_ctx);
    /* A handshake that failed, took too long or gave way: for the log. `reason` is plain English about the peer, from
     * the TLS library's own error where there was one: "it showed no certificate". May be NULL. */
    void (*refused)(void *ctx, const char *address, const char *reason);
    /* A whole request. True: *answer was filled and goes out; false: hub_answer() will be called later. */
    bool (*request)(void *ctx, const struct hub_request *request, struct hub_answer *answer);
    int64_t (*turn)(void *ctx); /* as endpoint_turn_fn; may be NULL */
};

/* STATUS_INVALID (no address literal; a file without what it needs), STATUS_BUSY (somebody has the port),
 * STATUS_DENIED, STATUS_NOT_FOUND (identity or CA file), STATUS_IO, STATUS_NO_MEMORY. Copies the options and their
 * strings. Returns owned. */
int hub_new(const struct hub_options *options, struct hub **out);
void hub_free(struct hub *hub);           /* after hub_run(); closes every session (closed() is called); NULL is fine */
uint16_t hub_port(const struct hub *hub); /* any thread */

int hub_run(struct hub *hub);   /* until hub_stop(): 0, or STATUS_IO */
void hub_wake(struct hub *hub); /* any thread: turn() is called */
void hub_stop(struct hub *hub); /* any thread, or a signal handler */

/* Nothing happens when the session is gone: that is no failure. Answers leave when the callback has returned; those
 * given before hub_close() still do. A session that lets more than four times message_max of them wait is closed. An
 * answer larger than the peer takes becomes 5.00. */
void hub_answer(struct hub *hub, const struct hub_ticket *ticket, const struct hub_answer *answer);
void hub_close(struct hub *hub, uint64_t session);
bool hub_facts(struct hub *hub, uint64_t session, struct hub_session_facts *out); /* false: gone */
void hub_counters(const struct hub *hub, struct hub_counters *out);

#endif
