/* config_table: what may stand in the agent's configuration file. */
#ifndef RINGSIDE_AGENT_CONFIG_TABLE_H
#define RINGSIDE_AGENT_CONFIG_TABLE_H

#include <stdint.h>

#include "agent/config.h"
#include "platform/base/buf.h"
#include "platform/config/program.h"
#include "platform/config/shape.h"
#include "platform/config/table.h"

enum { AGENT_SITE_ID_MAX = 64, AGENT_SOURCE_NAME_MAX = 31 };

extern const struct config_table agent_config_table;
extern const struct config_program agent_config_program;

/* Splits status.listen: "127.0.0.1:5683", "[::1]:5683" or "none" (host "", port 0). Only loopback addresses pass.
 * 0, or STATUS_INVALID with what is wrong in `why`. */
int agent_config_listen(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port, struct buf *why);

bool agent_config_is_loopback(const char *host); /* a literal; "localhost" is none */

#endif
