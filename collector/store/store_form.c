/* The payloads of the store's records. What a later version appends to one is ignored by this one. */
#include <string.h>

#include "collector/store/store_internal.h"
#include "platform/base/status.h"

static void get_text(struct wire_reader *reader, char *to, size_t size)
{
    slice_copy(wire_get_bytes(reader), to, size);
}

static int done(const struct wire_reader *reader)
{
    return reader->failed ? STATUS_CORRUPT : 0;
}

void store_interval_write(const struct store_interval *interval, struct buf *out)
{
    wire_put_varint(out, interval->epoch);
    wire_put_varint(out, interval->revision);
    wire_put_svarint(out, interval->received_ms);
    wire_put_varint(out, (uint64_t)interval->interval_s << 1 | interval->open);
    summary_encode(interval->sum, out);
}

static struct slice rest_of(const struct wire_reader *reader)
{
    return slice_make((const char *)reader->pos, wire_left(reader));
}

int store_interval_read(struct wire_reader *payload, struct store_interval_form *out)
{
    out->epoch = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->revision = wire_get_varint(payload);
    out->received_ms = wire_get_svarint(payload);
    uint64_t length = wire_get_varint_max(payload, UINT64_C(2) * UINT32_MAX + 1);
    out->interval_s = (uint32_t)(length >> 1);
    out->open = length & 1;
    out->summary = rest_of(payload);
    return done(payload);
}

int store_then_read(struct wire_reader *payload, struct store_interval_form *out)
{
    *out = (struct store_interval_form){.interval_s = (uint32_t)wire_get_varint_max(payload, UINT32_MAX)};
    out->summary = rest_of(payload);
    return done(payload);
}

int store_summary_read(struct slice bytes, struct summary *out)
{
    struct wire_reader reader = wire_reader_make(bytes.data, bytes.len);
    int status = summary_decode(out, &reader);
    if (status == STATUS_INVALID || (status == 0 && wire_left(&reader) > 0)) {
        return STATUS_CORRUPT;
    }
    return status;
}

int store_settings_read(struct wire_reader *payload, struct queue_settings *out)
{
    out->sl_method = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->sl_threshold_ms = wire_get_svarint(payload);
    out->short_abandon_ms = wire_get_svarint(payload);
    get_text(payload, out->label, sizeof out->label);
    return done(payload);
}

void store_event_write(const struct store_event *event, struct buf *out)
{
    wire_put_varint(out, event->site);
    wire_put_bytes(out, slice_str(event->kind));
    wire_put_bytes(out, slice_str(event->text));
}

int store_event_read(struct wire_reader *payload, struct store_event *out)
{
    out->site = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    get_text(payload, out->kind, sizeof out->kind);
    get_text(payload, out->text, sizeof out->text);
    return done(payload);
}

int store_gap_read(struct wire_reader *payload, struct store_gap *out)
{
    out->to_ms = wire_get_svarint(payload);
    get_text(payload, out->reason, sizeof out->reason);
    return done(payload);
}

enum { CONTACT_TIMES = 7, CONTACT_COUNTS = 11 };

void store_contact_write(const struct store_contact *contact, struct buf *out)
{
    const int64_t times[CONTACT_TIMES] = {contact->last_seen_ms,    contact->connected_ms, contact->ack_ms,
                                          contact->clock_offset_ms, contact->lag_ms,       contact->oldest_backlog_s,
                                          contact->newest_start_s};
    const uint64_t counts[CONTACT_COUNTS] = {contact->interval_s, contact->backlog,       contact->taken,
                                             contact->repeated,   contact->stale,         contact->conflicts,
                                             contact->refused,    contact->unbalanced,    contact->in_bytes,
                                             contact->out_bytes,  contact->flood_refusals};
    wire_put_u8(out, contact->online);
    wire_put_bytes(out, slice_str(contact->address));
    wire_put_bytes(out, slice_str(contact->agent_version));
    wire_put_bytes(out, slice_str(contact->zone));
    wire_put_bytes(out, slice_make((const char *)contact->epoch, sizeof contact->epoch));
    for (int i = 0; i < CONTACT_TIMES; i++) {
        wire_put_svarint(out, times[i]);
    }
    for (int i = 0; i < CONTACT_COUNTS; i++) {
        wire_put_varint(out, counts[i]);
    }
    uint32_t quality_count = contact->quality_count < 64 ? contact->quality_count : 64;
    wire_put_varint(out, quality_count);
    for (uint32_t i = 0; i < quality_count; i++) {
        wire_put_varint(out, contact->quality[i]);
    }
    wire_put_varint(out, contact->site_refused);
    wire_put_svarint(out, contact->live_ms);
    wire_put_varint(out, contact->waiting);
    wire_put_varint(out, contact->talking);
    wire_put_svarint(out, contact->oldest_enter_ms);
    wire_put_svarint(out, contact->live_seen_ms);
    wire_put_varint(out, contact->heartbeat_s);
}

static void get_quality(struct wire_reader *payload, struct store_contact *out)
{
    out->quality_count = (uint32_t)wire_get_varint_max(payload, 64);
    for (uint32_t i = 0; i < out->quality_count && !payload->failed; i++) {
        out->quality[i] = wire_get_varint(payload);
    }
}

int store_contact_read(struct wire_reader *payload, struct store_contact *out)
{
    *out = (struct store_contact){.online = wire_get_u8(payload) != 0};
    get_text(payload, out->address, sizeof out->address);
    get_text(payload, out->agent_version, sizeof out->agent_version);
    get_text(payload, out->zone, sizeof out->zone);
    struct slice epoch = wire_get_bytes(payload);
    memcpy(out->epoch, epoch.data, epoch.len < sizeof out->epoch ? epoch.len : sizeof out->epoch);
    int64_t *const times[CONTACT_TIMES] = {&out->last_seen_ms,    &out->connected_ms, &out->ack_ms,
                                           &out->clock_offset_ms, &out->lag_ms,       &out->oldest_backlog_s,
                                           &out->newest_start_s};
    for (int i = 0; i < CONTACT_TIMES; i++) {
        *times[i] = wire_get_svarint(payload);
    }
    out->interval_s = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    uint64_t *const counts[CONTACT_COUNTS - 1] = {
        &out->backlog, &out->taken,      &out->repeated, &out->stale,     &out->conflicts,
        &out->refused, &out->unbalanced, &out->in_bytes, &out->out_bytes, &out->flood_refusals};
    for (int i = 0; i < CONTACT_COUNTS - 1; i++) {
        *counts[i] = wire_get_varint(payload);
    }
    get_quality(payload, out);
    out->site_refused = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->live_ms = wire_get_svarint(payload);
    out->waiting = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->talking = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->oldest_enter_ms = wire_get_svarint(payload);
    if (wire_left(payload) == 0) { /* of a collector before these were kept */
        out->live_seen_ms = out->live_ms;
        return done(payload);
    }
    out->live_seen_ms = wire_get_svarint(payload);
    out->heartbeat_s = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    return done(payload);
}
