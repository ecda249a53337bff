#include "collector/api/body.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/base/hash.h"
#include "platform/file/gzip.h"

enum { BODY_SEED = 0x51a7, BODY_PACK_LEVEL = 4 };

/* Of all that there are, wherever they are held. */
static atomic_size_t body_alive;

static void body_tag(struct body *body)
{
    uint64_t hash = hash_bytes(body->plain.data, body->plain.len, BODY_SEED);
    (void)snprintf(body->etag, sizeof body->etag, "W/\"%016" PRIx64 "\"", hash);
}

/* It may stay for long: the room to grow is given back. */
static void body_fit(struct buf *buf)
{
    uint8_t *fitting = buf->len > 0 ? realloc(buf->data, buf->len) : NULL;
    if (fitting) {
        buf->data = fitting;
        buf->cap = buf->len;
    }
}

static void body_pack(struct body *body)
{
    if (gzip_pack(buf_slice(&body->plain), BODY_PACK_LEVEL, &body->packed) != 0 ||
        body->packed.len >= body->plain.len) {
        buf_deinit(&body->packed);
        return;
    }
    body_fit(&body->packed);
}

struct body *body_new(struct endpoint_answer *answer, bool pack)
{
    struct body *body = calloc(1, sizeof *body);
    if (!body) {
        buf_deinit(&answer->body);
        return NULL;
    }
    atomic_init(&body->refs, 1);
    body->code = answer->code;
    body->type = answer->type ? answer->type : "application/json";
    body->retry_after_s = answer->retry_after_s;
    (void)snprintf(body->file_name, sizeof body->file_name, "%s", answer->file_name);
    body->plain = answer->body;
    answer->body = BUF_INIT;
    body_fit(&body->plain);
    if (body->code == 200) {
        body_tag(body);
    }
    if (pack && body->plain.len >= BODY_PACK_MIN) {
        body_pack(body);
    }
    body->bytes = sizeof *body + body->plain.cap + body->packed.cap;
    (void)atomic_fetch_add(&body_alive, body->bytes);
    return body;
}

struct body *body_ref(struct body *body)
{
    atomic_fetch_add_explicit(&body->refs, 1, memory_order_relaxed);
    return body;
}

void body_unref(struct body *body)
{
    if (body && atomic_fetch_sub_explicit(&body->refs, 1, memory_order_acq_rel) == 1) {
        (void)atomic_fetch_sub(&body_alive, body->bytes);
        buf_deinit(&body->plain);
        buf_deinit(&body->packed);
        free(body);
    }
}

size_t body_bytes(const struct body *body)
{
    return body->bytes;
}

size_t body_bytes_alive(void)
{
    return atomic_load(&body_alive);
}
