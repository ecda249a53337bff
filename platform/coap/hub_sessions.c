/* hub_sessions: who is connected, from accept to the end: handshakes in the order of their age, open sessions in the
 * order in which they were last heard of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/coap/hub_internal.h"

enum {
    STEPS_MAX = 2,       /* of handshakes, each some ms of work, before answers have their turn again */
    SPARE_SLOTS = 16,    /* for those that come only to be sent away, and those that libcoap has not yet forgotten */
    STUCK_RETRY_MS = 100 /* the socket's becoming writable wakes us; this is a net below it */
};

int hub_sessions_init(struct hub *hub)
{
    hub->slot_count = hub->options.sessions_max + SPARE_SLOTS;
    hub->slots = calloc(hub->slot_count, sizeof(struct hub_session *));
    hub->free_slots = calloc(hub->slot_count, sizeof(uint32_t));
    if (!hub->slots || !hub->free_slots) {
        return STATUS_NO_MEMORY;
    }
    while (hub->free_count < hub->slot_count) {
        hub->free_slots[hub->free_count] = hub->slot_count - 1 - hub->free_count;
        hub->free_count++;
    }
    return 0;
}

static void enlist(struct hub_session *session, enum hub_stage stage)
{
    struct hub_list *list = &session->hub->lists[stage];
    session->stage = stage;
    session->since_ms = pump_clock_ms();
    session->next = NULL;
    session->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = session;
    list->last = session;
    list->count++;
}

static void delist(struct hub_session *session)
{
    struct hub_list *list = &session->hub->lists[session->stage];
    *(session->prev ? &session->prev->next : &list->first) = session->next;
    *(session->next ? &session->next->prev : &list->last) = session->prev;
    list->count--;
}

struct hub_session *hub_sessions_find(const struct hub *hub, uint64_t number)
{
    uint64_t slot = number & ((1U << HUB_SLOT_BITS) - 1);
    struct hub_session *session = slot < hub->slot_count ? hub->slots[slot] : NULL;
    return session && session->number == number && session->stage != HUB_ENDED ? session : NULL;
}

void hub_sessions_heard(struct hub_session *session)
{
    delist(session);
    enlist(session, HUB_OPEN);
}

void hub_sessions_close(struct hub_session *session, const char *why)
{
    if (session->closing || session->stage == HUB_ENDED) {
        return;
    }
    session->why = why;
    session->closing = true;
    session->next_closing = session->hub->closing;
    session->hub->closing = session;
}

void hub_sessions_facts(const struct hub_session *session, struct hub_session_facts *out)
{
    *out = (struct hub_session_facts){
        .session = session->number, .in_bytes = session->stream.in_bytes, .out_bytes = session->stream.out_bytes};
    memcpy(out->address, session->address, sizeof out->address);
    if (session->stage != HUB_ENDED) {
        const coap_bin_const_t *identity = coap_session_get_psk_identity(session->stream.session);
        out->tls_session = coap_session_get_tls(session->stream.session, NULL);
        if (identity && identity->length > 0) {
            out->psk_identity = slice_make((const char *)identity->s, identity->length);
        }
    }
}

/* Of the handshakes under way the one to give way to a new one. An address that has its share already gives up its own
 * oldest, so that one peer alone cannot push out the others. */
static struct hub_session *choose_victim(const struct hub *hub, const struct hub_session *new)
{
    struct hub_session *own_oldest = NULL;
    uint32_t own = 0;
    for (struct hub_session *at = hub->lists[HUB_HANDSHAKE].first; at; at = at->next) {
        if (at != new && !at->closing && memcmp(at->host, new->host, sizeof at->host) == 0) {
            own_oldest = own_oldest ? own_oldest : at;
            own++;
        }
    }
    if (own > hub->options.handshakes_max / 4 && own_oldest) {
        return own_oldest;
    }
    struct hub_session *oldest = hub->lists[HUB_HANDSHAKE].first;
    while (oldest && (oldest == new || oldest->closing)) {
        oldest = oldest->next;
    }
    return oldest;
}

