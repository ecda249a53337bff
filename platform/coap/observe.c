#include "platform/coap/observe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "platform/base/status.h"
#include "platform/coap/library.h"
#include "platform/coap/observe_internal.h"
#include "platform/coap/url.h"

enum {
    SILENCE_DEFAULT_MS = 5000,
    SILENT_MS = 3000,      /* a request open for so long: the server is silent */
    RENEW_MS = 12000,      /* and for so long: everything anew */
    REFUSED_AGAIN_MS = 500 /* how often to look whether somebody listens again */
};

int64_t observe_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void observe_set_state(struct observe *observe, enum observe_state state)
{
    observe->happened |= observe->state == state ? 0 : OBSERVE_STATE;
    observe->state = state;
}

void observe_new_token(struct observe *observe, struct observe_token *out)
{
    coap_session_new_token(observe->session, &out->len, out->bytes);
}

int observe_send(struct observe *observe, const struct get *get)
{
    coap_pdu_t *pdu;
    int status = get_make(observe->session, get, &pdu);
    if (status != 0) {
        return status;
    }
    observe->asked_ms = observe_clock_ms();
    observe->broken |= coap_send(observe->session, pdu) == COAP_INVALID_MID; /* takes the pdu in any case */
    return 0;
}

static void take_nack(coap_session_t *session, const coap_pdu_t *sent, const coap_nack_reason_t reason,
                      const coap_mid_t mid)
{
    (void)sent;
    (void)mid;
    (void)reason; /* silence is judged by our own clock, long before libcoap gives up */
    struct observe *observe = coap_session_get_app_data(session);
    if (observe && !observe->closing) {
        observe->broken = true;
    }
}

/* The whole context goes: a session alone would live on in libcoap's queue of what is to be sent again. */
static void disconnect(struct observe *observe)
{
    observe->closing = true;
    if (observe->session) {
        coap_session_release(observe->session);
    }
    if (observe->context) {
        coap_free_context(observe->context);
    }
    observe->session = NULL;
    observe->context = NULL;
    observe->transfer.token.len = 0;
    observe->asked_ms = -1;
    observe->number_known = false;
    observe->broken = false;
    observe->closing = false;
}

static int connect_to(struct observe *observe)
{
    observe->context = coap_new_context(NULL);
    if (!observe->context) {
        return STATUS_NO_MEMORY;
    }
    /* libcoap does not put blocks together here: it loses the thread when a notification overtakes the blocks of the
     * one before. */
    coap_register_response_handler(observe->context, observe_take_response);
    coap_register_nack_handler(observe->context, take_nack);
    observe->session = coap_new_client_session(observe->context, NULL, &observe->address, COAP_PROTO_UDP);
    if (!observe->session) {
        observe->broken = true;
        return 0;
    }
    coap_session_set_app_data(observe->session, observe);
    observe_new_token(observe, &observe->token);
    return 0;
}

/* With the token of before: for the server it is the same observation, for a new server a new one. */
static int ask(struct observe *observe)
{
    struct get get = observe->get;
    int status = observe->context ? 0 : connect_to(observe);
    if (status != 0 || observe->broken) {
        return status;
    }
    observe->transfer.token.len = 0;
    get.observe = COAP_OBSERVE_ESTABLISH;
    get.token = observe->token.bytes;
    get.token_len = observe->token.len;
    return observe_send(observe, &get);
}

static int64_t due_ms(const struct observe *observe)
{
    if (observe->asked_ms < 0) {
        return observe->ask_at_ms;
    }
    return observe->asked_ms + (observe->state == OBSERVE_SILENT ? RENEW_MS : SILENT_MS);
}

/* Whatever the clock or a failure calls for. */
static int take_turn(struct observe *observe)
{
    int status = observe->failure;
    int64_t now_ms = observe_clock_ms();
    if (status == 0 && !observe->broken && now_ms >= due_ms(observe)) {
        if (observe->asked_ms < 0) {
            status = ask(observe);
        } else if (now_ms < observe->asked_ms + RENEW_MS) {
            observe_set_state(observe, OBSERVE_SILENT);
        } else {
            disconnect(observe);
            observe->ask_at_ms = now_ms;
            status = ask(observe);
        }
    }
    if (observe->broken) {
        disconnect(observe);
        observe->ask_at_ms = now_ms + REFUSED_AGAIN_MS;
        observe_set_state(observe, OBSERVE_REFUSED);
    }
    return status;
}

