/* What was looked at in the map stays mapped, and counts as ours, until memory is short on the machine. */
#include <string.h>
#include <sys/mman.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_internal.h"
#include "platform/kv/kv_page.h"

enum {
    DB_OF_NAMES = 1,
    META_PAGES = 2,
    META_SAME_BYTES = PAGE_HEADER + 8 /* of the first page, that no commit changes: its header, magic and version */
};

/* Whether the file is mapped there, from its beginning. Asks the kernel before it looks: what was made of a damaged
 * page may be anything. */
static bool is_map(struct kv *kv, void *map)
{
    unsigned char resident[META_PAGES * PAGE_BYTES_MAX];
    uint8_t first[META_SAME_BYTES];
    mdb_filehandle_t fd;
    return mdb_env_get_fd(kv->env, &fd) == 0 && mincore(map, (size_t)META_PAGES * kv->page_bytes, resident) == 0 &&
           page_read_at(fd, 0, first, sizeof first) == 0 && memcmp(map, first, sizeof first) == 0;
}

/* LMDB does not tell where its map is, but every page tells how far from its beginning it lies. */
static void find_map(struct kv *kv)
{
    struct kv_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    kv->map = NULL;
    if (kv_txn_begin(kv, false, &txn) != 0) {
        return;
    }
    if (mdb_cursor_open(txn->txn, DB_OF_NAMES, &cursor) == 0 && mdb_cursor_get(cursor, &key, &value, MDB_FIRST) == 0) {
        const uint8_t *at = key.mv_data;
        const uint8_t *page = at - (uintptr_t)at % kv->page_bytes;
        void *map =
            (void *)((uintptr_t)page - page_number(page) * kv->page_bytes); /* as numbers: damage may overflow */
        kv->map = is_map(kv, map) ? map : NULL;
    }
    mdb_cursor_close(cursor);
    kv_abort(txn);
}

/* The map is only ever read through, writing goes by the file: its pages stay in the kernel's cache, where the next
 * look finds them, and readers in other threads may be in the midst of them. */
void kv_trim(struct kv *kv)
{
    MDB_envinfo info;
    if (!kv->map || !is_map(kv, kv->map)) { /* what is dropped of memory that is no file's is gone */
        find_map(kv);
    }
    if (kv->map && mdb_env_info(kv->env, &info) == 0) {
        (void)madvise(kv->map, info.me_mapsize, MADV_DONTNEED);
    }
}
