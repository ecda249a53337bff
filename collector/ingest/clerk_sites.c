#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/grow.h"
#include "platform/base/log.h"
#include "platform/base/status.h"

enum { CONTACT_PACE_MS = 5000, LIVE_PACE_MS = 1000, EVENT_PACE_MS = 600 * 1000 };
enum { PRESENCE_LINES = 10, PRESENCE_MS = 600 * 1000 };

/* Names of queues are for ever and all sites share the room for them, so one site alone must not take it: as many at
 * once as no real one has, then some thousands a day. Gaps likewise. */
static const struct admit_flood new_names = {
    .bytes_per_s = 1, .bytes_max = 1, .messages_per_s = 0.05, .messages_max = 4096};

static const char *const event_names[CLERK_EVENT_KINDS] = {
    [CLERK_NEW_EPOCH] = "new-epoch", [CLERK_OLD_EPOCH] = "old-epoch", [CLERK_TWO_BOXES] = "two-boxes",
    [CLERK_CONFLICT] = "conflict",   [CLERK_REFUSED] = "refused",     [CLERK_FOREIGN] = "foreign-site",
    [CLERK_CLOCK] = "clock",         [CLERK_PROTOCOL] = "protocol"};

static bool make_room(struct clerk *clerk, uint32_t number)
{
    struct clerk_site **sites = grow_table(clerk->sites, number, &clerk->site_count, sizeof *sites);
    if (sites) {
        clerk->sites = sites;
    }
    return sites != NULL;
}

/* What was counted of it before; without that, counting would begin anew and overwrite it. */
static int load_contact(struct clerk *clerk, struct clerk_site *site)
{
    struct store_view *view;
    int status = store_view_begin(clerk->store, &view);
    if (status != 0) {
        return status;
    }
    (void)store_view_contact(view, site->number, &site->contact);
    store_view_end(view);
    site->contact.online = false;
    static const uint8_t none[LIMITS_EPOCH_BYTES];
    if (memcmp(site->contact.epoch, none, sizeof none) != 0) { /* nobody listened: it has its time to come back */
        site->left_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
        memcpy(site->left_epoch, site->contact.epoch, sizeof site->left_epoch);
    }
    return 0;
}

struct clerk_site *clerk_site_known(const struct clerk *clerk, uint32_t number)
{
    return number < clerk->site_count ? clerk->sites[number] : NULL;
}

struct clerk_site *clerk_site(struct clerk *clerk, uint32_t number, const char *id)
{
    if (!make_room(clerk, number)) {
        return NULL;
    }
    struct clerk_site *site = clerk->sites[number];
    if (!site) {
        site = calloc(1, sizeof *site);
        if (!site) {
            return NULL;
        }
        site->number = number;
        site->contact.lag_ms = -1;
        if (load_contact(clerk, site) != 0) {
            free(site);
            return NULL;
        }
        clerk->sites[number] = site;
    }
    if (id && id[0]) {
        (void)snprintf(site->id, sizeof site->id, "%s", id);
    }
    return site;
}

void clerk_changed(struct clerk *clerk, struct clerk_site *site)
{
    if (!site->changed) {
        site->changed = true;
        site->next_changed = clerk->changed;
        clerk->changed = site;
    }
}

void clerk_touch(struct clerk *clerk, struct clerk_site *site)
{
    if (site->touched) {
        return;
    }
    site->touched = true;
    site->next_touched = clerk->touched;
    clerk->touched = site;
    site->before.contact = site->contact;
    site->before.instance_count = site->instance_count;
    memcpy(site->before.instances, site->instances, sizeof site->instances);
    memcpy(site->before.told_ms, site->told_ms, sizeof site->told_ms);
}

static struct clerk_site *pop_touched(struct clerk *clerk)
{
    struct clerk_site *site = clerk->touched;
    if (site) {
        clerk->touched = site->next_touched;
        site->touched = false;
    }
    return site;
}

void clerk_touched_undo(struct clerk *clerk)
{
    struct clerk_site *site;
    while ((site = pop_touched(clerk))) {
        site->contact = site->before.contact;
        site->instance_count = site->before.instance_count;
        memcpy(site->instances, site->before.instances, sizeof site->instances);
        memcpy(site->told_ms, site->before.told_ms, sizeof site->told_ms);
        site->settled = false;
        for (struct clerk_peer *peer = site->peers; peer; peer = peer->next) {
            uint32_t number = peer->unsure ? 0 : peer->epoch_number; /* or a second box would find nobody alive */
            clerk_peer_unsettle(peer);
            peer->epoch_number = number;
        }
    }
    clerk->intervals = clerk->intervals_kept;
}

void clerk_touched_keep(struct clerk *clerk)
{
    struct clerk_site *site;
    clerk->intervals_kept = clerk->intervals;
    while ((site = pop_touched(clerk))) {
        for (struct clerk_peer *peer = site->peers; peer; peer = peer->next) {
            peer->unsure = false;
        }
        if (site->settled && registry_clear_fresh(clerk->options->registry, site->id) == 0) {
            site->settled = false;
        }
    }
}

