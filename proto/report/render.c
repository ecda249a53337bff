#include "proto/report/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/status.h"
#include "proto/report/render_parts.h"

const char *render_ms(double value_ms, char text[RENDER_VALUE_MAX])
{
    if (value_ms < 0 || value_ms > 1e15) {
        return strcpy(text, "-");
    }
    int64_t seconds = (int64_t)(value_ms + 500) / 1000;
    if (seconds < 3600) {
        (void)snprintf(text, RENDER_VALUE_MAX, "%" PRId64 ":%02" PRId64, seconds / 60, seconds % 60);
    } else {
        (void)snprintf(text, RENDER_VALUE_MAX, "%" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600,
                       seconds / 60 % 60, seconds % 60);
    }
    return text;
}

const char *render_span(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    double value_ms = -1;
    (void)json_number(json, path, &value_ms);
    return render_ms(value_ms, text);
}

/* Five columns for any time of a working day; whole minutes are let go below, not rounded. */
const char *render_brief(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    int64_t ms;
    if (!json_int(json, path, &ms) || ms < 0) {
        return strcpy(text, "-");
    }
    int64_t minutes = ms / 60000;
    if (ms < 1000) {
        (void)strcpy(text, "0");
    } else if (ms < 60000) {
        (void)snprintf(text, RENDER_VALUE_MAX, "%" PRId64 "s", ms / 1000);
    } else if (minutes < 60) {
        (void)snprintf(text, RENDER_VALUE_MAX, "%" PRId64 "m", minutes);
    } else if (minutes < 100 * 60) {
        (void)snprintf(text, RENDER_VALUE_MAX, "%" PRId64 "h%02" PRId64, minutes / 60, minutes % 60);
    } else {
        (void)snprintf(text, RENDER_VALUE_MAX, "%" PRId64 "h", minutes / 60);
    }
    return text;
}

const char *render_ratio(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    double value;
    if (!json_number(json, path, &value)) {
        return strcpy(text, "-");
    }
    bool whole = value >= 1 && value <= 1;
    (void)snprintf(text, RENDER_VALUE_MAX, whole ? "%.0f %%" : "%.1f %%", value * 100);
    return text;
}

const char *render_text(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    return json_kind(json, path) == JSON_TEXT ? json_text(json, path) : strcpy(text, "-");
}

const char *render_queue(const struct json *row)
{
    return json_text(row, json_kind(row, "label") == JSON_TEXT ? "label" : "queue");
}

const char *render_queue_of(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    return json_kind(row, path) == JSON_TEXT ? render_queue(row) : strcpy(text, "-");
}

const char *render_count(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    int64_t value;
    if (!json_int(json, path, &value)) {
        return strcpy(text, "-");
    }
    (void)snprintf(text, RENDER_VALUE_MAX, "%" PRId64, value);
    return text;
}

const char *render_bytes(int64_t bytes, char text[RENDER_VALUE_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit < sizeof units / sizeof units[0] - 1) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(text, RENDER_VALUE_MAX, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

static const char *clock_of(const struct json *json, const char *path, size_t len, char text[RENDER_VALUE_MAX])
{
    const char *stamp = json_text(json, path);
    if (strlen(stamp) < 19) {
        return strcpy(text, "-");
    }
    memcpy(text, stamp, len);
    text[len] = 0;
    text[10] = ' ';
    return text;
}

const char *render_minute(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    return clock_of(json, path, 16, text);
}

const char *render_second(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    return clock_of(json, path, 19, text);
}

void render_hued(struct buf *out, const struct render_style *style, enum render_hue hue, const char *text)
{
    static const char *const codes[] = {[RENDER_PLAIN] = "0",
                                        [RENDER_BOLD] = "1",
                                        [RENDER_GREEN] = "1;32",
                                        [RENDER_YELLOW] = "1;33",
                                        [RENDER_RED] = "1;31"};
    if (style->colour && hue != RENDER_PLAIN) {
        buf_printf(out, "\x1b[%sm", codes[hue]);
    }
    text_put_plain(out, slice_str(text));
    if (style->colour && hue != RENDER_PLAIN) {
        buf_append_str(out, "\x1b[0m");
    }
}

void render_hints(const struct json *document, const struct render_style *style, struct buf *out)
{
    const struct json *hints = json_at(document, "hints");
    for (size_t i = 0; i < json_count(hints, ""); i++) {
        render_hued(out, style, RENDER_YELLOW, "-> ");
        text_put_plain(out, slice_str(json_text(json_item(hints, i), "")));
        buf_append_str(out, "\n");
    }
}

void render_list(const struct json *rows, struct render_list list, const struct render_style *style, struct buf *out)
{
    const struct render_column *chosen[TABLE_COLUMNS_MAX];
    struct table_column titles[TABLE_COLUMNS_MAX];
    size_t count = 0;
    for (size_t c = 0; c < list.count && count < TABLE_COLUMNS_MAX; c++) {
        if (list.columns[c].layouts & list.layout) {
            titles[count] = list.columns[c].title;
            chosen[count++] = &list.columns[c];
        }
    }
    struct table table;
    table_init(&table, titles, count);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        for (size_t c = 0; c < count; c++) {
            char text[RENDER_VALUE_MAX];
            table_cell_str(&table, chosen[c]->write(json_item(rows, i), chosen[c]->path, text));
        }
    }
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
}

const char *render_settings(const struct json *service_level, char text[RENDER_VALUE_MAX * 2])
{
    double threshold_s = 0;
    (void)json_number(service_level, "threshold_s", &threshold_s);
    (void)snprintf(text, RENDER_VALUE_MAX * 2, "%.50s within %g s", json_text(service_level, "method"), threshold_s);
    return text;
}

static void render_table(enum report_kind kind, const struct json *document, const struct render_style *style,
                         struct buf *out)
{
    static void (*const parts[REPORT_KIND_COUNT])(const struct json *, const struct render_style *, struct buf *) = {
        [REPORT_STATUS] = render_status_text,
        [REPORT_QUEUES] = render_queues_table,
        [REPORT_OPERATORS] = render_operators_table,
        [REPORT_CALLS] = render_calls_table,
        [REPORT_KPI] = render_kpi_table,
        [REPORT_LIVE] = render_live_table,
        [REPORT_ALERTS] = render_alerts_table,
    };
    parts[kind](document, style, out);
}

int render(enum report_kind kind, enum render_format format, const struct json *document,
           const struct render_style *style, struct buf *out)
{
    int status = 0;
    switch (format) {
    case RENDER_TABLE: render_table(kind, document, style, out); break;
    case RENDER_CSV: render_csv(kind, document, out); break;
    case RENDER_SENML: status = render_senml(kind, document, out); break;
    case RENDER_JSON: status = json_write(document, style->indent ? 2 : 0, out); break;
    }
    if (status == 0 && (format == RENDER_JSON || format == RENDER_SENML)) {
        buf_append_str(out, "\n");
    }
    return status == 0 && out->failed ? STATUS_NO_MEMORY : status;
}
