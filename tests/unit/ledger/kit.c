#include "tests/unit/ledger/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/kv/kv.h"

struct temp_dir kit_dir;

int kit_setup(void **state)
{
    (void)state;
    temp_dir_make(&kit_dir);
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    temp_dir_remove(&kit_dir);
    return 0;
}

struct ledger_options kit_options(uint64_t map_bytes)
{
    return (struct ledger_options){.dir = kit_dir.path,
                                   .site = "madrid-01",
                                   .map_bytes = map_bytes,
                                   .reserve_percent = 20,
                                   .interval_s = 900,
                                   .now_ms = KIT_NOW_MS};
}

struct ledger *kit_open(uint64_t map_bytes)
{
    struct ledger_options options = kit_options(map_bytes);
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_writer(&options, &ledger), 0);
    return ledger;
}

struct ledger *kit_reopen(struct ledger *ledger, uint64_t map_bytes)
{
    ledger_close(ledger);
    return kit_open(map_bytes);
}

struct ledger *kit_open_readonly(void)
{
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_readonly(kit_dir.path, &ledger), 0);
    return ledger;
}

static void set_call_id(struct rng *rng, struct call_leg *leg)
{
    static const char *const forms[] = {"%llu.%llu", "pbx-%llu.%llu", "a.b-c-%llu.%llu", "%llu.0%llu",    "%llu.%llu.",
                                        "x%llu",     ".%llu.%llu",    "%llu-%llu",       "5f3c%llue.%llu"};
    char id[LEG_CALL_ID_MAX + 1];
    int64_t near_s = leg->enter_ms / 1000 + rng_between(rng, -5, 5);
    unsigned long long epoch = (unsigned long long)near_s;
    unsigned long long counter = rng_chance(rng, 80) ? leg->seq * 3 : rng_next(rng) >> rng_below(rng, 64);
    int len;
    if (rng_chance(rng, 10)) { /* any bytes, of any length */
        len = (int)rng_below(rng, LEG_CALL_ID_MAX + 1);
        for (int i = 0; i < len; i++) {
            id[i] = rng_chance(rng, 70) ? (char)('0' + rng_below(rng, 10)) : (char)rng_below(rng, 256);
        }
    } else if (rng_chance(rng, 5)) { /* a prefix so long that the short form has no room */
        len = snprintf(id, sizeof id, "%0*d-%llu.%llu", (int)rng_between(rng, 60, 80), 0, epoch, counter % 1000);
    } else {
        const char *form = forms[rng_chance(rng, 70) ? rng_below(rng, 2) : rng_below(rng, 9)];
        len = snprintf(id, sizeof id, form, epoch, counter);
    }
    leg->call_id_len = (uint8_t)(len < LEG_CALL_ID_MAX ? len : LEG_CALL_ID_MAX);
    memcpy(leg->call_id, id, leg->call_id_len);
}

static int64_t some_ms(struct rng *rng, int64_t unit)
{
    return rng_chance(rng, 20) ? 0 : rng_between(rng, 0, rng_chance(rng, 95) ? 900 : 86400) * unit;
}

struct call_leg kit_leg(struct rng *rng, uint64_t seq, int64_t end_ms)
{
    int64_t unit = rng_chance(rng, 70) ? 1000 : 1;
    struct call_leg leg = {.seq = seq, .contact = rng_chance(rng, 80) ? seq : rng_below(rng, seq + 10), .ring_ms = -1};
    leg.state = LEG_DONE;
    leg.outcome = (enum leg_outcome)rng_between(rng, LEG_COMPLETED_OPERATOR, LEG_OUTCOME_COUNT - 1);
    leg.queue = (uint32_t)rng_between(rng, 1, rng_chance(rng, 95) ? 9 : UINT32_MAX);
    leg.end_ms = end_ms / unit * unit;
    leg.wait_ms = some_ms(rng, unit);
    leg.enter_ms = leg.end_ms - leg.wait_ms;
    if (rng_chance(rng, 60)) {
        leg.connect_ms = leg.end_ms;
        leg.operator_id = (uint32_t)rng_between(rng, 0, rng_chance(rng, 95) ? 90 : UINT32_MAX);
        leg.talk_ms = some_ms(rng, unit);
        leg.hold_ms = rng_chance(rng, 20) ? some_ms(rng, unit) : 0;
        leg.connect_ms -= leg.talk_ms + leg.hold_ms;
        leg.enter_ms -= leg.talk_ms + leg.hold_ms;
        leg.ring_ms = rng_chance(rng, 90) ? some_ms(rng, unit) : -1;
    }
    if (rng_chance(rng, 15)) { /* what the rows say and what the clock says differ, either way */
        leg.enter_ms += rng_between(rng, -3, 3) * unit;
        leg.end_ms += rng_between(rng, -90000, 90000) * unit;
    }
    leg.missed = rng_chance(rng, 20) ? (uint32_t)rng_below(rng, 50) : 0;
    leg.flags = rng_chance(rng, 20) ? (uint32_t)rng_below(rng, 128) : 0;
    leg.position = rng_chance(rng, 80) ? 1 : (uint32_t)rng_below(rng, 30);
    leg.caller = rng_chance(rng, 90) ? rng_next(rng) >> 16 : 0;
    if (rng_chance(rng, 10)) {
        leg.number_len = (uint8_t)rng_between(rng, 1, sizeof leg.number - 1);
        memset(leg.number, '7', leg.number_len);
    }
    set_call_id(rng, &leg);
    return leg;
}

