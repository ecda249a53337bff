/* wire: typed writing into a buf and sticky-error reading, for everything we store or send ourselves.
 * Fixed-width integers are big-endian; varints are LEB128 (7 bits a byte, low first), signed ones zigzag. */
#ifndef RINGSIDE_PLATFORM_BASE_WIRE_H
#define RINGSIDE_PLATFORM_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum { WIRE_VARINT_MAX = 10 };

void wire_put_u8(struct buf *buf, uint8_t value);
void wire_put_u16(struct buf *buf, uint16_t value);
void wire_put_u32(struct buf *buf, uint32_t value);
void wire_put_u64(struct buf *buf, uint64_t value);
void wire_put_varint(struct buf *buf, uint64_t value);
void wire_put_svarint(struct buf *buf, int64_t value);
void wire_put_bytes(struct buf *buf, struct slice bytes); /* varint length, then the bytes */

/* Writes at `at` (at least WIRE_VARINT_MAX bytes of room) and returns the number of bytes written. */
size_t wire_varint_at(uint8_t *at, uint64_t value);

struct wire_reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool failed; /* sticky: input too short or malformed; every later get returns 0 */
};

static inline struct wire_reader wire_reader_make(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    return (struct wire_reader){bytes, bytes + len, false};
}

static inline size_t wire_left(const struct wire_reader *reader)
{
    return (size_t)(reader->end - reader->pos);
}

uint8_t wire_get_u8(struct wire_reader *reader);
uint16_t wire_get_u16(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
uint64_t wire_get_varint(struct wire_reader *reader);
int64_t wire_get_svarint(struct wire_reader *reader);
struct slice wire_get_bytes(struct wire_reader *reader); /* borrowed from the input */

/* A varint that must fit the given maximum; more fails the reader. */
uint64_t wire_get_varint_max(struct wire_reader *reader, uint64_t max);

/* The same, and in the shortest form only: for formats in which a value has exactly one spelling. */
uint64_t wire_get_varint_strict(struct wire_reader *reader, uint64_t max);

static inline uint64_t wire_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t wire_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
