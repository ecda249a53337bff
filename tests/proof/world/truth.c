#include "tests/proof/world/truth.h"

#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, SLACK_S = 2 };

struct book {
    const struct pbx *pbx;
    struct truth_cell *cells;
    int64_t short_abandon_s;
};

static struct truth_cell *cell_at(const struct book *book, const struct pbx_leg *leg, int64_t at_s)
{
    size_t slot = (size_t)((at_s - book->pbx->origin_s) / book->pbx->world->plan.interval_s);
    return &book->cells[leg->queue * book->pbx->slots + slot];
}

/* Clocks that were set make durations that nobody believes (docs/kpis.md 5.3). */
static bool is_suspect(int64_t value_s, int64_t between_rows_s)
{
    return value_s < 0 || value_s > DAY_S || value_s > between_rows_s + SLACK_S;
}

static void add_duration(struct truth_cell *cell, enum duration_kind kind, int64_t value_s)
{
    uint64_t ms = (uint64_t)value_s * 1000;
    struct truth_duration *duration = &cell->duration[kind];
    duration->count++;
    duration->sum_ms += ms;
    duration->max_ms = ms > duration->max_ms ? ms : duration->max_ms;
}

static void count_wait(const struct book *book, const struct pbx_leg *leg, enum duration_kind kind)
{
    struct truth_cell *cell = cell_at(book, leg, leg->left_s);
    if (is_suspect(leg->wait_s, leg->wait_s)) {
        cell->flow[FLOW_SUSPECT]++;
    } else {
        add_duration(cell, kind, leg->wait_s);
    }
}

static void count_both(const struct book *book, const struct pbx_leg *leg, int64_t at_s, enum flow_counter flow,
                       enum cohort_counter cohort)
{
    cell_at(book, leg, at_s)->flow[flow]++;
    cell_at(book, leg, leg->enter_s)->cohort[cohort]++;
}

static void count_talk(const struct book *book, const struct pbx_leg *leg)
{
    struct truth_cell *cell = cell_at(book, leg, leg->end_s);
    if (leg->lost_connected) {
        cell->flow[FLOW_LOST_CONNECTED]++;
        return;
    }
    if (is_suspect(leg->talk_s, leg->talk_s)) {
        cell->flow[FLOW_SUSPECT]++;
    } else {
        add_duration(cell, DURATION_TALK, leg->talk_s);
        add_duration(cell, DURATION_HANDLE, leg->talk_s);
    }
    if (leg->went_by_transfer) {
        count_both(book, leg, leg->end_s, FLOW_TRANSFERRED_OUT, COHORT_TRANSFERRED_OUT);
    }
}

static void count_answer(const struct book *book, const struct pbx_leg *leg)
{
    struct truth_cell *cell = cell_at(book, leg, leg->left_s);
    count_both(book, leg, leg->left_s, FLOW_ANSWERED, COHORT_ANSWERED);
    count_wait(book, leg, DURATION_WAIT_ANSWERED);
    if (is_suspect(leg->ring_s, leg->wait_s)) {
        cell->flow[FLOW_SUSPECT]++;
    } else {
        add_duration(cell, DURATION_RING, leg->ring_s);
    }
    count_talk(book, leg);
}

static void count_abandon(const struct book *book, const struct pbx_leg *leg)
{
    count_both(book, leg, leg->left_s, FLOW_ABANDONED, COHORT_ABANDONED);
    count_wait(book, leg, DURATION_WAIT_ABANDONED);
    if (leg->wait_s >= 0 && leg->wait_s <= book->short_abandon_s) {
        count_both(book, leg, leg->left_s, FLOW_ABANDONED_SHORT, COHORT_ABANDONED_SHORT);
    }
}

static void count_exit(const struct book *book, const struct pbx_leg *leg)
{
    switch (leg->outcome) {
    case PBX_TIMEOUT: count_both(book, leg, leg->left_s, FLOW_EXIT_TIMEOUT, COHORT_EXIT_TIMEOUT); break;
    case PBX_EMPTY: count_both(book, leg, leg->left_s, FLOW_EXIT_EMPTY, COHORT_EXIT_EMPTY); break;
    default: count_both(book, leg, leg->left_s, FLOW_EXIT_KEY, COHORT_EXIT_KEY); break;
    }
    count_wait(book, leg, leg->outcome == PBX_KEY ? DURATION_WAIT_KEY : DURATION_WAIT_EXIT);
}

