/* The door with real connections over loopback: who gets in, how many of them, and who is sent away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "collector/ingest/ingest.h"
#include "platform/base/log.h"
#include "platform/coap/uplink.h"
#include "platform/file/atomic.h"
#include "platform/time/clock.h"
#include "platform/tls/certificate.h"
#include "platform/tls/keypair.h"
#include "proto/message.h"
#include "proto/paths.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/quiet.h"

enum { CLIENTS_MAX = 12, PATIENCE_MS = 20000 };

struct client {
    struct uplink *uplink;
    bool connected;
    bool closed;
    unsigned answers;
    unsigned code;
};

static struct centre {
    struct temp_dir dir;
    struct identity *identity;
    struct registry *registry;
    struct store *store;
    struct ingest *ingest;
    struct client clients[CLIENTS_MAX];
} centre;

/* Several at a time. */
static const char *place(const char *name)
{
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", centre.dir.path, name);
    return path;
}

static void open_rooms(void)
{
    static const char *const hosts[] = {"127.0.0.1"};
    int64_t now_ms = clock_wall_ms();
    struct identity_options identity = {.dir = place("identity"),
                                        .site_life_s = 86400,
                                        .collector_life_s = 86400,
                                        .ca_life_s = 864000,
                                        .grace_s = 86400};
    assert_int_equal(identity_create(&identity, hosts, 1, now_ms / 1000), 0);
    assert_int_equal(identity_open(&identity, &centre.identity), 0);
    assert_int_equal(registry_create(place("registry")), 0);
    assert_int_equal(registry_open(place("registry"), true, &centre.registry), 0);
    struct store_options store = {.dir = place("store"), .limit_bytes = 64 << 20, .now_ms = now_ms};
    assert_int_equal(store_open_writer(&store, &centre.store), 0);
}

static int setup(void **state)
{
    (void)state;
    centre = (struct centre){0};
    log_set_sink(quiet_line, NULL);
    temp_dir_make(&centre.dir);
    open_rooms();
    struct ingest_options options = {
        .host = "127.0.0.1",
        .sessions_max = 100,
        .handshakes_max = 50,
        .handshake_ms = 10000,
        .idle_ms = 600000,
        .site_buffer_max = 1 << 20,
        .total_buffer_max = 1 << 24,
        .flood = {.bytes_per_s = 1e6, .bytes_max = 1e6, .messages_per_s = 1e4, .messages_max = 1e4},
        .grace_s = 86400,
        .ahead_s = 86400,
        .gather_ms = 1,
        .zone = "UTC",
        .identity_ca_path = identity_ca_path(centre.identity),
        .identity_collector_path = identity_collector_path(centre.identity),
        .identity = centre.identity,
        .registry = centre.registry,
        .store = centre.store,
        .gave_up = quiet_failure};
    assert_int_equal(ingest_start(&options, &centre.ingest), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        uplink_free(centre.clients[i].uplink);
    }
    ingest_stop(centre.ingest);
    store_close(centre.store);
    registry_close(centre.registry);
    identity_close(centre.identity);
    static const char *const left[] = {
        "identity/ca.pem", "identity/ca.key", "identity/collector.pem", "branch-07",         "branch-08",
        "old-box",         "identity/hosts",  "registry/data.mdb",      "registry/lock.mdb", "registry/writer.lock",
        "store/data.mdb",  "store/lock.mdb",  "store/writer.lock"};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        (void)unlink(place(left[i]));
    }
    (void)rmdir(place("identity"));
    (void)rmdir(place("registry"));
    (void)rmdir(place("store"));
    temp_dir_remove(&centre.dir);
    log_set_sink(NULL, NULL);
    return 0;
}

