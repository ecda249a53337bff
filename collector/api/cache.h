/* cache: answers by question, bounded in bytes and number; what was longest not asked for goes first. Without threads,
 * clock or lock: those who use it have them. Times are monotonic. */
#ifndef RINGSIDE_COLLECTOR_API_CACHE_H
#define RINGSIDE_COLLECTOR_API_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/body.h"
#include "platform/base/slice.h"

/* The first member of what is kept. */
struct cache_entry {
    struct slice key; /* borrowed for its life */
    uint64_t hash;
    struct body *body; /* NULL: none yet */
    size_t bytes;      /* as counted */
    int64_t made_ms;
    int64_t fresh_ms;
    int64_t stale_ms;
    int64_t asked_ms;
    uint32_t asks;
    bool used;       /* given to somebody who asked since it was made */
    bool making;     /* somebody works on it: it stays */
    int64_t rest_ms; /* not made ahead before this */
    struct cache_entry *chain;
    struct cache_entry *newer;
    struct cache_entry *older;
};

enum cache_age { CACHE_NONE, CACHE_FRESH, CACHE_STALE };

typedef void (*cache_drop_fn)(struct cache_entry *entry);

struct cache {
    struct cache_entry **slots;
    uint32_t slot_count; /* a power of two */
    uint32_t count;
    uint32_t count_max;
    size_t bytes;
    size_t bytes_max;
    uint64_t seed;
    cache_drop_fn drop; /* takes an entry that went */
    struct cache_entry *newest;
    struct cache_entry *oldest;
};

int cache_init(struct cache *cache, size_t bytes_max, uint32_t count_max, uint64_t seed, cache_drop_fn drop);
void cache_deinit(struct cache *cache); /* drops all */

struct cache_entry *cache_find(const struct cache *cache, struct slice key);
void cache_add(struct cache *cache, struct cache_entry *entry);    /* takes it, as the newest */
void cache_remove(struct cache *cache, struct cache_entry *entry); /* drops it */
void cache_asked(struct cache *cache, struct cache_entry *entry, int64_t now_ms);

/* Takes a reference on the body; may drop others, and this one when it alone is too large. Not while it is `making`. */
void cache_fill(struct cache *cache, struct cache_entry *entry, struct body *body, int64_t now_ms);

enum cache_age cache_age(const struct cache_entry *entry, int64_t now_ms);

/* Whether it is time to make it anew, though nobody asks at this moment: it is asked for again and again, and would
 * soon be stale (or, not asked for since it was made, soon be of no use at all). */
bool cache_due(const struct cache_entry *entry, int64_t now_ms);

enum { CACHE_WANTED_MS = 60000 }; /* so long after the last time it was asked for it is made ahead */

#endif
