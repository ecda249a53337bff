/* What is happening now, over the real store and registry: rows, totals, what is stale and what is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/query/live_query.h"
#include "collector/query/live_site.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "tests/support/temp_dir.h"

enum { UNKNOWN = -1 };
#define NOW_MS INT64_C(1795284900000)

static struct temp_dir store_dir;
static struct temp_dir registry_dir;
static struct store *store;
static struct registry *registry;
static struct json *document;

static void join_site(const char *id, const char *group)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    static const uint8_t key[REGISTRY_KEY_BYTES] = {2};
    struct registry_site site;
    const struct registry_invitation invitation = {
        .id = id, .group = group, .token_psk = psk, .token_expires_ms = NOW_MS + 1000, .now_ms = NOW_MS};
    assert_int_equal(registry_invite(registry, &invitation, false, &site), 0);
    assert_int_equal(registry_enrol(registry, id, psk, key, "01", NOW_MS / 1000 + 1000, NOW_MS), 0);
}

static void put_site(uint32_t site, int64_t seen_ms, bool online, const struct store_live_queue *rows, size_t count)
{
    struct store_contact contact = {.last_seen_ms = seen_ms,
                                    .live_seen_ms = seen_ms,
                                    .live_ms = seen_ms,
                                    .online = online,
                                    .clock_offset_ms = 5000, /* the site's clock is ahead */
                                    .heartbeat_s = 60,
                                    .lag_ms = -1};
    const struct queue_settings settings = {.sl_threshold_ms = 20000};
    assert_int_equal(store_put_contact(store, site, &contact), 0);
    assert_int_equal(store_put_queue(store, site, 1, &settings), 0);
    assert_int_equal(store_put_queue(store, site, 2, &settings), 0);
    assert_int_equal(store_put_live(store, site, rows, count), 0);
}

/* a and b hear a manager, c only its log, d is silent, e never told anything. */
static int setup(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "b", "c", "d", "e"};
    const struct store_live_queue of_a[] = {{STORE_QUEUE_TOTAL, 0, 0, 0, -1, 5, 2, 1, 2},
                                            {1, 2, 3, NOW_MS + 5000 - 30000, 1, 4, 2, 0, 2},
                                            {2, 0, 0, 0, 0, 3, 1, 1, 1}};
    const struct store_live_queue of_b[] = {{STORE_QUEUE_TOTAL, 0, 0, 0, -1, 7, 7, 0, 0},
                                            {1, 1, 0, NOW_MS + 5000 - 90000, 0, 7, 7, 0, 0}};
    const struct store_live_queue of_c[] = {{2, 4, 1, NOW_MS + 5000 - 1000, -1, -1, -1, -1, -1}};
    const struct store_live_queue of_d[] = {{1, 9, 9, NOW_MS + 5000 - 400000, 0, 9, 9, 0, 0}};
    const struct store_live_operator people[] = {{"Ana", "", SHIFT_TALK, NOW_MS + 5000 - 12000, 1},
                                                 {"Bea", "lunch", SHIFT_PAUSED, NOW_MS + 5000 - 60000, 0}};
    temp_dir_make(&store_dir);
    temp_dir_make(&registry_dir);
    const struct store_options options = {.dir = store_dir.path, .limit_bytes = 64 << 20, .now_ms = 1};
    assert_int_equal(registry_create(registry_dir.path), 0);
    assert_int_equal(registry_open(registry_dir.path, true, &registry), 0);
    assert_int_equal(store_open_writer(&options, &store), 0);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        join_site(ids[i], i < 2 ? "north" : "south");
    }
    assert_int_equal(store_begin(store, 1), 0);
    assert_int_equal(store_queue_number(store, slice_str("sales")), 1);
    assert_int_equal(store_queue_number(store, slice_str("support")), 2);
    put_site(1, NOW_MS - 100, true, of_a, 3);
    put_site(2, NOW_MS - 150000, true, of_b, 2); /* within three heartbeats of a minute */
    put_site(3, NOW_MS - 100, true, of_c, 1);
    put_site(4, NOW_MS - 300000, true, of_d, 1);
    assert_int_equal(store_put_operators(store, 1, people, 2, 3), 0);
    assert_int_equal(store_end(store), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_free(document);
    document = NULL;
    store_close(store);
    registry_close(registry);
    temp_dir_remove(&store_dir);
    temp_dir_remove(&registry_dir);
    return 0;
}

