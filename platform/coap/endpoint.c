#include "platform/coap/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/coap/address.h"
#include "platform/coap/library.h"
#include "platform/coap/library_internal.h"

enum {
    IDLE_SESSIONS_MAX = 16, /* each may hold the body of a long answer until it ends */
    SESSION_TIMEOUT_S = 30,
    CSM_MESSAGE_MAX = 64 * 1024,
    POLL_MAX_MS = 1000, /* libcoap wakes us by a timer of its own; this is only a net below it */
    SEGMENT_MAX = 255
};

struct endpoint {
    struct endpoint_options options;
    coap_context_t *context;
    uint16_t port;
    int coap_fd; /* libcoap's; not ours to close */
    int wake_fd;
    atomic_bool stopping;
    int64_t turn_at_ms; /* monotonic; -1: not wanted */
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A literal of a loopback address as libcoap wants it. */
static int parse_address(const char *host, uint16_t port, coap_address_t *out)
{
    coap_address_init(out);
    if (inet_pton(AF_INET, host, &out->addr.sin.sin_addr) == 1) {
        out->size = sizeof out->addr.sin;
        out->addr.sin.sin_family = AF_INET;
        out->addr.sin.sin_port = htons(port);
        return ntohl(out->addr.sin.sin_addr.s_addr) >> 24 == 127 ? 0 : STATUS_DENIED;
    }
    if (inet_pton(AF_INET6, host, &out->addr.sin6.sin6_addr) == 1) {
        out->size = sizeof out->addr.sin6;
        out->addr.sin6.sin6_family = AF_INET6;
        out->addr.sin6.sin6_port = htons(port);
        return IN6_IS_ADDR_LOOPBACK(&out->addr.sin6.sin6_addr) ? 0 : STATUS_DENIED;
    }
    return STATUS_INVALID;
}

/* libcoap binds with SO_REUSEADDR, under which two UDP servers share a port and one of them hears nothing. A socket
 * without it finds out. */
static int probe_port(const coap_address_t *address)
{
    int fd = socket(address->addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return STATUS_IO;
    }
    int status = 0;
    if (bind(fd, &address->addr.sa, address->size) != 0) {
        status = errno == EADDRINUSE ? STATUS_BUSY : errno == EACCES ? STATUS_DENIED : STATUS_IO;
    }
    (void)close(fd);
    return status;
}

/* Everything of the request that a handler may see. False when there is more than we take. */
static bool read_request(const coap_pdu_t *pdu, struct endpoint_request *request)
{
    coap_opt_iterator_t walk;
    const coap_opt_t *option;
    *request = (struct endpoint_request){.accept = ENDPOINT_FORMAT_NONE};
    (void)coap_option_iterator_init(pdu, &walk, COAP_OPT_ALL);
    while ((option = coap_option_next(&walk))) {
        struct slice value = slice_make((const char *)coap_opt_value(option), coap_opt_length(option));
        if (walk.number == COAP_OPTION_URI_PATH) {
            if (request->path_count == ENDPOINT_PATH_MAX) {
                return false;
            }
            request->path[request->path_count++] = value;
        } else if (walk.number == COAP_OPTION_URI_QUERY) {
            if (request->query_count == ENDPOINT_QUERY_MAX) {
                return false;
            }
            request->query[request->query_count++] = value;
        } else if (walk.number == COAP_OPTION_ACCEPT) {
            request->accept = (int)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
        }
    }
    return true;
}

static void set_failure(coap_pdu_t *response, unsigned code, struct slice diagnostic)
{
    coap_pdu_set_code(response, (coap_pdu_code_t)COAP_RESPONSE_CODE(code));
    size_t len = diagnostic.len < 1024 ? diagnostic.len : 1024;
    if (len > 0) {
        (void)coap_add_data(response, len, (const uint8_t *)diagnostic.data);
    }
}

/* A notification is made as an answer to the request by which the observer registered, with a message id given to both.
 * An answer piggybacks on an ACK; one to a request that is not to be confirmed has its message id too, and is told from
 * a notification where that request does not ask to observe. */
static bool is_notification(const coap_pdu_t *request, const coap_pdu_t *response)
{
    coap_opt_iterator_t at;
    return coap_check_option(request, COAP_OPTION_OBSERVE, &at) && coap_pdu_get_type(response) != COAP_MESSAGE_ACK &&
           coap_pdu_get_mid(request) == coap_pdu_get_mid(response);
}

static void release_body(coap_session_t *session, void *body)
{
    (void)session;
    free(body);
}

static void handle_get(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                       const coap_string_t *query, coap_pdu_t *response)
{
    struct endpoint *endpoint = coap_resource_get_userdata(resource);
    struct endpoint_request asked;
    if (!read_request(request, &asked)) {
        set_failure(response, ENDPOINT_BAD_REQUEST, slice_str("too many path segments or query options"));
        return;
    }
    struct endpoint_answer answer = {.code = ENDPOINT_INTERNAL, .format = ENDPOINT_FORMAT_NONE};
    endpoint->options.get(endpoint->options.ctx, &asked, &answer);
    if (answer.code != ENDPOINT_CONTENT || answer.body.failed || answer.body.len == 0) {
        if (is_notification(request, response)) {
            /* libcoap 4.3.1 deletes the observer whose notification is an error, and uses it once more. "Valid", no
             * longer fresh: the observer asks again, and hears the error as an answer. */
            uint8_t none;
            coap_pdu_set_code(response, COAP_RESPONSE_CODE(203));
            (void)coap_add_option(response, COAP_OPTION_MAXAGE, coap_encode_var_safe(&none, sizeof none, 0), &none);
        } else {
            set_failure(response, answer.code == ENDPOINT_CONTENT ? ENDPOINT_INTERNAL : answer.code,
                        buf_slice(&answer.body));
        }
        buf_deinit(&answer.body);
        return;
    }
    uint8_t *fitted = realloc(answer.body.data, answer.body.len); /* the session holds it until its last block went */
    answer.body.data = fitted ? fitted : answer.body.data;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    if (answer.format == ENDPOINT_TEXT) {
        /* libcoap leaves out format 0 as if it were the default; RFC 7252 5.5.1 knows no default. */
        (void)coap_add_option(response, COAP_OPTION_CONTENT_FORMAT, 0, NULL);
    }
    /* Takes the body, also when it fails: then it has set 5.00 itself. */
    (void)coap_add_data_large_response(resource, session, request, response, query, (uint16_t)answer.format,
                                       (int)answer.max_age_s, 0, answer.body.len, answer.body.data, release_body,
                                       answer.body.data);
}

static int listen_at(struct endpoint *endpoint, const coap_address_t *address)
{
    coap_endpoint_t *listener = coap_new_endpoint(endpoint->context, address, COAP_PROTO_UDP);
    coap_resource_t *unknown = coap_resource_unknown_init(NULL);
    if (!listener || !unknown) {
        if (unknown) {
            coap_delete_resource(NULL, unknown);
        }
        return listener ? STATUS_NO_MEMORY : STATUS_IO;
    }
    coap_register_handler(unknown, COAP_REQUEST_GET, handle_get);
    coap_resource_set_userdata(unknown, endpoint);
    coap_add_resource(endpoint->context, unknown);
    endpoint->port = address_bound_port(listener);
    endpoint->coap_fd = coap_context_get_coap_fd(endpoint->context);
    return endpoint->coap_fd >= 0 ? 0 : STATUS_UNSUPPORTED;
}

int endpoint_new(const struct endpoint_options *options, struct endpoint **out)
{
    coap_address_t address;
    int status = parse_address(options->host, options->port, &address);
    if (status == 0) {
        status = probe_port(&address);
    }
    if (status != 0) {
        return status;
    }
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint) {
        return STATUS_NO_MEMORY;
    }
    library_start();
    endpoint->options = *options;
    endpoint->options.host = NULL;
    endpoint->turn_at_ms = 0;
    endpoint->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    endpoint->context = coap_new_context(NULL);
    if (endpoint->wake_fd < 0 || !endpoint->context) {
        status = STATUS_IO;
        goto fail;
    }
    coap_context_set_max_idle_sessions(endpoint->context, IDLE_SESSIONS_MAX);
    coap_context_set_session_timeout(endpoint->context, SESSION_TIMEOUT_S);
    coap_context_set_csm_max_message_size(endpoint->context, CSM_MESSAGE_MAX);
    coap_context_set_block_mode(endpoint->context, COAP_BLOCK_USE_LIBCOAP);
    status = listen_at(endpoint, &address);
    if (status != 0) {
        goto fail;
    }
    *out = endpoint;
    return 0;
fail:
    endpoint_free(endpoint);
    return status;
}

