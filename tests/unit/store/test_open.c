/* What is kept beside the numbers: names, epochs, settings, contacts, gaps, events; and who may open a store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/record.h"
#include "tests/support/faults/faults.h"
#include "tests/unit/store/kit.h"

enum { LIMIT_BYTES = 16 << 20, EVENTS_MAX = 10000 };

static struct store_view *view_of(struct store *store)
{
    struct store_view *view = NULL;
    assert_int_equal(store_view_begin(store, &view), 0);
    return view;
}

static void names_keep_their_numbers(void **state)
{
    (void)state;
    struct store *store = kit_open(LIMIT_BYTES);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    kit_queues(store);
    store_abort(store);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    kit_queues(store); /* the numbers given before hold */
    assert_int_equal(store_queue_number(store, slice_make("", 0)), 0);
    assert_int_equal(store_end(store), 0);
    store = kit_reopen(store, LIMIT_BYTES);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    kit_queues(store);
    assert_int_equal(store_queue_number(store, slice_str("new")), KIT_QUEUES + 1);
    assert_int_equal(store_end(store), 0);
    struct store_view *view = view_of(store);
    assert_true(slice_is(store_view_queue_name(view, KIT_QUEUES + 1), "new"));
    assert_int_equal(store_view_queue_find(view, slice_str("support")), 2);
    assert_int_equal(store_view_queue_find(view, slice_str("nobody")), 0);
    assert_int_equal(store_view_queue_name(view, 99).len, 0);
    store_view_end(view);
    store_close(store);
}

static void epochs_are_numbered_as_they_come(void **state)
{
    (void)state;
    struct store *store = kit_open(LIMIT_BYTES);
    uint8_t epochs[3][LIMITS_EPOCH_BYTES];
    uint32_t number = 0;
    bool newest = false;
    for (int i = 0; i < 3; i++) {
        memset(epochs[i], 'a' + i, sizeof epochs[i]);
    }
    assert_int_equal(store_epoch_find(store, 1, epochs[0], 16, &number, &newest), STORE_UNKNOWN);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(store_epoch_adopt(store, 1, epochs[i], &number), 0);
        assert_int_equal(number, i + 1);
    }
    assert_int_equal(store_epoch_adopt(store, 1, epochs[2], &number), 0);
    assert_int_equal(number, 3);
    assert_int_equal(store_epoch_adopt(store, 1, epochs[0], &number), 0); /* it came back */
    assert_int_equal(number, 4);
    assert_int_equal(store_epoch_adopt(store, 2, epochs[2], &number), 0);
    assert_int_equal(number, 1);
    assert_int_equal(store_epoch_find(store, 1, epochs[1], 16, &number, &newest), 0);
    assert_true(number == 2 && !newest);
    assert_int_equal(store_end(store), 0);
    assert_int_equal(store_epoch_find(store, 1, epochs[2], 4, &number, &newest), 0);
    assert_true(number == 3 && !newest);
    assert_int_equal(store_epoch_find(store, 1, epochs[0], 16, &number, &newest), 0);
    assert_true(number == 4 && newest);
    assert_int_equal(store_epoch_find(store, 2, epochs[0], 4, &number, &newest), STORE_UNKNOWN);
    store_close(store);
}

