/* ami_pool: items of one size under small numbers that stay the same until the item is given back. Number 0 is none.
 * Memory is kept for the next items. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_POOL_H
#define RINGSIDE_AGENT_SOURCE_AMI_POOL_H

#include <stddef.h>
#include <stdint.h>

struct ami_pool {
    unsigned char *items; /* [0] is unused */
    size_t item_bytes;
    size_t cap;
    uint32_t made; /* [0] included */
    uint32_t used;
    uint32_t free_head; /* the first four bytes of a free item are the next one's number */
};

void ami_pool_init(struct ami_pool *pool, size_t item_bytes); /* at least 4 */
void ami_pool_deinit(struct ami_pool *pool);

/* The number of a new item, all zero; 0 when out of memory. Moves the items. */
uint32_t ami_pool_take(struct ami_pool *pool);
void ami_pool_give(struct ami_pool *pool, uint32_t at);

static inline void *ami_pool_at(const struct ami_pool *pool, uint32_t at)
{
    return pool->items + at * pool->item_bytes;
}

#endif
