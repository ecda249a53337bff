#include "agent/ledger/leg_block.h"

#include <string.h>

#include "platform/base/hash.h"
#include "platform/base/status.h"

enum {
    H0_OUTCOME = 0x0f,
    H0_ANSWERED = 0x10,
    H0_MS = 0x20,
    H0_SHORT_ID = 0x40,
    H0_EXACT = 0x80,
    H1_RING = 0x01,
    H1_HOLD = 0x02,
    H1_MISSED = 0x04,
    H1_NUMBER = 0x08,
    H1_CONTACT = 0x10,
    H1_FLAGS = 0x20,
    H1_POSITION = 0x40,
    H1_CALLER = 0x80,
};

static const int64_t TIME_MAX_MS = INT64_C(1) << 46; /* year 4199: keeps sums of decoded times from overflowing */

struct call_number { /* "prefix-1795284531.12" taken apart */
    size_t prefix_len;
    uint64_t epoch;
    uint64_t counter;
};

enum { CALL_DIGITS_MAX = 12 };

/* Reads the run of digits that ends before *at and moves *at to its beginning. False for none, too many, or a leading
 * zero, which would not come back. */
static bool read_digits_back(const char *text, size_t *at, uint64_t *out)
{
    uint64_t value = 0;
    uint64_t factor = 1;
    size_t from = *at;
    while (from > 0 && text[from - 1] >= '0' && text[from - 1] <= '9') {
        if (*at - from == CALL_DIGITS_MAX) {
            return false;
        }
        from--;
        value += (uint64_t)(text[from] - '0') * factor;
        factor *= 10;
    }
    if (from == *at || (text[from] == '0' && *at - from > 1)) {
        return false;
    }
    *at = from;
    *out = value;
    return true;
}

static bool call_number_parse(const char *text, size_t len, struct call_number *out)
{
    size_t at = len;
    if (!read_digits_back(text, &at, &out->counter) || at == 0 || text[at - 1] != '.') {
        return false;
    }
    at--;
    if (!read_digits_back(text, &at, &out->epoch)) {
        return false;
    }
    out->prefix_len = at;
    return true;
}

static size_t put_decimal(char *at, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++) {
        at[i] = digits[n - 1 - i];
    }
    return n;
}

void leg_block_init(struct leg_block *block)
{
    *block = (struct leg_block){.rows = BUF_INIT};
}

void leg_block_deinit(struct leg_block *block)
{
    buf_deinit(&block->rows);
}

void leg_block_clear(struct leg_block *block)
{
    struct buf rows = block->rows;
    buf_reset(&rows);
    *block = (struct leg_block){.rows = rows};
}

bool leg_block_full(const struct leg_block *block)
{
    return block->rows.len + LEG_ROW_BYTES_MAX > LEG_BLOCK_BYTES_MAX;
}

/* Durations that a row stores, in its unit, and how they differ from the times. */
struct row_times {
    int64_t unit;
    int64_t left_off;
    int64_t end_off;
};

static struct row_times row_times_of(const struct call_leg *leg)
{
    bool answered = leg->connect_ms != 0;
    int64_t left_ms = answered ? leg->connect_ms : leg->end_ms;
    struct row_times times = {.left_off = left_ms - leg->enter_ms - leg->wait_ms};
    times.end_off = answered ? leg->end_ms - leg->connect_ms - leg->talk_ms - leg->hold_ms : 0;
    bool whole = leg->enter_ms % 1000 == 0 && leg->wait_ms % 1000 == 0 && left_ms % 1000 == 0 &&
                 leg->end_ms % 1000 == 0 && leg->talk_ms % 1000 == 0 && leg->hold_ms % 1000 == 0 &&
                 (leg->ring_ms < 0 || leg->ring_ms % 1000 == 0);
    times.unit = whole ? 1000 : 1;
    return times;
}

/* A row is written by hand into room that is reserved once: LEG_ROW_BYTES_MAX bounds it, and closing a leg is part of
 * the import's hot path. */
static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static inline uint8_t *put_svarint(uint8_t *at, int64_t value)
{
    return put_varint(at, wire_zigzag(value));
}

