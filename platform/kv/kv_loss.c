#include "platform/kv/kv_loss.h"

#include <inttypes.h>
#include <stdio.h>

#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"
#include "platform/kv/record.h"

enum { FLAG_ANEW = 1, FLAG_EXACT = 2 };

void kv_loss_begin(const struct kv_repair *repair, int64_t now_ms, struct kv_loss *out)
{
    *out = (struct kv_loss){.times = 1, .at_ms = now_ms, .anew = repair->anew, .exact = true};
    slice_copy(slice_str(repair->aside), out->aside, sizeof out->aside);
    slice_copy(slice_str(repair->damage.what), out->what, sizeof out->what);
}

static struct record_key key_of(void)
{
    return record_key_text("damage");
}

static int put(struct kv_txn *txn, unsigned db, size_t kinds, const struct kv_loss *loss)
{
    struct buf value = BUF_INIT;
    struct record_key key = key_of();
    record_begin(&value);
    wire_put_varint(&value, loss->times);
    wire_put_svarint(&value, loss->at_ms);
    wire_put_u8(&value, (uint8_t)((loss->anew ? FLAG_ANEW : 0) | (loss->exact ? FLAG_EXACT : 0)));
    wire_put_bytes(&value, slice_str(loss->aside));
    wire_put_bytes(&value, slice_str(loss->what));
    wire_put_varint(&value, kinds);
    for (size_t i = 0; i < kinds; i++) {
        wire_put_varint(&value, loss->lost[i]);
    }
    int status = record_put(txn, db, &key, &value);
    buf_deinit(&value);
    return status;
}

/* Of a later version's kinds those that are known. */
static int read(struct wire_reader *payload, size_t kinds, struct kv_loss *out)
{
    struct kv_loss loss = {.times = (uint32_t)wire_get_varint_max(payload, UINT32_MAX)};
    loss.at_ms = wire_get_svarint(payload);
    uint8_t flags = wire_get_u8(payload);
    loss.anew = flags & FLAG_ANEW;
    loss.exact = flags & FLAG_EXACT;
    slice_copy(wire_get_bytes(payload), loss.aside, sizeof loss.aside);
    slice_copy(wire_get_bytes(payload), loss.what, sizeof loss.what);
    uint64_t stored = wire_get_varint(payload);
    for (uint64_t i = 0; i < stored && !payload->failed; i++) {
        uint64_t count = wire_get_varint(payload);
        if (i < kinds) {
            loss.lost[i] = count;
        }
    }
    if (payload->failed) {
        return STATUS_CORRUPT;
    }
    *out = loss;
    return 0;
}

int kv_loss_load(struct kv_txn *txn, unsigned db, const struct kv_loss_kinds *kinds, struct kv_loss *out)
{
    struct record_key key = key_of();
    struct slice value;
    struct wire_reader payload;
    *out = (struct kv_loss){.exact = true};
    int status = kv_get(txn, db, record_key_slice(&key), &value);
    status = status == 0 ? record_open(record_key_slice(&key), value, &payload) : status;
    return status == 0 ? read(&payload, kinds->count, out) : status;
}

int kv_loss_add(struct kv_txn *txn, unsigned db, const struct kv_loss_kinds *kinds, const struct kv_loss *loss,
                struct kv_loss *all)
{
    struct kv_loss before;
    int status = kv_loss_load(txn, db, kinds, &before);
    if (status < 0 && status != STATUS_CORRUPT) {
        return status;
    }
    *all = *loss;
    all->times += before.times;
    all->exact = before.exact && loss->exact;
    for (size_t i = 0; i < kinds->count; i++) {
        all->lost[i] += before.lost[i];
    }
    return put(txn, db, kinds->count, all);
}

void kv_loss_tell(const struct kv_loss *loss, const struct kv_loss_kinds *kinds, char *out, size_t size)
{
    char lost[256] = "nothing";
    size_t len = 0;
    for (size_t i = 0; i < kinds->count; i++) {
        if (loss->lost[i] > 0 && len < sizeof lost) {
            int more = snprintf(lost + len, sizeof lost - len, "%s%" PRIu64 " %s", len ? ", " : "", loss->lost[i],
                                kinds->words[i][loss->lost[i] != 1]);
            len += more > 0 ? (size_t)more : 0;
        }
    }
    (void)snprintf(out, size, "damaged (%s); %s%s%s; the damaged file is kept as %s", loss->what,
                   loss->anew ? "nothing of it could be read, it begins anew" : "lost: ", loss->anew ? "" : lost,
                   loss->exact || loss->anew ? "" : " at least", loss->aside);
}
