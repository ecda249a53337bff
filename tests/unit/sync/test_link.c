/* The engine on the loop, against a hub in another thread, with real certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/credentials/credentials.h"
#include "agent/sync/link.h"
#include "platform/base/intern.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "tests/support/small_centre.h"

#define SITE "branch-07"

enum { PATIENCE_MS = 30000, LOOK_AGAIN_MS = 20, INTERVAL_S = 900 };

struct bench {
    struct small_centre centre;
    struct temp_dir ledger_dir;
    struct temp_dir credentials_dir;
    struct ledger *ledger;
    struct loop *loop;
    struct loop_timer *look;
    struct link *link;
    bool (*holds)(struct bench *bench);
    int64_t until_ms;
    bool held;
    unsigned warnings;
    char newest[400]; /* warning */
    unsigned connects_before;
};

static void on_log(void *ctx, enum log_level level, const char *text)
{
    struct bench *bench = ctx;
    if (level <= LOG_WARNING) {
        bench->warnings++;
        (void)snprintf(bench->newest, sizeof bench->newest, "%s", text);
    }
}

static void open_ledger(struct bench *bench)
{
    const struct ledger_options options = {.dir = bench->ledger_dir.path,
                                           .site = SITE,
                                           .map_bytes = 16 << 20,
                                           .reserve_percent = 20,
                                           .interval_s = INTERVAL_S,
                                           .now_ms = (int64_t)time(NULL) * 1000};
    assert_int_equal(ledger_open_writer(&options, &bench->ledger), 0);
    assert_int_equal(intern_put(ledger_names(bench->ledger, LEDGER_QUEUE), slice_str("sales")), 1);
}

static void put_interval(struct bench *bench, int number)
{
    int64_t now_s = (int64_t)time(NULL);
    struct summary sum = {0};
    sum.flow[FLOW_ENTERED] = 1;
    sum.flow[FLOW_ABANDONED] = 1;
    assert_int_equal(ledger_begin(bench->ledger, now_s * 1000), 0);
    ledger_put_interval(bench->ledger, 1, now_s / INTERVAL_S * INTERVAL_S - (int64_t)number * INTERVAL_S, &sum);
    assert_int_equal(ledger_end(bench->ledger), 0);
    summary_deinit(&sum);
    link_committed(bench->link);
}

static int setup_for(struct bench *bench, const char *certificate_host)
{
    *bench = (struct bench){.ledger = NULL};
    log_set_sink(on_log, bench);
    small_centre_start(&bench->centre, SITE, certificate_host);
    temp_dir_make(&bench->ledger_dir);
    temp_dir_make(&bench->credentials_dir);
    open_ledger(bench);
    assert_int_equal(loop_new(&bench->loop), 0);
    return 0;
}

static struct bench the_bench;

static int setup(void **state)
{
    *state = &the_bench;
    return setup_for(&the_bench, "127.0.0.1");
}

static int setup_localhost(void **state)
{
    *state = &the_bench;
    return setup_for(&the_bench, "localhost");
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    link_stop(bench->link);
    loop_free(bench->loop);
    ledger_close(bench->ledger);
    small_centre_free(&bench->centre);
    temp_dir_remove(&bench->ledger_dir);
    temp_dir_remove(&bench->credentials_dir);
    log_set_sink(NULL, NULL);
    return 0;
}

