/* Looks one after another by a clock of the test's own: what is told, kept and shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/alert/lookout_rounds.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "tests/support/temp_dir.h"

#define JOINED_MS INT64_C(1795284900000)

static struct temp_dir store_dir;
static struct temp_dir registry_dir;
static struct store *store;
static struct registry *registry;
static struct lookout *lookout;
static char state_path[256];
static const struct alert_rule rules[] = {{.name = (char *)"silent",
                                           .metric = ALERT_SITE_SILENT,
                                           .limit = 60000,
                                           .per = ALERT_PER_SITE,
                                           .keep_ms = 1000,
                                           .summary = (char *)""}};
#define NOWHERE                                                                                                        \
    .url = (char *)"http://127.0.0.1:1/", .secret_file = (char *)"", .bearer_file = (char *)"", .ca_file = (char *)"", \
    .timeout_ms = 500, .retry_max_ms = 1000
static const struct receiver receivers[] = {
    {.name = (char *)"hook", .type = RECEIVER_WEBHOOK, .repeat_ms = 120000, NOWHERE},
    {.name = (char *)"manager", .type = RECEIVER_ALERTMANAGER, NOWHERE}};

static void make(void)
{
    const struct lookout_options options = {.rules = rules,
                                            .rule_count = 1,
                                            .receivers = receivers,
                                            .receiver_count = 2,
                                            .store = store,
                                            .registry = registry,
                                            .zone = "UTC",
                                            .state_path = state_path,
                                            .data_dir = store_dir.path,
                                            .pace_ms = 1000,
                                            .idle_ms = 900000,
                                            .url = "https://centre.example"};
    assert_int_equal(lookout_make(&options, &lookout), 0);
}

static int begin(void **state)
{
    (void)state;
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    static const uint8_t key[REGISTRY_KEY_BYTES] = {2};
    struct registry_site site;
    temp_dir_make(&store_dir);
    temp_dir_make(&registry_dir);
    (void)snprintf(state_path, sizeof state_path, "%s", temp_dir_file(&store_dir, "alerts.json"));
    const struct store_options options = {.dir = store_dir.path, .limit_bytes = 64 << 20, .now_ms = 1};
    const struct registry_invitation invitation = {
        .id = "madrid", .group = "", .token_psk = psk, .token_expires_ms = JOINED_MS + 1, .now_ms = JOINED_MS};
    assert_int_equal(registry_create(registry_dir.path), 0);
    assert_int_equal(registry_open(registry_dir.path, true, &registry), 0);
    assert_int_equal(store_open_writer(&options, &store), 0);
    assert_int_equal(registry_invite(registry, &invitation, false, &site), 0);
    assert_int_equal(registry_enrol(registry, "madrid", psk, key, "01", JOINED_MS / 1000 + 86400, JOINED_MS), 0);
    make();
    return 0;
}

static int end(void **state)
{
    (void)state;
    lookout_free(lookout);
    store_close(store);
    registry_close(registry);
    temp_dir_remove(&store_dir);
    temp_dir_remove(&registry_dir);
    return 0;
}

/* "firing", "resolved", "again" of what is taken; all of it is told at once. */
static const char *heard(size_t receiver, int64_t at_ms)
{
    static char text[200];
    struct outbox_delivery delivery;
    text[0] = '\0';
    while (outbox_take(lookout->outbox, receiver, at_ms, at_ms, &delivery)) {
        for (size_t i = 0; i < json_count(delivery.items, ""); i++) {
            const struct json *item = json_item(delivery.items, i);
            size_t len = strlen(text);
            (void)snprintf(text + len, sizeof text - len, "%s;",
                           json_bool(item, "again") ? "again" : json_text(item, "news"));
            assert_string_equal(json_text(item, "url"), "https://centre.example/site/madrid");
        }
        json_free(delivery.items);
        outbox_done(lookout->outbox, receiver, OUTBOX_TOLD, "", at_ms, at_ms);
    }
    return text;
}

static void look(int64_t after_s)
{
    int64_t at_ms = JOINED_MS + after_s * 1000;
    assert_int_equal(lookout_look(lookout, at_ms, at_ms), 0);
}

