#include "agent/ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"

const char *const ledger_db_names[LEDGER_DB_COUNT] = {"meta",      "names", "cursors", "open_legs", "legs",
                                                      "intervals", "dirty", "gaps",    "shifts"};

int ledger_open_dbs(struct ledger *ledger, bool create)
{
    for (int i = 0; i < LEDGER_DB_COUNT; i++) {
        int status = kv_db(ledger->kv, ledger_db_names[i], create, &ledger->db[i]);
        if (i == LEDGER_DB_SHIFTS && status == STATUS_NOT_FOUND) {
            ledger->no_shifts = true;
            continue;
        }
        if (status != 0) {
            return status == STATUS_NOT_FOUND ? STATUS_VERSION : status;
        }
    }
    return 0;
}

int ledger_open_readonly(const char *dir, struct ledger **out)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger) {
        return STATUS_NO_MEMORY;
    }
    ledger->lock_fd = -1;
    leg_block_init(&ledger->tail);
    struct kv_options options = {.dir = dir, .max_dbs = LEDGER_DB_COUNT, .read_only = true};
    struct kv_txn *txn = NULL;
    int status = kv_repair_may_read(dir);
    if (status == 0) {
        status = kv_open(&options, &ledger->kv);
    }
    if (status == 0) {
        status = ledger_open_dbs(ledger, false);
    }
    if (status == 0) {
        status = kv_begin(ledger->kv, false, &txn);
    }
    if (status == 0) {
        status = ledger_identity_load(ledger, txn);
    }
    kv_abort(txn);
    if (status != 0) {
        ledger_close(ledger);
        if ((status == LEDGER_NONE || status == STATUS_VERSION) &&
            kv_repair_is_unfounded(dir, ledger_db_names, LEDGER_DB_COUNT)) {
            return STATUS_NOT_FOUND;
        }
        return status == LEDGER_NONE ? STATUS_CORRUPT : status;
    }
    *out = ledger;
    return 0;
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger) {
        return;
    }
    kv_abort(ledger->txn);
    if (ledger->writable && ledger->kv) {
        kv_repair_note_end(ledger->kv, ledger->lock_fd);
    }
    kv_close(ledger->kv);
    for (size_t i = 0; i < sizeof ledger->names / sizeof ledger->names[0]; i++) {
        intern_free(ledger->names[i]);
    }
    leg_block_deinit(&ledger->tail);
    for (size_t i = 0; i < ledger->sealed_count; i++) {
        leg_block_deinit(&ledger->sealed[i]);
    }
    free(ledger->sealed);
    buf_deinit(&ledger->value);
    explicit_bzero(ledger->secret, sizeof ledger->secret);
    if (ledger->lock_fd >= 0) {
        (void)close(ledger->lock_fd);
    }
    free(ledger);
}

static int take_lock(const char *dir, int *out)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/writer.lock", dir) >= (int)sizeof path) {
        return STATUS_RANGE;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return errno == EACCES || errno == EPERM || errno == EROFS ? STATUS_DENIED
               : errno == ENOENT                                   ? STATUS_NOT_FOUND
                                                                   : STATUS_IO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int status = errno == EWOULDBLOCK ? STATUS_BUSY : STATUS_IO;
        (void)close(fd);
        return status;
    }
    *out = fd;
    return 0;
}

/* Names must come back under the ids they were stored with; a damaged one keeps its place under a made-up name. */
static int load_name(void *ctx, struct slice key, struct slice value)
{
    struct ledger *ledger = ctx;
    if (key.len != 5 || key.data[0] < LEDGER_QUEUE || key.data[0] >= LEDGER_KINDS_END) {
        return 0;
    }
    enum ledger_name_kind kind = (enum ledger_name_kind)key.data[0];
    uint32_t id = record_key_at_u32(key, 1);
    if (id == 0 || id > (kind == LEDGER_VERB ? LEDGER_VERBS_MAX : LEDGER_NAMES_MAX)) {
        ledger->quality[QUALITY_QUARANTINED]++; /* nobody gave such an id */
        return 0;
    }
    struct intern *names = ledger->names[kind];
    char made_up[32];
    while (intern_count(names) + 1 < id) {
        (void)snprintf(made_up, sizeof made_up, "damaged-%u", intern_count(names) + 1);
        if (intern_put(names, slice_str(made_up)) == 0) {
            return intern_failed(names) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
        }
    }
    struct wire_reader payload;
    int status = record_open(key, value, &payload);
    uint64_t count = status == 0 && kind == LEDGER_VERB ? wire_get_varint(&payload) : 0;
    struct slice name = slice_make((const char *)payload.pos, status == 0 ? wire_left(&payload) : 0);
    if (status != 0 || payload.failed) {
        (void)snprintf(made_up, sizeof made_up, "damaged-%u", id);
        name = slice_str(made_up);
        ledger->quality[QUALITY_QUARANTINED]++;
    }
    if (intern_put(names, name) != id) {
        return intern_failed(names) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
    }
    if (kind == LEDGER_VERB && id <= LEDGER_VERBS_MAX) {
        ledger->verb_counts[id] = count;
    }
    ledger->names_stored[kind] = id;
    return 0;
}

static int load_names(struct ledger *ledger, struct kv_txn *txn)
{
    return kv_each(txn, ledger->db[LEDGER_DB_NAMES], slice_make("", 0), load_name, ledger);
}

