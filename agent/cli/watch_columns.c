#include "agent/cli/watch_columns.h"

static size_t total(const struct watch_column *columns, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += columns[i].width > 0 ? columns[i].width + 1 : 0;
    }
    return sum > 0 ? sum - 1 : 0;
}

static bool drop_one(struct watch_column *columns, size_t count)
{
    struct watch_column *least = NULL;
    for (size_t i = 0; i < count; i++) {
        struct watch_column *column = &columns[i];
        if (column->width > 0 && column->importance > 0 && (!least || column->importance > least->importance)) {
            least = column;
        }
    }
    if (least) {
        least->width = 0;
    }
    return least != NULL;
}

/* What is left goes a column each in turn, so that long names and long reasons share it. */
static void share(struct watch_column *columns, size_t count, size_t left)
{
    bool taken = true;
    while (left > 0 && taken) {
        taken = false;
        for (size_t i = 0; i < count && left > 0; i++) {
            if (columns[i].width > 0 && columns[i].width < columns[i].most) {
                columns[i].width++;
                left--;
                taken = true;
            }
        }
    }
}

void watch_columns_fit(struct watch_column *columns, size_t count, size_t x, size_t width)
{
    size_t room = width > x ? width - x : 0;
    for (size_t i = 0; i < count; i++) {
        columns[i].width = columns[i].least;
    }
    while (total(columns, count) > room && drop_one(columns, count)) {
    }
    size_t used = total(columns, count);
    share(columns, count, room > used ? room - used : 0);
    for (size_t i = 0; i < count; i++) {
        columns[i].x = x;
        x += columns[i].width > 0 ? columns[i].width + 1 : 0;
    }
}

void watch_columns_put(const struct watch_column *column, struct watch_grid *grid, size_t y, const char *text,
                       enum watch_role role)
{
    if (column->width > 0) {
        watch_grid_put(grid, column->x, y, column->width, slice_str(text), column->align, role);
    }
}

void watch_columns_heads(const struct watch_column *columns, size_t count, struct watch_grid *grid, size_t y)
{
    for (size_t i = 0; i < count; i++) {
        watch_columns_put(&columns[i], grid, y, columns[i].title, WATCH_HEAD);
    }
}
