/* alerts as a table. */
#include "proto/report/render_parts.h"

#include <stdio.h>
#include <string.h>

static enum render_hue hue_of(const struct json *rows)
{
    enum render_hue hue = RENDER_GREEN;
    for (size_t i = 0; i < json_count(rows, "") && hue != RENDER_RED; i++) {
        const struct json *row = json_item(rows, i);
        bool fires = strcmp(json_text(row, "phase"), "firing") == 0;
        bool critical = strcmp(json_text(row, "severity"), "critical") == 0;
        hue = fires && critical ? RENDER_RED : fires ? RENDER_YELLOW : hue;
    }
    return hue;
}

static size_t count_phase(const struct json *rows, const char *phase)
{
    size_t count = 0;
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        count += strcmp(json_text(json_item(rows, i), "phase"), phase) == 0;
    }
    return count;
}

static const char *phase_words(const struct json *row)
{
    bool fires = strcmp(json_text(row, "phase"), "firing") == 0;
    if (json_bool(row, "muted")) {
        return fires ? "firing, muted" : "pending, muted";
    }
    return !fires ? "pending" : json_bool(row, "stale") ? "firing, stale" : "firing";
}

static void put_row(struct table *table, const struct json *document, const struct json *row)
{
    char text[RENDER_VALUE_MAX];
    table_cell_str(table, json_text(row, "severity"));
    table_cell_str(table, phase_words(row));
    table_cell_str(table, json_text(row, "rule"));
    table_cell_str(table, render_queue_of(row, "queue", text));
    table_cell_str(table, json_text(row, "value_text"));
    render_moment(table, document, row, "begun");
}

static void put_rows(const struct json *document, const struct json *rows, const struct render_style *style,
                     struct buf *out)
{
    static const struct table_column columns[] = {
        {"Severity", TEXT_LEFT, false}, {"State", TEXT_LEFT, false},  {"Rule", TEXT_LEFT, true},
        {"Queue", TEXT_LEFT, true},     {"Value", TEXT_RIGHT, false}, {"Since", TEXT_LEFT, false},
    };
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        put_row(&table, document, json_item(rows, i));
    }
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
}

void render_alerts_table(const struct json *document, const struct render_style *style, struct buf *out)
{
    char summary[RENDER_VALUE_MAX * 2];
    const struct json *rows = json_at(document, "alerts");
    size_t rules = json_count(document, "rules");
    render_head(document, style, out);
    buf_append_str(out, "\n");
    if (!json_bool(document, "configured")) {
        buf_append_str(out, "no rule is set: see `alert` in ringside-agent(8)\n");
        return;
    }
    (void)snprintf(summary, sizeof summary, "%zu firing, %zu pending", count_phase(rows, "firing"),
                   count_phase(rows, "pending"));
    render_hued(out, style, hue_of(rows), summary);
    buf_printf(out, " of %zu rule%s%s\n", rules, rules == 1 ? "" : "s",
               json_kind(document, "telling") != JSON_BOOL || json_bool(document, "telling")
                   ? ""
                   : "; the centre is within reach, and tells");
    if (json_count(rows, "") > 0) {
        put_rows(document, rows, style, out);
    }
}
