/* site_join: a site that joins and renews its certificate once, with a CA in place of the collector. */
#ifndef RINGSIDE_TESTS_PROOF_SITE_JOIN_H
#define RINGSIDE_TESTS_PROOF_SITE_JOIN_H

#include "tests/proof/site_check.h"
#include "tests/support/small_ca.h"

struct site_join_outside {
    unsigned stage_told; /* 0: nothing; 1: joined; 2: renewed */
    size_t certificate_len;
    uint8_t certificate[4096];
};

struct site_join {
    char dir[SITE_PATH_MAX];
    struct small_ca ca;
    struct site_join_outside *outside;
};

void site_join_set_up(struct site_join *join, const char *root); /* credentials are to lie in ROOT/credentials */
void site_join_tear_down(struct site_join *join);

/* Joins where it has not, renews where that was not done. 0, or the last failure of so many lives. */
int site_join_run(struct site_join *join, unsigned lives);

/* There are credentials of a stage at least as late as was told, or none where none was. */
bool site_join_is_whole(const struct site_join *join, struct site_why *why);

#endif
