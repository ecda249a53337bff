#include "collector/api/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/api/server_kit.h"

static struct gate *gate;
static int64_t now_ms;
static struct gate_pass pass;

static int setup(void **state)
{
    (void)state;
    kit_tokens_reset();
    atomic_store(&kit_find_rc, 0);
    now_ms = 1000;
    return gate_new(NULL, 2, 5, &gate);
}

static int teardown(void **state)
{
    (void)state;
    gate_free(gate);
    return 0;
}

static struct gate_ask ask_of(const char *authorization, uint8_t address)
{
    struct gate_ask ask = {
        .authorization = authorization, .role = ACCESS_VIEW, .now_ms = now_ms, .monotonic_ms = now_ms};
    memset(ask.address.bytes, address, sizeof ask.address.bytes);
    return ask;
}

static enum gate_verdict ask(const char *authorization, uint8_t address)
{
    struct gate_ask it = ask_of(authorization, address);
    return gate_ask(gate, &it, &pass);
}

static void test_tokens(void **state)
{
    (void)state;
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    assert_true(pass.has_token);
    assert_string_equal(pass.token.name, "wall");
    assert_int_equal(ask(NULL, 1), GATE_NO_TOKEN);
    assert_int_equal(ask("Bearer", 1), GATE_NO_TOKEN);
    assert_int_equal(ask("Bearer ", 1), GATE_NO_TOKEN);
    assert_int_equal(ask("Basic abc", 1), GATE_NO_TOKEN);
    assert_int_equal(ask("BEARER   " KIT_VIEW, 1), GATE_PASS);
    assert_int_equal(ask("Bearer x", 1), GATE_BAD_TOKEN);
    assert_false(pass.has_token);
}

static void test_long_header(void **state)
{
    (void)state;
    char header[GATE_TOKEN_MAX + 20];
    memset(header, 'a', sizeof header);
    memcpy(header, "Bearer ", 7);
    header[sizeof header - 1] = '\0';
    assert_int_equal(ask(header, 1), GATE_NO_TOKEN);
}

static void test_roles(void **state)
{
    (void)state;
    struct gate_ask it = ask_of("Bearer " KIT_VIEW, 1);
    it.role = ACCESS_ADMIN;
    assert_int_equal(gate_ask(gate, &it, &pass), GATE_ROLE);
    it.authorization = "Bearer " KIT_ADMIN;
    assert_int_equal(gate_ask(gate, &it, &pass), GATE_PASS);
    it.role = ACCESS_VIEW;
    assert_int_equal(gate_ask(gate, &it, &pass), GATE_PASS);
}

static void test_end_of_a_token(void **state)
{
    (void)state;
    kit_token_change("wall", 5000, 0);
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    now_ms = 4999;
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    now_ms = 5000;
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_BAD_TOKEN);
    kit_token_change("wall", 0, 0);
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    kit_token_change("wall", 0, 5000);
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_BAD_TOKEN);
}

static void test_rate_of_a_token(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(ask("Bearer " KIT_VIEW, i), GATE_PASS); /* from wherever */
    }
    assert_int_equal(ask("Bearer " KIT_VIEW, 9), GATE_RATE);
    assert_int_equal(pass.retry_after_s, 1);
    assert_int_equal(ask("Bearer " KIT_ADMIN, 9), GATE_PASS);
    now_ms += 500;
    assert_int_equal(ask("Bearer " KIT_VIEW, 9), GATE_PASS);
    assert_int_equal(ask("Bearer " KIT_VIEW, 9), GATE_RATE);
    now_ms += 3600000;
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(ask("Bearer " KIT_VIEW, i), GATE_PASS);
    }
    assert_int_equal(ask("Bearer " KIT_VIEW, 9), GATE_RATE);
}

static void test_rate_of_an_address(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(NULL, 1), GATE_NO_TOKEN);
    }
    assert_int_equal(ask(NULL, 1), GATE_RATE);
    assert_int_equal(ask(NULL, 2), GATE_NO_TOKEN);
    struct gate_ask it = ask_of(NULL, 3);
    it.open = true;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gate_ask(gate, &it, &pass), GATE_PASS);
    }
    assert_int_equal(gate_ask(gate, &it, &pass), GATE_RATE);
}

/* Who guesses is soon told to wait, and does not keep those out who have a token, seen before or not. */
static void test_guessing(void **state)
{
    (void)state;
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    unsigned refused = 0;
    for (int i = 0; i < 100; i++) {
        char header[40];
        (void)snprintf(header, sizeof header, "Bearer guess-%d", i);
        refused += ask(header, 1) == GATE_RATE;
    }
    assert_int_equal(refused, 90);
    assert_true(pass.retry_after_s >= 1 && pass.retry_after_s <= 6);
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    assert_int_equal(ask("Bearer " KIT_ADMIN, 1), GATE_PASS);
    kit_token_change("wall", 0, 0); /* whatever changes in the registry, all are looked up anew */
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    assert_int_equal(ask("Bearer guess", 1), GATE_RATE);
    assert_int_equal(ask("Bearer guess", 2), GATE_BAD_TOKEN);
}

static void test_registry_fails(void **state)
{
    (void)state;
    atomic_store(&kit_find_rc, STATUS_CORRUPT);
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_FAILED);
    struct access_token token;
    atomic_store(&kit_find_rc, 0);
    assert_int_equal(ask("Bearer " KIT_VIEW, 1), GATE_PASS);
    token = pass.token;
    assert_true(gate_counts(NULL, token.hash, now_ms));
    atomic_store(&kit_find_rc, STATUS_IO);
    assert_true(gate_counts(NULL, token.hash, now_ms));
    atomic_store(&kit_find_rc, STATUS_NOT_FOUND);
    assert_false(gate_counts(NULL, token.hash, now_ms));
}

/* More addresses than there is room for: some are forgiven, none is refused that should pass. */
static void test_many_addresses(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        struct gate_ask it = ask_of(NULL, 0);
        it.open = true;
        memcpy(it.address.bytes, &i, sizeof i);
        assert_int_equal(gate_ask(gate, &it, &pass), GATE_PASS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_of_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate_of_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate_of_an_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guessing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_addresses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
