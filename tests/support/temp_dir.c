#include "tests/support/temp_dir.h"

#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void temp_dir_make(struct temp_dir *dir)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(dir->path, sizeof dir->path, "%s/ringside-test-XXXXXX", base);
    assert(mkdtemp(dir->path));
}

void temp_dir_clear(const struct temp_dir *dir)
{
    DIR *listing = opendir(dir->path);
    assert(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert(unlink(temp_dir_file(dir, entry->d_name)) == 0);
        }
    }
    assert(closedir(listing) == 0);
}

void temp_dir_remove(const struct temp_dir *dir)
{
    assert(chmod(dir->path, 0700) == 0);
    temp_dir_clear(dir);
    assert(rmdir(dir->path) == 0);
}

const char *temp_dir_file(const struct temp_dir *dir, const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    int len = snprintf(path, sizeof paths[0], "%s/%s", dir->path, name);
    assert(len > 0 && len < (int)sizeof paths[0]);
    return path;
}

uint64_t temp_dir_size(const struct temp_dir *dir, const char *name)
{
    struct stat st;
    assert(stat(temp_dir_file(dir, name), &st) == 0);
    return (uint64_t)st.st_size;
}

void temp_dir_write(const struct temp_dir *dir, const char *name, uint64_t at, const void *data, size_t len)
{
    int fd = open(temp_dir_file(dir, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert(fd >= 0);
    assert(pwrite(fd, data, len, (off_t)at) == (ssize_t)len);
    assert(close(fd) == 0);
}

void temp_dir_read(const struct temp_dir *dir, const char *name, uint64_t at, void *data, size_t len)
{
    int fd = open(temp_dir_file(dir, name), O_RDONLY | O_CLOEXEC);
    assert(fd >= 0);
    assert(pread(fd, data, len, (off_t)at) == (ssize_t)len);
    assert(close(fd) == 0);
}

void temp_dir_truncate(const struct temp_dir *dir, const char *name, uint64_t len)
{
    int fd = open(temp_dir_file(dir, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert(fd >= 0);
    assert(ftruncate(fd, (off_t)len) == 0);
    assert(close(fd) == 0);
}

void temp_dir_copy(const struct temp_dir *dir, const char *from, const char *to)
{
    uint64_t len = temp_dir_size(dir, from);
    char *bytes = malloc((size_t)len + 1);
    assert(bytes);
    temp_dir_read(dir, from, 0, bytes, (size_t)len);
    temp_dir_truncate(dir, to, 0);
    temp_dir_write(dir, to, 0, bytes, (size_t)len);
    free(bytes);
}
