/* config_table: what may stand in the agent's configuration file. */
#ifndef RINGSIDE_AGENT_CONFIG_TABLE_H
#define RINGSIDE_AGENT_CONFIG_TABLE_H

#include <stdint.h>

#include "agent/config.h"
#include "platform/base/buf.h"
#include "platform/config/config.h"
#include "platform/config/table.h"

enum { AGENT_SITE_ID_MAX = 64, AGENT_SOURCE_NAME_MAX = 31, AGENT_LISTEN_HOST_MAX = 45 };

extern const struct config_table agent_config_table;

/* Splits status.listen: "127.0.0.1:5683", "[::1]:5683" or "none" (host "", port 0). Only loopback addresses pass.
 * 0, or STATUS_INVALID with what is wrong in `why`. */
int agent_config_listen(const char *text, char host[AGENT_LISTEN_HOST_MAX + 1], uint16_t *port, struct buf *why);

/* agent_config_load() that also hands out the file as it was read, for printing; *raw is owned, NULL if not wanted. */
int agent_config_read(const char *path, agent_config_line_fn report, void *ctx, struct config **raw,
                      struct agent_config **out);

#endif
