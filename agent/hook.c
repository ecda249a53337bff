#include "agent/hook.h"

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
    struct loop *loop;
    const char *path;
    int64_t timeout_ms;
    struct loop_process *process; /* NULL: none runs */
    struct news *first;           /* of those that wait; while one runs it is the one that runs */
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
    bool fine = add_env(news, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
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

static void on_over(void *ctx, enum loop_process_end how, int number)
{
    struct hook *hook = ctx;
    char failure[sizeof hook->failure] = "";
    if (how == LOOP_PROCESS_TIMED_OUT) {
        (void)snprintf(failure, sizeof failure, "was killed after %g s", (double)hook->timeout_ms / 1000);
    } else if (how == LOOP_PROCESS_SIGNALLED) {
        (void)snprintf(failure, sizeof failure, "was ended by signal %d", number);
    } else if (number != 0) {
        (void)snprintf(failure, sizeof failure, "failed with exit status %d", number);
    }
    if (failure[0]) {
        say_failure(hook, hook->first, failure);
    } else if (hook->failure[0]) {
        log_write(LOG_NOTICE, "alert", "hook %s works again", hook->path);
        hook->failure[0] = 0;
    }
    loop_process_stop(hook->process);
    hook->process = NULL;
    finish_first(hook);
    start_next(hook);
}

static void start_next(struct hook *hook)
{
    while (hook->first && !hook->process) {
        struct news *news = hook->first;
        char *args[] = {(char *)(uintptr_t)hook->path, news->word, news->rule, NULL};
        const struct loop_process_options options = {.file = hook->path,
                                                     .args = args,
                                                     .env = news->env,
                                                     .input = news->document.data,
                                                     .input_len = news->document.len,
                                                     .timeout_ms = (uint64_t)hook->timeout_ms};
        int status = loop_process_start(hook->loop, &options, on_over, hook, &hook->process);
        hook->waiting--;
        if (status != 0) {
            char failure[sizeof hook->failure];
            (void)snprintf(failure, sizeof failure, "could not be started: %s", status_str(status));
            hook->process = NULL;
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
    struct news **oldest = hook->process ? &hook->first->next : &hook->first;
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

int hook_new(struct loop *loop, const char *path, int64_t timeout_ms, struct hook **out)
{
    struct hook *hook = calloc(1, sizeof *hook);
    if (!hook) {
        return STATUS_NO_MEMORY;
    }
    hook->loop = loop;
    hook->path = path;
    hook->timeout_ms = timeout_ms;
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
    loop_process_stop(hook->process);
    while (hook->first) {
        finish_first(hook);
    }
    free(hook);
}
