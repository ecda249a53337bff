/* place: the data directory as the commands see it: whose it is, and who a command becomes before it touches it. */
#ifndef RINGSIDE_COLLECTOR_PLACE_H
#define RINGSIDE_COLLECTOR_PLACE_H

#include "collector/config.h"
#include "collector/registry/registry.h"

/* Started by root, what a command makes must be the daemon's: it becomes the daemon's user, as the daemon does. Keys
 * and tokens are in its memory: no core dump, no tracing. Exit code, after having said what is wrong. */
int place_become_owner(const struct collector_config *config);

/* Makes the directory where there is none and, as root, gives it to the daemon's user. Exit code. */
int place_make(const struct collector_config *config);

/* As the owner. Exit code. */
int place_open_registry(const struct collector_config *config, bool write, struct registry **out);

/* How a command tells of a failure in the place; NOT_FOUND: nothing was made yet. Returns EXIT_FAILED. */
int place_failed(const char *what, const char *where, int status);

#endif
