#include "agent/cli/watch_layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli/watch_layout_internal.h"
#include "agent/cli/watch_words.h"

enum {
    LINE_MAX_BYTES = 512,
    HEAD_LINES = 2,
    COMMIT_S = 2 /* what the log tells is read and committed within that */
};

int64_t watch_layout_run_on(const struct watch_picture *picture, int64_t span_ms)
{
    return span_ms < 0 ? WATCH_NONE : span_ms + picture->counted_ms;
}

void watch_layout_scroll(struct watch_view *view, size_t rows, size_t page)
{
    size_t most = rows > page ? rows - page : 0;
    view->top = view->top > most ? most : view->top;
    view->page = page;
}

static const char *health_words(enum watch_health health)
{
    static const char *const words[] = {"", "ok", "DEGRADED", "DOWN"};
    return words[health];
}

static void say_source(const struct watch_picture *picture, char *out, size_t size)
{
    const struct watch_model *model = picture->model;
    if (model->live) {
        (void)snprintf(out, size, "live from the PBX");
    } else {
        int64_t age_s = (model->age_ms + picture->counted_ms) / 1000 + COMMIT_S;
        (void)snprintf(out, size, "%s%.12s%sfrom the log, up to %" PRId64 " s old", *model->source_state ? "PBX " : "",
                       model->source_state, *model->source_state ? ", " : "", age_s > 99999 ? 99999 : age_s);
    }
}

static void say_link(const struct watch_picture *picture, const struct watch_view *view, char *out, size_t size)
{
    if (picture->link == WATCH_LINK_LOST) {
        char since[WATCH_WORD_MAX] = "";
        if (picture->model) {
            (void)watch_words_clock(picture->model->now_ms + picture->clock_ms - picture->silent_ms,
                                    picture->model->offset_s, since);
        }
        (void)snprintf(out, size, "no answer%s%s", *since ? " since " : "", since);
    } else {
        (void)snprintf(out, size, "%s",
                       view->paused                             ? "PAUSED"
                       : picture->link == WATCH_LINK_CONNECTING ? "connecting"
                                                                : "connected");
    }
}

/* Site, its time, how it is, where the figures come from; the state of the connection at the right. What has no room
 * is left out from the end. */
static void draw_bar(const struct watch_picture *picture, const struct watch_view *view, struct watch_grid *grid)
{
    char parts[4][64] = {"", "", "", ""};
    char link[64];
    say_link(picture, view, link, sizeof link);
    if (picture->model) {
        char clock[WATCH_WORD_MAX];
        const struct watch_model *model = picture->model;
        (void)snprintf(parts[0], sizeof parts[0], "%.60s", model->site);
        (void)watch_words_clock(model->now_ms + picture->clock_ms, model->offset_s, clock);
        (void)snprintf(parts[1], sizeof parts[1], "%s", clock);
        (void)snprintf(parts[2], sizeof parts[2], "%s", health_words(model->health));
        say_source(picture, parts[3], sizeof parts[3]);
    } else {
        (void)snprintf(parts[0], sizeof parts[0], "ringside");
    }
    watch_grid_role(grid, 0, WATCH_BAR);
    size_t link_width = watch_grid_width(grid, slice_str(link));
    size_t end = grid->width > link_width + 2 ? grid->width - link_width - 2 : 0;
    size_t x = 1;
    for (size_t i = 0; i < 4; i++) {
        size_t width = watch_grid_width(grid, slice_str(parts[i]));
        if (width > 0 && (i == 0 || x + width <= end)) {
            size_t most = i == 0 && end > 10 ? end - 9 : end; /* the time has its place */
            x = watch_grid_say(grid, x, 0, most, parts[i], WATCH_BAR) + 2;
        }
    }
    watch_grid_put(grid, end + 1, 0, link_width, slice_str(link), WATCH_RIGHT, WATCH_BAR);
}

