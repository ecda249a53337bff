/* table: rows of text laid out in columns within a given width. */
#ifndef RINGSIDE_PROTO_REPORT_TABLE_H
#define RINGSIDE_PROTO_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "proto/report/text.h"

enum { TABLE_COLUMNS_MAX = 16, TABLE_SHRUNK_MIN = 6 };

struct table_column {
    const char *title;
    enum text_align align;
    bool shrinks; /* names: cut when the table is too wide */
};

struct table {
    const struct table_column *columns; /* borrowed */
    size_t column_count;
    struct buf text;  /* all cells, one after the other */
    struct buf spans; /* a size_t each: where a cell ends in text */
};

void table_init(struct table *table, const struct table_column *columns, size_t count);
void table_deinit(struct table *table);

/* The next cell, row by row, from left to right. */
void table_cell(struct table *table, struct slice text);
void table_cell_str(struct table *table, const char *text);

/* Appends the titles and all rows. Too wide: single blanks between columns first, then shrinking columns are cut; a
 * table that is still too wide runs over. `bold` sets off the titles. */
void table_write(const struct table *table, size_t width, bool bold, struct buf *out);

#endif
