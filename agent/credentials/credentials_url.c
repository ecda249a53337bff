#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/credentials/credentials_internal.h"
#include "platform/base/num.h"
#include "platform/base/status.h"
#include "proto/limits.h"

#define SCHEME "coaps+tcp://"
#define NAME_SIGNS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static int refuse(struct credentials_why *why, const char *text, const char *what)
{
    (void)snprintf(why->text, sizeof why->text, "\"%.80s\" is no collector's address: %s", text, what);
    return STATUS_INVALID;
}

static bool is_v6(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, host, &address) == 1;
}

/* Four numbers that are no address would be looked up as a name; so would "1.2.3". */
static bool is_name(const char *host)
{
    struct in_addr address;
    size_t len = strlen(host);
    if (strspn(host, "0123456789.") == len) {
        return inet_pton(AF_INET, host, &address) == 1;
    }
    return strspn(host, NAME_SIGNS) == len && host[0] != '-' && host[0] != '.' && !strstr(host, "..");
}

static int take_port(const char *text, const char *rest, struct credentials_url *out, struct credentials_why *why)
{
    uint64_t port = LIMITS_DEFAULT_PORT;
    size_t len = strcspn(rest, "/");
    if (rest[len] == '/' && rest[len + 1] != 0) {
        return refuse(why, text, "nothing may follow the host and the port");
    }
    if (len > 0 && (rest[0] != ':' || num_parse_u64(slice_make(rest + 1, len - 1), &port) != 0 || port == 0 ||
                    port > UINT16_MAX)) {
        return refuse(why, text, "behind the host there may be a port, \":5684\"");
    }
    out->port = (uint16_t)port;
    return 0;
}

int credentials_url_parse(const char *text, struct credentials_url *out, struct credentials_why *why)
{
    if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0) {
        return refuse(why, text, "it begins with " SCHEME);
    }
    const char *host = text + strlen(SCHEME);
    bool brackets = host[0] == '[';
    host += brackets;
    size_t len = strcspn(host, brackets ? "]" : ":/");
    const char *rest = host + len;
    if (len == 0 || len >= sizeof out->host || strlen(text) >= CREDENTIALS_URL_MAX) {
        return refuse(why, text, len == 0 ? "it names no host" : "it is too long");
    }
    memcpy(out->host, host, len);
    out->host[len] = 0;
    if (brackets && (rest[0] != ']' || !is_v6(out->host))) {
        return refuse(why, text, "in brackets there is an IPv6 address");
    }
    if (!brackets && strchr(rest, ':') != strrchr(rest, ':')) {
        return refuse(why, text, "an IPv6 address stands in brackets, [2001:db8::1]");
    }
    if (!brackets && !is_name(out->host)) {
        return refuse(why, text, "the host is neither a name nor an address");
    }
    return take_port(text, rest + brackets, out, why);
}
