/* The live view of what a board shows: figures, operators, gaps of what is not calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/live/kit.h"
#include "tests/unit/sync/world.h"

enum { MAP_BYTES = 4 << 20, HEARTBEAT_MS = 30000 };

static struct board *board;

static int setup(void **state)
{
    const struct board_options options = {.keep_number = false};
    struct world *world = world_new(1, MAP_BYTES);
    *state = world;
    assert_int_equal(board_new(&options, &board), 0);
    world->options.board = board;
    world->options.operators = true;
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    board_free(board);
    return 0;
}

static const struct world_live *last_live(const struct world *world)
{
    assert_true(world->live_count > 0);
    return &world->lives[world->live_count - 1];
}

static void changed(struct world *world)
{
    if (sync_live_changed(world->sync)) {
        world->wake_ms = world->now_ms; /* as link does */
    }
}

static void assert_figures(const struct world *world, uint32_t queue, uint32_t waiting, uint32_t talking, int32_t ready,
                           int32_t paused, int32_t logged_in)
{
    const struct message_live_queue *now = &world->figures[queue];
    assert_int_equal(now->waiting, waiting);
    assert_int_equal(now->talking, talking);
    assert_int_equal(now->ready, ready);
    assert_int_equal(now->paused, paused);
    assert_int_equal(now->logged_in, logged_in);
}

static void figures_come_from_the_board_while_it_is_on(void **state)
{
    struct world *world = *state;
    int64_t enter_ms = world_wall_ms(world);
    world_commit_leg(world, 1, 1, LEG_WAITING, enter_ms); /* the ledger says one, and of another moment */
    board_on(board, enter_ms);
    kit_put(board, EVENT_ENTER, enter_ms, "1.1", "queue-1", NULL);
    kit_put(board, EVENT_ENTER, enter_ms + 1, "1.2", "queue-1", NULL);
    kit_put(board, EVENT_ENTER, enter_ms, "1.3", "queue-2", NULL);
    kit_put(board, EVENT_CONNECT, enter_ms + 5, "1.3", "queue-2", "Ana");
    kit_put(board, EVENT_HOLD, enter_ms + 9, "1.3", "queue-2", "Ana");
    kit_stand(board, "Ana", SHIFT_HOLD, enter_ms, "queue-1 queue-2", "");
    kit_stand(board, "Bea", SHIFT_READY, enter_ms, "queue-1 -queue-2", "");
    kit_stand(board, "Carl", SHIFT_PAUSED, enter_ms, "-queue-1", "lunch");
    world_start(world);
    world_run(world, 2000);
    assert_figures(world, 1, 2, 0, 1, 1, 3);
    assert_figures(world, 2, 0, 1, 0, 1, 2);
    assert_true(world->figures[1].oldest_enter_ms == enter_ms && world->figures[1].on_call == 1);
    assert_true(world->figures[1].held == 0 && world->figures[2].held == 1);
    assert_figures(world, 0, 0, 0, 1, 1, 3); /* each operator once */
    assert_true(world->figures[0].on_call == 1 && world->figures[0].held == -1);
    assert_int_equal(last_live(world)->heartbeat_s, HEARTBEAT_MS / 1000);
    board_off(board, enter_ms);
    changed(world);
    world_run(world, 6000);
    assert_figures(world, 1, 1, 0, -1, -1, -1); /* as the ledger has it */
    assert_figures(world, 2, 0, 0, -1, -1, -1);
    assert_figures(world, 0, 0, 0, -1, -1, -1);
    assert_false(world->people_known);
}

static void a_queue_without_calls_gets_a_number(void **state)
{
    struct world *world = *state;
    board_on(board, 1);
    kit_stand(board, "Ana", SHIFT_READY, 1, "queue-13", "");
    world_start(world);
    world_run(world, 2000);
    assert_figures(world, WORLD_QUEUES + 1, 0, 0, 1, 0, 1);
    assert_true(world->named[WORLD_QUEUES + 1]);
    world_put(world, 1, world_start_s(world), 3); /* the next commit takes the name along */
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(world->ledger, &view), 0);
    assert_true(slice_is(ledger_view_name(view, LEDGER_QUEUE, WORLD_QUEUES + 1), "queue-13"));
    ledger_view_end(view);
}

