#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/config.h"
#include "collector/config_table.h"
#include "platform/base/status.h"

#define DAY_MS INT64_C(86400000)

static void collect(void *lines, const char *line)
{
    buf_append_str(lines, line);
    buf_append_str(lines, "\n");
}

static struct collector_config *good(const char *text)
{
    struct buf lines = BUF_INIT;
    struct collector_config *config = NULL;
    int status = collector_config_parse("c.conf", slice_str(text), collect, &lines, &config);
    assert_string_equal(buf_cstr(&lines), "");
    assert_int_equal(status, 0);
    buf_deinit(&lines);
    return config;
}

static void refused(const char *text, const char *want)
{
    struct buf lines = BUF_INIT;
    struct collector_config *config = NULL;
    assert_int_equal(collector_config_parse("c.conf", slice_str(text), collect, &lines, &config), STATUS_INVALID);
    assert_string_equal(buf_cstr(&lines), want);
    assert_null(config);
    buf_deinit(&lines);
}

static void defaults(void **state)
{
    (void)state;
    struct collector_config *config = good("");
    assert_string_equal(config->data.dir, "/var/lib/ringside-collector");
    assert_string_equal(config->data.identity_dir, "/var/lib/ringside-collector/identity");
    assert_string_equal(config->data.registry_dir, "/var/lib/ringside-collector/registry");
    assert_string_equal(config->data.store_dir, "/var/lib/ringside-collector/store");
    assert_string_equal(config->ingest.host, "::");
    assert_int_equal(config->ingest.port, 5684);
    assert_int_equal(config->ingest.host_count, 0);
    assert_int_equal(config->ingest.sessions_max, 20000);
    assert_int_equal(config->ingest.handshakes_max, 100);
    assert_int_equal(config->ingest.handshake_timeout_ms, 10000);
    assert_int_equal(config->ingest.idle_timeout_ms, 900000);
    assert_int_equal(config->ingest.site_bytes_per_second, 1 << 20);
    assert_int_equal(config->ingest.site_bytes_burst, 4 << 20);
    assert_int_equal(config->ingest.site_messages_per_second, 50);
    assert_int_equal(config->ingest.site_messages_burst, 200);
    assert_int_equal(config->ingest.buffer_max_bytes, 256 << 10);
    assert_int_equal(config->ingest.buffer_total_bytes, 64 << 20);
    assert_int_equal(config->store.size_max_bytes, INT64_C(8) << 30);
    assert_int_equal(config->store.intervals_keep_ms, 400 * DAY_MS);
    assert_int_equal(config->store.cells_keep_ms, 0);
    assert_int_equal(config->store.commit_interval_ms, 20);
    assert_int_equal(config->identity.site_life_ms, 90 * DAY_MS);
    assert_int_equal(config->identity.collector_life_ms, 365 * DAY_MS);
    assert_int_equal(config->identity.ca_life_ms, 7305 * DAY_MS);
    assert_int_equal(config->identity.grace_ms, 30 * DAY_MS);
    assert_int_equal(config->identity.token_life_ms, DAY_MS);
    assert_string_equal(config->zone, "UTC");
    assert_int_equal(config->admit.oldest_ms, 400 * DAY_MS);
    assert_int_equal(config->admit.ahead_ms, DAY_MS);
    assert_string_equal(config->api.host, "127.0.0.1");
    assert_int_equal(config->api.port, 8484);
    assert_string_equal(config->api.certificate, "");
    assert_string_equal(config->api.key, "");
    assert_string_equal(config->api.url, "");
    assert_int_equal(config->api.workers, 2);
    assert_int_equal(config->api.budget_ms, 5000);
    assert_int_equal(config->api.rows_max, 20000);
    assert_int_equal(config->api.connections_max, 500);
    assert_int_equal(config->api.address_connections_max, 100);
    assert_int_equal(config->api.streams_max, 200);
    assert_int_equal(config->api.requests_per_second, 100);
    assert_int_equal(config->api.requests_burst, 500);
    assert_false(config->api.metrics_open);
    assert_int_equal(config->api.metrics_queues_max, 2000);
    assert_int_equal(config->alerting.pace_ms, 15000);
    assert_string_equal(config->alerting.state_path, "/var/lib/ringside-collector/alerts.json");
    assert_string_equal(config->service.user, "ringside");
    assert_true(config->service.user_default);
    assert_int_equal(config->service.nice, 0);
    assert_int_equal(config->log_level, LOG_INFO);
    collector_config_free(config);
}

