/* A store with known content, one byte of its file changed anywhere: it opens for writing, what it tells is what was
 * there, what is missing is exactly what it says that it lost, hours and days are the sum of the intervals that are
 * left, and it goes on. And files that are no store any more. The model of what is in it is that of the store's unit
 * tests (tests/unit/store/kit.h), filled from the same numbers as the store. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "tests/proof/damage/damage.h"
#include "tests/unit/store/kit.h"

enum { LIMIT_BYTES = 32 << 20, SLOTS = KIT_SLOTS, EVENTS = 40, GAPS = 12, PAGE = 4096, CHILD_S = 20 };

struct proof {
    struct damage_run run;
    struct kit_model *model;
    bool may_begin_anew;
};

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "making the store: %s failed\n", what);
        abort();
    }
}

/* ---- what is in it ---- */

static void put_small(struct store *store)
{
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        struct store_contact contact = {.last_seen_ms = KIT_NOW_MS + site, .interval_s = 900};
        uint32_t number;
        memset(contact.epoch, (int)site, sizeof contact.epoch);
        must(store_epoch_adopt(store, site, contact.epoch, &number) == 0 && number == 1, "epoch");
        must(store_put_contact(store, site, &contact) == 0, "contact");
        for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
            struct queue_settings settings = {.sl_method = 1, .sl_threshold_ms = 1000 * site + queue};
            must(store_put_queue(store, site, queue, &settings) == 0, "settings");
        }
        for (int i = 0; i < GAPS; i++) {
            struct store_gap gap = {.from_ms = KIT_NOW_MS + i * 1000, .to_ms = KIT_NOW_MS + i * 1000 + site};
            (void)snprintf(gap.reason, sizeof gap.reason, "gap %d", i);
            must(store_put_gap(store, site, &gap) == 0, "gap");
        }
    }
    for (int i = 0; i < EVENTS; i++) {
        struct store_event event = {.at_ms = KIT_NOW_MS + i, .site = 1, .kind = "clock"};
        (void)snprintf(event.text, sizeof event.text, "event %d", i);
        must(store_put_event(store, &event) == 0, "event");
    }
}

static void put_slots(struct proof *proof, struct store *store, struct rng *rng, unsigned from, unsigned to)
{
    struct kit_held came = {.there = true, .epoch = 1};
    for (unsigned slot = from; slot < to; slot++) {
        must(store_begin(store, KIT_NOW_MS) == 0, "begin");
        if (slot == 0) {
            kit_queues(store);
            put_small(store);
        }
        for (uint32_t site = 1; site <= KIT_SITES; site++) {
            for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
                came.revision = proof->model->held[site - 1][queue - 1][slot].revision + 1;
                kit_summary(rng, (unsigned)rng_below(rng, 6), &came.sum);
                must(kit_model_put(proof->model, site, queue, slot, &came) == STORE_TAKEN, "model");
                must(kit_put(store, site, queue, slot, &came) == STORE_TAKEN, "put");
            }
        }
        must(store_end(store) == 0, "end");
    }
    summary_deinit(&came.sum);
}

static size_t used_of(const struct proof *proof)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_usage usage = {0};
    const struct kv_options options = {.dir = proof->run.dir.path, .max_dbs = 1, .read_only = true};
    must(kv_open(&options, &kv) == 0 && kv_begin(kv, false, &txn) == 0 && kv_usage(txn, &usage) == 0, "usage");
    kv_abort(txn);
    kv_close(kv);
    return (size_t)usage.file_bytes;
}

static void commit_nothing(struct store *store)
{
    must(store_begin(store, KIT_NOW_MS) == 0 && store_end(store) == 0, "commit");
}

