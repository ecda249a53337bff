/* collector: the centre's daemon: the stages wired together, from opening to closing. */
#ifndef RINGSIDE_COLLECTOR_COLLECTOR_H
#define RINGSIDE_COLLECTOR_COLLECTOR_H

#include "collector/config.h"

/* Runs until a signal ends it. Exit code for main. */
int collector_run(const struct collector_config *config);

#endif
