/* server_desk: the desk behind the whole status interface, on a free port of this machine. */
#ifndef RINGSIDE_TESTS_UNIT_STATUS_SERVER_DESK_H
#define RINGSIDE_TESTS_UNIT_STATUS_SERVER_DESK_H

#include "agent/status/server.h"
#include "tests/unit/status/desk.h"

/* One at a time: the server asks for its clock. */
struct server_desk {
    struct desk desk;
    struct status_health *health;
    struct status_server *server;
    char url[64];
};

void server_desk_init(struct server_desk *it); /* one interval of sales: ten callers */

/* Starts the server; board NULL: no live source. */
void server_desk_start(struct server_desk *it, int64_t observe_min_ms, struct board *board, int64_t live_min_ms);
void server_desk_deinit(struct server_desk *it);

#endif
