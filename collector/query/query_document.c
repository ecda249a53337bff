#include "collector/query/query_document.h"

#include <math.h>
#include <stdio.h>

#include "platform/base/status.h"
#include "proto/report/fields.h"

struct json *query_document_new(void)
{
    (void)json_build_failed(); /* of whoever was before */
    return json_new_map();
}

int query_document_end(int status, struct json *document, struct json **out, struct query_why *why)
{
    if (status == 0 && (json_build_failed() || !document)) {
        status = STATUS_NO_MEMORY;
    }
    if (status == 0) {
        *out = document;
        return 0;
    }
    json_free(document);
    if (!why->text[0]) {
        const char *text = status == STATUS_LATE
                               ? "took longer than allowed: ask for a shorter span, coarser steps or fewer sites"
                               : status_str(status);
        (void)snprintf(why->text, sizeof why->text, "%s", text);
    }
    return status;
}

void query_document_scope(struct json *out, const struct kpi_scope *scope)
{
    struct json *map = json_put_map(out, "scope");
    if (scope->whose == KPI_ALL) {
        json_put_bool(map, "all", true);
    } else {
        json_put_str(map, scope->whose == KPI_GROUP ? "group" : "site", scope->name);
    }
}

struct json *query_document_level(struct json *out, const char *key, const struct queue_settings *settings)
{
    struct json *level = json_put_map(out, key);
    fields_number(level, "threshold_s", (double)settings->sl_threshold_ms / 1000);
    if (settings->sl_method < SL_METHOD_COUNT) {
        json_put_str(level, "method", measures_sl_name((enum sl_method)settings->sl_method));
    } else {
        json_put_null(level, "method");
    }
    return level;
}

void query_document_add(struct json *list, double value)
{
    if (isfinite(value) && fabs(value) < 9e15 && value >= floor(value) && value <= floor(value)) {
        json_add_int(list, (int64_t)value);
    } else {
        json_add_number(list, value);
    }
}

void query_document_put(struct json *map, const char *key, double value)
{
    if (isfinite(value)) {
        fields_number(map, key, value);
    } else {
        json_put_null(map, key);
    }
}

const char *query_document_step(enum query_grain grain)
{
    static const char *const steps[] = {
        [QUERY_WHOLE] = "whole", [QUERY_BY_DAY] = "day", [QUERY_BY_HOUR] = "hour", [QUERY_BY_INTERVAL] = "interval"};
    return steps[grain];
}
