/* Answers: which of them are new, and the blocks of a long one put together. */
#include <string.h>

#include "platform/base/status.h"
#include "platform/coap/observe_internal.h"

enum {
    BODY_MAX = 32 * 1024 * 1024,
    CONTENT = 205,
    MAX_AGE_DEFAULT_S = 60, /* RFC 7252 5.10.5 */
    AGE_MIN_MS = 1000,
    OBSERVED_AGE_MIN_MS = 3000, /* who promised to tell is not asked all the time */
    ERROR_AGAIN_MS = 2000,
    START_OVER_MS = 100,
    FRESH_FOR_MS = 128000, /* RFC 7641 3.4 */
    NUMBER_HALF = 1 << 23
};

struct option {
    bool there;
    uint32_t number;
    const uint8_t *bytes;
    size_t len;
};

static struct option find_option(const coap_pdu_t *pdu, uint16_t number)
{
    coap_opt_iterator_t walk;
    const coap_opt_t *found = coap_check_option(pdu, number, &walk);
    struct option option = {.there = found != NULL};
    if (found) {
        option.bytes = coap_opt_value(found);
        option.len = coap_opt_length(found);
        option.number = option.len <= 4 ? (uint32_t)coap_decode_var_bytes(option.bytes, option.len) : 0;
    }
    return option;
}

static bool token_is(const coap_pdu_t *pdu, const struct observe_token *token)
{
    coap_bin_const_t got = coap_pdu_get_token(pdu);
    return token->len > 0 && got.length == token->len && memcmp(got.s, token->bytes, token->len) == 0;
}

/* What answers our own request is the newest there is: a server that was started anew counts from the beginning. */
static bool is_fresh(struct observe *observe, const coap_pdu_t *pdu, struct option number)
{
    int64_t now_ms = observe_clock_ms();
    uint32_t ahead = (number.number - observe->number) & 0xFFFFFF;
    bool fresh = !number.there || !observe->number_known || coap_pdu_get_type(pdu) == COAP_MESSAGE_ACK ||
                 (ahead != 0 && ahead < NUMBER_HALF) || now_ms - observe->number_ms > FRESH_FOR_MS;
    if (fresh && number.there) {
        observe->number_known = true;
        observe->number = number.number;
        observe->number_ms = now_ms;
    }
    return fresh;
}

static void finish(struct observe *observe)
{
    struct observe_transfer *done = &observe->transfer;
    struct buf spare = observe->whole.body;
    int64_t least_ms = done->observed ? OBSERVED_AGE_MIN_MS : AGE_MIN_MS;
    int64_t age_ms = (int64_t)done->max_age_s * 1000;
    age_ms = age_ms < least_ms ? least_ms : age_ms;
    age_ms = age_ms > observe->silence_ms ? observe->silence_ms : age_ms;
    int64_t again_ms = done->code == CONTENT ? age_ms : ERROR_AGAIN_MS;
    done->token.len = 0;
    observe->whole = *done;
    observe->transfer.body = spare;
    buf_reset(&observe->transfer.body);
    observe->asked_ms = -1;
    observe->ask_at_ms = observe->heard_ms + again_ms;
    observe->happened |= OBSERVE_NEWS;
    observe_set_state(observe, OBSERVE_ANSWERS);
}

/* The answer changed under way, is not as it should be, or says nothing but that one should ask: from the beginning,
 * but not in a tight circle. */
static void start_over(struct observe *observe)
{
    observe->transfer.token.len = 0;
    observe->asked_ms = -1;
    observe->ask_at_ms = observe->heard_ms + START_OVER_MS;
}

static void ask_for_block(struct observe *observe, unsigned exponent)
{
    struct observe_transfer *transfer = &observe->transfer;
    struct get get = observe->get;
    observe_new_token(observe, &transfer->token);
    get.token = transfer->token.bytes;
    get.token_len = transfer->token.len;
    get.block2 = (int64_t)(transfer->body.len >> (exponent + 4)) << 4 | exponent;
    int status = observe_send(observe, &get);
    observe->failure = observe->failure ? observe->failure : status;
}

