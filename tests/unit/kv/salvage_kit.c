#include "tests/unit/kv/salvage_kit.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/record.h"

const char *const world_names[WORLD_DBS] = {"calls", "days", "letters", "words"};

enum { MAP_MAX_BYTES = 64 << 20 };

struct world_shape world_small(struct rng *rng)
{
    bool many = rng_chance(rng, 30);
    return (struct world_shape){.commits = 2 + (unsigned)rng_below(rng, 12),
                                .changes = 1 + (unsigned)rng_below(rng, many ? 120 : 40),
                                .numbers = 10 + (unsigned)rng_below(rng, many ? 600 : 150),
                                .deletes = rng_chance(rng, 50) ? (unsigned)rng_below(rng, 50) : 0,
                                .big = (unsigned)rng_below(rng, 12),
                                .map_kb = 4096,
                                .preallocate = rng_chance(rng, 20),
                                .ascending = rng_chance(rng, 40)};
}

/* Keys of different widths; those of "words" have no fixed one. */
static struct record_key key_of(size_t db, uint32_t number)
{
    char text[RECORD_KEY_MAX + 1];
    switch (db) {
    case 0: return record_key_u32(number);
    case 1: return record_key_u64_u32(UINT64_C(86400000) * (number / 7), number);
    case 2: return record_key_u32_u32(number % 5, number);
    default:
        snprintf(text, sizeof text, "%.*sw%x", (int)(number % 9), "ghijklmno", number);
        return record_key_text(text);
    }
}

static bool number_of(size_t db, struct slice key, uint32_t *out)
{
    char text[RECORD_KEY_MAX + 1] = "";
    *out = UINT32_MAX;
    if (db < 3 && key.len == (size_t[]){4, 12, 8}[db]) {
        *out = record_key_at_u32(key, key.len - 4);
    } else if (db == 3 && key.len <= RECORD_KEY_MAX) {
        memcpy(text, key.data, key.len);
        const char *digits = strchr(text, 'w');
        *out = digits ? (uint32_t)strtoul(digits + 1, NULL, 16) : UINT32_MAX;
    }
    struct record_key again = key_of(db, *out);
    return *out < WORLD_NUMBERS && slice_equal(record_key_slice(&again), key);
}

static void value_of(size_t db, uint32_t number, struct world_record record, struct buf *out)
{
    struct record_key key = key_of(db, number);
    struct rng rng = {((uint64_t)db << 56) ^ ((uint64_t)number << 32) ^ record.generation};
    record_begin(out);
    wire_put_u8(out, (uint8_t)db);
    wire_put_u32(out, record.generation);
    for (uint32_t i = 0; i < record.bytes; i++) {
        wire_put_u8(out, (uint8_t)rng_next(&rng));
    }
    assert(record_end(out, &key) == 0);
}

bool world_whole(void *ctx, const char *db, struct slice key, struct slice value)
{
    struct wire_reader payload;
    (void)ctx;
    return record_open(key, value, &payload) == 0 && wire_left(&payload) >= 5 && wire_get_u8(&payload) < WORLD_DBS &&
           strcmp(world_names[(uint8_t)value.data[1]], db) == 0;
}

uint64_t world_count(const struct world_content *content, size_t db)
{
    uint64_t count = 0;
    for (size_t i = 0; i < WORLD_NUMBERS; i++) {
        count += content->records[db][i].generation != 0 ? 1U : 0U;
    }
    return count;
}

static uint32_t pick_number(const struct world_shape *shape, unsigned commit, struct rng *rng)
{
    uint32_t span = shape->numbers < WORLD_NUMBERS ? shape->numbers : WORLD_NUMBERS;
    if (!shape->ascending) {
        return (uint32_t)rng_below(rng, span);
    }
    uint32_t part = span / shape->commits + 1;
    uint32_t number = commit * part + (uint32_t)rng_below(rng, part);
    return number < span ? number : span - 1;
}

static uint32_t pick_bytes(const struct world_shape *shape, size_t db, struct rng *rng)
{
    if (db == WORLD_BIG && rng_chance(rng, shape->big * 4)) {
        return (uint32_t)rng_below(rng, 20000);
    }
    return (uint32_t)rng_below(rng, rng_chance(rng, 10) ? 1500 : 80);
}

