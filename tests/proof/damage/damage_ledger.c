/* A ledger with known content, one byte of its file changed anywhere: it opens for writing, what it tells is what was
 * there, what is missing is exactly what it says that it lost, and it goes on. And files that are no ledger any more:
 * noise, nothing, cut short, of another version. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ledger/ledger_write.h"
#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/proof/damage/damage.h"
#include "tests/proof/damage/ledger_fill.h"
#include "tests/proof/damage/ledger_items.h"

struct proof {
    struct damage_run run;
    struct items all;
    bool may_begin_anew; /* the case leaves nothing to read */
};

static struct ledger_options options_of(const struct proof *proof)
{
    return (struct ledger_options){.dir = proof->run.dir.path,
                                   .site = "madrid-01",
                                   .map_bytes = MAP_BYTES,
                                   .reserve_percent = 20,
                                   .interval_s = 900,
                                   .now_ms = NOW_MS};
}

static size_t used_of(const struct proof *proof)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_usage usage = {0};
    const struct kv_options options = {.dir = proof->run.dir.path, .max_dbs = 1, .read_only = true};
    ledger_fill_must(kv_open(&options, &kv) == 0 && kv_begin(kv, false, &txn) == 0 && kv_usage(txn, &usage) == 0,
                     "usage");
    kv_abort(txn);
    kv_close(kv);
    return (size_t)usage.file_bytes;
}

static void make(struct proof *proof)
{
    struct ledger_options options = options_of(proof);
    struct ledger *ledger = NULL;
    ledger_fill_must(ledger_open_writer(&options, &ledger) == 0, "open");
    ledger_fill(ledger);
    ledger_fill_must(items_read(ledger, NAMES_ASKED, &proof->all), "reading");
    ledger_fill_must(proof->all.facts.leg_count == LEGS && proof->all.facts.interval_count == (uint64_t)STARTS * QUEUES,
                     "count");
    ledger_close(ledger);
    damage_take(&proof->run, used_of(proof));
}

/* ---- what is left of it ---- */

static bool check_counts(const struct items *all, const struct items *left, const struct kv_loss *damage)
{
    static const struct {
        enum item_kind kind;
        enum ledger_loss loss;
    } pairs[] = {{ITEM_LEG, LEDGER_LOST_LEGS},           {ITEM_OPEN_LEG, LEDGER_LOST_OPEN_LEGS},
                 {ITEM_INTERVAL, LEDGER_LOST_INTERVALS}, {ITEM_SHIFT, LEDGER_LOST_SHIFTS},
                 {ITEM_CURSOR, LEDGER_LOST_CURSORS},     {ITEM_NAME, LEDGER_LOST_NAMES},
                 {ITEM_GAP, LEDGER_LOST_GAPS},           {ITEM_SETTING, LEDGER_LOST_SETTINGS}};
    uint64_t missing[ITEM_KINDS];
    uint64_t strange[ITEM_KINDS];
    const uint64_t *lost = damage->lost;
    items_compare(all, left, missing, strange);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint64_t gone = missing[pairs[i].kind];
        uint64_t told = lost[pairs[i].loss];
        if (damage->exact ? gone != told : told > gone) {
            return damage_wrong("%s: %" PRIu64 " are missing, %" PRIu64 " are told (%s)",
                                ledger_loss_names[pairs[i].loss], gone, told, damage->what);
        }
    }
    if (strange[ITEM_LEG] + strange[ITEM_OPEN_LEG] + strange[ITEM_INTERVAL] + strange[ITEM_SHIFT] +
                strange[ITEM_REFUSAL] + strange[ITEM_SETTING] >
            0 ||
        strange[ITEM_NAME] > missing[ITEM_NAME] ||
        strange[ITEM_CURSOR] != (missing[ITEM_CURSOR] > 0 && left->facts.newest_event_ms > 0) ||
        strange[ITEM_GAP] > 2) {
        return damage_wrong("something is told that never was (%s)", damage->what);
    }
    if (missing[ITEM_LEG] + missing[ITEM_INTERVAL] + missing[ITEM_OPEN_LEG] > 0 && strange[ITEM_GAP] == 0) {
        return damage_wrong("there is no gap where something was lost");
    }
    if (missing[ITEM_REFUSAL] > lost[LEDGER_LOST_MARKS] + missing[ITEM_INTERVAL] ||
        (missing[ITEM_NAME] == 0 && missing[ITEM_MARK] > missing[ITEM_INTERVAL]) ||
        (strange[ITEM_MARK] > 0 && damage->exact && lost[LEDGER_LOST_MARKS] == 0)) {
        return damage_wrong("marks: %" PRIu64 " missing, %" PRIu64 " new, %" PRIu64 " told (%s)", missing[ITEM_MARK],
                            strange[ITEM_MARK], lost[LEDGER_LOST_MARKS], damage->what);
    }
    return true;
}

