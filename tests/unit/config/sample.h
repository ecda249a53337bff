/* sample: a small option table with every type, and a sink that remembers what was reported. */
#ifndef RINGSIDE_TESTS_UNIT_CONFIG_SAMPLE_H
#define RINGSIDE_TESTS_UNIT_CONFIG_SAMPLE_H

#include "platform/base/buf.h"
#include "platform/config/config.h"

extern const struct config_table sample_table;

/* Reads `text` as "t.conf"; the reported lines go to *lines, each ended by a line feed. NULL: it was refused. */
struct config *sample_read(const char *text, struct buf *lines);
struct config *sample_read_bytes(struct slice bytes, struct buf *lines);

void sample_collect(void *lines, const char *line); /* a config_report_fn */

#endif
