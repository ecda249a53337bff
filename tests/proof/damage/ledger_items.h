/* ledger_items: all that a ledger tells through its views, as a sorted list of items to compare. */
#ifndef RINGSIDE_TESTS_PROOF_DAMAGE_LEDGER_ITEMS_H
#define RINGSIDE_TESTS_PROOF_DAMAGE_LEDGER_ITEMS_H

#include "agent/ledger/ledger_write.h"

enum item_kind {
    ITEM_LEG,
    ITEM_OPEN_LEG,
    ITEM_INTERVAL,
    ITEM_SHIFT,
    ITEM_CURSOR,
    ITEM_NAME, /* of queues, operators, reasons, verbs */
    ITEM_MARK,
    ITEM_REFUSAL,
    ITEM_GAP,
    ITEM_SETTING,
    ITEM_KINDS
};

struct item {
    enum item_kind kind;
    uint64_t a; /* by what it is known */
    uint64_t b;
    uint64_t hash; /* of what it says */
};

struct items {
    struct item *list;
    size_t count;
    size_t cap;
    uint64_t newest_revision;
    struct ledger_facts facts;
    uint8_t secret[LEDGER_SECRET_BYTES];
};

/* false: a view failed. `queues` and so on: the largest numbers of names to ask for. */
bool items_read(struct ledger *ledger, uint32_t names, struct items *out);
void items_free(struct items *items);

/* Of each kind: those of `all` that are not in `left`, and those of `left` that are not in `all`. */
void items_compare(const struct items *all, const struct items *left, uint64_t missing[ITEM_KINDS],
                   uint64_t strange[ITEM_KINDS]);

#endif
