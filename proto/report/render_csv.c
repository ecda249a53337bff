/* CSV after RFC 4180: a header, CRLF, quotes where needed. A row for each element of the report's lists, its nested
 * members as "wait_answered_ms.p90"; of several lists the first column names the list. */
#include "proto/report/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csv_columns {
    struct buf names;  /* paths with '/', each ended by NUL */
    struct buf prefix; /* while flattening */
};

struct csv_list {
    const char *name;
    const struct json *rows;
};

static bool has_column(const struct csv_columns *columns, const char *path)
{
    const char *end = (const char *)columns->names.data + columns->names.len;
    for (const char *at = (const char *)columns->names.data; at < end; at += strlen(at) + 1) {
        if (strcmp(at, path) == 0) {
            return true;
        }
    }
    return false;
}

static int take_member(void *ctx, const char *key, const struct json *value)
{
    struct csv_columns *columns = ctx;
    size_t before = columns->prefix.len;
    buf_printf(&columns->prefix, "%s%s", before ? "/" : "", key);
    if (json_kind(value, "") == JSON_MAP) {
        (void)json_each(value, take_member, columns);
    } else {
        const char *path = buf_cstr(&columns->prefix);
        if (json_kind(value, "") != JSON_LIST && !has_column(columns, path)) {
            buf_append(&columns->names, path, strlen(path) + 1);
        }
    }
    columns->prefix.len = before;
    return 0;
}

static void put_field(struct buf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        buf_append_str(out, text);
        return;
    }
    buf_append_str(out, "\"");
    for (const char *c = text; *c; c++) {
        buf_append(out, c, 1);
        if (*c == '"') {
            buf_append(out, c, 1);
        }
    }
    buf_append_str(out, "\"");
}

static void put_value(struct buf *out, const struct json *row, const char *path)
{
    int64_t integer;
    double number;
    switch (json_kind(row, path)) {
    case JSON_TEXT: put_field(out, json_text(row, path)); break;
    case JSON_BOOL: buf_append_str(out, json_bool(row, path) ? "true" : "false"); break;
    case JSON_INT:
        if (json_int(row, path, &integer)) {
            buf_printf(out, "%" PRId64, integer);
        }
        break;
    case JSON_NUMBER:
        if (json_number(row, path, &number)) {
            buf_printf(out, "%.15g", number);
        }
        break;
    case JSON_NOTHING:
    case JSON_NULL_VALUE:
    case JSON_LIST:
    case JSON_MAP: break;
    }
}

static void put_header(const struct csv_columns *columns, const char *lead, struct buf *out)
{
    const char *end = (const char *)columns->names.data + columns->names.len;
    buf_append_str(out, lead);
    for (const char *at = (const char *)columns->names.data; at < end; at += strlen(at) + 1) {
        size_t begin = out->len;
        buf_append_str(out, at == (const char *)columns->names.data && !*lead ? "" : ",");
        buf_append_str(out, at);
        for (size_t i = begin; i < out->len; i++) {
            out->data[i] = out->data[i] == '/' ? '.' : out->data[i];
        }
    }
    buf_append_str(out, "\r\n");
}

static void put_rows(const struct csv_columns *columns, const struct csv_list *list, bool named, struct buf *out)
{
    const char *end = (const char *)columns->names.data + columns->names.len;
    for (size_t i = 0; i < json_count(list->rows, ""); i++) {
        buf_append_str(out, named ? list->name : "");
        for (const char *at = (const char *)columns->names.data; at < end; at += strlen(at) + 1) {
            buf_append_str(out, at == (const char *)columns->names.data && !named ? "" : ",");
            put_value(out, json_item(list->rows, i), at);
        }
        buf_append_str(out, "\r\n");
    }
}

static void put_lists(const struct csv_list *lists, size_t count, struct buf *out)
{
    struct csv_columns columns = {BUF_INIT, BUF_INIT};
    for (size_t l = 0; l < count; l++) {
        for (size_t i = 0; i < json_count(lists[l].rows, ""); i++) {
            (void)json_each(json_item(lists[l].rows, i), take_member, &columns);
        }
    }
    if (columns.names.len > 0) {
        put_header(&columns, count > 1 ? "list" : "", out);
    }
    for (size_t l = 0; l < count; l++) {
        put_rows(&columns, &lists[l], count > 1, out);
    }
    out->failed = out->failed || columns.names.failed || columns.prefix.failed;
    buf_deinit(&columns.names);
    buf_deinit(&columns.prefix);
}

/* The status is no list: a name and a value a line. */
static void put_pairs(const struct json *document, struct buf *out)
{
    struct csv_columns columns = {BUF_INIT, BUF_INIT};
    (void)json_each(document, take_member, &columns);
    const char *end = (const char *)columns.names.data + columns.names.len;
    buf_append_str(out, "name,value\r\n");
    for (const char *at = (const char *)columns.names.data; at < end; at += strlen(at) + 1) {
        for (const char *c = at; *c; c++) {
            buf_append(out, *c == '/' ? "." : c, 1);
        }
        buf_append_str(out, ",");
        put_value(out, document, at);
        buf_append_str(out, "\r\n");
    }
    out->failed = out->failed || columns.names.failed || columns.prefix.failed;
    buf_deinit(&columns.names);
    buf_deinit(&columns.prefix);
}

void render_csv(enum report_kind kind, const struct json *document, struct buf *out)
{
    static const char *const names[REPORT_KIND_COUNT] = {[REPORT_QUEUES] = "queues",
                                                         [REPORT_OPERATORS] = "operators",
                                                         [REPORT_KPI] = "rows",
                                                         [REPORT_LIVE] = "queues",
                                                         [REPORT_ALERTS] = "alerts"};
    if (kind == REPORT_STATUS) {
        put_pairs(document, out);
    } else if (kind == REPORT_CALLS) {
        const struct csv_list lists[] = {{"open", json_at(document, "open")}, {"closed", json_at(document, "closed")}};
        put_lists(lists, 2, out);
    } else {
        const struct csv_list list = {names[kind], json_at(document, names[kind])};
        put_lists(&list, 1, out);
    }
}
