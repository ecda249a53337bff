/* pump: one round of a libcoap context's input and output without waiting. libcoap walks over all its sessions for
 * every ten events; here a round takes all that is there, for one walk. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_PUMP_H
#define RINGSIDE_PLATFORM_COAP_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/coap/library_internal.h"

enum { PUMP_EVENTS_MAX = 256 };

struct pump {
    coap_context_t *context;
    int fd;         /* libcoap's own epoll set */
    void *listener; /* the mark of the listening socket in it; NULL: none known */
    int listener_fd;
    bool deaf;      /* nobody is accepted for now */
    int events_max; /* taken in one round, at most PUMP_EVENTS_MAX */
    bool knocked;   /* the last round had a connection to accept */
    void *idle_mark;
    unsigned idle_rounds;
};

int pump_init(struct pump *pump, coap_context_t *context); /* borrows; STATUS_UNSUPPORTED: libcoap without epoll */

/* libcoap listens with a backlog of 5: too little when thousands come back at once. */
void pump_widen(struct pump *pump, int backlog);

/* Whether connections are accepted; those that come meanwhile wait in the kernel's queue. False: the listening socket
 * is not known, nothing changed. */
bool pump_listen(struct pump *pump, bool on);

/* Of a message that takes several TLS records, and so several writes, TCP would hold back the last for the peer's late
 * acknowledgement (RFC 896). For a client with its one socket; pump_widen() does it for a server. */
void pump_hasten(const struct pump *pump);

/* 0, STATUS_IO. libcoap walks over its sessions when there were events, or when `tidy`: some were closed from outside.
 */
int pump_round(struct pump *pump, bool tidy);
int64_t pump_clock_ms(void); /* monotonic */

#endif
