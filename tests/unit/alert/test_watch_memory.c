/* What was kept, taken up again without memory for it: all of it, or STATUS_NO_MEMORY and another try. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "proto/alert/alert_watch.h"
#include "tests/support/faults/faults.h"

enum { SITES = 150, TRIES_MAX = 500 };
#define NOW_MS INT64_C(1795284900000)

static const struct alert_rule rule = {.name = (char *)"silent",
                                       .metric = ALERT_SITE_SILENT,
                                       .limit = 60000,
                                       .per = ALERT_PER_SITE,
                                       .severity = ALERT_CRITICAL,
                                       .summary = (char *)""};

static int hear(void *ctx, enum alert_news news, const struct alert *alert)
{
    (void)ctx;
    (void)news;
    (void)alert;
    return 0;
}

static struct json *kept(void)
{
    struct alert_watch *watch;
    assert_int_equal(alert_watch_new(&rule, 1, SITES, hear, NULL, &watch), 0);
    alert_watch_begin(watch, NOW_MS);
    for (int i = 0; i < SITES; i++) {
        struct alert_subject subject = {.queue = ""};
        (void)snprintf(subject.site, sizeof subject.site, "s%d", i);
        assert_int_equal(alert_watch_figure(watch, &rule, &subject, 90000, 0), 0);
    }
    alert_watch_end(watch);
    assert_int_equal(alert_watch_mute(watch, NULL, "s7", NOW_MS + 1000, "somebody", "works"), 0);
    struct json *state = json_new_map();
    alert_watch_save(watch, state);
    alert_watch_free(watch);
    assert_false(json_build_failed());
    return state;
}

static int count(void *ctx, const struct alert *alert)
{
    *(int *)ctx += alert->phase == ALERT_FIRING && alert->told;
    return 0;
}

static void test_nothing_is_dropped_without_memory(void **state)
{
    (void)state;
    struct json *from = kept();
    int status = STATUS_NO_MEMORY;
    int refused = 0;
    for (uint64_t number = 1; status != 0 && number < TRIES_MAX; number++) {
        struct alert_watch *watch;
        int firing = 0;
        assert_int_equal(alert_watch_new(&rule, 1, SITES, hear, NULL, &watch), 0);
        faults_watch("/nowhere");
        faults_arm(FAULTS_ALLOCATE, number, FAULTS_FAIL, ENOMEM, false);
        faults_allocations_on();
        status = alert_watch_restore(watch, from);
        faults_allocations_off();
        faults_disarm();
        assert_true(status == 0 || status == STATUS_NO_MEMORY);
        refused += status != 0;
        assert_int_equal(alert_watch_each(watch, count, &firing), 0);
        assert_int_equal(firing, status == 0 ? SITES : 0);
        alert_watch_free(watch);
    }
    assert_int_equal(status, 0);
    assert_true(refused > 5); /* entries and places grow several times */
    json_free(from);
    faults_watch(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_dropped_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