static void settings_are_taken(void **state)
{
    (void)state;
    struct collector_config *config =
        good("data { dir = /data }\n"
             "ingest { listen = 192.0.2.1:7000 hosts = { collector.example, 192.0.2.1, \"2001:db8::1\" }\n"
             "         sessions_max = 5 buffer_max = 1MiB buffer_total = 1MiB }\n"
             "store { size_max = 1024GiB intervals_keep = 0 commit_interval = 0 }\n"
             "identity { site_life = 1h grace = 0 token_life = 10m }\n"
             "centre { zone = Europe/Madrid }\nadmit { oldest = 0 ahead = 2h }\n"
             "service { user = '' nice = 3 }\nlog { level = debug }\n");
    assert_string_equal(config->data.store_dir, "/data/store");
    assert_string_equal(config->ingest.host, "192.0.2.1");
    assert_int_equal(config->ingest.port, 7000);
    assert_int_equal(config->ingest.host_count, 3);
    assert_string_equal(config->ingest.hosts[0], "collector.example");
    assert_string_equal(config->ingest.hosts[2], "2001:db8::1");
    assert_int_equal(config->ingest.buffer_total_bytes, 1 << 20);
    assert_int_equal(config->store.size_max_bytes, INT64_C(1) << 40);
    assert_int_equal(config->store.intervals_keep_ms, 0);
    assert_int_equal(config->store.commit_interval_ms, 0);
    assert_int_equal(config->identity.site_life_ms, 3600000);
    assert_int_equal(config->identity.grace_ms, 0);
    assert_int_equal(config->identity.token_life_ms, 600000);
    assert_string_equal(config->zone, "Europe/Madrid");
    assert_int_equal(config->admit.oldest_ms, 0);
    assert_string_equal(config->service.user, "");
    assert_false(config->service.user_default);
    assert_int_equal(config->log_level, LOG_DEBUG);
    collector_config_free(config);
}

static void listening(void **state)
{
    (void)state;
    static const char *const odd[] = {"0.0.0.0",     "::1:5684",      "[::1]5684", "127.0.0.1:0", "127.0.0.1:65536",
                                      ":5684",       "[]:5684",       "[:5684",    "127.0.0.1:",  "127.0.0.1:56x",
                                      "localhost:1", "[127.0.0.1]:1", "none"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char text[128];
        char want[256];
        (void)snprintf(text, sizeof text, "\ningest { listen = \"%s\" }", odd[i]);
        (void)snprintf(want, sizeof want,
                       "c.conf:2: ingest.listen: \"%s\" is not an address with a port; allowed: an address with a port "
                       "(192.0.2.1:5684, [::]:5684)\n",
                       odd[i]);
        refused(text, want);
    }
}

static void asking(void **state)
{
    (void)state;
    struct collector_config *config = good("api { listen = \"[::1]:0\" certificate = /c.pem key = /k.pem\n"
                                           "      url = \"https://ringside.example/\" metrics_open = yes }\n");
    assert_string_equal(config->api.host, "::1");
    assert_int_equal(config->api.port, 0);
    assert_string_equal(config->api.certificate, "/c.pem");
    assert_string_equal(config->api.key, "/k.pem");
    assert_string_equal(config->api.url, "https://ringside.example/");
    assert_true(config->api.metrics_open);
    collector_config_free(config);
    config = good("api { listen = none }\n");
    assert_string_equal(config->api.host, "");
    collector_config_free(config);
    refused("\napi { listen = \"localhost:80\" }",
            "c.conf:2: api.listen: \"localhost:80\" is not an address with a port; allowed: an address with a port "
            "(127.0.0.1:8484, [::1]:8484; port 0: any free one), or none\n");
    refused("\napi { certificate = /c.pem }",
            "c.conf:2: api.key: is missing; allowed: certificate and key, or neither\n");
    refused("\napi { key = /k.pem }",
            "c.conf:2: api.certificate: is missing; allowed: certificate and key, or neither\n");
    refused("\napi { url = \"ftp://x\" }", "c.conf:2: api.url: \"ftp://x\" is not an http or https address; "
                                           "allowed: http://... or https://...\n");
}

