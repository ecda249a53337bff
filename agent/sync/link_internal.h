/* link_internal: what the files of link share. */
#ifndef RINGSIDE_AGENT_SYNC_LINK_INTERNAL_H
#define RINGSIDE_AGENT_SYNC_LINK_INTERNAL_H

#include "agent/credentials/credentials.h"
#include "agent/sync/dial.h"
#include "agent/sync/link.h"
#include "platform/base/buf.h"

enum { LINK_RENEWAL_TAG_BIT = 63 };
#define LINK_RENEWAL_TAG (UINT64_C(1) << LINK_RENEWAL_TAG_BIT) /* the engine counts its own from below */

/* What was logged, so that the same is not said again and again, not in turns with something else either. */
enum { LINK_SAID_MAX = 4 };
struct link_said {
    struct {
        char text[300];
        int64_t at_ms; /* monotonic */
    } lines[LINK_SAID_MAX];
    unsigned next;
};

struct link {
    struct link_options options;
    char *credentials_dir;
    char *url_set; /* by the configuration; NULL: as joined */
    char *site;
    char *agent_version;
    char *zone;
    struct loop_timer *turn; /* the engine's */
    struct loop_timer *look; /* after the credentials */

    struct credentials *credentials; /* NULL: none that can be used */
    struct credentials_url address;
    char url[CREDENTIALS_URL_MAX];
    char problem[240];
    bool joined_once; /* there are credentials, good or not */

    struct sync *sync; /* NULL until there are credentials */
    int64_t lag_ms;
    enum sync_state state_told;
    uint64_t refused_told;
    uint64_t resends_told;
    uint64_t resent_told;

    struct dial *dial;
    size_t attempts; /* since the last that worked; each begins with another address */
    int dial_failed; /* a status that the engine has not heard of yet */
    bool connected;  /* and the engine knows */
    int64_t connected_at_ms;
    char connected_to[80];

    struct credentials_renewal *renewal; /* its request is under way */
    int64_t renewal_begun_ms;            /* monotonic */
    double renewal_jitter;
    int64_t renewal_retry_ms; /* monotonic: not before */
    int64_t renewed_at_s;

    struct link_said said_connect;
    struct link_said said_problem;
    struct link_said said_renewal;
    struct link_said said_refused;
};

/* At `level`, but for debugging only when the same was said within the hour. */
void link_say(struct link_said *said, int level, const char *text);
void link_unsay(struct link_said *said); /* what follows is news */

/* Ends the connection; the engine is told when it knew of one or waits for it. */
void link_hang_up(struct link *link, const char *reason);

/* Files were made, changed or removed: use what is there now. */
void link_load_credentials(struct link *link);

/* link_renewal.c: asks for a new certificate when it is time, over the connection at hand. */
bool link_renewal_due(const struct link *link);
void link_renewal_begin(struct link *link);
void link_renewal_answered(struct link *link, const struct uplink_answer *answer);
void link_renewal_drop(struct link *link);
void link_renewal_tend(struct link *link); /* now and then: no answer is an answer too */

#endif
