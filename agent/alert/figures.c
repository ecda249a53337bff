#include "agent/alert/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/measures.h"

enum { QUEUES_MAX = 1 << 16, AHEAD_S = 2 * 86400 };

struct figure_queue {
    char name[256];
    struct queue_settings settings;
    struct board_queue now; /* its operators only where the board is on */
};

/* All that rules with the same window share: the sum of each queue. */
struct figure_span {
    int64_t window_ms;
    int64_t from_s;
    struct summary *sums;
    uint32_t *unbalanced;
};

struct figures {
    const struct alert_rule *rules;
    size_t rule_count;
    const char *site;
    bool of_queues; /* some rule is about what happens in queues, as the next two */
    bool of_now;
    struct figure_span *spans; /* one for each window */
    size_t span_count;

    struct figure_queue *queues; /* by the ledger's id - 1; behind them those that only the board knows */
    size_t queue_count;
    size_t queue_cap;
    size_t known_count; /* of the ledger; so many each span has */
    size_t sum_count;   /* that the spans have room for */

    int64_t now_ms;
    bool live;
    struct ledger_facts facts;
    struct ledger_backlog backlog;
    struct summary joined; /* of several queues, in the making */
};

static int add_span(struct figures *figures, int64_t window_ms)
{
    for (size_t i = 0; i < figures->span_count; i++) {
        if (figures->spans[i].window_ms == window_ms) {
            return 0;
        }
    }
    struct figure_span *spans = realloc(figures->spans, (figures->span_count + 1) * sizeof *spans);
    if (!spans) {
        return STATUS_NO_MEMORY;
    }
    figures->spans = spans;
    spans[figures->span_count++] = (struct figure_span){.window_ms = window_ms};
    return 0;
}

int figures_new(const struct alert_rule *rules, size_t count, const char *site, struct figures **out)
{
    struct figures *figures = calloc(1, sizeof *figures);
    int status = figures ? 0 : STATUS_NO_MEMORY;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (alert_metric_of_site(rules[i].metric)) {
            continue;
        }
        figures->of_queues = true;
        if (alert_metric_is_now(rules[i].metric)) {
            figures->of_now = true;
        } else {
            status = add_span(figures, rules[i].window_ms);
        }
    }
    if (status != 0) {
        figures_free(figures);
        return status;
    }
    figures->rules = rules;
    figures->rule_count = count;
    figures->site = site;
    *out = figures;
    return 0;
}

void figures_free(struct figures *figures)
{
    if (!figures) {
        return;
    }
    for (size_t s = 0; s < figures->span_count; s++) {
        for (size_t i = 0; i < figures->sum_count; i++) {
            summary_deinit(&figures->spans[s].sums[i]);
        }
        free(figures->spans[s].sums);
        free(figures->spans[s].unbalanced);
    }
    summary_deinit(&figures->joined);
    free(figures->spans);
    free(figures->queues);
    free(figures);
}

bool figures_want_board(const struct figures *figures)
{
    return figures->of_now;
}

/* ---- queues ---- */

static struct figure_queue *add_queue(struct figures *figures, struct slice name)
{
    struct figure_queue *queues =
        grow_array(figures->queues, figures->queue_count, &figures->queue_cap, sizeof *queues);
    if (!queues) {
        return NULL;
    }
    figures->queues = queues;
    struct figure_queue *queue = &queues[figures->queue_count++];
    *queue = (struct figure_queue){.settings = {.sl_method = MEASURES_DEFAULT_SL_METHOD,
                                                .sl_threshold_ms = MEASURES_DEFAULT_SL_THRESHOLD_MS,
                                                .short_abandon_ms = MEASURES_DEFAULT_SHORT_ABANDON_MS}};
    memcpy(queue->name, name.data, name.len < sizeof queue->name ? name.len : sizeof queue->name - 1);
    return queue;
}

/* Ids are handed out in order. */
static int take_known(struct figures *figures, struct ledger_view *view)
{
    figures->queue_count = 0;
    for (uint32_t id = 1; id < QUEUES_MAX; id++) {
        struct slice name = ledger_view_name(view, LEDGER_QUEUE, id);
        if (name.len == 0) {
            break;
        }
        struct figure_queue *queue = add_queue(figures, name);
        if (!queue) {
            return STATUS_NO_MEMORY;
        }
        struct queue_settings settings;
        if (ledger_view_queue_settings(view, id, &settings)) {
            queue->settings = settings;
        }
    }
    figures->known_count = figures->queue_count;
    return 0;
}

static int compare_queues(const void *left, const void *right)
{
    return strcmp(((const struct board_queue *)left)->name, ((const struct board_queue *)right)->name);
}