static void hosts(void **state)
{
    (void)state;
    static const char *const good_ones[] = {"a", "a-b.example", "192.0.2.1", "2001:db8::1", "1.example", "x.Y.z"};
    static const char *const bad_ones[] = {"",     "a_b", "-a",        "a-", ".a",         "a.",
                                           "a..b", "a b", "[2001::1]", "*",  "a.example/", "a\xc3"};
    for (size_t i = 0; i < sizeof good_ones / sizeof good_ones[0]; i++) {
        assert_true(collector_config_host_valid(good_ones[i]));
    }
    for (size_t i = 0; i < sizeof bad_ones / sizeof bad_ones[0]; i++) {
        assert_false(collector_config_host_valid(bad_ones[i]));
    }
    refused("ingest { hosts = { a, b_c } }", "c.conf:1: ingest.hosts: \"b_c\" is neither a host name nor an address; "
                                             "allowed: host names and addresses\n");
}

static void options_that_must_fit_together(void **state)
{
    (void)state;
    refused("ingest {\n buffer_max = 2MiB\n buffer_total = 1MiB\n}\n",
            "c.conf:3: ingest.buffer_total: less than one site may take; allowed: at least buffer_max\n");
    refused("identity {\n ca_life = 30d\n}\n",
            "c.conf:2: identity.site_life: longer than the CA itself is valid; allowed: up to ca_life\n"
            "c.conf:2: identity.collector_life: longer than the CA itself is valid; allowed: up to ca_life\n");
    refused("store {\n cells_keep = 30d\n}\n",
            "c.conf:2: store.cells_keep: shorter than the intervals that hours and days are added up from; allowed: 0, "
            "or at least intervals_keep\n");
}

static void limits(void **state)
{
    (void)state;
    refused("ingest { idle_timeout = 5m }",
            "c.conf:1: ingest.idle_timeout: \"5m\" is too short; allowed: 6m to 1d (e.g. 15m)\n");
    refused("centre { zone = ../x }",
            "c.conf:1: centre.zone: \"../x\" is not the name of a time zone; allowed: an IANA "
            "name (e.g. America/Sao_Paulo), UTC, or local\n");
}

static void a_missing_file(void **state)
{
    (void)state;
    struct buf lines = BUF_INIT;
    struct collector_config *config = NULL;
    assert_int_equal(collector_config_load("/nonexistent/collector.conf", collect, &lines, &config), STATUS_INVALID);
    assert_string_equal(buf_cstr(&lines), "/nonexistent/collector.conf: no such file; allowed: an existing file, or no "
                                          "-c for the defaults\n");
    buf_deinit(&lines);
    if (access(COLLECTOR_CONFIG_PATH, F_OK) != 0) {
        assert_int_equal(collector_config_load(NULL, collect, NULL, &config), 0);
        assert_false(config->from_file);
        assert_string_equal(config->path, COLLECTOR_CONFIG_PATH);
        collector_config_free(config);
    }
}

static void the_example_is_accepted(void **state)
{
    (void)state;
    struct buf lines = BUF_INIT;
    struct collector_config *config = NULL;
    int status =
        collector_config_load(PROJECT_DIR "/platform/systemd/collector.conf.example", collect, &lines, &config);
    assert_string_equal(buf_cstr(&lines), "");
    assert_int_equal(status, 0);
    assert_string_equal(config->ingest.hosts[0], "ringside.example.com");
    collector_config_free(config);
    buf_deinit(&lines);
}

static void the_committed_page_is_current(void **state)
{
    (void)state;
    struct buf page = BUF_INIT;
    struct buf committed = BUF_INIT;
    collector_config_page(&page);
    FILE *file = fopen(PROJECT_DIR "/docs/config-collector.md", "re");
    assert_non_null(file);
    char chunk[4096];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buf_append(&committed, chunk, got);
    }
    assert_int_equal(fclose(file), 0);
    /* when it differs: cmake --build BUILD --target docs-config */
    assert_string_equal(buf_cstr(&committed), buf_cstr(&page));
    buf_deinit(&page);
    buf_deinit(&committed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(settings_are_taken),
        cmocka_unit_test(listening),
        cmocka_unit_test(asking),
        cmocka_unit_test(hosts),
        cmocka_unit_test(options_that_must_fit_together),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_missing_file),
        cmocka_unit_test(the_example_is_accepted),
        cmocka_unit_test(the_committed_page_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
