#include "collector/site_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/time/stamp.h"
#include "proto/report/table.h"

enum { VALUE_MAX = 48, MS_SECOND = 1000 };

/* ---- values ---- */

const char *site_text_span(int64_t ms, char *text, size_t size)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400 * MS_SECOND, "d"}, {3600 * MS_SECOND, "h"}, {60 * MS_SECOND, "min"}, {MS_SECOND, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms >= 2 * units[i].ms) {
            (void)snprintf(text, size, "%" PRId64 " %s", ms / units[i].ms, units[i].unit);
            return text;
        }
    }
    (void)snprintf(text, size, "%.1f s", (double)ms / MS_SECOND);
    return text;
}

static const char *span_text(int64_t ms, char text[VALUE_MAX])
{
    return site_text_span(ms, text, VALUE_MAX);
}

static const char *span_at(const struct json *json, const char *path, char text[VALUE_MAX])
{
    int64_t ms;
    return json_int(json, path, &ms) ? span_text(ms, text) : strcpy(text, "-");
}

static const char *offset_at(const struct json *json, const char *path, char text[VALUE_MAX])
{
    int64_t ms;
    char span[VALUE_MAX];
    if (!json_int(json, path, &ms)) {
        return strcpy(text, "-");
    }
    int64_t size_ms = ms < 0 ? -ms : ms;
    const char *sign = size_ms < MS_SECOND / 20 ? "" : ms < 0 ? "-" : "+"; /* what shows as 0.0 has none */
    (void)snprintf(text, VALUE_MAX, "%s%s", sign, span_text(size_ms, span));
    return text;
}

static const char *count_at(const struct json *json, const char *path, char text[VALUE_MAX])
{
    int64_t count;
    if (!json_int(json, path, &count)) {
        return strcpy(text, "-");
    }
    (void)snprintf(text, VALUE_MAX, "%" PRId64, count);
    return text;
}

static const char *age_at(const struct json *json, const char *path, char text[VALUE_MAX])
{
    int64_t ms;
    char span[VALUE_MAX];
    if (!json_int(json, path, &ms)) {
        return strcpy(text, "never");
    }
    (void)snprintf(text, VALUE_MAX, "%s ago", span_text(ms, span));
    return text;
}

/* How long until a moment: "60 d", "ended". */
static const char *until_at(const struct json *json, const char *path, int64_t now_ms, char text[VALUE_MAX])
{
    int64_t at_ms;
    if (stamp_parse(slice_str(json_text(json, path)), &at_ms) != 0) {
        return strcpy(text, "-");
    }
    return at_ms <= now_ms ? strcpy(text, "ended") : span_text(at_ms - now_ms, text);
}

static const char *text_at(const struct json *json, const char *path)
{
    const char *text = json_text(json, path);
    return text[0] ? text : "-";
}

/* A site that joined is told by whether it is there. */
static const char *state_of(const struct json *site)
{
    const char *state = json_text(site, "state");
    return strcmp(state, "joined") != 0 ? state : json_bool(site, "online") ? "online" : "offline";
}

/* ---- tables ---- */

