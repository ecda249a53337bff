/* centre_check: whether what lies on the disk is what the model says. Each returns true, or false with one sentence in
 * model->why. */
#ifndef RINGSIDE_TESTS_PROOF_CENTRE_CHECK_H
#define RINGSIDE_TESTS_PROOF_CENTRE_CHECK_H

#include "tests/proof/centre_model.h"

/* After any end: what was acknowledged or said to be done is there, what was not may be, and nothing else; every record
 * is sound and all of them agree. */
bool centre_check_durable(struct model *model, const char *root);

/* After the last step: intervals, hours and days of all scopes, live views and settings are those of the input. */
bool centre_check_final(struct model *model, const char *root);

#endif
