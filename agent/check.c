#include "agent/check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/config_table.h"
#include "agent/credentials/credentials.h"
#include "platform/base/status.h"

enum { EXIT_UNUSABLE = 2, MIB_BYTES = 1 << 20 };

struct checking {
    agent_check_fn report;
    void *ctx;
    unsigned errors;
};

__attribute__((format(printf, 3, 4))) static void say(struct checking *checking, enum agent_check_level level,
                                                      const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    checking->errors += level == AGENT_CHECK_ERROR;
    checking->report(checking->ctx, level, text);
}

/* ---- the ledger's place ---- */

/* Cuts the last component: "/a/b" -> "/a" -> "/". */
static void cut(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path) {
        path[1] = '\0';
    } else {
        *slash = '\0';
    }
}

/* The directory itself or the nearest one above that exists. Returns owned; NULL: out of memory. */
static char *existing_above(const char *dir, struct stat *info)
{
    char *path = strdup(dir);
    while (path && stat(path, info) != 0 && errno == ENOENT && strcmp(path, "/") != 0) {
        cut(path);
    }
    return path;
}

static const char *far_file_system(long kind)
{
    static const struct {
        long kind;
        const char *name;
    } known[] = {{0x6969, "NFS"},       {0x517b, "SMB"},      {(long)0xfe534d42, "SMB"}, {(long)0xff534d42, "CIFS"},
                 {0x00c36400, "Ceph"},  {0x5346414f, "AFS"},  {0x01021997, "9p"},        {0x65735546, "FUSE"},
                 {0x7461636f, "OCFS2"}, {0x01161970, "GFS2"}, {0x0bd00bd0, "Lustre"},    {0x73757245, "Coda"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].kind == kind) {
            return known[i].name;
        }
    }
    return NULL;
}

static void check_kind(struct checking *checking, const char *dir, const char *place)
{
    struct statfs fs;
    if (statfs(place, &fs) != 0) {
        return;
    }
    const char *far = far_file_system((long)fs.f_type);
    if (far) {
        say(checking, AGENT_CHECK_WARNING,
            "ledger.dir: %s is on %s; the ledger is mapped into memory and needs a local file system", dir, far);
    } else if (fs.f_type == 0x01021994) {
        say(checking, AGENT_CHECK_WARNING,
            "ledger.dir: %s is on a tmpfs; the ledger is gone after a restart of the box", dir);
    }
}

/* What the ledger's file holds already needs no room again. */
static uint64_t bytes_taken(const char *dir)
{
    char path[4200];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir);
    return stat(path, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
}

static void check_room(struct checking *checking, const struct agent_ledger_config *ledger, const char *place)
{
    struct statvfs fs;
    if (statvfs(place, &fs) != 0) {
        return;
    }
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize + bytes_taken(ledger->dir);
    if (room < ledger->size_max_bytes) {
        say(checking, AGENT_CHECK_WARNING,
            "ledger.size_max: %" PRIu64 "MiB, but %s has only %" PRIu64
            "MiB of room; the ledger cannot grow to its size",
            ledger->size_max_bytes / MIB_BYTES, place, room / MIB_BYTES);
    }
}

static void check_ledger(struct checking *checking, const struct agent_ledger_config *ledger)
{
    struct stat info = {0};
    char *place = existing_above(ledger->dir, &info);
    if (!place) {
        say(checking, AGENT_CHECK_ERROR, "out of memory");
        return;
    }
    bool there = strcmp(place, ledger->dir) == 0;
    if (stat(place, &info) != 0) {
        say(checking, AGENT_CHECK_WARNING, "ledger.dir: %s cannot be looked at by this user: %s", ledger->dir,
            strerror(errno));
    } else if (!S_ISDIR(info.st_mode)) {
        say(checking, AGENT_CHECK_ERROR, "ledger.dir: %s is not a directory", place);
    } else {
        if (!there) {
            say(checking, AGENT_CHECK_NOTE, "ledger.dir: %s does not exist yet", ledger->dir);
        }
        if (access(place, W_OK | X_OK) != 0) {
            say(checking, AGENT_CHECK_WARNING, "ledger.dir: this user may not write to %s: %s", place, strerror(errno));
        }
        check_kind(checking, ledger->dir, place);
        check_room(checking, ledger, place);
    }
    free(place);
}

/* ---- what is read ---- */

static void say_unreadable(struct checking *checking, const struct agent_source_config *source, int error)
{
    struct stat info;
    if (error == ENOENT) {
        say(checking, AGENT_CHECK_WARNING, "source \"%s\".path: %s does not exist (yet); the agent waits for it",
            source->name, source->path);
        return;
    }
    struct group *group = stat(source->path, &info) == 0 ? getgrgid(info.st_gid) : NULL;
    if (error == EACCES && group && (info.st_mode & S_IRGRP)) {
        say(checking, AGENT_CHECK_WARNING, "source \"%s\".path: this user may not read %s; members of group %s may",
            source->name, source->path, group->gr_name);
        return;
    }
    say(checking, AGENT_CHECK_WARNING, "source \"%s\".path: %s cannot be read by this user: %s", source->name,
        source->path, strerror(error));
}

