/* endpoint: what can be asked, and how an answer is made. Endpoints run on worker threads, without knowing HTTP's
 * library, connections or caches: the same function serves a unit test. */
#ifndef RINGSIDE_COLLECTOR_API_ENDPOINT_H
#define RINGSIDE_COLLECTOR_API_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/api.h"
#include "collector/query/kpi_scope.h"
#include "collector/registry/access.h"
#include "platform/base/buf.h"
#include "platform/base/slice.h"

struct metrics;

struct endpoint_item {
    struct slice name; /* percent-decoded */
    struct slice value;
};

enum { ENDPOINT_ITEMS_MAX = 80, ENDPOINT_BODY_MAX = 4096 };

/* Borrowed for the call. */
struct endpoint_request {
    const struct api_options *options;
    struct metrics *metrics;
    const struct access_token *token; /* NULL: none was asked for */
    struct slice rest;                /* of the path, decoded: the ID of "/api/v1/sites/ID"; empty: none */
    const struct endpoint_item *items;
    size_t item_count;
    struct slice body;
    int64_t now_ms;
    int64_t deadline_ms;  /* monotonic: give up with STATUS_LATE */
    const char *instance; /* random, new with each start of the collector */
};

/* Zeroed before the call. */
struct endpoint_answer {
    int code;         /* HTTP */
    const char *type; /* "application/json", ... constant */
    struct buf body;
    char file_name[80]; /* offered for saving; empty: shown */
    int64_t fresh_ms;   /* so long the same question may get the same answer; 0: ask anew each time */
    int64_t stale_ms;   /* so long after that it may still be given while a new one is being made */
    int retry_after_s;  /* 0: none */
};

enum endpoint_access { ENDPOINT_OPEN, ENDPOINT_VIEW, ENDPOINT_ADMIN, ENDPOINT_METRICS /* as the option says */ };

struct endpoint {
    const char *method; /* "GET" also answers HEAD; "POST" */
    const char *path;   /* "/api/v1/sites"; with a final '/': one more segment, given as `rest` */
    enum endpoint_access access;
    bool quick; /* no store, no waiting: may run on the thread that speaks HTTP, and is never cached */
    void (*answer)(const struct endpoint_request *request, struct endpoint_answer *out);
};

/* Of all endpoints but the stream and the dashboard's files, which the server serves itself. */
extern const struct endpoint endpoint_table[];
extern const size_t endpoint_count;

/* {"error": {"code": 400, "what": "...", "where": "parameter"}}; where may be NULL. Replaces what is in `out`. */
void endpoint_refuse(struct endpoint_answer *out, int code, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The scope's centre for one request: store, registry, zone, limits and deadline. */
void endpoint_centre(const struct endpoint_request *request, struct kpi_centre *out);

/* The document of /api/v1/live for these items (site, group, queue, operators), for the stream as well. Returns owned,
 * or NULL with `out` refused. */
struct json *endpoint_live(const struct endpoint_request *request, struct endpoint_answer *out);

#endif
