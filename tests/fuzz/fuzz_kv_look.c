/* The input is the data file of an environment, of 64 pages at most. */
#include <string.h>

#include "platform/base/status.h"
#include "platform/kv/kv_salvage.h"
#include "platform/kv/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

enum { FILE_MAX = 64 * 4096, MAP_BYTES = 4 << 20 };

static struct temp_dir dir;
static struct temp_dir aside;

static void remove_dirs(void)
{
    temp_dir_remove(&dir);
    temp_dir_remove(&aside);
}

static bool whole(void *ctx, const char *db, struct slice key, struct slice value)
{
    struct wire_reader payload;
    (void)ctx;
    return db[0] == 'w' || record_open(key, value, &payload) == 0; /* one whose records tell nothing of themselves */
}

static uint64_t sound_records(const struct kv_damage *damage)
{
    uint64_t count = 0;
    for (size_t i = 0; i < damage->db_count; i++) {
        count += damage->dbs[i].sound_count;
        FUZZ_CHECK(!damage->dbs[i].told || damage->dbs[i].sound_count <= damage->dbs[i].told_count);
    }
    return count;
}

/* What was saved is an environment without a flaw, and holds what was said. */
static void check_saved(struct kv_look look, const struct kv_damage *saved)
{
    struct kv_damage again;
    FUZZ_CHECK(kv_look_over(aside.path, &look, &again) == 0);
    FUZZ_CHECK(sound_records(&again) == sound_records(saved) && again.db_count == saved->db_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (dir.path[0] == '\0') {
        temp_dir_make(&dir);
        temp_dir_make(&aside);
        (void)atexit(remove_dirs);
    }
    temp_dir_truncate(&dir, "data.mdb", 0);
    temp_dir_write(&dir, "data.mdb", 0, data, size < FILE_MAX ? size : FILE_MAX);
    struct kv_look look = {.depth = KV_DEPTH_TREE, .whole = whole};
    struct kv_damage damage;
    struct kv_damage saved;
    int by_tree = kv_look_over(dir.path, &look, &damage);
    look.depth = KV_DEPTH_RECORDS;
    int by_records = kv_look_over(dir.path, &look, &damage);
    FUZZ_CHECK(by_tree == by_records || (by_tree == 0 && by_records == KV_DAMAGED));
    int status = kv_salvage(dir.path, &look, temp_dir_file(&aside, "data.mdb"), MAP_BYTES, &saved);
    FUZZ_CHECK(status == 0 || by_records != 0);
    if (status == 0) {
        FUZZ_CHECK(by_records != 0 || sound_records(&damage) == sound_records(&saved));
        check_saved(look, &saved);
    } else {
        FUZZ_CHECK(status == STATUS_CORRUPT || status == STATUS_VERSION || status == STATUS_NOT_FOUND ||
                   status == STATUS_FULL);
    }
    temp_dir_clear(&aside);
    return 0;
}
