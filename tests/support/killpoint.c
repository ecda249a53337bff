/* killpoint: preloaded into an unchanged program, it kills the program at a named write to its ledger.
 *
 *   RINGSIDE_KILL=fdatasync:after:3    SIGKILL right after the third fdatasync of the data file
 *   RINGSIDE_KILL_LOG=/some/file       a line for each point that was passed: "fdatasync", "meta", ...
 *
 * Points, each counted by itself from the start of the process:
 *   pwrite writev write    writes to data.mdb, or data.mdb.new (pwritev counts as writev)
 *   meta                   writes through the O_DSYNC descriptor of data.mdb: what makes a commit valid
 *   fdatasync fsync msync  as they are called
 *   truncate allocate      while the file is made
 * Moments: before, after, and for writes also within: the first half, cut at a page, is written, then the end comes. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { FILES_MAX = 1024, PAGE_BYTES = 4096, NAME_MAX_BYTES = 16 };

enum point { WRITE, PWRITE, WRITEV, META, FDATASYNC, FSYNC, MSYNC, TRUNCATE, ALLOCATE, POINT_COUNT };
enum moment { BEFORE, WITHIN, AFTER, MOMENT_COUNT };
enum target { OTHER, DATA_FILE, META_FILE };

static const char *const point_names[POINT_COUNT] = {"write", "pwrite", "writev",   "meta",    "fdatasync",
                                                     "fsync", "msync",  "truncate", "allocate"};
static const char *const moment_names[MOMENT_COUNT] = {"before", "within", "after"};

static struct {
    __typeof__(open) *open;
    __typeof__(close) *close;
    __typeof__(write) *write;
    __typeof__(writev) *writev;
    __typeof__(pwrite) *pwrite;
    __typeof__(pwritev) *pwritev;
    __typeof__(fdatasync) *fdatasync;
    __typeof__(fsync) *fsync;
    __typeof__(msync) *msync;
    __typeof__(ftruncate) *ftruncate;
    __typeof__(posix_fallocate) *posix_fallocate;
} real;

static atomic_uchar targets[FILES_MAX]; /* by descriptor: enum target */
static atomic_ulong passed[POINT_COUNT];
static struct {
    enum point point;
    enum moment moment;
    unsigned long number; /* 0: never */
} wanted;
static int log_fd = -1;

