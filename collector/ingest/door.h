/* door: the collector's listening thread: who is there, what may he do, and is there room. Judges every request anew
 * from the session's certificate, the clock and the registry. */
#ifndef RINGSIDE_COLLECTOR_INGEST_DOOR_H
#define RINGSIDE_COLLECTOR_INGEST_DOOR_H

#include "collector/ingest/desk.h"
#include "collector/ingest/ingest.h"

struct door;

/* Borrows the options and the desk. Failures: those of hub_new(). Returns owned. */
int door_new(const struct ingest_options *options, struct desk *desk, struct door **out);
void door_free(struct door *door); /* after door_run() has returned */

int door_run(struct door *door);   /* in a thread of its own */
void door_wake(struct door *door); /* any thread */
void door_stop(struct door *door); /* any thread */
uint16_t door_port(const struct door *door);

int64_t door_turned_ms(struct door *door); /* any thread; monotonic, when it last came round */

struct door_counters {
    uint64_t sessions;
    uint64_t handshakes;
    uint64_t refused_connections;
    uint64_t refused_requests;
};
void door_counters(struct door *door, struct door_counters *out); /* any thread; at most a second old */

#endif
