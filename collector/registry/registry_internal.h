/* registry_internal: the databases, and reading them within a transaction.
 *
 * sites    number (u32)      a site, see site_record.h
 * ids      id (text)         its number (u32); checked against the site's own record
 * groups   number (u32)      name
 * meta     "version"         u64, grows with every change
 *          "next-site"       u32, the next site's number
 *          "next-group"      u32
 * tokens   first 16 bytes of the hash: an access token, see access.c; made when an environment that is older than
 *          it is opened for writing
 *
 * Example: site 1 = "a" has ids 61 -> 00000001; meta 6e6578742d73697465 -> 01 00000002 and its CRC. */
#ifndef RINGSIDE_COLLECTOR_REGISTRY_REGISTRY_INTERNAL_H
#define RINGSIDE_COLLECTOR_REGISTRY_REGISTRY_INTERNAL_H

#include <stdatomic.h>

#include "collector/registry/registry.h"
#include "platform/kv/record.h"

struct registry {
    struct kv *kv;
    unsigned sites;
    unsigned ids;
    unsigned groups;
    unsigned meta;
    unsigned tokens;
    bool has_tokens;               /* else it is read as if it were empty */
    _Atomic uint64_t unreadable;   /* versions asked for and not to be had */
    int lock_fd;                   /* of who writes; else -1 */
    struct registry_damage damage; /* while it is mended */
};

enum { REGISTRY_MAP_BYTES = 16 << 20 };

bool registry_is_there(const char *dir);

/* Opens the environment and all its databases, made where they are not there. */
int registry_open_environment(struct registry *registry, const char *dir, bool create);

/* registry_repair.c: the lock of those who write, or (STATUS_BUSY) of who is alone. */
int registry_lock(const char *dir, bool alone, int *out);

/* Within a transaction. */
int registry_put_meta(struct registry *registry, struct kv_txn *txn, const char *name, uint64_t number);
int registry_put_site(struct registry *registry, struct kv_txn *txn, const struct registry_site *site);
int registry_put_id(struct registry *registry, struct kv_txn *txn, const struct registry_site *site);

int registry_read_number(struct registry *registry, struct kv_txn *txn, uint32_t number, struct registry_site *out);
int registry_read_id(struct registry *registry, struct kv_txn *txn, struct slice id, struct registry_site *out);

/* A number of meta: 0, STATUS_NOT_FOUND, STATUS_CORRUPT, STATUS_VERSION. */
int registry_read_meta(struct registry *registry, struct kv_txn *txn, const char *name, uint64_t *out);

/* *number 0: no group of that name. */
int registry_read_group(struct registry *registry, struct kv_txn *txn, struct slice name, uint32_t *number);

/* A change: its write transaction, and its end: the version grows and all is committed, or neither. The second takes
 * the transaction and passes a failure on. */
int registry_change_begin(struct registry *registry, struct kv_txn **out);
int registry_change_end(struct registry *registry, struct kv_txn *txn, int status);

#endif
