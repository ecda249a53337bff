/* The single renderers behind render(), and how they write values. Inside the status stage only. */
#ifndef RINGSIDE_PROTO_REPORT_RENDER_PARTS_H
#define RINGSIDE_PROTO_REPORT_RENDER_PARTS_H

#include "proto/report/render.h"
#include "proto/report/table.h"

enum { RENDER_VALUE_MAX = 48 };

void render_kpi_table(const struct json *document, const struct render_style *style, struct buf *out);
void render_queues_table(const struct json *document, const struct render_style *style, struct buf *out);
void render_operators_table(const struct json *document, const struct render_style *style, struct buf *out);
void render_live_table(const struct json *document, const struct render_style *style, struct buf *out);
void render_alerts_table(const struct json *document, const struct render_style *style, struct buf *out);
void render_calls_table(const struct json *document, const struct render_style *style, struct buf *out);
void render_status_text(const struct json *document, const struct render_style *style, struct buf *out);
void render_csv(enum report_kind kind, const struct json *document, struct buf *out);
int render_senml(enum report_kind kind, const struct json *document, struct buf *out);

/* Values as people write them; "-" for what is absent. Each but render_text returns `text`. */
const char *render_ms(double value_ms, char text[RENDER_VALUE_MAX]); /* 0:12, 1:02:03; "-" below 0 */
const char *render_span(const struct json *json, const char *path, char text[RENDER_VALUE_MAX]);
const char *render_brief(const struct json *json, const char *path, char text[RENDER_VALUE_MAX]); /* 12s, 43m, 7h12 */
const char *render_ratio(const struct json *json, const char *path, char text[RENDER_VALUE_MAX]); /* 93.1 % */
const char *render_count(const struct json *json, const char *path, char text[RENDER_VALUE_MAX]);
const char *render_text(const struct json *json, const char *path, char text[RENDER_VALUE_MAX]); /* the text itself */
const char *render_bytes(int64_t bytes, char text[RENDER_VALUE_MAX]);                            /* 12.3 MiB */

/* The local clock of an RFC 3339 text, whatever its zone: "2026-11-21 10:00", and with seconds. */
const char *render_minute(const struct json *json, const char *path, char text[RENDER_VALUE_MAX]);
const char *render_second(const struct json *json, const char *path, char text[RENDER_VALUE_MAX]);

/* "madrid-01  2026-11-21 10:00:00 Europe/Madrid", without the end of the line. */
void render_head(const struct json *document, const struct render_style *style, struct buf *out);

/* What a list is made of: where its value is in a row, how that is written, and the layouts it stands in, as bits. */
struct render_column {
    struct table_column title;
    const char *path;
    const char *(*write)(const struct json *row, const char *path, char text[RENDER_VALUE_MAX]);
    unsigned layouts;
};

/* A table of all rows with the columns of one layout, TABLE_COLUMNS_MAX of them at the most. */
struct render_list {
    const struct render_column *columns;
    size_t count;
    unsigned layout;
};
void render_list(const struct json *rows, struct render_list list, const struct render_style *style, struct buf *out);

/* A cell with the clock of the day for what is of the day of the report, else with the date. */
void render_moment(struct table *table, const struct json *document, const struct json *row, const char *key);

enum render_hue { RENDER_PLAIN, RENDER_BOLD, RENDER_GREEN, RENDER_YELLOW, RENDER_RED };
void render_hued(struct buf *out, const struct render_style *style, enum render_hue hue, const char *text);

/* What to call the row's queue: its label where one is set, else its name. Borrowed from the row. */
const char *render_queue(const struct json *row);

/* The same for a column; its path is of the name. */
const char *render_queue_of(const struct json *row, const char *path, char text[RENDER_VALUE_MAX]);

/* "-> ..." a line each: what the document advises. */
void render_hints(const struct json *document, const struct render_style *style, struct buf *out);

/* What went neither to an operator nor by hanging up: exits, withdrawn, lost. */
int64_t render_others(const struct json *row);

/* The service level's settings of a row, "asterisk_sl within 20 s". */
const char *render_settings(const struct json *service_level, char text[RENDER_VALUE_MAX * 2]);

#endif
