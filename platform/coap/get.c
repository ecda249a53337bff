#include "platform/coap/get.h"

#include "platform/base/status.h"

/* One by one: of a whole list libcoap drops without a word what the message has no room for. */
static int add_slices(coap_pdu_t *pdu, uint16_t number, const struct slice *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i].len > GET_OPTION_MAX ||
            coap_add_option(pdu, number, values[i].len, (const uint8_t *)values[i].data) == 0) {
            return STATUS_RANGE;
        }
    }
    return 0;
}

static int add_number(coap_pdu_t *pdu, uint16_t number, int64_t value)
{
    uint8_t bytes[4];
    if (value < 0) {
        return 0;
    }
    struct slice text = slice_make((const char *)bytes, coap_encode_var_safe(bytes, sizeof bytes, (unsigned)value));
    return add_slices(pdu, number, &text, 1);
}

/* In the order of their numbers, as they go into a message. */
static int add_options(coap_pdu_t *pdu, const struct get *get)
{
    int status = add_number(pdu, COAP_OPTION_OBSERVE, get->observe);
    if (status == 0) {
        status = add_slices(pdu, COAP_OPTION_URI_PATH, get->path, get->path_count);
    }
    if (status == 0) {
        status = add_slices(pdu, COAP_OPTION_URI_QUERY, get->query, get->query_count);
    }
    if (status == 0) {
        status = add_number(pdu, COAP_OPTION_ACCEPT, get->accept);
    }
    return status == 0 ? add_number(pdu, COAP_OPTION_BLOCK2, get->block2) : status;
}

int get_make(coap_session_t *session, const struct get *get, coap_pdu_t **out)
{
    coap_pdu_t *pdu = coap_new_pdu(get->type, COAP_REQUEST_CODE_GET, session);
    int status = pdu && coap_add_token(pdu, get->token_len, get->token) != 0 ? 0 : STATUS_NO_MEMORY;
    if (status == 0) {
        status = add_options(pdu, get);
    }
    if (status != 0) {
        coap_delete_pdu(pdu);
        return status;
    }
    *out = pdu;
    return 0;
}