/* Most of it in hours and days, some changed since, some new. The last two commits hold the same. */
static void make(struct proof *proof)
{
    void *state = NULL;
    struct rng rng = {5};
    (void)kit_setup(&state);
    temp_dir_remove(&kit_dir);
    kit_dir = proof->run.dir;
    proof->model = calloc(1, sizeof *proof->model);
    must(proof->model != NULL, "memory");
    struct store *store = kit_open(LIMIT_BYTES);
    put_slots(proof, store, &rng, 0, SLOTS - 20);
    kit_roll(store);
    put_slots(proof, store, &rng, SLOTS - 40, SLOTS);
    commit_nothing(store);
    commit_nothing(store);
    kit_compare(store, proof->model);
    kit_check(store);
    store_close(store);
    damage_take(&proof->run, used_of(proof));
}

/* ---- what is left of it ---- */

struct left {
    struct proof *proof;
    bool seen[KIT_SITES][KIT_QUEUES][KIT_SLOTS];
    uint64_t intervals;
    uint64_t strange;
    uint64_t events;
    uint64_t told_events;
    uint64_t gaps;
};

static int see_interval(void *ctx, const struct store_interval *item)
{
    struct left *left = ctx;
    int64_t slot = (item->start_s - KIT_FIRST_S) / 900;
    bool known = item->site >= 1 && item->site <= KIT_SITES && item->queue >= 1 && item->queue <= KIT_QUEUES &&
                 slot >= 0 && slot < SLOTS && (item->start_s - KIT_FIRST_S) % 900 == 0;
    const struct kit_held *held = known ? &left->proof->model->held[item->site - 1][item->queue - 1][slot] : NULL;
    if (!held || held->epoch != item->epoch || held->revision != item->revision ||
        !summary_equal(&held->sum, item->sum)) {
        left->strange++;
        return 0;
    }
    left->seen[item->site - 1][item->queue - 1][slot] = true;
    left->intervals++;
    return 0;
}

static int see_event(void *ctx, const struct store_event *event)
{
    struct left *left = ctx;
    char text[32];
    (void)snprintf(text, sizeof text, "event %d", (int)(event->at_ms - KIT_NOW_MS));
    bool own = strcmp(event->kind, "damaged") == 0;
    left->told_events += own;
    left->events += !own;
    left->strange += !own && strcmp(event->text, text) != 0;
    return 0;
}

static int see_gap(void *ctx, const struct store_gap *gap)
{
    struct left *left = ctx;
    char text[32];
    (void)snprintf(text, sizeof text, "gap %d", (int)((gap->from_ms - KIT_NOW_MS) / 1000));
    left->gaps++;
    left->strange += strcmp(gap->reason, text) != 0;
    return 0;
}

struct counts {
    uint64_t lost[STORE_LOSS_COUNT];
};

static bool read_sites(struct store *store, struct store_view *view, struct left *left, struct counts *out)
{
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        struct store_contact contact = {0};
        uint8_t epoch[LIMITS_EPOCH_BYTES];
        uint32_t number = 0;
        bool newest;
        uint64_t bad = 0;
        if (store_view_intervals(view, site, 0, INT64_MAX, see_interval, left, &bad) != 0 || bad != 0 ||
            store_view_gaps(view, site, see_gap, left) != 0) {
            return damage_wrong("intervals or gaps cannot be read");
        }
        bool known = store_view_contact(view, site, &contact);
        out->lost[STORE_LOST_CONTACTS] += !known;
        left->strange += known && contact.last_seen_ms != (int64_t)(KIT_NOW_MS + site);
        memset(epoch, (int)site, sizeof epoch);
        int status = store_epoch_find(store, site, epoch, sizeof epoch, &number, &newest);
        if (known && (status != 0 || number != 1 || !newest)) {
            return damage_wrong("the epoch of site %u is not known any more, although its contact is", site);
        }
        for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
            struct queue_settings settings = {0};
            bool set = store_view_queue_settings(view, site, queue, &settings);
            out->lost[STORE_LOST_SETTINGS] += !set;
            left->strange += set && settings.sl_threshold_ms != INT64_C(1000) * site + queue;
        }
    }
    return true;
}

