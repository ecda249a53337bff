/* Values that are damaged on the disk: told as what they are, and no hindrance to the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/unit/registry/kit.h"

static struct kv_txn *open_database(const char *database, struct kv **kv, unsigned *db)
{
    const struct kv_options options = {.dir = kit_dir(), .map_bytes = 1 << 20, .max_dbs = 4};
    struct kv_txn *txn = NULL;
    assert_int_equal(kv_open(&options, kv), 0);
    assert_int_equal(kv_db(*kv, database, false, db), 0);
    assert_int_equal(kv_begin(*kv, true, &txn), 0);
    return txn;
}

/* Puts other bytes where the value of a key is: `len` bytes of it, with the byte `at` changed. */
static void put_damage(const char *database, struct slice key, size_t len, size_t at)
{
    struct kv *kv = NULL;
    struct slice value;
    unsigned db;
    char bytes[1024];
    struct kv_txn *txn = open_database(database, &kv, &db);
    assert_int_equal(kv_get(txn, db, key, &value), 0);
    len = value.len < len ? value.len : len;
    memcpy(bytes, value.data, len);
    bytes[at % len] = (char)(bytes[at % len] ^ 0x41);
    assert_int_equal(kv_put(txn, db, key, slice_make(bytes, len)), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
}

/* From another process, while the registry is open: what is damaged after it was looked over. */
static void damage(const char *database, struct slice key, size_t len, size_t at)
{
    pid_t child = fork();
    if (child == 0) {
        put_damage(database, key, len, at);
        _exit(0);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

/* It is closed for it, and mended when it opens. */
static const struct registry_damage *damage_closed(const char *database, struct slice key, size_t at)
{
    kit_close();
    put_damage(database, key, 1024, at);
    static struct registry_damage damage_told;
    const struct registry_damage *told = &damage_told;
    assert_int_equal(registry_mend(kit_dir(), INT64_C(1795284531000), &damage_told), REGISTRY_MENDED);
    kit_open();
    assert_true(told->exact && !told->anew && told->aside[0] && told->what[0]);
    return told;
}

static void three_sites(void)
{
    struct registry_site site;
    assert_int_equal(kit_invite("a", "north", 1, false, &site), 0);
    assert_int_equal(kit_invite("b", "north", 1, false, &site), 0);
    assert_int_equal(kit_invite("c", "north", 1, false, &site), 0);
}

static int count(void *ctx, const struct registry_site *site)
{
    assert_string_not_equal(site->id, "b");
    ++*(unsigned *)ctx;
    return 0;
}

static void assert_only_b_is_lost(void)
{
    struct registry_site site;
    unsigned found = 0;
    assert_int_equal(registry_find(kit_registry(), slice_str("b"), &site), STATUS_CORRUPT);
    assert_int_equal(registry_each(kit_registry(), count, &found), STATUS_CORRUPT);
    assert_int_equal(found, 2);
    assert_string_equal(kit_site("c").group, "north");
    assert_int_equal(kit_enrol("b", 1, 9), STATUS_CORRUPT);
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, 1), 0);
}

static void a_damaged_site(void **state)
{
    (void)state;
    three_sites();
    struct record_key key = record_key_u32(2);
    for (size_t at = 0; at < 90; at += 7) {
        damage("sites", record_key_slice(&key), 1024, at);
        assert_only_b_is_lost();
        damage("sites", record_key_slice(&key), 1024, at); /* the same again heals it */
        assert_int_equal(kit_site("b").number, 2);
    }
    damage("sites", record_key_slice(&key), 3, 0);
    assert_only_b_is_lost();
}

static void a_damaged_index(void **state)
{
    (void)state;
    three_sites();
    damage("ids", slice_str("b"), 4, 3);
    assert_only_b_is_lost();
    damage("ids", slice_str("b"), 4, 3);
    damage("ids", slice_str("b"), 2, 0);
    assert_only_b_is_lost();
}

static void a_damaged_group_costs_its_name_only(void **state)
{
    (void)state;
    three_sites();
    struct record_key key = record_key_u32(1);
    damage("groups", record_key_slice(&key), 1024, 3);
    struct registry_site site = kit_site("b");
    assert_int_equal(site.group_number, 1);
    assert_string_equal(site.group, "");
    assert_int_equal(registry_group_find(kit_registry(), slice_str("north")), 0);
}

static void a_damaged_version_is_never_the_same(void **state)
{
    (void)state;
    three_sites();
    uint64_t before = registry_version(kit_registry());
    damage("meta", slice_str("version"), 1024, 2);
    uint64_t first = registry_version(kit_registry());
    assert_true(first != registry_version(kit_registry()));
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, 1), 0);
    uint64_t healed = registry_version(kit_registry());
    assert_true(healed > before);
    assert_int_equal(registry_version(kit_registry()), healed);
}

