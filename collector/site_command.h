/* site_command: `ringside-collector site ...`: which sites there are and what they may do. */
#ifndef RINGSIDE_COLLECTOR_SITE_COMMAND_H
#define RINGSIDE_COLLECTOR_SITE_COMMAND_H

#include "collector/config.h"

/* argv[0] is "site". Exit code for main. */
int site_command(const struct collector_config *config, int argc, char **argv);

#endif
