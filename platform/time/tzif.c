#include "platform/time/tzif.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/base/wire.h"

enum { TYPE_BYTES = 6, OFFSET_MAX_S = 26 * 3600, RESERVED_BYTES = 15 };

struct header {
    uint8_t version; /* 0 for the first one, else '2', '3', ... */
    uint32_t is_ut_count;
    uint32_t is_standard_count;
    uint32_t leap_count;
    uint32_t change_count;
    uint32_t type_count;
    uint32_t name_bytes;
};

static const uint8_t *take(struct wire_reader *reader, uint64_t len)
{
    const uint8_t *at = reader->pos;
    if (reader->failed || len > wire_left(reader)) {
        reader->failed = true;
        return NULL;
    }
    reader->pos += len;
    return at;
}

static bool read_header(struct wire_reader *reader, struct header *out)
{
    const uint8_t *magic = take(reader, 4);
    out->version = wire_get_u8(reader);
    (void)take(reader, RESERVED_BYTES);
    out->is_ut_count = wire_get_u32(reader);
    out->is_standard_count = wire_get_u32(reader);
    out->leap_count = wire_get_u32(reader);
    out->change_count = wire_get_u32(reader);
    out->type_count = wire_get_u32(reader);
    out->name_bytes = wire_get_u32(reader);
    return !reader->failed && memcmp(magic, "TZif", 4) == 0 && out->type_count > 0;
}

static uint64_t block_bytes(const struct header *header, uint64_t time_bytes)
{
    return header->change_count * (time_bytes + 1) + header->type_count * (uint64_t)TYPE_BYTES + header->name_bytes +
           header->leap_count * (time_bytes + 4) + header->is_standard_count + header->is_ut_count;
}

static int64_t time_at(const uint8_t *bytes, size_t index, size_t time_bytes)
{
    struct wire_reader reader = wire_reader_make(bytes + index * time_bytes, time_bytes);
    return time_bytes == 8 ? (int64_t)wire_get_u64(&reader) : (int32_t)wire_get_u32(&reader);
}

/* False for an offset that no clock of the world had. */
static bool offset_of(const uint8_t *types, uint8_t type, int32_t *out)
{
    struct wire_reader reader = wire_reader_make(types + (size_t)type * TYPE_BYTES, TYPE_BYTES);
    *out = (int32_t)wire_get_u32(&reader);
    return *out > -OFFSET_MAX_S && *out < OFFSET_MAX_S;
}

static int take_changes(const struct header *header, const uint8_t *times, const uint8_t *numbers, const uint8_t *types,
                        size_t time_bytes, struct tzif *out)
{
    out->changes = calloc(header->change_count ? header->change_count : 1, sizeof *out->changes);
    if (!out->changes) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < header->change_count; i++) {
        struct tzif_change *change = &out->changes[i];
        change->at_s = time_at(times, i, time_bytes);
        if (numbers[i] >= header->type_count || !offset_of(types, numbers[i], &change->offset_s) ||
            (i > 0 && change->at_s <= change[-1].at_s)) {
            return STATUS_INVALID;
        }
    }
    out->count = header->change_count;
    return 0;
}

static int read_block(struct wire_reader *reader, const struct header *header, size_t time_bytes, struct tzif *out)
{
    if (header->leap_count > 0) {
        return STATUS_UNSUPPORTED;
    }
    const uint8_t *times = take(reader, (uint64_t)header->change_count * time_bytes);
    const uint8_t *numbers = take(reader, header->change_count);
    const uint8_t *types = take(reader, (uint64_t)header->type_count * TYPE_BYTES);
    (void)take(reader, header->name_bytes);
    (void)take(reader, (uint64_t)header->is_standard_count + header->is_ut_count);
    if (reader->failed || !offset_of(types, 0, &out->first_offset_s)) {
        return STATUS_INVALID;
    }
    return take_changes(header, times, numbers, types, time_bytes, out);
}

/* A line feed, the rule or nothing, a line feed. */
static int read_footer(struct wire_reader *reader, struct tzif *out)
{
    const uint8_t *begin = take(reader, 1);
    const uint8_t *end = begin && *begin == '\n' ? memchr(reader->pos, '\n', wire_left(reader)) : NULL;
    if (!end) {
        return STATUS_INVALID;
    }
    struct slice text = slice_make((const char *)reader->pos, (size_t)(end - reader->pos));
    out->has_rule = text.len > 0;
    return out->has_rule ? rule_parse(text, &out->rule) : 0;
}

static int parse(struct wire_reader *reader, struct tzif *out)
{
    struct header header;
    if (!read_header(reader, &header)) {
        return STATUS_INVALID;
    }
    if (header.version == 0) {
        return read_block(reader, &header, 4, out);
    }
    if (header.version < '2' || header.version > '4') {
        return STATUS_VERSION;
    }
    /* The first block is there for readers of 32 bits. */
    (void)take(reader, block_bytes(&header, 4));
    if (!read_header(reader, &header)) {
        return STATUS_INVALID;
    }
    int status = read_block(reader, &header, 8, out);
    return status == 0 ? read_footer(reader, out) : status;
}

int tzif_parse(struct slice bytes, struct tzif *out)
{
    struct wire_reader reader = wire_reader_make(bytes.data, bytes.len);
    struct tzif tzif = {0};
    int status = parse(&reader, &tzif);
    if (status != 0) {
        tzif_deinit(&tzif);
        return status;
    }
    *out = tzif;
    return 0;
}

void tzif_deinit(struct tzif *tzif)
{
    free(tzif->changes);
    *tzif = (struct tzif){0};
}

int32_t tzif_offset(const struct tzif *tzif, int64_t at_s)
{
    size_t low = 0; /* the changes before it are at or before the moment */
    size_t high = tzif->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tzif->changes[middle].at_s <= at_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == tzif->count && tzif->has_rule) {
        return rule_offset(&tzif->rule, at_s);
    }
    return low > 0 ? tzif->changes[low - 1].offset_s : tzif->first_offset_s;
}
