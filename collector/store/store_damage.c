/* What was lost with damaged files: kept in meta under "damage", added up over all times. Payload: varint times,
 * svarint when last, u8 (1 anew, 2 exact), the name of the file put aside, the first thing found wrong, varint count of
 * kinds, and a varint each. */
#include <inttypes.h>
#include <stdio.h>

#include "collector/store/store_internal.h"
#include "platform/base/status.h"

const char *const store_loss_names[STORE_LOSS_COUNT][2] = {
    {"interval", "intervals"},     {"hour or day", "hours and days"},
    {"queue name", "queue names"}, {"epoch", "epochs"},
    {"contact", "contacts"},       {"gap", "gaps"},
    {"event", "events"},           {"queue's settings", "queues' settings"},
    {"live view", "live views"},   {"set of counts", "sets of counts"}};

enum { FLAG_ANEW = 1, FLAG_EXACT = 2 };

int store_damage_put(struct store *store, const struct store_damage *damage)
{
    struct buf *value = &store->value;
    struct record_key key = record_key_text("damage");
    record_begin(value);
    wire_put_varint(value, damage->times);
    wire_put_svarint(value, damage->at_ms);
    wire_put_u8(value, (uint8_t)((damage->anew ? FLAG_ANEW : 0) | (damage->exact ? FLAG_EXACT : 0)));
    wire_put_bytes(value, slice_str(damage->aside));
    wire_put_bytes(value, slice_str(damage->what));
    wire_put_varint(value, STORE_LOSS_COUNT);
    for (int i = 0; i < STORE_LOSS_COUNT; i++) {
        wire_put_varint(value, damage->lost[i]);
    }
    return store_txn_put(store, STORE_DB_META, &key);
}

int store_damage_load(struct store *store, struct kv_txn *txn, struct store_damage *out)
{
    struct record_key key = record_key_text("damage");
    struct wire_reader payload;
    *out = (struct store_damage){.exact = true};
    int status = store_read(store, txn, STORE_DB_META, &key, &payload);
    if (status != 0) {
        return status;
    }
    struct store_damage damage = {.times = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX)};
    damage.at_ms = wire_get_svarint(&payload);
    uint8_t flags = wire_get_u8(&payload);
    damage.anew = flags & FLAG_ANEW;
    damage.exact = flags & FLAG_EXACT;
    store_copy_text(damage.aside, sizeof damage.aside, wire_get_bytes(&payload));
    store_copy_text(damage.what, sizeof damage.what, wire_get_bytes(&payload));
    uint64_t stored = wire_get_varint(&payload);
    for (uint64_t i = 0; i < stored && !payload.failed; i++) {
        uint64_t count = wire_get_varint(&payload);
        if (i < STORE_LOSS_COUNT) {
            damage.lost[i] = count;
        }
    }
    if (payload.failed) {
        return STATUS_CORRUPT;
    }
    *out = damage;
    return 0;
}

bool store_view_damage(struct store_view *view, struct store_damage *out)
{
    return store_damage_load(view->store, view->txn, out) == 0;
}

const struct store_damage *store_mended(const struct store *store)
{
    return store->mended ? &store->damage : NULL;
}

void store_damage_tell(const struct store_damage *damage, char *out, size_t size)
{
    char lost[256] = "nothing";
    size_t len = 0;
    for (int i = 0; i < STORE_LOSS_COUNT; i++) {
        if (damage->lost[i] > 0 && len < sizeof lost) {
            int more = snprintf(lost + len, sizeof lost - len, "%s%" PRIu64 " %s", len ? ", " : "", damage->lost[i],
                                store_loss_names[i][damage->lost[i] != 1]);
            len += more > 0 ? (size_t)more : 0;
        }
    }
    (void)snprintf(out, size, "damaged (%s); %s%s%s; the damaged file is kept as %s", damage->what,
                   damage->anew ? "nothing of it could be read, it begins anew" : "lost: ", damage->anew ? "" : lost,
                   damage->exact || damage->anew ? "" : " at least", damage->aside);
}
