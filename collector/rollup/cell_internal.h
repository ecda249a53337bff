/* cell_internal: how a cell lies in memory, for the files of this stage. */
#ifndef RINGSIDE_COLLECTOR_ROLLUP_CELL_INTERNAL_H
#define RINGSIDE_COLLECTOR_ROLLUP_CELL_INTERNAL_H

#include "collector/rollup/cell.h"

enum { CELL_WORDS = (HISTOGRAM_BINS + 63) / 64 };

/* No sum passes this, so that one more addition of two sums never wraps. */
#define CELL_SUM_MAX ((uint64_t)INT64_MAX)

/* One bit a bin and one bit a word of these say where to look: a cell of few values is cheap to clear and to walk. Once
 * something was taken away, a bit may stand for a count that went back to zero. */
struct cell_stat {
    uint64_t sum_ms;
    uint64_t total; /* of all bins */
    uint64_t max_ms;
    bool has_zeros; /* or may have */
    uint64_t touched_words[(CELL_WORDS + 63) / 64];
    uint64_t touched[CELL_WORDS];
    uint64_t bins[HISTOGRAM_BINS];
};

struct cell {
    uint64_t intervals;
    uint64_t unbalanced;
    uint64_t waiting_start;
    uint64_t waiting_end;
    uint64_t waiting_max;
    uint64_t flow[FLOW_COUNT];
    uint64_t cohort[COHORT_COUNT];
    struct cell_stat duration[DURATION_COUNT];
};

static inline void cell_touch(struct cell_stat *stat, uint32_t bin)
{
    uint32_t word = bin / 64;
    stat->touched[word] |= UINT64_C(1) << bin % 64;
    stat->touched_words[word / 64] |= UINT64_C(1) << word % 64;
}

/* Walks the touched bins in ascending order: for (struct cell_walk w = {0}; cell_walk_next(stat, &w);) w.bin ... */
struct cell_walk {
    uint32_t bin;
    uint32_t next_word;
    uint32_t word;
    uint64_t bits; /* of `word`, not yet seen */
};

/* Goes to the next word that has touched bins: its number, or CELL_WORDS. */
static inline uint32_t cell_next_word(const struct cell_stat *stat, uint32_t from)
{
    while (from < CELL_WORDS) {
        uint64_t words = stat->touched_words[from / 64] >> from % 64;
        if (words != 0) {
            return from + (uint32_t)__builtin_ctzll(words);
        }
        from = (from / 64 + 1) * 64;
    }
    return CELL_WORDS;
}

static inline bool cell_walk_next(const struct cell_stat *stat, struct cell_walk *walk)
{
    if (walk->bits == 0) {
        walk->word = cell_next_word(stat, walk->next_word);
        if (walk->word == CELL_WORDS) {
            return false;
        }
        walk->next_word = walk->word + 1;
        walk->bits = stat->touched[walk->word];
    }
    walk->bin = walk->word * 64 + (uint32_t)__builtin_ctzll(walk->bits);
    walk->bits &= walk->bits - 1;
    return true;
}

/* A histogram's bytes within a stored form. */
struct cell_bins {
    const uint8_t *at;
    const uint8_t *end;
    bool packed;
};

bool cell_bins_put(struct buf *out, const struct cell_stat *stat); /* appends; returns whether packed */
/* 0, STATUS_CORRUPT, STATUS_RANGE. */
int cell_bins_add(struct cell_stat *stat, const struct cell_bins *bins);
int cell_bins_subtract(struct cell_stat *stat, const struct cell_bins *bins);
int cell_bins_check(const struct cell_bins *bins);

#endif
