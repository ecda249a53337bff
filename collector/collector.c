#include "collector/collector.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/confine.h"
#include "collector/front.h"
#include "collector/ingest/ingest.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/loop/loop.h"
#include "platform/service/notify.h"
#include "platform/service/privilege.h"
#include "platform/time/clock.h"

enum { TEND_FIRST_MS = 1000, TEND_MS = 10 * 1000 };

struct collector {
    const struct collector_config *config;
    struct confinement confinement;
    struct loop *loop;
    struct registry *registry;
    struct store *store;
    struct identity *identity;
    struct ingest *ingest;
    struct front *front;
    struct notify *notify;
    struct loop_signal *on_term;
    struct loop_signal *on_int;
    struct loop_timer *watchdog;
    struct loop_timer *tending;
    struct loop_async *given_up;
    int result;
};

static void on_stop_signal(void *ctx, int signal_number)
{
    struct collector *collector = ctx;
    log_write(LOG_NOTICE, "collector", "stopping (signal %d)", signal_number);
    loop_stop(collector->loop);
}

/* From one of ingest's threads; the loop's own thread then stops. */
static void on_gave_up(void *ctx, int status)
{
    struct collector *collector = ctx;
    (void)status;
    loop_async_send(collector->given_up);
}

static void on_given_up(void *ctx)
{
    struct collector *collector = ctx;
    collector->result = 1;
    loop_stop(collector->loop);
}

static void on_watchdog(void *ctx)
{
    struct collector *collector = ctx;
    int64_t now_ms = clock_monotonic_ms();
    if (ingest_alive(collector->ingest, now_ms) && front_alive(collector->front, now_ms)) {
        (void)notify_watchdog(collector->notify);
    } else {
        log_write(LOG_ERROR, "collector", "a thread hangs: the service manager is to start us again");
    }
}

static void on_tend(void *ctx)
{
    struct collector *collector = ctx;
    const char *what;
    front_tend(collector->front);
    if (registry_is_dead(collector->registry)) { /* others hold it too: only all together can open it again */
        log_write(LOG_ERROR, "collector",
                  "the registry could not be written: the service manager is to start us again");
        on_given_up(collector);
        return;
    }
    if (confine_is_outdated(collector->config, &what)) {
        log_write(LOG_NOTICE, "collector", "stopping, to be started again: %s", what);
        collector->result = 1;
        loop_stop(collector->loop);
    }
}

static int drop_rights(const struct collector_config *config)
{
    struct buf why = BUF_INIT;
    int status = privilege_nice(config->service.nice);
    if (status != 0) {
        log_write(LOG_WARNING, "collector", "nice: %s", status_str(status));
    }
    status = privilege_drop(config->service.user, &why);
    if (status == STATUS_NOT_FOUND && config->service.user_default) {
        log_write(LOG_WARNING, "collector", "%s: staying who we are", buf_cstr(&why));
        buf_reset(&why);
        status = 0;
    }
    if (status == 0) {
        status = privilege_harden(&why);
    }
    if (status != 0) {
        log_write(LOG_ERROR, "collector", "%s", buf_cstr(&why));
    }
    buf_deinit(&why);
    return status;
}

static int told(const char *what, const char *where, int status)
{
    if (status == STATUS_NOT_FOUND) {
        log_write(LOG_ERROR, "collector",
                  "%s %s is not there, or was not made to its end: run ringside-collector init first", what, where);
    } else if (status == STATUS_BUSY) {
        log_write(LOG_ERROR, "collector", "%s %s: another collector is writing it", what, where);
    } else if (status != 0) {
        log_write(LOG_ERROR, "collector", "%s %s: %s", what, where, status_str(status));
    }
    return status;
}

/* The registry's own place for news is the store. */
static void keep_event(struct store *store, const char *what)
{
    struct store_event event = {.at_ms = clock_wall_ms(), .kind = "damaged"};
    (void)snprintf(event.text, sizeof event.text, "registry: %.140s", what);
    int status = store_begin(store, event.at_ms);
    if (status == 0) {
        (void)store_put_event(store, &event);
        status = store_end(store);
    }
    if (status != 0) {
        log_write(LOG_WARNING, "collector", "the event of it could not be kept: %s", status_str(status));
    }
}

static int mend_registry(const struct collector_config *config, char *text, size_t size)
{
    struct registry_damage damage;
    int status = registry_mend(config->data.registry_dir, clock_wall_ms(), &damage);
    if (status == REGISTRY_MENDED) {
        registry_damage_tell(&damage, text, size);
        log_write(LOG_ERROR, "collector", "registry %s: %s", config->data.registry_dir, text);
        return 0;
    }
    return status;
}

static void tell_damage(const struct collector *collector)
{
    const struct kv_loss *damage = store_mended(collector->store);
    char text[512];
    if (damage) {
        store_damage_tell(damage, text, sizeof text);
        log_write(LOG_ERROR, "collector", "store %s: %s", collector->config->data.store_dir, text);
    }
}

static int open_all(struct collector *collector)
{
    const struct collector_config *config = collector->config;
    struct identity_options identity = {.dir = config->data.identity_dir,
                                        .site_life_s = config->identity.site_life_ms / 1000,
                                        .collector_life_s = config->identity.collector_life_ms / 1000,
                                        .grace_s = config->identity.grace_ms / 1000};
    struct store_options store = {.dir = config->data.store_dir,
                                  .limit_bytes = config->store.size_max_bytes,
                                  .intervals_keep_ms = config->store.intervals_keep_ms,
                                  .cells_keep_ms = config->store.cells_keep_ms,
                                  .now_ms = clock_wall_ms()};
    int status = told("identity", identity.dir, identity_open(&identity, &collector->identity));
    char mended[512] = "";
    if (status == 0) {
        status = told("registry", config->data.registry_dir, mend_registry(config, mended, sizeof mended));
    }
    if (status == 0) {
        status = told("registry", config->data.registry_dir,
                      registry_open(config->data.registry_dir, true, &collector->registry));
    }
    if (status == 0) {
        status = told("store", store.dir, store_open_writer(&store, &collector->store));
    }
    if (status == 0) {
        tell_damage(collector);
    }
    if (status == 0 && mended[0]) {
        keep_event(collector->store, mended);
    }
    return status;
}

