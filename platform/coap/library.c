#include "platform/coap/library.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "platform/coap/library_internal.h"

enum { WARNING_MAX = 256 };

static _Thread_local char first_warning[WARNING_MAX];

static void keep_first(coap_log_t level, const char *text)
{
    if (level <= LOG_WARNING && first_warning[0] == 0) {
        const char *name = strstr(text, ": issue 0x"); /* behind it the peer's name for itself, which proves nothing */
        (void)snprintf(first_warning, sizeof first_warning, "%.*s", name ? (int)(name - text) : WARNING_MAX, text);
    }
}

static void start_once(void)
{
    coap_startup();
    coap_set_log_handler(keep_first);
    coap_set_log_level(LOG_WARNING);
    coap_dtls_set_log_level(LOG_WARNING); /* of all levels the one at which mbedTLS traces nothing */
}

void library_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start_once);
}

void library_forget(void)
{
    first_warning[0] = 0;
}

/* Parts of what libcoap and mbedTLS 2.28 say, and what they mean. */
static const struct {
    const char *part;
    const char *reason;
} reasons[] = {
    {"not correctly signed by the trusted CA", "its certificate does not come from the CA that is trusted here"},
    {"unacceptable hash", "its certificate is signed with an outdated hash"},
    {"unacceptable PK alg", "its certificate is signed in a way that is not taken here"},
    {"unacceptable key", "the key of its certificate is too weak"},
    {"No client certification received", "it showed no certificate"},
    {"no ciphersuites in common", "no cipher suite in common"},
    {"No usable ciphersuite", "no cipher suite in common"},
    {"nknown identity", "its PSK identity is not known or was refused"},
    {"invalid SSL record", "what it sent is not TLS"},
    {"Verification of the message MAC failed", "its key is not the right one, or bytes were damaged"},
    {"protocol version", "it speaks no TLS 1.2"},
    {"not within min/max boundaries", "it speaks no TLS 1.2"},
    {"The signature is not valid", "it does not hold the key of its certificate"},
    {"CertificateVerify", "it does not hold the key of its certificate"},
    {"Processing of the Certificate handshake", "its certificate cannot be read or is for another role"},
    {"Processing of the ClientHello", "its first message is no TLS"},
    {"unexpected message was received", "it sent a TLS message out of turn"},
    {"Alert '40'", "it found no common ground in the TLS handshake"},
    {"Alert '42'", "it refused our certificate as bad"},
    {"Alert '43'", "it refused our certificate as unsupported"},
    {"Alert '44'", "it refused our certificate as revoked"},
    {"Alert '45'", "it refused our certificate as expired"},
    {"Alert '46'", "it refused our certificate"},
    {"Alert '48'", "it does not trust the CA of our certificate"},
    {"Alert '41'", "it asked for a certificate"},
    {"Alert '49'", "it denied access"},
    {"Alert '20'", "our key is not the right one for it"},
    {"Alert '51'", "our key is not the right one for it"},
    {"Alert '70'", "it does not speak TLS 1.2"},
    {"Alert '71'", "it wants a safer TLS than ours"},
    {"Alert '115'", "it does not know our PSK identity or refused it"},
    {"crt_parse", "a certificate file cannot be read"},
    {"pk_parse_key", "a key file cannot be read"},
    {"Connection refused", "nobody listens there"},
    {"Network is unreachable", "there is no route to it"},
    {"No route to host", "there is no route to it"},
    {"Connection timed out", "it does not answer"},
    {"Connection reset", "it broke the connection off"},
    {"Broken pipe", "it broke the connection off"},
};

/* What stands in the last pair of quotes, without the "SSL - " in front; one line of plain ASCII. */
static void quote(const char *text, char *out, size_t out_size)
{
    const char *open = strchr(text, '\'');
    const char *close = open ? strchr(open + 1, '\'') : NULL;
    const char *from = close ? open + 1 : text;
    size_t len = close ? (size_t)(close - from) : strcspn(text, "\n");
    const char *dash = close ? strstr(from, " - ") : NULL;
    if (dash && dash < close) {
        len -= (size_t)(dash + 3 - from);
        from = dash + 3;
    }
    (void)snprintf(out, out_size, "TLS failed: %.*s", (int)len, from);
    for (char *at = out; *at; at++) {
        *at = *at >= ' ' && *at < 0x7F ? *at : '?';
    }
}

void library_reason(const char *fallback, char *out, size_t out_size)
{
    if (first_warning[0] == 0) {
        (void)snprintf(out, out_size, "%s", fallback);
        return;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (strstr(first_warning, reasons[i].part)) {
            (void)snprintf(out, out_size, "%s", reasons[i].reason);
            return;
        }
    }
    quote(first_warning, out, out_size);
}
