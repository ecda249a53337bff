/* Orphans: pages that nothing sound leads to any more and that are not free. The leaves among them were below what is
 * damaged. Whose they are is told by the gaps that their keys fit into and by the owners of the records. */
#include <stdlib.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_walk.h"

static bool fits(struct walk *walk, size_t db, const struct page_node *node, struct slice *value, struct walk_run *run)
{
    return walk_gap_has(walk, db, node->key) && !walk_value(walk, node, walk->look->whole != NULL, value, run) &&
           walk_is_whole(walk, db, node->key, *value);
}

static size_t count_fitting(struct walk *walk, size_t db, const struct page_node *nodes, size_t count)
{
    size_t fitting = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice value;
        struct walk_run run;
        fitting += fits(walk, db, &nodes[i], &value, &run) ? 1U : 0U;
    }
    return fitting;
}

/* The one database that most of a leaf's records are of; db_count: none, or it cannot be told. */
static size_t find_owner(struct walk *walk, const struct page_node *nodes, size_t count)
{
    size_t owner = walk->out->db_count;
    size_t most = 0;
    for (size_t i = 0; i < walk->out->db_count; i++) {
        size_t fitting = count_fitting(walk, i, nodes, count);
        if (fitting > 0 && fitting >= most) {
            owner = fitting > most ? i : walk->out->db_count;
            most = fitting;
        }
    }
    return owner;
}

static int take_leaf(struct walk *walk, uint64_t number, const struct page_node *nodes, size_t count)
{
    size_t owner = find_owner(walk, nodes, count);
    int status = 0;
    for (size_t i = 0; owner < walk->out->db_count && status >= 0 && i < count; i++) {
        struct slice value;
        struct walk_run run;
        if (!fits(walk, owner, &nodes[i], &value, &run)) {
            continue;
        }
        status = walk->take(walk, owner, nodes[i].key, value);
        if (status == 0) {
            walk_use(walk, number, 1);
            walk_use(walk, run.first, run.pages);
            walk->out->dbs[owner].sound_count++;
        }
    }
    return status < 0 ? status : 0;
}

/* Without the whole free list a page of a former state looks like an orphan, and nothing in it tells its age: then what
 * is lost stays lost. */
int walk_orphans(struct walk *walk)
{
    if (walk->gap_count == 0 || !walk->free_is_sound) {
        return 0;
    }
    CLEANUP(cleanup_free) uint8_t *page = malloc(walk->file.page_bytes);
    CLEANUP(cleanup_free) struct page_node *nodes = calloc(PAGE_NODES_MAX, sizeof *nodes);
    int status = page && nodes ? 0 : STATUS_NO_MEMORY;
    for (uint64_t i = 2; status == 0 && walk_has_page(walk, i); i++) {
        if (walk_is_used(walk, i) || walk_is_free(walk, i) || page_read(&walk->file, i, page) != 0 ||
            page_number(page) != i || page_kind(page) != PAGE_LEAF) {
            continue;
        }
        status = take_leaf(walk, i, nodes, walk_leaf_nodes(walk, page, nodes));
    }
    return status;
}
