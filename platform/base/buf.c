#include "platform/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_deinit(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_INIT;
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

static bool buf_reserve(struct buf *buf, size_t n)
{
    if (buf->failed) {
        return false;
    }
    if (n <= buf->cap - buf->len) {
        return true;
    }
    size_t need = buf->len + n;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need && cap <= SIZE_MAX / 2) {
        cap *= 2;
    }
    uint8_t *data = need < n || cap < need ? NULL : realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

uint8_t *buf_grow(struct buf *buf, size_t n)
{
    if (!buf_reserve(buf, n)) {
        return NULL;
    }
    uint8_t *at = buf->data + buf->len;
    buf->len += n;
    return at;
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
    uint8_t *at = len ? buf_grow(buf, len) : NULL;
    if (at) {
        memcpy(at, data, len);
    }
}

void buf_append_str(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    if (need >= 0 && buf_reserve(buf, (size_t)need + 1)) {
        (void)vsnprintf((char *)buf->data + buf->len, (size_t)need + 1, format, again);
        buf->len += (size_t)need;
    } else {
        buf->failed = true;
    }
    va_end(again);
    va_end(args);
}

const char *buf_cstr(struct buf *buf)
{
    if (!buf_reserve(buf, 1)) {
        return "";
    }
    buf->data[buf->len] = 0;
    return (const char *)buf->data;
}
