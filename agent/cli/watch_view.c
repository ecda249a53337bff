#include "agent/cli/watch_view.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONTROL_C = 3, BACKSPACE = 8, NEWLINE = '\n', RETURN = '\r', ESCAPE = 27, DELETE = 127 };

const char *watch_view_sort_name(enum watch_sort sort)
{
    static const char *const names[WATCH_SORT_COUNT] = {
        [WATCH_BY_NAME] = "name",
        [WATCH_BY_WAITING] = "waiting",
        [WATCH_BY_LONGEST] = "longest wait",
        [WATCH_BY_SERVICE_LEVEL] = "service level",
    };
    return (unsigned)sort < WATCH_SORT_COUNT ? names[sort] : "";
}

void watch_view_deinit(struct watch_view *view)
{
    free(view->selected);
    *view = (struct watch_view){0};
}

static int compare_numbers(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* What needs looking at comes first: many waiting, long waits, a low service level. */
static int compare(const struct watch_queue *a, const struct watch_queue *b, enum watch_sort sort)
{
    int by = 0;
    if (sort == WATCH_BY_WAITING) {
        by = compare_numbers((double)b->waiting, (double)a->waiting);
    } else if (sort == WATCH_BY_LONGEST) {
        by = compare_numbers((double)b->longest_ms, (double)a->longest_ms);
    } else if (sort == WATCH_BY_SERVICE_LEVEL) {
        by = compare_numbers(a->service_level < 0 ? 2 : a->service_level, b->service_level < 0 ? 2 : b->service_level);
    }
    by = by != 0 ? by : strcasecmp(a->label, b->label);
    return by != 0 ? by : strcmp(a->label, b->label);
}

struct ordering {
    const struct watch_view *view;
    const struct watch_model *model;
};

static int compare_at(const void *a, const void *b, void *ctx)
{
    const struct ordering *ordering = ctx;
    size_t first = *(const size_t *)a;
    size_t second = *(const size_t *)b;
    const struct watch_queue *queues = ordering->model->queues;
    int by = compare(&queues[first], &queues[second], ordering->view->sort);
    by = by != 0 ? by : first < second ? -1 : first > second;
    return ordering->view->reverse ? -by : by;
}

void watch_view_order(const struct watch_view *view, const struct watch_model *model, size_t *out)
{
    struct ordering ordering = {view, model};
    for (size_t i = 0; i < model->queue_count; i++) {
        out[i] = i;
    }
    if (model->queue_count > 1) {
        qsort_r(out, model->queue_count, sizeof *out, compare_at, &ordering);
    }
}

size_t watch_view_selected(const struct watch_view *view, const struct watch_model *model, const size_t *order)
{
    for (size_t i = 0; view->selected && i < model->queue_count; i++) {
        if (strcmp(model->queues[order[i]].name, view->selected) == 0) {
            return i;
        }
    }
    return 0;
}

static void select_moved(struct watch_view *view, const struct watch_model *model, long by)
{
    size_t *order = model && model->queue_count > 0 ? calloc(model->queue_count, sizeof *order) : NULL;
    if (!order) {
        return;
    }
    watch_view_order(view, model, order);
    long last = (long)model->queue_count - 1;
    long at = (long)watch_view_selected(view, model, order);
    at = by < -at ? 0 : by > last - at ? last : at + by;
    char *name = strdup(model->queues[order[at]].name);
    free(order);
    if (name) {
        free(view->selected);
        view->selected = name;
    }
}

static void move(struct watch_view *view, const struct watch_model *model, long by)
{
    if (view->screen == WATCH_QUEUES) {
        select_moved(view, model, by);
    } else {
        view->top = by < 0 && (size_t)-by > view->top ? 0 : view->top + (size_t)by; /* the layout sees to the end */
    }
}

static void show(struct watch_view *view, enum watch_screen screen)
{
    if (screen == WATCH_HELP && view->screen != WATCH_HELP) {
        view->before_help = view->screen;
    }
    view->screen = screen;
    view->top = 0;
}

static void go_back(struct watch_view *view)
{
    show(view, view->screen == WATCH_HELP ? view->before_help : WATCH_QUEUES);
}

/* False when the key is none of these. */
static bool take_move(struct watch_view *view, const struct watch_model *model, int key)
{
    const long far = 1L << 40;
    long page = view->page > 1 ? (long)view->page - 1 : 1;
    switch (key) {
    case 'k':
    case WATCH_KEY_UP: move(view, model, -1); return true;
    case 'j':
    case WATCH_KEY_DOWN: move(view, model, 1); return true;
    case WATCH_KEY_PAGE_UP: move(view, model, -page); return true;
    case ' ':
    case WATCH_KEY_PAGE_DOWN: move(view, model, page); return true;
    case 'g':
    case WATCH_KEY_HOME: move(view, model, -far); return true;
    case 'G':
    case WATCH_KEY_END: move(view, model, far); return true;
    default: return false;
    }
}

static void toggle(struct watch_view *view, enum watch_screen screen)
{
    if (view->screen == screen) {
        go_back(view);
    } else {
        show(view, screen);
    }
}

static void open_selected(struct watch_view *view, const struct watch_model *model)
{
    if (view->screen == WATCH_QUEUES && model && model->queue_count > 0) {
        select_moved(view, model, 0);
        show(view, WATCH_QUEUE);
    } else if (view->screen == WATCH_HELP) {
        go_back(view);
    }
}

bool watch_view_key(struct watch_view *view, const struct watch_model *model, int key)
{
    if (take_move(view, model, key)) {
        return true;
    }
    switch (key) {
    case 'q':
    case 'Q':
    case CONTROL_C: return false;
    case NEWLINE:
    case RETURN:
    case WATCH_KEY_ENTER: open_selected(view, model); break;
    case ESCAPE:
    case BACKSPACE:
    case DELETE:
    case WATCH_KEY_BACK: go_back(view); break;
    case 's': view->sort = (enum watch_sort)((view->sort + 1) % WATCH_SORT_COUNT); break;
    case 'S':
    case 'r': view->reverse = !view->reverse; break;
    case 'o': toggle(view, WATCH_OPERATORS); break;
    case 'e': toggle(view, WATCH_EVENTS); break;
    case 'p': view->paused = !view->paused; break;
    case '?':
    case 'h': toggle(view, WATCH_HELP); break;
    default: break;
    }
    return true;
}
