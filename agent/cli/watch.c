#include "agent/cli/watch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/ask.h"
#include "agent/cli/watch_draw.h"
#include "agent/cli/watch_layout.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/coap/fetch.h"
#include "platform/coap/observe.h"
#include "platform/time/clock.h"
#include "proto/paths.h"

enum {
    CONTENT = 205,
    NOT_FOUND = 404,
    JSON_FORMAT = 50,
    DOCUMENT_MAX = 32 * 1024 * 1024,
    START_MS = 10000,
    DRAW_EVERY_MS = 250, /* at most, whatever comes; keys do not wait */
    SECOND_MS = 1000,
    EMPTY_READS_MAX = 20 /* input that can be read and has no key in it: the terminal is gone */
};

struct watch {
    const struct cli_options *options;
    struct observe *observe;
    struct watch_view view;
    struct watch_model *model; /* what is shown; NULL: nothing came yet */
    int64_t model_ms;
    struct watch_model *newer; /* came while the picture was held */
    int64_t newer_ms;
    int64_t good_ms;  /* of the last answer that could be read */
    int64_t stood_ms; /* when waits stopped running on; 0: they run */
    bool bad_answer;
    struct query_why trouble;
    bool due; /* something changed since it was drawn */
    bool due_now;
    int64_t drawn_ms;
    int64_t tick_ms;
    size_t empty_reads;
    bool leaving;
};

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
}

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void handle_ending(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        (void)sigaction(ending[i], &action, NULL);
    }
}

static int open_observe(const struct cli_options *options, struct observe **out, struct query_why *why)
{
    struct slice slices[CLI_ITEMS_MAX];
    struct buf items = BUF_INIT;
    int status = ask_items(options, &items, slices);
    const struct slice path = slice_str(PATHS_NOW);
    const struct observe_options wanted = {.url = options->agent,
                                           .path = &path,
                                           .path_count = 1,
                                           .query = slices,
                                           .query_count = options->item_count,
                                           .accept = JSON_FORMAT};
    if (status == 0) {
        status = observe_open(&wanted, out);
    }
    buf_deinit(&items);
    return status == 0 ? 0 : ask_explain(options, status, why);
}

/* Why an answer is none of ours. */
static void explain_answer(const struct cli_options *options, const struct observe_answer *answer,
                           struct query_why *why)
{
    static const char unknown[] = "no such resource";
    int len = answer->body.len < 250 ? (int)answer->body.len : 250;
    bool silent = len == 0;
    bool old = !silent && strncmp(answer->body.data, unknown,
                                  (size_t)len < sizeof unknown - 1 ? (size_t)len : sizeof unknown - 1) == 0;
    if (answer->code == NOT_FOUND && old) {
        (void)snprintf(why->text, sizeof why->text,
                       "the agent at %.120s has no live view, it is older than this ringside; `ringside queues` works",
                       options->agent);
    } else if (answer->code == NOT_FOUND && silent) { /* so libcoap takes leave of those who observe */
        (void)snprintf(why->text, sizeof why->text, "the agent at %.120s is ending, or it is no ringside-agent",
                       options->agent);
    } else if (silent || answer->code == CONTENT) {
        (void)snprintf(why->text, sizeof why->text, "%.120s answered %u.%02u; is it a ringside-agent?", options->agent,
                       answer->code / 100, answer->code % 100);
    } else {
        (void)snprintf(why->text, sizeof why->text, "%.*s", len, answer->body.data);
    }
}

static int read_answer(const struct watch *watch, const struct observe_answer *answer, struct watch_model **out,
                       struct query_why *why)
{
    CLEANUP(json_cleanup) struct json *document = NULL;
    if (answer->code != CONTENT || answer->format != JSON_FORMAT) {
        explain_answer(watch->options, answer, why);
        return answer->code == 400 ? STATUS_INVALID : STATUS_NOT_FOUND;
    }
    int status = json_parse(answer->body, DOCUMENT_MAX, &document, NULL, 0);
    if (status == 0) {
        status = watch_model_make(document, out);
    }
    if (status != 0) {
        (void)snprintf(why->text, sizeof why->text, "the answer of %.120s cannot be read", watch->options->agent);
        return STATUS_CORRUPT;
    }
    return 0;
}

