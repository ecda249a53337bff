/* Syncs, and the doors to a file's length and its room. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

/* While the platter records, no other disk has to be waited for. */
static int sync_file(int fd, long call)
{
    struct faults_file *file = faults_file(fd);
    if (!file) {
        return (int)syscall(call, fd);
    }
    int error = 0;
    int kind = faults_meet(FAULTS_SYNC, &error);
    if (kind == FAULTS_FAIL) {
        errno = error;
        return -1;
    }
    int result = platter_records() ? 0 : (int)syscall(call, fd);
    if (result == 0) {
        platter_synced(file, fd);
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

FAULTS_DOOR int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

FAULTS_DOOR int msync(void *at, size_t len, int flags)
{
    int error = 0;
    int kind = faults_watching() ? faults_meet(FAULTS_SYNC, &error) : FAULTS_PASS;
    if (kind == FAULTS_FAIL) {
        errno = error;
        return -1;
    }
    int result = (int)syscall(SYS_msync, at, len, flags);
    if (result == 0) {
        platter_synced_maps();
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int ftruncate(int fd, off_t len)
{
    struct faults_file *file = faults_file(fd);
    if (!file) {
        return (int)syscall(SYS_ftruncate, fd, len);
    }
    int error = 0;
    int kind = faults_meet(FAULTS_SPACE, &error);
    if (kind == FAULTS_FAIL) {
        errno = error;
        return -1;
    }
    int result = (int)syscall(SYS_ftruncate, fd, len);
    if (result == 0) {
        platter_length(file, (uint64_t)len);
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int ftruncate64(int fd, off_t len)
{
    return ftruncate(fd, len);
}

FAULTS_DOOR int fallocate(int fd, int mode, off_t at, off_t len)
{
    struct faults_file *file = faults_file(fd);
    if (!file) {
        return (int)syscall(SYS_fallocate, fd, mode, at, len);
    }
    int error = 0;
    int kind = faults_meet(FAULTS_SPACE, &error);
    if (kind == FAULTS_FAIL) {
        errno = error;
        return -1;
    }
    int result = (int)syscall(SYS_fallocate, fd, mode, at, len);
    if (result == 0 && mode == 0) {
        platter_reserved(file, (uint64_t)(at + len));
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int fallocate64(int fd, int mode, off_t at, off_t len)
{
    return fallocate(fd, mode, at, len);
}

/* Tells its error by what it returns, and leaves errno. */
FAULTS_DOOR int posix_fallocate(int fd, off_t at, off_t len)
{
    int before = errno;
    int error = fallocate(fd, 0, at, len) == 0 ? 0 : errno;
    errno = before;
    return error;
}

FAULTS_DOOR int posix_fallocate64(int fd, off_t at, off_t len)
{
    return posix_fallocate(fd, at, len);
}