static void contacts_and_settings_come_back(void **state)
{
    (void)state;
    struct store *store = kit_open(LIMIT_BYTES);
    struct store_contact contact = {.last_seen_ms = KIT_NOW_MS, .online = true, .clock_offset_ms = -5, .lag_ms = -1};
    struct queue_settings settings = {.sl_method = SL_GENESYS, .sl_threshold_ms = 15000, .label = "Sales & more"};
    contact.backlog = 7;
    contact.flood_refusals = 8;
    contact.interval_s = 900;
    contact.quality_count = 3;
    contact.quality[2] = UINT64_MAX;
    contact.site_refused = 4;
    contact.live_ms = 77;
    contact.waiting = 5;
    contact.talking = 6;
    contact.oldest_enter_ms = 76;
    contact.live_seen_ms = 78;
    contact.heartbeat_s = 30;
    (void)snprintf(contact.zone, sizeof contact.zone, "Europe/Madrid");
    memset(contact.epoch, 7, sizeof contact.epoch);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    assert_int_equal(store_put_contact(store, 3, &contact), 0);
    assert_int_equal(store_put_queue(store, 3, 1, &settings), 0);
    assert_int_equal(store_put_queue(store, 3, 1, &settings), 0);
    assert_int_equal(store_end(store), 0);
    struct store_view *view = view_of(store);
    struct store_contact found;
    struct queue_settings found_settings;
    assert_false(store_view_contact(view, 2, &found));
    assert_true(store_view_contact(view, 3, &found));
    assert_true(found.last_seen_ms == KIT_NOW_MS && found.online && found.clock_offset_ms == -5 && found.lag_ms == -1);
    assert_true(found.backlog == 7 && found.flood_refusals == 8 && found.interval_s == 900);
    assert_true(found.quality_count == 3 && found.quality[2] == UINT64_MAX && found.site_refused == 4);
    assert_true(found.live_ms == 77 && found.waiting == 5 && found.talking == 6 && found.oldest_enter_ms == 76);
    assert_true(found.live_seen_ms == 78 && found.heartbeat_s == 30);
    assert_string_equal(found.zone, contact.zone);
    assert_memory_equal(found.epoch, contact.epoch, sizeof found.epoch);
    assert_false(store_view_queue_settings(view, 3, 2, &found_settings));
    assert_true(store_view_queue_settings(view, 3, 1, &found_settings));
    assert_true(found_settings.sl_method == SL_GENESYS && found_settings.sl_threshold_ms == 15000);
    assert_string_equal(found_settings.label, settings.label);
    store_view_end(view);
    store_close(store);
}

struct live_seen {
    struct store_live_queue rows[8];
    size_t row_count;
    struct store_live_operator people[8];
    size_t people_count;
    size_t gaps;
};

static int take_live_row(void *ctx, const struct store_live_queue *row)
{
    struct live_seen *seen = ctx;
    seen->rows[seen->row_count++] = *row;
    return 0;
}

static int take_live_operator(void *ctx, const struct store_live_operator *who)
{
    struct live_seen *seen = ctx;
    seen->people[seen->people_count++] = *who;
    return who->state == SHIFT_TALK ? 9 : 0;
}

static int count_live_gap(void *ctx, const struct store_gap *gap)
{
    ((struct live_seen *)ctx)->gaps += gap->to_ms > gap->from_ms;
    return 0;
}

static bool same_row(const struct store_live_queue *a, const struct store_live_queue *b)
{
    return a->queue == b->queue && a->waiting == b->waiting && a->talking == b->talking &&
           a->oldest_enter_ms == b->oldest_enter_ms && a->held == b->held && a->logged_in == b->logged_in &&
           a->ready == b->ready && a->paused == b->paused && a->on_call == b->on_call;
}

static bool same_operator(const struct store_live_operator *a, const struct store_live_operator *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->reason, b->reason) == 0 && a->state == b->state &&
           a->since_ms == b->since_ms && a->queue == b->queue;
}

