/* bench_observe URL PATH: observes a resource and prints, for each answer that came whole, the monotonic time in
 * microseconds and its length. Until standard input ends. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "platform/coap/observe.h"

static long long now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    struct observe *observe = NULL;
    if (argc != 3) {
        (void)fputs("usage: bench_observe URL PATH\n", stderr);
        return 2;
    }
    const struct slice path = slice_str(argv[2]);
    const struct observe_options options = {.url = argv[1], .path = &path, .path_count = 1, .accept = 50};
    if (observe_open(&options, &observe) != 0) {
        (void)fprintf(stderr, "bench_observe: %s cannot be asked\n", argv[1]);
        return 1;
    }
    int found = 0;
    while (found >= 0 && !(found & OBSERVE_INPUT)) {
        found = observe_wait(observe, 60000, STDIN_FILENO);
        if (found > 0 && (found & OBSERVE_NEWS)) {
            (void)printf("%lld %zu\n", now_us(), observe_answer(observe).body.len);
            (void)fflush(stdout);
        }
    }
    observe_close(observe);
    return found < 0;
}
