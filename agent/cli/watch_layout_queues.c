/* The screen of all queues: a table, a line for all of them, and below it what happened last. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/watch_columns.h"
#include "agent/cli/watch_layout_internal.h"
#include "agent/cli/watch_words.h"

enum {
    NAME_LEAST = 10,
    NAME_GOOD = 18, /* on a terminal that is not narrow */
    NARROW = 60,
    NAME_MOST = 40,
    TREND_LEAST = 6,
    WIDE = 140,      /* from here on heads are whole words */
    MARGIN = 2,      /* where the selection is marked */
    EVENTS_LEAST = 4 /* lines, with their head, that the table does not take */
};

enum {
    QUEUE_NAME,
    QUEUE_WAITING,
    QUEUE_LONGEST,
    QUEUE_READY,
    QUEUE_TALKING,
    QUEUE_PAUSED,
    QUEUE_LOGGED_IN,
    QUEUE_LEVEL,
    QUEUE_TREND,
    QUEUE_ENTERED,
    QUEUE_ANSWERED,
    QUEUE_ABANDONED,
    QUEUE_COLUMNS
};

struct rows {
    const size_t *order;
    size_t selected;
    size_t top;
    size_t shown;
};

static size_t longest_name(const struct watch_model *model, const struct watch_grid *grid)
{
    size_t most = NAME_LEAST;
    for (size_t i = 0; i < model->queue_count; i++) {
        size_t width = watch_grid_width(grid, slice_str(model->queues[i].label));
        most = width > most ? width : most;
    }
    return most > NAME_MOST ? NAME_MOST : most;
}

static bool knows_operators(const struct watch_model *model)
{
    bool known = false;
    for (size_t i = 0; i < model->queue_count; i++) {
        const struct watch_queue *queue = &model->queues[i];
        known |= queue->ready >= 0 || queue->paused >= 0 || queue->logged_in >= 0;
    }
    return known;
}

static bool several_thresholds(const struct watch_model *model)
{
    for (size_t i = 1; i < model->queue_count; i++) {
        if (model->queues[i].threshold_ms != model->queues[0].threshold_ms) {
            return true;
        }
    }
    return false;
}

static void make_columns(const struct watch_model *model, const char *name_head, struct watch_grid *grid,
                         struct watch_column out[QUEUE_COLUMNS])
{
    bool wide = grid->width >= WIDE;
    size_t staff = knows_operators(model) ? (wide ? 7 : 5) : 0;
    size_t day = wide ? 9 : 5;
    size_t level = wide ? 13 : several_thresholds(model) ? 9 : 6;
    size_t least = grid->width < NARROW ? NAME_LEAST : NAME_GOOD;
    size_t name = longest_name(model, grid) > strlen(name_head) ? longest_name(model, grid) : strlen(name_head);
    const struct watch_column columns[QUEUE_COLUMNS] = {
        [QUEUE_NAME] = {name_head, least, name, 0, WATCH_LEFT, 0, 0},
        [QUEUE_WAITING] = {wide ? "waiting" : "wait", wide ? 7 : 4, 0, 0, WATCH_RIGHT, 0, 0},
        [QUEUE_LONGEST] = {"longest ", wide ? 9 : 8, 0, 1, WATCH_RIGHT, 0, 0},
        [QUEUE_READY] = {"ready", staff, 0, 3, WATCH_RIGHT, 0, 0},
        [QUEUE_TALKING] = {wide ? "talking" : "talk", wide ? 7 : 4, 0, 4, WATCH_RIGHT, 0, 0},
        [QUEUE_PAUSED] = {wide ? "paused" : "pause", staff, 0, 8, WATCH_RIGHT, 0, 0},
        [QUEUE_LOGGED_IN] = {wide ? "logged in" : "login", staff ? staff + (wide ? 2 : 0) : 0, 0, 9, WATCH_RIGHT, 0, 0},
        [QUEUE_LEVEL] = {wide ? "service level" : "SL  ", level, 0, 2, WATCH_RIGHT, 0, 0},
        [QUEUE_TREND] = {"trend", TREND_LEAST, WATCH_TREND_MAX, 7, WATCH_RIGHT, 0, 0},
        [QUEUE_ENTERED] = {wide ? "entered" : "in", day, 0, 10, WATCH_RIGHT, 0, 0},
        [QUEUE_ANSWERED] = {wide ? "answered" : "ans", day, 0, 6, WATCH_RIGHT, 0, 0},
        [QUEUE_ABANDONED] = {wide ? "abandoned" : "abd", day, 0, 5, WATCH_RIGHT, 0, 0},
    };
    memcpy(out, columns, sizeof columns);
    watch_columns_fit(out, QUEUE_COLUMNS, MARGIN, grid->width);
}

