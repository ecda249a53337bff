/* figures: what one look found: the sites there are, and for each rule its figures, small enough for all queues of all
 * sites at once. */
#ifndef RINGSIDE_COLLECTOR_ALERT_FIGURES_H
#define RINGSIDE_COLLECTOR_ALERT_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/query/kpi_scope.h"
#include "platform/base/intern.h"
#include "proto/alert/alert_watch.h"

struct figures_site {
    char id[LIMITS_SITE_MAX + 1];
    char group[REGISTRY_NAME_MAX + 1];
    uint32_t number;
    uint32_t group_id; /* of figures.groups; 0: none */
    struct registry_site record;
    bool online;
    bool lives; /* its live view is known and holds */
};

struct figure {
    uint32_t rule;
    uint32_t site;  /* position + 1; 0: of several */
    uint32_t group; /* of figures.groups; 0: none */
    uint32_t queue; /* of figures.queues; 0: of several */
    double value;
    uint64_t calls;
};

struct figures {
    const struct alert_rule *rules;
    size_t rule_count;
    int64_t now_ms;
    struct figures_site *sites; /* joined, in the order of their ids */
    size_t site_count;
    size_t site_cap;
    struct intern *groups;
    struct intern *queues;
    struct figure *items;
    size_t count;
    size_t cap;
    bool *unknown; /* by rule: its figures could not be gathered */
};

int figures_init(struct figures *figures, const struct alert_rule *rules, size_t rule_count, int64_t now_ms);
void figures_deinit(struct figures *figures);

int figures_add_site(struct figures *figures, const struct registry_site *site);
const struct figures_site *figures_find(const struct figures *figures, const char *id); /* NULL: none joined */
int figures_add(struct figures *figures, const struct figure *figure);

/* Whether the rule is about this queue (0: any) of this site. */
bool figures_match(const struct figures *figures, uint32_t rule, uint32_t site, uint32_t queue);

/* One round of the watch with all of it. What alerts and was not told of though its site could, is over. */
int figures_watch(const struct figures *figures, struct alert_watch *watch);

/* ---- several queues or sites in one figure, as the rule's `per` says ---- */

struct figures_sum {
    struct figure figure;
    struct summary summary;
    struct queue_settings settings;
    bool differ; /* in what the queues are judged by */
    bool any;
};

struct figures_sums {
    struct figures_sum *items;
    size_t count;
    size_t cap;
    uint32_t **index; /* by rule: by site or group: position + 1 */
    size_t *index_count;
    size_t rule_count;
};

int figures_sums_init(struct figures_sums *sums, size_t rule_count);
void figures_sums_deinit(struct figures_sums *sums);
/* The sum that this site's queue adds to, begun if need be; valid until the next call. */
int figures_sums_at(struct figures_sums *sums, const struct figures *figures, uint32_t rule, uint32_t site,
                    struct figures_sum **out);

#endif
