/* body: an answer as it goes out, shared by all who are given it: plain, packed where that pays, and never changed. */
#ifndef RINGSIDE_COLLECTOR_API_BODY_H
#define RINGSIDE_COLLECTOR_API_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/endpoint.h"

enum { BODY_PACK_MIN = 1024, BODY_ETAG_MAX = 24 };

struct body {
    atomic_uint refs;
    int code;
    const char *type; /* constant */
    int retry_after_s;
    char file_name[80];
    char etag[BODY_ETAG_MAX]; /* weak, with its quotes; empty: none */
    struct buf plain;
    struct buf packed; /* empty: not worth it */
    size_t bytes;      /* in memory */
};

/* Takes what is in the answer. NULL without memory; then the answer is freed as well. Returns owned. */
struct body *body_new(struct endpoint_answer *answer, bool pack);
struct body *body_ref(struct body *body);
void body_unref(struct body *body); /* NULL is fine */
size_t body_bytes(const struct body *body);
size_t body_bytes_alive(void); /* of all bodies that somebody still refers to */

#endif
