/* faults: a layer between a program and its disk and memory, for tests alone. It defines open, openat, creat, write,
 * writev, pwrite, pwritev, fsync, fdatasync, msync, ftruncate, posix_fallocate, fallocate, rename, renameat, link,
 * unlink, mkdir, close, malloc, calloc, realloc, posix_memalign, mmap and mdb_txn_commit, so that a test program that
 * links it, with the libraries it uses, goes through here; faults.so is the same, to be preloaded into an unchanged
 * program (faults_preload.c). Nothing of it is in any program that is released.
 *
 * Two parts. Points: each call is counted by its kind, and the n-th of a kind can be made to fail, to be torn, or to be
 * the last thing the process does. Platter: what of all writes a disk without power would hold: every write is recorded
 * until it is synced, and faults_platter_cut() makes a directory as it could be found afterwards.
 *
 * One thread at a time arms and asks; calls from any thread are counted. */
#ifndef RINGSIDE_TESTS_SUPPORT_FAULTS_FAULTS_H
#define RINGSIDE_TESTS_SUPPORT_FAULTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum faults_point {
    FAULTS_WRITE,    /* write, writev, pwrite, pwritev on a watched file */
    FAULTS_SYNC,     /* fsync, fdatasync, msync; of directories too */
    FAULTS_NAME,     /* rename, link, unlink, mkdir, and open that makes a file */
    FAULTS_SPACE,    /* ftruncate, posix_fallocate, fallocate */
    FAULTS_OPEN,     /* open of a file that is there */
    FAULTS_COMMIT,   /* mdb_txn_commit of a transaction that writes */
    FAULTS_ALLOCATE, /* malloc and its like, mmap without a file: of the whole process while counting is on */
    FAULTS_POINTS
};

enum faults_kind {
    FAULTS_FAIL,       /* returns the error; nothing happened */
    FAULTS_FAIL_AFTER, /* returns the error though it happened (a sync whose answer was lost; a write on NFS). After a
                          commit the environment is dead until it is closed, as LMDB does it itself */
    FAULTS_TEAR,       /* a write: half of it, cut anywhere, is written and returned as short; else as FAULTS_FAIL */
    FAULTS_CUT,        /* the process ends before the call, with FAULTS_EXIT and without any destructor */
    FAULTS_CUT_WITHIN, /* a write: half of it, by whole sectors, is written first */
    FAULTS_CUT_AFTER
};

enum { FAULTS_EXIT = 86 };

const char *faults_point_str(enum faults_point point);
const char *faults_kind_str(enum faults_kind kind);

/* Files and directories below `root` (an absolute path without symbolic links, copied) are watched from now on. Also
 * forgets all counts and what was armed. NULL: nothing is. */
void faults_watch(const char *root);

/* The `number`-th passage of `point` from now on (1: the next) meets `kind`, with this errno where it fails. `sticky`:
 * all later ones fail too, until faults_disarm() (a disk that stays full). Allocation fails with NULL. */
void faults_arm(enum faults_point point, uint64_t number, enum faults_kind kind, int error, bool sticky);
void faults_disarm(void);
bool faults_fired(void); /* since it was armed */

/* Passages since faults_watch(). Allocations are counted, and can fail, between these two calls only. */
uint64_t faults_passed(enum faults_point point);
void faults_allocations_on(void);
void faults_allocations_off(void);

/* Blocks taken and not given back since faults_allocations_on(), by the whole process; what a test holds itself is in
 * it. 0 under a sanitizer, which counts leaks itself. */
int64_t faults_blocks_held(void);

/* ---- the platter ---- */

enum faults_style {
    FAULTS_NONE_KEPT, /* all that was not synced is gone */
    FAULTS_ANY_KEPT, /* of what was not synced each sector of 512 bytes, each name and each length by itself is there or
                        not: so writes come in any order and torn */
    FAULTS_PREFIX_KEPT, /* all up to a moment since the last sync is there, the write of that moment torn */
    FAULTS_STYLES
};

/* Records from now on what is written below the watched root, on top of what lies there now, which counts as synced.
 * A sync of a file makes its content and length safe; that of a directory, the names in it. Bytes of O_SYNC and O_DSYNC
 * descriptors are safe when the call returns. Space that was reserved but never written reads as zeros. */
int faults_platter_begin(void);
void faults_platter_end(void); /* forgets it all */

/* Makes the directory `to` (must not exist) as the root could be found after the power failed now. Everything random is
 * of `seed`. Recording goes on. 0 or a negative status. */
int faults_platter_cut(const char *to, uint64_t seed, enum faults_style style);

/* As faults_platter_cut(), but at the `number`-th passage of `point` from now on, before it: the directory is made and
 * the process ends with FAULTS_EXIT. */
void faults_platter_cut_at(enum faults_point point, uint64_t number, const char *to, uint64_t seed,
                           enum faults_style style);

#endif
