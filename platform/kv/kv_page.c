#include "platform/kv/kv_page.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/status.h"

int page_read_at(int fd, uint64_t at, void *bytes, size_t len)
{
    char *to = bytes;
    while (len > 0) {
        ssize_t got = pread(fd, to, len, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? STATUS_IO : STATUS_TRUNCATED;
        }
        to += got;
        at += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

int page_read(const struct page_file *file, uint64_t number, uint8_t *page)
{
    if (number >= file->file_pages) {
        return STATUS_TRUNCATED;
    }
    return page_read_at(file->fd, number * file->page_bytes, page, file->page_bytes);
}

static unsigned u16_at(const uint8_t *page, size_t at)
{
    uint16_t value;
    memcpy(&value, page + at, sizeof value);
    return value;
}

uint64_t page_number(const uint8_t *page)
{
    size_t number;
    memcpy(&number, page, sizeof number);
    return number;
}

unsigned page_kind(const uint8_t *page)
{
    return u16_at(page, sizeof(size_t) + 2);
}

static size_t lower_of(const uint8_t *page)
{
    return u16_at(page, sizeof(size_t) + 4);
}

static size_t upper_of(const uint8_t *page)
{
    return u16_at(page, sizeof(size_t) + 6);
}

uint32_t page_run(const uint8_t *page)
{
    uint32_t pages;
    memcpy(&pages, page + sizeof(size_t) + 4, sizeof pages);
    return pages;
}

size_t page_nodes(const uint8_t *page)
{
    size_t lower = lower_of(page);
    return lower < PAGE_HEADER ? 0 : (lower - PAGE_HEADER) / 2;
}

uint64_t page_run_of(const struct page_file *file, uint64_t data_bytes)
{
    return (PAGE_HEADER - 1 + data_bytes) / file->page_bytes + 1;
}

/* The two halves of a node's size stand in the order of the machine's bytes. */
static uint32_t node_size_word(const uint8_t *node)
{
    uint32_t word;
    memcpy(&word, node, sizeof word);
    return word;
}

static bool node_at(const uint8_t *page, size_t page_bytes, bool branch, size_t at, struct page_node *out)
{
    if (at < PAGE_HEADER || at % 2 != 0 || at + NODE_HEADER > page_bytes) {
        return false;
    }
    const uint8_t *node = page + at;
    size_t key_bytes = u16_at(node, 6);
    size_t left = page_bytes - at - NODE_HEADER;
    if (key_bytes > left) {
        return false;
    }
    *out = (struct page_node){.key = slice_make((const char *)node + NODE_HEADER, key_bytes)};
    size_t inside = 0;
    if (branch) {
        out->child = node_size_word(node);
        if (sizeof(size_t) > 4) {
            out->child |= (uint64_t)u16_at(node, 4) << 32;
        }
    } else {
        out->flags = u16_at(node, 4);
        out->data_bytes = node_size_word(node);
        inside = (out->flags & NODE_BIG) ? sizeof(size_t) : out->data_bytes;
        out->data = out->key.data + key_bytes;
    }
    if (inside > left - key_bytes) {
        return false;
    }
    out->span = (NODE_HEADER + key_bytes + inside + 1) & ~(size_t)1;
    return true;
}

bool page_node(const uint8_t *page, size_t page_bytes, bool branch, size_t i, struct page_node *out)
{
    size_t slot = PAGE_HEADER + 2 * i;
    return slot + 2 <= page_bytes && node_at(page, page_bytes, branch, u16_at(page, slot), out);
}

int page_compare(enum page_order order, struct slice a, struct slice b)
{
    if (order == PAGE_ORDER_NUMBER && a.len == sizeof(size_t) && b.len == sizeof(size_t)) {
        size_t x;
        size_t y;
        memcpy(&x, a.data, sizeof x);
        memcpy(&y, b.data, sizeof y);
        return x < y ? -1 : x > y;
    }
    size_t len = a.len < b.len ? a.len : b.len;
    int order_of_bytes = len > 0 ? memcmp(a.data, b.data, len) : 0;
    if (order_of_bytes != 0) {
        return order_of_bytes;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* From the lowest node to the end of the page there is no hole, no overlap, and no node that has not its offset. */
static bool is_tiled(const uint8_t *page, size_t page_bytes, bool branch, size_t nodes)
{
    uint8_t begins[PAGE_BYTES_MAX / 16 + 1];
    memset(begins, 0, page_bytes / 16 + 1);
    for (size_t i = 0; i < nodes; i++) {
        size_t at = u16_at(page, PAGE_HEADER + 2 * i);
        if (at % 2 != 0 || at >= page_bytes) {
            return false;
        }
        begins[at / 16] |= (uint8_t)(1U << (at / 2 % 8));
    }
    size_t found = 0;
    size_t at = upper_of(page);
    while (at < page_bytes) {
        struct page_node node;
        if (!(begins[at / 16] & (1U << (at / 2 % 8))) || !node_at(page, page_bytes, branch, at, &node)) {
            return false;
        }
        at += node.span;
        found++;
    }
    return found == nodes;
}

static const char *keys_fault(const uint8_t *page, size_t page_bytes, bool branch, size_t nodes, enum page_order order)
{
    struct page_node node;
    struct slice before = {NULL, 0};
    size_t first = branch ? 1 : 0; /* a branch's first key stands for everything below the second */
    for (size_t i = first; i < nodes; i++) {
        if (!page_node(page, page_bytes, branch, i, &node)) {
            return "a node beyond its end";
        }
        if (node.key.len == 0 || node.key.len > PAGE_KEY_MAX ||
            (order == PAGE_ORDER_NUMBER && node.key.len != sizeof(size_t))) {
            return "a key of a wrong length";
        }
        if (i > first && page_compare(order, before, node.key) >= 0) {
            return "keys out of order";
        }
        before = node.key;
    }
    return NULL;
}

const char *page_fault(const struct page_file *file, const uint8_t *page, uint64_t number, unsigned kind,
                       enum page_order order)
{
    bool branch = kind == PAGE_BRANCH;
    size_t lower = lower_of(page);
    size_t upper = upper_of(page);
    size_t least = branch && order == PAGE_ORDER_BYTES ? 2 : 1;
    if (page_number(page) != number) {
        return "another page's number";
    }
    if (page_kind(page) != kind) {
        return branch ? "no branch page" : "no leaf page";
    }
    if (lower % 2 != 0 || lower < PAGE_HEADER + 2 * least || lower > upper || upper > file->page_bytes ||
        upper % 2 != 0) {
        return "wrong bounds of its free space";
    }
    if (!is_tiled(page, file->page_bytes, branch, page_nodes(page))) {
        return "its nodes do not fill it";
    }
    return keys_fault(page, file->page_bytes, branch, page_nodes(page), order);
}

/* The first so many offsets whose nodes add up to what lies behind `upper`; 0: none do. */
static size_t nodes_by_span(const uint8_t *page, size_t page_bytes)
{
    size_t upper = upper_of(page);
    size_t span = 0;
    struct page_node node;
    for (size_t i = 0; upper < page_bytes && page_node(page, page_bytes, false, i, &node); i++) {
        span += node.span;
        if (span >= page_bytes - upper) {
            return span == page_bytes - upper ? i + 1 : 0;
        }
    }
    return 0;
}

size_t page_nodes_guess(const uint8_t *page, size_t page_bytes)
{
    size_t by_span = nodes_by_span(page, page_bytes);
    size_t by_lower = page_nodes(page);
    size_t most = (page_bytes - PAGE_HEADER) / (NODE_HEADER + 2);
    if (by_span > 0) {
        return by_span;
    }
    return by_lower < most ? by_lower : most;
}
