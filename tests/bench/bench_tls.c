/* bench_tls N: what TLS alone takes for N mutual handshakes as the collector has them (TLS 1.2, ECDHE, P-256 keys and a
 * CA between both ends, no resumption), in memory: no socket, no CoAP, nothing of ours. Both ends take turns in one
 * thread; each end's processor time is counted apart. One JSON object. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "platform/tls/authority.h"
#include "platform/tls/certificate.h"
#include "platform/tls/keypair.h"

enum { PIPE_BYTES = 1 << 16, TURNS_MAX = 50, YEAR_S = 31536000 };

#if MBEDTLS_VERSION_MAJOR < 3
#define parse_key(pk, data, len) mbedtls_pk_parse_key(pk, data, len, NULL, 0)
#else
#define parse_key(pk, data, len) mbedtls_pk_parse_key(pk, data, len, NULL, 0, mbedtls_ctr_drbg_random, &drbg)
#endif

/* Bytes that one end has written and the other has not read. */
struct pipe {
    unsigned char bytes[PIPE_BYTES];
    size_t from;
    size_t to;
};

struct end {
    struct pipe *in;
    struct pipe *out;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    double cpu_s;
};

static struct pipe up;
static struct pipe down;
static mbedtls_x509_crt ca;
static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;

static void must(int rc, const char *what)
{
    if (rc != 0) {
        (void)fprintf(stderr, "bench_tls: %s: %d\n", what, rc);
        exit(1);
    }
}

static double cpu_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int pipe_send(void *ctx, const unsigned char *data, size_t len)
{
    struct pipe *out = ((struct end *)ctx)->out;
    if (PIPE_BYTES - out->to < len) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    memcpy(out->bytes + out->to, data, len);
    out->to += len;
    return (int)len;
}