static void change(struct world *world, struct kv_txn *txn, const unsigned *dbs, const struct world_shape *shape,
                   unsigned commit, struct rng *rng, struct buf *value)
{
    size_t db = rng_below(rng, WORLD_DBS);
    uint32_t number = pick_number(shape, commit, rng);
    struct world_record *record = &world->now.records[db][number];
    struct record_key key = key_of(db, number);
    if (rng_chance(rng, shape->deletes)) {
        assert(kv_delete(txn, dbs[db], record_key_slice(&key)) == (record->generation ? 0 : KV_END));
        world->changes += record->generation ? 1U : 0U;
        *record = (struct world_record){0, 0};
        return;
    }
    *record = (struct world_record){++world->generation, pick_bytes(shape, db, rng)};
    world->changes++;
    value_of(db, number, *record, value);
    assert(kv_put(txn, dbs[db], record_key_slice(&key), buf_slice(value)) == 0);
}

void world_make(struct world *world, const char *dir, const struct world_shape *shape, struct rng *rng)
{
    struct kv_options options = {
        .dir = dir, .map_bytes = (uint64_t)shape->map_kb << 10, .max_dbs = 8, .preallocate = shape->preallocate};
    struct kv *kv = NULL;
    struct buf value = BUF_INIT;
    unsigned dbs[WORLD_DBS];
    memset(world, 0, sizeof *world);
    assert(kv_open(&options, &kv) == 0);
    for (size_t i = 0; i < WORLD_DBS; i++) {
        assert(kv_db(kv, world_names[i], true, &dbs[i]) == 0);
    }
    for (unsigned commit = 0; commit < shape->commits; commit++) {
        struct kv_txn *txn = NULL;
        assert(kv_begin(kv, true, &txn) == 0);
        static struct world_content before;
        before = world->now;
        world->changes = 0;
        for (unsigned i = 0; i < shape->changes; i++) {
            change(world, txn, dbs, shape, commit, rng, &value);
        }
        assert(kv_commit(txn) == 0);
        if (world->changes > 0) { /* what changes nothing is no commit */
            world->before = before;
        }
    }
    kv_close(kv);
    buf_deinit(&value);
    struct kv_look look = {.depth = KV_DEPTH_TREE};
    struct kv_damage damage;
    assert(kv_look_over(dir, &look, &damage) == 0);
    world->commit = damage.commit;
}

static bool read_record(size_t db, struct slice key, struct slice value, const struct world_content *content,
                        struct buf *truth, struct world_found *out)
{
    uint32_t number;
    if (!number_of(db, key, &number)) {
        snprintf(out->what, sizeof out->what, "%s has a key that never was", world_names[db]);
        return false;
    }
    struct world_record record = content->records[db][number];
    value_of(db, number, record, truth);
    if (record.generation == 0 || !slice_equal(value, buf_slice(truth))) {
        snprintf(out->what, sizeof out->what, "%s: record %u is not what it was", world_names[db], number);
        return false;
    }
    out->count[db]++;
    return true;
}

static bool read_database(struct kv *kv, size_t db, const struct world_content *content, struct world_found *out)
{
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    struct buf truth = BUF_INIT;
    unsigned handle;
    int status = kv_db(kv, world_names[db], false, &handle);
    out->has[db] = status == 0;
    if (status == STATUS_NOT_FOUND) {
        return true;
    }
    status = status == 0 ? kv_begin(kv, false, &txn) : status;
    status = status == 0 ? kv_cursor_open(txn, handle, &cursor) : status;
    struct slice key;
    struct slice value;
    bool is_true = true;
    status = status == 0 ? kv_cursor_first(cursor, &key, &value) : status;
    while (status == 0 && is_true) {
        struct slice again = {NULL, 0};
        is_true = read_record(db, key, value, content, &truth, out);
        if (is_true && (kv_get(txn, handle, key, &again) != 0 || again.data != value.data)) {
            snprintf(out->what, sizeof out->what, "%s: a record is not found by its key", world_names[db]);
            is_true = false;
        }
        status = kv_cursor_next(cursor, &key, &value);
    }
    if (is_true && status != KV_END) {
        snprintf(out->what, sizeof out->what, "%s cannot be read: %s", world_names[db], status_str(status));
        is_true = false;
    }
    kv_cursor_close(cursor);
    kv_abort(txn);
    buf_deinit(&truth);
    return is_true;
}

bool world_read(const char *dir, const struct world_content *content, struct world_found *out)
{
    struct kv_options options = {.dir = dir, .map_bytes = MAP_MAX_BYTES, .max_dbs = 8, .read_only = true};
    struct kv *kv = NULL;
    memset(out, 0, sizeof *out);
    int status = kv_open(&options, &kv);
    if (status != 0) {
        snprintf(out->what, sizeof out->what, "LMDB cannot open it: %s", status_str(status));
        return false;
    }
    bool is_true = true;
    for (size_t i = 0; is_true && i < WORLD_DBS; i++) {
        is_true = read_database(kv, i, content, out);
    }
    kv_close(kv);
    return is_true;
}

bool world_reads_in_child;

