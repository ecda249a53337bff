/* filter: which queue ids a query is about. Names are looked up once an id. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_FILTER_H
#define RINGSIDE_AGENT_STATUS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/ledger/ledger.h"
#include "proto/report/query.h"

struct filter {
    const struct query *query;
    struct ledger_view *view;
    uint8_t *verdicts; /* by id: 0 not asked yet, 1 wanted, 2 not */
    uint32_t count;
};

void filter_init(struct filter *filter, const struct query *query, struct ledger_view *view); /* borrows both */
void filter_deinit(struct filter *filter);
bool filter_wants(struct filter *filter, uint32_t queue);

/* STATUS_NOT_FOUND, and why, when the query names a queue that the ledger has never heard of. */
int filter_check(const struct filter *filter, struct query_why *why);

#endif
