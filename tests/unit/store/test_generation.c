/* What the store is called: the same as long as it has what it took, another one from when it lost some of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/kv/kv.h"
#include "platform/kv/record.h"
#include "tests/unit/store/kit.h"

enum { LIMIT_BYTES = 16 << 20 };
#define DAY_MS (INT64_C(86400) * 1000)

struct called {
    uint8_t bytes[LIMITS_STORE_BYTES];
};

static struct called called(const struct store *store)
{
    struct called name;
    assert_non_null(store_generation(store));
    memcpy(name.bytes, store_generation(store), sizeof name.bytes);
    return name;
}

static bool same(struct called a, struct called b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

/* Three intervals of site 1, each of its own queue, a gap, and what the site last said. */
static struct store *fill(void)
{
    struct store *store = kit_open(LIMIT_BYTES);
    struct rng rng = {3};
    const struct store_contact contact = {.last_seen_ms = KIT_NOW_MS, .interval_s = 900};
    const struct store_gap gap = {.from_ms = 1000, .to_ms = 2000, .reason = "log missing"};
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    kit_queues(store);
    for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
        struct kit_held came = {.there = true, .epoch = 1, .revision = 1};
        kit_summary(&rng, 3, &came.sum);
        assert_int_equal(kit_put(store, 1, queue, 4, &came), STORE_TAKEN);
        summary_deinit(&came.sum);
    }
    assert_int_equal(store_put_contact(store, 1, &contact), 0);
    assert_int_equal(store_put_gap(store, 1, &gap), 0);
    assert_int_equal(store_end(store), 0);
    kit_roll(store);
    return store;
}

static struct store_contact contact_of(struct store *store)
{
    struct store_contact contact = {0};
    struct store_view *view = NULL;
    assert_int_equal(store_view_begin(store, &view), 0);
    assert_true(store_view_contact(view, 1, &contact));
    store_view_end(view);
    return contact;
}

static void remove_raw(const char *db, struct slice key)
{
    const struct kv_options options = {.dir = kit_dir.path, .map_bytes = 1 << 20, .max_dbs = 20, .grow_bytes = 1 << 16};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned handle;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, db, false, &handle), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_delete(txn, handle, key), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
}

static void each_store_has_its_own(void **state)
{
    (void)state;
    struct store *store = fill();
    struct called name = called(store);
    assert_true(same(name, called(store)));
    store = kit_reopen(store, LIMIT_BYTES);
    assert_true(same(name, called(store)));
    store_close(store);
    assert_int_equal(kit_teardown(NULL), 0);
    assert_int_equal(kit_setup(NULL), 0);
    store = kit_open(LIMIT_BYTES);
    assert_false(same(name, called(store)));
    store_close(store);
}

/* As a version before left it. */
static void one_of_before_gets_one(void **state)
{
    (void)state;
    store_close(fill());
    remove_raw("meta", slice_str("generation"));
    struct store *store = kit_open(LIMIT_BYTES);
    assert_null(store_mended(store));
    struct called name = called(store);
    store = kit_reopen(store, LIMIT_BYTES);
    assert_true(same(name, called(store)));
    kit_check(store);
    store_close(store);
}

struct loss {
    const char *db;
    struct record_key key;
    bool renews;
};

static void it_is_made_anew_with_a_loss_that_sites_can_mend(void **state)
{
    (void)state;
    const uint32_t start_s = (uint32_t)KIT_FIRST_S + 3600;
    const struct loss losses[] = {
        {"intervals", record_key_3u32(1, start_s, 2), true},
        {"gaps", record_key_u32_u64(1, 1000), true},
        {"meta", record_key_text("state"), true},
        {"hours", record_key_3u32(1, start_s, 2), false},
        {"names", record_key_u32(2), false}, /* its index has it */
    };
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        struct store *store = fill();
        struct called name = called(store);
        store_close(store);
        kit_damage(losses[i].db, record_key_slice(&losses[i].key));
        store = kit_open(LIMIT_BYTES);
        assert_non_null(store_mended(store));
        assert_true(same(name, called(store)) == !losses[i].renews);
        struct store_contact contact = contact_of(store); /* then it is known to owe, until it tells how it stands */
        assert_int_equal(contact.backlog, losses[i].renews);
        assert_int_equal(contact.oldest_backlog_s, losses[i].renews ? 3600 : 0);
        assert_int_equal(contact.last_seen_ms, KIT_NOW_MS);
        name = called(store);
        store = kit_reopen(store, LIMIT_BYTES);
        assert_true(same(name, called(store)));
        store_close(store);
        assert_int_equal(kit_teardown(NULL), 0);
        assert_int_equal(kit_setup(NULL), 0);
    }
}

/* What is held under a name that was made up would come again under the true one. */
static void it_stays_where_a_queue_lost_its_name(void **state)
{
    (void)state;
    struct store *store = fill();
    struct called name = called(store);
    store_close(store);
    struct record_key number = record_key_u32(2);
    struct record_key interval = record_key_3u32(1, (uint32_t)KIT_FIRST_S + 3600, 1);
    remove_raw("name_index", slice_str("support"));
    kit_damage("names", record_key_slice(&number));
    kit_damage("intervals", record_key_slice(&interval));
    store = kit_open(LIMIT_BYTES);
    assert_int_equal(store_mended(store)->lost[STORE_LOST_NAMES], 1);
    assert_int_equal(store_mended(store)->lost[STORE_LOST_INTERVALS], 1);
    assert_true(same(name, called(store)));
    store_close(store);
}

static void it_can_be_made_anew_at_will(void **state)
{
    (void)state;
    struct store *store = fill();
    struct called name = called(store);
    assert_int_equal(store_renew(store, KIT_NOW_MS), 0);
    struct called renewed = called(store);
    assert_false(same(name, renewed));
    store = kit_reopen(store, LIMIT_BYTES);
    assert_true(same(renewed, called(store)));
    assert_int_equal(contact_of(store).backlog, 1);
    kit_check(store);
    store_close(store);
}

static void what_retention_dropped_is_not_taken_again(void **state)
{
    (void)state;
    const struct store_options options = {.dir = kit_dir.path,
                                          .limit_bytes = LIMIT_BYTES,
                                          .intervals_keep_ms = DAY_MS,
                                          .now_ms = KIT_FIRST_S * 1000 + 2 * DAY_MS};
    struct store *store = fill();
    struct kit_held came = {.there = true, .epoch = 1, .revision = 9};
    bool more = true;
    store_close(store);
    assert_int_equal(store_open_writer(&options, &store), 0);
    while (more) {
        assert_int_equal(store_tend(store, options.now_ms, &more), 0);
    }
    came.sum.waiting_max = 1;
    assert_int_equal(store_begin(store, options.now_ms), 0);
    assert_int_equal(kit_put(store, 1, 1, 4, &came), STORE_DROPPED);
    assert_int_equal(kit_put(store, 1, 1, 96, &came), STORE_TAKEN); /* a day later */
    assert_int_equal(store_end(store), 0);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_store_has_its_own, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(one_of_before_gets_one, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(it_is_made_anew_with_a_loss_that_sites_can_mend, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(it_stays_where_a_queue_lost_its_name, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(it_can_be_made_anew_at_will, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_retention_dropped_is_not_taken_again, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
