#include "collector/alert/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum { NAMES_MAX = 1 << 20 };

int figures_init(struct figures *figures, const struct alert_rule *rules, size_t rule_count, int64_t now_ms)
{
    *figures = (struct figures){.rules = rules, .rule_count = rule_count, .now_ms = now_ms};
    figures->unknown = calloc(rule_count ? rule_count : 1, sizeof *figures->unknown);
    int status = figures->unknown ? intern_new(NAMES_MAX, &figures->groups) : STATUS_NO_MEMORY;
    return status == 0 ? intern_new(NAMES_MAX, &figures->queues) : status;
}

void figures_deinit(struct figures *figures)
{
    free(figures->sites);
    free(figures->items);
    free(figures->unknown);
    intern_free(figures->groups);
    intern_free(figures->queues);
    *figures = (struct figures){0};
}

int figures_add_site(struct figures *figures, const struct registry_site *site)
{
    struct figures_site *sites = grow_array(figures->sites, figures->site_count, &figures->site_cap, sizeof *sites);
    if (!sites) {
        return STATUS_NO_MEMORY;
    }
    figures->sites = sites;
    struct figures_site *added = &sites[figures->site_count++];
    *added = (struct figures_site){.number = site->number, .record = *site};
    (void)snprintf(added->id, sizeof added->id, "%s", site->id);
    (void)snprintf(added->group, sizeof added->group, "%s", site->group);
    added->group_id = site->group[0] ? intern_put(figures->groups, slice_str(site->group)) : 0;
    return 0;
}

static int compare_id(const void *id, const void *site)
{
    return strcmp(id, ((const struct figures_site *)site)->id);
}

const struct figures_site *figures_find(const struct figures *figures, const char *id)
{
    if (figures->site_count == 0) {
        return NULL;
    }
    return bsearch(id, figures->sites, figures->site_count, sizeof *figures->sites, compare_id);
}

