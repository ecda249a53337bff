/* uplink_internal: what the files of the uplink share. */
#ifndef RINGSIDE_PLATFORM_COAP_UPLINK_INTERNAL_H
#define RINGSIDE_PLATFORM_COAP_UPLINK_INTERNAL_H

#include "platform/coap/address.h"
#include "platform/coap/library.h"
#include "platform/coap/pump.h"
#include "platform/coap/stream.h"
#include "platform/coap/uplink.h"

enum { UPLINK_REASON_MAX = 160 };

enum uplink_stage { UPLINK_CONNECTING, UPLINK_CONNECTED, UPLINK_GONE };

struct uplink {
    struct stream stream; /* first: libcoap's app data points to it; its session is held by the context */
    struct uplink_options options;
    coap_context_t *context;
    struct pump pump;
    int epoll_fd; /* libcoap's set and the bell */
    int bell_fd;
    int64_t connect_by_ms;
    struct stream *dirty;
    enum uplink_stage stage;
    bool judged;                   /* and found good */
    bool ready;                    /* connected() is owed */
    bool reported;                 /* closed() was called */
    bool turning;                  /* in uplink_turn() */
    bool freed;                    /* within a turn: to be freed at its end */
    char hint[LIBRARY_REASON_MAX]; /* why the first step of the handshake failed; "": it did not */
    char reason[UPLINK_REASON_MAX];
};

/* uplink.c */
void uplink_ring(const struct uplink *uplink);
void uplink_end_lost(struct uplink *uplink);

/* uplink_connect.c */
int uplink_check_options(const struct uplink_options *options);
int uplink_copy_options(struct uplink *uplink, const struct uplink_options *options);
void uplink_free_options(struct uplink *uplink);

/* Begins the connection. A refusal that is known at once is told by closed() as any other. */
void uplink_begin(struct uplink *uplink, const coap_address_t *address);

#endif
