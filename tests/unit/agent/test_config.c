#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/config.h"
#include "platform/base/status.h"

static void collect(void *lines, const char *line)
{
    buf_append_str(lines, line);
    buf_append_str(lines, "\n");
}

static struct agent_config *good(const char *text)
{
    struct buf lines = BUF_INIT;
    struct agent_config *config = NULL;
    int status = agent_config_parse("a.conf", slice_str(text), collect, &lines, &config);
    assert_string_equal(buf_cstr(&lines), "");
    assert_int_equal(status, 0);
    buf_deinit(&lines);
    return config;
}

static void refused(const char *text, const char *want)
{
    struct buf lines = BUF_INIT;
    struct agent_config *config = NULL;
    assert_int_equal(agent_config_parse("a.conf", slice_str(text), collect, &lines, &config), STATUS_INVALID);
    assert_string_equal(buf_cstr(&lines), want);
    assert_null(config);
    buf_deinit(&lines);
}

static void defaults(void **state)
{
    (void)state;
    struct agent_config *config = good("");
    char host[256] = "";
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    assert_string_equal(config->site.id, host);
    assert_string_equal(config->site.zone, "local");
    assert_string_equal(config->ledger.dir, "/var/lib/ringside");
    assert_int_equal(config->ledger.size_max_bytes, 256 << 20);
    assert_int_equal(config->ledger.reserve_percent, 20);
    assert_int_equal(config->ledger.legs_keep_ms, INT64_C(90) * 86400000);
    assert_int_equal(config->ledger.intervals_keep_ms, INT64_C(400) * 86400000);
    assert_int_equal(config->ledger.commit_interval_ms, 1000);
    assert_int_equal(config->ledger.interval_s, 900);
    assert_int_equal(config->ledger.caller_numbers, AGENT_CALLERS_HASH);
    assert_int_equal(config->source_count, 1);
    assert_string_equal(config->sources[0].name, "queue_log");
    assert_int_equal(config->sources[0].type, AGENT_SOURCE_QUEUE_LOG);
    assert_string_equal(config->sources[0].path, "/var/log/asterisk/queue_log");
    assert_true(config->sources[0].rotated_at_start);
    assert_int_equal(config->sources[0].drain_grace_ms, 10000);
    assert_int_equal(config->sources[0].poll_ms, 1000);
    assert_string_equal(config->sources[0].asterisk_conf_dir, "/etc/asterisk");
    assert_int_equal(config->queue_count, 1);
    assert_int_equal(config->queues[0].service_level_ms, MEASURES_DEFAULT_SL_THRESHOLD_MS);
    assert_int_equal(config->queues[0].service_level_method, MEASURES_DEFAULT_SL_METHOD);
    assert_int_equal(config->queues[0].short_abandon_ms, MEASURES_DEFAULT_SHORT_ABANDON_MS);
    assert_int_equal(config->operators.wrap_up_ms, 0);
    assert_int_equal(config->operators.wrap_reason_count, 0);
    assert_int_equal(config->privacy.operators, AGENT_OPERATORS_NAME);
    assert_false(config->privacy.operators_to_centre);
    assert_true(config->status.enabled);
    assert_int_equal(config->status.live_min_ms, 100);
    assert_string_equal(config->status.host, "127.0.0.1");
    assert_int_equal(config->status.port, 5683);
    assert_int_equal(config->status.observe_min_ms, 1000);
    assert_string_equal(config->collector.url, "");
    assert_string_equal(config->collector.credentials, "/var/lib/ringside/credentials");
    assert_true(config->collector.live);
    assert_int_equal(config->collector.live_interval_ms, 5000);
    assert_int_equal(config->collector.heartbeat_ms, 30000);
    assert_int_equal(config->collector.open_interval_ms, 60000);
    assert_int_equal(config->collector.retry_max_ms, 60000);
    assert_int_equal(config->log_level, LOG_INFO);
    assert_string_equal(config->service.user, "ringside");
    assert_true(config->service.user_default);
    assert_int_equal(config->service.nice, 5);
    agent_config_free(config);
}

