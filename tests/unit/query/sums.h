/* sums: branches made up at random whose books balance, and a plain pass over all their intervals to compare with. */
#ifndef RINGSIDE_TESTS_UNIT_QUERY_SUMS_H
#define RINGSIDE_TESTS_UNIT_QUERY_SUMS_H

#include "collector/query/kpi_query.h"
#include "tests/support/fake_centre.h"
#include "tests/support/rng.h"

int64_t sums_at_s(const char *stamp);

/* Fills a summary in which `waiting` callers wait at first; returns how many do at its end. */
uint32_t sums_make(struct rng *rng, struct summary *sum, uint32_t waiting);

struct sums_branch {
    uint32_t site;
    uint32_t interval_s;
    int64_t from_s;
    int64_t to_s;
    uint32_t queues; /* 1 to this */
    unsigned pending_percent;
};

/* A branch's intervals; some are pending: new, changed or gone. */
void sums_add_branch(struct store *centre, struct rng *rng, const struct sums_branch *branch);

/* Asks with "name=value" items, NULL at the end, in the zone. Returns the status; *out is owned. */
int sums_ask(const struct kpi_centre *centre, enum kpi_whose whose, const char *name, const char *zone,
             struct query_why *why, struct json **out, const char *const *items);

/* Compares every row of the document with one pass over all intervals. Fails the test where they differ. */
void sums_compare(const struct store *centre, const struct kpi_scope *scope, const struct query *query,
                  const struct json *document);

#endif
