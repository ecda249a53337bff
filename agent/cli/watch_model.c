#include "agent/cli/watch_model.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/time/stamp.h"
#include "proto/report/text.h"

#define NUMBER_MAX INT64_C(999999999999999)

enum { TEXT_MAX = 400, OFFSET_MAX_S = 18 * 3600 };

struct watch_text {
    struct watch_text *next;
    char bytes[];
};

/* Takes the text into the model's keeping; "" without memory: a picture with a hole is better than none. */
static const char *keep(struct watch_model *model, struct buf *text)
{
    struct watch_text *kept = text->failed || text->len == 0 ? NULL : malloc(sizeof *kept + text->len + 1);
    if (!kept) {
        return "";
    }
    memcpy(kept->bytes, text->data, text->len);
    kept->bytes[text->len] = 0;
    kept->next = model->texts;
    model->texts = kept;
    return kept->bytes;
}

static struct slice text_at(const struct json *json, const char *path)
{
    struct slice text = slice_str(json_text(json, path));
    text.len = text.len > TEXT_MAX ? TEXT_MAX : text.len; /* a character cut in two becomes U+FFFD */
    return text;
}

static const char *take_text(struct watch_model *model, const struct json *json, const char *path)
{
    struct buf safe = BUF_INIT;
    text_put_plain(&safe, text_at(json, path));
    const char *kept = keep(model, &safe);
    buf_deinit(&safe);
    return kept;
}

static int64_t take_number(const struct json *json, const char *path)
{
    int64_t value;
    double real;
    if (json_int(json, path, &value)) {
        return value < 0 ? WATCH_NONE : value > NUMBER_MAX ? NUMBER_MAX : value;
    }
    if (json_number(json, path, &real)) {
        return real >= 0 && real < (double)NUMBER_MAX ? (int64_t)real : real < 0 ? WATCH_NONE : NUMBER_MAX;
    }
    return WATCH_NONE;
}

static int64_t take_seconds(const struct json *json, const char *path)
{
    double seconds;
    return json_number(json, path, &seconds) && seconds >= 0 && seconds < 1e9 ? (int64_t)(seconds * 1000) : WATCH_NONE;
}

static double take_share(const struct json *json, const char *path)
{
    double value;
    return json_number(json, path, &value) && value >= 0 && value <= 1 ? value : WATCH_NONE;
}

static int64_t or_zero(int64_t value)
{
    return value == WATCH_NONE ? 0 : value;
}

/* Room for the elements of a list; *count stays 0 when there is none. */
static void *take_list(const struct json *document, const char *path, size_t size, size_t *count)
{
    size_t found = json_kind(document, path) == JSON_LIST ? json_count(document, path) : 0;
    void *room = found > 0 ? calloc(found, size) : NULL;
    *count = room ? found : 0;
    return room;
}

static void take_trend(struct watch_queue *queue, const struct json *list)
{
    size_t count = json_kind(list, "") == JSON_LIST ? json_count(list, "") : 0;
    size_t skipped = count > WATCH_TREND_MAX ? count - WATCH_TREND_MAX : 0;
    for (size_t i = skipped; i < count; i++) {
        queue->trend[queue->trend_count++] = take_share(json_item(list, i), "service_level");
    }
}

static void take_queue(struct watch_model *model, struct watch_queue *queue, const struct json *json)
{
    queue->name = take_text(model, json, "queue");
    queue->label = take_text(model, json, "label");
    queue->label = *queue->label ? queue->label : queue->name;
    queue->waiting = take_number(json, "waiting");
    queue->longest_ms = take_number(json, "longest_wait_ms");
    queue->talking = take_number(json, "talking");
    queue->held = take_number(json, "held");
    queue->logged_in = take_number(json, "logged_in");
    queue->ready = take_number(json, "ready");
    queue->paused = take_number(json, "paused");
    queue->entered = take_number(json, "today/entered");
    queue->answered = take_number(json, "today/answered");
    queue->abandoned = take_number(json, "today/abandoned");
    queue->asa_ms = take_number(json, "today/asa_ms");
    queue->service_level = take_share(json, "today/service_level/value");
    queue->threshold_ms = take_seconds(json, "today/service_level/threshold_s");
    queue->method = take_text(model, json, "today/service_level/method");
    take_trend(queue, json_at(json, "trend"));
}

static void take_caller(struct watch_model *model, struct watch_caller *caller, const struct json *json)
{
    const char *state = json_text(json, "state");
    caller->queue = take_text(model, json, "queue");
    caller->label = take_text(model, json, "label");
    caller->label = *caller->label ? caller->label : caller->queue;
    caller->held = strcmp(state, "held") == 0;
    caller->connected = caller->held || strcmp(state, "connected") == 0;
    caller->ringing = strcmp(state, "ringing") == 0;
    caller->position = take_number(json, "position");
    caller->wait_ms = take_number(json, "wait_ms");
    caller->on_call_ms = take_number(json, "on_call_ms");
    caller->operator_name = take_text(model, json, "operator");
    caller->caller = take_text(model, json, "caller");
}

static void take_operator_queues(struct watch_model *model, struct watch_operator *who, const struct json *list)
{
    struct buf all = BUF_INIT;
    who->queues = take_list(list, "", sizeof *who->queues, &who->queue_count);
    for (size_t i = 0; i < who->queue_count; i++) {
        who->queues[i] = take_text(model, json_item(list, i), "");
        if (all.len < TEXT_MAX) {
            buf_printf(&all, "%s%s", i > 0 ? ", " : "", who->queues[i]);
        }
    }
    who->all_queues = keep(model, &all);
    buf_deinit(&all);
}

