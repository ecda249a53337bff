/* server: the agent's status interface (design 4.6): CoAP on loopback, in a thread of its own that reads the ledger
 * through views and never holds up the ingest thread. */
#ifndef RINGSIDE_AGENT_STATUS_SERVER_H
#define RINGSIDE_AGENT_STATUS_SERVER_H

#include <stdint.h>

#include "agent/ledger/ledger.h"
#include "agent/live/board.h"
#include "agent/status/health.h"

struct status_server;

struct status_server_options {
    const char *host; /* a loopback address without brackets */
    uint16_t port;    /* 0: any free one */
    int64_t observe_min_ms;
    int64_t live_min_ms;          /* the same for /live */
    struct board *board;          /* borrowed until the server is stopped; NULL: there is no live source */
    const char *ledger_dir;       /* named in diagnostics */
    struct ledger *ledger;        /* borrowed until the server is stopped; views of it may be begun in any thread */
    struct status_health *health; /* borrowed until then */
    int64_t (*now_ms)(void);      /* wall clock; NULL: the system's */
};

/* Listens, then serves in its own thread, which takes no signals. Fixes the size from which the C library gives memory
 * back at once, for the whole process. STATUS_INVALID or STATUS_DENIED (not a loopback
 * address), STATUS_BUSY (the port is taken), STATUS_IO, STATUS_NO_MEMORY. Returns owned. */
int status_server_start(const struct status_server_options *options, struct status_server **out);

uint16_t status_server_port(const struct status_server *server);

/* From any thread, after a commit that changed something: observers hear of it, at most once in observe_min_ms. */
void status_server_notify(struct status_server *server);

/* From any thread, after a change of the board: observers of /live hear of it, at most once in live_min_ms. */
void status_server_notify_live(struct status_server *server);

void status_server_stop(struct status_server *server); /* waits for its thread; NULL is fine */

#endif
