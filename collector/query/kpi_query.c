#include "collector/query/kpi_query.h"

#include <stdio.h>

#include "collector/query/kpi_walk.h"
#include "platform/base/status.h"
#include "proto/report/kpi_row.h"

static int add_row(void *ctx, const struct kpi_row *row)
{
    kpi_row_put(json_add_map(ctx), row);
    return 0;
}

int kpi_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
              struct query_why *why)
{
    (void)json_build_failed();
    struct json *document = json_new_map();
    struct json *rows = json_new_list();
    int status = kpi_walk(scope, query, zone, document, add_row, rows, why);
    json_put(document, "rows", rows);
    if (status == 0 && (json_build_failed() || !document)) {
        (void)snprintf(why->text, sizeof why->text, "%s", status_str(STATUS_NO_MEMORY));
        status = STATUS_NO_MEMORY;
    }
    if (status != 0) {
        json_free(document);
        return status;
    }
    *out = document;
    return 0;
}
