/* site_life: an agent's life over the product's own stages: it opens its ledger, follows the log that a PBX writes and
 * rotates, commits, answers are taken in, history is dropped, and it ends. One process a life or several; what the PBX
 * wrote and what the collector was told outlives each, in shared memory. */
#ifndef RINGSIDE_TESTS_PROOF_SITE_LIFE_H
#define RINGSIDE_TESTS_PROOF_SITE_LIFE_H

#include "agent/pipeline.h"
#include "tests/proof/site_log.h"

enum { SITE_PATH_MAX = 128, SITE_CENTRE_MAX = 256, SITE_SUMMARY_MAX = 600, SITE_STEPS = 8 };

/* An interval as the collector holds it. */
struct site_held {
    int64_t start_s;
    char queue[8];
    uint32_t revision;
    bool refused;
    uint32_t len;
    uint8_t bytes[SITE_SUMMARY_MAX];
};

/* What is not in the process whose disk fails. */
struct site_outside {
    uint64_t lines_written; /* by the PBX */
    uint64_t rotations;
    bool log_lost;         /* bytes of the log that were counted are gone */
    uint64_t commits_told; /* of those that returned 0 */
    uint64_t lines_told;
    uint64_t held_count;
    struct site_held held[SITE_CENTRE_MAX];
    uint64_t passed[8]; /* passages of the newest life, by point */
    int64_t blocks_held;
    bool fired;
};

struct site {
    struct agent_config *config;
    char ledger[SITE_PATH_MAX];
    char log[SITE_PATH_MAX];
    const struct site_log *input;
    struct site_outside *outside;
    uint64_t rotate_at; /* lines; 0: never */
    int64_t now_ms;
};

struct site_outside *site_outside_new(void); /* shared with processes that are forked later */
struct agent_config *site_config(const char *ledger, const char *log, uint64_t map_bytes);

/* Goes on with the log to its end. `lives`: how often a failed one is followed by another. 0: all was read and
 * committed; else the last failure. */
int site_run(struct site *site, unsigned lives);

/* Sends all that waits for the collector, and takes its answers in. 0, or a failure. */
int site_send_all(struct site *site);

#endif
