/* One damage at a time, each of a known kind, and what is to come of it: in worlds whose records are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_page.h"
#include "platform/kv/kv_salvage.h"
#include "tests/support/rng.h"
#include "tests/unit/kv/salvage_kit.h"
#include "tests/unit/kv/spoil.h"

enum { META_BYTES = 152 };

static struct world world;

static void make_world(uint64_t seed, const struct world_shape *shape)
{
    struct rng rng = {seed};
    temp_dir_clear(&kit_dir);
    temp_dir_clear(&spoil_aside);
    world_make(&world, kit_dir.path, shape, &rng);
    temp_dir_copy(&kit_dir, "data.mdb", "whole");
}

static void judge(struct world_verdict *verdict)
{
    temp_dir_clear(&spoil_aside);
    if (world_judge(&world, kit_dir.path, spoil_aside.path, verdict) != 0) {
        fail_msg("%s (%s)", verdict->what, verdict->damage.what);
    }
}

static void sound_files_of_any_shape_are_sound(void **state)
{
    (void)state;
    static const struct world_shape shapes[] = {
        {.commits = 0, .numbers = 1, .map_kb = 256},
        {.commits = 1, .changes = 1, .numbers = 1, .map_kb = 256},
        {.commits = 1, .changes = 4000, .numbers = 4096, .map_kb = 8192},
        {.commits = 12, .changes = 200, .numbers = 400, .deletes = 60, .map_kb = 4096},
        {.commits = 6, .changes = 30, .numbers = 60, .big = 25, .map_kb = 8192},
        {.commits = 8, .changes = 50, .numbers = 900, .ascending = true, .map_kb = 4096},
        {.commits = 3, .changes = 50, .numbers = 90, .map_kb = 4096, .preallocate = true},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct world_verdict verdict;
        make_world(i + 1, &shapes[i]);
        judge(&verdict);
        assert_int_equal(verdict.outcome, WORLD_SOUND);
        assert_int_equal(verdict.lost, 0);
        assert_int_equal(verdict.damage.db_count, WORLD_DBS);
        assert_string_equal(verdict.damage.what, "");
    }
}

static void an_environment_of_nothing_is_sound(void **state)
{
    (void)state;
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = SPOIL_MAP_BYTES, .max_dbs = 4, .grow_bytes = PAGE};
    struct kv *kv = NULL;
    struct kv_damage damage;
    assert_int_equal(kv_open(&options, &kv), 0);
    kv_close(kv);
    assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), 0);
    assert_int_equal(spoil_look(KV_DEPTH_RECORDS, &damage), 0);
    assert_int_equal(spoil_save(&damage), 0);
    assert_int_equal(damage.db_count, 0);
}

/* One bit of a leaf's header, its offsets, and of each of its nodes' headers: at most that node is lost. */
static void a_bit_of_a_leaf_costs_a_record_at_most(void **state)
{
    (void)state;
    struct world_verdict verdict;
    unsigned damaged = 0;
    make_world(5, &(struct world_shape){.commits = 1, .changes = 200, .numbers = 14, .map_kb = 512});
    uint64_t number = 1;
    size_t nodes = 0;
    while (nodes == 0) {
        uint8_t page[PAGE];
        struct page_node node;
        temp_dir_read(&kit_dir, "data.mdb", ++number * PAGE, page, sizeof page);
        if (page_kind(page) == PAGE_LEAF && page_node(page, PAGE, false, 0, &node) && node.key.len == 12) {
            nodes = page_nodes(page);
        }
    }
    assert_true(nodes > 5);
    for (unsigned at = 0; at < PAGE_HEADER + 2 * nodes; at++) {
        spoil_flip(number * PAGE + at, (uint8_t)(1U << (at % 7)));
        judge(&verdict);
        /* with a number that another page has it may be that page */
        assert_true(verdict.lost <= 1 || (at == 0 && verdict.lost == nodes));
        damaged += verdict.outcome == WORLD_DAMAGED ? 1U : 0U;
        spoil_restore();
    }
    assert_int_equal(damaged, PAGE_HEADER + 2 * nodes - 2); /* two bytes have no meaning */
}

static void every_byte_of_the_meta_pages(void **state)
{
    (void)state;
    struct world_verdict verdict;
    struct rng rng = {7};
    unsigned damaged = 0;
    make_world(6, &(struct world_shape){.commits = 5, .changes = 12, .numbers = 40, .deletes = 20, .map_kb = 512});
    for (uint64_t at = 0; at < META_BYTES; at++) {
        for (uint64_t i = 0; i < 2; i++) {
            spoil_flip(i * PAGE + at, (uint8_t)(1U << rng_below(&rng, 8)));
            judge(&verdict);
            assert_int_equal(verdict.lost, 0);
            damaged += verdict.outcome == WORLD_DAMAGED ? 1U : 0U;
            spoil_restore();
        }
    }
    assert_true(damaged > META_BYTES);
}

