#include "proto/summary.h"

#include <string.h>

#include "platform/base/status.h"

enum { FORMAT_VERSION = 1, WAITING_COUNT = 3 };

enum { IMPLIED_COHORT = 1, IMPLIED_HANDLE = 2, IMPLIED_END = 4 };

_Static_assert(FLOW_COUNT <= 32 && COHORT_COUNT <= 32 && DURATION_COUNT <= 32, "masks are built in 32 bits");

const enum flow_counter summary_flow_of_cohort[COHORT_COUNT] = {
    [COHORT_ENTERED] = FLOW_ENTERED,
    [COHORT_ANSWERED] = FLOW_ANSWERED,
    [COHORT_ABANDONED] = FLOW_ABANDONED,
    [COHORT_ABANDONED_SHORT] = FLOW_ABANDONED_SHORT,
    [COHORT_EXIT_TIMEOUT] = FLOW_EXIT_TIMEOUT,
    [COHORT_EXIT_EMPTY] = FLOW_EXIT_EMPTY,
    [COHORT_EXIT_KEY] = FLOW_EXIT_KEY,
    [COHORT_WITHDRAWN] = FLOW_WITHDRAWN,
    [COHORT_LOST] = FLOW_LOST,
    [COHORT_TRANSFERRED_IN] = FLOW_TRANSFERRED_IN,
    [COHORT_TRANSFERRED_OUT] = FLOW_TRANSFERRED_OUT,
};

const char *const summary_flow_names[FLOW_COUNT] = {
    [FLOW_ENTERED] = "entered",
    [FLOW_ANSWERED] = "answered",
    [FLOW_ABANDONED] = "abandoned",
    [FLOW_ABANDONED_SHORT] = "abandoned_short",
    [FLOW_EXIT_TIMEOUT] = "exit_timeout",
    [FLOW_EXIT_EMPTY] = "exit_empty",
    [FLOW_EXIT_KEY] = "exit_key",
    [FLOW_WITHDRAWN] = "withdrawn",
    [FLOW_BLOCKED] = "blocked",
    [FLOW_LOST] = "lost",
    [FLOW_LOST_CONNECTED] = "lost_connected",
    [FLOW_TRANSFERRED_IN] = "transferred_in",
    [FLOW_TRANSFERRED_OUT] = "transferred_out",
    [FLOW_RING_NO_ANSWER] = "ring_no_answer",
    [FLOW_SUSPECT] = "suspect",
};

const char *const summary_cohort_names[COHORT_COUNT] = {
    [COHORT_ENTERED] = "entered",
    [COHORT_ANSWERED] = "answered",
    [COHORT_ABANDONED] = "abandoned",
    [COHORT_ABANDONED_SHORT] = "abandoned_short",
    [COHORT_EXIT_TIMEOUT] = "exit_timeout",
    [COHORT_EXIT_EMPTY] = "exit_empty",
    [COHORT_EXIT_KEY] = "exit_key",
    [COHORT_WITHDRAWN] = "withdrawn",
    [COHORT_LOST] = "lost",
    [COHORT_TRANSFERRED_IN] = "transferred_in",
    [COHORT_TRANSFERRED_OUT] = "transferred_out",
};

const char *const summary_duration_names[DURATION_COUNT] = {
    [DURATION_WAIT_ANSWERED] = "wait_answered_ms",
    [DURATION_WAIT_ABANDONED] = "wait_abandoned_ms",
    [DURATION_WAIT_EXIT] = "wait_exit_ms",
    [DURATION_WAIT_KEY] = "wait_key_ms",
    [DURATION_RING] = "ring_ms",
    [DURATION_TALK] = "talk_ms",
    [DURATION_HOLD] = "hold_ms",
    [DURATION_HANDLE] = "handle_ms",
};

void summary_deinit(struct summary *sum)
{
    for (int i = 0; i < DURATION_COUNT; i++) {
        histogram_deinit(&sum->duration[i].hist);
    }
    *sum = (struct summary){0};
}

void summary_clear(struct summary *sum)
{
    memset(sum->flow, 0, sizeof sum->flow);
    memset(sum->cohort, 0, sizeof sum->cohort);
    sum->waiting_start = 0;
    sum->waiting_end = 0;
    sum->waiting_max = 0;
    for (int i = 0; i < DURATION_COUNT; i++) {
        sum->duration[i].sum_ms = 0;
        sum->duration[i].max_ms = 0;
        histogram_clear(&sum->duration[i].hist);
    }
}

static bool stat_is_zero(const struct duration_stat *stat)
{
    return stat->sum_ms == 0 && stat->max_ms == 0 && stat->hist.used == 0;
}

