#include "platform/kv/kv_repair.h"

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
#include "platform/kv/kv_place.h"
#include "platform/kv/record.h"

enum { SCAN_BYTES = 1 << 20, NOTE_BYTES = 64, LOOKS_MAX = 3, PAUSE_NS = 3000000 };

static const uint64_t RECORDS_BYTES_MAX = UINT64_C(512) << 20;
static const uint64_t LEAVES_BYTES_MAX = UINT64_C(256) << 20;

static bool is_zero(const char *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* The file of before gives its unused end back, so that there is room for what is saved of it. */
static void give_back(const char *dir)
{
    char path[KV_PLACE_PATH_BYTES];
    struct stat st;
    int fd = kv_place_path(path, dir, "data.mdb") == 0 ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    char *bytes = malloc(SCAN_BYTES);
    if (fd >= 0 && bytes && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        off_t end = kv_place_end(fd, st.st_size);
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
    char path[KV_PLACE_PATH_BYTES];
    const struct kv_look look = {.depth = KV_DEPTH_RECORDS, .whole = options->whole, .ctx = options->ctx};
    char what[sizeof out->damage.what];
    int status = kv_place_path(path, place, "data.mdb");
    memcpy(what, out->damage.what, sizeof what);
    kv_place_drop_saved(options->dir);
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
    return status == 0 ? kv_place_bring(options->dir) : status;
}

static int repair(const struct kv_repair_options *options, struct kv_repair *out)
{
    char place[KV_PLACE_PATH_BYTES];
    int status = kv_place_path(place, options->dir, "repair");
    if (status != 0) {
        return status;
    }
    bool anew = out->anew;
    status = kv_place_choose(options->dir, options->now_ms, out->aside);
    if (status != 0) {
        return status;
    }
    give_back(options->dir);
    status = save(options, place, out);
    while (status == STATUS_FULL && kv_place_drop_oldest(options->dir) == 0) {
        out->anew = anew;
        status = save(options, place, out);
    }
    status = status == 0 ? kv_place_take(options->dir, out->aside) : status;
    kv_place_clear(options->dir);
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
    char path[KV_PLACE_PATH_BYTES];
    uint64_t used = 0;
    int fd = kv_place_path(path, dir, "data.mdb") == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
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
    if (kv_place_is_open(options->dir, out->aside)) {
        kv_place_drop_saved(options->dir);
        int status = kv_place_resume(options->dir, out->aside);
        return status == 0 ? KV_REPAIRED : status;
    }
    kv_place_clear(options->dir);
    if (!kv_place_has(options->dir, "data.mdb")) {
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

static bool is_one_of(const char *const *names, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0) {
        i++;
    }
    return i < count;
}

bool kv_repair_is_unfounded(const char *dir, const char *const *names, size_t count)
{
    const struct kv_look look = {.depth = KV_DEPTH_RECORDS};
    struct kv_damage found;
    bool empty = kv_look_over(dir, &look, &found) == 0;
    for (size_t i = 0; empty && i < found.db_count; i++) {
        empty = found.dbs[i].sound_count == 0 && is_one_of(names, count, found.dbs[i].name);
    }
    return empty;
}

int kv_repair_drop_oldest(const char *dir)
{
    return kv_place_drop_oldest(dir);
}

bool kv_repair_is_record(struct slice key, struct slice value)
{
    struct wire_reader payload;
    int status = record_open(key, value, &payload);
    return status == 0 || status == STATUS_VERSION;
}
