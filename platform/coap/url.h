/* url: where "coap://host[:port]" leads to. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_URL_H
#define RINGSIDE_PLATFORM_COAP_URL_H

#include "platform/coap/library_internal.h"

/* The address behind it; may ask the resolver and wait for it. STATUS_INVALID (no URL), STATUS_UNSUPPORTED (another
 * scheme), STATUS_NOT_FOUND (no such host). */
int url_resolve(const char *url, coap_address_t *out);

#endif
