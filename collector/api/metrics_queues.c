/* The families of queues: one sample, or one histogram, a row. */
#include <stddef.h>
#include <stdio.h>

#include "collector/api/metrics_internal.h"
#include "collector/api/metrics_line.h"

enum { SAMPLES_LABEL_MAX = 32 };

/* Families of several samples stand in a row under one name. */
struct counter {
    const char *name;
    const char *more; /* label; NULL: none */
    size_t offset;    /* of its number in a tally */
    bool seconds;     /* the number is milliseconds */
    const char *help;
};

#define FLOW(which) offsetof(struct tally, flow) + sizeof(int64_t) * (which), false
#define SUM(which) offsetof(struct tally, sum_ms) + sizeof(int64_t) * (which), true

static const struct counter counters[] = {
    {"ringside_queue_entered_total", NULL, FLOW(FLOW_ENTERED), "Callers who entered the queue."},
    {"ringside_queue_answered_total", NULL, FLOW(FLOW_ANSWERED), "Callers who were answered."},
    {"ringside_queue_abandoned_total", NULL, FLOW(FLOW_ABANDONED),
     "Callers who hung up while they waited, the short ones included."},
    {"ringside_queue_abandoned_short_total", NULL, FLOW(FLOW_ABANDONED_SHORT),
     "Callers who hung up within the queue's short-abandon threshold."},
    {"ringside_queue_exited_total", "reason=\"timeout\"", FLOW(FLOW_EXIT_TIMEOUT),
     "Callers whom the queue let go without an answer, by reason."},
    {"ringside_queue_exited_total", "reason=\"empty\"", FLOW(FLOW_EXIT_EMPTY), NULL},
    {"ringside_queue_exited_total", "reason=\"key\"", FLOW(FLOW_EXIT_KEY), NULL},
    {"ringside_queue_exited_total", "reason=\"withdrawn\"", FLOW(FLOW_WITHDRAWN), NULL},
    {"ringside_queue_blocked_total", NULL, FLOW(FLOW_BLOCKED),
     "Callers refused at the door; they are not part of those who entered."},
    {"ringside_queue_lost_total", "phase=\"waiting\"", FLOW(FLOW_LOST),
     "Calls of which the end was never seen, by what the caller did then."},
    {"ringside_queue_lost_total", "phase=\"talking\"", FLOW(FLOW_LOST_CONNECTED), NULL},
    {"ringside_queue_transferred_in_total", NULL, FLOW(FLOW_TRANSFERRED_IN),
     "Callers who entered by transfer from an operator."},
    {"ringside_queue_transferred_out_total", NULL, FLOW(FLOW_TRANSFERRED_OUT),
     "Answered callers who left by transfer."},
    {"ringside_queue_ring_no_answer_total", NULL, FLOW(FLOW_RING_NO_ANSWER),
     "Rings at an operator that nobody answered."},
    {"ringside_queue_suspect_total", NULL, FLOW(FLOW_SUSPECT),
     "Durations kept out of sums and histograms: clock steps, absurd values."},
    {"ringside_queue_talk_seconds_total", NULL, SUM(DURATION_TALK), "Conversation without holds, of calls that ended."},
    {"ringside_queue_hold_seconds_total", NULL, SUM(DURATION_HOLD), "Holds that ended."},
    {"ringside_queue_unbalanced_intervals_total", NULL, offsetof(struct tally, unbalanced), false,
     "Intervals whose own books do not balance."},
};

static int64_t number_at(const struct tally *tally, size_t offset)
{
    return ((const int64_t *)(const void *)tally)[offset / sizeof(int64_t)];
}

static const struct tally *figures_of(const struct metrics_row *row)
{
    static const struct tally nothing;
    return row->told ? &row->shown : &nothing;
}

static void put_counter(const struct counter *counter, const struct metrics_row *row, struct buf *out)
{
    int64_t number = number_at(figures_of(row), counter->offset);
    if (counter->seconds) {
        metrics_line_seconds(out, counter->name, row->labels, counter->more, number);
    } else {
        metrics_line_int(out, counter->name, row->labels, counter->more, number);
    }
}

/* fn for each row that has a series, the joined sites last. */
typedef void (*row_fn)(const void *what, const struct metrics_row *row, struct buf *out);

static void each_row(const struct metrics *metrics, row_fn fn, const void *what, struct buf *out)
{
    for (size_t i = 0; i < metrics->row_count; i++) {
        fn(what, metrics->rows[i], out);
    }
    if (metrics->others.labels) {
        fn(what, &metrics->others, out);
    }
}

static void counter_row(const void *what, const struct metrics_row *row, struct buf *out)
{
    put_counter(what, row, out);
}

