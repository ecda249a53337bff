/* config_lines: where the fuzzers of both configurations have the lines of a refusal go. */
#ifndef RINGSIDE_TESTS_FUZZ_CONFIG_LINES_H
#define RINGSIDE_TESTS_FUZZ_CONFIG_LINES_H

#include "tests/fuzz/fuzz.h"

/* A config_report_fn: each line says something and can be printed. `ctx` counts them, an unsigned. */
static inline void config_lines_take(void *ctx, const char *line)
{
    unsigned *lines = ctx;
    FUZZ_CHECK(line[0] != '\0');
    for (const char *at = line; *at; at++) {
        FUZZ_CHECK((unsigned char)*at >= 32);
    }
    (*lines)++;
}

#endif
