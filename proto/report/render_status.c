#include "proto/report/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/report/confinement.h"

static const char *bytes_at(const struct json *json, const char *path, char text[RENDER_VALUE_MAX])
{
    int64_t bytes;
    return json_int(json, path, &bytes) ? render_bytes(bytes, text) : strcpy(text, "-");
}

static void put_sources(const struct json *document, struct buf *out)
{
    const struct json *rows = json_at(document, "sources");
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        char text[RENDER_VALUE_MAX];
        const struct json *row = json_item(rows, i);
        buf_append_str(out, "source       ");
        text_put_plain(out, slice_str(json_text(row, "name")));
        buf_append_str(out, json_text(row, "path")[0] ? " " : "");
        text_put_plain(out, slice_str(json_text(row, "path")));
        if (strcmp(json_text(row, "type"), "ami") == 0) {
            buf_printf(out, ": %s\n", json_text(row, "state"));
        } else if (json_kind(row, "state") == JSON_TEXT) {
            buf_printf(out, ": %s, ", json_text(row, "state"));
            buf_printf(out, "%s behind\n", bytes_at(row, "lag_bytes", text));
        } else {
            buf_printf(out, ": read to %s\n", bytes_at(row, "offset", text));
        }
    }
}

/* What the PBX tells at once, and what that costs it and us. */
static void put_live(const struct json *document, struct buf *out)
{
    char text[RENDER_VALUE_MAX];
    const struct json *live = json_at(document, "live");
    if (json_kind(live, "connected") != JSON_BOOL) {
        return;
    }
    buf_append_str(out, "live         ");
    if (json_bool(live, "connected")) {
        buf_printf(out, "connected since %s", render_second(live, "since", text));
        if (json_kind(live, "version") == JSON_TEXT) {
            buf_append_str(out, ", version of the PBX: ");
            text_put_plain(out, slice_str(json_text(live, "version")));
        }
        buf_append_str(out, "\n");
    } else {
        buf_append_str(out, "not connected\n");
    }
    buf_printf(out, "             %s events", render_count(live, "events", text));
    buf_printf(out, " in %s", bytes_at(live, "received_bytes", text));
    buf_printf(out, "%s, %s actions sent", json_bool(live, "filtered") ? "" : " (not filtered)",
               render_count(live, "actions", text));
    buf_printf(out, ", snapshot %s", bytes_at(live, "snapshot/bytes", text));
    buf_printf(out, " in %s ms\n", render_count(live, "snapshot/took_ms", text));
}

struct quality_walk {
    struct buf *out;
    const char *lead;
};

static int put_quality(void *ctx, const char *key, const struct json *value)
{
    struct quality_walk *walk = ctx;
    int64_t count = 0;
    if (json_int(value, "", &count) && count != 0) {
        buf_append_str(walk->out, walk->lead);
        text_put_plain(walk->out, slice_str(key));
        buf_printf(walk->out, " %" PRId64, count);
        walk->lead = ", ";
    }
    return 0;
}

static void put_verbs(const struct json *document, struct buf *out)
{
    const struct json *rows = json_at(document, "unknown_verbs");
    for (size_t i = 0; i < json_count(rows, ""); i++) {
        char text[RENDER_VALUE_MAX];
        const struct json *row = json_item(rows, i);
        buf_append_str(out, i == 0 ? "unknown      " : ", ");
        text_put_plain(out, slice_str(json_text(row, "verb")));
        buf_printf(out, " %s", render_count(row, "count", text));
    }
    buf_append_str(out, json_count(rows, "") ? "\n" : "");
}

static void put_ledger(const struct json *document, struct buf *out)
{
    char used[RENDER_VALUE_MAX];
    char room[RENDER_VALUE_MAX];
    char legs[RENDER_VALUE_MAX];
    char intervals[RENDER_VALUE_MAX];
    const struct json *ledger = json_at(document, "ledger");
    buf_printf(out, "ledger       %s of %s, %s calls, %s intervals%s\n", bytes_at(ledger, "used_bytes", used),
               bytes_at(ledger, "map_bytes", room), render_count(ledger, "legs", legs),
               render_count(ledger, "intervals", intervals), json_bool(ledger, "full") ? ", FULL" : "");
    buf_printf(out, "last commit  %s (%s ago)\n", render_second(ledger, "committed", used),
               render_span(ledger, "committed_age_ms", room));
}

