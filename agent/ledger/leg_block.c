#include "agent/ledger/leg_block.h"

#include <string.h>

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

static bool read_digits(const char *text, size_t from, size_t to, uint64_t *out)
{
    if (from == to || to - from > 12 || (text[from] == '0' && to - from > 1)) {
        return false; /* a leading zero would not come back */
    }
    uint64_t value = 0;
    for (size_t i = from; i < to; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return true;
}

static bool call_number_parse(const char *text, size_t len, struct call_number *out)
{
    size_t dot = len;
    while (dot > 0 && text[dot - 1] != '.') {
        dot--;
    }
    if (dot < 2) {
        return false;
    }
    size_t epoch = dot - 1;
    while (epoch > 0 && text[epoch - 1] >= '0' && text[epoch - 1] <= '9') {
        epoch--;
    }
    out->prefix_len = epoch;
    return read_digits(text, dot, len, &out->counter) && read_digits(text, epoch, dot - 1, &out->epoch);
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
    int64_t all[] = {leg->enter_ms,
                     leg->wait_ms,
                     left_ms,
                     leg->end_ms,
                     leg->talk_ms,
                     leg->hold_ms,
                     leg->ring_ms > 0 ? leg->ring_ms : 0};
    times.unit = 1000;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] % 1000 != 0) {
            times.unit = 1;
        }
    }
    return times;
}

static void put_call_id(struct buf *rows, struct leg_coder *coder, const struct call_leg *leg, uint8_t *h0)
{
    struct call_number number;
    bool numbered = call_number_parse(leg->call_id, leg->call_id_len, &number);
    if (numbered && number.prefix_len == coder->prefix_len &&
        memcmp(leg->call_id, coder->prefix, number.prefix_len) == 0 && coder->seq != 0 &&
        number.prefix_len <= LEG_CALL_ID_MAX - 25) {
        *h0 |= H0_SHORT_ID;
        wire_put_svarint(rows, (int64_t)number.epoch - leg->enter_ms / 1000);
        wire_put_svarint(rows, (int64_t)(number.counter - coder->counter));
    } else {
        wire_put_bytes(rows, slice_make(leg->call_id, leg->call_id_len));
    }
    if (numbered) {
        coder->counter = number.counter;
        coder->prefix_len = (uint8_t)number.prefix_len;
        memcpy(coder->prefix, leg->call_id, number.prefix_len);
    }
}

static uint8_t put_optional(struct buf *rows, const struct call_leg *leg, int64_t unit)
{
    uint8_t h1 = 0;
    if (leg->ring_ms >= 0) {
        h1 |= H1_RING;
        wire_put_varint(rows, (uint64_t)(leg->ring_ms / unit));
    }
    if (leg->hold_ms > 0) {
        h1 |= H1_HOLD;
        wire_put_varint(rows, (uint64_t)(leg->hold_ms / unit));
    }
    if (leg->missed > 0) {
        h1 |= H1_MISSED;
        wire_put_varint(rows, leg->missed);
    }
    if (leg->number_len > 0) {
        h1 |= H1_NUMBER;
        wire_put_bytes(rows, slice_make(leg->number, leg->number_len));
    }
    if (leg->contact != leg->seq) {
        h1 |= H1_CONTACT;
        wire_put_svarint(rows, (int64_t)(leg->seq - leg->contact));
    }
    if (leg->flags != 0) {
        h1 |= H1_FLAGS;
        wire_put_varint(rows, leg->flags);
    }
    if (leg->position != 1) {
        h1 |= H1_POSITION;
        wire_put_varint(rows, leg->position);
    }
    if (leg->caller != 0) {
        h1 |= H1_CALLER;
        wire_put_u16(rows, (uint16_t)(leg->caller >> 32));
        wire_put_u32(rows, (uint32_t)leg->caller);
    }
    return h1;
}

void leg_block_add(struct leg_block *block, const struct call_leg *leg)
{
    struct buf *rows = &block->rows;
    struct leg_coder *coder = &block->coder;
    struct row_times times = row_times_of(leg);
    bool answered = leg->connect_ms != 0;
    bool exact = times.left_off == 0 && times.end_off == 0;
    size_t head = rows->len;
    uint8_t h0 = (uint8_t)(((unsigned)leg->outcome & H0_OUTCOME) | (answered ? H0_ANSWERED : 0U) |
                           (times.unit == 1 ? H0_MS : 0U) | (exact ? H0_EXACT : 0U));
    wire_put_u16(rows, 0);
    wire_put_svarint(rows, (int64_t)(leg->seq - coder->seq));
    wire_put_svarint(rows, (leg->enter_ms - coder->enter_s * 1000) / times.unit);
    wire_put_varint(rows, (uint64_t)(leg->wait_ms / times.unit));
    if (!exact) {
        wire_put_svarint(rows, times.left_off / times.unit);
    }
    if (answered) {
        wire_put_varint(rows, (uint64_t)(leg->talk_ms / times.unit));
        if (!exact) {
            wire_put_svarint(rows, times.end_off / times.unit);
        }
        wire_put_varint(rows, leg->operator_id);
    }
    wire_put_varint(rows, leg->queue);
    put_call_id(rows, coder, leg, &h0);
    uint8_t h1 = put_optional(rows, leg, times.unit);
    if (rows->failed) {
        return;
    }
    rows->data[head] = h0;
    rows->data[head + 1] = h1;
    coder->seq = leg->seq;
    coder->enter_s = leg->enter_ms / 1000;
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
