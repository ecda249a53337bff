/* import: feeds whole logs, plain or gzip, in any order given, into the ledger. */
#ifndef RINGSIDE_AGENT_IMPORT_H
#define RINGSIDE_AGENT_IMPORT_H

#include <stddef.h>
#include <stdio.h>

#include "agent/config.h"

struct import_options {
    const struct agent_config *config;
    const char *const *paths;
    size_t path_count;
    FILE *out; /* the closing report */
    FILE *err; /* errors, one line each, and the progress bar */
    bool progress;
};

/* Returns when everything is durable. 0: all files were taken; 1: some could not be read or the ledger failed (said
 * on err; what was read is kept). Files that the ledger holds already change nothing. */
int import_run(const struct import_options *options);

#endif