static void find(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* A test with a misspelt point must not pass for want of a kill. */
static void read_wish(const char *text)
{
    char point[NAME_MAX_BYTES];
    char moment[NAME_MAX_BYTES];
    unsigned long number = 0;
    bool complete = sscanf(text, "%15[a-z]:%15[a-z]:%lu", point, moment, &number) == 3 && number > 0;
    int point_at = complete ? find_name(point_names, POINT_COUNT, point) : -1;
    int moment_at = complete ? find_name(moment_names, MOMENT_COUNT, moment) : -1;
    if (point_at < 0 || moment_at < 0) {
        (void)fprintf(stderr, "killpoint: RINGSIDE_KILL=%s is not POINT:MOMENT:NUMBER\n", text);
        _exit(99);
    }
    wanted.point = (enum point)point_at;
    wanted.moment = (enum moment)moment_at;
    wanted.number = number;
}

/* Other libraries' constructors may open and write before ours has run, so each door comes by here. */
static void prepare(void)
{
    static bool ready;
    if (ready) {
        return;
    }
    ready = true;
    find("open", &real.open);
    find("close", &real.close);
    find("write", &real.write);
    find("writev", &real.writev);
    find("pwrite", &real.pwrite);
    find("pwritev", &real.pwritev);
    find("fdatasync", &real.fdatasync);
    find("fsync", &real.fsync);
    find("msync", &real.msync);
    find("ftruncate", &real.ftruncate);
    find("posix_fallocate", &real.posix_fallocate);
    const char *wish = getenv("RINGSIDE_KILL");
    if (wish) {
        read_wish(wish);
    }
    const char *path = getenv("RINGSIDE_KILL_LOG");
    if (path) {
        log_fd = real.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
}

__attribute__((constructor)) static void start(void)
{
    prepare();
}

static _Noreturn void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

static enum target target_of(int fd)
{
    return fd >= 0 && fd < FILES_MAX ? (enum target)atomic_load(&targets[fd]) : OTHER;
}

/* Counts a passage. Returns whether this is the one, for the caller to do what its moment asks. */
static bool arrive(enum point point)
{
    unsigned long number = atomic_fetch_add(&passed[point], 1) + 1;
    if (log_fd >= 0) {
        char line[NAME_MAX_BYTES + 1];
        int len = snprintf(line, sizeof line, "%s\n", point_names[point]);
        (void)!real.write(log_fd, line, (size_t)len);
    }
    bool hit = point == wanted.point && number == wanted.number;
    if (hit && wanted.moment == BEFORE) {
        die();
    }
    return hit;
}

static void leave(bool hit)
{
    if (hit) {
        die();
    }
}

static size_t half(size_t bytes)
{
    return bytes / 2 / PAGE_BYTES * PAGE_BYTES;
}

static ssize_t write_vector(int fd, const struct iovec *parts, int count, off_t at, bool placed)
{
    return placed ? real.pwritev(fd, parts, count, at) : real.writev(fd, parts, count);
}

/* Writes the first half of the parts; those of a page each are not divided. */
static void write_some(int fd, const struct iovec *parts, int count, off_t at, bool placed)
{
    if (count > 1) {
        (void)write_vector(fd, parts, count / 2, at, placed);
    } else if (count == 1 && half(parts[0].iov_len) > 0) {
        struct iovec part = {parts[0].iov_base, half(parts[0].iov_len)};
        (void)write_vector(fd, &part, 1, at, placed);
    }
}

static ssize_t pass_vector(enum point point, int fd, const struct iovec *parts, int count, off_t at, bool placed)
{
    enum target target = target_of(fd);
    if (target == OTHER) {
        return write_vector(fd, parts, count, at, placed);
    }
    bool hit = arrive(target == META_FILE ? META : point);
    if (hit && wanted.moment == WITHIN) {
        write_some(fd, parts, count, at, placed);
        die();
    }
    ssize_t done = write_vector(fd, parts, count, at, placed);
    leave(hit);
    return done;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    prepare();
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    return target_of(fd) == OTHER ? real.write(fd, bytes, len) : pass_vector(WRITE, fd, &part, 1, 0, false);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    prepare();
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    return target_of(fd) == OTHER ? real.pwrite(fd, bytes, len, at) : pass_vector(PWRITE, fd, &part, 1, at, true);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    prepare();
    return pass_vector(WRITEV, fd, parts, count, 0, false);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    prepare();
    return pass_vector(WRITEV, fd, parts, count, at, true);
}

EXPORT int fdatasync(int fd)
{
    prepare();
    bool hit = target_of(fd) != OTHER && arrive(FDATASYNC);
    int result = real.fdatasync(fd);
    leave(hit);
    return result;
}

EXPORT int fsync(int fd)
{
    prepare();
    bool hit = target_of(fd) != OTHER && arrive(FSYNC);
    int result = real.fsync(fd);
    leave(hit);
    return result;
}

EXPORT int msync(void *address, size_t len, int flags)
{
    prepare();
    bool hit = arrive(MSYNC);
    int result = real.msync(address, len, flags);
    leave(hit);
    return result;
}

EXPORT int ftruncate(int fd, off_t len)
{
    prepare();
    bool hit = target_of(fd) != OTHER && arrive(TRUNCATE);
    int result = real.ftruncate(fd, len);
    leave(hit);
    return result;
}

EXPORT int posix_fallocate(int fd, off_t at, off_t len)
{
    prepare();
    bool hit = target_of(fd) != OTHER && arrive(ALLOCATE);
    int result = real.posix_fallocate(fd, at, len);
    leave(hit);
    return result;
}

static bool ends_in(const char *path, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    return len >= name_len && strcmp(path + len - name_len, name) == 0;
}

EXPORT int open(const char *path, int flags, ...)
{
    prepare();
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    int fd = real.open(path, flags, mode);
    size_t len = strlen(path);
    bool ledger = ends_in(path, len, "/data.mdb") || ends_in(path, len, "/data.mdb.new");
    if (fd >= 0 && fd < FILES_MAX && ledger) {
        atomic_store(&targets[fd], flags & O_DSYNC ? META_FILE : DATA_FILE);
    }
    return fd;
}

EXPORT int close(int fd)
{
    prepare();
    if (fd >= 0 && fd < FILES_MAX) {
        atomic_store(&targets[fd], OTHER);
    }
    return real.close(fd);
}
