/* kit: what the ledger's tests share: a ledger in a directory of its own, random legs, and how to say what is in it. */
#ifndef RINGSIDE_TESTS_UNIT_LEDGER_KIT_H
#define RINGSIDE_TESTS_UNIT_LEDGER_KIT_H

#include "agent/ledger/ledger_write.h"
#include "tests/support/rng.h"
#include "tests/support/temp_dir.h"

#define KIT_NOW_MS INT64_C(1795284531000)

enum { KIT_HOUR_MS = 3600 * 1000, KIT_DAY_MS = 24 * KIT_HOUR_MS };

extern struct temp_dir kit_dir;

int kit_setup(void **state);
int kit_teardown(void **state);

/* Site "madrid-01", 15-minute intervals, legs for ever. */
struct ledger_options kit_options(uint64_t map_bytes);
struct ledger *kit_open(uint64_t map_bytes); /* fails the test when that fails */
struct ledger *kit_reopen(struct ledger *ledger, uint64_t map_bytes);
struct ledger *kit_open_readonly(void);

/* A leg that is over at about `end_ms`: any outcome, fields and units. */
struct call_leg kit_leg(struct rng *rng, uint64_t seq, int64_t end_ms);
/* As an ordinary Asterisk writes them: whole seconds, numbered ids that grow. */
struct call_leg kit_plain_leg(struct rng *rng, uint64_t seq, int64_t end_ms);
void kit_assert_legs_equal(const struct call_leg *a, const struct call_leg *b);

/* Entered and answered `calls` calls with a wait each; balanced. Takes what `out` held; returns owned in it. */
void kit_summary(struct rng *rng, unsigned calls, struct summary *out);

void kit_commit(struct ledger *ledger); /* of what waits */

/* A plain leg every `pace_ms` from one time to another, numbered on from *seq, with a commit now and then. */
void kit_add_span(struct ledger *ledger, struct rng *rng, uint64_t *seq, int64_t from_ms, int64_t to_ms,
                  int64_t pace_ms);

/* At least `calls` times, and until there is no more to do. */
void kit_tend(struct ledger *ledger, int64_t now_ms, unsigned calls);

/* Writes into the closed ledger's database what the ledger itself never would. */
void kit_put_raw(const char *db_name, struct slice key, struct slice value);

/* The same from another process, while the ledger is open: what is damaged after it was looked over. */
void kit_put_raw_beside(const char *db_name, struct slice key, struct slice value);

struct kit_facts {
    struct ledger_facts facts;
    struct ledger_check_result check;
};
/* Checks the whole ledger through `ledger`: no defects, counts of legs and intervals as accounted for. */
struct kit_facts kit_check(struct ledger *ledger);

#endif
