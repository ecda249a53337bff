/* kit: a fresh directory for each test of platform/kv. */
#ifndef RINGSIDE_TESTS_UNIT_KV_KIT_H
#define RINGSIDE_TESTS_UNIT_KV_KIT_H

#include "tests/support/temp_dir.h"

extern struct temp_dir kit_dir;

int kit_setup(void **state);
int kit_teardown(void **state);

#endif
