#include "platform/coap/fetch.h"

#include <stdbool.h>
#include <time.h>

#include "platform/base/status.h"
#include "platform/coap/get.h"
#include "platform/coap/library.h"
#include "platform/coap/library_internal.h"
#include "platform/coap/url.h"

enum { STEP_MS = 100 };

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

static int send_request(coap_session_t *session, const struct fetch_request *request)
{
    uint8_t token[8];
    size_t token_len;
    coap_pdu_t *pdu;
    coap_session_new_token(session, &token_len, token);
    const struct get get = {.type = COAP_MESSAGE_CON,
                            .token = token,
                            .token_len = token_len,
                            .path = request->path,
                            .path_count = request->path_count,
                            .query = request->query,
                            .query_count = request->query_count,
                            .accept = request->accept,
                            .observe = GET_NONE,
                            .block2 = GET_NONE};
    int status = get_make(session, &get, &pdu);
    if (status != 0) {
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
    coap_address_t address;
    int status = url_resolve(request->url, &address);
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
