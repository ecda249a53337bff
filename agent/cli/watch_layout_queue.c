/* The screen of one queue: its figures, who waits, who talks to whom, and its operators, as one list that scrolls. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/watch_columns.h"
#include "agent/cli/watch_layout_internal.h"
#include "agent/cli/watch_words.h"

enum { LINE_BYTES = 512, MARGIN = 1, SPAN_WIDTH = 9, FIGURE_LINES = 3 };

enum { CALLER_POSITION, CALLER_WAIT, CALLER_TALK, CALLER_OPERATOR, CALLER_NUMBER };

enum row_kind { ROW_BLANK, ROW_TITLE, ROW_NOTE, ROW_WAITING, ROW_TALKING, ROW_OPERATOR, ROW_OPERATOR_HEADS };

struct row {
    enum row_kind kind;
    size_t index; /* of a waiting caller, a conversation, an operator */
    size_t place; /* of a caller in the order of waiting, from 1 */
    const char *text;
};

struct list {
    struct row *rows;
    size_t count;
};

static void add_row(struct list *list, struct row row)
{
    list->rows[list->count++] = row; /* there is room for all that the model can give */
}

static void add_callers(const struct watch_model *model, const char *queue, bool connected, struct list *list)
{
    size_t before = list->count;
    add_row(list, (struct row){.kind = ROW_TITLE, .text = connected ? "CONVERSATIONS" : "WAITING"});
    for (size_t i = 0; i < model->caller_count; i++) {
        const struct watch_caller *caller = &model->callers[i];
        if (caller->connected == connected && strcmp(caller->queue, queue) == 0) {
            add_row(list, (struct row){connected ? ROW_TALKING : ROW_WAITING, i, list->count - before, NULL});
        }
    }
    if (list->count == before + 1) {
        add_row(list, (struct row){.kind = ROW_NOTE, .text = connected ? "none" : "nobody"});
    }
    add_row(list, (struct row){.kind = ROW_BLANK});
}

static void add_operators(const struct watch_model *model, const char *queue, struct list *list)
{
    size_t before = list->count;
    for (size_t i = 0; i < model->operator_count; i++) {
        if (watch_model_is_member(&model->operators[i], queue)) {
            if (list->count == before) {
                add_row(list, (struct row){.kind = ROW_OPERATOR_HEADS});
            }
            add_row(list, (struct row){.kind = ROW_OPERATOR, .index = i});
        }
    }
    if (list->count == before && model->live) {
        add_row(list, (struct row){.kind = ROW_TITLE, .text = "OPERATORS"});
        add_row(list, (struct row){.kind = ROW_NOTE, .text = "none are told"});
    }
}

static int make_list(const struct watch_model *model, const struct watch_queue *queue, struct list *out)
{
    *out = (struct list){calloc(model->caller_count + model->operator_count + 10, sizeof *out->rows), 0};
    if (!out->rows) {
        return -1;
    }
    add_callers(model, queue->name, false, out);
    add_callers(model, queue->name, true, out);
    add_operators(model, queue->name, out);
    return 0;
}

static void draw_caller(const struct watch_picture *picture, const struct row *row, int64_t threshold_ms,
                        const struct watch_column *columns, struct watch_grid *grid, size_t y)
{
    const struct watch_caller *caller = &picture->model->callers[row->index];
    char word[WATCH_WORD_MAX];
    enum watch_role role;
    int64_t wait_ms = caller->connected ? caller->wait_ms : watch_layout_run_on(picture, caller->wait_ms);
    if (!caller->connected) {
        watch_columns_put(&columns[CALLER_POSITION], grid, y, watch_words_count((int64_t)row->place, word),
                          WATCH_PLAIN);
    }
    (void)watch_words_wait(wait_ms, threshold_ms, word, &role);
    watch_columns_put(&columns[CALLER_WAIT], grid, y, word, role);
    if (caller->connected) {
        (void)watch_words_span(watch_layout_run_on(picture, caller->on_call_ms), word);
        watch_columns_put(&columns[CALLER_TALK], grid, y, word, WATCH_STRONG);
    }
    char who[LINE_BYTES];
    const char *how = caller->held ? " (on hold)" : caller->ringing ? "ringing " : "";
    (void)snprintf(who, sizeof who, "%s%.400s%s", caller->ringing ? how : "", caller->operator_name,
                   caller->held ? how : "");
    watch_columns_put(&columns[CALLER_OPERATOR], grid, y, who, WATCH_PLAIN);
    watch_columns_put(&columns[CALLER_NUMBER], grid, y, caller->caller, WATCH_PLAIN);
}

