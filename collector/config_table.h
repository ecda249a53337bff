/* config_table: what may stand in the collector's configuration file. */
#ifndef RINGSIDE_COLLECTOR_CONFIG_TABLE_H
#define RINGSIDE_COLLECTOR_CONFIG_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/config.h"
#include "platform/base/buf.h"
#include "platform/config/program.h"
#include "platform/config/shape.h"
#include "platform/config/table.h"

enum { COLLECTOR_HOST_MAX = 253 };

extern const struct config_table collector_config_table;
extern const struct config_program collector_config_program;

/* Splits ingest.listen: "192.0.2.1:5684" or "[::]:5684". 0, or STATUS_INVALID with what is wrong in `why`. */
int collector_config_listen(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port, struct buf *why);

/* Splits api.listen likewise; also any free port (0), and "none": then host is empty. */
int collector_config_api_listen(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port,
                                struct buf *why);

extern const struct config_option collector_config_api_options[14];
extern const struct config_option collector_config_alerting_options[1];

/* Whether a certificate can name it: a DNS name or an address literal without brackets. */
bool collector_config_host_valid(const char *text);

#endif
