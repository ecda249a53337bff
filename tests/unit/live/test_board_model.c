/* The board against a model that does everything by walking plain arrays. */
#include "agent/live/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/rng.h"
#include "tests/unit/live/kit.h"

enum { CALLS = 300, NAMES = 12, QUEUES = 4, STEPS = 6000 };

struct model_call {
    bool there;
    int queue;
    int64_t enter_ms;
    int64_t connect_ms;
    int64_t hold_ms;
    int operator_id;
    int rings[NAMES]; /* in order, the newest last */
    int ring_count;
};

struct model_operator {
    enum shift_state state;
    bool member[QUEUES];
    bool paused[QUEUES];
};

static struct model_call calls[CALLS];
static struct model_operator operators[NAMES];
static struct board *board;
static struct rng rng;

static const char *queue_name(int queue)
{
    static const char *const names[QUEUES] = {"alpha", "beta", "gamma", "delta"};
    return names[queue];
}

static const char *operator_name(int operator_id, char text[16])
{
    (void)snprintf(text, 16, "op %d", operator_id);
    return text;
}

static void tell(enum event_kind kind, int64_t at_ms, int call, int operator_id)
{
    char call_id[16];
    char name[16];
    (void)snprintf(call_id, sizeof call_id, "17.%d", call);
    kit_put(board, kind, at_ms, call_id, queue_name(calls[call].queue),
            operator_id < 0 ? NULL : operator_name(operator_id, name));
}

static void begin(int call, int64_t at_ms)
{
    calls[call] =
        (struct model_call){.there = true, .queue = (int)rng_below(&rng, QUEUES), .enter_ms = at_ms, .operator_id = -1};
    tell(EVENT_ENTER, at_ms, call, -1);
}

static void end_ring(struct model_call *call, int operator_id)
{
    for (int i = 0; i < call->ring_count; i++) {
        if (call->rings[i] == operator_id) {
            memmove(&call->rings[i], &call->rings[i + 1], (size_t)(call->ring_count - i - 1) * sizeof call->rings[0]);
            call->ring_count--;
            return;
        }
    }
}

static void go_on(int number, int64_t at_ms)
{
    static const enum event_kind unanswered[] = {EVENT_ABANDON,  EVENT_EXIT_TIMEOUT, EVENT_EXIT_EMPTY,
                                                 EVENT_EXIT_KEY, EVENT_WITHDRAW,     EVENT_LOST};
    static const enum event_kind answered[] = {EVENT_COMPLETE_OPERATOR, EVENT_COMPLETE_CALLER, EVENT_TRANSFER_BLIND,
                                               EVENT_TRANSFER_ATTENDED, EVENT_LOST};
    struct model_call *call = &calls[number];
    int who = (int)rng_below(&rng, NAMES);
    uint64_t dice = rng_below(&rng, 10);
    if (call->connect_ms != 0 && dice < 4) {
        call->hold_ms = dice < 2 ? at_ms : 0;
        tell(dice < 2 ? EVENT_HOLD : EVENT_UNHOLD, at_ms, number, call->operator_id);
    } else if (dice < 3 && call->connect_ms == 0 && call->ring_count < 8) {
        call->rings[call->ring_count++] = who;
        tell(EVENT_RING, at_ms, number, who);
    } else if (dice < 5 && call->connect_ms == 0) {
        end_ring(call, who);
        tell(rng_chance(&rng, 50) ? EVENT_RING_NO_ANSWER : EVENT_RING_CANCELED, at_ms, number, who);
    } else if (dice < 7 && call->connect_ms == 0) {
        call->connect_ms = at_ms;
        call->operator_id = who;
        call->ring_count = 0;
        tell(EVENT_CONNECT, at_ms, number, who);
    } else if (dice == 9) {
        const bool talks = call->connect_ms != 0;
        tell(talks ? answered[rng_below(&rng, 5)] : unanswered[rng_below(&rng, 6)], at_ms, number, call->operator_id);
        call->there = false;
    }
}

static void move_operator(int64_t at_ms)
{
    int who = (int)rng_below(&rng, NAMES);
    struct model_operator *which = &operators[who];
    char name[16];
    char queues[64] = "";
    which->state = (enum shift_state)rng_below(&rng, SHIFT_STATE_COUNT + 1);
    for (int q = 0; q < QUEUES && which->state != SHIFT_OFF; q++) {
        which->member[q] = rng_chance(&rng, 60);
        which->paused[q] = rng_chance(&rng, 30);
        if (which->member[q]) {
            (void)snprintf(queues + strlen(queues), sizeof queues - strlen(queues), "%s%s ",
                           which->paused[q] ? "-" : "", queue_name(q));
        }
    }
    kit_stand(board, operator_name(who, name), which->state, at_ms, queues, NULL);
}

