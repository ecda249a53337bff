/* conns: the connections that are open, and how long each has been at what it does. Who sends a request byte by byte,
 * or takes an answer so, is hung up on: no timeout of idleness ever sees them. */
#ifndef RINGSIDE_COLLECTOR_API_CONNS_H
#define RINGSIDE_COLLECTOR_API_CONNS_H

#include <stdbool.h>
#include <stdint.h>

struct conns;
struct conn_entry;

enum conns_phase {
    CONNS_ASKING,    /* a request is on its way, or none */
    CONNS_WAITING,   /* for us */
    CONNS_TAKING,    /* an answer */
    CONNS_FOLLOWING, /* a stream, which has no end */
};

struct conns_limits {
    int64_t asking_ms;
    int64_t taking_ms;
};

int conns_new(const struct conns_limits *limits, struct conns **out);
void conns_free(struct conns *conns); /* after the last of them is closed; NULL is fine */

/* NULL without memory. The descriptor stays open until conns_close(). */
struct conn_entry *conns_open(struct conns *conns, int fd, int64_t monotonic_ms);
void conns_close(struct conns *conns, struct conn_entry *entry);
void conns_set(struct conns *conns, struct conn_entry *entry, enum conns_phase phase, int64_t monotonic_ms);

void conns_sweep(struct conns *conns, int64_t monotonic_ms); /* any thread */

#endif
