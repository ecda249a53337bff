/* The daemon and the command line write to one registry: here by processes that start at the same moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/registry/kit.h"

enum { WRITERS = 2, SITES_EACH = 25, ROUNDS = 10 };

/* Runs work in each child once all are there; what it returns is the child's exit status. */
static void run(int (*work)(unsigned writer), int results[WRITERS])
{
    int gate[2];
    pid_t children[WRITERS];
    assert_int_equal(pipe(gate), 0);
    kit_close(); /* an environment does not go over a fork */
    for (unsigned i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            char byte;
            kit_open();
            (void)close(gate[1]);
            ssize_t got = read(gate[0], &byte, 1); /* ends when the parent closes its end */
            int result = got == 0 ? work(i) : 255;
            kit_close();
            _exit(result);
        }
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (unsigned i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        results[i] = WEXITSTATUS(status);
    }
    kit_open();
}

static int invite_many(unsigned writer)
{
    for (unsigned i = 0; i < SITES_EACH; i++) {
        char id[32];
        struct registry_site site;
        (void)snprintf(id, sizeof id, "w%u-%u", writer, i);
        if (kit_invite(id, i % 2 ? "odd" : "even", 1, false, &site) != 0) {
            return 1;
        }
    }
    return 0;
}

static int mark_number(void *ctx, const struct registry_site *site)
{
    bool *seen = ctx;
    assert_in_range(site->number, 1, WRITERS * SITES_EACH);
    assert_false(seen[site->number]);
    seen[site->number] = true;
    return 0;
}

static void two_writers_lose_nothing(void **state)
{
    (void)state;
    int results[WRITERS];
    bool seen[WRITERS * SITES_EACH + 1] = {false};
    run(invite_many, results);
    assert_int_equal(results[0] + results[1], 0);
    assert_int_equal(registry_each(kit_registry(), mark_number, seen), 0);
    for (unsigned i = 1; i <= WRITERS * SITES_EACH; i++) {
        assert_true(seen[i]);
    }
    assert_int_equal(registry_version(kit_registry()), WRITERS * SITES_EACH);
    assert_int_equal(registry_group_find(kit_registry(), slice_str("even")) +
                         registry_group_find(kit_registry(), slice_str("odd")),
                     3);
}

static unsigned round_token;

static int enrol_once(unsigned writer)
{
    return kit_enrol("a", round_token, 100 + writer) == 0 ? 1 : 0;
}

static void of_two_callers_with_one_token_exactly_one_wins(void **state)
{
    (void)state;
    for (round_token = 1; round_token <= ROUNDS; round_token++) {
        struct registry_site site;
        int results[WRITERS];
        assert_int_equal(kit_invite("a", NULL, round_token, true, &site), 0);
        run(enrol_once, results);
        assert_int_equal(results[0] + results[1], 1);
        unsigned winner = results[0] ? 0 : 1;
        assert_memory_equal(kit_site("a").key_hash, kit_key(100 + winner), REGISTRY_KEY_BYTES);
    }
}

static int revoke_site(unsigned writer)
{
    return writer == 0 && registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, 2) != 0;
}

static void what_another_process_changes_is_seen(void **state)
{
    (void)state;
    struct registry_site site;
    int results[WRITERS];
    assert_int_equal(kit_invite("a", NULL, 1, false, &site), 0);
    uint64_t version = registry_version(kit_registry());
    run(revoke_site, results);
    assert_int_equal(results[0], 0);
    assert_true(registry_version(kit_registry()) > version);
    assert_int_equal(kit_site("a").state, REGISTRY_REVOKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_writers_lose_nothing, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(of_two_callers_with_one_token_exactly_one_wins, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_another_process_changes_is_seen, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
