/* kv_page: LMDB's file format, and the checked reading of one page of it. Inside the room only.
 *
 * The file is a row of pages. Every page begins with its own number, two bytes of no meaning here, and its kind. A
 * branch or leaf page goes on with the bounds of its free space, `lower` and `upper`, and with the offsets of its nodes
 * in the order of their keys; the nodes lie without holes between `upper` and the end of the page. A value too large
 * for a leaf lies in a run of pages of its own, of which only the first has a header. Numbers are those of the machine
 * that wrote the file, page numbers as wide as its size_t. */
#ifndef RINGSIDE_PLATFORM_KV_KV_PAGE_H
#define RINGSIDE_PLATFORM_KV_KV_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

enum {
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,
    PAGE_HEADER = sizeof(size_t) + 8,
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_MAX = 32768,
    PAGE_NODES_MAX = PAGE_BYTES_MAX / 8,

    NODE_BIG = 0x01, /* the data is the number of the first page of a run */
    NODE_DB = 0x02,  /* the data is a struct page_db */
    NODE_HEADER = 8,

    PAGE_KEY_MAX = 511,
    PAGE_DEPTH_MAX = 32
};

/* The record of one database. */
struct page_db {
    uint32_t pad; /* of the free list's, in a meta page: the page size */
    uint16_t flags;
    uint16_t depth;
    size_t branch_pages;
    size_t leaf_pages;
    size_t overflow_pages;
    size_t entries;
    size_t root; /* SIZE_MAX: empty */
};

struct page_file {
    int fd;
    size_t page_bytes;
    uint64_t file_pages; /* whole pages that the file has */
    uint64_t last_page;  /* of the commit that is read */
};

/* How keys of a tree compare: bytes, or one size_t. */
enum page_order { PAGE_ORDER_BYTES, PAGE_ORDER_NUMBER };

struct page_node {
    struct slice key;
    unsigned flags;    /* of a leaf's node */
    size_t data_bytes; /* what the value has, also where it is elsewhere */
    const char *data;  /* in the page: the value, or the number of its first page */
    uint64_t child;    /* of a branch's node */
    size_t span;       /* bytes of the page that the node takes */
};

/* 0, STATUS_IO, or STATUS_TRUNCATED: beyond the end of the file. */
int page_read_at(int fd, uint64_t at, void *bytes, size_t len);
int page_read(const struct page_file *file, uint64_t number, uint8_t *page);

uint64_t page_number(const uint8_t *page);
unsigned page_kind(const uint8_t *page);
uint32_t page_run(const uint8_t *page); /* pages of the run that begins here */
size_t page_nodes(const uint8_t *page); /* by `lower`, which may be anything */

/* Pages that a value of so many bytes takes. */
uint64_t page_run_of(const struct page_file *file, uint64_t data_bytes);

/* The node in place i of the offsets, if it lies inside the page as a whole. */
bool page_node(const uint8_t *page, size_t page_bytes, bool branch, size_t i, struct page_node *out);

/* What is wrong with a branch or leaf page taken for itself; NULL: nothing. */
const char *page_fault(const struct page_file *file, const uint8_t *page, uint64_t number, unsigned kind,
                       enum page_order order);

/* The number of nodes that a leaf page most likely has where its header or a node is damaged. */
size_t page_nodes_guess(const uint8_t *page, size_t page_bytes);

int page_compare(enum page_order order, struct slice a, struct slice b);

#endif
