#include "tests/support/fake_ledger.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

static_assert(QUALITY_COUNT == 34, "name the new counters here as well");

const char *const quality_names[QUALITY_COUNT] = {
    "lines",        "events",           "unknown_verbs",     "bad_lines",     "long_lines",    "refused_times",
    "late_events",  "duplicate_lines",  "known_lines",       "orphan_ends",   "orphan_starts", "double_ends",
    "rescued",      "inferred_answers", "suspect_durations", "restarts",      "reloads",       "lost_restart",
    "lost_expired", "lost_evicted",     "names_refused",     "gaps",          "shed_legs",     "shed_intervals",
    "quarantined",  "clock_steps",      "live_events",       "live_bad",      "live_downs",    "live_only",
    "log_only",     "live_differs",     "lost_unseen",       "guessed_exits",
};

struct ledger_view {
    struct ledger *ledger;
};

static struct ledger *newest;

struct ledger *fake_ledger_new(void)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    assert(ledger);
    (void)snprintf(ledger->facts.site, sizeof ledger->facts.site, "madrid-01");
    ledger->facts.interval_s = 900;
    ledger->users = 1;
    newest = ledger;
    return ledger;
}

void fake_ledger_add_interval(struct ledger *ledger, int64_t start_s, uint32_t queue, const struct summary *summary)
{
    if (ledger->interval_count == ledger->interval_cap) {
        ledger->interval_cap = ledger->interval_cap ? ledger->interval_cap * 2 : 64;
        ledger->intervals = realloc(ledger->intervals, ledger->interval_cap * sizeof *ledger->intervals);
        assert(ledger->intervals);
    }
    ledger->intervals[ledger->interval_count++] = (struct fake_interval){start_s, queue, summary};
}

void fake_ledger_add_shift(struct ledger *ledger, int64_t start_s, uint32_t operator_id, const struct shift *shift)
{
    if (ledger->shift_count == ledger->shift_cap) {
        ledger->shift_cap = ledger->shift_cap ? ledger->shift_cap * 2 : 64;
        ledger->shifts = realloc(ledger->shifts, ledger->shift_cap * sizeof *ledger->shifts);
        assert(ledger->shifts);
    }
    ledger->shifts[ledger->shift_count++] = (struct fake_shift){start_s, operator_id, shift};
}

struct call_leg *fake_ledger_add_open(struct ledger *ledger)
{
    assert(ledger->open_count < FAKE_LEGS_MAX);
    return &ledger->open[ledger->open_count++];
}

struct call_leg *fake_ledger_add_closed(struct ledger *ledger)
{
    assert(ledger->closed_count < FAKE_LEGS_MAX);
    return &ledger->closed[ledger->closed_count++];
}

int ledger_open_readonly(const char *dir, struct ledger **out)
{
    if (strcmp(dir, "/nowhere") == 0 || !newest) {
        return STATUS_NOT_FOUND;
    }
    newest->users++;
    *out = newest;
    return 0;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger && --ledger->users == 0) {
        assert(ledger->views_open == 0);
        free(ledger->intervals);
        free(ledger->shifts);
        free(ledger);
        newest = NULL;
    }
}

int ledger_view_begin(struct ledger *ledger, struct ledger_view **out)
{
    struct ledger_view *view = calloc(1, sizeof *view);
    assert(view);
    view->ledger = ledger;
    ledger->views_open++;
    *out = view;
    return 0;
}

void ledger_view_end(struct ledger_view *view)
{
    if (view) {
        view->ledger->views_open--;
        free(view);
    }
}

int ledger_view_facts(struct ledger_view *view, struct ledger_facts *out)
{
    if (view->ledger->view_status == 0) {
        *out = view->ledger->facts;
    }
    return view->ledger->view_status;
}

const char *const ledger_loss_names[LEDGER_LOSS_COUNT] = {0};

int ledger_view_damage(struct ledger_view *view, struct kv_loss *out)
{
    (void)view;
    *out = (struct kv_loss){.exact = true};
    return LEDGER_UNDAMAGED;
}

void ledger_damage_tell(const struct kv_loss *damage, char *out, size_t size)
{
    (void)damage;
    (void)size;
    out[0] = 0;
}

struct slice ledger_view_name(struct ledger_view *view, enum ledger_name_kind kind, uint32_t id)
{
    return slice_str(id < FAKE_NAMES_MAX ? view->ledger->names[kind][id] : NULL);
}

