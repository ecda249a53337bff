/* site_record: a site as a value of the registry's database "sites", whose key is the site's number (u32).
 *
 *     bytes id, u8 state, varint group number, bytes zone, u64 created, u64 joined, u64 changed (ms),
 *     u8 flags (1 key, 2 next key, 4 token, 8 fresh), [32 key hash], [32 next key hash], bytes serial,
 *     u64 end of the certificate (s), [u64 end of the token (ms), 32 psk]
 *
 * within platform/kv/record's frame. Bytes behind that are a later version's and are ignored. */
#ifndef RINGSIDE_COLLECTOR_REGISTRY_SITE_RECORD_H
#define RINGSIDE_COLLECTOR_REGISTRY_SITE_RECORD_H

#include "collector/registry/registry.h"
#include "platform/base/wire.h"

void site_record_write(struct buf *value, const struct registry_site *site); /* appends the payload */

/* The group's name is not in it. STATUS_CORRUPT. */
int site_record_read(struct wire_reader *payload, struct registry_site *out);

#endif
