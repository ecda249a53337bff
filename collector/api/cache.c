#include "collector/api/cache.h"

#include <stdlib.h>

#include "platform/base/hash.h"
#include "platform/base/status.h"

enum { CACHE_LEAD_PART = 5, CACHE_LEAD_MIN_MS = 300, CACHE_ENTRY_BYTES = 1024, CACHE_SLOTS = 4096 };

int cache_init(struct cache *cache, size_t bytes_max, uint32_t count_max, uint64_t seed, cache_drop_fn drop)
{
    *cache = (struct cache){
        .slot_count = CACHE_SLOTS, .count_max = count_max, .bytes_max = bytes_max, .seed = seed, .drop = drop};
    cache->slots = calloc(cache->slot_count, sizeof(struct cache_entry *));
    return cache->slots ? 0 : STATUS_NO_MEMORY;
}

void cache_deinit(struct cache *cache)
{
    while (cache->newest) {
        cache_remove(cache, cache->newest);
    }
    free((void *)cache->slots);
    *cache = (struct cache){0};
}

static struct cache_entry **cache_slot(const struct cache *cache, uint64_t hash)
{
    return &cache->slots[hash & (cache->slot_count - 1)];
}

struct cache_entry *cache_find(const struct cache *cache, struct slice key)
{
    uint64_t hash = hash_bytes(key.data, key.len, cache->seed);
    struct cache_entry *entry = *cache_slot(cache, hash);
    while (entry && (entry->hash != hash || !slice_equal(entry->key, key))) {
        entry = entry->chain;
    }
    return entry;
}

static void cache_link(struct cache *cache, struct cache_entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest) {
        cache->newest->newer = entry;
    } else {
        cache->oldest = entry;
    }
    cache->newest = entry;
}

static void cache_unlink(struct cache *cache, struct cache_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void cache_count_bytes(struct cache *cache, struct cache_entry *entry, size_t bytes)
{
    cache->bytes += bytes - entry->bytes;
    entry->bytes = bytes;
}

/* What is being made stays, with those that wait for it. */
static void cache_trim(struct cache *cache)
{
    struct cache_entry *entry = cache->oldest;
    while (entry && (cache->bytes > cache->bytes_max || cache->count > cache->count_max)) {
        struct cache_entry *newer = entry->newer;
        if (!entry->making) {
            cache_remove(cache, entry);
        }
        entry = newer;
    }
}

void cache_add(struct cache *cache, struct cache_entry *entry)
{
    entry->hash = hash_bytes(entry->key.data, entry->key.len, cache->seed);
    struct cache_entry **slot = cache_slot(cache, entry->hash);
    entry->chain = *slot;
    *slot = entry;
    cache_link(cache, entry);
    cache->count++;
    entry->bytes = 0;
    cache_count_bytes(cache, entry, CACHE_ENTRY_BYTES + entry->key.len);
    bool making = entry->making;
    entry->making = true;
    cache_trim(cache);
    entry->making = making;
}

void cache_remove(struct cache *cache, struct cache_entry *entry)
{
    struct cache_entry **at = cache_slot(cache, entry->hash);
    while (*at != entry) {
        at = &(*at)->chain;
    }
    *at = entry->chain;
    cache_unlink(cache, entry);
    cache->count--;
    cache_count_bytes(cache, entry, 0);
    body_unref(entry->body);
    entry->body = NULL;
    cache->drop(entry);
}

void cache_asked(struct cache *cache, struct cache_entry *entry, int64_t now_ms)
{
    entry->asks =
        entry->asks > 0 && now_ms - entry->asked_ms > CACHE_WANTED_MS ? 1 : entry->asks + (entry->asks < 1000);
    entry->asked_ms = now_ms;
    entry->used = entry->used || entry->body;
    if (cache->newest != entry) {
        cache_unlink(cache, entry);
        cache_link(cache, entry);
    }
}

void cache_fill(struct cache *cache, struct cache_entry *entry, struct body *body, int64_t now_ms)
{
    body_unref(entry->body);
    entry->body = body_ref(body);
    entry->made_ms = now_ms;
    entry->used = false;
    cache_count_bytes(cache, entry, CACHE_ENTRY_BYTES + entry->key.len + body_bytes(body));
    cache_trim(cache);
}

enum cache_age cache_age(const struct cache_entry *entry, int64_t now_ms)
{
    int64_t age_ms = now_ms - entry->made_ms;
    if (!entry->body || age_ms >= entry->fresh_ms + entry->stale_ms) {
        return CACHE_NONE;
    }
    return age_ms < entry->fresh_ms ? CACHE_FRESH : CACHE_STALE;
}

bool cache_due(const struct cache_entry *entry, int64_t now_ms)
{
    if (!entry->body || entry->making || entry->asks < 2 || now_ms - entry->asked_ms > CACHE_WANTED_MS ||
        now_ms < entry->rest_ms) {
        return false;
    }
    int64_t end_ms = entry->fresh_ms + (entry->used ? 0 : entry->stale_ms);
    int64_t lead_ms = end_ms / CACHE_LEAD_PART;
    lead_ms = lead_ms > CACHE_LEAD_MIN_MS ? lead_ms : CACHE_LEAD_MIN_MS;
    return now_ms - entry->made_ms >= end_ms - lead_ms && now_ms - entry->made_ms >= end_ms / 2;
}
