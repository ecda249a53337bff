/* runner_internal: what goes over the socket pair, one message each way for a task, and the process at its other end.
 * Both ends are the same program: numbers are as they lie in memory. */
#ifndef RINGSIDE_PLATFORM_SERVICE_RUNNER_INTERNAL_H
#define RINGSIDE_PLATFORM_SERVICE_RUNNER_INTERNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "platform/service/runner.h"

/* Then the words, each ended by NUL: arguments, environment; then the input. */
struct runner_head {
    uint32_t timeout_ms;
    uint32_t args;
    uint32_t envs;
    uint32_t words_len;
    uint32_t input_len;
};

/* Does not return. */
_Noreturn void runner_serve(int fd, const char *file, pid_t daemon);

#endif