static void live_views_come_back(void **state)
{
    (void)state;
    struct store *store = kit_open(LIMIT_BYTES);
    struct live_seen seen = {.row_count = 0};
    uint32_t more = 7;
    const struct store_live_queue rows[] = {{0, 0, 0, 0, -1, 9, 3, 1, 5},
                                            {4, 3, 2, KIT_NOW_MS, 1, INT32_MAX - 1, 0, 0, 7},
                                            {UINT32_MAX, UINT32_MAX, 0, -5, -1, -1, -1, -1, -1}};
    const struct store_live_operator people[] = {{"Ana", "lunch", SHIFT_PAUSED, KIT_NOW_MS, 0},
                                                 {"Bea", "", SHIFT_TALK, -3, 4},
                                                 {"Carl", "", SHIFT_UNAVAILABLE, 0, 0}};
    const struct store_gap gap = {.from_ms = KIT_NOW_MS, .to_ms = KIT_NOW_MS + 5, .reason = "no manager"};
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    assert_int_equal(store_put_live(store, 3, rows, 3), 0);
    assert_int_equal(store_put_live(store, 4, rows, 0), 0);
    assert_int_equal(store_put_live(store, 5, NULL, 0), 0);
    assert_int_equal(store_put_operators(store, 3, people, 3, 12), 0);
    assert_int_equal(store_put_live_gap(store, 3, &gap), 0);
    assert_int_equal(store_put_live_gap(store, 3, &gap), 0);
    assert_int_equal(store_end(store), 0);
    store = kit_reopen(store, LIMIT_BYTES);
    struct store_view *view = view_of(store);
    assert_int_equal(store_view_live(view, 3, take_live_row, &seen), 0);
    assert_true(seen.row_count == 3 && same_row(&seen.rows[0], &rows[0]));
    assert_true(same_row(&seen.rows[1], &rows[1]) && same_row(&seen.rows[2], &rows[2]));
    assert_int_equal(store_view_live(view, 4, take_live_row, &seen), 0); /* tells, and all is idle */
    assert_int_equal(store_view_live(view, 5, take_live_row, &seen), STORE_UNTOLD);
    assert_int_equal(store_view_operators(view, 3, &more, take_live_operator, &seen), 9); /* what fn returned */
    assert_true(seen.people_count == 2 && more == 12);
    assert_true(same_operator(&seen.people[0], &people[0]) && same_operator(&seen.people[1], &people[1]));
    assert_int_equal(store_view_operators(view, 4, &more, take_live_operator, &seen), STORE_UNTOLD);
    assert_int_equal(store_view_gaps(view, 3, count_live_gap, &seen), 0);
    assert_int_equal(seen.gaps, 0); /* no calls are missing */
    assert_int_equal(store_view_live_gaps(view, 3, count_live_gap, &seen), 0);
    assert_int_equal(seen.gaps, 1);
    store_view_end(view);
    kit_check(store);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    assert_int_equal(store_put_live(store, 3, NULL, 0), 0);
    assert_int_equal(store_end(store), 0);
    assert_int_equal(store_remove_site(store, 3, &kit_layout), 0);
    view = view_of(store);
    assert_int_equal(store_view_live(view, 3, take_live_row, &seen), STORE_UNTOLD);
    assert_int_equal(store_view_operators(view, 3, &more, take_live_operator, &seen), STORE_UNTOLD);
    assert_int_equal(store_view_live_gaps(view, 3, count_live_gap, &seen), 0);
    assert_int_equal(seen.gaps, 1);
    store_view_end(view);
    store_close(store);
}

static void assert_record(const char *db, struct record_key key, const char *expected)
{
    struct buf value = BUF_INIT;
    char text[256] = "";
    kit_get_raw(db, record_key_slice(&key), &value);
    for (size_t i = 0; i < value.len && i < 100; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", value.data[i]);
    }
    buf_deinit(&value);
    assert_string_equal(text, expected);
}

static store_scope no_group(void *ctx, uint32_t site)
{
    (void)ctx;
    (void)site;
    return STORE_ALL;
}

static int64_t utc_day(void *ctx, store_scope scope, int64_t at_s)
{
    (void)ctx;
    (void)scope;
    return at_s / 86400;
}

