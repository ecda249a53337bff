#include "collector/alert/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

enum { WALL_MS = 1000000, DAY_MS = 24 * 3600 * 1000 };

static char *only_hook[] = {"hook"};
static const struct alert_rule to_all = {.name = (char *)"all"};
static const struct alert_rule to_hook = {.name = (char *)"some", .notify = only_hook, .notify_count = 1};
static const struct receiver receivers[] = {
    {.name = (char *)"hook", .type = RECEIVER_WEBHOOK, .retry_max_ms = 8000},
    {.name = (char *)"manager", .type = RECEIVER_ALERTMANAGER, .retry_max_ms = 8000}};
static struct outbox *outbox;

static int begin(void **state)
{
    (void)state;
    return outbox_new(receivers, 2, &outbox);
}

static int end(void **state)
{
    (void)state;
    outbox_free(outbox);
    return 0;
}

static struct json *item(const char *text)
{
    struct json *made = json_new_map();
    json_put_str(made, "text", text);
    return made;
}

static void news(const struct alert_rule *rule, const char *text)
{
    assert_int_equal(outbox_add(outbox, rule, item(text)), 0);
}

static void close_round(int64_t now_ms)
{
    assert_int_equal(outbox_close_round(outbox, now_ms), 0);
    outbox_release(outbox, outbox_newest(outbox));
}

/* The texts of what is taken, "" for nothing. */
static const char *take(size_t receiver, int64_t now_ms, char id[OUTBOX_ID_MAX])
{
    static char texts[300];
    struct outbox_delivery delivery;
    texts[0] = '\0';
    if (!outbox_take(outbox, receiver, WALL_MS + now_ms, now_ms, &delivery)) {
        return texts;
    }
    for (size_t i = 0; i < json_count(delivery.items, "") && i < 3; i++) {
        size_t len = strlen(texts);
        (void)snprintf(texts + len, sizeof texts - len, "%s ", json_text(json_item(delivery.items, i), "text"));
    }
    if (id) {
        memcpy(id, delivery.id, OUTBOX_ID_MAX);
    }
    json_free(delivery.items);
    return texts;
}

static void test_in_order_one_at_a_time(void **state)
{
    (void)state;
    news(&to_all, "a");
    news(&to_hook, "b");
    assert_int_equal(outbox_close_round(outbox, WALL_MS), 0);
    assert_string_equal(take(0, 0, NULL), ""); /* not yet kept */
    outbox_release(outbox, outbox_newest(outbox));
    news(&to_all, "c");
    close_round(WALL_MS);
    assert_string_equal(take(0, 0, NULL), "a b ");
    assert_string_equal(take(0, 0, NULL), ""); /* under way */
    assert_string_equal(take(1, 0, NULL), "a ");
    outbox_done(outbox, 0, OUTBOX_TOLD, "", WALL_MS, 0);
    assert_string_equal(take(0, 0, NULL), "c ");
    outbox_done(outbox, 0, OUTBOX_REFUSED, "no", WALL_MS, 0);
    assert_string_equal(take(0, 0, NULL), "");
    struct json *list = json_new_list();
    outbox_put_receivers(outbox, list);
    assert_string_equal(json_text(list, "0/last_error"), "no");
    int64_t number;
    assert_true(json_int(list, "0/failures", &number) && number == 1);
    assert_true(json_int(list, "1/waiting", &number) && number == 2);
    json_free(list);
}

static void test_waits_grow_and_end(void **state)
{
    (void)state;
    char first[OUTBOX_ID_MAX];
    char again[OUTBOX_ID_MAX];
    int64_t now_ms = 0;
    news(&to_hook, "a");
    close_round(WALL_MS);
    assert_string_equal(take(0, now_ms, first), "a ");
    static const int64_t most[] = {1000, 2000, 4000, 8000, 8000};
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        outbox_done(outbox, 0, OUTBOX_FAILED, "no", WALL_MS, now_ms);
        int64_t wait_ms = outbox_next_ms(outbox) - now_ms;
        assert_in_range(wait_ms, most[i] * 3 / 4, most[i]);
        assert_string_equal(take(0, now_ms + wait_ms - 1, NULL), "");
        now_ms += wait_ms;
        assert_string_equal(take(0, now_ms, again), "a ");
        assert_string_equal(first, again);
    }
    outbox_done(outbox, 0, OUTBOX_FAILED, "no", WALL_MS, now_ms);
    outbox_hurry(outbox);
    assert_string_equal(take(0, now_ms, NULL), "a ");
    outbox_done(outbox, 0, OUTBOX_FAILED, "no", WALL_MS, now_ms);
    assert_string_equal(take(0, now_ms + DAY_MS + 1, NULL), ""); /* given up */
    assert_true(outbox_next_ms(outbox) == INT64_MAX);
}

