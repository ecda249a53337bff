#include "tests/unit/kv/kit.h"

struct temp_dir kit_dir;

int kit_setup(void **state)
{
    (void)state;
    temp_dir_make(&kit_dir);
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    temp_dir_remove(&kit_dir);
    return 0;
}
