#include "agent/credentials/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/credentials/credentials_internal.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/tls/keypair.h"
#include "platform/tls/secret.h"

/* Tells one state of a file from another: each change is a new file renamed into place. */
struct mark {
    bool there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct credentials {
    char *identity_path;
    char *ca_path;
    char *url_path;
    struct mark marks[3];
    struct certificate_facts facts;
    struct peer_anchor *anchor;
    struct credentials_url parsed;
    char url[CREDENTIALS_URL_MAX];
};

static struct mark mark_of(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return (struct mark){0};
    }
    return (struct mark){true, info.st_dev, info.st_ino, info.st_size, info.st_ctim};
}

static bool mark_equal(const struct mark *a, const struct mark *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static void take_marks(const struct credentials *credentials, struct mark out[3])
{
    out[0] = mark_of(credentials->identity_path);
    out[1] = mark_of(credentials->ca_path);
    out[2] = mark_of(credentials->url_path);
}

bool credentials_changed(const struct credentials *credentials)
{
    struct mark now[3];
    take_marks(credentials, now);
    for (size_t i = 0; i < 3; i++) {
        if (!mark_equal(&now[i], &credentials->marks[i])) {
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

static int refuse_unread(struct credentials_why *why, int status, const char *path)
{
    if (status == STATUS_DENIED) {
        return credentials_refuse_file(why, status, path, "this user may not read it");
    }
    if (status == STATUS_NOT_FOUND) {
        return credentials_refuse_file(why, STATUS_INVALID, path, "it is missing: join again");
    }
    bool ours = status == STATUS_NO_MEMORY || status == STATUS_IO;
    return credentials_refuse_file(why, ours ? status : STATUS_INVALID, path, status_str(status));
}

static int check_key(const struct certificate_facts *facts, struct slice pem, const char *path,
                     struct credentials_why *why)
{
    struct keypair *keypair = NULL;
    uint8_t hash[KEYPAIR_HASH_BYTES];
    int status = keypair_from_pem(pem, &keypair);
    if (status == 0) {
        status = keypair_hash(keypair, hash);
    }
    keypair_free(keypair);
    if (status == STATUS_INVALID) {
        return credentials_refuse_file(why, STATUS_INVALID, path, "there is no private key in it: join again");
    }
    if (status != 0) {
        return refuse_unread(why, status, path);
    }
    return memcmp(hash, facts->key_hash, sizeof hash) == 0
               ? 0
               : credentials_refuse_file(why, STATUS_INVALID, path, "certificate and key do not belong together");
}

/* Whether the CA at hand made it, now or whenever it is valid. */
static int check_issuer(const struct credentials *credentials, struct slice der, struct credentials_why *why)
{
    struct peer peer;
    int status = peer_judge_certificate(credentials->anchor, der, NULL, credentials->facts.not_before_s, &peer);
    if (status != 0) {
        return credentials_refuse(why, status, "%s", status_str(status));
    }
    if (peer.verdict != PEER_TRUSTED) {
        return credentials_refuse(why, STATUS_INVALID, "%.140s does not fit ca.pem beside it: %s",
                                  credentials->identity_path, peer_verdict_str(peer.verdict));
    }
    return 0;
}

static int take_identity(struct credentials *credentials, struct slice pem, struct credentials_why *why)
{
    struct buf der = BUF_INIT;
    int status = certificate_from_pem(pem, 0, &der);
    if (status == 0) {
        status = certificate_read(buf_slice(&der), &credentials->facts);
    }
    if (status != 0) {
        status = status == STATUS_NO_MEMORY ? refuse_unread(why, status, credentials->identity_path)
                                            : credentials_refuse_file(why, STATUS_INVALID, credentials->identity_path,
                                                                      "there is no certificate in it: join again");
    } else if (credentials->facts.role != CERTIFICATE_SITE) {
        status =
            credentials_refuse_file(why, STATUS_INVALID, credentials->identity_path, "its certificate is not a site's");
    } else {
        status = check_key(&credentials->facts, pem, credentials->identity_path, why);
    }
    if (status == 0) {
        status = check_issuer(credentials, buf_slice(&der), why);
    }
    buf_deinit(&der);
    return status;
}

static int open_identity(struct credentials *credentials, struct credentials_why *why)
{
    struct buf pem = BUF_INIT;
    int status = credentials_read(credentials->identity_path, &pem);
    if (status == STATUS_NOT_FOUND) {
        (void)credentials_refuse(why, status, "this box has not joined");
    } else if (status != 0) {
        status = refuse_unread(why, status, credentials->identity_path);
    } else {
        status = take_identity(credentials, buf_slice(&pem), why);
    }
    secret_wipe_buf(&pem);
    return status;
}

/* Asked before the CA's, so that a box that never joined is told from one whose files are damaged. */
static int look_for_identity(const struct credentials *credentials, struct credentials_why *why)
{
    struct stat info;
    if (stat(credentials->identity_path, &info) == 0) {
        return 0;
    }
    if (errno == EACCES) {
        return refuse_unread(why, STATUS_DENIED, credentials->identity_path);
    }
    return credentials_refuse(why, STATUS_NOT_FOUND, "this box has not joined");
}

static int open_anchor(struct credentials *credentials, struct credentials_why *why)
{
    struct buf pem = BUF_INIT;
    int status = credentials_read(credentials->ca_path, &pem);
    if (status != 0) {
        status = refuse_unread(why, status, credentials->ca_path);
    } else if ((status = peer_anchor_load(buf_slice(&pem), &credentials->anchor)) != 0) {
        status = credentials_refuse_file(why, status, credentials->ca_path, "there is no CA certificate in it");
    }
    buf_deinit(&pem);
    return status;
}

static int open_url(struct credentials *credentials, struct credentials_why *why)
{
    struct buf text = BUF_INIT;
    int status = credentials_read(credentials->url_path, &text);
    if (status == STATUS_NOT_FOUND) {
        status = 0;
    } else if (status != 0) {
        status = refuse_unread(why, status, credentials->url_path);
    } else {
        const char *line = buf_cstr(&text);
        size_t len = strcspn(line, "\r\n");
        if (len >= sizeof credentials->url) {
            status = credentials_refuse_file(why, STATUS_INVALID, credentials->url_path, "no address is that long");
        } else {
            memcpy(credentials->url, line, len);
            credentials->url[len] = 0;
            status = credentials_url_parse(credentials->url, &credentials->parsed, why);
        }
    }
    buf_deinit(&text);
    return status;
}

int credentials_open(const char *dir, struct credentials **out, struct credentials_why *why)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);
    if (!credentials) {
        return credentials_refuse(why, STATUS_NO_MEMORY, "%s", status_str(STATUS_NO_MEMORY));
    }
    credentials->identity_path = credentials_path(dir, CREDENTIALS_IDENTITY);
    credentials->ca_path = credentials_path(dir, CREDENTIALS_CA);
    credentials->url_path = credentials_path(dir, CREDENTIALS_URL);
    if (!credentials->identity_path || !credentials->ca_path || !credentials->url_path) {
        credentials_close(credentials);
        return credentials_refuse(why, STATUS_NO_MEMORY, "%s", status_str(STATUS_NO_MEMORY));
    }
    take_marks(credentials, credentials->marks); /* before reading: a change in between shows as one */
    int status = look_for_identity(credentials, why);
    if (status == 0) {
        status = open_anchor(credentials, why);
    }
    if (status == 0) {
        status = open_identity(credentials, why);
    }
    if (status == 0) {
        status = open_url(credentials, why);
    }
    if (status != 0) {
        credentials_close(credentials);
        return status;
    }
    *out = credentials;
    return 0;
}

void credentials_close(struct credentials *credentials)
{
    if (credentials) {
        peer_anchor_free(credentials->anchor);
        free(credentials->identity_path);
        free(credentials->ca_path);
        free(credentials->url_path);
        free(credentials);
    }
}

/* ---- what is known ---- */

const char *credentials_identity_path(const struct credentials *credentials)
{
    return credentials->identity_path;
}

const char *credentials_ca_path(const struct credentials *credentials)
{
    return credentials->ca_path;
}

const char *credentials_url(const struct credentials *credentials)
{
    return credentials->url;
}

const struct certificate_facts *credentials_facts(const struct credentials *credentials)
{
    return &credentials->facts;
}

const struct peer_anchor *credentials_anchor(const struct credentials *credentials)
{
    return credentials->anchor;
}

int64_t credentials_renew_at_s(const struct credentials *credentials, double jitter)
{
    const struct certificate_facts *facts = &credentials->facts;
    int64_t life_s = facts->not_after_s - facts->not_before_s;
    return facts->not_before_s + life_s / 3 * 2 + (int64_t)(jitter * (double)life_s / 20);
}

bool credentials_expired(const struct credentials *credentials, int64_t now_s)
{
    return now_s > credentials->facts.not_after_s;
}
