#include "platform/coap/uplink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/coap/uplink_internal.h"

enum {
    CONNECT_MS = 30 * 1000, /* from the first SYN to the server's CSM */
    STUCK_RETRY_MS = 100,   /* the socket's becoming writable wakes us; this is a net below it */
    SEGMENT_MAX = 255,
    DEFAULT_MAX_AGE_S = 60 /* RFC 7252 5.10.5 */
};

void uplink_ring(const struct uplink *uplink)
{
    const uint64_t one = 1;
    ssize_t written = write(uplink->bell_fd, &one, sizeof one);
    (void)written;
}

/* The first reason stays. closed() itself is called at the end of the turn. */
static void end(struct uplink *uplink, const char *reason)
{
    if (uplink->stage != UPLINK_GONE) {
        uplink->stage = UPLINK_GONE;
        (void)snprintf(uplink->reason, sizeof uplink->reason, "%s", reason);
        stream_shut(&uplink->stream, STREAM_FINE);
        uplink_ring(uplink);
    }
}

static const char *fault_text(enum stream_fault fault)
{
    switch (fault) {
    case STREAM_OVERSIZED: return "the server announced a message larger than allowed";
    case STREAM_MALFORMED: return "the server sent what is no CoAP";
    case STREAM_UNREAD: return "the server does not read what it is sent";
    case STREAM_RELEASED: return "the server closed the connection";
    case STREAM_NO_MEMORY: return "no memory is left";
    default: return NULL;
    }
}

void uplink_end_lost(struct uplink *uplink)
{
    char why[LIBRARY_REASON_MAX];
    char text[UPLINK_REASON_MAX];
    const char *fault = fault_text(uplink->stream.fault);
    if (fault) {
        end(uplink, fault);
        return;
    }
    bool connected = uplink->stage == UPLINK_CONNECTED;
    library_reason(connected ? "it went away" : "it closed the connection during the handshake", why, sizeof why);
    (void)snprintf(text, sizeof text, connected ? "the connection to the server is lost: %s" : "the server: %s",
                   uplink->hint[0] ? uplink->hint : why);
    end(uplink, text);
}

static void judge(struct uplink *uplink)
{
    if (uplink->judged || uplink->stage != UPLINK_CONNECTING) {
        return;
    }
    void *tls_session = coap_session_get_tls(uplink->stream.session, NULL);
    uplink->judged = uplink->options.judge(uplink->options.ctx, tls_session) == 0;
    if (!uplink->judged) {
        end(uplink, "the server is not the one that was asked for");
    }
}

static int take_event(coap_session_t *session, coap_event_t event)
{
    struct uplink *uplink = coap_get_app_data(coap_session_get_context(session));
    uplink->stream.session = session;
    if (uplink->freed || uplink->stage == UPLINK_GONE) {
        return 0;
    }
    switch (event) {
    case COAP_EVENT_DTLS_CONNECTED: judge(uplink); break;
    case COAP_EVENT_SESSION_CONNECTED: uplink->ready = true; break;
    case COAP_EVENT_TCP_FAILED:
    case COAP_EVENT_TCP_CLOSED:
    case COAP_EVENT_DTLS_ERROR:
    case COAP_EVENT_SESSION_CLOSED:
    case COAP_EVENT_SESSION_FAILED: uplink_end_lost(uplink); break;
    default: break;
    }
    return 0;
}

static int read_number(const coap_pdu_t *pdu, coap_option_num_t number, int absent)
{
    coap_opt_iterator_t walk;
    const coap_opt_t *option = coap_check_option(pdu, number, &walk);
    return option ? (int)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option)) : absent;
}