static int load_tail(struct ledger *ledger, struct kv_txn *txn)
{
    struct kv_cursor *cursor = NULL;
    int status = kv_cursor_open(txn, ledger->db[LEDGER_DB_LEGS], &cursor);
    struct slice key;
    struct slice value;
    struct wire_reader payload;
    if (status == 0) {
        status = kv_cursor_last(cursor, &key, &value);
    }
    if (status == 0) {
        uint64_t number = record_key_at_u64(key, 0);
        if (number + 1 > ledger->state.next_block) {
            ledger->state.next_block = number + 1;
        }
        status = record_open(key, value, &payload);
        if (status == 0 && number + 1 == ledger->state.next_block) {
            status = leg_block_load(&ledger->tail, payload);
        }
        if (status == 0 && ledger->tail.count > 0) {
            ledger->state.next_block = number; /* it goes on being filled under its number */
            ledger->tail_stored_bytes = value.len;
            ledger->tail_stored_count = ledger->tail.count;
            ledger->state.leg_bytes -= value.len < ledger->state.leg_bytes ? value.len : ledger->state.leg_bytes;
            ledger->state.leg_count -=
                ledger->tail.count < ledger->state.leg_count ? ledger->tail.count : ledger->state.leg_count;
        } else if (status == STATUS_CORRUPT || status == STATUS_VERSION) {
            leg_block_clear(&ledger->tail);
            ledger->quality[QUALITY_QUARANTINED]++;
            status = 0;
        }
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

static int load_writer(struct ledger *ledger)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(ledger->kv, false, &txn);
    if (status == 0) {
        status = ledger_identity_load(ledger, txn);
    }
    if (status == LEDGER_NONE) {
        kv_abort(txn);
        return ledger_found(ledger);
    }
    if (status == 0) {
        status = ledger_secret_load(ledger, txn);
        status = status == LEDGER_NONE ? STATUS_CORRUPT : status;
    }
    if (status == 0) {
        status = ledger_state_load(ledger, txn, &ledger->state);
        status = status == LEDGER_NONE ? STATUS_CORRUPT : status;
    }
    memcpy(ledger->quality, ledger->state.quality, sizeof ledger->quality);
    if (status == 0) {
        status = load_names(ledger, txn);
    }
    if (status == 0) {
        status = load_tail(ledger, txn);
    }
    if (status == 0) {
        status = ledger_newest_shift(ledger, txn, &ledger->state.newest_shift_s);
    }
    if (status == 0 && ledger->mended && ledger_damage_load(ledger, txn, &ledger->damage) != 0) {
        ledger->mended = false;
    }
    kv_abort(txn);
    if (status == 0 && strcmp(ledger->identity.site, ledger->options.site) != 0) {
        return STATUS_INVALID;
    }
    return status;
}

/* Damaged files that were kept must not take the room that the ledger itself needs. */
static int open_environment(const struct kv_options *options, struct kv **out)
{
    int status = kv_open(options, out);
    while (status == STATUS_FULL && kv_repair_drop_oldest(options->dir) == 0) {
        status = kv_open(options, out);
    }
    return status;
}

int ledger_open_writer(const struct ledger_options *options, struct ledger **out)
{
    if (mkdir(options->dir, 0750) != 0 && errno != EEXIST) {
        return errno == EACCES || errno == EROFS ? STATUS_DENIED : errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    }
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger) {
        return STATUS_NO_MEMORY;
    }
    ledger->lock_fd = -1;
    ledger->writable = true;
    ledger->options = *options;
    leg_block_init(&ledger->tail);
    int status = take_lock(options->dir, &ledger->lock_fd);
    for (int kind = LEDGER_QUEUE; kind < LEDGER_KINDS_END && status == 0; kind++) {
        status = intern_new(kind == LEDGER_VERB ? LEDGER_VERBS_MAX : LEDGER_NAMES_MAX, &ledger->names[kind]);
    }
    struct kv_options kv_options = {
        .dir = options->dir, .map_bytes = options->map_bytes, .max_dbs = LEDGER_DB_COUNT, .preallocate = true};
    if (status == 0) {
        status = ledger_repair(ledger);
    }
    if (status == 0) {
        status = open_environment(&kv_options, &ledger->kv);
    }
    if (status == 0) {
        (void)kv_reader_check(ledger->kv);
        status = ledger_open_dbs(ledger, true);
    }
    if (status == 0) {
        status = load_writer(ledger);
    }
    if (status != 0) {
        ledger_close(ledger);
        return status;
    }
    *out = ledger;
    return 0;
}

const struct kv_loss *ledger_mended(const struct ledger *ledger)
{
    return ledger->mended ? &ledger->damage : NULL;
}
uint32_t ledger_interval_s(const struct ledger *ledger)
{
    return ledger->identity.interval_s;
}
const uint8_t *ledger_secret(const struct ledger *ledger)
{
    return ledger->secret;
}
struct intern *ledger_names(struct ledger *ledger, enum ledger_name_kind kind)
{
    return ledger->names[kind];
}
uint64_t *ledger_quality(struct ledger *ledger)
{
    return ledger->quality;
}
struct ledger_progress ledger_progress(const struct ledger *ledger)
{
    return ledger->state.progress;
}

void ledger_count_verb(struct ledger *ledger, struct slice verb)
{
    if (verb.len > 64) {
        verb.len = 64;
    }
    uint32_t id = intern_put(ledger->names[LEDGER_VERB], verb);
    if (id > 0 && id <= LEDGER_VERBS_MAX) {
        ledger->verb_counts[id]++;
        ledger->verbs_changed = true;
    }
}
