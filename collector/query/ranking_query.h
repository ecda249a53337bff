/* ranking_query: the sites or queues that are first by one figure, each with how that figure went.
 *
 *     {about, "metric", "order", "of": "site" | "queue", "calls_min", "compared": how many were,
 *      "rows": [{"rank", "site", "queue", "label", "value", "entered", "answered", "abandoned", "abandon_rate",
 * "asa_ms", "service_level": {"threshold_s", "method", "value"}, "complete", "balanced", "spark": {"step", "start":
 * [...], "values": [...]}}]}
 *
 * Rows without the figure, or with fewer callers than calls_min, do not take part. Ties go by name. */
#ifndef RINGSIDE_COLLECTOR_QUERY_RANKING_QUERY_H
#define RINGSIDE_COLLECTOR_QUERY_RANKING_QUERY_H

#include "collector/query/series_query.h"

enum { RANKING_ROWS_DEFAULT = 20, RANKING_ROWS_MAX = 100 };

struct ranking_query {
    const struct query *query; /* span, settings, queues; grain QUERY_WHOLE */
    unsigned metric;           /* a series field */
    bool highest;              /* largest first */
    bool by_queue;             /* queues of sites; else sites */
    uint32_t limit;            /* 1..RANKING_ROWS_MAX */
    uint64_t calls_min;
    bool spark;
    enum query_grain spark_grain; /* of the spark */
};

bool ranking_worst_is_highest(unsigned metric); /* service_level: no; abandon_rate: yes */

int ranking_query(struct kpi_scope *scope, const struct ranking_query *ranking, const struct zone *zone,
                  struct json **out, struct query_why *why);

#endif