static void settings(void **state)
{
    (void)state;
    struct agent_config *config =
        good("site { id = branch-07 zone = America/Sao_Paulo }\n"
             "ledger { dir = /data size_max = 1G interval = 1h caller_numbers = keep legs_keep = 1d }\n"
             "source two { path = /two rotated_at_start = no asterisk_conf_dir = '' }\n"
             "status { listen = \"[::1]:7000\" observe_min = 100ms }\nlog { level = debug }\n"
             "service { user = ringside nice = 0 }");
    assert_string_equal(config->site.id, "branch-07");
    assert_string_equal(config->site.zone, "America/Sao_Paulo");
    assert_int_equal(config->ledger.interval_s, 3600);
    assert_int_equal(config->ledger.caller_numbers, AGENT_CALLERS_KEEP);
    assert_int_equal(config->source_count, 1);
    assert_string_equal(config->sources[0].name, "two");
    assert_false(config->sources[0].rotated_at_start);
    assert_string_equal(config->sources[0].asterisk_conf_dir, "");
    assert_string_equal(config->status.host, "::1");
    assert_int_equal(config->status.port, 7000);
    assert_int_equal(config->log_level, LOG_DEBUG);
    assert_false(config->service.user_default);
    agent_config_free(config);
}

static void ami_beside_the_log(void **state)
{
    (void)state;
    struct agent_config *config =
        good("source log { path = /log }\n"
             "source pbx { type = ami user = 'admin' secret_file = /s tls = yes host = pbx.example\n"
             "  tls_ca = none tls_name = asterisk snapshot = 5m retry_max = 10s }\n"
             "operators { wrap_up = 20s wrap_reasons = { 'ACW', 'after call' } }\n"
             "privacy { operators = hash operators_to_centre = yes }");
    const struct agent_source_config *ami = agent_config_source(config, AGENT_SOURCE_AMI);
    assert_string_equal(agent_config_source(config, AGENT_SOURCE_QUEUE_LOG)->path, "/log");
    assert_string_equal(ami->name, "pbx");
    assert_string_equal(ami->host, "pbx.example");
    assert_int_equal(ami->port, 5039);
    assert_string_equal(ami->user, "admin");
    assert_string_equal(ami->secret_file, "/s");
    assert_true(ami->tls);
    assert_string_equal(ami->tls_ca, "");
    assert_string_equal(ami->tls_name, "asterisk");
    assert_int_equal(ami->snapshot_ms, 300000);
    assert_int_equal(ami->retry_max_ms, 10000);
    assert_int_equal(config->operators.wrap_up_ms, 20000);
    assert_int_equal(config->operators.wrap_reason_count, 2);
    assert_string_equal(config->operators.wrap_reasons[1], "after call");
    assert_int_equal(config->privacy.operators, AGENT_OPERATORS_HASH);
    assert_true(config->privacy.operators_to_centre);
    agent_config_free(config);
    config = good("source pbx { type = ami }");
    assert_null(agent_config_source(config, AGENT_SOURCE_QUEUE_LOG));
    ami = agent_config_source(config, AGENT_SOURCE_AMI);
    assert_string_equal(ami->host, "127.0.0.1");
    assert_int_equal(ami->port, 5038);
    assert_string_equal(ami->tls_ca, "/etc/ssl/certs/ca-certificates.crt");
    agent_config_free(config);
}

static void sources_that_cannot_be(void **state)
{
    (void)state;
    refused("source a { type = ami\npath = /a }",
            "a.conf:2: source \"a\".path: belongs to a source of type queue_log only\n");
    refused("source a { user = x }", "a.conf:1: source \"a\".user: belongs to a source of type ami only\n");
    refused("source a { type = ami host = 192.0.2.7 }",
            "a.conf:1: source \"a\".host: \"192.0.2.7\" is another machine, and what is said would be readable on the "
            "way; allowed: a loopback address, or tls = yes\n");
    refused("source a { type = ami user = '' }", "a.conf:1: source \"a\".user: is empty; allowed: 1 to 80 bytes\n");
}

static void a_source_is_told_in_full(void **state)
{
    (void)state;
    agent_config_free(good("source a { asterisk_conf_dir = '' }"));
    refused("source a { asterisk_conf_dir = etc }", "a.conf:1: source \"a\".asterisk_conf_dir: \"etc\" is not an "
                                                    "absolute path; allowed: an absolute path, or \"\" for none\n");
    refused("source a { type = ami secret_file = '' }",
            "a.conf:1: source \"a\".secret_file: is empty; allowed: an absolute path\n");
    refused("source a { type = ami secret_file = s }",
            "a.conf:1: source \"a\".secret_file: \"s\" is not an absolute path; allowed: an absolute path\n");
    refused("source a { type = ami tls_ca = ca.crt }",
            "a.conf:1: source \"a\".tls_ca: \"ca.crt\" is not an absolute path; allowed: an absolute path, or none to "
            "take any certificate\n");
    refused("source a { type = ami host = 'a b' }", "a.conf:1: source \"a\".host: \"a b\" is not a host; allowed: a "
                                                    "name or an address; without tls a loopback address\n");
    refused("source a { type = ami user = 'a\tb' }",
            "a.conf:1: source \"a\".user: holds a control character; allowed: 1 to 80 bytes\n");
}

