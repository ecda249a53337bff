#include "collector/query/kpi_query.h"

#include "collector/query/kpi_walk.h"
#include "collector/query/query_document.h"
#include "proto/report/kpi_row.h"

static int add_row(void *ctx, const struct kpi_row *row)
{
    kpi_row_put(json_add_map(ctx), row);
    return 0;
}

int kpi_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
              struct query_why *why)
{
    struct json *document = query_document_new();
    struct json *rows = json_new_list();
    int status = kpi_walk(scope, query, zone, document, add_row, rows, why);
    json_put(document, "rows", rows);
    return query_document_end(status, document, out, why);
}
