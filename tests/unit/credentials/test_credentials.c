/* The files: joining makes them, renewal changes the one, and damage is told in a sentence. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/credentials/credentials.h"
#include "platform/base/status.h"
#include "tests/support/small_ca.h"
#include "tests/support/temp_dir.h"

#define SITE "branch-07"
#define URL "coaps+tcp://centre.example.org:7000"

enum { DAY = 86400 };
static const int64_t now_s = INT64_C(1795000000);

struct bench {
    struct temp_dir dir;
    struct small_ca ca;
};

static int setup(void **state)
{
    static struct bench bench;
    temp_dir_make(&bench.dir);
    assert_int_equal(rmdir(bench.dir.path), 0); /* joining makes it */
    small_ca_make(&bench.ca, now_s - 10 * DAY, now_s + 3650 * DAY);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    if (access(bench->dir.path, F_OK) == 0) {
        temp_dir_remove(&bench->dir);
    }
    small_ca_free(&bench->ca);
    return 0;
}

/* A certificate as the collector would make it for this request. */
static int join_with(struct bench *bench, const char *issued_site, int64_t begin_s, int64_t end_s,
                     struct credentials_why *why)
{
    struct credentials_renewal *renewal = NULL;
    struct buf request = BUF_INIT;
    struct buf certificate = BUF_INIT;
    assert_int_equal(credentials_join_begin(bench->dir.path, SITE, &renewal, &request), 0);
    small_ca_site(&bench->ca, buf_slice(&request), issued_site, begin_s, end_s, &certificate);
    int status = credentials_join_finish(renewal, buf_slice(&bench->ca.der), buf_slice(&certificate), URL, now_s, why);
    credentials_renewal_free(renewal);
    buf_deinit(&request);
    buf_deinit(&certificate);
    return status;
}

static struct credentials *joined(struct bench *bench)
{
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    assert_int_equal(join_with(bench, SITE, now_s - 60, now_s - 60 + 300 * DAY, &why), 0);
    assert_int_equal(credentials_open(bench->dir.path, &credentials, &why), 0);
    return credentials;
}

static unsigned mode_of(const struct bench *bench, const char *name)
{
    struct stat info;
    assert_int_equal(stat(name[0] ? temp_dir_file(&bench->dir, name) : bench->dir.path, &info), 0);
    return info.st_mode & 07777U;
}

static void joining_makes_the_files(void **state)
{
    struct bench *bench = *state;
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    assert_int_equal(credentials_open(bench->dir.path, &credentials, &why), STATUS_NOT_FOUND);
    credentials = joined(bench);
    assert_int_equal(mode_of(bench, ""), 0700);
    assert_int_equal(mode_of(bench, "identity.pem"), 0600);
    assert_string_equal(credentials_url(credentials), URL);
    assert_string_equal(credentials_facts(credentials)->name, SITE);
    assert_int_equal(credentials_facts(credentials)->role, CERTIFICATE_SITE);
    assert_non_null(credentials_anchor(credentials));
    assert_string_equal(credentials_identity_path(credentials), temp_dir_file(&bench->dir, "identity.pem"));
    assert_string_equal(credentials_ca_path(credentials), temp_dir_file(&bench->dir, "ca.pem"));
    assert_false(credentials_changed(credentials));
    assert_false(credentials_expired(credentials, now_s));
    assert_true(credentials_expired(credentials, now_s + 301 * DAY));
    int64_t begin_s = now_s - 60;
    assert_int_equal(credentials_renew_at_s(credentials, 0), begin_s + 200 * DAY);
    assert_int_equal(credentials_renew_at_s(credentials, 1), begin_s + 215 * DAY);
    credentials_close(credentials);
    credentials_close(NULL);
}

