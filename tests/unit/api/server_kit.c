#include "tests/unit/api/server_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/json/json.h"
#include "platform/time/clock.h"
#include "platform/tls/secret.h"

enum { KIT_TOKENS = 2 };

static pthread_mutex_t kit_lock = PTHREAD_MUTEX_INITIALIZER;
static struct access_token kit_tokens[KIT_TOKENS];
static atomic_ullong kit_version;
static struct metrics_server kit_server;
atomic_uint kit_finds;
atomic_int kit_find_rc;
atomic_ullong kit_alerts;

void kit_tokens_reset(void)
{
    static const char *const texts[KIT_TOKENS] = {KIT_VIEW, KIT_ADMIN};
    (void)pthread_mutex_lock(&kit_lock);
    for (int i = 0; i < KIT_TOKENS; i++) {
        kit_tokens[i] = (struct access_token){.role = i == 0 ? ACCESS_VIEW : ACCESS_ADMIN};
        (void)snprintf(kit_tokens[i].name, sizeof kit_tokens[i].name, "%s", i == 0 ? "wall" : "boss");
        assert_int_equal(secret_hash(slice_str(texts[i]), kit_tokens[i].hash), 0);
    }
    (void)pthread_mutex_unlock(&kit_lock);
    atomic_fetch_add(&kit_version, 1);
}

void kit_token_hash(const char *text, uint8_t out[ACCESS_HASH_BYTES])
{
    assert_int_equal(secret_hash(slice_str(text), out), 0);
}

void kit_token_change(const char *name, int64_t expires_ms, int64_t revoked_ms)
{
    (void)pthread_mutex_lock(&kit_lock);
    for (int i = 0; i < KIT_TOKENS; i++) {
        if (strcmp(kit_tokens[i].name, name) == 0) {
            kit_tokens[i].expires_ms = expires_ms;
            kit_tokens[i].revoked_ms = revoked_ms;
        }
    }
    (void)pthread_mutex_unlock(&kit_lock);
    atomic_fetch_add(&kit_version, 1);
}

uint64_t registry_version(struct registry *registry)
{
    (void)registry;
    return atomic_load(&kit_version);
}

int access_find(struct registry *registry, const uint8_t hash[ACCESS_HASH_BYTES], struct access_token *out)
{
    (void)registry;
    atomic_fetch_add(&kit_finds, 1);
    int status = atomic_load(&kit_find_rc);
    if (status != 0) {
        return status;
    }
    status = STATUS_NOT_FOUND;
    (void)pthread_mutex_lock(&kit_lock);
    for (int i = 0; i < KIT_TOKENS; i++) {
        if (memcmp(kit_tokens[i].hash, hash, ACCESS_HASH_BYTES) == 0) {
            *out = kit_tokens[i];
            status = 0;
        }
    }
    (void)pthread_mutex_unlock(&kit_lock);
    return status;
}

bool access_valid(const struct access_token *token, int64_t now_ms)
{
    return token->revoked_ms == 0 && (token->expires_ms == 0 || now_ms < token->expires_ms);
}

const char *access_role_str(enum access_role role)
{
    return role == ACCESS_ADMIN ? "admin" : "view";
}

int metrics_new(const struct api_options *options, int64_t now_ms, struct metrics **out)
{
    (void)options;
    (void)now_ms;
    *out = NULL;
    return 0;
}

void metrics_free(struct metrics *metrics)
{
    (void)metrics;
}

void metrics_server_set(struct metrics *metrics, const struct metrics_server *server)
{
    (void)metrics;
    (void)pthread_mutex_lock(&kit_lock);
    kit_server = *server;
    (void)pthread_mutex_unlock(&kit_lock);
}

int metrics_write(struct metrics *metrics, int64_t now_ms, int64_t deadline_ms, struct buf *out)
{
    (void)metrics;
    (void)now_ms;
    (void)deadline_ms;
    buf_append_str(out, "ringside_up 1\n");
    return 0;
}

struct metrics_server kit_metrics(void)
{
    (void)pthread_mutex_lock(&kit_lock);
    struct metrics_server server = kit_server;
    (void)pthread_mutex_unlock(&kit_lock);
    return server;
}

static struct json *kit_alerts_state(void *ctx)
{
    (void)ctx;
    struct json *json = json_new_map();
    struct json *list = json_put_list(json, "alerts");
    json_put_str(json_add_map(list), "phase", "firing");
    json_put_str(json_add_map(list), "phase", "pending");
    json_put_str(json_add_map(list), "phase", "firing");
    return json;
}

static uint64_t kit_alerts_version(void *ctx)
{
    (void)ctx;
    return atomic_load(&kit_alerts);
}

static void kit_quiet(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    (void)text;
}

