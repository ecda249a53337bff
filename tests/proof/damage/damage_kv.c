/* Environments of many shapes, each damaged once: bits, bytes, pages, the end of the file. Nothing that
 * kv_look_over() calls sound reads otherwise than before, and kv_salvage() saves what was true, only that, and says
 * exactly how much is missing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/kv/kv.h"
#include "tests/support/rng.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/kv/salvage_kit.h"

enum { PAGE = 4096 };

enum damage_kind {
    DAMAGE_NONE,
    DAMAGE_BIT,
    DAMAGE_BITS,
    DAMAGE_BYTES,
    DAMAGE_ZEROS,
    DAMAGE_OTHER_PAGE,
    DAMAGE_TORN_PAGE,
    DAMAGE_CUT,
    DAMAGE_META,
    DAMAGE_KINDS
};

static const char *const kind_names[DAMAGE_KINDS] = {"none",       "bit",       "bits", "bytes",    "zeros",
                                                     "other page", "torn page", "cut",  "meta page"};

struct tally {
    uint64_t count[DAMAGE_KINDS];
    uint64_t found[DAMAGE_KINDS];
    uint64_t unreadable;
    uint64_t saved;
    uint64_t lost;
    uint64_t older;
    uint64_t behind; /* unnoticed, as kv_salvage.h says */
};

struct place {
    const struct temp_dir *dir;
    uint64_t pages; /* that are in use */
};

static void flip(const struct place *place, uint64_t at, uint8_t bits)
{
    uint8_t byte;
    temp_dir_read(place->dir, "data.mdb", at, &byte, 1);
    byte ^= bits;
    temp_dir_write(place->dir, "data.mdb", at, &byte, 1);
}

/* Half of the time in the first bytes of a page, where its header and its offsets are. */
static uint64_t pick_byte(const struct place *place, struct rng *rng)
{
    return rng_below(rng, place->pages) * PAGE + rng_below(rng, rng_chance(rng, 50) ? 64 : PAGE);
}

static void write_page(const struct place *place, uint64_t number, const uint8_t *page, size_t len)
{
    temp_dir_write(place->dir, "data.mdb", number * PAGE, page, len);
}

static void damage_page(const struct place *place, enum damage_kind kind, struct rng *rng)
{
    uint8_t page[PAGE] = {0};
    uint64_t number = rng_below(rng, place->pages);
    if (kind != DAMAGE_ZEROS) {
        temp_dir_read(place->dir, "data.mdb", rng_below(rng, place->pages) * PAGE, page, sizeof page);
    }
    write_page(place, number, page, kind == DAMAGE_TORN_PAGE ? 512 * (1 + rng_below(rng, 7)) : PAGE);
}

static void damage(const struct place *place, enum damage_kind kind, struct rng *rng)
{
    uint64_t at = pick_byte(place, rng);
    switch (kind) {
    case DAMAGE_NONE: break;
    case DAMAGE_BIT: flip(place, at, (uint8_t)(1U << rng_below(rng, 8))); break;
    case DAMAGE_BITS:
        for (unsigned i = 0; i < 4; i++) {
            flip(place, pick_byte(place, rng), (uint8_t)(1U << rng_below(rng, 8)));
        }
        break;
    case DAMAGE_BYTES:
        for (uint64_t i = 0; i < 1 + rng_below(rng, 16) && at + i < place->pages * PAGE; i++) {
            flip(place, at + i, (uint8_t)(1 + rng_below(rng, 255)));
        }
        break;
    case DAMAGE_ZEROS:
    case DAMAGE_OTHER_PAGE:
    case DAMAGE_TORN_PAGE: damage_page(place, kind, rng); break;
    case DAMAGE_CUT: temp_dir_truncate(place->dir, "data.mdb", 1 + rng_below(rng, place->pages * PAGE)); break;
    case DAMAGE_META: flip(place, rng_below(rng, 2) * PAGE + rng_below(rng, 160), (uint8_t)(1U << rng_below(rng, 8)));
    case DAMAGE_KINDS: break;
    }
}

/* What is in use of the file; behind it there may be room. */
static uint64_t used_pages(const char *dir)
{
    struct kv_options options = {.dir = dir, .max_dbs = 8, .read_only = true};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_usage usage = {0};
    if (kv_open(&options, &kv) == 0 && kv_begin(kv, false, &txn) == 0) {
        (void)kv_usage(txn, &usage);
    }
    kv_abort(txn);
    kv_close(kv);
    return usage.file_bytes / PAGE;
}

