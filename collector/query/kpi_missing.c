#include "collector/query/kpi_missing.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

struct gathering {
    struct kpi_missing *missing;
    uint32_t site;
};

/* One without length is a moment. */
static bool touches(int64_t from_ms, int64_t to_ms, int64_t row_from_s, int64_t row_to_s)
{
    bool ends_before = to_ms < row_from_s * 1000 || (to_ms == row_from_s * 1000 && from_ms < to_ms);
    return !ends_before && from_ms < row_to_s * 1000;
}

static int add_span(struct kpi_missing *missing, uint32_t site, int64_t from_ms, int64_t to_ms)
{
    if (!touches(from_ms, to_ms, missing->from_s, missing->to_s)) {
        return 0;
    }
    struct kpi_missing_span *spans = grow_array(missing->spans, missing->count, &missing->cap, sizeof *spans);
    if (!spans) {
        return STATUS_NO_MEMORY;
    }
    missing->spans = spans;
    spans[missing->count++] = (struct kpi_missing_span){site, from_ms, to_ms};
    return 0;
}

static int take_gap(void *ctx, const struct store_gap *gap)
{
    struct gathering *gathering = ctx;
    struct kpi_missing *missing = gathering->missing;
    if (!touches(gap->from_ms, gap->to_ms, missing->from_s, missing->to_s)) {
        return 0;
    }
    if (missing->gap_count >= KPI_MISSING_GAPS_LISTED) {
        missing->gaps_left_out++;
    } else {
        struct kpi_missing_gap *gaps = grow_array(missing->gaps, missing->gap_count, &missing->gap_cap, sizeof *gaps);
        if (!gaps) {
            return STATUS_NO_MEMORY;
        }
        missing->gaps = gaps;
        gaps[missing->gap_count++] = (struct kpi_missing_gap){gathering->site, *gap};
    }
    return add_span(missing, gathering->site, gap->from_ms, gap->to_ms);
}

bool kpi_missing_is_silent(const struct kpi_site *site)
{
    return site->owes && site->known_s < site->now_s - KPI_MISSING_SILENT_S;
}

static int take_site(struct kpi_missing *missing, struct store_view *view, const struct kpi_site *site)
{
    struct gathering gathering = {missing, site->number};
    int status = store_view_gaps(view, site->number, take_gap, &gathering);
    if (status == 0 && kpi_missing_is_silent(site)) {
        status = add_span(missing, site->number, site->known_s * 1000, INT64_MAX);
    }
    if (status == 0 && site->backlog_s > 0) {
        status = add_span(missing, site->number, site->backlog_s * 1000, INT64_MAX);
    }
    return status;
}

static int compare_times(const struct kpi_missing_span *a, const struct kpi_missing_span *b)
{
    if (a->from_ms != b->from_ms) {
        return a->from_ms < b->from_ms ? -1 : 1;
    }
    return (a->to_ms > b->to_ms) - (a->to_ms < b->to_ms);
}

static int by_time(const void *left, const void *right)
{
    return compare_times(left, right);
}

static int by_site(const void *left, const void *right)
{
    const struct kpi_missing_span *a = left;
    const struct kpi_missing_span *b = right;
    return a->site != b->site ? (a->site < b->site ? -1 : 1) : compare_times(a, b);
}

static int join(struct kpi_missing *missing)
{
    if (missing->count == 0) {
        return 0;
    }
    missing->joined = calloc(missing->count, sizeof *missing->joined);
    if (!missing->joined) {
        return STATUS_NO_MEMORY;
    }
    qsort(missing->spans, missing->count, sizeof *missing->spans, by_time);
    for (size_t i = 0; i < missing->count; i++) {
        const struct kpi_missing_span *span = &missing->spans[i];
        struct kpi_missing_span *last = missing->joined_count ? &missing->joined[missing->joined_count - 1] : NULL;
        if (last && span->from_ms < last->to_ms) {
            last->to_ms = span->to_ms > last->to_ms ? span->to_ms : last->to_ms;
        } else {
            missing->joined[missing->joined_count++] = (struct kpi_missing_span){0, span->from_ms, span->to_ms};
        }
    }
    qsort(missing->spans, missing->count, sizeof *missing->spans, by_site);
    return 0;
}