static void without_the_newest_meta_page_the_commit_before_holds(void **state)
{
    (void)state;
    struct world_verdict verdict;
    struct kv_damage damage;
    make_world(8, &(struct world_shape){.commits = 6, .changes = 20, .numbers = 50, .map_kb = 512});
    assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), 0);
    spoil_zero_page(damage.commit % 2);
    judge(&verdict);
    assert_true(verdict.damage.older_commit);
    assert_int_equal(verdict.damage.commit, damage.commit - 1);
    struct world_found found;
    assert_true(world_read(spoil_aside.path, &world.before, &found));
    for (size_t i = 0; i < WORLD_DBS; i++) {
        assert_int_equal(found.count[i], world_count(&world.before, i));
    }
    spoil_restore();
    spoil_flip((damage.commit + 1) % 2 * PAGE + 16, 1); /* the other one's magic number: LMDB would refuse the file */
    judge(&verdict);
    assert_int_equal(verdict.outcome, WORLD_DAMAGED);
    assert_false(verdict.damage.older_commit);
    assert_true(world_read(spoil_aside.path, &world.now, &found));
}

/* The root and the depth of a database in its record: they are what a tree hangs on. */
static void every_byte_of_the_databases_records(void **state)
{
    (void)state;
    struct world_verdict verdict;
    struct kv_damage damage;
    make_world(9, &(struct world_shape){.commits = 3, .changes = 80, .numbers = 90, .map_kb = 1024});
    assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), 0);
    size_t root;
    temp_dir_read(&kit_dir, "data.mdb", damage.commit % 2 * PAGE + 128, &root, sizeof root);
    uint8_t page[PAGE];
    temp_dir_read(&kit_dir, "data.mdb", root * PAGE, page, sizeof page);
    struct page_node node;
    assert_true(page_node(page, PAGE, false, 0, &node));
    assert_int_equal(node.data_bytes, sizeof(struct page_db));
    uint64_t record_at = root * PAGE + (uint64_t)(node.data - (const char *)page);
    for (unsigned at = 0; at < sizeof(struct page_db); at++) {
        spoil_flip(record_at + at, (uint8_t)(1U << (at % 8)));
        judge(&verdict);
        assert_int_equal(verdict.outcome, WORLD_DAMAGED);
        assert_int_equal(verdict.lost, 0);
        spoil_restore();
    }
}

/* The header of a value's own pages: the value is whole all the same. */
static void every_byte_of_a_values_header(void **state)
{
    (void)state;
    struct world_verdict verdict;
    make_world(10, &(struct world_shape){.commits = 1, .changes = 40, .numbers = 12, .big = 25, .map_kb = 512});
    uint64_t number = 2;
    unsigned damaged = 0;
    while (spoil_kind_of_page(number) != PAGE_OVERFLOW) {
        number++;
    }
    for (unsigned at = 0; at < PAGE_HEADER; at++) {
        if (at == sizeof(size_t) || at == sizeof(size_t) + 1) {
            continue; /* without meaning */
        }
        spoil_flip(number * PAGE + at, (uint8_t)(1U << (at % 8)));
        judge(&verdict);
        assert_int_equal(verdict.lost, 0);
        damaged += verdict.outcome == WORLD_DAMAGED ? 1U : 0U;
        spoil_restore();
    }
    assert_true(damaged > 0);
}

/* New pages would be taken where there are some already. */
static void a_last_page_that_is_too_early_is_noticed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct kv_damage damage;
        struct rng rng = {seed};
        struct world_shape shape = world_small(&rng);
        size_t last;
        make_world(seed, &shape);
        assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), 0);
        uint64_t at = damage.commit % 2 * PAGE + 136;
        temp_dir_read(&kit_dir, "data.mdb", at, &last, sizeof last);
        last--;
        temp_dir_write(&kit_dir, "data.mdb", at, &last, sizeof last);
        assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), KV_DAMAGED);
    }
}

static void any_bit_in_small_worlds(void **state)
{
    (void)state;
    unsigned damaged = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rng rng = {seed};
        struct world_shape shape = world_small(&rng);
        make_world(seed, &shape);
        uint64_t bytes = temp_dir_size(&kit_dir, "data.mdb");
        bytes = bytes < 60 * PAGE ? bytes : 60 * PAGE;
        for (unsigned i = 0; i < 15; i++) {
            struct world_verdict verdict;
            uint64_t at = rng_below(&rng, bytes);
            spoil_flip(rng_chance(&rng, 50) ? at : at / PAGE * PAGE + at % 48, (uint8_t)(1U << rng_below(&rng, 8)));
            judge(&verdict);
            damaged += verdict.outcome == WORLD_DAMAGED ? 1U : 0U;
            spoil_restore();
        }
    }
    assert_true(damaged > 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sound_files_of_any_shape_are_sound, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(an_environment_of_nothing_is_sound, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(a_bit_of_a_leaf_costs_a_record_at_most, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(every_byte_of_the_meta_pages, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(without_the_newest_meta_page_the_commit_before_holds, spoil_setup,
                                        spoil_teardown),
        cmocka_unit_test_setup_teardown(every_byte_of_the_databases_records, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(every_byte_of_a_values_header, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(a_last_page_that_is_too_early_is_noticed, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(any_bit_in_small_worlds, spoil_setup, spoil_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
