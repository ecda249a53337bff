/* address: addresses as libcoap wants them. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_ADDRESS_H
#define RINGSIDE_PLATFORM_COAP_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "platform/coap/library_internal.h"

enum { ADDRESS_HOST_BYTES = 16 };

int address_parse(const char *host, uint16_t port, coap_address_t *out); /* a literal; STATUS_INVALID */

/* "192.0.2.1:49152" or "[2001:db8::1]:49152"; an IPv4 address mapped into IPv6 as IPv4. */
void address_text(const coap_address_t *address, char *out, size_t out_size);

/* The host alone, for comparing; of an IPv6 address the first 64 bits, which is what one peer has at its hand. */
void address_host(const coap_address_t *address, uint8_t out[ADDRESS_HOST_BYTES]);

uint16_t address_bound_port(const coap_endpoint_t *listener);

#endif
