/* paths: what the agent's status interface is called, for both of its ends (design 4.6). */
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

/* Query options, each "name=value". */
#define PATHS_QUERY_FROM "from"
#define PATHS_QUERY_TO "to"
#define PATHS_QUERY_QUEUE "queue" /* may come more than once */
#define PATHS_QUERY_BY "by"
#define PATHS_QUERY_SERVICE_LEVEL "service_level"
#define PATHS_QUERY_SERVICE_LEVEL_METHOD "service_level_method"
#define PATHS_QUERY_SHORT_ABANDON "short_abandon"
#define PATHS_QUERY_LIMIT "limit"

#endif
