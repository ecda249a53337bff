/* get: GET requests as libcoap wants them. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_GET_H
#define RINGSIDE_PLATFORM_COAP_GET_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "platform/coap/library_internal.h"

enum { GET_NONE = -1, GET_OPTION_MAX = 255 };

struct get {
    coap_pdu_type_t type;
    const uint8_t *token;
    size_t token_len;
    const struct slice *path; /* segments and query options as raw bytes, at most GET_OPTION_MAX each */
    size_t path_count;
    const struct slice *query;
    size_t query_count;
    int accept;     /* content format, or GET_NONE */
    int observe;    /* COAP_OBSERVE_ESTABLISH, COAP_OBSERVE_CANCEL, or GET_NONE */
    int64_t block2; /* number << 4 | size exponent, or GET_NONE */
};

/* Returns owned (coap_send() takes it). STATUS_RANGE (an option too long, or all of it together: a request cannot be
 * sent in blocks here), STATUS_NO_MEMORY. */
int get_make(coap_session_t *session, const struct get *get, coap_pdu_t **out);

#endif
