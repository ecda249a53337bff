#include "tests/proof/site_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"

enum { ROWS_A_CALL_MAX = 4, BUSY_S = 5437, OLD_CALLS = SITE_OLD_SLOTS };

struct row {
    int64_t at_s;
    size_t order;
    char rest[80]; /* behind time and call id */
    unsigned call;
};

struct maker {
    struct rng rng;
    struct row *rows;
    size_t count;
    struct site_log *log;
};

static void *room(size_t count, size_t size)
{
    void *block = calloc(count, size);
    if (!block) {
        abort();
    }
    return block;
}

static struct row *add_row(struct maker *maker, unsigned call, int64_t at_s)
{
    struct row *row = &maker->rows[maker->count];
    row->at_s = at_s;
    row->order = maker->count++;
    row->call = call;
    return row;
}

enum fate { ANSWERED, ABANDONED, TIMED_OUT };

struct call {
    unsigned number;
    unsigned queue;
    int64_t enter_s;
    int64_t wait_s;
    int64_t talk_s;
    int64_t ring_s;
    bool rings_in_vain;
    enum fate fate;
};

static void write_call(struct maker *maker, const struct call *call)
{
    char who[16];
    int64_t left_s = call->enter_s + call->wait_s;
    (void)snprintf(who, sizeof who, "op%u", call->number % SITE_OPERATORS);
    (void)snprintf(add_row(maker, call->number, call->enter_s)->rest, sizeof maker->rows->rest,
                   "q%u|NONE|ENTERQUEUE||6%05u|1", call->queue, call->number);
    if (call->rings_in_vain) {
        (void)snprintf(add_row(maker, call->number, left_s)->rest, sizeof maker->rows->rest, "q%u|%s|RINGNOANSWER|1000",
                       call->queue, who);
    }
    struct row *row = add_row(maker, call->number, left_s);
    switch (call->fate) {
    case ABANDONED:
        (void)snprintf(row->rest, sizeof row->rest, "q%u|NONE|ABANDON|1|1|%" PRId64, call->queue, call->wait_s);
        return;
    case TIMED_OUT:
        (void)snprintf(row->rest, sizeof row->rest, "q%u|NONE|EXITWITHTIMEOUT|1|1|%" PRId64, call->queue, call->wait_s);
        return;
    default:
        (void)snprintf(row->rest, sizeof row->rest, "q%u|%s|CONNECT|%" PRId64 "|9%u.1|%" PRId64, call->queue, who,
                       call->wait_s, call->number, call->ring_s);
    }
    (void)snprintf(add_row(maker, call->number, left_s + call->talk_s)->rest, sizeof maker->rows->rest,
                   "q%u|%s|%s|%" PRId64 "|%" PRId64 "|1", call->queue, who,
                   call->number % 2 ? "COMPLETECALLER" : "COMPLETEAGENT", call->wait_s, call->talk_s);
}

static struct site_tally *tally_at(struct site_log *log, const struct call *call, int64_t at_s)
{
    return &log->tally[(at_s - SITE_BEGIN_S) / SITE_INTERVAL_S][call->queue];
}

static void count_left(struct site_log *log, const struct call *call)
{
    int64_t left_s = call->enter_s + call->wait_s;
    struct site_tally *entered = tally_at(log, call, call->enter_s);
    struct site_tally *left = tally_at(log, call, left_s);
    left->not_answered += call->rings_in_vain;
    switch (call->fate) {
    case ANSWERED:
        left->answered++;
        left->wait_answered_s += (uint64_t)call->wait_s;
        entered->cohort_answered++;
        break;
    case ABANDONED:
        left->abandoned++;
        left->abandoned_short += call->wait_s <= SITE_SHORT_ABANDON_S;
        left->wait_abandoned_s += (uint64_t)call->wait_s;
        entered->cohort_abandoned++;
        break;
    case TIMED_OUT:
        left->timeouts++;
        entered->cohort_timeouts++;
        break;
    }
}

