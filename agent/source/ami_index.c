#include "agent/source/ami_index.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

enum { FIRST_MASK = 63 };

static struct ami_index_node *node_at(const struct ami_index *index, uint32_t at)
{
    return ami_pool_at(&index->nodes, at);
}

int ami_index_init(struct ami_index *index)
{
    ami_pool_init(&index->nodes, sizeof(struct ami_index_node));
    index->mask = FIRST_MASK;
    index->buckets = calloc(FIRST_MASK + 1, sizeof *index->buckets);
    return index->buckets ? 0 : STATUS_NO_MEMORY;
}

void ami_index_deinit(struct ami_index *index)
{
    ami_pool_deinit(&index->nodes);
    free(index->buckets);
    index->buckets = NULL;
}

/* Turns a chain round, so that moving it node by node to the heads of new chains keeps its order. */
static uint32_t reversed(struct ami_index *index, uint32_t at)
{
    uint32_t before = 0;
    while (at) {
        uint32_t next = node_at(index, at)->next;
        node_at(index, at)->next = before;
        before = at;
        at = next;
    }
    return before;
}

static int grow(struct ami_index *index)
{
    uint32_t mask = index->mask * 2 + 1;
    uint32_t *buckets = calloc((size_t)mask + 1, sizeof *buckets);
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t b = 0; b <= index->mask; b++) {
        for (uint32_t at = reversed(index, index->buckets[b]); at;) {
            struct ami_index_node *node = node_at(index, at);
            uint32_t next = node->next;
            uint32_t *head = &buckets[(uint32_t)node->hash & mask];
            node->next = *head;
            *head = at;
            at = next;
        }
    }
    free(index->buckets);
    index->buckets = buckets;
    index->mask = mask;
    return 0;
}

int ami_index_add(struct ami_index *index, uint64_t hash, uint32_t value)
{
    if (index->nodes.used > index->mask && grow(index) != 0) {
        return STATUS_NO_MEMORY;
    }
    uint32_t at = ami_pool_take(&index->nodes);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    uint32_t *head = &index->buckets[(uint32_t)hash & index->mask];
    *node_at(index, at) = (struct ami_index_node){.next = *head, .value = value, .hash = hash};
    *head = at;
    return 0;
}

void ami_index_remove(struct ami_index *index, uint64_t hash, uint32_t value)
{
    uint32_t *link = &index->buckets[(uint32_t)hash & index->mask];
    while (*link) {
        uint32_t at = *link;
        struct ami_index_node *node = node_at(index, at);
        if (node->hash == hash && node->value == value) {
            *link = node->next;
            ami_pool_give(&index->nodes, at);
            return;
        }
        link = &node->next;
    }
}

static uint32_t from(const struct ami_index *index, uint32_t at, uint64_t hash)
{
    while (at && node_at(index, at)->hash != hash) {
        at = node_at(index, at)->next;
    }
    return at;
}

uint32_t ami_index_first(const struct ami_index *index, uint64_t hash)
{
    return from(index, index->buckets[(uint32_t)hash & index->mask], hash);
}

uint32_t ami_index_next(const struct ami_index *index, uint32_t node)
{
    return from(index, node_at(index, node)->next, node_at(index, node)->hash);
}
