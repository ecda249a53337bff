/* uplink: one CoAP connection over TLS (RFC 8323) as a client, driven from outside: wait until uplink_fd() is readable
 * or the time that uplink_turn() asked for has passed, then call uplink_turn(). Nothing blocks. Not thread safe;
 * several uplinks in one thread, and an endpoint or a hub in another, may live side by side. */
#ifndef RINGSIDE_PLATFORM_COAP_UPLINK_H
#define RINGSIDE_PLATFORM_COAP_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

struct uplink;

enum uplink_method { UPLINK_GET = 1, UPLINK_POST = 2 };

struct uplink_request { /* borrowed for the call */
    enum uplink_method method;
    const char *const *path; /* segments */
    size_t path_count;
    int format; /* -1: no payload */
    int accept; /* -1: not said */
    struct slice payload;
    uint64_t tag; /* comes back with the answer */
};

struct uplink_answer { /* borrowed for the call */
    uint64_t tag;
    unsigned code;      /* class * 100 + detail */
    int format;         /* -1 */
    uint32_t max_age_s; /* RFC 7252: 60 when not said */
    struct slice payload;
};

struct uplink_options {
    const char *address; /* a literal */
    uint16_t port;
    const char *host;          /* the name asked for, sent as SNI when it is a name */
    const char *identity_path; /* PEM with certificate and key, and the CA's certificate; or both NULL for PSK */
    const char *ca_path;
    struct slice psk_identity;
    struct slice psk_key;
    uint32_t message_max; /* announced by CSM */
    void *ctx;
    /* After the handshake, before any CoAP is sent (the CSM waits for it too): judge the server. Else than 0: the
     * connection is closed. Borrowed tls_session for peer_judge(). The certificate leads to the CA, but its name and
     * its dates have not been looked at. */
    int (*judge)(void *ctx, void *tls_session);
    void (*connected)(void *ctx); /* requests may be made from now on */
    void (*answered)(void *ctx, const struct uplink_answer *answer);
    /* Once, unless uplink_free() came first: not connected within 30 seconds, refused, or the connection is gone;
     * `reason` is a plain sentence. Requests without an answer get none any more. uplink_free() may be called from
     * here. */
    void (*closed)(void *ctx, const char *reason);
};

/* Begins to connect. STATUS_INVALID (also a file without certificate or key), STATUS_NOT_FOUND (a file), STATUS_IO,
 * STATUS_NO_MEMORY. Copies the options. Returns owned. No callback runs from within. */
int uplink_new(const struct uplink_options *options, struct uplink **out);
void uplink_free(struct uplink *uplink); /* hard close, from anywhere; NULL is fine */

int uplink_fd(const struct uplink *uplink); /* changes never; becomes readable when there is something to do */
int64_t uplink_turn(struct uplink *uplink); /* ms until it wants to be called again, -1: never by itself */

/* From a callback or between turns. STATUS_RANGE (larger than the server takes), STATUS_BUSY (not connected, or four
 * times message_max wait to be sent already: ask again after an answer), STATUS_NO_MEMORY, STATUS_IO. */
int uplink_request(struct uplink *uplink, const struct uplink_request *request);

uint32_t uplink_message_max(const struct uplink *uplink); /* what the server announced; after connected() */
void uplink_bytes(const struct uplink *uplink, uint64_t *in, uint64_t *out); /* CoAP bytes within TLS so far */

#endif
