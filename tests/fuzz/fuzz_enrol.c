/* The input is what a peer posts to the paths of EST (RFC 9148): a PKCS#10 request, to join with a good token and, once
 * it has joined, to renew. Whatever it is, a certificate comes for the site that asks and for nobody else, and only for
 * a request that is one; the token is used up by that and by nothing else. */
#include <string.h>

#include "collector/identity/identity.h"
#include "platform/base/status.h"
#include "platform/tls/keypair.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/identity/kit.h"

#define NOW_MS (KIT_NOW_S * 1000)

static struct identity *identity;

static void begin(void)
{
    if (!identity) {
        (void)kit_setup(NULL);
        kit_create();
        identity = kit_open();
    }
}

static struct registry_site invite(void)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {7};
    const struct registry_invitation invitation = {
        .id = "madrid-01", .token_psk = psk, .token_expires_ms = NOW_MS + 3600000, .now_ms = NOW_MS};
    struct registry_site site;
    FUZZ_CHECK(registry_invite(kit_registry(), &invitation, true, &site) == 0);
    return site;
}

static struct registry_site find(void)
{
    struct registry_site site;
    FUZZ_CHECK(registry_find(kit_registry(), slice_str("madrid-01"), &site) == 0);
    return site;
}

static void check_certificate(const struct buf *answer, bool pkcs7, struct certificate_facts *facts)
{
    struct buf der = BUF_INIT;
    if (pkcs7) {
        FUZZ_CHECK(certificate_from_pkcs7(buf_slice(answer), &der) == 0);
    } else {
        buf_append(&der, answer->data, answer->len);
    }
    FUZZ_CHECK(certificate_read(buf_slice(&der), facts) == 0);
    FUZZ_CHECK(strcmp(facts->name, "madrid-01") == 0 && facts->role == CERTIFICATE_SITE);
    FUZZ_CHECK(facts->not_after_s <= KIT_NOW_S + 91 * KIT_DAY_S);
    buf_deinit(&der);
}

static void check_refusal(int status, const struct buf *answer, const struct identity_why *why)
{
    FUZZ_CHECK(status == STATUS_INVALID || status == STATUS_DENIED || status == STATUS_UNSUPPORTED ||
               status == STATUS_RANGE);
    FUZZ_CHECK(answer->len == 0 && why->text[0] && memchr(why->text, 0, sizeof why->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    struct slice request = slice_make((const char *)data, size);
    bool pkcs7 = size % 2 == 0;
    struct registry_site site = invite();
    struct keypair_request_facts asked;
    bool is_request = keypair_request_read(request, &asked) == 0;
    struct buf answer = BUF_INIT;
    struct identity_why why = {""};
    int status = identity_enrol(identity, kit_registry(), &site, request, pkcs7, NOW_MS, &answer, &why);
    struct registry_site after = find();
    FUZZ_CHECK((status == 0) <= is_request && after.has_token == (status != 0));
    if (status != 0) {
        check_refusal(status, &answer, &why);
    } else {
        struct certificate_facts facts;
        check_certificate(&answer, pkcs7, &facts);
        FUZZ_CHECK(after.has_key && memcmp(after.key_hash, facts.key_hash, sizeof facts.key_hash) == 0);
        buf_reset(&answer);
        why.text[0] = '\0';
        FUZZ_CHECK(identity_enrol(identity, kit_registry(), &site, request, pkcs7, NOW_MS, &answer, &why) != 0);
        buf_reset(&answer);
        why.text[0] = '\0';
        status = identity_renew(identity, kit_registry(), &after, &facts, request, pkcs7, NOW_MS, &answer, &why);
        if (status == 0) {
            check_certificate(&answer, pkcs7, &facts);
        } else {
            check_refusal(status, &answer, &why);
        }
    }
    buf_deinit(&answer);
    return 0;
}
