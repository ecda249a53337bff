/* centre_input: what the sites of a proof have to tell, made from a seed: an interval of a site, queue and revision is
 * a few calls. And what such calls add up to, by plain addition: none of the product's own adding is in it. */
#ifndef RINGSIDE_TESTS_PROOF_CENTRE_INPUT_H
#define RINGSIDE_TESTS_PROOF_CENTRE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/summary.h"

enum {
    INPUT_SITES = 4, /* counted from 0 */
    INPUT_QUEUES = 2,
    INPUT_SLOTS = 32, /* of 15 minutes */
    INPUT_EARLY = 24, /* these are before the long pause */
    INPUT_CALLS = 3,
    INPUT_INTERVAL_S = 900,
    INPUT_SECONDS = 128 /* no wait and no talk is as long */
};
#define INPUT_FIRST_S                                                                                                  \
    INT64_C(1795291200) /* 2026-11-21 20:00 UTC: UTC's and other zones' midnights lie in the slots                     \
                         */
#define INPUT_PAUSE_S (INT64_C(30) * 3600)

int64_t input_start_s(unsigned slot);
int input_slot_of(int64_t start_s); /* -1: none begins then */

struct input_call {
    bool answered;
    uint32_t wait_s;
    uint32_t talk_s;
};

struct input_content {
    unsigned count;
    struct input_call calls[INPUT_CALLS];
};

struct input_place {
    unsigned site;
    unsigned queue;
    unsigned slot;
    unsigned epoch;
    unsigned revision;
};

void input_content(uint64_t seed, const struct input_place *place, struct input_content *out);
int input_summary(const struct input_content *content, struct summary *out); /* as a site would send it */

struct input_lengths {
    uint64_t count;
    uint64_t sum_s;
    uint64_t max_s;
    uint32_t of[INPUT_SECONDS];
};

struct input_tally {
    uint64_t intervals;
    uint64_t entered;
    uint64_t answered;
    uint64_t abandoned;
    uint64_t waiting_max;
    struct input_lengths wait_answered;
    struct input_lengths wait_abandoned;
    struct input_lengths talk;
};

void input_tally_add(struct input_tally *tally, const struct input_content *content);

/* Whether the summary is that: every counter, sum, maximum and bin. */
bool input_tally_is(const struct input_tally *tally, const struct summary *sum);

#endif
