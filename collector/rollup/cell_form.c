/* The stored form of a cell: written from the dense one, and added to it or taken away without a detour. */
#include <string.h>

#include "collector/rollup/cell.h"
#include "collector/rollup/cell_internal.h"
#include "platform/base/status.h"
#include "platform/base/wire.h"

enum { FORM_VERSION = 1 };

static void put_counters(struct buf *out, const uint64_t *counters, int count)
{
    uint64_t mask = 0;
    for (int i = 0; i < count; i++) {
        mask |= (uint64_t)(counters[i] != 0) << i;
    }
    wire_put_varint(out, mask);
    for (int i = 0; i < count; i++) {
        if (counters[i] != 0) {
            wire_put_varint(out, counters[i]);
        }
    }
}

static void put_stat(struct buf *out, const struct cell_stat *stat)
{
    wire_put_varint(out, stat->sum_ms);
    wire_put_varint(out, stat->max_ms);
    size_t start = out->len;
    bool packed = cell_bins_put(out, stat);
    size_t bytes = out->len - start;
    uint8_t prefix[WIRE_VARINT_MAX];
    size_t prefix_bytes = wire_varint_at(prefix, (uint64_t)bytes << 1 | packed);
    if (buf_grow(out, prefix_bytes)) {
        memmove(out->data + start + prefix_bytes, out->data + start, bytes);
        memcpy(out->data + start, prefix, prefix_bytes);
    }
}

void cell_encode(const struct cell *cell, struct buf *out)
{
    wire_put_u8(out, FORM_VERSION);
    wire_put_varint(out, cell->intervals);
    wire_put_varint(out, cell->unbalanced);
    wire_put_varint(out, cell->waiting_start);
    wire_put_varint(out, cell->waiting_end);
    wire_put_varint(out, cell->waiting_max);
    put_counters(out, cell->flow, FLOW_COUNT);
    put_counters(out, cell->cohort, COHORT_COUNT);
    uint64_t mask = 0;
    for (int i = 0; i < DURATION_COUNT; i++) {
        const struct cell_stat *stat = &cell->duration[i];
        mask |= (uint64_t)((stat->sum_ms | stat->total | stat->max_ms) != 0) << i;
    }
    wire_put_varint(out, mask);
    for (int i = 0; i < DURATION_COUNT; i++) {
        if (mask >> i & 1) {
            put_stat(out, &cell->duration[i]);
        }
    }
}

struct form_stat {
    uint64_t sum_ms;
    uint64_t max_ms;
    struct cell_bins bins;
};

/* A stored form taken apart; the bins are still as they were stored. */
struct form {
    uint64_t intervals;
    uint64_t unbalanced;
    uint64_t waiting_start;
    uint64_t waiting_end;
    uint64_t waiting_max;
    uint64_t flow[FLOW_COUNT];
    uint64_t cohort[COHORT_COUNT];
    struct form_stat duration[DURATION_COUNT];
};

