/* kv_loss: what was lost with the damaged files of an environment, told for as long as it lives: a record "damage" of
 * its owner, added up over all times.
 *
 * Payload (record.h): varint times, svarint when last, u8 (1 anew, 2 exact), the name of the file put aside, the first
 * thing found wrong, varint count of kinds, and a varint each. */
#ifndef RINGSIDE_PLATFORM_KV_KV_LOSS_H
#define RINGSIDE_PLATFORM_KV_KV_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_repair;
struct kv_txn;

enum { KV_LOSS_KINDS_MAX = 16 };

struct kv_loss {
    uint32_t times;
    int64_t at_ms;  /* the last time, as the next three */
    bool anew;      /* nothing of it could be read: all that it held */
    char aside[64]; /* the damaged file, kept in the environment's directory; empty: not known */
    char what[160]; /* the first thing found wrong */
    bool exact;     /* else at least so many were lost */
    uint64_t lost[KV_LOSS_KINDS_MAX];
};

/* The owner's kinds of what can be lost, in the order in which they are stored: each as it is called of one, of many.
 */
struct kv_loss_kinds {
    size_t count;
    const char *const (*words)[2];
};

/* Of one repair, now, with nothing counted yet. */
void kv_loss_begin(const struct kv_repair *repair, int64_t now_ms, struct kv_loss *out);

/* The record in database `db`. 0; KV_END: there is none; STATUS_CORRUPT, ... Unless 0, `out` says that nothing was
 * lost.
 */
int kv_loss_load(struct kv_txn *txn, unsigned db, const struct kv_loss_kinds *kinds, struct kv_loss *out);

/* Stores a loss with all those of before, which *all then has. What was stored counts for nothing where it is damaged.
 */
int kv_loss_add(struct kv_txn *txn, unsigned db, const struct kv_loss_kinds *kinds, const struct kv_loss *loss,
                struct kv_loss *all);

/* One line for people: what was lost, what was wrong, where the damaged file is. Cut to `size`. */
void kv_loss_tell(const struct kv_loss *loss, const struct kv_loss_kinds *kinds, char *out, size_t size);

#endif
