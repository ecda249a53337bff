/* One damage at a time, each of a known kind, and what is to come of it. */
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
#include "tests/unit/kv/kit.h"
#include "tests/unit/kv/salvage_kit.h"

enum { PAGE = 4096, META_BYTES = 152, COMMIT_AT = 144, RECORDS = 400, KEY_BYTES = 500, MAP_BYTES = 4 << 20 };

static struct temp_dir aside;

static int setup(void **state)
{
    temp_dir_make(&aside);
    return kit_setup(state);
}

static int teardown(void **state)
{
    temp_dir_remove(&aside);
    return kit_teardown(state);
}

static const char *saved_path(void)
{
    return temp_dir_file(&aside, "data.mdb");
}

static void restore(void)
{
    temp_dir_truncate(&kit_dir, "data.mdb", 0);
    temp_dir_copy(&kit_dir, "whole", "data.mdb");
}

static void flip(uint64_t at, uint8_t bits)
{
    uint8_t byte;
    temp_dir_read(&kit_dir, "data.mdb", at, &byte, 1);
    byte ^= bits;
    temp_dir_write(&kit_dir, "data.mdb", at, &byte, 1);
}

static void zero_page(uint64_t number)
{
    static const uint8_t zeros[PAGE];
    temp_dir_write(&kit_dir, "data.mdb", number * PAGE, zeros, sizeof zeros);
}

static unsigned kind_of_page(uint64_t number)
{
    uint8_t page[PAGE];
    temp_dir_read(&kit_dir, "data.mdb", number * PAGE, page, sizeof page);
    return page_kind(page);
}

static int look_at(enum kv_depth depth, struct kv_damage *out)
{
    struct kv_look look = {.depth = depth};
    return kv_look_over(kit_dir.path, &look, out);
}

static int save(struct kv_damage *out)
{
    struct kv_look look = {.depth = KV_DEPTH_RECORDS};
    return kv_salvage(kit_dir.path, &look, saved_path(), MAP_BYTES, out);
}

/* Keys so long that a page holds eight of them: a tree of several levels from few records, all written at once, so that
 * there is no former state of any branch. */
static void fill_deep(void)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 4, .grow_bytes = PAGE};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db;
    char key[KEY_BYTES + 1];
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "deep", true, &db), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        snprintf(key, sizeof key, "%0*u", KEY_BYTES, i * 7919 % RECORDS);
        assert_int_equal(kv_put(txn, db, slice_make(key, KEY_BYTES), slice_make(key + KEY_BYTES - 3, 3)), 0);
    }
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    temp_dir_copy(&kit_dir, "data.mdb", "whole");
}

/* Records of "deep" in what was saved; each is what it was. */
static unsigned count_deep(void)
{
    struct kv_options options = {.dir = aside.path, .map_bytes = MAP_BYTES, .max_dbs = 4, .read_only = true};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    unsigned db;
    unsigned count = 0;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "deep", false, &db), 0);
    assert_int_equal(kv_begin(kv, false, &txn), 0);
    assert_int_equal(kv_cursor_open(txn, db, &cursor), 0);
    for (int step = kv_cursor_first(cursor, &key, &value); step == 0; step = kv_cursor_next(cursor, &key, &value)) {
        assert_int_equal(key.len, KEY_BYTES);
        assert_true(slice_equal(value, slice_make(key.data + KEY_BYTES - 3, 3)));
        count++;
    }
    kv_cursor_close(cursor);
    kv_abort(txn);
    kv_close(kv);
    return count;
}

static struct world world;

static void make_world(uint64_t seed, const struct world_shape *shape)
{
    struct rng rng = {seed};
    temp_dir_clear(&kit_dir);
    temp_dir_clear(&aside);
    world_make(&world, kit_dir.path, shape, &rng);
    temp_dir_copy(&kit_dir, "data.mdb", "whole");
}

static void judge(struct world_verdict *verdict)
{
    temp_dir_clear(&aside);
    if (world_judge(&world, kit_dir.path, aside.path, verdict) != 0) {
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
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 4, .grow_bytes = PAGE};
    struct kv *kv = NULL;
    struct kv_damage damage;
    assert_int_equal(kv_open(&options, &kv), 0);
    kv_close(kv);
    assert_int_equal(look_at(KV_DEPTH_TREE, &damage), 0);
    assert_int_equal(look_at(KV_DEPTH_RECORDS, &damage), 0);
    assert_int_equal(save(&damage), 0);
    assert_int_equal(damage.db_count, 0);
}

