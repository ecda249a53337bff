/* telling: the thread that speaks to the receivers, and the one file that knows libcurl. */
#ifndef RINGSIDE_COLLECTOR_ALERT_TELLING_H
#define RINGSIDE_COLLECTOR_ALERT_TELLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/alert/lookout.h"
#include "collector/alert/outbox.h"

/* Called from the telling thread. */
struct telling_source {
    bool (*take)(void *ctx, size_t receiver, struct outbox_delivery *out);
    void (*done)(void *ctx, size_t receiver, enum outbox_outcome outcome, const char *error);
    int64_t (*next_ms)(void *ctx); /* monotonic; INT64_MAX: nothing is due */
    void *ctx;
};

struct telling_options {
    const struct receiver *receivers;
    size_t receiver_count;
    const char *name; /* of the collector */
    int64_t hold_ms;  /* what fires does so for an Alertmanager that hears no more */
};

struct telling;
int telling_start(const struct telling_options *options, const struct telling_source *source, struct telling **out);
void telling_wake(struct telling *telling); /* any thread: there may be something to tell */
/* Goes on for at most grace_ms while anything is due or under way. Frees. */
void telling_stop(struct telling *telling, int64_t grace_ms);
int64_t telling_beat_ms(const struct telling *telling); /* monotonic: last sign of life */

#endif
