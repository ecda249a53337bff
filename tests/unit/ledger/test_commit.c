#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/ledger/ledger_write.h"
#include "platform/base/status.h"
#include "tests/unit/ledger/kit.h"

enum { MAP_BYTES = 16 << 20, LEGS_MAX = 40000 };

/* What a run of random operations should have left. */
struct model {
    uint64_t seed;
    struct rng rng;
    struct ledger *ledger;
    struct call_leg *legs; /* every leg handed over, in order */
    size_t added;
    size_t committed; /* of these, durable */
    uint64_t seq;
    int64_t now_ms;
    uint64_t lines; /* quality counter as counted, and as committed */
    uint64_t lines_committed;
    bool failing; /* the next commit shall fail */
};

static void add_legs(struct model *model, size_t count)
{
    for (size_t i = 0; i < count && model->added < LEGS_MAX; i++) {
        struct call_leg *leg = &model->legs[model->added++];
        model->now_ms += rng_between(&model->rng, 0, rng_chance(&model->rng, 1) ? 5 * KIT_HOUR_MS : 9000);
        *leg = rng_chance(&model->rng, 50) ? kit_leg(&model->rng, model->seq, model->now_ms)
                                           : kit_plain_leg(&model->rng, model->seq, model->now_ms);
        model->seq++;
        assert_int_equal(ledger_add_closed_leg(model->ledger, leg), 0);
    }
}

static int commit(struct model *model)
{
    ledger_quality(model->ledger)[QUALITY_LINES] = model->lines;
    int status = ledger_begin(model->ledger, model->now_ms);
    if (status != 0) {
        return status;
    }
    struct ledger_progress progress = {.newest_event_ms = model->now_ms, .next_seq = model->seq};
    if (rng_chance(&model->rng, 30)) { /* legs go on closing while a transaction is open */
        add_legs(model, rng_below(&model->rng, 5));
    }
    if (model->failing) {
        struct summary nothing = {0};
        ledger_put_interval(model->ledger, 1, -1, &nothing); /* a time that no key can hold */
    }
    ledger_put_progress(model->ledger, &progress);
    status = ledger_end(model->ledger);
    if (status == 0) {
        model->committed = model->added;
        model->lines_committed = model->lines;
    }
    return status;
}

struct legs_walk {
    const struct model *model;
    size_t at;
};

static int compare_leg(void *ctx, const struct call_leg *leg)
{
    struct legs_walk *walk = ctx;
    assert_true(walk->at < walk->model->committed);
    kit_assert_legs_equal(leg, &walk->model->legs[walk->at++]);
    return 0;
}

/* The ledger holds the newest of what was committed, all of it unless something was dropped, and accounts for it. */
static void compare(const struct model *model, bool all)
{
    struct kit_facts now = kit_check(model->ledger);
    assert_true(now.facts.leg_count <= model->committed);
    if (all) {
        assert_int_equal(now.facts.leg_count, model->committed);
    }
    assert_int_equal(now.facts.quality[QUALITY_LINES], model->lines_committed);
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(model->ledger, &view), 0);
    struct legs_walk walk = {.model = model, .at = model->committed - now.facts.leg_count};
    uint64_t bad = 0;
    assert_int_equal(ledger_view_closed_legs(view, 0, INT64_MAX, compare_leg, &walk, &bad), 0);
    assert_int_equal(walk.at, model->committed);
    assert_int_equal(bad, 0);
    ledger_view_end(view);
}

/* So long a retention that nothing goes, and in half of the runs so short that blocks are closed for their span. */
static struct ledger *open_model(uint64_t seed)
{
    struct ledger_options options = kit_options(MAP_BYTES);
    options.legs_keep_ms = seed % 2 ? INT64_C(40) * KIT_DAY_MS : 0;
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_writer(&options, &ledger), 0);
    return ledger;
}

static void reopen(struct model *model)
{
    ledger_close(model->ledger);
    model->ledger = open_model(model->seed);
    model->added = model->committed; /* what waited is gone, as after a kill */
    model->lines = model->lines_committed;
    assert_int_equal(ledger_quality(model->ledger)[QUALITY_LINES], model->lines);
    struct ledger_progress progress = ledger_progress(model->ledger);
    model->seq = progress.next_seq;
}

