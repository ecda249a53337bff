/* The stored form of a cell: written from the dense one, and added to it or taken away without a detour. */
#include <string.h>

#include "collector/rollup/cell.h"
#include "collector/rollup/cell_internal.h"
#include "platform/base/status.h"
#include "platform/base/wire.h"

enum { FORM_VERSION = 1, BIN_BYTES_MAX = 2 + WIRE_VARINT_MAX };

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

/* Room for a word of bins at a time, so that nothing is looked at in between. */
static void put_bins(struct buf *out, const struct cell_stat *stat)
{
    uint32_t base = 0;
    uint8_t *at = NULL;
    uint8_t *end = NULL;
    for (struct cell_walk walk = {0}; cell_walk_next(stat, &walk);) {
        uint64_t count = stat->bins[walk.bin];
        if (count == 0) {
            continue;
        }
        if (end - at < BIN_BYTES_MAX) {
            out->len -= (size_t)(end - at);
            at = buf_grow(out, (size_t)64 * BIN_BYTES_MAX);
            if (!at) {
                return;
            }
            end = at + (size_t)64 * BIN_BYTES_MAX;
        }
        at += wire_varint_at(at, (walk.bin - base) << 1 | (count > 1));
        if (count > 1) {
            at += wire_varint_at(at, count);
        }
        base = walk.bin + 1;
    }
    out->len -= (size_t)(end - at);
}

static void put_stat(struct buf *out, const struct cell_stat *stat)
{
    wire_put_varint(out, stat->sum_ms);
    wire_put_varint(out, stat->max_ms);
    size_t start = out->len;
    put_bins(out, stat);
    size_t bytes = out->len - start;
    uint8_t prefix[WIRE_VARINT_MAX];
    size_t prefix_bytes = wire_varint_at(prefix, bytes);
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
    const uint8_t *bins;
    const uint8_t *end;
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

static uint64_t get_sum(struct wire_reader *reader)
{
    return wire_get_varint_strict(reader, CELL_SUM_MAX);
}

/* A bit behind the last known one is of a later version. */
static uint64_t get_mask(struct wire_reader *reader, int count, bool *later)
{
    uint64_t mask = wire_get_varint_strict(reader, UINT64_MAX);
    *later |= mask >> count != 0;
    return mask;
}

static void get_counters(struct wire_reader *reader, uint64_t *counters, int count, bool *later)
{
    uint64_t mask = get_mask(reader, count, later);
    for (int i = 0; i < count; i++) {
        counters[i] = mask >> i & 1 ? get_sum(reader) : 0;
    }
}

static void get_durations(struct wire_reader *reader, struct form *form, bool *later)
{
    uint64_t mask = get_mask(reader, DURATION_COUNT, later);
    for (int i = 0; i < DURATION_COUNT; i++) {
        struct form_stat *stat = &form->duration[i];
        *stat = (struct form_stat){0};
        if (mask >> i & 1) {
            stat->sum_ms = get_sum(reader);
            stat->max_ms = get_sum(reader);
            struct slice bytes = wire_get_bytes(reader);
            stat->bins = (const uint8_t *)bytes.data;
            stat->end = stat->bins + bytes.len;
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

/* Reads a varint of more than one byte; 0 (which no count is) when it is none. */
static uint64_t get_long(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    return 0;
}

/* One bin behind `base`, 0 or STATUS_CORRUPT. Most distances and counts take one byte. */
static inline __attribute__((always_inline)) int next_bin(const uint8_t **at, const uint8_t *end, uint32_t base,
                                                          uint32_t *bin, uint64_t *count)
{
    uint32_t head = *(*at)++;
    if (head >= 0x80) {
        if (*at == end || **at >= 0x80) {
            return STATUS_CORRUPT;
        }
        head = (head & 0x7f) | (uint32_t) * (*at)++ << 7;
    }
    *bin = base + (head >> 1);
    *count = 1;
    if (head & 1) {
        *count = *at < end && **at < 0x80 ? *(*at)++ : get_long(at, end);
    }
    return *bin<HISTOGRAM_BINS && * count>(head & 1) ? 0 : STATUS_CORRUPT;
}

static int add_bins(struct cell_stat *stat, const struct form_stat *from)
{
    uint64_t total = 0;
    uint32_t base = 0;
    for (const uint8_t *at = from->bins; at < from->end;) {
        uint32_t bin;
        uint64_t count;
        if (next_bin(&at, from->end, base, &bin, &count) != 0) {
            return STATUS_CORRUPT;
        }
        cell_touch(stat, bin);
        stat->bins[bin] += count;
        total += count;
        if (total > CELL_SUM_MAX) {
            return STATUS_RANGE;
        }
        base = bin + 1;
    }
    stat->total += total;
    return stat->total > CELL_SUM_MAX ? STATUS_RANGE : 0;
}

static int subtract_bins(struct cell_stat *stat, const struct form_stat *what)
{
    uint32_t base = 0;
    for (const uint8_t *at = what->bins; at < what->end;) {
        uint32_t bin;
        uint64_t count;
        if (next_bin(&at, what->end, base, &bin, &count) != 0) {
            return STATUS_CORRUPT;
        }
        if (stat->bins[bin] < count) {
            return STATUS_RANGE;
        }
        stat->bins[bin] -= count;
        stat->total -= count;
        base = bin + 1;
    }
    return 0;
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
        status = add_bins(&cell->duration[i], &form.duration[i]);
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
    int status = under ? STATUS_RANGE : subtract_bins(stat, what);
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
        uint32_t base = 0;
        for (const uint8_t *at = form.duration[i].bins; status == 0 && at < form.duration[i].end;) {
            uint32_t bin = 0;
            uint64_t count;
            status = next_bin(&at, form.duration[i].end, base, &bin, &count);
            base = bin + 1;
        }
    }
    return status;
}
