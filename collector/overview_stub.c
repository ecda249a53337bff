/* Until the overview is there, everything else can be linked. */
#include "collector/query/overview_query.h"
#include "platform/base/status.h"

__attribute__((weak)) int overview_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone,
                                         struct json **out, struct query_why *why)
{
    (void)scope;
    (void)query;
    (void)zone;
    (void)out;
    (void)why;
    return STATUS_UNSUPPORTED;
}
