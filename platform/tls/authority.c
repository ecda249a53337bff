#include "platform/tls/authority.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "platform/base/status.h"
#include "platform/tls/certificate_internal.h"
#include "platform/tls/der.h"
#include "platform/tls/keypair_internal.h"
#include "platform/tls/secret.h"

enum { CERTIFICATE_MAX_BYTES = 8192, STAMP_BYTES = 15, HOST_MAX = 253 };
static const int64_t LAST_SECOND_S = 253402300799; /* 9999-12-31T23:59:59Z, the end of GeneralizedTime */

struct authority {
    mbedtls_x509_crt crt;
    struct keypair *key;
};

/* What is to be written; the extensions are DER and empty where there is none. */
struct draft {
    const char *name;
    int64_t not_before_s;
    int64_t not_after_s;
    mbedtls_pk_context *key;
    bool is_ca;
    struct slice purposes;
    struct slice hosts;
};

static int put_stamp(int64_t when_s, char out[STAMP_BYTES])
{
    time_t when = (time_t)when_s;
    struct tm parts;
    if (when_s < 0 || when_s > LAST_SECOND_S || !gmtime_r(&when, &parts) ||
        strftime(out, STAMP_BYTES, "%Y%m%d%H%M%S", &parts) != STAMP_BYTES - 1) {
        return STATUS_RANGE;
    }
    return 0;
}

static int set_validity(mbedtls_x509write_cert *writer, const struct draft *draft)
{
    char not_before[STAMP_BYTES];
    char not_after[STAMP_BYTES];
    if (draft->not_before_s >= draft->not_after_s || put_stamp(draft->not_before_s, not_before) != 0 ||
        put_stamp(draft->not_after_s, not_after) != 0) {
        return STATUS_RANGE;
    }
    return mbed_status(mbedtls_x509write_crt_set_validity(writer, not_before, not_after), STATUS_RANGE);
}

/* The top bit is set so that all serials have the same length; it costs one bit of chance. */
static int set_serial(mbedtls_x509write_cert *writer)
{
    uint8_t serial[MBED_SERIAL_BYTES];
    int status = secret_random(serial, sizeof serial);
    serial[0] |= 0x80;
    return status == 0 ? mbed_set_serial(writer, serial) : status;
}

static int set_extension(mbedtls_x509write_cert *writer, const char *oid, struct slice value)
{
    if (value.len == 0) {
        return 0;
    }
    return mbedtls_x509write_crt_set_extension(writer, oid, strlen(oid), 0, (const unsigned char *)value.data,
                                               value.len);
}

static int set_extensions(mbedtls_x509write_cert *writer, const struct draft *draft)
{
    unsigned usage = draft->is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
    int rc = mbedtls_x509write_crt_set_basic_constraints(writer, draft->is_ca, draft->is_ca ? 0 : -1);
    if (rc == 0) {
        rc = mbedtls_x509write_crt_set_key_usage(writer, usage);
    }
    if (rc == 0) {
        rc = mbedtls_x509write_crt_set_subject_key_identifier(writer);
    }
    if (rc == 0) {
        rc = mbedtls_x509write_crt_set_authority_key_identifier(writer);
    }
    if (rc == 0) {
        rc = set_extension(writer, MBEDTLS_OID_EXTENDED_KEY_USAGE, draft->purposes);
    }
    if (rc == 0) {
        rc = set_extension(writer, MBEDTLS_OID_SUBJECT_ALT_NAME, draft->hosts);
    }
    return mbed_status(rc, STATUS_UNSUPPORTED);
}

/* The issuer's name, attribute by attribute as its own certificate has it. */
static int set_issuer(mbedtls_x509write_cert *writer, const mbedtls_x509_name *names)
{
    int status = 0;
    for (; names && status == 0; names = names->next) {
        status = mbed_put_name(&writer->issuer, slice_make((const char *)names->oid.p, names->oid.len), names->val.tag,
                               slice_make((const char *)names->val.p, names->val.len));
    }
    return status;
}

static int sign(mbedtls_x509write_cert *writer, struct buf *out)
{
    unsigned char room[CERTIFICATE_MAX_BYTES];
    int len = mbedtls_x509write_crt_der(writer, room, sizeof room, mbed_random, NULL);
    if (len < 0) {
        return mbed_status(len, STATUS_RANGE);
    }
    buf_append(out, room + sizeof room - len, (size_t)len);
    return out->failed ? STATUS_NO_MEMORY : 0;
}

/* `issuer` NULL: signed by itself. */
static int write_certificate(const struct draft *draft, const mbedtls_x509_name *issuer, mbedtls_pk_context *key,
                             struct buf *out)
{
    mbedtls_x509write_cert writer;
    mbedtls_x509write_crt_init(&writer);
    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&writer, draft->key);
    mbedtls_x509write_crt_set_issuer_key(&writer, key);
    int status = mbed_put_common_name(&writer.subject, draft->name);
    if (status == 0) {
        status = issuer ? set_issuer(&writer, issuer) : mbed_put_common_name(&writer.issuer, draft->name);
    }
    if (status == 0) {
        status = set_validity(&writer, draft);
    }
    if (status == 0) {
        status = set_serial(&writer);
    }
    if (status == 0) {
        status = set_extensions(&writer, draft);
    }
    if (status == 0) {
        status = sign(&writer, out);
    }
    mbedtls_x509write_crt_free(&writer);
    return status;
}

int authority_create(struct keypair *keypair, const char *name, int64_t not_before_s, int64_t not_after_s,
                     struct buf *out)
{
    struct draft draft = {
        .name = name, .not_before_s = not_before_s, .not_after_s = not_after_s, .key = &keypair->pk, .is_ca = true};
    return write_certificate(&draft, NULL, &keypair->pk, out);
}

