/* branch_internal: what a branch's own files share: its life (branch), the agent's process (branch_process) and the
 * engine with its end of the line (branch_link). */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_BRANCH_INTERNAL_H
#define RINGSIDE_TESTS_PROOF_WORLD_BRANCH_INTERNAL_H

#include "tests/proof/world/branch.h"

/* ---- the process ---- */

void branch_process_init(struct branch *branch); /* not there yet */
int64_t branch_wall_ms(const struct branch *branch);
void branch_give_up(const struct branch *branch, const char *what, int status);

/* Around each call from outside: a process that dies within a commit, or between two. */
void branch_wake(struct branch *branch);
void branch_bury(struct branch *branch);

/* Between any two of its steps a process can end; false: it does so now. */
bool branch_lives_on(struct branch *branch);

/* ---- the link ---- */

void branch_link_init(struct branch *branch);
int branch_open_sync(struct branch *branch);
void branch_turn_now(struct branch *branch); /* the engine is called as soon as this call is over */

#endif
