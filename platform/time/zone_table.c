/* The zones beside the process's own. libc knows one zone a process; these are read from the same files. */
#include "platform/time/zone_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "platform/time/tzif.h"

enum { FILE_MAX = 1 << 20 };

struct zone {
    struct zone *next;
    char asked[ZONE_NAME_MAX]; /* as in zone_find() */
    char name[ZONE_NAME_MAX];
    struct tzif table;
};

static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zone *zones; /* found once, kept until the process ends */

static int read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        return STATUS_NOT_FOUND;
    }
    size_t got = 1;
    while (got > 0 && out->len < FILE_MAX) {
        uint8_t part[4096];
        got = fread(part, 1, sizeof part, file);
        buf_append(out, part, got);
    }
    bool whole = !ferror(file) && feof(file);
    (void)fclose(file);
    return out->failed ? STATUS_NO_MEMORY : whole ? 0 : STATUS_NOT_FOUND;
}

/* A file that cannot be read as zone data is no zone. */
static int load_file(const char *path, struct tzif *out)
{
    struct buf bytes = BUF_INIT;
    int status = read_file(path, &bytes);
    if (status == 0) {
        status = tzif_parse(buf_slice(&bytes), out);
    }
    buf_deinit(&bytes);
    return status == 0 || status == STATUS_NO_MEMORY ? status : STATUS_NOT_FOUND;
}

static int load_named(const char *name, struct tzif *out)
{
    char path[ZONE_PATH_MAX];
    if (!zone_name_is_plain(name)) {
        return STATUS_NOT_FOUND;
    }
    int status = zone_path(name, path) ? load_file(path, out) : STATUS_NOT_FOUND;
    if (status == STATUS_NOT_FOUND && strcmp(name, "UTC") == 0) {
        *out = (struct tzif){0}; /* needs no data */
        return 0;
    }
    return status;
}

/* As libc reads TZ: a name, a file, a rule; what is none of them is UTC. */
static int load_local(const char *tz, struct tzif *out)
{
    if (!tz) {
        int status = load_file("/etc/localtime", out);
        return status == STATUS_NOT_FOUND ? load_named("UTC", out) : status;
    }
    tz += *tz == ':';
    int status = *tz == '/' ? load_file(tz, out) : load_named(tz, out);
    if (status == STATUS_NOT_FOUND) {
        *out = (struct tzif){0};
        out->has_rule = rule_parse(slice_str(tz), &out->rule) == 0;
        status = 0;
    }
    return status;
}

static int load(const char *name, struct zone *out)
{
    if (strcmp(name, "local") != 0) {
        (void)snprintf(out->name, sizeof out->name, "%s", name);
        return load_named(name, &out->table);
    }
    const char *tz = zone_inherited_tz();
    zone_local_name(tz, out->name);
    if (!out->name[0]) {
        (void)snprintf(out->name, sizeof out->name, "local");
    }
    return load_local(tz, &out->table);
}

static int find_locked(const char *name, const struct zone **out)
{
    for (const struct zone *zone = zones; zone; zone = zone->next) {
        if (strcmp(zone->asked, name) == 0) {
            *out = zone;
            return 0;
        }
    }
    struct zone *zone = calloc(1, sizeof *zone);
    if (!zone) {
        return STATUS_NO_MEMORY;
    }
    int status = load(name, zone);
    if (status != 0) {
        free(zone);
        return status;
    }
    (void)snprintf(zone->asked, sizeof zone->asked, "%s", name);
    zone->next = zones;
    zones = zone;
    *out = zone;
    return 0;
}

int zone_find(const char *name, const struct zone **out)
{
    if (strlen(name) >= ZONE_NAME_MAX) {
        return STATUS_NOT_FOUND;
    }
    (void)pthread_mutex_lock(&zones_lock);
    int status = find_locked(name, out);
    (void)pthread_mutex_unlock(&zones_lock);
    return status;
}

const char *zone_text(const struct zone *zone)
{
    return zone->name;
}

int32_t zone_table_offset(const struct zone *zone, int64_t at_s)
{
    return tzif_offset(&zone->table, at_s);
}
