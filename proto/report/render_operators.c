/* operators as a table: what matters in 80 columns; CSV and JSON have all. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/report/render_parts.h"

/* A column: where its value is in the row, and how that is written. */
struct column {
    struct table_column title;
    const char *path;
    const char *(*write)(const struct json *row, const char *path, char text[RENDER_VALUE_MAX]);
};

static const char *percent(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    double value;
    if (!json_number(row, path, &value)) {
        return strcpy(text, "-");
    }
    (void)snprintf(text, RENDER_VALUE_MAX, "%.0f%%", value * 100);
    return text;
}

static const char *name(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    (void)text;
    return json_kind(row, path) == JSON_TEXT ? json_text(row, path) : "-";
}

static const char *queue(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    (void)text;
    return json_kind(row, path) == JSON_TEXT ? render_queue(row) : "-";
}

static const char *state(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    if (json_kind(row, "reason") != JSON_TEXT) {
        return name(row, path, text);
    }
    (void)snprintf(text, RENDER_VALUE_MAX, "%.14s: %.28s", json_text(row, path), json_text(row, "reason"));
    return text;
}

/* Without the year, which the head tells. */
static const char *start(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    (void)render_minute(row, path, text);
    return strlen(text) > 5 ? text + 5 : text;
}

static const struct column plain[] = {
    {{"Agent", TEXT_LEFT, true}, "operator", name},
    {{"State", TEXT_LEFT, false}, "state", name},
    {{"Queue", TEXT_LEFT, true}, "queue", queue},
    {{"On call", TEXT_RIGHT, false}, "on_call_ms", render_span},
    {{"Answered", TEXT_RIGHT, false}, "answered", render_count},
    {{"Talk", TEXT_RIGHT, false}, "talk_ms", render_span},
    {{"Hold", TEXT_RIGHT, false}, "hold_ms", render_span},
    {{"AHT", TEXT_RIGHT, false}, "aht_ms", render_span},
};

static const struct column whole[] = {
    {{"Agent", TEXT_LEFT, true}, "operator", name},
    {{"State", TEXT_LEFT, true}, "state", state},
    {{"Since", TEXT_RIGHT, false}, "state_ms", render_brief},
    {{"In", TEXT_RIGHT, false}, "logged_in_ms", render_brief},
    {{"Ready", TEXT_RIGHT, false}, "ready_ms", render_brief},
    {{"Talk", TEXT_RIGHT, false}, "talk_time_ms", render_brief},
    {{"Hold", TEXT_RIGHT, false}, "hold_time_ms", render_brief},
    {{"Wrap", TEXT_RIGHT, false}, "wrap_ms", render_brief},
    {{"Pause", TEXT_RIGHT, false}, "paused_ms", render_brief},
    {{"Occ", TEXT_RIGHT, false}, "occupancy", percent},
    {{"Answ", TEXT_RIGHT, false}, "answered", render_count},
    {{"Miss", TEXT_RIGHT, false}, "missed", render_count},
};

static const struct column by_time[] = {
    {{"Start", TEXT_LEFT, false}, "start", start},
    {{"Agent", TEXT_LEFT, true}, "operator", name},
    {{"In", TEXT_RIGHT, false}, "logged_in_ms", render_brief},
    {{"Ready", TEXT_RIGHT, false}, "ready_ms", render_brief},
    {{"Talk", TEXT_RIGHT, false}, "talk_time_ms", render_brief},
    {{"Hold", TEXT_RIGHT, false}, "hold_time_ms", render_brief},
    {{"Wrap", TEXT_RIGHT, false}, "wrap_ms", render_brief},
    {{"Pause", TEXT_RIGHT, false}, "paused_ms", render_brief},
    {{"Occ", TEXT_RIGHT, false}, "occupancy", percent},
    {{"Answ", TEXT_RIGHT, false}, "answered", render_count},
    {{"Miss", TEXT_RIGHT, false}, "missed", render_count},
};

