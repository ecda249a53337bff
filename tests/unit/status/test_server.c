/* The whole status interface over a real socket, with a fake ledger behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/coap/fetch.h"
#include "platform/json/json.h"
#include "tests/unit/status/server_desk.h"

static struct server_desk it;
static atomic_bool short_of_memory;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/* The server waits for two at once: its socket and who wakes it. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (count == 2 && atomic_exchange(&short_of_memory, false)) {
        errno = ENOMEM;
        return -1;
    }
    return __real_poll(fds, count, timeout_ms);
}

static int setup(void **state)
{
    (void)state;
    server_desk_init(&it);
    server_desk_start(&it, 300, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_desk_deinit(&it);
    return 0;
}

static unsigned get(const char *first, const char *second, int accept, const char *item, struct fetch_answer *out)
{
    const struct slice path[2] = {slice_str(first), slice_str(second)};
    const struct slice query = slice_str(item);
    const struct fetch_request request = {.url = it.url,
                                          .path = path,
                                          .path_count = second ? 2 : 1,
                                          .query = &query,
                                          .query_count = item ? 1 : 0,
                                          .accept = accept,
                                          .timeout_ms = 5000};
    *out = (struct fetch_answer){0};
    assert_int_equal(fetch_get(&request, out), 0);
    return out->code;
}

static void expect(const char *first, const char *second, int accept, const char *item, unsigned code,
                   const char *content)
{
    struct fetch_answer answer;
    assert_int_equal(get(first, second, accept, item, &answer), code);
    assert_non_null(strstr(buf_cstr(&answer.body), content));
    buf_deinit(&answer.body);
}

static void test_every_resource_answers_json(void **state)
{
    (void)state;
    static const char *const resources[] = {"status", "queues", "operators", "calls", "kpi"};
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        struct fetch_answer answer;
        assert_int_equal(get(resources[i], NULL, -1, NULL, &answer), 205);
        assert_int_equal(answer.format, 50);
        CLEANUP(json_cleanup) struct json *json = NULL;
        assert_int_equal(json_parse(buf_slice(&answer.body), 1000000, &json, NULL, 0), 0);
        assert_string_equal(json_text(json, "site"), "madrid-01");
        buf_deinit(&answer.body);
    }
}

static void test_one_queue_by_its_name(void **state)
{
    (void)state;
    expect("queues", "sales", -1, NULL, 205, "\"queue\":\"sales\"");
    expect("queues", "田中商店", 0, NULL, 205, "田中商店");
    expect("queues", "salez", -1, NULL, 404, "no queue 'salez' is known here");
    expect("queues", "sales", -1, "queue=sales", 400, "a single queue has no options");
    expect("queues", NULL, -1, "queue=support", 205, "\"queue\":\"support\"");
}

static void test_accept_chooses_the_form(void **state)
{
    (void)state;
    struct fetch_answer answer;
    assert_int_equal(get("kpi", NULL, 0, NULL, &answer), 205);
    assert_int_equal(answer.format, 0);
    assert_non_null(strstr(buf_cstr(&answer.body), "service level: asterisk_sl within 20 s\n"));
    buf_deinit(&answer.body);
    assert_int_equal(get("queues", NULL, 110, NULL, &answer), 205);
    assert_int_equal(answer.format, 110);
    assert_non_null(strstr(buf_cstr(&answer.body), "\"bn\":\"madrid-01/sales/\""));
    buf_deinit(&answer.body);
    expect("status", NULL, 110, NULL, 406, "text/plain (0) and application/json (50)");
    expect("kpi", NULL, 41, NULL, 406, "application/senml+json (110)");
}

static void test_bad_requests_say_why(void **state)
{
    (void)state;
    expect("kpi", NULL, -1, "by=month", 400, "by 'month' is not allowed; allowed: queue, total");
    expect("kpi", NULL, -1, "colour=red", 400, "kpi has no option 'colour'; it has from, to, queue");
    expect("status", NULL, -1, "from=now", 400, "status has no option 'from'");
    expect("kpi", NULL, -1, "queue=salez", 404, "no queue 'salez'");
    expect("nothing", NULL, -1, NULL, 404, "no such resource");
    expect("kpi", "sales", -1, NULL, 404, "no such resource");
}

static void test_health_shows_in_status(void **state)
{
    (void)state;
    const struct health_source source = {.name = "queue_log", .path = "/nowhere", .state = "missing"};
    assert_int_equal(status_health_set_source(it.health, &source), 0);
    expect("status", NULL, -1, NULL, 205, "\"state\":\"degraded\"");
    expect("status", NULL, 0, NULL, 205, "-> queue_log: /nowhere does not exist");
}

static void test_a_ledger_in_trouble(void **state)
{
    (void)state;
    it.desk.ledger->view_status = STATUS_CORRUPT;
    expect("queues", NULL, -1, NULL, 503, "the ledger could not be read");
}

static void test_discovery_knows_the_queues(void **state)
{
    (void)state;
    expect(".well-known", "core", -1, NULL, 205, "</queues/sales>");
    expect(".well-known", "core", -1, NULL, 205, "</kpi>");
    it.desk.ledger->names[LEDGER_QUEUE][4] = "new";
    status_server_notify(it.server);
    struct fetch_answer answer;
    bool found = false;
    for (int i = 0; i < 100 && !found; i++) {
        assert_int_equal(get(".well-known", "core", -1, NULL, &answer), 205);
        found = strstr(buf_cstr(&answer.body), "</queues/new>") != NULL;
        buf_deinit(&answer.body);
        (void)usleep(10000);
    }
    assert_true(found);
}

static void test_a_long_report_comes_whole_and_a_longer_one_is_refused(void **state)
{
    (void)state;
    int64_t start = desk_at_s("2026-11-01T00:00:00+01:00");
    it.desk.ledger->interval_count = 0;
    for (int64_t i = 0; i < 1500; i++) {
        fake_ledger_add_interval(it.desk.ledger, start + i * 900, DESK_SALES, &it.desk.sums[0]);
    }
    struct fetch_answer answer;
    assert_int_equal(get("kpi", NULL, -1, "by=interval", &answer), 205);
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(json_parse(buf_slice(&answer.body), 64000000, &json, NULL, 0), 0);
    assert_int_equal(json_count(json, "rows"), 1500);
    buf_deinit(&answer.body);
    for (int64_t i = 1500; i < 2001; i++) {
        fake_ledger_add_interval(it.desk.ledger, start + i * 900, DESK_SALES, &it.desk.sums[0]);
    }
    expect("kpi", NULL, -1, "by=interval", 400, "more than 2000 rows");
}

/* GET /queues/sales with Observe and Accept: text/plain; counts what comes within the time. */
static int count_notifications(int fd, int ms, char *last, size_t room)
{
    int count = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, ms) == 1) {
        uint8_t reply[1400];
        ssize_t len = recv(fd, reply, sizeof reply, 0);
        if (len < 5 || reply[1] != (2 << 5 | 5)) {
            continue;
        }
        count++;
        size_t keep = (size_t)len < room ? (size_t)len : room - 1;
        memcpy(last, reply, keep);
        last[keep] = 0;
        if ((reply[0] >> 4 & 3) == 0) {
            const uint8_t ack[] = {0x60, 0x00, reply[2], reply[3]};
            assert_int_equal(send(fd, ack, sizeof ack, 0), sizeof ack);
        }
    }
    return count;
}

