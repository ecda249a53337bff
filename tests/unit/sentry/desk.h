/* A sentry over a ledger and a board of the test's own, and all that it told. */
#ifndef RINGSIDE_TESTS_UNIT_SENTRY_DESK_H
#define RINGSIDE_TESTS_UNIT_SENTRY_DESK_H

#include "agent/alert/sentry.h"
#include "tests/support/fake_ledger.h"

enum { DESK_SALES = 1, DESK_SUPPORT = 2, DESK_RULES_MAX = 8, DESK_TOLD_MAX = 32 };

#define DESK_NOW_MS INT64_C(1790000100000) /* 100 s into an interval of 15 minutes */

struct desk_told {
    char news[16];
    char rule[32];
    char queue[32];
    double value;
    bool known; /* the value */
    char line[256];
};

struct desk {
    struct ledger *ledger;
    struct board *board;
    struct sentry *sentry;
    struct alert_rule rules[DESK_RULES_MAX];
    size_t rule_count;
    struct sentry_options options;
    struct sentry_vitals vitals;
    int64_t now_ms;
    struct summary sums[16];
    size_t sum_count;
    struct desk_told told[DESK_TOLD_MAX];
    size_t told_count;
};

int desk_setup(void **state);
int desk_teardown(void **state);

/* Fires at once above the limit, per queue. Change what it returns before the first look. */
struct alert_rule *desk_rule(struct desk *desk, const char *name, enum alert_metric metric, double limit);

/* An interval that began so many before the open one; the waits of those answered are wait_ms. */
struct summary *desk_interval(struct desk *desk, int64_t before, uint32_t queue, uint32_t answered, uint32_t abandoned,
                              int64_t wait_ms);
void desk_waits(struct desk *desk, uint32_t queue, int64_t since_ms);

void desk_open(struct desk *desk); /* the sentry, anew */
void desk_look(struct desk *desk);
void desk_pass(struct desk *desk, int64_t ms); /* time goes by, then a look */

/* The newest that was told, which there must be since the last of these calls; and that there is none. */
const struct desk_told *desk_hears(struct desk *desk, const char *news, const char *rule, const char *queue);
void desk_hears_nothing(struct desk *desk);

#endif
