#include "platform/coap/pem.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/status.h"

enum { FILE_MAX = 256 * 1024 };

static void wipe(struct buf *text)
{
    if (text->cap > 0) {
        explicit_bzero(text->data, text->cap);
    }
    buf_deinit(text);
}

/* Into a buffer of the file's size, so that no growing leaves a copy of the key behind. */
static int read_text(const char *path, struct stat *seen, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, seen) != 0 || seen->st_size <= 0 || seen->st_size > FILE_MAX) {
        int status = fd < 0 ? STATUS_NOT_FOUND : STATUS_INVALID;
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    size_t size = (size_t)seen->st_size;
    uint8_t *room = buf_grow(out, size + 1);
    size_t have = 0;
    ssize_t got = room ? 1 : 0;
    while (got > 0 && have < size) {
        got = read(fd, room + have, size - have);
        have += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    if (!room) {
        return STATUS_NO_MEMORY;
    }
    room[have] = 0;
    out->len = have + 1;
    return have == size ? 0 : STATUS_INVALID;
}

static int load(const struct pem *pem, struct stat *seen, struct buf *out)
{
    int status = read_text(pem->path, seen, out);
    if (status == 0) {
        const char *text = (const char *)out->data;
        bool right = strstr(text, "-----BEGIN CERTIFICATE-----") && strstr(text, "-----END CERTIFICATE-----") &&
                     (!pem->with_key || strstr(text, "PRIVATE KEY-----"));
        status = right ? 0 : STATUS_INVALID;
    }
    if (status != 0) {
        wipe(out);
    }
    return status;
}

int pem_init(struct pem *pem, const char *path, bool with_key)
{
    *pem = (struct pem){.path = path, .with_key = with_key};
    return load(pem, &pem->seen, &pem->text);
}

void pem_deinit(struct pem *pem)
{
    wipe(&pem->text);
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool pem_refresh(struct pem *pem)
{
    struct stat now;
    struct buf text = BUF_INIT;
    if (stat(pem->path, &now) != 0 || same(&now, &pem->seen) || load(pem, &now, &text) != 0) {
        return false;
    }
    wipe(&pem->text);
    pem->text = text;
    pem->seen = now;
    return true;
}