/* A site that joined; its certificate and key go to a file of its name. */
static void add_site(const char *id)
{
    static uint8_t psk[REGISTRY_KEY_BYTES] = {9};
    int64_t now_ms = clock_wall_ms();
    struct registry_site site;
    struct registry_invitation invitation = {
        .id = id, .token_psk = psk, .token_expires_ms = now_ms + 60000, .now_ms = now_ms};
    struct keypair *key;
    struct buf request = BUF_INIT;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    struct identity_why why;
    assert_int_equal(registry_invite(centre.registry, &invitation, true, &site), 0);
    assert_int_equal(keypair_generate(&key), 0);
    assert_int_equal(keypair_request(key, id, &request), 0);
    assert_int_equal(
        identity_enrol(centre.identity, centre.registry, &site, buf_slice(&request), false, now_ms, &der, &why), 0);
    assert_int_equal(certificate_to_pem(buf_slice(&der), &pem), 0);
    assert_int_equal(keypair_to_pem(key, &pem), 0);
    assert_int_equal(atomic_replace(place(id), pem.data, pem.len, 0600), 0);
    keypair_free(key);
    buf_deinit(&request);
    buf_deinit(&der);
    buf_deinit(&pem);
}

static int on_judge(void *ctx, void *tls_session)
{
    (void)ctx;
    (void)tls_session;
    return 0;
}

static void on_connected(void *ctx)
{
    ((struct client *)ctx)->connected = true;
}

static void on_answered(void *ctx, const struct uplink_answer *answer)
{
    struct client *client = ctx;
    client->answers++;
    client->code = answer->code;
}

static void on_closed(void *ctx, const char *reason)
{
    (void)reason;
    ((struct client *)ctx)->closed = true;
}

static void turn_all(int wait_ms)
{
    struct pollfd fds[CLIENTS_MAX];
    nfds_t count = 0;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (centre.clients[i].uplink) {
            fds[count++] = (struct pollfd){.fd = uplink_fd(centre.clients[i].uplink), .events = POLLIN};
        }
    }
    (void)poll(fds, count, wait_ms);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (centre.clients[i].uplink) {
            (void)uplink_turn(centre.clients[i].uplink);
        }
    }
}

static void until(const bool *flag, unsigned answers, const struct client *client)
{
    int64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (flag ? !*flag : client->answers < answers) {
        assert_true(clock_monotonic_ms() < give_up_ms);
        turn_all(20);
    }
}

static struct client *connect_as(size_t index, const char *id)
{
    struct client *client = &centre.clients[index];
    struct uplink_options options = {.address = "127.0.0.1",
                                     .port = ingest_port(centre.ingest),
                                     .host = "127.0.0.1",
                                     .identity_path = place(id),
                                     .ca_path = identity_ca_path(centre.identity),
                                     .message_max = LIMITS_MESSAGE_MAX,
                                     .ctx = client,
                                     .judge = on_judge,
                                     .connected = on_connected,
                                     .answered = on_answered,
                                     .closed = on_closed};
    assert_int_equal(uplink_new(&options, &client->uplink), 0);
    until(&client->connected, 0, client);
    return client;
}

static unsigned ask(struct client *client, enum uplink_method method, const char *const *path, size_t path_count,
                    struct slice payload)
{
    struct uplink_request request = {.method = method,
                                     .path = path,
                                     .path_count = path_count,
                                     .format = payload.len > 0 ? PATHS_FORMAT_OCTETS : -1,
                                     .accept = -1,
                                     .payload = payload};
    unsigned before = client->answers;
    assert_int_equal(uplink_request(client->uplink, &request), 0);
    until(NULL, before + 1, client);
    return client->code;
}

static unsigned greet(struct client *client, const char *id)
{
    static const char *const path[] = {PATHS_HELLO};
    struct message_hello hello = {.protocol = 2,
                                  .site = slice_str(id),
                                  .agent_version = slice_str("0"),
                                  .zone = slice_str("UTC"),
                                  .interval_s = 900,
                                  .now_ms = clock_wall_ms()};
    struct buf bytes = BUF_INIT;
    memset(hello.epoch, 7, sizeof hello.epoch);
    memset(hello.instance, 7, sizeof hello.instance);
    assert_int_equal(message_hello_encode(&hello, &bytes), 0);
    unsigned code = ask(client, UPLINK_POST, path, 1, buf_slice(&bytes));
    buf_deinit(&bytes);
    return code;
}

/* One box that opens connection after connection must not keep the others out. */
static void a_site_has_a_few_sessions(void **state)
{
    (void)state;
    add_site("branch-07");
    add_site("branch-08");
    struct client *other = connect_as(0, "branch-08");
    for (size_t i = 1; i < 11; i++) {
        (void)connect_as(i, "branch-07");
    }
    until(&centre.clients[1].closed, 0, NULL);
    until(&centre.clients[2].closed, 0, NULL);
    for (size_t i = 3; i < 11; i++) {
        assert_false(centre.clients[i].closed);
    }
    assert_int_equal(greet(&centre.clients[10], "branch-07"), 204);
    assert_int_equal(greet(other, "branch-08"), 204);
}

