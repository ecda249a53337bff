/* ami_index: numbers found by a 64-bit hash; several may have the same. The hash is seeded by the owner and stands for
 * the key: two keys that share one are taken for the same. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_INDEX_H
#define RINGSIDE_AGENT_SOURCE_AMI_INDEX_H

#include <stdint.h>

#include "agent/source/ami_pool.h"

struct ami_index_node {
    uint32_t next; /* of the bucket, newest first */
    uint32_t value;
    uint64_t hash;
};

struct ami_index {
    struct ami_pool nodes;
    uint32_t *buckets;
    uint32_t mask;
};

int ami_index_init(struct ami_index *index); /* 0 or STATUS_NO_MEMORY */
void ami_index_deinit(struct ami_index *index);

int ami_index_add(struct ami_index *index, uint64_t hash, uint32_t value); /* 0 or STATUS_NO_MEMORY */
void ami_index_remove(struct ami_index *index, uint64_t hash, uint32_t value);

/* The node of the value added last under this hash, then the one before; 0: none. */
uint32_t ami_index_first(const struct ami_index *index, uint64_t hash);
uint32_t ami_index_next(const struct ami_index *index, uint32_t node);

static inline uint32_t ami_index_value(const struct ami_index *index, uint32_t node)
{
    return node ? ((const struct ami_index_node *)ami_pool_at(&index->nodes, node))->value : 0;
}

#endif
