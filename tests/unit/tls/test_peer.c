#include "platform/tls/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/tls/kit.h"
#include "tests/unit/tls/samples.h"

static struct peer_anchor *anchor_of(const char *first, const char *second)
{
    struct peer_anchor *anchor = NULL;
    struct buf pem = BUF_INIT;
    buf_append_str(&pem, first);
    buf_append_str(&pem, second);
    assert_int_equal(peer_anchor_load(buf_slice(&pem), &anchor), 0);
    buf_deinit(&pem);
    return anchor;
}

static struct peer_anchor *own_anchor(void)
{
    struct peer_anchor *anchor = NULL;
    assert_int_equal(peer_anchor_load(buf_slice(&kit.ca_pem), &anchor), 0);
    return anchor;
}

static enum peer_verdict judge_at(const struct peer_anchor *anchor, const struct buf *der, const char *host,
                                  int64_t now_s)
{
    struct peer peer;
    assert_int_equal(peer_judge_certificate(anchor, buf_slice(der), host, now_s, &peer), 0);
    return peer.verdict;
}

static void right_certificates_are_trusted(void **state)
{
    (void)state;
    struct peer_anchor *anchor = own_anchor();
    struct peer peer;
    assert_int_equal(peer_judge_certificate(anchor, buf_slice(&kit.site), NULL, KIT_NOW_S, &peer), 0);
    assert_int_equal(peer.verdict, PEER_TRUSTED);
    assert_string_equal(peer.facts.name, "branch-1");
    assert_int_equal(judge_at(anchor, &kit.collector, "centre.example", KIT_NOW_S), PEER_TRUSTED);
    assert_int_equal(judge_at(anchor, &kit.collector, "a.example.org", KIT_NOW_S), PEER_TRUSTED);
    assert_int_equal(judge_at(anchor, &kit.collector, "192.0.2.7", KIT_NOW_S), PEER_TRUSTED);
    assert_int_equal(judge_at(anchor, &kit.collector, "2001:db8:0::7", KIT_NOW_S), PEER_TRUSTED);
    peer_anchor_free(anchor);
    peer_anchor_free(NULL);
}

static void role_and_name_must_fit(void **state)
{
    (void)state;
    struct peer_anchor *anchor = own_anchor();
    assert_int_equal(judge_at(anchor, &kit.site, "branch-1", KIT_NOW_S), PEER_WRONG_ROLE);
    assert_int_equal(judge_at(anchor, &kit.collector, NULL, KIT_NOW_S), PEER_WRONG_ROLE);
    assert_int_equal(judge_at(anchor, &kit.ca, NULL, KIT_NOW_S), PEER_WRONG_ROLE);
    assert_int_equal(judge_at(anchor, &kit.ca, "Test CA", KIT_NOW_S), PEER_WRONG_ROLE);
    assert_int_equal(judge_at(anchor, &kit.collector, "other.example", KIT_NOW_S), PEER_WRONG_NAME);
    assert_int_equal(judge_at(anchor, &kit.collector, "192.0.2.8", KIT_NOW_S), PEER_WRONG_NAME);
    assert_int_equal(judge_at(anchor, &kit.collector, "", KIT_NOW_S), PEER_WRONG_NAME);
    peer_anchor_free(anchor);
}

static void time_is_judged_last_and_to_the_second(void **state)
{
    (void)state;
    struct peer_anchor *anchor = own_anchor();
    int64_t first_s = KIT_NOW_S - KIT_DAY_S;
    int64_t last_s = KIT_NOW_S + 30 * KIT_DAY_S;
    assert_int_equal(judge_at(anchor, &kit.site, NULL, first_s), PEER_TRUSTED);
    assert_int_equal(judge_at(anchor, &kit.site, NULL, first_s - 1), PEER_NOT_YET_VALID);
    assert_int_equal(judge_at(anchor, &kit.site, NULL, last_s), PEER_TRUSTED);
    assert_int_equal(judge_at(anchor, &kit.site, NULL, last_s + 1), PEER_EXPIRED);
    assert_int_equal(judge_at(anchor, &kit.site, NULL, 0), PEER_NOT_YET_VALID);
    assert_int_equal(judge_at(anchor, &kit.site, NULL, INT64_MAX), PEER_EXPIRED);
    assert_int_equal(judge_at(anchor, &kit.site, "branch-1", last_s + 1), PEER_WRONG_ROLE);
    assert_int_equal(judge_at(anchor, &kit.collector, "other.example", last_s + 1), PEER_WRONG_NAME);
    assert_int_equal(judge_at(anchor, &kit.collector, "short", last_s + 1), PEER_EXPIRED);
    peer_anchor_free(anchor);
}