static void news_of_the_board_need_no_commit(void **state)
{
    struct world *world = *state;
    board_on(board, 1);
    world_start(world);
    world_run(world, 2000);
    size_t before = world->live_count;
    size_t turns = 0;
    char call[16];
    for (unsigned i = 0; i < 2000; i++) { /* ten seconds of 200 a second */
        (void)snprintf(call, sizeof call, "1.%u", i);
        kit_put(board, EVENT_ENTER, world_wall_ms(world), call, "queue-1", NULL);
        bool due = sync_live_changed(world->sync);
        turns += due;
        world->wake_ms = due ? world->now_ms : world->wake_ms;
        world_run(world, 5);
    }
    assert_true(turns <= 11); /* what is known to have changed needs no turn */
    assert_true(world->live_count - before >= 2 && world->live_count - before <= 3);
    world_run(world, 6000);
    assert_int_equal(world->figures[1].waiting, 2000);
}

/* What changes and does not show is looked at once a second, and tells nothing. */
static void changes_that_tell_nothing_send_nothing(void **state)
{
    struct world *world = *state;
    board_on(board, 1);
    kit_put(board, EVENT_ENTER, world_wall_ms(world), "1.1", "queue-1", NULL);
    world_start(world);
    world_run(world, 2000);
    size_t before = world->live_count;
    size_t turns = 0;
    for (unsigned i = 0; i < 2000; i++) {
        kit_put(board, EVENT_RING, world_wall_ms(world), "1.1", "queue-1", "Ana");
        bool due = sync_live_changed(world->sync);
        turns += due;
        world->wake_ms = due ? world->now_ms : world->wake_ms;
        world_run(world, 10);
    }
    assert_true(turns <= 21);
    assert_int_equal(world->live_count, before);
}

static void operators_are_told_once_then_what_changed(void **state)
{
    struct world *world = *state;
    int64_t at_ms = world_wall_ms(world);
    board_on(board, at_ms);
    kit_stand(board, "Ana", SHIFT_READY, at_ms - 1000, "queue-1", "");
    kit_stand(board, "Bea", SHIFT_PAUSED, at_ms, "-queue-1", "lunch");
    world_start(world);
    world_run(world, 2000);
    assert_true(last_live(world)->operators_all && last_live(world)->operator_count == 2);
    assert_int_equal(world_operator(world, "Ana")->since_ms, at_ms - 1000);
    assert_string_equal(world_operator(world, "Bea")->reason, "lunch");
    world_run(world, 2 * HEARTBEAT_MS);
    assert_true(!last_live(world)->operators_all && last_live(world)->operator_count == 0);
    kit_stand(board, "Bea", SHIFT_READY, at_ms + 5, "queue-1", "");
    changed(world);
    world_run(world, 6000);
    assert_true(!last_live(world)->operators_all && last_live(world)->operator_count == 1);
    assert_true(world_operator(world, "Bea")->state == SHIFT_READY && world_operator(world, "Ana") != NULL);
    kit_stand(board, "Ana", SHIFT_OFF, at_ms + 6, "", "");
    changed(world);
    world_run(world, 6000);
    assert_null(world_operator(world, "Ana"));
    board_off(board, at_ms);
    changed(world);
    world_run(world, 6000);
    assert_true(last_live(world)->operators_unknown && !world->people_known);
    world_run(world, 2 * HEARTBEAT_MS);
    assert_false(last_live(world)->operators_unknown);
}

static void operators_stay_at_the_site_unless_it_allows_them(void **state)
{
    struct world *world = *state;
    world->options.operators = false;
    board_on(board, 1);
    kit_stand(board, "Ana", SHIFT_READY, 1, "queue-1", "");
    world_start(world);
    for (int64_t i = 0; i < 10; i++) {
        kit_stand(board, "Ana", i % 2 ? SHIFT_READY : SHIFT_PAUSED, world_wall_ms(world), "queue-1", "lunch");
        changed(world);
        world_run(world, 6000);
    }
    for (size_t i = 0; i < world->live_count; i++) {
        const struct world_live *live = &world->lives[i];
        assert_true(live->operator_count == 0 && !live->operators_all && !live->operators_unknown);
    }
    assert_figures(world, 1, 0, 0, 1, 0, 1); /* how many is told */
}

