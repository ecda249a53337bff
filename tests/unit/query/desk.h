/* desk: two branches in a made-up centre, and one who asks about them. */
#ifndef RINGSIDE_TESTS_UNIT_QUERY_DESK_H
#define RINGSIDE_TESTS_UNIT_QUERY_DESK_H

#include "collector/query/kpi_walk.h"
#include "tests/unit/query/sums.h"

struct desk {
    struct store *store;
    struct kpi_centre centre;
    struct query_why why;
    struct json *document;
    struct kpi_scope *scope; /* of the question that is open */
    struct query query;
    const struct zone *zone;
    long looks;  /* at the clock, until the time is over; -1: it never is */
    long looked; /* how often it was looked at */
};

/* madrid-01 and sevilla-02 in the group north, malaga-03 in none; sales and support, busy on 2026-11-19 and 20 (Madrid)
 * and some of it pending, asked at noon of the 20th + 1 day. For cmocka's setup and teardown: *state is the desk. */
int desk_open(void **state);
int desk_close(void **state);

/* Opens a question: "name=value" items, NULL at the end; zone NULL: the one that is chosen. */
int desk_ask(struct desk *desk, enum kpi_whose whose, const char *name, const char *zone, const char *const *items);
#define DESK_ASK(desk, whose, name, zone, ...)                                                                         \
    desk_ask(desk, whose, name, zone, (const char *const[]){__VA_ARGS__, NULL})
void desk_done(struct desk *desk); /* closes the question and forgets its document; also when none is open */

/* Runs `answer` again and again, with a little more time each, until it is not late: it must say STATUS_LATE and why
 * each time before. */
void desk_hurry(struct desk *desk, int (*answer)(struct desk *desk));

int64_t desk_int(const struct json *json, const char *path);
double desk_number(const struct json *json, const char *path);

#endif
