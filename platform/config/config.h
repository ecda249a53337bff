/* config: a configuration file read against a table (platform/config/table.h), every value checked.
 *
 * Each defect becomes one line for the report: "FILE:LINE: section.option: what is wrong; allowed: what". All
 * defects are reported, not only the first. Not thread safe while reading; a finished config is constant. */
#ifndef RINGSIDE_PLATFORM_CONFIG_CONFIG_H
#define RINGSIDE_PLATFORM_CONFIG_CONFIG_H

#include <stdio.h>

#include "platform/base/slice.h"
#include "platform/config/report.h"
#include "platform/config/table.h"

struct config;
struct config_item; /* one section with all its options, set or default */

/* Reads the file (a regular file, pipe or device). Returns owned. 0, STATUS_NOT_FOUND (no such file; not reported),
 * STATUS_INVALID (unreadable or defects; all reported), STATUS_NO_MEMORY. Borrows the table for the config's life. */
int config_load(const char *path, const struct config_table *table, config_report_fn report, void *ctx,
                struct config **out);

/* The same for bytes in memory; `name` stands for the file in messages. Safe with any bytes. */
int config_parse_buffer(const char *name, struct slice bytes, const struct config_table *table, config_report_fn report,
                        void *ctx, struct config **out);

void config_free(struct config *config); /* NULL is fine */

/* A plain section is always there. Titled ones: instances in the order of the file; asking for a section or option
 * that the table does not have is our own mistake and stops the program. */
const struct config_item *config_section(const struct config *config, const char *section);
size_t config_count(const struct config *config, const char *section);
const struct config_item *config_titled(const struct config *config, const char *section, size_t index);

const char *config_title(const struct config_item *item); /* borrowed */
int config_line(const struct config_item *item);          /* of the section's name; 0: not in the file */

/* Values by option name; strings are borrowed from the config. */
const char *config_text(const struct config_item *item, const char *option); /* strings, paths */
int64_t config_number(const struct config_item *item, const char *option);   /* int, ms, bytes, word index */
bool config_yes(const struct config_item *item, const char *option);
size_t config_list_count(const struct config_item *item, const char *option);
const char *config_list_text(const struct config_item *item, const char *option, size_t index);
int config_option_line(const struct config_item *item, const char *option); /* 0: default or from the base title */

/* Reports every option that was set though it does not belong to its section's type. */
void config_check_types(const struct config *config, struct config_report *report);

/* The effective settings as a file that reads to the same config; comments tell what was set and what is default. */
int config_print(const struct config *config, FILE *out); /* 0, STATUS_IO, STATUS_NO_MEMORY */

/* The reference page in Markdown, appended. */
void config_page(const struct config_table *table, struct buf *out);
int config_page_print(const struct config_table *table, FILE *out); /* the same to a file; 0 or STATUS_IO */

#endif
