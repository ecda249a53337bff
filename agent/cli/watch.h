/* watch: `ringside watch`, the live view on a terminal. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_H
#define RINGSIDE_AGENT_CLI_WATCH_H

#include <stdbool.h>

#include "agent/cli/options.h"

/* Shows until the user leaves or a signal asks to; the terminal is as before by then. Standard input and output are a
 * terminal. 0; else why->text is written: STATUS_INVALID for wrong usage. */
int watch_run(const struct cli_options *options, bool colour, struct query_why *why);

#endif
