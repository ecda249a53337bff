#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/check.h"
#include "agent/config.h"
#include "platform/base/status.h"
#include "platform/service/sandbox.h"

/* A directory of its own for each test, removed afterwards. */
static char dir[] = "/tmp/ringside-check-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/ringside-check-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static size_t next;
    char *to = path[next++ % 4];
    (void)snprintf(to, sizeof path[0], "%s/%s", dir, name);
    return to;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_dir(name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Runs the check over what stands in "agent.conf"; out and err are owned by the caller. */
static int check(bool print, char **out, char **err)
{
    size_t len;
    FILE *to = open_memstream(out, &len);
    FILE *error = open_memstream(err, &len);
    assert_non_null(to);
    assert_non_null(error);
    int code = agent_config_check(in_dir("agent.conf"), to, error, print);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(fclose(error), 0);
    return code;
}

static void put_config(const char *ledger, const char *source, const char *more)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "ledger { dir = \"%s\" size_max = 16MiB }\nsource q { path = \"%s\" asterisk_conf_dir = \"%s\" }\n"
                   "service { user = '' }\n%s",
                   ledger, source, dir, more);
    put("agent.conf", text);
}

/* The check says this, in a line of the given level. */
static void expect_said(const char *err, const char *level, const char *text)
{
    char line[512];
    (void)snprintf(line, sizeof line, "%s: %s: %s", in_dir("agent.conf"), level, text);
    if (!strstr(err, line)) {
        fail_msg("missing \"%s\" in:\n%s", line, err);
    }
}

static void a_machine_that_fits(void **state)
{
    (void)state;
    char *out;
    char *err;
    put("queue_log", "");
    put_config(dir, in_dir("queue_log"), "");
    assert_int_equal(check(false, &out, &err), 0);
    char want[128];
    (void)snprintf(want, sizeof want, "%s: ok\n", in_dir("agent.conf"));
    assert_string_equal(out, want);
    assert_null(strstr(err, "error"));
    assert_null(strstr(err, "source"));
    free(out);
    free(err);
}

static void what_is_not_there_yet(void **state)
{
    (void)state;
    char *out;
    char *err;
    put_config(in_dir("a/b/c"), in_dir("none"), "");
    assert_int_equal(check(false, &out, &err), 0);
    char text[256];
    (void)snprintf(text, sizeof text, "ledger.dir: %s does not exist yet", in_dir("a/b/c"));
    expect_said(err, "note", text);
    (void)snprintf(text, sizeof text, "source \"q\".path: %s does not exist (yet); the agent waits for it",
                   in_dir("none"));
    expect_said(err, "warning", text);
    free(out);
    free(err);
}

static void what_cannot_work(void **state)
{
    (void)state;
    char *out;
    char *err;
    put("file", "");
    put_config(in_dir("file"), dir, "site { zone = Nowhere/Land }\n");
    assert_int_equal(check(false, &out, &err), 2);
    assert_string_equal(out, "");
    char text[256];
    (void)snprintf(text, sizeof text, "ledger.dir: %s is not a directory", in_dir("file"));
    expect_said(err, "error", text);
    (void)snprintf(text, sizeof text, "source \"q\".path: %s is not a regular file", dir);
    expect_said(err, "error", text);
    expect_said(err, "error", "site.zone: \"Nowhere/Land\" is no time zone of this machine");
    free(out);
    free(err);
}

static void put_sandbox(const char *word)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "ledger { dir = \"%s\" size_max = 16MiB }\nsource q { path = \"%s\" }\n"
                   "service { user = '' sandbox = %s }\n",
                   dir, in_dir("queue_log"), word);
    put("agent.conf", text);
}

/* With "required" it is an error exactly where the agent would not start. */
static void the_confinement_is_foretold(void **state)
{
    (void)state;
    char *out;
    char *err;
    struct sandbox_facts facts;
    sandbox_foresee(&facts);
    bool enough = facts.seccomp && facts.files;
    put("queue_log", "");
    put_sandbox("no");
    assert_int_equal(check(false, &out, &err), 0);
    expect_said(err, "note", "service.sandbox = no: the agent is not confined; could be: system calls ");
    free(out);
    free(err);
    put_sandbox("required");
    assert_int_equal(check(false, &out, &err), enough ? 0 : 2);
    expect_said(err, enough ? "note" : "error", "service.sandbox = required: system calls ");
    assert_int_equal(strstr(err, "; the agent would not start\n") != NULL, !enough);
    free(out);
    free(err);
    put_sandbox("yes");
    assert_int_equal(check(false, &out, &err), 0);
    expect_said(err, "note", "service.sandbox = yes: system calls ");
    free(out);
    free(err);
}

static void too_little_room_is_a_warning(void **state)
{
    (void)state;
    char *out;
    char *err;
    put("queue_log", "");
    char text[512];
    (void)snprintf(text, sizeof text, "ledger { dir = /dev size_max = 64GiB }\nsource q { path = \"%s\" }\n",
                   in_dir("queue_log"));
    put("agent.conf", text);
    (void)check(false, &out, &err);
    expect_said(err, "warning", "ledger.size_max: 65536MiB, but /dev has only ");
    free(out);
    free(err);
}