void kit_init(struct kit *kit)
{
    log_set_sink(kit_quiet, NULL);
    kit_tokens_reset();
    atomic_store(&kit_finds, 0);
    atomic_store(&kit_find_rc, 0);
    *kit = (struct kit){.options = {.host = "127.0.0.1",
                                    .workers = 2,
                                    .connections_max = 300,
                                    .address_connections_max = 300,
                                    .streams_max = 20,
                                    .requests_per_s = 0,
                                    .requests_burst = 0,
                                    .budget_ms = 5000,
                                    .rows_max = 1000,
                                    .zone = "UTC",
                                    .alerts = {.state = kit_alerts_state, .version = kit_alerts_version}}};
}

void kit_start(struct kit *kit)
{
    assert_int_equal(api_start(&kit->options, &kit->api), 0);
    kit->port = api_port(kit->api);
    assert_true(kit->port != 0);
}

void kit_stop(struct kit *kit)
{
    api_stop(kit->api);
    kit->api = NULL;
}

void kit_open(const struct kit *kit, struct kit_client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(kit->port)};
    struct timeval patience = {.tv_sec = 20};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *client = (struct kit_client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(client->fd >= 0);
    (void)setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
}

void kit_close(struct kit_client *client)
{
    close(client->fd);
    buf_deinit(&client->in);
}

/* A server that has hung up meanwhile is no failure of the test. */
void kit_send(struct kit_client *client, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = send(client->fd, text, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        text += n;
        len -= (size_t)n;
    }
}

bool kit_more(struct kit_client *client)
{
    char bytes[16384];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n > 0) {
        buf_append(&client->in, bytes, (size_t)n);
    }
    return n > 0;
}

static void kit_drop(struct kit_client *client, size_t len)
{
    memmove(client->in.data, client->in.data + len, client->in.len - len);
    client->in.len -= len;
}

static size_t kit_find(struct kit_client *client, const char *text)
{
    for (;;) {
        char *at = client->in.len ? memmem(client->in.data, client->in.len, text, strlen(text)) : NULL;
        if (at) {
            return (size_t)(at - (char *)client->in.data);
        }
        assert_true(kit_more(client));
    }
}

void kit_until(struct kit_client *client, const char *text)
{
    kit_drop(client, kit_find(client, text) + strlen(text));
}

bool kit_closed(struct kit_client *client)
{
    do {
        errno = 0;
    } while (kit_more(client));
    return errno != EAGAIN;
}

void kit_take(struct kit_client *client, bool no_body, struct kit_answer *out)
{
    *out = (struct kit_answer){0};
    size_t head = kit_find(client, "\r\n\r\n") + 4;
    buf_append(&out->head, client->in.data, head);
    kit_drop(client, head);
    assert_int_equal(sscanf(buf_cstr(&out->head), "HTTP/1.1 %d", &out->code), 1);
    const char *length = kit_header(out, "Content-Length");
    size_t len = no_body || !length ? 0 : strtoul(length, NULL, 10);
    while (client->in.len < len) {
        assert_true(kit_more(client));
    }
    buf_append(&out->body, client->in.data, len);
    if (len > 0) {
        kit_drop(client, len);
    }
    (void)buf_cstr(&out->body);
}

void kit_answer_free(struct kit_answer *answer)
{
    buf_deinit(&answer->head);
    buf_deinit(&answer->body);
}

const char *kit_header(struct kit_answer *answer, const char *name)
{
    static char value[512];
    size_t len = strlen(name);
    for (const char *line = buf_cstr(&answer->head); line && *line; line = strstr(line, "\r\n")) {
        line += strspn(line, "\r\n");
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(line + len + 2, "\r\n"), line + len + 2);
            return value;
        }
    }
    return NULL;
}

void kit_ask(const struct kit *kit, const char *method, const char *target, const char *headers, const char *body,
             struct kit_answer *out)
{
    struct kit_client client;
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s %s HTTP/1.1\r\nHost: here\r\n%s", method, target, headers ? headers : "");
    if (body) {
        buf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
    }
    buf_printf(&text, "\r\n%s", body ? body : "");
    kit_open(kit, &client);
    kit_send(&client, buf_cstr(&text));
    kit_take(&client, strcmp(method, "HEAD") == 0, out);
    kit_close(&client);
    buf_deinit(&text);
}

void kit_get(const struct kit *kit, const char *target, const char *headers, struct kit_answer *out)
{
    kit_ask(kit, "GET", target, headers, NULL, out);
}

int kit_code(const struct kit *kit, const char *target, const char *headers)
{
    struct kit_answer answer;
    kit_get(kit, target, headers, &answer);
    int code = answer.code;
    kit_answer_free(&answer);
    return code;
}

void kit_sleep(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}
