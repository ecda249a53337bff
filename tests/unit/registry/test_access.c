/* Access tokens: added once, found by their hash, revoked, and no hindrance where they were never known or are damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/registry/access.h"
#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/unit/registry/kit.h"

static struct access_token make(const char *name, unsigned hash)
{
    struct access_token token = {.role = ACCESS_VIEW, .created_ms = KIT_NOW_MS, .expires_ms = KIT_NOW_MS + KIT_DAY_MS};
    (void)snprintf(token.name, sizeof token.name, "%s", name);
    memset(token.hash, (int)hash, sizeof token.hash);
    return token;
}

static int add(const char *name, unsigned hash)
{
    struct access_token token = make(name, hash);
    return access_add(kit_registry(), &token);
}

static void roles(void **state)
{
    (void)state;
    enum access_role role = ACCESS_VIEW;
    assert_string_equal(access_role_str(ACCESS_VIEW), "view");
    assert_true(access_role_find("admin", &role));
    assert_int_equal(role, ACCESS_ADMIN);
    assert_true(access_role_find("view", &role));
    assert_int_equal(role, ACCESS_VIEW);
    assert_false(access_role_find("root", &role));
    assert_false(access_role_find("", &role));
}

static void validity(void **state)
{
    (void)state;
    struct access_token token = make("a", 1);
    assert_true(access_valid(&token, KIT_NOW_MS));
    assert_true(access_valid(&token, token.expires_ms - 1));
    assert_false(access_valid(&token, token.expires_ms));
    token.expires_ms = 0;
    assert_true(access_valid(&token, INT64_MAX));
    token.revoked_ms = 1;
    assert_false(access_valid(&token, 0));
}

static void added_and_found(void **state)
{
    (void)state;
    struct access_token token = make("wall-board", 7);
    struct access_token found;
    uint64_t version = registry_version(kit_registry());
    token.role = ACCESS_ADMIN;
    assert_int_equal(access_find(kit_registry(), token.hash, &found), STATUS_NOT_FOUND);
    assert_int_equal(access_add(kit_registry(), &token), 0);
    assert_true(registry_version(kit_registry()) > version);
    kit_close();
    kit_open();
    assert_int_equal(access_find(kit_registry(), token.hash, &found), 0);
    assert_string_equal(found.name, "wall-board");
    assert_int_equal(found.role, ACCESS_ADMIN);
    assert_int_equal(found.created_ms, token.created_ms);
    assert_int_equal(found.expires_ms, token.expires_ms);
    assert_int_equal(found.revoked_ms, 0);
    token.hash[31] ^= 1; /* the key is the same, the hash is not */
    assert_int_equal(access_find(kit_registry(), token.hash, &found), STATUS_NOT_FOUND);
}

static void names_are_given_once(void **state)
{
    (void)state;
    struct access_token none = make("no name", 1);
    assert_int_equal(add("a", 1), 0);
    uint64_t version = registry_version(kit_registry());
    assert_int_equal(add("a", 2), STATUS_BUSY);
    assert_int_equal(add("b", 1), STATUS_BUSY); /* the same token under another name */
    assert_int_equal(access_add(kit_registry(), &none), STATUS_INVALID);
    none = make("c", 3);
    none.role = (enum access_role)9;
    assert_int_equal(access_add(kit_registry(), &none), STATUS_INVALID);
    assert_int_equal(registry_version(kit_registry()), version);
    assert_int_equal(access_revoke(kit_registry(), "a", KIT_NOW_MS), 0);
    assert_int_equal(add("a", 2), STATUS_BUSY); /* revoked, it was given all the same */
}

static void revoked(void **state)
{
    (void)state;
    struct access_token found;
    assert_int_equal(access_revoke(kit_registry(), "a", 5), STATUS_NOT_FOUND);
    assert_int_equal(add("a", 1), 0);
    assert_int_equal(add("b", 2), 0);
    uint64_t version = registry_version(kit_registry());
    assert_int_equal(access_revoke(kit_registry(), "a", KIT_NOW_MS + 5), 0);
    assert_true(registry_version(kit_registry()) > version);
    version = registry_version(kit_registry());
    assert_int_equal(access_revoke(kit_registry(), "a", KIT_NOW_MS + 9), 0);
    assert_int_equal(registry_version(kit_registry()), version);
    assert_int_equal(access_find(kit_registry(), kit_key(1), &found), 0);
    assert_int_equal(found.revoked_ms, KIT_NOW_MS + 5);
    assert_false(access_valid(&found, KIT_NOW_MS));
    assert_int_equal(access_find(kit_registry(), kit_key(2), &found), 0);
    assert_true(access_valid(&found, KIT_NOW_MS));
}

struct names {
    char text[64];
    int stop;
};

static int note(void *ctx, const struct access_token *token)
{
    struct names *names = ctx;
    size_t len = strlen(names->text);
    (void)snprintf(names->text + len, sizeof names->text - len, "%s ", token->name);
    return names->stop;
}

