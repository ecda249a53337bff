/* kit_pki: the kit's certificates. */
#include "tests/unit/coap/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "platform/tls/authority.h"
#include "platform/tls/certificate.h"
#include "platform/tls/keypair.h"

static const char *const names[KIT_FILES] = {"ca.pem",      "server.pem", "server-next.pem", "site.pem",
                                             "expired.pem", "self.pem",   "other-ca.pem",    "other-site.pem"};
static char directory[64];
static struct peer_anchor *anchor;

const struct peer_anchor *kit_anchor(void)
{
    return anchor;
}

const char *kit_named(const char *name)
{
    static char path[KIT_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

const char *kit_path(enum kit_file file)
{
    static char paths[KIT_FILES][KIT_PATH_BYTES];
    (void)snprintf(paths[file], sizeof paths[file], "%s/%s", directory, names[file]);
    return paths[file];
}

static void write_file(const char *path, const struct buf *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->len, file), text->len);
    assert_int_equal(fclose(file), 0);
}

/* The certificate (DER, taken) and, if any, the key. */
static void write_identity(enum kit_file file, struct buf *der, const struct keypair *keypair)
{
    struct buf text = BUF_INIT;
    assert_int_equal(certificate_to_pem(buf_slice(der), &text), 0);
    if (keypair) {
        assert_int_equal(keypair_to_pem(keypair, &text), 0);
    }
    write_file(kit_path(file), &text);
    buf_deinit(&text);
    buf_deinit(der);
}

static struct authority *make_authority(enum kit_file file, struct keypair *keypair, int64_t now_s)
{
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    struct buf key = BUF_INIT;
    struct authority *authority;
    assert_int_equal(authority_create(keypair, "test CA", now_s - 86400 * 10, now_s + 86400 * 100, &der), 0);
    assert_int_equal(certificate_to_pem(buf_slice(&der), &pem), 0);
    assert_int_equal(keypair_to_pem(keypair, &key), 0);
    assert_int_equal(authority_open(buf_slice(&pem), buf_slice(&key), &authority), 0);
    write_identity(file, &der, NULL);
    if (file == KIT_CA) {
        assert_int_equal(peer_anchor_load(buf_slice(&pem), &anchor), 0);
    }
    buf_deinit(&pem);
    buf_deinit(&key);
    return authority;
}

static void make_site(struct authority *authority, enum kit_file file, int64_t from_s, int64_t to_s)
{
    struct buf der = BUF_INIT;
    struct buf request = BUF_INIT;
    struct keypair *keypair;
    assert_int_equal(keypair_generate(&keypair), 0);
    assert_int_equal(keypair_request(keypair, "s01", &request), 0);
    assert_int_equal(authority_issue_site(authority, buf_slice(&request), "s01", from_s, to_s, &der), 0);
    write_identity(file, &der, keypair);
    buf_deinit(&request);
    keypair_free(keypair);
}

static void make_server(struct authority *authority, enum kit_file file, int64_t now_s)
{
    const char *hosts[] = {"localhost", "127.0.0.1"};
    struct buf der = BUF_INIT;
    struct keypair *keypair;
    assert_int_equal(keypair_generate(&keypair), 0);
    assert_int_equal(authority_issue_collector(authority, keypair, hosts, 2, now_s - 60, now_s + 86400, &der), 0);
    write_identity(file, &der, keypair);
    keypair_free(keypair);
}

int kit_setup(void **state)
{
    struct keypair *keypair;
    int64_t now_s = (int64_t)time(NULL);
    struct buf der = BUF_INIT;
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/test-hub-XXXXXX");
    assert_non_null(mkdtemp(directory));

    assert_int_equal(keypair_generate(&keypair), 0);
    struct authority *authority = make_authority(KIT_CA, keypair, now_s);
    make_server(authority, KIT_SERVER, now_s);
    make_server(authority, KIT_SERVER_NEXT, now_s);
    make_site(authority, KIT_SITE, now_s - 60, now_s + 86400);
    make_site(authority, KIT_SITE_EXPIRED, now_s - 7200, now_s - 3600);
    authority_free(authority);
    keypair_free(keypair);

    assert_int_equal(keypair_generate(&keypair), 0);
    assert_int_equal(authority_create(keypair, "myself", now_s - 60, now_s + 86400, &der), 0);
    write_identity(KIT_SELF_SIGNED, &der, keypair);
    keypair_free(keypair);

    assert_int_equal(keypair_generate(&keypair), 0);
    authority = make_authority(KIT_OTHER_CA, keypair, now_s);
    make_site(authority, KIT_OTHER_SITE, now_s - 60, now_s + 86400);
    authority_free(authority);
    keypair_free(keypair);
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    peer_anchor_free(anchor);
    for (int i = 0; i < KIT_FILES; i++) {
        (void)unlink(kit_path((enum kit_file)i));
    }
    (void)unlink(kit_named("current.pem"));
    return rmdir(directory);
}

void kit_copy(enum kit_file from, const char *name)
{
    char target[KIT_PATH_BYTES];
    struct buf text = BUF_INIT;
    FILE *file = fopen(kit_path(from), "re");
    int c;
    assert_non_null(file);
    while ((c = fgetc(file)) != EOF) {
        buf_append(&text, &(uint8_t){(uint8_t)c}, 1);
    }
    (void)fclose(file);
    (void)snprintf(target, sizeof target, "%s", kit_named(name));
    write_file(kit_named("new.pem"), &text);
    assert_int_equal(rename(kit_named("new.pem"), target), 0);
    buf_deinit(&text);
}
