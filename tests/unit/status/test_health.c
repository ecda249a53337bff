#include "agent/status/health.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

static void test_sources_are_replaced_by_name_and_path(void **state)
{
    (void)state;
    struct status_health *health = NULL;
    assert_int_equal(status_health_new(42, &health), 0);
    struct health_source source = {.name = "queue_log", .path = "/a", .state = "missing"};
    assert_int_equal(status_health_set_source(health, &source), 0);
    (void)strcpy(source.state, "reading");
    assert_int_equal(status_health_set_source(health, &source), 0);
    (void)strcpy(source.path, "/b");
    assert_int_equal(status_health_set_source(health, &source), 0);
    status_health_set_ledger_full(health, true);
    const struct confinement confinement = {.setting = "yes", .calls = true};
    status_health_set_confinement(health, &confinement);
    struct health now;
    status_health_copy(health, &now);
    assert_int_equal(now.started_ms, 42);
    assert_int_equal(now.source_count, 2);
    assert_string_equal(now.sources[0].state, "reading");
    assert_string_equal(now.sources[1].path, "/b");
    assert_true(now.ledger_full);
    assert_string_equal(now.confinement.setting, "yes");
    assert_true(now.confinement.calls && !now.confinement.files);
    status_health_free(health);
}

static void test_room_is_limited(void **state)
{
    (void)state;
    struct status_health *health = NULL;
    assert_int_equal(status_health_new(0, &health), 0);
    struct health_source source = {.name = "s"};
    for (int i = 0; i < HEALTH_SOURCES_MAX; i++) {
        (void)snprintf(source.path, sizeof source.path, "/%d", i);
        assert_int_equal(status_health_set_source(health, &source), 0);
    }
    (void)strcpy(source.path, "/more");
    assert_int_equal(status_health_set_source(health, &source), STATUS_FULL);
    status_health_free(health);
    status_health_free(NULL);
}

static void *update_often(void *health)
{
    struct health_source source = {.name = "s"};
    for (int i = 0; i < 20000; i++) {
        memset(source.last_error, 'a' + i % 26, sizeof source.last_error - 1);
        (void)status_health_set_source(health, &source);
    }
    return NULL;
}

static void test_a_copy_is_never_half_written(void **state)
{
    (void)state;
    struct status_health *health = NULL;
    assert_int_equal(status_health_new(0, &health), 0);
    (void)update_often(health);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, update_often, health), 0);
    for (int i = 0; i < 5000; i++) {
        struct health now;
        status_health_copy(health, &now);
        const char *text = now.sources[0].last_error;
        assert_int_equal(text[0], text[sizeof now.sources[0].last_error - 2]);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    status_health_free(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources_are_replaced_by_name_and_path),
        cmocka_unit_test(test_room_is_limited),
        cmocka_unit_test(test_a_copy_is_never_half_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
