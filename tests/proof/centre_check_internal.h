/* centre_check_internal: what the files of centre_check share. */
#ifndef RINGSIDE_TESTS_PROOF_CENTRE_CHECK_INTERNAL_H
#define RINGSIDE_TESTS_PROOF_CENTRE_CHECK_INTERNAL_H

#include "tests/proof/centre_check.h"
#include "tests/proof/centre_work.h"

struct check {
    struct model *model;
    struct work work; /* the paths */
    struct model_facts done;
    struct model_facts next; /* with the step that was under way */
    struct registry *registry;
    struct store *store;
    struct store_view *view;
    bool good;
};

/* The first one counts. Returns false. */
__attribute__((format(printf, 2, 3))) bool centre_check_fault(struct check *check, const char *format, ...);

int centre_check_queue_of(struct check *check, uint32_t number); /* the store's number -> the model's; -1: none */

void centre_check_cells(struct check *check); /* centre_check_cells.c */

#endif
