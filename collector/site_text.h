/* site_text: the documents of sites as text. Each appends. */
#ifndef RINGSIDE_COLLECTOR_SITE_TEXT_H
#define RINGSIDE_COLLECTOR_SITE_TEXT_H

#include <stddef.h>

#include "platform/base/buf.h"
#include "platform/json/json.h"

void site_text_table(const struct json *document, size_t width, struct buf *out); /* of a list */
void site_text_page(const struct json *site, struct buf *out);                    /* of one site */

/* In the unit that people would say: 0.4 s, 12 s, 5 min. */
const char *site_text_span(int64_t ms, char *text, size_t size);

/* RFC 4180: a row a site; members of maps as "counters.taken", lists left out. */
void site_text_csv_list(const struct json *document, struct buf *out);
void site_text_csv_rows(const struct json *rows, struct buf *out);
void site_text_csv_site(const struct json *site, struct buf *out);

#endif
