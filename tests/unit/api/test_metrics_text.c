/* The text: what is joined, what is escaped, what is of now; its form line by line; and docs/metrics.md names what it
 * names. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/intern.h"
#include "tests/unit/api/metrics_world.h"

#define PAGE PROJECT_DIR "/docs/metrics.md"

enum { NAMES_MAX = 20000, PAGE_BYTES_MAX = 1 << 20 };

static struct metrics_world *world;

static int setup(void **state)
{
    (void)state;
    world = world_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(world);
    return 0;
}

/* A series begins at 0. */
static void scrape_twice(void)
{
    world_scrape(world);
    world_scrape(world);
}

static void assert_value(const char *sample, double expected)
{
    double value = world_value(world, sample);
    if (value < expected || value > expected) {
        fail_msg("%s: %g, not %g", sample, value, expected);
    }
}

/* ---- joined ---- */

static void test_beyond_the_bound_all_is_joined(void **state)
{
    (void)state;
    world_start(world, 3);
    for (uint32_t i = 0; i < 5; i++) {
        const char id[] = {(char)('a' + i), '\0'};
        uint32_t site = world_join(world, id, "UTC");
        uint32_t sales = world_queue(world, site, "sales");
        uint32_t support = world_queue(world, site, "support");
        world_put_calls(world, site, sales, WORLD_NOW_S, 1, 100);
        world_put_calls(world, site, support, WORLD_NOW_S, 10, 100);
    }
    scrape_twice();
    assert_value("ringside_queue_entered_total{site=\"a\",queue=\"sales\"}", 1);
    assert_value("ringside_queue_entered_total{site=\"a\",queue=\"support\"}", 10);
    assert_value("ringside_queue_entered_total{site=\"b\",queue=\"sales\"}", 1);
    assert_value("ringside_queue_entered_total{site=\"b\",queue=\"_other\"}", 10);
    assert_value("ringside_queue_entered_total{site=\"c\",queue=\"_other\"}", 11);
    assert_value("ringside_queue_entered_total{site=\"_other\",queue=\"_other\"}", 22);
    assert_value("ringside_queue_wait_seconds_bucket{site=\"_other\",queue=\"_other\",le=\"+Inf\"}", 22);
    assert_value("ringside_metrics_joined{kind=\"queues\"}", 7);
    assert_value("ringside_metrics_joined{kind=\"sites\"}", 2);
    assert_value("ringside_site_up{site=\"c\"}", 1);
    assert_value("ringside_site_up{site=\"d\"}", -1);
    assert_int_equal(registry_set_state(world->registry, "d", REGISTRY_REMOVED, world->now_ms), 0);
    assert_int_equal(registry_set_state(world->registry, "b", REGISTRY_REMOVED, world->now_ms), 0);
    world_scrape(world);
    assert_value("ringside_queue_entered_total{site=\"b\",queue=\"sales\"}", -1);
    assert_value("ringside_queue_entered_total{site=\"_other\",queue=\"_other\"}", 22); /* does not go back */
    assert_value("ringside_metrics_joined{kind=\"queues\"}", 4);
    uint32_t site = world_join(world, "f", "UTC"); /* gets the room that b left */
    world_put_calls(world, site, world_queue(world, site, "sales"), WORLD_NOW_S, 4, 100);
    scrape_twice();
    assert_value("ringside_queue_entered_total{site=\"f\",queue=\"sales\"}", 4);
}

static void test_with_no_room_at_all_there_is_one_row(void **state)
{
    (void)state;
    world_start(world, 0);
    uint32_t site = world_join(world, "a", "UTC");
    world_put_calls(world, site, world_queue(world, site, "sales"), WORLD_NOW_S, 4, 100);
    scrape_twice();
    assert_value("ringside_queue_entered_total{site=\"_other\",queue=\"_other\"}", 4);
    assert_value("ringside_queue_entered_total{site=\"a\",queue=\"_other\"}", -1);
}

static void test_names_are_escaped_or_joined(void **state)
{
    (void)state;
    static const char *const names[] = {"a\"b\\c\nd", "ventas-\xc3\xb1", "_other", "\xff\xfe", "sales"};
    world_start(world, 100);
    uint32_t site = world_join(world, "a", "UTC");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        world_put_calls(world, site, world_queue(world, site, names[i]), WORLD_NOW_S, 1, 100);
    }
    scrape_twice();
    assert_value("ringside_queue_entered_total{site=\"a\",queue=\"a\\\"b\\\\c\\nd\"}", 1);
    assert_value("ringside_queue_entered_total{site=\"a\",queue=\"ventas-\xc3\xb1\"}", 1);
    assert_value("ringside_queue_entered_total{site=\"a\",queue=\"_other\"}", 2);
    assert_value("ringside_site_info{site=\"a\",group=\"north\",state=\"joined\",version=\"1.2\\\"3\"}", 1);
}

