/* vectors: the messages of proto/vectors/, as our encoder writes them and as our decoder understands them. */
#ifndef RINGSIDE_TESTS_SUPPORT_VECTORS_H
#define RINGSIDE_TESTS_SUPPORT_VECTORS_H

#include <stddef.h>

#include "platform/base/buf.h"

struct vector {
    const char *name;
    void (*encode)(struct buf *out);
    void (*tell)(struct slice bytes, struct buf *out); /* decodes, and writes the meaning as JSON */
};

extern const struct vector vectors[];
extern const size_t vector_count;

/* The meaning of each kind of message, ending in a new line. One that is refused is told with its status. */
void vectors_tell_hello(struct slice bytes, struct buf *out);
void vectors_tell_hello_reply(struct slice bytes, struct buf *out);
void vectors_tell_batch(struct slice bytes, struct buf *out);
void vectors_tell_batch_reply(struct slice bytes, struct buf *out);
void vectors_tell_live(struct slice bytes, struct buf *out);

#endif
