/* Every recording of a real Asterisk, through agent/source/ami_calls into the roster: time in conversation is that of
 * the recorded events, spans neither overlap nor leave holes, and no device's early or late word becomes a state. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/roster/roster.h"
#include "agent/source/ami_calls.h"
#include "agent/source/ami_frame.h"
#include "tests/unit/source/recording.h"

enum { PEOPLE_MAX = 64, TALKS_MAX = 2000, END_MS = 3000 };

struct talk {
    uint32_t operator_id;
    char call_id[100];
    int64_t from_ms;
    int64_t to_ms; /* 0: goes on */
};

struct stage {
    struct roster *roster;
    struct ami_calls *calls;
    struct ami_frame *frame;
    struct intern *queues;
    struct intern *operators;
    struct intern *reasons;
    int64_t now_ms;
    struct talk talks[TALKS_MAX];
    size_t talk_count;
    struct roster_span last[PEOPLE_MAX]; /* of the states, adjoining ones that are alike as one */
    bool off[PEOPLE_MAX];                /* since last */
    int64_t talked_ms[PEOPLE_MAX];
    unsigned counts[SHIFT_COUNT_COUNT];
    unsigned connects;
    unsigned ends;
};

static void check_span(const struct roster_span *span)
{
    if (span->state == SHIFT_BUSY) {
        assert_true(span->to_ms - span->from_ms >= ROSTER_BUSY_SETTLE_MS);
    }
}

static int take_span(void *ctx, const struct roster_span *span)
{
    struct stage *stage = ctx;
    assert_in_range(span->operator_id, 1, PEOPLE_MAX - 1);
    assert_true(span->from_ms < span->to_ms);
    if (span->kind != ROSTER_STATE) {
        return 0;
    }
    struct roster_span *last = &stage->last[span->operator_id];
    bool known = last->to_ms > 0;
    assert_true(!known ||
                (stage->off[span->operator_id] ? span->from_ms >= last->to_ms : span->from_ms == last->to_ms));
    if (known && last->to_ms == span->from_ms && last->state == span->state) {
        last->to_ms = span->to_ms;
    } else {
        check_span(last);
        *last = *span;
    }
    stage->off[span->operator_id] = false;
    bool talks = span->state == SHIFT_TALK || span->state == SHIFT_HOLD;
    stage->talked_ms[span->operator_id] += talks ? span->to_ms - span->from_ms : 0;
    return 0;
}

static int take_count(void *ctx, const struct roster_count *count)
{
    struct stage *stage = ctx;
    stage->counts[count->count]++;
    return 0;
}

static int take_view(void *ctx, const struct roster_view *view)
{
    struct stage *stage = ctx;
    stage->off[view->operator_id] |= view->state == SHIFT_OFF;
    return 0;
}

static void end_talks(struct stage *stage, const struct call_event *event, bool all)
{
    for (size_t i = 0; i < stage->talk_count; i++) {
        struct talk *talk = &stage->talks[i];
        if (talk->to_ms == 0 && (all || slice_is(event->call_id, talk->call_id))) {
            talk->to_ms = event->at_ms;
        }
    }
}

static void note(struct stage *stage, const struct call_event *event)
{
    switch ((int)event->kind) {
    case EVENT_CONNECT: {
        assert_true(stage->talk_count < TALKS_MAX);
        struct talk *talk = &stage->talks[stage->talk_count++];
        *talk =
            (struct talk){.operator_id = intern_put(stage->operators, event->operator_name), .from_ms = event->at_ms};
        (void)snprintf(talk->call_id, sizeof talk->call_id, "%.*s", (int)event->call_id.len, event->call_id.data);
        stage->connects++;
        break;
    }
    case EVENT_COMPLETE_CALLER:
    case EVENT_COMPLETE_OPERATOR:
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED:
        end_talks(stage, event, false);
        stage->ends++;
        break;
    case EVENT_LOST: end_talks(stage, event, false); break;
    case EVENT_RESTART: end_talks(stage, event, true); break;
    default: break;
    }
}

static int take_event(void *ctx, const struct call_event *event)
{
    struct stage *stage = ctx;
    note(stage, event);
    return roster_put(stage->roster, event);
}

static int take_message(void *ctx, const struct ami_message *message)
{
    struct stage *stage = ctx;
    return ami_calls_message(stage->calls, message, stage->now_ms);
}

