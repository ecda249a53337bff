#include "tests/bench/chunks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 20 };

static double clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One byte of the buffer is kept free, for the line feed that the last line may lack. */
static bool read_chunks(int fd, char *buffer, chunks_take take, struct chunks_result *result)
{
    size_t held = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + held, CHUNK_BYTES - held);
        if (got <= 0) {
            if (got == 0 && held > 0) {
                buffer[held] = '\n';
                take(buffer, held + 1, result);
            }
            return got == 0;
        }
        result->bytes += (uint64_t)got;
        held += (size_t)got;
        const char *last = memrchr(buffer, '\n', held);
        size_t whole = last ? (size_t)(last - buffer) + 1 : 0;
        if (whole == 0 && held == CHUNK_BYTES) {
            errno = EFBIG; /* a line of 1 MiB is no line */
            return false;
        }
        take(buffer, whole, result);
        memmove(buffer, buffer + whole, held - whole);
        held -= whole;
    }
}

int chunks_main(int argc, char **argv, chunks_take take)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    char *buffer = malloc(CHUNK_BYTES + 1);
    struct chunks_result result = {0};
    double wall_s = clock_s(CLOCK_MONOTONIC);
    double cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    bool ok = fd >= 0 && buffer && read_chunks(fd, buffer, take, &result);
    wall_s = clock_s(CLOCK_MONOTONIC) - wall_s;
    cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
    if (!ok) {
        fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], strerror(errno));
    } else {
        printf("{\"lines\": %" PRIu64 ", \"fields\": %" PRIu64 ", \"bytes\": %" PRIu64
               ", \"seconds\": %.6f, \"cpu_s\": %.6f, \"lines_per_s\": %.0f}\n",
               result.lines, result.fields, result.bytes, wall_s, cpu_s, (double)result.lines / wall_s);
    }
    free(buffer);
    if (fd >= 0) {
        close(fd);
    }
    return ok ? 0 : 1;
}