/* Those of the board that the ledger does not know yet are added. */
static int take_board(struct figures *figures, const struct board_copy *board)
{
    bool *met = calloc(board->queue_count + 1, sizeof *met);
    int status = met ? 0 : STATUS_NO_MEMORY;
    for (size_t i = 0; status == 0 && i < figures->known_count; i++) {
        struct board_queue key;
        memcpy(key.name, figures->queues[i].name, sizeof key.name);
        const struct board_queue *found =
            board->queue_count ? bsearch(&key, board->queues, board->queue_count, sizeof key, compare_queues) : NULL;
        if (found) {
            figures->queues[i].now = *found;
            met[found - board->queues] = true;
        }
    }
    for (size_t i = 0; status == 0 && i < board->queue_count; i++) {
        if (!met[i] && board->queues[i].name[0]) {
            struct figure_queue *queue = add_queue(figures, slice_str(board->queues[i].name));
            status = queue ? 0 : STATUS_NO_MEMORY;
            if (queue) {
                queue->now = board->queues[i];
            }
        }
    }
    free(met);
    return status;
}

static int take_open(void *ctx, const struct call_leg *leg)
{
    struct figures *figures = ctx;
    if (leg_is_done(leg) || leg_is_talking(leg) || leg->queue == 0 || leg->queue > figures->known_count) {
        return 0;
    }
    struct board_queue *now = &figures->queues[leg->queue - 1].now;
    now->waiting++;
    if (now->oldest_enter_ms == 0 || leg->enter_ms < now->oldest_enter_ms) {
        now->oldest_enter_ms = leg->enter_ms;
    }
    return 0;
}

/* ---- sums ---- */

static int make_room(struct figures *figures)
{
    size_t wanted = figures->known_count;
    for (size_t s = 0; wanted > figures->sum_count && s < figures->span_count; s++) {
        struct figure_span *span = &figures->spans[s];
        struct summary *sums = realloc(span->sums, wanted * sizeof *sums);
        span->sums = sums ? sums : span->sums;
        uint32_t *unbalanced = realloc(span->unbalanced, wanted * sizeof *unbalanced);
        span->unbalanced = unbalanced ? unbalanced : span->unbalanced;
        if (!sums || !unbalanced) {
            return STATUS_NO_MEMORY;
        }
        memset(&sums[figures->sum_count], 0, (wanted - figures->sum_count) * sizeof *sums);
    }
    figures->sum_count = wanted > figures->sum_count ? wanted : figures->sum_count;
    return 0;
}

static int take_interval(void *ctx, const struct ledger_interval *item)
{
    struct figures *figures = ctx;
    bool over = (item->start_s + (int64_t)figures->facts.interval_s) * 1000 <= figures->now_ms;
    int status = 0;
    if (item->queue == 0 || item->queue > figures->known_count) {
        return 0;
    }
    for (size_t s = 0; status == 0 && s < figures->span_count; s++) {
        struct figure_span *span = &figures->spans[s];
        struct summary *sum = &span->sums[item->queue - 1];
        if (item->start_s >= span->from_s) {
            span->unbalanced[item->queue - 1] += over && !summary_balanced(item->summary);
            status = summary_is_zero(sum) ? summary_copy(sum, item->summary) : summary_append(sum, item->summary);
        }
    }
    return status;
}

/* Whole intervals that reach back so far, the one that is open among them. */
static int take_spans(struct figures *figures, struct ledger_view *view)
{
    int64_t step_s = figures->facts.interval_s;
    int64_t now_s = figures->now_ms / 1000;
    int64_t from_s = now_s;
    if (step_s == 0) {
        return STATUS_CORRUPT;
    }
    int status = make_room(figures);
    for (size_t s = 0; status == 0 && s < figures->span_count; s++) {
        struct figure_span *span = &figures->spans[s];
        int64_t begin_s = now_s - span->window_ms / 1000;
        span->from_s = begin_s - begin_s % step_s;
        from_s = span->from_s < from_s ? span->from_s : from_s;
        for (size_t i = 0; i < figures->known_count; i++) {
            summary_clear(&span->sums[i]);
            span->unbalanced[i] = 0;
        }
    }
    return status == 0 ? ledger_view_intervals(view, from_s, now_s + AHEAD_S, take_interval, figures, NULL) : status;
}

int figures_load(struct figures *figures, struct ledger_view *view, const struct board_copy *board, int64_t now_ms)
{
    figures->now_ms = now_ms;
    figures->live = board && board->on;
    int status = ledger_view_facts(view, &figures->facts);
    if (status == 0) {
        status = ledger_view_backlog(view, &figures->backlog);
    }
    if (status == 0 && figures->of_queues) {
        status = take_known(figures, view);
    }
    if (status == 0 && figures->span_count > 0) {
        status = take_spans(figures, view);
    }
    if (status == 0 && figures->of_now) {
        status =
            board && board->on ? take_board(figures, board) : ledger_view_open_legs(view, take_open, figures, NULL);
    }
    return status;
}

