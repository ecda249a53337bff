/* kpi_command: `ringside-collector kpi`: figures of a site, a group or all sites, read beside the daemon. */
#ifndef RINGSIDE_COLLECTOR_KPI_COMMAND_H
#define RINGSIDE_COLLECTOR_KPI_COMMAND_H

#include "collector/config.h"

/* argv[0] is the command. Exit code; what is wrong is one line on standard error. */
int kpi_command(const struct collector_config *config, int argc, char **argv);

#endif
