/* api: the HTTP server of the centre: figures as JSON and CSV, this moment as a stream, metrics, the dashboard.
 *
 * One thread speaks HTTP (libmicrohttpd) and never works on an answer: what is not in the cache goes to the workers,
 * the connection rests until they are done. Every answer is made from one read-only view of the store. */
#ifndef RINGSIDE_COLLECTOR_API_API_H
#define RINGSIDE_COLLECTOR_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/query/kpi_scope.h"
#include "platform/json/json.h"
#include "proto/report/confinement.h"

struct api;

/* What the alerts say, for those who ask: any thread; NULL functions: there are no alerts. Returns owned. */
struct api_alerts {
    void *ctx;
    struct json *(*state)(
        void *ctx); /* {"as_of", "rules": [], "alerts": [], "recent": [], "receivers": [], "mutes": []} */
    uint64_t (*version)(void *ctx); /* grows with every change of it */
    /* Mutes everything that the rule (empty: all rules) says of the site (empty: all) until then; 0 until: no longer.
     * STATUS_NOT_FOUND: no such rule. */
    int (*mute)(void *ctx, const char *rule, const char *site, int64_t until_ms, const char *by, const char *why);
};

/* What the server is told of the rest of the process; any thread. */
struct api_vitals {
    bool ingest_alive;
    uint64_t sessions; /* of sites, open now */
};

struct api_options {
    const char *host; /* an address literal without brackets */
    uint16_t port;
    const char *certificate; /* PEM files; empty: plain HTTP */
    const char *key;
    uint32_t workers;
    uint32_t connections_max;
    uint32_t address_connections_max; /* of one address */
    uint32_t streams_max;             /* that follow this moment */
    double requests_per_s;            /* of one token or address in the long run */
    double requests_burst;
    int64_t budget_ms;                     /* for one answer */
    uint32_t rows_max;                     /* in one answer */
    bool metrics_open;                     /* /metrics without a token */
    uint32_t metrics_series_max;           /* queues of sites told apart in /metrics */
    int64_t idle_ms;                       /* silent for longer a site is not online */
    const char *zone;                      /* centre.zone */
    const struct confinement *confinement; /* NULL: not known */
    struct store *store;
    struct registry *registry;
    struct api_alerts alerts;
    void (*vitals)(void *ctx, struct api_vitals *out);
    void *vitals_ctx;
};

/* Borrows everything for its life. Logs what an operator must know. Returns owned. */
int api_start(const struct api_options *options, struct api **out);
uint16_t api_port(const struct api *api);
bool api_alive(const struct api *api, int64_t monotonic_ms); /* no thread of it hangs */
void api_stop(struct api *api);                              /* NULL is fine */

#endif
