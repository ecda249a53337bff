/* confinement: what holds a daemon in (platform/service/sandbox.h), as both daemons report it. */
#ifndef RINGSIDE_PROTO_REPORT_CONFINEMENT_H
#define RINGSIDE_PROTO_REPORT_CONFINEMENT_H

#include <stdbool.h>

#include "platform/base/buf.h"
#include "platform/json/json.h"

struct confinement {
    const char *setting; /* the word of service.sandbox, static; NULL: not known */
    bool calls;
    bool files;
    bool ports;
    unsigned landlock; /* 0: none */
};

/* {setting, system_calls, files, tcp_ports, landlock}; null where it is not known. */
void confinement_put(struct json *map, const char *key, const struct confinement *confinement);

/* What was put, for people: "system calls, files (Landlock 7), TCP ports", or what there is instead. False, and nothing
 * written: it is not known. */
bool confinement_render(const struct json *put, struct buf *out);

#endif