static bool read_all(struct store *store, struct left *left, struct counts *out)
{
    static const char *const names[KIT_QUEUES] = {"sales", "support", "s\xc3\xa9"};
    struct store_view *view = NULL;
    if (store_view_begin(store, &view) != 0) {
        return damage_wrong("no view of it");
    }
    bool good = read_sites(store, view, left, out) && store_view_events(view, 0, see_event, left) == 0;
    for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
        out->lost[STORE_LOST_NAMES] += !slice_is(store_view_queue_name(view, queue), names[queue - 1]);
    }
    store_view_end(view);
    out->lost[STORE_LOST_INTERVALS] = (uint64_t)KIT_SITES * KIT_QUEUES * SLOTS - left->intervals;
    out->lost[STORE_LOST_EVENTS] = EVENTS - left->events;
    out->lost[STORE_LOST_GAPS] = (uint64_t)KIT_SITES * GAPS - left->gaps;
    return good && (left->strange == 0 || damage_wrong("something is told that never was"));
}

static bool check_counts(const struct counts *gone, const struct kv_loss *damage)
{
    static const enum store_loss kinds[] = {STORE_LOST_INTERVALS, STORE_LOST_NAMES, STORE_LOST_CONTACTS,
                                            STORE_LOST_EVENTS,    STORE_LOST_GAPS,  STORE_LOST_SETTINGS};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint64_t missing = gone->lost[kinds[i]];
        uint64_t told = damage->lost[kinds[i]];
        if (damage->exact ? missing != told : told > missing) {
            return damage_wrong("%s: %" PRIu64 " are missing, %" PRIu64 " are told (%s)", store_loss_names[kinds[i]][1],
                                missing, told, damage->what);
        }
    }
    return damage->lost[STORE_LOST_CELLS] == 0 || damage_wrong("hours or days are told lost that intervals tell");
}

/* The model loses what the store lost; then hours and days are as the model adds them up. What comes again counts. */
static bool go_on(struct proof *proof, struct left *left, struct store *store)
{
    struct rng rng = {99};
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
            for (unsigned slot = 0; slot < SLOTS; slot++) {
                struct kit_held *held = &proof->model->held[site - 1][queue - 1][slot];
                held->there = held->there && left->seen[site - 1][queue - 1][slot];
            }
        }
    }
    kit_roll(store);
    kit_check(store);
    kit_compare(store, proof->model);
    put_slots(proof, store, &rng, 4, 6);
    kit_roll(store);
    kit_compare(store, proof->model);
    return true;
}

static bool check_again(struct proof *proof, const struct kv_loss *before)
{
    struct store *store = kit_open(LIMIT_BYTES);
    struct store_view *view = NULL;
    struct kv_loss damage;
    bool sound = store_mended(store) == NULL || damage_wrong("it is damaged a second time");
    bool told = store_view_begin(store, &view) == 0;
    bool known = told && store_view_damage(view, &damage);
    told = known == (before->times > 0) &&
           (!known || (damage.times == before->times && memcmp(damage.lost, before->lost, sizeof damage.lost) == 0));
    store_view_end(view);
    kit_check(store);
    if (!before->anew) {
        kit_compare(store, proof->model);
    }
    store_close(store);
    return sound && (told || damage_wrong("what was lost is told otherwise the next day"));
}

static bool look(void *ctx, struct damage_seen *seen)
{
    struct proof *proof = ctx;
    struct store_options options = {.dir = proof->run.dir.path, .limit_bytes = LIMIT_BYTES, .now_ms = KIT_NOW_MS};
    struct store *store = NULL;
    int64_t began_us = damage_now_us();
    int status = store_open_writer(&options, &store);
    seen->opened_us = damage_now_us() - began_us;
    if (status != 0) {
        return damage_wrong("it does not open: %s", status_str(status));
    }
    struct kv_loss damage = {.exact = true};
    struct left *left = calloc(1, sizeof *left);
    struct counts gone = {{0}};
    must(left != NULL, "memory");
    left->proof = proof;
    seen->mended = store_mended(store) != NULL;
    if (seen->mended) {
        damage = *store_mended(store);
    }
    seen->anew = damage.anew;
    seen->exact = damage.exact;
    for (int i = 0; i < STORE_LOSS_COUNT; i++) {
        seen->lost += damage.lost[i];
    }
    bool holds = read_all(store, left, &gone);
    holds = holds && (left->told_events == seen->mended || damage_wrong("there is no event that tells of it"));
    if (damage.anew) {
        holds = holds && ((proof->may_begin_anew && left->intervals == 0) || damage_wrong("it began anew"));
    } else {
        holds = holds && check_counts(&gone, &damage) && go_on(proof, left, store);
    }
    store_close(store);
    free(left);
    return holds && check_again(proof, &damage);
}

