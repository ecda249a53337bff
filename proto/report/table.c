#include "proto/report/table.h"

#include <string.h>

void table_init(struct table *table, const struct table_column *columns, size_t count)
{
    *table = (struct table){.columns = columns, .column_count = count};
}

void table_deinit(struct table *table)
{
    buf_deinit(&table->text);
    buf_deinit(&table->spans);
}

void table_cell(struct table *table, struct slice text)
{
    buf_append(&table->text, text.data, text.len);
    size_t end = table->text.len;
    buf_append(&table->spans, &end, sizeof end);
}

void table_cell_str(struct table *table, const char *text)
{
    table_cell(table, slice_str(text));
}

static size_t cell_count(const struct table *table)
{
    return table->spans.len / sizeof(size_t);
}

static struct slice cell_at(const struct table *table, size_t index)
{
    size_t begin = 0;
    size_t end;
    if (index > 0) {
        memcpy(&begin, table->spans.data + (index - 1) * sizeof begin, sizeof begin);
    }
    memcpy(&end, table->spans.data + index * sizeof end, sizeof end);
    return end == begin ? slice_make("", 0) : slice_make((const char *)table->text.data + begin, end - begin);
}

struct layout {
    size_t widths[TABLE_COLUMNS_MAX];
    size_t gap;
};

static size_t layout_total(const struct table *table, const struct layout *layout)
{
    size_t total = layout->gap * (table->column_count - 1);
    for (size_t c = 0; c < table->column_count; c++) {
        total += layout->widths[c];
    }
    return total;
}

/* Takes a column from the widest of those that may give. False when none may. */
static bool layout_shrink(const struct table *table, struct layout *layout)
{
    size_t *widest = NULL;
    for (size_t c = 0; c < table->column_count; c++) {
        if (table->columns[c].shrinks && layout->widths[c] > TABLE_SHRUNK_MIN &&
            (!widest || layout->widths[c] > *widest)) {
            widest = &layout->widths[c];
        }
    }
    if (widest) {
        (*widest)--;
    }
    return widest != NULL;
}

static void layout_make(const struct table *table, size_t width, struct layout *layout)
{
    *layout = (struct layout){.gap = 2};
    for (size_t c = 0; c < table->column_count; c++) {
        layout->widths[c] = text_width(slice_str(table->columns[c].title));
    }
    size_t column = 0;
    for (size_t i = 0; i < cell_count(table); i++) {
        size_t needed = text_width(cell_at(table, i));
        layout->widths[column] = needed > layout->widths[column] ? needed : layout->widths[column];
        column = column + 1 < table->column_count ? column + 1 : 0;
    }
    if (layout_total(table, layout) > width) {
        layout->gap = 1;
    }
    while (layout_total(table, layout) > width && layout_shrink(table, layout)) {
    }
}

static void write_row(const struct table *table, const struct layout *layout, size_t first_cell, struct buf *out)
{
    size_t begin = out->len;
    for (size_t c = 0; c < table->column_count; c++) {
        struct slice text =
            first_cell == SIZE_MAX ? slice_str(table->columns[c].title) : cell_at(table, first_cell + c);
        text_put(out, slice_str(""), c > 0 ? layout->gap : 0, TEXT_LEFT);
        text_put(out, text, layout->widths[c], table->columns[c].align);
    }
    while (out->len > begin && out->data[out->len - 1] == ' ') {
        out->len--;
    }
}

void table_write(const struct table *table, size_t width, bool bold, struct buf *out)
{
    struct layout layout;
    layout_make(table, width, &layout);
    buf_append_str(out, bold ? "\x1b[1m" : "");
    write_row(table, &layout, SIZE_MAX, out);
    buf_append_str(out, bold ? "\x1b[0m\n" : "\n");
    for (size_t i = 0; i + table->column_count <= cell_count(table); i += table->column_count) {
        write_row(table, &layout, i, out);
        buf_append_str(out, "\n");
    }
}
