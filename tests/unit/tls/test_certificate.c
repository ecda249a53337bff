#include "platform/tls/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/tls/kit.h"
#include "tests/unit/tls/samples.h"

static void certificates_say_who_and_when(void **state)
{
    (void)state;
    struct certificate_facts facts;
    uint8_t hash[KEYPAIR_HASH_BYTES];
    assert_int_equal(certificate_read(buf_slice(&kit.site), &facts), 0);
    assert_string_equal(facts.name, "branch-1");
    assert_int_equal(facts.role, CERTIFICATE_SITE);
    assert_int_equal(facts.not_before_s, KIT_NOW_S - KIT_DAY_S);
    assert_int_equal(facts.not_after_s, KIT_NOW_S + 30 * KIT_DAY_S);
    assert_int_equal(strlen(facts.serial), 32);
    assert_int_equal(strspn(facts.serial, "0123456789abcdef"), 32);
    assert_int_equal(keypair_hash(kit.site_key, hash), 0);
    assert_memory_equal(facts.key_hash, hash, sizeof hash);
    assert_int_equal(certificate_read(buf_slice(&kit.collector), &facts), 0);
    assert_string_equal(facts.name, "centre.example");
    assert_int_equal(facts.role, CERTIFICATE_COLLECTOR);
    assert_int_equal(certificate_read(buf_slice(&kit.ca), &facts), 0);
    assert_string_equal(facts.name, "Test CA");
    assert_int_equal(facts.role, CERTIFICATE_CA);
}

static void assert_role(const char *pem, int expected_status, enum certificate_role expected)
{
    struct certificate_facts facts;
    struct buf der = kit_der(pem);
    assert_int_equal(certificate_read(buf_slice(&der), &facts), expected_status);
    assert_int_equal(facts.role, expected);
    buf_deinit(&der);
}

static void roles_are_told_by_constraints_and_use(void **state)
{
    (void)state;
    assert_role(sample_root, 0, CERTIFICATE_CA);
    assert_role(sample_middle, 0, CERTIFICATE_CA);
    assert_role(sample_leaf, 0, CERTIFICATE_SITE);
    assert_role(sample_rsa, 0, CERTIFICATE_SITE);
    assert_role(sample_nameless, 0, CERTIFICATE_SITE);
    assert_role(sample_plain, 0, CERTIFICATE_OTHER);
    assert_role(sample_both, 0, CERTIFICATE_COLLECTOR);
    assert_role(sample_mail, 0, CERTIFICATE_OTHER);
    assert_role(sample_no_signing, 0, CERTIFICATE_OTHER);
    assert_role(sample_critical, STATUS_INVALID, CERTIFICATE_OTHER);
    assert_role(sample_twins, STATUS_INVALID, CERTIFICATE_OTHER);
    assert_role(sample_control, STATUS_INVALID, CERTIFICATE_OTHER);
    assert_role(sample_request_rsa, STATUS_INVALID, CERTIFICATE_OTHER);
}

static void damaged_certificates_do_no_harm(void **state)
{
    (void)state;
    struct certificate_facts facts;
    char *copy = malloc(kit.collector.len);
    assert_non_null(copy);
    for (size_t bit = 0; bit < 8 * kit.collector.len; bit++) {
        memcpy(copy, kit.collector.data, kit.collector.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        int status = certificate_read(slice_make(copy, kit.collector.len), &facts);
        assert_true(status == 0 || status == STATUS_INVALID);
        (void)certificate_names(slice_make(copy, kit.collector.len), "centre.example");
    }
    free(copy);
    for (size_t len = 0; len < kit.collector.len; len++) {
        copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, kit.collector.data, len);
        assert_int_equal(certificate_read(slice_make(copy, len), &facts), STATUS_INVALID);
        assert_false(certificate_names(slice_make(copy, len), "centre.example"));
        free(copy);
    }
    assert_int_equal(certificate_read(slice_make(NULL, 0), &facts), STATUS_INVALID);
}

static void nothing_may_follow_a_certificate(void **state)
{
    (void)state;
    struct certificate_facts facts;
    struct buf two = BUF_INIT;
    buf_append(&two, kit.site.data, kit.site.len);
    buf_append(&two, "", 1);
    assert_int_equal(certificate_read(buf_slice(&two), &facts), STATUS_INVALID);
    assert_string_equal(facts.name, "");
    buf_deinit(&two);
}