/* The formula and the threshold when all queues have the same. */
static void say_level(const struct watch_model *model, char *out, size_t size)
{
    const struct watch_queue *first = model->queues;
    bool same = model->queue_count > 0 && *first->method && first->threshold_ms >= 0;
    for (size_t i = 1; i < model->queue_count; i++) {
        same &=
            strcmp(model->queues[i].method, first->method) == 0 && model->queues[i].threshold_ms == first->threshold_ms;
    }
    *out = 0;
    if (same) {
        (void)snprintf(out, size, "SL %.40s %" PRId64 " s", first->method, first->threshold_ms / 1000);
    } else if (model->queue_count > 0) {
        (void)snprintf(out, size, "SL as each queue is set");
    }
}

/* At the right of the second line, when there is room behind x. */
static void draw_level(const struct watch_model *model, struct watch_grid *grid, size_t x)
{
    char level[LINE_MAX_BYTES];
    say_level(model, level, sizeof level);
    size_t width = watch_grid_width(grid, slice_str(level));
    if (x + width + 3 <= grid->width) {
        watch_grid_put(grid, grid->width - width - 1, 1, width, slice_str(level), WATCH_RIGHT, WATCH_FAINT);
    }
}

/* One more figure when there is room for it. */
static size_t say_figure(struct watch_grid *grid, size_t x, const char *name, int64_t count, enum watch_role role)
{
    char text[WATCH_WORD_MAX];
    size_t begin = x > 1 ? x + 2 : x;
    (void)snprintf(text, sizeof text, "%.15s %" PRId64, name, count);
    return count >= 0 && begin + strlen(text) < grid->width ? watch_grid_say(grid, begin, 1, grid->width, text, role)
                                                            : x;
}

static void draw_summary(const struct watch_picture *picture, struct watch_grid *grid)
{
    const struct watch_model *model = picture->model;
    size_t x = say_figure(grid, 1, "waiting", model->waiting, WATCH_STRONG);
    x = say_figure(grid, x, "ready", model->ready, WATCH_PLAIN);
    x = say_figure(grid, x, "talking", model->talking, WATCH_PLAIN);
    x = say_figure(grid, x, "paused", model->paused, WATCH_PLAIN);
    x = say_figure(grid, x, "logged in", model->logged_in, WATCH_PLAIN);
    draw_level(model, grid, x);
}

/* What is wrong comes before what is. */
static void draw_second(const struct watch_picture *picture, struct watch_grid *grid)
{
    const struct watch_model *model = picture->model;
    char line[LINE_MAX_BYTES];
    if (picture->link == WATCH_LINK_LOST) {
        (void)snprintf(line, sizeof line, "! %.400s", picture->trouble ? picture->trouble : "no answer");
        watch_grid_put(grid, 1, 1, grid->width - 1, slice_str(line), WATCH_LEFT, WATCH_BAD);
    } else if (model && model->hint_count > 0 && model->health != WATCH_HEALTH_OK) {
        bool down = model->health == WATCH_HEALTH_DOWN;
        (void)snprintf(line, sizeof line, "! %.400s", model->hints[0]);
        watch_grid_put(grid, 1, 1, grid->width - 1, slice_str(line), WATCH_LEFT, down ? WATCH_BAD : WATCH_WARN);
        draw_level(model, grid, 1 + watch_grid_width(grid, slice_str(line)));
    } else if (model) {
        draw_summary(picture, grid);
    }
}

