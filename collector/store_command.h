/* store_command: `ringside-collector store ...`: the store itself. */
#ifndef RINGSIDE_COLLECTOR_STORE_COMMAND_H
#define RINGSIDE_COLLECTOR_STORE_COMMAND_H

#include "collector/config.h"

/* argv[0] is "store". Exit code, after having said what is wrong. */
int store_command(const struct collector_config *config, int argc, char **argv);

#endif