static void count_leg(const struct book *book, const struct pbx_leg *leg)
{
    count_both(book, leg, leg->enter_s, FLOW_ENTERED, COHORT_ENTERED);
    if (leg->came_by_transfer) {
        count_both(book, leg, leg->enter_s, FLOW_TRANSFERRED_IN, COHORT_TRANSFERRED_IN);
    }
    for (unsigned i = 0; i < leg->rung_count; i++) {
        cell_at(book, leg, leg->rung_s[i])->flow[FLOW_RING_NO_ANSWER]++;
    }
    int64_t interval_s = book->pbx->world->plan.interval_s;
    for (int64_t end_s = leg->enter_s / interval_s * interval_s + interval_s; end_s <= leg->left_s;
         end_s += interval_s) {
        cell_at(book, leg, end_s - 1)->waiting_end++;
        cell_at(book, leg, end_s)->waiting_start++;
    }
    switch (leg->outcome) {
    case PBX_ANSWERED: count_answer(book, leg); break;
    case PBX_ABANDONED: count_abandon(book, leg); break;
    case PBX_LOST: count_both(book, leg, leg->left_s, FLOW_LOST, COHORT_LOST); break;
    default: count_exit(book, leg); break;
    }
}

struct truth_cell *truth_of(const struct pbx *pbx, int64_t short_abandon_s)
{
    size_t count = pbx->slots * pbx->world->plan.queue_count;
    struct book book = {pbx, world_zeroed(count, sizeof(struct truth_cell)), short_abandon_s};
    for (size_t i = 0; i < pbx->leg_count; i++) {
        count_leg(&book, pbx->legs[i]);
    }
    for (size_t i = 0; i < count && !pbx->stepped; i++) {
        book.cells[i].waiting_max = pbx->peaks[i];
    }
    return book.cells;
}

void truth_add(struct truth_cell *into, const struct truth_cell *from)
{
    for (int i = 0; i < FLOW_COUNT; i++) {
        into->flow[i] += from->flow[i];
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        into->cohort[i] += from->cohort[i];
    }
    for (int i = 0; i < DURATION_COUNT; i++) {
        const struct truth_duration *more = &from->duration[i];
        struct truth_duration *sum = &into->duration[i];
        sum->count += more->count;
        sum->sum_ms += more->sum_ms;
        sum->max_ms = more->max_ms > sum->max_ms ? more->max_ms : sum->max_ms;
    }
}

bool truth_is_empty(const struct truth_cell *cell)
{
    static const struct truth_cell empty;
    return memcmp(cell, &empty, sizeof empty) == 0;
}

static bool differ(const char *name, uint64_t expected, uint64_t found, char *why, size_t size)
{
    if (expected != found) {
        (void)snprintf(why, size, "%s is %llu, not %llu", name, (unsigned long long)found,
                       (unsigned long long)expected);
    }
    return expected != found;
}

static bool durations_differ(const struct truth_cell *cell, const struct summary *sum, char *why, size_t size)
{
    for (int i = 0; i < DURATION_COUNT; i++) {
        const struct truth_duration *expected = &cell->duration[i];
        const struct duration_stat *found = &sum->duration[i];
        char name[64];
        (void)snprintf(name, sizeof name, "the %s of %s",
                       expected->count != found->hist.total ? "count"
                       : expected->sum_ms != found->sum_ms  ? "sum"
                                                            : "maximum",
                       summary_duration_names[i]);
        if (differ(name, expected->count, found->hist.total, why, size) ||
            differ(name, expected->sum_ms, found->sum_ms, why, size) ||
            differ(name, expected->max_ms, found->max_ms, why, size)) {
            return true;
        }
    }
    return false;
}

static bool waiting_differs(const struct truth_cell *cell, const struct summary *sum, char *why, size_t size)
{
    if (differ("waiting_start", cell->waiting_start, sum->waiting_start, why, size) ||
        differ("waiting_end", cell->waiting_end, sum->waiting_end, why, size)) {
        return true;
    }
    return cell->waiting_max > 0 && differ("waiting_max", cell->waiting_max, sum->waiting_max, why, size);
}

bool truth_agrees(const struct truth_cell *cell, const struct summary *sum, bool all, char *why, size_t size)
{
    for (int i = 0; i < FLOW_COUNT; i++) {
        if (differ(summary_flow_names[i], cell->flow[i], sum->flow[i], why, size)) {
            return false;
        }
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "cohort %s", summary_cohort_names[i]);
        if (differ(name, cell->cohort[i], sum->cohort[i], why, size)) {
            return false;
        }
    }
    return !durations_differ(cell, sum, why, size) && !(all && waiting_differs(cell, sum, why, size));
}
