/* tail: a follower of queue_log in a scratch directory, with a clock of its own, as the tests of follow use it. The
 * lines begin with a number, as those of queue_log do. */
#ifndef RINGSIDE_TESTS_UNIT_FILE_TAIL_H
#define RINGSIDE_TESTS_UNIT_FILE_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/file/follow.h"
#include "tests/unit/file/scratch.h"

enum { TAIL_GRACE_MS = 10000, TAIL_LINE_MAX = 200 };

struct tail {
    struct scratch scratch;
    struct follow *follow;
    int64_t now_ms;
    bool rotated_at_start;
    struct follow_position position; /* the one a caller would have stored */
    struct buf got;
    unsigned gaps;
    unsigned begins;
    uint64_t skipped_lines;
};

extern struct tail tail;

int tail_setup(void **state);
int tail_teardown(void **state);

void tail_start(void); /* from the stored position, when there is one */
void tail_stop(void);
void tail_expect(const char *expected);             /* all there is to read now must be this */
void tail_expect_after_grace(const char *expected); /* nothing now, this when the grace time is over */
void tail_add(const char *name, const char *text);  /* appends; each time later than the one before */

#endif
