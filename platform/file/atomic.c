#include "platform/file/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"

enum { TRIES_MAX = 200, TRIES_AT_ONCE = 10, PAUSE_NS = 10 * 1000 * 1000 };

static int atomic_status(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return STATUS_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return STATUS_FULL;
    case ENOMEM: return STATUS_NO_MEMORY;
    case ENOTEMPTY:
    case EEXIST: return STATUS_BUSY;
    default: return STATUS_IO;
    }
}

static int atomic_write(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return atomic_status(errno);
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int atomic_fill(int fd, const void *data, size_t len, mode_t mode)
{
    int rc = fchmod(fd, mode) == 0 ? 0 : atomic_status(errno);
    if (rc == 0) {
        rc = atomic_write(fd, data, len);
    }
    return rc == 0 && fsync(fd) != 0 ? atomic_status(errno) : rc;
}

static int atomic_sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(cleanup_free) char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!dir) {
        return STATUS_NO_MEMORY;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return STATUS_IO;
    }
    int rc = fsync(fd) == 0 ? 0 : STATUS_IO;
    close(fd);
    return rc;
}

static bool atomic_is_at(int fd, const char *path)
{
    struct stat held;
    struct stat there;
    return fstat(fd, &held) == 0 && lstat(path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

/* What was left by one who did not come to its end goes: nobody holds its lock. One whose lock is held is being
 * written. 0, 1: it is held, or a failure. */
static int atomic_clear(const char *temporary)
{
    int fd = open(temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno != EACCES && errno != ELOOP) {
        return errno == ENOENT ? 0 : atomic_status(errno);
    }
    int rc = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 ? 1 : 0;
    if (rc == 0 && (fd < 0 || atomic_is_at(fd, temporary)) && unlink(temporary) != 0) {
        rc = errno == ENOENT ? 0 : atomic_status(errno);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* A new file of always the same name, so that of one that was not finished no more than that one is left, until the
 * next time. Its lock says that it is being written. */
static int atomic_make(const char *temporary, int *out)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != EEXIST) {
            return atomic_status(errno);
        }
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && atomic_is_at(fd, temporary)) {
            *out = fd;
            return 0;
        }
        if (fd >= 0) { /* before it had its lock, another one took it for left over */
            close(fd);
            continue;
        }
        int rc = atomic_clear(temporary);
        if (rc < 0) {
            return rc;
        }
        if (rc > 0 || tries > TRIES_AT_ONCE) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return STATUS_BUSY;
}

int atomic_replace(const char *path, const void *data, size_t len, mode_t mode)
{
    CLEANUP(cleanup_free) char *temporary = NULL;
    if (asprintf(&temporary, "%s.new", path) < 0) {
        temporary = NULL;
        return STATUS_NO_MEMORY;
    }
    int fd = -1;
    int rc = atomic_make(temporary, &fd);
    if (rc != 0) {
        return rc;
    }
    rc = atomic_fill(fd, data, len, mode);
    if (rc == 0 && rename(temporary, path) != 0) {
        rc = atomic_status(errno);
    }
    if (rc != 0) {
        unlink(temporary);
    }
    close(fd); /* only now: with it the lock goes; its content is on the disk */
    return rc == 0 ? atomic_sync_directory(path) : rc;
}

int atomic_rename(const char *from, const char *to)
{
    return rename(from, to) == 0 ? atomic_sync_directory(to) : atomic_status(errno);
}

static int atomic_take(int fd, size_t len, struct buf *out)
{
    size_t before = out->len;
    uint8_t *at = len ? buf_grow(out, len) : out->data; /* nothing needs no memory */
    if (!at && len > 0) {
        return STATUS_NO_MEMORY;
    }
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, at + got, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            out->len = before;
            return n == 0 ? STATUS_IO : atomic_status(errno); /* shorter than it was a moment ago */
        }
        got += (size_t)n;
    }
    return 0;
}

int atomic_read(const char *path, size_t max, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return atomic_status(errno);
    }
    struct stat info;
    int rc = fstat(fd, &info) == 0 ? 0 : atomic_status(errno);
    if (rc == 0 && !S_ISREG(info.st_mode)) {
        rc = STATUS_INVALID;
    }
    if (rc == 0 && (uint64_t)info.st_size > max) {
        rc = STATUS_RANGE;
    }
    if (rc == 0) {
        rc = atomic_take(fd, (size_t)info.st_size, out);
    }
    close(fd);
    return rc;
}
