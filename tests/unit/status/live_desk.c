#include "tests/unit/status/live_desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void put(struct board *board, enum event_kind kind, int64_t at_ms, const char *call_id, const char *queue,
                const char *operator_name)
{
    const struct call_event event = {.kind = kind,
                                     .at_ms = at_ms,
                                     .call_id = slice_str(call_id),
                                     .queue = slice_str(queue),
                                     .operator_name = slice_str(operator_name),
                                     .caller = slice_str(operator_name ? NULL : "+34600000001"),
                                     .text = slice_str(kind == EVENT_BLOCKED ? "FULL" : NULL),
                                     .wait_ms = EVENT_UNKNOWN,
                                     .talk_ms = EVENT_UNKNOWN,
                                     .ring_ms = EVENT_UNKNOWN,
                                     .position = kind == EVENT_ENTER ? 2 : EVENT_UNKNOWN,
                                     .original_position = EVENT_UNKNOWN};
    assert_int_equal(board_put(board, &event), 0);
}

struct standing {
    const char *name;
    enum shift_state state;
    int64_t since_ms;
    int64_t login_ms;
    const char *queue;
    const char *reason;
    const struct board_stand_member *members;
    size_t count;
};

static void stand(struct board *board, struct standing of)
{
    const struct board_stand now = {.name = slice_str(of.name),
                                    .interface = slice_str("PJSIP/1"),
                                    .reason = slice_str(of.reason),
                                    .queue = slice_str(of.queue),
                                    .state = of.state,
                                    .since_ms = of.since_ms,
                                    .login_ms = of.login_ms,
                                    .members = of.members,
                                    .member_count = of.count};
    assert_int_equal(board_stand(board, &now), 0);
}

void live_desk_board(const struct desk *desk, struct board **out)
{
    const struct board_options options = {.keep_number = true};
    const struct board_stand_member sales[] = {{slice_str("sales"), false}};
    const struct board_stand_member both[] = {{slice_str("sales"), false}, {slice_str("support"), false}};
    const struct board_stand_member paused[] = {{slice_str("sales"), true}, {slice_str("support"), true}};
    const struct board_stand_member new_one[] = {{slice_str("new"), false}};
    int64_t now_ms = desk->now_ms;
    int64_t morning_ms = now_ms - 4 * 3600000;
    struct board *board;
    assert_int_equal(board_new(&options, &board), 0);
    board_on(board, now_ms - 3600000);
    put(board, EVENT_ENTER, now_ms - 260000, "1.3", "support", NULL);
    stand(board, (struct standing){"Bo | Ng", SHIFT_READY, morning_ms, morning_ms, NULL, NULL, both, 2});
    put(board, EVENT_CONNECT, now_ms - 240000, "1.3", "support", "Bo | Ng");
    put(board, EVENT_ENTER, now_ms - 90000, "1.1", "sales", NULL);
    put(board, EVENT_BLOCKED, now_ms - 60000, "1.9", "sales", NULL);
    put(board, EVENT_ENTER, now_ms - 30000, "1.2", "sales", NULL);
    put(board, EVENT_RING, now_ms - 3000, "1.2", "sales", "Ana");
    put(board, EVENT_HOLD, now_ms - 6000, "1.3", "support", "Bo | Ng");
    stand(board, (struct standing){"Bo | Ng", SHIFT_HOLD, now_ms - 6000, morning_ms, "support", NULL, both, 2});
    stand(board, (struct standing){"Ana", SHIFT_RING, now_ms - 3000, morning_ms, "sales", NULL, sales, 1});
    stand(board, (struct standing){"Cy", SHIFT_READY, morning_ms, morning_ms, NULL, NULL, both, 2});
    stand(board, (struct standing){"Cy", SHIFT_PAUSED, now_ms - 600000, morning_ms, NULL, "lunch", paused, 2});
    stand(board, (struct standing){"Di", SHIFT_READY, now_ms - 1800000, now_ms - 1800000, NULL, NULL, new_one, 1});
    *out = board;
}

void live_desk_look(struct desk *desk, struct board *board)
{
    static struct board_copy *copy;
    board_copy_free(copy);
    copy = NULL;
    if (board) {
        assert_int_equal(board_copy(board, &copy), 0);
    }
    desk->live = copy;
}