/* ---- now ---- */

static void test_now_is_told_while_it_is_known(void **state)
{
    (void)state;
    world_start(world, 100);
    uint32_t site = world_join(world, "a", "UTC");
    uint32_t sales = world_queue(world, site, "sales");
    (void)world_queue(world, site, "support");
    struct store_contact *contact = &world->contacts[site];
    int64_t then_ms = world->now_ms + 5000 + contact->clock_offset_ms;
    const struct store_live_queue rows[] = {{sales, 2, 3, then_ms - 30000, 1, 4, 2, 1, 3}};
    contact->live_ms = contact->live_seen_ms = world->now_ms;
    world_contact(world, site);
    assert_int_equal(store_begin(world->store, world->now_ms), 0);
    assert_int_equal(store_put_live(world->store, site, rows, 1), 0);
    assert_int_equal(store_end(world->store), 0);
    world_scrape(world);
    assert_value("ringside_queue_waiting_callers{site=\"a\",queue=\"sales\"}", 2);
    assert_value("ringside_queue_longest_wait_seconds{site=\"a\",queue=\"sales\"}", 30);
    assert_value("ringside_queue_talking_callers{site=\"a\",queue=\"sales\"}", 3);
    assert_value("ringside_queue_held_callers{site=\"a\",queue=\"sales\"}", 1);
    assert_value("ringside_queue_operators{site=\"a\",queue=\"sales\",state=\"logged_in\"}", 4);
    assert_value("ringside_queue_operators{site=\"a\",queue=\"sales\",state=\"ready\"}", 2);
    assert_value("ringside_queue_operators{site=\"a\",queue=\"sales\",state=\"paused\"}", 1);
    assert_value("ringside_queue_operators{site=\"a\",queue=\"sales\",state=\"on_call\"}", 3);
    assert_value("ringside_queue_waiting_callers{site=\"a\",queue=\"support\"}", 0);
    assert_value("ringside_queue_longest_wait_seconds{site=\"a\",queue=\"support\"}", 0);
    assert_value("ringside_queue_operators{site=\"a\",queue=\"support\",state=\"ready\"}", -1);
    world->now_ms += 200000; /* silent */
    world_scrape(world);
    assert_value("ringside_queue_waiting_callers{site=\"a\",queue=\"sales\"}", -1);
    assert_value("ringside_queue_entered_total{site=\"a\",queue=\"sales\"}", 0);
    assert_value("ringside_site_up{site=\"a\"}", 0);
}

static void test_sites(void **state)
{
    (void)state;
    world_start(world, 100);
    uint32_t site = world_join(world, "a", "UTC");
    world->contacts[site].backlog = 12;
    world->contacts[site].conflicts = 3;
    world_contact(world, site);
    const struct store_gap gap = {1000, 2000, "no log"};
    assert_int_equal(store_begin(world->store, world->now_ms), 0);
    assert_int_equal(store_put_gap(world->store, site, &gap), 0);
    assert_int_equal(store_end(world->store), 0);
    world_scrape(world);
    assert_value("ringside_site_up{site=\"a\"}", 1);
    assert_value("ringside_site_backlog_intervals{site=\"a\"}", 12);
    assert_value("ringside_site_conflicting_intervals_total{site=\"a\"}", 3);
    assert_value("ringside_site_gaps{site=\"a\"}", 1);
    assert_value("ringside_site_log_lag_seconds{site=\"a\"}", 1.5);
    assert_value("ringside_site_clock_offset_seconds{site=\"a\"}", -0.25);
    assert_value("ringside_site_certificate_expiry_timestamp_seconds{site=\"a\"}", 1800000000);
    assert_int_equal(registry_set_state(world->registry, "a", REGISTRY_REVOKED, world->now_ms), 0);
    world_scrape(world);
    assert_value("ringside_site_up{site=\"a\"}", -1); /* nobody is to be woken for it */
    assert_value("ringside_site_info{site=\"a\",group=\"north\",state=\"revoked\",version=\"1.2\\\"3\"}", 1);
}

/* ---- form ---- */