static coap_response_t take_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                     const coap_mid_t mid)
{
    struct uplink *uplink = coap_get_app_data(coap_session_get_context(session));
    coap_bin_const_t token = coap_pdu_get_token(received);
    coap_pdu_code_t code = coap_pdu_get_code(received);
    (void)sent;
    (void)mid;
    if (uplink->freed || uplink->stage != UPLINK_CONNECTED || token.length != sizeof(uint64_t)) {
        return COAP_RESPONSE_OK; /* an answer to nothing that was asked */
    }
    struct uplink_answer answer = {.code = (unsigned)(code >> 5) * 100 + (code & 0x1F),
                                   .format = read_number(received, COAP_OPTION_CONTENT_FORMAT, -1),
                                   .max_age_s = (uint32_t)read_number(received, COAP_OPTION_MAXAGE, DEFAULT_MAX_AGE_S)};
    size_t len;
    const uint8_t *data;
    memcpy(&answer.tag, token.s, sizeof answer.tag);
    if (coap_get_data(received, &len, &data) != 0) {
        answer.payload = slice_make((const char *)data, len);
    }
    uplink->options.answered(uplink->options.ctx, &answer);
    return COAP_RESPONSE_OK;
}

static int watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : STATUS_IO;
}

static int prepare(struct uplink *uplink, const struct uplink_options *options)
{
    uplink->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uplink->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    stream_init(&uplink->stream, NULL, options->message_max, &uplink->dirty);
    uplink->connect_by_ms = pump_clock_ms() + CONNECT_MS;
    int status = uplink_copy_options(uplink, options);
    if (status != 0) {
        return status;
    }
    uplink->context = coap_new_context(NULL);
    if (!uplink->context || uplink->bell_fd < 0 || uplink->epoll_fd < 0) {
        return STATUS_IO;
    }
    coap_set_app_data(uplink->context, uplink);
    coap_register_event_handler(uplink->context, take_event);
    coap_register_response_handler(uplink->context, take_response);
    coap_context_set_csm_max_message_size(uplink->context, options->message_max);
    coap_context_set_keepalive(uplink->context, 0);
    status = pump_init(&uplink->pump, uplink->context);
    if (status == 0) {
        status = watch(uplink->epoll_fd, uplink->pump.fd);
    }
    return status == 0 ? watch(uplink->epoll_fd, uplink->bell_fd) : status;
}

static void destroy(struct uplink *uplink)
{
    uplink->freed = true;
    if (uplink->context) {
        coap_free_context(uplink->context); /* and its session */
    }
    stream_deinit(&uplink->stream);
    if (uplink->epoll_fd >= 0) {
        (void)close(uplink->epoll_fd);
    }
    if (uplink->bell_fd >= 0) {
        (void)close(uplink->bell_fd);
    }
    uplink_free_options(uplink);
    free(uplink);
}

int uplink_new(const struct uplink_options *options, struct uplink **out)
{
    coap_address_t address;
    int status = address_parse(options->address, options->port, &address);
    if (status == 0) {
        status = uplink_check_options(options);
    }
    if (status != 0) {
        return status;
    }
    struct uplink *uplink = calloc(1, sizeof *uplink);
    if (!uplink) {
        return STATUS_NO_MEMORY;
    }
    library_start();
    status = prepare(uplink, options);
    if (status != 0) {
        destroy(uplink);
        return status;
    }
    uplink_begin(uplink, &address);
    *out = uplink;
    return 0;
}

void uplink_free(struct uplink *uplink)
{
    if (!uplink) {
        return;
    }
    if (uplink->turning) {
        uplink->freed = true;
        stream_shut(&uplink->stream, STREAM_FINE);
        return;
    }
    destroy(uplink);
}

int uplink_fd(const struct uplink *uplink)
{
    return uplink->epoll_fd;
}

static void flush(struct uplink *uplink)
{
    uplink->dirty = NULL;
    uplink->stream.dirty = false;
    if (uplink->stage != UPLINK_GONE && uplink->stream.session) {
        int status = stream_flush(&uplink->stream);
        if (status < 0) {
            uplink_end_lost(uplink);
        } else if (status > 0) {
            uplink->stream.dirty = true;
            uplink->dirty = &uplink->stream;
        }
    }
}

static void call_connected(struct uplink *uplink)
{
    if (uplink->ready && !uplink->freed && uplink->stage == UPLINK_CONNECTING) {
        uplink->ready = false;
        uplink->stage = UPLINK_CONNECTED;
        uplink->hint[0] = 0;
        uplink->options.connected(uplink->options.ctx);
    }
}