/* ---- files that are damaged otherwise ---- */

static bool one_case(struct proof *proof, const char *name, bool anew)
{
    struct damage_seen seen = {.mended = false};
    proof->may_begin_anew = anew;
    bool holds = damage_child(look, proof, CHILD_S, &seen) && (!anew || (seen.mended && seen.anew));
    if (proof->run.verbose || !holds) {
        (void)printf("case %s: %s%s, %" PRIu64 " lost: %s\n", name, seen.mended ? "mended" : "nothing lost",
                     seen.anew ? ", began anew" : "", seen.lost, holds ? "holds" : "FAILS");
    }
    proof->may_begin_anew = false;
    return holds;
}

static void make_noise(const struct damage_run *run, size_t to)
{
    struct rng rng = {9};
    for (size_t at = 0; at < to; at += 8) {
        uint64_t noise = rng_next(&rng);
        temp_dir_write(&run->dir, "data.mdb", at, &noise, sizeof noise);
    }
}

/* Written by another version of LMDB: refused. */
static bool refuse(void *ctx, struct damage_seen *seen)
{
    const struct proof *proof = ctx;
    const struct store_options options = {.dir = proof->run.dir.path, .limit_bytes = LIMIT_BYTES, .now_ms = KIT_NOW_MS};
    struct store *store = NULL;
    (void)seen;
    int status = store_open_writer(&options, &store);
    return status == STATUS_VERSION || damage_wrong("another version's store: %s", status_str(status));
}

static bool cases(struct proof *proof, size_t step)
{
    static const uint8_t version[4] = {0xe7, 3, 0, 0};
    static const uint8_t zeros[PAGE];
    const struct damage_run *run = &proof->run;
    char name[64];
    damage_restore(run);
    make_noise(run, run->used);
    bool holds = one_case(proof, "noise", true);
    damage_restore(run);
    temp_dir_truncate(&run->dir, "data.mdb", 0);
    holds = holds && one_case(proof, "zero length", true);
    damage_restore(run);
    make_noise(run, 2 * PAGE);
    holds = holds && one_case(proof, "both meta pages noise", true);
    damage_restore(run);
    temp_dir_write(&run->dir, "data.mdb", 20, version, sizeof version);
    temp_dir_write(&run->dir, "data.mdb", PAGE + 20, version, sizeof version);
    struct damage_seen seen;
    holds = holds && damage_child(refuse, proof, CHILD_S, &seen);
    for (size_t page = 0; page < run->used / PAGE && holds; page += step) {
        damage_restore(run);
        temp_dir_write(&run->dir, "data.mdb", page * PAGE, zeros, PAGE);
        (void)snprintf(name, sizeof name, "page %zu of zeros", page);
        holds = one_case(proof, name, false);
    }
    return holds;
}

int main(int argc, char **argv)
{
    struct proof proof = {.may_begin_anew = false};
    struct damage_tally tally = {0};
    int result = damage_arguments(&proof.run, argc, argv, "damage_store", 10000);
    if (result != 0) {
        return result;
    }
    make(&proof);
    result = damage_seeds(&proof.run, look, &proof, &tally);
    if (result == 0 && proof.run.seeds > 1) {
        result = cases(&proof, proof.run.seeds >= 1000 ? 1 : 60) ? 0 : 1;
    }
    if (result == 0) {
        damage_sum_up(&proof.run, &tally, "noise, zeros, another version");
    } else {
        free(tally.opened_us);
    }
    kit_model_free(proof.model);
    free(proof.run.bytes);
    temp_dir_remove(&proof.run.dir);
    return result;
}
