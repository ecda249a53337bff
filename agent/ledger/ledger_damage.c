/* What was lost with damaged files: kept in meta under "damage", added up over all times. Payload: varint times,
 * svarint when last, u8 (1 anew, 2 exact), the name of the file put aside, the first thing found wrong, varint count of
 * kinds, and a varint each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

const char *const ledger_loss_names[LEDGER_LOSS_COUNT] = {
    [LEDGER_LOST_LEGS] = "legs",         [LEDGER_LOST_INTERVALS] = "intervals", [LEDGER_LOST_OPEN_LEGS] = "open_legs",
    [LEDGER_LOST_SHIFTS] = "shifts",     [LEDGER_LOST_CURSORS] = "cursors",     [LEDGER_LOST_NAMES] = "names",
    [LEDGER_LOST_MARKS] = "marks",       [LEDGER_LOST_GAPS] = "gaps",           [LEDGER_LOST_SETTINGS] = "settings",
    [LEDGER_LOST_IDENTITY] = "identity", [LEDGER_LOST_SECRET] = "secret",       [LEDGER_LOST_STATE] = "state"};

/* As people say it: one, many. */
static const char *const words[LEDGER_LOSS_COUNT][2] = {
    {"leg", "legs"},           {"interval", "intervals"},
    {"open leg", "open legs"}, {"shift", "shifts"},
    {"cursor", "cursors"},     {"name", "names"},
    {"mark", "marks"},         {"gap", "gaps"},
    {"setting", "settings"},   {"identity", "identities"},
    {"secret", "secrets"},     {"set of counters", "sets of counters"}};

enum { FLAG_ANEW = 1, FLAG_EXACT = 2 };

int ledger_damage_put(struct ledger *ledger, struct kv_txn *txn, const struct ledger_damage *damage)
{
    struct buf *value = &ledger->value;
    struct record_key key = record_key_text("damage");
    record_begin(value);
    wire_put_varint(value, damage->times);
    wire_put_svarint(value, damage->at_ms);
    wire_put_u8(value, (uint8_t)((damage->anew ? FLAG_ANEW : 0) | (damage->exact ? FLAG_EXACT : 0)));
    wire_put_bytes(value, slice_str(damage->aside));
    wire_put_bytes(value, slice_str(damage->what));
    wire_put_varint(value, LEDGER_LOSS_COUNT);
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        wire_put_varint(value, damage->lost[i]);
    }
    return record_put(txn, ledger->db[LEDGER_DB_META], &key, value);
}

int ledger_damage_load(struct ledger *ledger, struct kv_txn *txn, struct ledger_damage *out)
{
    struct record_key key = record_key_text("damage");
    struct slice value;
    struct wire_reader payload;
    *out = (struct ledger_damage){.exact = true};
    int status = kv_get(txn, ledger->db[LEDGER_DB_META], record_key_slice(&key), &value);
    if (status != 0) {
        return status == KV_END ? LEDGER_NONE : status;
    }
    status = record_open(record_key_slice(&key), value, &payload);
    if (status != 0) {
        return status;
    }
    struct ledger_damage damage = {.times = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX)};
    damage.at_ms = wire_get_svarint(&payload);
    uint8_t flags = wire_get_u8(&payload);
    damage.anew = flags & FLAG_ANEW;
    damage.exact = flags & FLAG_EXACT;
    ledger_copy_text(damage.aside, sizeof damage.aside, wire_get_bytes(&payload));
    ledger_copy_text(damage.what, sizeof damage.what, wire_get_bytes(&payload));
    uint64_t stored = wire_get_varint(&payload);
    for (uint64_t i = 0; i < stored && !payload.failed; i++) {
        uint64_t count = wire_get_varint(&payload);
        if (i < LEDGER_LOSS_COUNT) {
            damage.lost[i] = count;
        }
    }
    if (payload.failed) {
        return STATUS_CORRUPT;
    }
    *out = damage;
    return 0;
}

int ledger_view_damage(struct ledger_view *view, struct ledger_damage *out)
{
    int status = ledger_damage_load(view->ledger, view->txn, out);
    return status == LEDGER_NONE ? LEDGER_UNDAMAGED : status;
}

void ledger_damage_text(const struct ledger_damage *damage, char *out, size_t size)
{
    size_t len = 0;
    (void)snprintf(out, size, "%s", "nothing");
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        if (damage->lost[i] > 0 && len < size) {
            int more = snprintf(out + len, size - len, "%s%" PRIu64 " %s", len ? ", " : "", damage->lost[i],
                                words[i][damage->lost[i] != 1]);
            len += more > 0 ? (size_t)more : 0;
        }
    }
}

void ledger_damage_tell(const struct ledger_damage *damage, char *out, size_t size)
{
    char lost[256];
    ledger_damage_text(damage, lost, sizeof lost);
    (void)snprintf(out, size, "damaged (%s); %s%s%s; the damaged file is kept as %s", damage->what,
                   damage->anew ? "nothing of it could be read, it begins anew" : "lost: ", damage->anew ? "" : lost,
                   damage->exact || damage->anew ? "" : " at least", damage->aside);
}
