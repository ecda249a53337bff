/* Making what DIR holds. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/identity/identity_internal.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/tls/secret.h"

static const char ca_name[] = "Ringside CA";

int identity_write_hosts(const char *path, const char *const *hosts, size_t host_count)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < host_count; i++) {
        buf_printf(&text, "%s\n", hosts[i]);
    }
    int status = text.failed ? STATUS_NO_MEMORY : atomic_replace(path, text.data, text.len, 0640);
    buf_deinit(&text);
    return status;
}

int identity_make_collector(struct authority *authority, const char *path, const char *const *hosts, size_t host_count,
                            int64_t life_s, int64_t now_s)
{
    struct keypair *keypair = NULL;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    int status = keypair_generate(&keypair);
    if (status == 0) {
        status = authority_issue_collector(authority, keypair, hosts, host_count, now_s - IDENTITY_BACKDATE_S,
                                           now_s + life_s, &der);
    }
    if (status == 0) {
        status = certificate_to_pem(buf_slice(&der), &pem);
    }
    if (status == 0) {
        status = keypair_to_pem(keypair, &pem);
    }
    if (status == 0) {
        status = atomic_replace(path, pem.data, pem.len, 0600);
    }
    secret_wipe_buf(&pem);
    buf_deinit(&der);
    keypair_free(keypair);
    return status;
}

/* The files of a directory under way. */
struct making {
    char *dir;
    char *ca_path;
    char *key_path;
    char *collector_path;
    char *hosts_path;
};

static void free_making(struct making *making)
{
    free(making->dir);
    free(making->ca_path);
    free(making->key_path);
    free(making->collector_path);
    free(making->hosts_path);
}

static int name_files(const char *dir, struct making *out)
{
    *out = (struct making){0};
    if (asprintf(&out->dir, "%s.new", dir) < 0) {
        out->dir = NULL;
        return STATUS_NO_MEMORY;
    }
    const struct {
        const char *name;
        char **path;
    } files[] = {{"ca.pem", &out->ca_path},
                 {"ca.key", &out->key_path},
                 {"collector.pem", &out->collector_path},
                 {"hosts", &out->hosts_path}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (asprintf(files[i].path, "%s/%s", out->dir, files[i].name) < 0) {
            *files[i].path = NULL;
            return STATUS_NO_MEMORY;
        }
    }
    return 0;
}

/* Also what a file was called while it was written: whoever was making them may have ended in the middle. */
static void clear(const struct making *making)
{
    DIR *dir = opendir(making->dir);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0); /* which fails on "." and ".." */
    }
    if (dir) {
        (void)closedir(dir);
    }
    (void)rmdir(making->dir);
}

static int make_ca(const struct making *making, const struct identity_options *options, int64_t now_s, struct buf *ca,
                   struct buf *key)
{
    struct keypair *keypair = NULL;
    struct buf der = BUF_INIT;
    int status = keypair_generate(&keypair);
    if (status == 0) {
        status = authority_create(keypair, ca_name, now_s - IDENTITY_BACKDATE_S, now_s + options->ca_life_s, &der);
    }
    if (status == 0) {
        status = certificate_to_pem(buf_slice(&der), ca);
    }
    if (status == 0) {
        status = keypair_to_pem(keypair, key);
    }
    if (status == 0) {
        status = atomic_replace(making->key_path, key->data, key->len, 0600);
    }
    if (status == 0) {
        status = atomic_replace(making->ca_path, ca->data, ca->len, 0644);
    }
    buf_deinit(&der);
    keypair_free(keypair);
    return status;
}

static int make_files(const struct making *making, const struct identity_options *options, const char *const *hosts,
                      size_t host_count, int64_t now_s)
{
    struct authority *authority = NULL;
    struct buf ca = BUF_INIT;
    struct buf key = BUF_INIT;
    int status = make_ca(making, options, now_s, &ca, &key);
    if (status == 0) {
        status = authority_open(buf_slice(&ca), buf_slice(&key), &authority);
    }
    if (status == 0) {
        status = identity_make_collector(authority, making->collector_path, hosts, host_count,
                                         options->collector_life_s, now_s);
    }
    if (status == 0) {
        status = identity_write_hosts(making->hosts_path, hosts, host_count);
    }
    authority_free(authority);
    secret_wipe_buf(&key);
    buf_deinit(&ca);
    return status;
}

static int make_dir(const char *dir)
{
    if (mkdir(dir, 0700) == 0) {
        return 0;
    }
    switch (errno) {
    case ENOENT: return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return STATUS_DENIED;
    case ENOSPC:
    case EDQUOT: return STATUS_FULL;
    default: return STATUS_IO;
    }
}

/* Made beside its place and renamed there, so that one that is half made is never taken for one. */
int identity_create(const struct identity_options *options, const char *const *hosts, size_t host_count, int64_t now_s)
{
    struct making making;
    struct stat info;
    int status = name_files(options->dir, &making);
    if (status != 0) {
        goto out;
    }
    if (stat(options->dir, &info) == 0 && rmdir(options->dir) != 0) { /* an empty one may go */
        status = STATUS_BUSY;
        goto out;
    }
    clear(&making);
    status = make_dir(making.dir);
    if (status == 0) {
        status = make_files(&making, options, hosts, host_count, now_s);
    }
    if (status == 0) {
        status = atomic_rename(making.dir, options->dir);
    }
    if (status != 0) {
        clear(&making);
    }
out:
    free_making(&making);
    return status;
}