static void draw_foot(const struct watch_view *view, struct watch_grid *grid)
{
    static const char *const keys[] = {
        [WATCH_QUEUES] = "q leave|? help|Enter queue|o operators|e events|p pause|s",
        [WATCH_QUEUE] = "q leave|? help|Esc back|o operators|e events|p pause",
        [WATCH_OPERATORS] = "q leave|? help|Esc back|e events|p pause",
        [WATCH_EVENTS] = "q leave|? help|Esc back|o operators|p pause",
        [WATCH_HELP] = "q leave|Esc back",
    };
    size_t y = grid->height - 1;
    size_t x = 1;
    watch_grid_role(grid, y, WATCH_BAR);
    const char *at = keys[view->screen];
    while (*at) {
        char key[48];
        size_t len = strcspn(at, "|");
        if (*at == 's') {
            (void)snprintf(key, sizeof key, "s by %s%s", watch_view_sort_name(view->sort), view->reverse ? " (r)" : "");
        } else {
            (void)snprintf(key, sizeof key, "%.*s", (int)len, at);
        }
        if (x + strlen(key) + 1 > grid->width) {
            return;
        }
        x = watch_grid_say(grid, x, y, grid->width, key, WATCH_BAR) + 2;
        at += len + (at[len] == '|');
    }
}

static void draw_help(struct watch_view *view, const struct watch_area *area)
{
    static const char *const lines[][2] = {
        {"", "KEYS"},
        {"Up Down, k j", "choose a queue; scroll"},
        {"PgUp PgDn Space", "a screen up or down; g and G: first and last"},
        {"Enter", "the queue's callers, conversations and operators"},
        {"Esc, Backspace", "back"},
        {"s", "sort by name, waiting, longest wait, service level"},
        {"r, S", "the other way round"},
        {"o", "all operators"},
        {"e", "what happened last"},
        {"p", "hold the picture, and go on"},
        {"q, Ctrl-C", "leave"},
        {"", ""},
        {"", "FIGURES"},
        {"wait", "callers waiting now"},
        {"longest", "the longest of their waits; ! over the queue's threshold"},
        {"SL", "service level today; ! below 80 %, !! below 60 %"},
        {"trend", "service level of the last intervals, the newest right"},
        {"in ans abd", "entered, answered, abandoned today"},
    };
    size_t count = sizeof lines / sizeof lines[0];
    size_t page = area->end - area->top;
    watch_layout_scroll(view, count, page);
    for (size_t i = 0; i < page && view->top + i < count; i++) {
        const char *const *line = lines[view->top + i];
        bool head = !*line[0];
        (void)watch_grid_say(area->grid, 1, area->top + i, area->grid->width, line[0], WATCH_STRONG);
        (void)watch_grid_say(area->grid, head ? 1 : 18, area->top + i, area->grid->width, line[1],
                             head ? WATCH_HEAD : WATCH_PLAIN);
    }
}

/* What is only remembered looks like it. */
static void fade(const struct watch_area *area)
{
    for (size_t y = area->top; y < area->end; y++) {
        watch_grid_role(area->grid, y, WATCH_FAINT);
    }
}

static void draw_body(const struct watch_picture *picture, struct watch_view *view, const struct watch_area *area)
{
    if (view->screen == WATCH_HELP) {
        draw_help(view, area);
        return;
    }
    if (!picture->model) {
        char line[LINE_MAX_BYTES];
        (void)snprintf(line, sizeof line, "waiting for %.200s", picture->agent);
        (void)watch_grid_say(area->grid, 1, area->top, area->grid->width, line, WATCH_FAINT);
        return;
    }
    switch (view->screen) {
    case WATCH_QUEUE: watch_layout_queue(picture, view, area); break;
    case WATCH_OPERATORS: watch_layout_operators(picture, view, area); break;
    case WATCH_EVENTS: watch_layout_events(picture, view, area); break;
    default: watch_layout_queues(picture, view, area); break;
    }
    if (picture->link == WATCH_LINK_LOST) {
        fade(area);
    }
}

void watch_layout(const struct watch_picture *picture, struct watch_view *view, struct watch_grid *grid)
{
    if (grid->width < 2 || grid->height < 1) {
        return;
    }
    draw_bar(picture, view, grid);
    if (grid->height > HEAD_LINES) {
        draw_second(picture, grid);
    }
    if (grid->height > HEAD_LINES + 1) {
        const struct watch_area area = {grid, HEAD_LINES, grid->height - 1};
        draw_body(picture, view, &area);
        draw_foot(view, grid);
    }
}
