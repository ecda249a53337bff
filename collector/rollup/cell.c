#include "collector/rollup/cell.h"

#include <stdlib.h>
#include <string.h>

#include "collector/rollup/cell_internal.h"
#include "platform/base/status.h"

int cell_new(struct cell **out)
{
    struct cell *cell = calloc(1, sizeof *cell);
    if (!cell) {
        return STATUS_NO_MEMORY;
    }
    *out = cell;
    return 0;
}

void cell_free(struct cell *cell)
{
    free(cell);
}

/* Few bins of a word one by one, many at once. */
static void clear_word(uint64_t *bins, uint64_t touched)
{
    for (int left = 12; touched != 0 && left > 0; left--) {
        bins[__builtin_ctzll(touched)] = 0;
        touched &= touched - 1;
    }
    if (touched != 0) {
        memset(bins, 0, 64 * sizeof *bins);
    }
}

static void clear_stat(struct cell_stat *stat)
{
    for (uint32_t word = 0; (word = cell_next_word(stat, word)) < CELL_WORDS; word++) {
        clear_word(stat->bins + (size_t)word * 64, stat->touched[word]);
        stat->touched[word] = 0;
    }
    memset(stat->touched_words, 0, sizeof stat->touched_words);
    stat->sum_ms = 0;
    stat->total = 0;
    stat->max_ms = 0;
    stat->has_zeros = false;
}

void cell_clear(struct cell *cell)
{
    memset(cell, 0, offsetof(struct cell, duration));
    for (int i = 0; i < DURATION_COUNT; i++) {
        clear_stat(&cell->duration[i]);
    }
}

static bool stat_is_empty(const struct cell_stat *stat)
{
    return stat->sum_ms == 0 && stat->total == 0;
}

static uint64_t any_counter(const struct cell *cell)
{
    uint64_t any = cell->intervals | cell->unbalanced | cell->waiting_start | cell->waiting_end;
    for (int i = 0; i < FLOW_COUNT; i++) {
        any |= cell->flow[i];
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        any |= cell->cohort[i];
    }
    return any;
}

bool cell_is_empty(const struct cell *cell)
{
    bool empty = any_counter(cell) == 0;
    for (int i = 0; empty && i < DURATION_COUNT; i++) {
        empty = stat_is_empty(&cell->duration[i]);
    }
    return empty;
}

static bool plus(uint64_t *to, uint64_t what)
{
    *to += what; /* both at most CELL_SUM_MAX: cannot wrap */
    return *to <= CELL_SUM_MAX;
}

