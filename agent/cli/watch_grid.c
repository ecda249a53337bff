#include "agent/cli/watch_grid.h"

#include <stdlib.h>
#include <wchar.h>

#include "platform/base/status.h"
#include "platform/base/utf8.h"

enum { GRID_MAX = 2000 }; /* columns or lines; terminals have less */

struct glyph {
    uint32_t code;
    int width; /* 0: combines with the one before */
};

/* Joiners and variants make terminals disagree about the width of what is around them. */
static bool is_joiner(uint32_t code)
{
    return (code >= 0x200B && code <= 0x200F) || (code >= 0xFE00 && code <= 0xFE0F) || code == 0x2060;
}

static struct glyph next_glyph(const struct watch_grid *grid, struct slice text, size_t *used)
{
    bool valid;
    uint32_t code = utf8_next(text, used, &valid);
    if (code >= 0x20 && code < 0x7F) {
        return (struct glyph){code, 1};
    }
    if (!grid->utf8 || !valid) {
        return (struct glyph){'?', 1};
    }
    int width = is_joiner(code) ? 0 : wcwidth((wchar_t)code);
    return width < 0 || code < 0xA0 ? (struct glyph){'?', 1} : (struct glyph){is_joiner(code) ? 0 : code, width};
}

int watch_grid_init(struct watch_grid *grid, size_t width, size_t height, bool utf8)
{
    width = width > GRID_MAX ? GRID_MAX : width;
    height = height > GRID_MAX ? GRID_MAX : height;
    struct watch_cell *cells = calloc(width * height + 1, sizeof *cells);
    if (!cells) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < width * height; i++) {
        cells[i].code = ' ';
    }
    *grid = (struct watch_grid){width, height, utf8, cells};
    return 0;
}

void watch_grid_deinit(struct watch_grid *grid)
{
    free(grid->cells);
    *grid = (struct watch_grid){0};
}

struct watch_cell *watch_grid_at(const struct watch_grid *grid, size_t x, size_t y)
{
    return x < grid->width && y < grid->height ? &grid->cells[y * grid->width + x] : NULL;
}

size_t watch_grid_width(const struct watch_grid *grid, struct slice text)
{
    size_t width = 0;
    size_t used;
    for (size_t at = 0; at < text.len; at += used) {
        width += (size_t)next_glyph(grid, slice_make(text.data + at, text.len - at), &used).width;
    }
    return width;
}

static void set_cell(struct watch_grid *grid, size_t x, size_t y, uint32_t code, enum watch_role role)
{
    struct watch_cell *cell = watch_grid_at(grid, x, y);
    if (cell) {
        *cell = (struct watch_cell){.code = code, .role = (uint8_t)role, .selected = cell->selected};
    }
}

static void add_mark(struct watch_grid *grid, size_t x, size_t y, uint32_t mark)
{
    struct watch_cell *cell = watch_grid_at(grid, x, y);
    cell = cell && cell->code == 0 ? watch_grid_at(grid, x - 1, y) : cell; /* behind a wide one */
    for (size_t i = 0; cell && mark && i < WATCH_MARKS_MAX; i++) {
        if (cell->marks[i] == 0) {
            cell->marks[i] = mark;
            return;
        }
    }
}

/* As many characters as fit between x and end; returns the column behind them. */
static size_t put_glyphs(struct watch_grid *grid, size_t x, size_t y, size_t end, struct slice text,
                         enum watch_role role)
{
    size_t start = x;
    size_t used;
    for (size_t at = 0; at < text.len; at += used) {
        struct glyph glyph = next_glyph(grid, slice_make(text.data + at, text.len - at), &used);
        if (x + (size_t)glyph.width > end) {
            break;
        }
        if (glyph.width == 0) {
            if (x > start) {
                add_mark(grid, x - 1, y, glyph.code);
            }
            continue;
        }
        set_cell(grid, x, y, glyph.code, role);
        if (glyph.width == 2) {
            set_cell(grid, x + 1, y, 0, role);
        }
        x += (size_t)glyph.width;
    }
    return x;
}

void watch_grid_put(struct watch_grid *grid, size_t x, size_t y, size_t width, struct slice text,
                    enum watch_align align, enum watch_role role)
{
    if (x >= grid->width || y >= grid->height || width == 0) {
        return;
    }
    size_t end = x + (width > grid->width - x ? grid->width - x : width);
    size_t natural = watch_grid_width(grid, text);
    for (size_t i = x; i < end; i++) {
        set_cell(grid, i, y, ' ', role);
    }
    if (natural > end - x) {
        size_t behind = put_glyphs(grid, x, y, end - 1, text, role);
        set_cell(grid, behind, y, grid->utf8 ? 0x2026 : '~', role);
        return;
    }
    (void)put_glyphs(grid, align == WATCH_RIGHT ? end - natural : x, y, end, text, role);
}

size_t watch_grid_say(struct watch_grid *grid, size_t x, size_t y, size_t end, const char *text, enum watch_role role)
{
    struct slice slice = slice_str(text);
    size_t width = watch_grid_width(grid, slice);
    end = end > grid->width ? grid->width : end;
    if (x >= end) {
        return x;
    }
    width = width > end - x ? end - x : width;
    watch_grid_put(grid, x, y, width, slice, WATCH_LEFT, role);
    return x + width;
}

void watch_grid_role(struct watch_grid *grid, size_t y, enum watch_role role)
{
    for (size_t x = 0; y < grid->height && x < grid->width; x++) {
        watch_grid_at(grid, x, y)->role = (uint8_t)role;
    }
}

void watch_grid_select(struct watch_grid *grid, size_t y)
{
    for (size_t x = 0; y < grid->height && x < grid->width; x++) {
        watch_grid_at(grid, x, y)->selected = true;
    }
}

static void append_code(struct buf *out, uint32_t code)
{
    char bytes[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1; code >>= 6) {
        bytes[i] = (char)(0x80 | (code & 0x3F));
    }
    bytes[0] = (char)(heads[len] | code);
    buf_append(out, bytes, len);
}

void watch_grid_text(const struct watch_grid *grid, struct buf *out)
{
    for (size_t y = 0; y < grid->height; y++) {
        size_t end = grid->width;
        while (end > 0 && watch_grid_at(grid, end - 1, y)->code == ' ') {
            end--;
        }
        for (size_t x = 0; x < end; x++) {
            const struct watch_cell *cell = watch_grid_at(grid, x, y);
            if (cell->code == 0) {
                continue;
            }
            append_code(out, cell->code);
            for (size_t i = 0; i < WATCH_MARKS_MAX && cell->marks[i]; i++) {
                append_code(out, cell->marks[i]);
            }
        }
        buf_append(out, "\n", 1);
    }
}
