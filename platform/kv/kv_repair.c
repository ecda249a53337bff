#include "platform/kv/kv_repair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/kv/kv_internal.h"
#include "platform/kv/kv_names.h"
#include "platform/kv/record.h"

enum { PATH_BYTES = 4096, ASIDE_KEPT = 2, SCAN_BYTES = 1 << 20, NOTE_BYTES = 64, LOOKS_MAX = 3, PAUSE_NS = 3000000 };

static const uint64_t RECORDS_BYTES_MAX = UINT64_C(512) << 20;
static const uint64_t LEAVES_BYTES_MAX = UINT64_C(256) << 20;

static int path_in(char *out, const char *dir, const char *name)
{
    return snprintf(out, PATH_BYTES, "%s/%s", dir, name) < PATH_BYTES ? 0 : STATUS_RANGE;
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

static bool is_there(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    return path_in(path, dir, name) == 0 && access(path, F_OK) == 0;
}

static void drop(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    if (path_in(path, dir, name) == 0) {
        (void)unlink(path);
    }
}

/* ---- files that were put aside ---- */

static bool is_named(const char *name, const char *prefix)
{
    size_t len = strlen(name);
    return strncmp(name, prefix, strlen(prefix)) == 0 && len > strlen(prefix) && len < 64 &&
           strcmp(name + len - 4, ".mdb") == 0;
}

/* The oldest of those whose name begins so, and how many there are. */
static size_t list_names(const char *dir, const char *prefix, char oldest[NAME_MAX + 1])
{
    DIR *listing = opendir(dir);
    size_t count = 0;
    for (struct dirent *entry; listing && (entry = readdir(listing)) != NULL;) {
        if (is_named(entry->d_name, prefix)) {
            if (count == 0 || strcmp(entry->d_name, oldest) < 0) {
                (void)snprintf(oldest, NAME_MAX + 1, "%s", entry->d_name);
            }
            count++;
        }
    }
    if (listing) {
        (void)closedir(listing);
    }
    return count;
}

int kv_repair_drop_oldest(const char *dir)
{
    char oldest[NAME_MAX + 1];
    char path[PATH_BYTES];
    if (list_names(dir, "damaged-", oldest) == 0 || path_in(path, dir, oldest) != 0) {
        return STATUS_NOT_FOUND;
    }
    return unlink(path) == 0 ? 0 : kv_status(errno);
}

static bool is_zero(const char *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Where the last bytes are that were ever written: what is reserved and unused reads as zeros. */
static off_t end_of_data(int fd, off_t size)
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

/* The file of before gives its unused end back, so that there is room for what is saved of it. */
static void give_back(const char *dir)
{
    char path[PATH_BYTES];
    struct stat st;
    int fd = path_in(path, dir, "data.mdb") == 0 ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    char *bytes = malloc(SCAN_BYTES);
    if (fd >= 0 && bytes && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        off_t end = end_of_data(fd, st.st_size);
        for (bool zero = true; zero && end > 0;) {
            off_t from = (end - 1) / SCAN_BYTES * SCAN_BYTES;
            ssize_t got = pread(fd, bytes, (size_t)(end - from), from);
            zero = got == end - from && is_zero(bytes, (size_t)got);
            end = zero ? from : end;
        }
        if (end < st.st_size) {
            (void)!ftruncate(fd, end);
        }
    }
    free(bytes);
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* ---- what takes its place ---- */

static void drop_repair(const char *dir)
{
    char place[PATH_BYTES];
    drop(dir, "moving.mdb");
    if (path_in(place, dir, "repair") == 0) {
        static const char *const files[] = {"data.mdb", "data.mdb.new", "lock.mdb"};
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            drop(place, files[i]);
        }
        (void)rmdir(place);
    }
}

/* The time tells the two apart that belong together: mended-T.mdb is what was saved of damaged-T.mdb. */
static int choose_name(const char *dir, int64_t now_ms, char *aside, size_t size)
{
    for (unsigned more = 0;; more++) {
        time_t at = (time_t)(now_ms / 1000 + more);
        struct tm parts;
        if (!gmtime_r(&at, &parts) || strftime(aside, size, "damaged-%Y%m%dT%H%M%SZ.mdb", &parts) == 0) {
            return STATUS_RANGE;
        }
        if (!is_there(dir, aside)) {
            return 0;
        }
    }
}

static void mended_name(const char *aside, char *out)
{
    (void)snprintf(out, NAME_MAX + 1, "mended-%s", aside + strlen("damaged-"));
}

/* A second name first, so that data.mdb is never gone; where the file system knows none, the next start finds the one
 * that is to take its place. A name that is there already was given before an interruption. */
static int put_aside(const char *dir, const char *aside)
{
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    int status = path_in(from, dir, "data.mdb");
    status = status == 0 ? path_in(to, dir, aside) : status;
    if (status != 0 || is_there(dir, aside) || !is_there(dir, "data.mdb")) {
        return status;
    }
    char oldest[NAME_MAX + 1];
    while (list_names(dir, "damaged-", oldest) >= ASIDE_KEPT && kv_repair_drop_oldest(dir) == 0) {
    }
    return link(from, to) == 0 || rename(from, to) == 0 ? 0 : kv_status(errno);
}

/* The mended file becomes data.mdb. Who reads the old file still has its lock file with it: the new one begins with a
 * new one, for a lock file tells which commit is the newest. */
static int take_place(const char *dir, const char *aside)
{
    char name[NAME_MAX + 1];
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    mended_name(aside, name);
    int status = path_in(from, dir, name);
    status = status == 0 ? path_in(to, dir, "data.mdb") : status;
    status = status == 0 ? put_aside(dir, aside) : status;
    status = status == 0 ? sync_dir(dir) : status;
    drop(dir, "lock.mdb");
    if (status == 0 && rename(from, to) != 0) {
        status = kv_status(errno);
    }
    status = status == 0 ? sync_dir(dir) : status;
    drop(dir, "lock.mdb");
    return status;
}

static int copy_bytes(int from, int to, char *bytes)
{
    struct stat st;
    int status = fstat(from, &st) == 0 ? 0 : STATUS_IO;
    off_t end = status == 0 ? end_of_data(from, st.st_size) : 0;
    for (off_t at = 0; status == 0 && at < end;) {
        ssize_t got = pread(from, bytes, SCAN_BYTES, at);
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
    char *bytes = malloc(SCAN_BYTES);
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
static int move_up(const char *from, const char *dir, const char *to)
{
    char copy[PATH_BYTES];
    if (rename(from, to) == 0) {
        return 0;
    }
    int status = errno == EXDEV ? path_in(copy, dir, "moving.mdb") : kv_status(errno);
    status = status == 0 ? copy_file(from, copy) : status;
    return status == 0 && rename(copy, to) != 0 ? kv_status(errno) : status;
}

static int finish_mended(const char *dir, const char *place, const char *aside)
{
    char name[NAME_MAX + 1];
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    mended_name(aside, name);
    int status = path_in(from, place, "data.mdb");
    status = status == 0 ? path_in(to, dir, name) : status;
    status = status == 0 ? move_up(from, dir, to) : status;
    return status == 0 ? sync_dir(dir) : status;
}

/* An environment without anything in it, so that the owner finds one where it begins anew. */
static int make_empty(const char *place, uint64_t map_bytes)
{
    struct kv *kv = NULL;
    const struct kv_options options = {.dir = place, .map_bytes = map_bytes, .max_dbs = 1};
    int status = kv_open(&options, &kv);
    kv_close(kv);
    return status;
}

static int save_in(const struct kv_repair_options *options, const char *place, struct kv_repair *out)
{
    char path[PATH_BYTES];
    const struct kv_look look = {.depth = KV_DEPTH_RECORDS, .whole = options->whole, .ctx = options->ctx};
    char what[sizeof out->damage.what];
    int status = path_in(path, place, "data.mdb");
    memcpy(what, out->damage.what, sizeof what);
    drop_repair(options->dir);
    if (status == 0 && mkdir(place, 0750) != 0) {
        status = kv_status(errno);
    }
    if (status == 0 && !out->anew) {
        status = kv_salvage(options->dir, &look, path, options->map_bytes, &out->damage);
        out->anew = status == STATUS_CORRUPT || status == STATUS_VERSION;
        status = out->anew ? 0 : status;
        if (out->damage.what[0] == 0) {
            memcpy(out->damage.what, what, sizeof what);
        }
    }
    if (status == 0 && !out->anew) {
        status = kv_names_mend(options, place, &out->damage);
    }
    if (status == 0 && out->anew) {
        status = make_empty(place, options->map_bytes);
    }
    return status == 0 && options->mend ? options->mend(options->ctx, place, out) : status;
}

static int save(const struct kv_repair_options *options, const char *place, struct kv_repair *out)
{
    int status = save_in(options, place, out);
    return status == 0 ? finish_mended(options->dir, place, out->aside) : status;
}

static int repair(const struct kv_repair_options *options, struct kv_repair *out)
{
    char place[PATH_BYTES];
    int status = path_in(place, options->dir, "repair");
    if (status != 0) {
        return status;
    }
    bool anew = out->anew;
    status = choose_name(options->dir, options->now_ms, out->aside, sizeof out->aside);
    if (status != 0) {
        return status;
    }
    give_back(options->dir);
    status = save(options, place, out);
    while (status == STATUS_FULL && kv_repair_drop_oldest(options->dir) == 0) {
        out->anew = anew;
        status = save(options, place, out);
    }
    drop_repair(options->dir);
    status = status == 0 ? take_place(options->dir, out->aside) : status;
    return status == 0 ? KV_REPAIRED : status;
}

/* ---- looking ---- */

/* As LMDB writes it behind the head of pages 0 and 1; for choosing how deep to look, not to be trusted. */
struct meta_form {
    uint32_t magic;
    uint32_t version;
    void *address;
    size_t map_bytes;
    struct {
        uint32_t page_bytes;
        uint16_t flags;
        uint16_t depth;
        size_t numbers[5];
    } dbs[2];
    size_t last_page;
    size_t commit;
};

static uint64_t used_bytes(const char *dir)
{
    char path[PATH_BYTES];
    uint64_t used = 0;
    int fd = path_in(path, dir, "data.mdb") == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    for (off_t page = 0; fd >= 0 && page < 2; page++) {
        struct meta_form meta;
        off_t at = page * sysconf(_SC_PAGESIZE) + (off_t)sizeof(size_t) + 8;
        if (pread(fd, &meta, sizeof meta, at) == (ssize_t)sizeof meta && meta.last_page < SIZE_MAX / 65536) {
            uint64_t bytes = ((uint64_t)meta.last_page + 1) * (meta.dbs[0].page_bytes & 0xffff);
            used = bytes > used ? bytes : used;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return used;
}

static size_t write_note(char note[NOTE_BYTES], uint64_t commit)
{
    return (size_t)snprintf(note, NOTE_BYTES, "ended at commit %" PRIu64 "\n", commit);
}

void kv_repair_note_end(struct kv *kv, int fd)
{
    MDB_envinfo info;
    char note[NOTE_BYTES];
    if (fd >= 0 && mdb_env_info(kv->env, &info) == 0) {
        size_t len = write_note(note, info.me_last_txnid);
        (void)!ftruncate(fd, 0);
        (void)!pwrite(fd, note, len, 0);
    }
}

static bool ended_in_order(int fd, uint64_t commit)
{
    char note[NOTE_BYTES] = "";
    char wanted[NOTE_BYTES];
    (void)write_note(wanted, commit);
    return fd >= 0 && pread(fd, note, sizeof note - 1, 0) > 0 && strcmp(note, wanted) == 0;
}

static int look_over(const struct kv_repair_options *options, struct kv_damage *out)
{
    struct kv_look look = {.depth = KV_DEPTH_RECORDS, .whole = options->whole, .ctx = options->ctx};
    if (used_bytes(options->dir) > RECORDS_BYTES_MAX) {
        look.depth = KV_DEPTH_TREE;
        int status = kv_look_over(options->dir, &look, out);
        if (status != 0 || ended_in_order(options->note_fd, out->commit)) {
            return status;
        }
        look.depth = KV_DEPTH_RECORDS;
    }
    int status = kv_look_over(options->dir, &look, out);
    if (status == 0 && kv_names_are_wrong(options, out)) {
        return KV_DAMAGED;
    }
    if (status == 0 && options->agrees && !options->agrees(options->ctx)) {
        (void)snprintf(out->what, sizeof out->what, "records that do not agree with each other");
        return KV_DAMAGED;
    }
    return status;
}

int kv_repair(const struct kv_repair_options *options, struct kv_repair *out)
{
    memset(out, 0, sizeof *out);
    char mended[NAME_MAX + 1];
    if (list_names(options->dir, "mended-", mended) > 0) {
        drop_repair(options->dir);
        (void)snprintf(out->aside, sizeof out->aside, "damaged-%.48s", mended + strlen("mended-"));
        int status = take_place(options->dir, out->aside);
        return status == 0 ? KV_REPAIRED : status;
    }
    if (!is_there(options->dir, "data.mdb")) {
        drop_repair(options->dir);
        return 0;
    }
    int status = look_over(options, &out->damage);
    if (status == STATUS_NOT_FOUND) {
        (void)snprintf(out->damage.what, sizeof out->damage.what, "data.mdb is empty");
    }
    switch (status) {
    case STATUS_CORRUPT:
    case STATUS_NOT_FOUND: /* empty: what makes an environment never leaves one */
        out->anew = true;
        return repair(options, out);
    case KV_DAMAGED: out->anew = !out->damage.readable; return repair(options, out);
    default: return status;
    }
}

/* ---- reading ---- */

/* With a read transaction no page of the newest commits is written anew: what is wrong then is wrong. */
static int look_pinned(const char *dir, const struct kv_look *look)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    struct kv_damage damage;
    int status = kv_status(mdb_env_create(&env));
    status = status == 0 ? kv_status(mdb_env_open(env, dir, MDB_RDONLY | MDB_NOTLS, 0)) : status;
    status = status == 0 ? kv_status(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) : status;
    if (status == 0) {
        status = kv_look_over(dir, look, &damage) == 0 ? 0 : STATUS_CORRUPT;
        mdb_txn_abort(txn);
    }
    if (env) {
        mdb_env_close(env);
    }
    return status == 0 ? 0 : STATUS_CORRUPT;
}

/* While somebody writes, pages change under the look: then one that finds nothing wrong is enough. */
int kv_repair_may_read(const char *dir)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    bool small = used_bytes(dir) <= LEAVES_BYTES_MAX;
    const struct kv_look look = {.depth = small ? KV_DEPTH_RECORDS : KV_DEPTH_TREE};
    struct kv_damage damage;
    for (int tries = 0; tries < LOOKS_MAX; tries++) {
        int status = kv_look_over(dir, &look, &damage);
        if (status != KV_DAMAGED) {
            return status;
        }
        (void)nanosleep(&pause, NULL);
    }
    return damage.readable ? look_pinned(dir, &look) : STATUS_CORRUPT;
}

bool kv_repair_is_record(struct slice key, struct slice value)
{
    struct wire_reader payload;
    int status = record_open(key, value, &payload);
    return status == 0 || status == STATUS_VERSION;
}