/* As wire_get_varint_strict(), within the loop for what takes one byte or two. */
static inline uint64_t get_number(struct wire_reader *reader)
{
    const uint8_t *at = reader->pos;
    if (wire_left(reader) >= 2 && at[0] >= 0x80 && at[1] < 0x80 && at[1] > 0) {
        reader->pos += 2;
        return (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7;
    }
    if (wire_left(reader) >= 1 && at[0] < 0x80) {
        reader->pos++;
        return at[0];
    }
    return wire_get_varint_strict(reader, UINT64_MAX);
}

static uint64_t get_sum(struct wire_reader *reader)
{
    uint64_t value = get_number(reader);
    reader->failed |= value > CELL_SUM_MAX;
    return value;
}

/* A bit behind the last known one is of a later version. */
static uint64_t get_mask(struct wire_reader *reader, int count, bool *later)
{
    uint64_t mask = get_number(reader);
    *later |= mask >> count != 0;
    return mask;
}

static void get_counters(struct wire_reader *reader, uint64_t *counters, int count, bool *later)
{
    uint64_t mask = get_mask(reader, count, later);
    memset(counters, 0, (size_t)count * sizeof *counters);
    for (uint64_t left = mask & ((UINT64_C(1) << count) - 1); left != 0; left &= left - 1) {
        counters[__builtin_ctzll(left)] = get_sum(reader);
    }
}

static void get_durations(struct wire_reader *reader, struct form *form, bool *later)
{
    uint64_t mask = get_mask(reader, DURATION_COUNT, later);
    memset(form->duration, 0, sizeof form->duration);
    for (int i = 0; i < DURATION_COUNT; i++) {
        struct form_stat *stat = &form->duration[i];
        if (mask >> i & 1) {
            stat->sum_ms = get_sum(reader);
            stat->max_ms = get_sum(reader);
            uint64_t length = get_number(reader);
            if (reader->failed || length >> 1 > wire_left(reader)) {
                reader->failed = true;
                return;
            }
            stat->bins = (struct cell_bins){reader->pos, reader->pos + (length >> 1), length & 1};
            reader->pos = stat->bins.end;
        }
    }
}

static int open_form(struct slice stored, struct form *form)
{
    struct wire_reader reader = wire_reader_make(stored.data, stored.len);
    bool later = false;
    uint8_t version = wire_get_u8(&reader);
    if (!reader.failed && version != FORM_VERSION) {
        return STATUS_VERSION;
    }
    form->intervals = get_sum(&reader);
    form->unbalanced = get_sum(&reader);
    form->waiting_start = get_sum(&reader);
    form->waiting_end = get_sum(&reader);
    form->waiting_max = get_sum(&reader);
    get_counters(&reader, form->flow, FLOW_COUNT, &later);
    get_counters(&reader, form->cohort, COHORT_COUNT, &later);
    get_durations(&reader, form, &later);
    if (later) {
        return STATUS_VERSION;
    }
    return reader.failed || wire_left(&reader) > 0 ? STATUS_CORRUPT : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void raise(struct cell *cell, const struct form *form)
{
    cell->waiting_max = larger(cell->waiting_max, form->waiting_max);
    for (int i = 0; i < DURATION_COUNT; i++) {
        cell->duration[i].max_ms = larger(cell->duration[i].max_ms, form->duration[i].max_ms);
    }
}

/* *over collects what passed the width; sums at most CELL_SUM_MAX cannot wrap in one addition. */
static void plus(uint64_t *to, uint64_t what, uint64_t *over)
{
    *to += what;
    *over |= *to & ~CELL_SUM_MAX;
}

int cell_merge_encoded(struct cell *cell, struct slice stored, bool keep_edges)
{
    return cell_merge_encoded_some(cell, stored, keep_edges, ~0U);
}

int cell_merge_encoded_some(struct cell *cell, struct slice stored, bool keep_edges, unsigned durations)
{
    struct form form;
    int status = open_form(stored, &form);
    if (status != 0) {
        return status;
    }
    uint64_t over = 0;
    plus(&cell->intervals, form.intervals, &over);
    plus(&cell->unbalanced, form.unbalanced, &over);
    plus(&cell->waiting_start, keep_edges ? form.waiting_start : 0, &over);
    plus(&cell->waiting_end, keep_edges ? form.waiting_end : 0, &over);
    for (int i = 0; i < FLOW_COUNT; i++) {
        plus(&cell->flow[i], form.flow[i], &over);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        plus(&cell->cohort[i], form.cohort[i], &over);
    }
    raise(cell, &form);
    for (int i = 0; status == 0 && i < DURATION_COUNT; i++) {
        plus(&cell->duration[i].sum_ms, form.duration[i].sum_ms, &over);
        status = durations >> i & 1 ? cell_bins_add(&cell->duration[i], &form.duration[i].bins) : 0;
    }
    return status == 0 && over != 0 ? STATUS_RANGE : status;
}

static void minus(uint64_t *from, uint64_t what, bool *under)
{
    *under |= *from < what;
    *from -= what;
}

static int subtract_stat(struct cell_stat *stat, const struct form_stat *what, bool *maxima)
{
    bool under = false;
    minus(&stat->sum_ms, what->sum_ms, &under);
    int status = under ? STATUS_RANGE : cell_bins_subtract(stat, &what->bins);
    if (status != 0) {
        return status;
    }
    if (stat->sum_ms == 0 && stat->total == 0) {
        stat->max_ms = 0;
    } else {
        *maxima |= what->max_ms > 0 && what->max_ms >= stat->max_ms;
    }
    return 0;
}

int cell_subtract_encoded(struct cell *cell, struct slice stored, bool keep_edges)
{
    struct form form;
    int status = open_form(stored, &form);
    if (status != 0) {
        return status;
    }
    bool under = false;
    minus(&cell->intervals, form.intervals, &under);
    minus(&cell->unbalanced, form.unbalanced, &under);
    minus(&cell->waiting_start, keep_edges ? form.waiting_start : 0, &under);
    minus(&cell->waiting_end, keep_edges ? form.waiting_end : 0, &under);
    for (int i = 0; i < FLOW_COUNT; i++) {
        minus(&cell->flow[i], form.flow[i], &under);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        minus(&cell->cohort[i], form.cohort[i], &under);
    }
    if (cell->intervals == 0) {
        cell->waiting_max = 0;
    }
    bool maxima = cell->intervals > 0 && form.waiting_max > 0 && form.waiting_max >= cell->waiting_max;
    for (int i = 0; status == 0 && !under && i < DURATION_COUNT; i++) {
        status = subtract_stat(&cell->duration[i], &form.duration[i], &maxima);
    }
    status = status == 0 && under ? STATUS_RANGE : status;
    return status != 0 ? status : maxima ? CELL_MAXIMA : 0;
}

int cell_raise_maxima_encoded(struct cell *cell, struct slice stored)
{
    struct form form;
    int status = open_form(stored, &form);
    if (status == 0) {
        raise(cell, &form);
    }
    return status;
}

int cell_edges_encoded(struct slice stored, uint64_t *waiting_start, uint64_t *waiting_end)
{
    struct form form;
    int status = open_form(stored, &form);
    if (status == 0) {
        *waiting_start = form.waiting_start;
        *waiting_end = form.waiting_end;
    }
    return status;
}

int cell_check_encoded(struct slice stored)
{
    struct form form;
    int status = open_form(stored, &form);
    for (int i = 0; status == 0 && i < DURATION_COUNT; i++) {
        status = cell_bins_check(&form.duration[i].bins);
    }
    return status;
}
