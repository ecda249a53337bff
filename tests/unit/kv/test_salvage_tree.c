/* One damage at a time, each of a known kind, and what is to come of it: in a tree of several levels. */
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
#include "tests/unit/kv/spoil.h"

enum { COMMIT_AT = 144, RECORDS = 400, KEY_BYTES = 500 };

/* Keys so long that a page holds eight of them: a tree of several levels from few records, all written at once, so that
 * there is no former state of any branch. */
static void fill_deep(void)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = SPOIL_MAP_BYTES, .max_dbs = 4, .grow_bytes = PAGE};
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
    struct kv_options options = {
        .dir = spoil_aside.path, .map_bytes = SPOIL_MAP_BYTES, .max_dbs = 4, .read_only = true};
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

static void what_is_no_environment_is_told_apart(void **state)
{
    (void)state;
    struct kv_damage damage;
    assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), STATUS_NOT_FOUND);
    assert_int_equal(spoil_save(&damage), STATUS_NOT_FOUND);
    temp_dir_truncate(&kit_dir, "data.mdb", 0);
    assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), STATUS_NOT_FOUND);
    temp_dir_truncate(&kit_dir, "data.mdb", 20 * PAGE);
    assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), KV_DAMAGED);
    assert_false(damage.readable);
    assert_true(damage.what[0] != '\0');
    assert_int_equal(spoil_save(&damage), STATUS_CORRUPT);
    assert_int_equal(access(spoil_saved_path(), F_OK), -1);
    temp_dir_clear(&kit_dir);
    fill_deep();
    for (uint64_t i = 0; i < 2; i++) {
        spoil_flip(i * PAGE + 16 + 4, 6); /* the version */
    }
    assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), STATUS_VERSION);
    assert_int_equal(spoil_save(&damage), STATUS_VERSION);
}

static void a_map_too_small_is_full_and_leaves_nothing(void **state)
{
    (void)state;
    struct kv_damage damage;
    struct kv_look look = {.depth = KV_DEPTH_RECORDS};
    fill_deep();
    assert_int_equal(kv_salvage(kit_dir.path, &look, spoil_saved_path(), 16 * PAGE, &damage), STATUS_FULL);
    assert_int_equal(access(spoil_saved_path(), F_OK), -1);
}

static void an_old_file_is_replaced(void **state)
{
    (void)state;
    struct kv_damage damage;
    fill_deep();
    temp_dir_write(&spoil_aside, "data.mdb", 0, "something else", 14);
    assert_int_equal(spoil_save(&damage), 0);
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
        if (spoil_kind_of_page(i) != PAGE_BRANCH) {
            continue;
        }
        struct kv_damage damage;
        spoil_zero_page(i);
        assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), KV_DAMAGED);
        assert_int_equal(spoil_look(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
        assert_int_equal(spoil_save(&damage), 0);
        assert_true(damage.bad_pages >= 1);
        assert_true(damage.dbs[0].told && damage.dbs[0].told_count == RECORDS);
        assert_int_equal(damage.dbs[0].sound_count, RECORDS);
        assert_int_equal(damage.dbs[0].lost_count, 0);
        assert_int_equal(count_deep(), RECORDS);
        spoil_restore();
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
        spoil_zero_page(i);
        assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), 0); /* which reads no leaf */
        assert_int_equal(spoil_look(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
        assert_int_equal(spoil_save(&damage), 0);
        assert_int_equal(damage.dbs[0].lost_count, page_nodes(page));
        assert_int_equal(count_deep(), RECORDS - page_nodes(page));
        lost += damage.dbs[0].lost_count;
        spoil_restore();
    }
    assert_int_equal(lost, RECORDS);
}

/* What all records are still there after, though the walk is led astray. */
static void expect_all_of_deep(enum kv_depth seen_by)
{
    struct kv_damage damage;
    if (seen_by == KV_DEPTH_TREE) {
        assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), KV_DAMAGED);
    }
    assert_int_equal(spoil_look(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
    assert_int_equal(spoil_save(&damage), 0);
    assert_int_equal(damage.dbs[0].lost_count, 0);
    assert_int_equal(count_deep(), RECORDS);
    spoil_restore();
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
    if (spoil_kind_of_page(node->child) == PAGE_BRANCH) {
        temp_dir_write(&kit_dir, "data.mdb", at + NODE_HEADER + KEY_BYTES - 4, "0", 1);
        struct kv_damage damage;
        assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), 0);
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
        assert_int_equal(spoil_look(KV_DEPTH_RECORDS, &damage), KV_DAMAGED);
        assert_int_equal(spoil_save(&damage), 0);
        assert_true(damage.dbs[0].lost_count <= 1);
        spoil_restore();
        pages++;
    }
    assert_true(pages > 30);
}

/* A meta page that looks newer, or older, than it is. */
static void every_bit_of_a_commits_number_is_noticed(void **state)
{
    (void)state;
    struct kv_damage damage;
    fill_deep();
    for (unsigned bit = 0; bit < 8 * sizeof(size_t); bit++) {
        for (uint64_t i = 0; i < 2; i++) {
            spoil_flip(i * PAGE + COMMIT_AT + bit / 8, (uint8_t)(1U << (bit % 8)));
            if (i == 0 && bit == 1) { /* 2 becomes 0: as if a commit had failed at its last write */
                assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), 0);
                assert_int_equal(damage.commit, 1);
                spoil_restore();
                continue;
            }
            assert_int_equal(spoil_look(KV_DEPTH_TREE, &damage), KV_DAMAGED);
            assert_int_equal(spoil_save(&damage), 0);
            assert_true(damage.older_commit || (damage.db_count == 1 && damage.dbs[0].sound_count == RECORDS));
            spoil_restore();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_environment_is_told_apart, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(a_map_too_small_is_full_and_leaves_nothing, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(an_old_file_is_replaced, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(no_branch_costs_a_record, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(a_leaf_costs_its_own_records, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(a_child_of_two_is_noticed, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(a_separator_that_hides_a_record_is_noticed, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(a_separator_is_held_against_the_branch_below, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(two_offsets_that_changed_places_are_noticed, spoil_setup, spoil_teardown),
        cmocka_unit_test_setup_teardown(every_bit_of_a_commits_number_is_noticed, spoil_setup, spoil_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
