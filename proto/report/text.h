/* text: strings of unknown origin on a terminal: how wide they are, cut to a width, without anything that a terminal
 * would obey. */
#ifndef RINGSIDE_PROTO_REPORT_TEXT_H
#define RINGSIDE_PROTO_REPORT_TEXT_H

#include <stddef.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum text_align { TEXT_LEFT, TEXT_RIGHT };

/* Columns on a terminal: 2 for East Asian wide characters and emoji, 0 for combining ones. */
size_t text_width(struct slice text);

/* Appends the text in exactly `width` columns: padded, or cut with "…". Control and direction characters become "?". */
void text_put(struct buf *out, struct slice text, size_t width, enum text_align align);

/* Appends as it is, only with what a terminal would obey made "?". */
void text_put_plain(struct buf *out, struct slice text);

#endif
