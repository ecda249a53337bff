#include "collector/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/options.h"
#include "platform/tls/secret.h"

enum { LINE_MAX_BYTES = 128 };

int token_file_open(const char *path, int *fd)
{
    struct stat info;
    if (!path) {
        return EXIT_OK;
    }
    *fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0 || fstat(*fd, &info) != 0) {
        return options_failed("%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || fchmod(*fd, 0600) != 0) {
        return options_failed("%s: not a file that can be kept to its owner", path);
    }
    return EXIT_OK;
}

/* Of a new file, the name too. A directory that may be written and not read cannot be asked for that. */
static bool sync_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool fine = dir && (fd < 0 ? errno == EACCES : fsync(fd) == 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    free(dir);
    return fine;
}

int token_file_write(int fd, const char *path, const char *token)
{
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof line, "%s\n", token);
    bool fine = len < LINE_MAX_BYTES && ftruncate(fd, 0) == 0 && write(fd, line, (size_t)len) == len &&
                fsync(fd) == 0 && sync_name(path);
    secret_wipe(line, sizeof line);
    return fine ? EXIT_OK : options_failed("%s: %s", path, strerror(errno));
}