static void test_many_are_divided_and_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < OUTBOX_ITEMS_MAX + 1; i++) {
        news(&to_hook, "x");
    }
    close_round(WALL_MS);
    struct json *list = json_new_list();
    int64_t number;
    outbox_put_receivers(outbox, list);
    assert_true(json_int(list, "0/waiting", &number) && number == 2);
    json_free(list);
    for (int i = 0; i < OUTBOX_DELIVERIES_MAX; i++) {
        news(&to_hook, "y");
        close_round(WALL_MS);
    }
    list = json_new_list();
    outbox_put_receivers(outbox, list);
    assert_true(json_int(list, "0/waiting", &number) && number == OUTBOX_DELIVERIES_MAX);
    assert_true(json_int(list, "0/failures", &number) && number == 2);
    json_free(list);
    list = json_new_list();
    outbox_put_recent(outbox, list);
    assert_int_equal(json_count(list, ""), OUTBOX_RECENT_MAX);
    json_free(list);
}

/* A receiver that is away while much happens costs so much memory and no more; the newest is kept. */
static void test_bytes_are_bounded(void **state)
{
    (void)state;
    enum { ITEM = 1 << 20, ROUNDS = OUTBOX_BYTES_MAX / ITEM + 10 };
    char id[OUTBOX_ID_MAX];
    int64_t number;
    char *text = malloc(ITEM + 1);
    assert_non_null(text);
    memset(text, 'x', ITEM);
    text[ITEM] = '\0';
    news(&to_hook, "first");
    close_round(WALL_MS);
    assert_string_equal(take(0, 1, id), "first ");
    for (int i = 0; i < ROUNDS; i++) {
        news(&to_hook, text);
        close_round(WALL_MS);
    }
    free(text);
    struct json *list = json_new_list();
    outbox_put_receivers(outbox, list);
    assert_true(json_int(list, "0/waiting", &number) && number == OUTBOX_BYTES_MAX / ITEM);
    assert_true(json_int(list, "0/failures", &number) && number == ROUNDS + 1 - OUTBOX_BYTES_MAX / ITEM);
    json_free(list);
    outbox_done(outbox, 0, OUTBOX_TOLD, "", WALL_MS, 1); /* what was under way was not touched */
}

static void test_told_again_only_while_it_is_so(void **state)
{
    (void)state;
    assert_true(outbox_retell_due(outbox, 1, 5));
    assert_false(outbox_retell_due(outbox, 1, 5 + OUTBOX_RETELL_MS - 1));
    assert_true(outbox_retell_due(outbox, 1, 5 + OUTBOX_RETELL_MS));
    assert_false(outbox_retell_due(outbox, 0, 5));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outbox_add_again(outbox, 1, item(i == 2 ? "new" : "old"), true), 0);
        close_round(WALL_MS);
    }
    assert_string_equal(take(1, 0, NULL), "new ");
    outbox_done(outbox, 1, OUTBOX_TOLD, "", WALL_MS, 0);
    assert_string_equal(take(1, 0, NULL), "");
}

static void test_kept_over_a_restart(void **state)
{
    (void)state;
    char before[OUTBOX_ID_MAX];
    char after[OUTBOX_ID_MAX];
    news(&to_all, "a");
    assert_int_equal(outbox_add_again(outbox, 1, item("fleeting"), true), 0);
    close_round(WALL_MS);
    news(&to_all, "b");
    close_round(WALL_MS);
    assert_string_equal(take(0, 0, before), "a ");
    struct json *state_of = json_new_map();
    outbox_save(outbox, state_of);
    outbox_free(outbox);
    assert_int_equal(outbox_new(receivers, 2, &outbox), 0);
    assert_int_equal(outbox_restore(outbox, state_of), 0);
    json_free(state_of);
    assert_string_equal(take(0, 0, after), "a ");
    assert_string_equal(before, after);
    assert_string_equal(take(1, 0, NULL), "a ");
    outbox_done(outbox, 1, OUTBOX_TOLD, "", WALL_MS, 0);
    assert_string_equal(take(1, 0, NULL), "b ");
    struct json *bad = json_new_map();
    assert_int_equal(outbox_restore(outbox, bad), STATUS_INVALID);
    json_free(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order_one_at_a_time, begin, end),
        cmocka_unit_test_setup_teardown(test_waits_grow_and_end, begin, end),
        cmocka_unit_test_setup_teardown(test_many_are_divided_and_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_bytes_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_told_again_only_while_it_is_so, begin, end),
        cmocka_unit_test_setup_teardown(test_kept_over_a_restart, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