/* One CA of the same key that is over, or not valid yet, while the site's certificate is. */
static void the_authority_has_its_time_too(void **state)
{
    (void)state;
    static const struct {
        int64_t from_s;
        int64_t to_s;
        enum peer_verdict expected;
    } cases[] = {{0, KIT_NOW_S - 1, PEER_EXPIRED},
                 {0, KIT_NOW_S, PEER_TRUSTED},
                 {KIT_NOW_S, KIT_NOW_S + 1, PEER_TRUSTED},
                 {KIT_NOW_S + 1, KIT_NOW_S + 2, PEER_NOT_YET_VALID}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf der = BUF_INIT;
        struct buf pem = BUF_INIT;
        assert_int_equal(authority_create(kit.ca_key, "Test CA", cases[i].from_s, cases[i].to_s, &der), 0);
        assert_int_equal(certificate_to_pem(buf_slice(&der), &pem), 0);
        struct peer_anchor *anchor = anchor_of(buf_cstr(&pem), "");
        assert_int_equal(judge_at(anchor, &kit.site, NULL, KIT_NOW_S), cases[i].expected);
        peer_anchor_free(anchor);
        buf_deinit(&der);
        buf_deinit(&pem);
    }
}

/* Of the same name, with another key. */
static void other_authorities_are_unknown(void **state)
{
    (void)state;
    struct keypair *key = NULL;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    assert_int_equal(keypair_generate(&key), 0);
    assert_int_equal(authority_create(key, "Test CA", 0, 4 * (KIT_NOW_S / 2), &der), 0);
    assert_int_equal(certificate_to_pem(buf_slice(&der), &pem), 0);
    struct peer_anchor *other = anchor_of(buf_cstr(&pem), "");
    assert_int_equal(judge_at(other, &kit.site, NULL, KIT_NOW_S), PEER_UNKNOWN_CA);
    assert_int_equal(judge_at(other, &kit.site, NULL, INT64_MAX), PEER_UNKNOWN_CA);
    assert_int_equal(judge_at(other, &kit.site, "branch-1", KIT_NOW_S), PEER_UNKNOWN_CA);
    assert_int_equal(judge_at(other, &kit.ca, NULL, KIT_NOW_S), PEER_UNKNOWN_CA); /* signed by itself */
    struct peer_anchor *both = anchor_of(buf_cstr(&pem), buf_cstr(&kit.ca_pem));
    assert_int_equal(judge_at(both, &kit.site, NULL, KIT_NOW_S), PEER_TRUSTED);
    peer_anchor_free(other);
    peer_anchor_free(both);
    keypair_free(key);
    buf_deinit(&der);
    buf_deinit(&pem);
}

static void assert_sample(const struct peer_anchor *anchor, const char *pem, const char *host,
                          enum peer_verdict expected)
{
    struct buf der = kit_der(pem);
    assert_int_equal(judge_at(anchor, &der, host, KIT_NOW_S), expected);
    buf_deinit(&der);
}

static void chains_lead_to_the_anchor(void **state)
{
    (void)state;
    struct peer_anchor *root = anchor_of(sample_root, "");
    struct peer_anchor *middle = anchor_of(sample_middle, "");
    struct peer_anchor *all = anchor_of(sample_root, sample_middle);
    assert_sample(root, sample_leaf, NULL, PEER_UNKNOWN_CA); /* the part between is missing */
    assert_sample(middle, sample_leaf, NULL, PEER_TRUSTED);
    assert_sample(all, sample_leaf, NULL, PEER_TRUSTED);
    assert_sample(all, sample_middle, NULL, PEER_WRONG_ROLE);
    peer_anchor_free(root);
    peer_anchor_free(middle);
    peer_anchor_free(all);
}

static void weak_keys_and_signatures_are_named(void **state)
{
    (void)state;
    struct peer_anchor *root = anchor_of(sample_root, "");
    struct peer_anchor *other = own_anchor();
    assert_sample(root, sample_rsa, NULL, PEER_WEAK);
    assert_sample(root, sample_p224, NULL, PEER_WEAK);
    assert_sample(root, sample_sha1, NULL, PEER_WEAK);
    assert_sample(root, sample_p384, NULL, PEER_TRUSTED);
    assert_sample(other, sample_rsa, NULL, PEER_WEAK);
    assert_sample(other, sample_p384, NULL, PEER_UNKNOWN_CA);
    peer_anchor_free(root);
    peer_anchor_free(other);
}

