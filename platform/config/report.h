/* report: where the defects of a configuration file go, one line each:
 * "/etc/ringside/agent.conf:12: ledger.size_max: ...; allowed: ...". */
#ifndef RINGSIDE_PLATFORM_CONFIG_REPORT_H
#define RINGSIDE_PLATFORM_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* `line` has no line feed and no control characters; borrowed for the call. */
typedef void (*config_report_fn)(void *ctx, const char *line);

struct config_defect {
    int line;
    size_t order; /* of those on one line */
    char *text;
};

/* Set fn, ctx and file; the rest begins as zero. */
struct config_report {
    config_report_fn fn;
    void *ctx;
    const char *file;
    unsigned errors; /* counted here, also beyond those handed on */
    bool held;       /* keep the defects until config_report_flush() */
    struct config_defect *defects;
    size_t defect_count;
};

enum { CONFIG_REPORT_MAX = 100 }; /* lines handed on for one file; noise must not flood a journal */

/* line 0: the file as a whole. Always returns STATUS_INVALID. */
int config_report_at(struct config_report *report, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Hands on what was held, in the order of the lines, and holds no more. */
void config_report_flush(struct config_report *report);

#endif
