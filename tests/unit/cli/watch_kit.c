#include "tests/unit/cli/watch_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

struct buf watch_kit_file(const char *name)
{
    char path[512];
    char bytes[4096];
    size_t len;
    struct buf text = BUF_INIT;
    (void)snprintf(path, sizeof path, "%s/%s", WATCH_DIR, name);
    FILE *file = fopen(path, "rb");
    while (file && (len = fread(bytes, 1, sizeof bytes, file)) > 0) {
        buf_append(&text, bytes, len);
    }
    if (file) {
        (void)fclose(file);
    }
    return text;
}

static struct watch_model *parse(struct slice text)
{
    struct json *document = NULL;
    struct watch_model *model = NULL;
    assert_int_equal(json_parse(text, text.len, &document, NULL, 0), 0);
    assert_int_equal(watch_model_make(document, &model), 0);
    json_free(document);
    return model;
}

struct watch_model *watch_kit_parse(const char *text)
{
    return parse(slice_str(text));
}

struct watch_model *watch_kit_model(void)
{
    struct buf text = watch_kit_file("live.json");
    struct watch_model *model = parse(buf_slice(&text));
    buf_deinit(&text);
    return model;
}

struct watch_picture watch_kit_picture(const struct watch_model *model)
{
    return (struct watch_picture){
        .model = model, .link = model ? WATCH_LINK_ANSWERS : WATCH_LINK_CONNECTING, .agent = "coap://127.0.0.1:5683"};
}

static void append_roles(const struct watch_grid *grid, struct buf *out)
{
    static const char letters[WATCH_ROLE_COUNT] = {'.', 'f', 's', 'h', '=', 'g', 'W', 'B'};
    for (size_t y = 0; y < grid->height; y++) {
        for (size_t x = 0; x < grid->width; x++) {
            const struct watch_cell *cell = watch_grid_at(grid, x, y);
            char letter = cell->code == ' ' && cell->role == WATCH_PLAIN ? ' ' : letters[cell->role];
            buf_append(out, cell->selected && letter == ' ' ? "_" : &letter, 1);
        }
        buf_append(out, "|\n", 2);
    }
}

struct buf watch_kit_draw(const struct watch_picture *picture, struct watch_view *view, size_t width, size_t height,
                          bool utf8, bool roles)
{
    struct watch_grid grid;
    struct buf out = BUF_INIT;
    assert_int_equal(watch_grid_init(&grid, width, height, utf8), 0);
    watch_layout(picture, view, &grid);
    watch_grid_text(&grid, &out);
    if (roles) {
        append_roles(&grid, &out);
    }
    watch_grid_deinit(&grid);
    return out;
}
