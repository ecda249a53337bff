#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/tls/authority.h"
#include "tests/unit/identity/kit.h"

static unsigned mode_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(kit_path(name), &info), 0);
    return info.st_mode & 07777;
}

static void made_with_care(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    kit_create();
    umask(mask);
    assert_int_equal(mode_of(""), 0700);
    assert_int_equal(mode_of("ca.key"), 0600);
    assert_int_equal(mode_of("collector.pem"), 0600);
    assert_int_equal(mode_of("ca.pem"), 0644);
    static const char *const hosts[] = {"x"};
    struct identity_options options = kit_options();
    struct buf der = BUF_INIT;
    struct certificate_facts before = kit_facts(kit_path("ca.pem"), &der);
    assert_int_equal(identity_create(&options, hosts, 1, KIT_NOW_S), STATUS_BUSY);
    assert_string_equal(kit_facts(kit_path("ca.pem"), &der).serial, before.serial);
    buf_deinit(&der);
}

static void certificates_say_what_they_are(void **state)
{
    (void)state;
    struct buf der = BUF_INIT;
    struct peer peer;
    kit_create();
    struct certificate_facts facts = kit_facts(kit_path("ca.pem"), &der);
    assert_int_equal(facts.role, CERTIFICATE_CA);
    assert_int_equal(facts.not_before_s, KIT_NOW_S - KIT_DAY_S);
    assert_int_equal(facts.not_after_s, KIT_NOW_S + 7300 * KIT_DAY_S);
    facts = kit_facts(kit_path("collector.pem"), &der);
    assert_int_equal(facts.role, CERTIFICATE_COLLECTOR);
    assert_int_equal(facts.not_after_s, KIT_NOW_S + 365 * KIT_DAY_S);
    struct identity *identity = kit_open();
    const struct peer_anchor *anchor = identity_anchor(identity, KIT_NOW_S);
    static const char *const good[] = {"collector.example", "Collector.EXAMPLE", "192.0.2.1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(peer_judge_certificate(anchor, buf_slice(&der), good[i], KIT_NOW_S, &peer), 0);
        assert_int_equal(peer.verdict, PEER_TRUSTED);
    }
    assert_int_equal(peer_judge_certificate(anchor, buf_slice(&der), "192.0.2.2", KIT_NOW_S, &peer), 0);
    assert_int_equal(peer.verdict, PEER_WRONG_NAME);
    identity_close(identity);
    buf_deinit(&der);
}

static void all_or_nothing(void **state)
{
    (void)state;
    static const char *const hosts[] = {"collector.example", ""};
    struct identity_options options = kit_options();
    struct identity *identity = NULL;
    assert_int_equal(identity_open(&options, &identity), STATUS_NOT_FOUND);
    assert_true(identity_create(&options, hosts, 2, KIT_NOW_S) < 0);
    assert_int_equal(access(kit_path(""), F_OK), -1);
    /* what an earlier try left is no hindrance, nor is an empty directory */
    char aside[512];
    (void)snprintf(aside, sizeof aside, "%s.new", kit_path(""));
    assert_int_equal(mkdir(aside, 0700), 0);
    (void)snprintf(aside, sizeof aside, "%s.new/ca.key", kit_path(""));
    assert_int_equal(atomic_replace(aside, "x", 1, 0600), 0);
    assert_int_equal(mkdir(kit_path(""), 0755), 0);
    kit_create();
    assert_int_equal(mode_of(""), 0700);
}

static void a_wrong_key_is_told(void **state)
{
    (void)state;
    struct identity_options options = kit_options();
    struct identity *identity = NULL;
    struct keypair *other = NULL;
    struct buf pem = BUF_INIT;
    kit_create();
    assert_int_equal(keypair_generate(&other), 0);
    assert_int_equal(keypair_to_pem(other, &pem), 0);
    assert_int_equal(atomic_replace(kit_path("ca.key"), pem.data, pem.len, 0600), 0);
    assert_int_equal(identity_open(&options, &identity), STATUS_INVALID);
    assert_int_equal(atomic_replace(kit_path("ca.pem"), "garbage", 7, 0600), 0);
    assert_int_equal(identity_open(&options, &identity), STATUS_INVALID);
    assert_int_equal(unlink(kit_path("ca.key")), 0);
    assert_int_equal(identity_open(&options, &identity), STATUS_NOT_FOUND);
    keypair_free(other);
    buf_deinit(&pem);
}

