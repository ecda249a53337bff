#include "collector/registry/site_record.h"

#include <string.h>

#include "platform/base/status.h"

enum { FLAG_KEY = 1, FLAG_NEXT_KEY = 2, FLAG_TOKEN = 4, FLAG_FRESH = 8 };

static uint8_t flags_of(const struct registry_site *site)
{
    return (uint8_t)((site->has_key ? FLAG_KEY : 0) | (site->has_next_key ? FLAG_NEXT_KEY : 0) |
                     (site->has_token ? FLAG_TOKEN : 0) | (site->fresh ? FLAG_FRESH : 0));
}

void site_record_write(struct buf *value, const struct registry_site *site)
{
    wire_put_bytes(value, slice_str(site->id));
    wire_put_u8(value, (uint8_t)site->state);
    wire_put_varint(value, site->group_number);
    wire_put_bytes(value, slice_str(site->zone));
    wire_put_u64(value, (uint64_t)site->created_ms);
    wire_put_u64(value, (uint64_t)site->joined_ms);
    wire_put_u64(value, (uint64_t)site->changed_ms);
    wire_put_u8(value, flags_of(site));
    if (site->has_key) {
        buf_append(value, site->key_hash, sizeof site->key_hash);
    }
    if (site->has_next_key) {
        buf_append(value, site->next_key_hash, sizeof site->next_key_hash);
    }
    wire_put_bytes(value, slice_str(site->serial));
    wire_put_u64(value, (uint64_t)site->not_after_s);
    if (site->has_token) {
        wire_put_u64(value, (uint64_t)site->token_expires_ms);
        buf_append(value, site->token_psk, sizeof site->token_psk);
    }
}

static void get_text(struct wire_reader *reader, char *out, size_t size)
{
    struct slice text = wire_get_bytes(reader);
    if (text.len >= size || memchr(text.data, '\0', text.len)) {
        reader->failed = true;
        return;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

static void get_key(struct wire_reader *reader, uint8_t out[REGISTRY_KEY_BYTES])
{
    if (reader->failed || wire_left(reader) < REGISTRY_KEY_BYTES) {
        reader->failed = true;
        return;
    }
    memcpy(out, reader->pos, REGISTRY_KEY_BYTES);
    reader->pos += REGISTRY_KEY_BYTES;
}

static void get_secrets(struct wire_reader *reader, struct registry_site *site)
{
    uint8_t flags = wire_get_u8(reader);
    site->has_key = flags & FLAG_KEY;
    site->has_next_key = flags & FLAG_NEXT_KEY;
    site->has_token = flags & FLAG_TOKEN;
    site->fresh = flags & FLAG_FRESH;
    if (site->has_key) {
        get_key(reader, site->key_hash);
    }
    if (site->has_next_key) {
        get_key(reader, site->next_key_hash);
    }
    get_text(reader, site->serial, sizeof site->serial);
    site->not_after_s = (int64_t)wire_get_u64(reader);
    if (site->has_token) {
        site->token_expires_ms = (int64_t)wire_get_u64(reader);
        get_key(reader, site->token_psk);
    }
}

int site_record_read(struct wire_reader *payload, struct registry_site *out)
{
    struct registry_site site = {0};
    get_text(payload, site.id, sizeof site.id);
    uint8_t state = wire_get_u8(payload);
    site.state = (enum registry_state)state;
    site.group_number = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    get_text(payload, site.zone, sizeof site.zone);
    site.created_ms = (int64_t)wire_get_u64(payload);
    site.joined_ms = (int64_t)wire_get_u64(payload);
    site.changed_ms = (int64_t)wire_get_u64(payload);
    get_secrets(payload, &site);
    if (payload->failed || state < REGISTRY_INVITED || state > REGISTRY_REMOVED ||
        !registry_name_valid(slice_str(site.id))) {
        return STATUS_CORRUPT;
    }
    *out = site;
    return 0;
}