int kpi_missing_gather(const struct kpi_scope *scope, struct store_view *view, int64_t from_s, int64_t to_s,
                       struct kpi_missing *out)
{
    *out = (struct kpi_missing){.scope = scope, .from_s = from_s, .to_s = to_s, .known_s = INT64_MAX};
    int status = 0;
    for (size_t i = 0; status == 0 && i < scope->count; i++) {
        if (scope->sites[i].owes && scope->sites[i].known_s < out->known_s) {
            out->known_s = scope->sites[i].known_s;
        }
        status = kpi_scope_late(scope);
        if (status == 0 && scope->sites[i].counts) {
            status = take_site(out, view, &scope->sites[i]);
        }
    }
    return status == 0 ? join(out) : status;
}

void kpi_missing_deinit(struct kpi_missing *missing)
{
    free(missing->spans);
    free(missing->joined);
    free(missing->gaps);
    *missing = (struct kpi_missing){0};
}

/* The first of the spans for which `site` and `from_ms` are not smaller. */
static size_t lower_bound(const struct kpi_missing_span *spans, size_t count, uint32_t site, int64_t from_ms)
{
    size_t low = 0;
    while (count > 0) {
        size_t half = count / 2;
        const struct kpi_missing_span *middle = &spans[low + half];
        bool below = middle->site != site ? middle->site < site : middle->from_ms < from_ms;
        low = below ? low + half + 1 : low;
        count = below ? count - half - 1 : half;
    }
    return low;
}

static int64_t known_of(const struct kpi_missing *missing, uint32_t site)
{
    const struct kpi_site *one = site ? kpi_scope_find(missing->scope, site) : NULL;
    return !one ? missing->known_s : one->owes ? one->known_s : INT64_MAX;
}

bool kpi_missing_touches(const struct kpi_missing *missing, uint32_t site, int64_t from_s, int64_t to_s)
{
    if (to_s <= missing->scope->centre->now_ms / 1000 && known_of(missing, site) < to_s) {
        return true;
    }
    if (site == 0) {
        /* The last one that begins before the end: those before it end before it begins. */
        size_t behind = lower_bound(missing->joined, missing->joined_count, 0, to_s * 1000);
        const struct kpi_missing_span *last = behind > 0 ? &missing->joined[behind - 1] : NULL;
        return last && touches(last->from_ms, last->to_ms, from_s, to_s);
    }
    size_t i = lower_bound(missing->spans, missing->count, site, INT64_MIN);
    for (; i < missing->count && missing->spans[i].site == site; i++) {
        if (touches(missing->spans[i].from_ms, missing->spans[i].to_ms, from_s, to_s)) {
            return true;
        }
    }
    return false;
}

bool kpi_missing_settled(const struct kpi_missing *missing, uint32_t site, int64_t to_s)
{
    return known_of(missing, site) >= to_s + KPI_MISSING_SETTLED_S;
}

static void put_gaps(const struct kpi_missing *missing, struct json *out)
{
    struct json *gaps = json_put_list(out, "gaps");
    for (size_t i = 0; i < missing->gap_count; i++) {
        const struct kpi_missing_gap *item = &missing->gaps[i];
        struct json *gap = json_add_map(gaps);
        json_put_str(gap, "site", kpi_scope_find(missing->scope, item->site)->id);
        fields_time(gap, "from", item->gap.from_ms);
        fields_time(gap, "to", item->gap.to_ms);
        json_put_str(gap, "reason", item->gap.reason);
    }
    if (missing->gaps_left_out > 0) {
        json_put_int(out, "gaps_left_out", (int64_t)missing->gaps_left_out);
    }
}

void kpi_missing_put(const struct kpi_missing *missing, struct json *out)
{
    const struct kpi_scope *scope = missing->scope;
    put_gaps(missing, out);
    struct json *silent = json_put_list(out, "silent");
    struct json *behind = json_put_list(out, "behind");
    for (size_t i = 0; i < scope->count; i++) {
        const struct kpi_site *site = &scope->sites[i];
        if (kpi_missing_is_silent(site) && site->known_s < missing->to_s) {
            struct json *item = json_add_map(silent);
            json_put_str(item, "site", site->id);
            fields_time(item, "since", site->known_s * 1000);
        }
        if (site->counts && site->backlog_s > 0 && site->backlog_s < missing->to_s) {
            struct json *item = json_add_map(behind);
            json_put_str(item, "site", site->id);
            fields_time(item, "from", site->backlog_s * 1000);
            json_put_int(item, "intervals", (int64_t)site->backlog);
        }
    }
}
