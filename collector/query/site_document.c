#include "collector/query/site_document.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/query/live_site.h"
#include "proto/quality.h"
#include "proto/report/fields.h"

enum { EVENTS_MAX = 20, GAPS_MAX = 100 };

static void put_optional(struct json *out, const char *key, const char *text)
{
    json_put_str(out, key, text[0] ? text : NULL);
}

static bool find_contact(const struct site_document *from, uint32_t number, struct store_contact *out)
{
    memset(out, 0, sizeof *out);
    out->lag_ms = -1;
    return from->view && store_view_contact(from->view, number, out) && out->last_seen_ms > 0;
}

static bool is_online(const struct site_document *from, const struct registry_site *site,
                      const struct store_contact *contact)
{
    return site->state == REGISTRY_JOINED && contact->online && from->now_ms - contact->last_seen_ms <= from->idle_ms;
}

/* An age is never below zero: the clock may have been set back. */
static void put_age(struct json *out, const char *key, int64_t now_ms, int64_t at_ms)
{
    fields_span(out, key, at_ms == 0 ? -1 : at_ms > now_ms ? 0 : now_ms - at_ms);
}

/* What the site last told of its queues; not known of one that is not there, or does not tell. */
static void put_live(const struct site_document *from, const struct registry_site *site,
                     const struct store_contact *contact, struct json *out)
{
    if (contact->live_ms == 0 || !is_online(from, site, contact)) {
        json_put_null(out, "waiting");
        json_put_null(out, "talking");
        json_put_null(out, "oldest_wait_ms");
        return;
    }
    json_put_int(out, "waiting", contact->waiting);
    json_put_int(out, "talking", contact->talking);
    int64_t entered_ms = contact->oldest_enter_ms;
    put_age(out, "oldest_wait_ms", from->now_ms, entered_ms ? entered_ms - contact->clock_offset_ms : 0);
}

static void put_contact(const struct site_document *from, const struct registry_site *site, bool known,
                        const struct store_contact *contact, struct json *out)
{
    json_put_bool(out, "online", is_online(from, site, contact));
    fields_time(out, "last_seen", contact->last_seen_ms);
    put_age(out, "last_seen_age_ms", from->now_ms, contact->last_seen_ms);
    fields_span(out, "lag_ms", contact->lag_ms);
    if (!known) {
        json_put_null(out, "backlog");
        json_put_null(out, "agent_version");
        json_put_null(out, "clock_offset_ms");
        json_put_null(out, "waiting");
        json_put_null(out, "talking");
        json_put_null(out, "oldest_wait_ms");
        return;
    }
    json_put_int(out, "backlog", (int64_t)contact->backlog);
    put_optional(out, "agent_version", contact->agent_version);
    json_put_int(out, "clock_offset_ms", contact->clock_offset_ms);
    put_live(from, site, contact, out);
}

static void put_brief(const struct site_document *from, const struct registry_site *site, bool known,
                      const struct store_contact *contact, struct json *out)
{
    json_put_str(out, "site", site->id);
    json_put_int(out, "number", site->number);
    json_put_str(out, "state", registry_state_str(site->state));
    put_optional(out, "group", site->group);
    put_optional(out, "zone", site->zone[0] ? site->zone : contact->zone);
    put_contact(from, site, known, contact, out);
    fields_time(out, "certificate_end", site->has_key ? site->not_after_s * 1000 : 0);
    fields_time(out, "added", site->created_ms);
    fields_time(out, "joined", site->joined_ms);
    fields_time(out, "token_expires", site->has_token ? site->token_expires_ms : 0);
}

void site_document_brief(const struct site_document *from, const struct registry_site *site, struct json *out)
{
    struct store_contact contact;
    bool known = find_contact(from, site->number, &contact);
    put_brief(from, site, known, &contact, out);
}

/* ---- one site ---- */