int figures_add(struct figures *figures, const struct figure *figure)
{
    struct figure *items = grow_array(figures->items, figures->count, &figures->cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    figures->items = items;
    items[figures->count++] = *figure;
    return 0;
}

bool figures_match(const struct figures *figures, uint32_t rule, uint32_t site, uint32_t queue)
{
    const struct figures_site *of = &figures->sites[site - 1];
    struct alert_rule about = figures->rules[rule];
    about.queue_count = queue != 0 ? about.queue_count : 0;
    return alert_rule_matches(&about, of->id, of->group[0] ? of->group : NULL,
                              queue != 0 ? intern_name(figures->queues, queue).data : NULL);
}

/* ---- a round ---- */

static void name(char *out, size_t size, struct slice text)
{
    (void)snprintf(out, size, "%.*s", (int)text.len, text.len ? text.data : "");
}

static void subject_of(const struct figures *figures, const struct figure *figure, struct alert_subject *out)
{
    *out = (struct alert_subject){.site = ""};
    if (figure->site != 0) {
        name(out->site, sizeof out->site, slice_str(figures->sites[figure->site - 1].id));
    }
    name(out->group, sizeof out->group, intern_name(figures->groups, figure->group));
    name(out->queue, sizeof out->queue, intern_name(figures->queues, figure->queue));
}

/* Whether the figure of a subject would have been there if there were anything to tell. */
static bool site_would_tell(const struct alert_rule *rule, const struct figures_site *site)
{
    if (rule->window_ms > 0 || alert_metric_of_site(rule->metric)) {
        return site->online;
    }
    return site->lives;
}

static bool would_tell(const struct figures *figures, const struct alert *alert)
{
    const struct alert_subject *subject = &alert->subject;
    if (subject->site[0]) {
        const struct figures_site *site = figures_find(figures, subject->site);
        return !site || site_would_tell(alert->rule, site);
    }
    bool any = false;
    for (size_t i = 0; i < figures->site_count; i++) {
        const struct figures_site *site = &figures->sites[i];
        if (alert->rule->per != ALERT_PER_GROUP || strcmp(site->group, subject->group) == 0) {
            if (site_would_tell(alert->rule, site)) {
                return true;
            }
            any = true;
        }
    }
    return !any; /* none there any more */
}

struct over {
    const struct figures *figures;
    struct figure_over {
        const struct alert_rule *rule;
        struct alert_subject subject;
    } * items;
    size_t count;
    size_t cap;
};

static int note_over(void *ctx, const struct alert *alert)
{
    struct over *over = ctx;
    const struct figures *figures = over->figures;
    if (alert->seen_ms == figures->now_ms || figures->unknown[alert->rule - figures->rules] ||
        !would_tell(figures, alert)) {
        return 0;
    }
    struct figure_over *items = grow_array(over->items, over->count, &over->cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    over->items = items;
    items[over->count++] = (struct figure_over){alert->rule, alert->subject};
    return 0;
}

static int watch_over(const struct figures *figures, struct alert_watch *watch)
{
    struct over over = {.figures = figures};
    int status = alert_watch_each(watch, note_over, &over);
    for (size_t i = 0; status == 0 && i < over.count; i++) {
        double none = alert_metric_is_now(over.items[i].rule->metric) ? 0 : NAN;
        status = alert_watch_figure(watch, over.items[i].rule, &over.items[i].subject,
                                    over.items[i].rule->below ? NAN : none, 0);
    }
    free(over.items);
    return status;
}

int figures_watch(const struct figures *figures, struct alert_watch *watch)
{
    int status = 0;
    alert_watch_begin(watch, figures->now_ms);
    for (size_t i = 0; i < figures->rule_count; i++) {
        if (figures->unknown[i]) {
            alert_watch_unknown(watch, &figures->rules[i]);
        }
    }
    for (size_t i = 0; status == 0 && i < figures->count; i++) {
        const struct figure *figure = &figures->items[i];
        struct alert_subject subject;
        subject_of(figures, figure, &subject);
        if (!figures->unknown[figure->rule]) {
            status = alert_watch_figure(watch, &figures->rules[figure->rule], &subject, figure->value, figure->calls);
        }
    }
    status = status == 0 ? watch_over(figures, watch) : status;
    alert_watch_end(watch);
    return status;
}

/* ---- sums ---- */

int figures_sums_init(struct figures_sums *sums, size_t rule_count)
{
    *sums = (struct figures_sums){.rule_count = rule_count};
    sums->index = calloc(rule_count ? rule_count : 1, sizeof(uint32_t *));
    sums->index_count = calloc(rule_count ? rule_count : 1, sizeof *sums->index_count);
    return sums->index && sums->index_count ? 0 : STATUS_NO_MEMORY;
}

void figures_sums_deinit(struct figures_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++) {
        summary_deinit(&sums->items[i].summary);
    }
    for (size_t i = 0; sums->index && i < sums->rule_count; i++) {
        free(sums->index[i]);
    }
    free(sums->items);
    free(sums->index);
    free(sums->index_count);
    *sums = (struct figures_sums){0};
}

int figures_sums_at(struct figures_sums *sums, const struct figures *figures, uint32_t rule, uint32_t site,
                    struct figures_sum **out)
{
    enum alert_per per = figures->rules[rule].per;
    uint32_t group = figures->sites[site - 1].group_id;
    uint32_t key = per == ALERT_PER_SITE ? site : per == ALERT_PER_GROUP ? group : 0;
    uint32_t *index = grow_table(sums->index[rule], key, &sums->index_count[rule], sizeof *index);
    if (!index) {
        return STATUS_NO_MEMORY;
    }
    sums->index[rule] = index;
    if (index[key] == 0) {
        struct figures_sum *items = grow_array(sums->items, sums->count, &sums->cap, sizeof *items);
        if (!items) {
            return STATUS_NO_MEMORY;
        }
        sums->items = items;
        items[sums->count++] = (struct figures_sum){.figure = {.rule = rule,
                                                               .site = per == ALERT_PER_SITE ? site : 0,
                                                               .group = per == ALERT_PER_ALL ? 0 : group}};
        index[key] = (uint32_t)sums->count;
    }
    *out = &sums->items[index[key] - 1];
    return 0;
}