/* As joining would, with a certificate whose life began so long ago. */
static void join(struct bench *bench, const char *host, int64_t age_s, int64_t life_s)
{
    struct credentials_renewal *renewal = NULL;
    struct credentials_why why = {""};
    struct buf request = BUF_INIT;
    struct buf certificate = BUF_INIT;
    int64_t begin_s = (int64_t)time(NULL) - age_s;
    char url[100];
    (void)snprintf(url, sizeof url, "coaps+tcp://%s:%u", host, small_centre_port(&bench->centre));
    assert_int_equal(credentials_join_begin(bench->credentials_dir.path, SITE, &renewal, &request), 0);
    small_ca_site(&bench->centre.ca, buf_slice(&request), SITE, begin_s, begin_s + life_s, &certificate);
    int status = credentials_join_finish(renewal, buf_slice(&bench->centre.ca.der), buf_slice(&certificate), url,
                                         begin_s + 1, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(status, 0);
    credentials_renewal_free(renewal);
    buf_deinit(&request);
    buf_deinit(&certificate);
}

static void start_as(struct bench *bench, const char *site)
{
    const struct link_options options = {.loop = bench->loop,
                                         .credentials_dir = bench->credentials_dir.path,
                                         .sync = {.ledger = bench->ledger,
                                                  .site = site,
                                                  .agent_version = "1",
                                                  .zone = "UTC",
                                                  .live = true,
                                                  .live_min_ms = 200,
                                                  .heartbeat_ms = 5000,
                                                  .open_min_ms = 200,
                                                  .retry_min_ms = 50,
                                                  .retry_max_ms = 200,
                                                  .window = 4,
                                                  .payload_max = LIMITS_PAYLOAD_MAX}};
    assert_int_equal(link_start(&options, &bench->link), 0);
}

static void start(struct bench *bench)
{
    start_as(bench, SITE);
}

static void on_look(void *ctx)
{
    struct bench *bench = ctx;
    bench->held = bench->holds(bench);
    if (bench->held || loop_now_ms() > bench->until_ms) {
        loop_stop(bench->loop);
    }
}

static void wait_for(struct bench *bench, bool (*holds)(struct bench *bench))
{
    bench->holds = holds;
    bench->until_ms = loop_now_ms() + PATIENCE_MS;
    assert_int_equal(loop_timer_start(bench->loop, 0, LOOK_AGAIN_MS, on_look, bench, &bench->look), 0);
    loop_run(bench->loop);
    loop_timer_stop(bench->look);
    struct link_facts facts;
    link_facts(bench->link, &facts);
    if (!bench->held) {
        fail_msg("waited in vain; state %s, last error \"%s\", problem \"%s\", newest warning \"%s\"",
                 sync_state_str(facts.sync.state), facts.sync.last_error, facts.problem, bench->newest);
    }
}

static struct link_facts facts_of(const struct bench *bench)
{
    struct link_facts facts;
    link_facts(bench->link, &facts);
    return facts;
}

static bool delivered(struct bench *bench)
{
    struct ledger_view *view = NULL;
    struct ledger_backlog backlog = {.dirty = 1};
    assert_int_equal(ledger_view_begin(bench->ledger, &view), 0);
    assert_int_equal(ledger_view_backlog(view, &backlog), 0);
    ledger_view_end(view);
    return backlog.dirty == 0 && facts_of(bench).sync.state == SYNC_RUNNING;
}

static bool connected_anew(struct bench *bench)
{
    return facts_of(bench).sync.connects > bench->connects_before && delivered(bench);
}

static void delivers(void **state)
{
    struct bench *bench = *state;
    join(bench, "127.0.0.1", 60, 86400);
    start(bench);
    for (int i = 0; i < 5; i++) {
        put_interval(bench, i);
    }
    wait_for(bench, delivered);
    assert_int_equal(bench->centre.intervals, 5);
    assert_int_equal(bench->centre.strangers, 0);
    assert_int_equal(bench->warnings, 0);
    struct link_facts facts = facts_of(bench);
    assert_true(facts.joined);
    assert_true(facts.wanted);
    assert_string_equal(facts.address, "127.0.0.1");
    assert_string_equal(facts.problem, "");
    assert_true(facts.connected_at_ms > 0);
    assert_int_equal(facts.certificate_not_after_s - facts.renew_at_s < 86400 / 3 + 1, true);
    assert_int_equal(facts.renewed_at_s, 0);
}

static bool looked_twice(struct bench *bench)
{
    return loop_now_ms() > bench->until_ms - PATIENCE_MS + 300;
}

static void joins_while_it_runs(void **state)
{
    struct bench *bench = *state;
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, looked_twice);
    struct link_facts facts = facts_of(bench);
    assert_false(facts.joined);
    assert_false(facts.wanted);
    assert_string_equal(facts.problem, "this box has not joined");
    assert_int_equal(bench->warnings, 0); /* a box may well be alone */
    join(bench, "127.0.0.1", 60, 86400);
    wait_for(bench, delivered);
    assert_int_equal(bench->centre.intervals, 1);
    assert_string_equal(facts_of(bench).problem, "");
    bench->connects_before = (unsigned)facts_of(bench).sync.connects;
    join(bench, "127.0.0.1", 30, 86400); /* again: another certificate */
    put_interval(bench, 2);
    wait_for(bench, connected_anew);
    assert_int_equal(bench->centre.intervals, 2);
}

