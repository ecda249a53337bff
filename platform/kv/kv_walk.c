#include "platform/kv/kv_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

int walk_init(struct walk *walk, int fd, uint64_t file_bytes, const struct kv_metas *metas, size_t which)
{
    const struct kv_meta *meta = &metas->meta[which];
    uint64_t pages = file_bytes / metas->page_bytes;
    if (pages > meta->last_page) {
        pages = meta->last_page + 1; /* what is behind is room only */
    }
    walk->file = (struct page_file){fd, metas->page_bytes, pages, meta->last_page};
    walk->commit = meta->commit;
    walk->used = calloc(1, (size_t)(pages / 8 + 1));
    walk->free = calloc(1, (size_t)(pages / 8 + 1));
    return walk->used && walk->free ? 0 : STATUS_NO_MEMORY;
}

void walk_deinit(struct walk *walk)
{
    for (size_t i = 0; i <= PAGE_DEPTH_MAX; i++) {
        free(walk->level[i]);
    }
    free(walk->used);
    free(walk->free);
    free(walk->gaps);
    buf_deinit(&walk->value);
    buf_deinit(&walk->gap_keys);
}

void walk_note(struct walk *walk, const char *format, ...)
{
    walk->damaged = true;
    if (walk->out->what[0] == '\0') {
        va_list args;
        va_start(args, format);
        vsnprintf(walk->out->what, sizeof walk->out->what, format, args);
        va_end(args);
    }
}

void walk_bad_page(struct walk_tree *tree, uint64_t number, const char *what)
{
    walk_note(tree->walk, "page %llu of %s: %s", (unsigned long long)number, tree->name, what);
    tree->walk->out->bad_pages++;
    tree->bad++;
}

static bool has_bit(const uint8_t *bits, uint64_t number)
{
    return (bits[number / 8] & (1U << (number % 8))) != 0;
}

bool walk_has_page(const struct walk *walk, uint64_t number)
{
    return number >= 2 && number <= walk->file.last_page && number < walk->file.file_pages;
}

bool walk_is_used(const struct walk *walk, uint64_t number)
{
    return walk_has_page(walk, number) && has_bit(walk->used, number);
}

bool walk_is_free(const struct walk *walk, uint64_t number)
{
    return walk_has_page(walk, number) && has_bit(walk->free, number);
}

void walk_use(struct walk *walk, uint64_t number, uint64_t pages)
{
    for (uint64_t i = number; i < number + pages; i++) {
        walk->used[i / 8] |= (uint8_t)(1U << (i % 8));
    }
}

static uint8_t *level_page(struct walk *walk, size_t level)
{
    if (!walk->level[level]) {
        walk->level[level] = malloc(walk->file.page_bytes);
    }
    return walk->level[level];
}

static int reject(struct walk_tree *tree, uint64_t number, const char *what)
{
    walk_bad_page(tree, number, what);
    return walk_gap_open(tree, false);
}

/* Separators in order are the page's own affair; here, that they are inside of what the page above says. */
static bool is_inside(const uint8_t *page, size_t page_bytes, enum page_order order, const struct walk_range *range)
{
    struct page_node first;
    struct page_node last;
    size_t nodes = page_nodes(page);
    if (nodes < 2) {
        return true;
    }
    return page_node(page, page_bytes, true, 1, &first) && page_node(page, page_bytes, true, nodes - 1, &last) &&
           (!range->from.data || page_compare(order, range->from, first.key) < 0) &&
           (!range->to.data || page_compare(order, last.key, range->to) < 0);
}

static const char *claim_fault(const struct walk *walk, uint64_t number)
{
    if (number < 2 || number > walk->file.last_page) {
        return "its number is beyond the last page";
    }
    if (number >= walk->file.file_pages) {
        return "it is beyond the end of the file";
    }
    if (walk_is_used(walk, number)) {
        return "it is in use twice";
    }
    return walk_is_free(walk, number) ? "it is in use and free" : NULL;
}

static int visit(struct walk_tree *tree, uint64_t number, size_t level, const struct walk_range *range);

static int visit_children(struct walk_tree *tree, const uint8_t *page, size_t level, const struct walk_range *range)
{
    size_t nodes = page_nodes(page);
    struct page_node node;
    struct page_node next;
    bool is_there = page_node(page, tree->walk->file.page_bytes, true, 0, &node);
    int status = 0;
    for (size_t i = 0; status == 0 && i < nodes && is_there; i++) {
        is_there = page_node(page, tree->walk->file.page_bytes, true, i + 1 < nodes ? i + 1 : i, &next);
        struct walk_range part = {.from = i == 0 ? range->from : node.key, .to = i + 1 < nodes ? next.key : range->to};
        status = visit(tree, node.child, level + 1, &part);
        node = next;
    }
    return status;
}

static int visit_branch(struct walk_tree *tree, uint64_t number, size_t level, const struct walk_range *range)
{
    struct walk *walk = tree->walk;
    uint8_t *page = level_page(walk, level);
    if (!page) {
        return STATUS_NO_MEMORY;
    }
    const char *fault = claim_fault(walk, number);
    if (!fault && page_read(&walk->file, number, page) != 0) {
        fault = "it cannot be read";
    }
    if (!fault) {
        fault = page_fault(&walk->file, page, number, PAGE_BRANCH, tree->order);
    }
    if (!fault && !is_inside(page, walk->file.page_bytes, tree->order, range)) {
        fault = "its keys are outside of what leads to it";
    }
    if (fault) {
        return reject(tree, number, fault);
    }
    walk_use(walk, number, 1);
    tree->branch_pages++;
    if (tree->leaf || level + 1 < tree->record.depth) {
        walk_ahead_children(walk, page);
    }
    return visit_children(tree, page, level, range);
}

