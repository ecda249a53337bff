/* ledger_scan: everything that is in a ledger, told from its records alone: what its books are put right by after a
 * part of it was lost. */
#ifndef RINGSIDE_AGENT_LEDGER_LEDGER_SCAN_H
#define RINGSIDE_AGENT_LEDGER_LEDGER_SCAN_H

#include "agent/ledger/ledger_internal.h"

struct ledger_scan {
    bool each_leg;
    uint64_t records[LEDGER_DB_COUNT];
    uint64_t legs;
    uint64_t leg_bytes;
    uint64_t last_block;
    int64_t newest_end_ms;
    bool unsorted;
    int64_t front_to_ms; /* the oldest block is not the first: till when it tells; else 0 */
    bool has_hole;       /* a block's number is missing; the legs around it tell when: */
    int64_t hole_from_ms;
    int64_t hole_to_ms;
    uint64_t interval_bytes;
    int64_t oldest_start_s;
    uint64_t newest_start_s;
    uint64_t newest_shift_s;
    uint64_t newest_revision;
    uint64_t newest_seq;
    int64_t newest_event_ms;
    uint64_t refused;
    uint64_t marks_sum;
    uint32_t last_cursor;
    uint32_t last_gap;
    uint32_t largest_name[LEDGER_KINDS_END];
    uint32_t largest_id[LEDGER_KINDS_END]; /* that something refers to, or a name stands under */
};

/* `legs`: looks into each leg too, for numbers that only they tell. */
int ledger_scan(struct ledger *ledger, struct kv_txn *txn, bool legs, struct ledger_scan *out);

#endif