static void a_log_of_others(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* needs a file of somebody else */
    }
    char *out;
    char *err;
    put("queue_log", "");
    assert_int_equal(chmod(in_dir("queue_log"), 0640), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    put_config(dir, in_dir("queue_log"), "");
    assert_int_equal(setegid(65534), 0);
    assert_int_equal(seteuid(65534), 0);
    int code = check(false, &out, &err);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    assert_int_equal(code, 0);
    char text[256];
    (void)snprintf(text, sizeof text, "source \"q\".path: this user may not read %s; members of group root may",
                   in_dir("queue_log"));
    expect_said(err, "warning", text);
    free(out);
    free(err);
}

static void a_defect_in_the_file(void **state)
{
    (void)state;
    char *out;
    char *err;
    put("agent.conf", "ledger {\n size_max = 10X\n}\n");
    assert_int_equal(check(true, &out, &err), 2);
    assert_string_equal(out, "");
    char want[256];
    (void)snprintf(want, sizeof want,
                   "%s:2: ledger.size_max: \"10X\" is not a size; allowed: 16MiB to 64GiB (e.g. 256MiB)\n",
                   in_dir("agent.conf"));
    assert_string_equal(err, want);
    free(out);
    free(err);
}

static void what_is_printed_is_a_valid_file(void **state)
{
    (void)state;
    char *once;
    char *twice;
    char *err;
    put("queue_log", "");
    put_config(dir, in_dir("queue_log"), "queue \"a \\\"b\\\" #\" { label = '$x' interval = x }");
    assert_int_equal(check(true, &once, &err), 2);
    free(once);
    free(err);
    put_config(dir, in_dir("queue_log"), "queue \"a \\\"b\\\" #\" { label = '$x' }\nledgers { }");
    assert_int_equal(check(true, &once, &err), 2);
    free(once);
    free(err);
    put_config(dir, in_dir("queue_log"), "queue \"a \\\"b\\\" #\" { label = '$x' }\nlog { level = notice }\n");
    assert_int_equal(check(true, &once, &err), 0);
    free(err);
    assert_non_null(strstr(once, "queue \"a \\\"b\\\" #\" {\n"));
    assert_non_null(strstr(once, "    label = \"$x\"                            # set\n"));
    assert_non_null(strstr(once, "    level = notice                          # set\n"));
    assert_non_null(strstr(once, "    interval = 15m                          # default\n"));
    put("agent.conf", once);
    assert_int_equal(check(true, &twice, &err), 0);
    free(err);
    put("agent.conf", twice);
    free(once);
    assert_int_equal(check(true, &once, &err), 0);
    assert_string_equal(once, twice);
    free(once);
    free(twice);
    free(err);
}

/* ---- Asterisk's own settings ---- */

static void expect_asterisk(const char *name, const char *want)
{
    struct buf why = BUF_INIT;
    bool amiss = agent_check_asterisk(dir, name, &why);
    if (want) {
        assert_true(amiss);
        assert_non_null(strstr(buf_cstr(&why), want));
    } else {
        assert_string_equal(buf_cstr(&why), "");
        assert_false(amiss);
    }
    buf_deinit(&why);
}

static void asterisk_writes_the_file(void **state)
{
    (void)state;
    expect_asterisk("/var/log/asterisk/queue_log", NULL);
    put("extconfig.conf", "[settings]\n;queue_log => odbc,asterisk\n[other]\nqueue_log => odbc,x\n");
    put("logger.conf", "[logfiles]\nqueue_log = no\n[general]\n  queue_log=yes ; comment\n");
    expect_asterisk("/var/log/asterisk/queue_log", NULL);
}

static void asterisk_writes_to_a_database(void **state)
{
    (void)state;
    put("extconfig.conf", "; maps\n[settings](+)\nqueues => odbc,asterisk\nqueue_log => odbc,asterisk,queue_log\n");
    expect_asterisk("/l/queue_log", "to a database only");
    put("logger.conf", "[general]\nqueue_log_to_file = no\n");
    expect_asterisk("/l/queue_log", "to a database only");
    put("logger.conf", "[general]\nqueue_log_to_file => Yes\n");
    expect_asterisk("/l/queue_log", NULL);
}

static void asterisk_settings_in_included_files(void **state)
{
    (void)state;
    put("extconfig.conf", "#include \"extconfig_custom.conf\"\n#include extconfig.conf\n");
    put("extconfig_custom.conf", "[settings]\nqueue_log => mysql,general\n");
    put("logger.conf", "[general]\n#include logger_general_additional.conf\n");
    expect_asterisk("/l/queue_log", "to a database only");
    put("logger_general_additional.conf", "queue_log_to_file=on\r\n");
    expect_asterisk("/l/queue_log", NULL);
}

static void asterisk_writes_elsewhere_or_not(void **state)
{
    (void)state;
    put("logger.conf", "[general]\nqueue_log = no\n");
    expect_asterisk("/l/queue_log", "queue_log = no in ");
    put("logger.conf", "[general]\nqueue_log_name = calls.log\n");
    expect_asterisk("/l/queue_log", "calls the file calls.log");
    expect_asterisk("/l/calls.log", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_machine_that_fits, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(the_confinement_is_foretold, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_is_not_there_yet, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_cannot_work, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(too_little_room_is_a_warning, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_log_of_others, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_defect_in_the_file, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_is_printed_is_a_valid_file, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(asterisk_writes_the_file, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(asterisk_writes_to_a_database, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(asterisk_settings_in_included_files, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(asterisk_writes_elsewhere_or_not, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
