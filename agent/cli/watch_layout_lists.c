/* The screens of all operators and of what happened last. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli/watch_columns.h"
#include "agent/cli/watch_layout_internal.h"
#include "agent/cli/watch_words.h"

enum { MARGIN = 1, SPAN_WIDTH = 8, STATE_WIDTH = 14, EVENT_WIDTH = 20, EVENT_COLUMNS = 7 };

enum { EVENT_TIME, EVENT_WHAT, EVENT_QUEUE, EVENT_OPERATOR, EVENT_WAIT, EVENT_TALK, EVENT_TEXT };

enum {
    OPERATOR_NAME,
    OPERATOR_STATE,
    OPERATOR_SINCE,
    OPERATOR_QUEUE,
    OPERATOR_REASON,
    OPERATOR_LOGGED_IN,
    OPERATOR_QUEUES
};

static size_t at_least(const struct watch_grid *grid, const char *text, size_t least, size_t most)
{
    size_t width = watch_grid_width(grid, slice_str(text));
    width = width < least ? least : width;
    return width > most ? most : width;
}

static const char *label_of(const struct watch_model *model, const char *queue)
{
    const struct watch_queue *found = *queue ? watch_model_queue(model, queue) : NULL;
    return found ? found->label : queue;
}

static void event_columns(const struct watch_picture *picture, struct watch_grid *grid,
                          struct watch_column out[EVENT_COLUMNS])
{
    const struct watch_model *model = picture->model;
    size_t queue = 8;
    size_t operator_width = 8;
    size_t text = 0;
    for (size_t i = 0; i < model->event_count; i++) {
        queue = at_least(grid, label_of(model, model->events[i].queue), queue, 40);
        operator_width = at_least(grid, model->events[i].operator_name, operator_width, 40);
        text = at_least(grid, model->events[i].text, text, 60);
    }
    const struct watch_column columns[EVENT_COLUMNS] = {
        [EVENT_TIME] = {"time", SPAN_WIDTH, 0, 0, WATCH_LEFT, 0, 0},
        [EVENT_WHAT] = {"  what", EVENT_WIDTH - 2, EVENT_WIDTH, 0, WATCH_LEFT, 0, 0},
        [EVENT_QUEUE] = {"queue", 8, queue, 1, WATCH_LEFT, 0, 0},
        [EVENT_OPERATOR] = {"operator", 8, operator_width, 2, WATCH_LEFT, 0, 0},
        [EVENT_WAIT] = {"wait", SPAN_WIDTH, 0, 3, WATCH_RIGHT, 0, 0},
        [EVENT_TALK] = {"talk", SPAN_WIDTH, 0, 4, WATCH_RIGHT, 0, 0},
        [EVENT_TEXT] = {"", text > 0 ? 8 : 0, text, 5, WATCH_LEFT, 0, 0},
    };
    memcpy(out, columns, sizeof columns);
    watch_columns_fit(out, EVENT_COLUMNS, MARGIN, grid->width);
}

static void put_span(const struct watch_column *column, struct watch_grid *grid, size_t y, int64_t span_ms)
{
    char word[WATCH_WORD_MAX];
    if (span_ms >= 0) {
        watch_columns_put(column, grid, y, watch_words_span(span_ms, word), WATCH_PLAIN);
    }
}

static void draw_event(const struct watch_picture *picture, const struct watch_event *event,
                       const struct watch_column *columns, struct watch_grid *grid, size_t y)
{
    const struct watch_model *model = picture->model;
    char word[WATCH_WORD_MAX];
    enum watch_role role;
    const char *what = watch_words_event(event->kind, &role);
    if (event->ago_ms >= 0) {
        int64_t at_ms = model->now_ms > event->ago_ms ? model->now_ms - event->ago_ms : 0;
        watch_columns_put(&columns[EVENT_TIME], grid, y, watch_words_clock(at_ms, model->offset_s, word), WATCH_FAINT);
    }
    watch_columns_put(&columns[EVENT_WHAT], grid, y, what, role);
    watch_columns_put(&columns[EVENT_QUEUE], grid, y, label_of(model, event->queue), WATCH_PLAIN);
    watch_columns_put(&columns[EVENT_OPERATOR], grid, y, event->operator_name, WATCH_PLAIN);
    put_span(&columns[EVENT_WAIT], grid, y, event->wait_ms);
    put_span(&columns[EVENT_TALK], grid, y, event->talk_ms);
    watch_columns_put(&columns[EVENT_TEXT], grid, y, event->text, WATCH_FAINT);
}

static void draw_events(const struct watch_picture *picture, size_t first, const struct watch_area *area)
{
    struct watch_column columns[EVENT_COLUMNS];
    event_columns(picture, area->grid, columns);
    watch_columns_heads(columns, EVENT_COLUMNS, area->grid, area->top);
    size_t y = area->top + 1;
    for (size_t i = first; i < picture->model->event_count && y < area->end; i++, y++) {
        draw_event(picture, &picture->model->events[i], columns, area->grid, y);
    }
}

void watch_layout_last_events(const struct watch_picture *picture, const struct watch_area *area)
{
    if (picture->model->event_count > 0) {
        draw_events(picture, 0, area);
    }
}

void watch_layout_events(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area)
{
    if (picture->model->event_count == 0) {
        const char *why = picture->model->live ? "nothing has happened yet"
                                               : "what happens is told only while there is a live source";
        (void)watch_grid_say(area->grid, 1, area->top, area->grid->width, why, WATCH_FAINT);
        return;
    }
    watch_layout_scroll(view, picture->model->event_count, area->end - area->top - 1);
    draw_events(picture, view->top, area);
}

void watch_layout_operator_columns(const struct watch_picture *picture, const char *only_queue, struct watch_grid *grid,
                                   struct watch_column out[WATCH_OPERATOR_COLUMNS])
{
    const struct watch_model *model = picture->model;
    size_t name = 10;
    size_t queue = 8;
    size_t reason = 0;
    size_t queues = 8;
    for (size_t i = 0; i < model->operator_count; i++) {
        const struct watch_operator *who = &model->operators[i];
        if (!only_queue || watch_model_is_member(who, only_queue)) {
            name = at_least(grid, who->name, name, 40);
            queue = at_least(grid, label_of(model, who->queue), queue, 30);
            reason = at_least(grid, who->reason, reason, 30);
            queues = at_least(grid, who->all_queues, queues, 60);
        }
    }
    const struct watch_column columns[WATCH_OPERATOR_COLUMNS] = {
        [OPERATOR_NAME] = {"operator", 10, name, 0, WATCH_LEFT, 0, 0},
        [OPERATOR_STATE] = {"state", STATE_WIDTH, 0, 0, WATCH_LEFT, 0, 0},
        [OPERATOR_SINCE] = {"since", SPAN_WIDTH, 0, 1, WATCH_RIGHT, 0, 0},
        [OPERATOR_QUEUE] = {"call of", 8, queue, 3, WATCH_LEFT, 0, 0},
        [OPERATOR_REASON] = {"reason", reason > 0 ? 8 : 0, reason, 2, WATCH_LEFT, 0, 0},
        [OPERATOR_LOGGED_IN] = {"logged in", 9, 0, 4, WATCH_RIGHT, 0, 0},
        [OPERATOR_QUEUES] = {"member of", 9, queues, 5, WATCH_LEFT, 0, 0},
    };
    memcpy(out, columns, sizeof columns);
    watch_columns_fit(out, WATCH_OPERATOR_COLUMNS, MARGIN, grid->width);
}

void watch_layout_operator(const struct watch_picture *picture, const struct watch_operator *who,
                           const struct watch_column columns[WATCH_OPERATOR_COLUMNS], struct watch_grid *grid, size_t y)
{
    enum watch_role role;
    const char *state = watch_words_state(who->state, &role);
    watch_columns_put(&columns[OPERATOR_NAME], grid, y, who->name, WATCH_PLAIN);
    watch_columns_put(&columns[OPERATOR_STATE], grid, y, state, role);
    put_span(&columns[OPERATOR_SINCE], grid, y, watch_layout_run_on(picture, who->since_ms));
    watch_columns_put(&columns[OPERATOR_QUEUE], grid, y, label_of(picture->model, who->queue), WATCH_PLAIN);
    watch_columns_put(&columns[OPERATOR_REASON], grid, y, who->reason, WATCH_PLAIN);
    put_span(&columns[OPERATOR_LOGGED_IN], grid, y, watch_layout_run_on(picture, who->logged_in_ms));
    watch_columns_put(&columns[OPERATOR_QUEUES], grid, y, who->all_queues, WATCH_FAINT);
}

void watch_layout_operators(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area)
{
    struct watch_column columns[WATCH_OPERATOR_COLUMNS];
    const struct watch_model *model = picture->model;
    size_t y = area->top;
    if (model->operator_count == 0) {
        const char *why = model->live ? "no operators are told: nobody is logged in, or names are hidden here"
                                      : "who is logged in is known only while there is a live source";
        (void)watch_grid_say(area->grid, 1, y, area->grid->width, why, WATCH_FAINT);
        return;
    }
    size_t left_out = model->operators_left_out > 0 ? 1 : 0;
    watch_layout_scroll(view, model->operator_count + left_out, area->end - area->top - 1);
    watch_layout_operator_columns(picture, NULL, area->grid, columns);
    watch_columns_heads(columns, WATCH_OPERATOR_COLUMNS, area->grid, y++);
    for (size_t i = view->top; i < model->operator_count && y < area->end; i++, y++) {
        watch_layout_operator(picture, &model->operators[i], columns, area->grid, y);
    }
    if (left_out && y < area->end) {
        char more[48];
        (void)snprintf(more, sizeof more, "and %" PRId64 " more", model->operators_left_out);
        (void)watch_grid_say(area->grid, 1, y, area->grid->width, more, WATCH_FAINT);
    }
}
