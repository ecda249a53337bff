#include "tests/unit/source/ami_calls_heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/grow.h"

static void copy(char *to, size_t size, struct slice from)
{
    (void)snprintf(to, size, "%.*s", (int)from.len, from.data);
}

void heard_add(struct heard *heard, const struct call_event *event)
{
    if (event->kind == EVENT_LEAVE) {
        heard->leaves++;
        heard->left_ms = event->at_ms;
        return;
    }
    if (heard->drop) {
        heard->count++;
        return;
    }
    heard->events = grow_array(heard->events, heard->count, &heard->cap, sizeof *heard->events);
    assert_non_null(heard->events);
    struct heard_event *copied = &heard->events[heard->count++];
    *copied = (struct heard_event){.kind = event->kind,
                                   .at_ms = event->at_ms,
                                   .wait_ms = event->wait_ms,
                                   .talk_ms = event->talk_ms,
                                   .ring_ms = event->ring_ms,
                                   .position = event->position,
                                   .original_position = event->original_position};
    copy(copied->call_id, sizeof copied->call_id, event->call_id);
    copy(copied->queue, sizeof copied->queue, event->queue);
    copy(copied->operator_name, sizeof copied->operator_name, event->operator_name);
    copy(copied->interface, sizeof copied->interface, event->interface);
    copy(copied->caller, sizeof copied->caller, event->caller);
    copy(copied->text, sizeof copied->text, event->text);
    if (event->member) {
        copied->member = *event->member;
    }
}

static int put(void *ctx, const struct call_event *event)
{
    heard_add(ctx, event);
    return 0;
}

void heard_init(struct heard *heard)
{
    *heard = (struct heard){.now_ms = INT64_C(1795284000000)};
    struct event_sink sink = {put, heard};
    assert_int_equal(ami_calls_new(&sink, &heard->calls), 0);
    assert_int_equal(ami_frame_new(&heard->frame), 0);
    heard_bytes(heard, slice_str("Asterisk Call Manager/11.0.0\r\n"));
}

void heard_deinit(struct heard *heard)
{
    ami_calls_free(heard->calls);
    ami_frame_free(heard->frame);
    free(heard->events);
}

static int take_message(void *ctx, const struct ami_message *message)
{
    struct heard *heard = ctx;
    return ami_calls_message(heard->calls, message, heard->now_ms);
}

void heard_bytes(struct heard *heard, struct slice bytes)
{
    struct ami_frame_sink sink = {.message = take_message, .ctx = heard};
    assert_int_equal(ami_frame_take(heard->frame, bytes, &sink), 0);
}

void say(struct heard *heard, const char *text)
{
    struct buf bytes = BUF_INIT;
    buf_append_str(&bytes, strncmp(text, "Response", 8) == 0 ? "" : "Event: ");
    for (const char *at = text; *at; at++) {
        if (*at == ' ') {
            buf_append_str(&bytes, "\r\n");
        } else if (*at == '=') {
            buf_append_str(&bytes, ": ");
        } else {
            buf_append(&bytes, *at == '~' ? " " : at, 1);
        }
    }
    buf_append_str(&bytes, "\r\n\r\n");
    heard_bytes(heard, buf_slice(&bytes));
    buf_deinit(&bytes);
}

void heard_pass(struct heard *heard, int64_t ms)
{
    enum { STEP_MS = 200 };
    for (int64_t left = ms; left > 0; left -= STEP_MS) {
        heard->now_ms += left < STEP_MS ? left : STEP_MS;
        assert_int_equal(ami_calls_tick(heard->calls, heard->now_ms), 0);
    }
}

void heard_mark(struct heard *heard, enum ami_mark mark)
{
    assert_int_equal(ami_calls_mark(heard->calls, mark, heard->now_ms), 0);
}

struct ami_calls_held heard_held(const struct heard *heard)
{
    struct ami_calls_held held;
    ami_calls_held(heard->calls, &held);
    return held;
}

const char *heard_text(struct heard *heard)
{
    static char text[8192];
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < heard->count && len < sizeof text; i++) {
        const struct heard_event *event = &heard->events[i];
        const char *parts[] = {event_kind_str(event->kind), event->call_id, event->queue, event->operator_name,
                               event->text};
        for (size_t k = 0; k < sizeof parts / sizeof parts[0] && len < sizeof text; k++) {
            if (parts[k][0]) {
                len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
                                        k > 0   ? " "
                                        : i > 0 ? "|"
                                                : "",
                                        parts[k]);
            }
        }
    }
    heard->count = 0;
    return text;
}