/* ---- what is told ---- */

static const struct figure_span *span_of(const struct figures *figures, const struct alert_rule *rule)
{
    size_t at = 0;
    while (figures->spans[at].window_ms != rule->window_ms) {
        at++;
    }
    return &figures->spans[at];
}

static bool wants(const struct figures *figures, const struct alert_rule *rule, size_t queue)
{
    return alert_rule_matches(rule, figures->site, NULL, figures->queues[queue].name);
}

/* An average of nothing is no number, which passes no limit: what fired ends, as it does with fewer calls than the rule
 * asks for. */
static double value_of_sum(enum alert_metric metric, const struct summary *sum, const struct queue_settings *settings)
{
    double value = NAN;
    bool there = false;
    switch (metric) {
    case ALERT_SERVICE_LEVEL:
        there = measures_service_level(sum, (enum sl_method)settings->sl_method, settings->sl_threshold_ms,
                                       settings->short_abandon_ms, &value);
        break;
    case ALERT_ABANDON_RATE: there = measures_abandon_rate(sum, &value); break;
    case ALERT_ASA: there = measures_mean_ms(&sum->duration[DURATION_WAIT_ANSWERED], &value); break;
    default: break;
    }
    return there ? value : NAN;
}

/* Of how many the figure is made. */
static uint64_t calls_of_sum(enum alert_metric metric, const struct summary *sum)
{
    switch (metric) {
    case ALERT_SERVICE_LEVEL: return (uint64_t)sum->flow[FLOW_ANSWERED] + sum->flow[FLOW_ABANDONED];
    case ALERT_ASA: return sum->flow[FLOW_ANSWERED];
    default: return sum->flow[FLOW_ENTERED];
    }
}

static bool value_of_now(const struct figures *figures, enum alert_metric metric, const struct board_queue *now,
                         double *out)
{
    int64_t longest_ms = now->waiting ? figures->now_ms - now->oldest_enter_ms : 0;
    switch (metric) {
    case ALERT_LONGEST_WAIT: *out = longest_ms > 0 ? (double)longest_ms : 0; return true;
    case ALERT_WAITING: *out = now->waiting; return true;
    case ALERT_NO_OPERATOR: *out = now->ready == 0 ? now->waiting : 0; return figures->live || now->waiting == 0;
    default: return false;
    }
}

static bool value_of_site(const struct figures *figures, enum alert_metric metric, const struct sentry_vitals *vitals,
                          double *out)
{
    int64_t over_ms = (figures->backlog.oldest_start_s + (int64_t)figures->facts.interval_s) * 1000;
    switch (metric) {
    case ALERT_SITE_SILENT: *out = (double)vitals->centre_lost_ms; return vitals->centre_configured;
    case ALERT_BACKLOG:
        *out = figures->backlog.dirty && figures->now_ms > over_ms ? (double)(figures->now_ms - over_ms) : 0;
        return vitals->centre_configured;
    case ALERT_CLOCK_OFFSET:
        *out = (double)(vitals->clock_offset_ms < 0 ? -vitals->clock_offset_ms : vitals->clock_offset_ms);
        return vitals->clock_offset_ms != 0;
    case ALERT_CERTIFICATE:
        *out = (double)(vitals->certificate_end_ms - figures->now_ms);
        return vitals->certificate_end_ms != 0;
    case ALERT_DISK:
        *out = figures->facts.map_bytes ? (double)figures->facts.used_bytes / (double)figures->facts.map_bytes : 0;
        return figures->facts.map_bytes != 0;
    default: return false;
    }
}

static int tell_queue(struct figures *figures, const struct alert_rule *rule, size_t at, struct alert_watch *watch)
{
    const struct figure_queue *queue = &figures->queues[at];
    struct alert_subject subject = {.queue = ""};
    uint64_t calls = 0;
    double value = 0;
    bool known = false;
    if (alert_metric_is_now(rule->metric)) {
        known = value_of_now(figures, rule->metric, &queue->now, &value);
    } else if (at < figures->known_count) {
        const struct figure_span *span = span_of(figures, rule);
        calls = calls_of_sum(rule->metric, &span->sums[at]);
        value = rule->metric == ALERT_UNBALANCED ? span->unbalanced[at]
                                                 : value_of_sum(rule->metric, &span->sums[at], &queue->settings);
        known = true;
    }
    (void)snprintf(subject.site, sizeof subject.site, "%s", figures->site);
    memcpy(subject.queue, queue->name, sizeof subject.queue);
    return known ? alert_watch_figure(watch, rule, &subject, value, calls) : 0;
}

