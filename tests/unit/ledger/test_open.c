#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/ledger/ledger_write.h"
#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/support/faults/faults.h"
#include "tests/unit/ledger/kit.h"

enum { MAP_BYTES = 2 << 20 };

static int open_as(const char *site, const char *dir, struct ledger **out)
{
    struct ledger_options options = kit_options(MAP_BYTES);
    options.site = site;
    options.dir = dir;
    return ledger_open_writer(&options, out);
}

static void commit_leg(struct ledger *ledger, uint64_t seq)
{
    struct rng rng = {seq};
    struct call_leg leg = kit_plain_leg(&rng, seq, KIT_NOW_MS);
    assert_int_equal(ledger_add_closed_leg(ledger, &leg), 0);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS + (int64_t)seq), 0);
    struct ledger_progress progress = {.newest_event_ms = KIT_NOW_MS, .next_seq = seq + 1};
    ledger_put_progress(ledger, &progress);
    assert_int_equal(ledger_end(ledger), 0);
}

static void a_new_ledger_keeps_its_identity(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    assert_int_equal(ledger_interval_s(ledger), 900);
    assert_int_equal(ledger_progress(ledger).next_seq, 1);
    uint8_t secret[LEDGER_SECRET_BYTES];
    static const uint8_t zero[LEDGER_SECRET_BYTES];
    memcpy(secret, ledger_secret(ledger), sizeof secret);
    assert_memory_not_equal(secret, zero, sizeof secret);
    struct ledger_facts before = kit_check(ledger).facts;
    assert_string_equal(before.site, "madrid-01");
    assert_int_equal(before.created_ms, KIT_NOW_MS);
    ledger_close(ledger);

    struct ledger_options options = kit_options(MAP_BYTES);
    options.interval_s = 3600; /* an existing one keeps its own */
    options.now_ms = KIT_NOW_MS + 5;
    assert_int_equal(ledger_open_writer(&options, &ledger), 0);
    assert_int_equal(ledger_interval_s(ledger), 900);
    assert_memory_equal(ledger_secret(ledger), secret, sizeof secret);
    struct ledger_facts after = kit_check(ledger).facts;
    assert_memory_equal(before.epoch, after.epoch, sizeof before.epoch);
    assert_int_equal(after.created_ms, KIT_NOW_MS);
    ledger_close(ledger);
    temp_dir_clear(&kit_dir);
    ledger = kit_open(MAP_BYTES);
    assert_memory_not_equal(before.epoch, kit_check(ledger).facts.epoch, sizeof before.epoch);
    ledger_close(ledger);
}

static void there_is_one_writer(void **state)
{
    (void)state;
    struct ledger *first = kit_open(MAP_BYTES);
    struct ledger *second = NULL;
    assert_int_equal(open_as("madrid-01", kit_dir.path, &second), STATUS_BUSY);
    pid_t child = fork();
    if (child == 0) {
        _exit(open_as("madrid-01", kit_dir.path, &second) == STATUS_BUSY ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    assert_null(second);
    commit_leg(first, 1);
    ledger_close(first);
    second = kit_open(MAP_BYTES);
    ledger_close(second);
}

static void another_site_is_refused(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    commit_leg(ledger, 1);
    ledger_close(ledger);
    assert_int_equal(open_as("paris-01", kit_dir.path, &ledger), STATUS_INVALID);
    assert_int_equal(open_as("madrid-011", kit_dir.path, &ledger), STATUS_INVALID);
    assert_int_equal(open_as("madrid-01", kit_dir.path, &ledger), 0);
    assert_int_equal(kit_check(ledger).facts.leg_count, 1);
    ledger_close(ledger);
}

static void places_that_cannot_be(void **state)
{
    (void)state;
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_readonly(kit_dir.path, &ledger), STATUS_NOT_FOUND);
    assert_int_equal(ledger_open_readonly(temp_dir_file(&kit_dir, "none"), &ledger), STATUS_NOT_FOUND);
    assert_int_equal(open_as("s", temp_dir_file(&kit_dir, "none/below"), &ledger), STATUS_NOT_FOUND);
    temp_dir_truncate(&kit_dir, "file", 10);
    assert_true(open_as("s", temp_dir_file(&kit_dir, "file"), &ledger) < 0);
    assert_true(ledger_open_readonly(temp_dir_file(&kit_dir, "file"), &ledger) < 0);
    assert_null(ledger);
    ledger_close(NULL);
}

static void readers_see_commits_and_only_those(void **state)
{
    (void)state;
    struct ledger *writer = kit_open(MAP_BYTES);
    commit_leg(writer, 1);
    pid_t child = fork();
    if (child == 0) { /* LMDB allows one handle a process: a reader beside the writer is another process */
        struct ledger *reader = NULL;
        struct ledger_view *view = NULL;
        struct ledger_facts facts = {0};
        int status = ledger_open_readonly(kit_dir.path, &reader);
        status = status == 0 ? ledger_view_begin(reader, &view) : status;
        status = status == 0 ? ledger_view_facts(view, &facts) : status;
        ledger_view_end(view);
        ledger_close(reader);
        _exit(status == 0 && facts.leg_count == 1 && facts.committed_ms == KIT_NOW_MS + 1 ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(writer, &view), 0);
    commit_leg(writer, 2);
    struct ledger_facts facts;
    assert_int_equal(ledger_view_facts(view, &facts), 0);
    assert_int_equal(facts.leg_count, 1); /* a view is one moment */
    ledger_view_end(view);
    ledger_close(writer);
    struct ledger *reader = kit_open_readonly();
    assert_int_equal(kit_check(reader).facts.leg_count, 2);
    ledger_close(reader);
}

static int read_as_somebody(void)
{
    if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) {
        return 2;
    }
    struct ledger *ledger = NULL;
    if (open_as("madrid-01", kit_dir.path, &ledger) != STATUS_DENIED) {
        return 3;
    }
    struct ledger_check_result check;
    if (ledger_open_readonly(kit_dir.path, &ledger) != 0 || ledger_check(ledger, NULL, NULL, &check) != 0) {
        return 4;
    }
    ledger_close(ledger);
    return check.legs == 1 ? 0 : 5;
}

static void reads_from_where_it_may_not_write(void **state)
{
    (void)state;
    struct ledger *writer = kit_open(MAP_BYTES);
    commit_leg(writer, 1);
    ledger_close(writer);
    static const char *const files[] = {"data.mdb", "lock.mdb", "writer.lock"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chmod(temp_dir_file(&kit_dir, files[i]), 0444), 0);
    }
    assert_int_equal(chmod(kit_dir.path, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(read_as_somebody());
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(chmod(kit_dir.path, 0755), 0);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
}

static void only_its_own_databases_make_a_ledger(void **state)
{
    (void)state;
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 8};
    struct kv *kv = NULL;
    unsigned db;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "something", true, &db), 0);
    kv_close(kv);
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_readonly(kit_dir.path, &ledger), STATUS_VERSION);
    assert_null(ledger);
}