/* It may ask and is told; it does not stay. And it does not push out the box that took its place. */
static void a_revoked_box_does_not_stay(void **state)
{
    (void)state;
    add_site("branch-07");
    assert_int_equal(registry_set_state(centre.registry, "branch-07", REGISTRY_REVOKED, clock_wall_ms()), 0);
    struct client *told = connect_as(0, "branch-07");
    assert_int_equal(greet(told, "branch-07"), 403);
    until(&told->closed, 0, NULL);
    struct client *silent = connect_as(1, "branch-07");
    until(&silent->closed, 0, NULL);
}

static void a_replaced_key_does_not_push_out_the_new_one(void **state)
{
    (void)state;
    add_site("branch-07");
    assert_int_equal(rename(place("branch-07"), place("old-box")), 0);
    add_site("branch-07");
    struct client *good = connect_as(0, "branch-07");
    for (size_t i = 1; i < CLIENTS_MAX; i++) {
        (void)connect_as(i, "old-box");
    }
    assert_int_equal(greet(good, "branch-07"), 204);
    assert_false(good->closed);
}

static void enrolments_are_paced(void **state)
{
    (void)state;
    static const char *const path[] = {PATHS_WELL_KNOWN, PATHS_EST, PATHS_EST_CRTS};
    add_site("branch-07");
    struct client *client = connect_as(0, "branch-07");
    unsigned given = 0;
    while (given < 100 && ask(client, UPLINK_GET, path, 3, slice_str("")) == 205) {
        given++;
    }
    assert_int_equal(client->code, 503);
    assert_in_range(given, 60, 90);
    assert_int_equal(greet(client, "branch-07"), 204);
}

/* Removed and added again while it is connected: what the clerk knew of the connection goes too. */
static void a_removed_site_is_not_online(void **state)
{
    (void)state;
    struct ingest_counters counters = {.sessions = 1};
    struct registry_site site;
    add_site("branch-07");
    struct client *client = connect_as(0, "branch-07");
    assert_int_equal(greet(client, "branch-07"), 204);
    assert_int_equal(registry_set_state(centre.registry, "branch-07", REGISTRY_REMOVED, clock_wall_ms()), 0);
    until(&client->closed, 0, NULL);
    int64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (registry_find(centre.registry, slice_str("branch-07"), &site) == 0 || counters.sessions > 0) {
        assert_true(clock_monotonic_ms() < give_up_ms);
        turn_all(20);
        ingest_counters(centre.ingest, &counters);
    }
    assert_int_equal(counters.buffered_bytes, 0);
}

static void *stop(void *ctx)
{
    (void)ctx;
    ingest_stop(centre.ingest);
    return NULL;
}

/* Under a load that never ends, the collector ends all the same. */
static void stops_under_load(void **state)
{
    (void)state;
    static const char *const path[] = {PATHS_LIVE};
    pthread_t thread;
    add_site("branch-07");
    struct client *client = connect_as(0, "branch-07");
    assert_int_equal(greet(client, "branch-07"), 204);
    assert_int_equal(pthread_create(&thread, NULL, stop, NULL), 0);
    int64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (!client->closed) {
        assert_true(clock_monotonic_ms() < give_up_ms);
        for (int i = 0; i < 20 && !client->closed; i++) {
            struct uplink_request request = {.method = UPLINK_POST,
                                             .path = path,
                                             .path_count = 1,
                                             .format = PATHS_FORMAT_OCTETS,
                                             .accept = -1,
                                             .payload = slice_str("x")};
            (void)uplink_request(client->uplink, &request);
        }
        turn_all(1);
    }
    (void)pthread_join(thread, NULL);
    centre.ingest = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_site_has_a_few_sessions, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_box_does_not_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replaced_key_does_not_push_out_the_new_one, setup, teardown),
        cmocka_unit_test_setup_teardown(enrolments_are_paced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_site_is_not_online, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_under_load, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