static bool minus(uint64_t *from, uint64_t what)
{
    bool enough = *from >= what;
    *from -= what;
    return enough;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool add_counters(struct cell *cell, const struct summary *sum)
{
    bool good = true;
    for (int i = 0; i < FLOW_COUNT; i++) {
        good &= plus(&cell->flow[i], sum->flow[i]);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        good &= plus(&cell->cohort[i], sum->cohort[i]);
    }
    return good;
}

static bool add_stat(struct cell_stat *stat, const struct duration_stat *from)
{
    const struct histogram *hist = &from->hist;
    if (from->sum_ms > CELL_SUM_MAX || hist->total > CELL_SUM_MAX || !plus(&stat->sum_ms, from->sum_ms) ||
        !plus(&stat->total, hist->total)) {
        return false;
    }
    stat->max_ms = larger(stat->max_ms, from->max_ms);
    for (uint32_t i = 0; i < hist->used; i++) {
        uint32_t bin = hist->bins[i].bin;
        cell_touch(stat, bin);
        stat->bins[bin] += hist->bins[i].count;
    }
    return true;
}

int cell_add(struct cell *cell, const struct cell_part *part)
{
    const struct summary *sum = part->sum;
    bool good = plus(&cell->intervals, 1) && plus(&cell->unbalanced, !summary_balanced(sum)) &&
                plus(&cell->waiting_start, part->at_start ? sum->waiting_start : 0) &&
                plus(&cell->waiting_end, part->at_end ? sum->waiting_end : 0) && add_counters(cell, sum);
    cell->waiting_max = larger(cell->waiting_max, sum->waiting_max);
    for (int i = 0; good && i < DURATION_COUNT; i++) {
        good = add_stat(&cell->duration[i], &sum->duration[i]);
    }
    return good ? 0 : STATUS_RANGE;
}

static bool subtract_counters(struct cell *cell, const struct summary *sum)
{
    bool good = true;
    for (int i = 0; i < FLOW_COUNT; i++) {
        good &= minus(&cell->flow[i], sum->flow[i]);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        good &= minus(&cell->cohort[i], sum->cohort[i]);
    }
    return good;
}

static bool subtract_stat(struct cell_stat *stat, const struct duration_stat *what, bool *maxima)
{
    const struct histogram *hist = &what->hist;
    if (!minus(&stat->sum_ms, what->sum_ms) || !minus(&stat->total, hist->total)) {
        return false;
    }
    for (uint32_t i = 0; i < hist->used; i++) {
        if (!minus(&stat->bins[hist->bins[i].bin], hist->bins[i].count)) {
            return false;
        }
    }
    stat->has_zeros = true;
    if (stat_is_empty(stat)) {
        stat->max_ms = 0;
    }
    *maxima |= what->max_ms > 0 && what->max_ms >= stat->max_ms && !stat_is_empty(stat);
    return true;
}

int cell_subtract(struct cell *cell, const struct cell_part *part)
{
    const struct summary *sum = part->sum;
    bool good = minus(&cell->intervals, 1) && minus(&cell->unbalanced, !summary_balanced(sum)) &&
                minus(&cell->waiting_start, part->at_start ? sum->waiting_start : 0) &&
                minus(&cell->waiting_end, part->at_end ? sum->waiting_end : 0) && subtract_counters(cell, sum);
    if (cell->intervals == 0) {
        cell->waiting_max = 0;
    }
    bool maxima = cell->intervals > 0 && sum->waiting_max > 0 && sum->waiting_max >= cell->waiting_max;
    for (int i = 0; good && i < DURATION_COUNT; i++) {
        good = subtract_stat(&cell->duration[i], &sum->duration[i], &maxima);
    }
    return !good ? STATUS_RANGE : maxima ? CELL_MAXIMA : 0;
}

static bool merge_stat(struct cell_stat *stat, const struct cell_stat *from)
{
    if (!plus(&stat->sum_ms, from->sum_ms) || !plus(&stat->total, from->total)) {
        return false;
    }
    stat->max_ms = larger(stat->max_ms, from->max_ms);
    stat->has_zeros |= from->has_zeros;
    for (struct cell_walk walk = {0}; cell_walk_next(from, &walk);) {
        cell_touch(stat, walk.bin);
        stat->bins[walk.bin] += from->bins[walk.bin];
    }
    return true;
}

int cell_merge(struct cell *cell, const struct cell *from, bool keep_edges)
{
    bool good = plus(&cell->intervals, from->intervals) && plus(&cell->unbalanced, from->unbalanced) &&
                plus(&cell->waiting_start, keep_edges ? from->waiting_start : 0) &&
                plus(&cell->waiting_end, keep_edges ? from->waiting_end : 0);
    cell->waiting_max = larger(cell->waiting_max, from->waiting_max);
    for (int i = 0; i < FLOW_COUNT; i++) {
        good &= plus(&cell->flow[i], from->flow[i]);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        good &= plus(&cell->cohort[i], from->cohort[i]);
    }
    for (int i = 0; good && i < DURATION_COUNT; i++) {
        good = merge_stat(&cell->duration[i], &from->duration[i]);
    }
    return good ? 0 : STATUS_RANGE;
}

void cell_add_edge(struct cell *cell, uint64_t waiting_start, uint64_t waiting_end)
{
    cell->waiting_start += waiting_start;
    cell->waiting_end += waiting_end;
}

void cell_facts(const struct cell *cell, struct cell_facts *out)
{
    const uint64_t *flow = cell->flow;
    uint64_t went = flow[FLOW_ANSWERED] + flow[FLOW_ABANDONED] + flow[FLOW_EXIT_TIMEOUT] + flow[FLOW_EXIT_EMPTY] +
                    flow[FLOW_EXIT_KEY] + flow[FLOW_WITHDRAWN] + flow[FLOW_LOST];
    *out = (struct cell_facts){.intervals = cell->intervals,
                               .unbalanced = cell->unbalanced,
                               .waiting_start = cell->waiting_start,
                               .waiting_end = cell->waiting_end,
                               .waiting_net = (int64_t)(flow[FLOW_ENTERED] - went)};
}

static uint32_t count_bins(const struct cell_stat *stat)
{
    uint32_t used = 0;
    for (struct cell_walk walk = {0}; cell_walk_next(stat, &walk);) {
        used += stat->bins[walk.bin] > 0;
    }
    return used;
}

static int fill_histogram(const struct cell_stat *stat, struct histogram *hist)
{
    histogram_clear(hist);
    uint32_t used = count_bins(stat);
    if (used > hist->cap) {
        struct histogram_bin *bins = realloc(hist->bins, used * sizeof *bins);
        if (!bins) {
            return STATUS_NO_MEMORY;
        }
        hist->bins = bins;
        hist->cap = used;
    }
    for (struct cell_walk walk = {0}; cell_walk_next(stat, &walk);) {
        uint64_t count = stat->bins[walk.bin];
        if (count > UINT32_MAX) {
            return STATUS_RANGE;
        }
        if (count > 0) {
            hist->bins[hist->used++] = (struct histogram_bin){walk.bin, (uint32_t)count};
        }
    }
    hist->total = stat->total;
    return 0;
}

static int narrow(uint64_t value, uint32_t *out)
{
    *out = (uint32_t)value;
    return value > UINT32_MAX ? STATUS_RANGE : 0;
}

/* What a cell holds need not begin with all that waited at its start (a site that joined in between): then the books
 * tell too little, and nobody waits less than none. */
static uint64_t waiting_end_of(const struct cell *cell)
{
    struct cell_facts facts;
    cell_facts(cell, &facts);
    int64_t end = (int64_t)facts.waiting_start + facts.waiting_net;
    return end > 0 ? (uint64_t)end : 0;
}

static int fill_counters(const struct cell *cell, struct summary *out)
{
    int status = narrow(cell->waiting_start, &out->waiting_start);
    status = status == 0 ? narrow(waiting_end_of(cell), &out->waiting_end) : status;
    status = status == 0 ? narrow(cell->waiting_max, &out->waiting_max) : status;
    for (int i = 0; status == 0 && i < FLOW_COUNT; i++) {
        status = narrow(cell->flow[i], &out->flow[i]);
    }
    for (int i = 0; status == 0 && i < COHORT_COUNT; i++) {
        status = narrow(cell->cohort[i], &out->cohort[i]);
    }
    return status;
}

int cell_summary(const struct cell *cell, struct summary *out)
{
    int status = fill_counters(cell, out);
    for (int i = 0; status == 0 && i < DURATION_COUNT; i++) {
        const struct cell_stat *stat = &cell->duration[i];
        out->duration[i].sum_ms = stat->sum_ms;
        status = narrow(stat->max_ms, &out->duration[i].max_ms);
        status = status == 0 ? fill_histogram(stat, &out->duration[i].hist) : status;
    }
    return status;
}

void cell_maxima(const struct cell *cell, struct cell_maxima *out)
{
    out->waiting = cell->waiting_max;
    for (int i = 0; i < DURATION_COUNT; i++) {
        out->duration_ms[i] = cell->duration[i].max_ms;
    }
}

void cell_drop_maxima(struct cell *cell)
{
    cell->waiting_max = 0;
    for (int i = 0; i < DURATION_COUNT; i++) {
        cell->duration[i].max_ms = 0;
    }
}

void cell_raise_maxima(struct cell *cell, const struct summary *sum)
{
    cell->waiting_max = larger(cell->waiting_max, sum->waiting_max);
    for (int i = 0; i < DURATION_COUNT; i++) {
        cell->duration[i].max_ms = larger(cell->duration[i].max_ms, sum->duration[i].max_ms);
    }
}