static void check_source(struct checking *checking, const struct agent_source_config *source)
{
    int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        say_unreadable(checking, source, errno);
    } else {
        struct stat info;
        if (fstat(fd, &info) == 0 && !S_ISREG(info.st_mode)) {
            say(checking, AGENT_CHECK_ERROR, "source \"%s\".path: %s is not a regular file", source->name,
                source->path);
        }
        (void)close(fd);
    }
    struct buf why = BUF_INIT;
    if (source->asterisk_conf_dir[0] && agent_check_asterisk(source->asterisk_conf_dir, source->path, &why)) {
        say(checking, AGENT_CHECK_WARNING, "source \"%s\".path: %s", source->name, buf_cstr(&why));
    }
    buf_deinit(&why);
}

/* ---- the rest ---- */

static void check_zone(struct checking *checking, const char *zone)
{
    const char *root = getenv("TZDIR");
    char path[512];
    if (strcmp(zone, "local") == 0 || strcmp(zone, "UTC") == 0) {
        return;
    }
    root = root && root[0] == '/' ? root : "/usr/share/zoneinfo";
    (void)snprintf(path, sizeof path, "%s/%s", root, zone);
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        say(checking, AGENT_CHECK_ERROR, "site.zone: \"%s\" is no time zone of this machine; allowed: a file below %s",
            zone, root);
    }
}

static void check_user(struct checking *checking, const struct agent_service_config *service)
{
    if (service->user[0] == '\0' || geteuid() != 0 || getpwnam(service->user)) {
        return;
    }
    if (service->user_default) {
        say(checking, AGENT_CHECK_WARNING,
            "service.user: there is no user \"%s\"; started as root, the agent stays root", service->user);
    } else {
        say(checking, AGENT_CHECK_ERROR,
            "service.user: there is no user \"%s\"; allowed: an existing user, or \"\" to stay root", service->user);
    }
}

static void check_centre(struct checking *checking, const struct agent_config *config)
{
    const struct agent_collector_config *collector = &config->collector;
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    int status = credentials_open(collector->credentials, &credentials, &why);
    if (status == STATUS_NOT_FOUND) {
        if (collector->url[0]) {
            say(checking, AGENT_CHECK_WARNING, "collector.url: this box has not joined it; see `ringside-agent join`");
        }
        return;
    }
    if (status != 0) {
        say(checking, AGENT_CHECK_WARNING, "collector.credentials: %s", why.text);
        return;
    }
    const char *joined = credentials_facts(credentials)->name;
    if (strcmp(joined, config->site.id) != 0) {
        say(checking, AGENT_CHECK_WARNING, "site.id: \"%s\", but this box joined as site \"%s\": nothing is sent",
            config->site.id, joined);
    }
    credentials_close(credentials);
}

unsigned agent_check_machine(const struct agent_config *config, agent_check_fn report, void *ctx)
{
    struct checking checking = {.report = report, .ctx = ctx};
    check_zone(&checking, config->site.zone);
    check_ledger(&checking, &config->ledger);
    for (size_t i = 0; i < config->source_count; i++) {
        check_source(&checking, &config->sources[i]);
    }
    check_centre(&checking, config);
    check_user(&checking, &config->service);
    return checking.errors;
}

/* ---- ringside-agent check ---- */

struct printing {
    FILE *err;
    const char *path;
};

static void print_defect(void *ctx, const char *line)
{
    struct printing *printing = ctx;
    (void)fprintf(printing->err, "%s\n", line);
}

static void print_remark(void *ctx, enum agent_check_level level, const char *text)
{
    static const char *const names[] = {"note", "warning", "error"};
    struct printing *printing = ctx;
    (void)fprintf(printing->err, "%s: %s: %s\n", printing->path, names[level], text);
}

int agent_config_check(const char *path, FILE *out, FILE *err, bool print)
{
    struct printing printing = {.err = err, .path = path ? path : AGENT_CONFIG_PATH};
    struct config *raw = NULL;
    struct agent_config *config = NULL;
    int status = agent_config_read(path, print_defect, &printing, &raw, &config);
    if (status != 0) {
        if (status != STATUS_INVALID) {
            (void)fprintf(err, "%s: %s\n", printing.path, status_str(status));
        }
        return EXIT_UNUSABLE;
    }
    if (!config->from_file) {
        print_remark(&printing, AGENT_CHECK_NOTE, "no such file; all settings are the defaults");
    }
    unsigned errors = agent_check_machine(config, print_remark, &printing);
    if (print) {
        status = config_print(raw, out);
    } else if (errors == 0) {
        (void)fprintf(out, "%s: ok\n", printing.path);
    }
    config_free(raw);
    agent_config_free(config);
    return errors == 0 && status == 0 ? 0 : EXIT_UNUSABLE;
}
