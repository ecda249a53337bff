#include "agent/track/leg_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/rng.h"

enum { IDS = 40, LEGS_MAX = 30000 };

static struct call_leg leg_of(uint64_t seq, unsigned id)
{
    struct call_leg leg = {.seq = seq, .state = LEG_WAITING};
    leg.call_id_len = (uint8_t)snprintf(leg.call_id, sizeof leg.call_id, "id.%u", id);
    return leg;
}

static struct slice id_text(unsigned id)
{
    static char text[32];
    (void)snprintf(text, sizeof text, "id.%u", id);
    return slice_str(text);
}

/* What should be there: by slot, which leg under which id; 0: nothing. */
struct model {
    uint64_t seq[LEGS_MAX];
    unsigned id[LEGS_MAX];
    uint32_t slots;
    uint32_t used;
};

static void compare_id(const struct leg_table *table, const struct model *model, unsigned id)
{
    uint32_t found = 0;
    uint64_t before = UINT64_MAX;
    for (uint32_t at = leg_table_find(table, id_text(id)); at; at = leg_table_find_next(table, at)) {
        assert_true(at < model->slots && model->seq[at] != 0 && model->id[at] == id);
        assert_true(leg_table_slot(table, at)->leg.seq == model->seq[at]);
        assert_true(model->seq[at] < before); /* largest first, whatever happened to it */
        before = model->seq[at];
        found++;
    }
    for (uint32_t at = 1; at < model->slots; at++) {
        found -= model->seq[at] != 0 && model->id[at] == id;
    }
    assert_int_equal(found, 0);
}

static void compare_lists(const struct leg_table *table, const struct model *model)
{
    uint32_t live = 0;
    uint32_t back = 0;
    uint64_t before = 0;
    for (uint32_t at = table->live_head; at; at = table->slots[at].next_live, live++) {
        assert_true(table->slots[at].leg.state != LEG_DONE && table->slots[at].leg.seq > before);
        before = table->slots[at].leg.seq;
    }
    for (uint32_t at = table->live_tail; at; at = table->slots[at].prev_live) {
        back++;
    }
    assert_int_equal(live, back);
    uint32_t done = 0;
    for (uint32_t at = table->done_head; at; at = table->slots[at].next_done, done++) {
        assert_true(table->slots[at].leg.state == LEG_DONE);
        assert_true(table->slots[at].next_done != 0 || table->done_tail == at);
    }
    assert_int_equal(live + done, model->used);
    assert_int_equal(table->used, model->used);
}

static uint32_t pick(struct rng *rng, const struct leg_table *table, const struct model *model, bool live)
{
    for (unsigned tries = 0; tries < 50 && model->slots > 1; tries++) {
        uint32_t at = (uint32_t)rng_between(rng, 1, model->slots - 1);
        if (model->seq[at] != 0 && (table->slots[at].leg.state != LEG_DONE) == live) {
            return at;
        }
    }
    return 0;
}

static void add(struct leg_table *table, struct model *model, uint64_t seq, unsigned id)
{
    struct call_leg leg = leg_of(seq, id);
    uint32_t at = leg_table_add(table, &leg);
    assert_true(at > 0 && at < LEGS_MAX);
    assert_true(at >= model->slots || model->seq[at] == 0);
    model->slots = at >= model->slots ? at + 1 : model->slots;
    model->seq[at] = seq;
    model->id[at] = id;
    model->used++;
}

static void forget(struct leg_table *table, struct model *model, uint32_t at)
{
    if (at) {
        leg_table_remove(table, at);
        model->seq[at] = 0;
        model->used--;
    }
}

static void random_life(uint64_t seed, unsigned steps, unsigned add_percent)
{
    static struct model model;
    model = (struct model){.slots = 1};
    struct rng rng = {seed};
    struct leg_table table;
    assert_int_equal(leg_table_init(&table), 0);
    uint64_t seq = 0;
    for (unsigned i = 0; i < steps; i++) {
        unsigned dice = (unsigned)rng_below(&rng, 100);
        uint32_t at = pick(&rng, &table, &model, true);
        if (dice < add_percent) {
            add(&table, &model, ++seq, (unsigned)rng_below(&rng, IDS));
        } else if (dice < add_percent + 10 && at) {
            model.id[at] = (unsigned)rng_below(&rng, IDS);
            leg_table_set_call_id(&table, at, id_text(model.id[at]));
        } else if (dice < add_percent + 40 && at) {
            table.slots[at].leg.state = LEG_DONE;
            leg_table_retire(&table, at);
        } else if (dice < 95) {
            forget(&table, &model, table.done_head);
        } else {
            forget(&table, &model, at);
        }
        if (i % 16 == 0) {
            compare_id(&table, &model, (unsigned)rng_below(&rng, IDS));
        }
    }
    for (unsigned id = 0; id < IDS + 1; id++) {
        compare_id(&table, &model, id);
    }
    compare_lists(&table, &model);
    leg_table_deinit(&table);
}

