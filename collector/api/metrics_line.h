/* metrics_line: the exposition format, version 0.0.4, line by line. */
#ifndef RINGSIDE_COLLECTOR_API_METRICS_LINE_H
#define RINGSIDE_COLLECTOR_API_METRICS_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

/* # HELP and # TYPE; its samples follow. */
void metrics_line_family(struct buf *out, const char *name, const char *type, const char *help);

/* One sample; labels without braces, NULL or empty: none; more labels may follow the first ones. */
void metrics_line_int(struct buf *out, const char *name, const char *labels, const char *more, int64_t value);
void metrics_line_seconds(struct buf *out, const char *name, const char *labels, const char *more, int64_t value_ms);

/* A family of one sample. */
void metrics_line_single(struct buf *out, const char *name, const char *type, const char *help, int64_t value);
void metrics_line_single_seconds(struct buf *out, const char *name, const char *type, const char *help,
                                 int64_t value_ms);

/* name="value" with the value escaped; bytes that are no UTF-8 are replaced. Appends. */
void metrics_line_label(struct buf *out, const char *name, struct slice value);

#endif