static void take_body(struct observe *observe, const coap_pdu_t *pdu)
{
    struct observe_transfer *transfer = &observe->transfer;
    coap_block_t block = {0};
    size_t len = 0;
    const uint8_t *data = NULL;
    bool blocks = coap_get_block(pdu, COAP_OPTION_BLOCK2, &block) != 0;
    (void)coap_get_data(pdu, &len, &data);
    bool more = blocks && block.m;
    bool fits = !blocks || ((uint64_t)block.num << (block.szx + 4)) == transfer->body.len;
    if (!fits || (more && len != (size_t)1 << (block.szx + 4)) || transfer->body.len + len > BODY_MAX) {
        start_over(observe);
        return;
    }
    buf_append(&transfer->body, data, len);
    if (transfer->body.failed) {
        observe->failure = STATUS_NO_MEMORY;
    } else if (more) {
        ask_for_block(observe, block.szx);
    } else {
        finish(observe);
    }
}

static void begin(struct observe *observe, const coap_pdu_t *pdu, bool observed)
{
    struct observe_transfer *transfer = &observe->transfer;
    struct option etag = find_option(pdu, COAP_OPTION_ETAG);
    struct option format = find_option(pdu, COAP_OPTION_CONTENT_FORMAT);
    struct option age = find_option(pdu, COAP_OPTION_MAXAGE);
    coap_pdu_code_t code = coap_pdu_get_code(pdu);
    buf_reset(&transfer->body);
    transfer->token.len = 0;
    transfer->etag_len = etag.len <= sizeof transfer->etag ? etag.len : 0;
    if (transfer->etag_len > 0) {
        memcpy(transfer->etag, etag.bytes, transfer->etag_len);
    }
    transfer->code = (unsigned)(code >> 5) * 100 + (code & 0x1F);
    transfer->format = format.there ? (int)format.number : -1;
    transfer->observed = observed;
    transfer->max_age_s = age.there ? age.number : MAX_AGE_DEFAULT_S;
    take_body(observe, pdu);
}

static void take_block(struct observe *observe, const coap_pdu_t *pdu)
{
    const struct observe_transfer *transfer = &observe->transfer;
    struct option etag = find_option(pdu, COAP_OPTION_ETAG);
    bool same = etag.len == transfer->etag_len && (etag.len == 0 || memcmp(etag.bytes, transfer->etag, etag.len) == 0);
    if (coap_pdu_get_code(pdu) == COAP_RESPONSE_CODE_CONTENT && same) {
        take_body(observe, pdu);
    } else {
        start_over(observe);
    }
}

/* A notification that nobody waits for is answered with a reset, by which the server forgets the observation. An ACK is
 * not: its message id is one of ours, and the server would look it up among its own. */
coap_response_t observe_take_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                      const coap_mid_t mid)
{
    (void)sent;
    (void)mid;
    struct observe *observe = coap_session_get_app_data(session);
    if (!observe || observe->closing) {
        return COAP_RESPONSE_OK;
    }
    if (token_is(received, &observe->transfer.token)) {
        observe->heard_ms = observe_clock_ms();
        take_block(observe, received);
    } else if (token_is(received, &observe->token)) {
        struct option number = find_option(received, COAP_OPTION_OBSERVE);
        if (is_fresh(observe, received, number)) {
            observe->heard_ms = observe_clock_ms();
            if (coap_pdu_get_code(received) == COAP_RESPONSE_CODE(203)) {
                start_over(observe); /* "Valid": for those who asked with a tag, which nobody here does */
            } else {
                begin(observe, received, number.there);
            }
        }
    } else if (coap_pdu_get_type(received) != COAP_MESSAGE_ACK) {
        return COAP_RESPONSE_FAIL;
    }
    return COAP_RESPONSE_OK;
}