static bool check_identity(const struct items *all, const struct items *left, const struct kv_loss *damage)
{
    const uint64_t *lost = damage->lost;
    bool same_epoch = memcmp(all->facts.epoch, left->facts.epoch, sizeof all->facts.epoch) == 0;
    bool same_secret = memcmp(all->secret, left->secret, sizeof all->secret) == 0;
    if (same_epoch == (lost[LEDGER_LOST_IDENTITY] > 0) || same_secret == (lost[LEDGER_LOST_SECRET] > 0)) {
        return damage_wrong("identity or secret are not what they were, or it is not told");
    }
    uint64_t sum = 0;
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        sum += lost[i];
    }
    for (int i = 0; i < QUALITY_COUNT; i++) {
        uint64_t was = lost[LEDGER_LOST_STATE] ? 0 : all->facts.quality[i];
        if (left->facts.quality[i] != was + (i == QUALITY_QUARANTINED ? sum : 0)) {
            return damage_wrong("the counter %s is not what it was", quality_names[i]);
        }
    }
    /* where the state is lost, and legs or cursors besides, the newest that is left tells */
    return left->facts.newest_event_ms >= all->facts.newest_event_ms || (lost[LEDGER_LOST_STATE] && sum > 1) ||
           damage_wrong("the newest event is older than it was");
}

static bool write_more(struct ledger *ledger, const struct items *all)
{
    struct rng rng = {7};
    struct summary sum = {0};
    struct ledger_progress progress = ledger_progress(ledger);
    struct call_leg leg = ledger_fill_leg(&rng, progress.next_seq++, NOW_MS + 5000);
    bool good = ledger_add_closed_leg(ledger, &leg) == 0 && ledger_begin(ledger, NOW_MS + 1) == 0;
    ledger_fill_summary(&rng, &sum);
    if (good) {
        ledger_put_interval(ledger, 1, NOW_MS / 1000 / 900 * 900 + 900, &sum);
        ledger_put_progress(ledger, &progress);
        good = ledger_end(ledger) == 0;
    }
    summary_deinit(&sum);
    struct items now = {0};
    good = good && items_read(ledger, NAMES_ASKED, &now);
    bool newer = now.newest_revision > all->newest_revision && progress.next_seq > LEGS + OPEN_LEGS;
    items_free(&now);
    return good ? newer || damage_wrong("a revision or a leg's number was given twice")
                : damage_wrong("it cannot be written");
}

static void print_defect(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "defect: %s\n", line);
}

/* Opened once more: sound, with the books right, and the loss still told. */
static bool check_again(const struct proof *proof, const struct kv_loss *before)
{
    struct ledger_options options = options_of(proof);
    struct ledger *ledger = NULL;
    struct ledger_view *view = NULL;
    struct ledger_check_result result;
    struct kv_loss damage;
    if (ledger_open_writer(&options, &ledger) != 0 || ledger_mended(ledger)) {
        return damage_wrong("it does not open a second time, or is damaged again");
    }
    bool sound = ledger_check(ledger, print_defect, NULL, &result) == 0 || damage_wrong("it has defects");
    bool told = ledger_view_begin(ledger, &view) == 0;
    int status = told ? ledger_view_damage(view, &damage) : -1;
    told = before->times == 0 ? status == LEDGER_UNDAMAGED
                              : status == 0 && memcmp(damage.lost, before->lost, sizeof damage.lost) == 0 &&
                                    damage.times == before->times && damage.exact == before->exact;
    ledger_view_end(view);
    ledger_close(ledger);
    return sound && (told || damage_wrong("what was lost is told otherwise the next day"));
}

