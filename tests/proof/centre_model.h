/* centre_model: the world of a proof of the collector as it should be: what the sites have told and what was
 * acknowledged, which commands were given and which of them said that they were done. It lies in memory that the
 * process under test shares with the one that watches it, so it outlives every crash; no pointers.
 *
 * A script of steps, one after the other. A step is done once it said so; the one that was under way when the process
 * ended may have happened or not, and is done again. */
#ifndef RINGSIDE_TESTS_PROOF_CENTRE_MODEL_H
#define RINGSIDE_TESTS_PROOF_CENTRE_MODEL_H

#include "proto/limits.h"
#include "tests/proof/centre_input.h"

enum {
    MODEL_STEPS_MAX = 96,
    MODEL_TOKENS = 3,
    MODEL_GROUPS = 2,
    MODEL_ZONES = 3,
    MODEL_HOSTS = 3,
    MODEL_GAPS_MAX = 16
};
enum { MODEL_DELIVERIES_MAX = 64, MODEL_DELIVERY_ID = 33 };

enum model_kind {
    MODEL_INVITE,  /* a: group and zone that it is given */
    MODEL_ENROL,   /* the token is used up */
    MODEL_RENEW,   /* another key, beside the present one */
    MODEL_CONFIRM, /* it was seen in use */
    MODEL_REGROUP, /* a: group */
    MODEL_ZONE,    /* a: zone */
    MODEL_REVOKE,  /* what waits at the site is delivered first, as with the next */
    MODEL_REMOVE,
    MODEL_TOKEN_ADD, /* a: which */
    MODEL_TOKEN_REVOKE,
    MODEL_TOKEN_FILE,
    MODEL_REISSUE,     /* a: host; the collector's certificate anew */
    MODEL_TRAFFIC,     /* sites: of the mask `site`; a: how many intervals of each change */
    MODEL_ANSWER_LOST, /* likewise, and the answer does not arrive: it comes again */
    MODEL_SETTINGS,    /* of the site's queues */
    MODEL_LIVE,        /* a: callers waiting */
    MODEL_GAP,
    MODEL_EPOCH, /* the site's ledger is made anew */
    MODEL_HANGUP,
    MODEL_QUIET,  /* a: rounds in which nobody speaks */
    MODEL_PAUSE,  /* time passes beyond the keep of the early intervals */
    MODEL_REOPEN, /* a clean end, and on */
    MODEL_LOOK,   /* the alerts */
    MODEL_SETTLE  /* until nothing is left to be done */
};

struct model_step {
    uint8_t kind;
    uint8_t site;
    uint8_t a;
};

struct model_entry {
    bool there;
    bool waits; /* not acknowledged since it changed, or the answer was lost */
    uint8_t epoch;
    uint8_t acked_epoch;
    uint16_t revision;
    uint16_t acked; /* 0: never */
};

struct model_site {
    uint32_t number;  /* the registry's; 0: not told yet */
    uint32_t session; /* 0: none, or has not greeted */
    uint8_t epoch;
    uint8_t settings;
    bool settings_wait;
    uint8_t gaps; /* told of */
    uint8_t gaps_acked;
    uint8_t waiting; /* callers, as last told; the next: acknowledged */
    uint8_t waiting_acked;
    bool live_acked;
    struct model_entry entries[INPUT_QUEUES][INPUT_SLOTS];
};

/* Who is told of alerts. A delivery that comes twice is one. */
struct model_receiver {
    char seen[MODEL_DELIVERIES_MAX][MODEL_DELIVERY_ID];
    uint32_t count;
    uint32_t unread;      /* times that the file of the alerts could not be read: they were found again */
    uint32_t out_of_turn; /* "firing" twice without "resolved" in between, or the other way round */
    bool firing;
};

struct model {
    uint64_t seed; /* of the input */
    struct model_step steps[MODEL_STEPS_MAX];
    uint32_t step_count;
    uint32_t next; /* all before are done */
    bool begun;    /* what the next one changes at the sites is changed */
    bool lost;     /* its answer was lost already */
    bool with_identity;
    bool founded;
    bool paused; /* MODEL_PAUSE is over */
    int64_t wall_ms;
    int64_t now_ms;
    uint32_t sessions;
    struct model_site sites[INPUT_SITES];
    struct model_receiver receiver;
    /* For whoever watches. */
    uint32_t opened;
    uint32_t again;    /* steps that had to be tried again */
    uint32_t stopped;  /* the daemon gave up, or could not begin: the service manager starts it again */
    bool may_not_read; /* the file of the alerts may be there and not readable, which then counts as none */
    bool fired;
    int64_t blocks;
    uint64_t counts[16]; /* passages of each kind of point */
    char why[400];
};

#define MODEL_KEEP_MS (INT64_C(28) * 3600 * 1000)

void model_begin_points(struct model *model);                /* one script with everything in it but the next */
void model_begin_identity(struct model *model);              /* keys and certificates, which are dear to make */
void model_begin_random(struct model *model, uint64_t seed); /* a shorter one of what may come in any order */

/* A site's id, a queue's name and number at the site, a group's name, ... */
extern const char *const model_site_ids[INPUT_SITES];
extern const char *const model_queue_names[INPUT_QUEUES];
extern const uint32_t model_queue_numbers[INPUT_QUEUES];
extern const char *const model_group_names[MODEL_GROUPS + 1]; /* 0: none, as with the zones: as the site says */
extern const char *const model_zone_names[MODEL_ZONES + 1];
extern const char *const model_told_zones[INPUT_SITES];
extern const char *const model_hosts[MODEL_HOSTS];
extern const char *const model_token_names[MODEL_TOKENS];
#define MODEL_CENTRE_ZONE "Europe/Madrid"
int32_t model_zone_offset_s(const char *zone); /* in those days; no clock changes in them */

/* What the registry should hold after so many steps. */
enum model_state { MODEL_ABSENT, MODEL_INVITED, MODEL_JOINED, MODEL_REVOKED, MODEL_REMOVED };
struct model_record {
    enum model_state state;
    uint8_t group;
    uint8_t zone;
    bool has_token;
    uint8_t key; /* 0: none; which one counts */
    uint8_t next_key;
};
struct model_facts {
    struct model_record sites[INPUT_SITES];
    bool token[MODEL_TOKENS];
    bool token_revoked[MODEL_TOKENS];
    bool token_file[MODEL_TOKENS];
    uint8_t host;
};
void model_facts(const struct model *model, uint32_t steps, struct model_facts *out);

bool model_may_speak(const struct model_facts *facts, unsigned site); /* joined */
bool model_has_data(const struct model_facts *facts, unsigned site);  /* not removed */

/* The place of an entry's newest content, or of the one acknowledged. */
struct input_place model_place(const struct model *model, unsigned site, unsigned queue, unsigned slot);

/* Intervals that begin before this may have been dropped. */
int64_t model_edge_s(const struct model *model);

#endif
