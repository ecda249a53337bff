/* read: the second pass, by libconfuse: sections and values of a text that config_scan() left. */
#ifndef RINGSIDE_PLATFORM_CONFIG_READ_H
#define RINGSIDE_PLATFORM_CONFIG_READ_H

#include "platform/config/report.h"
#include "platform/config/table.h"

/* Called in the order of the file. Both borrow their arguments for the call; 0 to go on, a negative status stops the
 * reading. `value` comes before the `section_end` of its section; of a list once for each item, and with text NULL
 * for an empty one. */
struct config_reader {
    int (*value)(void *ctx, const char *option, const char *text, int line);
    int (*section_end)(void *ctx, const char *section);
    void *ctx;
};

/* 0, the status of a call, STATUS_NO_MEMORY, or STATUS_INVALID when libconfuse refused the text (reported). Not
 * thread safe: libconfuse keeps its lexer in globals. */
int config_read(const struct config_table *table, const char *text, const struct config_reader *reader,
                struct config_report *report);

#endif
