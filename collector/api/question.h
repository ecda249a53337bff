/* question: the target of a request taken apart: path and parameters, percent-decoded, held within limits. Never
 * changed once made, shared by the connection, the cache and those who work on it. */
#ifndef RINGSIDE_COLLECTOR_API_QUESTION_H
#define RINGSIDE_COLLECTOR_API_QUESTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "collector/api/endpoint.h"
#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum { QUESTION_TARGET_MAX = 8192, QUESTION_VALUES_MAX = 2048, QUESTION_PATH_MAX = 1024 };

struct question {
    atomic_uint refs;
    struct slice raw;  /* the path as it was sent */
    struct slice path; /* decoded */
    bool odd;          /* decoding gave a '/' or a control character: no path of ours */
    struct endpoint_item *items;
    size_t item_count;
};

/* 0, or the code of HTTP that refuses it, with one sentence. Returns owned. */
int question_new(const char *target, struct question **out, const char **why);
struct question *question_ref(struct question *question);
void question_unref(struct question *question); /* NULL is fine */

/* What tells it from other questions: the path, and the parameters in whatever order they came. Appends. */
void question_key(const struct question *question, struct buf *out);

#endif
