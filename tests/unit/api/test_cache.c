#include "collector/api/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/question.h"
#include "platform/base/buf.h"

enum { ROOM = 100 * 1024 };

static struct cache cache;
static unsigned dropped;

static void drop(struct cache_entry *entry)
{
    dropped++;
    free((void *)(uintptr_t)entry->key.data);
    free(entry);
}

static struct body *body_of(size_t len)
{
    struct endpoint_answer answer = {.code = 200, .type = "text/plain"};
    uint8_t *at = buf_grow(&answer.body, len);
    assert_non_null(at);
    memset(at, 'x', len);
    return body_new(&answer, false);
}

static struct cache_entry *add(const char *key)
{
    struct cache_entry *entry = calloc(1, sizeof *entry);
    assert_non_null(entry);
    entry->key = slice_make(strdup(key), strlen(key));
    entry->making = true;
    cache_add(&cache, entry);
    return entry;
}

static void fill(struct cache_entry *entry, size_t len, int64_t now_ms, int64_t fresh_ms, int64_t stale_ms)
{
    struct body *body = body_of(len);
    entry->making = false;
    entry->fresh_ms = fresh_ms;
    entry->stale_ms = stale_ms;
    cache_fill(&cache, entry, body, now_ms);
    body_unref(body);
}

static struct cache_entry *find(const char *key)
{
    return cache_find(&cache, slice_str(key));
}

static int setup(void **state)
{
    (void)state;
    dropped = 0;
    return cache_init(&cache, ROOM, 50, 7, drop);
}

static int teardown(void **state)
{
    (void)state;
    uint32_t held = cache.count;
    unsigned before = dropped;
    cache_deinit(&cache);
    assert_int_equal(dropped - before, held);
    return 0;
}

static void test_ages(void **state)
{
    (void)state;
    struct cache_entry *entry = add("a");
    assert_int_equal(cache_age(entry, 0), CACHE_NONE);
    fill(entry, 10, 1000, 200, 500);
    assert_int_equal(cache_age(entry, 1000), CACHE_FRESH);
    assert_int_equal(cache_age(entry, 1199), CACHE_FRESH);
    assert_int_equal(cache_age(entry, 1200), CACHE_STALE);
    assert_int_equal(cache_age(entry, 1699), CACHE_STALE);
    assert_int_equal(cache_age(entry, 1700), CACHE_NONE);
    assert_null(find("b"));
    assert_ptr_equal(find("a"), entry);
}

static void test_the_longest_unasked_goes_first(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%d", i);
        fill(add(key), 20 * 1024, 0, 1000, 0);
    }
    cache_asked(&cache, find("0"), 5);
    assert_int_equal(dropped, 0);
    fill(add("4"), 30 * 1024, 0, 1000, 0);
    assert_true(dropped >= 1);
    assert_non_null(find("0"));
    assert_null(find("1"));
    assert_non_null(find("4"));
    assert_true(cache.bytes <= ROOM);
}

static void test_what_is_being_made_stays(void **state)
{
    (void)state;
    struct cache_entry *making = add("making");
    for (int i = 0; i < 200; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%d", i);
        fill(add(key), 1024, 0, 1000, 0);
    }
    assert_ptr_equal(find("making"), making);
    assert_true(cache.count <= 51);
    assert_true(cache.bytes <= ROOM);
    fill(making, 10, 0, 1000, 0);
}

static void test_too_large_alone(void **state)
{
    (void)state;
    fill(add("huge"), 2 * ROOM, 0, 1000, 0);
    assert_null(find("huge"));
    assert_int_equal(dropped, 1);
    assert_int_equal(cache.bytes, 0);
}

static void test_ahead(void **state)
{
    (void)state;
    struct cache_entry *entry = add("a");
    cache_asked(&cache, entry, 0);
    fill(entry, 10, 0, 10000, 30000);
    assert_false(cache_due(entry, 9999)); /* asked for once only */
    cache_asked(&cache, entry, 1000);
    assert_false(cache_due(entry, 7000));
    assert_true(cache_due(entry, 8500));
    entry->making = true;
    assert_false(cache_due(entry, 8500));
    fill(entry, 10, 9000, 10000, 30000);
    assert_false(cache_due(entry, 18000)); /* nobody asked since: only before it is of no use at all */
    assert_true(cache_due(entry, 42000));
    fill(entry, 10, 42000, 10000, 30000);
    assert_false(cache_due(entry, 80000)); /* and no longer than a minute after the last time */
    cache_asked(&cache, entry, 80000);
    assert_false(cache_due(entry, 80001)); /* the first time again after long */
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {{"/x?a=1&b=2", "/x?b=2&a=1", true},
                 {"/x?a=1&a=2", "/x?a=2&a=1", true},
                 {"/x?a=1", "/x?a=2", false},
                 {"/x?a=1b", "/x?a=1&b", false},
                 {"/x?a=1%26b%3D2", "/x?a=1&b=2", false},
                 {"/x", "/y", false},
                 {"/x?%61=%31", "/x?a=1", true},
                 {"/x?a=", "/x?a", true},
                 {"/x?ab=c", "/x?a=bc", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct question *a;
        struct question *b;
        const char *why;
        struct buf key_a = BUF_INIT;
        struct buf key_b = BUF_INIT;
        assert_int_equal(question_new(cases[i].a, &a, &why), 0);
        assert_int_equal(question_new(cases[i].b, &b, &why), 0);
        question_key(a, &key_a);
        question_key(b, &key_b);
        assert_int_equal(slice_equal(buf_slice(&key_a), buf_slice(&key_b)), cases[i].same);
        buf_deinit(&key_a);
        buf_deinit(&key_b);
        question_unref(a);
        question_unref(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_longest_unasked_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_being_made_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
