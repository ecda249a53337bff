#include "collector/live_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "collector/site_text.h"
#include "proto/report/table.h"

enum { VALUE_MAX = 48 };

static const char *const figures[] = {"waiting", "longest_wait_ms", "talking", "held",
                                      "ready",   "paused",          "on_call", "logged_in"};
enum { FIGURES = sizeof figures / sizeof figures[0], LONGEST_WAIT = 1 };

static void put_figures(struct table *table, const struct json *row)
{
    char text[VALUE_MAX];
    for (size_t i = 0; i < FIGURES; i++) {
        int64_t value;
        if (!json_int(row, figures[i], &value)) {
            table_cell_str(table, "-");
        } else if (i == LONGEST_WAIT) {
            table_cell_str(table, site_text_span(value, text, sizeof text));
        } else {
            (void)snprintf(text, sizeof text, "%" PRId64, value);
            table_cell_str(table, text);
        }
    }
}

/* "2 min ago" of a site that is silent; of one that is there, how it is now. */
static void put_age(struct table *table, const struct json *row)
{
    char span[VALUE_MAX];
    char text[VALUE_MAX + 16];
    int64_t age_ms = 0;
    (void)json_int(row, "age_ms", &age_ms);
    (void)snprintf(text, sizeof text, "%s ago, stale", site_text_span(age_ms, span, sizeof span));
    table_cell_str(table, json_bool(row, "stale") ? text : "now");
}

static void put_rows(const struct json *document, size_t width, struct buf *out)
{
    static const struct table_column columns[] = {
        {"Site", TEXT_LEFT, true},      {"Queue", TEXT_LEFT, true},    {"Wait", TEXT_RIGHT, false},
        {"Longest", TEXT_RIGHT, false}, {"Talk", TEXT_RIGHT, false},   {"Held", TEXT_RIGHT, false},
        {"Ready", TEXT_RIGHT, false},   {"Paused", TEXT_RIGHT, false}, {"On call", TEXT_RIGHT, false},
        {"In", TEXT_RIGHT, false},      {"As of", TEXT_LEFT, false}};
    const struct json *rows = json_at(document, "rows");
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        const struct json *row = json_item(rows, i);
        table_cell_str(&table, json_text(row, "site"));
        table_cell_str(&table, json_text(row, "queue"));
        put_figures(&table, row);
        put_age(&table, row);
    }
    table_cell_str(&table, "total");
    table_cell_str(&table, "");
    put_figures(&table, json_at(document, "totals"));
    table_cell_str(&table, "");
    table_write(&table, width, false, out);
    table_deinit(&table);
}

static void put_operators(const struct json *document, size_t width, struct buf *out)
{
    static const struct table_column columns[] = {{"Site", TEXT_LEFT, true},   {"Operator", TEXT_LEFT, true},
                                                  {"State", TEXT_LEFT, false}, {"For", TEXT_RIGHT, false},
                                                  {"Queue", TEXT_LEFT, true},  {"Reason", TEXT_LEFT, true},
                                                  {"As of", TEXT_LEFT, false}};
    const struct json *operators = json_at(document, "operators");
    struct table table;
    char text[VALUE_MAX];
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(operators, ""); i++) {
        const struct json *who = json_item(operators, i);
        int64_t span_ms = 0;
        bool known = json_int(who, "in_state_ms", &span_ms);
        table_cell_str(&table, json_text(who, "site"));
        table_cell_str(&table, json_text(who, "operator"));
        table_cell_str(&table, json_text(who, "state"));
        table_cell_str(&table, known ? site_text_span(span_ms, text, sizeof text) : "-");
        table_cell_str(&table, json_text(who, "queue"));
        table_cell_str(&table, json_text(who, "reason"));
        put_age(&table, who);
    }
    buf_append_str(out, "\n");
    if (json_count(operators, "") > 0) {
        table_write(&table, width, false, out);
    } else {
        buf_append_str(out, "nobody is logged in, or no site tells who (privacy.operators_to_centre there)\n");
    }
    table_deinit(&table);
}

static int64_t count_of(const struct json *document, const char *path)
{
    int64_t count = 0;
    (void)json_int(document, path, &count);
    return count;
}

static void put_notes(const struct json *document, struct buf *out)
{
    int64_t silent = count_of(document, "totals/sites") - count_of(document, "totals/sites_telling");
    int64_t stale = count_of(document, "totals/sites_stale");
    int64_t more = count_of(document, "operators_more");
    if (silent > 0) {
        buf_printf(out, "%" PRId64 " of %" PRId64 " sites do not tell how they are now\n", silent,
                   count_of(document, "totals/sites"));
    }
    if (stale > 0) {
        buf_printf(out, "%" PRId64 " sites are silent: how they were last, not in the totals\n", stale);
    }
    if (more > 0) {
        buf_printf(out, "%" PRId64 " more operators are logged in\n", more);
    }
}

void live_text_table(const struct json *document, size_t width, struct buf *out)
{
    put_rows(document, width, out);
    if (json_kind(document, "operators") == JSON_LIST) {
        put_operators(document, width, out);
    }
    put_notes(document, out);
}

void live_text_csv(const struct json *document, struct buf *out)
{
    bool operators = json_kind(document, "operators") == JSON_LIST;
    site_text_csv_rows(json_at(document, operators ? "operators" : "rows"), out);
}
