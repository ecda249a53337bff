#include <stdlib.h>

#include "collector/alert/look.h"
#include "collector/query/live_site.h"
#include "platform/base/status.h"

/* Queues and sites as they are at this moment. */
struct now {
    struct look *look;
    struct figures *figures;
    struct store_view *view;
    struct figures_sums sums;
    uint32_t site; /* position + 1 */
};

static bool wants_live(const struct figures *figures)
{
    for (size_t i = 0; i < figures->rule_count; i++) {
        if (alert_metric_is_now(figures->rules[i].metric) && !alert_metric_of_site(figures->rules[i].metric)) {
            return true;
        }
    }
    return false;
}

/* False: not known. Nobody ready and nobody known to be ready are not the same. */
static bool figure_of(enum alert_metric metric, const struct live_figures *from, double *out)
{
    switch (metric) {
    case ALERT_WAITING: *out = (double)from->waiting; return from->waiting >= 0;
    case ALERT_LONGEST_WAIT:
        *out = from->waiting > 0 ? (double)from->longest_wait_ms : 0;
        return from->waiting == 0 || (from->waiting > 0 && from->longest_wait_ms >= 0);
    case ALERT_NO_OPERATOR:
        *out = from->ready == 0 ? (double)from->waiting : 0;
        return from->waiting >= 0 && (from->ready >= 0 || from->waiting == 0);
    default: return false;
    }
}

static int add_to_sum(struct now *now, uint32_t rule, double value)
{
    struct figures_sum *sum;
    int status = figures_sums_at(&now->sums, now->figures, rule, now->site, &sum);
    if (status != 0) {
        return status;
    }
    if (now->figures->rules[rule].metric == ALERT_LONGEST_WAIT) {
        sum->figure.value = sum->figure.value > value ? sum->figure.value : value;
    } else {
        sum->figure.value += value;
    }
    return 0;
}

static int add_queue(struct now *now, uint32_t queue, const struct live_figures *live)
{
    struct figures *figures = now->figures;
    int status = 0;
    for (uint32_t i = 0; status == 0 && i < figures->rule_count; i++) {
        double value;
        const struct alert_rule *rule = &figures->rules[i];
        if (!figure_of(rule->metric, live, &value) || !figures_match(figures, i, now->site, queue)) {
            continue;
        }
        const struct figure figure = {.rule = i,
                                      .site = now->site,
                                      .group = figures->sites[now->site - 1].group_id,
                                      .queue = queue,
                                      .value = value};
        status = rule->per == ALERT_PER_QUEUE ? figures_add(figures, &figure) : add_to_sum(now, i, value);
    }
    return status;
}

static int look_live(struct now *now, struct figures_site *site)
{
    struct live_site live;
    int status = live_site_read(now->view, &site->record, now->figures->now_ms, &live);
    site->lives = status == 0 && live.tells && !live.stale;
    for (size_t i = 0; status == 0 && site->lives && i < live.count; i++) {
        struct slice name = store_view_queue_name(now->view, live.rows[i].queue);
        uint32_t queue = name.len ? intern_put(now->figures->queues, name) : 0;
        status = queue != 0 ? add_queue(now, queue, &live.rows[i].figures) : 0;
    }
    live_site_free(&live);
    return status;
}

static int64_t at_least_zero(int64_t value)
{
    return value > 0 ? value : 0;
}

static int64_t silent_ms(const struct figures_site *site, const struct store_contact *contact, int64_t now_ms)
{
    int64_t seen_ms = contact->last_seen_ms > site->record.joined_ms ? contact->last_seen_ms : site->record.joined_ms;
    return at_least_zero(now_ms - seen_ms);
}

/* Since it was complete, by the site's own clock. */
static int64_t backlog_ms(const struct store_contact *contact, int64_t now_ms)
{
    int64_t complete_ms = (contact->oldest_backlog_s + contact->interval_s) * 1000;
    return contact->oldest_backlog_s ? at_least_zero(now_ms + contact->clock_offset_ms - complete_ms) : 0;
}

static bool site_figure(const struct figures_site *site, const struct store_contact *contact, enum alert_metric metric,
                        int64_t now_ms, double *out)
{
    switch (metric) {
    case ALERT_SITE_SILENT: *out = (double)silent_ms(site, contact, now_ms); return true;
    case ALERT_BACKLOG: *out = (double)backlog_ms(contact, now_ms); return site->online;
    case ALERT_CLOCK_OFFSET: *out = (double)llabs(contact->clock_offset_ms); return site->online;
    case ALERT_CERTIFICATE:
        *out = (double)(site->record.not_after_s * 1000 - now_ms);
        return site->record.has_key && site->record.not_after_s > 0;
    default: return false;
    }
}

static int look_site(struct now *now, struct figures_site *site)
{
    struct figures *figures = now->figures;
    struct store_contact contact = {0};
    int status = 0;
    bool known = store_view_contact(now->view, site->number, &contact) && contact.last_seen_ms > 0;
    site->online = known && contact.online && figures->now_ms - contact.last_seen_ms <= now->look->options->idle_ms;
    for (uint32_t i = 0; status == 0 && i < figures->rule_count; i++) {
        enum alert_metric metric = figures->rules[i].metric;
        double value;
        if (site_figure(site, &contact, metric, figures->now_ms, &value) && figures_match(figures, i, now->site, 0)) {
            status = figures_add(
                figures, &(struct figure){.rule = i, .site = now->site, .group = site->group_id, .value = value});
        }
    }
    return status;
}

static int add_sums(struct now *now)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < now->sums.count; i++) {
        const struct figure *figure = &now->sums.items[i].figure;
        bool groupless = now->figures->rules[figure->rule].per == ALERT_PER_GROUP && figure->group == 0;
        status = groupless ? 0 : figures_add(now->figures, figure);
    }
    return status;
}

int look_now(struct look *look)
{
    struct now now = {.look = look, .figures = look->figures};
    bool live = wants_live(look->figures);
    int status = figures_sums_init(&now.sums, look->figures->rule_count);
    status = status == 0 ? store_view_begin(look->options->store, &now.view) : status;
    for (size_t i = 0; status == 0 && i < look->figures->site_count; i++) {
        now.site = (uint32_t)i + 1;
        status = look_site(&now, &look->figures->sites[i]);
        status = status == 0 && live ? look_live(&now, &look->figures->sites[i]) : status;
        if (status == 0 && look->expired && look->expired(look->expired_ctx)) {
            status = STATUS_LATE;
        }
    }
    status = status == 0 ? add_sums(&now) : status;
    if (now.view) {
        store_view_end(now.view);
    }
    figures_sums_deinit(&now.sums);
    return status;
}
