/* kv_salvage: a damaged environment told from a sound one without trusting it, and what can be read of it saved.
 *
 * LMDB has no checksums and follows page numbers and offsets as it finds them: a flipped bit in a page ends in a wrong
 * answer, an endless walk or a signal. So a file is looked over here first, by a reader of our own of LMDB's file
 * format (version 1, as Debian's 0.9.24 to 0.9.31 writes it: lmdb's mdb.c is the format's only description) that checks
 * every number it follows. It never maps a page and never writes to the file.
 *
 * What cannot be told, for want of checksums:
 * - A bit of a record that `whole` knows nothing of (without `whole`: of any), as long as its key stays between its
 *   neighbours and its size the same.
 * - What nothing depends on: unused bytes, a larger map size, a last page that is later but inside file and map, the
 *   older meta page's trees. Pages that are neither in use nor free are no damage: nothing is lost with them.
 * - The age of a page. A leaf that is found outside of the trees is taken only if the list of free pages is whole and
 *   does not name it; a page that is both in use and free is not taken, nor is another one in its place. Where the list
 *   is not whole, leaves that no sound branch leads to stay lost, for a former state must not come back.
 * - Which of two commits is the newer one, where a number of theirs is damaged so that both can be: then the lower one
 *   is read, and `older_commit` says that it may be the one before. One bit goes unnoticed: that which makes the newest
 *   commit's number lower by two looks like a commit whose last write failed, after which the one before holds. */
#ifndef RINGSIDE_PLATFORM_KV_KV_SALVAGE_H
#define RINGSIDE_PLATFORM_KV_KV_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

enum { KV_DAMAGED = 3 /* outcome: the file can be read in part, or not at all */ };

enum kv_depth {
    KV_DEPTH_TREE,   /* meta pages, free list, branch pages: each page in use once, none beyond the end; 1 to 2 % of the
                        file is read */
    KV_DEPTH_RECORDS /* the leaves too: each key in order, each value whole by `whole`, the numbers of records as told
                      */
};

enum { KV_DAMAGE_DBS_MAX = 16, KV_DAMAGE_NAME_MAX = 31 };

/* One named database, as found. */
struct kv_damage_db {
    char name[KV_DAMAGE_NAME_MAX + 1];
    bool told;            /* how many records it had is known */
    uint64_t told_count;  /* by the environment's own books */
    uint64_t sound_count; /* 0 at KV_DEPTH_TREE, as is lost_count; kv_salvage() may find more than kv_look_over() */
    uint64_t lost_count;  /* told less sound; where it is not told, the damaged ones that were seen */
};

struct kv_damage {
    bool readable;       /* false: not even the meta pages; nothing can be saved */
    bool older_commit;   /* the newest commit's meta page or names are damaged: the one before holds */
    uint64_t commit;     /* LMDB's number of the commit that is read */
    uint64_t bad_pages;  /* that were wanted and are not what they should be */
    uint64_t file_bytes; /* read over */
    size_t db_count;
    struct kv_damage_db dbs[KV_DAMAGE_DBS_MAX];
    char what[160]; /* the first thing found wrong, for people: "page 17: ..." ; empty: nothing */
};

/* Whether a record is whole, as far as its owner can tell from the two alone; NULL: all are. */
typedef bool (*kv_whole_fn)(void *ctx, const char *db, struct slice key, struct slice value);

struct kv_look {
    enum kv_depth depth;
    kv_whole_fn whole; /* KV_DEPTH_RECORDS and kv_salvage() */
    void *ctx;
};

/* Looks over `dir`/data.mdb, which nobody may be writing. 0: sound as far as was looked; KV_DAMAGED: `out` says how, or
 * at least that; STATUS_NOT_FOUND (none, or an empty file), STATUS_VERSION (another format of LMDB), STATUS_DENIED,
 * STATUS_NO_MEMORY, STATUS_IO (the disk). */
int kv_look_over(const char *dir, const struct kv_look *look, struct kv_damage *out);

/* Writes each sound record of `dir`/data.mdb into a new environment file `path` (made; an old one is replaced), which
 * is synced when it returns. Leaves that no sound branch leads to any more are found by looking at every page that is
 * neither reached nor free. `out` says what was lost, exactly where `told`. 0 (whatever was lost), STATUS_CORRUPT (not
 * readable: nothing was made), STATUS_FULL, or the failures above. */
int kv_salvage(const char *dir, const struct kv_look *look, const char *path, uint64_t map_bytes,
               struct kv_damage *out);

#endif
