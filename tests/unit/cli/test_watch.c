/* The parts of the watch: what a document becomes, what keys do, how text is cut, which columns stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli/watch_columns.h"
#include "agent/cli/watch_words.h"
#include "agent/event/event.h"
#include "platform/base/status.h"
#include "tests/unit/cli/watch_kit.h"

static void assert_drawn(struct watch_model *model, const char *keys, size_t width, size_t height, const char *wanted)
{
    struct watch_view view = {0};
    struct watch_picture picture = watch_kit_picture(model);
    for (; *keys; keys++) {
        (void)watch_view_key(&view, model, *keys);
    }
    struct buf text = watch_kit_draw(&picture, &view, width, height, true, false);
    if (!strstr(buf_cstr(&text), wanted)) {
        fail_msg("no '%s' in\n%s", wanted, buf_cstr(&text));
    }
    buf_deinit(&text);
    watch_view_deinit(&view);
}

static void test_a_document_becomes_a_model(void **state)
{
    (void)state;
    struct watch_model *model = watch_kit_model();
    assert_string_equal(model->site, "madrid-01");
    assert_int_equal(model->offset_s, 3600);
    assert_int_equal(model->age_ms, 250);
    assert_int_equal(model->health, WATCH_HEALTH_OK);
    assert_true(model->live);
    assert_int_equal(model->queue_count, 7);
    const struct watch_queue *queue = watch_model_queue(model, "sales");
    assert_non_null(queue);
    assert_string_equal(queue->label, "Sales");
    assert_int_equal(queue->waiting, 3);
    assert_int_equal(queue->threshold_ms, 20000);
    assert_int_equal(queue->trend_count, WATCH_TREND_MAX);
    assert_string_equal(watch_model_queue(model, "billing")->label, "billing");
    assert_int_equal(watch_model_queue(model, "billing")->longest_ms, WATCH_NONE);
    assert_null(watch_model_queue(model, "none"));
    assert_true(watch_model_is_member(&model->operators[0], "support"));
    assert_false(watch_model_is_member(&model->operators[0], "billing"));
    watch_model_free(model);
    watch_model_free(NULL);
}

static void test_what_is_missing_is_not_told(void **state)
{
    (void)state;
    struct watch_model *model = watch_kit_parse("{\"queues\":[{},{\"queue\":\"x\",\"waiting\":-5,\"trend\":7}, 3],"
                                                "\"callers\":[{}],\"operators\":[{}],\"events\":[{}]}");
    assert_int_equal(model->queue_count, 3);
    assert_int_equal(model->queues[0].waiting, WATCH_NONE);
    assert_int_equal(model->queues[1].waiting, WATCH_NONE);
    assert_true(model->queues[0].service_level < 0);
    assert_string_equal(model->queues[2].label, "");
    assert_drawn(model, "", 80, 24, "all 3");
    assert_drawn(model, "o", 80, 24, "operator");
    assert_drawn(model, "\n", 80, 24, "WAITING");
    watch_model_free(model);

    struct json *document = NULL;
    static const char *const refused[] = {"[]", "{}", "{\"queues\":{}}"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_parse(slice_str(refused[i]), 100, &document, NULL, 0), 0);
        assert_int_equal(watch_model_make(document, &model), STATUS_INVALID);
        json_free(document);
    }
    model = watch_kit_parse("{\"queues\":[]}");
    assert_drawn(model, "", 80, 24, "no queue has been seen yet");
    assert_drawn(model, "jjs\nkG", 80, 24, "no queue has been seen yet");
    watch_model_free(model);
}

static void test_before_the_first_answer(void **state)
{
    (void)state;
    assert_drawn(NULL, "", 80, 24, "waiting for coap://127.0.0.1:5683");
    assert_drawn(NULL, "\n", 80, 24, "connecting");
    assert_drawn(NULL, "?", 80, 24, "KEYS");
}

static void test_names_cannot_reach_the_terminal(void **state)
{
    (void)state;
    struct watch_model *model = watch_kit_parse("{\"site\":\"a\\u001b[2J\",\"queues\":[{\"queue\":\"\\u202eb\\u009b\\n"
                                                "c\\u200b\"}],\"events\":[{\"kind\":\"\\u0007odd\"}]}");
    struct watch_view view = {0};
    struct watch_picture picture = watch_kit_picture(model);
    struct buf text = watch_kit_draw(&picture, &view, 80, 24, true, false);
    for (const char *at = buf_cstr(&text); *at; at++) {
        assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
    }
    assert_non_null(strstr(buf_cstr(&text), " a?[2J "));
    assert_non_null(strstr(buf_cstr(&text), "?b??c "));
    assert_non_null(strstr(buf_cstr(&text), "?odd"));
    assert_null(strstr(buf_cstr(&text), "\xE2\x80"));
    buf_deinit(&text);
    watch_model_free(model);
}

static void assert_put(const char *text, size_t width, bool utf8, const char *wanted)
{
    struct watch_grid grid;
    struct buf out = BUF_INIT;
    assert_int_equal(watch_grid_init(&grid, width + 2, 1, utf8), 0);
    watch_grid_put(&grid, 1, 0, width, slice_str(text), WATCH_LEFT, WATCH_PLAIN);
    watch_grid_put(&grid, width + 1, 0, 1, slice_str("|"), WATCH_LEFT, WATCH_PLAIN);
    watch_grid_text(&grid, &out);
    assert_string_equal(buf_cstr(&out), wanted);
    buf_deinit(&out);
    watch_grid_deinit(&grid);
}

static void test_text_is_cut_at_whole_characters(void **state)
{
    (void)state;
    assert_put("abc", 5, true, " abc  |\n");
    assert_put("abcdef", 5, true, " abcd…|\n");
    assert_put("abcdef", 5, false, " abcd~|\n");
    assert_put("田中商店", 8, true, " 田中商店|\n");
    assert_put("田中商店", 7, true, " 田中商…|\n");
    assert_put("田中商店", 6, true, " 田中… |\n");
    assert_put("田中", 4, false, " ??  |\n");
    assert_put("e\xCC\x81x", 3, true, " e\xCC\x81x |\n");
    assert_put("\xCC\x81x", 3, true, " x  |\n"); /* nothing to combine with */
    assert_put("a\xFFz", 3, true, " a?z|\n");
    assert_put("abc", 1, true, " …|\n");
}