static void show_model(struct watch *watch, struct watch_model *model, int64_t came_ms)
{
    watch_model_free(watch->model);
    watch->model = model;
    watch->model_ms = came_ms;
}

static void hold_model(struct watch *watch, struct watch_model *model, int64_t came_ms)
{
    watch_model_free(watch->newer);
    watch->newer = model;
    watch->newer_ms = came_ms;
}

static int take_answer(struct watch *watch, struct query_why *why)
{
    struct observe_answer answer = observe_answer(watch->observe);
    struct watch_model *model = NULL;
    int64_t now_ms = clock_monotonic_ms();
    int status = read_answer(watch, &answer, &model, why);
    watch->bad_answer = status != 0;
    watch->due = true;
    if (status != 0) {
        watch->trouble = *why;
        return status;
    }
    watch->good_ms = now_ms;
    if (watch->view.paused) {
        hold_model(watch, model, now_ms);
    } else {
        show_model(watch, model, now_ms);
    }
    return 0;
}

/* Somebody who cannot be asked at all is told before the screen is taken over. */
static int wait_for_first(struct watch *watch, struct query_why *why)
{
    int64_t until_ms = clock_monotonic_ms() + START_MS;
    int64_t left_ms;
    while ((left_ms = until_ms - clock_monotonic_ms()) > 0) {
        int happened = observe_wait(watch->observe, left_ms, -1);
        if (happened < 0) {
            return ask_explain(watch->options, happened, why);
        }
        if (happened & OBSERVE_NEWS) {
            return take_answer(watch, why);
        }
        if (observe_state(watch->observe) == OBSERVE_REFUSED) {
            return ask_explain(watch->options, FETCH_REFUSED, why);
        }
    }
    return ask_explain(watch->options, FETCH_TIMEOUT, why);
}

static bool is_lost(const struct watch *watch)
{
    enum observe_state state = observe_state(watch->observe);
    return watch->bad_answer || state == OBSERVE_REFUSED || state == OBSERVE_SILENT;
}

static const char *trouble_of(struct watch *watch)
{
    enum observe_state state = observe_state(watch->observe);
    if (state == OBSERVE_REFUSED || state == OBSERVE_SILENT) {
        (void)snprintf(watch->trouble.text, sizeof watch->trouble.text,
                       "%s at %.120s; what follows is what it last said",
                       state == OBSERVE_REFUSED ? "no agent answers" : "the agent is silent", watch->options->agent);
    }
    return watch->trouble.text;
}

/* What is held or only remembered does not run on. */
static int64_t counted_ms(struct watch *watch, int64_t now_ms, bool lost)
{
    if (!lost && !watch->view.paused) {
        watch->stood_ms = 0;
    } else if (watch->stood_ms == 0) {
        watch->stood_ms = now_ms;
    }
    int64_t until_ms = watch->stood_ms ? watch->stood_ms : now_ms;
    return until_ms > watch->model_ms ? until_ms - watch->model_ms : 0;
}

static int draw(struct watch *watch)
{
    size_t width;
    size_t height;
    struct watch_grid grid;
    int64_t now_ms = clock_monotonic_ms();
    bool lost = is_lost(watch);
    int64_t heard_ms = watch->bad_answer ? watch->good_ms : observe_heard_ms(watch->observe);
    const struct watch_picture picture = {
        .model = watch->model,
        .counted_ms = counted_ms(watch, now_ms, lost),
        .clock_ms = now_ms - watch->model_ms,
        .silent_ms = now_ms - heard_ms,
        .link = lost           ? WATCH_LINK_LOST
                : watch->model ? WATCH_LINK_ANSWERS
                               : WATCH_LINK_CONNECTING,
        .trouble = lost ? trouble_of(watch) : NULL,
        .agent = watch->options->agent,
    };
    watch_draw_size(&width, &height);
    int status = watch_grid_init(&grid, width, height, watch_draw_utf8());
    if (status != 0) {
        return status;
    }
    watch_layout(&picture, &watch->view, &grid);
    watch_draw_show(&grid);
    watch_grid_deinit(&grid);
    int64_t site_ms = (watch->model ? watch->model->now_ms : 0) + picture.clock_ms;
    watch->tick_ms = now_ms + SECOND_MS - site_ms % SECOND_MS;
    watch->drawn_ms = now_ms;
    watch->due = false;
    watch->due_now = false;
    return 0;
}

