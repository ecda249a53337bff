/* live_text: the document of `ringside-collector live` as text. Each appends. */
#ifndef RINGSIDE_COLLECTOR_LIVE_TEXT_H
#define RINGSIDE_COLLECTOR_LIVE_TEXT_H

#include <stddef.h>

#include "platform/base/buf.h"
#include "platform/json/json.h"

void live_text_table(const struct json *document, size_t width, struct buf *out);
void live_text_csv(const struct json *document, struct buf *out); /* its operators where it has them, else its rows */

#endif
