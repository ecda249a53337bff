/* ringside-agent join against a hub with a token of its own: what it makes, and what it says when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/credentials/credentials.h"
#include "agent/join.h"
#include "platform/base/status.h"
#include "tests/support/small_centre.h"

#define SITE "branch-07"

enum { JOINED = 0, FAILED = 1, WRONG = 2 };

struct bench {
    struct small_centre centre;
    struct temp_dir dir; /* of the credentials */
    struct agent_config *config;
    char url[100];
    char out[2000];
    char err[2000];
};

static struct bench the_bench;

static void refuse_line(void *ctx, const char *line)
{
    (void)ctx;
    fail_msg("%s", line);
}

static void configure(struct bench *bench, const char *site)
{
    char text[300];
    (void)snprintf(text, sizeof text, "%s\ncollector { credentials = \"%s\" }", site, bench->dir.path);
    agent_config_free(bench->config);
    bench->config = NULL;
    assert_int_equal(agent_config_parse("a.conf", slice_str(text), refuse_line, NULL, &bench->config), 0);
}

static int setup(void **state)
{
    struct bench *bench = &the_bench;
    *bench = (struct bench){.config = NULL};
    small_centre_start(&bench->centre, SITE, "127.0.0.1");
    (void)snprintf(bench->url, sizeof bench->url, "coaps+tcp://127.0.0.1:%u", small_centre_port(&bench->centre));
    temp_dir_make(&bench->dir);
    configure(bench, "site { id = " SITE " }");
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    agent_config_free(bench->config);
    small_centre_free(&bench->centre);
    temp_dir_remove(&bench->dir);
    return 0;
}

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = 0;
    assert_int_equal(fclose(file), 0);
}

static int join_with(struct bench *bench, const char *url, const char *token, bool again)
{
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    const struct join_options options = {.config = bench->config,
                                         .url = url,
                                         .site = SITE,
                                         .token = slice_str(token),
                                         .again = again,
                                         .out = out,
                                         .err = err};
    int result = join_check(&options);
    result = result == JOINED ? join_run(&options) : result;
    read_back(out, bench->out, sizeof bench->out);
    read_back(err, bench->err, sizeof bench->err);
    return result;
}

static int join(struct bench *bench)
{
    return join_with(bench, bench->url, SMALL_CENTRE_TOKEN, false);
}

static void says(const char *text, const char *want)
{
    if (!strstr(text, want)) {
        fail_msg("\"%s\" is not in \"%s\"", want, text);
    }
    const char *line_feed = strchr(text, '\n');
    assert_true(line_feed && line_feed[1] == 0); /* one line */
}

static void joins(void **state)
{
    struct bench *bench = *state;
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    assert_int_equal(join(bench), JOINED);
    assert_string_equal(bench->err, "");
    assert_non_null(strstr(bench->out, "This box has joined coaps+tcp://127.0.0.1:"));
    assert_non_null(strstr(bench->out, "as site \"branch-07\""));
    assert_non_null(strstr(bench->out, "Next: nothing, where ringside-agent runs"));
    assert_int_equal(credentials_open(bench->dir.path, &credentials, &why), 0);
    assert_string_equal(credentials_url(credentials), bench->url);
    assert_string_equal(credentials_facts(credentials)->name, SITE);
    credentials_close(credentials);
    assert_int_equal(bench->centre.enrolled, 1);
    assert_int_equal(bench->centre.data_while_expired, 0);
}

static void joins_by_pkcs7(void **state)
{
    struct bench *bench = *state;
    bench->centre.pkcs7 = true;
    assert_int_equal(join(bench), JOINED);
}

static void joins_again_only_when_told(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(join(bench), JOINED);
    assert_int_equal(join(bench), FAILED);
    says(bench->err, "this box has joined already, as site \"branch-07\" at coaps+tcp://");
    assert_int_equal(bench->centre.enrolled, 1);
    assert_int_equal(join_with(bench, bench->url, SMALL_CENTRE_TOKEN, true), JOINED);
    assert_int_equal(bench->centre.enrolled, 2);
    temp_dir_truncate(&bench->dir, "identity.pem", 10);
    assert_int_equal(join(bench), FAILED);
    says(bench->err, "there are credentials already, though they cannot be used");
    assert_int_equal(join_with(bench, bench->url, SMALL_CENTRE_TOKEN, true), JOINED);
}

static void a_token_that_is_not_taken(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(join_with(bench, bench->url, "BBCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567", false), FAILED);
    says(bench->err, "the token is wrong, expired, used already, or not for site \"branch-07\"");
    bench->centre.site = "branch-08"; /* the only one that may join */
    assert_int_equal(join(bench), FAILED);
    says(bench->err, "the token is wrong, expired, used already, or not for site \"branch-07\"");
    assert_int_equal(join_with(bench, bench->url, "ABCD", false), FAILED);
    says(bench->err, "that is no token");
    assert_int_equal(rmdir(bench->dir.path), 0); /* nothing was made */
    temp_dir_make(&bench->dir);
}

static void nobody_there(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(join_with(bench, "coaps+tcp://127.0.0.1:1", SMALL_CENTRE_TOKEN, false), FAILED);
    says(bench->err, "127.0.0.1: nobody listens there");
    assert_int_equal(join_with(bench, "coaps+tcp://no-such-host.invalid", SMALL_CENTRE_TOKEN, false), FAILED);
    says(bench->err, "no-such-host.invalid: ");
    assert_int_equal(join_with(bench, "https://127.0.0.1", SMALL_CENTRE_TOKEN, false), WRONG);
    says(bench->err, "it begins with coaps+tcp://");
}

static void a_refusal_is_passed_on(void **state)
{
    struct bench *bench = *state;
    bench->centre.est_code = 403;
    assert_int_equal(join(bench), FAILED);
    says(bench->err, "the collector refuses: not today (4.03)");
}

static void a_clock_that_is_behind(void **state)
{
    struct bench *bench = *state;
    bench->centre.begin_s = 7200; /* as if this box were two hours late */
    assert_int_equal(join(bench), FAILED);
    says(bench->err, "certificate not yet valid: this box's clock says ");
    assert_int_equal(access(temp_dir_file(&bench->dir, "identity.pem"), F_OK), -1);
}

static void the_site_must_be_the_configured_one(void **state)
{
    struct bench *bench = *state;
    configure(bench, "site { id = branch-08 }");
    assert_int_equal(join(bench), WRONG);
    says(bench->err, "--site is \"branch-07\", but a.conf says that this box is \"branch-08\"");
    configure(bench, ""); /* not set: it tells what to do */
    assert_int_equal(join(bench), JOINED);
    assert_non_null(strstr(bench->out, "Next: set site { id = \"branch-07\" } in a.conf"));
}

static void a_place_that_cannot_be_written(void **state)
{
    struct bench *bench = *state;
    char text[300];
    (void)snprintf(text, sizeof text, "site { id = " SITE " }\ncollector { credentials = \"%s/no/such\" }",
                   bench->dir.path);
    agent_config_free(bench->config);
    bench->config = NULL;
    assert_int_equal(agent_config_parse("a.conf", slice_str(text), refuse_line, NULL, &bench->config), 0);
    assert_int_equal(join(bench), FAILED);
    says(bench->err, "the credentials cannot be stored there");
    assert_int_equal(bench->centre.enrolled, 0); /* the token is still good */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(joins, setup, teardown),
        cmocka_unit_test_setup_teardown(joins_by_pkcs7, setup, teardown),
        cmocka_unit_test_setup_teardown(joins_again_only_when_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_that_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_is_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_is_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(the_site_must_be_the_configured_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