static void renews_and_goes_on(void **state)
{
    struct bench *bench = *state;
    join(bench, "127.0.0.1", 1000, 1200); /* beyond two thirds and a twentieth */
    start(bench);
    put_interval(bench, 1);
    bench->connects_before = 1;
    wait_for(bench, connected_anew);
    put_interval(bench, 2);
    wait_for(bench, delivered);
    assert_int_equal(bench->centre.renewed, 1);
    assert_int_equal(bench->centre.intervals, 2);
    struct link_facts facts = facts_of(bench);
    assert_true(facts.renewed_at_s > 0);
    assert_true(facts.certificate_not_after_s > (int64_t)time(NULL) + 80L * 86400);
    assert_int_equal(bench->warnings, 0);
}

static void renews_in_pkcs7_too(void **state)
{
    struct bench *bench = *state;
    bench->centre.pkcs7 = true;
    join(bench, "127.0.0.1", 1000, 1200);
    start(bench);
    bench->connects_before = 1;
    wait_for(bench, connected_anew);
    assert_int_equal(bench->centre.renewed, 1);
}

static void renewal_that_is_refused_disturbs_nothing(void **state)
{
    struct bench *bench = *state;
    bench->centre.est_code = 503;
    join(bench, "127.0.0.1", 1000, 1200);
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, delivered);
    assert_int_equal(bench->centre.renewed, 0);
    assert_int_equal(bench->warnings, 1);
    assert_string_equal(bench->newest, "sync: the certificate was not renewed: the collector answered 5.03 not today");
    put_interval(bench, 2);
    wait_for(bench, delivered);
    assert_int_equal(bench->centre.intervals, 2);
    assert_int_equal(bench->warnings, 1);
}

static void expired_is_renewed_before_anything_else(void **state)
{
    struct bench *bench = *state;
    join(bench, "127.0.0.1", 2000, 1000);
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, delivered);
    assert_int_equal(bench->centre.renewed, 1);
    assert_int_equal(bench->centre.data_while_expired, 0);
    assert_int_equal(bench->centre.intervals, 1);
}

static bool says_expired(struct bench *bench)
{
    return strstr(bench->newest, "it expired: nothing is sent until it is") && looked_twice(bench);
}

static void expired_and_not_renewed_sends_nothing(void **state)
{
    struct bench *bench = *state;
    bench->centre.est_code = 403;
    join(bench, "127.0.0.1", 2000, 1000);
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, says_expired);
    assert_int_equal(bench->centre.data_while_expired, 0);
    assert_int_equal(bench->centre.hellos, 0);
    assert_int_equal(bench->centre.intervals, 0);
}

static bool failed_some_times(struct bench *bench)
{
    return bench->warnings > 0 && loop_now_ms() > bench->until_ms - PATIENCE_MS + 1500;
}

static void another_host_is_told_nothing(void **state)
{
    struct bench *bench = *state;
    join(bench, "127.0.0.1", 60, 86400); /* its certificate is for localhost */
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, failed_some_times);
    assert_int_equal(bench->warnings, 1); /* however often it tries */
    assert_non_null(strstr(bench->newest, "127.0.0.1: not taken for the centre: its certificate is for another host"));
    assert_int_equal(bench->centre.hellos, 0);
    assert_int_equal(facts_of(bench).sync.connects, 0);
}

static bool warned(struct bench *bench)
{
    return bench->warnings > 0;
}

/* The collector shows what is in collector.pem now: nothing is sent to it, and the log says why. (The system tests
 * have impostors of another TLS library and in a process of their own.) */
static void tells_nothing(struct bench *bench, const char *reason)
{
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, warned);
    if (!strstr(bench->newest, reason)) {
        fail_msg("\"%s\" is not in \"%s\"", reason, bench->newest);
    }
    assert_int_equal(bench->centre.hellos, 0);
    assert_int_equal(bench->centre.intervals, 0);
    assert_int_equal(facts_of(bench).sync.connects, 0);
}

static const char *collector_pem(struct bench *bench)
{
    return temp_dir_file(&bench->centre.dir, "collector.pem");
}

static void a_collector_of_another_ca(void **state)
{
    struct bench *bench = *state;
    struct small_ca stranger;
    int64_t now_s = (int64_t)time(NULL);
    join(bench, "127.0.0.1", 60, 86400);
    small_ca_make(&stranger, now_s - 86400, now_s + 86400);
    small_ca_collector(&stranger, "127.0.0.1", now_s - 60, now_s + 3600, collector_pem(bench));
    small_ca_free(&stranger);
    tells_nothing(bench, "127.0.0.1: "); /* what comes then is libcoap's, and the hub's thread may write into it */
}