void endpoint_free(struct endpoint *endpoint)
{
    if (!endpoint) {
        return;
    }
    if (endpoint->context) {
        coap_free_context(endpoint->context);
    }
    if (endpoint->wake_fd >= 0) {
        (void)close(endpoint->wake_fd);
    }
    free(endpoint);
}

uint16_t endpoint_port(const struct endpoint *endpoint)
{
    return endpoint->port;
}

/* The path in the form by which libcoap finds resources, which is its own choice of percent-encoding: so let it encode
 * a request for that path itself. NULL without memory. */
static coap_string_t *encode_path(const struct slice *path, size_t path_count)
{
    size_t bytes = 16;
    for (size_t i = 0; i < path_count; i++) {
        bytes += path[i].len + 5;
    }
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_NON, COAP_REQUEST_CODE_GET, 0, bytes);
    if (!pdu) {
        return NULL;
    }
    coap_string_t *encoded = NULL;
    size_t added = 0;
    while (added < path_count &&
           coap_add_option(pdu, COAP_OPTION_URI_PATH, path[added].len, (const uint8_t *)path[added].data) != 0) {
        added++;
    }
    if (added == path_count) {
        encoded = coap_get_uri_path(pdu);
    }
    coap_delete_pdu(pdu);
    return encoded;
}

