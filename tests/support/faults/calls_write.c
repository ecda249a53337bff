/* Writes: the doors to a file's content. */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

enum { PARTS_MAX = 1024, SECTOR_BYTES = 512 };

struct out {
    int fd;
    const struct iovec *parts;
    int count;
    off_t at;
    bool placed; /* at `at`, else where the descriptor stands */
};

static size_t bytes_of(const struct out *out)
{
    size_t bytes = 0;
    for (int i = 0; i < out->count; i++) {
        bytes += out->parts[i].iov_len;
    }
    return bytes;
}

static ssize_t send_off(const struct out *out)
{
    return out->placed ? syscall(SYS_pwritev, out->fd, out->parts, out->count, out->at, 0)
                       : syscall(SYS_writev, out->fd, out->parts, out->count);
}

static ssize_t send_some(const struct out *out, size_t bytes)
{
    struct iovec parts[PARTS_MAX];
    struct out some = *out;
    some.parts = parts;
    some.count = 0;
    for (int i = 0; i < out->count && bytes > 0; i++) {
        size_t len = out->parts[i].iov_len < bytes ? out->parts[i].iov_len : bytes;
        parts[some.count++] = (struct iovec){out->parts[i].iov_base, len};
        bytes -= len;
    }
    return send_off(&some);
}

/* Where a process or the power ends within a write: no sector is written in part. */
static size_t whole_sectors(const struct out *out, size_t bytes)
{
    off_t at = out->placed ? out->at : (off_t)syscall(SYS_lseek, out->fd, 0, SEEK_CUR);
    off_t end = (at + (off_t)bytes) / SECTOR_BYTES * SECTOR_BYTES;
    return end > at ? (size_t)(end - at) : 0;
}

static ssize_t write_watched(struct faults_file *file, const struct out *out)
{
    int error = 0;
    int kind = faults_meet(FAULTS_WRITE, &error);
    size_t half = bytes_of(out) / 2;
    if (kind == FAULTS_FAIL || (kind == FAULTS_TEAR && half == 0)) {
        errno = error;
        return -1;
    }
    bool torn = kind == FAULTS_TEAR || kind == FAULTS_CUT_WITHIN;
    half = kind == FAULTS_CUT_WITHIN ? whole_sectors(out, half) : half;
    ssize_t done = torn ? (half > 0 ? send_some(out, half) : 0) : send_off(out);
    if (done > 0) {
        off_t at = out->placed ? out->at : (off_t)syscall(SYS_lseek, out->fd, 0, SEEK_CUR) - done;
        platter_wrote(file, out->parts, (size_t)done, at);
    }
    if (kind == FAULTS_CUT_WITHIN) {
        faults_die();
    }
    return faults_answer(kind, error, 0) == 0 ? done : -1;
}

static ssize_t write_parts(const struct out *out)
{
    struct faults_file *file = faults_file(out->fd);
    return file && out->count <= PARTS_MAX ? write_watched(file, out) : send_off(out);
}

FAULTS_DOOR ssize_t write(int fd, const void *bytes, size_t len)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    return faults_file(fd) ? write_parts(&(struct out){fd, &part, 1, 0, false}) : syscall(SYS_write, fd, bytes, len);
}

FAULTS_DOOR ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    return write_parts(&(struct out){fd, &part, 1, at, true});
}

FAULTS_DOOR ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite(fd, bytes, len, at);
}

FAULTS_DOOR ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_parts(&(struct out){fd, parts, count, 0, false});
}

FAULTS_DOOR ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    return write_parts(&(struct out){fd, parts, count, at, true});
}

FAULTS_DOOR ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at)
{
    return pwritev(fd, parts, count, at);
}
