/* alert_watch: from figures to alerts: pending while a limit is passed, firing once it was for long enough, resolved
 * once it was not for long enough. Knows no clock, no store and no receiver. */
#ifndef RINGSIDE_PROTO_ALERT_ALERT_WATCH_H
#define RINGSIDE_PROTO_ALERT_ALERT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/json/json.h"
#include "proto/alert/alert_rule.h"
#include "proto/limits.h"

enum alert_phase { ALERT_QUIET, ALERT_PENDING, ALERT_FIRING };

/* One thing that a rule looks at. Texts that do not apply are empty. */
struct alert_subject {
    char site[LIMITS_SITE_MAX + 1];
    char group[LIMITS_SITE_MAX + 1];
    char queue[256];
};

struct alert {
    uint64_t id; /* of rule and subject; the same whenever these are */
    const struct alert_rule *rule;
    struct alert_subject subject;
    enum alert_phase phase;
    bool muted;   /* by the calendar or by hand: it goes on, but nobody is told */
    bool told;    /* that it fires, and not yet that it does not */
    bool stale;   /* firing, but its figure is not known at present */
    double value; /* newest */
    double worst;
    uint64_t calls;
    int64_t since_ms; /* of the phase */
    int64_t begun_ms; /* when the limit was passed first */
    int64_t over_ms;  /* not passed any more since; 0: it is */
    int64_t seen_ms;  /* its figure was told last */
};

struct alert_watch;

/* A change that somebody is to hear of: firing, resolved. Borrowed for the call. Returns 0; anything else: it could not
 * be taken, and comes again in the next round. */
enum alert_news { ALERT_NEWS_FIRING, ALERT_NEWS_RESOLVED };
typedef int (*alert_news_fn)(void *ctx, enum alert_news news, const struct alert *alert);

/* Borrows the rules. At most `max` subjects are watched; more are counted and not watched. Returns owned. */
int alert_watch_new(const struct alert_rule *rules, size_t count, size_t max, alert_news_fn fn, void *ctx,
                    struct alert_watch **out);
void alert_watch_free(struct alert_watch *watch);

/* What fired and had no figure for so long is taken for over: its site or queue is no longer there. */
#define ALERT_STALE_MAX_MS (INT64_C(24) * 3600 * 1000)

/* One round: begin, then the figures of all subjects of all rules that are known (a subject that is not told of has no
 * figure: what fired stays as it is, marked stale, what was pending is dropped), then end. Figures of a subject that
 * the rule does not match are passed over. */
void alert_watch_begin(struct alert_watch *watch, int64_t now_ms);
int alert_watch_figure(struct alert_watch *watch, const struct alert_rule *rule, const struct alert_subject *subject,
                       double value, uint64_t calls);
/* The rule's whole figure set is not known in this round (a store that cannot be read): nothing of it changes. */
void alert_watch_unknown(struct alert_watch *watch, const struct alert_rule *rule);
void alert_watch_end(struct alert_watch *watch);

/* By hand: rule and site empty: all. until_ms 0: ends the one of just this rule and site. What it keeps back is told
 * when it ends. STATUS_NOT_FOUND: no such rule, or no such mute to end; STATUS_RANGE: ends before the last round;
 * STATUS_FULL: ALERT_MUTES_MAX there already. */
enum { ALERT_MUTES_MAX = 256, ALERT_MUTE_TEXT_MAX = 255 };
int alert_watch_mute(struct alert_watch *watch, const char *rule, const char *site, int64_t until_ms, const char *by,
                     const char *why);

typedef int (*alert_fn)(void *ctx, const struct alert *alert);
int alert_watch_each(struct alert_watch *watch, alert_fn fn, void *ctx); /* pending and firing, worst severity first */
uint64_t alert_watch_left_out(const struct alert_watch *watch);          /* subjects, in the last round */

/* "sales at madrid: service level 62 % below 80 % (last 30m, 41 calls)" */
void alert_text(const struct alert *alert, struct buf *out);

/* One as a member of "alerts" below. */
void alert_put(const struct alert *alert, struct json *out);

/* {"as_of", "rules": [...], "alerts": [...], "mutes": [...]}; times in the zone in force. */
void alert_watch_put(const struct alert_watch *watch, int64_t now_ms, struct json *out);

/* What must outlive a restart: pending and firing, mutes. Of a state that belongs to rules no longer there what is
 * left is dropped. STATUS_INVALID; STATUS_NO_MEMORY: nothing is wrong with the state. */
void alert_watch_save(const struct alert_watch *watch, struct json *out);
int alert_watch_restore(struct alert_watch *watch, const struct json *from);

#endif