static coap_resource_t *find_resource(const struct endpoint *endpoint, const coap_string_t *encoded)
{
    coap_str_const_t path = {encoded->length, encoded->s};
    return coap_get_resource_from_uri_path(endpoint->context, &path);
}

/* An attribute with its value in quotes; both are copied by libcoap. */
static void add_attribute(coap_resource_t *resource, const char *name, const char *value)
{
    struct buf quoted = BUF_INIT;
    buf_printf(&quoted, "\"%s\"", value);
    coap_str_const_t *key = coap_new_str_const((const uint8_t *)name, strlen(name));
    coap_str_const_t *text = coap_new_str_const(quoted.data, quoted.len);
    if (key && text && !quoted.failed) {
        (void)coap_add_attr(resource, key, text, COAP_ATTR_FLAGS_RELEASE_NAME | COAP_ATTR_FLAGS_RELEASE_VALUE);
    } else {
        coap_delete_str_const(key);
        coap_delete_str_const(text);
    }
    buf_deinit(&quoted);
}

int endpoint_add(struct endpoint *endpoint, const struct slice *path, size_t path_count, const char *title,
                 const char *formats, bool observable)
{
    for (size_t i = 0; i < path_count; i++) {
        if (path[i].len == 0 || path[i].len > SEGMENT_MAX) {
            return STATUS_RANGE;
        }
    }
    coap_string_t *encoded = encode_path(path, path_count);
    if (!encoded) {
        return STATUS_NO_MEMORY;
    }
    int status = 0;
    if (!find_resource(endpoint, encoded)) {
        coap_str_const_t *uri = coap_new_str_const(encoded->s, encoded->length);
        coap_resource_t *resource = uri ? coap_resource_init(uri, COAP_RESOURCE_FLAGS_RELEASE_URI) : NULL;
        if (resource) {
            coap_register_handler(resource, COAP_REQUEST_GET, handle_get);
            coap_resource_set_userdata(resource, endpoint);
            coap_resource_set_get_observable(resource, observable);
            add_attribute(resource, "ct", formats); /* libcoap lists the newest first */
            add_attribute(resource, "title", title);
            coap_add_resource(endpoint->context, resource);
        }
        status = resource ? 0 : STATUS_NO_MEMORY;
    }
    coap_delete_string(encoded);
    return status;
}

void endpoint_notify(struct endpoint *endpoint, const struct slice *path, size_t path_count)
{
    coap_string_t *encoded = encode_path(path, path_count);
    coap_resource_t *resource = encoded ? find_resource(endpoint, encoded) : NULL;
    if (resource) {
        (void)coap_resource_notify_observers(resource, NULL);
    }
    coap_delete_string(encoded);
}

static void take_turn(struct endpoint *endpoint)
{
    int64_t again_ms = endpoint->options.turn ? endpoint->options.turn(endpoint->options.ctx) : -1;
    endpoint->turn_at_ms = again_ms < 0 ? -1 : monotonic_ms() + again_ms;
}

static int wait_for_work(const struct endpoint *endpoint)
{
    int timeout_ms = POLL_MAX_MS;
    if (endpoint->turn_at_ms >= 0) {
        int64_t left_ms = endpoint->turn_at_ms - monotonic_ms();
        timeout_ms = left_ms < 0 ? 0 : left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS;
    }
    struct pollfd fds[2] = {{.fd = endpoint->coap_fd, .events = POLLIN}, {.fd = endpoint->wake_fd, .events = POLLIN}};
    return poll(fds, 2, timeout_ms) < 0 && errno != EINTR ? STATUS_IO : 0;
}

int endpoint_run(struct endpoint *endpoint)
{
    int status = 0;
    while (status == 0 && !atomic_load(&endpoint->stopping)) {
        uint64_t wakes;
        bool woken = read(endpoint->wake_fd, &wakes, sizeof wakes) == (ssize_t)sizeof wakes;
        if (woken || (endpoint->turn_at_ms >= 0 && monotonic_ms() >= endpoint->turn_at_ms)) {
            take_turn(endpoint);
        }
        if (coap_io_process(endpoint->context, COAP_IO_NO_WAIT) < 0) {
            status = STATUS_IO;
        } else if (!atomic_load(&endpoint->stopping)) {
            status = wait_for_work(endpoint);
        }
    }
    return status;
}

void endpoint_wake(struct endpoint *endpoint)
{
    const uint64_t one = 1;
    ssize_t written = write(endpoint->wake_fd, &one, sizeof one);
    (void)written; /* a full counter wakes as well */
}

void endpoint_stop(struct endpoint *endpoint)
{
    atomic_store(&endpoint->stopping, true);
    endpoint_wake(endpoint);
}