static const struct column by_queue[] = {
    {{"Start", TEXT_LEFT, false}, "start", start},
    {{"Agent", TEXT_LEFT, true}, "operator", name},
    {{"Queue", TEXT_LEFT, true}, "queue", queue},
    {{"In", TEXT_RIGHT, false}, "logged_in_ms", render_brief},
    {{"Pause", TEXT_RIGHT, false}, "paused_ms", render_brief},
    {{"Ring", TEXT_RIGHT, false}, "ring_ms", render_brief},
    {{"Talk", TEXT_RIGHT, false}, "talk_time_ms", render_brief},
    {{"Hold", TEXT_RIGHT, false}, "hold_time_ms", render_brief},
    {{"AHT", TEXT_RIGHT, false}, "aht_ms", render_span},
    {{"Answ", TEXT_RIGHT, false}, "answered", render_count},
    {{"Miss", TEXT_RIGHT, false}, "missed", render_count},
};

struct layout {
    const struct column *columns;
    size_t count;
};

#define LAYOUT(columns) ((struct layout){(columns), sizeof(columns) / sizeof(columns)[0]})

static struct layout choose(const struct json *document)
{
    const struct json *first = json_item(json_at(document, "operators"), 0);
    bool timed = json_kind(first, "start") == JSON_TEXT;
    if (strncmp(json_text(document, "by"), "operator,queue", 14) == 0) {
        struct layout layout = LAYOUT(by_queue);
        return timed ? layout : (struct layout){layout.columns + 1, layout.count - 1};
    }
    if (timed) {
        return LAYOUT(by_time);
    }
    /* Where nobody ever told of their time, the table is that of their calls. */
    return json_kind(first, "logged_in_ms") == JSON_INT || json_bool(document, "live") ? LAYOUT(whole) : LAYOUT(plain);
}

static void put_span(const struct json *document, struct buf *out)
{
    char from[RENDER_VALUE_MAX];
    char to[RENDER_VALUE_MAX];
    if (json_kind(document, "from") != JSON_TEXT) {
        buf_append_str(out, ", today");
        return;
    }
    buf_printf(out, ", from %s", render_minute(document, "from", from));
    if (json_kind(document, "to") == JSON_TEXT) {
        buf_printf(out, " to %s", render_minute(document, "to", to));
    }
}

static void put_legend(const struct json *rows, struct buf *out)
{
    bool complete = true;
    for (size_t i = 0; i < json_count(rows, "") && complete; i++) {
        complete =
            json_bool(json_item(rows, i), "complete") || json_kind(json_item(rows, i), "logged_in_ms") != JSON_INT;
    }
    if (!complete) {
        buf_append_str(out, "~ the PBX was not connected all the time: times are of what was seen\n");
    }
}

void render_operators_table(const struct json *document, const struct render_style *style, struct buf *out)
{
    struct table_column titles[TABLE_COLUMNS_MAX];
    const struct json *rows = json_at(document, "operators");
    const struct layout layout = choose(document);
    render_head(document, style, out);
    if (json_bool(document, "hidden")) {
        buf_append_str(out, "\noperators are not shown at this site\n");
        return;
    }
    if (json_count(rows, "") == 0) {
        buf_append_str(out, json_kind(document, "from") == JSON_TEXT ? "\nnobody was there in this span\n"
                                                                     : "\nnobody has answered a call today\n");
        return;
    }
    put_span(document, out);
    buf_append_str(out, "\n\n");
    for (size_t c = 0; c < layout.count; c++) {
        titles[c] = layout.columns[c].title;
    }
    struct table table;
    table_init(&table, titles, layout.count);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        for (size_t c = 0; c < layout.count; c++) {
            char text[RENDER_VALUE_MAX];
            table_cell_str(&table, layout.columns[c].write(json_item(rows, i), layout.columns[c].path, text));
        }
    }
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
    put_legend(rows, out);
}
