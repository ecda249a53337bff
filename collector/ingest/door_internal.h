/* door_internal: what the door's own files share. */
#ifndef RINGSIDE_COLLECTOR_INGEST_DOOR_INTERNAL_H
#define RINGSIDE_COLLECTOR_INGEST_DOOR_INTERNAL_H

#include <pthread.h>

#include "collector/ingest/door.h"
#include "platform/tls/peer.h"

enum door_resource { DOOR_NOTHING, DOOR_CRTS, DOOR_ENROLL, DOOR_REENROLL, DOOR_HELLO, DOOR_SUMMARIES, DOOR_LIVE };

enum door_kind { DOOR_JOINING /* a PSK session */, DOOR_SITE /* a certificate */ };

struct door_session {
    struct door_session *next;
    struct door_session *prev;
    struct door_session *next_same; /* of those charged to the same site, the oldest first */
    struct door_session *prev_same;
    uint32_t charged;      /* to this site; 0: to nobody's, it may do nothing */
    uint32_t clerk_site;   /* the clerk heard of it under this number; 0: not at all */
    struct desk_job *gone; /* owned: to tell the clerk that it ended, which must not fail; NULL: told */
    uint64_t number;
    enum door_kind kind;
    struct peer peer;                      /* as judged when the session began */
    uint8_t token_psk[REGISTRY_KEY_BYTES]; /* of a joining one: the token that opened it, no other */
    char address[HUB_ADDRESS_MAX];
    char site_id[LIMITS_SITE_MAX + 1]; /* as certified, or as named by the PSK identity */
    struct registry_site site;         /* as the registry had it at `version`; number 0: unknown */
    uint64_t version;
    int64_t opened_at_ms;    /* monotonic, as the next */
    int64_t doomed_at_ms;    /* refused, to be closed once the answer had time to leave; 0: not */
    int64_t confirmed_at_ms; /* when its key was last confirmed, or that was tried; 0: never */
    bool told;               /* its refusal was logged */
};

/* What is charged to a site. Indexed by its number; 0: to those that may do nothing. */
struct door_account {
    struct door_session *first;
    struct door_session *last;
    uint32_t session_count;
    uint64_t buffered_bytes;
    struct admit_bucket bucket;
    struct admit_bucket enrolments;
    uint64_t flood_refusals; /* not handed to the clerk yet */
};

/* So that a flood of refusals does not flood the log. */
struct door_notes {
    int64_t since_ms;
    unsigned lines;
    uint64_t left_out;
};

struct door_why {
    char text[240];
};

struct door {
    const struct ingest_options *options;
    struct desk *desk;
    struct hub *hub;
    struct door_session *sessions;
    struct door_account *accounts;
    size_t account_count;
    struct door_notes notes;
    uint64_t version_seen;
    int64_t ticked_at_ms;
    int64_t looked_at_ms; /* over all sessions */
    int64_t tended_at_ms;
    uint64_t refused_connections;
    uint64_t refused_requests;
    struct buf body; /* of the answer being made; the hub borrows it for the call, as the next */
    struct door_why why;
    int64_t turned_ms;    /* under `lock`, as shared */
    pthread_mutex_t lock; /* over `shared` alone */
    struct door_counters shared;
};

/* rights: whether the session may use the resource now. 0, or the response code of the refusal with `why`. */
unsigned door_rights(struct door *door, struct door_session *session, enum door_resource resource, int64_t now_ms,
                     struct door_why *why);
/* The registry's record, when the registry changed. Not 0: it cannot be read just now. */
int door_refresh(struct door *door, struct door_session *session);

/* sessions: who is here, and on whose account. Of a site at most so many at once: the oldest gives way. */
enum { DOOR_SITE_SESSIONS = 8, DOOR_OTHER_SESSIONS = 64 };
void door_admit_session(struct door *door, struct door_session *session); /* takes it up and charges it */
void door_drop_session(struct door *door, struct door_session *session);  /* it ended: frees it */
void door_tell_clerk(struct door *door, struct door_session *session);    /* before a job of it is handed in */
void door_doom(struct door_session *session, int64_t linger_ms);          /* it is closed after that */
void door_look_over(struct door *door, bool all, int64_t now_ms);

/* enrolment: fills in the answer; `body` holds its payload. */
void door_enrol(struct door *door, struct door_session *session, enum door_resource resource,
                const struct hub_request *request, struct hub_answer *answer, struct buf *body);

struct door_account *door_account(struct door *door, uint32_t site); /* NULL: out of memory */

/* One line about a refusal, unless there were too many lately. */
void door_note(struct door *door, const char *address, const char *site, const char *text);

#endif
