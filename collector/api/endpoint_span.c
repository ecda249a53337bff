#include "collector/api/endpoint_span.h"

#include "collector/api/endpoint_reply.h"
#include "collector/query/kpi_span.h"

enum {
    SETTLED_MS = 3600 * 1000,
    SETTLED_FRESH_MS = 30000,
    SETTLED_STALE_MS = 300000,
    MUCH_FRESH_MS = 10000,
    MUCH_STALE_MS = 120000
};

static const int64_t day_ms = 86400000;

/* A question without a beginning begins with the data. */
static int choose(const struct endpoint_request *request, const struct kpi_scope *scope, const struct query *query,
                  int64_t *from_ms, int64_t *to_ms)
{
    struct store_view *view = NULL;
    struct kpi_span span = {0};
    *from_ms = query->from_ms;
    *to_ms = query->has_to ? query->to_ms : request->now_ms;
    if (query->has_from) {
        return 0;
    }
    int status = store_view_begin(request->options->store, &view);
    if (status == 0) {
        status = kpi_span_choose(scope, view, query, &span);
        store_view_end(view);
    }
    *from_ms = span.from_s * 1000;
    *to_ms = span.to_s * 1000;
    return status;
}

bool endpoint_span_check(const struct endpoint_request *request, const struct kpi_scope *scope,
                         const struct query *query, enum query_grain grain, struct endpoint_answer *answer)
{
    int days = grain == QUERY_BY_INTERVAL ? ENDPOINT_SPAN_INTERVAL_DAYS : ENDPOINT_SPAN_HOUR_DAYS;
    int64_t from_ms;
    int64_t to_ms;
    if (grain != QUERY_BY_INTERVAL && grain != QUERY_BY_HOUR) {
        return true;
    }
    int status = choose(request, scope, query, &from_ms, &to_ms);
    if (status != 0) {
        endpoint_reply_failure(request, answer, status, NULL, NULL);
        return false;
    }
    if (to_ms - from_ms > days * day_ms) {
        endpoint_refuse(answer, 400, "from",
                        "the span has more than the %d days that there may be by %s: ask for a shorter one, or for "
                        "coarser steps",
                        days, grain == QUERY_BY_INTERVAL ? "interval" : "hour");
        return false;
    }
    return true;
}

static void set(struct endpoint_answer *out, int64_t fresh_ms, int64_t stale_ms)
{
    out->fresh_ms = fresh_ms;
    out->stale_ms = stale_ms;
}

void endpoint_span_times(const struct query *query, bool complete, int64_t now_ms, struct endpoint_answer *out)
{
    if (complete && query->has_to && query->to_ms < now_ms - SETTLED_MS) {
        set(out, SETTLED_FRESH_MS, SETTLED_STALE_MS);
    } else {
        set(out, ENDPOINT_FRESH_NOW_MS, ENDPOINT_STALE_NOW_MS);
    }
}

void endpoint_span_times_of_much(const struct query *query, int64_t now_ms, struct endpoint_answer *out)
{
    int64_t to_ms = query->has_to ? query->to_ms : now_ms;
    bool much = !query->has_from || to_ms - query->from_ms > day_ms;
    if (out->code == 200 && much && out->fresh_ms < MUCH_FRESH_MS) {
        set(out, MUCH_FRESH_MS, MUCH_STALE_MS);
    }
}
