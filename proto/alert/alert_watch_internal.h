/* alert_watch_internal: what is watched at present, shared with the part that writes it down. */
#ifndef RINGSIDE_PROTO_ALERT_ALERT_WATCH_INTERNAL_H
#define RINGSIDE_PROTO_ALERT_ALERT_WATCH_INTERNAL_H

#include "proto/alert/alert_watch.h"

struct watch_entry {
    struct alert alert;
    bool heard;  /* in this round */
    bool passed; /* so its figure of this round */
};

struct watch_mute {
    char *rule; /* empty: all */
    char *site;
    int64_t until_ms;
    char *by;
    char *why;
};

struct alert_watch {
    const struct alert_rule *rules;
    size_t rule_count;
    bool *unknown; /* by rule: in this round */
    size_t max;
    alert_news_fn fn;
    void *ctx;
    int64_t now_ms;
    struct watch_entry *entries;
    size_t count;
    size_t cap;
    uint32_t *slots; /* by id: position + 1; a power of two of them */
    size_t slot_count;
    struct watch_mute *mutes;
    size_t mute_count;
    uint64_t left_out;
    uint64_t left_out_now;
};

/* Of what an alert of this rule is known by, an entry, found or made quiet. NULL: left out. STATUS_NO_MEMORY. */
int alert_watch_entry(struct alert_watch *watch, const struct alert_rule *rule, const struct alert_subject *subject,
                      bool make, struct watch_entry **out);
const struct alert_rule *alert_watch_rule(const struct alert_watch *watch, const char *name);
int alert_watch_add_mute(struct alert_watch *watch, const char *rule, const char *site, int64_t until_ms,
                         const char *by, const char *why);
void alert_watch_clear(struct alert_watch *watch);

#endif
