/* Opening and closing. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

FAULTS_DOOR int __open_2(const char *path, int flags);
FAULTS_DOOR int __open64_2(const char *path, int flags);
FAULTS_DOOR int __openat_2(int directory, const char *path, int flags);
FAULTS_DOOR int __openat64_2(int directory, const char *path, int flags);

static int open_watched(const char *full, int flags, mode_t mode)
{
    bool there = faults_is_there(full);
    if (!there && !(flags & O_CREAT)) {
        return (int)syscall(SYS_openat, AT_FDCWD, full, flags, mode);
    }
    int error = 0;
    int kind = faults_meet(there ? FAULTS_OPEN : FAULTS_NAME, &error);
    if (kind == FAULTS_FAIL) {
        errno = error;
        return -1;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, full, flags, mode);
    if (fd >= 0) {
        faults_opened(fd, full, flags, !there);
    }
    int result = faults_answer(kind, error, fd);
    if (result < 0 && fd >= 0) {
        faults_closed(fd);
        (void)syscall(SYS_close, fd);
        errno = error;
    }
    return result;
}

static int open_any(int directory, const char *path, int flags, mode_t mode)
{
    char full[PATH_MAX];
    return faults_place(directory, path, full) ? open_watched(full, flags, mode)
                                               : (int)syscall(SYS_openat, directory, path, flags, mode);
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(arguments, unsigned) : 0;
}

FAULTS_DOOR int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(AT_FDCWD, path, flags, mode);
}

FAULTS_DOOR int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(AT_FDCWD, path, flags, mode);
}

FAULTS_DOOR int openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(directory, path, flags, mode);
}

FAULTS_DOOR int openat64(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(directory, path, flags, mode);
}

FAULTS_DOOR int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

FAULTS_DOOR int __open64_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

FAULTS_DOOR int __openat_2(int directory, const char *path, int flags)
{
    return open_any(directory, path, flags, 0);
}

FAULTS_DOOR int __openat64_2(int directory, const char *path, int flags)
{
    return open_any(directory, path, flags, 0);
}

FAULTS_DOOR int creat(const char *path, mode_t mode)
{
    return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

FAULTS_DOOR int creat64(const char *path, mode_t mode)
{
    return creat(path, mode);
}

/* The C library's own goes past open(). */
FAULTS_DOOR int mkostemps(char *pattern, int suffix, int flags)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t len = strlen(pattern);
    if (suffix < 0 || len < 6 + (size_t)suffix || memcmp(pattern + len - 6 - (size_t)suffix, "XXXXXX", 6) != 0) {
        errno = EINVAL;
        return -1;
    }
    for (int attempt = 0; attempt < 100; attempt++) {
        unsigned char random[6];
        if (syscall(SYS_getrandom, random, sizeof random, 0) != sizeof random) {
            return -1;
        }
        for (size_t i = 0; i < sizeof random; i++) {
            pattern[len - 6 - (size_t)suffix + i] = letters[random[i] % (sizeof letters - 1)];
        }
        int fd = open_any(AT_FDCWD, pattern, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

FAULTS_DOOR int mkostemp(char *pattern, int flags)
{
    return mkostemps(pattern, 0, flags);
}

FAULTS_DOOR int mkostemp64(char *pattern, int flags)
{
    return mkostemps(pattern, 0, flags);
}

FAULTS_DOOR int mkstemp(char *pattern)
{
    return mkostemps(pattern, 0, 0);
}

FAULTS_DOOR int mkstemp64(char *pattern)
{
    return mkostemps(pattern, 0, 0);
}

FAULTS_DOOR int close(int fd)
{
    faults_closed(fd);
    return (int)syscall(SYS_close, fd);
}
