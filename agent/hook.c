#include "agent/hook.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/buf.h"
#include "platform/base/log.h"
#include "platform/base/status.h"

enum { ENV_MAX = 8 };

struct news {
    struct news *next;
    bool over; /* tells of an end */
    char *word;
    char *rule;
    char *env[ENV_MAX + 1];
    size_t env_count;
    struct buf document;
};

struct hook {
    const char *path;
    int64_t timeout_ms;
    struct runner *runner;
    struct loop_fd *watch; /* NULL: the runner is gone, nothing can be run any more */
    bool runs;
    struct news *first; /* of those that wait; while one runs it is the one that runs */
    size_t waiting;
    uint64_t dropped;
    char failure[96]; /* how it failed last; empty: it did not */
};

static void free_news(struct news *news)
{
    for (size_t i = 0; i < news->env_count; i++) {
        free(news->env[i]);
    }
    free(news->word);
    free(news->rule);
    buf_deinit(&news->document);
    free(news);
}

static bool add_env(struct news *news, const char *name, const char *value)
{
    char *entry = NULL;
    if (asprintf(&entry, "%s=%s", name, value) < 0) {
        return false;
    }
    news->env[news->env_count++] = entry;
    return true;
}

static bool add_envs(struct news *news, const struct json *from)
{
    static const char *const members[][2] = {{"RINGSIDE_NEWS", "news"},         {"RINGSIDE_RULE", "rule"},
                                             {"RINGSIDE_SEVERITY", "severity"}, {"RINGSIDE_SITE", "site"},
                                             {"RINGSIDE_QUEUE", "queue"},       {"RINGSIDE_TEXT", "text"}};
    char number[32] = "";
    double value;
    bool fine = true;
    for (size_t i = 0; fine && i < sizeof members / sizeof members[0]; i++) {
        fine = add_env(news, members[i][0], json_text(from, members[i][1]));
    }
    if (json_number(from, "value", &value)) {
        (void)snprintf(number, sizeof number, "%.15g", value);
    }
    return fine && add_env(news, "RINGSIDE_VALUE", number);
}

static struct news *make_news(const struct json *from)
{
    struct news *news = calloc(1, sizeof *news);
    if (!news) {
        return NULL;
    }
    news->word = strdup(json_text(from, "news"));
    news->rule = strdup(json_text(from, "rule"));
    bool written = json_write(from, 0, &news->document) == 0;
    buf_append_str(&news->document, "\n");
    if (!news->word || !news->rule || !add_envs(news, from) || !written || news->document.failed) {
        free_news(news);
        return NULL;
    }
    news->over = strcmp(news->word, "resolved") == 0;
    return news;
}

/* ---- one runs ---- */

static void start_next(struct hook *hook);

/* The same failure again and again is said once. */
static void say_failure(struct hook *hook, const struct news *news, const char *failure)
{
    if (strcmp(hook->failure, failure) != 0) {
        log_write(LOG_WARNING, "alert", "hook %s %s (%s, %s)", hook->path, failure, news->rule, news->word);
    }
    (void)snprintf(hook->failure, sizeof hook->failure, "%s", failure);
}

static void finish_first(struct hook *hook)
{
    struct news *news = hook->first;
    hook->first = news->next;
    free_news(news);
}

static const char *start_failure(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return status_str(STATUS_NOT_FOUND);
    case EACCES:
    case EPERM:
    case ENOEXEC: return status_str(STATUS_DENIED);
    default: return strerror(error);
    }
}

static void on_over(struct hook *hook, const struct runner_report *report)
{
    char failure[sizeof hook->failure] = "";
    switch (report->end) {
    case RUNNER_EXITED:
        if (report->number != 0) {
            (void)snprintf(failure, sizeof failure, "failed with exit status %d", (int)report->number);
        }
        break;
    case RUNNER_SIGNALLED:
        (void)snprintf(failure, sizeof failure, "was ended by signal %d", (int)report->number);
        break;
    case RUNNER_TIMED_OUT:
        (void)snprintf(failure, sizeof failure, "was killed after %g s", (double)hook->timeout_ms / 1000);
        break;
    case RUNNER_NOT_STARTED:
        (void)snprintf(failure, sizeof failure, "could not be started: %s", start_failure(report->number));
        break;
    default: (void)snprintf(failure, sizeof failure, "could not be started: its task was refused"); break;
    }
    if (failure[0]) {
        say_failure(hook, hook->first, failure);
    } else if (hook->failure[0]) {
        log_write(LOG_NOTICE, "alert", "hook %s works again", hook->path);
        hook->failure[0] = 0;
    }
    hook->runs = false;
    finish_first(hook);
    start_next(hook);
}