static void speaks(int64_t after_s)
{
    const struct store_contact contact = {.last_seen_ms = JOINED_MS + after_s * 1000, .online = true, .lag_ms = -1};
    assert_int_equal(store_begin(store, 1), 0);
    assert_int_equal(store_put_contact(store, 1, &contact), 0);
    assert_int_equal(store_end(store), 0);
}

static void test_told_once_again_and_over(void **state)
{
    (void)state;
    look(30);
    assert_string_equal(heard(0, JOINED_MS), "");
    uint64_t version = lookout_version(lookout);
    look(61);
    assert_true(lookout_version(lookout) > version);
    assert_string_equal(heard(0, JOINED_MS), "firing;");
    assert_string_equal(heard(1, JOINED_MS), "firing;");
    look(100);
    assert_string_equal(heard(0, JOINED_MS), "");
    look(182); /* two minutes after it fired; the manager's minute is over too */
    assert_string_equal(heard(0, JOINED_MS), "again;");
    assert_string_equal(heard(1, JOINED_MS), "again;");
    look(190);
    assert_string_equal(heard(0, JOINED_MS), "");
    assert_string_equal(heard(1, JOINED_MS), "");
    speaks(191);
    look(192);
    look(194);
    assert_string_equal(heard(0, JOINED_MS), "resolved;");
    assert_string_equal(heard(1, JOINED_MS), "resolved;");
    look(400);
    assert_string_equal(heard(0, JOINED_MS), "firing;");
}

static void restart(void)
{
    lookout_free(lookout);
    make();
}

static void test_a_restart_loses_and_repeats_nothing(void **state)
{
    (void)state;
    look(61);
    restart(); /* before anybody was told */
    assert_string_equal(heard(0, JOINED_MS), "firing;");
    lookout->dirty = true;
    lookout_keep(lookout, JOINED_MS);
    restart();
    look(62);
    assert_string_equal(heard(0, JOINED_MS), "");
    assert_int_equal(lookout_mute(lookout, "silent", "", JOINED_MS + 1000000, "me", ""), 0);
    restart();
    speaks(63);
    look(64);
    look(66);
    assert_string_equal(heard(0, JOINED_MS), "");
    assert_int_equal(lookout_mute(lookout, "silent", "", 0, "me", ""), 0);
    look(67);
    assert_string_equal(heard(0, JOINED_MS), "resolved;");
    struct json *shown = lookout_state(lookout);
    assert_int_equal(json_count(shown, "recent"), 2);
    assert_string_equal(json_text(shown, "recent/0/news"), "resolved");
    assert_string_equal(json_text(shown, "receivers/1/type"), "alertmanager");
    assert_int_equal(json_count(shown, "mutes"), 0);
    json_free(shown);
}

static void test_a_file_that_cannot_be_read(void **state)
{
    (void)state;
    char trouble[200];
    look(61);
    lookout_free(lookout);
    temp_dir_write(&store_dir, "alerts.json", 0, "?", 1);
    make();
    look(62);
    assert_string_equal(heard(0, JOINED_MS), "firing;");
    lookout_trouble(lookout, trouble, sizeof trouble);
    assert_non_null(strstr(trouble, "cannot be read")); /* also when nobody asked before the first look */
    lookout_trouble(lookout, trouble, sizeof trouble);
    assert_string_equal(trouble, "");
}

static void test_a_disk_that_cannot_be_written(void **state)
{
    (void)state;
    char trouble[200];
    (void)snprintf(state_path, sizeof state_path, "/nowhere/alerts.json");
    restart();
    look(61);
    assert_string_equal(heard(0, JOINED_MS), "firing;"); /* told all the same */
    lookout_trouble(lookout, trouble, sizeof trouble);
    assert_non_null(strstr(trouble, "outlive a restart: "));
}

static void test_threads_begin_and_end(void **state)
{
    (void)state;
    struct lookout *other;
    assert_int_equal(lookout_start(&lookout->options, &other), 0);
    assert_true(lookout_alive(other, other->looker_ms));
    assert_false(lookout_alive(other, other->looker_ms + 1000000));
    lookout_stop(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_told_once_again_and_over, begin, end),
        cmocka_unit_test_setup_teardown(test_a_restart_loses_and_repeats_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_a_file_that_cannot_be_read, begin, end),
        cmocka_unit_test_setup_teardown(test_a_disk_that_cannot_be_written, begin, end),
        cmocka_unit_test_setup_teardown(test_threads_begin_and_end, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