static void step(struct model *model, bool *dropped)
{
    bool more;
    switch (rng_below(&model->rng, 10)) {
    case 0:
    case 1:
    case 2: add_legs(model, rng_below(&model->rng, 40)); break;
    case 3: add_legs(model, rng_below(&model->rng, 3000)); break;
    case 4:
    case 5: assert_int_equal(commit(model), 0); break;
    case 6:
        model->failing = true;
        assert_int_equal(commit(model), STATUS_RANGE);
        model->failing = false;
        break;
    case 7:
        assert_int_equal(ledger_tend(model->ledger, model->now_ms, &more), 0);
        assert_false(more);
        break;
    case 8: reopen(model); break;
    default: {
        int status = ledger_shed(model->ledger, 1 + rng_below(&model->rng, 60000));
        assert_true(status == 0 || status == LEDGER_NONE);
        *dropped |= status == 0;
        break;
    }
    }
    model->lines += rng_below(&model->rng, 100);
}

static void accounts_stay_right_whatever_happens(void **state)
{
    (void)state;
    struct call_leg *legs = calloc(LEGS_MAX, sizeof *legs);
    assert_non_null(legs);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct model model = {
            .rng = {seed}, .seed = seed, .ledger = open_model(seed), .legs = legs, .seq = 1, .now_ms = KIT_NOW_MS};
        bool dropped = false;
        for (unsigned i = 0; i < 60; i++) {
            step(&model, &dropped);
            compare(&model, !dropped);
        }
        reopen(&model);
        compare(&model, !dropped);
        ledger_close(model.ledger);
        temp_dir_clear(&kit_dir);
    }
    free(legs);
}

static struct slice name_of(struct ledger *ledger, enum ledger_name_kind kind, uint32_t id)
{
    static char text[100];
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    struct slice name = ledger_view_name(view, kind, id);
    assert_true(name.len < sizeof text);
    memcpy(text, name.data, name.len);
    name.data = text;
    ledger_view_end(view);
    return name;
}

static void names_come_with_the_commit_and_keep_their_ids(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct intern *queues = ledger_names(ledger, LEDGER_QUEUE);
    assert_int_equal(intern_put(queues, slice_str("sales")), 1);
    assert_int_equal(intern_put(ledger_names(ledger, LEDGER_OPERATOR), slice_str("Jos\xc3\xa9 | Pepe")), 1);
    assert_int_equal(name_of(ledger, LEDGER_QUEUE, 1).len, 0);
    struct summary nothing = {0};
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_interval(ledger, 1, -1, &nothing);
    assert_int_equal(ledger_end(ledger), STATUS_RANGE);
    assert_int_equal(name_of(ledger, LEDGER_QUEUE, 1).len, 0);
    kit_commit(ledger);
    assert_true(slice_is(name_of(ledger, LEDGER_QUEUE, 1), "sales"));
    assert_int_equal(intern_put(queues, slice_str("support")), 2);
    bool more;
    assert_int_equal(ledger_tend(ledger, KIT_NOW_MS, &more), 0);
    assert_int_equal(name_of(ledger, LEDGER_QUEUE, 2).len, 0); /* tending takes nothing along */
    kit_commit(ledger);
    assert_int_equal(intern_put(queues, slice_str("never committed")), 3);
    ledger = kit_reopen(ledger, MAP_BYTES);
    queues = ledger_names(ledger, LEDGER_QUEUE);
    assert_int_equal(intern_count(queues), 2);
    assert_int_equal(intern_find(queues, slice_str("support")), 2);
    assert_int_equal(intern_find(ledger_names(ledger, LEDGER_OPERATOR), slice_str("Jos\xc3\xa9 | Pepe")), 1);
    assert_int_equal(intern_put(queues, slice_str("third")), 3);
    ledger_close(ledger);
}

static int add_verb(void *ctx, struct slice verb, uint64_t count)
{
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 200 - len, "%.*s=%llu ", (int)verb.len, verb.data, (unsigned long long)count);
    return 0;
}

static void assert_verbs(struct ledger *ledger, const char *expected)
{
    char text[200] = "";
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_unknown_verbs(view, add_verb, text), 0);
    ledger_view_end(view);
    assert_string_equal(text, expected);
}