static uint8_t *put_bytes(uint8_t *at, const char *data, size_t len)
{
    at = put_varint(at, len);
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *put_call_id(uint8_t *at, struct leg_coder *coder, const struct call_leg *leg, uint8_t *h0)
{
    struct call_number number;
    bool numbered = call_number_parse(leg->call_id, leg->call_id_len, &number);
    if (!numbered) {
        return put_bytes(at, leg->call_id, leg->call_id_len);
    }
    bool same_prefix =
        number.prefix_len == coder->prefix_len && hash_same(leg->call_id, coder->prefix, number.prefix_len);
    if (same_prefix && coder->seq != 0 && number.prefix_len <= LEG_CALL_ID_MAX - 25) {
        *h0 |= H0_SHORT_ID;
        at = put_svarint(at, (int64_t)number.epoch - leg->enter_ms / 1000);
        at = put_svarint(at, (int64_t)(number.counter - coder->counter));
    } else {
        at = put_bytes(at, leg->call_id, leg->call_id_len);
    }
    coder->counter = number.counter;
    if (!same_prefix) {
        coder->prefix_len = (uint8_t)number.prefix_len;
        memcpy(coder->prefix, leg->call_id, number.prefix_len);
    }
    return at;
}

static uint8_t *put_optional(uint8_t *at, const struct call_leg *leg, int64_t unit, uint8_t *h1)
{
    if (leg->ring_ms >= 0) {
        *h1 |= H1_RING;
        at = put_varint(at, (uint64_t)(leg->ring_ms / unit));
    }
    if (leg->hold_ms > 0) {
        *h1 |= H1_HOLD;
        at = put_varint(at, (uint64_t)(leg->hold_ms / unit));
    }
    if (leg->missed > 0) {
        *h1 |= H1_MISSED;
        at = put_varint(at, leg->missed);
    }
    if (leg->number_len > 0) {
        *h1 |= H1_NUMBER;
        at = put_bytes(at, leg->number, leg->number_len);
    }
    if (leg->contact != leg->seq) {
        *h1 |= H1_CONTACT;
        at = put_svarint(at, (int64_t)(leg->seq - leg->contact));
    }
    if (leg->flags != 0) {
        *h1 |= H1_FLAGS;
        at = put_varint(at, leg->flags);
    }
    if (leg->position != 1) {
        *h1 |= H1_POSITION;
        at = put_varint(at, leg->position);
    }
    if (leg->caller != 0) {
        *h1 |= H1_CALLER;
        for (int shift = 40; shift >= 0; shift -= 8) {
            *at++ = (uint8_t)(leg->caller >> shift);
        }
    }
    return at;
}

static uint8_t *put_row(uint8_t *row, struct leg_coder *coder, const struct call_leg *leg)
{
    struct row_times times = row_times_of(leg);
    bool answered = leg->connect_ms != 0;
    bool exact = times.left_off == 0 && times.end_off == 0;
    int64_t unit = times.unit;
    row[0] = (uint8_t)(((unsigned)leg->outcome & H0_OUTCOME) | (answered ? H0_ANSWERED : 0U) |
                       (unit == 1 ? H0_MS : 0U) | (exact ? H0_EXACT : 0U));
    row[1] = 0;
    uint8_t *at = put_svarint(row + 2, (int64_t)(leg->seq - coder->seq));
    at = put_svarint(at, (leg->enter_ms - coder->enter_s * 1000) / unit);
    at = put_varint(at, (uint64_t)(leg->wait_ms / unit));
    if (!exact) {
        at = put_svarint(at, times.left_off / unit);
    }
    if (answered) {
        at = put_varint(at, (uint64_t)(leg->talk_ms / unit));
        if (!exact) {
            at = put_svarint(at, times.end_off / unit);
        }
        at = put_varint(at, leg->operator_id);
    }
    at = put_varint(at, leg->queue);
    at = put_call_id(at, coder, leg, &row[0]);
    return put_optional(at, leg, unit, &row[1]);
}

void leg_block_add(struct leg_block *block, const struct call_leg *leg)
{
    uint8_t *row = buf_grow(&block->rows, LEG_ROW_BYTES_MAX);
    if (!row) {
        return;
    }
    const uint8_t *end = put_row(row, &block->coder, leg);
    block->rows.len -= LEG_ROW_BYTES_MAX - (size_t)(end - row);
    block->coder.seq = leg->seq;
    block->coder.enter_s = leg->enter_ms / 1000;
    if (block->count == 0 || leg->end_ms < block->min_end_ms) {
        block->min_end_ms = leg->end_ms;
    }
    if (block->count == 0 || leg->end_ms > block->max_end_ms) {
        block->max_end_ms = leg->end_ms;
    }
    block->count++;
}

void leg_block_write(const struct leg_block *block, struct buf *out)
{
    wire_put_varint(out, block->count);
    wire_put_svarint(out, block->min_end_ms);
    wire_put_svarint(out, block->max_end_ms);
    buf_append(out, block->rows.data, block->rows.len);
}

int leg_block_open(struct leg_block_reader *reader, struct wire_reader payload)
{
    *reader = (struct leg_block_reader){.reader = payload};
    reader->count = wire_get_varint_max(&reader->reader, LEG_BLOCK_BYTES_MAX);
    reader->min_end_ms = wire_get_svarint(&reader->reader);
    reader->max_end_ms = wire_get_svarint(&reader->reader);
    reader->left = reader->count;
    return reader->reader.failed ? STATUS_CORRUPT : 0;
}

static int64_t get_time(struct wire_reader *reader, int64_t unit, int64_t base_ms)
{
    int64_t value = wire_get_svarint(reader);
    if (value > TIME_MAX_MS || value < -TIME_MAX_MS) {
        reader->failed = true;
        return 0;
    }
    return base_ms + value * unit;
}

static int64_t get_duration(struct wire_reader *reader, int64_t unit)
{
    return (int64_t)wire_get_varint_max(reader, (uint64_t)TIME_MAX_MS / 1000) * unit;
}

static void get_call_id(struct wire_reader *reader, struct leg_coder *coder, struct call_leg *leg, bool short_id)
{
    if (short_id) {
        uint64_t epoch = (uint64_t)(wire_get_svarint(reader) + leg->enter_ms / 1000);
        coder->counter += (uint64_t)wire_get_svarint(reader);
        if (epoch > UINT64_C(999999999999) || coder->counter > UINT64_C(999999999999) ||
            coder->prefix_len > LEG_CALL_ID_MAX - 25) {
            reader->failed = true;
            return;
        }
        memcpy(leg->call_id, coder->prefix, coder->prefix_len);
        size_t len = coder->prefix_len;
        len += put_decimal(leg->call_id + len, epoch);
        leg->call_id[len++] = '.';
        len += put_decimal(leg->call_id + len, coder->counter);
        leg->call_id_len = (uint8_t)len;
        return;
    }
    struct slice id = wire_get_bytes(reader);
    if (id.len > LEG_CALL_ID_MAX) {
        reader->failed = true;
        return;
    }
    memcpy(leg->call_id, id.data, id.len);
    leg->call_id_len = (uint8_t)id.len;
    struct call_number number;
    if (call_number_parse(leg->call_id, leg->call_id_len, &number)) {
        coder->counter = number.counter;
        coder->prefix_len = (uint8_t)number.prefix_len;
        memcpy(coder->prefix, leg->call_id, number.prefix_len);
    }
}

static void get_optional(struct wire_reader *reader, struct call_leg *leg, uint8_t h1, int64_t unit)
{
    leg->ring_ms = h1 & H1_RING ? get_duration(reader, unit) : -1;
    leg->hold_ms = h1 & H1_HOLD ? get_duration(reader, unit) : 0;
    leg->missed = h1 & H1_MISSED ? (uint32_t)wire_get_varint_max(reader, UINT32_MAX) : 0;
    if (h1 & H1_NUMBER) {
        struct slice number = wire_get_bytes(reader);
        if (number.len >= sizeof leg->number) {
            reader->failed = true;
            return;
        }
        memcpy(leg->number, number.data, number.len);
        leg->number_len = (uint8_t)number.len;
    }
    leg->contact = leg->seq - (h1 & H1_CONTACT ? (uint64_t)wire_get_svarint(reader) : 0);
    leg->flags = h1 & H1_FLAGS ? (uint32_t)wire_get_varint_max(reader, UINT32_MAX) : 0;
    leg->position = h1 & H1_POSITION ? (uint32_t)wire_get_varint_max(reader, UINT32_MAX) : 1;
    if (h1 & H1_CALLER) {
        leg->caller = (uint64_t)wire_get_u16(reader) << 32;
        leg->caller |= wire_get_u32(reader);
    }
}

int leg_block_next(struct leg_block_reader *block, struct call_leg *out)
{
    struct wire_reader *reader = &block->reader;
    if (block->left == 0) {
        return wire_left(reader) == 0 ? LEG_BLOCK_END : STATUS_CORRUPT;
    }
    uint8_t h0 = wire_get_u8(reader);
    uint8_t h1 = wire_get_u8(reader);
    int64_t unit = h0 & H0_MS ? 1 : 1000;
    bool answered = h0 & H0_ANSWERED;
    struct call_leg leg = {.state = LEG_DONE, .outcome = (enum leg_outcome)(h0 & H0_OUTCOME)};
    leg.seq = block->coder.seq + (uint64_t)wire_get_svarint(reader);
    leg.enter_ms = get_time(reader, unit, block->coder.enter_s * 1000);
    leg.wait_ms = get_duration(reader, unit);
    int64_t left_ms = leg.enter_ms + leg.wait_ms;
    if (!(h0 & H0_EXACT)) {
        left_ms = get_time(reader, unit, left_ms);
    }
    leg.end_ms = left_ms;
    int64_t end_off = 0;
    if (answered) {
        leg.connect_ms = left_ms;
        leg.talk_ms = get_duration(reader, unit);
        end_off = h0 & H0_EXACT ? 0 : get_time(reader, unit, 0);
        leg.operator_id = (uint32_t)wire_get_varint_max(reader, UINT32_MAX);
    }
    leg.queue = (uint32_t)wire_get_varint_max(reader, UINT32_MAX);
    get_call_id(reader, &block->coder, &leg, h0 & H0_SHORT_ID);
    get_optional(reader, &leg, h1, unit);
    if (answered) {
        leg.end_ms = leg.connect_ms + leg.talk_ms + leg.hold_ms + end_off;
    }
    if (reader->failed || leg.outcome >= LEG_OUTCOME_COUNT || leg.enter_ms < 0 || leg.enter_ms > TIME_MAX_MS) {
        return STATUS_CORRUPT;
    }
    block->coder.seq = leg.seq;
    block->coder.enter_s = leg.enter_ms / 1000;
    block->left--;
    *out = leg;
    return 0;
}

int leg_block_load(struct leg_block *block, struct wire_reader payload)
{
    struct leg_block_reader reader;
    int status = leg_block_open(&reader, payload);
    if (status != 0) {
        return status;
    }
    struct wire_reader rows = reader.reader;
    struct call_leg leg;
    while ((status = leg_block_next(&reader, &leg)) == 0) {
    }
    if (status != LEG_BLOCK_END) {
        return status;
    }
    leg_block_clear(block);
    buf_append(&block->rows, rows.pos, wire_left(&rows));
    block->coder = reader.coder;
    block->count = reader.count;
    block->min_end_ms = reader.min_end_ms;
    block->max_end_ms = reader.max_end_ms;
    return block->rows.failed ? STATUS_NO_MEMORY : 0;
}

void leg_open_write(const struct call_leg *leg, struct buf *out)
{
    wire_put_varint(out, leg->seq);
    wire_put_varint(out, leg->contact);
    wire_put_varint(out, leg->caller);
    const int64_t times[] = {leg->enter_ms, leg->connect_ms, leg->end_ms,        leg->wait_ms,   leg->ring_ms,
                             leg->talk_ms,  leg->hold_ms,    leg->hold_since_ms, leg->waited_to, leg->forget_ms};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        wire_put_svarint(out, times[i]);
    }
    wire_put_varint(out, leg->queue);
    wire_put_varint(out, leg->operator_id);
    wire_put_varint(out, leg->position);
    wire_put_varint(out, leg->missed);
    wire_put_u8(out, (uint8_t)leg->state);
    wire_put_u8(out, (uint8_t)leg->outcome);
    wire_put_varint(out, leg->flags);
    wire_put_bytes(out, slice_make(leg->call_id, leg->call_id_len));
    wire_put_bytes(out, slice_make(leg->number, leg->number_len));
}