static void put_counters(const struct metrics *metrics, struct buf *out)
{
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        if (counters[i].help) {
            metrics_line_family(out, counters[i].name, "counter", counters[i].help);
        }
        each_row(metrics, counter_row, &counters[i], out);
    }
}

/* ---- waits ---- */

struct waits {
    const char *bucket;
    const char *sum;
    const char *count;
    size_t buckets; /* offsets in a tally */
    size_t sum_ms;
};

static void waits_row(const void *what, const struct metrics_row *row, struct buf *out)
{
    const struct waits *waits = what;
    char edge[SAMPLES_LABEL_MAX];
    int64_t within = 0;
    for (size_t i = 0; i < TALLY_BUCKETS; i++) {
        within = number_at(figures_of(row), waits->buckets + i * sizeof(int64_t));
        if (i < TALLY_BUCKETS - 1) {
            (void)snprintf(edge, sizeof edge, "le=\"%d\"", (int)tally_bucket_s[i]);
        } else {
            (void)snprintf(edge, sizeof edge, "le=\"+Inf\"");
        }
        metrics_line_int(out, waits->bucket, row->labels, edge, within);
    }
    metrics_line_seconds(out, waits->sum, row->labels, NULL, number_at(figures_of(row), waits->sum_ms));
    metrics_line_int(out, waits->count, row->labels, NULL, within);
}

static void put_waits(const struct metrics *metrics, struct buf *out)
{
    static const struct waits answered = {"ringside_queue_wait_seconds_bucket", "ringside_queue_wait_seconds_sum",
                                          "ringside_queue_wait_seconds_count", offsetof(struct tally, wait_answered),
                                          offsetof(struct tally, sum_ms[DURATION_WAIT_ANSWERED])};
    static const struct waits abandoned = {
        "ringside_queue_abandon_wait_seconds_bucket", "ringside_queue_abandon_wait_seconds_sum",
        "ringside_queue_abandon_wait_seconds_count", offsetof(struct tally, wait_abandoned),
        offsetof(struct tally, sum_ms[DURATION_WAIT_ABANDONED])};
    metrics_line_family(out, "ringside_queue_wait_seconds", "histogram", "Waits of callers who were answered.");
    each_row(metrics, waits_row, &answered, out);
    metrics_line_family(out, "ringside_queue_abandon_wait_seconds", "histogram", "Waits of callers who hung up.");
    each_row(metrics, waits_row, &abandoned, out);
}

/* ---- now ---- */

struct gauge {
    const char *name;
    const char *more;
    size_t offset; /* in the live figures */
    bool seconds;
    const char *help;
};

static const struct gauge gauges[] = {
    {"ringside_queue_waiting_callers", NULL, offsetof(struct live_figures, waiting), false,
     "Callers who wait now. Absent, as all that is of now, while it is not known."},
    {"ringside_queue_longest_wait_seconds", NULL, offsetof(struct live_figures, longest_wait_ms), true,
     "How long the caller who waits longest has waited; 0 when nobody waits."},
    {"ringside_queue_talking_callers", NULL, offsetof(struct live_figures, talking), false,
     "Callers who talk with an operator now."},
    {"ringside_queue_held_callers", NULL, offsetof(struct live_figures, held), false,
     "Of those who talk, callers on hold now."},
    {"ringside_queue_operators", "state=\"ready\"", offsetof(struct live_figures, ready), false,
     "Operators of the queue now, by state; logged_in are all of them."},
    {"ringside_queue_operators", "state=\"paused\"", offsetof(struct live_figures, paused), false, NULL},
    {"ringside_queue_operators", "state=\"on_call\"", offsetof(struct live_figures, on_call), false, NULL},
    {"ringside_queue_operators", "state=\"logged_in\"", offsetof(struct live_figures, logged_in), false, NULL},
};

static void gauge_row(const void *what, const struct metrics_row *row, struct buf *out)
{
    const struct gauge *gauge = what;
    int64_t value = ((const int64_t *)(const void *)&row->live)[gauge->offset / sizeof(int64_t)];
    if (gauge->seconds && row->live.waiting == 0) {
        value = 0;
    }
    if (value < 0) {
        return;
    }
    if (gauge->seconds) {
        metrics_line_seconds(out, gauge->name, row->labels, gauge->more, value);
    } else {
        metrics_line_int(out, gauge->name, row->labels, gauge->more, value);
    }
}

static void put_gauges(const struct metrics *metrics, struct buf *out)
{
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        if (gauges[i].help) {
            metrics_line_family(out, gauges[i].name, "gauge", gauges[i].help);
        }
        each_row(metrics, gauge_row, &gauges[i], out);
    }
}

void metrics_queues_text(const struct metrics *metrics, struct buf *out)
{
    put_counters(metrics, out);
    put_waits(metrics, out);
    put_gauges(metrics, out);
}
