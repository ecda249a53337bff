#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "tests/unit/registry/kit.h"

static void names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "7", "branch-07", "North_2.x", "a-_."};
    static const char *const bad[] = {"", "-a", "_a", ".a", "a b", "a/b", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(registry_name_valid(slice_str(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(registry_name_valid(slice_str(bad[i])));
    }
    char name[66];
    memset(name, 'x', sizeof name);
    assert_true(registry_name_valid(slice_make(name, 64)));
    assert_false(registry_name_valid(slice_make(name, 65)));
}

static void made_once(void **state)
{
    (void)state;
    struct registry *other = NULL;
    kit_close();
    assert_int_equal(registry_create(kit_dir()), STATUS_BUSY);
    assert_int_equal(registry_open("/nonexistent/registry", true, &other), STATUS_NOT_FOUND);
    assert_int_equal(registry_open("/nonexistent/registry", false, &other), STATUS_NOT_FOUND);
    assert_int_equal(registry_create("/nonexistent/registry"), STATUS_NOT_FOUND);
    kit_open();
}

static void a_site_is_invited_once(void **state)
{
    (void)state;
    struct registry_site site;
    uint64_t version = registry_version(kit_registry());
    assert_int_equal(registry_find(kit_registry(), slice_str("a"), &site), STATUS_NOT_FOUND);
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    assert_int_equal(site.number, 1);
    assert_int_equal(site.state, REGISTRY_INVITED);
    assert_true(registry_version(kit_registry()) > version);
    version = registry_version(kit_registry());
    assert_int_equal(kit_invite("a", NULL, 2, false, &site), STATUS_BUSY);
    assert_int_equal(registry_version(kit_registry()), version);
    struct registry_site found = kit_site("a");
    assert_true(found.has_token);
    assert_memory_equal(found.token_psk, kit_key(1), REGISTRY_KEY_BYTES);
    assert_int_equal(found.token_expires_ms, KIT_NOW_MS + KIT_DAY_MS);
    assert_int_equal(found.created_ms, KIT_NOW_MS);
    assert_string_equal(found.group, "");
    assert_int_equal(kit_invite("a", NULL, 2, true, &site), 0);
    assert_int_equal(site.number, 1);
    assert_memory_equal(kit_site("a").token_psk, kit_key(2), REGISTRY_KEY_BYTES);
    assert_int_equal(kit_invite("-", NULL, 2, false, &site), STATUS_INVALID);
    assert_int_equal(kit_invite("b", "no group", 2, false, &site), STATUS_INVALID);
    assert_int_equal(kit_invite("b", NULL, 0, true, &site), STATUS_NOT_FOUND);
    assert_int_equal(registry_find(kit_registry(), slice_str("b"), &site), STATUS_NOT_FOUND);
}

static void groups_have_numbers(void **state)
{
    (void)state;
    struct registry_site site;
    assert_int_equal(kit_invite("a", "north", 1, false, &site), 0);
    assert_int_equal(site.group_number, 1);
    assert_int_equal(kit_invite("b", "south", 1, false, &site), 0);
    assert_int_equal(site.group_number, 2);
    assert_int_equal(kit_invite("c", "north", 1, false, &site), 0);
    assert_int_equal(site.group_number, 1);
    assert_string_equal(kit_site("c").group, "north");
    assert_int_equal(kit_invite("c", "", 0, true, &site), 0); /* out of it; its token stays */
    assert_int_equal(kit_site("c").group_number, 0);
    assert_string_equal(kit_site("c").group, "");
    assert_true(kit_site("c").has_token);
    assert_int_equal(registry_group_find(kit_registry(), slice_str("south")), 2);
    assert_int_equal(registry_group_find(kit_registry(), slice_str("sout")), 0);
    assert_int_equal(registry_group_find(kit_registry(), slice_str("")), 0);
}

static void a_token_works_once(void **state)
{
    (void)state;
    struct registry_site site;
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    assert_int_equal(kit_enrol("a", 2, 9), STATUS_DENIED);
    assert_int_equal(kit_enrol("b", 1, 9), STATUS_NOT_FOUND);
    assert_int_equal(kit_enrol("a", 1, 9), 0);
    assert_int_equal(kit_enrol("a", 1, 8), STATUS_DENIED);
    site = kit_site("a");
    assert_int_equal(site.state, REGISTRY_JOINED);
    assert_true(site.has_key && site.fresh && !site.has_token && !site.has_next_key);
    assert_memory_equal(site.key_hash, kit_key(9), REGISTRY_KEY_BYTES);
    assert_string_equal(site.serial, "0a0b");
    assert_int_equal(site.not_after_s, 5000);
    assert_int_equal(site.joined_ms, KIT_NOW_MS + 1000);
    assert_int_equal(registry_clear_fresh(kit_registry(), "a"), 0);
    assert_false(kit_site("a").fresh);
}

static void a_token_expires(void **state)
{
    (void)state;
    struct registry_site site;
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    int64_t end_ms = KIT_NOW_MS + KIT_DAY_MS;
    assert_int_equal(registry_enrol(kit_registry(), "a", kit_key(1), kit_key(9), "1", 1, end_ms), STATUS_DENIED);
    assert_int_equal(registry_enrol(kit_registry(), "a", kit_key(1), kit_key(9), "1", 1, end_ms - 1), 0);
}

static void renewal_keeps_both_keys_until_the_new_one_is_seen(void **state)
{
    (void)state;
    struct registry_site site;
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    assert_int_equal(registry_renew(kit_registry(), "a", kit_key(7), "2", 6000, KIT_NOW_MS), STATUS_DENIED);
    assert_int_equal(kit_enrol("a", 1, 9), 0);
    assert_int_equal(registry_renew(kit_registry(), "a", kit_key(7), "2", 6000, KIT_NOW_MS), 0);
    site = kit_site("a");
    assert_memory_equal(site.key_hash, kit_key(9), REGISTRY_KEY_BYTES);
    assert_true(site.has_next_key);
    assert_memory_equal(site.next_key_hash, kit_key(7), REGISTRY_KEY_BYTES);
    assert_int_equal(site.not_after_s, 6000);
    uint64_t version = registry_version(kit_registry());
    assert_int_equal(registry_confirm_key(kit_registry(), "a", kit_key(9), KIT_NOW_MS), 0); /* still the old one */
    assert_int_equal(registry_version(kit_registry()), version);
    assert_int_equal(registry_confirm_key(kit_registry(), "a", kit_key(3), KIT_NOW_MS), STATUS_DENIED);
    assert_int_equal(registry_confirm_key(kit_registry(), "a", kit_key(7), KIT_NOW_MS), 0);
    site = kit_site("a");
    assert_memory_equal(site.key_hash, kit_key(7), REGISTRY_KEY_BYTES);
    assert_false(site.has_next_key);
    assert_int_equal(registry_confirm_key(kit_registry(), "a", kit_key(9), KIT_NOW_MS), STATUS_DENIED);
}

static void revoking_ends_a_token_too(void **state)
{
    (void)state;
    struct registry_site site;
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, 1), STATUS_NOT_FOUND);
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_JOINED, 1), STATUS_INVALID);
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, 1), 0);
    assert_int_equal(kit_enrol("a", 1, 9), STATUS_DENIED);
    assert_int_equal(kit_invite("a", NULL, 2, true, &site), 0);
    assert_int_equal(site.state, REGISTRY_INVITED);
    assert_int_equal(kit_enrol("a", 2, 9), 0);
    assert_int_equal(kit_site("a").state, REGISTRY_JOINED);
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, 1), 0);
    assert_int_equal(registry_renew(kit_registry(), "a", kit_key(7), "2", 6000, 1), STATUS_DENIED);
    assert_int_equal(kit_invite("a", "north", 0, true, &site), 0); /* another group is no pardon */
    assert_int_equal(site.state, REGISTRY_REVOKED);
    assert_int_equal(kit_invite("a", NULL, 3, true, &site), 0);
    assert_false(site.has_key); /* the revoked certificate stays void */
}