static void listed_by_name(void **state)
{
    (void)state;
    struct names names = {.stop = 0};
    assert_int_equal(access_each(kit_registry(), note, &names), 0);
    assert_string_equal(names.text, "");
    assert_int_equal(add("c", 1), 0);
    assert_int_equal(add("a", 9), 0);
    assert_int_equal(add("b", 5), 0);
    assert_int_equal(access_each(kit_registry(), note, &names), 0);
    assert_string_equal(names.text, "a b c ");
    names = (struct names){.stop = 3};
    assert_int_equal(access_each(kit_registry(), note, &names), 3);
    assert_string_equal(names.text, "a ");
}

/* ---- environments that are older than tokens, or damaged ---- */

static struct kv *open_environment(void)
{
    const struct kv_options options = {.dir = kit_dir(), .map_bytes = 1 << 20, .max_dbs = 5};
    struct kv *kv = NULL;
    kit_close();
    assert_int_equal(kv_open(&options, &kv), 0);
    return kv;
}

static void copy_record(struct kv_txn *to, unsigned db, const char *name)
{
    struct record_key key = record_key_text(name);
    struct buf value = BUF_INIT;
    record_begin(&value);
    wire_put_u64(&value, 1);
    assert_int_equal(record_put(to, db, &key, &value), 0);
    buf_deinit(&value);
}

/* As version 0.2 left it: four databases. */
static void make_older(void)
{
    static const char *const names[] = {"sites", "ids", "groups", "meta"};
    char path[4096];
    unsigned db = 0;
    struct kv_txn *txn = NULL;
    kit_close();
    (void)snprintf(path, sizeof path, "%s/data.mdb", kit_dir());
    assert_int_equal(remove(path), 0);
    struct kv *kv = open_environment();
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(kv_db(kv, names[i], true, &db), 0);
    }
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    copy_record(txn, db, "version");
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
}

static void an_older_environment(void **state)
{
    (void)state;
    struct registry *reader = NULL;
    struct access_token found;
    struct access_token token = make("a", 1);
    struct names names = {.stop = 0};
    make_older();
    assert_int_equal(registry_open(kit_dir(), false, &reader), 0);
    assert_int_equal(access_find(reader, token.hash, &found), STATUS_NOT_FOUND);
    assert_int_equal(access_each(reader, note, &names), 0);
    assert_int_equal(access_revoke(reader, "a", 1), STATUS_NOT_FOUND);
    assert_int_equal(access_add(reader, &token), STATUS_DENIED);
    assert_string_equal(names.text, "");
    registry_close(reader);
    kit_open(); /* for writing: now there is room */
    assert_int_equal(registry_version(kit_registry()), 1);
    assert_int_equal(add("a", 1), 0);
    assert_int_equal(access_find(kit_registry(), token.hash, &found), 0);
    kit_close();
    assert_int_equal(registry_open(kit_dir(), false, &reader), 0);
    assert_int_equal(access_find(reader, token.hash, &found), 0);
    assert_int_not_equal(access_revoke(reader, "a", 1), 0);
    registry_close(reader);
    kit_open();
}

static void put_damage(unsigned hash, size_t at, size_t len_max)
{
    struct kv_txn *txn = NULL;
    struct slice value;
    unsigned db;
    char bytes[256];
    struct slice key = slice_make((const char *)kit_key(hash), RECORD_KEY_MAX);
    struct kv *kv = open_environment();
    assert_int_equal(kv_db(kv, "tokens", false, &db), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_get(txn, db, key, &value), 0);
    size_t len = value.len < len_max ? value.len : len_max;
    memcpy(bytes, value.data, len);
    bytes[at % len] = (char)(bytes[at % len] ^ 0x41);
    assert_int_equal(kv_put(txn, db, key, slice_make(bytes, len)), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
}

/* From another process, while the registry is open. */
static void damage(unsigned hash, size_t at, size_t len_max)
{
    pid_t child = fork();
    if (child == 0) {
        put_damage(hash, at, len_max);
        _exit(0);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

static void a_damaged_token(void **state)
{
    (void)state;
    struct access_token found;
    assert_int_equal(add("a", 1), 0);
    assert_int_equal(add("b", 2), 0);
    assert_int_equal(add("c", 3), 0);
    for (size_t at = 0; at < 72; at += 7) {
        struct names names = {.stop = 0};
        damage(2, at, sizeof(char[256]));
        assert_true(access_find(kit_registry(), kit_key(2), &found) == (at == 0 ? STATUS_VERSION : STATUS_CORRUPT) ||
                    access_find(kit_registry(), kit_key(2), &found) == STATUS_CORRUPT);
        assert_int_equal(access_each(kit_registry(), note, &names), STATUS_CORRUPT);
        assert_string_equal(names.text, "a c ");
        assert_int_equal(access_find(kit_registry(), kit_key(3), &found), 0);
        damage(2, at, sizeof(char[256])); /* the same again heals it */
        assert_int_equal(access_find(kit_registry(), kit_key(2), &found), 0);
    }
    damage(2, 0, 3);
    assert_int_equal(access_revoke(kit_registry(), "b", 1), STATUS_NOT_FOUND);
    assert_int_equal(access_revoke(kit_registry(), "c", 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles),
        cmocka_unit_test(validity),
        cmocka_unit_test_setup_teardown(added_and_found, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(names_are_given_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(revoked, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(listed_by_name, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_older_environment, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_token, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
