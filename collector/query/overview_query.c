#include "collector/query/overview_query.h"

#include <stdlib.h>
#include <string.h>

#include "collector/query/kpi_walk.h"
#include "collector/query/live_site.h"
#include "collector/query/query_document.h"
#include "collector/query/site_standing.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"
#include "proto/report/kpi_row.h"

enum { WORST_MAX = 10, SILENT_MAX = 50, HOUR_S = 3600, EXPIRING_S = 7 * 86400 };

/* ---- today ---- */

static int take_row(void *ctx, const struct kpi_row *row)
{
    kpi_row_put(json_put_map(ctx, "row"), row);
    return 0;
}

/* To the end of the running hour: what the store has added up serves whole, and nothing is held behind now. */
static int put_today(struct kpi_scope *scope, const struct query *asked, const struct zone *zone, struct json *out,
                     struct query_why *why)
{
    int64_t now_s = scope->centre->now_ms / 1000;
    struct query query = *asked;
    struct json *about = json_new_map();
    struct json *today = json_put_map(out, "today");
    json_put_null(today, "row");
    query.has_from = true;
    query.has_to = true;
    query.from_ms = zone_local_day_start(now_s) * 1000;
    query.to_ms = (now_s - now_s % HOUR_S + HOUR_S) * 1000;
    query.grain = QUERY_WHOLE;
    query.hour_of_week = false;
    query.by_site = false;
    query.by_queue = false;
    query.total = true;
    query.queue_count = 0;
    int status = kpi_walk(scope, &query, zone, about, take_row, today, why);
    json_put_str(today, "from", json_text(about, "from"));
    json_put_str(today, "to", json_text(about, "to"));
    json_put_bool(today, "complete", json_bool(about, "complete"));
    json_free(about);
    return status;
}

/* ---- sites ---- */

struct waiting_queue {
    char site[LIMITS_SITE_MAX + 1];
    uint32_t queue;
    int64_t waiting;
    int64_t longest_ms;
};

struct silent_site {
    const struct kpi_site *site;
    int64_t seen_ms; /* 0: it never spoke */
};

struct fleet {
    const struct kpi_scope *scope;
    struct store_view *view;
    int64_t now_ms;
    int64_t today_ms; /* where the day began */
    struct live_figures live;
    int64_t known;
    int64_t joined;
    int64_t online;
    int64_t silent;
    int64_t telling;
    int64_t stale;
    int64_t behind;
    int64_t with_gaps;
    int64_t unbalanced;
    int64_t expiring;
    struct waiting_queue worst[WORST_MAX + 1]; /* the longest wait first */
    size_t worst_count;
    struct silent_site *silent_sites;
    size_t silent_cap;
};

static void note_waiting(struct fleet *fleet, const char *id, const struct live_row *row)
{
    int64_t longest_ms = row->figures.longest_wait_ms;
    if (row->figures.waiting <= 0) {
        return;
    }
    size_t place = fleet->worst_count;
    while (place > 0 && fleet->worst[place - 1].longest_ms < longest_ms) {
        place--;
    }
    if (place == WORST_MAX) {
        return;
    }
    struct waiting_queue *item = &fleet->worst[place];
    memmove(item + 1, item, (fleet->worst_count - place) * sizeof *item);
    *item = (struct waiting_queue){.queue = row->queue, .waiting = row->figures.waiting, .longest_ms = longest_ms};
    memcpy(item->site, id, strlen(id) + 1);
    fleet->worst_count += fleet->worst_count < WORST_MAX;
}

static int take_live(struct fleet *fleet, const struct registry_site *site)
{
    struct live_site live;
    int status = live_site_read(fleet->view, site, fleet->now_ms, &live);
    if (status == 0 && live.tells) {
        fleet->telling += !live.stale;
        fleet->stale += live.stale;
    }
    if (status == 0 && live.tells && !live.stale) {
        live_figures_add(&fleet->live, &live.total);
        for (size_t i = 0; i < live.count; i++) {
            note_waiting(fleet, site->id, &live.rows[i]);
        }
    }
    live_site_free(&live);
    return status;
}

static int take_standing(struct fleet *fleet, const struct registry_site *site, const struct kpi_site *member)
{
    struct site_standing standing;
    int status = site_standing_read(fleet->view, member, &standing);
    bool joined = site->state == REGISTRY_JOINED;
    fleet->known++;
    fleet->joined += joined;
    fleet->online += joined && standing.contact.online && !standing.silent;
    fleet->behind += standing.behind;
    fleet->with_gaps += standing.gaps > 0 && standing.last_gap.to_ms > fleet->today_ms;
    fleet->unbalanced += standing.contact.unbalanced > 0;
    fleet->expiring += joined && site->has_key && site->not_after_s < fleet->now_ms / 1000 + EXPIRING_S;
    if (status != 0 || !standing.silent) {
        return status;
    }
    struct silent_site *sites =
        grow_array(fleet->silent_sites, (size_t)fleet->silent, &fleet->silent_cap, sizeof *sites);
    if (!sites) {
        return STATUS_NO_MEMORY;
    }
    fleet->silent_sites = sites;
    sites[fleet->silent++] =
        (struct silent_site){.site = member, .seen_ms = standing.known ? standing.contact.last_seen_ms : 0};
    return 0;
}

