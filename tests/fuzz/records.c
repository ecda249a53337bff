#include "tests/fuzz/records.h"

#include "platform/base/slice.h"
#include "platform/kv/kv.h"
#include "platform/kv/record.h"
#include "tests/fuzz/fuzz.h"

enum { KEY_MAX = 24, HEAD_BYTES = 4, DATABASES_MAX = 24 };

/* The key as record_end() takes it: at most RECORD_KEY_MAX bytes are covered by the CRC of an honest record. */
static void put_one(struct kv_txn *txn, unsigned db, struct slice key, struct slice payload, struct buf *value)
{
    struct record_key covered = {.len = key.len < RECORD_KEY_MAX ? key.len : RECORD_KEY_MAX};
    for (size_t i = 0; i < covered.len; i++) {
        covered.bytes[i] = (uint8_t)key.data[i];
    }
    record_begin(value);
    buf_append(value, payload.data, payload.len);
    FUZZ_CHECK(record_end(value, &covered) == 0);
    FUZZ_CHECK(kv_put(txn, db, key, buf_slice(value)) == 0);
}

void records_put(const char *dir, uint64_t map_bytes, const char *const *databases, size_t database_count,
                 const uint8_t *data, size_t size)
{
    struct kv_options options = {.dir = dir, .map_bytes = map_bytes, .max_dbs = DATABASES_MAX};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct buf value = BUF_INIT;
    unsigned db[DATABASES_MAX];
    FUZZ_CHECK(database_count <= DATABASES_MAX && kv_open(&options, &kv) == 0);
    for (size_t i = 0; i < database_count; i++) {
        FUZZ_CHECK(kv_db(kv, databases[i], true, &db[i]) == 0);
    }
    FUZZ_CHECK(kv_begin(kv, true, &txn) == 0);
    size_t at = 0;
    while (size - at > HEAD_BYTES) {
        size_t key_len = data[at + 1] % KEY_MAX;
        size_t len = (size_t)data[at + 2] << 8 | data[at + 3];
        unsigned to = data[at] % (unsigned)database_count;
        at += HEAD_BYTES;
        key_len = key_len < size - at ? key_len : size - at;
        struct slice key = slice_make((const char *)data + at, key_len);
        at += key_len;
        len = len < size - at ? len : size - at;
        if (key_len > 0) {
            put_one(txn, db[to], key, slice_make((const char *)data + at, len), &value);
        }
        at += len;
    }
    FUZZ_CHECK(kv_commit(txn) == 0);
    buf_deinit(&value);
    kv_close(kv);
}
