#include "tests/unit/file/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/buf.h"
#include "platform/base/wire.h"

void scratch_make(struct scratch *scratch)
{
    const char *chosen = getenv("TMPDIR");
    const char *parent = chosen ? chosen : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    assert_in_range(snprintf(scratch->dir, sizeof scratch->dir, "%s/ringside-file-XXXXXX", parent), 1,
                    sizeof scratch->dir - 1);
    assert_non_null(mkdtemp(scratch->dir));
}

void scratch_remove(struct scratch *scratch)
{
    DIR *dir = opendir(scratch->dir);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
        }
    }
    closedir(dir);
    assert_int_equal(rmdir(scratch->dir), 0);
}

const char *scratch_path(const struct scratch *scratch, const char *name)
{
    enum { RING = 8 };
    static char ring[RING][192];
    static unsigned next;
    char *path = ring[next++ % RING];
    snprintf(path, sizeof ring[0], "%s/%s", scratch->dir, name);
    return path;
}

static void put(const char *path, int flags, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

void scratch_write(const struct scratch *scratch, const char *name, const void *data, size_t len)
{
    put(scratch_path(scratch, name), O_TRUNC, data, len);
}

void scratch_append(const struct scratch *scratch, const char *name, const char *text)
{
    put(scratch_path(scratch, name), O_APPEND, text, strlen(text));
}

static uint32_t crc32_of(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
        }
    }
    return ~crc;
}

static void put_le(struct buf *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        wire_put_u8(out, (uint8_t)(value >> 8 * i));
    }
}

void scratch_gzip(const struct scratch *scratch, const char *name, const void *data, size_t len, bool append)
{
    enum { STORED_MAX = 65535 };
    static const uint8_t header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    struct buf out = BUF_INIT;
    buf_append(&out, header, sizeof header);
    size_t at = 0;
    do {
        uint32_t block = len - at < STORED_MAX ? (uint32_t)(len - at) : STORED_MAX;
        wire_put_u8(&out, at + block == len);
        put_le(&out, block, 2);
        put_le(&out, ~block & 0xffff, 2);
        buf_append(&out, (const uint8_t *)data + at, block);
        at += block;
    } while (at < len);
    put_le(&out, crc32_of(data, len), 4);
    put_le(&out, (uint32_t)len, 4);
    assert_false(out.failed);
    put(scratch_path(scratch, name), append ? O_APPEND : O_TRUNC, out.data, out.len);
    buf_deinit(&out);
}

void scratch_gzip_program(const struct scratch *scratch, const char *name)
{
    char command[256];
    snprintf(command, sizeof command, "gzip -k '%s'", scratch_path(scratch, name));
    assert_int_equal(system(command), 0);
}

void scratch_compress(const struct scratch *scratch, const char *name)
{
    char gz[64];
    snprintf(gz, sizeof gz, "%s.gz", name);
    struct stat meta;
    assert_int_equal(stat(scratch_path(scratch, name), &meta), 0);
    size_t len;
    char *data = scratch_read(scratch, name, &len);
    scratch_gzip(scratch, gz, data, len, false);
    free(data);
    scratch_set_time(scratch, gz, meta.st_mtim.tv_sec, meta.st_mtim.tv_nsec);
    scratch_unlink(scratch, name);
}

void scratch_copy(const struct scratch *scratch, const char *from, const char *to)
{
    size_t len;
    char *data = scratch_read(scratch, from, &len);
    scratch_write(scratch, to, data, len);
    free(data);
}

void scratch_rename(const struct scratch *scratch, const char *from, const char *to)
{
    assert_int_equal(rename(scratch_path(scratch, from), scratch_path(scratch, to)), 0);
}

void scratch_unlink(const struct scratch *scratch, const char *name)
{
    assert_int_equal(unlink(scratch_path(scratch, name)), 0);
}

void scratch_truncate(const struct scratch *scratch, const char *name, int64_t len)
{
    assert_int_equal(truncate(scratch_path(scratch, name), (off_t)len), 0);
}

void scratch_set_time(const struct scratch *scratch, const char *name, int64_t seconds, int64_t nanoseconds)
{
    struct timespec both[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    assert_int_equal(utimensat(AT_FDCWD, scratch_path(scratch, name), both, 0), 0);
}

bool scratch_has(const struct scratch *scratch, const char *name)
{
    return access(scratch_path(scratch, name), F_OK) == 0;
}

char *scratch_read(const struct scratch *scratch, const char *name, size_t *len)
{
    int fd = open(scratch_path(scratch, name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat meta;
    assert_int_equal(fstat(fd, &meta), 0);
    char *data = malloc((size_t)meta.st_size + 1);
    assert_non_null(data);
    assert_int_equal(read(fd, data, (size_t)meta.st_size), meta.st_size);
    data[meta.st_size] = 0;
    close(fd);
    *len = (size_t)meta.st_size;
    return data;
}
