/* kept: the newest answer of /live. All who observe it are told in the same moment, and most ask for the same, so the
 * next one gets what was made for the first. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_KEPT_H
#define RINGSIDE_AGENT_STATUS_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"

enum { KEPT_MS = 25 }; /* what grows by itself is never older */

/* What an answer was made of: with the same numbers it is the same. Taken before it is made, so that what happens
 * meanwhile makes it old at once. */
struct kept_moment {
    uint64_t changes; /* of the board */
    uint64_t commits; /* that were told of */
};

struct kept {
    struct buf question;
    struct buf body;
    struct kept_moment moment;
    int64_t made_ms; /* monotonic */
};

bool kept_take(const struct kept *kept, const struct buf *question, struct kept_moment moment, int64_t now_ms,
               struct buf *body);
void kept_put(struct kept *kept, const struct buf *question, struct kept_moment moment, int64_t now_ms,
              const struct buf *body);
void kept_deinit(struct kept *kept);

#endif