static void caller_columns(const struct watch_grid *grid, struct watch_column out[WATCH_CALLER_COLUMNS])
{
    const struct watch_column columns[WATCH_CALLER_COLUMNS] = {
        [CALLER_POSITION] = {"", 3, 0, 3, WATCH_RIGHT, 0, 0},
        [CALLER_WAIT] = {"waited ", SPAN_WIDTH, 0, 0, WATCH_RIGHT, 0, 0},
        [CALLER_TALK] = {"talking", SPAN_WIDTH, 0, 1, WATCH_RIGHT, 0, 0},
        [CALLER_OPERATOR] = {"operator", 12, 40, 2, WATCH_LEFT, 0, 0},
        [CALLER_NUMBER] = {"", 10, 24, 4, WATCH_LEFT, 0, 0},
    };
    memcpy(out, columns, sizeof columns);
    watch_columns_fit(out, WATCH_CALLER_COLUMNS, MARGIN, grid->width);
}

struct drawing {
    const struct watch_picture *picture;
    const struct watch_queue *queue;
    struct watch_column callers[WATCH_CALLER_COLUMNS];
    struct watch_column operators[WATCH_OPERATOR_COLUMNS];
};

static void draw_title(const struct drawing *drawing, const char *text, struct watch_grid *grid, size_t y)
{
    bool talk = strcmp(text, "CONVERSATIONS") == 0;
    size_t x = watch_grid_say(grid, MARGIN, y, grid->width, text, WATCH_HEAD);
    const struct watch_column *columns = drawing->callers;
    if (talk && x < columns[CALLER_TALK].x) {
        watch_columns_put(&columns[CALLER_TALK], grid, y, columns[CALLER_TALK].title, WATCH_HEAD);
        watch_columns_put(&columns[CALLER_OPERATOR], grid, y, columns[CALLER_OPERATOR].title, WATCH_HEAD);
    }
}

static void draw_row(const struct drawing *drawing, const struct row *row, struct watch_grid *grid, size_t y)
{
    const struct watch_picture *picture = drawing->picture;
    switch (row->kind) {
    case ROW_TITLE: draw_title(drawing, row->text, grid, y); break;
    case ROW_NOTE: (void)watch_grid_say(grid, MARGIN + 4, y, grid->width, row->text, WATCH_FAINT); break;
    case ROW_WAITING:
    case ROW_TALKING: draw_caller(picture, row, drawing->queue->threshold_ms, drawing->callers, grid, y); break;
    case ROW_OPERATOR_HEADS: watch_columns_heads(drawing->operators, WATCH_OPERATOR_COLUMNS, grid, y); break;
    case ROW_OPERATOR:
        watch_layout_operator(picture, &picture->model->operators[row->index], drawing->operators, grid, y);
        break;
    case ROW_BLANK: break;
    }
}

/* Whole or not at all; returns where the next may begin. */
static size_t say_if(struct watch_grid *grid, size_t x, size_t y, const char *text, enum watch_role role)
{
    bool fits = x + watch_grid_width(grid, slice_str(text)) <= grid->width;
    return fits ? watch_grid_say(grid, x, y, grid->width, text, role) + 2 : x;
}

static size_t say_count(struct watch_grid *grid, size_t x, size_t y, const char *name, int64_t count)
{
    char text[64];
    if (count < 0) {
        return x;
    }
    (void)snprintf(text, sizeof text, "%s %" PRId64, name, count);
    return say_if(grid, x, y, text, WATCH_PLAIN);
}

