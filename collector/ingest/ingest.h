/* ingest: the collector's ear: sites connect, say who they are, and bring their summaries, which are durable before
 * they are acknowledged.
 *
 * Two threads. The door (door.h) talks TLS and CoAP to everybody, judges who may do what, and charges every byte it
 * holds to a site. The clerk (clerk.h) owns the store's writing side: it decodes, admits and stores what the door hands
 * it, many sites' batches in one commit, and brings hours and days up in between. They meet in two queues (desk.h).
 * Neither waits for a peer. */
#ifndef RINGSIDE_COLLECTOR_INGEST_INGEST_H
#define RINGSIDE_COLLECTOR_INGEST_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/admit/admit.h"
#include "collector/identity/identity.h"
#include "collector/registry/registry.h"
#include "collector/store/store_write.h"

struct ingest;

struct ingest_options {
    const char *host; /* an address literal */
    uint16_t port;
    uint32_t sessions_max;
    uint32_t handshakes_max;
    int64_t handshake_ms;
    int64_t idle_ms;
    uint64_t site_buffer_max;  /* bytes of a site that may wait for the clerk */
    uint64_t total_buffer_max; /* of all */
    struct admit_flood flood;
    int64_t grace_s;  /* an expired certificate may still be renewed for so long */
    int64_t oldest_s; /* intervals older than this are refused; 0: none are */
    int64_t ahead_s;
    int64_t gather_ms; /* a group commit waits at most so long for company */
    const char *zone;  /* of the centre */
    const char *identity_ca_path;
    const char *identity_collector_path;
    struct identity *identity; /* borrowed, used by the door's thread alone from now on */
    struct registry *registry;
    struct store *store;                    /* the writing side, used by the clerk's thread alone from now on */
    void (*gave_up)(void *ctx, int status); /* from any thread: the store failed for good, stop the process */
    void *ctx;
};

/* Starts both threads. Failures: those of hub_new(), STATUS_NO_MEMORY. Copies the options; returns owned. */
int ingest_start(const struct ingest_options *options, struct ingest **out);
void ingest_stop(struct ingest *ingest); /* stores what was taken in, then ends; NULL is fine */
uint16_t ingest_port(const struct ingest *ingest);

/* False: one of the threads has not come round for two minutes. It hangs: only a new process helps. Any thread. */
bool ingest_alive(struct ingest *ingest, int64_t now_ms); /* monotonic */

struct ingest_counters {
    uint64_t sessions;
    uint64_t handshakes;
    uint64_t refused_connections;
    uint64_t refused_requests;
    uint64_t commits;
    uint64_t intervals;
    uint64_t buffered_bytes;
    uint64_t pending; /* intervals that hours and days do not contain yet */
};
void ingest_counters(struct ingest *ingest, struct ingest_counters *out); /* any thread */

#endif
