#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/credentials/credentials_internal.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/tls/keypair.h"
#include "platform/tls/secret.h"
#include "proto/limits.h"

/* Owns all that it needs: the credentials that it began with may be closed meanwhile. */
struct credentials_renewal {
    char *dir;
    char site[LIMITS_SITE_MAX + 1];
    struct keypair *keypair;
    struct buf ca_pem; /* of a renewal; empty when joining */
};

void credentials_renewal_free(struct credentials_renewal *renewal)
{
    if (renewal) {
        keypair_free(renewal->keypair);
        buf_deinit(&renewal->ca_pem);
        free(renewal->dir);
        free(renewal);
    }
}

static int begin(const char *dir, const char *site, struct credentials_renewal **out, struct buf *request)
{
    struct credentials_renewal *renewal = calloc(1, sizeof *renewal);
    if (!renewal) {
        return STATUS_NO_MEMORY;
    }
    renewal->dir = strdup(dir);
    int len = snprintf(renewal->site, sizeof renewal->site, "%s", site);
    int status = !renewal->dir ? STATUS_NO_MEMORY : len < 1 || (size_t)len >= sizeof renewal->site ? STATUS_INVALID : 0;
    if (status == 0) {
        status = keypair_generate(&renewal->keypair);
    }
    if (status == 0) {
        status = keypair_request(renewal->keypair, site, request);
    }
    if (status != 0) {
        credentials_renewal_free(renewal);
        return status;
    }
    *out = renewal;
    return 0;
}

int credentials_renewal_begin(const struct credentials *credentials, struct credentials_renewal **out,
                              struct buf *request)
{
    const char *path = credentials_identity_path(credentials);
    CLEANUP(cleanup_free) char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
    if (!dir) {
        return STATUS_NO_MEMORY;
    }
    struct credentials_renewal *renewal = NULL;
    int status = begin(dir, credentials_facts(credentials)->name, &renewal, request);
    if (status == 0) {
        status = credentials_read(credentials_ca_path(credentials), &renewal->ca_pem);
    }
    if (status != 0) {
        credentials_renewal_free(renewal);
        return status;
    }
    *out = renewal;
    return 0;
}

/* ---- what came back ---- */

static int refuse_verdict(const struct peer *peer, int64_t now_s, struct credentials_why *why)
{
    struct credentials_time now = credentials_time(now_s);
    if (peer->verdict == PEER_NOT_YET_VALID) {
        return credentials_refuse(why, STATUS_INVALID,
                                  "certificate not yet valid: this box's clock says %s, the certificate begins %s",
                                  now.text, credentials_time(peer->facts.not_before_s).text);
    }
    if (peer->verdict == PEER_EXPIRED) {
        return credentials_refuse(why, STATUS_INVALID,
                                  "certificate already expired: this box's clock says %s, the certificate ended %s",
                                  now.text, credentials_time(peer->facts.not_after_s).text);
    }
    return credentials_refuse(why, STATUS_INVALID, "the certificate that came back does not count: %s",
                              peer_verdict_str(peer->verdict));
}

static int check_certificate(const struct credentials_renewal *renewal, const struct peer_anchor *anchor,
                             struct slice der, int64_t now_s, struct credentials_why *why)
{
    struct peer peer;
    struct certificate_facts facts;
    uint8_t hash[KEYPAIR_HASH_BYTES];
    if (certificate_read(der, &facts) != 0) {
        return credentials_refuse(why, STATUS_INVALID, "what came back is no certificate");
    }
    int status = keypair_hash(renewal->keypair, hash);
    if (status == 0) {
        status = peer_judge_certificate(anchor, der, NULL, now_s, &peer);
    }
    if (status != 0) {
        return credentials_refuse(why, status, "%s", status_str(status));
    }
    if (memcmp(hash, facts.key_hash, sizeof hash) != 0) {
        return credentials_refuse(why, STATUS_INVALID, "the certificate that came back is for another key");
    }
    if (strcmp(facts.name, renewal->site) != 0) {
        return credentials_refuse(why, STATUS_INVALID, "the certificate that came back is for site \"%s\", not \"%s\"",
                                  facts.name, renewal->site);
    }
    return peer.verdict == PEER_TRUSTED ? 0 : refuse_verdict(&peer, now_s, why);
}

