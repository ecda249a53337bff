#include "platform/tls/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "platform/base/status.h"
#include "platform/tls/certificate_internal.h"
#include "platform/tls/channel_internal.h"

enum { RECORD_MAX = 16384, ALERT_RECORD = 21, HANDSHAKE_RECORD = 22 };

struct channel {
    mbedtls_ssl_context ssl;
    int fd;
    int error;           /* errno of the socket's failure */
    bool ended;          /* the socket has no more bytes */
    bool answered;       /* `first` is valid */
    unsigned char first; /* the first byte that came */
    size_t stuck;        /* so many bytes were offered when the socket took no more */
    char *name;
    char why[160];
};

/* ---- the socket ---- */

static int socket_failure(struct channel *channel, int want)
{
    channel->error = errno;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return want;
    }
    return errno == EPIPE || errno == ECONNRESET ? MBEDTLS_ERR_NET_CONN_RESET : MBEDTLS_ERR_NET_RECV_FAILED;
}

static int to_socket(void *context, const unsigned char *data, size_t len)
{
    struct channel *channel = context;
    ssize_t sent;
    do {
        sent = send(channel->fd, data, len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? socket_failure(channel, MBEDTLS_ERR_SSL_WANT_WRITE) : (int)sent;
}

static int from_socket(void *context, unsigned char *data, size_t len)
{
    struct channel *channel = context;
    ssize_t got;
    do {
        got = recv(channel->fd, data, len, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return socket_failure(channel, MBEDTLS_ERR_SSL_WANT_READ);
    }
    if (got > 0 && !channel->answered) {
        channel->answered = true;
        channel->first = data[0];
    }
    channel->ended = channel->ended || got == 0;
    return (int)got;
}

/* ---- the server's certificate ---- */

static bool same_name(const mbedtls_x509_crt *crt, const char *name)
{
    char common_name[MBED_NAME_MAX + 1];
    if (crt->ext_types & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) {
        return certificate_is_for(crt, name);
    }
    return mbed_common_name(&crt->subject, common_name) == 0 && *name && strcasecmp(common_name, name) == 0;
}

/* Called for every certificate of the chain. The library's own check of the name knows no addresses. */
static int judge_name(void *context, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    const struct channel *channel = context;
    if (depth == 0) {
        *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
        *flags |= !channel->name || same_name(crt, channel->name) ? 0 : MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    return 0;
}

/* ---- what went wrong ---- */

/* What is held against the server's certificate; 0: nothing, or it was not looked at. */
static uint32_t certificate_flags(const struct channel *channel)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&channel->ssl);
    return flags == UINT32_MAX ? 0 : flags & ~(uint32_t)MBEDTLS_X509_BADCERT_SKIP_VERIFY;
}

static void say_alert(struct channel *channel, unsigned alert)
{
    const char *meaning = channel_alert_str(alert);
    (void)snprintf(channel->why, sizeof channel->why, "it refused with TLS alert %u%s%s", alert, *meaning ? ": " : "",
                   meaning);
}

/* A server that refuses in the middle of our part of the handshake closes, and the library finds that it cannot send
 * before it has read why. */
static bool find_alert(struct channel *channel, unsigned *alert)
{
    unsigned char record[7]; /* type, version, length, level, description; longer when it is encrypted */
    if (recv(channel->fd, record, sizeof record, MSG_DONTWAIT) != (ssize_t)sizeof record || record[0] != ALERT_RECORD ||
        record[3] != 0 || record[4] != 2) {
        return false;
    }
    *alert = record[6];
    return true;
}

static void say(struct channel *channel, int rc)
{
    unsigned alert;
    bool is_tls = !channel->answered || channel->first == HANDSHAKE_RECORD || channel->first == ALERT_RECORD;
    size_t size = sizeof channel->why;
    if (!is_tls) {
        (void)snprintf(channel->why, size, "what it says is not TLS");
    } else if (certificate_flags(channel) != 0) {
        (void)snprintf(channel->why, size, "%s", channel_refusal_str(certificate_flags(channel)));
    } else if (rc == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && channel->ssl.in_msg) {
        say_alert(channel, channel->ssl.in_msg[1]);
    } else if (rc == MBEDTLS_ERR_NET_CONN_RESET && find_alert(channel, &alert)) {
        say_alert(channel, alert);
    } else if (rc == MBEDTLS_ERR_NET_CONN_RESET || rc == MBEDTLS_ERR_NET_RECV_FAILED) {
        (void)snprintf(channel->why, size, "%s", strerror(channel->error));
    } else if (channel_is_old_tls(rc)) {
        (void)snprintf(channel->why, size, "it speaks a TLS older than 1.2");
    } else {
        (void)snprintf(channel->why, size, "it speaks TLS in a way that is not understood (-0x%04x)", (unsigned)-rc);
    }
}

static int outcome(struct channel *channel, int rc)
{
    if (rc == MBEDTLS_ERR_SSL_WANT_READ) {
        return CHANNEL_WANTS_READ;
    }
    if (rc == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return CHANNEL_WANTS_WRITE;
    }
    if (rc == 0 || rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || rc == MBEDTLS_ERR_SSL_CONN_EOF) {
        return CHANNEL_ENDED;
    }
    if (rc == MBEDTLS_ERR_SSL_ALLOC_FAILED || mbed_status(rc, STATUS_IO) == STATUS_NO_MEMORY) {
        (void)snprintf(channel->why, sizeof channel->why, "no memory is left for TLS");
        return STATUS_NO_MEMORY;
    }
    say(channel, rc);
    return STATUS_IO;
}

/* ---- the session ---- */

static bool is_literal(const char *name)
{
    unsigned char address[16];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static int set_up(struct channel *channel, struct channel_trust *trust)
{
    int rc = mbedtls_ssl_setup(&channel->ssl, channel_trust_config(trust));
    if (rc == 0) {
        /* Said even if there is none: later releases 3.6 refuse a session for which the name was forgotten. */
        rc =
            mbedtls_ssl_set_hostname(&channel->ssl, channel->name && !is_literal(channel->name) ? channel->name : NULL);
    }
    mbedtls_ssl_set_verify(&channel->ssl, judge_name, channel);
    mbedtls_ssl_set_bio(&channel->ssl, channel, to_socket, from_socket, NULL);
    return rc == MBEDTLS_ERR_SSL_BAD_INPUT_DATA ? STATUS_RANGE : rc == 0 ? 0 : STATUS_NO_MEMORY;
}

int channel_new(struct channel_trust *trust, const char *name, int fd, struct channel **out)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        return STATUS_NO_MEMORY;
    }
    mbedtls_ssl_init(&channel->ssl);
    channel->fd = fd;
    channel->name = name ? strdup(name) : NULL;
    int status = name && !channel->name ? STATUS_NO_MEMORY : set_up(channel, trust);
    if (status != 0) {
        channel_free(channel);
        return status;
    }
    *out = channel;
    return 0;
}

void channel_free(struct channel *channel)
{
    if (channel) {
        mbedtls_ssl_free(&channel->ssl);
        free(channel->name);
        free(channel);
    }
}

int channel_handshake(struct channel *channel)
{
    int rc = mbedtls_ssl_handshake(&channel->ssl);
    return rc == 0 ? 0 : outcome(channel, rc);
}

/* Whether the library has only dealt with something that is no data, and wants to be called once more. */
static bool once_more(const struct channel *channel, int rc)
{
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
    if (rc == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
        return true;
    }
#endif
    return rc == 0 && !channel->ended; /* an empty record; the library counts them and refuses many */
}

int channel_read(struct channel *channel, void *out, size_t size, size_t *got)
{
    int rc;
    do {
        rc = mbedtls_ssl_read(&channel->ssl, out, size);
    } while (once_more(channel, rc));
    *got = rc > 0 ? (size_t)rc : 0;
    return rc > 0 ? 0 : outcome(channel, rc);
}

int channel_write(struct channel *channel, struct slice bytes, size_t *taken)
{
    size_t piece = bytes.len < RECORD_MAX ? bytes.len : RECORD_MAX;
    *taken = 0;
    if (piece == 0) {
        return 0;
    }
    piece = channel->stuck > 0 ? channel->stuck : piece; /* the library goes by what it was offered first */
    int rc = mbedtls_ssl_write(&channel->ssl, (const unsigned char *)bytes.data, piece);
    if (rc > 0) {
        *taken = (size_t)rc;
        channel->stuck = 0;
        return 0;
    }
    channel->stuck = piece;
    return outcome(channel, rc);
}

bool channel_pending(const struct channel *channel)
{
    return mbedtls_ssl_check_pending(&channel->ssl) != 0;
}

void channel_close(struct channel *channel)
{
    (void)mbedtls_ssl_close_notify(&channel->ssl);
}

const char *channel_why(const struct channel *channel)
{
    return channel->why;
}
