/* damage: what the proofs of damaged ledgers and stores share: a filled environment kept as bytes, written anew for
 * each seed with one byte changed, and looked at in a child with a limit of seconds. */
#ifndef RINGSIDE_TESTS_PROOF_DAMAGE_DAMAGE_H
#define RINGSIDE_TESTS_PROOF_DAMAGE_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/rng.h"
#include "tests/support/temp_dir.h"

struct damage_run {
    const char *name; /* of the proof, for the command that shows a failure again */
    uint64_t seeds;
    uint64_t first;
    bool verbose;
    struct temp_dir dir;
    uint8_t *bytes; /* data.mdb as it was made, its used part */
    size_t used;
    size_t length; /* of the file */
};

/* What a child has to say of what it saw. */
struct damage_seen {
    bool mended;
    bool anew;
    bool exact;
    uint64_t lost; /* in all */
    int64_t opened_us;
};

struct damage_tally {
    uint64_t mended;
    uint64_t anew;
    uint64_t inexact;
    uint64_t lost;
    int64_t *opened_us; /* of those that were mended */
    size_t count;
};

/* 0, or 2: wrong arguments. */
int damage_arguments(struct damage_run *run, int argc, char **argv, const char *name, uint64_t seeds);

/* Takes the file that was made in run->dir; what is used of it are so many bytes. */
void damage_take(struct damage_run *run, size_t used);
/* Empties the directory and writes the file into it as it was made. */
void damage_restore(const struct damage_run *run);
/* Changes the byte there to another one. */
void damage_flip(const struct damage_run *run, size_t at, uint8_t bits);

/* Runs fn in a child of its own, for at most `limit_s` seconds; true when it returned true. It prints what is wrong. */
typedef bool (*damage_fn)(void *ctx, struct damage_seen *seen);
bool damage_child(damage_fn fn, void *ctx, unsigned limit_s, struct damage_seen *seen);

/* All seeds: each flips one byte of the used part. 0, or 1 after the first that fails. */
int damage_seeds(const struct damage_run *run, damage_fn fn, void *ctx, struct damage_tally *tally);
void damage_sum_up(const struct damage_run *run, struct damage_tally *tally, const char *cases);

/* Prints to standard error; returns false. */
bool damage_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t damage_now_us(void);

#endif
