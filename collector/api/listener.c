#include "collector/api/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/tls/secret.h"

enum { LISTENER_BACKLOG = 256, LISTENER_PEM_MAX = 256 * 1024 };

static int listener_status(int error)
{
    switch (error) {
    case EADDRINUSE: return STATUS_BUSY;
    case EACCES:
    case EPERM: return STATUS_DENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return STATUS_NOT_FOUND;
    case ENOMEM: return STATUS_NO_MEMORY;
    default: return STATUS_IO;
    }
}

static int listener_address(const char *host, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(out, &in, sizeof in);
        *len = sizeof in;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
        memcpy(out, &in6, sizeof in6);
        *len = sizeof in6;
        return 0;
    }
    return STATUS_INVALID;
}

static int listener_bind(int fd, const struct sockaddr_storage *address, socklen_t len)
{
    int on = 1;
    int off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, (const struct sockaddr *)address, len) != 0 || listen(fd, LISTENER_BACKLOG) != 0) {
        return listener_status(errno);
    }
    return 0;
}

int listener_open(const char *host, uint16_t port, int *out_fd)
{
    struct sockaddr_storage address;
    socklen_t len;
    int status = listener_address(host, port, &address, &len);
    if (status != 0) {
        return status;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return listener_status(errno);
    }
    status = listener_bind(fd, &address, len);
    if (status != 0) {
        close(fd);
        return status;
    }
    *out_fd = fd;
    return 0;
}

uint16_t listener_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.any, &len) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

int listener_pem(const char *path, char **out)
{
    struct buf file = BUF_INIT;
    int status = atomic_read(path, LISTENER_PEM_MAX, &file);
    char *pem = status == 0 ? malloc(file.len + 1) : NULL;
    if (pem) {
        if (file.len > 0) {
            memcpy(pem, file.data, file.len);
        }
        pem[file.len] = '\0';
        *out = pem;
    }
    secret_wipe_buf(&file);
    return status == 0 && !pem ? STATUS_NO_MEMORY : status;
}

void listener_pem_free(char *pem)
{
    if (pem) {
        secret_wipe(pem, strlen(pem));
        free(pem);
    }
}
