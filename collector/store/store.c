#include "collector/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/store/store_internal.h"
#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"

const char *const store_db_names[STORE_DB_COUNT] = {
    "meta", "names",    "name_index", "epochs", "queues",   "intervals", "pending",   "hours",
    "days", "contacts", "gaps",       "events", "grouping", "live",      "operators", "live_gaps"};

static const uint64_t GROW_BYTES_MAX = UINT64_C(64) << 20;

int store_open_dbs(struct store *store, bool create)
{
    for (int i = 0; i < STORE_DB_COUNT; i++) {
        int status = kv_db(store->kv, store_db_names[i], create, &store->db[i]);
        if (status == STATUS_NOT_FOUND && i >= STORE_DB_LATER) {
            store->lacks_later = true;
            return 0;
        }
        if (status != 0) {
            return status == STATUS_NOT_FOUND ? STATUS_VERSION : status;
        }
    }
    return 0;
}

int store_open_readonly(const char *dir, struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        return STATUS_NO_MEMORY;
    }
    store->lock_fd = -1;
    (void)pthread_mutex_init(&store->grouping_lock, NULL);
    struct kv_options options = {.dir = dir, .max_dbs = STORE_DB_COUNT, .read_only = true};
    struct kv_txn *txn = NULL;
    int status = kv_repair_may_read(dir);
    status = status == 0 ? kv_open(&options, &store->kv) : status;
    status = status == 0 ? store_open_dbs(store, false) : status;
    status = status == 0 ? kv_begin(store->kv, false, &txn) : status;
    status = status == 0 ? store_state_load(store, txn, &store->state) : status;
    status = status == 0 ? store_grouping_load(store, txn) : status;
    kv_abort(txn);
    if (status != 0) {
        store_close(store);
        if ((status == STORE_NONE || status == STATUS_VERSION) &&
            kv_repair_is_unfounded(dir, store_db_names, STORE_DB_COUNT)) {
            return STATUS_NOT_FOUND;
        }
        return status == STORE_NONE ? STATUS_CORRUPT : status;
    }
    *out = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    if (store->txn) {
        store_abort(store);
    }
    store_roller_free(store->roller);
    if (store->writable && store->kv) {
        kv_repair_note_end(store->kv, store->lock_fd);
    }
    kv_close(store->kv);
    intern_free(store->names);
    free(store->grouping);
    (void)pthread_mutex_destroy(&store->grouping_lock);
    buf_deinit(&store->value);
    buf_deinit(&store->other);
    if (store->lock_fd >= 0) {
        (void)close(store->lock_fd);
    }
    free(store);
}

static int status_of_errno(void)
{
    switch (errno) {
    case EACCES:
    case EPERM:
    case EROFS: return STATUS_DENIED;
    case ENOENT: return STATUS_NOT_FOUND;
    case ENOSPC:
    case EDQUOT: return STATUS_FULL;
    default: return STATUS_IO;
    }
}

static int take_lock(const char *dir, int *out)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/writer.lock", dir) >= (int)sizeof path) {
        return STATUS_RANGE;
    }
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        return status_of_errno();
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return status_of_errno();
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int status = errno == EWOULDBLOCK ? STATUS_BUSY : STATUS_IO;
        (void)close(fd);
        return status;
    }
    *out = fd;
    return 0;
}

/* A damaged name keeps its number under a name that was made up. */
static int load_name(void *ctx, struct slice key, struct slice value)
{
    struct store *store = ctx;
    uint32_t number = record_key_at_u32(key, 0);
    struct wire_reader payload;
    bool good = record_open(key, value, &payload) == 0;
    while (intern_count(store->names) < number) {
        uint32_t next = intern_count(store->names) + 1;
        char made_up[32];
        (void)snprintf(made_up, sizeof made_up, "damaged-%u", next);
        struct slice name = slice_str(made_up);
        if (good && next == number) {
            name = slice_make((const char *)payload.pos, wire_left(&payload));
        }
        uint32_t given = intern_put(store->names, name);
        if (given == 0) {
            return STATUS_NO_MEMORY;
        }
        if (given != next) {
            return STATUS_CORRUPT;
        }
    }
    return 0;
}

static int load(struct store *store)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(store->kv, false, &txn);
    if (status == 0) {
        status = store_state_load(store, txn, &store->state);
    }
    if (status == STORE_NONE) { /* new */
        store->state = (struct store_state){.created_ms = store->options.now_ms, .next_event = 1};
        status = 0;
    }
    if (status == 0) {
        status = kv_each(txn, store->db[STORE_DB_NAMES], slice_make("", 0), load_name, store);
        store->names_stored = intern_count(store->names);
    }
    if (status == 0) {
        status = store_grouping_load(store, txn);
    }
    if (status == 0) {
        status = store_generation_load(store, txn);
    }
    if (status == 0 && store->mended && store_damage_load(store, txn, &store->damage) != 0) {
        store->mended = false;
    }
    kv_abort(txn);
    return status;
}

uint64_t store_grow_bytes(uint64_t limit_bytes)
{
    uint64_t part = limit_bytes / 16;
    return part < GROW_BYTES_MAX ? part : GROW_BYTES_MAX;
}

/* What a new store begins with. One of before there were generations gets its own; a full one some other time. */
static int found(struct store *store)
{
    bool is_new = store->state.commits == 0;
    if (!is_new && store->has_generation) {
        return 0;
    }
    int status = store_begin(store, store->options.now_ms);
    if (status != 0) {
        return status;
    }
    (void)store_generation_make(store);
    status = store_end(store);
    store->has_generation &= status == 0;
    return !is_new && status == STATUS_FULL ? 0 : status;
}

static int open_writer(struct store *store)
{
    struct kv_options options = {.dir = store->options.dir,
                                 .map_bytes = store->options.limit_bytes,
                                 .max_dbs = STORE_DB_COUNT,
                                 .grow_bytes = store_grow_bytes(store->options.limit_bytes)};
    int status = take_lock(store->options.dir, &store->lock_fd);
    status = status == 0 ? intern_new(STORE_NAMES_MAX, &store->names) : status;
    status = status == 0 ? store_repair(store) : status;
    status = status == 0 ? kv_open(&options, &store->kv) : status;
    while (status == STATUS_FULL && kv_repair_drop_oldest(options.dir) == 0) { /* it needs their room itself */
        status = kv_open(&options, &store->kv);
    }
    if (status == 0) {
        (void)kv_reader_check(store->kv);
        status = store_open_dbs(store, true);
    }
    status = status == 0 ? load(store) : status;
    return status == 0 ? found(store) : status;
}

int store_open_writer(const struct store_options *options, struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        return STATUS_NO_MEMORY;
    }
    store->lock_fd = -1;
    (void)pthread_mutex_init(&store->grouping_lock, NULL);
    store->writable = true;
    store->options = *options;
    if (store->options.roll_limit == 0) {
        store->options.roll_limit = STORE_ROLL_LIMIT;
    }
    int status = open_writer(store);
    store->options.dir = NULL; /* was borrowed for the call */
    if (status != 0) {
        store_close(store);
        return status;
    }
    *out = store;
    return 0;
}