static void a_damaged_counter_gives_no_number_twice(void **state)
{
    (void)state;
    three_sites();
    struct registry_site site;
    damage("meta", slice_str("next-site"), 1024, 4);
    assert_int_equal(kit_invite("d", NULL, 1, false, &site), STATUS_CORRUPT);
    assert_int_equal(registry_find(kit_registry(), slice_str("d"), &site), STATUS_NOT_FOUND);
    assert_int_equal(kit_invite("a", NULL, 2, true, &site), 0);
}

static void a_lost_site_has_to_join_again(void **state)
{
    (void)state;
    three_sites();
    struct record_key key = record_key_u32(2);
    const struct registry_damage *told = damage_closed("sites", record_key_slice(&key), 9);
    assert_true(told->lost_sites == 1 && told->forgotten_sites == 0 && told->lost_tokens == 0);
    struct registry_site site = kit_site("b");
    assert_true(site.number == 2 && site.state == REGISTRY_REVOKED && !site.has_key && !site.has_token);
    assert_int_equal(kit_site("a").state, REGISTRY_INVITED);
    assert_int_equal(kit_invite("b", "north", 7, true, &site), 0);
    assert_int_equal(site.number, 2);
    assert_int_equal(kit_enrol("b", 7, 9), 0);
    kit_close();
    struct registry_damage again;
    assert_int_equal(registry_mend(kit_dir(), KIT_NOW_MS, &again), 0);
    kit_open();
}

static void the_index_is_made_anew(void **state)
{
    (void)state;
    three_sites();
    const struct registry_damage *told = damage_closed("ids", slice_str("b"), 3);
    assert_true(told->lost_sites == 0 && told->forgotten_sites == 0);
    assert_int_equal(kit_site("b").number, 2);
    assert_int_equal(kit_site("c").number, 3);
}

/* An id under which no site stands, though its number is one's. */
static void a_strange_id_goes(void **state)
{
    (void)state;
    three_sites();
    kit_close();
    struct kv *kv = NULL;
    unsigned db;
    struct kv_txn *txn = open_database("ids", &kv, &db);
    assert_int_equal(kv_put(txn, db, slice_str("strange"), slice_make("\0\0\0\2", 4)), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    struct registry_damage told;
    struct registry_site site;
    assert_int_equal(registry_mend(kit_dir(), KIT_NOW_MS, &told), REGISTRY_MENDED);
    kit_open();
    assert_int_equal(registry_find(kit_registry(), slice_str("strange"), &site), STATUS_NOT_FOUND);
    assert_int_equal(kit_site("b").number, 2);
    assert_int_equal(told.lost_sites, 0);
}

static void no_number_is_given_twice_afterwards(void **state)
{
    (void)state;
    three_sites();
    struct registry_site site;
    assert_int_equal(damage_closed("meta", slice_str("next-site"), 4)->lost_settings, 1);
    assert_int_equal(kit_invite("d", NULL, 1, false, &site), 0);
    assert_true(site.number > 1000000);
    struct record_key key = record_key_u32(1);
    assert_int_equal(damage_closed("groups", record_key_slice(&key), 3)->lost_groups, 1);
    assert_string_equal(kit_site("b").group, "damaged-1");
}

/* While another process has it open for writing nobody mends it. */
static void who_has_it_open_is_not_disturbed(void **state)
{
    (void)state;
    three_sites();
    struct record_key key = record_key_u32(2);
    damage("sites", record_key_slice(&key), 1024, 5);
    struct registry_damage told;
    assert_int_equal(registry_mend(kit_dir(), KIT_NOW_MS, &told), 0);
    assert_int_equal(kit_site("a").number, 1);
    kit_close();
    assert_int_equal(registry_mend(kit_dir(), KIT_NOW_MS, &told), REGISTRY_MENDED);
    assert_int_equal(told.lost_sites, 1);
    kit_open();
}

/* Noise: begun anew; the next site does not get a number that was given before. */
static void noise_is_put_aside(void **state)
{
    (void)state;
    three_sites();
    char path[4096];
    kit_close();
    (void)snprintf(path, sizeof path, "%s/data.mdb", kit_dir());
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    for (int i = 0; i < 20000; i++) {
        assert_true(fputc(i * 37 % 251 + 1, file) != EOF);
    }
    assert_int_equal(fclose(file), 0);
    struct registry *other = NULL;
    struct registry_damage told;
    struct registry_site site;
    assert_int_equal(registry_open(kit_dir(), true, &other), STATUS_CORRUPT);
    assert_int_equal(registry_open(kit_dir(), false, &other), STATUS_CORRUPT);
    assert_int_equal(registry_mend(kit_dir(), INT64_C(1795284531000), &told), REGISTRY_MENDED);
    assert_true(told.anew);
    kit_open();
    assert_int_equal(kit_invite("a", "north", 1, false, &site), 0);
    assert_true(site.number > 1000000 && site.group_number > 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_site, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_index, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_group_costs_its_name_only, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_version_is_never_the_same, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_counter_gives_no_number_twice, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_lost_site_has_to_join_again, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(the_index_is_made_anew, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_strange_id_goes, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(no_number_is_given_twice_afterwards, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(who_has_it_open_is_not_disturbed, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(noise_is_put_aside, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
