#include "platform/file/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/file/gunzip.h"

static int input_status(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case ELOOP: return STATUS_DENIED;
    case ENOMEM: return STATUS_NO_MEMORY;
    case ENXIO:
    case ENODEV: return STATUS_UNSUPPORTED;
    default: return STATUS_IO;
    }
}

int input_open(struct input *input, const char *path, bool plain_only)
{
    *input = INPUT_INIT;
    struct input opened = INPUT_INIT;
    opened.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (opened.fd < 0) {
        return input_status(errno);
    }
    struct stat meta;
    int rc = 0;
    if (fstat(opened.fd, &meta) != 0) {
        rc = STATUS_IO;
    } else if (!S_ISREG(meta.st_mode)) {
        rc = STATUS_UNSUPPORTED;
    } else {
        uint8_t magic[2];
        opened.device = (uint64_t)meta.st_dev;
        opened.inode = (uint64_t)meta.st_ino;
        if (!plain_only && input_peek(&opened, 0, magic, sizeof magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
            rc = gunzip_open(opened.fd, &opened.gunzip);
        }
    }
    if (rc != 0) {
        input_close(&opened);
        return rc;
    }
    *input = opened;
    return 0;
}

void input_close(struct input *input)
{
    gunzip_close(input->gunzip);
    if (input->fd >= 0) {
        close(input->fd);
    }
    *input = INPUT_INIT;
}

int64_t input_peek(const struct input *input, uint64_t offset, void *at, size_t len)
{
    ssize_t n;
    do {
        n = pread(input->fd, at, len, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? STATUS_IO : (int64_t)n;
}

int input_read(struct input *input, void *at, size_t room, size_t *got)
{
    if (input->gunzip) {
        int rc = gunzip_read(input->gunzip, at, room, got);
        if (rc == 0) {
            input->offset += *got;
        }
        return rc == GUNZIP_END ? INPUT_END : rc;
    }
    int64_t n = input_peek(input, input->offset, at, room);
    if (n <= 0) {
        return n == 0 ? INPUT_END : (int)n;
    }
    input->offset += (uint64_t)n;
    *got = (size_t)n;
    return 0;
}

int input_seek(struct input *input, uint64_t offset)
{
    if (!input->gunzip) {
        input->offset = offset;
        return 0;
    }
    if (offset < input->offset) {
        struct gunzip *fresh;
        int rc = gunzip_open(input->fd, &fresh);
        if (rc != 0) {
            return rc;
        }
        gunzip_close(input->gunzip);
        input->gunzip = fresh;
        input->offset = 0;
    }
    uint8_t scratch[4096];
    while (input->offset < offset) {
        uint64_t left = offset - input->offset;
        size_t got = 0;
        int rc = input_read(input, scratch, left < sizeof scratch ? (size_t)left : sizeof scratch, &got);
        if (rc != 0) {
            return rc == INPUT_END ? STATUS_NOT_FOUND : rc;
        }
    }
    return 0;
}

uint64_t input_size_bytes(const struct input *input)
{
    struct stat meta;
    return input->fd >= 0 && fstat(input->fd, &meta) == 0 && meta.st_size > 0 ? (uint64_t)meta.st_size : 0;
}

uint64_t input_taken_bytes(const struct input *input)
{
    return input->gunzip ? gunzip_taken_bytes(input->gunzip) : input->offset;
}
