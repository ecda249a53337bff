/* leg_block: closed legs packed into blocks of a few pages, each row written as its difference to the row before.
 *
 * Block payload: varint count, svarint smallest and largest end time (ms), then the rows. A row:
 *   h0  bits 0-3 outcome, 4 answered, 5 milliseconds (else all times are whole seconds), 6 call id in short form,
 *       7 exact (the rows' times agree with the durations)
 *   h1  bits 0 ring, 1 hold, 2 missed, 3 number, 4 contact, 5 flags, 6 position is not 1, 7 caller
 *   svarint seq - previous seq, svarint enter - previous enter (whole seconds of it), varint wait,
 *   [not exact: svarint (left waiting - enter - wait)], [answered: varint talk,
 *   [not exact: svarint (end - connect - talk - hold)], varint operator], varint queue,
 *   call id: short form: svarint (epoch - enter second), svarint (counter - previous counter), with the prefix of the
 *   row before; else varint length and bytes; then the optional fields of h1 in the order of their bits (caller: 6
 *   bytes big-endian).
 * Worked example, the first row of a block, seq 1, call "1795284531.0" entering at 1795284531, answered after 2 s by
 * operator 1 in queue 1, ring 1 s, 6 s of talk, ended by the operator, no caller: 91 01 | 02 | e6f88eb00d | 02 | 06 |
 * 01 | 01 | 0c "1795284531.0" | 01. */
#ifndef RINGSIDE_AGENT_LEDGER_LEG_BLOCK_H
#define RINGSIDE_AGENT_LEDGER_LEG_BLOCK_H

#include "agent/event/leg.h"
#include "platform/base/buf.h"
#include "platform/base/wire.h"

enum { LEG_BLOCK_BYTES_MAX = 4 * 4096 - 16 }; /* of a stored value: whole LMDB overflow pages, their header off */
enum { LEG_ROW_BYTES_MAX = 384 };             /* 20 varints of 10 bytes, a call id, a number, and some */

struct leg_coder { /* what the next row is relative to */
    uint64_t seq;
    int64_t enter_s;
    uint64_t counter;
    uint8_t prefix_len;
    char prefix[LEG_CALL_ID_MAX + 1];
};

struct leg_block {
    struct buf rows;
    struct leg_coder coder;
    uint64_t count;
    int64_t min_end_ms;
    int64_t max_end_ms;
};

void leg_block_init(struct leg_block *block);
void leg_block_deinit(struct leg_block *block);
void leg_block_clear(struct leg_block *block);
void leg_block_add(struct leg_block *block, const struct call_leg *leg);
bool leg_block_full(const struct leg_block *block); /* another row might not fit LEG_BLOCK_BYTES_MAX */
void leg_block_write(const struct leg_block *block, struct buf *out); /* the payload */

struct leg_block_reader {
    struct wire_reader reader;
    struct leg_coder coder;
    uint64_t left;
    uint64_t count;
    int64_t min_end_ms;
    int64_t max_end_ms;
};

enum { LEG_BLOCK_END = 1 };
int leg_block_open(struct leg_block_reader *reader, struct wire_reader payload); /* 0 or STATUS_CORRUPT */
int leg_block_next(struct leg_block_reader *block, struct call_leg *out);        /* 0, LEG_BLOCK_END, STATUS_CORRUPT */

/* Goes on filling a block that was stored: copies its rows and ends with its coder. */
int leg_block_load(struct leg_block *block, struct wire_reader payload);

/* The open form: every field, one leg a record. */
void leg_open_write(const struct call_leg *leg, struct buf *out);
int leg_open_read(struct wire_reader *payload, struct call_leg *out); /* 0 or STATUS_CORRUPT */

#endif