static void queues_are_found_by_name(void **state)
{
    (void)state;
    struct agent_config *config = good("queue zeta { service_level = 10s }\nqueue \"*\" { service_level = 30s }\n"
                                       "queue \"!first\" { service_level_method = ucce_negative }\n"
                                       "queue alpha { ignore = yes label = 'A' short_abandon = 0 }\n");
    assert_int_equal(agent_config_queue(config, slice_str("zeta"))->service_level_ms, 10000);
    assert_int_equal(agent_config_queue(config, slice_str("alpha"))->service_level_ms, 30000);
    assert_true(agent_config_queue(config, slice_str("alpha"))->ignore);
    assert_int_equal(agent_config_queue(config, slice_str("alpha"))->short_abandon_ms, 0);
    assert_int_equal(agent_config_queue(config, slice_str("!first"))->service_level_method, SL_UCCE_NEGATIVE);
    static const char *const others[] = {"", "*", "alph", "alphabet", "zetb", "!", "\xff"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct agent_queue_config *queue = agent_config_queue(config, slice_str(others[i]));
        assert_string_equal(queue->name, "*");
        assert_int_equal(queue->service_level_ms, 30000);
    }
    agent_config_free(config);
}

static void every_method_is_a_word(void **state)
{
    (void)state;
    for (int i = 0; i < SL_METHOD_COUNT; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "queue \"*\" { service_level_method = %s }",
                       measures_sl_name((enum sl_method)i));
        struct agent_config *config = good(text);
        assert_int_equal(config->queues[0].service_level_method, i);
        agent_config_free(config);
    }
}

static void listening_is_local(void **state)
{
    (void)state;
    struct agent_config *config = good("status { listen = none }");
    assert_false(config->status.enabled);
    agent_config_free(config);
    config = good("status { listen = 127.3.2.1:1 }");
    assert_string_equal(config->status.host, "127.3.2.1");
    agent_config_free(config);
    static const char *const far[] = {"0.0.0.0:5683",           "192.168.1.2:5683", "[::]:5683",
                                      "[fe80::1]:5683",         "localhost:1",      "128.0.0.1:5683",
                                      "[::ffff:127.0.0.1]:5683"};
    static const char *const odd[] = {"127.0.0.1", "::1:5683", "[::1]5683", "127.0.0.1:0", "127.0.0.1:65536",
                                      ":5683",     "[]:5683",  "[:5683",    "127.0.0.1:",  "127.0.0.1:56x"};
    char text[128];
    char want[512];
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        (void)snprintf(text, sizeof text, "\nstatus { listen = \"%s\" }", far[i]);
        (void)snprintf(want, sizeof want,
                       "a.conf:2: status.listen: \"%s\" is not a loopback address: reach from other machines needs "
                       "coaps, which comes with the site's identity; allowed: a loopback address with a port "
                       "(127.0.0.1:5683, [::1]:5683), or none\n",
                       far[i]);
        refused(text, want);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        (void)snprintf(text, sizeof text, "status { listen = \"%s\" }", odd[i]);
        (void)snprintf(want, sizeof want,
                       "a.conf:1: status.listen: \"%s\" is not an address with a port; allowed: a loopback address "
                       "with a port (127.0.0.1:5683, [::1]:5683), or none\n",
                       odd[i]);
        refused(text, want);
    }
}

static void the_collector(void **state)
{
    (void)state;
    struct agent_config *config = good("collector { live = no }");
    assert_false(config->collector.live);
    assert_int_equal(config->collector.heartbeat_ms, 300000); /* nothing else goes out in quiet hours */
    agent_config_free(config);
    config = good("collector { url = 'coaps+tcp://[2001:db8::1]:7000' credentials = /c heartbeat = 10s "
                  "live_interval = 10s live = no }");
    assert_string_equal(config->collector.url, "coaps+tcp://[2001:db8::1]:7000");
    assert_string_equal(config->collector.credentials, "/c");
    assert_int_equal(config->collector.heartbeat_ms, 10000);
    agent_config_free(config);
    refused("collector {\n url = https://centre\n}",
            "a.conf:2: collector.url: \"https://centre\" is no collector's address: it begins with coaps+tcp://; "
            "allowed: coaps+tcp://HOST[:PORT], or \"\" for the one that the box joined\n");
    refused("collector {\n live_interval = 20s\n heartbeat = 10s\n}",
            "a.conf:3: collector.heartbeat: the live view goes out less often; allowed: from live_interval\n");
    refused("collector {\n live_interval = 1m\n}",
            "a.conf:2: collector.heartbeat: the live view goes out less often; allowed: from live_interval\n");
    refused("collector { live = no heartbeat = 1ms }",
            "a.conf:1: collector.heartbeat: too often; allowed: 0s, or 100ms to 1h\n");
}

