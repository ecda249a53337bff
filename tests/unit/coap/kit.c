#include "tests/unit/coap/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "platform/coap/stream.h"

enum { PATIENCE_MS = 10 * 1000, STEP_MS = 20, BIG_BYTES = 60000, TICKETS_MAX = 64 };

static struct hub *hub;
static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kit_seen record;
static struct hub_ticket tickets[TICKETS_MAX];
static unsigned ticket_count;
static bool release_wanted;
static bool refuse_opened;

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the hub's end ---- */

static size_t on_psk(void *ctx, struct slice identity, uint8_t key[HUB_KEY_MAX])
{
    (void)ctx;
    memset(key, 7, 32);
    return slice_is(identity, "join") ? 32 : 0;
}

static int on_opened(void *ctx, const struct hub_session_facts *facts, void **session_ctx)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    record.opened++;
    record.last_session = facts->session;
    (void)snprintf(record.identity, sizeof record.identity, "%.*s", (int)facts->psk_identity.len,
                   facts->psk_identity.data);
    bool refuse = refuse_opened;
    pthread_mutex_unlock(&lock);
    *session_ctx = facts->tls_session ? &record : NULL;
    return refuse ? -1 : 0;
}

static void on_closed(void *ctx, const struct hub_session_facts *facts, void *session_ctx)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    record.closed += session_ctx == &record;
    record.closed_in = facts->in_bytes;
    record.closed_out = facts->out_bytes;
    hub_counters(hub, &record.counters); /* whoever sees that it closed sees what was counted of it */
    pthread_mutex_unlock(&lock);
}

static void on_refused(void *ctx, const char *address, const char *reason)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    record.refused += strncmp(address, "127.0.0.1:", 10) == 0;
    (void)snprintf(record.reason, sizeof record.reason, "%s", reason);
    hub_counters(hub, &record.counters);
    pthread_mutex_unlock(&lock);
}

static bool on_request(void *ctx, const struct hub_request *request, struct hub_answer *answer)
{
    static char big[BIG_BYTES];
    (void)ctx;
    pthread_mutex_lock(&lock);
    record.requests++;
    pthread_mutex_unlock(&lock);
    struct slice path = request->path_count == 1 ? request->path[0] : slice_str("");
    *answer = (struct hub_answer){.code = 205, .format = 42, .payload = request->payload};
    if (slice_is(path, "big")) {
        memset(big, 'b', sizeof big);
        answer->payload = slice_make(big, sizeof big);
    } else if (slice_is(path, "busy")) {
        *answer = (struct hub_answer){.code = 503, .format = -1, .max_age_s = 17};
    } else if (slice_is(path, "bye")) {
        hub_close(hub, request->session);
        return false;
    } else if (slice_is(path, "later")) {
        tickets[ticket_count++ % TICKETS_MAX] = request->ticket;
        return false;
    } else if (!slice_is(path, "echo")) {
        *answer = (struct hub_answer){.code = 404, .format = -1, .payload = slice_str("no such thing")};
    }
    return true;
}

static int64_t on_turn(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    bool answer_now = release_wanted;
    release_wanted = false;
    hub_counters(hub, &record.counters);
    pthread_mutex_unlock(&lock);
    while (answer_now && ticket_count > 0) {
        struct hub_answer answer = {.code = 204, .format = -1};
        hub_answer(hub, &tickets[--ticket_count], &answer);
    }
    return STEP_MS;
}

struct hub_options kit_defaults(void)
{
    return (struct hub_options){.host = "127.0.0.1",
                                .identity_path = kit_path(KIT_SERVER),
                                .ca_path = kit_path(KIT_CA),
                                .message_max = KIT_MESSAGE_MAX,
                                .sessions_max = 100,
                                .handshakes_max = 16,
                                .handshake_ms = 5000,
                                .idle_ms = 60000,
                                .psk = on_psk,
                                .opened = on_opened,
                                .closed = on_closed,
                                .refused = on_refused,
                                .request = on_request,
                                .turn = on_turn};
}

static void *serve(void *ctx)
{
    return hub_run(ctx) == 0 ? NULL : ctx;
}

void kit_start(const struct hub_options *changes)
{
    struct hub_options options = changes ? *changes : kit_defaults();
    memset(&record, 0, sizeof record);
    ticket_count = 0;
    release_wanted = false;
    refuse_opened = false;
    assert_int_equal(hub_new(&options, &hub), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, hub), 0);
}

void kit_stop(void)
{
    void *failed;
    hub_stop(hub);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    hub_free(hub);
    hub = NULL;
}

uint16_t kit_port(void)
{
    return hub_port(hub);
}

struct kit_seen kit_seen(void)
{
    pthread_mutex_lock(&lock);
    struct kit_seen seen = record;
    pthread_mutex_unlock(&lock);
    return seen;
}

void kit_release(void)
{
    pthread_mutex_lock(&lock);
    release_wanted = true;
    pthread_mutex_unlock(&lock);
    hub_wake(hub);
}

void kit_refuse_opened(bool refuse)
{
    pthread_mutex_lock(&lock);
    refuse_opened = refuse;
    pthread_mutex_unlock(&lock);
}

