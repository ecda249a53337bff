/* front: what faces people and machines at the centre, as the configuration wishes it: the HTTP server and the alerts,
 * wired to each other and to the store. */
#ifndef RINGSIDE_COLLECTOR_FRONT_H
#define RINGSIDE_COLLECTOR_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/config.h"
#include "collector/ingest/ingest.h"
#include "collector/registry/registry.h"
#include "collector/store/store.h"
#include "proto/report/confinement.h"

struct front;

/* Borrows everything for its life. Failures are logged. Returns owned. To be started before the first summary is taken
 * in: what Prometheus is told counts from here. */
int front_start(const struct collector_config *config, const struct confinement *confinement, struct store *store,
                struct registry *registry, struct front **out);
void front_set_ingest(struct front *front, struct ingest *ingest); /* until then the centre is not ready */
bool front_alive(const struct front *front, int64_t monotonic_ms);
void front_tend(struct front *front); /* every now and then: logs what is wrong with the lookout when that changes */
void front_stop(struct front *front); /* before ingest and store end; NULL is fine */

#endif
