/* desk: what the door hands to the clerk and what comes back. Two queues under one lock; nobody waits while holding it.
 * A job's payload stays charged to its site until the answer is on its way. */
#ifndef RINGSIDE_COLLECTOR_INGEST_DESK_H
#define RINGSIDE_COLLECTOR_INGEST_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/coap/hub.h"
#include "proto/limits.h"

enum desk_kind { DESK_HELLO, DESK_BATCH, DESK_LIVE, DESK_GONE /* the session ended; no answer */ };

struct desk_job {
    struct desk_job *next;
    enum desk_kind kind;
    uint64_t session;
    uint32_t site;
    char site_id[LIMITS_SITE_MAX + 1];
    char address[HUB_ADDRESS_MAX];
    bool fresh;        /* the site joined anew: see registry_site.fresh */
    uint64_t in_bytes; /* of the session so far */
    uint64_t out_bytes;
    uint64_t flood_refusals; /* of the site, since the last job */
    struct hub_ticket ticket;
    uint8_t *payload; /* owned */
    size_t payload_len;
    /* filled in by the clerk */
    unsigned code;
    uint32_t max_age_s;
    bool close; /* end the session after the answer */
    struct buf answer;
};

struct desk_list {
    struct desk_job *first;
    struct desk_job *last;
    size_t count;
};

void desk_list_push(struct desk_list *list, struct desk_job *job); /* takes the job */
struct desk_job *desk_list_pop(struct desk_list *list);            /* NULL: empty; returns owned */
void desk_list_clear(struct desk_list *list);
void desk_job_free(struct desk_job *job);
size_t desk_job_bytes(const struct desk_job *job); /* what it is charged with: an empty one takes memory too */

struct desk;
int desk_new(void (*answers_wait)(void *ctx), void *ctx, struct desk **out); /* called by desk_return, clerk's thread */
void desk_free(struct desk *desk);

/* The door's side. */
bool desk_hand_in(struct desk *desk, struct desk_job *job); /* takes the job; false: stopped, nobody works any more */
struct desk_list desk_collect(struct desk *desk);           /* all answers that are ready, owned */
uint64_t desk_buffered_bytes(struct desk *desk);            /* any thread: of jobs handed in and not returned yet */

/* The clerk's side. Waits for at most wait_ms (0: not at all) until there is a job; all of them, owned. */
struct desk_list desk_take(struct desk *desk, int64_t wait_ms);
void desk_return(struct desk *desk, struct desk_list *jobs);  /* takes them all */
void desk_close(struct desk *desk, uint64_t session);         /* asks the door to end a session */
bool desk_next_closing(struct desk *desk, uint64_t *session); /* the door takes them one by one */
void desk_stop(struct desk *desk); /* any thread: no more is taken in, and desk_take() returns at once from now on */
bool desk_stopped(struct desk *desk);

#endif
