/* book: the KPI intervals that are in memory: counts what legs did, remembers what changed until it is durable.
 * Not thread safe. */
#ifndef RINGSIDE_AGENT_KPI_BOOK_H
#define RINGSIDE_AGENT_KPI_BOOK_H

#include <stddef.h>
#include <stdint.h>

#include "agent/event/change.h"
#include "proto/summary.h"

enum { BOOK_NEW = 1 }; /* outcome of load: the ledger holds no such interval */

struct book_options {
    int64_t interval_ms;
    /* The longest wait of an abandon that counts as short in this queue. */
    int64_t (*short_abandon_ms)(void *ctx, uint32_t queue);
    /* Fills *out (zeroed) with what is stored; 0, BOOK_NEW or a failure. */
    int (*load)(void *ctx, uint32_t queue, int64_t start_s, struct summary *out);
    void *ctx;
};

struct book;

int book_new(const struct book_options *options, struct book **out); /* returns owned */
void book_free(struct book *book);

int book_change(struct book *book, const struct leg_change *change); /* 0, STATUS_NO_MEMORY, or load's failure */

/* Each interval that changed since the last book_saved(), ordered by (start, queue). A summary that is all zero was
 * taken back. Stops at the first non-zero return of put and passes it on. */
struct book_item {
    uint32_t queue;
    int64_t start_s;
    const struct summary *summary;
};
int book_save(struct book *book, int (*put)(void *ctx, const struct book_item *item), void *ctx);

/* What book_save() gave is durable. Intervals older than the newest by more than a few leave the memory. */
void book_saved(struct book *book);

/* Gives back the memory of intervals that left, which is else kept for the next ones. */
void book_trim(struct book *book);

size_t book_dirty_count(const struct book *book);

#endif
