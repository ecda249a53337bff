/* watch_model: the document of /live as plain structs. Every text in it is fit for a terminal, every number is in
 * bounds; what is missing or makes no sense is "not told". Pure. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_MODEL_H
#define RINGSIDE_AGENT_CLI_WATCH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/json/json.h"

enum { WATCH_NONE = -1, WATCH_TREND_MAX = 16, WATCH_HINTS_MAX = 5 }; /* WATCH_NONE: not told */

enum watch_health { WATCH_HEALTH_UNKNOWN, WATCH_HEALTH_OK, WATCH_HEALTH_DEGRADED, WATCH_HEALTH_DOWN };

struct watch_queue {
    const char *name;
    const char *label; /* the name where there is none */
    int64_t waiting;
    int64_t longest_ms;
    int64_t talking;
    int64_t held;
    int64_t logged_in;
    int64_t ready;
    int64_t paused;
    int64_t entered; /* today, as what follows */
    int64_t answered;
    int64_t abandoned;
    int64_t asa_ms;
    double service_level; /* 0..1, or WATCH_NONE */
    int64_t threshold_ms;
    const char *method;
    size_t trend_count;
    double trend[WATCH_TREND_MAX]; /* service level of each interval, or WATCH_NONE; oldest first */
};

struct watch_caller {
    const char *queue;
    const char *label;
    bool connected; /* else waiting */
    bool ringing;
    bool held;
    int64_t position;
    int64_t wait_ms;
    int64_t on_call_ms;
    const char *operator_name; /* "" as everywhere: not told */
    const char *caller;
};

struct watch_operator {
    const char *name;
    const char *state; /* "ready", "talk", ... as told */
    int64_t since_ms;
    const char *reason;
    const char *queue;
    int64_t logged_in_ms;
    const char **queues; /* a member of */
    size_t queue_count;
    const char *all_queues; /* the same, with commas */
};

struct watch_event {
    int64_t ago_ms;
    const char *kind;
    const char *queue;
    const char *operator_name;
    const char *text;
    int64_t wait_ms;
    int64_t talk_ms;
};

struct watch_text; /* the model's own */

struct watch_model {
    const char *site;
    const char *version;
    int64_t now_ms;   /* wall clock of the agent */
    int32_t offset_s; /* of the site's zone from UTC */
    int64_t age_ms;   /* how old the figures were at now_ms */
    enum watch_health health;
    const char *hints[WATCH_HINTS_MAX];
    size_t hint_count;
    bool live;
    const char *source_state; /* of the live source; "" when there is none */
    int64_t waiting;          /* totals */
    int64_t longest_ms;
    int64_t talking;
    int64_t logged_in;
    int64_t ready;
    int64_t paused;
    struct watch_queue *queues;
    size_t queue_count;
    struct watch_caller *callers;
    size_t caller_count;
    int64_t callers_left_out;
    struct watch_operator *operators;
    size_t operator_count;
    int64_t operators_left_out;
    struct watch_event *events;
    size_t event_count;
    struct watch_text *texts;
};

/* STATUS_INVALID when the document is no live view at all, STATUS_NO_MEMORY. Returns owned. */
int watch_model_make(const struct json *document, struct watch_model **out);
void watch_model_free(struct watch_model *model); /* NULL is fine */

/* The queue of that name, or NULL. */
const struct watch_queue *watch_model_queue(const struct watch_model *model, const char *name);

bool watch_model_is_member(const struct watch_operator *who, const char *queue);

#endif
