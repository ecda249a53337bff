/* server: requests as libmicrohttpd hands them over, and what each is answered.
 *
 * The threads of the HTTP interface, and who touches what:
 *
 *   http     libmicrohttpd's own thread. Runs every callback of this file: takes a request apart (question), asks
 * whether it may pass (gate), answers what is quick or in the cache, and puts the rest to sleep: the connection is
 *            suspended until somebody wakes it. It reads no store and makes no document, so that it never hangs. Alone
 *            it owns gate, dashboard, every struct request and what a stream has on its way.
 *   workers  options.workers of them: take questions from the line (worker), make the answers, pack them, put them into
 *            the cache and wake all who wait for them. Without one of the lock's holders ever working.
 *   feeder   one thread (feed): while anybody follows this moment, makes it once a second for each filter, looks at the
 *            tokens of those who follow, and wakes the connections that have something to be told.
 *   keeper   one thread (keeper): ends connections that are too slow, lines up answers that will soon be stale.
 *   others   api_alive() and api_stop() from the daemon's own thread.
 *
 * Three locks, never two of them at once: the workers' (cache, line, waiters), the feed's (channels, streams), that of
 * conns. Under the first two a connection is suspended or woken, which takes libmicrohttpd's own lock inside; it calls
 * nobody of us with that lock held. To suspend and to be entered as waiting happens under one lock, so that nobody can
 * be woken before he sleeps. A suspended connection is never closed by libmicrohttpd, so that a waiter outlives its
 * answer. Bodies and questions are counted references and never change once made.
 *
 * Stopping: no more is accepted; those who wait get 503, streams their good-bye; what is being made is told that its
 * time is over; the http thread ends, then the others are joined. */
#ifndef RINGSIDE_COLLECTOR_API_SERVER_INTERNAL_H
#define RINGSIDE_COLLECTOR_API_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/api/api.h"
#include "collector/api/conns.h"
#include "collector/api/dashboard.h"
#include "collector/api/feed.h"
#include "collector/api/gate.h"
#include "collector/api/keeper.h"
#include "collector/api/meter.h"
#include "collector/api/metrics.h"
#include "collector/api/worker.h"

enum {
    SERVER_HEADER_MAX = 8 * 1024,
    SERVER_MEMORY = 32 * 1024, /* of one connection, for its headers both ways */
    SERVER_IDLE_S = 30,
    SERVER_ASKING_MS = 60 * 1000, /* for a whole request */
    SERVER_TAKING_MS = 300 * 1000 /* for a whole answer */
};

struct api {
    struct api_options options;
    char instance[33];
    struct metrics *metrics;
    struct meter meter;
    struct worker_pool *workers;
    struct feed *feed;
    struct gate *gate;
    struct dashboard *dashboard;
    struct conns *conns;
    struct keeper *keeper;
    struct MHD_Daemon *daemon;
    uint16_t port;
    bool tls;
    char trouble[256]; /* what libmicrohttpd said last while it was being started */
    atomic_bool started;
    atomic_bool stopping;
    atomic_llong entered_ms; /* the http thread is in a callback since; 0: it is not */
    atomic_uint requests;    /* begun and not completed */
};

/* The callbacks of libmicrohttpd; cls is the api. */
void *server_target(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result server_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_len, void **context);
void server_completed(void *cls, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code);
void server_connection(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode code);

#endif
