/* pbx_clock: what a PBX's own clock says, by the times that its events bear. Those that come late (they waited
 * somewhere) say less than it shows, and one that is absurd must not move what is counted by it: what is far from what
 * was heard before is believed only when others say the same. Pure, no clock of its own. */
#ifndef RINGSIDE_AGENT_SOURCE_PBX_CLOCK_H
#define RINGSIDE_AGENT_SOURCE_PBX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PBX_CLOCK_TRUST_MS = 10 * 60 * 1000, /* from what was heard before */
    PBX_CLOCK_FIRST_TRUST_MS = 60 * 1000,
    PBX_CLOCK_WITNESSES = 3, /* so many in a row that agree are believed whatever they say */
};

/* Zeroed: the PBX's clock is taken to be ours. */
struct pbx_clock {
    int64_t ahead_ms;   /* of our wall clock: by the newest event that was believed */
    int64_t base_ms;    /* the same by those that came without delay */
    int64_t base_at_ms; /* of our wall clock: when that was last heard */
    int64_t doubt_ms;   /* what is said by those that are not believed yet */
    unsigned doubts;
    bool heard;
};

enum pbx_clock_word {
    PBX_CLOCK_TAKEN,
    PBX_CLOCK_DOUBTED, /* the event's time is not to be used */
    PBX_CLOCK_STEPPED  /* likewise; the clock was set: time that runs by it has to end, then pbx_clock_step() */
};

/* An event bears stamp_ms, our wall clock says wall_ms. */
enum pbx_clock_word pbx_clock_hear(struct pbx_clock *clock, int64_t stamp_ms, int64_t wall_ms);

void pbx_clock_step(struct pbx_clock *clock);  /* from here on what was doubted is believed */
void pbx_clock_again(struct pbx_clock *clock); /* a new connection begins: nothing that waited comes any more */

#endif
