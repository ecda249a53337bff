/* der: writing ASN.1 (X.690 DER) from the inside out. Internal. */
#ifndef RINGSIDE_PLATFORM_TLS_DER_H
#define RINGSIDE_PLATFORM_TLS_DER_H

#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

/* Appends tag, length and content. `content` must not be part of `out`. */
void der_put(struct buf *out, uint8_t tag, struct slice content);

#endif
