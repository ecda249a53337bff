#include "collector/identity/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/identity/identity_internal.h"
#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/tls/secret.h"

enum { HOSTS_MAX = 64 };

static int join(char **to, const char *dir, const char *name)
{
    if (asprintf(to, "%s/%s", dir, name) < 0) {
        *to = NULL;
        return STATUS_NO_MEMORY;
    }
    return 0;
}

/* ---- the CA ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int load_ca(struct slice pem, struct slice key, struct authority **authority, struct peer_anchor **anchor,
                   struct buf *der)
{
    int status = authority_open(pem, key, authority);
    if (status == 0) {
        status = peer_anchor_load(pem, anchor);
    }
    if (status == 0) {
        status = certificate_from_pem(pem, 0, der);
    }
    return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
}

/* All of it is taken up, or nothing. */
static int read_ca(struct identity *identity)
{
    struct authority *authority = NULL;
    struct peer_anchor *anchor = NULL;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    struct buf key = BUF_INIT;
    struct stat seen;
    bool there = stat(identity->ca_path, &seen) == 0;
    int status = there ? atomic_read(identity->ca_path, IDENTITY_FILE_MAX, &pem) : STATUS_NOT_FOUND;
    if (status == 0) {
        status = atomic_read(identity->key_path, IDENTITY_FILE_MAX, &key);
    }
    if (status == 0) {
        status = load_ca(buf_slice(&pem), buf_slice(&key), &authority, &anchor, &der);
    }
    if (status == 0) {
        authority_free(identity->authority);
        peer_anchor_free(identity->anchor);
        buf_deinit(&identity->ca);
        identity->authority = authority;
        identity->anchor = anchor;
        identity->ca = der;
        identity->ca_seen = seen;
    } else {
        authority_free(authority);
        peer_anchor_free(anchor);
        buf_deinit(&der);
    }
    secret_wipe_buf(&key);
    buf_deinit(&pem);
    return status;
}

void identity_refresh(struct identity *identity)
{
    struct stat now;
    if (stat(identity->ca_path, &now) == 0 && !same_file(&now, &identity->ca_seen)) {
        (void)read_ca(identity); /* its key may follow in a moment: the next call tries again */
    }
}

/* ---- opening ---- */

int identity_open(const struct identity_options *options, struct identity **out)
{
    struct identity *identity = calloc(1, sizeof *identity);
    if (!identity) {
        return STATUS_NO_MEMORY;
    }
    identity->options = *options;
    identity->dir = strdup(options->dir);
    identity->options.dir = identity->dir;
    int status = identity->dir ? join(&identity->ca_path, options->dir, "ca.pem") : STATUS_NO_MEMORY;
    if (status == 0) {
        status = join(&identity->key_path, options->dir, "ca.key");
    }
    if (status == 0) {
        status = join(&identity->collector_path, options->dir, "collector.pem");
    }
    if (status == 0) {
        status = join(&identity->hosts_path, options->dir, "hosts");
    }
    if (status == 0) {
        status = read_ca(identity);
    }
    if (status != 0) {
        identity_close(identity);
        return status;
    }
    *out = identity;
    return 0;
}

void identity_close(struct identity *identity)
{
    if (!identity) {
        return;
    }
    authority_free(identity->authority);
    peer_anchor_free(identity->anchor);
    buf_deinit(&identity->ca);
    free(identity->dir);
    free(identity->ca_path);
    free(identity->key_path);
    free(identity->collector_path);
    free(identity->hosts_path);
    free(identity);
}

const char *identity_ca_path(const struct identity *identity)
{
    return identity->ca_path;
}

const char *identity_collector_path(const struct identity *identity)
{
    return identity->collector_path;
}

const struct peer_anchor *identity_anchor(struct identity *identity, int64_t now_s)
{
    (void)now_s;
    identity_refresh(identity);
    return identity->anchor;
}

/* ---- the collector's own certificate ---- */

/* Due when there is none to be read, too. */
static bool renewal_is_due(const struct identity *identity, int64_t now_s)
{
    struct certificate_facts facts;
    struct buf pem = BUF_INIT;
    struct buf der = BUF_INIT;
    bool due = atomic_read(identity->collector_path, IDENTITY_FILE_MAX, &pem) != 0 ||
               certificate_from_pem(buf_slice(&pem), 0, &der) != 0 || certificate_read(buf_slice(&der), &facts) != 0 ||
               now_s >= facts.not_after_s - (facts.not_after_s - facts.not_before_s) / 3;
    secret_wipe_buf(&pem);
    buf_deinit(&der);
    return due;
}

/* The lines of DIR/hosts; they are cut out of `text`. */
static size_t split_hosts(char *text, const char *hosts[HOSTS_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line && count < HOSTS_MAX; line = strtok_r(NULL, "\n", &rest)) {
        hosts[count++] = line;
    }
    return count;
}

static int renew_collector(struct identity *identity, int64_t now_s)
{
    const char *hosts[HOSTS_MAX];
    struct buf text = BUF_INIT;
    int status = atomic_read(identity->hosts_path, IDENTITY_FILE_MAX, &text);
    if (status == 0) {
        (void)buf_cstr(&text);
        status = text.failed ? STATUS_NO_MEMORY : 0;
    }
    if (status == 0) {
        size_t count = split_hosts((char *)text.data, hosts);
        status = identity_make_collector(identity->authority, identity->collector_path, hosts, count,
                                         identity->options.collector_life_s, now_s);
    }
    buf_deinit(&text);
    return status;
}

int identity_tend(struct identity *identity, int64_t now_s)
{
    identity_refresh(identity);
    if (!renewal_is_due(identity, now_s)) {
        return 0;
    }
    int status = renew_collector(identity, now_s);
    return status == 0 ? 1 : status;
}

int identity_reissue(struct identity *identity, const char *const *hosts, size_t host_count, int64_t now_s)
{
    identity_refresh(identity);
    int status = identity_make_collector(identity->authority, identity->collector_path, hosts, host_count,
                                         identity->options.collector_life_s, now_s);
    return status == 0 ? identity_write_hosts(identity->hosts_path, hosts, host_count) : status;
}

int identity_first_host(const char *dir, char out[IDENTITY_HOST_MAX + 1])
{
    char *path = NULL;
    struct buf text = BUF_INIT;
    int status = join(&path, dir, "hosts");
    if (status == 0) {
        status = atomic_read(path, IDENTITY_FILE_MAX, &text);
    }
    if (status == 0) {
        size_t len = strcspn(buf_cstr(&text), "\n");
        status = len > 0 && len <= IDENTITY_HOST_MAX ? 0 : STATUS_NOT_FOUND;
        memcpy(out, text.data, status == 0 ? len : 0);
        out[status == 0 ? len : 0] = '\0';
    }
    free(path);
    buf_deinit(&text);
    return status;
}

int identity_crts(struct identity *identity, bool pkcs7, struct buf *out)
{
    identity_refresh(identity);
    if (pkcs7) {
        return certificate_to_pkcs7(buf_slice(&identity->ca), out);
    }
    buf_append(out, identity->ca.data, identity->ca.len);
    return out->failed ? STATUS_NO_MEMORY : 0;
}
