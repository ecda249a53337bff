#include "platform/kv/kv_meta.h"

#include <string.h>

#include "platform/base/status.h"

enum { MAGIC = 0xBEEFC0DE - 0x100000000, FORMAT = 1, FLAG_NUMBER = 0x08, FLAG_ONE_FILE = 0x4000 };

/* The body of a meta page, behind the header that every page has. */
struct meta_body {
    uint32_t magic;
    uint32_t format;
    void *address;
    size_t map_bytes;
    struct page_db free_list;
    struct page_db main;
    size_t last_page;
    size_t commit;
};

const char *kv_meta_db_fault(const struct page_db *db, uint64_t last_page)
{
    if (db->depth > PAGE_DEPTH_MAX) {
        return "a depth that no tree has";
    }
    if (db->branch_pages > last_page || db->leaf_pages > last_page || db->overflow_pages > last_page) {
        return "more pages than the file";
    }
    if ((db->root == SIZE_MAX) != (db->depth == 0)) {
        return "a root that does not go with its depth";
    }
    if (db->depth == 0) {
        bool empty = db->entries == 0 && db->leaf_pages == 0 && db->branch_pages == 0 && db->overflow_pages == 0;
        return empty ? NULL : "pages or records, but no root";
    }
    if (db->root < 2 || db->root > last_page) {
        return "a root beyond the last page";
    }
    if (db->leaf_pages == 0 || db->entries < db->leaf_pages || db->branch_pages + 1U < db->depth ||
        (db->depth == 1 && db->branch_pages != 0)) {
        return "numbers of pages that do not go with its depth";
    }
    return db->entries / db->leaf_pages > PAGE_NODES_MAX ? "more records than its pages hold" : NULL;
}

static const char *body_fault(const struct meta_body *body, size_t page_bytes, size_t place)
{
    if (body->free_list.pad != page_bytes) {
        return "another page size";
    }
    if ((body->free_list.flags & ~(unsigned)FLAG_ONE_FILE) != FLAG_NUMBER || body->main.flags != 0 ||
        body->main.pad != 0) {
        return "flags that are not ours";
    }
    if (body->last_page < 1 || body->last_page >= SIZE_MAX / page_bytes - 1 ||
        body->map_bytes / page_bytes <= body->last_page) {
        return "a last page that is not inside the map";
    }
    if (sizeof(size_t) > 4 && body->map_bytes >> 23 >> 23 != 0) {
        return "a map larger than any";
    }
    if (body->commit != 0 && body->commit % 2 != place) {
        return "a number that does not go with its place";
    }
    return NULL;
}

static const char *trees_fault(const struct meta_body *body)
{
    const char *fault = kv_meta_db_fault(&body->free_list, body->last_page);
    return fault ? fault : kv_meta_db_fault(&body->main, body->last_page);
}

static const char *header_fault(const uint8_t *page, const struct meta_body *body, size_t place)
{
    if (page_number(page) != place || page_kind(page) != PAGE_META) {
        return "no header of a meta page";
    }
    return body->magic != (uint32_t)MAGIC || body->format != FORMAT ? "another magic number or version" : NULL;
}

/* The highest number in the free list: that of the last key on the rightmost way down; false: cannot be told. */
static bool newest_free(const struct page_file *file, const struct page_db *db, uint64_t *out)
{
    uint8_t page[PAGE_BYTES_MAX];
    uint64_t number = db->root;
    for (unsigned level = db->depth; level > 0; level--) {
        unsigned kind = level == 1 ? PAGE_LEAF : PAGE_BRANCH;
        struct page_node node;
        if (page_read(file, number, page) != 0 || page_fault(file, page, number, kind, PAGE_ORDER_NUMBER) != NULL ||
            !page_node(page, file->page_bytes, level > 1, page_nodes(page) - 1, &node)) {
            return false;
        }
        number = node.child;
        if (level == 1) {
            size_t key;
            memcpy(&key, node.key.data, sizeof key);
            *out = key;
        }
    }
    return db->depth > 0;
}

/* The free list bears the commit's number too: from the second commit on it is there. */
static void check_commit(int fd, uint64_t file_bytes, size_t page_bytes, size_t place, struct kv_meta *meta)
{
    struct page_file file = {fd, page_bytes, file_bytes / page_bytes, meta->last_page};
    meta->listed = meta->stated;
    if (!newest_free(&file, &meta->free_list, &meta->listed)) {
        if (meta->free_list.depth == 0 && meta->stated > 1) {
            meta->flaw = "no free list, which it must have";
            meta->listed = place; /* it can be the first commit or none */
        }
    } else if (meta->listed != meta->stated) {
        meta->flaw = "a number that is not its free list's";
    }
}