static void put_hex(struct json *out, const char *key, bool has, const uint8_t *bytes, size_t len)
{
    char text[2 * REGISTRY_KEY_BYTES + 1] = "";
    for (size_t i = 0; has && i < len; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    put_optional(out, key, text);
}

static void put_registry(const struct site_document *from, const struct registry_site *site, struct json *out)
{
    fields_time(out, "changed", site->changed_ms);
    if (from->discreet) {
        return;
    }
    put_optional(out, "certificate_serial", site->serial);
    put_hex(out, "key", site->has_key, site->key_hash, REGISTRY_KEY_BYTES);
    put_hex(out, "next_key", site->has_next_key, site->next_key_hash, REGISTRY_KEY_BYTES);
}

static void put_link(const struct site_document *from, const struct store_contact *contact, bool known,
                     struct json *out)
{
    if (!from->discreet) {
        put_optional(out, "address", contact->address);
    }
    fields_time(out, "connected", contact->connected_ms);
    fields_time(out, "acknowledged", contact->ack_ms);
    put_optional(out, "agent_zone", contact->zone);
    put_hex(out, "epoch", known, contact->epoch, LIMITS_EPOCH_BYTES);
    fields_span(out, "interval_s", contact->interval_s ? (int64_t)contact->interval_s : -1);
    fields_time(out, "oldest_backlog", contact->oldest_backlog_s * 1000);
    fields_time(out, "newest_interval", contact->newest_start_s * 1000);
}

static void put_counters(const struct store_contact *contact, struct json *out)
{
    struct json *counters = json_put_map(out, "counters");
    json_put_int(counters, "taken", (int64_t)contact->taken);
    json_put_int(counters, "repeated", (int64_t)contact->repeated);
    json_put_int(counters, "stale", (int64_t)contact->stale);
    json_put_int(counters, "conflicts", (int64_t)contact->conflicts);
    json_put_int(counters, "refused", (int64_t)contact->refused);
    json_put_int(counters, "unbalanced", (int64_t)contact->unbalanced);
    json_put_int(counters, "flood_refusals", (int64_t)contact->flood_refusals);
    json_put_int(counters, "site_refused", contact->site_refused);
    json_put_int(counters, "in_bytes", (int64_t)contact->in_bytes);
    json_put_int(counters, "out_bytes", (int64_t)contact->out_bytes);
    struct json *quality = json_put_map(out, "quality");
    for (uint32_t i = 0; i < contact->quality_count && i < QUALITY_COUNT; i++) { /* a newer agent may have more */
        json_put_int(quality, quality_names[i], (int64_t)contact->quality[i]);
    }
}

/* All its queues together, each operator once. */
static void put_now(const struct site_document *from, const struct registry_site *site, struct json *out)
{
    struct live_site live;
    struct json *now = json_put_map(out, "live");
    (void)live_site_read(from->view, site, from->now_ms, &live);
    live_figures_put(&live.total, now);
    live_site_put_age(&live, from->now_ms, now);
    live_site_free(&live);
}

struct listing {
    struct json *list;
    size_t max;
    const char *kind; /* of gaps */
};

static int add_gap(void *ctx, const struct store_gap *gap)
{
    struct listing *listing = ctx;
    struct json *row = json_add_map(listing->list);
    fields_time(row, "from", gap->from_ms);
    fields_time(row, "to", gap->to_ms);
    json_put_str(row, "kind", listing->kind);
    json_put_str(row, "reason", gap->reason);
    return json_count(listing->list, "") >= listing->max;
}

static int add_event(void *ctx, const struct store_event *event)
{
    struct listing *listing = ctx;
    struct json *row = json_add_map(listing->list);
    fields_time(row, "at", event->at_ms);
    json_put_str(row, "kind", event->kind);
    json_put_str(row, "text", event->text);
    return json_count(listing->list, "") >= listing->max;
}

static void put_events(const struct site_document *from, const struct registry_site *site, struct json *out)
{
    struct listing events = {json_put_list(out, "events"), EVENTS_MAX, NULL};
    if (from->view) {
        (void)store_view_events(from->view, site->number, add_event, &events);
    }
}

void site_document_full(const struct site_document *from, const struct registry_site *site, struct json *out)
{
    struct store_contact contact;
    bool known = find_contact(from, site->number, &contact);
    put_brief(from, site, known, &contact, out);
    put_registry(from, site, out);
    put_link(from, &contact, known, out);
    put_now(from, site, out);
    put_counters(&contact, out);
    struct listing gaps = {json_put_list(out, "gaps"), GAPS_MAX, "calls"};
    struct listing live_gaps = {gaps.list, 2 * GAPS_MAX, "live"};
    if (from->view) {
        (void)store_view_gaps(from->view, site->number, add_gap, &gaps);
        (void)store_view_live_gaps(from->view, site->number, add_gap, &live_gaps);
    }
    if (!from->discreet) {
        put_events(from, site, out);
    }
}
