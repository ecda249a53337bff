#include "platform/tls/keypair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/tls/secret.h"
#include "tests/unit/tls/kit.h"
#include "tests/unit/tls/samples.h"

static void keys_survive_their_pem(void **state)
{
    (void)state;
    struct buf pem = BUF_INIT;
    struct keypair *again = NULL;
    uint8_t a[KEYPAIR_HASH_BYTES];
    uint8_t b[KEYPAIR_HASH_BYTES];
    buf_append_str(&pem, "before\n");
    assert_int_equal(keypair_to_pem(kit.site_key, &pem), 0);
    assert_memory_equal(pem.data, "before\n-----BEGIN EC PRIVATE KEY-----\n", 38);
    assert_int_equal(keypair_from_pem(buf_slice(&pem), &again), 0);
    assert_int_equal(keypair_hash(kit.site_key, a), 0);
    assert_int_equal(keypair_hash(again, b), 0);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(keypair_hash(kit.ca_key, b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    secret_wipe_buf(&pem);
    keypair_free(again);
    keypair_free(NULL);
}

static void both_forms_of_a_key_are_read(void **state)
{
    (void)state;
    struct keypair *one = NULL;
    struct keypair *two = NULL;
    uint8_t a[KEYPAIR_HASH_BYTES];
    uint8_t b[KEYPAIR_HASH_BYTES];
    assert_int_equal(keypair_from_pem(slice_str(sample_key_sec1), &one), 0);
    assert_int_equal(keypair_from_pem(slice_str(sample_key_pkcs8), &two), 0);
    assert_int_equal(keypair_hash(one, a), 0);
    assert_int_equal(keypair_hash(two, b), 0);
    assert_memory_equal(a, b, sizeof a);
    keypair_free(one);
    keypair_free(two);
}

static void other_text_is_no_key(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-----BEGIN EC PRIVATE KEY-----\n",
                                      "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
                                      sample_key_mixed,
                                      sample_key_locked,
                                      sample_key_p224,
                                      sample_key_p256k1,
                                      sample_key_rsa,
                                      sample_leaf};
    struct keypair *keypair = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(keypair_from_pem(slice_str(bad[i]), &keypair), STATUS_INVALID);
        assert_null(keypair);
    }
    struct buf der = kit_der(sample_key_sec1); /* a key, but no PEM */
    assert_int_equal(keypair_from_pem(buf_slice(&der), &keypair), STATUS_INVALID);
    buf_deinit(&der);
    assert_int_equal(keypair_from_pem(slice_make(NULL, 0), &keypair), STATUS_INVALID);
    for (size_t len = 0; len < strlen(sample_key_sec1) - 1; len++) { /* all but its last line feed */
        assert_int_equal(keypair_from_pem(slice_make(sample_key_sec1, len), &keypair), STATUS_INVALID);
    }
}

static void requests_say_who_asks(void **state)
{
    (void)state;
    struct keypair_request_facts facts;
    uint8_t hash[KEYPAIR_HASH_BYTES];
    assert_int_equal(keypair_request_read(buf_slice(&kit.request), &facts), 0);
    assert_string_equal(facts.name, "asked-for");
    assert_int_equal(keypair_hash(kit.site_key, hash), 0);
    assert_memory_equal(facts.key_hash, hash, sizeof hash);
}

static void names_are_taken_as_they_are(void **state)
{
    (void)state;
    static const char full[] = "0123456789012345678901234567890123456789012345678901234567890123";
    static const char *const good[] = {"a", "a,CN=b", "x\\,y=z+#\"", "M\303\241laga", full};
    struct keypair_request_facts facts;
    struct buf der = BUF_INIT;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        buf_reset(&der);
        assert_int_equal(keypair_request(kit.site_key, good[i], &der), 0);
        assert_int_equal(keypair_request_read(buf_slice(&der), &facts), 0);
        assert_string_equal(facts.name, good[i]);
    }
    buf_reset(&der);
    assert_int_equal(keypair_request(kit.site_key, "", &der), STATUS_RANGE);
    char longer[sizeof full + 1];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(keypair_request(kit.site_key, longer, &der), STATUS_RANGE);
    assert_int_equal(keypair_request(kit.site_key, "line\nfeed", &der), STATUS_INVALID);
    assert_int_equal(keypair_request(kit.site_key, "bad \377", &der), STATUS_INVALID);
    assert_int_equal(der.len, 0);
    buf_deinit(&der);
}

static void assert_request(const char *pem, int expected)
{
    struct keypair_request_facts facts;
    struct buf der = kit_der(pem);
    assert_int_equal(keypair_request_read(buf_slice(&der), &facts), expected);
    buf_deinit(&der);
}

static void strange_requests_are_refused(void **state)
{
    (void)state;
    struct keypair_request_facts facts;
    assert_request(sample_request_rsa, STATUS_UNSUPPORTED);
    assert_request(sample_request_p224, STATUS_UNSUPPORTED);
    assert_request(sample_request_sha1, STATUS_INVALID);
    assert_request(sample_request_long, STATUS_RANGE);
    assert_request(sample_request_twins, STATUS_INVALID);
    assert_request(sample_request_nameless, 0);
    assert_request(sample_leaf, STATUS_INVALID);
    assert_int_equal(keypair_request_read(slice_make(NULL, 0), &facts), STATUS_INVALID);
    assert_int_equal(keypair_request_read(buf_slice(&kit.site), &facts), STATUS_INVALID);
}

/* In memory of its own size, so that a read behind it is seen. */
static int read_copy(const struct buf *der, size_t len, size_t flipped_bit)
{
    struct keypair_request_facts facts;
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, der->data, len);
    if (flipped_bit / 8 < len) {
        copy[flipped_bit / 8] = (char)(copy[flipped_bit / 8] ^ 1 << flipped_bit % 8);
    }
    int status = keypair_request_read(slice_make(copy, len), &facts);
    free(copy);
    return status;
}

static void every_bit_of_a_request_is_signed(void **state)
{
    (void)state;
    for (size_t len = 0; len < kit.request.len; len++) {
        assert_int_equal(read_copy(&kit.request, len, SIZE_MAX), STATUS_INVALID);
    }
    assert_int_equal(read_copy(&kit.request, kit.request.len, SIZE_MAX), 0);
    for (size_t bit = 0; bit < 8 * kit.request.len; bit += 3) {
        assert_int_not_equal(read_copy(&kit.request, kit.request.len, bit), 0);
    }
    struct buf longer = BUF_INIT;
    buf_append(&longer, kit.request.data, kit.request.len);
    buf_append(&longer, "", 1);
    assert_int_equal(read_copy(&longer, longer.len, SIZE_MAX), STATUS_INVALID);
    buf_deinit(&longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_survive_their_pem),
        cmocka_unit_test(both_forms_of_a_key_are_read),
        cmocka_unit_test(other_text_is_no_key),
        cmocka_unit_test(requests_say_who_asks),
        cmocka_unit_test(names_are_taken_as_they_are),
        cmocka_unit_test(strange_requests_are_refused),
        cmocka_unit_test(every_bit_of_a_request_is_signed),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
