/* buf: a growable byte buffer with a sticky failure: append many times, look at `failed` once. */
#ifndef RINGSIDE_PLATFORM_BASE_BUF_H
#define RINGSIDE_PLATFORM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed; /* an allocation failed; all later appends do nothing */
};

#define BUF_INIT ((struct buf){0})

void buf_deinit(struct buf *buf);             /* frees; the buf may be used again */
void buf_reset(struct buf *buf);              /* length 0, keeps the memory, clears `failed` */
uint8_t *buf_grow(struct buf *buf, size_t n); /* room for n more bytes, length grown; NULL when failed */
void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_str(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the content with a NUL that is not counted and returns it as a C string ("" when failed). Borrowed. */
const char *buf_cstr(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_make((const char *)buf->data, buf->len);
}

#endif