static void without_the_live_view_the_board_is_not_told(void **state)
{
    struct world *world = *state;
    world->options.live = false;
    board_on(board, 1);
    kit_stand(board, "Ana", SHIFT_READY, 1, "queue-1", "");
    world_start(world);
    assert_false(sync_live_changed(world->sync));
    world_run(world, 3 * HEARTBEAT_MS);
    for (size_t i = 0; i < world->live_count; i++) {
        const struct world_live *live = &world->lives[i];
        assert_true(!live->all && live->live_count == 0 && live->operator_count == 0 && live->heartbeat_s == 0);
    }
}

/* More than a message holds, more than the centre takes, and names that cannot be told apart when they are cut. */
static void the_list_has_limits(void **state)
{
    enum { NAMED = 1005, LONG = 3 };
    struct world *world = *state;
    char name[128];
    board_on(board, 1);
    for (unsigned i = 0; i < NAMED; i++) {
        (void)snprintf(name, sizeof name, "operator-%04u-with-a-name-that-is-rather-long-%u", i, i);
        kit_stand(board, name, SHIFT_READY, 1, "queue-1", "a reason to be away for a while");
    }
    for (unsigned i = 0; i < LONG; i++) {
        (void)snprintf(name, sizeof name, "%.62sé-%u",
                       "zz-the-name-of-an-operator-that-is-longer-than-anybody-would-think-a-name-is", i);
        kit_stand(board, name, SHIFT_READY, 1, "queue-1", "");
    }
    world_start(world);
    world_run(world, 60000);
    assert_int_equal(world->people_count, LIMITS_OPERATORS_MAX);
    assert_int_equal(world->people_more, NAMED + LONG - LIMITS_OPERATORS_MAX);
    for (size_t i = 0; i < world->live_count; i++) {
        assert_true(world->lives[i].bytes <= LIMITS_PAYLOAD_MAX / 2);
    }
    for (unsigned i = 0; i < NAMED - 10; i++) { /* the last come up as the first leave */
        (void)snprintf(name, sizeof name, "operator-%04u-with-a-name-that-is-rather-long-%u", i, i);
        kit_stand(board, name, SHIFT_OFF, 1, "", "");
    }
    changed(world);
    world_run(world, 60000);
    assert_int_equal(world->people_count, 10 + 1);
    assert_int_equal(world->people_more, LONG - 1);
    (void)snprintf(name, sizeof name, "%.62sé",
                   "zz-the-name-of-an-operator-that-is-longer-than-anybody-would-think-a-name-is");
    assert_non_null(world_operator(world, name)); /* cut behind the whole character */
}

static void add_gap(struct world *world, enum ledger_gap_kind kind, const char *reason)
{
    struct ledger_gap gap = {.from_ms = world_wall_ms(world) - 2000, .to_ms = world_wall_ms(world) - 1, .kind = kind};
    (void)snprintf(gap.reason, sizeof gap.reason, "%s", reason);
    assert_int_equal(ledger_begin(world->ledger, world_wall_ms(world)), 0);
    ledger_add_gap(world->ledger, &gap);
    assert_int_equal(ledger_end(world->ledger), 0);
}

static void gaps_of_what_is_not_calls_are_told_apart(void **state)
{
    struct world *world = *state;
    add_gap(world, LEDGER_GAP_LIVE, "no manager");
    add_gap(world, LEDGER_GAP_CALLS, "no log");
    add_gap(world, LEDGER_GAP_LIVE, "no manager again");
    world_start(world);
    world_run(world, 2000);
    assert_true(last_live(world)->gap_count == 1 && last_live(world)->live_gap_count == 2);
    assert_string_equal(last_live(world)->first_gap, "no log");
    assert_string_equal(last_live(world)->first_live_gap, "no manager");
    world_run(world, 2 * HEARTBEAT_MS);
    assert_true(last_live(world)->gap_count == 0 && last_live(world)->live_gap_count == 0);
    add_gap(world, LEDGER_GAP_LIVE, "and again");
    sync_committed(world->sync, world->now_ms);
    world_run(world, 2 * HEARTBEAT_MS);
    size_t told = 0;
    for (size_t i = 0; i < world->live_count; i++) {
        told += world->lives[i].live_gap_count;
    }
    assert_int_equal(told, 3);
}

