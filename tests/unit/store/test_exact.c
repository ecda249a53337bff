/* Random schedules against a plain model: whatever came in whatever order, cells and marks together are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/store/kit.h"

enum { LIMIT_BYTES = 16 << 20, STEPS = 60, SEEDS = 6 };

struct schedule {
    struct rng rng;
    struct store *store;
    struct kit_model *model; /* as committed */
    struct kit_model *next;  /* with what this transaction put */
};

static void random_came(struct schedule *self, uint32_t site, uint32_t queue, unsigned slot, struct kit_held *came)
{
    const struct kit_held *held = &self->next->held[site - 1][queue - 1][slot];
    struct rng *rng = &self->rng;
    came->there = true;
    came->open = rng_chance(rng, 20);
    came->epoch = held->there ? held->epoch : 1;
    came->revision = held->there ? held->revision + 1 : 1 + rng_below(rng, 3);
    if (rng_chance(rng, 10)) {
        came->epoch = 1 + (uint32_t)rng_below(rng, 3);
        came->revision = 1 + rng_below(rng, 3);
    }
    if (held->there && rng_chance(rng, 20)) { /* once more: the same, or the same revision with something else */
        came->epoch = held->epoch;
        came->revision = held->revision - rng_below(rng, held->revision > 1 ? 2 : 1);
        came->open = held->open;
        assert_int_equal(summary_copy(&came->sum, &held->sum), 0);
        came->sum.waiting_max += rng_chance(rng, 30);
        return;
    }
    kit_summary(rng, (unsigned)rng_below(rng, 12), &came->sum);
}

static void puts_of_one_commit(struct schedule *self)
{
    struct kit_held came = {.there = true};
    bool few_hours = rng_chance(&self->rng, 50);
    unsigned base = (unsigned)rng_below(&self->rng, KIT_SLOTS);
    assert_int_equal(store_begin(self->store, KIT_NOW_MS), 0);
    kit_queues(self->store);
    for (uint64_t left = rng_below(&self->rng, 120); left > 0; left--) {
        uint32_t site = 1 + (uint32_t)rng_below(&self->rng, KIT_SITES);
        uint32_t queue = 1 + (uint32_t)rng_below(&self->rng, KIT_QUEUES);
        unsigned slot = few_hours ? (base + (unsigned)rng_below(&self->rng, 8)) % KIT_SLOTS
                                  : (unsigned)rng_below(&self->rng, KIT_SLOTS);
        random_came(self, site, queue, slot, &came);
        int expected = kit_model_put(self->next, site, queue, slot, &came);
        assert_int_equal(kit_put(self->store, site, queue, slot, &came), expected);
    }
    summary_deinit(&came.sum);
    if (rng_chance(&self->rng, 15)) {
        store_abort(self->store);
        kit_model_copy(self->next, self->model);
    } else {
        assert_int_equal(store_end(self->store), 0);
        kit_model_copy(self->model, self->next);
    }
}

static void regroup(struct schedule *self)
{
    uint32_t site = 1 + (uint32_t)rng_below(&self->rng, KIT_SITES);
    uint64_t choice = rng_below(&self->rng, KIT_GROUPS + 1);
    kit_groups[site] = choice == 0 ? STORE_ALL : store_scope_group((uint32_t)choice);
    assert_int_equal(store_regroup(self->store, site, kit_groups[site], &kit_layout), 0);
    store_scope group = 7;
    char zone[64];
    assert_int_equal(store_grouping(self->store, site, &group, zone), 0);
    assert_int_equal(group, kit_groups[site]);
}

static void recut(struct schedule *self)
{
    unsigned number = (unsigned)rng_below(&self->rng, KIT_SCOPES);
    kit_offset_s[number] = (int)rng_between(&self->rng, -47, 55) * 900;
    char zone[32];
    (void)snprintf(zone, sizeof zone, "%d", kit_offset_s[number]);
    assert_int_equal(store_recut(self->store, kit_scope(number), zone, &kit_layout), 0);
    store_scope group;
    char found[64];
    assert_int_equal(store_grouping(self->store, kit_scope(number), &group, found), 0);
    assert_string_equal(found, zone);
}

static void remove_site(struct schedule *self)
{
    uint32_t site = 1 + (uint32_t)rng_below(&self->rng, KIT_SITES);
    assert_int_equal(store_remove_site(self->store, site, &kit_layout), 0);
    kit_model_remove(self->model, site);
    kit_model_remove(self->next, site);
}

static void step(struct schedule *self)
{
    bool more;
    kit_roll_limit = 1 + rng_below(&self->rng, 60);
    uint64_t choice = rng_below(&self->rng, 100);
    if (choice < 50) {
        puts_of_one_commit(self);
    } else if (choice < 75) {
        assert_int_equal(store_roll(self->store, &kit_layout, KIT_NOW_MS, &more), 0);
    } else if (choice < 80) {
        kit_roll(self->store);
    } else if (choice < 86) {
        regroup(self);
    } else if (choice < 92) {
        recut(self);
    } else if (choice < 94) {
        remove_site(self);
    } else if (choice < 97) {
        assert_int_equal(store_tend(self->store, KIT_NOW_MS, &more), 0);
    } else {
        self->store = kit_reopen(self->store, LIMIT_BYTES);
    }
}

static void run(uint64_t seed)
{
    struct schedule self = {.rng = {seed}};
    self.model = calloc(1, sizeof *self.model);
    self.next = calloc(1, sizeof *self.next);
    assert_true(self.model && self.next);
    kit_roll_limit = 30;
    self.store = kit_open(LIMIT_BYTES);
    for (int i = 0; i < STEPS; i++) {
        step(&self);
        if (i % 3 == 0) {
            kit_compare(self.store, self.model);
        }
    }
    kit_compare(self.store, self.model);
    kit_check(self.store);
    kit_roll(self.store);
    kit_compare(self.store, self.model);
    kit_check(self.store);
    store_close(self.store);
    kit_model_free(self.model);
    kit_model_free(self.next);
}

static void random_schedules_stay_exact(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run(seed);
        (void)kit_teardown(state);
        (void)kit_setup(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_schedules_stay_exact, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