/* An interval that retention would drop at once is not taken in either. */
static int64_t oldest_s(const struct collector_config *config)
{
    int64_t kept_ms = config->store.intervals_keep_ms;
    int64_t oldest_ms = config->admit.oldest_ms;
    return (kept_ms != 0 && (oldest_ms == 0 || kept_ms < oldest_ms) ? kept_ms : oldest_ms) / 1000;
}

static int start_ingest(struct collector *collector)
{
    const struct collector_config *config = collector->config;
    struct ingest_options options = {.host = config->ingest.host,
                                     .port = config->ingest.port,
                                     .sessions_max = config->ingest.sessions_max,
                                     .handshakes_max = config->ingest.handshakes_max,
                                     .handshake_ms = config->ingest.handshake_timeout_ms,
                                     .idle_ms = config->ingest.idle_timeout_ms,
                                     .site_buffer_max = config->ingest.buffer_max_bytes,
                                     .total_buffer_max = config->ingest.buffer_total_bytes,
                                     .flood = {.bytes_per_s = (double)config->ingest.site_bytes_per_second,
                                               .bytes_max = (double)config->ingest.site_bytes_burst,
                                               .messages_per_s = (double)config->ingest.site_messages_per_second,
                                               .messages_max = (double)config->ingest.site_messages_burst},
                                     .grace_s = config->identity.grace_ms / 1000,
                                     .oldest_s = oldest_s(config),
                                     .ahead_s = config->admit.ahead_ms / 1000,
                                     .gather_ms = config->store.commit_interval_ms,
                                     .zone = config->zone,
                                     .identity_ca_path = identity_ca_path(collector->identity),
                                     .identity_collector_path = identity_collector_path(collector->identity),
                                     .identity = collector->identity,
                                     .registry = collector->registry,
                                     .store = collector->store,
                                     .gave_up = on_gave_up,
                                     .ctx = collector};
    int status = ingest_start(&options, &collector->ingest);
    if (status != 0) {
        log_write(LOG_ERROR, "ingest", "%s port %u: %s", options.host, options.port, status_str(status));
    }
    return status;
}

static int start_loop_parts(struct collector *collector)
{
    int status = loop_async_new(collector->loop, on_given_up, collector, &collector->given_up);
    if (status == 0) {
        status = loop_signal_watch(collector->loop, SIGTERM, on_stop_signal, collector, &collector->on_term);
    }
    if (status == 0) {
        status = loop_signal_watch(collector->loop, SIGINT, on_stop_signal, collector, &collector->on_int);
    }
    int64_t watchdog_ms = notify_watchdog_ms(collector->notify);
    if (status == 0 && watchdog_ms > 0) {
        status = loop_timer_start(collector->loop, (uint64_t)watchdog_ms, (uint64_t)watchdog_ms, on_watchdog, collector,
                                  &collector->watchdog);
    }
    if (status == 0) {
        status = loop_timer_start(collector->loop, TEND_FIRST_MS, TEND_MS, on_tend, collector, &collector->tending);
    }
    if (status != 0) {
        log_write(LOG_ERROR, "collector", "starting: %s", status_str(status));
    }
    return status;
}

static int start(struct collector *collector)
{
    int status = notify_open(&collector->notify);
    if (status == 0) {
        status = drop_rights(collector->config);
    }
    if (status == 0) {
        status = confine_collector(collector->config, &collector->confinement);
    }
    if (status == 0) {
        (void)notify_status(collector->notify, "looking over the store");
        status = open_all(collector);
    }
    if (status == 0) {
        status = loop_new(&collector->loop);
    }
    if (status == 0) {
        status = start_loop_parts(collector);
    }
    if (status == 0) {
        status = front_start(collector->config, &collector->confinement, collector->store, collector->registry,
                             &collector->front);
    }
    if (status == 0) {
        status = start_ingest(collector);
    }
    if (status == 0) {
        front_set_ingest(collector->front, collector->ingest);
    }
    return status;
}

/* The wiring of start(), taken down in reverse. */
static void stop(struct collector *collector)
{
    (void)notify_stopping(collector->notify, NULL);
    front_stop(collector->front);
    ingest_stop(collector->ingest);
    loop_timer_stop(collector->watchdog);
    loop_timer_stop(collector->tending);
    loop_signal_stop(collector->on_term);
    loop_signal_stop(collector->on_int);
    loop_async_free(collector->given_up);
    loop_free(collector->loop);
    store_close(collector->store);
    registry_close(collector->registry);
    identity_close(collector->identity);
    notify_close(collector->notify);
}

int collector_run(const struct collector_config *config)
{
    struct collector collector = {.config = config};
    int status = start(&collector);
    if (status == 0) {
        log_write(LOG_NOTICE, "collector", "ringside-collector %s: data=%s port=%u", RINGSIDE_VERSION, config->data.dir,
                  ingest_port(collector.ingest));
        (void)notify_ready(collector.notify, "running");
        loop_run(collector.loop);
    }
    stop(&collector);
    return status != 0 ? 1 : collector.result;
}
