/* kv_meta: which commit of an environment holds. Inside the room only.
 *
 * Commit N writes the meta page N % 2 and leaves the other alone, so that one of the two is whole at every moment; and
 * the pages of the commit before stay as they are, for LMDB takes the pages that commit N freed from commit N + 2 on.
 * Every commit but the first frees pages, and lists them under its own number: so the free list tells too which commit
 * it belongs to, and a meta page whose number was damaged is known by it.
 *
 * What no look can tell, for nothing depends on it and nothing is there to compare it with: another address of a fixed
 * map, a map size that is larger than it was, a last page that is later than it was but inside file and map. */
#ifndef RINGSIDE_PLATFORM_KV_KV_META_H
#define RINGSIDE_PLATFORM_KV_KV_META_H

#include "platform/kv/kv_page.h"

struct kv_meta {
    bool usable;
    const char *flaw; /* NULL: none; also of one that is usable */
    bool has_header;
    bool has_wrong_trees; /* but for them it is as it should be */
    struct page_db free_list;
    struct page_db main;
    uint64_t last_page;
    uint64_t commit;
    uint64_t stated; /* the commit's number as the page has it */
    uint64_t listed; /* and as the free list has it */
};

struct kv_metas {
    size_t page_bytes;
    struct kv_meta meta[2];
    size_t order[2];    /* the newest first */
    size_t count;       /* usable */
    bool newest_is_bad; /* what is read may be the commit before */
    bool disagree;
};

/* Whether a database's record can be true in a file up to this page. */
const char *kv_meta_db_fault(const struct page_db *db, uint64_t last_page);

/* 0 (also with nothing usable), STATUS_VERSION, STATUS_IO. */
int kv_metas_read(int fd, uint64_t file_bytes, struct kv_metas *out);

#endif
