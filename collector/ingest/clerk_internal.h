/* clerk_internal: what the clerk's own files share. */
#ifndef RINGSIDE_COLLECTOR_INGEST_CLERK_INTERNAL_H
#define RINGSIDE_COLLECTOR_INGEST_CLERK_INTERNAL_H

#include <pthread.h>

#include "collector/ingest/clerk.h"
#include "collector/ingest/members.h"
#include "platform/base/buf.h"
#include "proto/message.h"

enum { CLERK_INSTANCES = 4, CLERK_EVENT_KINDS = 8 };
enum { CLERK_COMMIT_BYTES = 4 * 1024 * 1024 /* a commit of this size waits for no more */ };

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
    bool live_told;        /* it tells how its queues are */
    bool unsure;           /* it comes from the commit under way */
    uint32_t interval_s;
    int64_t seen_ms;
    uint64_t in_bytes; /* of the session, as charged to the site already */
    uint64_t out_bytes;
    uint32_t *queues; /* the site's number -> the store's, 0: not told on this connection */
    uint32_t queue_count;
};

/* Of a site, what a commit that fails must not leave behind. */
struct clerk_before {
    struct store_contact contact;
    uint8_t instances[CLERK_INSTANCES][MESSAGE_INSTANCE_BYTES];
    uint32_t instance_count;
    int64_t told_ms[CLERK_EVENT_KINDS];
};

struct clerk_live_queue {
    uint32_t number;              /* the site's own; 0: its operators in all queues */
    struct store_live_queue told; /* its number 0: the name is not known */
};

struct clerk_people {
    struct store_live_operator *items; /* by name */
    size_t count;
    size_t cap;
    uint32_t more; /* not told of by name */
    bool known;
};

struct clerk_site {
    struct clerk_site *next_changed; /* of those whose contact is to be written */
    struct clerk_site *next_touched; /* of those that the commit under way has to do with */
    bool changed;                    /* in the list, as is: */
    bool touched;
    bool settled; /* the registry's mark of a new ledger goes after the commit */
    uint32_t number;
    char id[LIMITS_SITE_MAX + 1];
    int64_t written_ms;
    struct store_contact contact;
    struct clerk_peer *peers;
    int64_t left_ms; /* when a ledger whose connection ended was last heard of; 0: never */
    uint8_t left_epoch[LIMITS_EPOCH_BYTES];
    uint8_t instances[CLERK_INSTANCES][MESSAGE_INSTANCE_BYTES]; /* newest first */
    uint32_t instance_count;
    int64_t told_ms[CLERK_EVENT_KINDS];   /* when such an event was last recorded; 0: never */
    int64_t logged_ms[CLERK_EVENT_KINDS]; /* the same of the log, which no failed commit takes back */
    int64_t presence_ms;                  /* when the first of presence_lines was logged */
    unsigned presence_lines;
    struct clerk_live_queue *live; /* queues that are not idle, as last told, by number */
    size_t live_count;
    size_t live_cap;
    bool live_changed; /* as is, beside the contact: */
    struct clerk_people people;
    bool people_changed;
    struct admit_bucket names; /* of queues and gaps that were not known before */
    struct clerk_before before;
};

struct clerk {
    const struct ingest_options *options;
    struct desk *desk;
    struct store *store;
    struct message_arena *arena;
    struct message_interval interval; /* decoded into, again and again */
    int64_t rolled_ms;                /* when hours and days were last brought up */
    struct clerk_site **sites;        /* by number; NULL: not met yet */
    size_t site_count;
    struct clerk_site *changed;
    struct clerk_site *touched;
    uint32_t newest_queue;             /* the highest number of a name that was seen so far */
    struct store_live_queue *standing; /* of a site, as it is written */
    size_t standing_cap;
    struct message_item_reply *replies;
    size_t reply_cap;
    struct members *members;
    uint64_t registry_version;
    int64_t wall_ms; /* of this round */
    int64_t now_ms;  /* monotonic */
    int64_t tended_ms;
    int64_t contacts_ms;
    int64_t roll_failed_ms; /* when that was last said */
    int64_t full_ms;        /* when it was last said that the store is full */
    int64_t follow_ms;      /* not before then is the registry followed again, which failed */
    unsigned failures;
    bool more_to_tend;
    pthread_mutex_t lock; /* over these two alone */
    int64_t turned_ms;
    struct clerk_counters shared;
    uint64_t intervals;
    uint64_t intervals_kept; /* of commits that are on the disk */
};