static void call_closed(struct uplink *uplink)
{
    if (uplink->stage == UPLINK_GONE && !uplink->reported && !uplink->freed) {
        uplink->reported = true;
        (void)epoll_ctl(uplink->epoll_fd, EPOLL_CTL_DEL, uplink->pump.fd, NULL); /* nobody reads its timer any more */
        if (uplink->stream.session) {
            coap_session_disconnected(uplink->stream.session, COAP_NACK_NOT_DELIVERABLE);
        }
        uplink->options.closed(uplink->options.ctx, uplink->reason);
    }
}

static int64_t wait_ms(const struct uplink *uplink)
{
    if (uplink->stage == UPLINK_CONNECTING) {
        int64_t left_ms = uplink->connect_by_ms - pump_clock_ms();
        return left_ms > 0 ? left_ms : 0;
    }
    return uplink->stage == UPLINK_CONNECTED && uplink->dirty ? STUCK_RETRY_MS : -1;
}

int64_t uplink_turn(struct uplink *uplink)
{
    uint64_t rings;
    uplink->turning = true;
    ssize_t got = read(uplink->bell_fd, &rings, sizeof rings);
    (void)got;
    library_forget();
    if (uplink->stage != UPLINK_GONE && pump_round(&uplink->pump, true) != 0) {
        end(uplink, "waiting for the network failed");
    }
    if (uplink->stage == UPLINK_CONNECTING && !uplink->hint[0]) {
        library_reason("", uplink->hint, sizeof uplink->hint);
    }
    call_connected(uplink);
    if (uplink->stage == UPLINK_CONNECTING && pump_clock_ms() >= uplink->connect_by_ms) {
        end(uplink, "the server does not answer in time");
    }
    if (!uplink->freed) {
        flush(uplink);
    }
    call_closed(uplink);
    uplink->turning = false;
    if (uplink->freed) {
        destroy(uplink);
        return -1;
    }
    return wait_ms(uplink);
}

/* Options in the order of their numbers: Uri-Path 11, Content-Format 12, Accept 17. */
static int add_options(const struct uplink_request *request, struct frame_options *options)
{
    for (size_t i = 0; i < request->path_count; i++) {
        struct slice segment = slice_str(request->path[i]);
        if (segment.len > SEGMENT_MAX) {
            return STATUS_RANGE;
        }
        frame_option(options, COAP_OPTION_URI_PATH, segment);
    }
    if (request->format >= 0) {
        frame_option_uint(options, COAP_OPTION_CONTENT_FORMAT, (uint32_t)request->format);
    }
    if (request->accept >= 0) {
        frame_option_uint(options, COAP_OPTION_ACCEPT, (uint32_t)request->accept);
    }
    return options->bytes.failed ? STATUS_NO_MEMORY : 0;
}

int uplink_request(struct uplink *uplink, const struct uplink_request *request)
{
    struct frame_options options = {0};
    if (uplink->freed || uplink->stage != UPLINK_CONNECTED) {
        return STATUS_BUSY;
    }
    int status = add_options(request, &options);
    struct frame frame = {.code = (uint8_t)request->method,
                          .token = slice_make((const char *)&request->tag, sizeof request->tag),
                          .options = buf_slice(&options.bytes),
                          .payload = request->payload};
    if (status == 0 && frame_bytes(&frame) > uplink_message_max(uplink)) {
        status = STATUS_RANGE;
    }
    if (status == 0 && stream_pending(&uplink->stream) > 0 &&
        stream_pending(&uplink->stream) + frame_bytes(&frame) > uplink->stream.out_max) {
        status = STATUS_BUSY;
    }
    if (status == 0 && !stream_put(&uplink->stream, &frame)) {
        status = uplink->stream.fault == STREAM_NO_MEMORY ? STATUS_NO_MEMORY : STATUS_IO;
    }
    if (status == 0 || uplink->stream.shut) {
        uplink_ring(uplink);
    }
    buf_deinit(&options.bytes);
    return status;
}

uint32_t uplink_message_max(const struct uplink *uplink)
{
    return uplink->stage == UPLINK_CONNECTED ? (uint32_t)coap_session_max_pdu_size(uplink->stream.session) : 0;
}

void uplink_bytes(const struct uplink *uplink, uint64_t *in, uint64_t *out)
{
    *in = uplink->stream.in_bytes;
    *out = uplink->stream.out_bytes;
}
