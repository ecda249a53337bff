#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "platform/tls/certificate_internal.h"

enum { SAN_DNS = 2, SAN_ADDRESS = 7, ADDRESS_MAX = 16 };

/* The octets of an address literal; 0 when it is none. */
static size_t parse_address(const char *host, uint8_t out[ADDRESS_MAX])
{
    if (inet_pton(AF_INET, host, out) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, host, out) == 1 ? 16 : 0;
}

static bool same_text(struct slice a, struct slice b)
{
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

/* The name behind its first label, with the dot; empty when there is one label only. */
static struct slice behind_label(struct slice name)
{
    const char *dot = memchr(name.data, '.', name.len);
    return dot ? slice_make(dot, name.len - (size_t)(dot - name.data)) : slice_make(name.data, 0);
}

/* RFC 6125, section 6.4: the star stands for one whole label, the first one. */
static bool matches(struct slice pattern, struct slice host)
{
    if (pattern.len > 2 && pattern.data[0] == '*' && pattern.data[1] == '.') {
        struct slice rest = behind_label(host);
        return rest.len < host.len && same_text(slice_make(pattern.data + 1, pattern.len - 1), rest);
    }
    return same_text(pattern, host);
}

static struct slice host_slice(const char *host)
{
    struct slice name = slice_str(host);
    if (name.len > 0 && name.data[name.len - 1] == '.') {
        name.len--;
    }
    return name;
}

bool certificate_is_for(const mbedtls_x509_crt *crt, const char *host)
{
    uint8_t address[ADDRESS_MAX];
    size_t address_len = parse_address(host, address);
    struct slice name = host_slice(host);
    if (!(crt->ext_types & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) || name.len == 0) {
        return false;
    }
    for (const mbedtls_x509_sequence *entry = &crt->subject_alt_names; entry; entry = entry->next) {
        int kind = entry->buf.tag & 0x1f;
        struct slice value = slice_make((const char *)entry->buf.p, entry->buf.len);
        if (address_len > 0) {
            if (kind == SAN_ADDRESS && slice_equal(value, slice_make((const char *)address, address_len))) {
                return true;
            }
        } else if (kind == SAN_DNS && value.len > 0 && matches(value, name)) {
            return true;
        }
    }
    return false;
}

bool certificate_names(struct slice der, const char *host)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    bool names = certificate_parse(der, &crt) == 0 && certificate_is_for(&crt, host);
    mbedtls_x509_crt_free(&crt);
    return names;
}
