/* hub_internal: what the files of the hub share. */
#ifndef RINGSIDE_PLATFORM_COAP_HUB_INTERNAL_H
#define RINGSIDE_PLATFORM_COAP_HUB_INTERNAL_H

#include <stdatomic.h>

#include "platform/coap/address.h"
#include "platform/coap/hub.h"
#include "platform/coap/library.h"
#include "platform/coap/pem.h"
#include "platform/coap/pump.h"
#include "platform/coap/stream.h"

enum hub_stage { HUB_HANDSHAKE, HUB_OPEN, HUB_ENDED };

struct hub_session {
    /* First: libcoap's app data points to it. Its session is gone with SERVER_SESSION_DEL, and so is this. */
    struct stream stream;
    struct hub *hub;
    uint64_t number; /* serial << HUB_SLOT_BITS | slot */
    enum hub_stage stage;
    bool taken;       /* opened() took it: closed() is owed */
    bool closing;     /* in the list of those to be closed */
    const char *why;  /* why we end a handshake; NULL: the peer or TLS does */
    int64_t since_ms; /* handshake: its begin; open: last heard of */
    void *ctx;
    struct hub_session *prev, *next; /* of its stage's list, the oldest first */
    struct hub_session *next_closing;
    uint8_t host[ADDRESS_HOST_BYTES];
    char address[HUB_ADDRESS_MAX];
    char hint[LIBRARY_REASON_MAX]; /* why the first step of its handshake failed; "": it did not */
};

enum { HUB_SLOT_BITS = 24 };

struct hub_list {
    struct hub_session *first, *last;
    uint32_t count;
};

struct hub {
    struct hub_options options;
    coap_context_t *context;
    struct pem identity;
    struct pem ca;
    struct pump pump;
    uint16_t port;
    int wake_fd;
    atomic_bool stopping;
    int64_t turn_at_ms; /* monotonic; -1: not wanted */

    struct hub_session **slots; /* by the lower bits of the number; NULL: free */
    uint32_t slot_count;
    uint32_t *free_slots;
    uint32_t free_count;
    uint64_t serial;
    struct hub_list lists[HUB_ENDED + 1];
    struct hub_session *closing;
    struct stream *dirty;
    bool paced; /* nobody is accepted while there are too many handshakes */
    bool tidy;  /* libcoap has sessions to forget */
    struct hub_counters counters;

    uint8_t key[HUB_KEY_MAX];
    coap_bin_const_t key_handed;
};

/* hub_identity.c */
int hub_identity_init(struct hub *hub);
void hub_identity_deinit(struct hub *hub);
void hub_identity_refresh(struct hub *hub); /* before a session is made */

/* hub_sessions.c */
int hub_sessions_init(struct hub *hub);
void hub_sessions_deinit(struct hub *hub);
struct hub_session *hub_sessions_find(const struct hub *hub, uint64_t number); /* NULL: gone */
void hub_sessions_heard(struct hub_session *session);
void hub_sessions_close(struct hub_session *session, const char *why);
void hub_sessions_pace(struct hub *hub);   /* before a round: how much of what comes is taken */
void hub_sessions_settle(struct hub *hub); /* writes, closes, and ends what took too long; outside of libcoap */
int64_t hub_sessions_due_ms(const struct hub *hub, int64_t now_ms); /* until settling has something to do; -1: never */
void hub_sessions_facts(const struct hub_session *session, struct hub_session_facts *out);
int hub_sessions_event(coap_session_t *coap, coap_event_t event); /* for libcoap */

/* hub_messages.c */
int hub_messages_init(struct hub *hub);

#endif