static void test_columns_leave_by_importance(void **state)
{
    (void)state;
    struct watch_column columns[3] = {
        {.title = "a", .least = 4, .most = 10},
        {.title = "b", .least = 4, .importance = 2},
        {.title = "c", .least = 4, .importance = 1},
    };
    watch_columns_fit(columns, 3, 0, 14);
    assert_int_equal(columns[0].width + columns[1].width + columns[2].width, 12);
    watch_columns_fit(columns, 3, 0, 30);
    assert_int_equal(columns[0].width, 10);
    watch_columns_fit(columns, 3, 0, 13);
    assert_int_equal(columns[1].width, 0);
    assert_int_equal(columns[2].x, 9);
    assert_int_equal(columns[0].width, 8);
    watch_columns_fit(columns, 3, 0, 5);
    assert_int_equal(columns[2].width, 0);
    assert_int_equal(columns[0].width, 5);
    watch_columns_fit(columns, 3, 9, 5); /* no room at all */
    assert_int_equal(columns[0].width, 4);
}

static void test_words(void **state)
{
    (void)state;
    char word[WATCH_WORD_MAX];
    enum watch_role role;
    assert_string_equal(watch_words_span(WATCH_NONE, word), "-");
    assert_string_equal(watch_words_span(7999, word), "0:07");
    assert_string_equal(watch_words_span(3599999, word), "59:59");
    assert_string_equal(watch_words_span(3723000, word), "1:02:03");
    assert_string_equal(watch_words_span(INT64_C(273600000), word), "3d 04h");
    assert_string_equal(watch_words_wait(20000, 20000, word, &role), "0:20 ");
    assert_int_equal(role, WATCH_PLAIN);
    assert_string_equal(watch_words_wait(20001, 20000, word, &role), "0:20!");
    assert_int_equal(role, WATCH_WARN);
    assert_string_equal(watch_words_level(0.8, word, &role), "80%  ");
    assert_string_equal(watch_words_level(0.79, word, &role), "79%! ");
    assert_int_equal(role, WATCH_WARN);
    assert_string_equal(watch_words_level(0.59, word, &role), "59%!!");
    assert_int_equal(role, WATCH_BAD);
    assert_string_equal(watch_words_clock(INT64_C(1795340000250), 3600, word), "10:33:20");
    struct watch_queue queue = {.trend_count = 5, .trend = {0, 0.5, 1, WATCH_NONE, 0.85}};
    char spark[WATCH_SPARK_BYTES];
    assert_string_equal(watch_words_spark(&queue, 16, true, spark), "▁▅█·▇");
    assert_string_equal(watch_words_spark(&queue, 16, false, spark), "059.8");
    assert_string_equal(watch_words_spark(&queue, 2, false, spark), ".8");
}

static void test_every_kind_of_event_has_its_word(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        enum watch_role role;
        const char *name = event_kind_str((enum event_kind)kind);
        bool told = kind != EVENT_NONE && kind != EVENT_MEMBER_STATE && kind != EVENT_NOTE &&
                    kind != EVENT_UNKNOWN_VERB; /* these are not shown to people */
        const char *word = watch_words_event(name, &role);
        assert_true(!told || word != name);
        assert_true(role != WATCH_WARN || word[0] == '!');
    }
}