struct call_leg kit_plain_leg(struct rng *rng, uint64_t seq, int64_t end_ms)
{
    struct call_leg leg = {.seq = seq,
                           .contact = seq,
                           .caller = rng_next(rng) >> 16,
                           .end_ms = end_ms / 1000 * 1000,
                           .wait_ms = rng_between(rng, 1, 60) * 1000,
                           .talk_ms = rng_between(rng, 10, 400) * 1000,
                           .ring_ms = rng_between(rng, 1, 9) * 1000,
                           .queue = (uint32_t)rng_between(rng, 1, 6),
                           .operator_id = (uint32_t)rng_between(rng, 1, 40),
                           .position = 1,
                           .state = LEG_DONE,
                           .outcome = LEG_COMPLETED_CALLER};
    leg.connect_ms = leg.end_ms - leg.talk_ms;
    leg.enter_ms = leg.connect_ms - leg.wait_ms;
    leg.call_id_len = (uint8_t)snprintf(leg.call_id, sizeof leg.call_id, "%lld.%llu",
                                        (long long)(leg.enter_ms / 1000 - 1), (unsigned long long)(seq * 2));
    return leg;
}

void kit_assert_legs_equal(const struct call_leg *a, const struct call_leg *b)
{
    assert_true(a->seq == b->seq && a->contact == b->contact && a->caller == b->caller);
    assert_true(a->enter_ms == b->enter_ms && a->connect_ms == b->connect_ms && a->end_ms == b->end_ms);
    assert_true(a->wait_ms == b->wait_ms && a->ring_ms == b->ring_ms);
    assert_true(a->talk_ms == b->talk_ms && a->hold_ms == b->hold_ms);
    assert_true(a->queue == b->queue && a->operator_id == b->operator_id && a->position == b->position);
    assert_true(a->missed == b->missed && a->state == b->state && a->outcome == b->outcome && a->flags == b->flags);
    assert_int_equal(a->call_id_len, b->call_id_len);
    assert_memory_equal(a->call_id, b->call_id, a->call_id_len);
    assert_int_equal(a->number_len, b->number_len);
    assert_memory_equal(a->number, b->number, a->number_len);
}

void kit_summary(struct rng *rng, unsigned calls, struct summary *out)
{
    summary_clear(out);
    out->flow[FLOW_ENTERED] = calls;
    out->flow[FLOW_ANSWERED] = calls;
    out->cohort[COHORT_ENTERED] = calls;
    out->waiting_max = calls > 0;
    for (unsigned i = 0; i < calls; i++) {
        assert_int_equal(summary_add_duration(out, DURATION_WAIT_ANSWERED, rng_between(rng, 0, 90) * 1000), 0);
    }
}

static void print_defect(void *ctx, const char *line)
{
    (void)ctx;
    print_message("defect: %s\n", line);
}

struct kit_facts kit_check(struct ledger *ledger)
{
    struct kit_facts all = {0};
    assert_int_equal(ledger_check(ledger, print_defect, NULL, &all.check), 0);
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_facts(view, &all.facts), 0);
    ledger_view_end(view);
    assert_int_equal(all.facts.leg_count, all.check.legs);
    assert_int_equal(all.facts.interval_count, all.check.intervals);
    return all;
}

void kit_commit(struct ledger *ledger)
{
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    assert_int_equal(ledger_end(ledger), 0);
}

void kit_add_span(struct ledger *ledger, struct rng *rng, uint64_t *seq, int64_t from_ms, int64_t to_ms,
                  int64_t pace_ms)
{
    for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms += pace_ms) {
        struct call_leg leg = kit_plain_leg(rng, ++*seq, at_ms);
        assert_int_equal(ledger_add_closed_leg(ledger, &leg), 0);
        if (rng_chance(rng, 3)) {
            kit_commit(ledger);
        }
    }
    kit_commit(ledger);
}

void kit_tend(struct ledger *ledger, int64_t now_ms, unsigned calls)
{
    bool more = true;
    for (unsigned i = 0; i < calls || more; i++) {
        assert_true(i < 1000);
        assert_int_equal(ledger_tend(ledger, now_ms, &more), 0);
    }
}

void kit_put_raw(const char *db_name, struct slice key, struct slice value)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = 1 << 20, .max_dbs = 8};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, db_name, false, &db), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_put(txn, db, key, value), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
}

void kit_put_raw_beside(const char *db_name, struct slice key, struct slice value)
{
    pid_t child = fork();
    if (child == 0) {
        kit_put_raw(db_name, key, value);
        _exit(0);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}