static struct json *some_alerts(void *ctx)
{
    struct json *state = json_new_map();
    struct json *alerts = json_put_list(state, "alerts");
    struct json *receivers = json_put_list(state, "receivers");
    (void)ctx;
    for (int i = 0; i < 3; i++) {
        struct json *alert = json_add_map(alerts);
        json_put_str(alert, "severity", i == 0 ? "critical" : "warning");
        json_put_str(alert, "phase", "firing");
    }
    struct json *receiver = json_add_map(receivers);
    json_put_str(receiver, "receiver", "the \"desk\"");
    json_put_int(receiver, "waiting", 2);
    json_put_int(receiver, "failures", 5);
    return state;
}

static void some_vitals(void *ctx, struct api_vitals *out)
{
    (void)ctx;
    *out = (struct api_vitals){.ingest_alive = true, .sessions = 17};
}

static void scrape_everything(void)
{
    const struct metrics_server server = {.requests = {0, 0, 5, 1, 2, 0},
                                          .cache_hits = 4,
                                          .duration_us_sum = 1500000,
                                          .duration_count = 9,
                                          .duration_within = {1, 2, 3, 0, 0, 0, 0, 2}};
    world->options.alerts.state = some_alerts;
    world->options.vitals = some_vitals;
    world_start(world, 2);
    for (uint32_t i = 0; i < 4; i++) {
        const char id[] = {(char)('a' + i), '\0'};
        uint32_t site = world_join(world, id, "UTC");
        world_put_calls(world, site, world_queue(world, site, "sales"), WORLD_NOW_S, 3, 7000);
        world_put_calls(world, site, world_queue(world, site, "support"), WORLD_NOW_S, 3, 7000);
    }
    metrics_server_set(world->metrics, &server);
    world_scrape(world);
}

static void test_the_collector(void **state)
{
    (void)state;
    scrape_everything();
    assert_value("ringside_http_requests_total{code=\"2xx\"}", 5);
    assert_value("ringside_http_request_duration_seconds_bucket{le=\"0.005\"}", 3);
    assert_value("ringside_http_request_duration_seconds_bucket{le=\"5\"}", 8);
    assert_value("ringside_http_request_duration_seconds_bucket{le=\"+Inf\"}", 9);
    assert_value("ringside_http_request_duration_seconds_sum", 1.5);
    assert_value("ringside_alerts{severity=\"warning\",phase=\"firing\"}", 2);
    assert_value("ringside_alerts{severity=\"info\",phase=\"pending\"}", 0);
    assert_value("ringside_alert_notices_waiting{receiver=\"the \\\"desk\\\"\"}", 2);
    assert_value("ringside_alert_delivery_failures_total{receiver=\"the \\\"desk\\\"\"}", 5);
    assert_value("ringside_ingest_sessions", 17);
    assert_value("ringside_ingest_up", 1);
    assert_value("ringside_store_intervals", 8);
    assert_true(world_value(world, "process_resident_memory_bytes") > 100000);
    assert_true(world_value(world, "process_open_fds") > 2);
    assert_true(world_value(world, "process_start_time_seconds") > 1e9);
    assert_true(world_value(world, "process_cpu_seconds_total") >= 0);
}

/* Of one kind by the damage, of the others none; and all that once was stays told. */
static void test_damage(void **state)
{
    (void)state;
    static const char *const kinds[] = {"hours_and_days", "queue_names",    "epochs",     "contacts", "gaps",
                                        "events",         "queue_settings", "live_views", "counts"};
    char sample[96];
    world_start(world, 100);
    uint32_t site = world_join(world, "a", "UTC");
    uint32_t sales = world_queue(world, site, "sales");
    for (int i = 0; i < 3; i++) {
        world_put_calls(world, site, sales, WORLD_NOW_S - i * WORLD_INTERVAL_S, 1, 100);
    }
    world_scrape(world);
    assert_value("ringside_store_damage_total", 0);
    assert_value("ringside_store_damage_timestamp_seconds", -1);
    assert_value("ringside_store_lost_records_total{kind=\"intervals\"}", 0);
    for (int i = 0; i < 2; i++) {
        world_damage(world, site, sales, WORLD_NOW_S - i * WORLD_INTERVAL_S, (WORLD_NOW_S + i) * 1000);
        world_start(world, 100);
        world_scrape(world);
        assert_value("ringside_store_damage_total", i + 1);
        assert_value("ringside_store_damage_timestamp_seconds", (double)(WORLD_NOW_S + i));
        assert_value("ringside_store_lost_records_total{kind=\"intervals\"}", i + 1);
    }
    assert_value("ringside_store_intervals", 1);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        (void)snprintf(sample, sizeof sample, "ringside_store_lost_records_total{kind=\"%s\"}", kinds[i]);
        assert_value(sample, 0);
    }
}