static uint32_t mask_of(const uint32_t *counters, int count)
{
    uint32_t mask = 0;
    for (int i = 0; i < count; i++) {
        mask |= (uint32_t)(counters[i] != 0) << i;
    }
    return mask;
}

static uint32_t duration_mask(const struct summary *sum)
{
    uint32_t mask = 0;
    for (int i = 0; i < DURATION_COUNT; i++) {
        mask |= (uint32_t)!stat_is_zero(&sum->duration[i]) << i;
    }
    return mask;
}

bool summary_is_zero(const struct summary *sum)
{
    return mask_of(sum->flow, FLOW_COUNT) == 0 && mask_of(sum->cohort, COHORT_COUNT) == 0 && sum->waiting_start == 0 &&
           sum->waiting_end == 0 && sum->waiting_max == 0 && duration_mask(sum) == 0;
}

bool summary_equal(const struct summary *a, const struct summary *b)
{
    bool equal = memcmp(a->flow, b->flow, sizeof a->flow) == 0 && memcmp(a->cohort, b->cohort, sizeof a->cohort) == 0 &&
                 a->waiting_start == b->waiting_start && a->waiting_end == b->waiting_end &&
                 a->waiting_max == b->waiting_max;
    for (int i = 0; equal && i < DURATION_COUNT; i++) {
        const struct duration_stat *left = &a->duration[i];
        const struct duration_stat *right = &b->duration[i];
        equal = left->sum_ms == right->sum_ms && left->max_ms == right->max_ms &&
                histogram_equal(&left->hist, &right->hist);
    }
    return equal;
}

int summary_add_duration(struct summary *sum, enum duration_kind kind, int64_t value_ms)
{
    /* What the maximum cannot hold (49 days) must not reach the sum either: mean <= max. */
    int64_t bounded = value_ms < 0 ? 0 : value_ms > UINT32_MAX ? UINT32_MAX : value_ms;
    struct duration_stat *stat = &sum->duration[kind];
    if (stat->sum_ms > UINT64_MAX - (uint64_t)bounded) {
        return STATUS_RANGE;
    }
    int status = histogram_add(&stat->hist, bounded, 1);
    if (status != 0) {
        return status;
    }
    stat->sum_ms += (uint64_t)bounded;
    if (bounded > stat->max_ms) {
        stat->max_ms = (uint32_t)bounded;
    }
    return 0;
}

static int append_counters(uint32_t *into, const uint32_t *from, int count)
{
    for (int i = 0; i < count; i++) {
        if (from[i] > UINT32_MAX - into[i]) {
            return STATUS_RANGE;
        }
        into[i] += from[i];
    }
    return 0;
}

static int append_stat(struct duration_stat *into, const struct duration_stat *from)
{
    if (from->sum_ms > UINT64_MAX - into->sum_ms) {
        return STATUS_RANGE;
    }
    into->sum_ms += from->sum_ms;
    if (from->max_ms > into->max_ms) {
        into->max_ms = from->max_ms;
    }
    return histogram_merge(&into->hist, &from->hist);
}

/* All but what waits, which depends on whether the spans follow each other or are the same. */
static int append_events(struct summary *into, const struct summary *from)
{
    int status = append_counters(into->flow, from->flow, FLOW_COUNT);
    if (status == 0) {
        status = append_counters(into->cohort, from->cohort, COHORT_COUNT);
    }
    for (int i = 0; status == 0 && i < DURATION_COUNT; i++) {
        status = append_stat(&into->duration[i], &from->duration[i]);
    }
    return status;
}

int summary_append(struct summary *into, const struct summary *from)
{
    int status = append_events(into, from);
    into->waiting_end = from->waiting_end;
    if (from->waiting_max > into->waiting_max) {
        into->waiting_max = from->waiting_max;
    }
    return status;
}

int summary_merge(struct summary *into, const struct summary *from)
{
    int status = append_events(into, from);
    if (status == 0) {
        status = append_counters(&into->waiting_start, &from->waiting_start, 1);
    }
    if (status == 0) {
        status = append_counters(&into->waiting_end, &from->waiting_end, 1);
    }
    if (status == 0) {
        status = append_counters(&into->waiting_max, &from->waiting_max, 1);
    }
    return status;
}

int summary_copy(struct summary *into, const struct summary *from)
{
    if (into == from) {
        return 0;
    }
    for (int i = 0; i < DURATION_COUNT; i++) {
        into->duration[i].sum_ms = from->duration[i].sum_ms;
        into->duration[i].max_ms = from->duration[i].max_ms;
        int status = histogram_copy(&into->duration[i].hist, &from->duration[i].hist);
        if (status != 0) {
            return status;
        }
    }
    memcpy(into->flow, from->flow, sizeof into->flow);
    memcpy(into->cohort, from->cohort, sizeof into->cohort);
    into->waiting_start = from->waiting_start;
    into->waiting_end = from->waiting_end;
    into->waiting_max = from->waiting_max;
    return 0;
}

