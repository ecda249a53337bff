/* centre: the collector: store, registry, desk and clerk as they are; what the door does (who may do what, is there
 * room) is done here, because the door speaks TLS. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_CENTRE_H
#define RINGSIDE_TESTS_PROOF_WORLD_CENTRE_H

#include "collector/registry/registry.h"
#include "collector/store/store_write.h"
#include "tests/proof/world/wire.h"

struct centre *centre_new(struct world *world);
void centre_free(struct centre *centre);

void centre_start(struct centre *centre);
void centre_kill(struct centre *centre, bool machine); /* machine: nobody says that nobody listens */
void centre_stop(struct centre *centre);               /* as on SIGTERM */
void centre_lose_store(struct centre *centre);         /* kills it; it will find an empty directory */
void centre_start_at(struct centre *centre, int64_t at_ms);
bool centre_is_up(const struct centre *centre);
bool centre_is_silent(const struct centre *centre);
void centre_fill(struct centre *centre, int64_t until_ms); /* the disk is full until then */
void centre_hiccup(struct centre *centre);                 /* its next commit fails */

const char *centre_zone(uint32_t branch);
void centre_join(struct centre *centre, struct branch *branch); /* invited, and enrolled with a new key; again too */
void centre_revoke(struct centre *centre, struct branch *branch);

struct store *centre_store(struct centre *centre); /* NULL while it is down */
struct registry *centre_registry(struct centre *centre);

/* From the wire. */
void centre_opened(struct centre *centre, struct conn *conn);
void centre_request(struct centre *centre, struct conn *conn, struct wire_asked *asked,
                    struct slice payload); /* takes
                                             asked */
void centre_gone(struct centre *centre, struct conn *conn);

#endif
