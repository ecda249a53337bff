/* kpi_queues: the queues of an answer: names, which of them are wanted, and by which settings they are judged. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_QUEUES_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/query/kpi_scope.h"
#include "collector/store/store.h"
#include "proto/report/query.h"

struct kpi_queue;

struct kpi_queues {
    const struct kpi_scope *scope;
    const struct query *query;
    struct store_view *view;
    struct kpi_queue *items; /* by number */
    size_t count;
    uint32_t only; /* the one queue asked for; UINT32_MAX: several or all */
    struct queue_settings defaults;
};

/* STATUS_NOT_FOUND with why->text written when a queue is asked for that nobody has; deinit in any case. */
int kpi_queues_init(struct kpi_queues *queues, const struct kpi_scope *scope, const struct query *query,
                    struct store_view *view, struct query_why *why);
void kpi_queues_deinit(struct kpi_queues *queues);

bool kpi_queues_wants(struct kpi_queues *queues, uint32_t queue);
struct slice kpi_queues_name(struct kpi_queues *queues, uint32_t queue); /* borrowed from the view */

/* What one site told of the queue, or (site 0) what all that told agree on; else the defaults. Always with what the
 * query wishes over it. The label is empty where it is not shared. */
struct queue_settings kpi_queues_settings(struct kpi_queues *queues, uint32_t site, uint32_t queue);

/* What all wanted queues of the site (0: of all sites) share, else the defaults. */
struct queue_settings kpi_queues_total_settings(struct kpi_queues *queues, uint32_t site);

#endif