bool summary_balanced(const struct summary *sum)
{
    const uint32_t *flow = sum->flow;
    uint64_t came = (uint64_t)sum->waiting_start + flow[FLOW_ENTERED];
    uint64_t went = (uint64_t)flow[FLOW_ANSWERED] + flow[FLOW_ABANDONED] + flow[FLOW_EXIT_TIMEOUT] +
                    flow[FLOW_EXIT_EMPTY] + flow[FLOW_EXIT_KEY] + flow[FLOW_WITHDRAWN] + flow[FLOW_LOST];
    return came == went + sum->waiting_end;
}

static void put_counters(struct buf *out, const uint32_t *counters, int count)
{
    wire_put_varint(out, mask_of(counters, count));
    for (int i = 0; i < count; i++) {
        if (counters[i] != 0) {
            wire_put_varint(out, counters[i]);
        }
    }
}

/* Sources with whole seconds are the common case: their sums lose three digits. */
static uint64_t pack_sum(uint64_t sum_ms)
{
    return sum_ms % 1000 == 0 ? sum_ms / 1000 << 1 : sum_ms << 1 | 1;
}

static bool unpack_sum(uint64_t packed, uint64_t *sum_ms)
{
    *sum_ms = packed & 1 ? packed >> 1 : (packed >> 1) * 1000;
    return pack_sum(*sum_ms) == packed;
}

/* The maximum is close below the upper edge of the highest bin, mostly at it. */
static int64_t top_edge_ms(const struct histogram *hist)
{
    return hist->used > 0 ? histogram_bin_upper(hist->bins[hist->used - 1].bin) : 0;
}

/* The histogram's length stands before its bytes but is known after them: encode at the end, then make room. */
static void put_stat(struct buf *out, const struct duration_stat *stat)
{
    wire_put_varint(out, pack_sum(stat->sum_ms));
    wire_put_svarint(out, top_edge_ms(&stat->hist) - (int64_t)stat->max_ms);
    size_t start = out->len;
    histogram_encode(&stat->hist, out);
    size_t bytes = out->len - start;
    uint8_t prefix[WIRE_VARINT_MAX];
    size_t prefix_bytes = wire_varint_at(prefix, bytes);
    if (buf_grow(out, prefix_bytes)) {
        memmove(out->data + start + prefix_bytes, out->data + start, bytes);
        memcpy(out->data + start, prefix, prefix_bytes);
    }
}

/* The cohort as it is when nobody's stay crosses the interval's edges. */
static void cohort_of_flow(const uint32_t *flow, uint32_t *cohort)
{
    for (int i = 0; i < COHORT_COUNT; i++) {
        cohort[i] = flow[summary_flow_of_cohort[i]];
    }
}

static bool stat_equal(const struct duration_stat *a, const struct duration_stat *b)
{
    return a->sum_ms == b->sum_ms && a->max_ms == b->max_ms && histogram_equal(&a->hist, &b->hist);
}

/* What need not be written because it can be told from the rest. */
static uint8_t implied_of(const struct summary *sum)
{
    uint32_t cohort[COHORT_COUNT];
    cohort_of_flow(sum->flow, cohort);
    bool same_cohort = mask_of(cohort, COHORT_COUNT) != 0 && memcmp(cohort, sum->cohort, sizeof cohort) == 0;
    const struct duration_stat *talk = &sum->duration[DURATION_TALK];
    bool same_handle = !stat_is_zero(talk) && stat_equal(talk, &sum->duration[DURATION_HANDLE]);
    return (uint8_t)((same_cohort ? IMPLIED_COHORT : 0) | (same_handle ? IMPLIED_HANDLE : 0));
}

void summary_encode(const struct summary *sum, struct buf *out)
{
    const uint32_t waiting[WAITING_COUNT] = {sum->waiting_start, sum->waiting_end, sum->waiting_max};
    uint8_t implied = implied_of(sum);
    wire_put_u8(out, FORMAT_VERSION);
    wire_put_u8(out, implied);
    put_counters(out, sum->flow, FLOW_COUNT);
    if (!(implied & IMPLIED_COHORT)) {
        put_counters(out, sum->cohort, COHORT_COUNT);
    }
    put_counters(out, waiting, WAITING_COUNT);
    uint32_t mask = duration_mask(sum);
    if (implied & IMPLIED_HANDLE) {
        mask &= ~(1U << DURATION_HANDLE);
    }
    wire_put_varint(out, mask);
    for (int i = 0; i < DURATION_COUNT; i++) {
        if (mask >> i & 1) {
            put_stat(out, &sum->duration[i]);
        }
    }
}

