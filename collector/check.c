/* check: whether the machine fits the settings. Remarks are for people; nothing here changes anything. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "collector/config.h"
#include "collector/config_table.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

enum { EXIT_UNUSABLE = 2, MIB_BYTES = 1 << 20 };

struct checking {
    FILE *err;
    const char *path;
    unsigned errors;
};

__attribute__((format(printf, 3, 4))) static void say(struct checking *checking, const char *level, const char *format,
                                                      ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    checking->errors += strcmp(level, "error") == 0;
    (void)fprintf(checking->err, "%s: %s: %s\n", checking->path, level, text);
}

static void check_zone(struct checking *checking, const char *name)
{
    const struct zone *zone = NULL;
    if (zone_find(name, &zone) != 0) {
        say(checking, "error", "centre.zone: \"%s\" is no time zone of this machine", name);
    }
}

static void check_room(struct checking *checking, const struct collector_config *config)
{
    struct statvfs fs;
    if (statvfs(config->data.dir, &fs) != 0) {
        return;
    }
    char data[4200];
    struct stat info;
    (void)snprintf(data, sizeof data, "%s/data.mdb", config->data.store_dir);
    uint64_t taken = stat(data, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize + taken;
    if (room < config->store.size_max_bytes) {
        say(checking, "warning",
            "store.size_max: %" PRIu64 "MiB, but %s has only %" PRIu64 "MiB of room; the store cannot grow to its size",
            config->store.size_max_bytes / MIB_BYTES, config->data.dir, room / MIB_BYTES);
    }
}

static void check_dir(struct checking *checking, const struct collector_config *config)
{
    const char *dir = config->data.dir;
    struct stat info;
    if (stat(dir, &info) != 0) {
        bool missing = errno == ENOENT;
        say(checking, missing ? "note" : "warning",
            missing ? "data.dir: %s does not exist yet: `ringside-collector init` makes it"
                    : "data.dir: %s cannot be looked at by this user",
            dir);
        return;
    }
    if (!S_ISDIR(info.st_mode)) {
        say(checking, "error", "data.dir: %s is not a directory", dir);
        return;
    }
    if (access(dir, W_OK | X_OK) != 0) {
        say(checking, "warning", "data.dir: this user may not write to %s: %s", dir, strerror(errno));
    } else if (access(config->data.identity_dir, F_OK) != 0) {
        say(checking, "note", "data.dir: there is no CA in %s yet: `ringside-collector init` makes it", dir);
    }
    check_room(checking, config);
}

static void check_user(struct checking *checking, const struct collector_service_config *service)
{
    if (service->user[0] == '\0' || geteuid() != 0 || getpwnam(service->user)) {
        return;
    }
    if (service->user_default) {
        say(checking, "warning", "service.user: there is no user \"%s\"; started as root, the collector stays root",
            service->user);
    } else {
        say(checking, "error", "service.user: there is no user \"%s\"; allowed: an existing user, or \"\" to stay root",
            service->user);
    }
}

static void print_defect(void *ctx, const char *line)
{
    struct checking *checking = ctx;
    (void)fprintf(checking->err, "%s\n", line);
}

int collector_config_check(const char *path, FILE *out, FILE *err, bool print)
{
    struct checking checking = {.err = err, .path = path ? path : COLLECTOR_CONFIG_PATH};
    struct config *raw = NULL;
    struct collector_config *config = NULL;
    int status = collector_config_read(path, print_defect, &checking, &raw, &config);
    if (status != 0) {
        if (status != STATUS_INVALID) {
            (void)fprintf(err, "%s: %s\n", checking.path, status_str(status));
        }
        return EXIT_UNUSABLE;
    }
    if (!config->from_file) {
        say(&checking, "note", "no such file; all settings are the defaults");
    }
    check_zone(&checking, config->zone);
    check_dir(&checking, config);
    check_user(&checking, &config->service);
    if (print) {
        status = config_print(raw, out);
    } else if (checking.errors == 0) {
        (void)fprintf(out, "%s: ok\n", checking.path);
    }
    config_free(raw);
    collector_config_free(config);
    return checking.errors == 0 && status == 0 ? 0 : EXIT_UNUSABLE;
}