static void a_collector_that_expired(void **state)
{
    struct bench *bench = *state;
    int64_t now_s = (int64_t)time(NULL);
    join(bench, "127.0.0.1", 60, 86400);
    small_ca_collector(&bench->centre.ca, "127.0.0.1", now_s - 7200, now_s - 3600, collector_pem(bench));
    tells_nothing(bench, "its certificate expired (or this box's clock is wrong)");
}

static void a_collector_of_tomorrow(void **state)
{
    struct bench *bench = *state;
    int64_t now_s = (int64_t)time(NULL);
    join(bench, "127.0.0.1", 60, 86400);
    small_ca_collector(&bench->centre.ca, "127.0.0.1", now_s + 3600, now_s + 7200, collector_pem(bench));
    tells_nothing(bench, "its certificate is not valid yet (or this box's clock is wrong)");
}

static void a_site_that_plays_the_collector(void **state)
{
    struct bench *bench = *state;
    char content[4096];
    join(bench, "127.0.0.1", 60, 86400);
    size_t len = (size_t)temp_dir_size(&bench->credentials_dir, "identity.pem");
    assert_true(len < sizeof content);
    temp_dir_read(&bench->credentials_dir, "identity.pem", 0, content, len);
    temp_dir_truncate(&bench->centre.dir, "collector.pem", 0);
    temp_dir_write(&bench->centre.dir, "collector.pem", 0, content, len);
    tells_nothing(bench, "127.0.0.1: "); /* the TLS of the impostor itself does not play along; others would */
}

static void tries_all_addresses(void **state)
{
    struct bench *bench = *state;
    join(bench, "localhost", 60, 86400); /* mostly ::1 and 127.0.0.1, and nobody listens at the first */
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, delivered);
    assert_string_equal(facts_of(bench).address, "127.0.0.1");
    assert_int_equal(bench->warnings, 0);
}

static void comes_back_after_the_collector(void **state)
{
    struct bench *bench = *state;
    join(bench, "127.0.0.1", 60, 86400);
    start(bench);
    put_interval(bench, 1);
    wait_for(bench, delivered);
    small_centre_stop(&bench->centre);
    put_interval(bench, 2);
    wait_for(bench, failed_some_times);
    bench->connects_before = (unsigned)facts_of(bench).sync.connects;
    small_centre_again(&bench->centre);
    wait_for(bench, connected_anew);
    assert_int_equal(bench->centre.intervals, 2);
}

static void another_site_is_a_problem(void **state)
{
    struct bench *bench = *state;
    join(bench, "127.0.0.1", 60, 86400);
    start_as(bench, "branch-08");
    wait_for(bench, looked_twice);
    struct link_facts facts = facts_of(bench);
    assert_false(facts.joined);
    assert_true(facts.wanted);
    assert_string_equal(facts.problem, "this box joined as site \"branch-07\", but site.id is \"branch-08\": set "
                                       "site.id, or join again");
    assert_int_equal(bench->warnings, 1);
    assert_int_equal(bench->centre.sessions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(delivers, setup, teardown),
        cmocka_unit_test_setup_teardown(joins_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(renews_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(renews_in_pkcs7_too, setup, teardown),
        cmocka_unit_test_setup_teardown(renewal_that_is_refused_disturbs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(expired_is_renewed_before_anything_else, setup, teardown),
        cmocka_unit_test_setup_teardown(expired_and_not_renewed_sends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(another_host_is_told_nothing, setup_localhost, teardown),
        cmocka_unit_test_setup_teardown(a_collector_of_another_ca, setup, teardown),
        cmocka_unit_test_setup_teardown(a_collector_that_expired, setup, teardown),
        cmocka_unit_test_setup_teardown(a_collector_of_tomorrow, setup, teardown),
        cmocka_unit_test_setup_teardown(a_site_that_plays_the_collector, setup, teardown),
        cmocka_unit_test_setup_teardown(tries_all_addresses, setup_localhost, teardown),
        cmocka_unit_test_setup_teardown(comes_back_after_the_collector, setup, teardown),
        cmocka_unit_test_setup_teardown(another_site_is_a_problem, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
