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
    uint64_t number;
    enum door_kind kind;
    struct peer peer;                      /* as judged when the session began */
    uint8_t token_psk[REGISTRY_KEY_BYTES]; /* of a joining one: the token that opened it, no other */
    char address[HUB_ADDRESS_MAX];
    char site_id[LIMITS_SITE_MAX + 1]; /* as certified, or as named by the PSK identity */
    struct registry_site site;         /* as the registry had it at `version`; number 0: unknown */
    uint64_t version;
    int64_t doomed_at_ms; /* monotonic: refused, to be closed once the answer had time to leave; 0: not */
    bool told;            /* its refusal was logged */
};

/* What is charged to a site. Indexed by its number. */
struct door_account {
    uint64_t buffered_bytes;
    struct admit_bucket bucket;
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
    int64_t tended_at_ms;
    uint64_t refused_connections;
    uint64_t refused_requests;
    struct buf body; /* of the answer being made; the hub borrows it for the call, as the next */
    struct door_why why;
    pthread_mutex_t lock; /* over `shared` alone */
    struct door_counters shared;
};

/* rights: whether the session may use the resource now. 0, or the response code of the refusal with `why`. */
unsigned door_rights(struct door *door, struct door_session *session, enum door_resource resource, int64_t now_ms,
                     struct door_why *why);
void door_refresh(struct door *door,
                  struct door_session *session); /* the registry's record, when the registry changed */

/* enrolment: fills in the answer; `body` holds its payload. */
void door_enrol(struct door *door, struct door_session *session, enum door_resource resource,
                const struct hub_request *request, struct hub_answer *answer, struct buf *body);

struct door_account *door_account(struct door *door, uint32_t site); /* NULL: out of memory */

/* One line about a refusal, unless there were too many lately. */
void door_note(struct door *door, const char *address, const char *site, const char *text);

#endif
