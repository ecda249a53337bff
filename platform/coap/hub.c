#include "platform/coap/hub.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/coap/hub_internal.h"
#include "platform/coap/library.h"

enum {
    BACKLOG = 1024,
    POLL_MAX_MS = 1000,  /* a net below the timers */
    ACCEPT_PAUSE_MS = 20 /* no descriptor was left: the waiting connection would wake us at once again */
};

/* libcoap binds with SO_REUSEADDR and tells no reason when it fails. */
static int probe_port(const coap_address_t *address)
{
    int fd = socket(address->addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    int status = fd < 0 ? STATUS_IO : 0;
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
                    bind(fd, &address->addr.sa, address->size) != 0)) {
        status = errno == EADDRINUSE ? STATUS_BUSY : errno == EACCES ? STATUS_DENIED : STATUS_IO;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

static int copy_options(struct hub *hub, const struct hub_options *options)
{
    hub->options = *options;
    hub->options.host = NULL;
    hub->options.identity_path = strdup(options->identity_path);
    hub->options.ca_path = strdup(options->ca_path);
    return hub->options.identity_path && hub->options.ca_path ? 0 : STATUS_NO_MEMORY;
}

static int begin_to_listen(struct hub *hub, const coap_address_t *address)
{
    coap_context_set_csm_max_message_size(hub->context, hub->options.message_max);
    coap_context_set_session_timeout(hub->context, (unsigned)(2 * hub->options.idle_ms / 1000) + 60);
    coap_context_set_max_idle_sessions(hub->context, 0);
    coap_context_set_max_handshake_sessions(hub->context, hub->options.sessions_max);
    coap_set_app_data(hub->context, hub);
    coap_register_event_handler(hub->context, hub_sessions_event);
    coap_endpoint_t *listener = coap_new_endpoint(hub->context, address, COAP_PROTO_TLS);
    if (!listener) {
        return STATUS_IO;
    }
    hub->port = address_bound_port(listener);
    int status = pump_init(&hub->pump, hub->context);
    if (status == 0) {
        pump_widen(&hub->pump, BACKLOG);
    }
    return status;
}

static int start(struct hub *hub, const struct hub_options *options, const coap_address_t *address)
{
    hub->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int status = copy_options(hub, options);
    if (status == 0) {
        hub->context = coap_new_context(NULL);
        status = hub->context && hub->wake_fd >= 0 ? 0 : STATUS_IO;
    }
    if (status == 0) {
        status = hub_sessions_init(hub);
    }
    if (status == 0) {
        status = hub_identity_init(hub);
    }
    if (status == 0) {
        status = hub_messages_init(hub);
    }
    return status == 0 ? begin_to_listen(hub, address) : status;
}

int hub_new(const struct hub_options *options, struct hub **out)
{
    coap_address_t address;
    int status = address_parse(options->host, options->port, &address);
    if (status == 0 && options->sessions_max >= 1U << (HUB_SLOT_BITS - 1)) {
        status = STATUS_INVALID;
    }
    if (status == 0) {
        status = probe_port(&address);
    }
    if (status != 0) {
        return status;
    }
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) {
        return STATUS_NO_MEMORY;
    }
    library_start();
    status = start(hub, options, &address);
    if (status != 0) {
        hub_free(hub);
        return status;
    }
    *out = hub;
    return 0;
}

void hub_free(struct hub *hub)
{
    if (!hub) {
        return;
    }
    hub_sessions_deinit(hub);
    if (hub->context) {
        coap_free_context(hub->context);
    }
    hub_identity_deinit(hub);
    if (hub->wake_fd >= 0) {
        (void)close(hub->wake_fd);
    }
    free((char *)hub->options.identity_path);
    free((char *)hub->options.ca_path);
    free(hub);
}

uint16_t hub_port(const struct hub *hub)
{
    return hub->port;
}

static void take_turn(struct hub *hub)
{
    int64_t again_ms = hub->options.turn ? hub->options.turn(hub->options.ctx) : -1;
    hub->turn_at_ms = again_ms < 0 ? -1 : pump_clock_ms() + again_ms;
}

static int wait_for_work(const struct hub *hub)
{
    int64_t now_ms = pump_clock_ms();
    int64_t wait_ms = POLL_MAX_MS;
    int64_t due_ms = hub_sessions_due_ms(hub, now_ms);
    if (due_ms >= 0 && due_ms < wait_ms) {
        wait_ms = due_ms;
    }
    if (hub->turn_at_ms >= 0 && hub->turn_at_ms - now_ms < wait_ms) {
        wait_ms = hub->turn_at_ms > now_ms ? hub->turn_at_ms - now_ms : 0;
    }
    struct pollfd fds[2] = {{.fd = hub->pump.fd, .events = POLLIN}, {.fd = hub->wake_fd, .events = POLLIN}};
    return poll(fds, 2, (int)wait_ms) < 0 && errno != EINTR ? STATUS_IO : 0;
}

static int pump_once(struct hub *hub)
{
    uint64_t before = hub->serial;
    bool tidy = hub->tidy;
    hub->tidy = false;
    hub_sessions_pace(hub);
    int status = pump_round(&hub->pump, tidy);
    if (hub->pump.knocked && hub->serial == before) {
        (void)poll(NULL, 0, ACCEPT_PAUSE_MS);
    }
    return status;
}

int hub_run(struct hub *hub)
{
    int status = 0;
    while (status == 0 && !atomic_load(&hub->stopping)) {
        uint64_t wakes;
        bool woken = read(hub->wake_fd, &wakes, sizeof wakes) == (ssize_t)sizeof wakes;
        if (woken || (hub->turn_at_ms >= 0 && pump_clock_ms() >= hub->turn_at_ms)) {
            take_turn(hub);
            hub_sessions_settle(hub);
        }
        status = pump_once(hub);
        hub_sessions_settle(hub);
        if (status == 0 && !atomic_load(&hub->stopping)) {
            status = wait_for_work(hub);
        }
    }
    return status;
}

void hub_wake(struct hub *hub)
{
    const uint64_t one = 1;
    ssize_t written = write(hub->wake_fd, &one, sizeof one);
    (void)written; /* a full counter wakes as well */
}

void hub_stop(struct hub *hub)
{
    atomic_store(&hub->stopping, true);
    hub_wake(hub);
}

void hub_close(struct hub *hub, uint64_t session)
{
    struct hub_session *found = hub_sessions_find(hub, session);
    if (found) {
        hub_sessions_close(found, NULL);
    }
}

bool hub_facts(struct hub *hub, uint64_t session, struct hub_session_facts *out)
{
    struct hub_session *found = hub_sessions_find(hub, session);
    if (found) {
        hub_sessions_facts(found, out);
    }
    return found != NULL;
}

void hub_counters(const struct hub *hub, struct hub_counters *out)
{
    *out = hub->counters;
    out->sessions = hub->lists[HUB_OPEN].count;
    out->handshakes = hub->lists[HUB_HANDSHAKE].count;
}