/* What of the call was written before the log ends. */
static void count_call(struct site_log *log, const struct call *call)
{
    int64_t left_s = call->enter_s + call->wait_s;
    if (call->enter_s > log->end_s) {
        return;
    }
    tally_at(log, call, call->enter_s)->entered++;
    int64_t gone_s = left_s <= log->end_s ? left_s : INT64_MAX;
    int64_t edge_s = call->enter_s - (call->enter_s - SITE_BEGIN_S) % SITE_INTERVAL_S + SITE_INTERVAL_S;
    for (; edge_s <= log->end_s + SITE_INTERVAL_S; edge_s += SITE_INTERVAL_S) {
        tally_at(log, call, edge_s - 1)->waiting_end += gone_s >= edge_s;
    }
    if (left_s > log->end_s) {
        log->open_calls++;
        return;
    }
    count_left(log, call);
    int64_t end_s = left_s + (call->fate == ANSWERED ? call->talk_s : 0);
    if (end_s > log->end_s) {
        log->open_calls++;
        return;
    }
    log->done_calls++;
    if (call->fate == ANSWERED) {
        tally_at(log, call, end_s)->talks++;
        tally_at(log, call, end_s)->talk_s += (uint64_t)call->talk_s;
    }
}

static struct call some_call(struct maker *maker, unsigned number)
{
    struct rng *rng = &maker->rng;
    unsigned fate = (unsigned)rng_below(rng, 10);
    struct call call = {.number = number,
                        .queue = (unsigned)rng_below(rng, SITE_QUEUES),
                        .enter_s = SITE_BEGIN_S + rng_between(rng, 0, BUSY_S),
                        .wait_s = rng_chance(rng, 20) ? rng_between(rng, 1, 600) : rng_between(rng, 1, 40),
                        .talk_s = rng_between(rng, 1, 900),
                        .rings_in_vain = rng_chance(rng, 20),
                        .fate = fate < 6   ? ANSWERED
                                : fate < 9 ? ABANDONED
                                           : TIMED_OUT};
    call.ring_s = call.wait_s < 8 ? call.wait_s : 8;
    return call;
}

static int in_order(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    if (x->at_s != y->at_s) {
        return x->at_s < y->at_s ? -1 : 1;
    }
    return x->order < y->order ? -1 : 1;
}

/* Each tenth line or so is followed by one that nobody can read. */
static void write_lines(struct maker *maker)
{
    struct site_log *log = maker->log;
    qsort(maker->rows, maker->count, sizeof *maker->rows, in_order);
    log->lines = room(2 * maker->count, sizeof *log->lines);
    for (size_t i = 0; i < maker->count && maker->rows[i].at_s <= log->end_s; i++) {
        const struct row *row = &maker->rows[i];
        struct site_line *line = &log->lines[log->line_count++];
        line->at_s = row->at_s;
        (void)snprintf(line->text, sizeof line->text, "%" PRId64 "|%" PRId64 ".%u|%s", row->at_s, SITE_BEGIN_S,
                       row->call, row->rest);
        if (rng_chance(&maker->rng, 10)) {
            line = &log->lines[log->line_count++];
            line->at_s = row->at_s;
            (void)snprintf(line->text, sizeof line->text, "noise %zu", i);
            log->bad_lines++;
        }
    }
}

/* The log ends with a row, and nobody knows of what would have come later. */
static void end_log(struct maker *maker)
{
    int64_t last_s = SITE_BEGIN_S;
    for (size_t i = 0; i < maker->count; i++) {
        int64_t at_s = maker->rows[i].at_s;
        last_s = at_s <= maker->log->end_s && at_s > last_s ? at_s : last_s;
    }
    maker->log->end_s = last_s;
}

void site_log_make(struct site_log *log, uint64_t seed, unsigned calls)
{
    struct maker maker = {.rng = {seed}, .log = log};
    struct call *made = room(calls, sizeof *made);
    *log = (struct site_log){.end_s = SITE_BEGIN_S + BUSY_S};
    maker.rows = room((calls + OLD_CALLS) * ROWS_A_CALL_MAX, sizeof *maker.rows);
    for (unsigned i = 0; i < OLD_CALLS; i++) {
        const struct call call = {
            .number = 900000 + i, .enter_s = SITE_OLD_S + (int64_t)i * SITE_INTERVAL_S, .wait_s = 7, .fate = ABANDONED};
        write_call(&maker, &call);
    }
    for (unsigned i = 0; i < calls; i++) {
        made[i] = some_call(&maker, i + 1);
        write_call(&maker, &made[i]);
    }
    end_log(&maker);
    for (unsigned i = 0; i < calls; i++) {
        count_call(log, &made[i]);
    }
    write_lines(&maker);
    free(maker.rows);
    free(made);
}

void site_log_free(struct site_log *log)
{
    free(log->lines);
    *log = (struct site_log){0};
}
