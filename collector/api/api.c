#include "collector/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/api/listener.h"
#include "collector/api/server_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/tls/secret.h"

enum {
    API_CACHE_BYTES = 64 * 1024 * 1024,
    API_QUEUE_MAX = 128,
    API_TICK_MS = 1000,
    API_BEAT_MS = 15000,
    API_TOKEN_MS = 10000,
    API_GRACE_MS = 10000, /* beyond its budget, until a worker counts as hanging */
    API_FLUSH_MS = 700    /* for good-byes to leave */
};

#define API_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static int api_make_instance(struct api *api)
{
    uint8_t bytes[16];
    int status = secret_random(bytes, sizeof bytes);
    for (size_t i = 0; status == 0 && i < sizeof bytes; i++) {
        (void)snprintf(api->instance + 2 * i, 3, "%02x", bytes[i]);
    }
    return status;
}

static int api_make_parts(struct api *api)
{
    const struct api_options *options = &api->options;
    struct conns_limits limits = {.asking_ms = SERVER_ASKING_MS, .taking_ms = SERVER_TAKING_MS};
    struct worker_options workers = {.api = options,
                                     .instance = api->instance,
                                     .meter = &api->meter,
                                     .cache_bytes_max = API_CACHE_BYTES,
                                     .queue_max = API_QUEUE_MAX};
    struct feed_options feed = {.api = options,
                                .instance = api->instance,
                                .meter = &api->meter,
                                .tick_ms = API_TICK_MS,
                                .beat_ms = API_BEAT_MS,
                                .token_ms = API_TOKEN_MS};
    int status = api_make_instance(api);
    status = status == 0 ? metrics_new(options, clock_wall_ms(), &api->metrics) : status;
    workers.metrics = api->metrics;
    feed.metrics = api->metrics;
    status = status == 0 ? gate_new(options->registry, options->requests_per_s, options->requests_burst, &api->gate)
                         : status;
    status = status == 0 ? dashboard_new(&api->dashboard) : status;
    status = status == 0 ? conns_new(&limits, &api->conns) : status;
    status = status == 0 ? worker_new(&workers, &api->workers) : status;
    status = status == 0 ? feed_new(&feed, &api->feed) : status;
    return status == 0 ? keeper_new(api->conns, api->workers, &api->keeper) : status;
}

static void api_free(struct api *api)
{
    keeper_free(api->keeper);
    feed_free(api->feed);
    worker_free(api->workers);
    conns_free(api->conns);
    dashboard_free(api->dashboard);
    gate_free(api->gate);
    metrics_free(api->metrics);
    free(api);
}

/* What a client did wrong is no news for an operator; why the start failed is. */
__attribute__((format(printf, 2, 0))) static void api_log(void *cls, const char *format, va_list args)
{
    struct api *api = cls;
    char text[256];
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = '\0';
    if (!atomic_load(&api->started)) {
        memcpy(api->trouble, text, sizeof text);
    }
    log_write(LOG_DEBUG, "api", "%s", text);
}

static struct MHD_Daemon *api_run(struct api *api, int fd, char *certificate, char *key)
{
    const struct api_options *options = &api->options;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG | (api->tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)API_PRIORITIES},
                                   {MHD_OPTION_END, 0, NULL}};
    static struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, server_handle, api, MHD_OPTION_EXTERNAL_LOGGER, api_log, api, MHD_OPTION_LISTEN_SOCKET,
        fd, MHD_OPTION_URI_LOG_CALLBACK, server_target, api, MHD_OPTION_NOTIFY_COMPLETED, server_completed, api,
        MHD_OPTION_NOTIFY_CONNECTION, server_connection, api, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->address_connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVER_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, api->tls ? tls : plain, MHD_OPTION_END);
}

static int api_read_pem(const char *path, const char *what, char **out)
{
    int status = listener_pem(path, out);
    if (status != 0) {
        log_write(LOG_ERROR, "api", "the %s of HTTPS cannot be read: %s: %s", what, path, status_str(status));
    }
    return status;
}

/* Takes the socket: in every case it is closed, here or with the daemon. Not twice: a failed start may have closed it,
 * and its number may be somebody else's by then. */
static int api_serve(struct api *api, int fd, char *certificate, char *key)
{
    struct stat before;
    struct stat after;
    bool known = fstat(fd, &before) == 0;
    api->port = listener_port(fd);
    api->daemon = api_run(api, fd, certificate, key);
    if (!api->daemon) {
        if (known && fstat(fd, &after) == 0 && after.st_ino == before.st_ino && after.st_dev == before.st_dev) {
            close(fd);
        }
        log_write(LOG_ERROR, "api", "%s: %s",
                  api->tls ? "HTTPS does not start; certificate and key may not fit" : "HTTP does not start",
                  api->trouble[0] ? api->trouble : "no reason given");
        return api->tls ? STATUS_INVALID : STATUS_IO;
    }
    atomic_store(&api->started, true);
    return 0;
}

static int api_open(struct api *api)
{
    const struct api_options *options = &api->options;
    char *certificate = NULL;
    char *key = NULL;
    int fd = -1;
    api->tls = options->certificate && options->certificate[0];
    int status = api->tls ? api_read_pem(options->certificate, "certificate", &certificate) : 0;
    status = status == 0 && api->tls ? api_read_pem(options->key ? options->key : "", "key", &key) : status;
    if (status == 0 && (status = listener_open(options->host, options->port, &fd)) != 0) {
        log_write(LOG_ERROR, "api", "cannot listen on %s port %u: %s", options->host, (unsigned)options->port,
                  status == STATUS_INVALID ? "the host is no address literal" : status_str(status));
    }
    status = status == 0 ? api_serve(api, fd, certificate, key) : status;
    listener_pem_free(certificate);
    listener_pem_free(key);
    return status;
}

int api_start(const struct api_options *options, struct api **out)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api) {
        return STATUS_NO_MEMORY;
    }
    api->options = *options;
    int status = api_make_parts(api);
    if (status != 0) {
        log_write(LOG_ERROR, "api", "cannot be prepared: %s", status_str(status));
    }
    status = status == 0 ? api_open(api) : status;
    if (status != 0) {
        api_free(api);
        return status;
    }
    *out = api;
    return 0;
}

uint16_t api_port(const struct api *api)
{
    return api->port;
}

bool api_alive(const struct api *api, int64_t monotonic_ms)
{
    int64_t longest_ms = api->options.budget_ms + API_GRACE_MS;
    int64_t entered_ms = atomic_load(&api->entered_ms);
    return (entered_ms == 0 || monotonic_ms - entered_ms <= API_GRACE_MS) &&
           worker_alive(api->workers, monotonic_ms, longest_ms) &&
           keeper_alive(api->keeper, monotonic_ms, API_GRACE_MS) &&
           /* It works for one filter after the other. */
           feed_alive(api->feed, monotonic_ms, longest_ms * (api->options.streams_max + 1));
}

static void api_flush(const struct api *api)
{
    struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    int64_t until_ms = clock_monotonic_ms() + API_FLUSH_MS;
    while (atomic_load(&api->requests) > 0 && clock_monotonic_ms() < until_ms) {
        (void)nanosleep(&pause, NULL);
    }
}

void api_stop(struct api *api)
{
    if (!api) {
        return;
    }
    atomic_store(&api->stopping, true);
    int fd = MHD_quiesce_daemon(api->daemon);
    if (fd >= 0) {
        close(fd);
    }
    worker_halt(api->workers);
    feed_halt(api->feed);
    api_flush(api);
    MHD_stop_daemon(api->daemon);
    api_free(api);
}
