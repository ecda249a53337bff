#include "collector/api/server_internal.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/reply_internal.h"
#include "collector/api/route.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/tls/secret.h"

enum { SERVER_BUSY_S = 2, SERVER_STREAMS_S = 30 };

static const char server_too_long[] = "the body is longer than 4096 bytes";
_Static_assert(ENDPOINT_BODY_MAX == 4096, "server_too_long says so");

struct request {
    struct worker_waiter waiter; /* first */
    struct api *api;
    struct MHD_Connection *connection;
    struct conn_entry *conn;
    struct question *question; /* NULL: refused, with this code */
    int refused;
    const char *why;
    const char *method;
    int64_t began_us;
    bool begun;
    bool woken;
    struct buf body;
    struct route route;
    struct gate_pass pass;
};

static const char *server_header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static struct reply server_reply(const struct request *request)
{
    return (struct reply){.connection = request->connection,
                          .tls = request->api->tls,
                          .gzip = reply_takes_gzip(server_header(request, MHD_HTTP_HEADER_ACCEPT_ENCODING)),
                          .close = atomic_load(&request->api->stopping)};
}

/* Every answer goes through here. */
static enum MHD_Result server_end(struct request *request, int code)
{
    if (code == 0) {
        return MHD_NO;
    }
    meter_answered(&request->api->meter, code, meter_now_us() - request->began_us);
    conns_set(request->api->conns, request->conn, CONNS_TAKING, clock_monotonic_ms());
    return MHD_YES;
}

static enum MHD_Result server_give(struct request *request, const struct reply *reply, struct body *body)
{
    int code = body ? reply_body(reply, body) : reply_empty(reply, 503);
    return server_end(request, code);
}

static enum MHD_Result server_refuse(struct request *request, const struct reply *how, int code, int retry_after_s,
                                     const char *what)
{
    struct reply reply = how ? *how : server_reply(request);
    struct endpoint_answer answer = {0};
    endpoint_refuse(&answer, code, NULL, "%s", what);
    answer.retry_after_s = retry_after_s;
    struct body *body = body_new(&answer, false);
    enum MHD_Result result = server_give(request, &reply, body);
    body_unref(body);
    return result;
}

