#include "collector/ingest/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

enum { ZONE_TEXT = 64 };

/* Cutting a site's days anew costs everybody time: a site that changes its mind waits for so long. */
enum { RECUT_PACE_MS = 10 * 60 * 1000, LOOK_MS = 1000 };

struct member {
    store_scope group; /* STORE_ALL: in none */
    const struct zone *zone;
    char zone_name[ZONE_TEXT]; /* empty: not looked at yet */
    char told[ZONE_TEXT];      /* by the agent */
    bool stale;                /* it told another zone since it was settled */
    bool gone;                 /* removed with all its data */
    int64_t recut_ms;          /* when it was settled because of that; monotonic, 0: never */
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
    size_t stale_count;
    int64_t looked_ms; /* for stale ones */
};

static struct member *member_of(struct members *members, uint32_t site)
{
    struct member *items = grow_table(members->items, site, &members->count, sizeof *items);
    if (!items) {
        return NULL;
    }
    members->items = items;
    return &items[site];
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

static void mark_stale(struct members *members, struct member *member, bool stale)
{
    members->stale_count += stale && !member->stale;
    members->stale_count -= !stale && member->stale;
    member->stale = stale;
}

void members_tell_zone(struct members *members, uint32_t site, const char *zone)
{
    struct member *member = member_of(members, site);
    if (member && strcmp(member->told, zone) != 0) {
        (void)snprintf(member->told, sizeof member->told, "%s", zone);
        mark_stale(members, member, true);
    }
}

bool members_gone(const struct members *members, uint32_t site)
{
    return site < members->count && members->items[site].gone;
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
    if (member->told[0] || member->zone_name[0] || store_view_begin(members->store, &view) != 0) {
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

/* What the store's cells were added up by, whatever becomes of bringing them in line. */
static int take_stored(struct members *members, uint32_t site, struct member *member, char cut[ZONE_TEXT])
{
    store_scope group = STORE_ALL;
    cut[0] = '\0';
    int status = store_grouping(members->store, site, &group, cut);
    if (status >= 0) {
        member->group = group;
        member->zone = cut[0] && zone_find(cut, &member->zone) == 0 ? member->zone : NULL;
    }
    return status < 0 ? status : 0;
}

static int settle_group(struct members *members, const struct registry_site *site, struct member *member)
{
    store_scope wanted = site->group_number ? store_scope_group(site->group_number) : STORE_ALL;
    int status = 0;
    if (member->group != wanted) {
        status = store_regroup(members->store, site->number, wanted, &members->layout);
        member->group = status == 0 ? wanted : member->group;
    }
    return status == 0 && site->group_number ? settle_days(members, wanted, members->centre_name) : status;
}

static int settle_zone(struct members *members, const struct registry_site *site, struct member *member,
                       const char *cut)
{
    const struct zone *stored = member->zone;
    const struct zone *zone = NULL;
    const char *zone_name = choose_zone(members, site, member, &zone);
    if (!zone_name) {
        return STATUS_NOT_FOUND;
    }
    member->zone = zone;
    (void)snprintf(member->zone_name, sizeof member->zone_name, "%.63s", zone_name);
    int status = strcmp(cut, zone_name) == 0
                     ? 0
                     : store_recut(members->store, site->number, member->zone_name, &members->layout);
    if (status != 0) {
        member->zone = stored;
        member->zone_name[0] = '\0';
    }
    return status;
}

static int settle_site(struct members *members, const struct registry_site *site, int64_t now_ms)
{
    struct member *member = member_of(members, site->number);
    if (!member) {
        return STATUS_NO_MEMORY;
    }
    look_up_told(members, site->number, member);
    char cut[ZONE_TEXT];
    int status = take_stored(members, site->number, member, cut);
    if (status == 0) {
        status = settle_group(members, site, member);
    }
    if (status == 0) {
        status = settle_zone(members, site, member, cut);
    }
    if (status == 0) {
        member->recut_ms = member->stale ? now_ms : member->recut_ms;
        mark_stale(members, member, false);
    }
    return status;
}

static int remove_site(struct members *members, const struct registry_site *site)
{
    struct member *member = member_of(members, site->number);
    char cut[ZONE_TEXT];
    int status = member ? take_stored(members, site->number, member, cut) : STATUS_NO_MEMORY;
    if (status == 0) {
        status = store_remove_site(members->store, site->number, &members->layout);
    }
    if (status == 0) {
        member->gone = true;
        mark_stale(members, member, false);
        log_write(LOG_NOTICE, "store", "site %s and its data are removed", site->id);
        status = registry_forget(members->registry, site->id);
    }
    return status;
}

/* One site that cannot be brought in line keeps the others from nothing. */
int members_update(struct members *members, int64_t now_ms)
{
    members->site_count = 0;
    int first = registry_each(members->registry, gather_site, members);
    int status = settle_days(members, STORE_ALL, members->centre_name);
    first = first == 0 ? status : first;
    for (size_t i = 0; i < members->site_count; i++) {
        const struct registry_site *site = &members->sites[i];
        status = site->state == REGISTRY_REMOVED ? remove_site(members, site) : settle_site(members, site, now_ms);
        first = first == 0 ? status : first;
    }
    return first;
}

bool members_stale(const struct members *members, int64_t now_ms)
{
    return members->stale_count > 0 && now_ms - members->looked_ms >= LOOK_MS;
}

int members_settle_stale(struct members *members, int64_t now_ms)
{
    int first = 0;
    members->looked_ms = now_ms;
    for (uint32_t number = 0; number < members->count; number++) {
        const struct member *member = &members->items[number];
        struct registry_site site;
        if (!member->stale || (member->recut_ms != 0 && now_ms - member->recut_ms < RECUT_PACE_MS)) {
            continue;
        }
        int status = registry_find_number(members->registry, number, &site);
        if (status == STATUS_NOT_FOUND || (status == 0 && site.state == REGISTRY_REMOVED)) {
            mark_stale(members, &members->items[number], false);
            continue;
        }
        status = status == 0 ? settle_site(members, &site, now_ms) : status;
        first = first == 0 ? status : first;
    }
    return first;
}
