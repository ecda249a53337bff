/* paths: what resources are called, for both ends: the agent's status interface (design 4.6), the collector's ingest
 * (docs/protocol.md) and its enrolment (RFC 9148). */
#ifndef RINGSIDE_PROTO_PATHS_H
#define RINGSIDE_PROTO_PATHS_H

#define PATHS_DEFAULT_AGENT "coap://127.0.0.1:5683"
#define PATHS_DEFAULT_LISTEN "127.0.0.1:5683"

/* Resources; below "queues" one for each queue, its name as one path segment. */
#define PATHS_STATUS "status"
#define PATHS_QUEUES "queues"
#define PATHS_OPERATORS "operators"
#define PATHS_CALLS "calls"
#define PATHS_KPI "kpi"
#define PATHS_ALERTS "alerts"
#define PATHS_NOW "live" /* what is happening now, for whoever watches; PATHS_LIVE is the collector's */

/* Query options, each "name=value". */
#define PATHS_QUERY_FROM "from"
#define PATHS_QUERY_TO "to"
#define PATHS_QUERY_QUEUE "queue" /* may come more than once */
#define PATHS_QUERY_BY "by"
#define PATHS_QUERY_SERVICE_LEVEL "service_level"
#define PATHS_QUERY_SERVICE_LEVEL_METHOD "service_level_method"
#define PATHS_QUERY_SHORT_ABANDON "short_abandon"
#define PATHS_QUERY_LIMIT "limit"
#define PATHS_QUERY_BINS "bins" /* yes: durations with their whole distribution */

/* The collector's. Short, for every byte of a summary counts. */
#define PATHS_HELLO "h"
#define PATHS_SUMMARIES "s"
#define PATHS_LIVE "l"

/* Enrolment: /.well-known/est/... */
#define PATHS_WELL_KNOWN ".well-known"
#define PATHS_EST "est"
#define PATHS_EST_CRTS "crts"
#define PATHS_EST_ENROLL "sen"
#define PATHS_EST_REENROLL "sren"

/* Content formats (RFC 7252 12.3, RFC 9148 9.1). */
enum {
    PATHS_FORMAT_OCTETS = 42,
    PATHS_FORMAT_PKCS7 = 281,      /* application/pkcs7-mime; smime-type=certs-only */
    PATHS_FORMAT_PKCS10 = 286,     /* application/pkcs10 */
    PATHS_FORMAT_CERTIFICATE = 287 /* application/pkix-cert */
};

/* PSK identity of a site that joins: this and the site id. */
#define PATHS_JOIN_IDENTITY "join:"

#endif