static int one_seed(uint64_t seed, const struct temp_dir *dir, const struct temp_dir *aside, bool verbose,
                    struct tally *tally)
{
    static struct world world;
    static struct world_verdict verdict;
    struct rng rng = {seed};
    struct world_shape shape = world_small(&rng);
    temp_dir_clear(dir);
    temp_dir_clear(aside);
    world_make(&world, dir->path, &shape, &rng);
    struct place place = {dir, used_pages(dir->path)};
    enum damage_kind kind = seed % 3 == 0 ? DAMAGE_BIT : (enum damage_kind)(seed / 3 % DAMAGE_KINDS);
    damage(&place, kind, &rng);
    int status = world_judge(&world, dir->path, aside->path, &verdict);
    if (status == 0 && kind == DAMAGE_NONE && verdict.outcome != WORLD_SOUND) {
        snprintf(verdict.what, sizeof verdict.what, "sound, but called damaged: %s", verdict.damage.what);
        status = -1;
    }
    bool is_in_meta = kind == DAMAGE_BIT || kind == DAMAGE_BITS || kind == DAMAGE_BYTES || kind == DAMAGE_META;
    if (status == 0 && verdict.is_behind && !is_in_meta) {
        snprintf(verdict.what, sizeof verdict.what, "called sound, but it is the commit before");
        status = -1;
    }
    tally->behind += verdict.is_behind ? 1U : 0U;
    tally->count[kind]++;
    tally->found[kind] += verdict.outcome != WORLD_SOUND ? 1U : 0U;
    tally->unreadable += verdict.outcome == WORLD_UNREADABLE ? 1U : 0U;
    tally->older += verdict.damage.older_commit ? 1U : 0U;
    tally->saved += verdict.saved;
    tally->lost += verdict.lost;
    if (verbose || status != 0) {
        printf("seed %llu: %s, %llu pages: %s; saved %llu, lost %llu%s%s\n", (unsigned long long)seed, kind_names[kind],
               (unsigned long long)place.pages, verdict.damage.what[0] ? verdict.damage.what : "nothing found",
               (unsigned long long)verdict.saved, (unsigned long long)verdict.lost, status != 0 ? "; WRONG: " : "",
               status != 0 ? verdict.what : "");
    }
    return status;
}

static void sum_up(uint64_t seeds, const struct tally *tally)
{
    printf("proof damage_kv: %llu seeds", (unsigned long long)seeds);
    for (size_t i = 0; i < DAMAGE_KINDS; i++) {
        printf(", %s %llu/%llu", kind_names[i], (unsigned long long)tally->found[i],
               (unsigned long long)tally->count[i]);
    }
    printf(" found; %llu unreadable, %llu of the commit before (%llu unnoticed), %llu records saved, %llu lost: "
           "all hold\n",
           (unsigned long long)tally->unreadable, (unsigned long long)tally->older, (unsigned long long)tally->behind,
           (unsigned long long)tally->saved, (unsigned long long)tally->lost);
}

int main(int argc, char **argv)
{
    uint64_t seeds = 10000;
    uint64_t first = 1;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        uint64_t number = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 0;
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && ++i < argc) {
            seeds = number;
        } else if (strcmp(argv[i], "--first") == 0 && ++i < argc) {
            first = number;
        } else if (strcmp(argv[i], "--seed") == 0 && ++i < argc) {
            first = number;
            seeds = 1;
        } else {
            fprintf(stderr, "usage: proof_damage_kv [--seeds N] [--first SEED] [--seed SEED] [--verbose]\n");
            return 2;
        }
    }
    struct temp_dir dir;
    struct temp_dir aside;
    struct tally tally = {0};
    temp_dir_make(&dir);
    temp_dir_make(&aside);
    world_reads_in_child = true;
    int status = 0;
    for (uint64_t seed = first; status == 0 && seed < first + seeds; seed++) {
        status = one_seed(seed, &dir, &aside, verbose, &tally);
        if (status != 0) {
            printf("again: proof_damage_kv --seed %llu --verbose\n", (unsigned long long)seed);
        }
    }
    temp_dir_remove(&dir);
    temp_dir_remove(&aside);
    if (status == 0) {
        sum_up(seeds, &tally);
    }
    return status == 0 ? 0 : 1;
}