static void make_room(struct hub *hub, struct hub_session *new)
{
    uint32_t handshakes = hub->lists[HUB_HANDSHAKE].count;
    bool crowded = handshakes > hub->options.handshakes_max && !hub->paced;
    bool full = handshakes + hub->lists[HUB_OPEN].count > hub->options.sessions_max;
    if (!crowded && !full) {
        return;
    }
    struct hub_session *victim = choose_victim(hub, new);
    hub->counters.handshakes_pushed_out++;
    hub_sessions_close(victim ? victim : new,
                       victim ? "it gave way to newer handshakes" : "there are too many sessions");
}

static void begin(struct hub *hub, coap_session_t *coap)
{
    struct hub_session *session = hub->free_count > 0 ? calloc(1, sizeof *session) : NULL;
    library_forget();
    hub_identity_refresh(hub);
    if (!session) {
        return; /* without app data libcoap cannot read from it: it ends at its first bytes */
    }
    uint32_t slot = hub->free_slots[--hub->free_count];
    hub->slots[slot] = session;
    stream_init(&session->stream, coap, hub->options.message_max, &hub->dirty);
    session->hub = hub;
    session->number = ++hub->serial << HUB_SLOT_BITS | slot;
    address_text(coap_session_get_addr_remote(coap), session->address, sizeof session->address);
    address_host(coap_session_get_addr_remote(coap), session->host);
    coap_session_set_app_data(coap, &session->stream);
    enlist(session, HUB_HANDSHAKE);
    make_room(hub, session);
}

static void open_up(struct hub_session *session)
{
    struct hub *hub = session->hub;
    struct hub_session_facts facts;
    if (session->stage != HUB_HANDSHAKE) {
        return;
    }
    delist(session);
    enlist(session, HUB_OPEN);
    hub->counters.accepted++;
    hub_sessions_facts(session, &facts);
    session->taken = hub->options.opened(hub->options.ctx, &facts, &session->ctx) == 0;
    if (!session->taken) {
        stream_shut(&session->stream, STREAM_FINE);
        hub_sessions_close(session, NULL);
    }
}

static void report_refused(struct hub_session *session)
{
    struct hub *hub = session->hub;
    char reason[LIBRARY_REASON_MAX];
    library_reason("it closed the connection during the handshake", reason, sizeof reason);
    const char *why = session->why ? session->why : session->hint[0] ? session->hint : reason;
    hub->counters.handshakes_failed += session->why == NULL;
    if (hub->options.refused) {
        hub->options.refused(hub->options.ctx, session->address, why);
    }
}

static void end(struct hub_session *session)
{
    struct hub *hub = session->hub;
    if (session->stage == HUB_ENDED) {
        return;
    }
    bool opened = session->stage == HUB_OPEN;
    delist(session);
    enlist(session, HUB_ENDED);
    hub->tidy = true;
    hub->counters.oversized += session->stream.fault == STREAM_OVERSIZED;
    hub->counters.malformed += session->stream.fault == STREAM_MALFORMED;
    stream_shut(&session->stream, STREAM_FINE);
    if (!opened) {
        report_refused(session);
    } else if (session->taken && hub->options.closed) {
        struct hub_session_facts facts;
        hub_sessions_facts(session, &facts);
        hub->options.closed(hub->options.ctx, &facts, session->ctx);
    }
}

static void forget(struct hub_session *session)
{
    struct hub *hub = session->hub;
    end(session);
    delist(session);
    for (struct hub_session **at = &hub->closing; session->closing && *at; at = &(*at)->next_closing) {
        if (*at == session) {
            *at = session->next_closing;
            break;
        }
    }
    uint32_t slot = (uint32_t)(session->number & ((1U << HUB_SLOT_BITS) - 1));
    hub->slots[slot] = NULL;
    hub->free_slots[hub->free_count++] = slot;
    coap_session_set_app_data(session->stream.session, NULL);
    stream_deinit(&session->stream);
    free(session);
}

int hub_sessions_event(coap_session_t *coap, coap_event_t event)
{
    struct hub_session *session = coap_session_get_app_data(coap);
    if (event == COAP_EVENT_TCP_CONNECTED && !session) {
        begin(coap_get_app_data(coap_session_get_context(coap)), coap);
    } else if (session && event == COAP_EVENT_SERVER_SESSION_NEW) {
        library_reason("", session->hint, sizeof session->hint);
    } else if (session && event == COAP_EVENT_DTLS_CONNECTED) {
        open_up(session);
    } else if (session && (event == COAP_EVENT_TCP_CLOSED || event == COAP_EVENT_SESSION_CLOSED ||
                           event == COAP_EVENT_SESSION_FAILED)) {
        end(session);
    } else if (session && event == COAP_EVENT_SERVER_SESSION_DEL) {
        forget(session);
    }
    return 0;
}

