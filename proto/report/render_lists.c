/* queues and calls as tables. */
#include "proto/report/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void render_head(const struct json *document, const struct render_style *style, struct buf *out)
{
    char text[RENDER_VALUE_MAX];
    render_hued(out, style, RENDER_BOLD, json_text(document, "site"));
    buf_printf(out, "  %s ", render_second(document, "as_of", text));
    text_put_plain(out, slice_str(json_text(document, "zone")));
}

static void put_queue(struct table *table, const struct json *row, bool live)
{
    char text[RENDER_VALUE_MAX];
    int64_t exits = 0;
    int64_t lost = 0;
    (void)json_int(row, "today/exits", &exits);
    (void)json_int(row, "today/lost", &lost);
    table_cell_str(table, render_queue(row));
    table_cell_str(table, render_count(row, "waiting", text));
    table_cell_str(table, render_span(row, "longest_wait_ms", text));
    table_cell_str(table, render_count(row, "connected", text));
    if (live) {
        table_cell_str(table, render_count(row, "ready", text));
        table_cell_str(table, render_count(row, "logged_in", text));
    }
    table_cell_str(table, render_count(row, "entered_last_hour", text));
    table_cell_str(table, render_count(row, "today/entered", text));
    table_cell_str(table, render_count(row, "today/answered", text));
    table_cell_str(table, render_count(row, "today/abandoned", text));
    (void)snprintf(text, sizeof text, "%" PRId64, exits + lost);
    table_cell_str(table, text);
    table_cell_str(table, render_span(row, "today/asa_ms", text));
    if (!live) {
        table_cell_str(table, render_ratio(row, "today/abandon_rate", text));
    }
    table_cell_str(table, render_ratio(row, "today/service_level/value", text));
}

static void put_levels(const struct json *rows, struct buf *out)
{
    char first[RENDER_VALUE_MAX * 2] = "";
    char text[RENDER_VALUE_MAX * 2];
    bool shared = true;
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        const struct json *level = json_at(json_item(rows, i), "today/service_level");
        (void)render_settings(level, i == 0 ? first : text);
        shared = shared && (i == 0 || strcmp(first, text) == 0);
    }
    for (size_t i = 0; i < json_count(rows, "") && !shared; i++) {
        const struct json *row = json_item(rows, i);
        buf_append_str(out, i == 0 ? "service level: " : "; ");
        text_put_plain(out, slice_str(json_text(row, "queue")));
        buf_printf(out, " %s", render_settings(json_at(row, "today/service_level"), text));
    }
    buf_printf(out, shared ? "service level: %s\n" : "%s\n", shared ? first : "");
}

/* With operators known there is no room for the abandon rate. */
void render_queues_table(const struct json *document, const struct render_style *style, struct buf *out)
{
    static const struct table_column plain[] = {
        {"Queue", TEXT_LEFT, true},  {"Wait", TEXT_RIGHT, false},   {"Oldest", TEXT_RIGHT, false},
        {"Talk", TEXT_RIGHT, false}, {"1h", TEXT_RIGHT, false},     {"Today", TEXT_RIGHT, false},
        {"Answ", TEXT_RIGHT, false}, {"Aband", TEXT_RIGHT, false},  {"Other", TEXT_RIGHT, false},
        {"ASA", TEXT_RIGHT, false},  {"Aband%", TEXT_RIGHT, false}, {"SL", TEXT_RIGHT, false},
    };
    static const struct table_column staffed[] = {
        {"Queue", TEXT_LEFT, true},   {"Wait", TEXT_RIGHT, false},  {"Oldest", TEXT_RIGHT, false},
        {"Talk", TEXT_RIGHT, false},  {"Ready", TEXT_RIGHT, false}, {"Staff", TEXT_RIGHT, false},
        {"1h", TEXT_RIGHT, false},    {"Today", TEXT_RIGHT, false}, {"Answ", TEXT_RIGHT, false},
        {"Aband", TEXT_RIGHT, false}, {"Other", TEXT_RIGHT, false}, {"ASA", TEXT_RIGHT, false},
        {"SL", TEXT_RIGHT, false},
    };
    bool live = json_bool(document, "live");
    const struct json *rows = json_at(document, "queues");
    render_head(document, style, out);
    if (json_count(rows, "") == 0) {
        buf_append_str(out, "\nno queue was seen yet\n");
        return;
    }
    buf_append_str(out, "\n");
    put_levels(rows, out);
    buf_append_str(out, "\n");
    struct table table;
    table_init(&table, live ? staffed : plain,
               live ? sizeof staffed / sizeof staffed[0] : sizeof plain / sizeof plain[0]);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        put_queue(&table, json_item(rows, i), live);
    }
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
}

