/* inquiry: what the centre answers when it is asked: by local day and queue of each site, and over all sites, across
 * changes of the clocks, against the truth. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_INQUIRY_H
#define RINGSIDE_TESTS_PROOF_WORLD_INQUIRY_H

#include "tests/proof/world/truth.h"

/* cells: of each branch, as truth_of(). */
void inquiry(struct world *world, struct truth_cell *const cells[WORLD_BRANCHES_MAX]);

#endif
