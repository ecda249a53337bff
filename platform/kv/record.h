/* record: how keys and values stand in our environments: the ledger of an agent, the store and the registry of the
 * centre.
 *
 * A value is: version (u8), payload, CRC-32C (u32 big-endian) over the key, the version and the payload; so a value
 * that is damaged, cut, or under the wrong key is recognised. Keys are big-endian fixed-width integers and so sort by
 * their meaning. Example, database "names", queue 1 = "sales": key 01 00000001, value 01 73616c6573 cf6f73a4. */
#ifndef RINGSIDE_PLATFORM_KV_RECORD_H
#define RINGSIDE_PLATFORM_KV_RECORD_H

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/base/wire.h"
#include "platform/kv/kv.h"

enum { RECORD_VERSION = 1, RECORD_OVERHEAD = 5, RECORD_KEY_MAX = 16 };

struct record_key {
    uint8_t bytes[RECORD_KEY_MAX];
    size_t len;
};

struct record_key record_key_text(const char *text); /* at most RECORD_KEY_MAX bytes */
struct record_key record_key_u32(uint32_t a);
struct record_key record_key_u64(uint64_t a);
struct record_key record_key_u32_u32(uint32_t a, uint32_t b);
struct record_key record_key_u64_u32(uint64_t a, uint32_t b);
struct record_key record_key_u32_u64(uint32_t a, uint64_t b);
struct record_key record_key_3u32(uint32_t a, uint32_t b, uint32_t c);
struct record_key record_key_4u32(uint32_t a, uint32_t b, uint32_t c, uint32_t d);
struct record_key record_key_u8_u32(uint8_t a, uint32_t b);

/* The big-endian number at this offset of a key; where the key is too short, as if zeros followed: so the numbers of
 * keys in order are in order whatever they are, and who goes from one owner to the next never comes back. */
uint32_t record_key_at_u32(struct slice key, size_t at);
uint64_t record_key_at_u64(struct slice key, size_t at);

static inline struct slice record_key_slice(const struct record_key *key)
{
    return slice_make((const char *)key->bytes, key->len);
}

void record_begin(struct buf *value);                            /* resets, writes the version */
int record_end(struct buf *value, const struct record_key *key); /* appends the CRC; STATUS_NO_MEMORY when it failed */

/* The payload of a stored value; STATUS_CORRUPT or STATUS_VERSION. Borrowed from `value`. */
int record_open(struct slice key, struct slice value, struct wire_reader *payload);

/* record_end and kv_put in one. */
int record_put(struct kv_txn *txn, unsigned db, const struct record_key *key, struct buf *value);

#endif