static int pipe_receive(void *ctx, unsigned char *data, size_t len)
{
    struct pipe *in = ((struct end *)ctx)->in;
    size_t held = in->to - in->from;
    if (held == 0) {
        in->from = in->to = 0;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    len = len < held ? len : held;
    memcpy(data, in->bytes + in->from, len);
    in->from += len;
    return (int)len;
}

/* ---- certificates ---- */

static void take(struct end *end, struct buf *der, const struct keypair *keypair)
{
    struct buf pem = BUF_INIT;
    must(mbedtls_x509_crt_parse_der(&end->certificate, der->data, der->len), "a certificate");
    must(keypair_to_pem(keypair, &pem), "a key");
    buf_append(&pem, "", 1); /* its parser wants the terminator */
    must(parse_key(&end->key, pem.data, pem.len), "a key");
    buf_deinit(&pem);
    buf_deinit(der);
}

static void certify(struct end *client, struct end *server)
{
    static const char *const hosts[] = {"localhost"};
    int64_t now_s = (int64_t)time(NULL);
    struct keypair *keys[3];
    struct authority *authority;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    struct buf key_pem = BUF_INIT;
    struct buf request = BUF_INIT;
    for (int i = 0; i < 3; i++) {
        must(keypair_generate(&keys[i]), "a key");
    }
    must(authority_create(keys[0], "bench", now_s - 60, now_s + YEAR_S, &der), "a CA");
    must(mbedtls_x509_crt_parse_der(&ca, der.data, der.len), "a CA");
    must(certificate_to_pem(buf_slice(&der), &pem), "a CA");
    must(keypair_to_pem(keys[0], &key_pem), "a CA");
    must(authority_open(buf_slice(&pem), buf_slice(&key_pem), &authority), "a CA");
    buf_deinit(&der);
    der = BUF_INIT;
    must(authority_issue_collector(authority, keys[1], hosts, 1, now_s - 60, now_s + YEAR_S / 2, &der), "collector");
    take(server, &der, keys[1]);
    der = BUF_INIT;
    must(keypair_request(keys[2], "site", &request), "a request");
    must(authority_issue_site(authority, buf_slice(&request), "site", now_s - 60, now_s + YEAR_S / 2, &der), "a site");
    take(client, &der, keys[2]);
    authority_free(authority);
    buf_deinit(&pem);
    buf_deinit(&key_pem);
    buf_deinit(&request);
    for (int i = 0; i < 3; i++) {
        keypair_free(keys[i]);
    }
}

static void configure(struct end *end, int role)
{
    mbedtls_x509_crt_init(&end->certificate);
    mbedtls_pk_init(&end->key);
    mbedtls_ssl_config_init(&end->config);
    must(mbedtls_ssl_config_defaults(&end->config, role, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
         "a configuration");
    mbedtls_ssl_conf_authmode(&end->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_rng(&end->config, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_ca_chain(&end->config, &ca, NULL);
    mbedtls_ssl_conf_min_version(&end->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(&end->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}

/* ---- handshakes ---- */

/* Whether it is done; its time is the end's. */
static int turn(struct end *end, mbedtls_ssl_context *ssl)
{
    double began = cpu_s();
    int rc = mbedtls_ssl_handshake(ssl);
    end->cpu_s += cpu_s() - began;
    if (rc != 0 && rc != MBEDTLS_ERR_SSL_WANT_READ && rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        must(rc, "the handshake");
    }
    return rc == 0;
}

static void set_up(struct end *end, mbedtls_ssl_context *ssl)
{
    double began = cpu_s();
    mbedtls_ssl_init(ssl);
    must(mbedtls_ssl_setup(ssl, &end->config), "a session");
    mbedtls_ssl_set_bio(ssl, end, pipe_send, pipe_receive, NULL);
    end->cpu_s += cpu_s() - began;
}

static void handshake(struct end *client, struct end *server)
{
    mbedtls_ssl_context sessions[2];
    int done = 0;
    up.from = up.to = down.from = down.to = 0;
    set_up(client, &sessions[0]);
    set_up(server, &sessions[1]);
    must(mbedtls_ssl_set_hostname(&sessions[0], "localhost"), "a name");
    for (int turns = 0; done != 3; turns++) {
        done |= turn(client, &sessions[0]) ? 1 : 0;
        done |= turn(server, &sessions[1]) ? 2 : 0;
        must(turns < TURNS_MAX ? 0 : turns, "an end to the handshake");
    }
    must(mbedtls_ssl_get_peer_cert(&sessions[1]) ? 0 : 1, "the site's certificate");
    mbedtls_ssl_free(&sessions[0]);
    double began = cpu_s();
    mbedtls_ssl_free(&sessions[1]);
    server->cpu_s += cpu_s() - began;
}

int main(int argc, char **argv)
{
    static struct end client = {.in = &down, .out = &up};
    static struct end server = {.in = &up, .out = &down};
    long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    char version[18];
    if (count < 1) {
        (void)fprintf(stderr, "usage: bench_tls N\n");
        return 2;
    }
    mbedtls_version_get_string(version);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_x509_crt_init(&ca);
    must(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0), "randomness");
    configure(&client, MBEDTLS_SSL_IS_CLIENT);
    configure(&server, MBEDTLS_SSL_IS_SERVER);
    certify(&client, &server);
    must(mbedtls_ssl_conf_own_cert(&client.config, &client.certificate, &client.key), "the site's certificate");
    must(mbedtls_ssl_conf_own_cert(&server.config, &server.certificate, &server.key), "the collector's certificate");
    handshake(&client, &server); /* tables that the library makes once */
    client.cpu_s = server.cpu_s = 0;
    for (long i = 0; i < count; i++) {
        handshake(&client, &server);
    }
    (void)printf("{\"handshakes\": %ld, \"server_ms\": %.4f, \"client_ms\": %.4f, \"version\": \"%s\"}\n", count,
                 1000 * server.cpu_s / (double)count, 1000 * client.cpu_s / (double)count, version);
    return 0;
}