/* The head of store_internal.h. */
static void worked_example_is_right(void **state)
{
    (void)state;
    static const struct store_layout layout = {.group_of = no_group, .day_of = utc_day};
    struct store *store = kit_open(LIMIT_BYTES);
    struct summary sum = {.waiting_max = 1};
    uint64_t held;
    bool more;
    sum.flow[FLOW_ENTERED] = sum.flow[FLOW_ABANDONED] = 1;
    sum.cohort[COHORT_ENTERED] = sum.cohort[COHORT_ABANDONED] = 1;
    assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ABANDONED, 2000), 0);
    struct store_interval interval = {.site = 7,
                                      .queue = 1,
                                      .start_s = 1795219200,
                                      .interval_s = 900,
                                      .epoch = 1,
                                      .revision = 3,
                                      .received_ms = INT64_C(1795220101000),
                                      .sum = &sum};
    struct record_key at = record_key_3u32(7, 1795219200, 1);
    struct record_key mark = record_key_4u32(1795219200, 7, 1, 1795219200);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    assert_int_equal(store_put_interval(store, &interval, &held), STORE_TAKEN);
    assert_int_equal(store_end(store), 0);
    store_close(store);
    assert_record("intervals", at, "01010390dea6b7bf68880e010105010104010204000298113c725441");
    assert_record("pending", mark, "");
    store = kit_open(LIMIT_BYTES);
    assert_int_equal(store_roll(store, &layout, KIT_NOW_MS, &more), 0);
    store_close(store);
    assert_record("hours", at, "0101010000000105010105010102d00fd00f04981102fd2fd7");
    store = kit_open(LIMIT_BYTES);
    interval.revision = 4;
    sum.waiting_max = 2;
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    assert_int_equal(store_put_interval(store, &interval, &held), STORE_TAKEN);
    assert_int_equal(store_end(store), 0);
    store_close(store);
    assert_record("pending", mark, "01840701010501010401020400029811bb5331ba");
    summary_deinit(&sum);
}

struct seen {
    unsigned count;
    int64_t last_ms;
};

static int see_gap(void *ctx, const struct store_gap *gap)
{
    struct seen *seen = ctx;
    assert_true(gap->from_ms > seen->last_ms && gap->to_ms == gap->from_ms + 5);
    assert_string_equal(gap->reason, "log missing");
    seen->last_ms = gap->from_ms;
    seen->count++;
    return 0;
}

static int see_event(void *ctx, const struct store_event *event)
{
    struct seen *seen = ctx;
    assert_true(event->at_ms <= seen->last_ms);
    assert_string_equal(event->kind, "conflict");
    seen->last_ms = event->at_ms;
    seen->count++;
    return 0;
}

static void gaps_and_events_are_kept_in_order(void **state)
{
    (void)state;
    struct store *store = kit_open(LIMIT_BYTES);
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    for (int i = 0; i < 40; i++) {
        struct store_gap gap = {KIT_NOW_MS + i % 20 * 1000, KIT_NOW_MS + i % 20 * 1000 + 5, "log missing"};
        assert_int_equal(store_put_gap(store, 2, &gap), 0);
    }
    for (int i = 0; i < EVENTS_MAX + 50; i++) {
        struct store_event event = {KIT_NOW_MS + i, (uint32_t)(1 + i % 2), "conflict", "text"};
        assert_int_equal(store_put_event(store, &event), 0);
    }
    assert_int_equal(store_end(store), 0);
    struct store_view *view = view_of(store);
    struct seen seen = {0};
    assert_int_equal(store_view_gaps(view, 2, see_gap, &seen), 0);
    assert_int_equal(seen.count, 20);
    assert_int_equal(store_view_gaps(view, 1, see_gap, &seen), 0);
    assert_int_equal(seen.count, 20);
    seen = (struct seen){.last_ms = INT64_MAX};
    assert_int_equal(store_view_events(view, 0, see_event, &seen), 0);
    assert_int_equal(seen.count, EVENTS_MAX);
    seen = (struct seen){.last_ms = INT64_MAX};
    assert_int_equal(store_view_events(view, 1, see_event, &seen), 0);
    assert_int_equal(seen.count, EVENTS_MAX / 2);
    store_view_end(view);
    kit_check(store);
    store_close(store);
}

