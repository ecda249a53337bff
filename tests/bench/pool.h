/* pool: the intervals of a ledger in memory, as they would be sent, for the benches of what comes behind a ledger. */
#ifndef RINGSIDE_TESTS_BENCH_POOL_H
#define RINGSIDE_TESTS_BENCH_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "proto/message.h"

struct pool {
    uint8_t epoch[LIMITS_EPOCH_BYTES];
    uint32_t interval_s;
    struct message_interval *items; /* in order of (start, queue) */
    size_t count;
    size_t cap;
    struct message_queue *queues; /* [number]; number 0: the ledger has none such */
    uint32_t queue_max;           /* the largest number */
};

void pool_load(struct pool *pool, const char *ledger_dir); /* ends the process when it cannot */
void pool_free(struct pool *pool);

/* As a fresh site's log of the same calls, but not all on whole seconds: each duration moves by a part of a second. */
void pool_to_milliseconds(struct pool *pool);

/* A batch of these items, told as from `site`, its starts moved by shift_s; names: of their queues too. Appends. */
struct pool_batch {
    const char *site;
    const struct message_interval *items;
    size_t count;
    int64_t shift_s;
    bool names;
};
/* Returns how many items fitted into limit_bytes, from the last one backwards: newest first, as agents send them. */
size_t pool_encode(const struct pool *pool, struct message_batch_writer *writer, const struct pool_batch *batch,
                   size_t limit_bytes, struct buf *out);

void pool_hello(const struct pool *pool, const char *site, int64_t now_ms, struct buf *out);

/* Ends the process with this sentence. */
_Noreturn void pool_die(const char *what, int status);

#endif