static void pem_blocks_are_counted(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    struct buf der = BUF_INIT;
    buf_append_str(&text, "a comment\n");
    assert_int_equal(certificate_to_pem(buf_slice(&kit.site), &text), 0);
    buf_append_str(&text, sample_key_sec1);
    assert_int_equal(certificate_to_pem(buf_slice(&kit.ca), &text), 0);
    assert_int_equal(certificate_from_pem(buf_slice(&text), 0, &der), 0);
    assert_true(slice_equal(buf_slice(&der), buf_slice(&kit.site)));
    assert_int_equal(certificate_from_pem(buf_slice(&text), 1, &der), 0); /* appends */
    assert_int_equal(der.len, kit.site.len + kit.ca.len);
    assert_memory_equal(der.data + kit.site.len, kit.ca.data, kit.ca.len);
    assert_int_equal(certificate_from_pem(buf_slice(&text), 2, &der), STATUS_NOT_FOUND);
    assert_int_equal(certificate_from_pem(slice_str(""), 0, &der), STATUS_NOT_FOUND);
    assert_int_equal(certificate_from_pem(slice_make(NULL, 0), 0, &der), STATUS_NOT_FOUND);
    assert_int_equal(certificate_from_pem(slice_str(sample_key_sec1), 0, &der), STATUS_NOT_FOUND);
    assert_int_equal(
        certificate_from_pem(slice_str("-----BEGIN CERTIFICATE-----\n??\n-----END CERTIFICATE-----\n"), 0, &der),
        STATUS_INVALID);
    assert_int_equal(der.len, kit.site.len + kit.ca.len);
    for (size_t len = 0; len + 1 < kit.ca_pem.len; len++) {
        assert_int_equal(certificate_from_pem(slice_make((char *)kit.ca_pem.data, len), 0, &der), STATUS_NOT_FOUND);
    }
    assert_int_equal(certificate_to_pem(slice_str(""), &text), STATUS_INVALID);
    buf_deinit(&text);
    buf_deinit(&der);
}

static bool named(const char *host)
{
    return certificate_names(buf_slice(&kit.collector), host);
}

static void hosts_are_matched_by_label(void **state)
{
    (void)state;
    assert_true(named("centre.example"));
    assert_true(named("CENTRE.Example"));
    assert_true(named("centre.example."));
    assert_true(named("short"));
    assert_false(named("centre.example.."));
    assert_false(named("centre.exampl"));
    assert_false(named("xcentre.example"));
    assert_false(named("a.centre.example"));
    assert_false(named("centre"));
    assert_false(named(""));
    assert_false(named("."));
    assert_true(named("a.example.org"));
    assert_true(named("A-1.Example.ORG."));
    assert_true(named("*.example.org"));
    assert_false(named("example.org"));
    assert_false(named(".example.org"));
    assert_false(named("a.b.example.org"));
    assert_false(named("aexample.org"));
    assert_false(certificate_names(buf_slice(&kit.site), "branch-1")); /* the CN is not looked at */
}

static void addresses_are_matched_as_numbers(void **state)
{
    (void)state;
    assert_true(named("192.0.2.7"));
    assert_false(named("192.0.2.8"));
    assert_false(named("192.0.2.7."));
    assert_true(named("2001:db8::7"));
    assert_true(named("2001:0DB8:0:0::0007"));
    assert_false(named("2001:db8::8"));
    assert_false(named("::ffff:192.0.2.7"));
}

static void strange_names_name_nobody(void **state)
{
    (void)state;
    struct buf der = kit_der(sample_odd);
    assert_false(certificate_names(buf_slice(&der), "good.example"));
    assert_false(certificate_names(buf_slice(&der), "10.0.0.1"));
    assert_false(certificate_names(buf_slice(&der), "a"));
    buf_deinit(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_say_who_and_when),    cmocka_unit_test(roles_are_told_by_constraints_and_use),
        cmocka_unit_test(damaged_certificates_do_no_harm),  cmocka_unit_test(nothing_may_follow_a_certificate),
        cmocka_unit_test(pem_blocks_are_counted),           cmocka_unit_test(hosts_are_matched_by_label),
        cmocka_unit_test(addresses_are_matched_as_numbers), cmocka_unit_test(strange_names_name_nobody),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
