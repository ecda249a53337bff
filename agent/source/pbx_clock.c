#include "agent/source/pbx_clock.h"

enum {
    BASE_APART_MS = 2000,         /* what is no further below the base came without delay */
    BASE_KEEP_MS = 5 * 60 * 1000, /* delays do not last so long: the PBX's clock is slow, or was set back */
};

static bool are_near(int64_t a_ms, int64_t b_ms, int64_t limit_ms)
{
    return (a_ms > b_ms ? a_ms - b_ms : b_ms - a_ms) <= limit_ms;
}

static void take(struct pbx_clock *clock, int64_t ahead_ms, int64_t wall_ms)
{
    clock->ahead_ms = ahead_ms;
    clock->doubts = 0;
    bool is_base = !clock->heard || ahead_ms >= clock->base_ms - BASE_APART_MS;
    bool is_late = are_near(wall_ms, clock->base_at_ms, BASE_KEEP_MS);
    if (is_base || !is_late) {
        bool raises = !clock->heard || !is_late || ahead_ms > clock->base_ms;
        clock->base_ms = raises ? ahead_ms : clock->base_ms;
        clock->base_at_ms = wall_ms;
    }
    clock->heard = true;
}

enum pbx_clock_word pbx_clock_hear(struct pbx_clock *clock, int64_t stamp_ms, int64_t wall_ms)
{
    int64_t ahead_ms = stamp_ms - wall_ms;
    int64_t trust_ms = clock->heard ? PBX_CLOCK_TRUST_MS : PBX_CLOCK_FIRST_TRUST_MS;
    if (are_near(ahead_ms, clock->base_ms, trust_ms)) {
        take(clock, ahead_ms, wall_ms);
        return PBX_CLOCK_TAKEN;
    }
    bool agrees = clock->doubts > 0 && are_near(ahead_ms, clock->doubt_ms, PBX_CLOCK_FIRST_TRUST_MS);
    clock->doubts = agrees ? clock->doubts + (clock->doubts < PBX_CLOCK_WITNESSES) : 1;
    clock->doubt_ms = ahead_ms;
    return clock->doubts < PBX_CLOCK_WITNESSES ? PBX_CLOCK_DOUBTED : PBX_CLOCK_STEPPED;
}

void pbx_clock_step(struct pbx_clock *clock)
{
    *clock = (struct pbx_clock){.ahead_ms = clock->doubt_ms, .base_ms = clock->doubt_ms};
}

void pbx_clock_again(struct pbx_clock *clock)
{
    clock->ahead_ms = clock->base_ms;
    clock->doubts = 0;
}
