#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/identity/kit.h"

#define NOW_MS (KIT_NOW_S * 1000)

static struct identity *identity;
static struct keypair *keypair;
static struct buf request;
static struct buf answer;
static struct identity_why why;

static void new_key(const char *name)
{
    keypair_free(keypair);
    keypair = NULL;
    buf_reset(&request);
    assert_int_equal(keypair_generate(&keypair), 0);
    assert_int_equal(keypair_request(keypair, name, &request), 0);
}

static int setup(void **state)
{
    (void)kit_setup(state);
    kit_create();
    identity = kit_open();
    memset(&why, 0, sizeof why);
    return 0;
}

static int teardown(void **state)
{
    identity_close(identity);
    keypair_free(keypair);
    keypair = NULL;
    buf_deinit(&request);
    buf_deinit(&answer);
    return kit_teardown(state);
}

static struct registry_site invite(const char *id, bool again)
{
    struct registry_site site;
    static uint8_t psk[REGISTRY_KEY_BYTES];
    psk[0]++;
    const struct registry_invitation invitation = {
        .id = id, .token_psk = psk, .token_expires_ms = NOW_MS + 3600000, .now_ms = NOW_MS};
    assert_int_equal(registry_invite(kit_registry(), &invitation, again, &site), 0);
    return site;
}

static struct registry_site find(const char *id)
{
    struct registry_site site;
    assert_int_equal(registry_find(kit_registry(), slice_str(id), &site), 0);
    return site;
}

static int enrol(const struct registry_site *site, bool pkcs7)
{
    buf_reset(&answer);
    return identity_enrol(identity, kit_registry(), site, buf_slice(&request), pkcs7, NOW_MS, &answer, &why);
}

static int renew(const char *id, const struct certificate_facts *shown, int64_t now_s)
{
    struct registry_site site = find(id);
    buf_reset(&answer);
    return identity_renew(identity, kit_registry(), &site, shown, buf_slice(&request), false, now_s * 1000, &answer,
                          &why);
}

static struct certificate_facts answered(void)
{
    struct certificate_facts facts;
    assert_int_equal(certificate_read(buf_slice(&answer), &facts), 0);
    return facts;
}

static struct certificate_facts join(const char *id)
{
    struct registry_site site = invite(id, true);
    new_key(id);
    assert_int_equal(enrol(&site, false), 0);
    return answered();
}

static void a_site_joins(void **state)
{
    (void)state;
    uint8_t hash[KEYPAIR_HASH_BYTES];
    struct peer peer;
    struct registry_site site = invite("branch-07", false);
    new_key("branch-07");
    assert_int_equal(enrol(&site, false), 0);
    struct certificate_facts facts = answered();
    assert_string_equal(facts.name, "branch-07");
    assert_int_equal(facts.role, CERTIFICATE_SITE);
    assert_int_equal(facts.not_before_s, KIT_NOW_S - KIT_DAY_S);
    assert_int_equal(facts.not_after_s, KIT_NOW_S + 90 * KIT_DAY_S);
    assert_int_equal(keypair_hash(keypair, hash), 0);
    assert_memory_equal(facts.key_hash, hash, sizeof hash);
    const struct peer_anchor *anchor = identity_anchor(identity, KIT_NOW_S);
    assert_int_equal(peer_judge_certificate(anchor, buf_slice(&answer), NULL, KIT_NOW_S, &peer), 0);
    assert_int_equal(peer.verdict, PEER_TRUSTED);
    site = find("branch-07");
    assert_int_equal(site.state, REGISTRY_JOINED);
    assert_memory_equal(site.key_hash, hash, sizeof hash);
    assert_string_equal(site.serial, facts.serial);
    assert_int_equal(site.not_after_s, facts.not_after_s);
}

static void the_answer_may_be_pkcs7(void **state)
{
    (void)state;
    struct certificate_facts facts;
    struct buf der = BUF_INIT;
    struct registry_site site = invite("a", false);
    new_key("a");
    assert_int_equal(enrol(&site, true), 0);
    assert_int_equal(certificate_from_pkcs7(buf_slice(&answer), &der), 0);
    assert_int_equal(certificate_read(buf_slice(&der), &facts), 0);
    assert_string_equal(facts.name, "a");
    buf_deinit(&der);
}

static void assert_refused(int status, int want, const char *says)
{
    assert_int_equal(status, want);
    assert_string_equal(why.text, says);
    assert_int_equal(answer.len, 0);
}

static void tokens_are_used_once(void **state)
{
    (void)state;
    struct registry_site site = invite("a", false);
    new_key("a");
    assert_int_equal(enrol(&site, false), 0);
    assert_refused(enrol(&site, false), STATUS_DENIED, "the join token of site a was used in the meantime, or is void");
    struct registry_site now = find("a");
    assert_refused(enrol(&now, false), STATUS_DENIED, "site a has no join token, or it was used");
    (void)invite("a", true); /* another token does not help who came with the old one */
    assert_refused(enrol(&site, false), STATUS_DENIED, "the join token of site a was used in the meantime, or is void");
    struct registry_site late = invite("b", false);
    late.token_expires_ms = NOW_MS;
    assert_refused(enrol(&late, false), STATUS_DENIED, "the join token of site b has expired");
}