static void what_is_no_environment_is_told_apart(void **state)
{
    (void)state;
    struct kv_damage damage;
    assert_int_equal(look_at(KV_DEPTH_TREE, &damage), STATUS_NOT_FOUND);
    assert_int_equal(save(&damage), STATUS_NOT_FOUND);
    temp_dir_truncate(&kit_dir, "data.mdb", 0);
    assert_int_equal(look_at(KV_DEPTH_TREE, &damage), STATUS_NOT_FOUND);
    temp_dir_truncate(&kit_dir, "data.mdb", 20 * PAGE);
    assert_int_equal(look_at(KV_DEPTH_TREE, &damage), KV_DAMAGED);
    assert_false(damage.readable);
    assert_true(damage.what[0] != '\0');
    assert_int_equal(save(&damage), STATUS_CORRUPT);
    assert_int_equal(access(saved_path(), F_OK), -1);
    temp_dir_clear(&kit_dir);
    fill_deep();
    for (uint64_t i = 0; i < 2; i++) {
        flip(i * PAGE + 16 + 4, 6); /* the version */
    }
    assert_int_equal(look_at(KV_DEPTH_TREE, &damage), STATUS_VERSION);
    assert_int_equal(save(&damage), STATUS_VERSION);
}

static void a_map_too_small_is_full_and_leaves_nothing(void **state)
{
    (void)state;
    struct kv_damage damage;
    struct kv_look look = {.depth = KV_DEPTH_RECORDS};
    fill_deep();
    assert_int_equal(kv_salvage(kit_dir.path, &look, saved_path(), 16 * PAGE, &damage), STATUS_FULL);
    assert_int_equal(access(saved_path(), F_OK), -1);
}

static void an_old_file_is_replaced(void **state)
{
    (void)state;
    struct kv_damage damage;
    fill_deep();
    temp_dir_write(&aside, "data.mdb", 0, "something else", 14);
    assert_int_equal(save(&damage), 0);
    assert_int_equal(count_deep(), RECORDS);
}

