#include "platform/kv/kv_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/kv/kv_internal.h"

enum { ASIDE_KEPT = 2, COPY_BYTES = 1 << 20 };

static const char damaged[] = "damaged-";
static const char mended[] = "mended-";
static const char moving[] = "moving.mdb";

int kv_place_path(char out[KV_PLACE_PATH_BYTES], const char *dir, const char *name)
{
    return snprintf(out, KV_PLACE_PATH_BYTES, "%s/%s", dir, name) < KV_PLACE_PATH_BYTES ? 0 : STATUS_RANGE;
}

bool kv_place_has(const char *dir, const char *name)
{
    char path[KV_PLACE_PATH_BYTES];
    return kv_place_path(path, dir, name) == 0 && access(path, F_OK) == 0;
}

void kv_place_drop(const char *dir, const char *name)
{
    char path[KV_PLACE_PATH_BYTES];
    if (kv_place_path(path, dir, name) == 0) {
        (void)unlink(path);
    }
}

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd >= 0 && fsync(fd) == 0 ? 0 : kv_status(errno);
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

/* ---- files that were put aside ---- */

static bool is_named(const char *name, const char *prefix)
{
    size_t len = strlen(name);
    return strncmp(name, prefix, strlen(prefix)) == 0 && len > strlen(prefix) + 4 && len < KV_PLACE_ASIDE_BYTES &&
           strcmp(name + len - 4, ".mdb") == 0;
}

/* The next file whose name begins so; NULL: that was all. */
static const char *next_name(DIR *listing, const char *prefix)
{
    for (struct dirent *entry; listing && (entry = readdir(listing)) != NULL;) {
        if (is_named(entry->d_name, prefix)) {
            return entry->d_name;
        }
    }
    return NULL;
}

static void close_listing(DIR *listing)
{
    if (listing) {
        (void)closedir(listing);
    }
}

static size_t count_aside(const char *dir, char oldest[KV_PLACE_ASIDE_BYTES])
{
    DIR *listing = opendir(dir);
    size_t count = 0;
    for (const char *name; (name = next_name(listing, damaged)) != NULL; count++) {
        if (count == 0 || strcmp(name, oldest) < 0) {
            memcpy(oldest, name, strlen(name) + 1);
        }
    }
    close_listing(listing);
    return count;
}

int kv_place_drop_oldest(const char *dir)
{
    char oldest[KV_PLACE_ASIDE_BYTES];
    char path[KV_PLACE_PATH_BYTES];
    if (count_aside(dir, oldest) == 0 || kv_place_path(path, dir, oldest) != 0) {
        return STATUS_NOT_FOUND;
    }
    return unlink(path) == 0 ? 0 : kv_status(errno);
}

/* The time tells the two apart that belong together: mended-T.mdb is what was saved of damaged-T.mdb. */
static void twin_of(const char *name, const char *prefix, const char *other, char twin[KV_PLACE_ASIDE_BYTES])
{
    (void)snprintf(twin, KV_PLACE_ASIDE_BYTES, "%s%s", other, name + strlen(prefix));
}

int kv_place_choose(const char *dir, int64_t now_ms, char aside[KV_PLACE_ASIDE_BYTES])
{
    for (unsigned more = 0;; more++) {
        time_t at = (time_t)(now_ms / 1000 + more);
        struct tm parts;
        char twin[KV_PLACE_ASIDE_BYTES];
        if (!gmtime_r(&at, &parts) ||
            strftime(aside, KV_PLACE_ASIDE_BYTES, "damaged-%Y%m%dT%H%M%SZ.mdb", &parts) == 0) {
            return STATUS_RANGE;
        }
        twin_of(aside, damaged, mended, twin);
        if (!kv_place_has(dir, aside) && !kv_place_has(dir, twin)) {
            return 0;
        }
    }
}

/* ---- what was interrupted ---- */

void kv_place_drop_saved(const char *dir)
{
    static const char *const files[] = {"data.mdb", "data.mdb.new", "lock.mdb"};
    char place[KV_PLACE_PATH_BYTES];
    kv_place_drop(dir, moving);
    if (kv_place_path(place, dir, "repair") == 0) {
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            kv_place_drop(place, files[i]);
        }
        (void)rmdir(place);
    }
}

static bool stat_in(const char *dir, const char *name, struct stat *out)
{
    char path[KV_PLACE_PATH_BYTES];
    return kv_place_path(path, dir, name) == 0 && lstat(path, out) == 0;
}

void kv_place_clear(const char *dir)
{
    struct stat data = {.st_ino = 0};
    struct stat aside = {.st_ino = 0};
    kv_place_drop_saved(dir);
    DIR *listing = stat_in(dir, "data.mdb", &data) ? opendir(dir) : NULL;
    for (const char *name; (name = next_name(listing, damaged)) != NULL;) {
        if (stat_in(dir, name, &aside) && aside.st_ino == data.st_ino && aside.st_dev == data.st_dev) {
            kv_place_drop(dir, name);
        }
    }
    close_listing(listing);
}

