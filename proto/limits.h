/* limits: sizes that both ends of the wire agree on. */
#ifndef RINGSIDE_PROTO_LIMITS_H
#define RINGSIDE_PROTO_LIMITS_H

enum {
    LIMITS_MESSAGE_MAX = 64 * 1024, /* a CoAP message over TLS, both directions, announced by CSM */
    LIMITS_PAYLOAD_MAX = 60 * 1024, /* of it for our payload */
    LIMITS_SITE_MAX = 64,           /* bytes of a site id */
    LIMITS_QUEUE_NAME_MAX = 255,    /* bytes of a queue's name; longer ones are cut by the agent */
    LIMITS_QUEUES_MAX = 65535,      /* of one site */
    LIMITS_BATCH_INTERVALS_MAX = 4096,
    LIMITS_GAPS_MAX = 64,          /* of one message, of either kind */
    LIMITS_OPERATORS_MAX = 1000,   /* of one site that are told of by name */
    LIMITS_OPERATOR_TEXT_MAX = 64, /* bytes of such a name, or of a reason; longer ones are cut by the agent */
    LIMITS_EPOCH_BYTES = 16,
    LIMITS_STORE_BYTES = 8,
    LIMITS_ARENA_BYTES = 1024 * 1024 /* enough memory for decoding any message of that size that makes sense */
};

/* The port of the collector where the URL names none (RFC 8323 8.2: coaps+tcp). */
#define LIMITS_DEFAULT_PORT 5684

#endif
