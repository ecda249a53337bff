/* site_log: a queue_log made from a seed, and what it amounts to, computed from the calls it was made of and by the
 * definitions of docs/kpis.md alone: the oracle of the agent's proofs. */
#ifndef RINGSIDE_TESTS_PROOF_SITE_LOG_H
#define RINGSIDE_TESTS_PROOF_SITE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SITE_QUEUES = 3,
    SITE_OPERATORS = 4,
    SITE_INTERVAL_S = 300,
    SITE_SLOTS_MAX = 40,      /* intervals that calls of this run fall into */
    SITE_OLD_SLOTS = 4,       /* intervals past their retention, one for each call of long ago */
    SITE_SHORT_ABANDON_S = 5, /* the default */
};

#define SITE_BEGIN_S INT64_C(1795284600) /* an interval's edge */
#define SITE_OLD_S (SITE_BEGIN_S - INT64_C(40) * 86400)

struct site_tally {
    uint64_t entered;
    uint64_t answered;
    uint64_t abandoned;
    uint64_t abandoned_short;
    uint64_t timeouts;
    uint64_t not_answered; /* rings */
    uint64_t cohort_answered;
    uint64_t cohort_abandoned;
    uint64_t cohort_timeouts;
    uint64_t wait_answered_s;
    uint64_t wait_abandoned_s;
    uint64_t talks; /* conversations that ended */
    uint64_t talk_s;
    uint64_t waiting_end; /* by the rows that were written */
};

struct site_line {
    int64_t at_s;
    char text[112]; /* without line feed */
};

struct site_log {
    struct site_line *lines; /* in the order they are written */
    size_t line_count;
    uint64_t bad_lines;
    struct site_tally tally[SITE_SLOTS_MAX][SITE_QUEUES];
    uint64_t open_calls; /* waiting or talking when the log ends */
    uint64_t done_calls; /* over, those of long ago not among them */
    int64_t end_s;
};

/* With `calls` calls, some of which nobody sees the end of. Ends the process where there is no memory. */
void site_log_make(struct site_log *log, uint64_t seed, unsigned calls);
void site_log_free(struct site_log *log);

#endif
