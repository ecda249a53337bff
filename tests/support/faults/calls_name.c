/* Names: what gives one, takes one away or moves it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

/* Whether the call is refused; errno says why. */
static bool refused(int *kind, int *error)
{
    *kind = faults_meet(FAULTS_NAME, error);
    if (*kind == FAULTS_FAIL) {
        errno = *error;
    }
    return *kind == FAULTS_FAIL;
}

static int rename_any(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    char full_from[PATH_MAX];
    char full_to[PATH_MAX];
    if (!faults_place(from_dir, from, full_from) || !faults_place(to_dir, to, full_to)) {
        return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    }
    int error = 0;
    int kind;
    if (refused(&kind, &error)) {
        return -1;
    }
    struct platter_step step;
    platter_name_before(full_from, full_to, &step);
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, full_from, AT_FDCWD, full_to, flags);
    if (result == 0) {
        platter_renamed(&step, full_from, full_to);
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int rename(const char *from, const char *to)
{
    return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}

FAULTS_DOOR int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return rename_any(from_dir, from, to_dir, to, 0);
}

FAULTS_DOOR int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return rename_any(from_dir, from, to_dir, to, flags);
}

FAULTS_DOOR int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    char full_from[PATH_MAX];
    char full_to[PATH_MAX];
    if (!faults_place(from_dir, from, full_from) || !faults_place(to_dir, to, full_to)) {
        return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    }
    int error = 0;
    int kind;
    if (refused(&kind, &error)) {
        return -1;
    }
    struct platter_step step;
    platter_name_before(full_from, NULL, &step);
    int result = (int)syscall(SYS_linkat, AT_FDCWD, full_from, AT_FDCWD, full_to, flags);
    if (result == 0) {
        platter_linked(&step, full_to);
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

FAULTS_DOOR int unlinkat(int directory, const char *path, int flags)
{
    char full[PATH_MAX];
    if (!faults_place(directory, path, full)) {
        return (int)syscall(SYS_unlinkat, directory, path, flags);
    }
    if (!faults_is_there(full)) {
        errno = ENOENT;
        return -1;
    }
    int error = 0;
    int kind;
    if (refused(&kind, &error)) {
        return -1;
    }
    struct platter_step step;
    platter_name_before(full, full, &step);
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, full, flags);
    if (result == 0) {
        platter_unlinked(&step, full);
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

FAULTS_DOOR int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

FAULTS_DOOR int remove(const char *path)
{
    int result = unlink(path);
    return result != 0 && errno == EISDIR ? rmdir(path) : result;
}

FAULTS_DOOR int mkdirat(int directory, const char *path, mode_t mode)
{
    char full[PATH_MAX];
    if (!faults_place(directory, path, full)) {
        return (int)syscall(SYS_mkdirat, directory, path, mode);
    }
    if (faults_is_there(full)) {
        errno = EEXIST;
        return -1;
    }
    int error = 0;
    int kind;
    if (refused(&kind, &error)) {
        return -1;
    }
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, full, mode);
    if (result == 0) {
        platter_made_directory(full);
    }
    return faults_answer(kind, error, result);
}

FAULTS_DOOR int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