static bool same_settings(const struct queue_settings *a, const struct queue_settings *b)
{
    return a->sl_method == b->sl_method && a->sl_threshold_ms == b->sl_threshold_ms &&
           a->short_abandon_ms == b->short_abandon_ms;
}

/* All queues together go by the settings that they share; where they do not, by the defaults. */
static struct queue_settings settings_of_all(const struct figures *figures, const struct alert_rule *rule)
{
    static const struct queue_settings defaults = {.sl_method = MEASURES_DEFAULT_SL_METHOD,
                                                   .sl_threshold_ms = MEASURES_DEFAULT_SL_THRESHOLD_MS,
                                                   .short_abandon_ms = MEASURES_DEFAULT_SHORT_ABANDON_MS};
    const struct queue_settings *shared = NULL;
    for (size_t i = 0; i < figures->known_count; i++) {
        const struct queue_settings *one = &figures->queues[i].settings;
        if (!wants(figures, rule, i)) {
            continue;
        }
        if (shared && !same_settings(shared, one)) {
            return defaults;
        }
        shared = one;
    }
    return shared ? *shared : defaults;
}

static int join_sums(struct figures *figures, const struct alert_rule *rule, double *value)
{
    const struct figure_span *span = span_of(figures, rule);
    const struct queue_settings settings = settings_of_all(figures, rule);
    uint32_t unbalanced = 0;
    int status = 0;
    summary_clear(&figures->joined);
    for (size_t i = 0; status == 0 && i < figures->known_count; i++) {
        if (wants(figures, rule, i)) {
            unbalanced += span->unbalanced[i];
            status = summary_merge(&figures->joined, &span->sums[i]);
        }
    }
    *value = rule->metric == ALERT_UNBALANCED ? unbalanced : value_of_sum(rule->metric, &figures->joined, &settings);
    return status;
}

static bool join_now(const struct figures *figures, const struct alert_rule *rule, double *value)
{
    bool longest = rule->metric == ALERT_LONGEST_WAIT;
    bool known = true;
    *value = 0;
    for (size_t i = 0; i < figures->queue_count && known; i++) {
        double one = 0;
        if (wants(figures, rule, i)) {
            known = value_of_now(figures, rule->metric, &figures->queues[i].now, &one);
            *value = !longest ? *value + one : one > *value ? one : *value;
        }
    }
    return known;
}

static int tell_site(struct figures *figures, const struct alert_rule *rule, const struct sentry_vitals *vitals,
                     struct alert_watch *watch)
{
    struct alert_subject subject = {.queue = ""};
    uint64_t calls = 0;
    double value = 0;
    bool known = false;
    int status = 0;
    if (alert_metric_of_site(rule->metric)) {
        known = value_of_site(figures, rule->metric, vitals, &value);
    } else if (alert_metric_is_now(rule->metric)) {
        known = join_now(figures, rule, &value);
    } else {
        status = join_sums(figures, rule, &value);
        known = true;
        calls = calls_of_sum(rule->metric, &figures->joined);
    }
    (void)snprintf(subject.site, sizeof subject.site, "%s", figures->site);
    return status == 0 && known ? alert_watch_figure(watch, rule, &subject, value, calls) : status;
}

int figures_tell(struct figures *figures, const struct alert_rule *rule, const struct sentry_vitals *vitals,
                 struct alert_watch *watch)
{
    int status = 0;
    if (rule->per != ALERT_PER_QUEUE || alert_metric_of_site(rule->metric)) {
        return tell_site(figures, rule, vitals, watch);
    }
    for (size_t i = 0; status == 0 && i < figures->queue_count; i++) {
        status = wants(figures, rule, i) ? tell_queue(figures, rule, i, watch) : 0;
    }
    return status;
}

struct left_work {
    const struct figures *figures;
    struct alert_watch *watch;
};

static int end_left(void *ctx, const struct alert *alert)
{
    struct left_work *work = ctx;
    bool unheard = alert->seen_ms != work->figures->now_ms;
    bool of_board = alert_metric_is_now(alert->rule->metric) && alert->subject.queue[0];
    struct alert_subject subject = alert->subject;
    double nobody = alert->rule->below ? NAN : 0;
    return unheard && of_board ? alert_watch_figure(work->watch, alert->rule, &subject, nobody, 0) : 0;
}

int figures_tell_left(struct figures *figures, struct alert_watch *watch)
{
    struct left_work work = {figures, watch};
    return figures->live ? alert_watch_each(watch, end_left, &work) : 0;
}
