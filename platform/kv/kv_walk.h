/* kv_walk: going through the trees of one commit, each page once, each number checked. Inside the room only. */
#ifndef RINGSIDE_PLATFORM_KV_KV_WALK_H
#define RINGSIDE_PLATFORM_KV_KV_WALK_H

#include "platform/base/buf.h"
#include "platform/kv/kv_meta.h"
#include "platform/kv/kv_page.h"
#include "platform/kv/kv_salvage.h"

/* What of a database cannot be reached: records with keys between two that could, both exclusive. */
struct walk_gap {
    size_t db;
    bool has_from;
    bool has_to;
    bool doubtful;  /* a page that it leads to is whole, but on the free list: which of the two is wrong? */
    size_t from_at; /* the keys, in walk.gap_keys */
    size_t from_len;
    size_t to_at;
    size_t to_len;
};

struct walk_db {
    struct page_db record;
    bool is_plausible; /* the record */
    uint64_t bad;      /* pages and records of it that were wanted and are not what they should be */
};

struct walk;

/* Takes one sound record; negative ends the walk. */
typedef int (*walk_take_fn)(struct walk *walk, size_t db, struct slice key, struct slice value);

struct walk {
    const struct kv_look *look;
    struct kv_damage *out;
    struct page_file file;
    uint64_t commit;
    bool damaged;
    uint64_t ahead_pages; /* that the system was told of as a whole: the first of the file */
    bool starved;         /* a value was not read for want of memory: what was found says nothing */
    uint8_t *used;        /* one bit a page of the file */
    uint8_t *free;
    uint64_t free_count; /* pages on the free list, also where the file does not reach */
    bool free_is_sound;  /* what is not on the list is not free */
    uint8_t *level[PAGE_DEPTH_MAX + 1];
    struct buf value;
    struct walk_db dbs[KV_DAMAGE_DBS_MAX];
    walk_take_fn take; /* NULL: only counted */
    void *take_ctx;
    struct walk_gap *gaps; /* kept where there is `take` */
    size_t gap_count;
    size_t gap_cap;
    struct buf gap_keys;
};

/* Keys of a subtree: from (inclusive), to (exclusive); no data: unbounded. */
struct walk_range {
    struct slice from;
    struct slice to;
};

struct walk_tree;
typedef int (*walk_leaf_fn)(struct walk_tree *tree, const uint8_t *page, uint64_t number,
                            const struct walk_range *range);

struct walk_tree {
    struct walk *walk;
    const char *name;
    struct page_db record;
    enum page_order order;
    walk_leaf_fn leaf; /* NULL: leaves are not read */
    size_t db;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t bad;
    uint8_t last[PAGE_KEY_MAX]; /* key taken */
    size_t last_len;
    bool has_last;
    bool in_gap;
    struct walk_gap gap;
};

int walk_init(struct walk *walk, int fd, uint64_t file_bytes, const struct kv_metas *metas, size_t which);
void walk_deinit(struct walk *walk);

/* Writes down that something is wrong; the first is told in words. */
void walk_note(struct walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));
void walk_bad_page(struct walk_tree *tree, uint64_t number, const char *what); /* and counts it */

bool walk_is_used(const struct walk *walk, uint64_t number);
bool walk_is_free(const struct walk *walk, uint64_t number);
bool walk_has_page(const struct walk *walk, uint64_t number); /* within the file and the commit */
void walk_use(struct walk *walk, uint64_t number, uint64_t pages);

/* Goes through a tree. 0 whatever it finds, or a failure. */
int walk_run(struct walk_tree *tree);
/* What was found against the database's own record, as far as was looked. */
void walk_compare(struct walk_tree *tree, bool deep);

/* The free list and the names of databases: read whole at any depth. */
int walk_free_list(struct walk *walk, const struct page_db *record);
int walk_names(struct walk *walk, const struct page_db *record, bool *is_sound);

/* A value, where it lies or from its own pages (borrowed until the next call). NULL, or what is wrong with it. `run` is
 * its first page and how many; 0 pages: none. A value whose run has a wrong header is given all the same where `loose`:
 * somebody can tell whether it is whole. */
struct walk_run {
    uint64_t first;
    uint64_t pages;
};
const char *walk_value(struct walk *walk, const struct page_node *node, bool loose, struct slice *value,
                       struct walk_run *run);

/* kv_ahead.c: the system is told what will be read, in the order in which it lies on the disk: of the file as much as
 * half the memory has room for, and of the rest the children of a sound branch page before they are gone through. */
void walk_ahead_file(struct walk *walk);
void walk_ahead_children(struct walk *walk, const uint8_t *page);

/* kv_leaf.c: the leaves of a named database. */
bool walk_leaf_is_inside(const struct walk_tree *tree, const uint8_t *page, const struct walk_range *range);
/* Of a leaf that is damaged: the nodes that can be a record of a named database. Returns how many it put into `out`. */
size_t walk_leaf_nodes(const struct walk *walk, const uint8_t *page, struct page_node *out);
int walk_leaf(struct walk_tree *tree, const uint8_t *page, uint64_t number, const struct walk_range *range);
bool walk_is_whole(const struct walk *walk, size_t db, struct slice key, struct slice value);

/* kv_gap.c */
int walk_gap_open(struct walk_tree *tree, bool doubtful);
int walk_gap_close(struct walk_tree *tree, struct slice to); /* no data: unbounded */
bool walk_gap_has(const struct walk *walk, size_t db, struct slice key);

/* kv_look.c */
int walk_open(const char *dir, int *fd, uint64_t *file_bytes); /* as kv_look_over() */

/* Free list, names and databases of the newest commit that can be read, at the depth that is asked for. KV_DAMAGED:
 * there is none. walk->look, out, take and take_ctx are set. */
int walk_environment(struct walk *walk, int fd, uint64_t file_bytes);

/* What is lost, once everything is found. */
void walk_balance(struct walk *walk);

/* kv_orphan.c: leaves that nothing sound leads to, into the gaps. `take` answers KV_HELD for a key that is there. */
int walk_orphans(struct walk *walk);

#endif