static int read_certificate(struct slice pem, mbedtls_x509_crt *crt)
{
    struct buf der = BUF_INIT;
    int status = certificate_from_pem(pem, 0, &der);
    if (status == 0) {
        status = certificate_parse(buf_slice(&der), crt);
    }
    buf_deinit(&der);
    return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
}

static bool is_pair(mbedtls_x509_crt *crt, struct keypair *key)
{
    return crt->ca_istrue && mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) == 0 &&
           mbed_is_p256(&crt->pk) && mbed_pk_check_pair(&crt->pk, &key->pk) == 0;
}

int authority_open(struct slice certificate_pem, struct slice key_pem, struct authority **out)
{
    struct authority *authority = calloc(1, sizeof *authority);
    if (!authority) {
        return STATUS_NO_MEMORY;
    }
    mbedtls_x509_crt_init(&authority->crt);
    int status = read_certificate(certificate_pem, &authority->crt);
    if (status == 0) {
        status = keypair_from_pem(key_pem, &authority->key);
    }
    if (status == 0 && !is_pair(&authority->crt, authority->key)) {
        status = STATUS_INVALID;
    }
    if (status != 0) {
        authority_free(authority);
        return status;
    }
    *out = authority;
    return 0;
}

void authority_free(struct authority *authority)
{
    if (authority) {
        mbedtls_x509_crt_free(&authority->crt);
        keypair_free(authority->key);
        free(authority);
    }
}

/* A CA of somebody else's making may have a name that is not written back byte by byte (two attributes of one kind);
 * nothing that it issues would then be found to be its own. */
static bool is_issued_by(const struct authority *authority, struct slice der)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    bool is = certificate_parse(der, &crt) == 0 && crt.issuer_raw.len == authority->crt.subject_raw.len &&
              memcmp(crt.issuer_raw.p, authority->crt.subject_raw.p, crt.issuer_raw.len) == 0;
    mbedtls_x509_crt_free(&crt);
    return is;
}

static int issue(struct authority *authority, struct draft *draft, const char *purpose, struct buf *out)
{
    int64_t last_s = mbed_time_s(&authority->crt.valid_to);
    if (draft->not_after_s > last_s) {
        draft->not_after_s = last_s;
    }
    struct buf oid = BUF_INIT;
    struct buf purposes = BUF_INIT;
    struct buf der = BUF_INIT;
    der_put(&oid, MBEDTLS_ASN1_OID, slice_str(purpose));
    der_put(&purposes, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, buf_slice(&oid));
    draft->purposes = buf_slice(&purposes);
    int status = oid.failed || purposes.failed ? STATUS_NO_MEMORY : 0;
    if (status == 0) {
        status = write_certificate(draft, &authority->crt.subject, &authority->key->pk, &der);
    }
    if (status == 0) {
        status = is_issued_by(authority, buf_slice(&der)) ? 0 : STATUS_UNSUPPORTED;
    }
    if (status == 0) {
        buf_append(out, der.data, der.len);
        status = out->failed ? STATUS_NO_MEMORY : 0;
    }
    buf_deinit(&oid);
    buf_deinit(&purposes);
    buf_deinit(&der);
    return status;
}

int authority_issue_site(struct authority *authority, struct slice request, const char *site, int64_t not_before_s,
                         int64_t not_after_s, struct buf *out)
{
    mbedtls_x509_csr csr;
    int status = keypair_request_parse(request, &csr);
    if (status == 0) {
        struct draft draft = {.name = site, .not_before_s = not_before_s, .not_after_s = not_after_s, .key = &csr.pk};
        status = issue(authority, &draft, MBEDTLS_OID_CLIENT_AUTH, out);
    }
    mbedtls_x509_csr_free(&csr);
    return status;
}

static bool is_dns_name(struct slice name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*";
    return name.len > 0 && name.len <= HOST_MAX && strspn(name.data, allowed) == name.len;
}

static int put_host(struct buf *names, const char *host)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, host, address) == 1) {
        der_put(names, MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7, slice_make((const char *)address, 4));
    } else if (inet_pton(AF_INET6, host, address) == 1) {
        der_put(names, MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7, slice_make((const char *)address, 16));
    } else if (is_dns_name(slice_str(host))) {
        der_put(names, MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2, slice_str(host));
    } else {
        return STATUS_INVALID;
    }
    return 0;
}

static int put_hosts(struct buf *out, const char *const *hosts, size_t count)
{
    struct buf names = BUF_INIT;
    int status = count > 0 ? 0 : STATUS_INVALID;
    for (size_t i = 0; i < count && status == 0; i++) {
        status = put_host(&names, hosts[i]);
    }
    if (status == 0) {
        der_put(out, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, buf_slice(&names));
        status = names.failed || out->failed ? STATUS_NO_MEMORY : 0;
    }
    buf_deinit(&names);
    return status;
}

int authority_issue_collector(struct authority *authority, const struct keypair *keypair, const char *const *hosts,
                              size_t host_count, int64_t not_before_s, int64_t not_after_s, struct buf *out)
{
    struct buf names = BUF_INIT;
    int status = put_hosts(&names, hosts, host_count);
    if (status == 0) {
        struct draft draft = {.name = strlen(hosts[0]) <= MBED_NAME_MAX ? hosts[0] : "collector",
                              .not_before_s = not_before_s,
                              .not_after_s = not_after_s,
                              .key = (mbedtls_pk_context *)&keypair->pk,
                              .hosts = buf_slice(&names)};
        status = issue(authority, &draft, MBEDTLS_OID_SERVER_AUTH, out);
    }
    buf_deinit(&names);
    return status;
}
