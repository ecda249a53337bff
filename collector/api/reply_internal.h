/* reply: what goes out over HTTP: the headers that every answer has, and those of some. */
#ifndef RINGSIDE_COLLECTOR_API_REPLY_INTERNAL_H
#define RINGSIDE_COLLECTOR_API_REPLY_INTERNAL_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/body.h"

/* How to answer this request; NULL: without that header. */
struct reply {
    struct MHD_Connection *connection;
    bool tls;               /* the connection is: Strict-Transport-Security */
    bool gzip;              /* the client takes it */
    bool close;             /* nothing more over this connection */
    const char *none_match; /* the client's If-None-Match */
    const char *cache;      /* Cache-Control; NULL: no-store */
    const char *allow;
    const char *authenticate;
};

/* All queue an answer and return its code, or 0 when there is no memory for it: then the connection is to be closed. */
int reply_body(const struct reply *reply, struct body *body); /* 304 when the client has it */
int reply_empty(const struct reply *reply, int code);
int reply_not_modified(const struct reply *reply, const char *etag);

/* Bytes that live longer than the server. */
int reply_constant(const struct reply *reply, const char *type, const char *etag, bool packed, const void *data,
                   size_t len);

/* Without an end: `read` gives more as it is asked for; `release` is called in any case. */
int reply_stream(const struct reply *reply, const char *type, MHD_ContentReaderCallback read,
                 MHD_ContentReaderFreeCallback release, void *ctx);

/* Whether an Accept-Encoding header takes gzip; NULL: no. */
bool reply_takes_gzip(const char *accept);
/* Whether an If-None-Match header (NULL: none) names the tag; weak and strong ones are the same. */
bool reply_matches(const char *none_match, const char *etag);

#endif