int ledger_view_intervals(struct ledger_view *view, int64_t from_s, int64_t to_s, ledger_interval_fn fn, void *ctx,
                          uint64_t *bad)
{
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->ledger->interval_count; i++) {
        const struct fake_interval *at = &view->ledger->intervals[i];
        if (at->start_s >= from_s && at->start_s < to_s) {
            const struct ledger_interval item = {at->start_s, at->queue, 1, at->summary};
            outcome = fn(ctx, &item);
        }
    }
    if (bad) {
        *bad += view->ledger->bad_intervals;
    }
    return outcome;
}

int ledger_view_shifts(struct ledger_view *view, int64_t from_s, int64_t to_s, ledger_shift_fn fn, void *ctx,
                       uint64_t *bad)
{
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->ledger->shift_count; i++) {
        const struct fake_shift *at = &view->ledger->shifts[i];
        if (at->start_s >= from_s && at->start_s < to_s) {
            const struct ledger_shift item = {at->start_s, at->operator_id, at->shift};
            outcome = fn(ctx, &item);
        }
    }
    if (bad) {
        *bad += view->ledger->bad_shifts;
    }
    return outcome;
}

enum ledger_operators ledger_view_operators(struct ledger_view *view)
{
    return view->ledger->operators;
}

int ledger_view_closed_legs(struct ledger_view *view, int64_t from_ms, int64_t to_ms, ledger_leg_fn fn, void *ctx,
                            uint64_t *bad)
{
    (void)bad;
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->ledger->closed_count; i++) {
        const struct call_leg *leg = &view->ledger->closed[i];
        if (leg->end_ms >= from_ms && leg->end_ms < to_ms) {
            outcome = fn(ctx, leg);
        }
    }
    return outcome;
}

int ledger_view_open_legs(struct ledger_view *view, ledger_leg_fn fn, void *ctx, uint64_t *bad)
{
    (void)bad;
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->ledger->open_count; i++) {
        outcome = fn(ctx, &view->ledger->open[i]);
    }
    return outcome;
}

int ledger_view_unknown_verbs(struct ledger_view *view, ledger_verb_fn fn, void *ctx)
{
    int outcome = 0;
    for (uint32_t id = 1; outcome == 0 && id < FAKE_NAMES_MAX && view->ledger->names[LEDGER_VERB][id]; id++) {
        outcome = fn(ctx, slice_str(view->ledger->names[LEDGER_VERB][id]), 10 * id);
    }
    return outcome;
}

int ledger_view_cursors(struct ledger_view *view, ledger_cursor_fn fn, void *ctx)
{
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->ledger->cursor_count; i++) {
        outcome = fn(ctx, &view->ledger->cursors[i]);
    }
    return outcome;
}

int ledger_view_gaps(struct ledger_view *view, ledger_gap_fn fn, void *ctx)
{
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->ledger->gap_count; i++) {
        outcome = fn(ctx, &view->ledger->gaps[i]);
    }
    return outcome;
}

int ledger_view_backlog(struct ledger_view *view, struct ledger_backlog *out)
{
    *out = view->ledger->backlog;
    return 0;
}

int ledger_view_refusals(struct ledger_view *view, ledger_refusal_fn fn, void *ctx)
{
    int outcome = 0;
    for (size_t i = 0; outcome == 0 && i < view->ledger->refusal_count; i++) {
        outcome = fn(ctx, &view->ledger->refusals[i]);
    }
    return outcome;
}

bool ledger_view_queue_settings(struct ledger_view *view, uint32_t queue, struct queue_settings *out)
{
    if (queue >= FAKE_NAMES_MAX || !view->ledger->has_settings[queue]) {
        return false;
    }
    *out = view->ledger->settings[queue];
    return true;
}

bool ledger_view_zone(struct ledger_view *view, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", view->ledger->zone ? view->ledger->zone : "");
    return view->ledger->zone != NULL;
}

int ledger_check(struct ledger *ledger, ledger_check_fn fn, void *ctx, struct ledger_check_result *out)
{
    for (size_t i = 0; i < ledger->defect_count; i++) {
        fn(ctx, ledger->defects[i]);
    }
    *out = (struct ledger_check_result){.records = 100, .defects = ledger->defect_count, .intervals = 10, .legs = 20};
    return (int)ledger->defect_count;
}
