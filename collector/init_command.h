/* init_command: `ringside-collector init`: the CA, the collector's certificate, an empty registry and store. */
#ifndef RINGSIDE_COLLECTOR_INIT_COMMAND_H
#define RINGSIDE_COLLECTOR_INIT_COMMAND_H

#include "collector/config.h"

/* argv[0] is "init". Exit code for main. */
int init_command(const struct collector_config *config, int argc, char **argv);

#endif
