#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"

enum { SITES_MAX = 1 << 24, CONTACT_PACE_MS = 5000, EVENT_PACE_MS = 600 * 1000 };

static const char *const event_names[CLERK_EVENT_KINDS] = {
    [CLERK_NEW_EPOCH] = "new-epoch", [CLERK_OLD_EPOCH] = "old-epoch", [CLERK_TWO_BOXES] = "two-boxes",
    [CLERK_CONFLICT] = "conflict",   [CLERK_REFUSED] = "refused",     [CLERK_FOREIGN] = "foreign-site",
    [CLERK_CLOCK] = "clock",         [CLERK_PROTOCOL] = "protocol"};

static bool grow_table(struct clerk *clerk, uint32_t number)
{
    if (number < clerk->site_count) {
        return true;
    }
    size_t count = number < SITES_MAX ? ((size_t)number + 64) & ~(size_t)63 : 0;
    struct clerk_site **sites = count ? realloc(clerk->sites, count * sizeof *sites) : NULL;
    if (!sites) {
        return false;
    }
    memset(sites + clerk->site_count, 0, (count - clerk->site_count) * sizeof *sites);
    clerk->sites = sites;
    clerk->site_count = count;
    return true;
}

static void load_contact(struct clerk *clerk, struct clerk_site *site)
{
    struct store_view *view;
    if (store_view_begin(clerk->store, &view) == 0) {
        (void)store_view_contact(view, site->number, &site->contact);
        store_view_end(view);
    }
    site->contact.online = false;
    site->loaded = true;
}

struct clerk_site *clerk_site(struct clerk *clerk, uint32_t number, const char *id)
{
    if (!grow_table(clerk, number)) {
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
        load_contact(clerk, site);
        clerk->sites[number] = site;
    }
    if (id && id[0]) {
        (void)snprintf(site->id, sizeof site->id, "%s", id);
    }
    return site;
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
            clerk_peer_unsettle(peer);
            free(peer);
            break;
        }
    }
    if (!site->peers && site->contact.online) {
        site->contact.online = false;
        site->changed = true;
        site->written_ms = 0;
        log_write(LOG_INFO, "ingest", "site %s is gone", site->id);
    }
    (void)clerk;
}

/* Contacts change with every message; they are written now and then, and at the end. */
static bool is_due(const struct clerk *clerk, const struct clerk_site *site, bool all)
{
    return site && site->changed &&
           (all || site->written_ms == 0 || clerk->now_ms - site->written_ms >= CONTACT_PACE_MS);
}

int clerk_write_contacts(struct clerk *clerk, bool all)
{
    for (size_t i = 0; i < clerk->site_count; i++) {
        if (is_due(clerk, clerk->sites[i], all)) {
            int status = store_put_contact(clerk->store, clerk->sites[i]->number, &clerk->sites[i]->contact);
            if (status != 0) {
                return status;
            }
        }
    }
    return 0;
}

void clerk_contacts_written(struct clerk *clerk, bool all)
{
    for (size_t i = 0; i < clerk->site_count; i++) {
        if (is_due(clerk, clerk->sites[i], all)) {
            clerk->sites[i]->changed = false;
            clerk->sites[i]->written_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
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
        free(site);
    }
    free(clerk->sites);
    clerk->sites = NULL;
    clerk->site_count = 0;
}

void clerk_tell(struct clerk *clerk, struct clerk_site *site, enum clerk_event event, const char *format, ...)
{
    if (site->told_ms[event] != 0 && clerk->now_ms - site->told_ms[event] < EVENT_PACE_MS) {
        return;
    }
    site->told_ms[event] = clerk->now_ms == 0 ? 1 : clerk->now_ms;
    struct store_event record = {.at_ms = clerk->wall_ms, .site = site->number};
    (void)snprintf(record.kind, sizeof record.kind, "%s", event_names[event]);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(record.text, sizeof record.text, format, args);
    va_end(args);
    log_write(LOG_WARNING, "ingest", "site %s: %s", site->id, record.text);
    int status = store_put_event(clerk->store, &record);
    if (status != 0) {
        log_write(LOG_WARNING, "store", "an event could not be kept: %s", status_str(status));
    }
}
