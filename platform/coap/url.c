#include "platform/coap/url.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/num.h"
#include "platform/base/slice.h"
#include "platform/base/status.h"

enum { DEFAULT_PORT = 5683, HOST_MAX = 255 };

/* "coap://host[:port]", a slash at the end allowed. */
static int split_url(const char *url, char host[HOST_MAX + 1], uint16_t *port)
{
    static const char scheme[] = "coap://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return strstr(url, "://") ? STATUS_UNSUPPORTED : STATUS_INVALID;
    }
    const char *at = url + sizeof scheme - 1;
    bool bracketed = *at == '[';
    at += bracketed;
    size_t len = strcspn(at, bracketed ? "]" : ":/");
    if (len == 0 || len > HOST_MAX || (bracketed && at[len] != ']')) {
        return STATUS_INVALID;
    }
    memcpy(host, at, len);
    host[len] = 0;
    at += len + bracketed;
    uint64_t number = DEFAULT_PORT;
    if (*at == ':') {
        size_t digits = strcspn(++at, "/");
        if (num_parse_u64(slice_make(at, digits), &number) != 0 || number < 1 || number > UINT16_MAX) {
            return STATUS_INVALID;
        }
        at += digits;
    }
    *port = (uint16_t)number;
    return strcmp(at, "") == 0 || strcmp(at, "/") == 0 ? 0 : STATUS_INVALID;
}

static int resolve(const char *host, uint16_t port, coap_address_t *out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0 || !found) {
        return STATUS_NOT_FOUND;
    }
    coap_address_init(out);
    int status = found->ai_addrlen <= sizeof out->addr ? 0 : STATUS_UNSUPPORTED;
    if (status == 0) {
        out->size = found->ai_addrlen;
        memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
    }
    freeaddrinfo(found);
    return status;
}

int url_resolve(const char *url, coap_address_t *out)
{
    char host[HOST_MAX + 1];
    uint16_t port;
    int status = split_url(url, host, &port);
    return status == 0 ? resolve(host, port, out) : status;
}
