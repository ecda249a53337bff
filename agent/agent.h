/* agent: the daemon: follows its source, keeps the ledger, answers status queries. */
#ifndef RINGSIDE_AGENT_AGENT_H
#define RINGSIDE_AGENT_AGENT_H

#include "agent/config.h"

/* Runs until SIGTERM or SIGINT, then commits and returns 0. 1: it could not start or had to give up (logged): a
 * service manager starts it again, and it goes on where the last commit stood. Borrows the configuration. */
int agent_run(const struct agent_config *config);

#endif
