#include "proto/report/confinement.h"

#include <inttypes.h>
#include <string.h>

#include "proto/report/text.h"

void confinement_put(struct json *map, const char *key, const struct confinement *confinement)
{
    if (!confinement || !confinement->setting) {
        json_put_null(map, key);
        return;
    }
    struct json *out = json_put_map(map, key);
    json_put_str(out, "setting", confinement->setting);
    json_put_bool(out, "system_calls", confinement->calls);
    json_put_bool(out, "files", confinement->files);
    json_put_bool(out, "tcp_ports", confinement->ports);
    json_put_int(out, "landlock", confinement->landlock);
}

bool confinement_render(const struct json *put, struct buf *out)
{
    int64_t landlock = 0;
    bool calls = json_bool(put, "system_calls");
    bool files = json_bool(put, "files");
    if (json_kind(put, "setting") != JSON_TEXT) {
        return false;
    }
    if (!calls && !files) {
        buf_append_str(out, "nothing (service.sandbox = ");
        text_put_plain(out, slice_str(json_text(put, "setting")));
        buf_append_str(out, ")");
        return true;
    }
    buf_append_str(out, calls ? "system calls" : "");
    if (files) {
        (void)json_int(put, "landlock", &landlock);
        buf_printf(out, "%sfiles (Landlock %" PRId64 ")", calls ? ", " : "", landlock);
    }
    buf_append_str(out, json_bool(put, "tcp_ports") ? ", TCP ports" : "");
    return true;
}
