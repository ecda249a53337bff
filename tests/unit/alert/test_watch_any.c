/* Random figures against a model of one subject at a time, with restarts at any step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/alert/alert_watch.h"
#include "tests/support/rng.h"

enum { SUBJECTS = 6, ROUNDS = 3000, RUNS = 12, STEP_MS = 10000 };

struct model { /* of one subject */
    bool active;
    bool firing;
    bool told;
    int64_t begun_ms;
    int64_t over_ms;
};

static struct alert_rule rules[2];
static struct model models[2][SUBJECTS];
static char expected[4000];
static char heard[4000];
static bool fires[2][SUBJECTS];

static void note(char *out, size_t size, bool firing, size_t rule, size_t subject)
{
    char line[32];
    (void)snprintf(line, sizeof line, "%s %zu/%zu;", firing ? "firing" : "resolved", rule, subject);
    assert_true(strlen(out) + strlen(line) < size);
    strcat(out, line); /* the order within a round is not promised: compared sorted by subject below */
}

static int hear(void *ctx, enum alert_news what, const struct alert *alert)
{
    (void)ctx;
    size_t rule = (size_t)(alert->rule - rules);
    size_t subject = (size_t)(alert->subject.site[0] - 'a');
    bool firing = what == ALERT_NEWS_FIRING;
    assert_true(fires[rule][subject] != firing); /* never two of a kind */
    fires[rule][subject] = firing;
    return 0;
}

/* The model's own reading of the rules: no figure keeps what fires and drops what is pending. */
static void step_model(size_t rule, size_t subject, int64_t now_ms, int figure, bool unknown, bool muted)
{
    struct model *model = &models[rule][subject];
    if (figure > 0) {
        model->begun_ms = model->active ? model->begun_ms : now_ms;
        model->active = true;
        model->over_ms = 0;
        model->firing = model->firing || now_ms - model->begun_ms >= rules[rule].for_ms;
    } else if (figure == 0 && model->firing) {
        model->over_ms = model->over_ms ? model->over_ms : now_ms;
        model->active = model->firing = now_ms - model->over_ms < rules[rule].keep_ms;
    } else if (!model->firing && !(figure < 0 && unknown)) {
        model->active = false;
    }
    if (!muted && model->told != model->firing) {
        model->told = model->firing;
        note(expected, sizeof expected, model->firing, rule, subject);
    }
}

static struct alert_watch *restarted(struct alert_watch *watch)
{
    struct alert_watch *other;
    struct buf text = BUF_INIT;
    struct json *state = json_new_map();
    struct json *read = NULL;
    alert_watch_save(watch, state);
    assert_int_equal(json_write(state, 0, &text), 0);
    json_free(state);
    alert_watch_free(watch);
    assert_int_equal(json_parse(buf_slice(&text), text.len, &read, NULL, 0), 0);
    assert_int_equal(alert_watch_new(rules, 2, 100, hear, NULL, &other), 0);
    assert_int_equal(alert_watch_restore(other, read), 0);
    json_free(read);
    buf_deinit(&text);
    return other;
}

static void run(uint64_t seed)
{
    struct rng rng = {seed};
    struct alert_watch *watch;
    int64_t now_ms = INT64_C(1795284900000);
    int64_t muted_until_ms = 0;
    rules[0] = (struct alert_rule){.name = (char *)"up",
                                   .metric = ALERT_WAITING,
                                   .limit = 5,
                                   .for_ms = rng_between(&rng, 0, 3) * STEP_MS,
                                   .keep_ms = rng_between(&rng, 0, 3) * STEP_MS,
                                   .summary = (char *)""};
    rules[1] = rules[0];
    rules[1].name = (char *)"down";
    rules[1].below = true;
    memset(models, 0, sizeof models);
    memset(fires, 0, sizeof fires);
    assert_int_equal(alert_watch_new(rules, 2, 100, hear, NULL, &watch), 0);
    for (int round = 0; round < ROUNDS; round++) {
        now_ms += rng_between(&rng, 1, 2) * STEP_MS;
        expected[0] = heard[0] = '\0';
        if (rng_chance(&rng, 2)) {
            muted_until_ms = now_ms + rng_between(&rng, 1, 20) * STEP_MS;
            assert_int_equal(alert_watch_mute(watch, "up", "", muted_until_ms, "t", ""), 0);
        }
        bool told_before[2][SUBJECTS];
        memcpy(told_before, fires, sizeof fires);
        bool unknown = rng_chance(&rng, 10);
        alert_watch_begin(watch, now_ms);
        if (unknown) {
            alert_watch_unknown(watch, &rules[0]);
        }
        for (size_t rule = 0; rule < 2; rule++) {
            for (size_t subject = 0; subject < SUBJECTS; subject++) {
                bool known = !(unknown && rule == 0) && rng_chance(&rng, 90);
                double value = (double)rng_between(&rng, 0, 10);
                struct alert_subject who = {.site = {(char)('a' + subject), '\0'}, .queue = "q"};
                bool passed = rules[rule].below ? value < 5 : value > 5;
                if (known) {
                    assert_int_equal(alert_watch_figure(watch, &rules[rule], &who, value, 0), 0);
                }
                step_model(rule, subject, now_ms, known ? passed : -1, unknown && rule == 0,
                           rule == 0 && now_ms < muted_until_ms);
            }
        }
        alert_watch_end(watch);
        for (size_t rule = 0; rule < 2; rule++) {
            for (size_t subject = 0; subject < SUBJECTS; subject++) {
                assert_int_equal(fires[rule][subject], models[rule][subject].told);
                if (fires[rule][subject] != told_before[rule][subject]) {
                    note(heard, sizeof heard, fires[rule][subject], rule, subject);
                }
            }
        }
        assert_string_equal(heard, expected);
        if (rng_chance(&rng, 20)) {
            watch = restarted(watch);
        }
    }
    alert_watch_free(watch);
}

static void test_as_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