static int read_meta(int fd, uint64_t file_bytes, size_t page_bytes, size_t place, struct kv_meta *out)
{
    uint8_t page[PAGE_HEADER + sizeof(struct meta_body)];
    struct meta_body body;
    *out = (struct kv_meta){.flaw = "cut off"};
    int status = page_read_at(fd, place * page_bytes, page, sizeof page);
    if (status != 0) {
        return status == STATUS_TRUNCATED ? 0 : status;
    }
    memcpy(&body, page + PAGE_HEADER, sizeof body);
    const char *fault = body_fault(&body, page_bytes, place);
    fault = fault ? fault : header_fault(page, &body, place);
    bool usable = !body_fault(&body, page_bytes, place) && !trees_fault(&body);
    *out = (struct kv_meta){.usable = usable,
                            .flaw = fault ? fault : trees_fault(&body),
                            .has_header = !fault,
                            .has_wrong_trees = !fault && !usable,
                            .free_list = body.free_list,
                            .main = body.main,
                            .last_page = body.last_page,
                            .commit = body.commit,
                            .stated = body.commit,
                            .listed = body.commit};
    if (page_number(page) == place && body.magic == (uint32_t)MAGIC && body.format != FORMAT) {
        out->flaw = "another version";
        return STATUS_VERSION;
    }
    if (out->usable) {
        check_commit(fd, file_bytes, page_bytes, place, out);
    }
    return 0;
}

/* The size of a page, from a first meta page that can be true, or a second one at the place that it gives itself. */
static int find_page_bytes(int fd, size_t *out)
{
    uint8_t page[PAGE_HEADER + sizeof(struct meta_body)];
    struct meta_body body;
    for (size_t i = 0, bytes = 0; bytes <= PAGE_BYTES_MAX; i++, bytes = i == 1 ? PAGE_BYTES_MIN : bytes * 2) {
        int status = page_read_at(fd, bytes, page, sizeof page);
        if (status != 0) {
            return status == STATUS_TRUNCATED ? 0 : status;
        }
        memcpy(&body, page + PAGE_HEADER, sizeof body);
        size_t stated = body.free_list.pad;
        bool is_size = stated >= PAGE_BYTES_MIN && stated <= PAGE_BYTES_MAX && (stated & (stated - 1)) == 0;
        if (is_size && (i == 0 || stated == bytes) && !body_fault(&body, stated, i == 0 ? 0 : 1) &&
            !trees_fault(&body)) {
            *out = stated;
            return 0;
        }
    }
    return 0;
}

static bool follow(uint64_t a, uint64_t b)
{
    return a + 1 == b || b + 1 == a || (a == 0 && b == 0);
}

/* Where the two numbers do not follow each other, one is damaged, and the free list's is the true one. Where they do, a
 * list that is two behind goes with a damaged number as well as with a damaged list: then the other meta page holds. */
static void settle_commits(struct kv_metas *metas)
{
    bool stated_follow = follow(metas->meta[0].stated, metas->meta[1].stated);
    for (size_t i = 0; i < 2; i++) {
        struct kv_meta *meta = &metas->meta[i];
        bool two_behind = meta->listed + 2 == meta->stated;
        if (meta->listed != meta->stated && (!stated_follow || two_behind)) {
            meta->commit = meta->listed;
            meta->usable = meta->listed % 2 == i;
        }
        metas->newest_is_bad = metas->newest_is_bad || (stated_follow && two_behind);
    }
}

/* A commit whose last write failed has LMDB put back the old number and last page, but not the old roots: this one is
 * not read any more, and the next commit writes over it. */
static void forgive_failed_write(struct kv_meta *meta, const struct kv_meta *other)
{
    bool is_later = meta->listed > meta->stated && meta->commit == meta->stated && meta->has_header;
    bool is_older = meta->stated + 1 == other->stated || (meta->stated == 0 && other->stated == 0);
    if ((meta->has_wrong_trees || is_later) && other->usable && !other->flaw && is_older) {
        meta->flaw = NULL;
    }
}

static void put_in_order(struct kv_metas *metas)
{
    struct kv_meta *first = &metas->meta[0];
    struct kv_meta *second = &metas->meta[1];
    if (first->usable && second->usable) {
        settle_commits(metas);
    }
    forgive_failed_write(first, second);
    forgive_failed_write(second, first);
    metas->count = (first->usable ? 1U : 0U) + (second->usable ? 1U : 0U);
    size_t newer = first->usable && second->usable ? first->commit < second->commit : !first->usable;
    metas->order[0] = newer;
    metas->order[1] = !newer;
    metas->disagree = metas->count == 2 && !follow(first->commit, second->commit);
    if (metas->count == 1) { /* unless it bears the number before, the other one may be the newer one */
        metas->newest_is_bad = metas->meta[!newer].flaw && metas->meta[!newer].stated + 1 != metas->meta[newer].commit;
    }
}

int kv_metas_read(int fd, uint64_t file_bytes, struct kv_metas *out)
{
    *out = (struct kv_metas){.page_bytes = 0};
    int status = find_page_bytes(fd, &out->page_bytes);
    if (status != 0 || out->page_bytes == 0) {
        out->page_bytes = out->page_bytes ? out->page_bytes : 4096;
    }
    int first = status == 0 ? read_meta(fd, file_bytes, out->page_bytes, 0, &out->meta[0]) : status;
    int second = status == 0 ? read_meta(fd, file_bytes, out->page_bytes, 1, &out->meta[1]) : status;
    if (first == STATUS_IO || second == STATUS_IO) {
        return STATUS_IO;
    }
    if (first == STATUS_VERSION && second == STATUS_VERSION) {
        return STATUS_VERSION;
    }
    put_in_order(out);
    return 0;
}
