/* render: a report's document as text for people (table), for spreadsheets (CSV), for programs (JSON) and for sensor
 * networks (SenML). Works from the document alone, so it does not matter where that came from. */
#ifndef RINGSIDE_PROTO_REPORT_RENDER_H
#define RINGSIDE_PROTO_REPORT_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/base/buf.h"
#include "platform/json/json.h"
#include "proto/report/query.h"

enum render_format { RENDER_TABLE, RENDER_JSON, RENDER_CSV, RENDER_SENML };

struct render_style {
    size_t width; /* columns of a table */
    bool colour;
    bool indent; /* of JSON */
};

/* Appends the whole answer, a line feed at its end. 0, STATUS_UNSUPPORTED (SenML of anything but queues and kpi),
 * STATUS_NO_MEMORY. */
int render(enum report_kind kind, enum render_format format, const struct json *document,
           const struct render_style *style, struct buf *out);

#endif
