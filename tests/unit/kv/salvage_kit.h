/* salvage_kit: environments of many shapes whose content is known, and what of it is still there after damage.
 *
 * A world is four databases of records that tell by themselves whether they are whole: every record is made from its
 * database, number and generation alone. So whatever is read back can be told true, old or false without any file. */
#ifndef RINGSIDE_TESTS_UNIT_KV_SALVAGE_KIT_H
#define RINGSIDE_TESTS_UNIT_KV_SALVAGE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/kv/kv_salvage.h"
#include "tests/support/rng.h"

enum { WORLD_DBS = 4, WORLD_NUMBERS = 4096, WORLD_BIG = 2 };

struct world_record {
    uint32_t generation; /* 0: there is none */
    uint32_t bytes;
};

struct world_content {
    struct world_record records[WORLD_DBS][WORLD_NUMBERS];
};

struct world {
    struct world_content now;
    struct world_content before; /* the commit before */
    uint32_t generation;
    uint32_t changes; /* in the newest commit */
    uint64_t commit;  /* LMDB's number of it */
};

struct world_shape {
    unsigned commits;
    unsigned changes; /* in each commit */
    unsigned numbers; /* up to which records are numbered */
    unsigned deletes; /* percent of the changes */
    unsigned big;     /* percent of the changes: values of several pages */
    unsigned map_kb;
    bool preallocate;
    bool ascending; /* numbers grow with the commits, as in a log */
};

extern const char *const world_names[WORLD_DBS];

struct world_shape world_small(struct rng *rng); /* some 20 to 100 pages */

/* Makes the environment in `dir`. */
void world_make(struct world *world, const char *dir, const struct world_shape *shape, struct rng *rng);

/* As a kv_whole_fn. */
bool world_whole(void *ctx, const char *db, struct slice key, struct slice value);

uint64_t world_count(const struct world_content *content, size_t db);

/* What an environment holds: counts by database; false: a record that is not as it is in `content`, or a failure. It is
 * read through LMDB. `what` says what was wrong. */
struct world_found {
    uint64_t count[WORLD_DBS];
    bool has[WORLD_DBS];
    char what[160];
};
bool world_read(const char *dir, const struct world_content *content, struct world_found *out);

/* Looks over, saves, and holds both against the truth: 0, or -1 and what is wrong. `dir` is damaged or not; `aside` is
 * an empty directory for what is saved. */
extern bool world_reads_in_child; /* what is called sound is read by a process of its own, which may end in a signal */

enum world_outcome { WORLD_SOUND, WORLD_DAMAGED, WORLD_UNREADABLE };
struct world_verdict {
    enum world_outcome outcome;
    struct kv_damage damage;
    bool is_behind; /* called sound, but as of the commit before: the one bit that cannot be told */
    uint64_t saved;
    uint64_t lost;
    char what[256];
};
int world_judge(const struct world *world, const char *dir, const char *aside, struct world_verdict *out);

#endif
