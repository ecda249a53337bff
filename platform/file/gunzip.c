#include "platform/file/gunzip.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "platform/base/status.h"

enum { GUNZIP_INPUT_BYTES = 64 * 1024, GUNZIP_WINDOW_GZIP = 15 + 16 };

struct gunzip {
    int fd;
    z_stream stream;
    uint64_t file_offset; /* of the end of the input buffer */
    bool in_member;
    int ended; /* sticky: GUNZIP_END or a failure */
    uint8_t input[GUNZIP_INPUT_BYTES];
};

int gunzip_open(int fd, struct gunzip **out)
{
    struct gunzip *gunzip = calloc(1, sizeof *gunzip);
    if (!gunzip) {
        return STATUS_NO_MEMORY;
    }
    gunzip->fd = fd;
    gunzip->in_member = true;
    if (inflateInit2(&gunzip->stream, GUNZIP_WINDOW_GZIP) != Z_OK) {
        free(gunzip);
        return STATUS_NO_MEMORY;
    }
    *out = gunzip;
    return 0;
}

void gunzip_close(struct gunzip *gunzip)
{
    if (gunzip) {
        inflateEnd(&gunzip->stream);
        free(gunzip);
    }
}

/* 0 with input in the stream, GUNZIP_END at the end of the file, or STATUS_IO. */
static int gunzip_fill(struct gunzip *gunzip)
{
    if (gunzip->stream.avail_in > 0) {
        return 0;
    }
    ssize_t n;
    do {
        n = pread(gunzip->fd, gunzip->input, sizeof gunzip->input, (off_t)gunzip->file_offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return STATUS_IO;
    }
    gunzip->file_offset += (uint64_t)n;
    gunzip->stream.next_in = gunzip->input;
    gunzip->stream.avail_in = (uInt)n;
    return n == 0 ? GUNZIP_END : 0;
}

/* Between members: zeros are padding, the end is the end, anything else must be a member. */
static int gunzip_next_member(struct gunzip *gunzip)
{
    for (;;) {
        int rc = gunzip_fill(gunzip);
        if (rc != 0) {
            return rc;
        }
        if (*gunzip->stream.next_in != 0) {
            break;
        }
        gunzip->stream.next_in++;
        gunzip->stream.avail_in--;
    }
    if (inflateReset(&gunzip->stream) != Z_OK) {
        return STATUS_CORRUPT;
    }
    gunzip->in_member = true;
    return 0;
}

static int gunzip_step(struct gunzip *gunzip)
{
    int rc = gunzip->in_member ? gunzip_fill(gunzip) : gunzip_next_member(gunzip);
    if (rc != 0) {
        return rc == GUNZIP_END && gunzip->in_member ? STATUS_CORRUPT : rc;
    }
    switch (inflate(&gunzip->stream, Z_NO_FLUSH)) {
    case Z_OK:
    case Z_BUF_ERROR: return 0;
    case Z_STREAM_END: gunzip->in_member = false; return 0;
    case Z_MEM_ERROR: return STATUS_NO_MEMORY;
    default: return STATUS_CORRUPT;
    }
}

int gunzip_read(struct gunzip *gunzip, void *at, size_t room, size_t *got)
{
    uInt want = room > UINT_MAX ? UINT_MAX : (uInt)room;
    gunzip->stream.next_out = at;
    gunzip->stream.avail_out = want;
    while (gunzip->ended == 0 && gunzip->stream.avail_out > 0) {
        gunzip->ended = gunzip_step(gunzip);
    }
    if (gunzip->stream.avail_out == want) {
        return gunzip->ended;
    }
    *got = want - gunzip->stream.avail_out;
    return 0;
}

uint64_t gunzip_taken_bytes(const struct gunzip *gunzip)
{
    return gunzip->file_offset - gunzip->stream.avail_in;
}
