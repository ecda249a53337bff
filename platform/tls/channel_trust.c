/* channel_trust: which servers a channel believes, and the words for those it does not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/tls/channel_internal.h"
#include "platform/tls/mbed_internal.h"
#include "platform/tls/peer.h"

enum { CA_FILE_MAX = 4 * 1024 * 1024 };

struct channel_trust {
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain;
};

const mbedtls_ssl_config *channel_trust_config(const struct channel_trust *trust)
{
    return &trust->config;
}

static int configure(mbedtls_ssl_config *config)
{
    int rc = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                         MBEDTLS_SSL_PRESET_DEFAULT);
    if (rc != 0) {
        return STATUS_NO_MEMORY;
    }
#if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#else
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
    mbedtls_ssl_conf_rng(config, mbed_random, NULL);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
    return 0;
}

static int refuse(const char *path, const char *fault, char *why, size_t why_size)
{
    (void)snprintf(why, why_size, "CA file %s: %s", path, fault);
    return STATUS_INVALID;
}

/* Anything but a plain file is refused before it is opened: a pipe would make us wait. */
static int load_chain(const char *path, mbedtls_x509_crt *chain, char *why, size_t why_size)
{
    struct stat seen;
    if (stat(path, &seen) != 0 || access(path, R_OK) != 0) {
        return refuse(path, strerror(errno), why, why_size);
    }
    if (!S_ISREG(seen.st_mode)) {
        return refuse(path, "not a file", why, why_size);
    }
    if (seen.st_size > CA_FILE_MAX) {
        return refuse(path, "too large", why, why_size);
    }
    int rc = mbedtls_x509_crt_parse_file(chain, path);
    if (mbed_status(rc, STATUS_INVALID) == STATUS_NO_MEMORY) {
        return STATUS_NO_MEMORY;
    }
    return chain->version > 0 ? 0 : refuse(path, "it holds no certificate", why, why_size);
}

static int load(struct channel_trust *trust, const char *ca_path, char *why, size_t why_size)
{
    int status = mbed_start();
    if (status == 0) {
        status = configure(&trust->config);
    }
    if (status == 0 && ca_path) {
        status = load_chain(ca_path, &trust->chain, why, why_size);
        mbedtls_ssl_conf_ca_chain(&trust->config, &trust->chain, NULL);
        mbedtls_ssl_conf_authmode(&trust->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
    return status;
}

int channel_trust_load(const char *ca_path, struct channel_trust **out, char *why, size_t why_size)
{
    struct channel_trust *trust = calloc(1, sizeof *trust);
    int status = STATUS_NO_MEMORY;
    if (trust) {
        mbedtls_ssl_config_init(&trust->config);
        mbedtls_x509_crt_init(&trust->chain);
        status = load(trust, ca_path, why, why_size);
    }
    if (status == 0) {
        *out = trust;
        return 0;
    }
    if (status != STATUS_INVALID) {
        (void)snprintf(why, why_size, "TLS cannot be set up: %s", status_str(status));
    }
    channel_trust_free(trust);
    return status;
}

void channel_trust_free(struct channel_trust *trust)
{
    if (trust) {
        mbedtls_ssl_config_free(&trust->config);
        mbedtls_x509_crt_free(&trust->chain);
        free(trust);
    }
}

/* ---- words ---- */

const char *channel_refusal_str(uint32_t flags)
{
    static const struct {
        uint32_t flags;
        enum peer_verdict verdict;
    } table[] = {
        {MBEDTLS_X509_BADCERT_MISSING, PEER_NO_CERTIFICATE},
        {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY, PEER_WEAK},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, PEER_UNKNOWN_CA},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, PEER_WRONG_NAME},
        {MBEDTLS_X509_BADCERT_EXPIRED, PEER_EXPIRED},
        {MBEDTLS_X509_BADCERT_FUTURE, PEER_NOT_YET_VALID},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
         PEER_WRONG_ROLE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (flags & table[i].flags) {
            return peer_verdict_str(table[i].verdict);
        }
    }
    return peer_verdict_str(PEER_UNKNOWN_CA);
}

const char *channel_alert_str(unsigned alert)
{
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE: return "no cipher, or no certificate of ours, suits it";
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
    case 116: return "it wants a certificate of ours";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION: return "it speaks a TLS older than 1.2";
    case MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME: return "it does not know the host name asked for";
    default: return "";
    }
}

bool channel_is_old_tls(int rc)
{
#if MBEDTLS_VERSION_MAJOR < 3
    return rc == MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION;
#else
    return rc == MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION;
#endif
}