static void unknown_verbs_are_counted_by_name(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    ledger_count_verb(ledger, slice_str("FOO"));
    ledger_count_verb(ledger, slice_str("BAR"));
    ledger_count_verb(ledger, slice_str("FOO"));
    assert_verbs(ledger, "");
    kit_commit(ledger);
    assert_verbs(ledger, "FOO=2 BAR=1 ");
    ledger_count_verb(ledger, slice_str("FOO"));
    ledger = kit_reopen(ledger, MAP_BYTES); /* not committed: not counted */
    ledger_count_verb(ledger, slice_str("BAR"));
    kit_commit(ledger);
    assert_verbs(ledger, "FOO=2 BAR=2 ");
    char text[32];
    for (unsigned i = 0; i < LEDGER_VERBS_MAX + 50; i++) { /* a log full of noise */
        (void)snprintf(text, sizeof text, "NOISE%u", i);
        ledger_count_verb(ledger, slice_str(text));
    }
    kit_commit(ledger);
    ledger = kit_reopen(ledger, MAP_BYTES);
    assert_int_equal(intern_count(ledger_names(ledger, LEDGER_VERB)), LEDGER_VERBS_MAX);
    (void)kit_check(ledger);
    ledger_close(ledger);
}

static int keep_cursor(void *ctx, const struct ledger_cursor_record *record)
{
    struct ledger_cursor_record *records = ctx;
    assert_true(record->id >= 1 && record->id <= 3);
    records[record->id] = *record;
    return 0;
}

static void cursors_come_back_whole(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct ledger_cursor_record first = {.cursor = {.source = "queue_log",
                                                    .path = "/var/log/asterisk/queue_log",
                                                    .first_ms = KIT_NOW_MS - 5,
                                                    .last_ms = KIT_NOW_MS,
                                                    .updated_ms = KIT_NOW_MS + 1},
                                         .position = {.device = UINT64_MAX,
                                                      .inode = 77,
                                                      .offset = UINT64_C(1) << 40,
                                                      .head_hash = UINT64_C(0x8000000000000001),
                                                      .tail_hash = 2,
                                                      .head_len = 256,
                                                      .tail_len = 64,
                                                      .first_number = 5,
                                                      .last_number = 9}};
    struct ledger_cursor_record second = {.cursor = {.source = "other", .path = "x"}};
    memset(second.cursor.path, 'p', sizeof second.cursor.path - 1);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_cursor(ledger, &first);
    ledger_put_cursor(ledger, &second);
    assert_int_equal(ledger_end(ledger), 0);
    assert_int_equal(first.id, 1);
    assert_int_equal(second.id, 2);
    first.position.offset++;
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_cursor(ledger, &first);
    assert_int_equal(ledger_end(ledger), 0);
    ledger = kit_reopen(ledger, MAP_BYTES);
    struct ledger_cursor_record records[4] = {0};
    assert_int_equal(ledger_load_cursors(ledger, keep_cursor, records), 0);
    assert_memory_equal(&records[1].position, &first.position, sizeof first.position);
    assert_string_equal(records[1].cursor.path, first.cursor.path);
    assert_string_equal(records[1].cursor.source, first.cursor.source);
    assert_true(records[1].cursor.offset == first.position.offset && records[1].cursor.last_ms == KIT_NOW_MS);
    assert_true(records[1].cursor.first_ms == KIT_NOW_MS - 5 && records[1].cursor.updated_ms == KIT_NOW_MS + 1);
    assert_string_equal(records[2].cursor.path, second.cursor.path);
    assert_int_equal(records[3].id, 0);
    ledger_close(ledger);
}

static int keep_leg(void *ctx, const struct call_leg *leg)
{
    struct call_leg *legs = ctx;
    assert_true(leg->seq < 10);
    assert_int_equal(legs[leg->seq].seq, 0);
    legs[leg->seq] = *leg;
    return 0;
}

static int count_leg(void *ctx, const struct call_leg *leg)
{
    (void)leg;
    (*(unsigned *)ctx)++;
    return 0;
}

static int stop_at_third(void *ctx, const struct call_leg *leg)
{
    assert_true(leg->seq <= 3);
    return ++*(unsigned *)ctx == 3 ? 42 : 0;
}

