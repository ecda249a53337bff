#include "agent/status/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/status/report_parts.h"
#include "agent/status/today.h"
#include "platform/base/status.h"

int report_cache_new(struct report_cache **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : STATUS_NO_MEMORY;
}

void report_cache_free(struct report_cache *cache)
{
    if (cache) {
        today_deinit(cache);
        free(cache);
    }
}

int report_make(const struct report_env *env, const struct query *query, struct json **out, struct query_why *why)
{
    static int (*const parts[REPORT_KIND_COUNT])(const struct report_job *job, struct json *out) = {
        [REPORT_STATUS] = report_status, [REPORT_QUEUES] = report_queues, [REPORT_OPERATORS] = report_operators,
        [REPORT_CALLS] = report_calls,   [REPORT_KPI] = report_kpi,       [REPORT_LIVE] = report_live,
        [REPORT_ALERTS] = report_alerts,
    };
    struct report_job job = {.env = env, .query = query, .why = why};
    why->text[0] = 0;
    (void)json_build_failed();
    struct json *document = NULL;
    int status = ledger_view_facts(env->view, &job.facts);
    if (status == 0) {
        document = json_new_map();
        json_put_str(document, "site", job.facts.site);
        status = parts[query->kind](&job, document);
    }
    if (status == 0 && json_build_failed()) {
        status = STATUS_NO_MEMORY;
    }
    if (status != 0) {
        json_free(document);
        if (!why->text[0]) {
            (void)snprintf(why->text, sizeof why->text, "the ledger could not be read: %s", status_str(status));
        }
        return status;
    }
    *out = document;
    return 0;
}