static void on_gone(struct hook *hook)
{
    log_write(LOG_ERROR, "alert",
              "hook %s: the process that runs it is gone; it is not run until the agent starts anew", hook->path);
    loop_fd_stop(hook->watch);
    hook->watch = NULL;
    hook->waiting += hook->runs;
    hook->runs = false;
}

static void on_report(void *ctx, int ready)
{
    struct hook *hook = ctx;
    struct runner_report report;
    (void)ready;
    int got = runner_take(hook->runner, &report);
    if (got < 0) {
        on_gone(hook);
    } else if (got > 0 && hook->runs) {
        on_over(hook, &report);
    }
}

static void start_next(struct hook *hook)
{
    while (hook->first && !hook->runs && hook->watch) {
        struct news *news = hook->first;
        const char *const args[] = {news->word, news->rule, NULL};
        const struct runner_task task = {.args = args,
                                         .env = (const char *const *)news->env,
                                         .input = news->document.data,
                                         .input_len = news->document.len,
                                         .timeout_ms = (uint32_t)hook->timeout_ms};
        int status = runner_run(hook->runner, &task);
        hook->waiting--;
        hook->runs = status == 0;
        if (status != 0) {
            char failure[sizeof hook->failure];
            (void)snprintf(failure, sizeof failure, "could not be started: %s", status_str(status));
            say_failure(hook, news, failure);
            finish_first(hook);
        }
    }
}

/* ---- those that wait ---- */

static void drop(struct hook *hook, struct news **link)
{
    struct news *news = *link;
    if (!news) {
        return;
    }
    *link = news->next;
    hook->waiting--;
    if (hook->dropped++ == 0) {
        log_write(LOG_WARNING, "alert", "hook %s is too slow: from now on news of alerts that are over are left out",
                  hook->path);
    }
    free_news(news);
}

/* Rather one that is over than one that fires. */
static void make_room(struct hook *hook)
{
    struct news **oldest = hook->runs ? &hook->first->next : &hook->first;
    struct news **link = oldest;
    while (*link && !(*link)->over) {
        link = &(*link)->next;
    }
    drop(hook, *link ? link : oldest);
}

void hook_run(struct hook *hook, const struct json *from)
{
    struct news *news = make_news(from);
    if (!news) {
        log_write(LOG_ERROR, "alert", "hook: %s", status_str(STATUS_NO_MEMORY));
        return;
    }
    if (hook->waiting == HOOK_WAITING_MAX) {
        make_room(hook);
    }
    struct news **link = &hook->first;
    while (*link) {
        link = &(*link)->next;
    }
    *link = news;
    hook->waiting++;
    start_next(hook);
}

int hook_new(struct loop *loop, struct runner *runner, const char *path, int64_t timeout_ms, struct hook **out)
{
    struct hook *hook = calloc(1, sizeof *hook);
    if (!hook) {
        return STATUS_NO_MEMORY;
    }
    hook->runner = runner;
    hook->path = path;
    hook->timeout_ms = timeout_ms;
    int status = loop_fd_watch(loop, runner_fd(runner), LOOP_READABLE, on_report, hook, &hook->watch);
    if (status != 0) {
        free(hook);
        return status;
    }
    *out = hook;
    return 0;
}

void hook_free(struct hook *hook)
{
    if (!hook) {
        return;
    }
    if (hook->waiting > 0 || hook->dropped > 0) {
        log_write(LOG_WARNING, "alert", "hook %s: %zu news were not told any more, %" PRIu64 " were left out",
                  hook->path, hook->waiting, hook->dropped);
    }
    loop_fd_stop(hook->watch);
    while (hook->first) {
        finish_first(hook);
    }
    free(hook);
}
