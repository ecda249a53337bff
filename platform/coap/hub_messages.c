/* hub_messages: requests in, answers out. */
#include <string.h>

#include "platform/base/status.h"
#include "platform/coap/hub_internal.h"

enum { BAD_OPTION = 402, NOT_FOUND = 404, INTERNAL = 500 };

static uint8_t wire_code(unsigned code)
{
    return (uint8_t)((code / 100) << 5 | code % 100);
}

/* Into the session's buffer, from where it goes out when libcoap is done with its round. */
static void put_answer(struct hub_session *session, const struct hub_ticket *ticket, const struct hub_answer *answer)
{
    struct frame_options options = {0};
    if (answer->format >= 0) {
        frame_option_uint(&options, COAP_OPTION_CONTENT_FORMAT, (uint32_t)answer->format);
    }
    if (answer->max_age_s > 0) {
        frame_option_uint(&options, COAP_OPTION_MAXAGE, answer->max_age_s);
    }
    struct frame frame = {.code = wire_code(answer->code),
                          .token = slice_make((const char *)ticket->token, ticket->token_len),
                          .options = buf_slice(&options.bytes),
                          .payload = answer->payload};
    if (frame_bytes(&frame) > coap_session_max_pdu_size(session->stream.session)) {
        frame.code = wire_code(INTERNAL);
        frame.options = slice_str("");
        frame.payload = slice_str("larger than the peer takes");
    }
    if (options.bytes.failed || !stream_put(&session->stream, &frame)) {
        hub_sessions_close(session, NULL);
    }
    buf_deinit(&options.bytes);
}

static int read_number(const coap_opt_t *option)
{
    return (int)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

/* 0, or the code of the refusal. */
static unsigned read_request(const coap_pdu_t *pdu, struct hub_request *request)
{
    coap_opt_iterator_t walk;
    const coap_opt_t *option;
    (void)coap_option_iterator_init(pdu, &walk, COAP_OPT_ALL);
    while ((option = coap_option_next(&walk))) {
        switch (walk.number) {
        case COAP_OPTION_URI_PATH:
            if (request->path_count == HUB_PATH_MAX) {
                return NOT_FOUND;
            }
            request->path[request->path_count++] =
                slice_make((const char *)coap_opt_value(option), coap_opt_length(option));
            break;
        case COAP_OPTION_CONTENT_FORMAT: request->format = read_number(option); break;
        case COAP_OPTION_ACCEPT: request->accept = read_number(option); break;
        case COAP_OPTION_URI_HOST:
        case COAP_OPTION_URI_PORT: break;
        default:
            if (walk.number & 1) { /* critical (RFC 7252 5.4.6); blocks are not wanted over TLS */
                return BAD_OPTION;
            }
        }
    }
    return 0;
}

static void handle_request(coap_resource_t *resource, coap_session_t *coap, const coap_pdu_t *pdu,
                           const coap_string_t *query, coap_pdu_t *response)
{
    struct hub_session *session = coap_session_get_app_data(coap);
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    (void)resource;
    (void)query;
    (void)response; /* stays empty, so that libcoap sends nothing: we do */
    if (!session || session->stage != HUB_OPEN || session->stream.shut || session->closing ||
        token.length > HUB_TOKEN_MAX) {
        return;
    }
    struct hub_request request = {.session = session->number,
                                  .session_ctx = session->ctx,
                                  .method = (enum hub_method)coap_pdu_get_code(pdu),
                                  .format = -1,
                                  .accept = -1,
                                  .ticket = {.session = session->number, .token_len = (uint8_t)token.length}};
    struct hub_answer answer = {.code = read_request(pdu, &request), .format = -1};
    size_t len;
    const uint8_t *data;
    if (coap_get_data(pdu, &len, &data) != 0) {
        request.payload = slice_make((const char *)data, len);
    }
    memcpy(request.ticket.token, token.s, token.length);
    hub_sessions_heard(session);
    if (answer.code != 0 || session->hub->options.request(session->hub->options.ctx, &request, &answer)) {
        put_answer(session, &request.ticket, &answer);
    }
}

static void handle_ping(coap_session_t *coap, const coap_pdu_t *pdu, const coap_mid_t mid)
{
    struct hub_session *session = coap_session_get_app_data(coap);
    (void)pdu;
    (void)mid;
    if (session && session->stage == HUB_OPEN) {
        hub_sessions_heard(session);
    }
}

static int add_resource(coap_context_t *context, coap_resource_t *resource)
{
    if (!resource) {
        return STATUS_NO_MEMORY;
    }
    for (int method = HUB_GET; method <= HUB_DELETE; method++) {
        coap_register_handler(resource, (coap_request_t)method, handle_request);
    }
    coap_add_resource(context, resource);
    return 0;
}

/* Every path is unknown to libcoap but one, which it would answer itself. */
int hub_messages_init(struct hub *hub)
{
    static coap_str_const_t well_known = {16, (const uint8_t *)".well-known/core"};
    coap_register_ping_handler(hub->context, handle_ping);
    int status = add_resource(hub->context, coap_resource_unknown_init(NULL));
    return status != 0 ? status : add_resource(hub->context, coap_resource_init(&well_known, 0));
}

void hub_answer(struct hub *hub, const struct hub_ticket *ticket, const struct hub_answer *answer)
{
    struct hub_session *session = hub_sessions_find(hub, ticket->session);
    if (session && !session->closing && !session->stream.shut) {
        put_answer(session, ticket, answer);
    }
}