static int put_identity(const struct credentials_renewal *renewal, struct slice der, struct credentials_why *why)
{
    struct buf pem = BUF_INIT;
    int status = certificate_to_pem(der, &pem);
    if (status == 0) {
        status = keypair_to_pem(renewal->keypair, &pem);
    }
    if (status == 0 && pem.failed) {
        status = STATUS_NO_MEMORY;
    }
    status = status != 0 ? credentials_refuse(why, status, "%s", status_str(status))
                         : credentials_write(renewal->dir, CREDENTIALS_IDENTITY, buf_slice(&pem), 0600, why);
    secret_wipe_buf(&pem);
    return status;
}

int credentials_renewal_finish(struct credentials_renewal *renewal, struct slice certificate, int64_t now_s,
                               struct credentials_why *why)
{
    struct peer_anchor *anchor = NULL;
    int status = peer_anchor_load(buf_slice(&renewal->ca_pem), &anchor);
    if (status != 0) {
        return credentials_refuse(why, status, "the CA's certificate cannot be used: %s", status_str(status));
    }
    status = check_certificate(renewal, anchor, certificate, now_s, why);
    peer_anchor_free(anchor);
    return status == 0 ? put_identity(renewal, certificate, why) : status;
}

/* ---- joining ---- */

int credentials_join_begin(const char *dir, const char *site, struct credentials_renewal **out, struct buf *request)
{
    return begin(dir, site, out, request);
}

static void sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* Whoever made it, its name is safe afterwards. */
static int make_directory(const char *dir, struct credentials_why *why)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return credentials_refuse(why, errno == EACCES ? STATUS_DENIED : STATUS_IO, "%.140s cannot be made: %s", dir,
                                  strerror(errno));
    }
    CLEANUP(cleanup_free) char *parent = credentials_path(dir, "..");
    if (parent) {
        sync_directory(parent);
    }
    return 0;
}

/* The identity last: with it this box has joined. */
static int put_files(const struct credentials_renewal *renewal, struct slice ca_pem, struct slice der, const char *url,
                     struct credentials_why *why)
{
    struct buf line = BUF_INIT;
    buf_printf(&line, "%s\n", url);
    int status = line.failed ? credentials_refuse(why, STATUS_NO_MEMORY, "%s", status_str(STATUS_NO_MEMORY))
                             : make_directory(renewal->dir, why);
    if (status == 0) {
        status = credentials_write(renewal->dir, CREDENTIALS_CA, ca_pem, 0644, why);
    }
    if (status == 0) {
        status = credentials_write(renewal->dir, CREDENTIALS_URL, buf_slice(&line), 0644, why);
    }
    if (status == 0) {
        status = put_identity(renewal, der, why);
    }
    buf_deinit(&line);
    return status;
}

int credentials_join_finish(struct credentials_renewal *renewal, struct slice ca, struct slice certificate,
                            const char *url, int64_t now_s, struct credentials_why *why)
{
    struct credentials_url parsed;
    struct certificate_facts facts;
    struct peer_anchor *anchor = NULL;
    struct buf pem = BUF_INIT;
    int status = credentials_url_parse(url, &parsed, why);
    if (status != 0) {
        return status;
    }
    if (certificate_read(ca, &facts) != 0 || facts.role != CERTIFICATE_CA) {
        return credentials_refuse(why, STATUS_INVALID, "the collector's CA certificate is none");
    }
    status = certificate_to_pem(ca, &pem);
    if (status == 0) {
        status = peer_anchor_load(buf_slice(&pem), &anchor);
    }
    if (status != 0) {
        (void)credentials_refuse(why, status, "the collector's CA certificate cannot be used: %s", status_str(status));
    } else {
        status = check_certificate(renewal, anchor, certificate, now_s, why);
    }
    if (status == 0) {
        status = put_files(renewal, buf_slice(&pem), certificate, url, why);
    }
    peer_anchor_free(anchor);
    buf_deinit(&pem);
    return status;
}
