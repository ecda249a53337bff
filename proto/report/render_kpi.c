#include "proto/report/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum start_shape { START_NONE, START_DATE, START_CLOCK, START_FULL };

enum { TITLES = 11 };

static enum start_shape start_shape_of(const struct json *document)
{
    const char *by = json_text(document, "by");
    if (strstr(by, ",day")) {
        return START_DATE;
    }
    if (!strchr(by, ',')) {
        return START_NONE;
    }
    return strncmp(json_text(document, "from"), json_text(document, "to"), 4) == 0 ? START_CLOCK : START_FULL;
}

static void put_start(struct table *table, const struct json *row, enum start_shape shape)
{
    char text[RENDER_VALUE_MAX];
    (void)render_minute(row, "start", text);
    size_t len = strlen(text);
    if (shape == START_DATE) {
        table_cell(table, slice_make(text, len < 10 ? len : 10));
    } else if (shape == START_CLOCK) {
        table_cell_str(table, len > 5 ? text + 5 : text);
    } else if (shape == START_FULL) {
        table_cell(table, slice_make(text, len));
    }
}

int64_t render_others(const struct json *row)
{
    static const char *const keys[] = {"exit_timeout", "exit_empty", "exit_key", "withdrawn", "lost"};
    int64_t total = 0;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t value = 0;
        (void)json_int(row, keys[i], &value);
        total += value;
    }
    return total;
}

static int64_t longest_wait_ms(const struct json *row)
{
    int64_t answered = -1;
    int64_t abandoned = -1;
    (void)json_int(row, "wait_answered_ms/max", &answered);
    (void)json_int(row, "wait_abandoned_ms/max", &abandoned);
    return answered > abandoned ? answered : abandoned;
}

static void put_row(struct table *table, const struct json *row, enum start_shape shape)
{
    char text[RENDER_VALUE_MAX];
    put_start(table, row, shape);
    table_cell_str(table, render_queue(row));
    table_cell_str(table, render_count(row, "entered", text));
    table_cell_str(table, render_count(row, "answered", text));
    table_cell_str(table, render_count(row, "abandoned", text));
    (void)snprintf(text, sizeof text, "%" PRId64, render_others(row));
    table_cell_str(table, text);
    table_cell_str(table, render_span(row, "asa_ms", text));
    table_cell_str(table, render_span(row, "aht_ms", text));
    table_cell_str(table, render_ms((double)longest_wait_ms(row), text));
    table_cell_str(table, render_ratio(row, "abandon_rate", text));
    (void)render_ratio(row, "service_level/value", text);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", json_bool(row, "balanced") ? "" : " !",
                   json_bool(row, "complete") ? "" : " ~");
    table_cell_str(table, text);
}

/* One line when all rows share their settings, else one for each queue. */
static void put_settings(const struct json *rows, struct buf *out)
{
    char first[RENDER_VALUE_MAX * 2] = "";
    char text[RENDER_VALUE_MAX * 2];
    bool shared = true;
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        const struct json *level = json_at(json_item(rows, i), "service_level");
        if (i == 0) {
            (void)render_settings(level, first);
        }
        shared = shared && strcmp(first, render_settings(level, text)) == 0;
    }
    if (shared) {
        buf_printf(out, "service level: %s\n", first);
        return;
    }
    buf_append_str(out, "service level:");
    const char *lead = " ";
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        const char *queue = json_text(json_item(rows, i), "queue");
        bool told = false;
        for (size_t before = 0; before < i && !told; before++) {
            told = strcmp(json_text(json_item(rows, before), "queue"), queue) == 0;
        }
        if (told) {
            break; /* the rows of the first span name every queue that it has */
        }
        buf_append_str(out, lead);
        text_put_plain(out, slice_str(queue));
        buf_printf(out, " %s", render_settings(json_at(json_item(rows, i), "service_level"), text));
        lead = "; ";
    }
    buf_append_str(out, "\n");
}

static void put_legend(const struct json *document, struct buf *out)
{
    const struct json *rows = json_at(document, "rows");
    bool unbalanced = false;
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        unbalanced = unbalanced || !json_bool(json_item(rows, i), "balanced");
    }
    if (unbalanced) {
        buf_append_str(out, "! the books do not balance: see `ringside ledger check`\n");
    }
    if (!json_bool(document, "complete")) {
        buf_append_str(out, "~ part of the log could not be read:\n");
    }
    const struct json *gaps = json_at(document, "gaps");
    for (size_t i = 0; i < json_count(gaps, ""); i++) {
        char from[RENDER_VALUE_MAX];
        char to[RENDER_VALUE_MAX];
        const struct json *gap = json_item(gaps, i);
        buf_printf(out, "  %s to %s: ", render_second(gap, "from", from), render_second(gap, "to", to));
        text_put_plain(out, slice_str(json_text(gap, "reason")));
        buf_append_str(out, "\n");
    }
}

void render_kpi_table(const struct json *document, const struct render_style *style, struct buf *out)
{
    static const struct table_column columns[TITLES] = {
        {"Start", TEXT_LEFT, false},   {"Queue", TEXT_LEFT, true},   {"Calls", TEXT_RIGHT, false},
        {"Answ", TEXT_RIGHT, false},   {"Aband", TEXT_RIGHT, false}, {"Other", TEXT_RIGHT, false},
        {"ASA", TEXT_RIGHT, false},    {"AHT", TEXT_RIGHT, false},   {"Longest", TEXT_RIGHT, false},
        {"Aband%", TEXT_RIGHT, false}, {"SL", TEXT_RIGHT, false},
    };
    char from[RENDER_VALUE_MAX];
    char to[RENDER_VALUE_MAX];
    const struct json *rows = json_at(document, "rows");
    enum start_shape shape = start_shape_of(document);
    render_hued(out, style, RENDER_BOLD, json_text(document, "site"));
    if (json_count(rows, "") == 0) {
        buf_append_str(out, ": no calls in this span\n");
        return;
    }
    buf_printf(out, "  %s to %s ", render_minute(document, "from", from), render_minute(document, "to", to));
    text_put_plain(out, slice_str(json_text(document, "zone")));
    buf_append_str(out, "\n");
    put_settings(rows, out);
    struct table table;
    size_t skip = shape == START_NONE;
    table_init(&table, columns + skip, TITLES - skip);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        put_row(&table, json_item(rows, i), shape);
    }
    buf_append_str(out, "\n");
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
    put_legend(document, out);
}
