#include "platform/file/gzip.h"

#include <limits.h>
#include <zlib.h>

#include "platform/base/status.h"

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_ROOM_MIN = 4096 };

/* zlib counts in 32 bits: what is longer goes in portions. */
static uInt gzip_portion(size_t len)
{
    return len > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt)len;
}

static int gzip_deflate(z_stream *stream, struct slice plain, struct buf *out)
{
    size_t taken = 0;
    int rc = Z_OK;
    stream->next_in = (Bytef *)(uintptr_t)plain.data;
    do {
        if (stream->avail_in == 0) {
            stream->avail_in = gzip_portion(plain.len - taken);
            taken += stream->avail_in;
        }
        size_t room = deflateBound(stream, stream->avail_in) + GZIP_ROOM_MIN;
        uint8_t *at = buf_grow(out, room);
        if (!at) {
            return STATUS_NO_MEMORY;
        }
        stream->next_out = at;
        stream->avail_out = gzip_portion(room);
        uInt before = stream->avail_out;
        rc = deflate(stream, taken == plain.len ? Z_FINISH : Z_NO_FLUSH);
        out->len -= room - (before - stream->avail_out);
    } while (rc == Z_OK || rc == Z_BUF_ERROR);
    return rc == Z_STREAM_END ? 0 : STATUS_NO_MEMORY;
}

int gzip_pack(struct slice plain, int level, struct buf *out)
{
    z_stream stream = {0};
    size_t before = out->len;
    if (deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return STATUS_NO_MEMORY;
    }
    int status = gzip_deflate(&stream, plain, out);
    (void)deflateEnd(&stream);
    if (status != 0) {
        out->len = before;
    }
    return status;
}

static int gzip_inflate(z_stream *stream, struct slice packed, size_t max, struct buf *out)
{
    size_t taken = 0;
    size_t given = 0;
    int rc = Z_OK;
    stream->next_in = (Bytef *)(uintptr_t)packed.data;
    while (rc == Z_OK) {
        if (stream->avail_in == 0) {
            stream->avail_in = gzip_portion(packed.len - taken);
            taken += stream->avail_in;
        }
        size_t room = given > GZIP_ROOM_MIN ? given : GZIP_ROOM_MIN;
        room = room < max - given + 1 ? room : max - given + 1;
        uint8_t *at = buf_grow(out, room);
        if (!at) {
            return STATUS_NO_MEMORY;
        }
        stream->next_out = at;
        stream->avail_out = gzip_portion(room);
        uInt before = stream->avail_out;
        rc = inflate(stream, Z_NO_FLUSH);
        given += before - stream->avail_out;
        out->len -= room - (before - stream->avail_out);
        if (given > max) {
            return STATUS_RANGE;
        }
    }
    if (rc == Z_MEM_ERROR) {
        return STATUS_NO_MEMORY;
    }
    return rc == Z_STREAM_END && stream->avail_in == 0 && taken == packed.len ? 0 : STATUS_CORRUPT;
}

int gzip_unpack(struct slice packed, size_t max, struct buf *out)
{
    z_stream stream = {0};
    size_t before = out->len;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        return STATUS_NO_MEMORY;
    }
    int status = gzip_inflate(&stream, packed, max, out);
    (void)inflateEnd(&stream);
    if (status != 0) {
        out->len = before;
    }
    return status;
}
