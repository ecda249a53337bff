#include "proto/report/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum start_shape { START_NONE, START_DATE, START_CLOCK, START_FULL, START_WEEK };

enum { TITLES = 12, LISTED_MAX = 20 };

struct shape {
    enum start_shape start;
    bool site;
};

/* Whether a word is in a list with commas. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
        if (strcspn(at, ",") == len && strncmp(at, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static enum start_shape start_shape_of(const struct json *document)
{
    const char *by = json_text(document, "by");
    if (has_word(by, "day")) {
        return START_DATE;
    }
    if (has_word(by, "hour-of-week")) {
        return START_WEEK;
    }
    if (!has_word(by, "hour") && !has_word(by, "interval")) {
        return START_NONE;
    }
    return strncmp(json_text(document, "from"), json_text(document, "to"), 4) == 0 ? START_CLOCK : START_FULL;
}

static void put_start(struct table *table, const struct json *row, enum start_shape shape)
{
    char text[RENDER_VALUE_MAX];
    if (shape == START_WEEK) {
        int64_t hour = 0;
        (void)json_int(row, "hour", &hour);
        (void)snprintf(text, sizeof text, "%.3s %02" PRId64 ":00", json_text(row, "weekday"), hour);
        table_cell_str(table, text);
        return;
    }
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

static void put_row(struct table *table, const struct json *row, struct shape shape)
{
    char text[RENDER_VALUE_MAX];
    put_start(table, row, shape.start);
    if (shape.site) {
        table_cell_str(table, json_text(row, "site"));
    }
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

/* The document of the centre names its scope; that of an agent is about one site and its log. */
static bool is_central(const struct json *document)
{
    return json_kind(document, "scope") == JSON_MAP;
}

/* "  madrid-01: not heard of since 2026-11-21 10:00" for each of a list, the first ones. */
static void put_absent(const struct json *document, const char *list, const char *words, const char *time,
                       struct buf *out)
{
    const struct json *items = json_at(document, list);
    size_t count = json_count(items, "");
    for (size_t i = 0; i < count && i < LISTED_MAX; i++) {
        char text[RENDER_VALUE_MAX];
        buf_append_str(out, "  ");
        text_put_plain(out, slice_str(json_text(json_item(items, i), "site")));
        buf_printf(out, ": %s %s\n", words, render_second(json_item(items, i), time, text));
    }
    if (count > LISTED_MAX) {
        buf_printf(out, "  and %zu more\n", count - LISTED_MAX);
    }
}

static void put_gaps(const struct json *document, struct buf *out)
{
    const struct json *gaps = json_at(document, "gaps");
    size_t most = is_central(document) ? LISTED_MAX : SIZE_MAX;
    size_t count = 0;
    for (size_t i = 0; i < json_count(gaps, ""); i++) {
        char from[RENDER_VALUE_MAX];
        char to[RENDER_VALUE_MAX];
        const struct json *gap = json_item(gaps, i);
        if (strcmp(json_text(gap, "kind"), "live") == 0 || ++count > most) {
            continue; /* what a live source alone tells is not in this table */
        }
        buf_append_str(out, "  ");
        if (is_central(document)) {
            text_put_plain(out, slice_str(json_text(gap, "site")));
            buf_append_str(out, ": ");
        }
        buf_printf(out, "%s to %s: ", render_second(gap, "from", from), render_second(gap, "to", to));
        text_put_plain(out, slice_str(json_text(gap, "reason")));
        buf_append_str(out, "\n");
    }
    if (count > most) {
        buf_printf(out, "  and %zu more\n", count - most);
    }
}

static void put_legend(const struct json *document, struct buf *out)
{
    const struct json *rows = json_at(document, "rows");
    bool central = is_central(document);
    bool unbalanced = false;
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        unbalanced = unbalanced || !json_bool(json_item(rows, i), "balanced");
    }
    if (unbalanced) {
        buf_append_str(out, central ? "! the books do not balance\n"
                                    : "! the books do not balance: see `ringside ledger check`\n");
    }
    if (!json_bool(document, "complete")) {
        buf_append_str(out, central ? "~ not all is here:\n" : "~ calls may be missing:\n");
    }
    if (json_bool(document, "intervals_dropped")) {
        buf_append_str(out, "  single intervals are no longer held so far back: only whole hours (UTC) are\n");
    }
    put_absent(document, "silent", "not heard of since", "since", out);
    put_absent(document, "behind", "has more to send from", "from", out);
    put_gaps(document, out);
}

/* "madrid-01", "group north, 12 sites", "all, 1000 sites" */
static void put_title(const struct json *document, const struct render_style *style, struct buf *out)
{
    if (!is_central(document) || json_kind(document, "site") == JSON_TEXT) {
        render_hued(out, style, RENDER_BOLD, json_text(document, "site"));
        return;
    }
    char text[160];
    int64_t sites = 0;
    bool group = json_kind(document, "scope/group") == JSON_TEXT;
    (void)json_int(document, "sites", &sites);
    (void)snprintf(text, sizeof text, "%s%.100s, %" PRId64 " site%s", group ? "group " : "all",
                   json_text(document, "scope/group"), sites, sites == 1 ? "" : "s");
    render_hued(out, style, RENDER_BOLD, text);
}

/* The columns that the rows have, of all there are. */
static size_t choose_columns(struct shape shape, struct table_column out[TITLES])
{
    static const struct table_column columns[TITLES] = {
        {"Start", TEXT_LEFT, false},    {"Site", TEXT_LEFT, true},     {"Queue", TEXT_LEFT, true},
        {"Calls", TEXT_RIGHT, false},   {"Answ", TEXT_RIGHT, false},   {"Aband", TEXT_RIGHT, false},
        {"Other", TEXT_RIGHT, false},   {"ASA", TEXT_RIGHT, false},    {"AHT", TEXT_RIGHT, false},
        {"Longest", TEXT_RIGHT, false}, {"Aband%", TEXT_RIGHT, false}, {"SL", TEXT_RIGHT, false},
    };
    size_t count = 0;
    for (size_t i = 0; i < TITLES; i++) {
        if ((i == 0 && shape.start == START_NONE) || (i == 1 && !shape.site)) {
            continue;
        }
        out[count++] = columns[i];
    }
    return count;
}

void render_kpi_table(const struct json *document, const struct render_style *style, struct buf *out)
{
    char from[RENDER_VALUE_MAX];
    char to[RENDER_VALUE_MAX];
    struct table_column columns[TITLES];
    const struct json *rows = json_at(document, "rows");
    const struct shape shape = {start_shape_of(document), has_word(json_text(document, "by"), "site")};
    put_title(document, style, out);
    if (json_count(rows, "") == 0) {
        buf_append_str(out, ": no calls in this span\n");
        return;
    }
    buf_printf(out, "  %s to %s ", render_minute(document, "from", from), render_minute(document, "to", to));
    text_put_plain(out, slice_str(json_text(document, "zone")));
    buf_append_str(out, "\n");
    put_settings(rows, out);
    struct table table;
    table_init(&table, columns, choose_columns(shape, columns));
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        put_row(&table, json_item(rows, i), shape);
    }
    buf_append_str(out, "\n");
    table_write(&table, style->width, style->colour, out);
    table_deinit(&table);
    put_legend(document, out);
}
