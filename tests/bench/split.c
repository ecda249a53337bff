/* bench_split: the speed at which this machine merely splits a queue_log into fields: the measure for the import.
 * It finds every bar and line feed and writes down where it is, which is what a reader of fields needs; it looks at no
 * field. */

#include "agent/source/scan.h"
#include "tests/bench/chunks.h"

enum { ENDS_MAX = 1 << 20, SPARE = 64 };

static uint32_t ends[ENDS_MAX + SPARE]; /* where the fields of the chunk end */

/* Eight at a time without looking whether there are so many: the count decides what is kept. */
static size_t put_ends(uint64_t mask, uint32_t offset, uint32_t *at)
{
    size_t count = (size_t)__builtin_popcountll(mask);
    for (size_t done = 0; done < count; done += 8) {
        for (size_t i = 0; i < 8; i++) {
            at[done + i] = offset + (uint32_t)(mask ? __builtin_ctzll(mask) : 0);
            mask &= mask - 1;
        }
    }
    return count;
}

static void split(const char *data, size_t len, struct chunks_result *result)
{
    size_t count = 0;
    uint64_t lines = 0;
    for (size_t offset = 0; offset < len; offset += 64) {
        struct scan_block block = scan_block(data + offset, len - offset < 64 ? len - offset : 64);
        lines += (uint64_t)__builtin_popcountll(block.controls);
        count += put_ends(block.bars | block.controls, (uint32_t)offset, ends + count);
    }
    result->fields += count;
    result->lines += lines;
    __asm__ volatile("" ::"r"(ends) : "memory"); /* they are wanted */
}

int main(int argc, char **argv)
{
    return chunks_main(argc, argv, split);
}
