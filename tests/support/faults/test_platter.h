/* test_platter: the second half of the layer's own tests. */
#ifndef RINGSIDE_TESTS_SUPPORT_FAULTS_TEST_PLATTER_H
#define RINGSIDE_TESTS_SUPPORT_FAULTS_TEST_PLATTER_H

int test_platter(void); /* failed tests */

#endif
