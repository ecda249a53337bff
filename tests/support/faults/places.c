/* Places: which descriptors belong to the watched directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

static char root[PATH_MAX];
static size_t root_len;
static struct faults_file files[FAULTS_FILES_MAX];

bool faults_watching(void)
{
    return root_len > 0;
}

const char *faults_root(void)
{
    return root;
}

static bool is_below(const char *full)
{
    return root_len > 0 && strncmp(full, root, root_len) == 0 && (full[root_len] == '/' || full[root_len] == '\0');
}

static bool path_of(int fd, char full[PATH_MAX])
{
    char link[32];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long len = syscall(SYS_readlink, link, full, PATH_MAX - 1);
    if (len <= 0) {
        return false;
    }
    full[len] = '\0';
    return full[0] == '/';
}

static void note(int fd, const char *full, int flags, bool made)
{
    struct stat info;
    struct faults_file *file = &files[fd];
    file->watched = true;
    file->write_through = (flags & (O_SYNC | O_DSYNC)) != 0;
    file->directory = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
    file->node = NULL;
    platter_opened(file, fd, full, flags, made);
}

/* Descriptors that are open already belong to it too. */
void faults_places_watch(const char *path)
{
    memset(files, 0, sizeof files);
    root_len = 0;
    if (!path) {
        return;
    }
    (void)snprintf(root, sizeof root, "%s", path);
    root_len = strlen(root);
    for (int fd = 0; fd < FAULTS_FILES_MAX; fd++) {
        char full[PATH_MAX];
        int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
        if (flags >= 0 && path_of(fd, full) && is_below(full)) {
            note(fd, full, flags, false);
        }
    }
}

struct faults_file *faults_file(int fd)
{
    return fd >= 0 && fd < FAULTS_FILES_MAX && files[fd].watched ? &files[fd] : NULL;
}

static bool start_of(int directory, const char *path, char full[PATH_MAX])
{
    full[0] = '\0';
    if (path[0] == '/') {
        return true;
    }
    return directory == AT_FDCWD ? syscall(SYS_getcwd, full, PATH_MAX) > 0 : path_of(directory, full);
}

/* Takes one part of a path along; ".." takes one away. */
static bool step(char full[PATH_MAX], const char *part, size_t len)
{
    size_t have = strlen(full);
    if (len == 0 || (len == 1 && part[0] == '.')) {
        return true;
    }
    if (len == 2 && part[0] == '.' && part[1] == '.') {
        char *slash = strrchr(full, '/');
        if (slash) {
            *slash = '\0';
        }
        return true;
    }
    if (have + len + 2 > PATH_MAX) {
        return false;
    }
    full[have] = '/';
    memcpy(full + have + 1, part, len);
    full[have + 1 + len] = '\0';
    return true;
}

bool faults_place(int directory, const char *path, char full[PATH_MAX])
{
    if (root_len == 0 || !path || path[0] == '\0' || !start_of(directory, path, full)) {
        return false;
    }
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if (!step(full, path, len)) {
            return false;
        }
        path += len + (path[len] == '/');
    }
    return is_below(full);
}

bool faults_is_there(const char *full)
{
    struct stat info;
    return fstatat(AT_FDCWD, full, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

void faults_opened(int fd, const char *full, int flags, bool made)
{
    if (fd >= 0 && fd < FAULTS_FILES_MAX) {
        note(fd, full, flags, made);
    }
}

void faults_closed(int fd)
{
    struct faults_file *file = faults_file(fd);
    if (file) {
        platter_closed(file, fd);
        *file = (struct faults_file){0};
    }
}
