/* What is happening now, as text: for those without a terminal to watch on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/report/render_parts.h"

enum { CALLERS_SHOWN = 20, EVENTS_SHOWN = 10 };

static void put_source(const struct json *document, struct buf *out)
{
    char text[RENDER_VALUE_MAX];
    const struct json *source = json_at(document, "source");
    if (json_bool(source, "live")) {
        buf_printf(out, "  live since %s\n", render_second(source, "since", text));
    } else if (json_kind(source, "state") == JSON_TEXT) {
        buf_printf(out, "  not live: %.20s, ", json_text(source, "state"));
        buf_append_str(out, "from the log\n");
    } else {
        buf_append_str(out, "  from the log\n");
    }
}

static void put_totals(const struct json *document, struct buf *out)
{
    char text[RENDER_VALUE_MAX];
    const struct json *totals = json_at(document, "totals");
    buf_printf(out, "%s waiting", render_count(totals, "waiting", text));
    if (json_kind(totals, "longest_wait_ms") == JSON_INT) {
        buf_printf(out, " (longest %s)", render_span(totals, "longest_wait_ms", text));
    }
    buf_printf(out, ", %s talking", render_count(totals, "talking", text));
    if (json_kind(totals, "logged_in") == JSON_INT) {
        buf_printf(out, "; %s logged in", render_count(totals, "logged_in", text));
        buf_printf(out, ": %s ready", render_count(totals, "ready", text));
        buf_printf(out, ", %s on a call", render_count(totals, "on_call", text));
        buf_printf(out, ", %s paused", render_count(totals, "paused", text));
    }
    buf_append_str(out, "\n");
}

static void put_queues(const struct json *document, const struct render_style *style, struct buf *out)
{
    enum { FROM_LOG = 1, LIVE = 2, BOTH = FROM_LOG | LIVE };
    static const struct render_column columns[] = {
        {{"Queue", TEXT_LEFT, true}, "queue", render_queue_of, BOTH},
        {{"Wait", TEXT_RIGHT, false}, "waiting", render_count, BOTH},
        {{"Oldest", TEXT_RIGHT, false}, "longest_wait_ms", render_span, BOTH},
        {{"Talk", TEXT_RIGHT, false}, "talking", render_count, BOTH},
        {{"Hold", TEXT_RIGHT, false}, "held", render_count, BOTH},
        {{"Ready", TEXT_RIGHT, false}, "ready", render_count, LIVE},
        {{"Pause", TEXT_RIGHT, false}, "paused", render_count, LIVE},
        {{"Staff", TEXT_RIGHT, false}, "logged_in", render_count, LIVE},
        {{"Today", TEXT_RIGHT, false}, "today/entered", render_count, BOTH},
        {{"Answ", TEXT_RIGHT, false}, "today/answered", render_count, BOTH},
        {{"Aband", TEXT_RIGHT, false}, "today/abandoned", render_count, BOTH},
        {{"ASA", TEXT_RIGHT, false}, "today/asa_ms", render_span, BOTH},
        {{"SL", TEXT_RIGHT, false}, "today/service_level/value", render_ratio, BOTH},
    };
    const struct render_list list = {columns, sizeof columns / sizeof columns[0],
                                     json_bool(document, "source/live") ? LIVE : FROM_LOG};
    buf_append_str(out, "\n");
    render_list(json_at(document, "queues"), list, style, out);
}

static void put_callers(const struct json *document, const struct render_style *style, struct buf *out)
{
    static const struct table_column columns[] = {
        {"State", TEXT_LEFT, false},    {"Queue", TEXT_LEFT, true}, {"Wait", TEXT_RIGHT, false},
        {"On call", TEXT_RIGHT, false}, {"Agent", TEXT_LEFT, true}, {"Caller", TEXT_LEFT, true},
    };
    const struct json *rows = json_at(document, "callers");
    size_t count = json_count(rows, "");
    int64_t left_out = 0;
    if (count == 0) {
        return;
    }
    bool numbers = false; /* most sites keep none */
    for (size_t i = 0; i < count && !numbers; i++) {
        numbers = json_kind(json_item(rows, i), "caller") == JSON_TEXT;
    }
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0] - !numbers);
    for (size_t i = 0; i < count && i < CALLERS_SHOWN; i++) {
        char text[RENDER_VALUE_MAX];
        const struct json *row = json_item(rows, i);
        table_cell_str(&table, json_text(row, "state"));
        table_cell_str(&table, render_queue(row));
        table_cell_str(&table, render_span(row, "wait_ms", text));
        table_cell_str(&table, render_span(row, "on_call_ms", text));
        table_cell_str(&table, render_text(row, "operator", text));
        if (numbers) {
            table_cell_str(&table, render_text(row, "caller", text));
        }
    }
    buf_append_str(out, "\n");
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
    (void)json_int(document, "callers_left_out", &left_out);
    left_out += count > CALLERS_SHOWN ? (int64_t)(count - CALLERS_SHOWN) : 0;
    if (left_out > 0) {
        buf_printf(out, "and %" PRId64 " more\n", left_out);
    }
}

