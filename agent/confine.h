/* confine: what the agent may still do once it has started, by its configuration (platform/service/sandbox.h). */
#ifndef RINGSIDE_AGENT_CONFINE_H
#define RINGSIDE_AGENT_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config.h"
#include "proto/report/confinement.h"

/* Before the first thread; logs what holds. 0, or a failure after which the agent must not run. */
int confine_agent(const struct agent_config *config, struct confinement *out);

/* The same for the import of these logs, without a word but of a failure. */
int confine_import(const struct agent_config *config, const char *const *logs, size_t count);

/* The same for joining the centre at `url`. `made`: the directory for the credentials was not there and has been made;
 * to be removed again when nothing comes into it. */
int confine_join(const struct agent_config *config, const char *url, bool *made);

/* Whether a new start is needed to reach what the agent needs: a directory that was replaced or came later, with
 * `names` the system's resolver, with `centre` another port of the centre. Then `out` is what, in plain words. */
bool confine_is_outdated(const struct agent_config *config, bool names, bool centre, const char **out);

#endif