/* A file of that name that nobody of us put there has no twin, or there is a data.mdb: it is left alone. */
bool kv_place_is_open(const char *dir, char aside[KV_PLACE_ASIDE_BYTES])
{
    DIR *listing = kv_place_has(dir, "data.mdb") ? NULL : opendir(dir);
    char twin[KV_PLACE_ASIDE_BYTES];
    aside[0] = '\0';
    for (const char *name; (name = next_name(listing, mended)) != NULL;) {
        twin_of(name, mended, damaged, twin);
        if (is_named(twin, damaged) && kv_place_has(dir, twin) && strcmp(twin, aside) > 0) {
            memcpy(aside, twin, sizeof twin);
        }
    }
    close_listing(listing);
    return aside[0] != '\0';
}

/* ---- what takes its place ---- */

off_t kv_place_end(int fd, off_t size)
{
    off_t end = 0;
    for (off_t at = 0; at < size;) {
        off_t data = lseek(fd, at, SEEK_DATA);
        off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        if (data < 0 || hole <= data) {
            return data < 0 && errno == ENXIO ? end : size;
        }
        end = hole;
        at = hole;
    }
    return end;
}

static int copy_bytes(int from, int to, char *bytes)
{
    struct stat st;
    int status = fstat(from, &st) == 0 ? 0 : STATUS_IO;
    off_t end = status == 0 ? kv_place_end(from, st.st_size) : 0;
    for (off_t at = 0; status == 0 && at < end;) {
        ssize_t got = pread(from, bytes, COPY_BYTES, at);
        ssize_t put = got > 0 ? pwrite(to, bytes, (size_t)got, at) : -1;
        status = got <= 0 ? STATUS_IO : put == got ? 0 : kv_status(put < 0 ? errno : ENOSPC);
        at += got;
    }
    return status == 0 && (ftruncate(to, st.st_size) != 0 || fsync(to) != 0) ? kv_status(errno) : status;
}

static int copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    char *bytes = malloc(COPY_BYTES);
    int status = in < 0 || out < 0 ? kv_status(errno) : bytes ? copy_bytes(in, out, bytes) : STATUS_NO_MEMORY;
    free(bytes);
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0) {
        (void)close(out);
    }
    return status;
}

/* Landlock's first version lets no file go to another directory, not even to that above it. */
int kv_place_bring(const char *dir)
{
    char from[KV_PLACE_PATH_BYTES];
    char to[KV_PLACE_PATH_BYTES];
    int status = kv_place_path(from, dir, "repair/data.mdb");
    status = status == 0 ? kv_place_path(to, dir, moving) : status;
    if (status != 0 || rename(from, to) == 0) {
        return status;
    }
    return errno == EXDEV ? copy_file(from, to) : kv_status(errno);
}

static int rename_in(const char *dir, const char *from, const char *to)
{
    char old[KV_PLACE_PATH_BYTES];
    char new[KV_PLACE_PATH_BYTES];
    int status = kv_place_path(old, dir, from);
    status = status == 0 ? kv_place_path(new, dir, to) : status;
    return status == 0 && rename(old, new) != 0 ? kv_status(errno) : status;
}

/* Who reads the old file still has its lock file with it: the new one begins with a new one, for a lock file tells
 * which commit is the newest. */
static int become_data(const char *dir, const char *name)
{
    int status = sync_dir(dir);
    kv_place_drop(dir, "lock.mdb");
    status = status == 0 ? rename_in(dir, name, "data.mdb") : status;
    status = status == 0 ? sync_dir(dir) : status;
    kv_place_drop(dir, "lock.mdb");
    return status;
}

/* Where a file cannot have two names there is none of data.mdb for a moment: what is to become it has a name by then
 * that says that it is whole. */
static int take_without_link(const char *dir, const char *aside)
{
    char name[KV_PLACE_ASIDE_BYTES];
    twin_of(aside, damaged, mended, name);
    int status = rename_in(dir, moving, name);
    status = status == 0 ? sync_dir(dir) : status;
    status = status == 0 ? rename_in(dir, "data.mdb", aside) : status;
    return status == 0 ? become_data(dir, name) : status;
}

int kv_place_take(const char *dir, const char *aside)
{
    char data[KV_PLACE_PATH_BYTES];
    char second[KV_PLACE_PATH_BYTES];
    char oldest[KV_PLACE_ASIDE_BYTES];
    int status = kv_place_path(data, dir, "data.mdb");
    status = status == 0 ? kv_place_path(second, dir, aside) : status;
    if (status != 0) {
        return status;
    }
    while (count_aside(dir, oldest) >= ASIDE_KEPT && kv_place_drop_oldest(dir) == 0) {
    }
    return link(data, second) == 0 ? become_data(dir, moving) : take_without_link(dir, aside);
}

int kv_place_resume(const char *dir, const char *aside)
{
    char name[KV_PLACE_ASIDE_BYTES];
    twin_of(aside, damaged, mended, name);
    return become_data(dir, name);
}
