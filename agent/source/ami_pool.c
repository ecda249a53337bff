#include "agent/source/ami_pool.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

void ami_pool_init(struct ami_pool *pool, size_t item_bytes)
{
    *pool = (struct ami_pool){.item_bytes = item_bytes, .made = 1};
}

void ami_pool_deinit(struct ami_pool *pool)
{
    free(pool->items);
    pool->items = NULL;
}

static uint32_t make(struct ami_pool *pool)
{
    if (pool->made >= pool->cap) {
        size_t cap = pool->cap ? pool->cap * 2 : FIRST_CAP;
        unsigned char *items = cap < UINT32_MAX / 2 ? realloc(pool->items, cap * pool->item_bytes) : NULL;
        if (!items) {
            return 0;
        }
        pool->items = items;
        pool->cap = cap;
    }
    return pool->made++;
}

uint32_t ami_pool_take(struct ami_pool *pool)
{
    uint32_t at = pool->free_head;
    if (at) {
        memcpy(&pool->free_head, ami_pool_at(pool, at), sizeof pool->free_head);
    } else {
        at = make(pool);
    }
    if (at) {
        memset(ami_pool_at(pool, at), 0, pool->item_bytes);
        pool->used++;
    }
    return at;
}

void ami_pool_give(struct ami_pool *pool, uint32_t at)
{
    memcpy(ami_pool_at(pool, at), &pool->free_head, sizeof pool->free_head);
    pool->free_head = at;
    pool->used--;
}