static void strange_uses_are_the_wrong_role(void **state)
{
    (void)state;
    struct peer_anchor *root = anchor_of(sample_root, "");
    assert_sample(root, sample_plain, NULL, PEER_WRONG_ROLE);
    assert_sample(root, sample_plain, "branch-1", PEER_WRONG_ROLE);
    assert_sample(root, sample_both, NULL, PEER_WRONG_ROLE);
    assert_sample(root, sample_both, "both.example", PEER_TRUSTED);
    assert_sample(root, sample_mail, NULL, PEER_WRONG_ROLE);
    assert_sample(root, sample_no_signing, NULL, PEER_WRONG_ROLE);
    assert_sample(root, sample_twins, NULL, PEER_WRONG_ROLE);
    assert_sample(root, sample_control, NULL, PEER_WRONG_ROLE);
    assert_sample(root, sample_critical, NULL, PEER_NO_CERTIFICATE); /* cannot be read */
    assert_sample(root, sample_nameless, NULL, PEER_TRUSTED);
    peer_anchor_free(root);
}

static void every_bit_of_a_certificate_counts(void **state)
{
    (void)state;
    struct peer_anchor *anchor = own_anchor();
    for (size_t bit = 0; bit < 8 * kit.site.len; bit += 5) {
        kit.site.data[bit / 8] = (uint8_t)(kit.site.data[bit / 8] ^ 1U << bit % 8);
        assert_int_not_equal(judge_at(anchor, &kit.site, NULL, KIT_NOW_S), PEER_TRUSTED);
        kit.site.data[bit / 8] = (uint8_t)(kit.site.data[bit / 8] ^ 1U << bit % 8);
    }
    assert_int_equal(judge_at(anchor, &kit.site, NULL, KIT_NOW_S), PEER_TRUSTED);
    peer_anchor_free(anchor);
}

static void anchors_are_authorities_only(void **state)
{
    (void)state;
    struct peer_anchor *anchor = NULL;
    struct buf pem = BUF_INIT;
    assert_int_equal(peer_anchor_load(slice_str(""), &anchor), STATUS_INVALID);
    assert_int_equal(peer_anchor_load(slice_str(sample_key_sec1), &anchor), STATUS_INVALID);
    assert_int_equal(peer_anchor_load(slice_str(sample_leaf), &anchor), STATUS_INVALID);
    buf_append_str(&pem, sample_root);
    buf_append_str(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_int_equal(peer_anchor_load(buf_slice(&pem), &anchor), STATUS_INVALID);
    assert_null(anchor);
    buf_deinit(&pem);
}

static void no_session_means_no_certificate(void **state)
{
    (void)state;
    struct peer_anchor *anchor = own_anchor();
    struct peer peer;
    assert_int_equal(peer_judge(anchor, NULL, NULL, KIT_NOW_S, &peer), 0);
    assert_int_equal(peer.verdict, PEER_NO_CERTIFICATE);
    assert_string_equal(peer.facts.name, "");
    assert_int_equal(peer_judge_certificate(anchor, slice_make(NULL, 0), NULL, KIT_NOW_S, &peer), 0);
    assert_int_equal(peer.verdict, PEER_NO_CERTIFICATE);
    peer_anchor_free(anchor);
}

static void every_verdict_has_its_words(void **state)
{
    (void)state;
    for (int i = PEER_TRUSTED; i <= PEER_WEAK; i++) {
        for (int j = PEER_TRUSTED; j < i; j++) {
            assert_string_not_equal(peer_verdict_str((enum peer_verdict)i), peer_verdict_str((enum peer_verdict)j));
        }
    }
    assert_string_equal(peer_verdict_str((enum peer_verdict)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_certificates_are_trusted),        cmocka_unit_test(role_and_name_must_fit),
        cmocka_unit_test(time_is_judged_last_and_to_the_second), cmocka_unit_test(the_authority_has_its_time_too),
        cmocka_unit_test(other_authorities_are_unknown),         cmocka_unit_test(chains_lead_to_the_anchor),
        cmocka_unit_test(weak_keys_and_signatures_are_named),    cmocka_unit_test(strange_uses_are_the_wrong_role),
        cmocka_unit_test(every_bit_of_a_certificate_counts),     cmocka_unit_test(anchors_are_authorities_only),
        cmocka_unit_test(no_session_means_no_certificate),       cmocka_unit_test(every_verdict_has_its_words),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
