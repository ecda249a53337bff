#include <stdlib.h>
#include <string.h>

#include "collector/alert/outbox_internal.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

void outbox_put_receivers(const struct outbox *outbox, struct json *list)
{
    static const char *const types[] = {[RECEIVER_WEBHOOK] = "webhook", [RECEIVER_ALERTMANAGER] = "alertmanager"};
    for (size_t i = 0; i < outbox->post_count; i++) {
        const struct post *post = &outbox->posts[i];
        struct json *out = json_add_map(list);
        char stamp[STAMP_MAX];
        json_put_str(out, "receiver", post->receiver->name);
        json_put_str(out, "type", types[post->receiver->type]);
        json_put_int(out, "waiting", (int64_t)post->count);
        json_put_str(out, "last_ok", post->last_ok_ms ? zone_format(post->last_ok_ms, stamp) : NULL);
        json_put_str(out, "last_error", post->last_error[0] ? post->last_error : NULL);
        json_put_int(out, "failures", (int64_t)post->failures);
    }
}

static void add_parsed(struct json *list, const char *text)
{
    struct json *one = NULL;
    if (json_parse(slice_str(text), strlen(text), &one, NULL, 0) == 0) {
        json_add(list, one);
    }
}

void outbox_put_recent(const struct outbox *outbox, struct json *list)
{
    for (size_t i = outbox->recent_count; i > 0; i--) {
        add_parsed(list, outbox->recent[i - 1]);
    }
}

static void save_post(const struct post *post, struct json *out)
{
    json_put_str(out, "receiver", post->receiver->name);
    json_put_int(out, "last_ok_ms", post->last_ok_ms);
    json_put_int(out, "failures", (int64_t)post->failures);
    json_put_str(out, "last_error", post->last_error);
    struct json *list = json_put_list(out, "waiting");
    for (size_t i = 0; i < post->count; i++) {
        const struct waiting *waiting = &post->waiting[i];
        if (waiting->fleeting) {
            continue;
        }
        struct json *one = json_add_map(list);
        json_put_str(one, "delivery", waiting->id);
        json_put_int(one, "made_ms", waiting->made_ms);
        json_put_str(one, "items", waiting->items);
    }
}

void outbox_save(const struct outbox *outbox, struct json *out)
{
    struct json *receivers = json_put_list(out, "receivers");
    for (size_t i = 0; i < outbox->post_count; i++) {
        save_post(&outbox->posts[i], json_add_map(receivers));
    }
    struct json *recent = json_put_list(out, "recent");
    for (size_t i = 0; i < outbox->recent_count; i++) {
        add_parsed(recent, outbox->recent[i]);
    }
}

static int check_list(const char *text)
{
    struct json *list = NULL;
    int status = json_parse(slice_str(text), strlen(text), &list, NULL, 0);
    if (status == 0 && json_kind(list, "") != JSON_LIST) {
        status = STATUS_INVALID;
    }
    json_free(list);
    return status;
}

static int restore_waiting(struct outbox *outbox, struct post *post, const struct json *from)
{
    int64_t made_ms;
    const char *id = json_text(from, "delivery");
    const char *items = json_text(from, "items");
    if (!json_int(from, "made_ms", &made_ms) || strlen(id) != OUTBOX_ID_MAX - 1) {
        return STATUS_INVALID;
    }
    int status = check_list(items);
    if (status != 0) {
        return status;
    }
    char *copy = strdup(items);
    return copy ? outbox_push(outbox, post, id, made_ms, false, copy) : STATUS_NO_MEMORY;
}

static int restore_post(struct outbox *outbox, struct post *post, const struct json *from)
{
    int64_t failures = 0;
    const struct json *list = json_at(from, "waiting");
    (void)json_int(from, "last_ok_ms", &post->last_ok_ms);
    (void)json_int(from, "failures", &failures);
    post->failures = failures > 0 ? (uint64_t)failures : 0;
    const char *error = json_text(from, "last_error");
    size_t len = strnlen(error, OUTBOX_ERROR_MAX - 1);
    memcpy(post->last_error, error, len);
    post->last_error[len] = '\0';
    int status = 0;
    for (size_t i = 0; status == 0 && i < json_count(list, ""); i++) {
        status = restore_waiting(outbox, post, json_item(list, i));
    }
    return status;
}

static struct post *find(struct outbox *outbox, const char *name)
{
    for (size_t i = 0; i < outbox->post_count; i++) {
        if (strcmp(outbox->posts[i].receiver->name, name) == 0) {
            return &outbox->posts[i];
        }
    }
    return NULL;
}

int outbox_restore(struct outbox *outbox, const struct json *from)
{
    const struct json *receivers = json_at(from, "receivers");
    const struct json *recent = json_at(from, "recent");
    int status =
        json_kind(from, "receivers") == JSON_LIST && json_kind(from, "recent") == JSON_LIST ? 0 : STATUS_INVALID;
    for (size_t i = 0; status == 0 && i < json_count(receivers, ""); i++) {
        const struct json *one = json_item(receivers, i);
        struct post *post = find(outbox, json_text(one, "receiver"));
        status = post ? restore_post(outbox, post, one) : 0; /* nobody is left to be told */
    }
    for (size_t i = 0; status == 0 && i < json_count(recent, ""); i++) {
        status = outbox_push_recent(outbox, outbox_text(json_item(recent, i)));
    }
    outbox->released = outbox->seq;
    return status;
}