static void draw_now(const struct watch_picture *picture, const struct watch_queue *queue, struct watch_grid *grid,
                     size_t y)
{
    char word[WATCH_WORD_MAX];
    char text[64];
    enum watch_role role;
    size_t x = say_count(grid, MARGIN, y, "waiting", queue->waiting);
    if (queue->waiting != 0 && queue->longest_ms >= 0) {
        (void)watch_words_wait(watch_layout_run_on(picture, queue->longest_ms), queue->threshold_ms, word, &role);
        (void)snprintf(text, sizeof text, "longest %s", word);
        x = say_if(grid, x, y, text, role) - 1; /* its mark is a blank or stands apart */
    }
    x = say_count(grid, x, y, "ready", queue->ready);
    x = say_count(grid, x, y, "talking", queue->talking);
    x = say_count(grid, x, y, "on hold", queue->held > 0 ? queue->held : WATCH_NONE);
    x = say_count(grid, x, y, "paused", queue->paused);
    (void)say_count(grid, x, y, "logged in", queue->logged_in);
}

static void draw_today(const struct watch_queue *queue, struct watch_grid *grid, size_t y)
{
    char word[WATCH_WORD_MAX];
    char text[128];
    char spark[WATCH_SPARK_BYTES];
    enum watch_role role;
    (void)watch_words_level(queue->service_level, word, &role);
    (void)snprintf(text, sizeof text, "today: SL %s", word);
    size_t x = watch_grid_say(grid, MARGIN, y, grid->width, text, role);
    (void)snprintf(text, sizeof text, " (%.40s, %" PRId64 " s)", queue->method,
                   queue->threshold_ms < 0 ? 0 : queue->threshold_ms / 1000);
    x = *queue->method ? say_if(grid, x, y, text, WATCH_FAINT) : x + 1;
    x = say_count(grid, x, y, "entered", queue->entered);
    x = say_count(grid, x, y, "answered", queue->answered);
    x = say_count(grid, x, y, "abandoned", queue->abandoned);
    if (queue->asa_ms >= 0) {
        (void)snprintf(text, sizeof text, "ASA %s", watch_words_span(queue->asa_ms, word));
        x = say_if(grid, x, y, text, WATCH_PLAIN);
    }
    (void)say_if(grid, x, y, watch_words_spark(queue, WATCH_TREND_MAX, grid->utf8, spark), WATCH_PLAIN);
}

static void draw_name(const struct watch_queue *queue, struct watch_grid *grid, size_t y)
{
    size_t x = watch_grid_say(grid, MARGIN, y, grid->width, queue->label, WATCH_STRONG);
    if (strcmp(queue->label, queue->name) != 0) {
        x = watch_grid_say(grid, x, y, grid->width, " (", WATCH_FAINT);
        x = watch_grid_say(grid, x, y, grid->width, queue->name, WATCH_FAINT);
        (void)watch_grid_say(grid, x, y, grid->width, ")", WATCH_FAINT);
    }
}

void watch_layout_queue(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area)
{
    struct drawing drawing = {.picture = picture};
    struct list list;
    size_t y = area->top;
    drawing.queue = watch_model_queue(picture->model, view->selected ? view->selected : "");
    if (!drawing.queue) {
        (void)watch_grid_say(area->grid, MARGIN, y, area->grid->width, "this queue is gone", WATCH_FAINT);
        return;
    }
    if (make_list(picture->model, drawing.queue, &list) != 0) {
        return;
    }
    bool tall = area->end - area->top > FIGURE_LINES + 4;
    draw_name(drawing.queue, area->grid, y++);
    draw_now(picture, drawing.queue, area->grid, y++);
    draw_today(drawing.queue, area->grid, y++);
    y += tall ? 1 : 0;
    caller_columns(area->grid, drawing.callers);
    watch_layout_operator_columns(picture, drawing.queue->name, area->grid, drawing.operators);
    watch_layout_scroll(view, list.count, y < area->end ? area->end - y : 0);
    for (size_t i = view->top; i < list.count && y < area->end; i++, y++) {
        draw_row(&drawing, &list.rows[i], area->grid, y);
    }
    free(list.rows);
}