static int get_mask(struct wire_reader *reader, int count, uint64_t *mask)
{
    *mask = wire_get_varint_strict(reader, UINT64_MAX);
    if (reader->failed) {
        return STATUS_INVALID;
    }
    return *mask >> count ? STATUS_VERSION : 0; /* the lists only grow: an unknown bit is a later one */
}

static int get_counters(struct wire_reader *reader, uint32_t *counters, int count)
{
    uint64_t mask;
    int status = get_mask(reader, count, &mask);
    for (int i = 0; status == 0 && i < count; i++) {
        counters[i] = 0;
        if (mask >> i & 1) {
            counters[i] = (uint32_t)wire_get_varint_strict(reader, UINT32_MAX);
            status = counters[i] == 0 ? STATUS_INVALID : 0; /* also when the reader failed */
        }
    }
    return status;
}

static int get_stat(struct wire_reader *reader, struct duration_stat *stat)
{
    bool canonical = unpack_sum(wire_get_varint_strict(reader, UINT64_MAX), &stat->sum_ms);
    int64_t below_ms = wire_unzigzag(wire_get_varint_strict(reader, UINT64_MAX));
    uint64_t bytes = wire_get_varint_strict(reader, wire_left(reader));
    if (reader->failed || !canonical || bytes > wire_left(reader)) {
        return STATUS_INVALID;
    }
    struct wire_reader frame = wire_reader_make(reader->pos, (size_t)bytes);
    int status = histogram_decode(&stat->hist, &frame);
    if (status != 0) {
        return status;
    }
    reader->pos += bytes;
    int64_t edge_ms = top_edge_ms(&stat->hist);
    if (below_ms > edge_ms || edge_ms - below_ms > (int64_t)UINT32_MAX || below_ms < -(int64_t)UINT32_MAX) {
        return STATUS_INVALID;
    }
    stat->max_ms = (uint32_t)(edge_ms - below_ms);
    return stat_is_zero(stat) ? STATUS_INVALID : 0;
}

static int get_cohort(struct summary *sum, struct wire_reader *reader, uint8_t implied)
{
    if (implied & IMPLIED_COHORT) {
        cohort_of_flow(sum->flow, sum->cohort);
        return 0;
    }
    return get_counters(reader, sum->cohort, COHORT_COUNT);
}

static int get_durations(struct summary *sum, struct wire_reader *reader, uint8_t implied)
{
    uint64_t mask = 0;
    int status = get_mask(reader, DURATION_COUNT, &mask);
    for (int i = 0; status == 0 && i < DURATION_COUNT; i++) {
        if (mask >> i & 1) {
            status = get_stat(reader, &sum->duration[i]);
        }
    }
    if (status != 0 || !(implied & IMPLIED_HANDLE)) {
        return status;
    }
    const struct duration_stat *talk = &sum->duration[DURATION_TALK];
    struct duration_stat *handle = &sum->duration[DURATION_HANDLE];
    handle->sum_ms = talk->sum_ms;
    handle->max_ms = talk->max_ms;
    return mask >> DURATION_HANDLE & 1 ? STATUS_INVALID : histogram_copy(&handle->hist, &talk->hist);
}

static int get_summary(struct summary *sum, struct wire_reader *reader)
{
    uint8_t version = wire_get_u8(reader);
    uint8_t implied = wire_get_u8(reader);
    if (reader->failed) {
        return STATUS_INVALID;
    }
    if (version != FORMAT_VERSION || implied >= IMPLIED_END) {
        return STATUS_VERSION;
    }
    uint32_t waiting[WAITING_COUNT];
    int status = get_counters(reader, sum->flow, FLOW_COUNT);
    if (status == 0) {
        status = get_cohort(sum, reader, implied);
    }
    if (status == 0) {
        status = get_counters(reader, waiting, WAITING_COUNT);
    }
    if (status == 0) {
        sum->waiting_start = waiting[0];
        sum->waiting_end = waiting[1];
        sum->waiting_max = waiting[2];
        status = get_durations(sum, reader, implied);
    }
    /* Only what encode would have left out may be left out, and it must be. */
    return status == 0 && implied_of(sum) != implied ? STATUS_INVALID : status;
}

int summary_decode(struct summary *sum, struct wire_reader *reader)
{
    summary_clear(sum);
    int status = get_summary(sum, reader);
    if (status != 0) {
        summary_clear(sum);
        reader->failed = true;
    }
    return status;
}
