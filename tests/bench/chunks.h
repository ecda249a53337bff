/* chunks: a file by large reads, in chunks of whole lines, against the clock. The way in of the parsing benchmarks. */
#ifndef RINGSIDE_TESTS_BENCH_CHUNKS_H
#define RINGSIDE_TESTS_BENCH_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

struct chunks_result {
    uint64_t lines;
    uint64_t fields;
    uint64_t bytes;
};

/* `data` is `len` bytes of whole lines, the last one ended by a line feed as well. */
typedef void (*chunks_take)(const char *data, size_t len, struct chunks_result *result);

/* The whole program: reads the file that argv names, gives every chunk to `take`, prints one JSON object
 * {lines, fields, bytes, seconds, cpu_s, lines_per_s} and returns the exit code. */
int chunks_main(int argc, char **argv, chunks_take take);

#endif
