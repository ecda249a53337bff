/* confine: what the collector may still do once it has started, by its configuration (platform/service/sandbox.h). */
#ifndef RINGSIDE_COLLECTOR_CONFINE_H
#define RINGSIDE_COLLECTOR_CONFINE_H

#include <stdbool.h>

#include "collector/config.h"
#include "proto/report/confinement.h"

/* Before the first thread and the first socket; logs what holds. 0, or a failure after which it must not run. */
int confine_collector(const struct collector_config *config, struct confinement *out);

/* Whether a new start is needed to reach what it needs: a directory that was replaced or came later, the settings of
 * the system's resolver. Then `out` is what, in plain words. */
bool confine_is_outdated(const struct collector_config *config, const char **out);

#endif
