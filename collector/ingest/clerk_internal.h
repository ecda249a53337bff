/* clerk_internal: what the clerk's own files share. */
#ifndef RINGSIDE_COLLECTOR_INGEST_CLERK_INTERNAL_H
#define RINGSIDE_COLLECTOR_INGEST_CLERK_INTERNAL_H

#include <pthread.h>

#include "collector/ingest/clerk.h"
#include "collector/ingest/members.h"
#include "platform/base/buf.h"
#include "proto/message.h"

enum { CLERK_INSTANCES = 4, CLERK_EVENT_KINDS = 8 };

enum clerk_event {
    CLERK_NEW_EPOCH,
    CLERK_OLD_EPOCH,
    CLERK_TWO_BOXES,
    CLERK_CONFLICT,
    CLERK_REFUSED,
    CLERK_FOREIGN,
    CLERK_CLOCK,
    CLERK_PROTOCOL
};

/* A connection that a site speaks on. */
struct clerk_peer {
    struct clerk_peer *next;
    uint64_t session;
    uint32_t protocol; /* 0: has not said hello */
    uint8_t epoch[LIMITS_EPOCH_BYTES];
    uint32_t epoch_number; /* 0: to be looked up */
    uint32_t interval_s;
    int64_t seen_ms;
    uint64_t in_bytes; /* of the session, as charged to the site already */
    uint64_t out_bytes;
    uint32_t *queues; /* the site's number -> the store's, 0: not told on this connection */
    uint32_t queue_count;
};

struct clerk_site {
    bool loaded;
    bool changed; /* contact is to be written */
    uint32_t number;
    char id[LIMITS_SITE_MAX + 1];
    int64_t written_ms;
    struct store_contact contact;
    struct clerk_peer *peers;
    uint8_t instances[CLERK_INSTANCES][MESSAGE_INSTANCE_BYTES]; /* newest first */
    uint32_t instance_count;
    int64_t told_ms[CLERK_EVENT_KINDS]; /* when such an event was last recorded; 0: never */
    uint32_t jobs;                      /* in the commit under way */
};

struct clerk {
    const struct ingest_options *options;
    struct desk *desk;
    struct store *store;
    struct message_arena *arena;
    struct message_interval interval; /* decoded into, again and again */
    struct clerk_site **sites;        /* by number; NULL: not met yet */
    size_t site_count;
    struct message_item_reply *replies;
    size_t reply_cap;
    struct members *members;
    uint64_t registry_version;
    int64_t wall_ms; /* of this round */
    int64_t now_ms;  /* monotonic */
    int64_t tended_ms;
    int64_t contacts_ms;
    unsigned failures;
    bool more_to_tend;
    pthread_mutex_t lock; /* over `shared` alone */
    struct clerk_counters shared;
    uint64_t intervals;
};

/* clerk_sites: NULL when out of memory. */
struct clerk_site *clerk_site(struct clerk *clerk, uint32_t number, const char *id);
struct clerk_peer *clerk_peer(struct clerk_site *site, uint64_t session); /* made when new */
void clerk_forget_peer(struct clerk *clerk, struct clerk_site *site, uint64_t session);
void clerk_peer_unsettle(struct clerk_peer *peer);       /* what the store gave it is not sure any more: ask it again */
int clerk_write_contacts(struct clerk *clerk, bool all); /* within a transaction */
void clerk_contacts_written(struct clerk *clerk, bool all); /* after its commit */
void clerk_sites_free(struct clerk *clerk);

/* Logs and stores an event, of a kind and site at most one in ten minutes. */
__attribute__((format(printf, 4, 5))) void clerk_tell(struct clerk *clerk, struct clerk_site *site,
                                                      enum clerk_event event, const char *format, ...);

/* What a message is answered with. Each handles one job within a transaction: a negative return means that the
 * transaction cannot go on. */
void clerk_answer(struct desk_job *job, unsigned code, const char *text);
int clerk_hello(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);
int clerk_batch(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);
int clerk_live(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);

/* Finds or adopts the ledger's epoch: 0 with peer->epoch_number; positive: refused, the job is answered. */
enum { CLERK_REFUSED_JOB = 1 };
int clerk_settle_epoch(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);
int clerk_take_queues(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer,
                      const struct message_queue *queues, size_t count, struct admit_why *why);

#endif
