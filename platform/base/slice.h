/* slice: a borrowed run of bytes. Never owns, never ends in NUL by promise. */
#ifndef RINGSIDE_PLATFORM_BASE_SLICE_H
#define RINGSIDE_PLATFORM_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data;
    size_t len;
};

static inline struct slice slice_make(const char *data, size_t len)
{
    return (struct slice){data, len};
}

/* Borrows a C string; NULL gives the empty slice. */
static inline struct slice slice_str(const char *text)
{
    return (struct slice){text ? text : "", text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_str(text));
}

/* As a C string of at most size - 1 bytes, cut where there are more. */
static inline void slice_copy(struct slice from, char *to, size_t size)
{
    size_t len = from.len < size - 1 ? from.len : size - 1;
    if (len > 0) {
        memcpy(to, from.data, len);
    }
    to[len] = '\0';
}

#endif