static void write_all(struct hub *hub)
{
    struct stream *at = hub->dirty;
    hub->dirty = NULL;
    while (at) {
        struct stream *next = at->dirty_next;
        struct hub_session *session = (struct hub_session *)at; /* the stream is its first member */
        at->dirty = false;
        int status = session->stage == HUB_ENDED ? 0 : stream_flush(at);
        if (status < 0) {
            hub_sessions_close(session, NULL);
        } else if (status > 0) {
            at->dirty = true;
            at->dirty_next = hub->dirty;
            hub->dirty = at;
        }
        at = next;
    }
}

static void close_all(struct hub *hub)
{
    while (hub->closing) {
        struct hub_session *session = hub->closing;
        hub->closing = session->next_closing;
        session->closing = false;
        if (session->stage != HUB_ENDED) {
            library_forget();
            (void)stream_flush(&session->stream); /* an answer that goes before the end */
            stream_shut(&session->stream, STREAM_FINE);
            coap_session_disconnected(session->stream.session, COAP_NACK_NOT_DELIVERABLE);
            end(session);
        }
    }
}

static bool is_crowded(const struct hub *hub)
{
    return hub->lists[HUB_HANDSHAKE].count >= hub->options.handshakes_max;
}

/* While others wait to be accepted, only half the time. A handshake that is making progress takes less, however many
 * there are at once: to cut those short in favour of newer ones would mean that none is ever done. */
static int64_t handshake_limit_ms(const struct hub *hub)
{
    return is_crowded(hub) ? hub->options.handshake_ms / 2 : hub->options.handshake_ms;
}

void hub_sessions_pace(struct hub *hub)
{
    hub->paced = pump_listen(&hub->pump, !is_crowded(hub));
    hub->pump.events_max = hub->lists[HUB_HANDSHAKE].count > 0 ? STEPS_MAX : PUMP_EVENTS_MAX;
}

static void end_overdue(struct hub *hub)
{
    int64_t now_ms = pump_clock_ms();
    int64_t limit_ms = handshake_limit_ms(hub);
    struct hub_session *at = hub->lists[HUB_HANDSHAKE].first;
    for (; at && now_ms - at->since_ms >= limit_ms; at = at->next) {
        hub->counters.handshakes_pushed_out += !at->closing;
        hub_sessions_close(at, now_ms - at->since_ms >= hub->options.handshake_ms ? "its handshake took too long"
                                                                                  : "it gave way to newer handshakes");
    }
    at = hub->lists[HUB_OPEN].first;
    for (; at && now_ms - at->since_ms >= hub->options.idle_ms; at = at->next) {
        hub_sessions_close(at, NULL);
    }
}

void hub_sessions_settle(struct hub *hub)
{
    end_overdue(hub);
    write_all(hub);
    close_all(hub);
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    b_ms = b_ms < 0 ? 0 : b_ms;
    return a_ms < 0 || b_ms < a_ms ? b_ms : a_ms;
}

int64_t hub_sessions_due_ms(const struct hub *hub, int64_t now_ms)
{
    const struct hub_session *handshake = hub->lists[HUB_HANDSHAKE].first;
    const struct hub_session *idle = hub->lists[HUB_OPEN].first;
    int64_t due_ms = -1;
    if (handshake) {
        due_ms = sooner(due_ms, handshake->since_ms + handshake_limit_ms(hub) - now_ms);
    }
    if (idle) {
        due_ms = sooner(due_ms, idle->since_ms + hub->options.idle_ms - now_ms);
    }
    return hub->dirty || hub->closing ? sooner(due_ms, hub->closing ? 0 : STUCK_RETRY_MS) : due_ms;
}

void hub_sessions_deinit(struct hub *hub)
{
    for (uint32_t i = 0; hub->slots && i < hub->slot_count; i++) {
        struct hub_session *session = hub->slots[i];
        if (session) {
            session->why = "the server stops";
            stream_shut(&session->stream, STREAM_FINE);
            coap_session_disconnected(session->stream.session, COAP_NACK_NOT_DELIVERABLE);
            forget(session);
        }
    }
    free(hub->slots);
    free(hub->free_slots);
}
