/* ami_calls_case: a test of ami_calls case by case: `heard` is made for each, and one call of caller 1.1 in queue q
 * with operator ana on channel 1.2 is what most are about. */
#ifndef RINGSIDE_TESTS_UNIT_SOURCE_AMI_CALLS_CASE_H
#define RINGSIDE_TESTS_UNIT_SOURCE_AMI_CALLS_CASE_H

#include "tests/unit/source/ami_calls_heard.h"

extern struct heard heard;

int case_setup(void **state);
int case_teardown(void **state);

#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)
#define assert_told(expected) assert_string_equal(heard_text(&heard), expected)

void join(void);
void ring(const char *who, const char *channel);
void leave(void);
void connected(void);
void complete(const char *reason);
void talking(void);   /* all of them up to the answer, and told */
void end_lists(void); /* of a snapshot */

#endif
