#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/base/wire.h"
#include "proto/message_internal.h"

enum { ALIGN = _Alignof(max_align_t) };

static void *give(void *data, size_t size)
{
    struct message_arena *arena = data;
    size_t left = arena->limit - arena->used;
    if (size > left || (size + ALIGN - 1) / ALIGN * ALIGN > left) {
        arena->exhausted = true;
        return NULL;
    }
    uint8_t *at = arena->memory + arena->used;
    arena->used += (size + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

static void leave(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

int message_arena_new(size_t limit_bytes, struct message_arena **out)
{
    struct message_arena *arena = calloc(1, sizeof *arena);
    if (!arena) {
        return STATUS_NO_MEMORY;
    }
    arena->memory = malloc(limit_bytes ? limit_bytes : 1);
    if (!arena->memory) {
        free(arena);
        return STATUS_NO_MEMORY;
    }
    arena->limit = limit_bytes;
    arena->allocator = (ProtobufCAllocator){.alloc = give, .free = leave, .allocator_data = arena};
    *out = arena;
    return 0;
}

void message_arena_free(struct message_arena *arena)
{
    if (arena) {
        free(arena->memory);
        free(arena);
    }
}

void message_arena_rewind(struct message_arena *arena, size_t used)
{
    arena->used = used;
    arena->exhausted = false;
}

void *message_arena_array(struct message_arena *arena, size_t count, size_t item_bytes)
{
    if (count > arena->limit / item_bytes) {
        arena->exhausted = true;
        return NULL;
    }
    void *items = give(arena, count * item_bytes);
    if (items) {
        memset(items, 0, count * item_bytes);
    }
    return items;
}

int message_unpack(struct message_arena *arena, const ProtobufCMessageDescriptor *type, struct slice bytes, void *out)
{
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &arena->allocator, bytes.len, (const uint8_t *)bytes.data);
    if (!message) {
        return arena->exhausted ? STATUS_RANGE : STATUS_INVALID;
    }
    memcpy(out, &message, sizeof message);
    return 0;
}

static void skip_field(struct wire_reader *reader, uint64_t wire_type)
{
    switch (wire_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT: wire_get_varint(reader); break;
    case PROTOBUF_C_WIRE_TYPE_64BIT: wire_get_u64(reader); break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: wire_get_bytes(reader); break;
    case PROTOBUF_C_WIRE_TYPE_32BIT: wire_get_u32(reader); break;
    default: reader->failed = true;
    }
}

int message_peek_protocol(struct slice bytes, uint32_t *protocol)
{
    struct wire_reader reader = wire_reader_make(bytes.data, bytes.len);
    uint64_t found = 0;
    while (wire_left(&reader) > 0 && !reader.failed) {
        uint64_t tag = wire_get_varint(&reader);
        if (tag == (1 << 3 | PROTOBUF_C_WIRE_TYPE_VARINT)) {
            found = wire_get_varint(&reader);
        } else {
            skip_field(&reader, tag & 7);
        }
    }
    if (reader.failed) {
        return STATUS_INVALID;
    }
    *protocol = (uint32_t)found;
    return *protocol < MESSAGE_PROTOCOL_OLDEST || *protocol > MESSAGE_PROTOCOL ? STATUS_VERSION : 0;
}

int message_pack(const ProtobufCMessage *message, struct buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *at = buf_grow(out, size);
    if (at) {
        protobuf_c_message_pack(message, at);
    }
    return out->failed ? STATUS_NO_MEMORY : 0;
}

int message_pack_field(const ProtobufCMessage *message, uint32_t number, struct buf *out)
{
    wire_put_varint(out, (uint64_t)number << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    wire_put_varint(out, protobuf_c_message_get_packed_size(message));
    return message_pack(message, out);
}
