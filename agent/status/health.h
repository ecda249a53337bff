/* health: what only the running daemon knows of itself. The ingest thread updates it, the server thread copies it. */
#ifndef RINGSIDE_AGENT_STATUS_HEALTH_H
#define RINGSIDE_AGENT_STATUS_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "proto/report/confinement.h"

enum { HEALTH_SOURCES_MAX = 8 };

struct health_source {
    char name[32]; /* as in the configuration: "queue_log" */
    char type[16]; /* "queue_log", "ami" */
    char path[256];
    char state[24]; /* follow_state_str(), ami_state_str() */
    uint64_t lag_bytes;
    char last_error[160]; /* empty: none */
    char hint[256];       /* a sentence for the admin (file silent while the PBX writes to a database, ...) or empty */
};

/* The way to the collector. */
struct health_centre {
    bool known;     /* somebody looks after it */
    bool joined;    /* and has what it needs to connect */
    bool wanted;    /* the box is meant to have a centre: it joined once, or the configuration names one */
    char state[24]; /* sync_state_str() */
    char collector[320];
    char address[80];           /* connected to; empty: not */
    int64_t connected_since_ms; /* wall clock, as the next; 0: not, never */
    int64_t acked_ms;           /* newest answer of a collector that takes what we send */
    int64_t delivered_ms;       /* newest answer to a batch of intervals */
    int64_t certificate_not_after_s;
    int64_t certificate_renew_at_s;
    int64_t clock_offset_ms; /* ours less the collector's */
    uint64_t sent_again;     /* intervals, because the centre lost what it had; since the start */
    char last_error[200];
    char problem[240]; /* why it cannot even try */
};

/* The live source (AMI), beside its line among the sources. */
enum health_sight { HEALTH_UNTOLD, HEALTH_SEEN, HEALTH_UNSEEN };
struct health_live {
    bool configured;
    bool connected;             /* and its first snapshot taken in: the board is on */
    bool leads;                 /* there is no queue_log: what it tells is all that is counted */
    char version[64];           /* of the PBX, empty: not told */
    int64_t connected_since_ms; /* wall clock, 0: not connected */
    uint64_t connects;
    uint64_t events;
    uint64_t actions; /* sent to the PBX since the start, the load we put on it, as the next three */
    uint64_t received_bytes;
    uint64_t snapshot_bytes; /* of the newest snapshot */
    int64_t snapshot_took_ms;
    bool filtered;             /* the PBX sends only what we need */
    enum health_sight refused; /* whether callers refused at the door can be seen */
    char limits[160];          /* what the manager account may not do; empty: nothing found */
    char last_error[160];
};

/* The site's own alerts, in short; the whole document beside it. */
struct health_alerts {
    bool configured; /* there are rules */
    uint32_t firing;
    uint32_t pending;
    uint32_t critical; /* of those firing */
    char worst[256];   /* that fires, for people */
};

struct health {
    int64_t started_ms;
    bool ledger_full;
    struct confinement confinement;
    uint32_t source_count;
    struct health_source sources[HEALTH_SOURCES_MAX];
    struct health_centre centre;
    struct health_live live;
    struct health_alerts alerts;
};

struct status_health; /* guarded by its own mutex */

int status_health_new(int64_t started_ms, struct status_health **out); /* returns owned */
void status_health_free(struct status_health *health);                 /* NULL is fine */

/* Adds the source or replaces what was known of the one with this name and path. STATUS_FULL when there is no room. */
int status_health_set_source(struct status_health *health, const struct health_source *source);
void status_health_set_ledger_full(struct status_health *health, bool full);
void status_health_set_confinement(struct status_health *health, const struct confinement *confinement);
void status_health_set_centre(struct status_health *health, const struct health_centre *centre);
void status_health_set_live(struct status_health *health, const struct health_live *live);
/* `document` is the text of /alerts, copied. */
void status_health_set_alerts(struct status_health *health, const struct health_alerts *alerts, struct slice document);
bool status_health_alerts(struct status_health *health, struct buf *out); /* appends it; false: there is none */
void status_health_copy(struct status_health *health, struct health *out);

#endif
