/* observe_internal: what the two halves of observe share: the client, and the taking in of answers. */
#ifndef RINGSIDE_PLATFORM_COAP_OBSERVE_INTERNAL_H
#define RINGSIDE_PLATFORM_COAP_OBSERVE_INTERNAL_H

#include "platform/base/buf.h"
#include "platform/coap/get.h"
#include "platform/coap/observe.h"

enum { OBSERVE_TOKEN_MAX = 8, OBSERVE_ETAG_MAX = 8 };

struct observe_token {
    uint8_t bytes[OBSERVE_TOKEN_MAX];
    size_t len; /* 0: none */
};

/* One answer as it comes in. Its blocks after the first have a token of their own: with that of the observation they
 * could not be told from new notifications (RFC 7959 3.4). */
struct observe_transfer {
    struct observe_token token;
    struct buf body;
    uint8_t etag[OBSERVE_ETAG_MAX];
    size_t etag_len;
    unsigned code;
    int format;
    bool observed;
    uint32_t max_age_s;
};

struct observe {
    coap_address_t address;
    struct get get; /* what is asked for; its slices lie in `slices`, their bytes in `text` */
    struct slice *slices;
    char *text;
    int64_t silence_ms;

    coap_context_t *context; /* NULL between two attempts */
    coap_session_t *session;
    struct observe_token token;
    int64_t asked_ms; /* of the request that is open; -1: none is */
    int64_t ask_at_ms;
    bool broken;       /* found in a callback, in which nothing can be taken down */
    bool closing;      /* what libcoap says while it is taken down no longer counts */
    int failure;       /* of a callback, for observe_wait() */
    bool number_known; /* the Observe number of the newest notification (RFC 7641 3.4) */
    uint32_t number;
    int64_t number_ms;

    struct observe_transfer transfer;
    struct observe_transfer whole;
    enum observe_state state;
    int64_t heard_ms;
    int happened; /* OBSERVE_* for the caller */
};

int64_t observe_clock_ms(void);
void observe_set_state(struct observe *observe, enum observe_state state);
void observe_new_token(struct observe *observe, struct observe_token *out);

/* Sends one request; STATUS_* or 0. What could not leave the machine marks the observation as broken. */
int observe_send(struct observe *observe, const struct get *get);

coap_response_t observe_take_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                      const coap_mid_t mid);

#endif