/* clerk_commit: stores what the jobs bring and fills in their answers; one that cannot be stored costs no other. */
void clerk_commit(struct clerk *clerk, const struct desk_list *jobs);

/* clerk_sites: NULL when out of memory, or its contact cannot be read. */
struct clerk_site *clerk_site(struct clerk *clerk, uint32_t number, const char *id);
struct clerk_site *clerk_site_known(const struct clerk *clerk, uint32_t number); /* NULL: not met yet */
void clerk_changed(struct clerk *clerk, struct clerk_site *site);                /* its contact is to be written */
void clerk_touch(struct clerk *clerk, struct clerk_site *site); /* before a commit changes what is known of it */
void clerk_touched_undo(struct clerk *clerk);                   /* the commit failed */
void clerk_touched_keep(struct clerk *clerk);                   /* the commit is on the disk */
struct clerk_peer *clerk_peer(struct clerk_site *site, uint64_t session); /* made when new */
void clerk_forget_peer(struct clerk *clerk, struct clerk_site *site, uint64_t session);
void clerk_peer_unsettle(struct clerk_peer *peer); /* what the store gave it is not sure any more: ask it again */
bool clerk_contacts_due(const struct clerk *clerk);
int clerk_write_contacts(struct clerk *clerk, bool all);    /* within a transaction */
void clerk_contacts_written(struct clerk *clerk, bool all); /* after its commit */
void clerk_sites_free(struct clerk *clerk);

/* Whether a site's coming and going is to be logged: not when it does little else. */
bool clerk_logs_presence(const struct clerk *clerk, struct clerk_site *site);

/* One name or gap more that the store did not have. False: the site brought too many of late. */
bool clerk_may_add(const struct clerk *clerk, struct clerk_site *site);
void clerk_give_back(struct clerk_site *site); /* it was known after all */

/* Logs and stores an event, of a kind and site at most one in ten minutes. */
__attribute__((format(printf, 4, 5))) void clerk_tell(struct clerk *clerk, struct clerk_site *site,
                                                      enum clerk_event event, const char *format, ...);

/* What a message is answered with. Each handles one job within a transaction: a negative return means that the
 * transaction cannot go on. */
void clerk_answer(struct desk_job *job, unsigned code, const char *text);
int clerk_hello(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);
int clerk_batch(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);
int clerk_live(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);

uint32_t clerk_queue_of(const struct clerk_peer *peer, uint32_t number); /* the store's; 0: it was not named */

/* clerk_standing: how a site's queues and operators are, as it last told. */
int clerk_take_standing(struct clerk *clerk, struct clerk_site *site, const struct clerk_peer *peer,
                        const struct message_live *told);
int clerk_take_people(struct clerk *clerk, struct clerk_site *site, const struct clerk_peer *peer,
                      const struct message_live *told);
void clerk_forget_standing(struct clerk_site *site);                    /* it does not tell */
int clerk_write_standing(struct clerk *clerk, struct clerk_site *site); /* within a transaction, what changed */
void clerk_standing_written(struct clerk_site *site);
void clerk_free_standing(struct clerk_site *site);

/* Finds or adopts the ledger's epoch: 0 with peer->epoch_number; positive: refused, the job is answered. */
enum { CLERK_REFUSED_JOB = 1, CLERK_PUT_OFF_JOB = 2, CLERK_PUT_OFF_S = 600 };
int clerk_settle_epoch(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job);
int clerk_take_queues(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer,
                      const struct message_queue *queues, size_t count, struct admit_why *why);

#endif
