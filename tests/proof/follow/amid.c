/* The calls of the operating system that platform/file makes, with a moment before each in which something else may
 * happen. Linked by --wrap. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "tests/proof/follow/reader.h"

int __real_open(const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *meta);
int __real_fstat(int fd, struct stat *meta);
ssize_t __real_pread(int fd, void *at, size_t len, off_t offset);
DIR *__real_opendir(const char *path);
struct dirent *__real_readdir(DIR *dir);
char *__real_realpath(const char *path, char *out);

int __wrap_open(const char *path, int flags, ...);
int __wrap_stat(const char *path, struct stat *meta);
int __wrap_fstat(int fd, struct stat *meta);
ssize_t __wrap_pread(int fd, void *at, size_t len, off_t offset);
DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *dir);
char *__wrap_realpath(const char *path, char *out);

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = flags & O_CREAT ? va_arg(args, int) : 0;
    va_end(args);
    reader_amid();
    return __real_open(path, flags, mode);
}

int __wrap_stat(const char *path, struct stat *meta)
{
    reader_amid();
    return __real_stat(path, meta);
}

int __wrap_fstat(int fd, struct stat *meta)
{
    reader_amid();
    return __real_fstat(fd, meta);
}

ssize_t __wrap_pread(int fd, void *at, size_t len, off_t offset)
{
    reader_amid();
    return __real_pread(fd, at, len, offset);
}

DIR *__wrap_opendir(const char *path)
{
    reader_amid();
    return __real_opendir(path);
}

struct dirent *__wrap_readdir(DIR *dir)
{
    reader_amid();
    return __real_readdir(dir);
}

char *__wrap_realpath(const char *path, char *out)
{
    reader_amid();
    return __real_realpath(path, out);
}
