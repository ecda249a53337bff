/* sentry: the site's own alerts: the same rules as at the centre, about this one box, told on the spot: a line in the
 * log and, where one is set, a hook that is run. By default only while the centre cannot be reached, as otherwise it
 * tells.
 */
#ifndef RINGSIDE_AGENT_ALERT_SENTRY_H
#define RINGSIDE_AGENT_ALERT_SENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ledger/ledger.h"
#include "agent/live/board.h"
#include "platform/json/json.h"
#include "proto/alert/alert_rule.h"

struct sentry;

/* What the daemon knows that the ledger does not; filled in for each look. */
struct sentry_vitals {
    bool centre_configured;
    int64_t centre_lost_ms;     /* so long the centre has not been reached; 0: it is there */
    int64_t certificate_end_ms; /* wall clock; 0: none */
    int64_t clock_offset_ms;    /* ours less the centre's; 0: not known */
};

enum sentry_when { SENTRY_OFFLINE, SENTRY_ALWAYS };

struct sentry_options {
    const struct alert_rule *rules;
    size_t rule_count;
    const char *site;
    bool hook; /* one is run with what is told */
    enum sentry_when when;
    int64_t offline_after_ms; /* the centre must be out of reach for so long */
    struct ledger *ledger;
    struct board *board; /* NULL: no live source; asked only for what is so now, and while it is on */
};

/* Tells: one line for the log, and the document for the hook's standard input. */
typedef void (*sentry_tell_fn)(void *ctx, const char *line, const struct json *document);

int sentry_new(const struct sentry_options *options, sentry_tell_fn fn, void *ctx, struct sentry **out); /* borrows */
void sentry_free(struct sentry *sentry); /* NULL is fine */

/* One look. STATUS_NO_MEMORY or a failure of the ledger: then nothing changed. */
int sentry_look(struct sentry *sentry, const struct sentry_vitals *vitals, int64_t now_ms);

/* What all looks so far came to. */
struct sentry_sum {
    uint32_t firing;
    uint32_t pending;
    uint32_t critical; /* of those firing */
    char worst[256];   /* the worst that fires, for people; empty: none */
    uint64_t version;  /* another whenever there is something else to keep or to show; not for ever growing */
};
struct sentry_sum sentry_sum(struct sentry *sentry);

/* The document of /alerts: that of alert_watch_put() with site, zone, "configured", "when" and whether news are told at
 * present. Returns owned; NULL without memory. */
struct json *sentry_state(const struct sentry *sentry, int64_t now_ms);

/* What must outlive a restart. STATUS_INVALID: nothing was taken. */
void sentry_save(const struct sentry *sentry, struct json *out);
int sentry_restore(struct sentry *sentry, const struct json *from);

#endif