static bool reads_as(const struct world_content *content, const char *dir)
{
    struct world_found found;
    bool is_true = world_read(dir, content, &found);
    for (size_t i = 0; i < WORLD_DBS; i++) {
        is_true = is_true && found.count[i] == world_count(content, i);
    }
    return is_true;
}

/* What is called sound but is not may end in a signal. */
static bool reads_unharmed(const struct world_content *content, const char *dir, char *what, size_t size)
{
    if (!world_reads_in_child) {
        snprintf(what, size, "called sound, but LMDB reads something else");
        return reads_as(content, dir);
    }
    fflush(NULL);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        _exit(reads_as(content, dir) ? 0 : 1);
    }
    int ended = 0;
    assert(waitpid(child, &ended, 0) == child);
    snprintf(what, size, "called sound, but %s",
             WIFSIGNALED(ended) ? "LMDB ends with a signal" : "LMDB reads something else");
    return WIFEXITED(ended) && WEXITSTATUS(ended) == 0;
}

static const struct kv_damage_db *told_of(const struct kv_damage *damage, const char *name)
{
    for (size_t i = 0; i < damage->db_count; i++) {
        if (strcmp(damage->dbs[i].name, name) == 0) {
            return &damage->dbs[i];
        }
    }
    return NULL;
}

/* What was saved is true, is as much as was said, and what was lost is the rest. */
static int judge_saved(const struct world_content *content, const char *aside, struct world_verdict *out)
{
    struct world_found found;
    if (!world_read(aside, content, &found)) {
        snprintf(out->what, sizeof out->what, "saved: %s", found.what);
        return -1;
    }
    for (size_t i = 0; i < WORLD_DBS; i++) {
        const struct kv_damage_db *db = told_of(&out->damage, world_names[i]);
        uint64_t true_count = world_count(content, i);
        if ((db != NULL) != found.has[i] || (db && db->sound_count != found.count[i])) {
            snprintf(out->what, sizeof out->what, "%s: %llu records saved, but said otherwise", world_names[i],
                     (unsigned long long)found.count[i]);
            return -1;
        }
        if (db && db->told && (db->told_count != true_count || db->lost_count != true_count - found.count[i])) {
            snprintf(out->what, sizeof out->what, "%s: %llu told, %llu lost, in truth %llu and %llu", world_names[i],
                     (unsigned long long)db->told_count, (unsigned long long)db->lost_count,
                     (unsigned long long)true_count, (unsigned long long)(true_count - found.count[i]));
            return -1;
        }
        out->saved += found.count[i];
        out->lost += true_count - found.count[i];
    }
    return 0;
}

int world_judge(const struct world *world, const char *dir, const char *aside, struct world_verdict *out)
{
    struct kv_look look = {.depth = KV_DEPTH_TREE, .whole = world_whole};
    struct kv_damage tree;
    char path[4096];
    snprintf(path, sizeof path, "%s/data.mdb", aside);
    memset(out, 0, sizeof *out);
    int by_tree = kv_look_over(dir, &look, &tree);
    look.depth = KV_DEPTH_RECORDS;
    int by_records = kv_look_over(dir, &look, &out->damage);
    int saved = kv_salvage(dir, &look, path, MAP_MAX_BYTES, &out->damage);
    if (by_tree == KV_DAMAGED && by_records == 0) {
        snprintf(out->what, sizeof out->what, "damaged by its trees (%s), sound by its records", tree.what);
        return -1;
    }
    if (saved == STATUS_CORRUPT && by_records == KV_DAMAGED && !out->damage.readable) {
        out->outcome = WORLD_UNREADABLE;
        return access(path, F_OK) != 0 ? 0 : -1;
    }
    if (saved != 0 || (by_records != 0 && by_records != KV_DAMAGED)) {
        snprintf(out->what, sizeof out->what, "looked over: %s, saved: %s", status_str(by_records), status_str(saved));
        return -1;
    }
    out->outcome = by_records == 0 ? WORLD_SOUND : WORLD_DAMAGED;
    out->is_behind = by_records == 0 && out->damage.commit < world->commit;
    const struct world_content *content = out->damage.older_commit || out->is_behind ? &world->before : &world->now;
    if (by_records == 0 && !reads_unharmed(content, dir, out->what, sizeof out->what)) {
        return -1;
    }
    int status = judge_saved(content, aside, out);
    if (status != 0 && out->damage.older_commit && judge_saved(&world->now, aside, out) == 0) {
        status = 0; /* it could not be known that this is the newest */
    }
    if (status == 0 && by_records == 0 && out->lost > 0) {
        snprintf(out->what, sizeof out->what, "called sound, but %llu records were not saved",
                 (unsigned long long)out->lost);
        status = -1;
    }
    return status;
}
