/* Asking for pages before they are wanted. Trees are gone through in the order of their keys, and neighbours by key lie
 * far from each other in the file: read one by one, each costs a disk with moving heads a turn. What is asked for here
 * is only a wish: what the system does not keep until it is wanted, it reads then. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/kv/kv_walk.h"

/* The kernel cuts a wish to what it reads ahead at most, 128 KB where nobody set it. */
enum { WISH_BYTES = 128 << 10, NEAR_BYTES = 32 << 10 };

static void wish(const struct page_file *file, uint64_t from, uint64_t to)
{
    uint64_t end = to * file->page_bytes;
    for (uint64_t at = from * file->page_bytes; at < end; at += WISH_BYTES) {
        uint64_t bytes = end - at < WISH_BYTES ? end - at : WISH_BYTES;
        (void)posix_fadvise(file->fd, (off_t)at, (off_t)bytes, POSIX_FADV_WILLNEED);
    }
}

void walk_ahead_file(struct walk *walk)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long bytes = sysconf(_SC_PAGESIZE);
    uint64_t room = pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes / 2 / walk->file.page_bytes : 0;
    walk->ahead_pages = room < walk->file.file_pages ? room : walk->file.file_pages;
    wish(&walk->file, 0, walk->ahead_pages);
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* What lies near each other is asked for at once, with what is between. */
static void wish_sorted(const struct page_file *file, uint64_t *numbers, size_t count)
{
    const uint64_t near = NEAR_BYTES / file->page_bytes;
    qsort(numbers, count, sizeof *numbers, by_number);
    for (size_t i = 0; i < count;) {
        size_t last = i;
        while (last + 1 < count && numbers[last + 1] - numbers[last] <= near) {
            last++;
        }
        wish(file, numbers[i], numbers[last] + 1);
        i = last + 1;
    }
}

void walk_ahead_children(struct walk *walk, const uint8_t *page)
{
    size_t nodes = page_nodes(page);
    uint64_t *numbers = walk->ahead_pages < walk->file.file_pages ? malloc(nodes * sizeof *numbers) : NULL;
    size_t count = 0;
    struct page_node node;
    for (size_t i = 0; numbers && i < nodes && page_node(page, walk->file.page_bytes, true, i, &node); i++) {
        if (walk_has_page(walk, node.child) && node.child >= walk->ahead_pages) {
            numbers[count++] = node.child;
        }
    }
    if (count > 0) {
        wish_sorted(&walk->file, numbers, count);
    }
    free(numbers);
}