static int take_site(void *ctx, const struct registry_site *site)
{
    struct fleet *fleet = ctx;
    const struct kpi_site *member = kpi_scope_find(fleet->scope, site->number);
    if (!member || site->state == REGISTRY_REMOVED) {
        return 0;
    }
    int status = kpi_scope_late(fleet->scope);
    status = status == 0 ? take_standing(fleet, site, member) : status;
    return status == 0 && site->state == REGISTRY_JOINED ? take_live(fleet, site) : status;
}

static int gather(struct fleet *fleet)
{
    const struct kpi_scope *scope = fleet->scope;
    struct registry *registry = scope->centre->registry;
    struct registry_site site;
    if (scope->whose != KPI_SITE) {
        return registry_each(registry, take_site, fleet);
    }
    int status = registry_find(registry, slice_str(scope->name), &site);
    return status == 0 ? take_site(fleet, &site) : status;
}

static void put_live(const struct fleet *fleet, struct json *out)
{
    struct json *live = json_put_map(out, "live");
    live_figures_put(&fleet->live, live);
    json_put_int(live, "sites", fleet->joined);
    json_put_int(live, "sites_telling", fleet->telling + fleet->stale);
    json_put_int(live, "sites_stale", fleet->stale);
    struct json *worst = json_put_list(live, "worst");
    for (size_t i = 0; i < fleet->worst_count; i++) {
        const struct waiting_queue *item = &fleet->worst[i];
        struct json *row = json_add_map(worst);
        json_put_str(row, "site", item->site);
        json_put_text(row, "queue", store_view_queue_name(fleet->view, item->queue));
        json_put_int(row, "waiting", item->waiting);
        fields_span(row, "longest_wait_ms", item->longest_ms);
    }
}

static void put_sites(const struct fleet *fleet, struct json *out)
{
    struct json *sites = json_put_map(out, "sites");
    json_put_int(sites, "known", fleet->known);
    json_put_int(sites, "joined", fleet->joined);
    json_put_int(sites, "online", fleet->online);
    json_put_int(sites, "silent", fleet->silent);
    json_put_int(sites, "telling", fleet->telling);
    json_put_int(sites, "behind", fleet->behind);
    json_put_int(sites, "with_gaps", fleet->with_gaps);
    json_put_int(sites, "unbalanced", fleet->unbalanced);
    json_put_int(sites, "expiring", fleet->expiring);
}

static int by_silence(const void *left, const void *right)
{
    const struct silent_site *a = left;
    const struct silent_site *b = right;
    return a->seen_ms != b->seen_ms ? (a->seen_ms < b->seen_ms ? -1 : 1) : strcmp(a->site->id, b->site->id);
}

static void put_silent(const struct fleet *fleet, struct json *out)
{
    struct json *silent = json_put_list(out, "silent");
    if (fleet->silent > 1) {
        qsort(fleet->silent_sites, (size_t)fleet->silent, sizeof *fleet->silent_sites, by_silence);
    }
    for (int64_t i = 0; i < fleet->silent && i < SILENT_MAX; i++) {
        int64_t seen_ms = fleet->silent_sites[i].seen_ms;
        int64_t age_ms = fleet->now_ms > seen_ms ? fleet->now_ms - seen_ms : 0;
        struct json *row = json_add_map(silent);
        json_put_str(row, "site", fleet->silent_sites[i].site->id);
        fields_time(row, "last_seen", seen_ms);
        fields_span(row, "last_seen_age_ms", seen_ms ? age_ms : -1);
    }
}

static int put_fleet(const struct kpi_scope *scope, struct json *out)
{
    int64_t now_ms = scope->centre->now_ms;
    struct fleet *fleet = calloc(1, sizeof *fleet);
    if (!fleet) {
        return STATUS_NO_MEMORY;
    }
    fleet->scope = scope;
    fleet->now_ms = now_ms;
    fleet->today_ms = zone_local_day_start(now_ms / 1000) * 1000;
    fleet->live = live_figures_none();
    int status = store_view_begin(scope->centre->store, &fleet->view);
    status = status == 0 ? gather(fleet) : status;
    if (status == 0) {
        put_live(fleet, out);
        put_sites(fleet, out);
        put_silent(fleet, out);
    }
    store_view_end(fleet->view);
    free(fleet->silent_sites);
    free(fleet);
    return status;
}

int overview_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
                   struct query_why *why)
{
    struct json *document = query_document_new();
    why->text[0] = '\0';
    zone_use(zone);
    fields_time(document, "as_of", scope->centre->now_ms);
    json_put_str(document, "zone", zone_name());
    query_document_scope(document, scope);
    int status = put_today(scope, query, zone, document, why);
    status = status == 0 ? put_fleet(scope, document) : status;
    return query_document_end(status, document, out, why);
}