static void renewing_changes_the_identity_alone(void **state)
{
    struct bench *bench = *state;
    struct credentials *credentials = joined(bench);
    struct credentials_renewal *renewal = NULL;
    struct credentials_why why = {""};
    struct certificate_facts before = *credentials_facts(credentials);
    struct buf request = BUF_INIT;
    struct buf certificate = BUF_INIT;
    assert_int_equal(credentials_renewal_begin(credentials, &renewal, &request), 0);
    assert_false(credentials_changed(credentials));
    small_ca_site(&bench->ca, buf_slice(&request), SITE, now_s, now_s + 300 * DAY, &certificate);
    assert_int_equal(credentials_renewal_finish(renewal, buf_slice(&certificate), now_s, &why), 0);
    credentials_renewal_free(renewal);
    assert_true(credentials_changed(credentials));
    credentials_close(credentials);

    assert_int_equal(credentials_open(bench->dir.path, &credentials, &why), 0);
    assert_memory_not_equal(credentials_facts(credentials)->key_hash, before.key_hash, sizeof before.key_hash);
    assert_string_not_equal(credentials_facts(credentials)->serial, before.serial);
    assert_int_equal(credentials_facts(credentials)->not_after_s, now_s + 300 * DAY);
    assert_int_equal(mode_of(bench, "identity.pem"), 0600);
    credentials_close(credentials);
    buf_deinit(&request);
    buf_deinit(&certificate);
}

static void the_certificate_must_be_ours(void **state)
{
    struct bench *bench = *state;
    struct credentials_why why = {""};
    assert_int_equal(join_with(bench, "branch-08", now_s, now_s + DAY, &why), STATUS_INVALID);
    assert_string_equal(why.text, "the certificate that came back is for site \"branch-08\", not \"branch-07\"");
    assert_int_equal(join_with(bench, SITE, now_s + DAY, now_s + 2 * DAY, &why), STATUS_INVALID);
    assert_string_equal(why.text, "certificate not yet valid: this box's clock says 2026-11-18 11:06:40 UTC, "
                                  "the certificate begins 2026-11-19 11:06:40 UTC");
    assert_int_equal(join_with(bench, SITE, now_s - 2 * DAY, now_s - DAY, &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "already expired"));
    assert_int_equal(access(bench->dir.path, F_OK), -1); /* nothing was made */
}

static void another_key_or_another_ca_is_refused(void **state)
{
    struct bench *bench = *state;
    struct credentials *credentials = joined(bench);
    struct credentials_renewal *mine = NULL;
    struct credentials_renewal *other = NULL;
    struct credentials_why why = {""};
    struct small_ca stranger;
    struct buf request = BUF_INIT;
    struct buf other_request = BUF_INIT;
    struct buf certificate = BUF_INIT;
    small_ca_make(&stranger, now_s - DAY, now_s + 100 * DAY);
    assert_int_equal(credentials_renewal_begin(credentials, &mine, &request), 0);
    assert_int_equal(credentials_renewal_begin(credentials, &other, &other_request), 0);
    small_ca_site(&bench->ca, buf_slice(&other_request), SITE, now_s, now_s + DAY, &certificate);
    assert_int_equal(credentials_renewal_finish(mine, buf_slice(&certificate), now_s, &why), STATUS_INVALID);
    assert_string_equal(why.text, "the certificate that came back is for another key");
    buf_reset(&certificate);
    small_ca_site(&stranger, buf_slice(&request), SITE, now_s, now_s + DAY, &certificate);
    assert_int_equal(credentials_renewal_finish(mine, buf_slice(&certificate), now_s, &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "does not count"));
    assert_int_equal(credentials_renewal_finish(mine, slice_str("no certificate"), now_s, &why), STATUS_INVALID);
    assert_false(credentials_changed(credentials));
    credentials_renewal_free(mine);
    credentials_renewal_free(other);
    credentials_close(credentials);
    small_ca_free(&stranger);
    buf_deinit(&request);
    buf_deinit(&other_request);
    buf_deinit(&certificate);
}

static void put(const struct bench *bench, const char *name, const char *content)
{
    temp_dir_truncate(&bench->dir, name, 0);
    temp_dir_write(&bench->dir, name, 0, content, strlen(content));
}

