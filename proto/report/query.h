/* query: what is asked of a report. The command line and the CoAP server read it with the same rules, so that they
 * understand the same words and refuse with the same sentence. */
#ifndef RINGSIDE_PROTO_REPORT_QUERY_H
#define RINGSIDE_PROTO_REPORT_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "proto/measures.h"

enum report_kind {
    REPORT_STATUS,
    REPORT_QUEUES,
    REPORT_OPERATORS,
    REPORT_CALLS,
    REPORT_KPI,
    REPORT_LIVE,
    REPORT_ALERTS,
    REPORT_KIND_COUNT
};

/* The finest wins where several are asked for. */
enum query_grain { QUERY_WHOLE, QUERY_BY_DAY, QUERY_BY_HOUR, QUERY_BY_INTERVAL };

enum { QUERY_QUEUES_MAX = 64, QUERY_LIMIT_DEFAULT = 200, QUERY_LIMIT_MAX = 10000 };

/* One line for people: what is wrong and what is allowed. */
struct query_why {
    char text[320];
};

struct query {
    enum report_kind kind;
    bool has_from;
    bool has_to;
    int64_t from_ms;
    int64_t to_ms;
    struct slice queues[QUERY_QUEUES_MAX]; /* borrowed from the values handed in; none: all queues */
    size_t queue_count;
    enum query_grain grain;
    bool total;               /* all queues in one row */
    enum sl_method sl_method; /* SL_METHOD_COUNT: as each queue is set */
    int64_t sl_threshold_ms;  /* -1: as each queue is set */
    int64_t short_abandon_ms; /* -1: as each queue is set */
    bool bins;                /* durations with their whole distribution */
    uint32_t limit;
    bool by_queue; /* named, not by default */

    /* What only the centre is asked for; `central` is set by whoever answers for several sites, after query_init(). */
    bool central;
    bool by_site;
    bool hour_of_week; /* then the grain is QUERY_WHOLE */
};

/* "status", "queues", ... as in proto/paths.h; find returns REPORT_KIND_COUNT when there is none of that name. */
const char *query_kind_name(enum report_kind kind);
enum report_kind query_kind_find(struct slice name);

void query_init(struct query *query, enum report_kind kind);

/* Takes one "name=value". STATUS_INVALID or STATUS_RANGE with why->text written. */
int query_take(struct query *query, struct slice name, struct slice value, int64_t now_ms, struct query_why *why);

/* The same from one undivided "name=value", as CoAP carries it. */
int query_take_item(struct query *query, struct slice item, int64_t now_ms, struct query_why *why);

/* Looks at it as a whole, once all was taken. */
int query_check(const struct query *query, struct query_why *why);

/* One row for all queues: asked for as "total", or as "site" without "queue". */
bool query_joins_queues(const struct query *query);

bool query_wants_queue(const struct query *query, struct slice name);

#endif
