#include "platform/base/wire.h"

static void put_be(struct buf *buf, uint64_t value, size_t width)
{
    uint8_t *at = buf_grow(buf, width);
    if (at) {
        for (size_t i = 0; i < width; i++) {
            at[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
        }
    }
}

void wire_put_u8(struct buf *buf, uint8_t value)
{
    put_be(buf, value, 1);
}
void wire_put_u16(struct buf *buf, uint16_t value)
{
    put_be(buf, value, 2);
}
void wire_put_u32(struct buf *buf, uint32_t value)
{
    put_be(buf, value, 4);
}
void wire_put_u64(struct buf *buf, uint64_t value)
{
    put_be(buf, value, 8);
}

size_t wire_varint_at(uint8_t *at, uint64_t value)
{
    size_t n = 0;
    while (value >= 0x80) {
        at[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[n++] = (uint8_t)value;
    return n;
}

void wire_put_varint(struct buf *buf, uint64_t value)
{
    uint8_t bytes[WIRE_VARINT_MAX];
    buf_append(buf, bytes, wire_varint_at(bytes, value));
}

void wire_put_svarint(struct buf *buf, int64_t value)
{
    wire_put_varint(buf, wire_zigzag(value));
}

void wire_put_bytes(struct buf *buf, struct slice bytes)
{
    wire_put_varint(buf, bytes.len);
    buf_append(buf, bytes.data, bytes.len);
}

static uint64_t get_be(struct wire_reader *reader, size_t width)
{
    if (reader->failed || wire_left(reader) < width) {
        reader->failed = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        value = value << 8 | *reader->pos++;
    }
    return value;
}

uint8_t wire_get_u8(struct wire_reader *reader)
{
    return (uint8_t)get_be(reader, 1);
}
uint16_t wire_get_u16(struct wire_reader *reader)
{
    return (uint16_t)get_be(reader, 2);
}
uint32_t wire_get_u32(struct wire_reader *reader)
{
    return (uint32_t)get_be(reader, 4);
}
uint64_t wire_get_u64(struct wire_reader *reader)
{
    return get_be(reader, 8);
}

uint64_t wire_get_varint(struct wire_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !reader->failed; shift += 7) {
        uint8_t byte = wire_get_u8(reader);
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            return reader->failed ? 0 : value;
        }
    }
    reader->failed = true;
    return 0;
}

uint64_t wire_get_varint_max(struct wire_reader *reader, uint64_t max)
{
    uint64_t value = wire_get_varint(reader);
    if (value > max) {
        reader->failed = true;
        return 0;
    }
    return value;
}

uint64_t wire_get_varint_strict(struct wire_reader *reader, uint64_t max)
{
    const uint8_t *start = reader->pos;
    uint64_t value;
    if (!reader->failed && start < reader->end && *start < 0x80) {
        value = *start;
        reader->pos++;
    } else {
        value = wire_get_varint(reader);
        if (!reader->failed && reader->pos[-1] == 0) {
            reader->failed = true; /* a last byte of zero adds nothing */
        }
    }
    if (value > max) {
        reader->failed = true;
    }
    return reader->failed ? 0 : value;
}

int64_t wire_get_svarint(struct wire_reader *reader)
{
    return wire_unzigzag(wire_get_varint(reader));
}

struct slice wire_get_bytes(struct wire_reader *reader)
{
    uint64_t len = wire_get_varint(reader);
    if (reader->failed || len > wire_left(reader)) {
        reader->failed = true;
        return slice_make("", 0);
    }
    struct slice bytes = slice_make((const char *)reader->pos, (size_t)len);
    reader->pos += len;
    return bytes;
}