static const char *selected(const struct watch_view *view)
{
    return view->selected ? view->selected : "";
}

static void press(struct watch_view *view, const struct watch_model *model, const char *keys)
{
    for (; *keys; keys++) {
        assert_true(watch_view_key(view, model, *keys));
    }
}

static void test_keys(void **state)
{
    (void)state;
    struct watch_model *model = watch_kit_model();
    struct watch_view view = {0};
    press(&view, model, "j");
    assert_string_equal(selected(&view), "night");
    press(&view, model, "kkk");
    assert_string_equal(selected(&view), "billing");
    press(&view, model, "G");
    assert_string_equal(selected(&view), "田中商店の待ち行列");
    press(&view, model, "g");
    assert_string_equal(selected(&view), "billing");
    press(&view, model, "s"); /* the selection stays with its queue */
    assert_int_equal(view.sort, WATCH_BY_WAITING);
    assert_string_equal(selected(&view), "billing");
    press(&view, model, "gs");
    assert_string_equal(selected(&view), "returns");
    press(&view, model, "sg");
    assert_string_equal(selected(&view), "田中商店の待ち行列"); /* 40 % */
    press(&view, model, "rg");
    assert_string_equal(selected(&view), "night"); /* none comes last, so first */
    assert_true(watch_view_key(&view, model, WATCH_KEY_DOWN));
    assert_true(watch_view_key(&view, model, WATCH_KEY_ENTER));
    assert_int_equal(view.screen, WATCH_QUEUE);
    press(&view, model, "?");
    assert_int_equal(view.screen, WATCH_HELP);
    press(&view, model, "\033");
    assert_int_equal(view.screen, WATCH_QUEUE);
    assert_true(watch_view_key(&view, model, WATCH_KEY_BACK));
    assert_int_equal(view.screen, WATCH_QUEUES);
    press(&view, model, "o");
    assert_int_equal(view.screen, WATCH_OPERATORS);
    press(&view, model, "e");
    assert_int_equal(view.screen, WATCH_EVENTS);
    press(&view, model, "e");
    assert_int_equal(view.screen, WATCH_QUEUES);
    press(&view, model, "p");
    assert_true(view.paused);
    press(&view, model, "p");
    assert_false(view.paused);
    assert_false(watch_view_key(&view, model, 'q'));
    assert_false(watch_view_key(&view, model, 3));
    press(&view, NULL, "jkgGsrpoe?\n\033 ");
    watch_view_deinit(&view);
    watch_model_free(model);
}

static void test_a_long_list_scrolls_to_its_end_and_no_further(void **state)
{
    (void)state;
    struct watch_model *model = watch_kit_model();
    assert_drawn(model, "eG", 80, 10, "10:31:34 ! left: waited out");
    assert_drawn(model, "eGGGk", 80, 10, "10:31:41 ! not picked up");
    assert_drawn(model, "GG", 40, 7, "> 田中商店");
    assert_drawn(model, "GGgg", 40, 7, "> billing");
    watch_model_free(model);
}

static void test_waits_run_on_by_themselves(void **state)
{
    (void)state;
    struct watch_model *model = watch_kit_model();
    struct watch_view view = {0};
    struct watch_picture picture = watch_kit_picture(model);
    picture.counted_ms = 60000;
    struct buf text = watch_kit_draw(&picture, &view, 80, 24, true, false);
    assert_non_null(strstr(buf_cstr(&text), "2:35!")); /* 95 s in the document */
    buf_deinit(&text);
    watch_model_free(model);
}

static void test_any_size_can_be_drawn(void **state)
{
    (void)state;
    struct watch_model *model = watch_kit_model();
    static const char *const screens[] = {"", "\n", "o", "e", "?"};
    for (size_t width = 1; width < 90; width += 3) {
        for (size_t height = 1; height < 30; height += 2) {
            for (size_t i = 0; i < 5; i++) {
                assert_drawn(model, screens[i], width, height, "");
            }
        }
    }
    assert_drawn(model, "", 1000, 500, "madrid-01");
    watch_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document_becomes_a_model),
        cmocka_unit_test(test_what_is_missing_is_not_told),
        cmocka_unit_test(test_before_the_first_answer),
        cmocka_unit_test(test_names_cannot_reach_the_terminal),
        cmocka_unit_test(test_text_is_cut_at_whole_characters),
        cmocka_unit_test(test_columns_leave_by_importance),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_every_kind_of_event_has_its_word),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_a_long_list_scrolls_to_its_end_and_no_further),
        cmocka_unit_test(test_waits_run_on_by_themselves),
        cmocka_unit_test(test_any_size_can_be_drawn),
    };
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        (void)fputs("there is no locale C.UTF-8\n", stderr);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