struct clerk_peer *clerk_peer(struct clerk_site *site, uint64_t session)
{
    for (struct clerk_peer *peer = site->peers; peer; peer = peer->next) {
        if (peer->session == session) {
            return peer;
        }
    }
    struct clerk_peer *peer = calloc(1, sizeof *peer);
    if (peer) {
        peer->session = session;
        peer->next = site->peers;
        site->peers = peer;
    }
    return peer;
}

void clerk_peer_unsettle(struct clerk_peer *peer)
{
    peer->epoch_number = 0;
    peer->unsure = false;
    free(peer->queues);
    peer->queues = NULL;
    peer->queue_count = 0;
}

void clerk_forget_peer(struct clerk *clerk, struct clerk_site *site, uint64_t session)
{
    for (struct clerk_peer **at = &site->peers; *at; at = &(*at)->next) {
        if ((*at)->session == session) {
            struct clerk_peer *peer = *at;
            *at = peer->next;
            if (peer->epoch_number != 0) {
                site->left_ms = peer->seen_ms == 0 ? 1 : peer->seen_ms;
                memcpy(site->left_epoch, peer->epoch, sizeof site->left_epoch);
            }
            clerk_peer_unsettle(peer);
            free(peer);
            break;
        }
    }
    if (!site->peers && site->contact.online) {
        site->contact.online = false;
        site->written_ms = 0;
        clerk_changed(clerk, site);
        if (clerk_logs_presence(clerk, site)) {
            log_write(LOG_INFO, "ingest", "site %s is gone", site->id);
        }
    }
}

bool clerk_logs_presence(const struct clerk *clerk, struct clerk_site *site)
{
    if (site->presence_lines == 0 || clerk->now_ms - site->presence_ms >= PRESENCE_MS) {
        site->presence_ms = clerk->now_ms;
        site->presence_lines = 0;
    }
    site->presence_lines += site->presence_lines <= PRESENCE_LINES;
    return site->presence_lines <= PRESENCE_LINES;
}

bool clerk_may_add(const struct clerk *clerk, struct clerk_site *site)
{
    return admit_flood(&site->names, &new_names, 0, clerk->now_ms) == 0;
}

void clerk_give_back(struct clerk_site *site)
{
    site->names.messages += 1;
}

/* Contacts change with every message; they are written now and then, and at the end. Who waits is wanted sooner. */
static bool is_due(const struct clerk *clerk, const struct clerk_site *site, bool all)
{
    int64_t pace_ms = site->live_changed || site->people_changed ? LIVE_PACE_MS : CONTACT_PACE_MS;
    return all || site->written_ms == 0 || clerk->now_ms - site->written_ms >= pace_ms;
}

bool clerk_contacts_due(const struct clerk *clerk)
{
    for (const struct clerk_site *site = clerk->changed; site; site = site->next_changed) {
        if (is_due(clerk, site, false)) {
            return true;
        }
    }
    return false;
}

int clerk_write_contacts(struct clerk *clerk, bool all)
{
    for (struct clerk_site *site = clerk->changed; site; site = site->next_changed) {
        if (is_due(clerk, site, all) && !members_gone(clerk->members, site->number)) {
            int status = store_put_contact(clerk->store, site->number, &site->contact);
            status = status == 0 ? clerk_write_standing(clerk, site) : status;
            if (status != 0) {
                return status;
            }
        }
    }
    return 0;
}

void clerk_contacts_written(struct clerk *clerk, bool all)
{
    for (struct clerk_site **at = &clerk->changed; *at;) {
        struct clerk_site *site = *at;
        if (is_due(clerk, site, all)) {
            site->changed = false;
            clerk_standing_written(site);
            site->written_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
            *at = site->next_changed;
        } else {
            at = &site->next_changed;
        }
    }
    clerk->contacts_ms = clerk->now_ms;
}

void clerk_sites_free(struct clerk *clerk)
{
    for (size_t i = 0; i < clerk->site_count; i++) {
        struct clerk_site *site = clerk->sites[i];
        while (site && site->peers) {
            struct clerk_peer *peer = site->peers;
            site->peers = peer->next;
            clerk_peer_unsettle(peer);
            free(peer);
        }
        if (site) {
            clerk_free_standing(site);
        }
        free(site);
    }
    free(clerk->sites);
    clerk->sites = NULL;
    clerk->site_count = 0;
}

static bool is_paced(const struct clerk *clerk, int64_t *last_ms)
{
    if (*last_ms != 0 && clerk->now_ms - *last_ms < EVENT_PACE_MS) {
        return false;
    }
    *last_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
    return true;
}

void clerk_tell(struct clerk *clerk, struct clerk_site *site, enum clerk_event event, const char *format, ...)
{
    if (!is_paced(clerk, &site->told_ms[event])) {
        return;
    }
    struct store_event record = {.at_ms = clerk->wall_ms, .site = site->number};
    (void)snprintf(record.kind, sizeof record.kind, "%s", event_names[event]);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(record.text, sizeof record.text, format, args);
    va_end(args);
    if (is_paced(clerk, &site->logged_ms[event])) {
        log_write(LOG_WARNING, "ingest", "site %s: %s", site->id, record.text);
    }
    int status = store_put_event(clerk->store, &record);
    if (status != 0) {
        log_write(LOG_WARNING, "store", "an event could not be kept: %s", status_str(status));
    }
}
