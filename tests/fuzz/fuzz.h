/* fuzz: what a fuzzer and the replay of its corpus share. */
#ifndef RINGSIDE_TESTS_FUZZ_FUZZ_H
#define RINGSIDE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One input; `data` is borrowed and exactly `size` bytes of heap. Returns 0; a broken promise ends the program. The
 * name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
