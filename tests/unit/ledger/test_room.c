#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/ledger/ledger_write.h"
#include "platform/base/status.h"
#include "tests/unit/ledger/kit.h"

enum { SMALL_BYTES = 1 << 20 };

struct site {
    struct rng rng;
    struct ledger *ledger;
    uint64_t seq;
    int64_t now_ms;
};

static struct site open_site(uint64_t seed, uint64_t map_bytes)
{
    return (struct site){.rng = {seed}, .ledger = kit_open(map_bytes), .seq = 1, .now_ms = KIT_NOW_MS};
}

static void add_legs(struct site *site, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        site->now_ms += rng_between(&site->rng, 0, 5000);
        struct call_leg leg = rng_chance(&site->rng, 50) ? kit_leg(&site->rng, site->seq, site->now_ms)
                                                         : kit_plain_leg(&site->rng, site->seq, site->now_ms);
        site->seq++;
        assert_int_equal(ledger_add_closed_leg(site->ledger, &leg), 0);
    }
}

/* Queues with one interval each, at the current time; open legs beside. */
static int commit(struct site *site, unsigned queues, unsigned open_legs)
{
    struct summary sum = {0};
    int status = ledger_begin(site->ledger, site->now_ms);
    if (status != 0) {
        return status;
    }
    for (unsigned i = 0; i < open_legs; i++) {
        struct call_leg leg = kit_leg(&site->rng, site->seq + i, site->now_ms);
        ledger_put_open_leg(site->ledger, &leg);
    }
    for (unsigned queue = 1; queue <= queues; queue++) {
        kit_summary(&site->rng, (unsigned)rng_below(&site->rng, 30), &sum);
        ledger_put_interval(site->ledger, queue, site->now_ms / 900000 * 900, &sum);
    }
    summary_deinit(&sum);
    return ledger_end(site->ledger);
}

/* As the daemon does it: gives up history until the commit fits. Returns whether that was needed. */
static bool commit_or_shed(struct site *site, unsigned queues, unsigned open_legs, uint64_t map_bytes)
{
    int status = commit(site, queues, open_legs);
    bool full = status == STATUS_FULL;
    for (unsigned tries = 0; status == STATUS_FULL && tries < 8; tries++) {
        assert_int_equal(ledger_shed(site->ledger, map_bytes / 16), 0);
        status = commit(site, queues, open_legs);
    }
    assert_int_equal(status, 0);
    return full;
}

/* Commits of any size until one does not fit; then gives up history until it does. However near to the last page the
 * last good commit came, there must be room to delete. */
static void a_full_ledger_sheds_and_goes_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        uint64_t map_bytes = SMALL_BYTES + (seed % 4) * 200 * 4096;
        struct site site = open_site(seed, map_bytes);
        unsigned full = 0;
        unsigned size = 32U << (seed % 6);
        for (unsigned i = 0; i < 20000 && full < 6; i++) {
            site.now_ms += 900000;
            add_legs(&site, rng_below(&site.rng, size) + 1);
            unsigned queues = (unsigned)rng_below(&site.rng, 1 + size / 4);
            unsigned open_legs = (unsigned)rng_below(&site.rng, 3);
            full += commit_or_shed(&site, queues, open_legs, map_bytes);
        }
        assert_true(full > 0);
        struct kit_facts before = kit_check(site.ledger);
        assert_true(before.facts.quality[QUALITY_SHED_LEGS] > 0);
        assert_int_equal(before.facts.quality[QUALITY_SHED_LEGS] + before.facts.leg_count, site.seq - 1);
        site.ledger = kit_reopen(site.ledger, map_bytes);
        struct kit_facts after = kit_check(site.ledger);
        assert_int_equal(after.facts.leg_count, before.facts.leg_count);
        ledger_close(site.ledger);
        temp_dir_clear(&kit_dir);
    }
}

/* A new ledger and one commit that just fits: no page was ever freed that deleting could use. */
static int one_commit(uint64_t seed, unsigned legs, unsigned queues, struct site *out)
{
    *out = open_site(seed, SMALL_BYTES);
    add_legs(out, legs);
    return commit(out, queues, 3);
}

static void the_fullest_ledger_can_still_shed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        unsigned queues = (unsigned)(seed % 4) * 200;
        unsigned fits = 12000;
        unsigned too_many = 36000;
        struct site site;
        while (too_many - fits > 40) {
            unsigned legs = fits + (too_many - fits) / 2;
            int status = one_commit(seed, legs, queues, &site);
            assert_true(status == 0 || status == STATUS_FULL);
            *(status == 0 ? &fits : &too_many) = legs;
            ledger_close(site.ledger);
            temp_dir_clear(&kit_dir);
        }
        assert_int_equal(one_commit(seed, fits, queues, &site), 0);
        assert_int_equal(ledger_shed(site.ledger, 4096), 0);
        site.now_ms += 900000;
        add_legs(&site, 100);
        (void)commit_or_shed(&site, queues / 10, 3, SMALL_BYTES);
        (void)kit_check(site.ledger);
        ledger_close(site.ledger);
        temp_dir_clear(&kit_dir);
    }
}

static void tending_keeps_the_reserve_free(void **state)
{
    (void)state;
    struct site site = open_site(3, 4 * SMALL_BYTES);
    for (unsigned i = 0; i < 900; i++) {
        site.now_ms += 900000;
        add_legs(&site, 150);
        assert_int_equal(commit(&site, 20, 2), 0);
        kit_tend(site.ledger, site.now_ms, 1);
        if (i % 60 != 59) {
            continue;
        }
        struct ledger_facts facts = kit_check(site.ledger).facts;
        assert_true(facts.used_bytes <= 4 * SMALL_BYTES / 100 * 80);
    }
    struct ledger_facts facts = kit_check(site.ledger).facts;
    assert_true(facts.quality[QUALITY_SHED_LEGS] > 10000 && facts.leg_count > 0);
    assert_int_equal(facts.leg_count + facts.quality[QUALITY_SHED_LEGS], site.seq - 1);
    ledger_close(site.ledger);
}

static void an_empty_ledger_has_nothing_to_give(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(SMALL_BYTES);
    bool more = true;
    assert_int_equal(ledger_tend(ledger, KIT_NOW_MS, &more), 0);
    assert_false(more);
    assert_int_equal(ledger_shed(ledger, 1), LEDGER_NONE);
    uint64_t seq = 0;
    struct rng rng = {1};
    kit_add_span(ledger, &rng, &seq, KIT_NOW_MS, KIT_NOW_MS + 1000, 1000);
    assert_int_equal(ledger_shed(ledger, 1), LEDGER_NONE); /* the growing block stays */
    assert_int_equal(kit_check(ledger).facts.leg_count, 1);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_ledger_sheds_and_goes_on, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(the_fullest_ledger_can_still_shed, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(tending_keeps_the_reserve_free, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_empty_ledger_has_nothing_to_give, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
