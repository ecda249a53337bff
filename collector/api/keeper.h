/* keeper: a thread that sees to it, a few times a second, that slow connections end and that answers are made ahead. */
#ifndef RINGSIDE_COLLECTOR_API_KEEPER_H
#define RINGSIDE_COLLECTOR_API_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/api/conns.h"
#include "collector/api/worker.h"

struct keeper;

int keeper_new(struct conns *conns, struct worker_pool *pool, struct keeper **out);
void keeper_free(struct keeper *keeper); /* joins; NULL is fine */
bool keeper_alive(struct keeper *keeper, int64_t monotonic_ms, int64_t longest_ms);

#endif
