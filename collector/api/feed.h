/* feed: this moment, told to those who follow it (text/event-stream), and the one thread that makes it: once a tick for
 * each filter that somebody follows, and sent when its figures changed. A stream holds no queue: who reads slowly is
 * told the newest state next. */
#ifndef RINGSIDE_COLLECTOR_API_FEED_H
#define RINGSIDE_COLLECTOR_API_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/body.h"
#include "collector/api/endpoint.h"
#include "collector/api/meter.h"
#include "collector/api/question.h"

struct feed;
struct feed_stream;

struct feed_options {
    const struct api_options *api;
    struct metrics *metrics;
    const char *instance;
    struct meter *meter;
    int64_t tick_ms;
    int64_t beat_ms;  /* silent for so long: a comment */
    int64_t token_ms; /* at least so often the tokens are looked at again; at once when the registry changed */
};

/* The connection: `rest` from feed_read(), the others from the feeder's thread; all with the lock held. */
struct feed_line {
    void *ctx;
    void (*rest)(void *ctx);
    void (*wake)(void *ctx);
    bool (*gone)(void *ctx); /* the client hung up, which a resting line does not see by itself; NULL: not known */
};

/* Answers with the document of this moment, which a stream begins with, or refuses the parameters. */
extern const struct endpoint feed_endpoint;

int feed_new(const struct feed_options *options, struct feed **out);
void feed_halt(struct feed *feed); /* all streams say good-bye and end */
void feed_free(struct feed *feed); /* after the last feed_close(); NULL is fine */

bool feed_full(struct feed *feed); /* there are as many streams as may be, or it is halted */
uint32_t feed_count(struct feed *feed);

/* `first` is what feed_endpoint answered to this question. STATUS_BUSY: full; STATUS_NO_MEMORY. */
int feed_open(struct feed *feed, struct question *question, const struct access_token *token, struct body *first,
              const struct feed_line *line, struct feed_stream **out);
void feed_close(struct feed_stream *stream);

/* Up to `room` bytes of what comes next: their number, 0 when the line was put to rest, FEED_END. */
enum { FEED_END = -1 };
int64_t feed_read(struct feed_stream *stream, char *at, size_t room);

bool feed_alive(struct feed *feed, int64_t monotonic_ms, int64_t longest_ms);

/* A hash of a document's figures: of all of it but the values of "as_of" and of ages. */
uint64_t feed_figures(struct slice document);

#endif
