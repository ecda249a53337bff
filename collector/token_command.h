/* token_command: `ringside-collector token add|list|revoke`: who may ask over HTTP. */
#ifndef RINGSIDE_COLLECTOR_TOKEN_COMMAND_H
#define RINGSIDE_COLLECTOR_TOKEN_COMMAND_H

#include "collector/config.h"

/* argv[0] is "token". Exit code. */
int token_command(const struct collector_config *config, int argc, char **argv);

#endif
