/* Gaps: between which keys of a database something is missing. */
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/kv/kv_walk.h"

static int keep_key(struct walk *walk, struct slice key, size_t *at)
{
    *at = walk->gap_keys.len;
    buf_append(&walk->gap_keys, key.data, key.len);
    return walk->gap_keys.failed ? STATUS_NO_MEMORY : 0;
}

int walk_gap_open(struct walk_tree *tree, bool doubtful)
{
    if (!tree->walk->take || tree->leaf != walk_leaf) {
        return 0;
    }
    if (tree->in_gap) {
        tree->gap.doubtful = tree->gap.doubtful || doubtful;
        return 0;
    }
    tree->in_gap = true;
    tree->gap = (struct walk_gap){.db = tree->db, .doubtful = doubtful};
    tree->gap.has_from = tree->has_last;
    tree->gap.from_len = tree->last_len;
    return tree->has_last
               ? keep_key(tree->walk, slice_make((const char *)tree->last, tree->last_len), &tree->gap.from_at)
               : 0;
}

int walk_gap_close(struct walk_tree *tree, struct slice to)
{
    struct walk *walk = tree->walk;
    if (!tree->in_gap) {
        return 0;
    }
    tree->in_gap = false;
    tree->gap.has_to = to.data != NULL;
    tree->gap.to_len = to.len;
    if (to.data && keep_key(walk, to, &tree->gap.to_at) != 0) {
        return STATUS_NO_MEMORY;
    }
    struct walk_gap *gaps = grow_array(walk->gaps, walk->gap_count, &walk->gap_cap, sizeof *gaps);
    if (!gaps) {
        return STATUS_NO_MEMORY;
    }
    walk->gaps = gaps;
    gaps[walk->gap_count++] = tree->gap;
    return 0;
}

/* Gaps of a database stand in the order of their keys, and databases in the order of their numbers. */
static int compare(const struct walk *walk, const struct walk_gap *gap, size_t db, struct slice key)
{
    const char *keys = (const char *)walk->gap_keys.data;
    if (gap->db != db) {
        return gap->db < db ? -1 : 1;
    }
    if (gap->has_from && page_compare(PAGE_ORDER_BYTES, key, slice_make(keys + gap->from_at, gap->from_len)) <= 0) {
        return 1;
    }
    if (gap->has_to && page_compare(PAGE_ORDER_BYTES, key, slice_make(keys + gap->to_at, gap->to_len)) >= 0) {
        return -1;
    }
    return 0;
}

bool walk_gap_has(const struct walk *walk, size_t db, struct slice key)
{
    size_t low = 0;
    size_t high = walk->gap_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(walk, &walk->gaps[middle], db, key);
        if (order == 0) {
            return !walk->gaps[middle].doubtful;
        }
        low = order < 0 ? middle + 1 : low;
        high = order > 0 ? middle : high;
    }
    return false;
}