static void finds_what_is_there(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        random_life(seed, 3000, 30 + (unsigned)seed);
    }
}

static void grows_far(void **state)
{
    (void)state;
    struct leg_table table;
    assert_int_equal(leg_table_init(&table), 0);
    for (unsigned i = 1; i < 100000; i++) {
        struct call_leg leg = leg_of(i, i / 2);
        assert_true(leg_table_add(&table, &leg) != 0);
    }
    for (unsigned i = 2; i < 100000 - 2; i += 2) {
        uint32_t at = leg_table_find(&table, id_text(i / 2));
        assert_true(at != 0 && leg_table_slot(&table, at)->leg.seq == i + 1);
        at = leg_table_find_next(&table, at);
        assert_true(at != 0 && leg_table_slot(&table, at)->leg.seq == i);
        assert_int_equal(leg_table_find_next(&table, at), 0);
    }
    assert_int_equal(leg_table_find(&table, slice_str("id.60000")), 0);
    leg_table_deinit(&table);
}

static void long_ids_are_cut_alike_everywhere(void **state)
{
    (void)state;
    char text[LEG_CALL_ID_MAX + 40];
    memset(text, 'x', sizeof text);
    struct leg_table table;
    assert_int_equal(leg_table_init(&table), 0);
    struct call_leg leg = leg_of(1, 1);
    uint32_t at = leg_table_add(&table, &leg);
    leg_table_set_call_id(&table, at, slice_make(text, sizeof text));
    assert_int_equal(table.slots[at].leg.call_id_len, LEG_CALL_ID_MAX);
    assert_int_equal(leg_table_find(&table, slice_make(text, sizeof text)), at);
    assert_int_equal(leg_table_find(&table, slice_make(text, LEG_CALL_ID_MAX)), at);
    assert_int_equal(leg_table_find(&table, slice_make(text, LEG_CALL_ID_MAX - 1)), 0);
    assert_int_equal(leg_table_find(&table, slice_str("id.1")), 0);
    leg_table_deinit(&table);
}

static void changes_are_listed_once(void **state)
{
    (void)state;
    struct leg_table table;
    assert_int_equal(leg_table_init(&table), 0);
    struct call_leg leg = leg_of(1, 1);
    uint32_t at = leg_table_add(&table, &leg);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(leg_table_touch(&table, at), 0);
    }
    assert_int_equal(table.changed_count, 1);
    leg_table_remove(&table, at);
    leg = leg_of(2, 2);
    assert_int_equal(leg_table_add(&table, &leg), at); /* the slot serves again while it is still listed */
    assert_int_equal(leg_table_touch(&table, at), 0);
    assert_int_equal(table.changed_count, 1);
    assert_false(table.slots[at].stored);
    leg_table_deinit(&table);
}

static void done_legs_come_back_in_their_order(void **state)
{
    (void)state;
    struct leg_table table;
    assert_int_equal(leg_table_init(&table), 0);
    const int64_t forget_ms[] = {50, 20, 90, 20, 10, 90, 60};
    for (size_t i = 0; i < sizeof forget_ms / sizeof forget_ms[0]; i++) {
        struct call_leg leg = leg_of(i + 1, (unsigned)i);
        leg.state = LEG_DONE;
        leg.forget_ms = forget_ms[i];
        uint32_t at = leg_table_add(&table, &leg);
        leg_table_retire_sorted(&table, at);
    }
    const uint64_t order[] = {5, 2, 4, 1, 7, 3, 6};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        assert_true(table.slots[table.done_head].leg.seq == order[i]);
        leg_table_remove(&table, table.done_head);
    }
    assert_true(table.done_head == 0 && table.done_tail == 0 && table.used == 0);
    leg_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_there),
        cmocka_unit_test(grows_far),
        cmocka_unit_test(long_ids_are_cut_alike_everywhere),
        cmocka_unit_test(changes_are_listed_once),
        cmocka_unit_test(done_legs_come_back_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
