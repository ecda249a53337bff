/* names_query: which sites, groups and queues there are.
 *
 *     sites:  {"as_of", "sites": [as site_document_brief, and of each: "silent", "behind", "newest_interval", "gaps",
 *              "gaps_open", "last_gap": {from, to, reason}, "unbalanced", "refused", "conflicts", "unknown_verbs",
 *              "clock_steps", "interval_s"]}
 *     groups: {"groups": [{"group", "sites"}], "ungrouped": sites in none}
 *     queues: {"queues": [{"queue", "label", "sites": how many, "service_level": {"threshold_s", "method"} or null
 *              where sites differ}]}
 *
 *     store:  {"created", "committed", "commits", "intervals", "pending", "used_bytes", "file_bytes", "limit_bytes"}
 *
 * Sites and queues in the order of their names. "silent", "gaps_open": see site_standing.h. Times are written in the
 * zone in force. */
#ifndef RINGSIDE_COLLECTOR_QUERY_NAMES_QUERY_H
#define RINGSIDE_COLLECTOR_QUERY_NAMES_QUERY_H

#include "collector/query/kpi_scope.h"
#include "platform/json/json.h"
#include "proto/report/query.h"

/* Silent for longer than idle_ms a site is not online. `group` NULL: all. */
int names_query_sites(const struct kpi_centre *centre, int64_t idle_ms, const char *group, struct json **out,
                      struct query_why *why);
/* All that is known of one; `whole`: with addresses, keys and events, as an admin sees it. STATUS_NOT_FOUND. */
int names_query_site(const struct kpi_centre *centre, int64_t idle_ms, const char *id, bool whole, struct json **out,
                     struct query_why *why);
int names_query_groups(const struct kpi_centre *centre, struct json **out, struct query_why *why);
int names_query_queues(struct kpi_scope *scope, struct json **out, struct query_why *why);
int names_query_store(const struct kpi_centre *centre, struct json **out, struct query_why *why);

#endif
