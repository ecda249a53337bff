/* live_command: `ringside-collector live`: what is happening at the sites now, read beside the daemon. */
#ifndef RINGSIDE_COLLECTOR_LIVE_COMMAND_H
#define RINGSIDE_COLLECTOR_LIVE_COMMAND_H

#include "collector/config.h"

/* argv[0] is the command. Exit code; what is wrong is one line on standard error. */
int live_command(const struct collector_config *config, int argc, char **argv);

#endif
