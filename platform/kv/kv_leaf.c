/* Leaves of a named database: a sound one as it is, of a damaged one what can be made out. */
#include <stdlib.h>
#include <string.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/kv/kv_walk.h"

bool walk_is_whole(const struct walk *walk, size_t db, struct slice key, struct slice value)
{
    const struct kv_look *look = walk->look;
    return !look->whole || look->whole(look->ctx, walk->out->dbs[db].name, key, value);
}

/* Inside of what leads here, and behind what was taken before. */
static bool key_is_inside(const struct walk_tree *tree, struct slice key, const struct walk_range *range)
{
    return (!range->from.data || page_compare(tree->order, range->from, key) <= 0) &&
           (!range->to.data || page_compare(tree->order, key, range->to) < 0) &&
           (!tree->has_last ||
            page_compare(tree->order, slice_make((const char *)tree->last, tree->last_len), key) < 0);
}

bool walk_leaf_is_inside(const struct walk_tree *tree, const uint8_t *page, const struct walk_range *range)
{
    size_t page_bytes = tree->walk->file.page_bytes;
    struct page_node first;
    struct page_node last;
    return page_node(page, page_bytes, false, 0, &first) &&
           page_node(page, page_bytes, false, page_nodes(page) - 1, &last) && key_is_inside(tree, first.key, range) &&
           key_is_inside(tree, last.key, range);
}

static int take(struct walk_tree *tree, struct slice key, struct slice value, const struct walk_run *run)
{
    struct walk *walk = tree->walk;
    int status = walk_gap_close(tree, key);
    if (status == 0) {
        tree->entries++;
        tree->overflow_pages += run->pages;
        walk_use(walk, run->first, run->pages);
        memcpy(tree->last, key.data, key.len);
        tree->last_len = key.len;
        tree->has_last = true;
        walk->out->dbs[tree->db].sound_count++;
        status = walk->take ? walk->take(walk, tree->db, key, value) : 0;
    }
    return status;
}

static void lose(struct walk_tree *tree, uint64_t number, const char *what)
{
    walk_note(tree->walk, "page %llu of %s: a record is damaged: %s", (unsigned long long)number, tree->name, what);
    tree->bad++;
}

static int take_node(struct walk_tree *tree, uint64_t number, const struct page_node *node)
{
    struct walk *walk = tree->walk;
    struct slice value;
    struct walk_run run;
    const char *fault = walk_value(walk, node, false, &value, &run);
    bool is_claimed = !fault;
    if (fault && walk->look->whole) { /* a run whose header alone is wrong */
        walk->out->bad_pages++;
        is_claimed = walk_value(walk, node, true, &value, &run) == NULL;
    }
    bool is_whole = is_claimed && walk_is_whole(walk, tree->db, node->key, value);
    if (fault || !is_whole) {
        lose(tree, number, fault ? fault : "its owner does not know it");
    }
    return is_whole ? take(tree, node->key, value, &run) : 0;
}

/* No two values share a page: together they are no longer than the file. This also bounds what is read for one leaf. */
static bool has_plain_nodes(const struct page_file *file, const uint8_t *page)
{
    struct page_node node;
    uint64_t pages = 0;
    for (size_t i = 0; i < page_nodes(page); i++) {
        if (!page_node(page, file->page_bytes, false, i, &node) || (node.flags & ~(unsigned)NODE_BIG) != 0) {
            return false;
        }
        pages += (node.flags & NODE_BIG) ? page_run_of(file, node.data_bytes) : 0;
    }
    return pages <= file->file_pages;
}

static bool is_other_kind(const uint8_t *page)
{
    unsigned kind = page_kind(page);
    return kind == PAGE_BRANCH || kind == PAGE_OVERFLOW || kind == PAGE_META;
}