static void take_operator(struct watch_model *model, struct watch_operator *who, const struct json *json)
{
    who->name = take_text(model, json, "operator");
    who->state = take_text(model, json, "state");
    who->since_ms = take_number(json, "since_ms");
    who->reason = take_text(model, json, "reason");
    who->queue = take_text(model, json, "queue");
    who->logged_in_ms = take_number(json, "logged_in_ms");
    take_operator_queues(model, who, json_at(json, "queues"));
}

static void take_event(struct watch_model *model, struct watch_event *event, const struct json *json)
{
    event->ago_ms = take_number(json, "ago_ms");
    event->kind = take_text(model, json, "kind");
    event->queue = take_text(model, json, "queue");
    event->operator_name = take_text(model, json, "operator");
    event->text = take_text(model, json, "text");
    event->wait_ms = take_number(json, "wait_ms");
    event->talk_ms = take_number(json, "talk_ms");
}

/* The figures' age and the site's offset from UTC lie in one stamp: "2026-11-21T10:00:00+01:00". */
static void take_times(struct watch_model *model, const struct json *document)
{
    const char *stamp = json_text(document, "as_of");
    size_t len = strlen(stamp);
    int64_t as_of_ms;
    int64_t local_ms;
    model->now_ms = or_zero(take_number(document, "now_ms"));
    if (len < 20 || stamp_parse(slice_make(stamp, len), &as_of_ms) != 0) {
        return;
    }
    model->age_ms = model->now_ms > as_of_ms ? model->now_ms - as_of_ms : 0;
    char utc[20 + 1];
    memcpy(utc, stamp, 19);
    memcpy(utc + 19, "Z", 2);
    if (stamp_parse(slice_str(utc), &local_ms) == 0) {
        int64_t offset_s = (local_ms - as_of_ms + (local_ms >= as_of_ms ? 999 : 0)) / 1000;
        model->offset_s = offset_s > -OFFSET_MAX_S && offset_s < OFFSET_MAX_S ? (int32_t)offset_s : 0;
    }
}

static void take_head(struct watch_model *model, const struct json *document)
{
    static const char *const healths[] = {"", "ok", "degraded", "down"};
    const char *health = json_text(document, "health");
    model->site = take_text(model, document, "site");
    model->version = take_text(model, document, "version");
    take_times(model, document);
    for (unsigned i = 1; i < sizeof healths / sizeof healths[0]; i++) {
        if (strcmp(health, healths[i]) == 0) {
            model->health = (enum watch_health)i;
        }
    }
    const struct json *hints = json_at(document, "hints");
    size_t count = json_kind(hints, "") == JSON_LIST ? json_count(hints, "") : 0;
    for (size_t i = 0; i < count && i < WATCH_HINTS_MAX; i++) {
        model->hints[model->hint_count++] = take_text(model, json_item(hints, i), "");
    }
    model->live = json_bool(document, "source/live");
    model->source_state = take_text(model, document, "source/state");
    model->waiting = take_number(document, "totals/waiting");
    model->longest_ms = take_number(document, "totals/longest_wait_ms");
    model->talking = take_number(document, "totals/talking");
    model->logged_in = take_number(document, "totals/logged_in");
    model->ready = take_number(document, "totals/ready");
    model->paused = take_number(document, "totals/paused");
    model->callers_left_out = or_zero(take_number(document, "callers_left_out"));
    model->operators_left_out = or_zero(take_number(document, "operators_left_out"));
}

static void take_lists(struct watch_model *model, const struct json *document)
{
    const struct json *list = json_at(document, "queues");
    model->queues = take_list(list, "", sizeof *model->queues, &model->queue_count);
    for (size_t i = 0; i < model->queue_count; i++) {
        take_queue(model, &model->queues[i], json_item(list, i));
    }
    list = json_at(document, "callers");
    model->callers = take_list(list, "", sizeof *model->callers, &model->caller_count);
    for (size_t i = 0; i < model->caller_count; i++) {
        take_caller(model, &model->callers[i], json_item(list, i));
    }
    list = json_at(document, "operators");
    model->operators = take_list(list, "", sizeof *model->operators, &model->operator_count);
    for (size_t i = 0; i < model->operator_count; i++) {
        take_operator(model, &model->operators[i], json_item(list, i));
    }
    list = json_at(document, "events");
    model->events = take_list(list, "", sizeof *model->events, &model->event_count);
    for (size_t i = 0; i < model->event_count; i++) {
        take_event(model, &model->events[i], json_item(list, i));
    }
}

int watch_model_make(const struct json *document, struct watch_model **out)
{
    if (json_kind(document, "") != JSON_MAP || json_kind(document, "queues") != JSON_LIST) {
        return STATUS_INVALID;
    }
    struct watch_model *model = calloc(1, sizeof *model);
    if (!model) {
        return STATUS_NO_MEMORY;
    }
    take_head(model, document);
    take_lists(model, document);
    *out = model;
    return 0;
}

void watch_model_free(struct watch_model *model)
{
    if (!model) {
        return;
    }
    for (struct watch_text *text = model->texts; text;) {
        struct watch_text *next = text->next;
        free(text);
        text = next;
    }
    for (size_t i = 0; i < model->operator_count; i++) {
        free(model->operators[i].queues);
    }
    free(model->queues);
    free(model->callers);
    free(model->operators);
    free(model->events);
    free(model);
}

const struct watch_queue *watch_model_queue(const struct watch_model *model, const char *name)
{
    for (size_t i = 0; i < model->queue_count; i++) {
        if (strcmp(model->queues[i].name, name) == 0) {
            return &model->queues[i];
        }
    }
    return NULL;
}

bool watch_model_is_member(const struct watch_operator *who, const char *queue)
{
    for (size_t i = 0; i < who->queue_count; i++) {
        if (strcmp(who->queues[i], queue) == 0) {
            return true;
        }
    }
    return false;
}
