/* SenML (RFC 8428) as JSON: a pack of records whose base name is "site/queue/". Names there may hold only letters,
 * digits and - : . / _ so every other byte of a site's or queue's name, and the colon, becomes ":" and two hex digits
 * ("田" is :E7:94:B0). A value that does not exist has no record. */
#include "proto/report/render_parts.h"

#include <ctype.h>
#include <string.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/time/stamp.h"

struct senml_field {
    const char *path;
    const char *name;
    const char *unit; /* "count", "/" (a ratio), or "s" for what the report has in milliseconds */
};

static const struct senml_field queue_fields[] = {
    {"waiting", "waiting", "count"},
    {"longest_wait_ms", "longest_wait", "s"},
    {"connected", "connected", "count"},
    {"logged_in", "logged_in", "count"},
    {"ready", "ready", "count"},
    {"paused", "paused", "count"},
    {"entered_last_hour", "entered_last_hour", "count"},
    {"today/entered", "today/entered", "count"},
    {"today/answered", "today/answered", "count"},
    {"today/abandoned", "today/abandoned", "count"},
    {"today/exits", "today/exits", "count"},
    {"today/lost", "today/lost", "count"},
    {"today/asa_ms", "today/asa", "s"},
    {"today/abandon_rate", "today/abandon_rate", "/"},
    {"today/service_level/value", "today/service_level", "/"},
};

static const struct senml_field kpi_fields[] = {
    {"entered", "entered", "count"},
    {"answered", "answered", "count"},
    {"abandoned", "abandoned", "count"},
    {"abandoned_short", "abandoned_short", "count"},
    {"exit_timeout", "exit_timeout", "count"},
    {"exit_empty", "exit_empty", "count"},
    {"exit_key", "exit_key", "count"},
    {"withdrawn", "withdrawn", "count"},
    {"blocked", "blocked", "count"},
    {"lost", "lost", "count"},
    {"transferred_in", "transferred_in", "count"},
    {"transferred_out", "transferred_out", "count"},
    {"ring_no_answer", "ring_no_answer", "count"},
    {"waiting_start", "waiting_start", "count"},
    {"waiting_end", "waiting_end", "count"},
    {"waiting_max", "waiting_max", "count"},
    {"asa_ms", "asa", "s"},
    {"aht_ms", "aht", "s"},
    {"wait_answered_ms/p90", "wait_answered/p90", "s"},
    {"wait_answered_ms/max", "wait_answered/max", "s"},
    {"wait_abandoned_ms/max", "wait_abandoned/max", "s"},
    {"talk_ms/sum", "talk/sum", "s"},
    {"hold_ms/sum", "hold/sum", "s"},
    {"abandon_rate", "abandon_rate", "/"},
    {"service_level/value", "service_level", "/"},
};

static void put_name(struct buf *out, const char *name)
{
    for (const char *c = name; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        bool first = c == name;
        if (isalnum(byte) || (!first && strchr("-._", *c))) {
            buf_append(out, c, 1);
        } else {
            buf_printf(out, ":%02X", byte);
        }
    }
}

static void put_base(struct json *record, const char *site, const char *queue, const char *time)
{
    struct buf name = BUF_INIT;
    int64_t at_ms;
    put_name(&name, site);
    buf_append_str(&name, "/");
    put_name(&name, queue);
    buf_append_str(&name, "/");
    json_put_text(record, "bn", buf_slice(&name));
    if (stamp_parse(slice_str(time), &at_ms) == 0) {
        if (at_ms % 1000 == 0) {
            json_put_int(record, "bt", at_ms / 1000);
        } else {
            json_put_number(record, "bt", (double)at_ms / 1000);
        }
    }
    buf_deinit(&name);
}

static void put_records(struct json *pack, const struct json *row, const struct senml_field *fields, size_t count,
                        const char *site, const char *time)
{
    bool based = false;
    for (size_t i = 0; i < count; i++) {
        double value;
        int64_t integer;
        if (!json_number(row, fields[i].path, &value)) {
            continue;
        }
        struct json *record = json_add_map(pack);
        if (!based) {
            put_base(record, site, json_text(row, "queue"), time);
            based = true;
        }
        json_put_str(record, "n", fields[i].name);
        json_put_str(record, "u", fields[i].unit);
        if (strcmp(fields[i].unit, "s") == 0) {
            json_put_number(record, "v", value / 1000);
        } else if (json_int(row, fields[i].path, &integer)) {
            json_put_int(record, "v", integer);
        } else {
            json_put_number(record, "v", value);
        }
    }
}

int render_senml(enum report_kind kind, const struct json *document, struct buf *out)
{
    bool kpi = kind == REPORT_KPI;
    if (!kpi && kind != REPORT_QUEUES) {
        return STATUS_UNSUPPORTED;
    }
    CLEANUP(json_cleanup) struct json *pack = json_new_list();
    const struct json *rows = json_at(document, kpi ? "rows" : "queues");
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        const struct json *row = json_item(rows, i);
        const char *start = json_text(row, "start");
        const char *time = json_text(document, kpi ? "from" : "as_of");
        put_records(pack, row, kpi ? kpi_fields : queue_fields,
                    kpi ? sizeof kpi_fields / sizeof kpi_fields[0] : sizeof queue_fields / sizeof queue_fields[0],
                    json_text(document, "site"), *start ? start : time);
    }
    return json_build_failed() ? STATUS_NO_MEMORY : json_write(pack, 0, out);
}