static void stand_somehow(struct rng *rng, int64_t at_ms)
{
    static const char *const reasons[] = {"", "lunch", "training", "a reason of some length, as people write them"};
    char name[16];
    char queues[64] = "";
    (void)snprintf(name, sizeof name, "op-%02u", (unsigned)rng_below(rng, 30));
    enum shift_state state = (enum shift_state)rng_below(rng, SHIFT_STATE_COUNT + 1);
    for (unsigned i = 1; i <= 3; i++) {
        char one[24];
        (void)snprintf(one, sizeof one, "%squeue-%u ", rng_chance(rng, 20) ? "-" : "",
                       (unsigned)rng_below(rng, WORLD_QUEUES) + 1);
        if (i == 1 || rng_chance(rng, 30)) {
            (void)strcat(queues, one);
        }
    }
    kit_stand(board, name, state, at_ms, state == SHIFT_OFF ? "" : queues, reasons[rng_below(rng, 4)]);
}

static void assert_as_the_board(struct world *world, uint64_t seed)
{
    struct board_copy *copy = NULL;
    assert_int_equal(board_copy(board, &copy), 0);
    for (size_t i = 0; i < copy->queue_count; i++) {
        uint32_t number = intern_find(ledger_names(world->ledger, LEDGER_QUEUE), slice_str(copy->queues[i].name));
        const struct board_queue *is = &copy->queues[i];
        const struct message_live_queue *told = &world->figures[number];
        if (told->waiting != is->waiting || (uint32_t)told->ready != is->ready ||
            (uint32_t)told->paused != is->paused || (uint32_t)told->logged_in != is->logged_in) {
            fail_msg("seed %llu: %s: %u waiting, %d ready told", (unsigned long long)seed, is->name, told->waiting,
                     told->ready);
        }
    }
    if (copy->on) {
        assert_int_equal(world->people_count, copy->operator_count);
    } else {
        assert_int_equal(world->people_count, 0);
    }
    for (size_t i = 0; i < copy->operator_count; i++) {
        const struct world_operator *told = world_operator(world, copy->operators[i].name);
        if (!told || told->state != copy->operators[i].state || told->since_ms != copy->operators[i].since_ms ||
            strcmp(told->reason, copy->operators[i].reason) != 0) {
            fail_msg("seed %llu: %s is not told as he is", (unsigned long long)seed, copy->operators[i].name);
        }
    }
    board_copy_free(copy);
}

/* Whatever the line does, in the end the collector knows what the board shows. */
static void the_collector_follows_the_board(void **state)
{
    struct world *world = *state;
    struct rng rng = {77};
    world_start(world);
    for (uint64_t round = 1; round <= 30; round++) {
        world->fault = (struct world_fault){.lose_request = (unsigned)rng_below(&rng, 10),
                                            .lose_answer = (unsigned)rng_below(&rng, 10),
                                            .close = (unsigned)rng_below(&rng, 5),
                                            .wait = (unsigned)rng_below(&rng, 10),
                                            .error = (unsigned)rng_below(&rng, 10),
                                            .request_fails = (unsigned)rng_below(&rng, 10)};
        for (unsigned i = 0; i < 60; i++) {
            if (rng_chance(&rng, 3)) {
                (rng_chance(&rng, 60) ? board_on : board_off)(board, world_wall_ms(world));
            }
            stand_somehow(&rng, world_wall_ms(world));
            changed(world);
            world_run(world, rng_between(&rng, 1, 3000));
        }
        world->fault = (struct world_fault){0};
        world_run(world, 400000);
        assert_as_the_board(world, round);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_come_from_the_board_while_it_is_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_queue_without_calls_gets_a_number, setup, teardown),
        cmocka_unit_test_setup_teardown(news_of_the_board_need_no_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_that_tell_nothing_send_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(operators_are_told_once_then_what_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(operators_stay_at_the_site_unless_it_allows_them, setup, teardown),
        cmocka_unit_test_setup_teardown(without_the_live_view_the_board_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_list_has_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(gaps_of_what_is_not_calls_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(the_collector_follows_the_board, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