static int ask(const struct live_query *query, const char *why)
{
    struct store_view *view;
    struct query_why told = {""};
    json_free(document);
    document = NULL;
    assert_int_equal(store_view_begin(store, &view), 0);
    int status = live_query(view, registry, query, &document, &told);
    store_view_end(view);
    assert_string_equal(told.text, why);
    return status;
}

static void assert_count(const char *path, int64_t expected)
{
    int64_t count = UNKNOWN;
    enum json_kind kind = json_kind(document, path);
    if (kind != (expected == UNKNOWN ? JSON_NULL_VALUE : JSON_INT) ||
        (json_int(document, path, &count) && count != expected)) {
        fail_msg("%s: %lld, not %lld", path, (long long)count, (long long)expected);
    }
}

static void assert_figures(const char *of, const int64_t expected[8])
{
    static const char *const names[] = {"waiting", "longest_wait_ms", "talking",   "held",
                                        "ready",   "paused",          "logged_in", "on_call"};
    char path[64];
    for (size_t i = 0; i < 8; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", of, names[i]);
        assert_count(path, expected[i]);
    }
}

static void each_queue_of_each_site_has_a_row(void **state)
{
    (void)state;
    const struct live_query query = {.now_ms = NOW_MS};
    assert_int_equal(ask(&query, ""), 0);
    assert_int_equal(json_count(document, "rows"), 8);
    assert_figures("rows/0", (int64_t[]){2, 30000, 3, 1, 2, 0, 4, 2});
    assert_figures("rows/1", (int64_t[]){0, UNKNOWN, 0, 0, 1, 1, 3, 1});
    assert_figures("rows/3", (int64_t[]){0, UNKNOWN, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN}); /* b, idle */
    assert_figures("rows/5", (int64_t[]){4, 1000, 1, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN});
    assert_figures("rows/6", (int64_t[]){9, 100000, 9, 0, 9, 0, 9, 0}); /* d: as it was when it was last heard */
    assert_true(json_bool(document, "rows/6/stale") && !json_bool(document, "rows/2/stale"));
    assert_count("rows/6/age_ms", 300000);
    assert_string_equal(json_text(document, "rows/5/queue"), "support");
    assert_string_equal(json_text(document, "rows/5/site"), "c");
    assert_string_equal(json_text(document, "rows/5/group"), "south");
    assert_figures("totals", (int64_t[]){7, 90000, 4, 1, 9, 1, 12, 2}); /* each operator once, without d */
    assert_count("totals/sites", 5);
    assert_count("totals/sites_telling", 4);
    assert_count("totals/sites_stale", 1);
    assert_int_equal(json_kind(document, "operators"), JSON_NOTHING);
}

static void parts_can_be_asked_for(void **state)
{
    (void)state;
    assert_int_equal(ask(&(struct live_query){.site = "c", .now_ms = NOW_MS}, ""), 0);
    assert_int_equal(json_count(document, "rows"), 2);
    assert_figures("totals", (int64_t[]){4, 1000, 1, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN});
    assert_int_equal(ask(&(struct live_query){.group = "north", .now_ms = NOW_MS}, ""), 0);
    assert_int_equal(json_count(document, "rows"), 4);
    assert_count("totals/sites", 2);
    assert_int_equal(ask(&(struct live_query){.queue = "sales", .now_ms = NOW_MS}, ""), 0);
    assert_int_equal(json_count(document, "rows"), 4);
    assert_figures("totals", (int64_t[]){3, 90000, 3, 1, 9, 0, 11, 2});
    assert_int_equal(ask(&(struct live_query){.site = "d", .now_ms = NOW_MS}, ""), 0);
    assert_figures("totals", (int64_t[]){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN});
    assert_int_equal(ask(&(struct live_query){.site = "e", .now_ms = NOW_MS}, ""), 0);
    assert_int_equal(json_count(document, "rows"), 0);
    assert_int_equal(ask(&(struct live_query){.site = "z"}, "there is no site 'z'"), STATUS_NOT_FOUND);
    assert_int_equal(ask(&(struct live_query){.group = "z"}, "there is no group 'z'"), STATUS_NOT_FOUND);
    assert_int_equal(ask(&(struct live_query){.queue = "z"}, "there is no queue 'z'"), STATUS_NOT_FOUND);
}

