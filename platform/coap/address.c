#include "platform/coap/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/num.h"
#include "platform/base/status.h"

int address_parse(const char *host, uint16_t port, coap_address_t *out)
{
    coap_address_init(out);
    if (inet_pton(AF_INET, host, &out->addr.sin.sin_addr) == 1) {
        out->size = sizeof out->addr.sin;
        out->addr.sin.sin_family = AF_INET;
        out->addr.sin.sin_port = htons(port);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &out->addr.sin6.sin6_addr) == 1) {
        out->size = sizeof out->addr.sin6;
        out->addr.sin6.sin6_family = AF_INET6;
        out->addr.sin6.sin6_port = htons(port);
        return 0;
    }
    return STATUS_INVALID;
}

void address_text(const coap_address_t *address, char *out, size_t out_size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct in6_addr *six = &address->addr.sin6.sin6_addr;
    if (address->addr.sa.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address->addr.sin.sin_addr, host, sizeof host);
        (void)snprintf(out, out_size, "%s:%u", host, ntohs(address->addr.sin.sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(six)) {
        (void)inet_ntop(AF_INET, six->s6_addr + 12, host, sizeof host);
        (void)snprintf(out, out_size, "%s:%u", host, ntohs(address->addr.sin6.sin6_port));
    } else {
        (void)inet_ntop(AF_INET6, six, host, sizeof host);
        (void)snprintf(out, out_size, "[%s]:%u", host, ntohs(address->addr.sin6.sin6_port));
    }
}

void address_host(const coap_address_t *address, uint8_t out[ADDRESS_HOST_BYTES])
{
    memset(out, 0, ADDRESS_HOST_BYTES);
    if (address->addr.sa.sa_family == AF_INET) {
        memcpy(out, &address->addr.sin.sin_addr, 4);
    } else {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&address->addr.sin6.sin6_addr);
        memcpy(out, address->addr.sin6.sin6_addr.s6_addr, mapped ? ADDRESS_HOST_BYTES : 8);
    }
}

/* libcoap tells the bound port only as part of a text: "127.0.0.1:5683 UDP". */
uint16_t address_bound_port(const coap_endpoint_t *listener)
{
    const char *text = coap_endpoint_str(listener);
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    if (colon) {
        (void)num_parse_u64(slice_make(colon + 1, strcspn(colon + 1, " ")), &port);
    }
    return (uint16_t)port;
}
