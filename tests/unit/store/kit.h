/* kit: what the store's tests share: a store in a directory of its own, random summaries, and a plain model of what it
 * should hold: every interval as it last came, added up anew for each comparison. */
#ifndef RINGSIDE_TESTS_UNIT_STORE_KIT_H
#define RINGSIDE_TESTS_UNIT_STORE_KIT_H

#include "collector/rollup/cell.h"
#include "collector/store/store_write.h"
#include "tests/support/rng.h"
#include "tests/support/temp_dir.h"

enum {
    KIT_SITES = 4, /* numbered from 1 */
    KIT_QUEUES = 3,
    KIT_HOURS = 40,
    KIT_SLOTS = KIT_HOURS * 4, /* of 15 minutes */
    KIT_GROUPS = 2,
    KIT_SCOPES = 1 + KIT_SITES + KIT_GROUPS
};
#define KIT_FIRST_S INT64_C(1795219200) /* 2026-11-21 00:00 UTC */
#define KIT_NOW_MS INT64_C(1795400000000)

struct kit_held {
    bool there;
    uint32_t epoch;
    uint64_t revision;
    bool open;
    struct summary sum;
};

struct kit_model {
    struct kit_held held[KIT_SITES][KIT_QUEUES][KIT_SLOTS];
};

extern struct temp_dir kit_dir;
extern struct store_layout kit_layout;
extern store_scope kit_groups[KIT_SITES + 1]; /* what the layout says */
extern int kit_offset_s[KIT_SCOPES];          /* of the days, by kit_scope */

int kit_setup(void **state);
int kit_teardown(void **state);

extern size_t kit_roll_limit; /* of the next kit_open(); 0: the store's own */

struct store *kit_open(uint64_t limit_bytes);
struct store *kit_reopen(struct store *store, uint64_t limit_bytes);
store_scope kit_scope(unsigned number); /* 0: all, then sites, then groups */

void kit_queues(struct store *store); /* within a transaction: numbers 1..KIT_QUEUES */

/* Any summary of `calls` calls; one in ten does not balance. */
void kit_summary(struct rng *rng, unsigned calls, struct summary *out);

/* Within a transaction; *held is what the model says is there and becomes what it should then say. */
int kit_put(struct store *store, uint32_t site, uint32_t queue, unsigned slot, const struct kit_held *came);

void kit_model_free(struct kit_model *model);
void kit_model_copy(struct kit_model *to, const struct kit_model *from);
/* The outcome that a put should have; changes the model. */
int kit_model_put(struct kit_model *model, uint32_t site, uint32_t queue, unsigned slot, const struct kit_held *came);
void kit_model_remove(struct kit_model *model, uint32_t site);

/* Intervals, and cells with what is pending, of every scope, hour and day; maxima too where nothing is pending. */
void kit_compare(struct store *store, const struct kit_model *model);
void kit_check(struct store *store); /* store_check() finds nothing but unbalanced books */
void kit_roll(struct store *store);  /* all that is pending */

/* A record of the closed store, to read or to damage: one byte of its value becomes another. */
void kit_get_raw(const char *db, struct slice key, struct buf *out);
void kit_damage(const char *db, struct slice key);

#endif
