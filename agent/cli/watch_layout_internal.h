/* watch_layout_internal: the screens, each of which fills the lines [top, end) of the grid. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_LAYOUT_INTERNAL_H
#define RINGSIDE_AGENT_CLI_WATCH_LAYOUT_INTERNAL_H

#include "agent/cli/watch_columns.h"
#include "agent/cli/watch_layout.h"

struct watch_area {
    struct watch_grid *grid;
    size_t top;
    size_t end;
};

void watch_layout_queues(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area);
void watch_layout_queue(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area);
void watch_layout_operators(const struct watch_picture *picture, struct watch_view *view,
                            const struct watch_area *area);
void watch_layout_events(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area);

/* The newest events, as many as there are lines, without any way to scroll. */
void watch_layout_last_events(const struct watch_picture *picture, const struct watch_area *area);

/* Operators' lines and columns, for their own screen and for a queue's. */
enum { WATCH_OPERATOR_COLUMNS = 7, WATCH_CALLER_COLUMNS = 5 };
void watch_layout_operator_columns(const struct watch_picture *picture, const char *only_queue, struct watch_grid *grid,
                                   struct watch_column out[WATCH_OPERATOR_COLUMNS]);
void watch_layout_operator(const struct watch_picture *picture, const struct watch_operator *who,
                           const struct watch_column columns[WATCH_OPERATOR_COLUMNS], struct watch_grid *grid,
                           size_t y);

/* Holds view->top so that `rows` rows fill `page` lines where they can. */
void watch_layout_scroll(struct watch_view *view, size_t rows, size_t page);

/* How long something lasts by now. */
int64_t watch_layout_run_on(const struct watch_picture *picture, int64_t span_ms);

#endif
