/* outbox: what receivers are still to be told, in order, and what they were told lately. One delivery of a receiver is
 * under way at a time, so that "resolved" never overtakes "firing". Knows no clock and no network. */
#ifndef RINGSIDE_COLLECTOR_ALERT_OUTBOX_H
#define RINGSIDE_COLLECTOR_ALERT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/alert/lookout.h"
#include "proto/alert/alert_watch.h"

enum { OUTBOX_ID_MAX = 33, OUTBOX_ERROR_MAX = 200, OUTBOX_RECENT_MAX = 200 };
enum { OUTBOX_ITEMS_MAX = 100 }; /* in one delivery */
/* Of one receiver; beyond that the oldest is given up. As many bytes as one round of all the alerts there may be. */
enum { OUTBOX_DELIVERIES_MAX = 1000, OUTBOX_BYTES_MAX = 24 << 20 };
#define OUTBOX_GIVE_UP_MS (INT64_C(24) * 3600 * 1000)
#define OUTBOX_RETELL_MS INT64_C(60000) /* to an Alertmanager, what fires */

struct outbox;
int outbox_new(const struct receiver *receivers, size_t count, struct outbox **out); /* borrows; returns owned */
void outbox_free(struct outbox *outbox);

/* A round's news, one by one, then the round's end, which makes deliveries of them. Takes the item (bulletin.h). */
int outbox_add(struct outbox *outbox, const struct alert_rule *rule, struct json *item);
/* For one receiver only and not among what is recent: told again. `fleeting`: of use only now, so it is not kept over a
 * restart and makes room for a newer one. */
int outbox_add_again(struct outbox *outbox, size_t receiver, struct json *item, bool fleeting);
int outbox_close_round(struct outbox *outbox, int64_t now_ms);

bool outbox_is_for(const struct receiver *receiver, const struct alert_rule *rule);

/* Whether an Alertmanager is to hear again what fires; then it counts as told. */
bool outbox_retell_due(struct outbox *outbox, size_t receiver, int64_t monotonic_ms);

struct outbox_delivery {
    char id[OUTBOX_ID_MAX];
    int64_t made_ms;
    struct json *items;
    size_t receiver;
};

/* The next one of the receiver that is due, which is under way then; its items are the caller's. False: none. Only what
 * outbox_release() has let go. */
bool outbox_take(struct outbox *outbox, size_t receiver, int64_t now_ms, int64_t monotonic_ms,
                 struct outbox_delivery *out);
/* All that is there may go out: it is on the disk, or cannot be brought there. */
void outbox_release(struct outbox *outbox, uint64_t up_to);
uint64_t outbox_newest(const struct outbox *outbox);

enum outbox_outcome { OUTBOX_TOLD, OUTBOX_REFUSED /* for good */, OUTBOX_FAILED /* to be tried again */ };
void outbox_done(struct outbox *outbox, size_t receiver, enum outbox_outcome outcome, const char *error, int64_t now_ms,
                 int64_t monotonic_ms);

/* When the next is due, INT64_MAX: nothing is; all at once when the program is about to end. */
int64_t outbox_next_ms(const struct outbox *outbox);
void outbox_hurry(struct outbox *outbox);

void outbox_put_receivers(const struct outbox *outbox, struct json *list);
void outbox_put_recent(const struct outbox *outbox, struct json *list); /* newest first */

void outbox_save(const struct outbox *outbox, struct json *out);
int outbox_restore(struct outbox *outbox, const struct json *from); /* STATUS_INVALID */

#endif
