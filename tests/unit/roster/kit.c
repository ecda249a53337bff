#include "tests/unit/roster/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

static void separate(struct buf *buf)
{
    if (buf->len > 0) {
        buf_append_str(buf, ", ");
    }
}

static const char *name(const struct intern *names, uint32_t id)
{
    return intern_name(names, id).data;
}

static long long after(int64_t at_ms)
{
    return (long long)(at_ms - KIT_T0);
}

static void write_last(struct kit *kit)
{
    const struct roster_span *span = &kit->last;
    if (span->to_ms == 0) {
        return;
    }
    separate(&kit->states);
    buf_append_str(&kit->states, shift_state_names[span->state]);
    if (span->queue != 0) {
        buf_printf(&kit->states, "@%s", name(kit->queues, span->queue));
    }
    if (span->reason != 0) {
        buf_printf(&kit->states, "(%s)%s", name(kit->reasons, span->reason), span->wrap_by_reason ? "!" : "");
    }
    buf_printf(&kit->states, " %lld-%lld", after(span->from_ms), after(span->to_ms));
    kit->last = (struct roster_span){0};
}

static int take_span(void *ctx, const struct roster_span *span)
{
    struct kit *kit = ctx;
    struct roster_span *last = &kit->last;
    if (kit->span_fails != 0) {
        return kit->span_fails;
    }
    assert_true(span->to_ms > span->from_ms);
    assert_int_equal(span->operator_id, 1);
    if (span->kind != ROSTER_STATE) {
        separate(&kit->posts);
        buf_printf(&kit->posts, "%s %s %lld-%lld", span->kind == ROSTER_PAUSED ? "paused" : "in",
                   name(kit->queues, span->queue), after(span->from_ms), after(span->to_ms));
        return 0;
    }
    assert_int_not_equal(span->state, SHIFT_OFF);
    bool same = last->to_ms == span->from_ms && last->state == span->state && last->queue == span->queue &&
                last->reason == span->reason && last->wrap_by_reason == span->wrap_by_reason;
    if (same) {
        last->to_ms = span->to_ms;
    } else {
        write_last(kit);
        *last = *span;
    }
    return 0;
}

static int take_count(void *ctx, const struct roster_count *count)
{
    static const char *const names[SHIFT_COUNT_COUNT] = {"answered", "missed", "ended", "transferred"};
    struct kit *kit = ctx;
    assert_int_equal(count->operator_id, 1);
    separate(&kit->counts);
    buf_printf(&kit->counts, "%s %s %lld", names[count->count], name(kit->queues, count->queue), after(count->at_ms));
    return 0;
}

static int take_view(void *ctx, const struct roster_view *view)
{
    struct kit *kit = ctx;
    struct buf *out = &kit->shown;
    kit->views++;
    buf_reset(out);
    buf_append_str(out, shift_state_names[view->state]);
    if (view->queue != 0) {
        buf_printf(out, "@%s", name(kit->queues, view->queue));
    }
    if (view->reason != 0) {
        buf_printf(out, "(%s)%s", name(kit->reasons, view->reason), view->wrap_by_reason ? "!" : "");
    }
    buf_printf(out, " since %lld", after(view->since_ms));
    if (view->call_id.len > 0) {
        buf_printf(out, " call %.*s", (int)view->call_id.len, view->call_id.data);
    }
    buf_printf(out, " login %lld [", after(view->login_ms));
    for (size_t i = 0; i < view->member_count; i++) {
        const struct roster_member *member = &view->members[i];
        buf_printf(out, "%s%s%s%.*s%s", i > 0 ? ", " : "", name(kit->queues, member->queue),
                   member->interface.len > 0 ? " " : "", (int)member->interface.len, member->interface.data,
                   member->paused ? " paused" : "");
    }
    buf_append_str(out, "]");
    return 0;
}

static bool is_wrap_reason(void *ctx, struct slice reason)
{
    (void)ctx;
    return slice_is(reason, "acw");
}

void kit_begin(struct kit *kit, int64_t options_wrap_up_ms)
{
    *kit = (struct kit){.wrap_up_ms = -1};
    assert_int_equal(intern_new(100, &kit->queues), 0);
    assert_int_equal(intern_new(100, &kit->operators), 0);
    assert_int_equal(intern_new(100, &kit->reasons), 0);
    const struct roster_options options = {.queues = kit->queues,
                                           .operators = kit->operators,
                                           .reasons = kit->reasons,
                                           .wrap_up_ms = options_wrap_up_ms,
                                           .is_wrap_reason = is_wrap_reason,
                                           .span = take_span,
                                           .count = take_count,
                                           .changed = take_view,
                                           .ctx = kit};
    assert_int_equal(roster_new(&options, &kit->roster), 0);
}

void kit_end(struct kit *kit)
{
    roster_free(kit->roster);
    intern_free(kit->queues);
    intern_free(kit->operators);
    intern_free(kit->reasons);
    buf_deinit(&kit->states);
    buf_deinit(&kit->posts);
    buf_deinit(&kit->counts);
    buf_deinit(&kit->shown);
}

void kit_member_at(struct kit *kit, int64_t at_ms, const char *queue, const char *interface, int device,
                   const char *reason)
{
    struct event_member member = {
        .device = (enum event_device)device, .paused = reason != NULL, .wrap_up_ms = kit->wrap_up_ms};
    struct call_event event = {.kind = EVENT_MEMBER_STATE,
                               .at_ms = KIT_T0 + at_ms,
                               .queue = slice_str(queue),
                               .operator_name = slice_str("ann"),
                               .interface = slice_str(interface),
                               .text = slice_str(reason),
                               .member = &member};
    assert_int_equal(roster_put(kit->roster, &event), 0);
}

void kit_member(struct kit *kit, int64_t at_ms, const char *queue, int device, const char *reason)
{
    kit_member_at(kit, at_ms, queue, "PJSIP/100", device, reason);
}

void kit_put(struct kit *kit, int64_t at_ms, enum event_kind kind, const char *queue, const char *call_id)
{
    bool nobodys = kind == EVENT_LOST || kind == EVENT_RESTART || kind == EVENT_ABANDON;
    struct call_event event = {.kind = kind,
                               .at_ms = KIT_T0 + at_ms,
                               .call_id = slice_str(call_id),
                               .queue = slice_str(queue),
                               .operator_name = slice_str(nobodys ? "" : "ann"),
                               .interface = slice_str(nobodys ? "" : "PJSIP/100")};
    assert_int_equal(roster_put(kit->roster, &event), 0);
}

void kit_tick(struct kit *kit, int64_t now_ms)
{
    assert_int_equal(roster_tick(kit->roster, KIT_T0 + now_ms), 0);
}

void kit_down(struct kit *kit, int64_t at_ms)
{
    assert_int_equal(roster_down(kit->roster, KIT_T0 + at_ms), 0);
}

static char taken[4096];

static const char *take(struct buf *buf)
{
    (void)snprintf(taken, sizeof taken, "%s", buf_cstr(buf));
    buf_reset(buf);
    return taken;
}

const char *kit_states(struct kit *kit)
{
    write_last(kit);
    return take(&kit->states);
}

const char *kit_posts(struct kit *kit)
{
    return take(&kit->posts);
}

const char *kit_counts(struct kit *kit)
{
    return take(&kit->counts);
}

const char *kit_shown(struct kit *kit)
{
    return buf_cstr(&kit->shown);
}
