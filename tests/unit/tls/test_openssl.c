/* What openssl(1) says of what we write: another reader of the same standards. Skipped where it is not installed. */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/tls/kit.h"

#define NOW "2000000000" /* KIT_NOW_S */

extern char **environ;

static struct temp_dir dir;
static bool have_openssl;

/* The exit code; what it printed is in the file "said". */
static int run(const char *const *arguments)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int wait_status = 0;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, 1, temp_dir_file(&dir, "said"), O_WRONLY | O_CREAT | O_TRUNC, 0600),
        0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
    int rc = posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0) {
        return 127;
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void assert_said(const char *expected)
{
    char text[4096] = "";
    FILE *file = fopen(temp_dir_file(&dir, "said"), "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    if (!strstr(text, expected)) {
        print_error("no \"%s\" in:\n%s\n", expected, text);
        fail();
    }
}

static void put(const char *name, struct slice bytes)
{
    temp_dir_write(&dir, name, 0, bytes.data, bytes.len);
}

static void put_pem(const char *name, const struct buf *der)
{
    struct buf pem = BUF_INIT;
    assert_int_equal(certificate_to_pem(buf_slice(der), &pem), 0);
    put(name, buf_slice(&pem));
    buf_deinit(&pem);
}

static int setup(void **state)
{
    temp_dir_make(&dir);
    have_openssl = RUN("openssl", "version") == 0;
    int status = kit_setup(state);
    put_pem("ca", &kit.ca);
    put_pem("site", &kit.site);
    put_pem("collector", &kit.collector);
    put("request", buf_slice(&kit.request));
    put("key", buf_slice(&kit.key_pem));
    return status;
}

static int teardown(void **state)
{
    temp_dir_remove(&dir);
    return kit_teardown(state);
}

static void openssl_or_skip(void)
{
    if (!have_openssl) {
        skip();
    }
}

static int verify(const char *purpose, const char *option, const char *value, const char *name)
{
    char ca[128];
    (void)snprintf(ca, sizeof ca, "%s", temp_dir_file(&dir, "ca"));
    return RUN("openssl", "verify", "-x509_strict", "-attime", NOW, "-CAfile", ca, "-purpose", purpose, option, value,
               temp_dir_file(&dir, name));
}

static void certificates_verify(void **state)
{
    (void)state;
    openssl_or_skip();
    assert_int_equal(verify("sslclient", "-verify_depth", "1", "site"), 0);
    assert_int_not_equal(verify("sslserver", "-verify_depth", "1", "site"), 0);
    assert_int_equal(verify("sslserver", "-verify_hostname", "centre.example", "collector"), 0);
    assert_int_equal(verify("sslserver", "-verify_hostname", "a.example.org", "collector"), 0);
    assert_int_equal(verify("sslserver", "-verify_ip", "192.0.2.7", "collector"), 0);
    assert_int_equal(verify("sslserver", "-verify_ip", "2001:db8::7", "collector"), 0);
    assert_int_not_equal(verify("sslserver", "-verify_hostname", "other.example", "collector"), 0);
    assert_int_not_equal(verify("sslclient", "-verify_depth", "1", "collector"), 0);
}

static void certificates_read_as_written(void **state)
{
    (void)state;
    openssl_or_skip();
    assert_int_equal(RUN("openssl", "x509", "-noout", "-text", "-in", temp_dir_file(&dir, "site")), 0);
    assert_said("branch-1");
    assert_said("Key Usage: critical");
    assert_said("TLS Web Client Authentication");
    assert_said("CA:FALSE");
    assert_said("Not After : Jun 17 03:33:20 2033 GMT");
    assert_int_equal(RUN("openssl", "x509", "-noout", "-text", "-in", temp_dir_file(&dir, "ca")), 0);
    assert_said("CA:TRUE, pathlen:0");
    assert_said("Certificate Sign");
}

static void requests_and_keys_verify(void **state)
{
    (void)state;
    openssl_or_skip();
    assert_int_equal(
        RUN("openssl", "req", "-verify", "-noout", "-subject", "-inform", "DER", "-in", temp_dir_file(&dir, "request")),
        0);
    assert_said("asked-for");
    assert_said("OK");
    assert_int_equal(RUN("openssl", "pkey", "-noout", "-text", "-check", "-in", temp_dir_file(&dir, "key")), 0);
    assert_said("prime256v1");
}

static void pkcs7_goes_both_ways(void **state)
{
    (void)state;
    openssl_or_skip();
    struct buf pkcs7 = BUF_INIT;
    struct buf der = BUF_INIT;
    assert_int_equal(certificate_to_pkcs7(buf_slice(&kit.site), &pkcs7), 0);
    put("ours", buf_slice(&pkcs7));
    assert_int_equal(
        RUN("openssl", "pkcs7", "-noout", "-print_certs", "-inform", "DER", "-in", temp_dir_file(&dir, "ours")), 0);
    assert_said("branch-1");
    assert_int_equal(RUN("openssl", "crl2pkcs7", "-nocrl", "-outform", "DER", "-certfile", temp_dir_file(&dir, "site"),
                         "-certfile", temp_dir_file(&dir, "ca"), "-out", temp_dir_file(&dir, "theirs")),
                     0);
    buf_reset(&pkcs7);
    size_t len = (size_t)temp_dir_size(&dir, "theirs");
    uint8_t *room = buf_grow(&pkcs7, len);
    assert_non_null(room);
    temp_dir_read(&dir, "theirs", 0, room, len);
    assert_int_equal(certificate_from_pkcs7(buf_slice(&pkcs7), &der), 0);
    assert_true(slice_equal(buf_slice(&der), buf_slice(&kit.site)) || slice_equal(buf_slice(&der), buf_slice(&kit.ca)));
    buf_deinit(&pkcs7);
    buf_deinit(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_verify),
        cmocka_unit_test(certificates_read_as_written),
        cmocka_unit_test(requests_and_keys_verify),
        cmocka_unit_test(pkcs7_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
