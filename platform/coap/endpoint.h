/* endpoint: a CoAP server on a loopback UDP address (RFC 7252), with block-wise answers (RFC 7959) and observation
 * (RFC 7641). It has its own loop, endpoint_run(), to be run in a thread of its own.
 *
 * Plain UDP has no secrets and no identity, so other addresses than loopback are refused. Only endpoint_wake() and
 * endpoint_stop() may be called from other threads while it runs. */
#ifndef RINGSIDE_PLATFORM_COAP_ENDPOINT_H
#define RINGSIDE_PLATFORM_COAP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

/* Content formats (RFC 7252 12.3, RFC 8428 12.3). */
enum endpoint_format {
    ENDPOINT_FORMAT_NONE = -1,
    ENDPOINT_TEXT = 0,
    ENDPOINT_LINKS = 40,
    ENDPOINT_JSON = 50,
    ENDPOINT_SENML_JSON = 110
};

/* Response codes, class * 100 + detail. */
enum {
    ENDPOINT_CONTENT = 205,
    ENDPOINT_BAD_REQUEST = 400,
    ENDPOINT_NOT_FOUND = 404,
    ENDPOINT_NOT_ACCEPTABLE = 406,
    ENDPOINT_INTERNAL = 500,
    ENDPOINT_UNAVAILABLE = 503
};

enum { ENDPOINT_PATH_MAX = 8, ENDPOINT_QUERY_MAX = 96 };

/* A GET; everything is borrowed for the call, raw bytes as they came (CoAP options are not percent-encoded). */
struct endpoint_request {
    struct slice path[ENDPOINT_PATH_MAX];
    size_t path_count;
    struct slice query[ENDPOINT_QUERY_MAX];
    size_t query_count;
    int accept; /* content format, or ENDPOINT_FORMAT_NONE */
};

/* Filled in by the handler. An answer that is no success carries its diagnostic in the body. */
struct endpoint_answer {
    unsigned code;
    int format;
    uint32_t max_age_s;
    struct buf body; /* taken by the endpoint */
};

/* Called for every GET, registered path or not, and for each observer after endpoint_notify(). */
typedef void (*endpoint_get_fn)(void *ctx, const struct endpoint_request *request, struct endpoint_answer *answer);

/* Called in the loop once at its start, after endpoint_wake(), and when the time it asked for has passed: returns in
 * how many milliseconds it wants to be called again, or -1. */
typedef int64_t (*endpoint_turn_fn)(void *ctx);

struct endpoint_options {
    const char *host; /* an IPv4 or IPv6 literal without brackets */
    uint16_t port;    /* 0: any free one */
    endpoint_get_fn get;
    endpoint_turn_fn turn; /* may be NULL */
    void *ctx;
};

struct endpoint;

/* Borrows the ctx. STATUS_INVALID (no literal), STATUS_DENIED (not loopback), STATUS_BUSY (somebody has the port),
 * STATUS_IO, STATUS_NO_MEMORY. Returns owned. */
int endpoint_new(const struct endpoint_options *options, struct endpoint **out);
void endpoint_free(struct endpoint *endpoint); /* after endpoint_run() has returned; NULL is fine */

uint16_t endpoint_port(const struct endpoint *endpoint);

/* Makes a path known to /.well-known/core and, when observable, open to observers. `formats` is the "ct" attribute
 * ("0 50"). The same path again does nothing. STATUS_NO_MEMORY, STATUS_RANGE (a segment over 255 bytes). */
int endpoint_add(struct endpoint *endpoint, const struct slice *path, size_t path_count, const char *title,
                 const char *formats, bool observable);

/* Observers of the path get a fresh answer; nothing happens when there is no such path or nobody observes it. */
void endpoint_notify(struct endpoint *endpoint, const struct slice *path, size_t path_count);

/* Serves until endpoint_stop(). 0, or STATUS_IO when the loop cannot go on. */
int endpoint_run(struct endpoint *endpoint);

void endpoint_wake(struct endpoint *endpoint); /* any thread */
void endpoint_stop(struct endpoint *endpoint); /* any thread, or a signal handler */

#endif
