#include "collector/query/kpi_scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/store_write.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

enum { INTERVAL_DEFAULT_S = 900 };

struct gathering {
    struct kpi_scope *scope;
    struct store_view *view;
    uint32_t group;
    bool knows; /* the store tells by what cells were added up */
};

const struct kpi_site *kpi_scope_find(const struct kpi_scope *scope, uint32_t number)
{
    uint32_t place = number < scope->index_count ? scope->index[number] : 0;
    return place ? &scope->sites[place - 1] : NULL;
}

static int remember_number(struct kpi_scope *scope, uint32_t number)
{
    uint32_t *index = grow_table(scope->index, number, &scope->index_count, sizeof *index);
    if (!index) {
        return STATUS_NO_MEMORY;
    }
    scope->index = index;
    scope->index[number] = (uint32_t)scope->count;
    return 0;
}

/* "local" on another machine says nothing here. */
static const struct zone *zone_of(const char *registered, const char *told)
{
    const struct zone *zone = NULL;
    const char *name = registered[0] ? registered : told;
    bool named = name[0] && strcmp(name, "local") != 0;
    return named && zone_find(name, &zone) == 0 ? zone : NULL;
}

static void take_contact(struct kpi_site *site, const struct store_contact *contact, int64_t now_ms)
{
    int64_t lag_ms = contact->lag_ms > 0 ? contact->lag_ms : 0;
    if (contact->interval_s > 0) {
        site->interval_s = contact->interval_s;
    }
    site->now_s = (now_ms + contact->clock_offset_ms) / 1000;
    if (contact->last_seen_ms > 0) {
        site->known_s = (contact->last_seen_ms + contact->clock_offset_ms - lag_ms) / 1000;
    }
    /* The running interval always has news that waits for its turn. */
    if (contact->backlog > 0 && contact->oldest_backlog_s + site->interval_s <= site->known_s) {
        site->backlog_s = contact->oldest_backlog_s;
        site->backlog = contact->backlog;
    }
    if (contact->newest_start_s > 0) {
        site->newest_s = contact->newest_start_s + site->interval_s;
    }
}

static int take_site(struct gathering *gathering, const struct registry_site *from)
{
    struct kpi_scope *scope = gathering->scope;
    struct store_contact contact;
    struct kpi_site *sites = grow_array(scope->sites, scope->count, &scope->cap, sizeof *sites);
    if (!sites) {
        return STATUS_NO_MEMORY;
    }
    scope->sites = sites;
    struct kpi_site *site = &sites[scope->count++];
    *site = (struct kpi_site){.number = from->number, .interval_s = INTERVAL_DEFAULT_S};
    (void)snprintf(site->id, sizeof site->id, "%s", from->id);
    site->now_s = scope->centre->now_ms / 1000;
    site->known_s = from->joined_ms / 1000;
    bool known = store_view_contact(gathering->view, from->number, &contact);
    if (known) {
        take_contact(site, &contact, scope->centre->now_ms);
    }
    site->counts = known || from->state == REGISTRY_JOINED || from->state == REGISTRY_REVOKED;
    site->owes = site->counts && from->state != REGISTRY_REVOKED && from->state != REGISTRY_REMOVED;
    site->zone = zone_of(from->zone, known ? contact.zone : "");
    scope->grid_s = site->interval_s > scope->grid_s ? site->interval_s : scope->grid_s;
    return remember_number(scope, from->number);
}

/* Which cells a site's numbers are in is the store's to say: it may not have followed the registry yet. Returns 0,
 * STORE_UNKNOWN or a failure. */
static int read_grouping(const struct kpi_scope *scope, uint32_t number, store_scope *group, char day_zone[64])
{
    memset(day_zone, 0, 64);
    *group = STORE_ALL;
    return store_grouping(scope->centre->store, number, group, day_zone);
}

static int take_any(void *ctx, const struct registry_site *site)
{
    struct gathering *gathering = ctx;
    struct kpi_scope *scope = gathering->scope;
    bool member = scope->whose == KPI_ALL || (scope->whose == KPI_GROUP && site->group_number == gathering->group) ||
                  (scope->whose == KPI_SITE && strcmp(site->id, scope->name) == 0);
    int status = member ? take_site(gathering, site) : 0;
    if (status != 0) {
        return status;
    }
    char day_zone[64];
    store_scope group;
    int told = read_grouping(scope, site->number, &group, day_zone);
    if (member) {
        struct kpi_site *taken = &scope->sites[scope->count - 1];
        memcpy(taken->day_zone, day_zone, sizeof taken->day_zone);
        taken->group = group;
    }
    if (scope->whose == KPI_GROUP) {
        /* A site that the store does not know is in no cell, if it knows any. */
        bool agrees = told == 0 ? (group == scope->scope) == member : told == STORE_UNKNOWN && gathering->knows;
        scope->grouped = scope->grouped && agrees;
    }
    return 0;
}

static int find_whose(struct gathering *gathering, struct query_why *why)
{
    struct kpi_scope *scope = gathering->scope;
    struct registry *registry = scope->centre->registry;
    struct registry_site site;
    if (scope->whose == KPI_GROUP) {
        gathering->group = registry_group_find(registry, slice_str(scope->name));
        scope->scope = store_scope_group(gathering->group);
        if (gathering->group == 0) {
            (void)snprintf(why->text, sizeof why->text, "there is no group '%s'", scope->name);
            return STATUS_NOT_FOUND;
        }
    }
    if (scope->whose == KPI_SITE) {
        int status = registry_find(registry, slice_str(scope->name), &site);
        if (status == STATUS_NOT_FOUND) {
            (void)snprintf(why->text, sizeof why->text, "there is no site '%s'", scope->name);
        }
        scope->scope = status == 0 ? store_scope_site(site.number) : STORE_ALL;
        return status;
    }
    return 0;
}

