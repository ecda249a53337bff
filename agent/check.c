#include "agent/check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/config_alerts.h"
#include "agent/config_table.h"
#include "agent/credentials/credentials.h"
#include "agent/secret.h"
#include "platform/base/status.h"
#include "platform/service/sandbox.h"

enum { EXIT_UNUSABLE = 2 };

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

static void check_kind(struct config_remarks *remarks, const char *dir, const char *place)
{
    struct statfs fs;
    if (statfs(place, &fs) != 0) {
        return;
    }
    const char *far = far_file_system((long)fs.f_type);
    if (far) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "ledger.dir: %s is on %s; the ledger is mapped into memory and needs a local file system", dir,
                      far);
    } else if (fs.f_type == 0x01021994) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "ledger.dir: %s is on a tmpfs; the ledger is gone after a restart of the box", dir);
    }
}

static void check_ledger(struct config_remarks *remarks, const struct agent_ledger_config *ledger)
{
    struct stat info = {0};
    char file[4200];
    char *place = existing_above(ledger->dir, &info);
    if (!place) {
        config_remark(remarks, CONFIG_REMARK_ERROR, "out of memory");
        return;
    }
    bool there = strcmp(place, ledger->dir) == 0;
    if (stat(place, &info) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "ledger.dir: %s cannot be looked at by this user: %s",
                      ledger->dir, strerror(errno));
    } else if (!S_ISDIR(info.st_mode)) {
        config_remark(remarks, CONFIG_REMARK_ERROR, "ledger.dir: %s is not a directory", place);
    } else {
        if (!there) {
            config_remark(remarks, CONFIG_REMARK_NOTE, "ledger.dir: %s does not exist yet", ledger->dir);
        }
        if (access(place, W_OK | X_OK) != 0) {
            config_remark(remarks, CONFIG_REMARK_WARNING, "ledger.dir: this user may not write to %s: %s", place,
                          strerror(errno));
        }
        check_kind(remarks, ledger->dir, place);
        (void)snprintf(file, sizeof file, "%s/data.mdb", ledger->dir);
        config_remark_room(remarks, "ledger", ledger->size_max_bytes, place, file);
    }
    free(place);
}

/* ---- what is read ---- */

static void say_unreadable(struct config_remarks *remarks, const struct agent_source_config *source, int error)
{
    struct stat info;
    if (error == ENOENT) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "source \"%s\".path: %s does not exist (yet); the agent waits for it", source->name,
                      source->path);
        return;
    }
    struct group *group = stat(source->path, &info) == 0 ? getgrgid(info.st_gid) : NULL;
    if (error == EACCES && group && (info.st_mode & S_IRGRP)) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "source \"%s\".path: this user may not read %s; members of group %s may", source->name,
                      source->path, group->gr_name);
        return;
    }
    config_remark(remarks, CONFIG_REMARK_WARNING, "source \"%s\".path: %s cannot be read by this user: %s",
                  source->name, source->path, strerror(error));
}

/* The service reads its files as the user that it becomes; others must not. */
static void check_secret(struct config_remarks *remarks, const struct agent_source_config *source)
{
    struct stat info;
    char first[AGENT_SECRET_MAX + 1];
    struct buf why = BUF_INIT;
    if (agent_secret_read(source->secret_file, first, &why) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "source \"%s\".secret_file: %s", source->name, buf_cstr(&why));
    } else if (stat(source->secret_file, &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH))) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "source \"%s\".secret_file: every user of this machine may read %s; chmod 640, group of the "
                      "service",
                      source->name, source->secret_file);
    }
    agent_secret_wipe(first);
    buf_deinit(&why);
}

static void check_ami(struct config_remarks *remarks, const struct agent_source_config *source)
{
    check_secret(remarks, source);
    if (source->tls && source->tls_ca[0] && access(source->tls_ca, R_OK) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "source \"%s\".tls_ca: %s cannot be read by this user: %s",
                      source->name, source->tls_ca, strerror(errno));
    }
    if (source->tls && !source->tls_ca[0]) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "source \"%s\".tls_ca: none: whoever stands between can pass for the PBX", source->name);
    }
}

static void check_source(struct config_remarks *remarks, const struct agent_source_config *source)
{
    if (source->type == AGENT_SOURCE_AMI) {
        check_ami(remarks, source);
        return;
    }
    int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        say_unreadable(remarks, source, errno);
    } else {
        struct stat info;
        if (fstat(fd, &info) == 0 && !S_ISREG(info.st_mode)) {
            config_remark(remarks, CONFIG_REMARK_ERROR, "source \"%s\".path: %s is not a regular file", source->name,
                          source->path);
        }
        (void)close(fd);
    }
    struct buf why = BUF_INIT;
    if (source->asterisk_conf_dir[0] && agent_check_asterisk(source->asterisk_conf_dir, source->path, &why)) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "source \"%s\".path: %s", source->name, buf_cstr(&why));
    }
    buf_deinit(&why);
}

/* ---- the rest ---- */

static void check_zone(struct config_remarks *remarks, const char *zone)
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
        config_remark(remarks, CONFIG_REMARK_ERROR,
                      "site.zone: \"%s\" is no time zone of this machine; allowed: a file below %s", zone, root);
    }
}

static void check_centre(struct config_remarks *remarks, const struct agent_config *config)
{
    const struct agent_collector_config *collector = &config->collector;
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    int status = credentials_open(collector->credentials, &credentials, &why);
    if (status == STATUS_NOT_FOUND) {
        if (collector->url[0]) {
            config_remark(remarks, CONFIG_REMARK_WARNING,
                          "collector.url: this box has not joined it; see `ringside-agent join`");
        }
        return;
    }
    if (status != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "collector.credentials: %s", why.text);
        return;
    }
    const char *joined = credentials_facts(credentials)->name;
    if (strcmp(joined, config->site.id) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "site.id: \"%s\", but this box joined as site \"%s\": nothing is sent", config->site.id, joined);
    }
    credentials_close(credentials);
}

static void check_sandbox(struct config_remarks *remarks, const struct config_service *service)
{
    struct buf text = BUF_INIT;
    bool whole = sandbox_foretell(&text);
    config_remark_sandbox(remarks, service, "agent", whole, buf_cstr(&text));
    buf_deinit(&text);
}

/* The ledger's directory (exists or can be made, writable, local file system, room), the sources' files, the time zone
 * and what joining a centre left behind. */
static void look(const void *settings, struct config_remarks *remarks)
{
    const struct agent_config *config = settings;
    check_zone(remarks, config->site.zone);
    check_ledger(remarks, &config->ledger);
    for (size_t i = 0; i < config->source_count; i++) {
        check_source(remarks, &config->sources[i]);
    }
    check_centre(remarks, config);
    config_alerts_look(config, remarks);
    config_remark_user(remarks, &config->service, "agent");
    check_sandbox(remarks, &config->service);
}

int agent_config_check(const char *path, FILE *out, FILE *err, bool print)
{
    return config_program_check(&agent_config_program, look, path, out, err, print) ? 0 : EXIT_UNUSABLE;
}