void kit_wait(bool (*done)(const struct kit_seen *seen))
{
    int64_t give_up_ms = now_ms() + PATIENCE_MS;
    struct kit_seen seen = kit_seen();
    while (!done(&seen)) {
        if (now_ms() > give_up_ms) {
            fail_msg("waited in vain: %u opened, %u closed, %u refused (%s), %u requests", seen.opened, seen.closed,
                     seen.refused, seen.reason, seen.requests);
        }
        (void)poll(NULL, 0, 5);
        seen = kit_seen();
    }
}

int kit_dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(kit_port())};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* ---- the client's end ---- */

static int judge(void *ctx, void *tls_session)
{
    struct client *client = ctx;
    struct peer peer;
    client->judged++;
    assert_int_equal(peer_judge(kit_anchor(), tls_session, NULL, (int64_t)time(NULL), &peer), 0);
    memcpy(client->server_key, peer.facts.key_hash, sizeof client->server_key);
    if (client->free_judge) {
        uplink_free(client->uplink);
        client->uplink = NULL;
    }
    return client->refuse ? -1 : 0;
}

static void connected(void *ctx)
{
    struct client *client = ctx;
    assert_false(client->connected);
    client->connected = true;
    if (client->free_connected) {
        uplink_free(client->uplink);
        client->uplink = NULL;
    }
}

static void answered(void *ctx, const struct uplink_answer *answer)
{
    struct client *client = ctx;
    client->tags[client->answers++ % KIT_TAGS_MAX] = answer->tag;
    client->code = answer->code;
    client->format = answer->format;
    client->max_age_s = answer->max_age_s;
    buf_reset(&client->payload);
    buf_append(&client->payload, answer->payload.data, answer->payload.len);
    if (client->free_answered) {
        uplink_free(client->uplink);
        client->uplink = NULL;
    }
}

static void closed(void *ctx, const char *reason)
{
    struct client *client = ctx;
    assert_false(client->closed);
    client->closed = true;
    (void)snprintf(client->reason, sizeof client->reason, "%s", reason);
    if (client->free_closed) {
        uplink_free(client->uplink);
        client->uplink = NULL;
    }
}

struct uplink_options kit_client_options(struct client *client)
{
    return (struct uplink_options){.address = "127.0.0.1",
                                   .port = kit_port(),
                                   .host = "localhost",
                                   .identity_path = kit_path(KIT_SITE),
                                   .ca_path = kit_path(KIT_CA),
                                   .message_max = KIT_MESSAGE_MAX,
                                   .ctx = client,
                                   .judge = judge,
                                   .connected = connected,
                                   .answered = answered,
                                   .closed = closed};
}

void kit_connect(struct client *client, const struct uplink_options *options)
{
    struct uplink_options own = options ? *options : kit_client_options(client);
    client->connected = client->closed = false;
    assert_int_equal(uplink_new(&own, &client->uplink), 0);
}

void kit_turn(struct client *client, int wait_ms)
{
    if (client->uplink) {
        struct pollfd fd = {.fd = uplink_fd(client->uplink), .events = POLLIN};
        (void)poll(&fd, 1, wait_ms);
        (void)uplink_turn(client->uplink);
    }
}

static void until(struct client *client, const bool *flag, unsigned answers, const char *what)
{
    int64_t give_up_ms = now_ms() + PATIENCE_MS;
    while (flag ? !*flag : client->answers < answers) {
        if (now_ms() > give_up_ms || (client->closed && flag != &client->closed) || !client->uplink) {
            fail_msg("not %s; closed: %d (%s), %u answers", what, client->closed, client->reason, client->answers);
        }
        kit_turn(client, STEP_MS);
    }
}

void kit_until_connected(struct client *client)
{
    until(client, &client->connected, 0, "connected");
}

void kit_until_closed(struct client *client)
{
    until(client, &client->closed, 0, "closed");
}

void kit_until_answers(struct client *client, unsigned answers)
{
    until(client, NULL, answers, "answered");
}

int kit_ask(struct client *client, enum uplink_method method, const char *path, struct slice payload, uint64_t tag)
{
    const struct uplink_request request = {.method = method,
                                           .path = &path,
                                           .path_count = 1,
                                           .format = payload.len > 0 ? 42 : -1,
                                           .accept = -1,
                                           .payload = payload,
                                           .tag = tag};
    return uplink_request(client->uplink, &request);
}

void kit_send_raw(struct client *client, const void *bytes, size_t len)
{
    struct stream *stream = (struct stream *)client->uplink; /* its first member */
    buf_append(&stream->out, bytes, len);
    stream->frame_left = len;
    kit_turn(client, 0);
}

void kit_send_unread(struct client *client, const void *bytes, size_t len)
{
    struct stream *stream = (struct stream *)client->uplink;
    buf_append(&stream->out, bytes, len);
    stream->frame_left = len;
    (void)stream_flush(stream);
}

void kit_disconnect(struct client *client)
{
    uplink_free(client->uplink);
    buf_deinit(&client->payload);
    *client = (struct client){0};
}