static void refuses(const struct bench *bench, int status, const char *says)
{
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    assert_int_equal(credentials_open(bench->dir.path, &credentials, &why), status);
    assert_null(credentials);
    if (!strstr(why.text, says)) {
        fail_msg("\"%s\" is not in \"%s\"", says, why.text);
    }
}

static void damage_is_told(void **state)
{
    struct bench *bench = *state;
    credentials_close(joined(bench));
    temp_dir_copy(&bench->dir, "ca.pem", "ca.saved");
    temp_dir_copy(&bench->dir, "identity.pem", "identity.saved");
    put(bench, "collector.url", "https://centre\n");
    refuses(bench, STATUS_INVALID, "no collector's address");
    put(bench, "collector.url", "");
    refuses(bench, STATUS_INVALID, "no collector's address");
    assert_int_equal(unlink(temp_dir_file(&bench->dir, "collector.url")), 0);
    put(bench, "ca.pem", "nothing");
    refuses(bench, STATUS_INVALID, "ca.pem: there is no CA certificate in it");
    assert_int_equal(unlink(temp_dir_file(&bench->dir, "ca.pem")), 0);
    refuses(bench, STATUS_INVALID, "ca.pem: it is missing");
    struct small_ca stranger;
    small_ca_make(&stranger, now_s - DAY, now_s + 100 * DAY);
    small_ca_write(&stranger, temp_dir_file(&bench->dir, "ca.pem"));
    small_ca_free(&stranger);
    refuses(bench, STATUS_INVALID, "does not fit ca.pem");
    temp_dir_copy(&bench->dir, "ca.saved", "ca.pem");
    put(bench, "identity.pem", "");
    refuses(bench, STATUS_INVALID, "there is no certificate in it");
    temp_dir_copy(&bench->dir, "ca.pem", "identity.pem");
    refuses(bench, STATUS_INVALID, "its certificate is not a site's");
    uint64_t size = temp_dir_size(&bench->dir, "identity.saved");
    temp_dir_copy(&bench->dir, "identity.saved", "identity.pem");
    temp_dir_truncate(&bench->dir, "identity.pem", size - 40); /* in the middle of the key */
    refuses(bench, STATUS_INVALID, "no private key");
    temp_dir_truncate(&bench->dir, "identity.pem", 1 << 20);
    refuses(bench, STATUS_INVALID, "identity.pem");
    assert_int_equal(unlink(temp_dir_file(&bench->dir, "identity.pem")), 0);
    refuses(bench, STATUS_NOT_FOUND, "has not joined");
    temp_dir_copy(&bench->dir, "identity.saved", "identity.pem");
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    assert_int_equal(credentials_open(bench->dir.path, &credentials, &why), 0);
    assert_string_equal(credentials_url(credentials), ""); /* none stored */
    credentials_close(credentials);
}

static void joining_again_replaces(void **state)
{
    struct bench *bench = *state;
    struct credentials *credentials = joined(bench);
    struct credentials_why why = {""};
    small_ca_free(&bench->ca);
    small_ca_make(&bench->ca, now_s - DAY, now_s + 3650 * DAY);
    assert_int_equal(join_with(bench, SITE, now_s, now_s + DAY, &why), 0);
    assert_true(credentials_changed(credentials));
    credentials_close(credentials);
    assert_int_equal(credentials_open(bench->dir.path, &credentials, &why), 0);
    assert_int_equal(credentials_facts(credentials)->not_after_s, now_s + DAY);
    credentials_close(credentials);
}

static void a_directory_that_cannot_be_made(void **state)
{
    struct bench *bench = *state;
    struct credentials_why why = {""};
    (void)strcat(bench->dir.path, "/no/such");
    assert_int_equal(join_with(bench, SITE, now_s, now_s + DAY, &why), STATUS_IO);
    assert_non_null(strstr(why.text, "cannot be made"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(joining_makes_the_files, setup, teardown),
        cmocka_unit_test_setup_teardown(renewing_changes_the_identity_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(the_certificate_must_be_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_or_another_ca_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(joining_again_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_made, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
