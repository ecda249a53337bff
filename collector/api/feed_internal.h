/* feed_internal: what the feeder and its streams share. */
#ifndef RINGSIDE_COLLECTOR_API_FEED_INTERNAL_H
#define RINGSIDE_COLLECTOR_API_FEED_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/feed.h"

enum { FEED_HEAD_MAX = 320 };

/* A filter that somebody follows. */
struct feed_channel {
    struct feed_channel *next;
    uint32_t refs; /* streams, and the feeder while it works on it */
    struct question *question;
    struct buf key;
    struct body *newest;
    uint64_t figures;
    uint64_t version; /* from 1; grows when the figures change */
    uint64_t round;   /* of the feeder, when it was made last */
    bool gone;        /* what is asked about is no more */
};

struct feed_stream {
    struct feed *feed;
    struct feed_stream *next;
    struct feed_stream *prev;
    struct feed_line line;
    struct feed_channel *channel;
    uint8_t token[ACCESS_HASH_BYTES];
    bool resting;
    bool over;
    bool hello;
    bool bye;
    bool beat;
    uint64_t version; /* of the channel, told */
    uint64_t alerts;  /* likewise */
    uint64_t id;
    int64_t told_ms;
    /* What is on its way: for the thread that speaks HTTP alone. */
    char head[FEED_HEAD_MAX];
    size_t head_len;
    struct body *body; /* NULL: the head is all */
    size_t at;
};

struct feed {
    struct feed_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t poke;
    bool halted;
    struct feed_stream *streams;
    struct feed_channel *channels;
    uint32_t count;
    uint64_t round;
    uint64_t alerts; /* version of the alerts that alerts_text tells */
    char alerts_text[128];
    uint64_t registry_version;
    int64_t tokens_ms;                /* when they were last looked at */
    struct endpoint_request *request; /* under way; to end its time */
    atomic_llong since_ms;            /* the feeder works since; 0: rests */
};

#endif
