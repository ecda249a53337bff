#include "platform/tls/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/tls/secret.h"
#include "tests/unit/tls/kit.h"
#include "tests/unit/tls/samples.h"

#define CA_END_S (KIT_NOW_S + 1826 * KIT_DAY_S)

static void only_a_ca_with_its_own_key_opens(void **state)
{
    (void)state;
    struct slice ca = buf_slice(&kit.ca_pem);
    struct slice key = buf_slice(&kit.key_pem);
    struct authority *authority = NULL;
    struct buf site_pem = BUF_INIT;
    struct buf site_key = BUF_INIT;
    assert_int_equal(certificate_to_pem(buf_slice(&kit.site), &site_pem), 0);
    assert_int_equal(keypair_to_pem(kit.site_key, &site_key), 0);
    assert_int_equal(authority_open(ca, buf_slice(&site_key), &authority), STATUS_INVALID);
    assert_int_equal(authority_open(buf_slice(&site_pem), buf_slice(&site_key), &authority), STATUS_INVALID);
    assert_int_equal(authority_open(slice_str(""), key, &authority), STATUS_INVALID);
    assert_int_equal(authority_open(ca, slice_str(""), &authority), STATUS_INVALID);
    assert_int_equal(authority_open(key, ca, &authority), STATUS_INVALID);
    assert_int_equal(authority_open(ca, slice_str(sample_key_rsa), &authority), STATUS_INVALID);
    assert_null(authority);
    authority_free(NULL);
    buf_deinit(&site_pem);
    secret_wipe_buf(&site_key);
}

static int issue(int64_t from_s, int64_t to_s, struct certificate_facts *facts)
{
    struct buf der = BUF_INIT;
    int status = authority_issue_site(kit.authority, buf_slice(&kit.request), "branch-2", from_s, to_s, &der);
    if (status == 0) {
        assert_int_equal(certificate_read(buf_slice(&der), facts), 0);
    } else {
        assert_int_equal(der.len, 0);
    }
    buf_deinit(&der);
    return status;
}

static void lives_end_with_the_authority(void **state)
{
    (void)state;
    struct certificate_facts facts;
    assert_int_equal(issue(KIT_NOW_S, CA_END_S + 1, &facts), 0);
    assert_int_equal(facts.not_after_s, CA_END_S);
    assert_int_equal(issue(KIT_NOW_S, INT64_MAX, &facts), 0);
    assert_int_equal(facts.not_after_s, CA_END_S);
    assert_int_equal(issue(KIT_NOW_S, CA_END_S - 1, &facts), 0);
    assert_int_equal(facts.not_after_s, CA_END_S - 1);
    assert_int_equal(issue(0, KIT_NOW_S, &facts), 0);
    assert_int_equal(facts.not_before_s, 0);
    assert_int_equal(issue(CA_END_S, CA_END_S + 1, &facts), STATUS_RANGE);
    assert_int_equal(issue(KIT_NOW_S, KIT_NOW_S, &facts), STATUS_RANGE);
    assert_int_equal(issue(-1, KIT_NOW_S, &facts), STATUS_RANGE);
    assert_int_equal(issue(INT64_MIN, INT64_MIN + 1, &facts), STATUS_RANGE);
}

/* UTCTime ends with 2049, GeneralizedTime with 9999. */
static void far_years_are_written_and_read(void **state)
{
    (void)state;
    static const int64_t ends_s[] = {2524607999, 2524608000, 253402300799};
    struct certificate_facts facts;
    struct buf der = BUF_INIT;
    for (size_t i = 0; i < sizeof ends_s / sizeof ends_s[0]; i++) {
        buf_reset(&der);
        assert_int_equal(authority_create(kit.ca_key, "Far", 951782400, ends_s[i], &der), 0); /* 2000-02-29 */
        assert_int_equal(certificate_read(buf_slice(&der), &facts), 0);
        assert_int_equal(facts.not_before_s, 951782400);
        assert_int_equal(facts.not_after_s, ends_s[i]);
    }
    assert_int_equal(authority_create(kit.ca_key, "Far", 0, 253402300800, &der), STATUS_RANGE);
    buf_deinit(&der);
}

static void serials_differ(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    struct certificate_facts facts[COUNT];
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(issue(KIT_NOW_S, CA_END_S, &facts[i]), 0);
        assert_int_equal(strlen(facts[i].serial), 32);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(facts[i].serial, facts[j].serial);
        }
    }
}

