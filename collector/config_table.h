/* config_table: what may stand in the collector's configuration file. */
#ifndef RINGSIDE_COLLECTOR_CONFIG_TABLE_H
#define RINGSIDE_COLLECTOR_CONFIG_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/config.h"
#include "platform/base/buf.h"
#include "platform/config/config.h"
#include "platform/config/table.h"

enum { COLLECTOR_LISTEN_HOST_MAX = 45, COLLECTOR_HOST_MAX = 253 };

extern const struct config_table collector_config_table;

/* Splits ingest.listen: "192.0.2.1:5684" or "[::]:5684". 0, or STATUS_INVALID with what is wrong in `why`. */
int collector_config_listen(const char *text, char host[COLLECTOR_LISTEN_HOST_MAX + 1], uint16_t *port,
                            struct buf *why);

/* Whether a certificate can name it: a DNS name or an address literal without brackets. */
bool collector_config_host_valid(const char *text);

/* The shape of an IANA name of a time zone; whether there is such a zone is another question. */
bool collector_config_zone_valid(const char *text);

/* collector_config_load() that also hands out the file as it was read, for printing; *raw is owned, NULL if not
 * wanted. */
int collector_config_read(const char *path, collector_config_line_fn report, void *ctx, struct config **raw,
                          struct collector_config **out);

#endif