void site_text_table(const struct json *document, size_t width, struct buf *out)
{
    static const struct table_column columns[] = {{"Site", TEXT_LEFT, true},      {"State", TEXT_LEFT, false},
                                                  {"Seen", TEXT_RIGHT, false},    {"Lag", TEXT_RIGHT, false},
                                                  {"Backlog", TEXT_RIGHT, false}, {"Clock", TEXT_RIGHT, false},
                                                  {"Version", TEXT_LEFT, true},   {"Cert", TEXT_RIGHT, false},
                                                  {"Group", TEXT_LEFT, true},     {"Zone", TEXT_LEFT, true}};
    struct table table;
    char text[VALUE_MAX];
    int64_t now_ms = 0;
    const struct json *sites = json_at(document, "sites");
    (void)stamp_parse(slice_str(json_text(document, "as_of")), &now_ms);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(sites, ""); i++) {
        const struct json *site = json_item(sites, i);
        table_cell_str(&table, json_text(site, "site"));
        table_cell_str(&table, state_of(site));
        table_cell_str(&table, age_at(site, "last_seen_age_ms", text));
        table_cell_str(&table, span_at(site, "lag_ms", text));
        table_cell_str(&table, count_at(site, "backlog", text));
        table_cell_str(&table, offset_at(site, "clock_offset_ms", text));
        table_cell_str(&table, text_at(site, "agent_version"));
        table_cell_str(&table, until_at(site, "certificate_end", now_ms, text));
        table_cell_str(&table, text_at(site, "group"));
        table_cell_str(&table, text_at(site, "zone"));
    }
    if (json_count(sites, "") == 0) {
        buf_append_str(out, "no sites yet: ringside-collector site add ID\n");
    } else {
        table_write(&table, width, false, out);
    }
    table_deinit(&table);
}

static void put_line(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "%-14s", name);
    text_put_plain(out, slice_str(text));
    buf_append_str(out, "\n");
}

static void put_text(struct buf *out, const struct json *site, const char *name, const char *key)
{
    put_line(out, name, text_at(site, key));
}

/* To the second: nobody reads the rest. */
static const char *moment_at(const struct json *json, const char *path, char text[VALUE_MAX])
{
    int64_t at_ms;
    const char *stamp = json_text(json, path);
    if (stamp_parse(slice_str(stamp), &at_ms) != 0 || strlen(stamp) >= VALUE_MAX) {
        return strcpy(text, "-");
    }
    size_t whole = strcspn(stamp, ".");
    size_t rest = whole + strcspn(stamp + whole, "Z+-");
    (void)snprintf(text, VALUE_MAX, "%.*s%s", (int)whole, stamp, stamp[whole] ? stamp + rest : "");
    return text;
}

static void put_moment(struct buf *out, const struct json *site, const char *name, const char *key)
{
    char text[VALUE_MAX];
    put_line(out, name, moment_at(site, key, text));
}

struct counter_walk {
    struct buf *out;
    const char *lead;
};

static int put_counter(void *ctx, const char *key, const struct json *value)
{
    struct counter_walk *walk = ctx;
    int64_t count = 0;
    if (json_int(value, "", &count) && count != 0) {
        buf_printf(walk->out, "%s%s %" PRId64, walk->lead, key, count);
        walk->lead = ", ";
    }
    return 0;
}

static void put_history(const struct json *site, struct buf *out)
{
    const struct json *gaps = json_at(site, "gaps");
    const struct json *events = json_at(site, "events");
    char from[VALUE_MAX];
    char to[VALUE_MAX];
    for (size_t i = 0; i < json_count(gaps, ""); i++) {
        const struct json *row = json_item(gaps, i);
        bool live = strcmp(json_text(row, "kind"), "live") == 0;
        buf_printf(out, "gap           %s to %s%s: ", moment_at(row, "from", from), moment_at(row, "to", to),
                   live ? " (not of calls)" : "");
        text_put_plain(out, slice_str(json_text(row, "reason")));
        buf_append_str(out, "\n");
    }
    for (size_t i = 0; i < json_count(events, ""); i++) {
        const struct json *row = json_item(events, i);
        buf_printf(out, "event         %s ", moment_at(row, "at", from));
        text_put_plain(out, slice_str(json_text(row, "kind")));
        buf_append_str(out, ": ");
        text_put_plain(out, slice_str(json_text(row, "text")));
        buf_append_str(out, "\n");
    }
}