static int issue_for(const char *request_pem, const char *site)
{
    struct buf request = kit_der(request_pem);
    struct buf der = BUF_INIT;
    int status = authority_issue_site(kit.authority, buf_slice(&request), site, KIT_NOW_S, CA_END_S, &der);
    buf_deinit(&request);
    buf_deinit(&der);
    return status;
}

static void requests_must_be_right_but_for_their_name(void **state)
{
    (void)state;
    assert_int_equal(issue_for(sample_request_long, "branch-1"), 0);
    assert_int_equal(issue_for(sample_request_twins, "branch-1"), 0);
    assert_int_equal(issue_for(sample_request_nameless, "branch-1"), 0);
    assert_int_equal(issue_for(sample_request_rsa, "branch-1"), STATUS_UNSUPPORTED);
    assert_int_equal(issue_for(sample_request_p224, "branch-1"), STATUS_UNSUPPORTED);
    assert_int_equal(issue_for(sample_request_sha1, "branch-1"), STATUS_INVALID);
    assert_int_equal(issue_for(sample_leaf, "branch-1"), STATUS_INVALID);
    assert_int_equal(issue_for(sample_request_long, ""), STATUS_RANGE);
    assert_int_equal(issue_for(sample_request_long, "a\nb"), STATUS_INVALID);
    struct buf der = BUF_INIT;
    kit.request.data[kit.request.len - 1] ^= 1; /* the end of its signature */
    assert_int_equal(authority_issue_site(kit.authority, buf_slice(&kit.request), "a", KIT_NOW_S, CA_END_S, &der),
                     STATUS_INVALID);
    kit.request.data[kit.request.len - 1] ^= 1;
    assert_int_equal(der.len, 0);
}

static int issue_hosts(const char *const *hosts, size_t count, struct buf *out)
{
    buf_reset(out);
    return authority_issue_collector(kit.authority, kit.collector_key, hosts, count, KIT_NOW_S, CA_END_S, out);
}

static void hosts_must_be_names_or_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "caf\303\251.example", "a/b", "fe80::1%eth0", "[::1]", "a,b"};
    struct buf der = BUF_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const hosts[] = {"good.example", bad[i]};
        assert_int_equal(issue_hosts(hosts, 2, &der), STATUS_INVALID);
    }
    assert_int_equal(issue_hosts(NULL, 0, &der), STATUS_INVALID);
    char longest[255];
    memset(longest, 'a', sizeof longest);
    longest[253] = 0;
    const char *const hosts[] = {longest};
    struct certificate_facts facts;
    assert_int_equal(issue_hosts(hosts, 1, &der), 0);
    assert_int_equal(certificate_read(buf_slice(&der), &facts), 0);
    assert_string_equal(facts.name, "collector"); /* a CN has 64 bytes at most */
    assert_true(certificate_names(buf_slice(&der), longest));
    longest[253] = 'a';
    longest[254] = 0;
    assert_int_equal(issue_hosts(hosts, 1, &der), STATUS_INVALID);
    buf_deinit(&der);
}

static void many_hosts_fit_or_are_refused(void **state)
{
    (void)state;
    const char *hosts[2000];
    char name[2000][16];
    struct buf der = BUF_INIT;
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(name[i], sizeof name[i], "h%d.example", i);
        hosts[i] = name[i];
    }
    assert_int_equal(issue_hosts(hosts, 200, &der), 0);
    assert_true(certificate_names(buf_slice(&der), "h199.example"));
    assert_false(certificate_names(buf_slice(&der), "h200.example"));
    assert_int_equal(issue_hosts(hosts, 2000, &der), STATUS_RANGE);
    assert_int_equal(der.len, 0);
    buf_deinit(&der);
}

/* Names of a CA of somebody else's making are kept attribute by attribute. */
static void foreign_authorities_keep_their_name(void **state)
{
    (void)state;
    struct authority *authority = NULL;
    assert_int_equal(authority_open(slice_str(sample_root), slice_str(sample_key_root), &authority), 0);
    struct buf der = BUF_INIT;
    assert_int_equal(
        authority_issue_site(authority, buf_slice(&kit.request), "branch-3", KIT_NOW_S, KIT_NOW_S + 1, &der), 0);
    buf_deinit(&der);
    authority_free(authority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_ca_with_its_own_key_opens),
        cmocka_unit_test(lives_end_with_the_authority),
        cmocka_unit_test(far_years_are_written_and_read),
        cmocka_unit_test(serials_differ),
        cmocka_unit_test(requests_must_be_right_but_for_their_name),
        cmocka_unit_test(hosts_must_be_names_or_addresses),
        cmocka_unit_test(many_hosts_fit_or_are_refused),
        cmocka_unit_test(foreign_authorities_keep_their_name),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