static void open_stage(struct stage *stage)
{
    *stage = (struct stage){0};
    assert_int_equal(intern_new(1000, &stage->queues), 0);
    assert_int_equal(intern_new(PEOPLE_MAX - 1, &stage->operators), 0);
    assert_int_equal(intern_new(1000, &stage->reasons), 0);
    struct roster_options options = {.queues = stage->queues,
                                     .operators = stage->operators,
                                     .reasons = stage->reasons,
                                     .span = take_span,
                                     .count = take_count,
                                     .changed = take_view,
                                     .ctx = stage};
    struct event_sink sink = {.put = take_event, .ctx = stage};
    assert_int_equal(roster_new(&options, &stage->roster), 0);
    assert_int_equal(ami_calls_new(&sink, &stage->calls), 0);
    assert_int_equal(ami_frame_new(&stage->frame), 0);
}

static void close_stage(struct stage *stage)
{
    roster_free(stage->roster);
    ami_calls_free(stage->calls);
    ami_frame_free(stage->frame);
    intern_free(stage->queues);
    intern_free(stage->operators);
    intern_free(stage->reasons);
}

static void pass(struct stage *stage, int64_t to_ms)
{
    while (stage->now_ms < to_ms) {
        int64_t step_ms = to_ms - stage->now_ms < 1000 ? to_ms - stage->now_ms : 1000;
        stage->now_ms = stage->now_ms == 0 ? to_ms : stage->now_ms + step_ms;
        assert_int_equal(ami_calls_tick(stage->calls, stage->now_ms), 0);
        assert_int_equal(roster_tick(stage->roster, stage->now_ms), 0);
    }
}

static void replay(struct stage *stage, struct recording *recording)
{
    struct ami_frame_sink sink = {.message = take_message, .ctx = stage};
    struct slice piece;
    int64_t at_ms;
    while (recording_next(recording, &piece, &at_ms)) {
        pass(stage, at_ms);
        assert_int_equal(ami_frame_take(stage->frame, piece, &sink), 0);
    }
    pass(stage, stage->now_ms + END_MS);
    struct call_event over = {.at_ms = stage->now_ms};
    end_talks(stage, &over, true);
    assert_int_equal(roster_down(stage->roster, stage->now_ms), 0);
}

static int compare_talks(const void *a, const void *b)
{
    const struct talk *x = a;
    const struct talk *y = b;
    if (x->operator_id != y->operator_id) {
        return x->operator_id < y->operator_id ? -1 : 1;
    }
    return x->from_ms < y->from_ms ? -1 : x->from_ms > y->from_ms;
}

/* Several conversations at once count once. */
static void compare(struct stage *stage, const char *folder)
{
    int64_t talked_ms[PEOPLE_MAX] = {0};
    int64_t covered_ms = 0;
    qsort(stage->talks, stage->talk_count, sizeof stage->talks[0], compare_talks);
    for (size_t i = 0; i < stage->talk_count; i++) {
        const struct talk *talk = &stage->talks[i];
        covered_ms = i > 0 && talk[-1].operator_id == talk->operator_id ? covered_ms : 0;
        int64_t from_ms = talk->from_ms > covered_ms ? talk->from_ms : covered_ms;
        talked_ms[talk->operator_id] += talk->to_ms > from_ms ? talk->to_ms - from_ms : 0;
        covered_ms = talk->to_ms > covered_ms ? talk->to_ms : covered_ms;
    }
    for (uint32_t id = 1; id <= intern_count(stage->operators); id++) {
        check_span(&stage->last[id]);
        if (talked_ms[id] != stage->talked_ms[id]) {
            fail_msg("%s: %s talked %lld ms, the roster says %lld", folder, intern_name(stage->operators, id).data,
                     (long long)talked_ms[id], (long long)stage->talked_ms[id]);
        }
    }
    assert_int_equal(stage->counts[SHIFT_ANSWERED], stage->connects);
    assert_int_equal(stage->counts[SHIFT_ENDED], stage->ends);
}

static int is_folder(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void recordings_and_roster_agree(void **state)
{
    (void)state;
    static struct stage stage;
    struct dirent **folders;
    int count = scandir(CAPTURES_DIR, &folders, is_folder, alphasort);
    assert_true(count > 0);
    unsigned replayed = 0;
    unsigned connects = 0;
    for (int i = 0; i < count; i++) {
        struct recording recording;
        if (recording_open(&recording, folders[i]->d_name, "ami")) {
            open_stage(&stage);
            replay(&stage, &recording);
            compare(&stage, folders[i]->d_name);
            connects += stage.connects;
            replayed++;
            close_stage(&stage);
        }
        recording_close(&recording);
        free(folders[i]);
    }
    free((void *)folders);
    assert_true(replayed > 40 && connects > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recordings_and_roster_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