static bool look(void *ctx, struct damage_seen *seen)
{
    const struct proof *proof = ctx;
    struct ledger_options options = options_of(proof);
    struct ledger *ledger = NULL;
    int64_t began_us = damage_now_us();
    int status = ledger_open_writer(&options, &ledger);
    seen->opened_us = damage_now_us() - began_us;
    if (status != 0) {
        return damage_wrong("it does not open: %s", status_str(status));
    }
    struct kv_loss damage = {.exact = true};
    struct items left;
    seen->mended = ledger_mended(ledger) != NULL;
    if (seen->mended) {
        damage = *ledger_mended(ledger);
    }
    seen->anew = damage.anew;
    seen->exact = damage.exact;
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        seen->lost += damage.lost[i];
    }
    bool holds = items_read(ledger, NAMES_ASKED, &left) || damage_wrong("not all of it can be read");
    if (damage.anew) {
        holds = holds && proof->may_begin_anew && left.count == 0;
        holds = holds || damage_wrong("it began anew (%s)", damage.what);
    } else {
        holds = holds && check_counts(&proof->all, &left, &damage) && check_identity(&proof->all, &left, &damage);
        holds = holds && write_more(ledger, &proof->all);
    }
    items_free(&left);
    ledger_close(ledger);
    return holds && check_again(proof, &damage);
}

/* ---- files that are damaged otherwise ---- */

static void make_noise(const struct damage_run *run, size_t from, size_t to)
{
    struct rng rng = {9};
    for (size_t at = from; at < to; at += 8) {
        uint64_t noise = rng_next(&rng);
        temp_dir_write(&run->dir, "data.mdb", at, &noise, sizeof noise);
    }
}

static void make_zeros(const struct damage_run *run, size_t from, size_t to)
{
    static const uint8_t zeros[PAGE];
    for (size_t at = from; at < to; at += PAGE) {
        temp_dir_write(&run->dir, "data.mdb", at, zeros, PAGE);
    }
}

static bool one_case(struct proof *proof, const char *name, bool anew)
{
    struct damage_seen seen = {.mended = false};
    proof->may_begin_anew = anew;
    bool holds = damage_child(look, proof, 20, &seen) && (!anew || (seen.mended && seen.anew));
    if (proof->run.verbose || !holds) {
        (void)printf("case %s: %s%s, %" PRIu64 " lost: %s\n", name, seen.mended ? "mended" : "nothing lost",
                     seen.anew ? ", began anew" : "", seen.lost, holds ? "holds" : "FAILS");
    }
    proof->may_begin_anew = false;
    return holds;
}

/* Nothing is left of it: put aside, and begun anew. */
static bool cases_anew(struct proof *proof)
{
    const struct damage_run *run = &proof->run;
    damage_restore(run);
    make_noise(run, 0, run->used);
    bool holds = one_case(proof, "noise", true);
    damage_restore(run);
    temp_dir_truncate(&run->dir, "data.mdb", 0);
    holds = holds && one_case(proof, "zero length", true);
    damage_restore(run);
    make_zeros(run, 0, run->used);
    holds = holds && one_case(proof, "all zeros", true);
    damage_restore(run);
    temp_dir_truncate(&run->dir, "data.mdb", 100);
    holds = holds && one_case(proof, "cut to 100 bytes", true);
    damage_restore(run);
    make_noise(run, 0, 2 * PAGE);
    return holds && one_case(proof, "both meta pages noise", true);
}

static bool cases_in_part(struct proof *proof, size_t step)
{
    const struct damage_run *run = &proof->run;
    char name[64];
    bool holds = true;
    for (size_t page = 0; page < run->used / PAGE && holds; page += step) {
        damage_restore(run);
        make_zeros(run, page * PAGE, (page + 1) * PAGE);
        (void)snprintf(name, sizeof name, "page %zu of zeros", page);
        holds = one_case(proof, name, false);
    }
    for (size_t pages = 2; pages < run->used / PAGE && holds; pages += 3 * step) {
        damage_restore(run);
        temp_dir_truncate(&run->dir, "data.mdb", pages * PAGE + 100);
        (void)snprintf(name, sizeof name, "cut to %zu pages", pages);
        proof->may_begin_anew = true;
        struct damage_seen seen = {.mended = false};
        holds = damage_child(look, proof, 20, &seen);
        proof->may_begin_anew = false;
        if (!holds) {
            (void)printf("case %s FAILS\n", name);
        }
    }
    return holds;
}