static void bad_requests_cost_no_token(void **state)
{
    (void)state;
    struct registry_site site = invite("a", false);
    new_key("b");
    assert_refused(enrol(&site, false), STATUS_INVALID, "the certificate request is for \"b\", and this is site a");
    new_key("a");
    request.data[request.len / 2] ^= 1;
    assert_int_equal(enrol(&site, false), STATUS_INVALID);
    buf_reset(&request);
    assert_refused(enrol(&site, false), STATUS_INVALID,
                   "the body is no certificate request (PKCS#10), or not signed by its own key");
    buf_append_str(&request, "garbage");
    assert_refused(enrol(&site, false), STATUS_INVALID,
                   "the body is no certificate request (PKCS#10), or not signed by its own key");
    new_key("a");
    assert_int_equal(enrol(&site, false), 0);
}

static void a_certificate_is_renewed(void **state)
{
    (void)state;
    struct certificate_facts first = join("a");
    new_key("a");
    assert_int_equal(renew("a", &first, KIT_NOW_S + 60 * KIT_DAY_S), 0);
    struct certificate_facts second = answered();
    assert_int_equal(second.not_after_s, KIT_NOW_S + 150 * KIT_DAY_S);
    struct registry_site site = find("a");
    assert_memory_equal(site.key_hash, first.key_hash, REGISTRY_KEY_BYTES);
    assert_memory_equal(site.next_key_hash, second.key_hash, REGISTRY_KEY_BYTES);
    /* the answer got lost: the old key renews again */
    new_key("a");
    assert_int_equal(renew("a", &first, KIT_NOW_S + 61 * KIT_DAY_S), 0);
    struct certificate_facts third = answered();
    assert_refused(renew("a", &second, KIT_NOW_S + 61 * KIT_DAY_S), STATUS_DENIED,
                   "the certificate shown is not the present one of site a");
    /* the next renewal comes with the new key, which was not confirmed by anything else */
    new_key("a");
    assert_int_equal(renew("a", &third, KIT_NOW_S + 120 * KIT_DAY_S), 0);
    site = find("a");
    assert_memory_equal(site.key_hash, third.key_hash, REGISTRY_KEY_BYTES);
    assert_refused(renew("a", &first, KIT_NOW_S + 80 * KIT_DAY_S), STATUS_DENIED,
                   "the certificate shown is not the present one of site a");
}

static void renewal_has_a_grace(void **state)
{
    (void)state;
    struct certificate_facts first = join("a");
    new_key("a");
    assert_refused(renew("a", &first, first.not_after_s + 30 * KIT_DAY_S + 1), STATUS_DENIED,
                   "the certificate of site a ended 30 days ago, renewal is allowed for 30: it must join again");
    assert_int_equal(renew("a", &first, first.not_after_s + 30 * KIT_DAY_S), 0);
}

static void renewal_is_for_the_site_itself(void **state)
{
    (void)state;
    struct certificate_facts a = join("a");
    struct certificate_facts b = join("b");
    new_key("a");
    assert_refused(renew("a", &b, KIT_NOW_S), STATUS_DENIED, "the certificate shown is not one of site a");
    struct certificate_facts collector = a;
    collector.role = CERTIFICATE_COLLECTOR;
    assert_refused(renew("a", &collector, KIT_NOW_S), STATUS_DENIED, "the certificate shown is not one of site a");
    new_key("b");
    assert_refused(renew("a", &a, KIT_NOW_S), STATUS_INVALID,
                   "the certificate request is for \"b\", and this is site a");
    assert_int_equal(registry_set_state(kit_registry(), "a", REGISTRY_REVOKED, NOW_MS), 0);
    new_key("a");
    assert_refused(renew("a", &a, KIT_NOW_S), STATUS_DENIED, "site a is revoked");
}

static void joining_again_ends_the_old_certificate(void **state)
{
    (void)state;
    struct certificate_facts old = join("a");
    struct certificate_facts now = join("a");
    new_key("a");
    assert_refused(renew("a", &old, KIT_NOW_S), STATUS_DENIED,
                   "the certificate shown is not the present one of site a");
    assert_int_equal(renew("a", &now, KIT_NOW_S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_site_joins, setup, teardown),
        cmocka_unit_test_setup_teardown(the_answer_may_be_pkcs7, setup, teardown),
        cmocka_unit_test_setup_teardown(tokens_are_used_once, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_requests_cost_no_token, setup, teardown),
        cmocka_unit_test_setup_teardown(a_certificate_is_renewed, setup, teardown),
        cmocka_unit_test_setup_teardown(renewal_has_a_grace, setup, teardown),
        cmocka_unit_test_setup_teardown(renewal_is_for_the_site_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(joining_again_ends_the_old_certificate, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