static void put_connection(const struct json *centre, struct buf *out)
{
    char text[RENDER_VALUE_MAX];
    text_put_plain(out, slice_str(json_text(centre, "collector")));
    if (json_kind(centre, "connected_since") == JSON_TEXT) {
        buf_printf(out, ", connected since %s", render_second(centre, "connected_since", text));
    } else {
        buf_append_str(out, ", not connected");
    }
    buf_printf(out, ", last answer %s ago\n", render_span(centre, "acknowledged_age_ms", text));
    if (json_kind(centre, "connected_since") != JSON_TEXT && json_kind(centre, "last_error") == JSON_TEXT) {
        buf_append_str(out, "             ");
        text_put_plain(out, slice_str(json_text(centre, "last_error")));
        buf_append_str(out, "\n");
    }
    buf_printf(out, "             certificate until %s\n", render_second(centre, "certificate_until", text));
}

/* A box that never joined has nothing to deliver: what waits is of no interest. */
static void put_centre(const struct json *document, struct buf *out)
{
    char text[RENDER_VALUE_MAX];
    const struct json *centre = json_at(document, "centre");
    int64_t refused = 0;
    if (json_kind(centre, "waiting") != JSON_INT) {
        return;
    }
    buf_append_str(out, "centre       ");
    if (json_bool(centre, "joined")) {
        put_connection(centre, out);
        buf_append_str(out, "             ");
    } else if (json_kind(centre, "joined") != JSON_NULL_VALUE) {
        buf_append_str(out, "not joined\n");
        return;
    }
    buf_printf(out, "%s intervals wait", render_count(centre, "waiting", text));
    if (json_kind(centre, "oldest") == JSON_TEXT) {
        buf_printf(out, ", the oldest of %s", render_minute(centre, "oldest", text));
    }
    if (json_int(centre, "refused", &refused) && refused > 0) {
        buf_printf(out, ", %" PRId64 " were refused", refused);
    }
    buf_append_str(out, "\n");
}

static void put_confinement(const struct json *document, struct buf *out)
{
    struct buf text = BUF_INIT;
    if (confinement_render(json_at(document, "sandbox"), &text)) {
        buf_printf(out, "confined     %s\n", buf_cstr(&text));
    }
    buf_deinit(&text);
}

void render_status_text(const struct json *document, const struct render_style *style, struct buf *out)
{
    char text[RENDER_VALUE_MAX];
    const char *state = json_text(document, "state");
    enum render_hue hue = strcmp(state, "ok") == 0     ? RENDER_GREEN
                          : strcmp(state, "down") == 0 ? RENDER_RED
                                                       : RENDER_YELLOW;
    render_hued(out, style, RENDER_BOLD, json_text(document, "site"));
    buf_append_str(out, ": ");
    render_hued(out, style, hue, state);
    buf_printf(out, "  %s ", render_second(document, "as_of", text));
    text_put_plain(out, slice_str(json_text(document, "zone")));
    buf_append_str(out, "\n");
    render_hints(document, style, out);
    buf_append_str(out, "\nversion      ");
    text_put_plain(out, slice_str(json_text(document, "version")));
    if (json_kind(document, "started") == JSON_TEXT) {
        buf_printf(out, ", up since %s", render_second(document, "started", text));
    }
    buf_append_str(out, "\nepoch        ");
    text_put_plain(out, slice_str(json_text(document, "epoch")));
    buf_append_str(out, "\n");
    put_confinement(document, out);
    put_ledger(document, out);
    buf_printf(out, "newest event %s\n", render_second(document, "newest_event", text));
    put_sources(document, out);
    put_live(document, out);
    put_centre(document, out);
    struct quality_walk walk = {out, "counted      "};
    (void)json_each(json_at(document, "quality"), put_quality, &walk);
    buf_append_str(out, walk.lead[0] == ',' ? "\n" : "");
    put_verbs(document, out);
}
