/* Whole pictures against those in screens/, which people have looked at. With WATCH_SCREENS_WRITE set they are written
 * anew: look at them before you commit them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cli/watch_kit.h"

struct screen {
    const char *name;
    size_t width;
    size_t height;
    const char *keys;
    bool ascii;
    bool roles;
    bool log; /* no live source */
    bool lost;
    bool hint;
};

static const struct screen screens[] = {
    {.name = "queues_80x24", .width = 80, .height = 24},
    {.name = "queues_120x40", .width = 120, .height = 40},
    {.name = "queues_160x20", .width = 160, .height = 20},
    {.name = "queues_40x10", .width = 40, .height = 10, .keys = "jjjjjj"},
    {.name = "queues_ascii_80x24", .width = 80, .height = 24, .ascii = true, .keys = "ssr"},
    {.name = "queues_roles_80x16", .width = 80, .height = 16, .roles = true, .keys = "sss"},
    {.name = "queues_log_80x20", .width = 80, .height = 20, .log = true},
    {.name = "queues_lost_80x14", .width = 80, .height = 14, .roles = true, .lost = true},
    {.name = "queues_hint_80x14", .width = 80, .height = 14, .roles = true, .hint = true},
    {.name = "queue_80x24", .width = 80, .height = 24, .keys = "jjj\n"},
    {.name = "queue_120x40", .width = 120, .height = 40, .keys = "jj\nj"},
    {.name = "queue_40x10", .width = 40, .height = 10, .keys = "jjj\n"},
    {.name = "operators_100x20", .width = 100, .height = 20, .keys = "o"},
    {.name = "operators_40x10", .width = 40, .height = 10, .keys = "o"},
    {.name = "events_80x12", .width = 80, .height = 12, .keys = "ej"},
    {.name = "help_80x24", .width = 80, .height = 24, .keys = "?"},
};

static struct watch_model *model_for(const struct screen *screen)
{
    struct watch_model *model = watch_kit_model();
    if (screen->hint) {
        model->health = WATCH_HEALTH_DEGRADED;
        model->hint_count = 1;
        model->hints[0] = "the queue_log was cut off at 01:00; see `ringside status`";
    }
    if (screen->log) {
        model->live = false;
        model->source_state = "";
        model->age_ms = 1400;
        model->logged_in = model->ready = model->paused = WATCH_NONE;
        for (size_t i = 0; i < model->queue_count; i++) {
            model->queues[i].logged_in = model->queues[i].ready = model->queues[i].paused = WATCH_NONE;
        }
    }
    return model;
}

static struct buf draw(const struct screen *screen)
{
    struct watch_view view = {0};
    struct watch_model *model = model_for(screen);
    struct watch_picture picture = watch_kit_picture(model);
    picture.counted_ms = 2000;
    picture.clock_ms = 2000;
    if (screen->lost) {
        picture.link = WATCH_LINK_LOST;
        picture.clock_ms = 65000;
        picture.silent_ms = 63000;
        picture.trouble = "no agent answers at coap://127.0.0.1:5683; what follows is what it last said";
    }
    for (const char *key = screen->keys ? screen->keys : ""; *key; key++) {
        assert_true(watch_view_key(&view, model, *key));
    }
    struct buf text = watch_kit_draw(&picture, &view, screen->width, screen->height, !screen->ascii, screen->roles);
    watch_view_deinit(&view);
    watch_model_free(model);
    return text;
}

static void write_screen(const char *name, struct buf *text)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", WATCH_DIR, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->len, file), text->len);
    assert_int_equal(fclose(file), 0);
}

static bool same(struct buf *drawn, const char *name)
{
    struct buf wanted = watch_kit_file(name);
    bool equal = slice_equal(buf_slice(&wanted), buf_slice(drawn));
    if (!equal) {
        print_error("%s; wanted:\n%sdrawn:\n%s", name, buf_cstr(&wanted), buf_cstr(drawn));
    }
    buf_deinit(&wanted);
    return equal;
}

static void test_screens(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++) {
        char name[128];
        struct buf text = draw(&screens[i]);
        (void)snprintf(name, sizeof name, "screens/%s.txt", screens[i].name);
        if (getenv("WATCH_SCREENS_WRITE")) {
            write_screen(name, &text);
        }
        wrong += same(&text, name) ? 0 : 1;
        buf_deinit(&text);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_screens)};
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        (void)fputs("there is no locale C.UTF-8\n", stderr);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
