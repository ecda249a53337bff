#include "platform/config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

enum { LINE_BYTES = 1024 };

/* False: there was no memory to hold it. */
static bool hold(struct config_report *report, int line, const char *text)
{
    struct config_defect *defects = realloc(report->defects, (report->defect_count + 1) * sizeof *defects);
    if (!defects) {
        return false;
    }
    report->defects = defects;
    defects[report->defect_count] = (struct config_defect){line, report->defect_count, strdup(text)};
    if (!defects[report->defect_count].text) {
        return false;
    }
    report->defect_count++;
    return true;
}

static void hand_on(struct config_report *report, int line, const char *text)
{
    if (!report->held || !hold(report, line, text)) {
        report->fn(report->ctx, text);
    }
}

int config_report_at(struct config_report *report, int line, const char *format, ...)
{
    report->errors++;
    if (report->errors > CONFIG_REPORT_MAX) {
        return STATUS_INVALID;
    }
    char text[LINE_BYTES];
    int used = line > 0 ? snprintf(text, sizeof text, "%s:%d: ", report->file, line)
                        : snprintf(text, sizeof text, "%s: ", report->file);
    if (used < 0 || (size_t)used >= sizeof text) {
        used = 0;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, sizeof text - (size_t)used, format, args);
    va_end(args);
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    hand_on(report, line, text);
    return STATUS_INVALID;
}

static int by_line(const void *a, const void *b)
{
    const struct config_defect *left = a;
    const struct config_defect *right = b;
    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

void config_report_flush(struct config_report *report)
{
    if (report->defect_count > 0) {
        qsort(report->defects, report->defect_count, sizeof *report->defects, by_line);
    }
    for (size_t i = 0; i < report->defect_count; i++) {
        report->fn(report->ctx, report->defects[i].text);
        free(report->defects[i].text);
    }
    free(report->defects);
    report->defects = NULL;
    report->defect_count = 0;
    report->held = false;
    if (report->errors > CONFIG_REPORT_MAX) {
        char text[LINE_BYTES];
        (void)snprintf(text, sizeof text, "%s: %u more defects; correct these first", report->file,
                       report->errors - CONFIG_REPORT_MAX);
        report->fn(report->ctx, text);
    }
}
