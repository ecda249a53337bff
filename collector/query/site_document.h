/* site_document: sites as a document, from which every format is made.
 *
 *     {"as_of", "sites": [{"site", "number", "state", "group", "zone", "online", "last_seen", "last_seen_age_ms",
 *      "lag_ms", "backlog", "agent_version", "clock_offset_ms", "waiting", "talking", "oldest_wait_ms",
 *      "certificate_end", "added", "joined", "token_expires"}]}
 *
 * Of one site the object itself, with what is only of interest there, such as "live": the sums of its queues as of now
 * (live_site.h). What is not known is null. */
#ifndef RINGSIDE_COLLECTOR_QUERY_SITE_DOCUMENT_H
#define RINGSIDE_COLLECTOR_QUERY_SITE_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/registry/registry.h"
#include "collector/store/store.h"
#include "platform/json/json.h"

struct site_document {
    struct store_view *view; /* NULL: no store */
    int64_t now_ms;
    int64_t idle_ms; /* silent for longer than this it is not online, whatever was written last */
    bool discreet;   /* leaves out of one site: its address, keys, serial and events */
};

void site_document_brief(const struct site_document *from, const struct registry_site *site, struct json *out);
void site_document_full(const struct site_document *from, const struct registry_site *site, struct json *out);

#endif
