#include "tests/unit/sentry/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/time/zone.h"

static void on_tell(void *ctx, const char *line, const struct json *document)
{
    struct desk *desk = ctx;
    assert_true(desk->told_count < DESK_TOLD_MAX);
    struct desk_told *told = &desk->told[desk->told_count++];
    (void)snprintf(told->news, sizeof told->news, "%s", json_text(document, "news"));
    (void)snprintf(told->rule, sizeof told->rule, "%s", json_text(document, "rule"));
    (void)snprintf(told->queue, sizeof told->queue, "%s", json_text(document, "queue"));
    (void)snprintf(told->line, sizeof told->line, "%s", line);
    assert_string_equal(json_text(document, "site"), "madrid-01");
    told->known = json_number(document, "value", &told->value);
}

int desk_setup(void **state)
{
    static struct desk desk;
    desk = (struct desk){.now_ms = DESK_NOW_MS};
    assert_int_equal(zone_set("UTC"), 0);
    desk.ledger = fake_ledger_new();
    desk.ledger->names[LEDGER_QUEUE][DESK_SALES] = "sales";
    desk.ledger->names[LEDGER_QUEUE][DESK_SUPPORT] = "support";
    desk.options = (struct sentry_options){.rules = desk.rules,
                                           .site = "madrid-01",
                                           .when = SENTRY_ALWAYS,
                                           .offline_after_ms = 60000,
                                           .ledger = desk.ledger};
    *state = &desk;
    return 0;
}

int desk_teardown(void **state)
{
    struct desk *desk = *state;
    sentry_free(desk->sentry);
    board_free(desk->board);
    for (size_t i = 0; i < desk->sum_count; i++) {
        summary_deinit(&desk->sums[i]);
    }
    assert_int_equal(desk->ledger->views_open, 0);
    ledger_close(desk->ledger);
    return 0;
}

struct alert_rule *desk_rule(struct desk *desk, const char *name, enum alert_metric metric, double limit)
{
    assert_true(desk->rule_count < DESK_RULES_MAX);
    struct alert_rule *rule = &desk->rules[desk->rule_count++];
    bool windowed = !alert_metric_is_now(metric) && !alert_metric_of_site(metric);
    *rule = (struct alert_rule){.name = (char *)(uintptr_t)name,
                                .summary = (char *)(uintptr_t) "",
                                .metric = metric,
                                .limit = limit,
                                .window_ms = windowed ? 1800000 : 0,
                                .per = alert_metric_of_site(metric) ? ALERT_PER_SITE : ALERT_PER_QUEUE,
                                .severity = ALERT_WARNING};
    return rule;
}

struct summary *desk_interval(struct desk *desk, int64_t before, uint32_t queue, uint32_t answered, uint32_t abandoned,
                              int64_t wait_ms)
{
    struct summary *sum = &desk->sums[desk->sum_count++];
    int64_t open_s = DESK_NOW_MS / 1000 - DESK_NOW_MS / 1000 % 900;
    sum->flow[FLOW_ENTERED] = sum->cohort[COHORT_ENTERED] = answered + abandoned;
    sum->flow[FLOW_ANSWERED] = sum->cohort[COHORT_ANSWERED] = answered;
    sum->flow[FLOW_ABANDONED] = sum->cohort[COHORT_ABANDONED] = abandoned;
    for (uint32_t i = 0; i < answered; i++) {
        assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ANSWERED, wait_ms), 0);
    }
    for (uint32_t i = 0; i < abandoned; i++) {
        assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ABANDONED, 60000), 0);
    }
    fake_ledger_add_interval(desk->ledger, open_s - before * 900, queue, sum);
    return sum;
}

void desk_waits(struct desk *desk, uint32_t queue, int64_t since_ms)
{
    struct call_leg *leg = fake_ledger_add_open(desk->ledger);
    leg->queue = queue;
    leg->enter_ms = since_ms;
    leg->state = LEG_WAITING;
}

void desk_open(struct desk *desk)
{
    sentry_free(desk->sentry);
    desk->options.rule_count = desk->rule_count;
    desk->options.board = desk->board;
    assert_int_equal(sentry_new(&desk->options, on_tell, desk, &desk->sentry), 0);
}

void desk_look(struct desk *desk)
{
    if (!desk->sentry) {
        desk_open(desk);
    }
    assert_int_equal(sentry_look(desk->sentry, &desk->vitals, desk->now_ms), 0);
}

void desk_pass(struct desk *desk, int64_t ms)
{
    desk->now_ms += ms;
    desk_look(desk);
}

const struct desk_told *desk_hears(struct desk *desk, const char *news, const char *rule, const char *queue)
{
    for (size_t i = 0; i < desk->told_count; i++) {
        static struct desk_told found;
        if (strcmp(desk->told[i].news, news) == 0 && strcmp(desk->told[i].rule, rule) == 0 &&
            strcmp(desk->told[i].queue, queue) == 0) {
            found = desk->told[i];
            desk->told[i] = desk->told[--desk->told_count];
            return &found;
        }
    }
    fail_msg("not told: %s %s %s", news, rule, queue);
    return NULL;
}

void desk_hears_nothing(struct desk *desk)
{
    if (desk->told_count > 0) {
        fail_msg("told as well: %s", desk->told[0].line);
    }
}
