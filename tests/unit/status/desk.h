/* desk: a small call centre in a fake ledger, for the tests of reports and renderers.
 *
 * Zone Europe/Madrid, now is 2026-11-21 12:34:56 local. Queues: 1 sales, 2 support, 3 田中商店. */
#ifndef RINGSIDE_TESTS_UNIT_STATUS_DESK_H
#define RINGSIDE_TESTS_UNIT_STATUS_DESK_H

#include "agent/status/report.h"
#include "tests/support/fake_ledger.h"

struct desk {
    struct ledger *ledger;
    struct summary sums[8]; /* for intervals; freed by desk_deinit() */
    int64_t now_ms;
    uint32_t row_limit;
    const struct health *health;
    const struct board_copy *live; /* NULL: no live source */
    struct report_cache *cache;
    struct query_why why;
};

enum { DESK_SALES = 1, DESK_SUPPORT = 2, DESK_TANAKA = 3 };

void desk_init(struct desk *desk);
void desk_deinit(struct desk *desk);

int64_t desk_at_s(const char *stamp); /* RFC 3339; fails the test when it is none */

/* One interval with plain numbers: `entered` callers, the first `answered` of them after `wait_s`, `wait_s` + 1, ...
 * seconds and 60 s of talk, the next `abandoned` after 3, 13, 23, ... seconds, the rest still waiting. */
void desk_interval(struct desk *desk, int slot, const char *stamp, uint32_t queue, uint32_t entered, uint32_t answered,
                   uint32_t abandoned, int64_t wait_s);

/* Asks with items such as "by=hour"; ends with NULL. Returns the status; *out is owned on 0. */
int desk_ask(struct desk *desk, enum report_kind kind, struct json **out, ...);

/* Of what was told. The first fails the test when there is no whole number. */
int64_t desk_int(const struct json *json, const char *path);
void desk_assert_null(const struct json *json, const char *path);

#endif
