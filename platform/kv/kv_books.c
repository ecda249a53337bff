/* The books that an environment keeps of itself: the list of free pages, and the records of its databases. */
#include <stdio.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/kv/kv_walk.h"

static size_t number_at(const char *data, size_t i)
{
    size_t number;
    memcpy(&number, data + i * sizeof number, sizeof number);
    return number;
}

/* A list is led by its length, and falls; it may have been given more room than it took. */
static const char *list_fault(const struct walk *walk, struct slice key, struct slice list)
{
    if (list.len < sizeof(size_t) || list.len % sizeof(size_t) != 0 ||
        number_at(list.data, 0) > list.len / sizeof(size_t) - 1) {
        return "a list of free pages longer than its room";
    }
    if (number_at(key.data, 0) > walk->commit) {
        return "pages freed by a commit that is not yet";
    }
    for (size_t i = 1; i <= number_at(list.data, 0); i++) {
        size_t page = number_at(list.data, i);
        if (page < 2 || page > walk->file.last_page || (i > 1 && number_at(list.data, i - 1) <= page)) {
            return "a list of free pages that is none";
        }
        if (walk_is_free(walk, page)) {
            return "a page that is free twice";
        }
        if (walk_is_used(walk, page)) {
            return "a page that is in use and free";
        }
    }
    return NULL;
}

static void take_list(struct walk *walk, struct slice list)
{
    size_t count = number_at(list.data, 0);
    for (size_t i = 1; i <= count; i++) {
        size_t page = number_at(list.data, i);
        if (walk_has_page(walk, page)) {
            walk->free[page / 8] |= (uint8_t)(1U << (page % 8));
        }
    }
    walk->free_count += count;
}

static const char *leaf_fault(const struct walk_tree *tree, const uint8_t *page, uint64_t number,
                              const struct walk_range *range)
{
    const char *fault = page_fault(&tree->walk->file, page, number, PAGE_LEAF, tree->order);
    return fault || walk_leaf_is_inside(tree, page, range) ? fault : "its keys are outside of what leads to it";
}

static int free_leaf(struct walk_tree *tree, const uint8_t *page, uint64_t number, const struct walk_range *range)
{
    struct walk *walk = tree->walk;
    const char *fault = leaf_fault(tree, page, number, range);
    if (fault) {
        walk_bad_page(tree, number, fault);
        return 0;
    }
    walk_use(walk, number, 1);
    tree->leaf_pages++;
    struct page_node node;
    for (size_t i = 0; i < page_nodes(page) && page_node(page, walk->file.page_bytes, false, i, &node); i++) {
        struct slice list;
        struct walk_run run = {0, 0};
        fault = (node.flags & ~(unsigned)NODE_BIG) ? "a node of an unknown kind" : NULL;
        fault = fault ? fault : walk_value(walk, &node, false, &list, &run);
        fault = fault ? fault : list_fault(walk, node.key, list);
        walk_use(walk, run.first, fault ? 0 : run.pages);
        tree->overflow_pages += run.pages;
        tree->entries++;
        if (fault) {
            walk_bad_page(tree, number, fault);
        } else {
            take_list(walk, list);
        }
    }
    return 0;
}

int walk_free_list(struct walk *walk, const struct page_db *record)
{
    struct walk_tree tree = {
        .walk = walk, .name = "the free list", .record = *record, .order = PAGE_ORDER_NUMBER, .leaf = free_leaf};
    int status = walk_run(&tree);
    walk_compare(&tree, true);
    for (uint64_t i = 2; status == 0 && walk_has_page(walk, i); i++) {
        if (walk_is_used(walk, i) && walk_is_free(walk, i)) {
            walk_note(walk, "page %llu is part of the free list and on it", (unsigned long long)i);
            walk->free[i / 8] &= (uint8_t) ~(1U << (i % 8));
            tree.bad++;
        }
    }
    walk->free_is_sound = tree.bad == 0;
    return status;
}

/* Where this name was found before; else the next free place. */
static size_t place_of(const struct walk *walk, const struct page_node *node)
{
    size_t i = 0;
    while (i < walk->out->db_count && (strlen(walk->out->dbs[i].name) != node->key.len ||
                                       memcmp(walk->out->dbs[i].name, node->key.data, node->key.len) != 0)) {
        i++;
    }
    return i;
}

static const char *name_fault(const struct walk *walk, const struct page_node *node)
{
    if (node->flags != NODE_DB || node->data_bytes != sizeof(struct page_db)) {
        return "something that is no database";
    }
    if (node->key.len == 0 || node->key.len > KV_DAMAGE_NAME_MAX || memchr(node->key.data, '\0', node->key.len)) {
        return "a database whose name is not ours";
    }
    return place_of(walk, node) == KV_DAMAGE_DBS_MAX ? "more databases than ours" : NULL;
}

/* A damaged leaf may have a name twice: the first is taken, unless only the second has a record that can be true. */
static void take_name(struct walk_tree *tree, const struct page_node *node)
{
    struct walk *walk = tree->walk;
    size_t place = place_of(walk, node);
    struct kv_damage_db *db = &walk->out->dbs[place];
    struct walk_db *entry = &walk->dbs[place];
    struct walk_db found = {.is_plausible = true};
    memcpy(&found.record, node->data, sizeof found.record);
    const char *fault = kv_meta_db_fault(&found.record, walk->file.last_page);
    if (!fault && (found.record.flags != 0 || found.record.pad != 0)) {
        fault = "flags that are not ours";
    }
    found.is_plausible = !fault;
    found.bad = fault ? 1 : 0;
    tree->entries++;
    if (fault) {
        walk_note(walk, "the record of %.*s: %s", (int)node->key.len, node->key.data, fault);
        walk->out->bad_pages++;
    }
    bool is_new = place == walk->out->db_count;
    if (is_new || (!fault && !entry->is_plausible)) {
        walk->out->db_count += is_new;
        *entry = found;
        *db = (struct kv_damage_db){.told = !fault, .told_count = fault ? 0 : found.record.entries};
        memcpy(db->name, node->key.data, node->key.len);
    }
}

/* A damaged leaf of names is read as far as it can be, for another one may not be left; but not one that may be another
 * page. */
static int names_leaf(struct walk_tree *tree, const uint8_t *page, uint64_t number, const struct walk_range *range)
{
    struct walk *walk = tree->walk;
    const char *fault = leaf_fault(tree, page, number, range);
    if (fault) {
        walk_bad_page(tree, number, fault);
    }
    if (fault && page_number(page) != number && page_number(page) <= walk->file.last_page) {
        return 0;
    }
    walk_use(walk, number, 1);
    tree->leaf_pages++;
    struct page_node node;
    size_t nodes = fault ? page_nodes_guess(page, walk->file.page_bytes) : page_nodes(page);
    for (size_t i = 0; i < nodes; i++) {
        bool is_there = page_node(page, walk->file.page_bytes, false, i, &node);
        fault = is_there ? name_fault(walk, &node) : "a node beyond its end";
        if (fault) {
            walk_bad_page(tree, number, fault);
        } else {
            take_name(tree, &node);
        }
    }
    return 0;
}

int walk_names(struct walk *walk, const struct page_db *record, bool *is_sound)
{
    struct walk_tree tree = {.walk = walk,
                             .name = "the names of databases",
                             .record = *record,
                             .order = PAGE_ORDER_BYTES,
                             .leaf = names_leaf};
    int status = walk_run(&tree);
    *is_sound = tree.bad == 0;
    walk_compare(&tree, true);
    return status;
}