static void put_operators(const struct json *document, const struct render_style *style, struct buf *out)
{
    static const struct table_column columns[] = {
        {"Agent", TEXT_LEFT, true}, {"State", TEXT_LEFT, false}, {"Since", TEXT_RIGHT, false},
        {"Queue", TEXT_LEFT, true}, {"Reason", TEXT_LEFT, true}, {"Logged in", TEXT_RIGHT, false},
    };
    const struct json *rows = json_at(document, "operators");
    int64_t left_out = 0;
    if (json_count(rows, "") == 0) {
        return;
    }
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        char text[RENDER_VALUE_MAX];
        const struct json *row = json_item(rows, i);
        table_cell_str(&table, json_text(row, "operator"));
        table_cell_str(&table, json_text(row, "state"));
        table_cell_str(&table, render_span(row, "since_ms", text));
        table_cell_str(&table, render_text(row, "queue", text));
        table_cell_str(&table, render_text(row, "reason", text));
        table_cell_str(&table, render_brief(row, "logged_in_ms", text));
    }
    buf_append_str(out, "\n");
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
    if (json_int(document, "operators_left_out", &left_out) && left_out > 0) {
        buf_printf(out, "and %" PRId64 " more\n", left_out);
    }
}

/* What happened in words; kinds of later versions as they are called. */
static const char *event_words(const char *kind, char text[RENDER_VALUE_MAX])
{
    static const char *const words[][2] = {
        {"enter", "caller came"},
        {"connect", "answered"},
        {"complete_operator", "agent hung up"},
        {"complete_caller", "caller hung up"},
        {"transfer_blind", "transferred"},
        {"transfer_attended", "transferred"},
        {"abandon", "caller gave up"},
        {"exit_timeout", "left: timeout"},
        {"exit_empty", "left: no agents"},
        {"exit_key", "left: key"},
        {"withdraw", "taken out"},
        {"blocked", "caller refused"},
        {"ring_no_answer", "rang in vain"},
        {"lost", "lost sight of"},
        {"login", "logged in"},
        {"logoff", "logged off"},
        {"member_remove", "left queue"},
        {"pause", "paused"},
        {"unpause", "pause over"},
        {"restart", "PBX restarted"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(kind, words[i][0]) == 0) {
            return words[i][1];
        }
    }
    (void)snprintf(text, RENDER_VALUE_MAX, "%.40s", kind);
    return text;
}

static void put_events(const struct json *document, const struct render_style *style, struct buf *out)
{
    static const struct table_column columns[] = {
        {"Last", TEXT_LEFT, false},  {"What", TEXT_LEFT, true},   {"Queue", TEXT_LEFT, true},
        {"Agent", TEXT_LEFT, true},  {"Wait", TEXT_RIGHT, false}, {"Talk", TEXT_RIGHT, false},
        {"Detail", TEXT_LEFT, true},
    };
    const struct json *rows = json_at(document, "events");
    struct table table;
    if (json_count(rows, "") == 0) {
        return;
    }
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(rows, "") && i < EVENTS_SHOWN; i++) {
        char text[RENDER_VALUE_MAX];
        const struct json *row = json_item(rows, i);
        bool note = strcmp(json_text(row, "kind"), "note") == 0;
        render_moment(&table, document, row, "at");
        table_cell_str(&table, note ? json_text(row, "text") : event_words(json_text(row, "kind"), text));
        table_cell_str(&table, render_text(row, "queue", text));
        table_cell_str(&table, render_text(row, "operator", text));
        table_cell_str(&table, render_span(row, "wait_ms", text));
        table_cell_str(&table, render_span(row, "talk_ms", text));
        table_cell_str(&table, note ? "" : json_text(row, "text"));
    }
    buf_append_str(out, "\n");
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
}

void render_live_table(const struct json *document, const struct render_style *style, struct buf *out)
{
    render_head(document, style, out);
    put_source(document, out);
    render_hints(document, style, out);
    put_totals(document, out);
    if (json_count(document, "queues") > 0) {
        put_queues(document, style, out);
    }
    put_callers(document, style, out);
    put_operators(document, style, out);
    put_events(document, style, out);
}
