/* kv_repair: the step before an environment is opened for writing: its file is looked over (kv_salvage.h) before LMDB
 * maps it, and where it is damaged, what can be read of it takes its place and the damaged file is put aside.
 *
 * In DIR, besides data.mdb and lock.mdb:
 *   repair/, moving.mdb          what is being saved; thrown away when it was interrupted, and done again
 *   damaged-20261122T071500Z.mdb the file that was damaged, its unused end given back; the newest two are kept
 *   mended-20261122T071500Z.mdb  where a file cannot have two names: whole, and about to become data.mdb. The next
 * start goes on with it if there is no data.mdb, but the damaged- one of that time; any other file of such a name is
 * none of ours and is left alone At every moment data.mdb is there, damaged or mended; or (where a file cannot have two
 * names) the mended one is.
 *
 * How deep it looks: at every record where at most 512 MB are in use, or where the one who wrote last did not end in
 * order (the note of kv_repair_note_end() is not of the newest commit): a power failure is what damages files. Else at
 * the tree alone, which is 1 to 2 % of the file: a start must not take minutes at a store of many GB; records are
 * checked one by one whenever they are read. */
#ifndef RINGSIDE_PLATFORM_KV_KV_REPAIR_H
#define RINGSIDE_PLATFORM_KV_KV_REPAIR_H

#include "platform/kv/kv.h"
#include "platform/kv/kv_salvage.h"

enum { KV_REPAIRED = 1 /* outcome: data.mdb is another file than before */ };

struct kv_repair {
    bool anew;      /* nothing of it could be read: the owner begins anew */
    char aside[64]; /* the damaged file's new name, within the directory */
    struct kv_damage damage;
};

struct kv_repair_options {
    const char *dir;
    uint64_t map_bytes;
    int64_t now_ms;
    int note_fd; /* of the note, or -1: there is none */
    /* The names of its databases. One that is none of these is a damaged name where one that differs from it in a
     * single byte is missing: its records are then saved under that. NULL: any will do. */
    const char *const *names;
    size_t name_count;
    kv_whole_fn whole;
    /* Whether the records that whole() saw agree with each other, as far as their owner keeps books of that; asked
     * where a look at all of them found nothing wrong. NULL: they do. */
    bool (*agrees)(void *ctx);
    void *ctx; /* of all three */
    /* Makes right what follows from what was lost, before it counts: `place` is a directory with what was saved as its
     * environment, or none where it begins anew. NULL: nothing to do. */
    int (*mend)(void *ctx, const char *place, const struct kv_repair *repair);
};

/* The caller holds the lock of the one who writes, and nobody else of its program has the environment open. 0: sound as
 * far as was looked, or not there; KV_REPAIRED, with what an interrupted repair of before left too (then out->damage is
 * empty); STATUS_FULL: no room beside it for what can be saved; STATUS_VERSION: another version of LMDB wrote it,
 * or (from mend()) a later one of the program, nothing was changed; STATUS_DENIED, STATUS_NO_MEMORY, STATUS_IO. */
int kv_repair(const struct kv_repair_options *options, struct kv_repair *out);

/* Writes into `fd` that the environment was ended in order at its newest commit. It is not synced: it holds only as
 * long as that is the newest commit. */
void kv_repair_note_end(struct kv *kv, int fd);

/* Gives the oldest file up that was put aside: 0, or STATUS_NOT_FOUND: there is none. For who has no room to open. */
int kv_repair_drop_oldest(const char *dir);

/* Before an environment is opened for reading, also while somebody writes it: 0, STATUS_CORRUPT, or the failures of
 * kv_look_over(). Looks at the leaves too where at most 256 MB are in use. */
int kv_repair_may_read(const char *dir);

/* Whether it holds nothing but some of these databases, all of them empty: its making was cut short, or is going on.
 * The databases are made one after the other, then what tells that they are whole: before that there is nothing in any.
 */
bool kv_repair_is_unfounded(const char *dir, const char *const *names, size_t count);

/* Whether a record is one of ours (record.h), of whatever version: fit for kv_look.whole. */
bool kv_repair_is_record(struct slice key, struct slice value);

#endif