/* Making it ended at any of its writes: for a reader there is none yet, and the next writer makes it. */
static void one_in_the_making_is_none_yet(void **state)
{
    (void)state;
    bool made = false;
    unsigned half_made = 0;
    for (uint64_t number = 1; !made; number++) {
        struct store *store = NULL;
        assert_in_range(number, 1, 999);
        pid_t child = fork();
        if (child == 0) {
            faults_watch(kit_dir.path);
            faults_arm(FAULTS_WRITE, number, FAULTS_CUT, 0, false);
            (void)kit_open(LIMIT_BYTES);
            _exit(0);
        }
        int result = -1;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFEXITED(result) && (WEXITSTATUS(result) == 0 || WEXITSTATUS(result) == FAULTS_EXIT));
        made = WEXITSTATUS(result) == 0;
        half_made += !made && access(temp_dir_file(&kit_dir, "data.mdb"), F_OK) == 0;
        assert_int_equal(store_open_readonly(kit_dir.path, &store), made ? 0 : STATUS_NOT_FOUND);
        store_close(store);
        store = kit_open(LIMIT_BYTES);
        assert_null(store_mended(store)); /* nothing was lost */
        store_close(store);
        assert_int_equal(store_open_readonly(kit_dir.path, &store), 0);
        store_close(store);
        temp_dir_clear(&kit_dir);
    }
    assert_true(half_made > 16); /* each database takes a commit of several writes */
}

static void only_its_own_databases_make_a_store(void **state)
{
    (void)state;
    const struct kv_options options = {.dir = kit_dir.path, .map_bytes = 1 << 20, .max_dbs = 2};
    struct kv *kv = NULL;
    struct store *store = NULL;
    unsigned db;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "something", true, &db), 0);
    kv_close(kv);
    assert_int_equal(store_open_readonly(kit_dir.path, &store), STATUS_VERSION);
    assert_null(store);
}

static void one_writer_any_readers(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct store *other = NULL;
    assert_int_equal(store_open_readonly(temp_dir_file(&kit_dir, "none"), &other), STATUS_NOT_FOUND);
    assert_int_equal(store_open_readonly(kit_dir.path, &other), STATUS_NOT_FOUND);
    store = kit_open(LIMIT_BYTES);
    struct store_options options = {.dir = kit_dir.path, .limit_bytes = LIMIT_BYTES};
    assert_int_equal(store_open_writer(&options, &other), STATUS_BUSY);
    store_close(store);
    store = kit_open(LIMIT_BYTES);
    struct store_facts facts;
    struct store_view *view = view_of(store);
    assert_int_equal(store_view_facts(view, &facts), 0);
    assert_true(facts.created_ms == KIT_NOW_MS && facts.limit_bytes == LIMIT_BYTES && facts.commits == 1);
    store_view_end(view);
    store_close(store);
    struct stat st;
    assert_int_equal(stat(temp_dir_file(&kit_dir, "data.mdb"), &st), 0);
    assert_true(st.st_size < LIMIT_BYTES); /* not the whole limit at once */
    assert_int_equal(store_open_readonly(kit_dir.path, &other), 0);
    kit_check(other);
    store_close(other);
}

static int count_interval(void *ctx, const struct store_interval *item)
{
    (void)item;
    (*(unsigned *)ctx)++;
    return 0;
}

/* A view shows the moment at which it was begun, whatever the writer does meanwhile. */
static void a_view_keeps_its_moment(void **state)
{
    (void)state;
    struct store *store = kit_open(LIMIT_BYTES);
    struct rng rng = {3};
    struct kit_held came = {.there = true, .epoch = 1};
    struct store_view *views[10];
    for (unsigned i = 0; i < 10; i++) {
        views[i] = view_of(store);
        assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
        for (unsigned slot = 0; slot < 5; slot++) {
            kit_summary(&rng, 5, &came.sum);
            came.revision = 1;
            assert_int_equal(kit_put(store, 1, 1, i * 5 + slot, &came), STORE_TAKEN);
        }
        assert_int_equal(store_end(store), 0);
        kit_roll(store);
    }
    for (unsigned i = 0; i < 10; i++) {
        unsigned count = 0;
        assert_int_equal(store_view_intervals(views[i], 1, 0, INT64_MAX, count_interval, &count, NULL), 0);
        assert_int_equal(count, i * 5);
        store_view_end(views[i]);
    }
    summary_deinit(&came.sum);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(worked_example_is_right, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(names_keep_their_numbers, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(epochs_are_numbered_as_they_come, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(contacts_and_settings_come_back, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(live_views_come_back, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(gaps_and_events_are_kept_in_order, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(one_in_the_making_is_none_yet, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(only_its_own_databases_make_a_store, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(one_writer_any_readers, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_view_keeps_its_moment, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