static void open_legs_are_replaced_and_dropped(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct rng rng = {4};
    struct call_leg legs[4];
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        legs[seq] = kit_leg(&rng, seq, KIT_NOW_MS);
        legs[seq].state = LEG_WAITING;
        ledger_put_open_leg(ledger, &legs[seq]);
    }
    assert_int_equal(ledger_end(ledger), 0);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    legs[2].state = LEG_DONE; /* over, but still looked up */
    legs[2].forget_ms = KIT_NOW_MS + 5;
    ledger_put_open_leg(ledger, &legs[2]);
    ledger_drop_open_leg(ledger, 1);
    ledger_drop_open_leg(ledger, 99);
    assert_int_equal(ledger_end(ledger), 0);
    ledger = kit_reopen(ledger, MAP_BYTES);
    struct call_leg loaded[10] = {0};
    assert_int_equal(ledger_load_open_legs(ledger, keep_leg, loaded), 0);
    assert_int_equal(loaded[1].seq, 0);
    kit_assert_legs_equal(&loaded[2], &legs[2]);
    assert_int_equal(loaded[2].forget_ms, KIT_NOW_MS + 5);
    kit_assert_legs_equal(&loaded[3], &legs[3]);
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    unsigned open = 0;
    unsigned closed = 0;
    assert_int_equal(ledger_view_open_legs(view, count_leg, &open, NULL), 0);
    assert_int_equal(ledger_view_closed_legs(view, INT64_MIN, INT64_MAX, count_leg, &closed, NULL), 0);
    ledger_view_end(view);
    assert_int_equal(open, 1);
    assert_int_equal(closed, 1);
    ledger_close(ledger);
}

struct seen {
    unsigned count;
    int64_t starts[20];
    uint32_t queues[20];
    uint32_t revisions[20];
    uint32_t entered[20];
};

static int see_interval(void *ctx, const struct ledger_interval *item)
{
    struct seen *seen = ctx;
    assert_true(seen->count < 20);
    seen->starts[seen->count] = item->start_s;
    seen->queues[seen->count] = item->queue;
    seen->revisions[seen->count] = item->revision;
    seen->entered[seen->count++] = item->summary->flow[FLOW_ENTERED];
    return 0;
}

static struct seen see(struct ledger *ledger, int64_t from_s, int64_t to_s)
{
    struct seen seen = {0};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_intervals(view, from_s, to_s, see_interval, &seen, NULL), 0);
    ledger_view_end(view);
    return seen;
}

static void put_interval(struct ledger *ledger, uint32_t queue, int64_t start_s, unsigned calls)
{
    struct rng rng = {queue + calls};
    struct summary sum = {0};
    kit_summary(&rng, calls, &sum);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_put_interval(ledger, queue, start_s, &sum);
    assert_int_equal(ledger_end(ledger), 0);
    summary_deinit(&sum);
}

static void intervals_are_replaced_by_revision_and_counted_once(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    put_interval(ledger, 2, 900, 3);
    put_interval(ledger, 1, 900, 4);
    put_interval(ledger, 1, 1800, 5);
    put_interval(ledger, 1, 0, 6); /* late: older than all */
    put_interval(ledger, 1, 900, 7);
    put_interval(ledger, 2, 900, 0); /* all taken back: kept with its revision, not shown */
    assert_int_equal(kit_check(ledger).facts.interval_count, 4);
    struct seen seen = see(ledger, 0, INT64_MAX);
    assert_int_equal(seen.count, 3);
    const int64_t starts[] = {0, 900, 1800};
    const uint32_t entered[] = {6, 7, 5};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(seen.starts[i] == starts[i] && seen.entered[i] == entered[i] && seen.queues[i] == 1);
    }
    const uint32_t commits[] = {4, 5, 3}; /* each came with a commit of its own */
    assert_memory_equal(seen.revisions, commits, sizeof commits);
    assert_int_equal(see(ledger, 900, 1800).count, 1);
    assert_int_equal(see(ledger, 901, 1800).count, 0);
    assert_int_equal(see(ledger, -5, 1).count, 1);
    ledger = kit_reopen(ledger, MAP_BYTES);
    struct summary sum = {0};
    assert_int_equal(ledger_load_interval(ledger, 2, 900, &sum), 0);
    assert_true(summary_is_zero(&sum));
    assert_int_equal(ledger_load_interval(ledger, 1, 900, &sum), 0);
    assert_true(sum.flow[FLOW_ENTERED] == 7);
    assert_int_equal(ledger_load_interval(ledger, 3, 900, &sum), LEDGER_NONE);
    assert_int_equal(ledger_load_interval(ledger, 1, 2700, &sum), LEDGER_NONE);
    summary_deinit(&sum);
    ledger_close(ledger);
}