/* Making it ended at any of its writes: for a reader there is none yet, and the next writer makes it. */
static void one_in_the_making_is_none_yet(void **state)
{
    (void)state;
    struct ledger *ledger = NULL;
    bool made = false;
    int half_made = 0;
    for (uint64_t number = 1; !made; number++) {
        assert_true(number < 1000);
        pid_t child = fork();
        if (child == 0) {
            faults_watch(kit_dir.path);
            faults_arm(FAULTS_WRITE, number, FAULTS_CUT, 0, false);
            ledger = kit_open(MAP_BYTES);
            faults_watch(NULL);
            _exit(0);
        }
        int result = -1;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFEXITED(result) && (WEXITSTATUS(result) == 0 || WEXITSTATUS(result) == FAULTS_EXIT));
        made = WEXITSTATUS(result) == 0;
        half_made += !made && access(temp_dir_file(&kit_dir, "data.mdb"), F_OK) == 0;
        int status = ledger_open_readonly(kit_dir.path, &ledger);
        assert_int_equal(status, made ? 0 : STATUS_NOT_FOUND);
        if (made) {
            ledger_close(ledger);
        }
        ledger_close(kit_open(MAP_BYTES));
        assert_int_equal(ledger_open_readonly(kit_dir.path, &ledger), 0);
        ledger_close(ledger);
        temp_dir_clear(&kit_dir);
    }
    assert_true(half_made > 9); /* each database takes a commit of several writes */
}

/* Written by a later version: its first byte says so. */
static void a_later_version_is_left_alone(void **state)
{
    (void)state;
    ledger_close(kit_open(MAP_BYTES));
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = MAP_BYTES, .max_dbs = 8};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "meta", false, &db), 0);
    struct record_key key = record_key_text("identity");
    struct buf value = BUF_INIT;
    wire_put_u8(&value, RECORD_VERSION + 1);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(record_put(txn, db, &key, &value), 0);
    assert_int_equal(kv_commit(txn), 0);
    buf_deinit(&value);
    kv_close(kv);
    struct ledger *ledger = NULL;
    assert_int_equal(open_as("madrid-01", kit_dir.path, &ledger), STATUS_VERSION);
    assert_int_equal(ledger_open_readonly(kit_dir.path, &ledger), STATUS_VERSION);
    assert_null(ledger);
}

static void files_that_are_no_ledger_are_put_aside(void **state)
{
    (void)state;
    struct rng rng = {2};
    uint64_t noise[2048];
    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
        noise[i] = rng_next(&rng);
    }
    struct ledger *ledger = NULL;
    for (int kind = 0; kind < 3; kind++) {
        ledger = kit_open(MAP_BYTES);
        commit_leg(ledger, 1);
        ledger_close(ledger);
        if (kind == 0) {
            temp_dir_truncate(&kit_dir, "data.mdb", 100);
        } else if (kind == 1) {
            temp_dir_write(&kit_dir, "data.mdb", 0, noise, sizeof noise);
        } else {
            temp_dir_truncate(&kit_dir, "data.mdb", 0);
        }
        assert_int_equal(ledger_open_readonly(kit_dir.path, &ledger), kind == 2 ? STATUS_NOT_FOUND : STATUS_CORRUPT);
        ledger = kit_open(MAP_BYTES);
        assert_non_null(ledger_mended(ledger));
        assert_true(ledger_mended(ledger)->anew && ledger_mended(ledger)->what[0] != 0);
        assert_int_equal(access(temp_dir_file(&kit_dir, ledger_mended(ledger)->aside), F_OK), 0);
        assert_int_equal(kit_check(ledger).facts.leg_count, 0);
        ledger_close(ledger);
        temp_dir_clear(&kit_dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_ledger_keeps_its_identity, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(there_is_one_writer, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(another_site_is_refused, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(places_that_cannot_be, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(readers_see_commits_and_only_those, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(reads_from_where_it_may_not_write, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(only_its_own_databases_make_a_ledger, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(one_in_the_making_is_none_yet, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_later_version_is_left_alone, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(files_that_are_no_ledger_are_put_aside, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
