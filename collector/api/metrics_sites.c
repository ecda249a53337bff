/* The families of sites: how they are connected, and what they said of themselves. */
#include "collector/api/metrics_internal.h"
#include "collector/api/metrics_line.h"

/* False: there is nothing to tell of that site. *value is milliseconds where the family is of seconds. */
typedef bool (*site_value)(const struct metrics *metrics, const struct metrics_site *site, int64_t now_ms,
                           int64_t *value);

static bool is_known(const struct metrics_site *site)
{
    return site->contact.last_seen_ms > 0;
}

static bool up(const struct metrics *metrics, const struct metrics_site *site, int64_t now_ms, int64_t *value)
{
    const struct store_contact *contact = &site->contact;
    *value = contact->online && now_ms - contact->last_seen_ms <= metrics->options->idle_ms;
    return site->registry.state == REGISTRY_JOINED;
}

static bool last_seen(const struct metrics *metrics, const struct metrics_site *site, int64_t now_ms, int64_t *value)
{
    (void)metrics;
    (void)now_ms;
    *value = site->contact.last_seen_ms;
    return is_known(site);
}

static bool log_lag(const struct metrics *metrics, const struct metrics_site *site, int64_t now_ms, int64_t *value)
{
    (void)metrics;
    (void)now_ms;
    *value = site->contact.lag_ms;
    return is_known(site) && site->contact.lag_ms >= 0;
}

static bool clock_offset(const struct metrics *metrics, const struct metrics_site *site, int64_t now_ms, int64_t *value)
{
    (void)metrics;
    (void)now_ms;
    *value = site->contact.clock_offset_ms;
    return is_known(site);
}

static bool certificate_end(const struct metrics *metrics, const struct metrics_site *site, int64_t now_ms,
                            int64_t *value)
{
    (void)metrics;
    (void)now_ms;
    *value = site->registry.not_after_s * 1000;
    return site->registry.has_key;
}

#define TELL_COUNT(function, expression)                                                                               \
    static bool function(const struct metrics *metrics, const struct metrics_site *site, int64_t now_ms,               \
                         int64_t *value)                                                                               \
    {                                                                                                                  \
        (void)metrics;                                                                                                 \
        (void)now_ms;                                                                                                  \
        *value = (int64_t)(expression);                                                                                \
        return is_known(site);                                                                                         \
    }

TELL_COUNT(backlog, site->contact.backlog)
TELL_COUNT(gaps, site->gaps)
TELL_COUNT(kept_back, site->contact.site_refused)
TELL_COUNT(taken, site->contact.taken)
TELL_COUNT(refused, site->contact.refused)
TELL_COUNT(conflicts, site->contact.conflicts)
TELL_COUNT(stale, site->contact.stale)
TELL_COUNT(flood, site->contact.flood_refusals)
TELL_COUNT(received, site->contact.in_bytes)
TELL_COUNT(sent, site->contact.out_bytes)

struct site_family {
    const char *name;
    const char *type;
    bool seconds;
    site_value value;
    const char *help;
};

static const struct site_family families[] = {
    {"ringside_site_up", "gauge", false, up, "Whether the site is connected, 1 or 0; of sites that joined."},
    {"ringside_site_last_seen_timestamp_seconds", "gauge", true, last_seen, "When the site was last heard."},
    {"ringside_site_backlog_intervals", "gauge", false, backlog, "Intervals that wait at the site, as it last told."},
    {"ringside_site_log_lag_seconds", "gauge", true, log_lag, "How far the site is behind in reading its log."},
    {"ringside_site_clock_offset_seconds", "gauge", true, clock_offset, "The site's clock less the collector's."},
    {"ringside_site_certificate_expiry_timestamp_seconds", "gauge", true, certificate_end,
     "When the site's certificate ends."},
    {"ringside_site_gaps", "gauge", false, gaps,
     "Spans of time of which the site knows that it has not seen the calls."},
    {"ringside_site_kept_intervals", "gauge", false, kept_back,
     "Intervals that the site keeps because they were refused."},
    {"ringside_site_taken_intervals_total", "counter", false, taken, "Intervals taken since the site is known."},
    {"ringside_site_refused_intervals_total", "counter", false, refused, "Intervals refused for their content."},
    {"ringside_site_conflicting_intervals_total", "counter", false, conflicts,
     "Intervals that came again with other content under the same revision."},
    {"ringside_site_stale_intervals_total", "counter", false, stale, "Intervals of which a newer revision was held."},
    {"ringside_site_flood_refusals_total", "counter", false, flood, "Messages turned away for coming too fast."},
    {"ringside_site_received_bytes_total", "counter", false, received, "Bytes received from the site."},
    {"ringside_site_sent_bytes_total", "counter", false, sent, "Bytes sent to the site."},
};

static void put_family(const struct metrics *metrics, const struct site_family *family, int64_t now_ms, struct buf *out)
{
    metrics_line_family(out, family->name, family->type, family->help);
    for (size_t i = 0; i < metrics->site_count; i++) {
        const struct metrics_site *site = metrics->sites[i];
        int64_t value = 0;
        if (!site->apart || !family->value(metrics, site, now_ms, &value)) {
            continue;
        }
        if (family->seconds) {
            metrics_line_seconds(out, family->name, site->label, NULL, value);
        } else {
            metrics_line_int(out, family->name, site->label, NULL, value);
        }
    }
}

static void put_info(const struct metrics *metrics, struct buf *out)
{
    struct buf labels = BUF_INIT;
    metrics_line_family(out, "ringside_site_info", "gauge", "What a site is, as labels; always 1.");
    for (size_t i = 0; i < metrics->site_count; i++) {
        const struct metrics_site *site = metrics->sites[i];
        if (!site->apart) {
            continue;
        }
        buf_reset(&labels);
        metrics_line_label(&labels, "group", slice_str(site->registry.group));
        buf_append(&labels, ",", 1);
        metrics_line_label(&labels, "state", slice_str(registry_state_str(site->registry.state)));
        buf_append(&labels, ",", 1);
        metrics_line_label(&labels, "version", slice_str(site->contact.agent_version));
        metrics_line_int(out, "ringside_site_info", site->label, buf_cstr(&labels), 1);
    }
    out->failed |= labels.failed;
    buf_deinit(&labels);
}

void metrics_sites_text(const struct metrics *metrics, int64_t now_ms, struct buf *out)
{
    put_info(metrics, out);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        put_family(metrics, &families[i], now_ms, out);
    }
}
