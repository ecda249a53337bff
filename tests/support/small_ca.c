#include "tests/support/small_ca.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include "platform/tls/certificate.h"

static void write_file(const char *path, struct slice content)
{
    char fresh[600];
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "we");
    assert(file);
    assert(fwrite(content.data, 1, content.len, file) == content.len);
    assert(fclose(file) == 0);
    assert(rename(fresh, path) == 0);
}

void small_ca_make(struct small_ca *ca, int64_t not_before_s, int64_t not_after_s)
{
    *ca = (struct small_ca){0};
    struct keypair *keypair = NULL;
    struct buf key = BUF_INIT;
    assert(keypair_generate(&keypair) == 0);
    assert(authority_create(keypair, "small CA", not_before_s, not_after_s, &ca->der) == 0);
    assert(certificate_to_pem(buf_slice(&ca->der), &ca->pem) == 0);
    assert(keypair_to_pem(keypair, &key) == 0);
    assert(authority_open(buf_slice(&ca->pem), buf_slice(&key), &ca->authority) == 0);
    buf_deinit(&key);
    keypair_free(keypair);
}

void small_ca_free(struct small_ca *ca)
{
    authority_free(ca->authority);
    buf_deinit(&ca->der);
    buf_deinit(&ca->pem);
}

void small_ca_site(struct small_ca *ca, struct slice request, const char *site, int64_t not_before_s,
                   int64_t not_after_s, struct buf *out)
{
    assert(authority_issue_site(ca->authority, request, site, not_before_s, not_after_s, out) == 0);
}

void small_ca_collector(struct small_ca *ca, const char *host, int64_t not_before_s, int64_t not_after_s,
                        const char *path)
{
    struct keypair *keypair = NULL;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    assert(keypair_generate(&keypair) == 0);
    assert(authority_issue_collector(ca->authority, keypair, &host, 1, not_before_s, not_after_s, &der) == 0);
    assert(certificate_to_pem(buf_slice(&der), &pem) == 0);
    assert(keypair_to_pem(keypair, &pem) == 0);
    write_file(path, buf_slice(&pem));
    buf_deinit(&der);
    buf_deinit(&pem);
    keypair_free(keypair);
}

void small_ca_write(const struct small_ca *ca, const char *path)
{
    write_file(path, buf_slice(&ca->pem));
}