static void test_observers_hear_of_commits_but_not_too_often(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(status_server_port(it.server))};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    const uint8_t request[] = {0x41, 0x01, 0x30, 0x01, 0x66, 0x60, 0x56, 'q', 'u', 'e',
                               'u',  'e',  's',  0x05, 's',  'a',  'l',  'e', 's', 0x60};
    char last[2000];
    (void)usleep(50000); /* the queues are resources once the thread took its first turn */
    assert_int_equal(send(fd, request, sizeof request, 0), sizeof request);
    assert_int_equal(count_notifications(fd, 200, last, sizeof last), 1);
    status_server_notify(it.server);
    assert_int_equal(count_notifications(fd, 100, last, sizeof last), 1);
    for (int i = 0; i < 20; i++) {
        status_server_notify(it.server);
        (void)usleep(5000);
    }
    int heard = count_notifications(fd, 400, last, sizeof last);
    assert_true(heard >= 1 && heard <= 2);
    assert_int_equal(count_notifications(fd, 400, last, sizeof last), 0);
    (void)close(fd);
}

static void test_a_server_that_cannot_wait_once_goes_on(void **state)
{
    (void)state;
    expect("queues", "sales", -1, NULL, 205, "sales");
    atomic_store(&short_of_memory, true);
    expect("queues", "sales", -1, NULL, 205, "sales");
    expect("queues", "sales", -1, NULL, 205, "sales");
    assert_false(atomic_load(&short_of_memory));
}

static void test_a_port_that_is_taken(void **state)
{
    (void)state;
    struct status_server *second = NULL;
    struct status_server_options options = {.host = "127.0.0.1",
                                            .port = status_server_port(it.server),
                                            .observe_min_ms = 1000,
                                            .ledger = it.desk.ledger,
                                            .health = it.health};
    assert_int_equal(status_server_start(&options, &second), STATUS_BUSY);
    options.host = "192.0.2.1";
    assert_int_equal(status_server_start(&options, &second), STATUS_DENIED);
    assert_null(second);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_resource_answers_json),
        CASE(test_one_queue_by_its_name),
        CASE(test_accept_chooses_the_form),
        CASE(test_bad_requests_say_why),
        CASE(test_health_shows_in_status),
        CASE(test_a_ledger_in_trouble),
        CASE(test_discovery_knows_the_queues),
        CASE(test_a_long_report_comes_whole_and_a_longer_one_is_refused),
        CASE(test_observers_hear_of_commits_but_not_too_often),
        CASE(test_a_server_that_cannot_wait_once_goes_on),
        CASE(test_a_port_that_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
