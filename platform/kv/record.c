#include "platform/kv/record.h"

#include <string.h>

#include "platform/base/crc32c.h"
#include "platform/base/status.h"

static void key_add(struct record_key *key, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        key->bytes[key->len++] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

struct record_key record_key_text(const char *text)
{
    struct record_key key = {.len = strnlen(text, RECORD_KEY_MAX)};
    memcpy(key.bytes, text, key.len);
    return key;
}

struct record_key record_key_u32(uint32_t a)
{
    struct record_key key = {.len = 0};
    key_add(&key, a, 4);
    return key;
}

struct record_key record_key_u64(uint64_t a)
{
    struct record_key key = {.len = 0};
    key_add(&key, a, 8);
    return key;
}

struct record_key record_key_u32_u32(uint32_t a, uint32_t b)
{
    struct record_key key = record_key_u32(a);
    key_add(&key, b, 4);
    return key;
}

struct record_key record_key_u64_u32(uint64_t a, uint32_t b)
{
    struct record_key key = record_key_u64(a);
    key_add(&key, b, 4);
    return key;
}

struct record_key record_key_u32_u64(uint32_t a, uint64_t b)
{
    struct record_key key = record_key_u32(a);
    key_add(&key, b, 8);
    return key;
}

struct record_key record_key_3u32(uint32_t a, uint32_t b, uint32_t c)
{
    struct record_key key = record_key_u32_u32(a, b);
    key_add(&key, c, 4);
    return key;
}

struct record_key record_key_4u32(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    struct record_key key = record_key_3u32(a, b, c);
    key_add(&key, d, 4);
    return key;
}

struct record_key record_key_u8_u32(uint8_t a, uint32_t b)
{
    struct record_key key = {.len = 0};
    key_add(&key, a, 1);
    key_add(&key, b, 4);
    return key;
}

static uint64_t key_number(struct slice key, size_t at, size_t width)
{
    uint64_t value = 0;
    for (size_t i = at; i < at + width; i++) {
        value = value << 8 | (i < key.len ? (uint8_t)key.data[i] : 0);
    }
    return value;
}

uint32_t record_key_at_u32(struct slice key, size_t at)
{
    return (uint32_t)key_number(key, at, 4);
}

uint64_t record_key_at_u64(struct slice key, size_t at)
{
    return key_number(key, at, 8);
}

void record_begin(struct buf *value)
{
    buf_reset(value);
    wire_put_u8(value, RECORD_VERSION);
}

int record_end(struct buf *value, const struct record_key *key)
{
    wire_put_u32(value, crc32c(crc32c(0, key->bytes, key->len), value->data, value->len));
    return value->failed ? STATUS_NO_MEMORY : 0;
}

int record_open(struct slice key, struct slice value, struct wire_reader *payload)
{
    if (value.len < RECORD_OVERHEAD) {
        return STATUS_CORRUPT;
    }
    size_t body = value.len - 4;
    struct wire_reader tail = wire_reader_make(value.data + body, 4);
    if (wire_get_u32(&tail) != crc32c(crc32c(0, key.data, key.len), value.data, body)) {
        return STATUS_CORRUPT;
    }
    *payload = wire_reader_make(value.data, body);
    return wire_get_u8(payload) == RECORD_VERSION ? 0 : STATUS_VERSION;
}

int record_put(struct kv_txn *txn, unsigned db, const struct record_key *key, struct buf *value)
{
    int status = record_end(value, key);
    return status != 0 ? status : kv_put(txn, db, record_key_slice(key), buf_slice(value));
}
