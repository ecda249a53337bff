/* world: branches, a centre and the network between them in one process, on one clock that nothing but the next event
 * moves. Everything that could turn out one way or another comes from the seed. The stages are those of the product;
 * PBX, network, processes' deaths and the disk's content after them are made here. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_WORLD_H
#define RINGSIDE_TESTS_PROOF_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/rng.h"

enum { WORLD_BRANCHES_MAX = 5, WORLD_QUEUES_MAX = 5, WORLD_PATH_MAX = 192 };
enum { WORLD_SECOND = 1000, WORLD_MINUTE = 60 * 1000, WORLD_HOUR = 3600 * 1000 };
#define WORLD_DAY_S INT64_C(86400)

struct branch;
struct centre;
struct wire;
struct schedule;

/* Something that happens at its time, once for each world_arm(). It must live until the world ends, or until it fired
 * with nothing armed again. */
struct world_timer {
    void (*fire)(void *ctx);
    void *ctx;
    int64_t at_ms;
    uint64_t generation;
    bool armed;
};

struct world_plan {
    size_t branch_count;
    uint32_t queue_count;
    uint32_t interval_s;
    int64_t span_ms; /* faults and calls; then all heals */
    int64_t heartbeat_ms;
    int64_t retry_max_ms;
    int64_t commit_ms;
    int64_t call_pace_ms;  /* from call to call at a branch, on average */
    int64_t start_wall_ms; /* the centre's clock at the beginning */
    bool live;
    size_t fault_count;
};

struct world_tally {
    int64_t virtual_ms;
    uint64_t branch_ms;
    uint64_t events;
    uint64_t calls;
    uint64_t rows;
    uint64_t commits; /* of agents */
    uint64_t connects;
    uint64_t requests;
    uint64_t answers;
    uint64_t lost; /* messages that never arrived */
    uint64_t late; /* requests of a session that arrived after its end was known to the branch */
    uint64_t acks; /* intervals acknowledged, each looked up in the store */
    uint64_t scans;
    uint64_t kills;
};

struct world_entry;

struct world {
    uint64_t seed;
    bool verbose;
    const char *dir; /* borrowed */
    struct world_plan plan;
    int64_t now_ms; /* everybody's monotonic clock */
    struct world_entry *heap;
    size_t heap_count;
    size_t heap_cap;
    uint64_t next_number;
    uint64_t digest;
    bool failed;
    char why[600];
    int64_t failed_ms;
    struct branch *branches[WORLD_BRANCHES_MAX];
    struct wire *wire;
    struct centre *centre;
    struct schedule *schedule;
    struct world_tally tally;
};

/* A stream of its own for each purpose, so that one that is asked more often leaves the others as they are. */
struct rng world_rng(const struct world *world, uint64_t stream);

void world_arm(struct world *world, struct world_timer *timer, int64_t at_ms); /* instead of when it was armed for */
void world_disarm(struct world_timer *timer);

int64_t world_centre_wall_ms(const struct world *world);

/* Part of the digest of all that happened, and of the story when it is told. */
void world_note(struct world *world, const char *what, int64_t a, int64_t b, int64_t c);
__attribute__((format(printf, 2, 3))) void world_tell(struct world *world, const char *format, ...);
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world, const char *format,
                                                      ...); /* first one stays */
void world_stamp(const struct world *world, int64_t at_ms, char out[32]);

void world_run_until(struct world *world, int64_t until_ms);

/* One seed from beginning to end. False: world->failed, and why. */
bool world_run(struct world *world);
void world_free(struct world *world);

void *world_zeroed(size_t count, size_t size); /* never NULL */

#endif
