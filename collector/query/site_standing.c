#include "collector/query/site_standing.h"

#include "collector/query/kpi_missing.h"
#include "proto/quality.h"
#include "proto/report/fields.h"

static int take_gap(void *ctx, const struct store_gap *gap)
{
    struct site_standing *standing = ctx;
    const struct store_contact *contact = &standing->contact;
    int64_t last_word_ms = contact->last_seen_ms + contact->clock_offset_ms;
    standing->gaps++;
    standing->gaps_open += gap->to_ms >= last_word_ms - INT64_C(1000) * KPI_MISSING_SETTLED_S;
    standing->last_gap = *gap;
    return 0;
}

/* By the centre's clock: kpi_missing_is_silent() asks what can be known by now, which a late log delays too. */
static bool is_silent(const struct kpi_site *site, const struct site_standing *standing)
{
    const struct store_contact *contact = &standing->contact;
    if (!standing->known) {
        return kpi_missing_is_silent(site);
    }
    int64_t now_ms = site->now_s * 1000 - contact->clock_offset_ms;
    return site->owes && now_ms - contact->last_seen_ms > INT64_C(1000) * KPI_MISSING_SILENT_S;
}

int site_standing_read(struct store_view *view, const struct kpi_site *site, struct site_standing *out)
{
    *out = (struct site_standing){.contact = {.lag_ms = -1}};
    out->known = store_view_contact(view, site->number, &out->contact) && out->contact.last_seen_ms > 0;
    out->silent = is_silent(site, out);
    out->behind = site->counts && (site->backlog_s > 0 || (!out->silent && kpi_missing_is_silent(site)));
    return store_view_gaps(view, site->number, take_gap, out);
}

static void put_count(struct json *out, const char *key, bool known, uint64_t count)
{
    fields_span(out, key, known ? (int64_t)count : -1);
}

static void put_quality(struct json *out, const char *key, const struct store_contact *contact, enum quality item)
{
    put_count(out, key, item < contact->quality_count, contact->quality[item]);
}

static void put_last_gap(const struct site_standing *standing, struct json *out)
{
    if (standing->gaps == 0) {
        json_put_null(out, "last_gap");
        return;
    }
    struct json *gap = json_put_map(out, "last_gap");
    fields_time(gap, "from", standing->last_gap.from_ms);
    fields_time(gap, "to", standing->last_gap.to_ms);
    json_put_str(gap, "reason", standing->last_gap.reason);
}

void site_standing_put(const struct site_standing *standing, struct json *out)
{
    const struct store_contact *contact = &standing->contact;
    bool known = standing->known;
    json_put_bool(out, "silent", standing->silent);
    json_put_bool(out, "behind", standing->behind);
    fields_time(out, "newest_interval", contact->newest_start_s * 1000);
    json_put_int(out, "gaps", standing->gaps);
    json_put_int(out, "gaps_open", standing->gaps_open);
    put_last_gap(standing, out);
    put_count(out, "unbalanced", known, contact->unbalanced);
    put_count(out, "refused", known, contact->refused);
    put_count(out, "conflicts", known, contact->conflicts);
    put_quality(out, "unknown_verbs", contact, QUALITY_UNKNOWN_VERBS);
    put_quality(out, "clock_steps", contact, QUALITY_CLOCK_STEPS);
    fields_span(out, "interval_s", contact->interval_s ? (int64_t)contact->interval_s : -1);
}