/* Whatever branch is gone, its leaves are not. */
static void no_branch_costs_a_record(void **state)
{
    (void)state;
    unsigned branches = 0;
    fill_deep();
    uint64_t pages = temp_dir_size(&kit_dir, "data.mdb") / PAGE;
    for (uint64_t i = 2; i < pages; i++) {
        if (kind_of_page(i) != PAGE_BRANCH) {
            continue;
        }
        struct kv_damage damage;
        zero_page(i);
        assert_int_equal(look_at(KV_DEPTH_TREE, &damage), KV_DAMAGED);
        assert_int_equal(look_at(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
        assert_int_equal(save(&damage), 0);
        assert_true(damage.bad_pages >= 1);
        assert_true(damage.dbs[0].told && damage.dbs[0].told_count == RECORDS);
        assert_int_equal(damage.dbs[0].sound_count, RECORDS);
        assert_int_equal(damage.dbs[0].lost_count, 0);
        assert_int_equal(count_deep(), RECORDS);
        restore();
        branches++;
    }
    assert_true(branches > 8);
}

static void a_leaf_costs_its_own_records(void **state)
{
    (void)state;
    uint64_t lost = 0;
    fill_deep();
    uint64_t pages = temp_dir_size(&kit_dir, "data.mdb") / PAGE;
    for (uint64_t i = 2; i < pages; i++) {
        uint8_t page[PAGE];
        temp_dir_read(&kit_dir, "data.mdb", i * PAGE, page, sizeof page);
        struct page_node node;
        if (page_kind(page) != PAGE_LEAF || !page_node(page, PAGE, false, 0, &node) || node.key.len != KEY_BYTES) {
            continue;
        }
        struct kv_damage damage;
        zero_page(i);
        assert_int_equal(look_at(KV_DEPTH_TREE, &damage), 0); /* which reads no leaf */
        assert_int_equal(look_at(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
        assert_int_equal(save(&damage), 0);
        assert_int_equal(damage.dbs[0].lost_count, page_nodes(page));
        assert_int_equal(count_deep(), RECORDS - page_nodes(page));
        lost += damage.dbs[0].lost_count;
        restore();
    }
    assert_int_equal(lost, RECORDS);
}

/* What all records are still there after, though the walk is led astray. */
static void expect_all_of_deep(enum kv_depth seen_by)
{
    struct kv_damage damage;
    if (seen_by == KV_DEPTH_TREE) {
        assert_int_equal(look_at(KV_DEPTH_TREE, &damage), KV_DAMAGED);
    }
    assert_int_equal(look_at(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
    assert_int_equal(save(&damage), 0);
    assert_int_equal(damage.dbs[0].lost_count, 0);
    assert_int_equal(count_deep(), RECORDS);
    restore();
}

/* Calls fn for each node of each branch but the first nodes. */
static unsigned each_branch_node(void (*fn)(uint64_t at, const struct page_node *node, const struct page_node *before))
{
    unsigned count = 0;
    uint64_t pages = temp_dir_size(&kit_dir, "data.mdb") / PAGE;
    for (uint64_t i = 2; i < pages; i++) {
        uint8_t page[PAGE];
        temp_dir_read(&kit_dir, "data.mdb", i * PAGE, page, sizeof page);
        struct page_node before;
        for (size_t n = 0; page_kind(page) == PAGE_BRANCH && n < page_nodes(page); n++) {
            struct page_node node;
            assert_true(page_node(page, PAGE, true, n, &node));
            if (n > 0) {
                fn(i * PAGE + (uint64_t)(node.key.data - (const char *)page) - NODE_HEADER, &node, &before);
                count++;
            }
            before = node;
        }
    }
    return count;
}

static void lead_to_the_one_before(uint64_t at, const struct page_node *node, const struct page_node *before)
{
    (void)node;
    uint32_t child = (uint32_t)before->child;
    temp_dir_write(&kit_dir, "data.mdb", at, &child, sizeof child);
    expect_all_of_deep(KV_DEPTH_TREE);
}

static void a_child_of_two_is_noticed(void **state)
{
    (void)state;
    fill_deep();
    assert_true(each_branch_node(lead_to_the_one_before) > 50);
}

/* A separator that is one too high hides the first record below it: LMDB would look for it elsewhere. */
static void raise(uint64_t at, const struct page_node *node, const struct page_node *before)
{
    (void)before;
    unsigned number = (unsigned)atoi(node->key.data + KEY_BYTES - 4) % 10000;
    char digits[16];
    assert_int_equal(node->key.len, KEY_BYTES);
    snprintf(digits, sizeof digits, "%04u", (number + 1) % 10000);
    if (strncmp(digits + 3, "0", 1) == 0) {
        return; /* more than one byte would change, or the key goes beyond the next */
    }
    temp_dir_write(&kit_dir, "data.mdb", at + NODE_HEADER + KEY_BYTES - 4, digits, 4);
    expect_all_of_deep(KV_DEPTH_RECORDS);
}

static void a_separator_that_hides_a_record_is_noticed(void **state)
{
    (void)state;
    fill_deep();
    assert_true(each_branch_node(raise) > 50);
}

/* A separator far too high stands above what the branches below it say. */
static void raise_far(uint64_t at, const struct page_node *node, const struct page_node *before)
{
    (void)node;
    (void)before;
    if (kind_of_page(node->child) == PAGE_BRANCH) {
        temp_dir_write(&kit_dir, "data.mdb", at + NODE_HEADER + KEY_BYTES - 4, "0", 1);
        struct kv_damage damage;
        assert_int_equal(look_at(KV_DEPTH_TREE, &damage), 0);
        temp_dir_write(&kit_dir, "data.mdb", at + NODE_HEADER, "1", 1);
        expect_all_of_deep(KV_DEPTH_TREE);
    }
}

static void a_separator_is_held_against_the_branch_below(void **state)
{
    (void)state;
    fill_deep();
    assert_true(each_branch_node(raise_far) > 8);
}

static void two_offsets_that_changed_places_are_noticed(void **state)
{
    (void)state;
    unsigned pages = 0;
    fill_deep();
    for (uint64_t i = 2; i < temp_dir_size(&kit_dir, "data.mdb") / PAGE; i++) {
        uint8_t page[PAGE];
        struct page_node node;
        uint16_t offsets[2];
        temp_dir_read(&kit_dir, "data.mdb", i * PAGE, page, sizeof page);
        if (page_kind(page) != PAGE_LEAF || !page_node(page, PAGE, false, 0, &node) || node.key.len != KEY_BYTES ||
            page_nodes(page) < 2) {
            continue;
        }
        struct kv_damage damage;
        memcpy(offsets, page + PAGE_HEADER, sizeof offsets);
        uint16_t swapped[2] = {offsets[1], offsets[0]};
        temp_dir_write(&kit_dir, "data.mdb", i * PAGE + PAGE_HEADER, swapped, sizeof swapped);
        assert_int_equal(look_at(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
        assert_int_equal(save(&damage), 0);
        assert_true(damage.dbs[0].lost_count <= 1);
        restore();
        pages++;
    }
    assert_true(pages > 30);
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
        flip(number * PAGE + at, (uint8_t)(1U << (at % 7)));
        judge(&verdict);
        /* with a number that another page has it may be that page */
        assert_true(verdict.lost <= 1 || (at == 0 && verdict.lost == nodes));
        damaged += verdict.outcome == WORLD_DAMAGED ? 1U : 0U;
        restore();
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
            flip(i * PAGE + at, (uint8_t)(1U << rng_below(&rng, 8)));
            judge(&verdict);
            assert_int_equal(verdict.lost, 0);
            damaged += verdict.outcome == WORLD_DAMAGED ? 1U : 0U;
            restore();
        }
    }
    assert_true(damaged > 2 * META_BYTES * 3 / 4);
}

/* A meta page that looks newer, or older, than it is. */
static void every_bit_of_a_commits_number_is_noticed(void **state)
{
    (void)state;
    struct kv_damage damage;
    fill_deep();
    for (unsigned bit = 0; bit < 8 * sizeof(size_t); bit++) {
        for (uint64_t i = 0; i < 2; i++) {
            flip(i * PAGE + COMMIT_AT + bit / 8, (uint8_t)(1U << (bit % 8)));
            assert_int_equal(look_at(KV_DEPTH_TREE, &damage), KV_DAMAGED);
            assert_int_equal(save(&damage), 0);
            assert_true(damage.older_commit || (damage.db_count == 1 && damage.dbs[0].sound_count == RECORDS));
            restore();
        }
    }
}

static void without_the_newest_meta_page_the_commit_before_holds(void **state)
{
    (void)state;
    struct world_verdict verdict;
    struct kv_damage damage;
    make_world(8, &(struct world_shape){.commits = 6, .changes = 20, .numbers = 50, .map_kb = 512});
    assert_int_equal(look_at(KV_DEPTH_TREE, &damage), 0);
    zero_page(damage.commit % 2);
    judge(&verdict);
    assert_true(verdict.damage.older_commit);
    assert_int_equal(verdict.damage.commit, damage.commit - 1);
    struct world_found found;
    assert_true(world_read(aside.path, &world.before, &found));
    for (size_t i = 0; i < WORLD_DBS; i++) {
        assert_int_equal(found.count[i], world_count(&world.before, i));
    }
    restore();
    flip((damage.commit + 1) % 2 * PAGE + 16, 1); /* the other one's magic number: LMDB would refuse the file */
    judge(&verdict);
    assert_int_equal(verdict.outcome, WORLD_DAMAGED);
    assert_false(verdict.damage.older_commit);
    assert_true(world_read(aside.path, &world.now, &found));
}

/* The root and the depth of a database in its record: they are what a tree hangs on. */
static void every_byte_of_the_databases_records(void **state)
{
    (void)state;
    struct world_verdict verdict;
    struct kv_damage damage;
    make_world(9, &(struct world_shape){.commits = 3, .changes = 80, .numbers = 90, .map_kb = 1024});
    assert_int_equal(look_at(KV_DEPTH_TREE, &damage), 0);
    size_t root;
    temp_dir_read(&kit_dir, "data.mdb", damage.commit % 2 * PAGE + 128, &root, sizeof root);
    uint8_t page[PAGE];
    temp_dir_read(&kit_dir, "data.mdb", root * PAGE, page, sizeof page);
    struct page_node node;
    assert_true(page_node(page, PAGE, false, 0, &node));
    assert_int_equal(node.data_bytes, sizeof(struct page_db));
    uint64_t record_at = root * PAGE + (uint64_t)(node.data - (const char *)page);
    for (unsigned at = 0; at < sizeof(struct page_db); at++) {
        flip(record_at + at, (uint8_t)(1U << (at % 8)));
        judge(&verdict);
        assert_int_equal(verdict.outcome, WORLD_DAMAGED);
        assert_int_equal(verdict.lost, 0);
        restore();
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
            flip(rng_chance(&rng, 50) ? at : at / PAGE * PAGE + at % 48, (uint8_t)(1U << rng_below(&rng, 8)));
            judge(&verdict);
            damaged += verdict.outcome == WORLD_DAMAGED ? 1U : 0U;
            restore();
        }
    }
    assert_true(damaged > 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sound_files_of_any_shape_are_sound, setup, teardown),
        cmocka_unit_test_setup_teardown(an_environment_of_nothing_is_sound, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_environment_is_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_map_too_small_is_full_and_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_file_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(no_branch_costs_a_record, setup, teardown),
        cmocka_unit_test_setup_teardown(a_leaf_costs_its_own_records, setup, teardown),
        cmocka_unit_test_setup_teardown(a_child_of_two_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_separator_that_hides_a_record_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_separator_is_held_against_the_branch_below, setup, teardown),
        cmocka_unit_test_setup_teardown(two_offsets_that_changed_places_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bit_of_a_leaf_costs_a_record_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(every_byte_of_the_meta_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(every_bit_of_a_commits_number_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(without_the_newest_meta_page_the_commit_before_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(every_byte_of_the_databases_records, setup, teardown),
        cmocka_unit_test_setup_teardown(any_bit_in_small_worlds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
