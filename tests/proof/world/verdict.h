/* verdict: whether what the stages hold is what happened. Numbers come from the PBX's own book (truth.c), never from a
 * parser. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_VERDICT_H
#define RINGSIDE_TESTS_PROOF_WORLD_VERDICT_H

#include "collector/ingest/desk.h"
#include "tests/proof/world/wire.h"

/* An answer is about to leave: what it acknowledges must be in the store. */
void verdict_answered(struct world *world, struct conn *conn, const struct wire_asked *asked,
                      const struct desk_job *job);

/* No interval at the centre has become older, and none that was acknowledged is gone. */
void verdict_scan(struct world *world);

/* The store is lost with all that it said it had: it is owed again. */
void verdict_forget(struct world *world);

/* At any moment: every record, every balance, every sum. */
void verdict_between(struct world *world);

/* Some time after all healed, with calls under way and nobody moving: nothing from before waits any more, everybody is
 * heard of, and the centre knows who waits and talks. */
void verdict_steady(struct world *world, int64_t heal_ms);

/* After the last call ended. */
void verdict_end(struct world *world);

#endif
