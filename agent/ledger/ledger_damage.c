/* What was lost with damaged files (kv_loss.h), in meta. */
#include "agent/ledger/ledger_internal.h"

_Static_assert((int)LEDGER_LOSS_COUNT <= (int)KV_LOSS_KINDS_MAX, "every kind is counted");

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

static const struct kv_loss_kinds kinds = {LEDGER_LOSS_COUNT, words};

int ledger_damage_load(struct ledger *ledger, struct kv_txn *txn, struct kv_loss *out)
{
    return kv_loss_load(txn, ledger->db[LEDGER_DB_META], &kinds, out);
}

int ledger_damage_add(struct ledger *ledger, struct kv_txn *txn, const struct kv_loss *damage)
{
    struct kv_loss all;
    return kv_loss_add(txn, ledger->db[LEDGER_DB_META], &kinds, damage, &all);
}

int ledger_view_damage(struct ledger_view *view, struct kv_loss *out)
{
    int status = ledger_damage_load(view->ledger, view->txn, out);
    return status == KV_END ? LEDGER_UNDAMAGED : status;
}

void ledger_damage_tell(const struct kv_loss *damage, char *out, size_t size)
{
    kv_loss_tell(damage, &kinds, out, size);
}
