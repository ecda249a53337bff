#include "collector/query/kpi_rows.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

struct kpi_row_sum {
    uint32_t queue;
    struct cell *cell; /* NULL: in its stored form, or empty */
    struct buf stored;
};

void kpi_rows_clear(struct kpi_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct kpi_row_sum *item = &rows->items[i];
        rows->index[item->queue] = 0;
        item->cell = NULL;
        buf_reset(&item->stored);
    }
    for (size_t i = 0; i < rows->cell_count && i < rows->count; i++) {
        cell_clear(rows->cells[i]);
    }
    rows->count = 0;
    rows->lent_to = 0;
}

void kpi_rows_deinit(struct kpi_rows *rows)
{
    for (size_t i = 0; i < rows->made; i++) {
        buf_deinit(&rows->items[i].stored);
    }
    for (size_t i = 0; i < rows->cell_count; i++) {
        cell_free(rows->cells[i]);
    }
    free(rows->items);
    free(rows->index);
    *rows = (struct kpi_rows){0};
}

uint32_t kpi_rows_queue(const struct kpi_rows *rows, size_t position)
{
    return rows->items[position].queue;
}

static int make_room(struct kpi_rows *rows, uint32_t queue)
{
    uint32_t *index = grow_table(rows->index, queue, &rows->index_count, sizeof *index);
    if (!index) {
        return STATUS_NO_MEMORY;
    }
    rows->index = index;
    if (rows->count == rows->made) {
        struct kpi_row_sum *items = grow_array(rows->items, rows->made, &rows->cap, sizeof *items);
        if (!items) {
            return STATUS_NO_MEMORY;
        }
        rows->items = items;
        rows->items[rows->made++] = (struct kpi_row_sum){0};
    }
    return 0;
}

static int add_row(struct kpi_rows *rows, uint32_t queue)
{
    int status = make_room(rows, queue);
    struct cell *cell = NULL;
    if (status == 0 && rows->count >= rows->cell_count && rows->cell_count < KPI_ROWS_DENSE) {
        status = cell_new(&cell);
        if (status == 0) {
            rows->cells[rows->cell_count++] = cell;
        }
    }
    if (status != 0) {
        return status;
    }
    struct kpi_row_sum *item = &rows->items[rows->count];
    item->queue = queue;
    item->cell = rows->count < rows->cell_count ? rows->cells[rows->count] : NULL;
    rows->count++;
    rows->index[queue] = (uint32_t)rows->count;
    if (rows->count == KPI_ROWS_DENSE) {
        rows->lent_to = rows->count;
    }
    return 0;
}

/* Gives the shared cell to another row. */
static int lend(struct kpi_rows *rows, size_t position)
{
    struct kpi_row_sum *item = &rows->items[position];
    struct kpi_row_sum *holder = &rows->items[rows->lent_to - 1];
    buf_reset(&holder->stored);
    cell_encode(holder->cell, &holder->stored);
    if (holder->stored.failed) {
        return STATUS_NO_MEMORY;
    }
    struct cell *cell = holder->cell;
    holder->cell = NULL;
    cell_clear(cell);
    item->cell = cell;
    rows->lent_to = position + 1;
    return item->stored.len > 0 ? cell_merge_encoded(cell, buf_slice(&item->stored), true) : 0;
}

int kpi_rows_cell(struct kpi_rows *rows, uint32_t queue, struct cell **out)
{
    uint32_t place = queue < rows->index_count ? rows->index[queue] : 0;
    int status = 0;
    if (place == 0) {
        status = add_row(rows, queue);
        place = (uint32_t)rows->count;
    }
    if (status == 0 && !rows->items[place - 1].cell) {
        status = lend(rows, place - 1);
    }
    if (status == 0) {
        *out = rows->items[place - 1].cell;
    }
    return status;
}