struct line {
    struct slice text;
    struct slice name; /* of the sample or the family */
};

static bool next_line(size_t *at, struct line *out)
{
    const char *text = (const char *)world->text.data + *at;
    const char *end = memchr(text, '\n', world->text.len - *at);
    if (!end) {
        assert_int_equal(*at, world->text.len); /* the last line ends too */
        return false;
    }
    out->text = slice_make(text, (size_t)(end - text));
    const char *name = text[0] == '#' ? text + 7 : text;
    out->name = slice_make(name, strcspn(name, "{ \n"));
    *at += out->text.len + 1;
    return true;
}

static bool starts_with(struct slice text, struct slice with)
{
    return text.len >= with.len && memcmp(text.data, with.data, with.len) == 0;
}

static void check_sample(const struct line *line, struct slice family, bool histogram)
{
    struct slice rest = slice_make(line->name.data + family.len, line->name.len - family.len);
    assert_true(starts_with(line->name, family));
    assert_true(histogram ? slice_is(rest, "_bucket") || slice_is(rest, "_sum") || slice_is(rest, "_count")
                          : rest.len == 0);
    const char *end = line->text.data + line->text.len;
    const char *value = end;
    while (value[-1] != ' ') {
        value--;
    }
    char *parsed;
    (void)strtod(value, &parsed);
    assert_ptr_equal(parsed, end);
}

/* Every family begins with HELP and TYPE, its samples follow, and neither comes twice. */
static void test_form(void **state)
{
    (void)state;
    struct intern *seen = NULL;
    struct line line;
    struct slice family = {0};
    bool histogram = false;
    size_t at = 0;
    scrape_everything();
    assert_int_equal(intern_new(NAMES_MAX, &seen), 0);
    while (next_line(&at, &line)) {
        if (starts_with(line.text, slice_str("# HELP "))) {
            family = line.name;
            assert_int_equal(intern_find(seen, family), 0);
            assert_int_not_equal(intern_put(seen, family), 0);
            assert_true(next_line(&at, &line));
            assert_true(starts_with(line.text, slice_str("# TYPE ")));
            assert_true(slice_equal(line.name, family));
            histogram = line.text.data[line.text.len - 1] == 'm';
            continue;
        }
        check_sample(&line, family, histogram);
        struct slice series = line.text;
        while (series.data[series.len - 1] != ' ') {
            series.len--;
        }
        assert_int_equal(intern_find(seen, series), 0);
        assert_int_not_equal(intern_put(seen, series), 0);
    }
    intern_free(seen);
}

/* ---- the page ---- */

static char *read_page(void)
{
    char *text = calloc(1, PAGE_BYTES_MAX);
    FILE *file = fopen(PAGE, "re");
    assert_non_null(text);
    assert_non_null(file);
    assert_in_range(fread(text, 1, PAGE_BYTES_MAX - 1, file), 1, PAGE_BYTES_MAX - 2);
    (void)fclose(file);
    return text;
}

/* Rows of tables begin with "| `name` |". */
static struct intern *names_of_page(const char *page)
{
    struct intern *names = NULL;
    assert_int_equal(intern_new(NAMES_MAX, &names), 0);
    for (const char *line = page; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "| `", 3) == 0) {
            struct slice name = slice_make(line + 3, strcspn(line + 3, "`"));
            assert_int_equal(intern_find(names, name), 0);
            assert_int_not_equal(intern_put(names, name), 0);
        }
    }
    return names;
}

static void test_the_page_names_what_is_told(void **state)
{
    (void)state;
    char *page = read_page();
    struct intern *named = names_of_page(page);
    struct line line;
    uint32_t told = 0;
    scrape_everything();
    for (size_t at = 0; next_line(&at, &line);) {
        if (starts_with(line.text, slice_str("# HELP "))) {
            told++;
            if (intern_find(named, line.name) == 0) {
                fail_msg("docs/metrics.md does not name %.*s", (int)line.name.len, line.name.data);
            }
        }
    }
    assert_int_equal(told, intern_count(named)); /* and nothing else */
    intern_free(named);
    free(page);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_beyond_the_bound_all_is_joined),
        CASE(test_with_no_room_at_all_there_is_one_row),
        CASE(test_names_are_escaped_or_joined),
        CASE(test_now_is_told_while_it_is_known),
        CASE(test_sites),
        CASE(test_the_collector),
        CASE(test_damage),
        CASE(test_form),
        CASE(test_the_page_names_what_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
