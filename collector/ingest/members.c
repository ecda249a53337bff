#include "collector/ingest/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

enum { ZONE_TEXT = 64, SITES_MAX = 1 << 24 };

struct member {
    store_scope group; /* STORE_ALL: in none */
    const struct zone *zone;
    char zone_name[ZONE_TEXT]; /* empty: not looked at yet */
    char told[ZONE_TEXT];      /* by the agent */
};

struct members {
    struct registry *registry;
    struct store *store;
    struct store_layout layout;
    char centre_name[ZONE_TEXT];
    const struct zone *centre;
    struct member *items; /* by site number */
    size_t count;
    struct registry_site *sites; /* while updating */
    size_t site_count;
    size_t site_cap;
};

static struct member *member_of(struct members *members, uint32_t site)
{
    if (site >= members->count) {
        size_t count = site < SITES_MAX ? ((size_t)site + 64) & ~(size_t)63 : 0;
        struct member *items = count ? realloc(members->items, count * sizeof *items) : NULL;
        if (!items) {
            return NULL;
        }
        memset(items + members->count, 0, (count - members->count) * sizeof *items);
        members->items = items;
        members->count = count;
    }
    return &members->items[site];
}

static store_scope group_of(void *ctx, uint32_t site)
{
    struct members *members = ctx;
    return site < members->count ? members->items[site].group : STORE_ALL;
}

/* Everybody's and a group's days are those of the centre, a site's its own. */
static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    struct members *members = ctx;
    const struct zone *zone = members->centre;
    if (scope != STORE_ALL && !(scope & STORE_GROUP_BIT) && scope < members->count && members->items[scope].zone) {
        zone = members->items[scope].zone;
    }
    zone_use(zone);
    struct zone_date date = zone_date_of(at_s);
    zone_use(NULL);
    return stamp_days_of(date.year, date.month, date.day);
}

int members_new(struct registry *registry, struct store *store, const char *centre_zone, struct members **out)
{
    struct members *members = calloc(1, sizeof *members);
    if (!members) {
        return STATUS_NO_MEMORY;
    }
    members->registry = registry;
    members->store = store;
    members->layout = (struct store_layout){.ctx = members, .group_of = group_of, .day_of = day_of};
    (void)snprintf(members->centre_name, sizeof members->centre_name, "%s", centre_zone);
    int status = zone_find(centre_zone, &members->centre);
    if (status != 0) {
        free(members);
        return status;
    }
    *out = members;
    return 0;
}

void members_free(struct members *members)
{
    if (members) {
        free(members->items);
        free(members->sites);
        free(members);
    }
}

bool members_tell_zone(struct members *members, uint32_t site, const char *zone)
{
    struct member *member = member_of(members, site);
    if (!member || strcmp(member->told, zone) == 0) {
        return false;
    }
    (void)snprintf(member->told, sizeof member->told, "%s", zone);
    return true;
}

const struct store_layout *members_layout(const struct members *members)
{
    return &members->layout;
}

static int gather_site(void *ctx, const struct registry_site *site)
{
    struct members *members = ctx;
    struct registry_site *sites = grow_array(members->sites, members->site_count, &members->site_cap, sizeof *sites);
    if (!sites) {
        return STATUS_NO_MEMORY;
    }
    members->sites = sites;
    members->sites[members->site_count++] = *site;
    return 0;
}

static void look_up_told(struct members *members, uint32_t site, struct member *member)
{
    struct store_view *view;
    struct store_contact contact;
    if (member->told[0] || store_view_begin(members->store, &view) != 0) {
        return;
    }
    if (store_view_contact(view, site, &contact)) {
        (void)snprintf(member->told, sizeof member->told, "%s", contact.zone);
    }
    store_view_end(view);
}

/* As the registry says, else as the agent is set, else the centre's; one that is not known here counts as UTC. */
static const char *choose_zone(const struct members *members, const struct registry_site *site,
                               const struct member *member, const struct zone **out)
{
    const char *wanted = site->zone[0] ? site->zone : member->told[0] ? member->told : members->centre_name;
    if (zone_find(wanted, out) == 0) {
        return wanted;
    }
    if (strcmp(member->zone_name, "UTC") != 0) {
        log_write(LOG_WARNING, "store", "site %s: time zone %s is not known here: its days are UTC days", site->id,
                  wanted);
    }
    return zone_find("UTC", out) == 0 ? "UTC" : NULL;
}

/* Days of a scope are cut anew when they were cut by another zone. */
static int settle_days(struct members *members, store_scope scope, const char *zone_name)
{
    char cut[ZONE_TEXT] = "";
    store_scope group;
    int status = store_grouping(members->store, scope, &group, cut);
    if (status < 0 || strcmp(cut, zone_name) == 0) {
        return status < 0 ? status : 0;
    }
    return store_recut(members->store, scope, zone_name, &members->layout);
}

static int settle_site(struct members *members, const struct registry_site *site)
{
    struct member *member = member_of(members, site->number);
    if (!member) {
        return STATUS_NO_MEMORY;
    }
    look_up_told(members, site->number, member);
    struct member before = *member;
    const struct zone *zone = NULL;
    const char *zone_name = choose_zone(members, site, member, &zone);
    if (!zone_name) {
        return STATUS_NOT_FOUND;
    }
    store_scope wanted = site->group_number ? store_scope_group(site->group_number) : STORE_ALL;
    store_scope group = STORE_ALL;
    char cut[ZONE_TEXT] = "";
    int status = store_grouping(members->store, site->number, &group, cut);
    if (status < 0) {
        return status;
    }
    member->group = group;
    if (group != wanted) {
        status = store_regroup(members->store, site->number, wanted, &members->layout);
    }
    if (status >= 0) {
        member->group = wanted;
        member->zone = zone;
        (void)snprintf(member->zone_name, sizeof member->zone_name, "%.63s", zone_name);
        status = settle_days(members, site->number, member->zone_name);
    }
    if (status == 0 && site->group_number) {
        status = settle_days(members, wanted, members->centre_name);
    }
    if (status < 0) {
        *member = before;
    }
    return status < 0 ? status : 0;
}

static int remove_site(struct members *members, const struct registry_site *site)
{
    struct member *member = member_of(members, site->number);
    char cut[ZONE_TEXT] = "";
    if (!member || store_grouping(members->store, site->number, &member->group, cut) < 0) {
        return STATUS_NO_MEMORY;
    }
    int status = store_remove_site(members->store, site->number, &members->layout);
    if (status == 0) {
        log_write(LOG_NOTICE, "store", "site %s and its data are removed", site->id);
        status = registry_forget(members->registry, site->id);
    }
    return status;
}

int members_update(struct members *members)
{
    members->site_count = 0;
    int status = registry_each(members->registry, gather_site, members);
    if (status == 0) {
        status = settle_days(members, STORE_ALL, members->centre_name);
    }
    for (size_t i = 0; i < members->site_count && status == 0; i++) {
        const struct registry_site *site = &members->sites[i];
        status = site->state == REGISTRY_REMOVED ? remove_site(members, site) : settle_site(members, site);
    }
    return status;
}
