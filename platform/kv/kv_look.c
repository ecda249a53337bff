#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/kv/kv_internal.h"
#include "platform/kv/kv_walk.h"

int walk_open(const char *dir, int *fd, uint64_t *file_bytes)
{
    char path[4096];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path) {
        return STATUS_RANGE;
    }
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
        return kv_status(errno);
    }
    int status = fstat(opened, &st) != 0 ? STATUS_IO : st.st_size == 0 ? STATUS_NOT_FOUND : 0;
    if (status != 0) {
        (void)close(opened);
        return status;
    }
    *fd = opened;
    *file_bytes = (uint64_t)st.st_size;
    return 0;
}

static int one_database(struct walk *walk, size_t i)
{
    bool deep = walk->look->depth == KV_DEPTH_RECORDS;
    struct walk_tree tree = {.walk = walk,
                             .name = walk->out->dbs[i].name,
                             .record = walk->dbs[i].record,
                             .order = PAGE_ORDER_BYTES,
                             .leaf = deep ? walk_leaf : NULL,
                             .db = i};
    if (!walk->dbs[i].is_plausible) {
        int status = walk_gap_open(&tree, false);
        return status == 0 ? walk_gap_close(&tree, (struct slice){NULL, 0}) : status;
    }
    int status = walk_run(&tree);
    if (deep && tree.bad == 0 && tree.entries != tree.record.entries) {
        walk->out->dbs[i].told = false; /* all is there: it is the number that is wrong */
    }
    walk_compare(&tree, deep);
    walk->dbs[i].bad += tree.bad;
    return status;
}

/* Every page is in use once or free. There may be more pages than that: nothing is lost with one that nobody has. */
static void check_sum(struct walk *walk, const struct kv_meta *meta)
{
    uint64_t pages = 2 + walk->free_count;
    pages += meta->free_list.branch_pages + meta->free_list.leaf_pages + meta->free_list.overflow_pages;
    pages += meta->main.branch_pages + meta->main.leaf_pages + meta->main.overflow_pages;
    for (size_t i = 0; i < walk->out->db_count; i++) {
        const struct page_db *db = &walk->dbs[i].record;
        pages += walk->dbs[i].is_plausible ? db->branch_pages + db->leaf_pages + db->overflow_pages : 0;
    }
    if (pages > meta->last_page + 1) {
        walk_note(walk, "more pages are in use and free than there are");
    }
}

/* Free list and names of one commit. What was seen before is forgotten, but for the words. */
static int one_commit(struct walk *walk, int fd, uint64_t file_bytes, const struct kv_metas *metas, size_t which,
                      bool *has_names)
{
    struct walk fresh = {.look = walk->look,
                         .out = walk->out,
                         .damaged = walk->damaged,
                         .starved = walk->starved,
                         .take = walk->take,
                         .take_ctx = walk->take_ctx};
    walk_deinit(walk);
    *walk = fresh;
    walk->out->db_count = 0;
    walk->out->commit = metas->meta[which].commit;
    int status = walk_init(walk, fd, file_bytes, metas, which);
    if (status == 0) {
        status = walk_free_list(walk, &metas->meta[which].free_list);
    }
    walk->free_is_sound = walk->free_is_sound && metas->meta[which].listed == metas->meta[which].commit;
    return status == 0 ? walk_names(walk, &metas->meta[which].main, has_names) : status;
}

/* The newest commit, unless its names cannot be read and those of the one before can. */
static int some_commit(struct walk *walk, int fd, uint64_t file_bytes, const struct kv_metas *metas, size_t *which)
{
    bool has_names = false;
    *which = metas->order[0];
    int status = one_commit(walk, fd, file_bytes, metas, *which, &has_names);
    if (status == 0 && !has_names && metas->count == 2) {
        *which = metas->order[1];
        status = one_commit(walk, fd, file_bytes, metas, *which, &has_names);
        walk->out->older_commit = true;
        if (status == 0 && !has_names) {
            *which = metas->order[0];
            walk->out->older_commit = false;
            status = one_commit(walk, fd, file_bytes, metas, *which, &has_names);
        }
    }
    return status;
}

static void note_metas(struct walk *walk, const struct kv_metas *metas)
{
    for (unsigned i = 0; i < 2; i++) {
        if (metas->meta[i].flaw) {
            walk_note(walk, "meta page %u: %s", i, metas->meta[i].flaw);
            walk->out->bad_pages++;
        }
    }
    if (metas->disagree) {
        walk_note(walk, "the two meta pages are not of commits that follow each other");
    }
    walk->out->older_commit = metas->newest_is_bad;
}

int walk_environment(struct walk *walk, int fd, uint64_t file_bytes)
{
    struct kv_metas metas;
    size_t which = 0;
    *walk->out = (struct kv_damage){.file_bytes = file_bytes};
    int status = kv_metas_read(fd, file_bytes, &metas);
    if (status != 0) {
        return status;
    }
    note_metas(walk, &metas);
    if (metas.count == 0) {
        return KV_DAMAGED;
    }
    walk->out->readable = true;
    status = some_commit(walk, fd, file_bytes, &metas, &which);
    if (status != 0) {
        return status;
    }
    if (walk->file.last_page >= file_bytes / metas.page_bytes) {
        walk_note(walk, "the file ends before its last page");
    }
    check_sum(walk, &metas.meta[which]);
    if (walk->look->depth == KV_DEPTH_RECORDS) {
        walk_ahead_file(walk);
    }
    for (size_t i = 0; status == 0 && i < walk->out->db_count; i++) {
        status = one_database(walk, i);
    }
    return status;
}

void walk_balance(struct walk *walk)
{
    for (size_t i = 0; i < walk->out->db_count; i++) {
        struct kv_damage_db *db = &walk->out->dbs[i];
        if (db->told && db->told_count < db->sound_count) {
            db->told = false;
        }
        db->told_count = db->told ? db->told_count : 0;
        db->lost_count = db->told ? db->told_count - db->sound_count : walk->dbs[i].bad;
        if (walk->look->depth == KV_DEPTH_TREE) {
            db->lost_count = 0;
        }
    }
}

int kv_look_over(const char *dir, const struct kv_look *look, struct kv_damage *out)
{
    int fd = -1;
    uint64_t file_bytes = 0;
    *out = (struct kv_damage){.readable = false};
    int status = walk_open(dir, &fd, &file_bytes);
    if (status != 0) {
        return status;
    }
    struct walk walk = {.look = look, .out = out};
    status = walk_environment(&walk, fd, file_bytes);
    status = walk.starved ? STATUS_NO_MEMORY : status;
    if (status == 0) {
        walk_balance(&walk);
        status = walk.damaged ? KV_DAMAGED : 0;
    }
    walk_deinit(&walk);
    (void)close(fd);
    return status;
}