static bool server_is(const struct request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

/* ---- the dashboard's files ---- */

static enum MHD_Result server_give_file(struct request *request, const struct asset *asset)
{
    struct api *api = request->api;
    struct reply reply = server_reply(request);
    reply.none_match = server_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    reply.cache = asset->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    struct slice data = slice_make((const char *)asset->gzip, asset->gzip_len);
    if (!reply.gzip && dashboard_plain(api->dashboard, asset, &data) != 0) {
        return server_refuse(request, NULL, 500, 0, "the file cannot be unpacked");
    }
    return server_end(request, reply_constant(&reply, asset->type, asset->etag, reply.gzip, data.data, data.len));
}

static enum MHD_Result server_file(struct request *request)
{
    struct reply reply = server_reply(request);
    reply.allow = "GET, HEAD, OPTIONS";
    if (server_is(request, "OPTIONS")) {
        return server_end(request, reply_empty(&reply, 204));
    }
    const struct asset *asset = dashboard_find(request->question->raw);
    if (!asset) {
        return server_refuse(request, NULL, 404, 0, "there is nothing here");
    }
    if (!server_is(request, "GET") && !server_is(request, "HEAD")) {
        return server_refuse(request, &reply, 405, 0, "only GET");
    }
    return server_give_file(request, asset);
}

/* ---- who may pass ---- */

static void server_address(const struct request *request, struct gate_address *out)
{
    memset(out, 0, sizeof *out);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET) {
        out->bytes[0] = 4;
        memcpy(out->bytes + 1, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *ip = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(ip);
        out->bytes[0] = mapped ? 4 : 6;
        memcpy(out->bytes + 1, ip->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
    }
}

static enum gate_verdict server_ask_gate(struct request *request)
{
    const struct api *api = request->api;
    const struct endpoint *endpoint = request->route.endpoint;
    bool open =
        endpoint->access == ENDPOINT_OPEN || (endpoint->access == ENDPOINT_METRICS && api->options.metrics_open);
    /* Whether the process lives may be asked at any time. */
    if (endpoint->access == ENDPOINT_OPEN && strncmp(endpoint->path, "/api/", 5) != 0) {
        return GATE_PASS;
    }
    const char *authorization = server_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    struct gate_ask ask = {.authorization = authorization,
                           .open = open,
                           .role = endpoint->access == ENDPOINT_ADMIN ? ACCESS_ADMIN : ACCESS_VIEW,
                           .now_ms = clock_wall_ms(),
                           .monotonic_ms = clock_monotonic_ms()};
    server_address(request, &ask.address);
    enum gate_verdict verdict = gate_ask(api->gate, &ask, &request->pass);
    if (authorization) { /* in the connection's own memory, which nobody else clears */
        secret_wipe((char *)(uintptr_t)authorization, strlen(authorization));
    }
    return verdict;
}

/* False with *result: refused. */
static bool server_passes(struct request *request, enum MHD_Result *result)
{
    struct meter *meter = &request->api->meter;
    struct reply reply = server_reply(request);
    switch (server_ask_gate(request)) {
    case GATE_PASS: return true;
    case GATE_NO_TOKEN:
        reply.authenticate = "Bearer";
        *result = server_refuse(request, &reply, 401, 0, "a token is needed: Authorization: Bearer TOKEN");
        return false;
    case GATE_BAD_TOKEN:
        meter_add(&meter->refused_token);
        reply.authenticate = "Bearer error=\"invalid_token\"";
        *result = server_refuse(request, &reply, 401, 0, "the token is unknown, expired or revoked");
        return false;
    case GATE_ROLE:
        *result = server_refuse(request, &reply, 403, 0, "the token's role is view, this needs admin");
        return false;
    case GATE_RATE:
        meter_add(&meter->refused_rate);
        *result = server_refuse(request, &reply, 429, request->pass.retry_after_s, "asked too often");
        return false;
    case GATE_FAILED: break;
    }
    *result = server_refuse(request, &reply, 503, SERVER_BUSY_S, "tokens cannot be read at this moment");
    return false;
}

/* ---- streams ---- */

static void server_rest_stream(void *ctx)
{
    MHD_suspend_connection(ctx);
}

static void server_wake_stream(void *ctx)
{
    MHD_resume_connection(ctx);
}

static bool server_stream_gone(void *ctx)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(ctx, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd at = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
    return poll(&at, 1, 0) > 0;
}

static ssize_t server_read_stream(void *ctx, uint64_t pos, char *at, size_t room)
{
    (void)pos;
    int64_t len = feed_read(ctx, at, room);
    return len == FEED_END ? (ssize_t)MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

static void server_end_stream(void *ctx)
{
    feed_close(ctx);
}

static enum MHD_Result server_stream(struct request *request, struct body *first)
{
    struct reply reply = server_reply(request);
    if (server_is(request, "HEAD")) {
        return server_end(request, reply_constant(&reply, "text/event-stream", NULL, false, "", 0));
    }
    struct feed_line line = {
        .ctx = request->connection, .rest = server_rest_stream, .wake = server_wake_stream, .gone = server_stream_gone};
    struct feed_stream *stream;
    int status = feed_open(request->api->feed, request->question, &request->pass.token, first, &line, &stream);
    if (status != 0) {
        return server_refuse(request, NULL, 503, SERVER_STREAMS_S, "too many follow this moment already");
    }
    reply.close = true; /* its end is the connection's */
    int code = reply_stream(&reply, "text/event-stream", server_read_stream, server_end_stream, stream);
    enum MHD_Result result = server_end(request, code);
    if (result == MHD_YES) {
        conns_set(request->api->conns, request->conn, CONNS_FOLLOWING, clock_monotonic_ms());
    }
    return result;
}

/* ---- answers ---- */

static void server_rest(struct worker_waiter *waiter)
{
    MHD_suspend_connection(((struct request *)waiter)->connection);
}

static void server_wake(struct worker_waiter *waiter)
{
    struct request *request = (struct request *)waiter;
    request->woken = true;
    MHD_resume_connection(request->connection);
}

static enum MHD_Result server_answered(struct request *request)
{
    struct body *body = request->waiter.answer;
    if (body && body->code == 200 && request->route.endpoint == &feed_endpoint) {
        return server_stream(request, body);
    }
    struct reply reply = server_reply(request);
    reply.none_match = server_is(request, "POST") ? NULL : server_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    return server_give(request, &reply, body);
}

static enum MHD_Result server_ask_workers(struct request *request, const struct worker_question *question)
{
    request->waiter.rest = server_rest;
    request->waiter.wake = server_wake;
    conns_set(request->api->conns, request->conn, CONNS_WAITING, clock_monotonic_ms());
    switch (worker_ask(request->api->workers, question, &request->waiter, clock_monotonic_ms())) {
    case WORKER_WAITS: return MHD_YES;
    case 0: return server_answered(request);
    default: return server_refuse(request, NULL, 503, SERVER_BUSY_S, "too much is asked for at this moment");
    }
}

static enum MHD_Result server_ask(struct request *request)
{
    struct api *api = request->api;
    const struct endpoint *endpoint = request->route.endpoint;
    struct worker_question question = {.endpoint = endpoint,
                                       .question = request->question,
                                       .rest = request->route.rest,
                                       .body = buf_slice(&request->body),
                                       .token = request->pass.has_token ? &request->pass.token : NULL,
                                       .pack = server_reply(request).gzip};
    if (endpoint->quick) {
        int64_t deadline_ms = clock_monotonic_ms() + api->options.budget_ms;
        request->waiter.answer = worker_make(api->workers, &question, deadline_ms);
        return server_answered(request);
    }
    if (endpoint == &feed_endpoint && feed_full(api->feed)) {
        return server_refuse(request, NULL, 503, SERVER_STREAMS_S, "too many follow this moment already");
    }
    return server_ask_workers(request, &question);
}

static enum MHD_Result server_answer(struct request *request)
{
    if (atomic_load(&request->api->stopping)) {
        return server_refuse(request, NULL, 503, SERVER_BUSY_S, "the collector is stopping");
    }
    enum route_kind kind = route_find(request->question, request->method, &request->route);
    if (kind == ROUTE_FILE) {
        return server_file(request);
    }
    if (kind == ROUTE_NOTHING) {
        return server_refuse(request, NULL, 404, 0, "there is nothing here");
    }
    struct reply reply = server_reply(request);
    reply.allow = request->route.allow;
    if (server_is(request, "OPTIONS")) {
        return server_end(request, reply_empty(&reply, 204));
    }
    if (kind == ROUTE_METHOD) {
        return server_refuse(request, &reply, 405, 0, "not with this method");
    }
    enum MHD_Result result;
    return server_passes(request, &result) ? server_ask(request) : result;
}

/* ---- requests ---- */

static enum MHD_Result server_count_header(void *ctx, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                           const char *value, size_t value_len)
{
    (void)kind;
    (void)key;
    (void)value;
    *(size_t *)ctx += key_len + value_len + 4;
    return MHD_YES;
}

static bool server_body_too_long(const struct request *request)
{
    const char *length = server_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return request->body.len > ENDPOINT_BODY_MAX || (length && strtoull(length, NULL, 10) > ENDPOINT_BODY_MAX);
}

static enum MHD_Result server_begin(struct request *request)
{
    struct reply reply = server_reply(request);
    reply.close = true;
    size_t header_bytes = 0;
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, server_count_header, &header_bytes);
    if (!request->question) {
        return server_refuse(request, &reply, request->refused, request->refused == 503 ? SERVER_BUSY_S : 0,
                             request->why);
    }
    if (header_bytes > SERVER_HEADER_MAX) {
        return server_refuse(request, &reply, 431, 0, "the header is too long");
    }
    if (server_body_too_long(request)) {
        return server_refuse(request, &reply, 413, 0, server_too_long);
    }
    return MHD_YES;
}

static enum MHD_Result server_take(struct request *request, const char *upload, size_t *upload_len)
{
    if (request->body.len <= ENDPOINT_BODY_MAX) {
        buf_append(&request->body, upload, *upload_len);
    }
    *upload_len = 0;
    return MHD_YES;
}

static enum MHD_Result server_step(struct request *request, const char *upload, size_t *upload_len)
{
    if (!request->begun) {
        request->begun = true;
        return server_begin(request);
    }
    if (*upload_len > 0) {
        return server_take(request, upload, upload_len);
    }
    if (request->woken) {
        return server_answered(request);
    }
    if (request->body.failed || server_body_too_long(request)) {
        return server_refuse(request, NULL, 413, 0, server_too_long);
    }
    return server_answer(request);
}

enum MHD_Result server_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_len, void **context)
{
    (void)connection;
    (void)url;
    (void)version;
    struct api *api = cls;
    struct request *request = *context;
    if (!request) {
        return MHD_NO;
    }
    request->method = method;
    atomic_store(&api->entered_ms, clock_monotonic_ms());
    enum MHD_Result result = server_step(request, upload, upload_len);
    atomic_store(&api->entered_ms, 0);
    return result;
}

void *server_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct api *api = cls;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct request *request = info && info->socket_context ? calloc(1, sizeof *request) : NULL;
    if (!request) {
        return NULL;
    }
    request->api = api;
    request->connection = connection;
    request->conn = info->socket_context;
    request->began_us = meter_now_us();
    request->refused = question_new(uri, &request->question, &request->why);
    atomic_fetch_add(&api->requests, 1);
    return request;
}

void server_completed(void *cls, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct api *api = cls;
    struct request *request = *context;
    if (!request) {
        return;
    }
    conns_set(api->conns, request->conn, CONNS_ASKING, clock_monotonic_ms());
    body_unref(request->waiter.answer);
    question_unref(request->question);
    buf_deinit(&request->body);
    free(request);
    *context = NULL;
    atomic_fetch_sub(&api->requests, 1);
}

void server_connection(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct api *api = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        atomic_fetch_add(&api->meter.connections, 1);
        *context = info ? conns_open(api->conns, info->connect_fd, clock_monotonic_ms()) : NULL;
    } else {
        atomic_fetch_sub(&api->meter.connections, 1);
        if (*context) {
            conns_close(api->conns, *context);
            *context = NULL;
        }
    }
}
