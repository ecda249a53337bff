/* What waits, taken up again without memory for it: all of it, or STATUS_NO_MEMORY and another try; never taken for a
 * state that is no good. */
#include "collector/alert/outbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/support/faults/faults.h"

enum { WALL_MS = 1000000, TRIES_MAX = 1000 };

static const struct alert_rule to_all = {.name = (char *)"all"};
static const struct receiver receivers[] = {
    {.name = (char *)"hook", .type = RECEIVER_WEBHOOK, .retry_max_ms = 8000},
    {.name = (char *)"manager", .type = RECEIVER_ALERTMANAGER, .retry_max_ms = 8000}};

static struct json *kept(void)
{
    struct outbox *outbox;
    struct json *item = json_new_map();
    struct json *state = json_new_map();
    json_put_str(item, "text", "a");
    assert_int_equal(outbox_new(receivers, 2, &outbox), 0);
    assert_int_equal(outbox_add(outbox, &to_all, item), 0);
    assert_int_equal(outbox_close_round(outbox, WALL_MS), 0);
    outbox_save(outbox, state);
    outbox_free(outbox);
    assert_false(json_build_failed());
    return state;
}

static int restore(struct outbox *outbox, const struct json *from, uint64_t number)
{
    faults_watch("/nowhere");
    faults_arm(FAULTS_ALLOCATE, number, FAULTS_FAIL, ENOMEM, false);
    faults_allocations_on();
    int status = outbox_restore(outbox, from);
    faults_allocations_off();
    faults_watch(NULL);
    return status;
}

static void test_nothing_is_dropped_without_memory(void **state)
{
    (void)state;
    struct json *from = kept();
    int status = STATUS_NO_MEMORY;
    uint64_t number = 0;
    while (status != 0) {
        struct outbox *outbox;
        assert_true(++number < TRIES_MAX);
        assert_int_equal(outbox_new(receivers, 2, &outbox), 0);
        status = restore(outbox, from, number);
        assert_true(status == 0 || status == STATUS_NO_MEMORY);
        for (size_t i = 0; status == 0 && i < 2; i++) {
            struct outbox_delivery delivery;
            assert_true(outbox_take(outbox, i, WALL_MS, 0, &delivery));
            assert_string_equal(json_text(delivery.items, "0/text"), "a");
            json_free(delivery.items);
        }
        outbox_free(outbox);
    }
    assert_true(number > 10);
    json_free(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_dropped_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
