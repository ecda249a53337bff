/* outbox_internal: shared with the part that writes it down. */
#ifndef RINGSIDE_COLLECTOR_ALERT_OUTBOX_INTERNAL_H
#define RINGSIDE_COLLECTOR_ALERT_OUTBOX_INTERNAL_H

#include "collector/alert/outbox.h"

struct waiting { /* one delivery */
    char id[OUTBOX_ID_MAX];
    uint64_t seq;
    int64_t made_ms;
    bool fleeting;
    char *items; /* a JSON list */
};

struct post { /* of one receiver */
    const struct receiver *receiver;
    struct waiting *waiting; /* oldest first */
    size_t count;
    size_t cap;
    size_t bytes;      /* of all items */
    bool under_way;    /* the oldest */
    unsigned streak;   /* of failures */
    int64_t next_ms;   /* monotonic: not before */
    int64_t retell_ms; /* monotonic: last */
    bool told_any;
    int64_t last_ok_ms;
    char last_error[OUTBOX_ERROR_MAX];
    uint64_t failures;
    struct json *round; /* news of the round for it; NULL: none yet */
    struct json *again;
};

struct outbox {
    struct post *posts;
    size_t post_count;
    char **recent; /* items, oldest first */
    size_t recent_count;
    uint64_t seq;
    uint64_t released;
};

int outbox_push(struct outbox *outbox, struct post *post, const char *id, int64_t made_ms, bool fleeting, char *items);
int outbox_push_recent(struct outbox *outbox, char *item); /* takes it */
char *outbox_text(const struct json *json);                /* owned; NULL without memory */

#endif
