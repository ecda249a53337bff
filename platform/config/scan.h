/* scan: the first pass over a configuration file. It finds what does not fit the table's sections and options, goes
 * on after each defect, and writes what is left in a plain form for libconfuse: every text in double quotes, no
 * comments, every token on the line it had.
 *
 * Why libconfuse does not get the file as it is (seen with 3.3): it stops at the first unknown name; the second
 * setting of an option silently wins; every C comment puts its line count off by one; "\0" cuts a string, and
 * "${NAME}" takes text from the environment. */
#ifndef RINGSIDE_PLATFORM_CONFIG_SCAN_H
#define RINGSIDE_PLATFORM_CONFIG_SCAN_H

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/config/report.h"
#include "platform/config/table.h"

/* One section of the file, in the order of the file. */
struct config_mark {
    const struct config_section *section;
    char *title; /* NULL for plain sections; owned */
    int line;
};

struct config_scan {
    struct buf text;
    struct config_mark *marks;
    size_t mark_count;
};

/* 0 also when defects were reported (see report->errors); STATUS_INVALID when the file is no text at all (reported);
 * STATUS_NO_MEMORY. *out is to be deinitialised in every case. */
int config_scan(const struct config_table *table, struct slice bytes, struct config_report *report,
                struct config_scan *out);
void config_scan_deinit(struct config_scan *scan);

#endif
