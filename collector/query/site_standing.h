/* site_standing: how well a site keeps up, as the fleet's pages and the overview tell it: what it last said, whether it
 * is silent or behind, and the gaps that it told of. */
#ifndef RINGSIDE_COLLECTOR_QUERY_SITE_STANDING_H
#define RINGSIDE_COLLECTOR_QUERY_SITE_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/query/kpi_scope.h"
#include "collector/store/store.h"
#include "platform/json/json.h"

struct site_standing {
    bool known; /* it has spoken, once at least; else the contact is empty */
    struct store_contact contact;
    bool silent;       /* no word for KPI_MISSING_SILENT_S by the centre's clock, though it is expected to send */
    bool behind;       /* it speaks, but reads its log late, or has summaries that wait */
    int64_t gaps;      /* of calls, in all the time held */
    int64_t gaps_open; /* of these, that reach to within KPI_MISSING_SETTLED_S of its last word */
    struct store_gap last_gap;
};

int site_standing_read(struct store_view *view, const struct kpi_site *site, struct site_standing *out);

/* "silent", "behind", "newest_interval", "gaps", "gaps_open", "last_gap", "unbalanced", "refused", "conflicts",
 * "unknown_verbs", "clock_steps", "interval_s"; what is not known is null. */
void site_standing_put(const struct site_standing *standing, struct json *out);

#endif
