#include "collector/alert/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/alert/outbox_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/tls/secret.h"

enum { WAIT_FIRST_MS = 1000, DOUBLINGS_MAX = 16, ID_BYTES = 16 };

int outbox_new(const struct receiver *receivers, size_t count, struct outbox **out)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox) {
        return STATUS_NO_MEMORY;
    }
    outbox->posts = calloc(count ? count : 1, sizeof *outbox->posts);
    outbox->recent = calloc(OUTBOX_RECENT_MAX, sizeof *outbox->recent);
    if (!outbox->posts || !outbox->recent) {
        outbox_free(outbox);
        return STATUS_NO_MEMORY;
    }
    outbox->post_count = count;
    for (size_t i = 0; i < count; i++) {
        outbox->posts[i].receiver = &receivers[i];
    }
    *out = outbox;
    return 0;
}

static void free_post(struct post *post)
{
    for (size_t i = 0; i < post->count; i++) {
        free(post->waiting[i].items);
    }
    free(post->waiting);
    json_free(post->round);
    json_free(post->again);
}

void outbox_free(struct outbox *outbox)
{
    if (!outbox) {
        return;
    }
    for (size_t i = 0; outbox->posts && i < outbox->post_count; i++) {
        free_post(&outbox->posts[i]);
    }
    for (size_t i = 0; i < outbox->recent_count; i++) {
        free(outbox->recent[i]);
    }
    free(outbox->recent);
    free(outbox->posts);
    free(outbox);
}

char *outbox_text(const struct json *json)
{
    struct buf text = BUF_INIT;
    char *copy = json_write(json, 0, &text) == 0 ? strdup(buf_cstr(&text)) : NULL;
    buf_deinit(&text);
    return copy;
}

/* ---- in ---- */

static void drop(struct post *post, size_t at)
{
    post->bytes -= strlen(post->waiting[at].items);
    free(post->waiting[at].items);
    post->count--;
    memmove(&post->waiting[at], &post->waiting[at + 1], (post->count - at) * sizeof *post->waiting);
}

static void note_failure(struct post *post, const char *error)
{
    post->failures++;
    (void)snprintf(post->last_error, sizeof post->last_error, "%s", error);
}