static void a_removed_site_never_comes_back_under_its_number(void **state)
{
    (void)state;
    struct registry_site site;
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REMOVED, 1), 0);
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REMOVED, 2), 0);
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, 2), STATUS_DENIED);
    assert_int_equal(kit_enrol("a", 1, 9), STATUS_DENIED);
    assert_int_equal(kit_invite("a", NULL, 2, true, &site), STATUS_DENIED);
    assert_int_equal(kit_invite("a", NULL, 2, false, &site), STATUS_DENIED);
    assert_int_equal(registry_forget(kit_registry(), "a"), 0);
    assert_int_equal(registry_forget(kit_registry(), "a"), STATUS_NOT_FOUND);
    assert_int_equal(registry_find_number(kit_registry(), 1, &site), STATUS_NOT_FOUND);
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    assert_int_equal(site.number, 2);
    assert_int_equal(registry_find_number(kit_registry(), 2, &site), 0);
    assert_string_equal(site.id, "a");
}

static int gather(void *ctx, const struct registry_site *site)
{
    buf_append_str(ctx, site->id);
    buf_append_str(ctx, " ");
    return strcmp(site->id, "stop") == 0 ? 42 : 0;
}

static void walked_in_order_of_the_ids(void **state)
{
    (void)state;
    struct registry_site site;
    struct buf ids = BUF_INIT;
    static const char *const added[] = {"b", "a", "b-2", "B", "10", "9"};
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++) {
        assert_int_equal(kit_invite(added[i], NULL, 1, false, &site), 0);
    }
    assert_int_equal(registry_each(kit_registry(), gather, &ids), 0);
    assert_string_equal(buf_cstr(&ids), "10 9 B a b b-2 ");
    assert_int_equal(kit_invite("stop", NULL, 1, false, &site), 0);
    assert_int_equal(kit_invite("t", NULL, 1, false, &site), 0);
    buf_reset(&ids);
    assert_int_equal(registry_each(kit_registry(), gather, &ids), 42);
    assert_string_equal(buf_cstr(&ids), "10 9 B a b b-2 stop ");
    buf_deinit(&ids);
}

static void kept_over_a_restart(void **state)
{
    (void)state;
    struct registry_site before;
    assert_int_equal(kit_invite("a", "north", 1, false, &before), 0);
    assert_int_equal(kit_enrol("a", 1, 9), 0);
    before = kit_site("a");
    uint64_t version = registry_version(kit_registry());
    kit_close();
    kit_open();
    struct registry_site after = kit_site("a");
    assert_int_equal(after.number, before.number);
    assert_string_equal(after.group, "north");
    assert_memory_equal(after.key_hash, before.key_hash, REGISTRY_KEY_BYTES);
    assert_int_equal(registry_version(kit_registry()), version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(made_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_site_is_invited_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(groups_have_numbers, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_token_works_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_token_expires, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(renewal_keeps_both_keys_until_the_new_one_is_seen, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(revoking_ends_a_token_too, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_removed_site_never_comes_back_under_its_number, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(walked_in_order_of_the_ids, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(kept_over_a_restart, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
