/* clockshift: preloaded into an unchanged program, it sets that program's wall clock off by RINGSIDE_CLOCK_SHIFT_S
 * seconds. The monotonic clock stays. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

static time_t shift_s(void)
{
    const char *text = getenv("RINGSIDE_CLOCK_SHIFT_S");
    return text ? (time_t)strtol(text, NULL, 10) : 0;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
    static __typeof__(clock_gettime) *real;
    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = real(clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += shift_s();
    }
    return result;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