static int make_id(char out[OUTBOX_ID_MAX])
{
    uint8_t bytes[ID_BYTES];
    int status = secret_random(bytes, sizeof bytes);
    for (size_t i = 0; status == 0 && i < sizeof bytes; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return status;
}

/* What is under way stays, and the newest. */
static bool is_too_much(const struct post *post)
{
    return post->count > (post->under_way ? 2 : 1) &&
           (post->count > OUTBOX_DELIVERIES_MAX || post->bytes > OUTBOX_BYTES_MAX);
}

int outbox_push(struct outbox *outbox, struct post *post, const char *id, int64_t made_ms, bool fleeting, char *items)
{
    struct waiting *waiting = grow_array(post->waiting, post->count, &post->cap, sizeof *waiting);
    if (!waiting) {
        free(items);
        return STATUS_NO_MEMORY;
    }
    post->waiting = waiting;
    struct waiting *last = &waiting[post->count++];
    *last = (struct waiting){.seq = ++outbox->seq, .made_ms = made_ms, .fleeting = fleeting, .items = items};
    (void)snprintf(last->id, sizeof last->id, "%s", id);
    post->bytes += strlen(items);
    while (is_too_much(post)) {
        drop(post, post->under_way);
        note_failure(post, "too much waits: the oldest news was given up");
    }
    return 0;
}

int outbox_push_recent(struct outbox *outbox, char *item)
{
    if (!item) {
        return STATUS_NO_MEMORY;
    }
    if (outbox->recent_count == OUTBOX_RECENT_MAX) {
        free(outbox->recent[0]);
        outbox->recent_count--;
        memmove(outbox->recent, outbox->recent + 1, outbox->recent_count * sizeof *outbox->recent);
    }
    outbox->recent[outbox->recent_count++] = item;
    return 0;
}

bool outbox_is_for(const struct receiver *receiver, const struct alert_rule *rule)
{
    for (size_t i = 0; i < rule->notify_count; i++) {
        if (strcmp(rule->notify[i], receiver->name) == 0) {
            return true;
        }
    }
    return rule->notify_count == 0;
}

/* The list takes a copy. */
static int add_copy(struct json **list, const char *item)
{
    struct json *copy = NULL;
    *list = *list ? *list : json_new_list();
    int status = *list ? json_parse(slice_str(item), strlen(item), &copy, NULL, 0) : STATUS_NO_MEMORY;
    if (status == 0) {
        (void)json_build_failed();
        json_add(*list, copy);
        status = json_build_failed() ? STATUS_NO_MEMORY : 0;
    }
    return status;
}

int outbox_add(struct outbox *outbox, const struct alert_rule *rule, struct json *item)
{
    char *text = item ? outbox_text(item) : NULL;
    int status = text ? 0 : STATUS_NO_MEMORY;
    json_free(item);
    for (size_t i = 0; status == 0 && i < outbox->post_count; i++) {
        struct post *post = &outbox->posts[i];
        status = outbox_is_for(post->receiver, rule) ? add_copy(&post->round, text) : 0;
    }
    if (status != 0) {
        free(text);
        return status;
    }
    return outbox_push_recent(outbox, text);
}

int outbox_add_again(struct outbox *outbox, size_t receiver, struct json *item, bool fleeting)
{
    struct post *post = &outbox->posts[receiver];
    char *text = item ? outbox_text(item) : NULL;
    int status = text ? add_copy(fleeting ? &post->again : &post->round, text) : STATUS_NO_MEMORY;
    json_free(item);
    free(text);
    return status;
}

static int push_list(struct outbox *outbox, struct post *post, const struct json *list, int64_t now_ms, bool fleeting)
{
    char id[OUTBOX_ID_MAX];
    char *text = outbox_text(list);
    int status = text ? make_id(id) : STATUS_NO_MEMORY;
    if (status != 0) {
        free(text);
        return status;
    }
    return outbox_push(outbox, post, id, now_ms, fleeting, text);
}

/* What cannot be pushed stays for the next round's end. */
static int push_news(struct outbox *outbox, struct post *post, struct json **from, int64_t now_ms, bool fleeting)
{
    int status = 0;
    size_t count = *from ? json_count(*from, "") : 0;
    for (size_t at = 0; status == 0 && at < count; at += OUTBOX_ITEMS_MAX) {
        struct json *part = NULL;
        for (size_t i = at; status == 0 && i < count && i < at + OUTBOX_ITEMS_MAX; i++) {
            char *text = outbox_text(json_item(*from, i));
            status = text ? add_copy(&part, text) : STATUS_NO_MEMORY;
            free(text);
        }
        status = status == 0 ? push_list(outbox, post, part, now_ms, fleeting) : status;
        json_free(part);
    }
    if (status == 0) {
        json_free(*from);
        *from = NULL;
    }
    return status;
}

static void drop_fleeting(struct post *post)
{
    for (size_t i = post->count; i > post->under_way; i--) {
        if (post->waiting[i - 1].fleeting) {
            drop(post, i - 1);
        }
    }
}

int outbox_close_round(struct outbox *outbox, int64_t now_ms)
{
    int status = 0;
    for (size_t i = 0; i < outbox->post_count; i++) {
        struct post *post = &outbox->posts[i];
        if (post->again) {
            drop_fleeting(post);
        }
        int news = push_news(outbox, post, &post->round, now_ms, false);
        int again = push_news(outbox, post, &post->again, now_ms, true);
        status = news != 0 ? news : again != 0 ? again : status;
    }
    return status;
}

bool outbox_retell_due(struct outbox *outbox, size_t receiver, int64_t monotonic_ms)
{
    struct post *post = &outbox->posts[receiver];
    if (post->receiver->type != RECEIVER_ALERTMANAGER ||
        (post->told_any && monotonic_ms - post->retell_ms < OUTBOX_RETELL_MS)) {
        return false;
    }
    post->told_any = true;
    post->retell_ms = monotonic_ms;
    return true;
}

/* ---- out ---- */

void outbox_release(struct outbox *outbox, uint64_t up_to)
{
    outbox->released = up_to > outbox->released ? up_to : outbox->released;
}

uint64_t outbox_newest(const struct outbox *outbox)
{
    return outbox->seq;
}

static bool is_sendable(const struct outbox *outbox, const struct post *post)
{
    return post->count > 0 && !post->under_way && post->waiting[0].seq <= outbox->released;
}

bool outbox_take(struct outbox *outbox, size_t receiver, int64_t now_ms, int64_t monotonic_ms,
                 struct outbox_delivery *out)
{
    struct post *post = &outbox->posts[receiver];
    while (is_sendable(outbox, post) && now_ms - post->waiting[0].made_ms > OUTBOX_GIVE_UP_MS) {
        drop(post, 0);
        note_failure(post, "news that could not be told for a day was given up");
    }
    if (!is_sendable(outbox, post) || monotonic_ms < post->next_ms) {
        return false;
    }
    const struct waiting *first = &post->waiting[0];
    *out = (struct outbox_delivery){.made_ms = first->made_ms, .receiver = receiver};
    memcpy(out->id, first->id, sizeof out->id);
    if (json_parse(slice_str(first->items), strlen(first->items), &out->items, NULL, 0) != 0) {
        return false;
    }
    post->under_way = true;
    return true;
}

/* Between three quarters and the whole of it, so that many do not come back at one moment. */
static int64_t wait_after(const struct post *post)
{
    uint16_t dice = 0;
    unsigned doublings = post->streak < DOUBLINGS_MAX ? post->streak : DOUBLINGS_MAX;
    int64_t wait_ms = (int64_t)WAIT_FIRST_MS << doublings;
    wait_ms = wait_ms < post->receiver->retry_max_ms ? wait_ms : post->receiver->retry_max_ms;
    (void)secret_random(&dice, sizeof dice); /* without dice there is no jitter */
    return wait_ms - wait_ms / 4 * dice / UINT16_MAX;
}

void outbox_done(struct outbox *outbox, size_t receiver, enum outbox_outcome outcome, const char *error, int64_t now_ms,
                 int64_t monotonic_ms)
{
    struct post *post = &outbox->posts[receiver];
    post->under_way = false;
    if (outcome == OUTBOX_TOLD) {
        post->streak = 0;
        post->next_ms = 0;
        post->last_ok_ms = now_ms;
        post->last_error[0] = '\0';
        drop(post, 0);
        return;
    }
    note_failure(post, error);
    if (outcome == OUTBOX_REFUSED) {
        post->streak = 0;
        post->next_ms = 0;
        drop(post, 0);
        return;
    }
    post->next_ms = monotonic_ms + wait_after(post);
    post->streak++;
}

int64_t outbox_next_ms(const struct outbox *outbox)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < outbox->post_count; i++) {
        const struct post *post = &outbox->posts[i];
        if (is_sendable(outbox, post)) {
            next_ms = post->next_ms < next_ms ? post->next_ms : next_ms;
        }
    }
    return next_ms;
}

void outbox_hurry(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->post_count; i++) {
        outbox->posts[i].next_ms = 0;
    }
}
