/* kit: a fresh directory for each test of platform/kv. */
#ifndef RINGSIDE_TESTS_UNIT_KV_KIT_H
#define RINGSIDE_TESTS_UNIT_KV_KIT_H

#include "platform/kv/kv.h"
#include "tests/support/temp_dir.h"

extern struct temp_dir kit_dir;

int kit_setup(void **state);
int kit_teardown(void **state);

struct kv_txn *kit_begin(struct kv *kv, bool write);
unsigned kit_db(struct kv *kv, const char *name);

/* Keys are numbers as text; a value is so many bytes of zeros, at most 20000. */
struct slice kit_key(unsigned number, char text[16]);
void kit_put(struct kv_txn *txn, unsigned db, unsigned number, size_t len);

#endif