static void put_count(const struct watch_column *column, struct watch_grid *grid, size_t y, int64_t count,
                      enum watch_role role)
{
    char word[WATCH_WORD_MAX];
    watch_columns_put(column, grid, y, watch_words_count(count, word), count > 0 ? role : WATCH_FAINT);
}

static void put_level(const struct watch_column *column, struct watch_grid *grid, size_t y,
                      const struct watch_queue *queue, bool threshold)
{
    char word[WATCH_WORD_MAX];
    char both[2 * WATCH_WORD_MAX];
    enum watch_role role;
    (void)watch_words_level(queue->service_level, word, &role);
    if (threshold && queue->threshold_ms >= 0 && queue->service_level >= 0) {
        (void)snprintf(both, sizeof both, "%s%3" PRId64 "s", word, queue->threshold_ms / 1000 % 1000);
        watch_columns_put(column, grid, y, both, role);
    } else {
        watch_columns_put(column, grid, y, word, role);
    }
}

static void draw_queue(const struct watch_picture *picture, const struct watch_queue *queue,
                       const struct watch_column *columns, struct watch_grid *grid, size_t y)
{
    char word[WATCH_WORD_MAX];
    char spark[WATCH_SPARK_BYTES];
    enum watch_role role;
    int64_t longest_ms = queue->waiting == 0 ? WATCH_NONE : watch_layout_run_on(picture, queue->longest_ms);
    (void)watch_words_wait(longest_ms, queue->threshold_ms, word, &role);
    watch_columns_put(&columns[QUEUE_NAME], grid, y, queue->label, WATCH_PLAIN);
    watch_columns_put(&columns[QUEUE_LONGEST], grid, y, word, role);
    put_count(&columns[QUEUE_WAITING], grid, y, queue->waiting, role == WATCH_WARN ? WATCH_WARN : WATCH_STRONG);
    put_count(&columns[QUEUE_READY], grid, y, queue->ready, WATCH_GOOD);
    put_count(&columns[QUEUE_TALKING], grid, y, queue->talking, WATCH_PLAIN);
    put_count(&columns[QUEUE_PAUSED], grid, y, queue->paused, WATCH_PLAIN);
    put_count(&columns[QUEUE_LOGGED_IN], grid, y, queue->logged_in, WATCH_PLAIN);
    put_level(&columns[QUEUE_LEVEL], grid, y, queue, several_thresholds(picture->model));
    watch_columns_put(&columns[QUEUE_TREND], grid, y,
                      watch_words_spark(queue, columns[QUEUE_TREND].width, grid->utf8, spark), WATCH_PLAIN);
    put_count(&columns[QUEUE_ENTERED], grid, y, queue->entered, WATCH_PLAIN);
    put_count(&columns[QUEUE_ANSWERED], grid, y, queue->answered, WATCH_PLAIN);
    put_count(&columns[QUEUE_ABANDONED], grid, y, queue->abandoned, WATCH_PLAIN);
}

static int64_t add(int64_t sum, int64_t value)
{
    return value < 0 ? sum : (sum < 0 ? 0 : sum) + value;
}