static void put_link(const struct json *site, struct buf *out)
{
    char text[VALUE_MAX];
    buf_append_str(out, "\n");
    put_line(out, "seen", age_at(site, "last_seen_age_ms", text));
    put_text(out, site, "address", "address");
    put_moment(out, site, "connected", "connected");
    put_moment(out, site, "acknowledged", "acknowledged");
    put_line(out, "lag", span_at(site, "lag_ms", text));
    put_line(out, "backlog", count_at(site, "backlog", text));
    put_moment(out, site, "newest", "newest_interval");
    put_line(out, "clock", offset_at(site, "clock_offset_ms", text));
    put_text(out, site, "version", "agent_version");
    put_text(out, site, "epoch", "epoch");
    struct counter_walk now = {out, "now           "};
    (void)json_each(json_at(site, "live"), put_counter, &now);
    buf_append_str(out, now.lead[0] != ',' ? "" : json_bool(site, "live/stale") ? " (stale)\n" : "\n");
    struct counter_walk walk = {out, "counted       "};
    (void)json_each(json_at(site, "counters"), put_counter, &walk);
    buf_append_str(out, walk.lead[0] == ',' ? "\n" : "");
}

void site_text_page(const struct json *site, struct buf *out)
{
    buf_printf(out, "%s: %s\n\n", json_text(site, "site"), state_of(site));
    put_text(out, site, "group", "group");
    put_text(out, site, "zone", "zone");
    put_moment(out, site, "added", "added");
    put_moment(out, site, "joined", "joined");
    put_moment(out, site, "certificate", "certificate_end");
    if (json_kind(site, "token_expires") == JSON_TEXT) {
        put_moment(out, site, "token until", "token_expires");
    }
    if (json_kind(site, "last_seen") == JSON_TEXT) {
        put_link(site, out);
    }
    put_history(site, out);
}

/* ---- CSV ---- */

struct csv_walk {
    struct buf *out;
    const char *prefix; /* of a map within the row */
    bool header;
    bool first;
};

static void put_field(struct csv_walk *walk, const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    buf_append_str(walk->out, walk->first ? "" : ",");
    walk->first = false;
    buf_append_str(walk->out, quoted ? "\"" : "");
    for (const char *c = text; *c; c++) {
        buf_append_str(walk->out, quoted && *c == '"' ? "\"" : "");
        buf_append(walk->out, c, 1);
    }
    buf_append_str(walk->out, quoted ? "\"" : "");
}

static void put_value(struct csv_walk *walk, const struct json *value)
{
    char text[VALUE_MAX];
    switch (json_kind(value, "")) {
    case JSON_TEXT: put_field(walk, json_text(value, "")); break;
    case JSON_BOOL: put_field(walk, json_bool(value, "") ? "true" : "false"); break;
    case JSON_INT: put_field(walk, count_at(value, "", text)); break;
    default: put_field(walk, ""); break;
    }
}

static int put_member(void *ctx, const char *key, const struct json *value)
{
    struct csv_walk *walk = ctx;
    char name[VALUE_MAX * 2];
    enum json_kind kind = json_kind(value, "");
    if (kind == JSON_LIST) {
        return 0;
    }
    (void)snprintf(name, sizeof name, "%s%s%s", walk->prefix, walk->prefix[0] ? "." : "", key);
    if (kind == JSON_MAP) {
        const char *before = walk->prefix;
        walk->prefix = name;
        (void)json_each(value, put_member, walk);
        walk->prefix = before;
    } else if (walk->header) {
        put_field(walk, name);
    } else {
        put_value(walk, value);
    }
    return 0;
}

static void put_row(const struct json *site, bool header, struct buf *out)
{
    struct csv_walk walk = {.out = out, .prefix = "", .header = header, .first = true};
    (void)json_each(site, put_member, &walk);
    buf_append_str(out, "\r\n");
}

void site_text_csv_site(const struct json *site, struct buf *out)
{
    put_row(site, true, out);
    put_row(site, false, out);
}

void site_text_csv_rows(const struct json *rows, struct buf *out)
{
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        if (i == 0) {
            put_row(json_item(rows, i), true, out);
        }
        put_row(json_item(rows, i), false, out);
    }
}

void site_text_csv_list(const struct json *document, struct buf *out)
{
    site_text_csv_rows(json_at(document, "sites"), out);
}