static int see_gap(void *ctx, const struct ledger_gap *gap)
{
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 200 - len, "%lld-%lld %s; ", (long long)gap->from_ms, (long long)gap->to_ms,
                   gap->reason);
    return 0;
}

static void gaps_and_settings_come_back(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    const struct ledger_gap gaps[] = {{.from_ms = 900, .to_ms = 950, .reason = "later"},
                                      {.from_ms = 100, .to_ms = 200, .reason = "one"},
                                      {.from_ms = 100, .to_ms = 300, .reason = "other"}};
    const struct queue_settings settings = {
        .sl_method = 3, .sl_threshold_ms = 30000, .short_abandon_ms = 0, .label = "Ventas"};
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    for (size_t i = 0; i < 3; i++) {
        ledger_add_gap(ledger, &gaps[i]);
    }
    ledger_put_queue_settings(ledger, 7, &settings);
    ledger_put_zone(ledger, "Europe/Madrid");
    assert_int_equal(ledger_end(ledger), 0);
    ledger = kit_reopen(ledger, MAP_BYTES);
    assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
    ledger_add_gap(ledger, &gaps[1]); /* the same again is another one */
    assert_int_equal(ledger_end(ledger), 0);
    char text[200] = "";
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_gaps(view, see_gap, text), 0);
    assert_string_equal(text, "100-200 one; 100-300 other; 100-200 one; 900-950 later; ");
    char zone[65];
    assert_true(ledger_view_zone(view, zone, sizeof zone));
    assert_string_equal(zone, "Europe/Madrid");
    assert_false(ledger_view_zone(view, zone, 8)); /* no room for it */
    struct queue_settings back;
    assert_true(ledger_view_queue_settings(view, 7, &back));
    assert_int_equal(back.sl_method, settings.sl_method);
    assert_int_equal(back.sl_threshold_ms, settings.sl_threshold_ms);
    assert_int_equal(back.short_abandon_ms, settings.short_abandon_ms);
    assert_false(ledger_view_queue_settings(view, 8, &back));
    ledger_view_end(view);
    ledger_close(ledger);
}

static void a_walk_covers_its_span_and_stops_where_the_caller_says(void **state)
{
    (void)state;
    struct ledger *ledger = kit_open(MAP_BYTES);
    struct rng rng = {3};
    for (unsigned i = 0; i < 2000; i++) {
        struct call_leg leg = kit_plain_leg(&rng, i + 1, KIT_NOW_MS + (int64_t)i * 60000);
        assert_int_equal(ledger_add_closed_leg(ledger, &leg), 0);
    }
    kit_commit(ledger);
    const int64_t from_ms = KIT_NOW_MS + INT64_C(1500) * 60000;
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    unsigned count = 0;
    assert_int_equal(ledger_view_closed_legs(view, from_ms, from_ms + KIT_HOUR_MS, count_leg, &count, NULL), 0);
    assert_int_equal(count, 60);
    count = 0;
    assert_int_equal(ledger_view_closed_legs(view, INT64_MIN, INT64_MAX, count_leg, &count, NULL), 0);
    assert_int_equal(count, 2000);
    assert_int_equal(ledger_view_closed_legs(view, 0, INT64_MAX, stop_at_third, &(unsigned){0}, NULL), 42);
    ledger_view_end(view);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accounts_stay_right_whatever_happens, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(names_come_with_the_commit_and_keep_their_ids, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(unknown_verbs_are_counted_by_name, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(cursors_come_back_whole, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(open_legs_are_replaced_and_dropped, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(intervals_are_replaced_by_revision_and_counted_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(gaps_and_settings_come_back, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_walk_covers_its_span_and_stops_where_the_caller_says, kit_setup,
                                        kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