/* The clock of the day for what is of today, else with the date. */
void render_moment(struct table *table, const struct json *document, const struct json *row, const char *key)
{
    char text[RENDER_VALUE_MAX];
    (void)render_second(row, key, text);
    bool today = strlen(text) > 11 && strncmp(text, json_text(document, "as_of"), 10) == 0;
    table_cell_str(table, today ? text + 11 : text);
}

/* The number where the site keeps it; else enough of the token to tell callers apart. */
static void put_caller(struct table *table, const struct json *row)
{
    const char *number = json_text(row, "number");
    const char *token = json_text(row, "caller");
    if (*number) {
        table_cell_str(table, number);
    } else if (*token) {
        size_t len = strlen(token);
        table_cell_str(table, len > 8 ? token + len - 8 : token);
    } else {
        table_cell_str(table, "-");
    }
}

static void put_operator(struct table *table, const struct json *row)
{
    const char *name = json_text(row, "operator");
    table_cell_str(table, *name ? name : "-");
}

static const char *outcome_words(const char *outcome, char text[RENDER_VALUE_MAX])
{
    if (strcmp(outcome, "completed_operator") == 0) {
        return "agent hung up";
    }
    if (strcmp(outcome, "completed_caller") == 0) {
        return "caller hung up";
    }
    (void)snprintf(text, RENDER_VALUE_MAX, "%.40s", outcome);
    for (char *c = text; *c; c++) {
        *c = *c == '_' ? ' ' : *c;
    }
    return text;
}

/* The columns that open and closed calls share. */
static void put_call_end(struct table *table, const struct json *row)
{
    char text[RENDER_VALUE_MAX];
    table_cell_str(table, render_span(row, "wait_ms", text));
    table_cell_str(table, render_span(row, "talk_ms", text));
    put_operator(table, row);
    put_caller(table, row);
}

static void put_open_calls(const struct json *document, const struct render_style *style, struct buf *out)
{
    static const struct table_column columns[] = {
        {"State", TEXT_LEFT, false}, {"Queue", TEXT_LEFT, true},  {"Entered", TEXT_LEFT, false},
        {"Wait", TEXT_RIGHT, false}, {"Talk", TEXT_RIGHT, false}, {"Agent", TEXT_LEFT, true},
        {"Caller", TEXT_LEFT, true},
    };
    const struct json *rows = json_at(document, "open");
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        const struct json *row = json_item(rows, i);
        table_cell_str(&table, json_text(row, "state"));
        table_cell_str(&table, render_queue(row));
        render_moment(&table, document, row, "entered");
        put_call_end(&table, row);
    }
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
}

static void put_closed_calls(const struct json *document, const struct render_style *style, struct buf *out)
{
    static const struct table_column columns[] = {
        {"Ended", TEXT_LEFT, false}, {"Outcome", TEXT_LEFT, false}, {"Queue", TEXT_LEFT, true},
        {"Wait", TEXT_RIGHT, false}, {"Talk", TEXT_RIGHT, false},   {"Agent", TEXT_LEFT, true},
        {"Caller", TEXT_LEFT, true},
    };
    const struct json *rows = json_at(document, "closed");
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        char text[RENDER_VALUE_MAX];
        const struct json *row = json_item(rows, i);
        render_moment(&table, document, row, "ended");
        table_cell_str(&table, outcome_words(json_text(row, "outcome"), text));
        table_cell_str(&table, render_queue(row));
        put_call_end(&table, row);
    }
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
}

void render_calls_table(const struct json *document, const struct render_style *style, struct buf *out)
{
    char from[RENDER_VALUE_MAX];
    char to[RENDER_VALUE_MAX];
    int64_t open = 0;
    int64_t closed = 0;
    (void)json_int(document, "open_count", &open);
    (void)json_int(document, "closed_count", &closed);
    render_head(document, style, out);
    buf_printf(out, "\n%" PRId64 " open now\n", open);
    if (open > 0) {
        put_open_calls(document, style, out);
    }
    buf_printf(out, "\n%" PRId64 " ended from %s to %s%s\n", closed, render_second(document, "from", from),
               render_second(document, "to", to), json_bool(document, "truncated") ? ", the newest:" : "");
    if (closed > 0) {
        put_closed_calls(document, style, out);
    }
}