/* Written by another version of this program, or of LMDB: refused, and left as it is, damaged besides or not. */
static bool refuse(void *ctx, struct damage_seen *seen)
{
    const struct proof *proof = ctx;
    struct ledger_options options = options_of(proof);
    struct ledger *ledger = NULL;
    (void)seen;
    int status = ledger_open_writer(&options, &ledger);
    return status == STATUS_VERSION || damage_wrong("another version's ledger: %s", status_str(status));
}

static bool is_refused(struct proof *proof)
{
    const struct damage_run *run = &proof->run;
    size_t used = run->used;
    uint8_t *before = malloc(used);
    uint8_t *after = malloc(used);
    ledger_fill_must(before && after, "memory");
    temp_dir_read(&run->dir, "data.mdb", 0, before, used);
    struct damage_seen seen;
    bool holds = damage_child(refuse, proof, 20, &seen);
    temp_dir_read(&run->dir, "data.mdb", 0, after, used);
    holds = holds && (memcmp(before, after, used) == 0 || damage_wrong("it was changed"));
    free(before);
    free(after);
    return holds;
}

static bool case_version_of_lmdb(struct proof *proof)
{
    static const uint8_t version[4] = {0xe7, 3, 0, 0};
    const struct damage_run *run = &proof->run;
    damage_restore(run);
    temp_dir_write(&run->dir, "data.mdb", 20, version, sizeof version);
    temp_dir_write(&run->dir, "data.mdb", PAGE + 20, version, sizeof version);
    return is_refused(proof);
}

static bool case_version(struct proof *proof, uint8_t version, bool damaged)
{
    const struct damage_run *run = &proof->run;
    const struct kv_options options = {.dir = run->dir.path, .map_bytes = MAP_BYTES, .max_dbs = 9};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db = 0;
    struct buf value = BUF_INIT;
    struct record_key key = record_key_text("identity");
    damage_restore(run);
    ledger_fill_must(kv_open(&options, &kv) == 0 && kv_db(kv, "meta", false, &db) == 0 && kv_begin(kv, true, &txn) == 0,
                     "kv");
    wire_put_u8(&value, version);
    ledger_fill_must(record_put(txn, db, &key, &value) == 0 && kv_commit(txn) == 0, "put");
    kv_close(kv);
    buf_deinit(&value);
    if (damaged) {
        make_zeros(run, 9 * PAGE, 10 * PAGE);
        make_zeros(run, 20 * PAGE, 21 * PAGE);
    }
    return is_refused(proof);
}

int main(int argc, char **argv)
{
    struct proof proof = {.may_begin_anew = false};
    struct damage_tally tally = {0};
    int result = damage_arguments(&proof.run, argc, argv, "damage_ledger", 10000);
    if (result != 0) {
        return result;
    }
    make(&proof);
    result = damage_seeds(&proof.run, look, &proof, &tally);
    bool full = proof.run.seeds >= 1000;
    if (result == 0 && proof.run.seeds > 1) {
        bool holds = cases_anew(&proof) && cases_in_part(&proof, full ? 1 : 40) && case_version_of_lmdb(&proof) &&
                     case_version(&proof, RECORD_VERSION + 1, false) &&
                     case_version(&proof, RECORD_VERSION + 1, true) && case_version(&proof, RECORD_VERSION - 1, false);
        result = holds ? 0 : 1;
    }
    if (result == 0) {
        damage_sum_up(&proof.run, &tally, "noise, zeros, cut short, other versions");
    } else {
        free(tally.opened_us);
    }
    items_free(&proof.all);
    free(proof.run.bytes);
    temp_dir_remove(&proof.run.dir);
    return result;
}