static void compare_caller(const struct board_caller *caller)
{
    char name[16] = "";
    int number = -1;
    assert_int_equal(sscanf(caller->call_id, "17.%d", &number), 1);
    const struct model_call *call = &calls[number];
    assert_true(call->there);
    assert_string_equal(caller->queue, queue_name(call->queue));
    assert_int_equal(caller->enter_ms, call->enter_ms);
    assert_int_equal(caller->connect_ms, call->connect_ms);
    assert_int_equal(caller->hold_ms, call->hold_ms);
    assert_int_equal(caller->ringing, call->connect_ms == 0 && call->ring_count > 0);
    if (call->connect_ms != 0 || call->ring_count > 0) {
        (void)operator_name(call->connect_ms ? call->operator_id : call->rings[call->ring_count - 1], name);
    }
    assert_string_equal(caller->operator_name, name);
}

static struct board_queue count_queue(int queue)
{
    struct board_queue counted = {.waiting = 0};
    for (int i = 0; i < CALLS; i++) {
        const struct model_call *call = &calls[i];
        bool here = call->there && call->queue == queue;
        counted.waiting += here && call->connect_ms == 0;
        counted.talking += here && call->connect_ms != 0;
        counted.held += here && call->hold_ms != 0;
        if (here && call->connect_ms == 0 &&
            (counted.oldest_enter_ms == 0 || call->enter_ms < counted.oldest_enter_ms)) {
            counted.oldest_enter_ms = call->enter_ms;
        }
    }
    for (int i = 0; i < NAMES; i++) {
        const struct model_operator *who = &operators[i];
        bool here = who->state != SHIFT_OFF && who->member[queue];
        bool on_call = who->state == SHIFT_RING || who->state == SHIFT_TALK || who->state == SHIFT_HOLD;
        counted.logged_in += here;
        counted.ready += here && who->state == SHIFT_READY && !who->paused[queue];
        counted.paused += here && who->paused[queue] && !on_call;
        counted.on_call += here && on_call;
    }
    return counted;
}

static void compare_queue(const struct board_copy *copy, int queue)
{
    static const struct board_queue nothing;
    const struct board_queue wanted = count_queue(queue);
    const struct board_queue *found = kit_queue(copy, queue_name(queue));
    found = found ? found : &nothing;
    assert_int_equal(found->waiting, wanted.waiting);
    assert_int_equal(found->oldest_enter_ms, wanted.oldest_enter_ms);
    assert_int_equal(found->talking, wanted.talking);
    assert_int_equal(found->held, wanted.held);
    assert_int_equal(found->logged_in, wanted.logged_in);
    assert_int_equal(found->ready, wanted.ready);
    assert_int_equal(found->paused, wanted.paused);
    assert_int_equal(found->on_call, wanted.on_call);
}

static void compare_all(void)
{
    struct board_copy *copy = NULL;
    size_t there = 0;
    size_t logged_in = 0;
    assert_int_equal(board_copy(board, &copy), 0);
    for (int i = 0; i < CALLS; i++) {
        there += calls[i].there;
    }
    for (int i = 0; i < NAMES; i++) {
        logged_in += operators[i].state != SHIFT_OFF;
    }
    assert_int_equal(copy->caller_count, there);
    assert_int_equal(copy->operator_count, logged_in);
    for (size_t i = 0; i < copy->caller_count; i++) {
        compare_caller(&copy->callers[i]);
        const struct board_caller *before = i ? &copy->callers[i - 1] : NULL;
        int order = before ? strcmp(before->queue, copy->callers[i].queue) : -1;
        assert_true(order < 0 || (order == 0 && before->enter_ms <= copy->callers[i].enter_ms));
    }
    for (int q = 0; q < QUEUES; q++) {
        compare_queue(copy, q);
    }
    board_copy_free(copy);
}

/* What a cut connection leaves. */
static void cut_off(void)
{
    for (int i = 0; i < CALLS; i++) {
        calls[i].ring_count = 0;
        calls[i].hold_ms = 0;
    }
    for (int i = 0; i < NAMES; i++) {
        operators[i] = (struct model_operator){.state = SHIFT_OFF};
    }
}

static void run(uint64_t seed)
{
    const struct board_options options = {.keep_number = false};
    rng = (struct rng){seed};
    memset(calls, 0, sizeof calls);
    cut_off();
    assert_int_equal(board_new(&options, &board), 0);
    board_on(board, 1);
    for (int64_t step = 0; step < STEPS; step++) {
        int64_t at_ms = 1000 + step;
        int call = (int)rng_below(&rng, CALLS);
        if (rng_chance(&rng, 15)) {
            move_operator(at_ms);
        } else if (calls[call].there) {
            go_on(call, at_ms);
        } else {
            begin(call, at_ms);
        }
        if (rng_below(&rng, 2000) == 0) {
            board_off(board, at_ms);
            board_on(board, at_ms);
            cut_off();
        }
        if (step % 53 == 0) {
            compare_all();
        }
    }
    compare_all();
    board_free(board);
}

static void test_it_agrees_with_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_it_agrees_with_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