static void options_that_must_fit_together(void **state)
{
    (void)state;
    refused("ledger {\n intervals_keep = 30d\n legs_keep = 31d\n}\n",
            "a.conf:3: ledger.legs_keep: single calls would be kept longer than their intervals; allowed: up to "
            "intervals_keep\n");
    refused("ledger {\n intervals_keep = 30d\n}\n",
            "a.conf:2: ledger.legs_keep: single calls would be kept longer than their intervals; allowed: up to "
            "intervals_keep\n");
    refused("source a { path = /q }\nsource b { path = /r }\n",
            "a.conf:2: source \"b\": there is a source of this type already (\"a\"); allowed: one queue_log and one "
            "ami, of the same PBX\n");
}

static void names_are_checked(void **state)
{
    (void)state;
    refused("site { id = 'a b' }",
            "a.conf:1: site.id: \"a b\" is not a site id; allowed: 1 to 64 letters, digits, - _ .\n");
    refused("site { zone = ../../etc/passwd }", "a.conf:1: site.zone: \"../../etc/passwd\" is not the name of a time "
                                                "zone; allowed: an IANA name (e.g. America/Sao_Paulo), or local\n");
    refused("source 'a/b' { }",
            "a.conf:1: source: title \"a/b\" is not a name for a source; allowed: 1 to 31 letters, digits, - _ .\n");
    refused("queue 'a|b' { }", "a.conf:1: queue: title \"a|b\" is not a name that a queue can have; allowed: 1 to 255 "
                               "bytes without |\n");
    refused(
        "service { user = -x }",
        "a.conf:1: service.user: \"-x\" is not a user name; allowed: a user of this machine, or \"\" to stay root\n");
}

static void a_missing_file(void **state)
{
    (void)state;
    struct buf lines = BUF_INIT;
    struct agent_config *config = NULL;
    assert_int_equal(agent_config_load("/nonexistent/agent.conf", collect, &lines, &config), STATUS_INVALID);
    assert_string_equal(buf_cstr(&lines), "/nonexistent/agent.conf: no such file; allowed: an existing file, or no -c "
                                          "for the defaults\n");
    buf_deinit(&lines);
    if (access(AGENT_CONFIG_PATH, F_OK) != 0) {
        assert_int_equal(agent_config_load(NULL, collect, NULL, &config), 0);
        assert_false(config->from_file);
        assert_string_equal(config->path, AGENT_CONFIG_PATH);
        agent_config_free(config);
    }
}

static void the_example_is_accepted(void **state)
{
    (void)state;
    struct buf lines = BUF_INIT;
    struct agent_config *config = NULL;
    int status = agent_config_load(PROJECT_DIR "/platform/systemd/agent.conf.example", collect, &lines, &config);
    assert_string_equal(buf_cstr(&lines), "");
    assert_int_equal(status, 0);
    assert_true(config->from_file);
    assert_string_equal(config->site.id, "branch-07");
    agent_config_free(config);
    buf_deinit(&lines);
}

static void the_committed_page_is_current(void **state)
{
    (void)state;
    struct buf page = BUF_INIT;
    struct buf committed = BUF_INIT;
    agent_config_page(&page);
    FILE *file = fopen(PROJECT_DIR "/docs/config.md", "re");
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
        cmocka_unit_test(settings),
        cmocka_unit_test(ami_beside_the_log),
        cmocka_unit_test(sources_that_cannot_be),
        cmocka_unit_test(a_source_is_told_in_full),
        cmocka_unit_test(queues_are_found_by_name),
        cmocka_unit_test(every_method_is_a_word),
        cmocka_unit_test(listening_is_local),
        cmocka_unit_test(the_collector),
        cmocka_unit_test(options_that_must_fit_together),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(a_missing_file),
        cmocka_unit_test(the_example_is_accepted),
        cmocka_unit_test(the_committed_page_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