static void renews_its_own_at_two_thirds(void **state)
{
    (void)state;
    struct buf der = BUF_INIT;
    kit_create();
    struct identity *identity = kit_open();
    struct certificate_facts first = kit_facts(kit_path("collector.pem"), &der);
    int64_t due_s = first.not_after_s - (first.not_after_s - first.not_before_s) / 3;
    assert_int_equal(identity_tend(identity, KIT_NOW_S), 0);
    assert_int_equal(identity_tend(identity, due_s - 1), 0);
    assert_string_equal(kit_facts(kit_path("collector.pem"), &der).serial, first.serial);
    assert_int_equal(identity_tend(identity, due_s), 1);
    struct certificate_facts second = kit_facts(kit_path("collector.pem"), &der);
    assert_string_not_equal(second.serial, first.serial);
    assert_memory_not_equal(second.key_hash, first.key_hash, sizeof first.key_hash);
    assert_int_equal(second.not_after_s, due_s + 365 * KIT_DAY_S);
    assert_true(certificate_names(buf_slice(&der), "collector.example"));
    assert_true(certificate_names(buf_slice(&der), "192.0.2.1"));
    assert_int_equal(mode_of("collector.pem"), 0600);
    assert_int_equal(identity_tend(identity, due_s), 0);
    assert_int_equal(unlink(kit_path("collector.pem")), 0); /* lost: made again */
    assert_int_equal(identity_tend(identity, due_s), 1);
    identity_close(identity);
    buf_deinit(&der);
}

static void other_hosts_stay_over_renewal(void **state)
{
    (void)state;
    char host[IDENTITY_HOST_MAX + 1];
    assert_int_equal(identity_first_host(kit_options().dir, host), STATUS_NOT_FOUND);
    static const char *const hosts[] = {"new.example", "2001:db8::1"};
    struct buf der = BUF_INIT;
    kit_create();
    struct identity *identity = kit_open();
    assert_int_equal(identity_first_host(kit_options().dir, host), 0);
    assert_string_equal(host, "collector.example");
    assert_int_equal(identity_reissue(identity, hosts, 2, KIT_NOW_S), 0);
    assert_int_equal(identity_first_host(kit_options().dir, host), 0);
    assert_string_equal(host, "new.example");
    assert_int_equal(identity_tend(identity, KIT_NOW_S + 300 * KIT_DAY_S), 1);
    (void)kit_facts(kit_path("collector.pem"), &der);
    assert_true(certificate_names(buf_slice(&der), "new.example"));
    assert_true(certificate_names(buf_slice(&der), "2001:db8::1"));
    assert_false(certificate_names(buf_slice(&der), "collector.example"));
    identity_close(identity);
    buf_deinit(&der);
}

static void a_ca_renamed_into_place_is_taken_up(void **state)
{
    (void)state;
    struct buf before = BUF_INIT;
    struct buf after = BUF_INIT;
    struct keypair *keypair = NULL;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    kit_create();
    struct identity *identity = kit_open();
    assert_int_equal(identity_crts(identity, false, &before), 0);
    assert_int_equal(keypair_generate(&keypair), 0);
    assert_int_equal(authority_create(keypair, "Other", KIT_NOW_S, KIT_NOW_S + KIT_DAY_S, &der), 0);
    assert_int_equal(certificate_to_pem(buf_slice(&der), &pem), 0);
    assert_int_equal(atomic_replace(kit_path("ca.pem"), pem.data, pem.len, 0644), 0);
    assert_int_equal(identity_crts(identity, false, &after), 0); /* its key is not there yet: still the old one */
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    buf_reset(&pem);
    assert_int_equal(keypair_to_pem(keypair, &pem), 0);
    assert_int_equal(atomic_replace(kit_path("ca.key"), pem.data, pem.len, 0600), 0);
    buf_reset(&after);
    assert_int_equal(identity_crts(identity, false, &after), 0);
    assert_true(slice_equal(buf_slice(&der), buf_slice(&after)));
    buf_reset(&after);
    assert_int_equal(identity_crts(identity, true, &after), 0);
    buf_reset(&before);
    assert_int_equal(certificate_from_pkcs7(buf_slice(&after), &before), 0);
    assert_true(slice_equal(buf_slice(&der), buf_slice(&before)));
    keypair_free(keypair);
    identity_close(identity);
    buf_deinit(&before);
    buf_deinit(&after);
    buf_deinit(&der);
    buf_deinit(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_with_care, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(certificates_say_what_they_are, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(all_or_nothing, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_key_is_told, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(renews_its_own_at_two_thirds, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(other_hosts_stay_over_renewal, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_ca_renamed_into_place_is_taken_up, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