static void draw_total(const struct watch_picture *picture, const struct watch_column *columns, struct watch_grid *grid,
                       size_t y)
{
    const struct watch_model *model = picture->model;
    char word[WATCH_WORD_MAX];
    char name[48];
    int64_t day[3] = {WATCH_NONE, WATCH_NONE, WATCH_NONE};
    for (size_t i = 0; i < model->queue_count; i++) {
        day[0] = add(day[0], model->queues[i].entered);
        day[1] = add(day[1], model->queues[i].answered);
        day[2] = add(day[2], model->queues[i].abandoned);
    }
    (void)snprintf(name, sizeof name, "all %zu", model->queue_count);
    watch_columns_put(&columns[QUEUE_NAME], grid, y, name, WATCH_STRONG);
    enum watch_role role;
    int64_t longest_ms = model->waiting == 0 ? WATCH_NONE : watch_layout_run_on(picture, model->longest_ms);
    (void)watch_words_wait(longest_ms, 0, word, &role);
    watch_columns_put(&columns[QUEUE_LONGEST], grid, y, word, longest_ms < 0 ? WATCH_FAINT : WATCH_STRONG);
    put_count(&columns[QUEUE_WAITING], grid, y, model->waiting, WATCH_STRONG);
    put_count(&columns[QUEUE_READY], grid, y, model->ready, WATCH_STRONG);
    put_count(&columns[QUEUE_TALKING], grid, y, model->talking, WATCH_STRONG);
    put_count(&columns[QUEUE_PAUSED], grid, y, model->paused, WATCH_STRONG);
    put_count(&columns[QUEUE_LOGGED_IN], grid, y, model->logged_in, WATCH_STRONG);
    for (size_t i = 0; i < 3; i++) {
        put_count(&columns[QUEUE_ENTERED + i], grid, y, day[i], WATCH_STRONG);
    }
}

/* The selected row stays in sight and the table does not move more than it must. */
static size_t place(struct watch_view *view, size_t count, size_t selected, size_t shown)
{
    watch_layout_scroll(view, count, shown);
    if (selected < view->top) {
        view->top = selected;
    } else if (shown > 0 && selected >= view->top + shown) {
        view->top = selected - shown + 1;
    }
    return view->top;
}

static void draw_rows(const struct watch_picture *picture, const struct rows *rows, const struct watch_column *columns,
                      const struct watch_area *area)
{
    size_t y = area->top + 1;
    for (size_t i = rows->top; i < rows->top + rows->shown; i++, y++) {
        draw_queue(picture, &picture->model->queues[rows->order[i]], columns, area->grid, y);
        if (i == rows->selected) {
            (void)watch_grid_say(area->grid, 0, y, 1, ">", WATCH_STRONG);
            watch_grid_select(area->grid, y);
        }
    }
    if (y < area->end) {
        draw_total(picture, columns, area->grid, y);
    }
}

/* Lines for the table's rows: what is left when the head, the total and some events have theirs. */
static size_t rows_shown(const struct watch_picture *picture, const struct watch_area *area)
{
    size_t lines = area->end - area->top;
    size_t events = picture->model->event_count > 0 && lines >= 12 ? EVENTS_LEAST + 1 : 0;
    size_t fixed = (lines > 2 ? 2 : 1) + events;
    size_t room = lines > fixed ? lines - fixed : 0;
    return picture->model->queue_count < room ? picture->model->queue_count : room;
}

static void draw_table(const struct watch_picture *picture, struct watch_view *view, const size_t *order,
                       const struct watch_area *area)
{
    struct watch_column columns[QUEUE_COLUMNS];
    const struct watch_model *model = picture->model;
    size_t shown = rows_shown(picture, area);
    size_t selected = watch_view_selected(view, model, order);
    struct rows rows = {order, selected, place(view, model->queue_count, selected, shown), shown};
    char head[48] = "queue";
    if (shown < model->queue_count) {
        (void)snprintf(head, sizeof head, "%zu-%zu/%zu", rows.top + 1, rows.top + shown, model->queue_count);
    }
    make_columns(model, head, area->grid, columns);
    watch_columns_heads(columns, QUEUE_COLUMNS, area->grid, area->top);
    draw_rows(picture, &rows, columns, area);
    const struct watch_area below = {area->grid, area->top + shown + 3, area->end};
    if (below.top + 1 < below.end) {
        watch_layout_last_events(picture, &below);
    }
}

void watch_layout_queues(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area)
{
    const struct watch_model *model = picture->model;
    if (model->queue_count == 0) {
        (void)watch_grid_say(area->grid, 1, area->top, area->grid->width, "no queue has been seen yet", WATCH_FAINT);
        if (model->hint_count > 0 && area->top + 1 < area->end) {
            (void)watch_grid_say(area->grid, 1, area->top + 1, area->grid->width, model->hints[0], WATCH_PLAIN);
        }
        return;
    }
    size_t *order = calloc(model->queue_count, sizeof *order);
    if (order) {
        watch_view_order(view, model, order);
        draw_table(picture, view, order, area);
        free(order);
    }
}