/* Whether there were any. */
static bool take_keys(struct watch *watch)
{
    int key;
    bool any = false;
    while ((key = watch_draw_key()) != WATCH_DRAW_NO_KEY) {
        any = true;
        if (key != WATCH_DRAW_RESIZED && !watch_view_key(&watch->view, watch->model, key)) {
            watch->leaving = true;
        }
    }
    watch->due_now |= any;
    if (!watch->view.paused && watch->newer) {
        show_model(watch, watch->newer, watch->newer_ms);
        watch->newer = NULL;
    }
    return any;
}

static int64_t wait_ms(const struct watch *watch)
{
    int64_t until_ms = watch->tick_ms;
    if (watch->due && watch->drawn_ms + DRAW_EVERY_MS < until_ms) {
        until_ms = watch->drawn_ms + DRAW_EVERY_MS;
    }
    int64_t left_ms = until_ms - clock_monotonic_ms();
    return left_ms < 0 ? 0 : left_ms;
}

static bool must_draw(const struct watch *watch)
{
    int64_t now_ms = clock_monotonic_ms();
    return watch->due_now || now_ms >= watch->tick_ms || (watch->due && now_ms >= watch->drawn_ms + DRAW_EVERY_MS);
}

static int step(struct watch *watch, struct query_why *why)
{
    int status = must_draw(watch) ? draw(watch) : 0;
    if (status != 0) {
        return ask_explain(watch->options, status, why);
    }
    int happened = observe_wait(watch->observe, wait_ms(watch), STDIN_FILENO);
    if (happened < 0) {
        return ask_explain(watch->options, happened, why);
    }
    if (happened & OBSERVE_NEWS) {
        struct query_why ignored;
        (void)take_answer(watch, &ignored); /* what is wrong with it is on the screen */
    }
    watch->due |= (happened & OBSERVE_STATE) != 0;
    if ((happened & OBSERVE_INPUT) || happened == 0) { /* 0: a signal, such as that of a new size */
        bool any = take_keys(watch);
        watch->empty_reads = any || happened == 0 ? 0 : watch->empty_reads + 1;
    }
    watch->leaving |= watch->empty_reads > EMPTY_READS_MAX;
    watch->leaving |= caught != 0;
    return 0;
}

static int run_screen(struct watch *watch, bool colour, struct query_why *why)
{
    caught = 0;
    handle_ending(catch_signal);
    int status = watch_draw_start(colour);
    if (status != 0) {
        (void)snprintf(why->text, sizeof why->text,
                       "this type of terminal cannot show it: is TERM set right? `ringside queues` needs none");
        status = STATUS_INVALID;
    }
    while (status == 0 && !watch->leaving) {
        status = step(watch, why);
    }
    watch_draw_end();
    handle_ending(SIG_DFL);
    return status;
}

int watch_run(const struct cli_options *options, bool colour, struct query_why *why)
{
    struct watch watch = {.options = options};
    int status = open_observe(options, &watch.observe, why);
    if (status == 0) {
        status = wait_for_first(&watch, why);
    }
    if (status == 0) {
        status = run_screen(&watch, colour, why);
    }
    observe_close(watch.observe);
    watch_model_free(watch.model);
    watch_model_free(watch.newer);
    watch_view_deinit(&watch.view);
    if (caught != 0 && caught != SIGINT) {
        (void)raise(caught); /* whoever sent it sees that it was heard */
    }
    return status;
}
