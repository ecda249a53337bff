/* kpi_rows: sums that are open at the same time, one for each queue. Dense cells are large, so only some are held as
 * such: the first queues keep theirs, the others share one and lie in their stored form while another has it. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_ROWS_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "collector/rollup/cell.h"

enum { KPI_ROWS_DENSE = 32 };

struct kpi_row_sum;

struct kpi_rows {
    struct kpi_row_sum *items;
    size_t count;
    size_t made; /* items whose memory is used again */
    size_t cap;
    uint32_t *index; /* by queue: position + 1 */
    size_t index_count;
    struct cell *cells[KPI_ROWS_DENSE];
    size_t cell_count;
    size_t lent_to; /* position + 1 of the item that has the last cell; 0: none */
};

void kpi_rows_deinit(struct kpi_rows *rows); /* zero-initialised is fine */
void kpi_rows_clear(struct kpi_rows *rows);  /* no rows; keeps the memory */

/* The sum of that queue, empty at first; valid until the next call. 0, STATUS_NO_MEMORY, STATUS_RANGE. */
int kpi_rows_cell(struct kpi_rows *rows, uint32_t queue, struct cell **out);

uint32_t kpi_rows_queue(const struct kpi_rows *rows, size_t position); /* below count */

#endif
