/* fetch: one CoAP GET and its whole answer, block by block (RFC 7959), within a time limit. */
#ifndef RINGSIDE_PLATFORM_COAP_FETCH_H
#define RINGSIDE_PLATFORM_COAP_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum {
    FETCH_REFUSED = 1, /* outcome: nobody listens there */
    FETCH_TIMEOUT = 2  /* outcome: no answer, or not all of it, in time */
};

struct fetch_request {
    const char *url;          /* "coap://host[:port]"; a name, an IPv4 or a bracketed IPv6 address */
    const struct slice *path; /* segments and query options as raw bytes, at most 255 each */
    size_t path_count;
    const struct slice *query;
    size_t query_count;
    int accept; /* content format, or -1 */
    int64_t timeout_ms;
};

struct fetch_answer {
    unsigned code; /* class * 100 + detail: 205 is Content */
    int format;    /* -1: not said */
    struct buf body;
};

/* 0 when an answer came, whatever its code; *out is owned then (buf_deinit its body). Else an outcome above, or
 * STATUS_INVALID (the URL), STATUS_UNSUPPORTED (another scheme), STATUS_NOT_FOUND (no such host), STATUS_RANGE (an
 * option over 255 bytes), STATUS_IO, STATUS_NO_MEMORY. */
int fetch_get(const struct fetch_request *request, struct fetch_answer *out);

#endif
