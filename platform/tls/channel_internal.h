/* What a channel has from its trust, and the words for what servers do. Internal to this room. */
#ifndef RINGSIDE_PLATFORM_TLS_CHANNEL_INTERNAL_H
#define RINGSIDE_PLATFORM_TLS_CHANNEL_INTERNAL_H

#include <mbedtls/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/tls/channel.h"

const mbedtls_ssl_config *channel_trust_config(const struct channel_trust *trust);

/* A clause for a certificate that was refused, by the library's flags. */
const char *channel_refusal_str(uint32_t flags);
const char *channel_alert_str(unsigned alert); /* "" for those without a common meaning */
bool channel_is_old_tls(int rc);               /* the server offers nothing newer than TLS 1.1 */

#endif
