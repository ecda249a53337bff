/* dial: one connection to a collector on the loop: its name is looked up, its addresses are tried in turn until one
 * takes us, and requests go over it until it closes. */
#ifndef RINGSIDE_AGENT_SYNC_DIAL_H
#define RINGSIDE_AGENT_SYNC_DIAL_H

#include "platform/coap/uplink.h"
#include "platform/loop/loop.h"

struct dial;

enum { DIAL_WHY_MAX = 200 };

struct dial_why {
    char text[DIAL_WHY_MAX];
};

struct dial_options { /* copied with all that it points to, but for ctx */
    struct loop *loop;
    const char *host; /* a name or a literal without brackets */
    uint16_t port;
    size_t first;              /* begin with this one of its addresses, counted round */
    int64_t attempt_ms;        /* for each address, until it is connected */
    const char *identity_path; /* as in uplink.h */
    const char *ca_path;
    struct slice psk_identity;
    struct slice psk_key;
    void *ctx;
    /* After the handshake: 0 takes the server, else with a sentence in `why`, and the next address is tried. */
    int (*judge)(void *ctx, void *tls_session, struct dial_why *why);
    void (*connected)(void *ctx);
    void (*answered)(void *ctx, const struct uplink_answer *answer);
    /* Once: no address took us, or the connection is gone. Nothing comes after it. */
    void (*closed)(void *ctx, const char *reason);
};

/* No callback runs from within. 0, STATUS_NO_MEMORY, STATUS_IO. Returns owned. */
int dial_start(const struct dial_options *options, struct dial **out);
void dial_stop(struct dial *dial); /* hard, from any callback; NULL is fine */

int dial_request(struct dial *dial, const struct uplink_request *request); /* as uplink_request() */

const char *dial_address(const struct dial *dial); /* being tried or connected to; "" before */
uint32_t dial_payload_max(const struct dial *dial);

#endif
