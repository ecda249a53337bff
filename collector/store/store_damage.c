/* What was lost with damaged files (kv_loss.h), in meta. */
#include "collector/store/store_internal.h"

_Static_assert((int)STORE_LOSS_COUNT <= (int)KV_LOSS_KINDS_MAX, "every kind is counted");

const char *const store_loss_names[STORE_LOSS_COUNT][2] = {
    {"interval", "intervals"},     {"hour or day", "hours and days"},
    {"queue name", "queue names"}, {"epoch", "epochs"},
    {"contact", "contacts"},       {"gap", "gaps"},
    {"event", "events"},           {"queue's settings", "queues' settings"},
    {"live view", "live views"},   {"set of counts", "sets of counts"}};

static const struct kv_loss_kinds kinds = {STORE_LOSS_COUNT, store_loss_names};

int store_damage_load(struct store *store, struct kv_txn *txn, struct kv_loss *out)
{
    return kv_loss_load(txn, store->db[STORE_DB_META], &kinds, out);
}

int store_damage_add(struct store *store, const struct kv_loss *damage, struct kv_loss *all)
{
    return kv_loss_add(store->txn, store->db[STORE_DB_META], &kinds, damage, all);
}

bool store_view_damage(struct store_view *view, struct kv_loss *out)
{
    return store_damage_load(view->store, view->txn, out) == 0;
}

const struct kv_loss *store_mended(const struct store *store)
{
    return store->mended ? &store->damage : NULL;
}

void store_damage_tell(const struct kv_loss *damage, char *out, size_t size)
{
    kv_loss_tell(damage, &kinds, out, size);
}
