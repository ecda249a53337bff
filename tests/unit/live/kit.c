#include "tests/unit/live/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct call_event kit_event(enum event_kind kind, int64_t at_ms, const char *call_id, const char *queue,
                            const char *operator_name)
{
    return (struct call_event){.kind = kind,
                               .at_ms = at_ms,
                               .call_id = slice_str(call_id),
                               .queue = slice_str(queue),
                               .operator_name = slice_str(operator_name),
                               .caller = slice_str("+34600000001"),
                               .wait_ms = EVENT_UNKNOWN,
                               .talk_ms = EVENT_UNKNOWN,
                               .ring_ms = EVENT_UNKNOWN,
                               .position = EVENT_UNKNOWN,
                               .original_position = EVENT_UNKNOWN};
}

void kit_put(struct board *board, enum event_kind kind, int64_t at_ms, const char *call_id, const char *queue,
             const char *operator_name)
{
    const struct call_event event = kit_event(kind, at_ms, call_id, queue, operator_name);
    assert_int_equal(board_put(board, &event), 0);
}

void kit_stand(struct board *board, const char *name, enum shift_state state, int64_t since_ms, const char *queues,
               const char *reason)
{
    struct board_stand_member members[64];
    size_t count = 0;
    for (const char *at = queues; *at; at += strspn(at, " ")) {
        bool paused = *at == '-';
        size_t len = strcspn(at += paused, " ");
        assert_true(count < 64);
        members[count++] = (struct board_stand_member){slice_make(at, len), paused};
        at += len;
    }
    const struct board_stand stand = {.name = slice_str(name),
                                      .interface = slice_str("PJSIP/x"),
                                      .reason = slice_str(reason),
                                      .state = state,
                                      .since_ms = since_ms,
                                      .login_ms = since_ms,
                                      .members = members,
                                      .member_count = count};
    assert_int_equal(board_stand(board, &stand), 0);
}

const struct board_queue *kit_queue(const struct board_copy *copy, const char *name)
{
    for (size_t i = 0; i < copy->queue_count; i++) {
        if (strcmp(copy->queues[i].name, name) == 0) {
            return &copy->queues[i];
        }
    }
    return NULL;
}
