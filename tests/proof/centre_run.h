/* centre_run: one process after the other that goes through a model's script, in a directory of its own, until all of
 * it is done and right. */
#ifndef RINGSIDE_TESTS_PROOF_CENTRE_RUN_H
#define RINGSIDE_TESTS_PROOF_CENTRE_RUN_H

#include "tests/proof/centre_model.h"

enum { RUN_WATCHDOG_S = 120 /* of processor time: an endless loop */ };

struct run {
    struct model *model; /* shared with the processes */
    char root[64];       /* in memory where the machine has such a place */
    unsigned place;
};

int run_begin(struct run *run); /* 0, or an errno */
void run_end(struct run *run);
const char *run_place(const struct run *run); /* where the disk is now: a directory that is not there yet */
void run_next_place(struct run *run);         /* the present one is removed */
void run_clear(struct run *run);              /* the present one is removed, and made empty */
void run_remove(const char *path);

enum run_end { RUN_COMPLETE, RUN_STOPPED, RUN_CUT, RUN_FAILED };
/* What `fn` returns in a process of its own: one of these; RUN_FAILED with model->why also when it ended otherwise. */
enum run_end run_apart(struct run *run, enum run_end (*fn)(struct run *run, void *ctx), void *ctx);

/* Without faults from here on: what is durable, then the rest of the script, then all of it. */
enum run_end run_finish(struct run *run);

#endif