int leg_open_read(struct wire_reader *payload, struct call_leg *out)
{
    struct call_leg leg = {0};
    leg.seq = wire_get_varint(payload);
    leg.contact = wire_get_varint(payload);
    leg.caller = wire_get_varint(payload);
    int64_t *const times[] = {&leg.enter_ms, &leg.connect_ms, &leg.end_ms,        &leg.wait_ms,   &leg.ring_ms,
                              &leg.talk_ms,  &leg.hold_ms,    &leg.hold_since_ms, &leg.waited_to, &leg.forget_ms};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        *times[i] = wire_get_svarint(payload);
    }
    leg.queue = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    leg.operator_id = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    leg.position = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    leg.missed = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    leg.state = (enum leg_state)wire_get_u8(payload);
    leg.outcome = (enum leg_outcome)wire_get_u8(payload);
    leg.flags = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    struct slice call_id = wire_get_bytes(payload);
    struct slice number = wire_get_bytes(payload);
    if (payload->failed || wire_left(payload) != 0 || call_id.len > LEG_CALL_ID_MAX ||
        number.len >= sizeof leg.number || leg.state > LEG_DONE || leg.outcome >= LEG_OUTCOME_COUNT) {
        return STATUS_CORRUPT;
    }
    memcpy(leg.call_id, call_id.data, call_id.len);
    leg.call_id_len = (uint8_t)call_id.len;
    memcpy(leg.number, number.data, number.len);
    leg.number_len = (uint8_t)number.len;
    *out = leg;
    return 0;
}
