/* reader: the follower of a world, killed and started again from what was stored, and what is expected of it: each line
 * that could be read comes once and in order, and what does not come is told. */
#ifndef RINGSIDE_TESTS_PROOF_FOLLOW_READER_H
#define RINGSIDE_TESTS_PROOF_FOLLOW_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/file/follow.h"
#include "tests/proof/follow/world.h"

enum { READER_COMMITS_MAX = 64 };

struct reader_state { /* what is stored with a position */
    struct follow_position position;
    unsigned got_count;
    bool gap;    /* told since the last line */
    bool silent; /* no line came with the position */
    uint64_t skipped_lines;
    uint64_t skipped_bytes;
};

struct reader {
    struct world *world;
    struct follow *follow;
    uint32_t grace_ms;
    int64_t now_ms;
    struct reader_state state;
    struct reader_state commits[READER_COMMITS_MAX];
    unsigned commit_count;
    bool any; /* a chunk came since the start */
    uint32_t got[WORLD_LINES_MAX];
};

enum reader_deed { READER_READ, READER_READ_ALL, READER_RESTART, READER_WAIT, READER_DEEDS };

const char *reader_deed_str(enum reader_deed deed);

void reader_open(struct reader *reader, struct world *world, struct rng *rng);
void reader_close(struct reader *reader);
void reader_do(struct reader *reader, enum reader_deed deed, struct rng *rng);
void reader_finish(struct reader *reader); /* after world_settle(): nothing may be missing now */

/* Called by the C library's stand-ins: while the follower works, something else may happen. */
void reader_amid(void);

#endif