/* It is there and speaks, but of what its log says of hours ago. */
static void a_late_log_tells_how_it_was(void **state)
{
    (void)state;
    const struct queue_settings settings = {.sl_threshold_ms = 20000};
    const int64_t hours_ms = 3 * 3600000;
    const struct store_live_queue rows[] = {{1, 2, 0, NOW_MS + 5000 - hours_ms - 40000, -1, -1, -1, -1, -1}};
    struct store_contact contact = {.last_seen_ms = NOW_MS - 100,
                                    .live_seen_ms = NOW_MS - 100,
                                    .live_ms = NOW_MS - 100,
                                    .online = true,
                                    .clock_offset_ms = 5000,
                                    .lag_ms = LIVE_LAG_MAX_MS};
    const struct live_query query = {.site = "e", .now_ms = NOW_MS};
    assert_int_equal(store_begin(store, 1), 0);
    assert_int_equal(store_put_queue(store, 5, 1, &settings), 0);
    assert_int_equal(store_put_live(store, 5, rows, 1), 0);
    assert_int_equal(store_put_contact(store, 5, &contact), 0);
    assert_int_equal(store_end(store), 0);
    assert_int_equal(ask(&query, ""), 0);
    assert_count("totals/sites_stale", 0);
    contact.lag_ms = hours_ms;
    assert_int_equal(store_begin(store, 1), 0);
    assert_int_equal(store_put_contact(store, 5, &contact), 0);
    assert_int_equal(store_end(store), 0);
    assert_int_equal(ask(&query, ""), 0);
    assert_count("totals/sites_stale", 1);
    assert_true(json_bool(document, "rows/0/stale"));
    assert_count("rows/0/longest_wait_ms", 40000 - 100);
    assert_count("totals/waiting", UNKNOWN);
}

static void only_where_callers_wait_longest(void **state)
{
    (void)state;
    struct live_query query = {.now_ms = NOW_MS};
    int64_t waiting;
    int64_t wait_ms;
    assert_int_equal(ask(&query, ""), 0);
    assert_true(json_int(document, "totals/waiting", &waiting));
    assert_true(json_int(document, "totals/longest_wait_ms", &wait_ms));
    query.longest = 2; /* of three that wait; d, which waited longest, is silent */
    assert_int_equal(ask(&query, ""), 0);
    assert_int_equal(json_count(document, "rows"), 2);
    assert_string_equal(json_text(document, "rows/0/site"), "b");
    assert_string_equal(json_text(document, "rows/0/queue"), "sales");
    assert_count("rows/0/longest_wait_ms", 90000);
    assert_string_equal(json_text(document, "rows/1/site"), "a");
    assert_count("rows/1/longest_wait_ms", 30000);
    assert_count("totals/waiting", waiting);
    assert_count("totals/longest_wait_ms", wait_ms);
    query.longest = LIVE_QUERY_LONGEST_MAX;
    assert_int_equal(ask(&query, ""), 0);
    assert_int_equal(json_count(document, "rows"), 3);
    assert_string_equal(json_text(document, "rows/2/site"), "c");
    query.longest = 1;
    query.queue = "support";
    assert_int_equal(ask(&query, ""), 0);
    assert_int_equal(json_count(document, "rows"), 1);
    assert_string_equal(json_text(document, "rows/0/site"), "c");
}

static void operators_are_listed_where_told(void **state)
{
    (void)state;
    assert_int_equal(ask(&(struct live_query){.operators = true, .now_ms = NOW_MS}, ""), 0);
    assert_int_equal(json_count(document, "operators"), 2);
    assert_string_equal(json_text(document, "operators/0/operator"), "Ana");
    assert_string_equal(json_text(document, "operators/0/state"), "talk");
    assert_string_equal(json_text(document, "operators/0/queue"), "sales");
    assert_count("operators/0/in_state_ms", 12000);
    assert_int_equal(json_kind(document, "operators/0/reason"), JSON_NULL_VALUE);
    assert_string_equal(json_text(document, "operators/1/reason"), "lunch");
    assert_int_equal(json_kind(document, "operators/1/queue"), JSON_NULL_VALUE);
    assert_count("operators_more", 3);
    assert_int_equal(ask(&(struct live_query){.operators = true, .queue = "sales", .now_ms = NOW_MS}, ""), 0);
    assert_int_equal(json_count(document, "operators"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_queue_of_each_site_has_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_can_be_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_log_tells_how_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(only_where_callers_wait_longest, setup, teardown),
        cmocka_unit_test_setup_teardown(operators_are_listed_where_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