/* 1: a signal came. */
static int wait_for_work(const struct observe *observe, int64_t until_ms, int other_fd, bool *input)
{
    int64_t due = due_ms(observe);
    int64_t left_ms = (due < until_ms ? due : until_ms) - observe_clock_ms();
    int timeout_ms = left_ms < 0 ? 0 : left_ms > 1000 ? 1000 : (int)left_ms;
    int coap_fd = observe->context ? coap_context_get_coap_fd(observe->context) : -1;
    struct pollfd fds[2] = {{.fd = coap_fd, .events = POLLIN}, {.fd = other_fd, .events = POLLIN}};
    if (poll(fds, 2, timeout_ms) < 0) {
        return errno == EINTR ? 1 : STATUS_IO;
    }
    *input = fds[1].revents != 0;
    return 0;
}

int observe_wait(struct observe *observe, int64_t timeout_ms, int other_fd)
{
    int64_t until_ms = observe_clock_ms() + timeout_ms;
    for (;;) {
        bool input = false;
        int status = take_turn(observe);
        if (status == 0 && observe->happened == 0) {
            status = wait_for_work(observe, until_ms, other_fd, &input);
        }
        if (status == 0 && observe->context && coap_io_process(observe->context, COAP_IO_NO_WAIT) < 0) {
            status = STATUS_IO;
        }
        if (status != 0) {
            return status < 0 ? status : 0;
        }
        int happened = observe->happened | (input ? OBSERVE_INPUT : 0);
        if (happened != 0 || observe_clock_ms() >= until_ms) {
            observe->happened = 0;
            return happened;
        }
    }
}

/* The slices of path and query, one behind the other, with bytes of our own. */
static int copy_request(struct observe *observe, const struct observe_options *options)
{
    size_t count = options->path_count + options->query_count;
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++) {
        const struct slice *from =
            i < options->path_count ? &options->path[i] : &options->query[i - options->path_count];
        if (from->len > GET_OPTION_MAX) {
            return STATUS_RANGE;
        }
        bytes += from->len;
    }
    observe->slices = calloc(count + 1, sizeof *observe->slices);
    observe->text = malloc(bytes);
    if (!observe->slices || !observe->text) {
        return STATUS_NO_MEMORY;
    }
    char *at = observe->text;
    for (size_t i = 0; i < count; i++) {
        const struct slice *from =
            i < options->path_count ? &options->path[i] : &options->query[i - options->path_count];
        if (from->len > 0) {
            memcpy(at, from->data, from->len);
        }
        observe->slices[i] = slice_make(at, from->len);
        at += from->len;
    }
    observe->get = (struct get){.type = COAP_MESSAGE_CON,
                                .path = observe->slices,
                                .path_count = options->path_count,
                                .query = observe->slices + options->path_count,
                                .query_count = options->query_count,
                                .accept = options->accept,
                                .observe = GET_NONE,
                                .block2 = GET_NONE};
    return 0;
}

int observe_open(const struct observe_options *options, struct observe **out)
{
    struct observe *observe = calloc(1, sizeof *observe);
    if (!observe) {
        return STATUS_NO_MEMORY;
    }
    observe->asked_ms = -1;
    observe->silence_ms = options->silence_ms > 0 ? options->silence_ms : SILENCE_DEFAULT_MS;
    int status = url_resolve(options->url, &observe->address);
    if (status == 0) {
        status = copy_request(observe, options);
    }
    if (status != 0) {
        observe_close(observe);
        return status;
    }
    library_start();
    *out = observe;
    return 0;
}

void observe_close(struct observe *observe)
{
    if (!observe) {
        return;
    }
    if (observe->session && !observe->broken) {
        struct get get = observe->get;
        get.type = COAP_MESSAGE_NON;
        get.observe = COAP_OBSERVE_CANCEL;
        get.token = observe->token.bytes;
        get.token_len = observe->token.len;
        (void)observe_send(observe, &get);
    }
    disconnect(observe);
    buf_deinit(&observe->transfer.body);
    buf_deinit(&observe->whole.body);
    free(observe->slices);
    free(observe->text);
    free(observe);
}

enum observe_state observe_state(const struct observe *observe)
{
    return observe->state;
}

int64_t observe_heard_ms(const struct observe *observe)
{
    return observe->heard_ms;
}

struct observe_answer observe_answer(const struct observe *observe)
{
    const struct observe_transfer *whole = &observe->whole;
    return (struct observe_answer){
        .code = whole->code,
        .format = whole->code ? whole->format : -1,
        .observed = whole->observed,
        .body = buf_slice(&whole->body),
    };
}
