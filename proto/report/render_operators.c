/* operators as a table: what matters in 80 columns; CSV and JSON have all. */
#include <stdio.h>
#include <string.h>

#include "proto/report/render_parts.h"

static const char *percent(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    double value;
    if (!json_number(row, path, &value)) {
        return strcpy(text, "-");
    }
    (void)snprintf(text, RENDER_VALUE_MAX, "%.0f%%", value * 100);
    return text;
}

static const char *state(const struct json *row, const char *path, char text[RENDER_VALUE_MAX])
{
    if (json_kind(row, "reason") != JSON_TEXT) {
        return render_text(row, path, text);
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

/* TIMED: the rows are of intervals, hours or days, not of the whole span. */
enum { CALLS = 1, SHIFTS = 2, SHIFTS_TIMED = 4, QUEUES = 8, QUEUES_TIMED = 16 };
enum { OF_TIMED = SHIFTS_TIMED | QUEUES_TIMED, OF_SHIFTS = SHIFTS | SHIFTS_TIMED, OF_QUEUES = QUEUES | QUEUES_TIMED };
enum { OF_TIMES = OF_SHIFTS | OF_QUEUES, OF_ALL = OF_TIMES | CALLS };

static const struct render_column columns[] = {
    {{"Start", TEXT_LEFT, false}, "start", start, OF_TIMED},
    {{"Agent", TEXT_LEFT, true}, "operator", render_text, OF_ALL},
    {{"State", TEXT_LEFT, false}, "state", render_text, CALLS},
    {{"State", TEXT_LEFT, true}, "state", state, SHIFTS},
    {{"Since", TEXT_RIGHT, false}, "state_ms", render_brief, SHIFTS},
    {{"Queue", TEXT_LEFT, true}, "queue", render_queue_of, OF_QUEUES | CALLS},
    {{"On call", TEXT_RIGHT, false}, "on_call_ms", render_span, CALLS},
    {{"Answered", TEXT_RIGHT, false}, "answered", render_count, CALLS},
    {{"Talk", TEXT_RIGHT, false}, "talk_ms", render_span, CALLS},
    {{"Hold", TEXT_RIGHT, false}, "hold_ms", render_span, CALLS},
    {{"In", TEXT_RIGHT, false}, "logged_in_ms", render_brief, OF_TIMES},
    {{"Ready", TEXT_RIGHT, false}, "ready_ms", render_brief, OF_SHIFTS},
    {{"Pause", TEXT_RIGHT, false}, "paused_ms", render_brief, OF_QUEUES},
    {{"Ring", TEXT_RIGHT, false}, "ring_ms", render_brief, OF_QUEUES},
    {{"Talk", TEXT_RIGHT, false}, "talk_time_ms", render_brief, OF_TIMES},
    {{"Hold", TEXT_RIGHT, false}, "hold_time_ms", render_brief, OF_TIMES},
    {{"AHT", TEXT_RIGHT, false}, "aht_ms", render_span, OF_QUEUES | CALLS},
    {{"Wrap", TEXT_RIGHT, false}, "wrap_ms", render_brief, OF_SHIFTS},
    {{"Pause", TEXT_RIGHT, false}, "paused_ms", render_brief, OF_SHIFTS},
    {{"Occ", TEXT_RIGHT, false}, "occupancy", percent, OF_SHIFTS},
    {{"Answ", TEXT_RIGHT, false}, "answered", render_count, OF_TIMES},
    {{"Miss", TEXT_RIGHT, false}, "missed", render_count, OF_TIMES},
};

static unsigned choose(const struct json *document)
{
    const struct json *first = json_item(json_at(document, "operators"), 0);
    bool timed = json_kind(first, "start") == JSON_TEXT;
    if (strncmp(json_text(document, "by"), "operator,queue", 14) == 0) {
        return timed ? QUEUES_TIMED : QUEUES;
    }
    if (timed) {
        return SHIFTS_TIMED;
    }
    /* Where nobody ever told of their time, the table is that of their calls. */
    return json_kind(first, "logged_in_ms") == JSON_INT || json_bool(document, "live") ? SHIFTS : CALLS;
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
    const struct json *rows = json_at(document, "operators");
    const struct render_list list = {columns, sizeof columns / sizeof columns[0], choose(document)};
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
    render_list(rows, list, style, out);
    put_legend(rows, out);
}