static int gather(struct kpi_scope *scope, struct query_why *why)
{
    struct gathering gathering = {.scope = scope};
    int status = find_whose(&gathering, why);
    if (status == 0) {
        status = store_view_begin(scope->centre->store, &gathering.view);
    }
    if (status != 0) {
        return status;
    }
    store_scope group;
    gathering.knows = read_grouping(scope, STORE_ALL, &group, scope->day_zone) == 0;
    status = registry_each(scope->centre->registry, take_any, &gathering);
    if (status == STATUS_CORRUPT) {
        (void)snprintf(why->text, sizeof why->text,
                       "the registry has a damaged record: which sites there are is not known");
    }
    store_view_end(gathering.view);
    (void)read_grouping(scope, scope->scope, &group, scope->day_zone);
    scope->grid_s = scope->grid_s ? scope->grid_s : INTERVAL_DEFAULT_S;
    return status;
}

int kpi_scope_new(const struct kpi_centre *centre, enum kpi_whose whose, const char *name, struct kpi_scope **out,
                  struct query_why *why)
{
    struct kpi_scope *scope = calloc(1, sizeof *scope);
    why->text[0] = '\0';
    if (!scope) {
        return STATUS_NO_MEMORY;
    }
    *scope = (struct kpi_scope){.centre = centre, .whose = whose, .scope = STORE_ALL, .grouped = true};
    if (name && strlen(name) > LIMITS_SITE_MAX) {
        (void)snprintf(why->text, sizeof why->text, "'%.40s...' is too long for a name", name);
        free(scope);
        return STATUS_NOT_FOUND;
    }
    (void)snprintf(scope->name, sizeof scope->name, "%s", name ? name : "");
    int status = gather(scope, why);
    if (status != 0) {
        kpi_scope_free(scope);
        return status;
    }
    *out = scope;
    return 0;
}

static const struct kpi_site *site_of_id(const struct kpi_scope *scope, const char *id)
{
    for (size_t i = 0; i < scope->count; i++) {
        if (strcmp(scope->sites[i].id, id) == 0) {
            return &scope->sites[i];
        }
    }
    return NULL;
}

int kpi_scope_narrow(const struct kpi_scope *scope, const char *id, struct kpi_scope **out)
{
    const struct kpi_site *site = site_of_id(scope, id);
    struct kpi_scope *one = site ? calloc(1, sizeof *one) : NULL;
    if (!one) {
        return site ? STATUS_NO_MEMORY : STATUS_NOT_FOUND;
    }
    *one = (struct kpi_scope){.centre = scope->centre,
                              .whose = KPI_SITE,
                              .scope = store_scope_site(site->number),
                              .sites = calloc(1, sizeof *site),
                              .count = 1,
                              .cap = 1,
                              .grouped = true,
                              .grid_s = scope->grid_s};
    memcpy(one->name, site->id, sizeof one->name);
    memcpy(one->day_zone, site->day_zone, sizeof one->day_zone);
    int status = STATUS_NO_MEMORY;
    if (one->sites) {
        one->sites[0] = *site;
        status = remember_number(one, site->number);
    }
    if (status != 0) {
        kpi_scope_free(one);
        return status;
    }
    *out = one;
    return 0;
}

void kpi_scope_free(struct kpi_scope *scope)
{
    if (scope) {
        free(scope->sites);
        free(scope->index);
        free(scope);
    }
}

int kpi_scope_late(const struct kpi_scope *scope)
{
    const struct kpi_centre *centre = scope->centre;
    return centre->expired && centre->expired(centre->expired_ctx) ? STATUS_LATE : 0;
}

bool kpi_scope_holds(const struct kpi_scope *scope)
{
    char day_zone[64];
    store_scope group;
    bool holds = read_grouping(scope, scope->scope, &group, day_zone) < 0 || strcmp(day_zone, scope->day_zone) == 0;
    for (size_t i = 0; holds && i < scope->count; i++) {
        const struct kpi_site *site = &scope->sites[i];
        bool told = read_grouping(scope, site->number, &group, day_zone) >= 0;
        holds = !told || (group == site->group && strcmp(day_zone, site->day_zone) == 0);
    }
    return holds;
}

/* NULL: they have several, or none is known. */
static const struct zone *shared_zone(const struct kpi_scope *scope)
{
    const struct zone *shared = NULL;
    for (size_t i = 0; i < scope->count; i++) {
        const struct kpi_site *site = &scope->sites[i];
        if (!site->counts && scope->whose != KPI_SITE) {
            continue;
        }
        if (!site->zone || (shared && strcmp(zone_text(shared), zone_text(site->zone)) != 0)) {
            return NULL;
        }
        shared = site->zone;
    }
    return shared;
}

int kpi_scope_zone(const struct kpi_scope *scope, const char *asked, const struct zone **out, struct query_why *why)
{
    if (asked) {
        int status = zone_find(asked, out);
        if (status == STATUS_NOT_FOUND) {
            (void)snprintf(why->text, sizeof why->text, "there is no time zone '%.60s'", asked);
        }
        return status;
    }
    const struct zone *shared = shared_zone(scope);
    if (shared) {
        *out = shared;
        return 0;
    }
    int status = scope->centre->zone ? zone_find(scope->centre->zone, out) : STATUS_NOT_FOUND;
    return status == STATUS_NOT_FOUND ? zone_find("local", out) : status;
}
