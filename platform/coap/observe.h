/* observe: a CoAP client that keeps one resource in sight (RFC 7641), its answers block by block (RFC 7959) over UDP.
 *
 * It registers, takes what the server tells in the order in which the server said it, and asks again when nothing came
 * for a while, when an answer was an error, and when the server is gone: until it is closed. Nothing blocks but
 * observe_wait(), which waits for the network and for somebody else's file descriptor at once. One thread; several
 * observations may live beside each other. All times are monotonic. */
#ifndef RINGSIDE_PLATFORM_COAP_OBSERVE_H
#define RINGSIDE_PLATFORM_COAP_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

struct observe;

struct observe_options {
    const char *url;          /* "coap://host[:port]"; a name, an IPv4 or a bracketed IPv6 address */
    const struct slice *path; /* segments and query options as raw bytes, at most 255 each */
    size_t path_count;
    const struct slice *query;
    size_t query_count;
    int accept;         /* content format, or -1 */
    int64_t silence_ms; /* asks again after so long without a word, somewhat sooner when Max-Age is over; 0: 5000 */
};

enum observe_state {
    OBSERVE_WAITING, /* for the first answer */
    OBSERVE_ANSWERS,
    OBSERVE_REFUSED, /* nobody listens there */
    OBSERVE_SILENT   /* no answer in time */
};

/* The newest whole answer. */
struct observe_answer {
    unsigned code; /* class * 100 + detail: 205 is Content; 0: there was none yet */
    int format;    /* -1: not said */
    bool observed; /* the server will tell what changes; else it is asked again after the silence */
    struct slice body;
};

/* Everything is copied. Names are looked up here, which may take its time; nothing is sent yet. STATUS_INVALID (the
 * URL), STATUS_UNSUPPORTED (another scheme), STATUS_NOT_FOUND (no such host), STATUS_RANGE (an option over 255 bytes),
 * STATUS_NO_MEMORY. Returns owned. */
int observe_open(const struct observe_options *options, struct observe **out);
void observe_close(struct observe *observe); /* tells the server, without waiting; NULL is fine */

/* What observe_wait() found, added up. */
enum {
    OBSERVE_NEWS = 1,  /* a new answer */
    OBSERVE_STATE = 2, /* observe_state() is another one */
    OBSERVE_INPUT = 4  /* other_fd can be read, or is at its end */
};

/* Works until there is one of the above, timeout_ms are over or a signal came (both 0). other_fd may be -1.
 * STATUS_IO, STATUS_RANGE (a request too long to be sent), STATUS_NO_MEMORY. */
int observe_wait(struct observe *observe, int64_t timeout_ms, int other_fd);

enum observe_state observe_state(const struct observe *observe);
int64_t observe_heard_ms(const struct observe *observe); /* when the server last gave a sign of life; 0: never */
struct observe_answer observe_answer(const struct observe *observe); /* its body is borrowed until the next wait */

#endif