size_t walk_leaf_nodes(const struct walk *walk, const uint8_t *page, struct page_node *out)
{
    size_t page_bytes = walk->file.page_bytes;
    size_t guess = page_nodes_guess(page, page_bytes);
    uint64_t pages = 0;
    size_t count = 0;
    if (is_other_kind(page)) {
        return 0;
    }
    for (size_t i = 0; i < guess; i++) {
        struct page_node *node = &out[count];
        bool is_record = page_node(page, page_bytes, false, i, node) && node->key.len > 0 &&
                         node->key.len <= PAGE_KEY_MAX && (node->flags & ~(unsigned)NODE_BIG) == 0 &&
                         (size_t)(node->key.data - (const char *)page) >= PAGE_HEADER + 2 * guess + NODE_HEADER;
        uint64_t run = is_record && (node->flags & NODE_BIG) ? page_run_of(&walk->file, node->data_bytes) : 0;
        bool has_room = pages + run <= walk->file.file_pages;
        pages += has_room ? run : 0;
        count += is_record && has_room ? 1U : 0U;
    }
    return count;
}

/* One key that stands too high would hold back all that follow: it goes where the next one is in order without it. */
static bool holds_back(const struct walk_tree *tree, const struct page_node *node, const struct page_node *next,
                       const struct walk_range *range)
{
    return next && page_compare(tree->order, node->key, next->key) >= 0 && key_is_inside(tree, next->key, range);
}

static int take_damaged(struct walk_tree *tree, uint64_t number, const struct page_node *nodes, size_t count,
                        const struct walk_range *range)
{
    struct walk *walk = tree->walk;
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct slice value;
        struct walk_run run;
        const struct page_node *next = i + 1 < count ? &nodes[i + 1] : NULL;
        if (!key_is_inside(tree, nodes[i].key, range) ||
            (!walk->look->whole && holds_back(tree, &nodes[i], next, range)) ||
            walk_value(walk, &nodes[i], walk->look->whole != NULL, &value, &run) != NULL ||
            !walk_is_whole(walk, tree->db, nodes[i].key, value)) {
            continue;
        }
        walk_use(walk, number, 1);
        status = take(tree, nodes[i].key, value, &run);
    }
    return status;
}

static int damaged_leaf(struct walk_tree *tree, const uint8_t *page, uint64_t number, const struct walk_range *range,
                        const char *fault)
{
    struct walk *walk = tree->walk;
    CLEANUP(cleanup_free) struct page_node *nodes = calloc(PAGE_NODES_MAX, sizeof *nodes);
    if (!nodes) {
        return STATUS_NO_MEMORY;
    }
    walk_bad_page(tree, number, fault);
    /* With the number of another page it may be that page, of whatever age, written in a wrong place. */
    bool is_other = page_number(page) != number && page_number(page) <= walk->file.last_page;
    size_t count = is_other ? 0 : walk_leaf_nodes(walk, page, nodes);
    int status = take_damaged(tree, number, nodes, count, range);
    if (status != 0) {
        return status;
    }
    if (!walk_is_used(walk, number)) {
        return walk_gap_open(tree, false);
    }
    tree->leaf_pages++;
    return 0;
}

int walk_leaf(struct walk_tree *tree, const uint8_t *page, uint64_t number, const struct walk_range *range)
{
    struct walk *walk = tree->walk;
    size_t page_bytes = walk->file.page_bytes;
    const char *fault = page_fault(&walk->file, page, number, PAGE_LEAF, tree->order);
    if (!fault && !has_plain_nodes(&walk->file, page)) {
        fault = "a node that no record has";
    }
    if (fault) {
        return damaged_leaf(tree, page, number, range, fault);
    }
    if (!walk_leaf_is_inside(tree, page, range)) {
        walk_bad_page(tree, number, "its keys are outside of what leads to it");
        return walk_gap_open(tree, false);
    }
    walk_use(walk, number, 1);
    tree->leaf_pages++;
    int status = 0;
    struct page_node node;
    for (size_t i = 0; status == 0 && i < page_nodes(page) && page_node(page, page_bytes, false, i, &node); i++) {
        status = take_node(tree, number, &node);
    }
    return status;
}
