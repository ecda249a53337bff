#include "platform/coap/fetch.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/coap/library.h"
#include "platform/coap/library_internal.h"

enum { DEFAULT_PORT = 5683, HOST_MAX = 255, OPTION_MAX = 255, STEP_MS = 100 };

struct exchange {
    struct fetch_answer answer;
    bool done;
    int outcome; /* once done */
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "coap://host[:port]", a slash at the end allowed. */
static int split_url(const char *url, char host[HOST_MAX + 1], uint16_t *port)
{
    static const char scheme[] = "coap://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return strstr(url, "://") ? STATUS_UNSUPPORTED : STATUS_INVALID;
    }
    const char *at = url + sizeof scheme - 1;
    bool bracketed = *at == '[';
    at += bracketed;
    size_t len = strcspn(at, bracketed ? "]" : ":/");
    if (len == 0 || len > HOST_MAX || (bracketed && at[len] != ']')) {
        return STATUS_INVALID;
    }
    memcpy(host, at, len);
    host[len] = 0;
    at += len + bracketed;
    uint64_t number = DEFAULT_PORT;
    if (*at == ':') {
        size_t digits = strcspn(++at, "/");
        if (num_parse_u64(slice_make(at, digits), &number) != 0 || number < 1 || number > UINT16_MAX) {
            return STATUS_INVALID;
        }
        at += digits;
    }
    *port = (uint16_t)number;
    return strcmp(at, "") == 0 || strcmp(at, "/") == 0 ? 0 : STATUS_INVALID;
}

static int resolve(const char *host, uint16_t port, coap_address_t *out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0 || !found) {
        return STATUS_NOT_FOUND;
    }
    coap_address_init(out);
    int status = found->ai_addrlen <= sizeof out->addr ? 0 : STATUS_UNSUPPORTED;
    if (status == 0) {
        out->size = found->ai_addrlen;
        memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
    }
    freeaddrinfo(found);
    return status;
}

static coap_response_t take_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                     const coap_mid_t mid)
{
    (void)sent;
    (void)mid;
    struct exchange *exchange = coap_session_get_app_data(session);
    coap_pdu_code_t code = coap_pdu_get_code(received);
    coap_opt_iterator_t walk;
    const coap_opt_t *format = coap_check_option(received, COAP_OPTION_CONTENT_FORMAT, &walk);
    size_t len;
    size_t offset;
    size_t total;
    const uint8_t *data;
    if (coap_get_data_large(received, &len, &data, &offset, &total) != 0) {
        buf_append(&exchange->answer.body, data, len);
    }
    exchange->answer.code = (unsigned)(code >> 5) * 100 + (code & 0x1F);
    exchange->answer.format = format ? (int)coap_decode_var_bytes(coap_opt_value(format), coap_opt_length(format)) : -1;
    exchange->outcome = exchange->answer.body.failed ? STATUS_NO_MEMORY : 0;
    exchange->done = true;
    return COAP_RESPONSE_OK;
}

static void take_nack(coap_session_t *session, const coap_pdu_t *sent, const coap_nack_reason_t reason,
                      const coap_mid_t mid)
{
    (void)sent;
    (void)mid;
    struct exchange *exchange = coap_session_get_app_data(session);
    if (!exchange->done) {
        exchange->outcome = reason == COAP_NACK_TOO_MANY_RETRIES ? FETCH_TIMEOUT : FETCH_REFUSED;
        exchange->done = true;
    }
}

static int add_options(coap_optlist_t **list, uint16_t number, const struct slice *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i].len > OPTION_MAX) {
            return STATUS_RANGE;
        }
        coap_optlist_t *option = coap_new_optlist(number, values[i].len, (const uint8_t *)values[i].data);
        if (!option || coap_insert_optlist(list, option) == 0) {
            return STATUS_NO_MEMORY;
        }
    }
    return 0;
}

static int add_accept(coap_optlist_t **list, int accept)
{
    uint8_t bytes[4];
    if (accept < 0) {
        return 0;
    }
    struct slice value = slice_make((const char *)bytes, coap_encode_var_safe(bytes, sizeof bytes, (unsigned)accept));
    return add_options(list, COAP_OPTION_ACCEPT, &value, 1);
}

static int send_request(coap_session_t *session, const struct fetch_request *request)
{
    coap_optlist_t *options = NULL;
    coap_pdu_t *pdu = NULL;
    int status = add_options(&options, COAP_OPTION_URI_PATH, request->path, request->path_count);
    if (status == 0) {
        status = add_options(&options, COAP_OPTION_URI_QUERY, request->query, request->query_count);
    }
    if (status == 0) {
        status = add_accept(&options, request->accept);
    }
    if (status == 0) {
        uint8_t token[8];
        size_t token_len;
        pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_REQUEST_CODE_GET, session);
        coap_session_new_token(session, &token_len, token);
        /* What does not fit one message is the caller's: a request cannot be sent in blocks here. */
        status = !pdu || coap_add_token(pdu, token_len, token) == 0    ? STATUS_NO_MEMORY
                 : options && coap_add_optlist_pdu(pdu, &options) == 0 ? STATUS_RANGE
                                                                       : 0;
    }
    coap_delete_optlist(options);

    if (status != 0) {
        coap_delete_pdu(pdu);
        return status;
    }
    return coap_send(session, pdu) == COAP_INVALID_MID ? FETCH_REFUSED : 0; /* takes the pdu in any case */
}

static int exchange_run(coap_context_t *context, struct exchange *exchange, int64_t timeout_ms)
{
    int64_t deadline_ms = monotonic_ms() + timeout_ms;
    while (!exchange->done) {
        int64_t left_ms = deadline_ms - monotonic_ms();
        if (left_ms <= 0) {
            return FETCH_TIMEOUT;
        }
        if (coap_io_process(context, (uint32_t)(left_ms < STEP_MS ? left_ms : STEP_MS)) < 0) {
            return STATUS_IO;
        }
    }
    return exchange->outcome;
}

int fetch_get(const struct fetch_request *request, struct fetch_answer *out)
{
    char host[HOST_MAX + 1];
    uint16_t port;
    coap_address_t address;
    int status = split_url(request->url, host, &port);
    if (status == 0) {
        status = resolve(host, port, &address);
    }
    if (status != 0) {
        return status;
    }
    library_start();
    struct exchange exchange = {.answer = {.format = -1}};
    coap_context_t *context = coap_new_context(NULL);
    if (!context) {
        return STATUS_NO_MEMORY;
    }
    coap_context_set_block_mode(context, COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
    coap_register_response_handler(context, take_response);
    coap_register_nack_handler(context, take_nack);
    coap_session_t *session = coap_new_client_session(context, NULL, &address, COAP_PROTO_UDP);
    if (session) {
        coap_session_set_app_data(session, &exchange);
    }
    status = session ? send_request(session, request) : FETCH_REFUSED;
    if (status == 0) {
        status = exchange_run(context, &exchange, request->timeout_ms);
    }
    if (session) {
        coap_session_release(session);
    }
    exchange.done = true; /* what libcoap says while it is taken down no longer counts */
    coap_free_context(context);
    if (status == 0) {
        *out = exchange.answer;
    } else {
        buf_deinit(&exchange.answer.body);
    }
    return status;
}
