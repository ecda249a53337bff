/* report: the answers, as documents, from one view of the ledger. The command line prints them, the CoAP server sends
 * them: the same code, so that both say the same. docs/kpis.md defines the numbers. */
#ifndef RINGSIDE_AGENT_STATUS_REPORT_H
#define RINGSIDE_AGENT_STATUS_REPORT_H

#include <stdint.h>

#include "agent/ledger/ledger.h"
#include "agent/live/board.h"
#include "agent/status/health.h"
#include "platform/json/json.h"
#include "proto/report/query.h"

/* A ledger without its daemon is "down" when its newest commit is older than this; the daemon commits at least once a
 * minute, busy or not. */
enum { REPORT_SILENCE_MS = 150000 };

/* What was made of the intervals for an earlier answer, good until the next commit: for those who answer often from one
 * ledger. Not thread safe. */
struct report_cache;
int report_cache_new(struct report_cache **out);    /* returns owned */
void report_cache_free(struct report_cache *cache); /* NULL is fine */

struct report_env {
    struct ledger_view *view;
    int64_t now_ms;
    const struct health *health;   /* of the running daemon; NULL when the ledger is read without it */
    const struct board_copy *live; /* of the running daemon; NULL: nothing is known beside the ledger */
    struct report_cache *cache;    /* NULL: none is kept */
    uint32_t row_limit;            /* a kpi report with more rows is refused; 0: 100000 */
};

/* The report that query->kind names. 0 and an owned document; STATUS_NOT_FOUND (a queue that does not exist) and
 * STATUS_FULL (more rows than allowed) with why->text; STATUS_NO_MEMORY or a failure of the ledger, also with a text.
 */
int report_make(const struct report_env *env, const struct query *query, struct json **out, struct query_why *why);

#endif