static int visit_leaf(struct walk_tree *tree, uint64_t number, size_t level, const struct walk_range *range)
{
    struct walk *walk = tree->walk;
    const char *fault = claim_fault(walk, number);
    uint8_t *page = level_page(walk, level);
    if (!page) {
        return STATUS_NO_MEMORY;
    }
    bool is_free = fault && walk_is_free(walk, number) && !walk_is_used(walk, number);
    if (tree->leaf && (!fault || is_free) && page_read(&walk->file, number, page) != 0) {
        fault = "it cannot be read";
        is_free = false;
    }
    if (fault) {
        bool doubtful = is_free && tree->leaf && !page_fault(&walk->file, page, number, PAGE_LEAF, tree->order) &&
                        walk_leaf_is_inside(tree, page, range);
        walk_bad_page(tree, number, fault);
        return walk_gap_open(tree, doubtful);
    }
    if (tree->leaf) {
        return tree->leaf(tree, page, number, range);
    }
    walk_use(walk, number, 1);
    tree->leaf_pages++;
    return 0;
}

static int visit(struct walk_tree *tree, uint64_t number, size_t level, const struct walk_range *range)
{
    return level == tree->record.depth ? visit_leaf(tree, number, level, range)
                                       : visit_branch(tree, number, level, range);
}

int walk_run(struct walk_tree *tree)
{
    struct walk_range all = {{NULL, 0}, {NULL, 0}};
    int status = tree->record.depth == 0 ? 0 : visit(tree, tree->record.root, 1, &all);
    return status == 0 ? walk_gap_close(tree, (struct slice){NULL, 0}) : status;
}

void walk_compare(struct walk_tree *tree, bool deep)
{
    const struct page_db *told = &tree->record;
    const char *what = NULL;
    if (tree->bad > 0) {
        return;
    }
    if (tree->branch_pages != told->branch_pages || tree->leaf_pages != told->leaf_pages) {
        what = "as many branch and leaf pages";
    } else if (deep && tree->overflow_pages != told->overflow_pages) {
        what = "as many overflow pages";
    } else if (deep && tree->entries != told->entries) {
        what = "as many records";
    }
    if (what) {
        walk_note(tree->walk, "%s has not %s as it says", tree->name, what);
        tree->bad++;
    }
}

/* A run that is what the node says: its own header, long enough, and nobody else's. */
static const char *run_fault(const struct walk *walk, const uint8_t *header, uint64_t first, uint64_t least)
{
    if (page_number(header) != first || page_kind(header) != PAGE_OVERFLOW) {
        return "no value begins on its first page";
    }
    uint64_t pages = page_run(header);
    if (pages < least || pages > walk->file.last_page - first + 1 || pages > walk->file.file_pages - first) {
        return "its value has a wrong number of pages";
    }
    return NULL;
}

static const char *run_claim(const struct walk *walk, uint64_t first, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        const char *fault = claim_fault(walk, first + i);
        if (fault) {
            return fault;
        }
    }
    return NULL;
}

/* A run whose header does not say so is not believed to be longer than any value of ours: it is read into memory. */
enum { LOOSE_BYTES_MAX = 64 << 20 };

const char *walk_value(struct walk *walk, const struct page_node *node, bool loose, struct slice *value,
                       struct walk_run *run)
{
    *run = (struct walk_run){0, 0};
    *value = slice_make(node->data, node->data_bytes);
    if (!(node->flags & NODE_BIG)) {
        return NULL;
    }
    size_t first;
    memcpy(&first, node->data, sizeof first);
    uint64_t least = page_run_of(&walk->file, node->data_bytes);
    const char *fault = least > walk->file.file_pages ? "its value is longer than the file" : NULL;
    fault = fault ? fault : claim_fault(walk, first);
    fault = fault ? fault : claim_fault(walk, first + least - 1);
    if (fault) {
        return fault;
    }
    uint8_t header[PAGE_HEADER];
    uint64_t at = (uint64_t)first * walk->file.page_bytes;
    if (page_read_at(walk->file.fd, at, header, sizeof header) != 0) {
        return "its value cannot be read";
    }
    fault = run_fault(walk, header, first, least);
    if (fault && (!loose || node->data_bytes > LOOSE_BYTES_MAX)) {
        *run = (struct walk_run){first, least};
        return fault;
    }
    buf_reset(&walk->value);
    size_t bytes = PAGE_HEADER + node->data_bytes;
    if (!buf_grow(&walk->value, bytes)) {
        walk->starved = true;
        return "there is not memory enough for its value";
    }
    if (page_read_at(walk->file.fd, at, walk->value.data, bytes) != 0) {
        return "its value cannot be read";
    }
    *run = (struct walk_run){first, fault || loose ? least : page_run(walk->value.data)};
    *value = slice_make((const char *)walk->value.data + PAGE_HEADER, node->data_bytes);
    const char *claim = run_claim(walk, first, run->pages);
    return claim ? claim : loose ? NULL : fault;
}
