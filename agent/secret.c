#include "agent/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/tls/secret.h"

static int cannot_read(const char *path, struct buf *why)
{
    int error = errno;
    buf_printf(why, "%s cannot be read: %s", path, strerror(error));
    return error == ENOENT ? STATUS_NOT_FOUND : error == EACCES ? STATUS_DENIED : STATUS_IO;
}

static int refuse(const char *path, const char *what, struct buf *why)
{
    buf_printf(why, "%s: %s; wanted: the secret in the first line, up to %d bytes", path, what, AGENT_SECRET_MAX);
    return STATUS_INVALID;
}

static int take_line(const char *path, const char *bytes, size_t len, char out[AGENT_SECRET_MAX + 1], struct buf *why)
{
    const char *end = memchr(bytes, '\n', len);
    size_t used = end ? (size_t)(end - bytes) : len;
    used -= used > 0 && bytes[used - 1] == '\r';
    if (used == 0) {
        return refuse(path, "is empty", why);
    }
    if (used > AGENT_SECRET_MAX) {
        return refuse(path, "is too long", why);
    }
    for (size_t i = 0; i < used; i++) {
        if ((unsigned char)bytes[i] < 32 || bytes[i] == 127) {
            return refuse(path, "holds a control character", why);
        }
    }
    memcpy(out, bytes, used);
    out[used] = '\0';
    return 0;
}

int agent_secret_read(const char *path, char out[AGENT_SECRET_MAX + 1], struct buf *why)
{
    char bytes[AGENT_SECRET_MAX + 3]; /* CR, LF, and one more to tell a line that is too long */
    size_t len = 0;
    memset(out, 0, AGENT_SECRET_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return cannot_read(path, why);
    }
    ssize_t got = 1;
    while (got > 0 && len < sizeof bytes) {
        got = read(fd, bytes + len, sizeof bytes - len);
        len += got > 0 ? (size_t)got : 0;
    }
    int status = got < 0 ? cannot_read(path, why) : take_line(path, bytes, len, out, why);
    (void)close(fd);
    secret_wipe(bytes, sizeof bytes);
    return status;
}

void agent_secret_wipe(char secret[AGENT_SECRET_MAX + 1])
{
    secret_wipe(secret, AGENT_SECRET_MAX + 1);
}
