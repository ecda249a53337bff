/* link: the sync engine on the daemon's loop: name resolution (all addresses of the collector in turn), the connection,
 * the collector's certificate judged before anything is sent, the site's own renewed in time, credentials that appear
 * or change picked up without a restart. */
#ifndef RINGSIDE_AGENT_SYNC_LINK_H
#define RINGSIDE_AGENT_SYNC_LINK_H

#include "agent/sync/sync.h"
#include "platform/loop/loop.h"

struct link;

struct link_options {
    struct loop *loop;
    const char *credentials_dir;
    const char *url;            /* NULL: as stored when the box joined */
    struct sync_options sync;   /* its transport, random and instance are filled in by link */
    void (*changed)(void *ctx); /* facts changed in a way that people want to know */
    void *ctx;
};

struct link_facts {
    bool joined;                     /* and what joining left behind can be used */
    bool wanted;                     /* it joined once, or a URL is configured */
    char collector[320];             /* URL */
    char address[80];                /* connected to */
    int64_t connected_at_ms;         /* monotonic; 0: not connected */
    int64_t certificate_not_after_s; /* 0: none */
    int64_t renew_at_s;
    int64_t renewed_at_s;
    char problem[240]; /* why it cannot even try: not joined, unreadable credentials; empty: none */
    struct sync_facts sync;
};

int link_start(const struct link_options *options, struct link **out); /* copies; returns owned */
void link_stop(struct link *link);                                     /* NULL is fine */
void link_committed(struct link *link);
void link_live_changed(struct link *link); /* the board has: cheap, however often */
void link_set_lag(struct link *link, int64_t lag_ms);
void link_facts(const struct link *link, struct link_facts *out);

#endif
