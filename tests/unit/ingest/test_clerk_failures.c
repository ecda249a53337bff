/* Commits that fail, and sites that ask too much of everybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/ingest/office.h"

/* No key of the store can hold this start: one message that the store as a whole has nothing to do with. */
static const int64_t BEYOND_S = INT64_C(4772100) * 900;

static void hand_in_batch(struct office *office, uint32_t site, const char *id, uint64_t session,
                          const struct office_plan *plan)
{
    struct buf bytes = BUF_INIT;
    office_write_batch(plan, &bytes);
    assert_true(desk_hand_in(office->desk, office_job(DESK_BATCH, site, id, session, &bytes)));
    buf_deinit(&bytes);
}

static void hand_in_gone(struct office *office, uint32_t site, const char *id, uint64_t session)
{
    assert_true(desk_hand_in(office->desk, office_job(DESK_GONE, site, id, session, NULL)));
}

static unsigned next_code(struct desk_list *answers)
{
    return office_code(desk_list_pop(answers));
}

/* What a failed commit counted, told and learned is as if it had not been; the others' messages are stored, once. */
static void a_failed_commit_leaves_nothing_behind(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    office.options.ahead_s = INT64_C(1) << 40;
    uint32_t bad = office_add_site(&office, "branch-07");
    uint32_t good = office_add_site(&office, "branch-08");
    assert_int_equal(office_greet(&office, good, "branch-08", 2, 6, 2), 204);
    struct office_plan good_plan = {.protocol = 2, .site = "branch-08", .epoch = 6, .revision = 1, .entered = 2};
    struct office_plan spoiled = good_plan;
    struct office_plan bad_plan = {
        .protocol = 1, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2, .start_s = BEYOND_S};
    spoiled.spoiled = true;
    hand_in_batch(&office, good, "branch-08", 2, &good_plan);
    hand_in_batch(&office, good, "branch-08", 2, &spoiled);
    hand_in_batch(&office, bad, "branch-07", 1, &bad_plan);
    office_round(&office);
    struct desk_list answers = desk_collect(office.desk);
    assert_int_equal(next_code(&answers), 204);
    assert_int_equal(next_code(&answers), 204);
    assert_int_equal(next_code(&answers), 500);
    struct store_contact contact = {0};
    assert_true(office_contact(&office, good, &contact));
    assert_int_equal(contact.taken, 1);
    assert_int_equal(contact.refused, 1);
    struct office_tally tally = office_look(&office, good);
    assert_int_equal(tally.entered, 2);
    assert_string_equal(tally.kinds, "refused "); /* told in the commit that failed, but not lost with it */
    struct clerk_counters counters;
    clerk_counters(office.clerk, &counters);
    assert_int_equal(counters.intervals, 1);
    assert_true(office_contact(&office, bad, &contact));
    assert_int_equal(contact.taken, 0);
    office_close(&office);
}

/* The one message that cannot be stored is found by halving: the others do not wait for a commit each. */
static void one_bad_message_costs_few_commits(void **state)
{
    (void)state;
    enum { MESSAGES = 64 };
    struct office office;
    struct store_view *view;
    struct store_facts before;
    struct store_facts after;
    office_open(&office);
    office.options.ahead_s = INT64_C(1) << 40;
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(store_view_begin(office.store, &view), 0);
    assert_int_equal(store_view_facts(view, &before), 0);
    store_view_end(view);
    for (int i = 0; i < MESSAGES; i++) {
        struct office_plan plan = {.protocol = 2,
                                   .site = "branch-07",
                                   .epoch = 5,
                                   .revision = (uint64_t)i + 1,
                                   .entered = 1,
                                   .start_s = i == 40 ? BEYOND_S : START_S - i * 900};
        hand_in_batch(&office, site, "branch-07", 1, &plan);
    }
    office_round(&office);
    struct desk_list answers = desk_collect(office.desk);
    for (int i = 0; i < MESSAGES; i++) {
        assert_int_equal(next_code(&answers), i == 40 ? 500 : 204);
    }
    assert_int_equal(office_look(&office, site).intervals, MESSAGES - 1);
    assert_int_equal(store_view_begin(office.store, &view), 0);
    assert_int_equal(store_view_facts(view, &after), 0);
    store_view_end(view);
    assert_in_range(after.commits - before.commits, 1, 16);
    office_close(&office);
}

/* A session that ended while the store was full has ended. */
static void a_site_that_left_while_the_store_was_full_is_not_online(void **state)
{
    (void)state;
    struct office office;
    struct store_contact contact = {0};
    office_open(&office);
    store_close(office.store);
    struct store_options small = {.dir = office.store_dir.path,
                                  .limit_bytes = 2 << 20,
                                  .intervals_keep_ms = INT64_C(400) * 86400 * 1000,
                                  .cells_keep_ms = INT64_C(400) * 86400 * 1000,
                                  .now_ms = office.wall_ms};
    assert_int_equal(store_open_writer(&small, &office.store), 0);
    clerk_free(office.clerk);
    office.options.store = office.store;
    assert_int_equal(clerk_new(&office.options, office.desk, &office.clerk), 0);
    uint32_t site = office_add_site(&office, "branch-07");
    uint32_t other = office_add_site(&office, "branch-08");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_true(office_contact(&office, site, &contact));
    assert_true(contact.online);
    struct desk_list answers = {0};
    unsigned code = 204;
    for (int i = 0; i < 20000 && code == 204; i++) {
        struct office_plan plan = {.protocol = 2,
                                   .site = "branch-07",
                                   .epoch = 5,
                                   .revision = (uint64_t)i + 1,
                                   .entered = 1,
                                   .start_s = START_S - i * 900};
        for (int k = 0; k < 100; k++, i++) {
            plan.start_s = START_S - i * 900;
            hand_in_batch(&office, site, "branch-07", 1, &plan);
        }
        if (i > 15000) {
            hand_in_gone(&office, site, "branch-07", 1);
        }
        office_round(&office);
        answers = desk_collect(office.desk);
        code = answers.first->code;
        desk_list_clear(&answers);
    }
    assert_int_equal(code, 503);
    hand_in_batch(&office, other, "branch-08", 9,
                  &(struct office_plan){.protocol = 1, .site = "branch-08", .epoch = 9, .revision = 1, .entered = 1});
    hand_in_gone(&office, site, "branch-07", 1);
    office_round(&office);
    answers = desk_collect(office.desk);
    assert_int_equal(answers.first->code, 503);
    assert_int_equal(answers.first->max_age_s, 30);
    desk_list_clear(&answers);
    office.wall_ms += INT64_C(1000) * 86400 * 1000; /* everything is past its keep */
    for (int i = 0; i < 200; i++) {
        office.now_ms += 61000;
        office_round(&office);
    }
    assert_true(office_contact(&office, site, &contact));
    assert_false(contact.online);
    office_close(&office);
}

/* A commit that fails makes nobody forget who was there: a second box is none the wiser. */
static void a_failed_commit_opens_no_door_for_a_second_box(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    office.options.ahead_s = INT64_C(1) << 40;
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    struct office_plan bad = {
        .protocol = 2, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2, .start_s = BEYOND_S};
    assert_int_equal(office_code(office_send(&office, site, "branch-07", 1, &bad)), 500);
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 6, 2), 409);
    office_close(&office);
}

static void leave(struct office *office, uint32_t site, const char *id, uint64_t session)
{
    hand_in_gone(office, site, id, session);
    office_round(office);
    struct desk_list answers = desk_collect(office->desk);
    desk_list_clear(&answers);
}

/* A copy of a box that waits for the first one's connection to break does not get in so. */
static void a_broken_connection_gives_no_site_away(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    leave(&office, site, "branch-07", 1);
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 6, 2), 409);
    assert_string_equal(office_look(&office, site).kinds, ""); /* it may be a ledger made anew */
    clerk_free(office.clerk);                                  /* a restart opens no door either */
    assert_int_equal(clerk_new(&office.options, office.desk, &office.clerk), 0);
    assert_int_equal(office_greet(&office, site, "branch-07", 3, 6, 2), 409);
    assert_int_equal(office_greet(&office, site, "branch-07", 4, 5, 1), 204);
    leave(&office, site, "branch-07", 3);
    leave(&office, site, "branch-07", 4);
    office.now_ms += 2 * MINUTE_MS;
    assert_int_equal(office_greet(&office, site, "branch-07", 5, 6, 2), 204);
    assert_string_equal(office_look(&office, site).kinds, "new-epoch ");
    leave(&office, site, "branch-07", 5);
    office.fresh = true; /* a token settles it at once */
    assert_int_equal(office_greet(&office, site, "branch-07", 6, 7, 3), 204);
    office_close(&office);
}

static void joining_again_counts_for_one_ledger(void **state)
{
    (void)state;
    struct office office;
    struct registry_site site;
    office_open(&office);
    uint32_t number = office_add_site(&office, "branch-07");
    office.fresh = true;
    assert_int_equal(office_greet(&office, number, "branch-07", 1, 5, 1), 204);
    assert_int_equal(registry_find(office.registry, slice_str("branch-07"), &site), 0);
    assert_false(site.fresh);
    uint8_t psk[REGISTRY_KEY_BYTES] = {7};
    uint8_t key[REGISTRY_KEY_BYTES] = {8};
    struct registry_invitation again = {
        .id = "branch-07", .token_psk = psk, .token_expires_ms = office.wall_ms + 1000, .now_ms = office.wall_ms};
    assert_int_equal(registry_invite(office.registry, &again, true, &site), 0);
    assert_int_equal(registry_enrol(office.registry, "branch-07", psk, key, "02", NOW_S + 1000, office.wall_ms), 0);
    assert_int_equal(office_greet(&office, number, "branch-07", 2, 5, 2), 204); /* the same ledger as before */
    assert_int_equal(registry_find(office.registry, slice_str("branch-07"), &site), 0);
    assert_false(site.fresh); /* or an old copy would be welcome later */
    office_close(&office);
}

static void the_first_ledger_is_no_news(void **state)
{
    (void)state;
    struct office office;
    uint64_t held = 0;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    struct office_plan plan = {.protocol = 1, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2};
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    assert_string_equal(office_look(&office, site).kinds, "");
    plan.epoch = 6; /* refused, for the other one is alive: it must not show up as the site's */
    assert_int_equal(office_code(office_send(&office, site, "branch-07", 2, &plan)), 409);
    struct store_contact contact = {0};
    assert_true(office_contact(&office, site, &contact));
    assert_int_equal(contact.epoch[0], 5);
    office_close(&office);
}

/* A second greeting that is refused leaves nothing of the first one in force. */
static void a_refused_greeting_opens_nothing(void **state)
{
    (void)state;
    struct office office;
    struct buf bytes = BUF_INIT;
    struct message_live live = {.now_ms = NOW_S * INT64_C(1000), .dirty = 77};
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 5, 2), 204);
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 6, 2), 409);
    assert_int_equal(message_live_encode(&live, &bytes), 0);
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_LIVE, site, "branch-07", 2, &bytes))), 412);
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_LIVE, site, "branch-07", 1, &bytes))), 204);
    buf_deinit(&bytes);
    office_close(&office);
}

/* What was still on its way when the site was removed does not bring it back. */
static void a_removed_site_stays_removed(void **state)
{
    (void)state;
    struct office office;
    struct registry_site record;
    struct store_contact contact;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    struct office_plan plan = {.protocol = 2, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2};
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_code(office_send(&office, site, "branch-07", 1, &plan)), 204);
    assert_int_equal(registry_set_state(office.registry, "branch-07", REGISTRY_REMOVED, office.wall_ms), 0);
    office_round(&office);
    assert_int_equal(registry_find(office.registry, slice_str("branch-07"), &record), STATUS_NOT_FOUND);
    struct desk_job *answer = office_send(&office, site, "branch-07", 1, &plan);
    assert_int_equal(answer->code, 403);
    assert_true(answer->close);
    desk_job_free(answer);
    assert_int_equal(office_look(&office, site).intervals, 0);
    assert_false(office_contact(&office, site, &contact));
    office_close(&office);
}

static void zone_of(struct office *office, uint32_t site, char out[64])
{
    store_scope group;
    office->now_ms += 2000;
    office_round(office);
    assert_int_equal(store_grouping(office->store, site, &group, out), 0);
}

/* Cutting days anew is dear, and a site may say another zone in each greeting. */
static void a_site_that_changes_its_zone_waits(void **state)
{
    (void)state;
    struct office office;
    char zone[64];
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    zone_of(&office, site, zone);
    assert_string_equal(zone, "UTC");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    zone_of(&office, site, zone);
    assert_string_equal(zone, "Europe/Madrid");
    office.zone = "Europe/Lisbon";
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    zone_of(&office, site, zone);
    assert_string_equal(zone, "Europe/Madrid");
    office.now_ms += 10 * MINUTE_MS;
    zone_of(&office, site, zone);
    assert_string_equal(zone, "Europe/Lisbon");
    office_close(&office);
}

/* The room for names is everybody's. */
static void one_site_cannot_take_all_names(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    uint32_t other = office_add_site(&office, "branch-08");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    struct message_batch_writer *writer;
    struct message_batch_head head = {.protocol = 2, .site = slice_str("branch-07"), .interval_s = 900};
    struct buf bytes = BUF_INIT;
    memset(head.epoch, 5, sizeof head.epoch);
    assert_int_equal(message_batch_writer_new(&writer), 0);
    unsigned code = 204;
    uint32_t names = 0;
    while (code == 204 && names < 10000) {
        message_batch_begin(writer, &head);
        for (int i = 0; i < 1000; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "q%u", names++);
            struct message_queue queue = {.number = 1 + names % 100, .name = slice_str(name)};
            assert_int_equal(message_batch_add_queue(writer, &queue, 60000), 0);
        }
        buf_reset(&bytes);
        assert_int_equal(message_batch_end(writer, &bytes), 0);
        struct desk_job *answer = office_ask(&office, office_job(DESK_BATCH, site, "branch-07", 1, &bytes));
        code = answer->code;
        assert_true(code == 204 || answer->max_age_s > 0);
        desk_job_free(answer);
    }
    assert_int_equal(code, 503);
    assert_int_equal(names, 5000);
    assert_string_equal(office_look(&office, site).kinds, "refused ");
    struct office_plan plan = {
        .protocol = 1, .site = "branch-08", .epoch = 6, .revision = 1, .entered = 1, .queue = "new"};
    assert_int_equal(office_code(office_send(&office, other, "branch-08", 2, &plan)), 204);
    assert_int_equal(office_look(&office, other).intervals, 1);
    message_batch_writer_free(writer);
    buf_deinit(&bytes);
    office_close(&office);
}

static int count_gap(void *ctx, const struct store_gap *gap)
{
    (void)gap;
    (*(int *)ctx)++;
    return 0;
}

static void gaps_that_make_no_sense_are_left_out(void **state)
{
    (void)state;
    struct office office;
    struct buf bytes = BUF_INIT;
    const int64_t now_ms = NOW_S * INT64_C(1000);
    const struct message_gap gaps[] = {
        {.from_ms = now_ms - 5000, .to_ms = now_ms - 4000, .reason = slice_str("log was rotated away")},
        {.from_ms = now_ms - 4000, .to_ms = now_ms - 5000, .reason = slice_str("backwards")},
        {.from_ms = now_ms - 3000, .to_ms = INT64_MAX, .reason = slice_str("for ever")},
        {.from_ms = now_ms - 2000, .to_ms = now_ms, .reason = slice_str("\033[2J")},
    };
    struct message_live live = {.now_ms = now_ms, .gaps = gaps, .gap_count = 4};
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(message_live_encode(&live, &bytes), 0);
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_LIVE, site, "branch-07", 1, &bytes))), 204);
    struct store_view *view;
    int held = 0;
    assert_int_equal(store_view_begin(office.store, &view), 0);
    assert_int_equal(store_view_gaps(view, site, count_gap, &held), 0);
    store_view_end(view);
    assert_int_equal(held, 1);
    assert_string_equal(office_look(&office, site).kinds, "refused ");
    buf_deinit(&bytes);
    office_close(&office);
}

static void write_many(struct message_batch_writer *writer, uint64_t revision, struct buf *out)
{
    struct message_batch_head head = {.protocol = 2, .site = slice_str("branch-07"), .interval_s = 900};
    struct message_queue queue = {.number = 3, .name = slice_str("sales")};
    struct message_interval interval = {.queue = 3, .revision = revision};
    memset(head.epoch, 5, sizeof head.epoch);
    message_batch_begin(writer, &head);
    assert_int_equal(message_batch_add_queue(writer, &queue, 60000), 0);
    for (int i = 0; i < LIMITS_BATCH_INTERVALS_MAX; i++) {
        interval.start_s = START_S - i * 900;
        assert_int_equal(message_batch_add(writer, &interval, 60000), 0);
    }
    buf_reset(out);
    assert_int_equal(message_batch_end(writer, out), 0);
    summary_deinit(&interval.sum);
}

/* An answer that the peer cannot take would be none at all: the batch is to come in parts. */
static void more_to_say_than_an_answer_holds(void **state)
{
    (void)state;
    struct office office;
    struct buf bytes = BUF_INIT;
    struct message_batch_writer *writer;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(message_batch_writer_new(&writer), 0);
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    write_many(writer, UINT64_C(1) << 62, &bytes);
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_BATCH, site, "branch-07", 1, &bytes))), 204);
    write_many(writer, 1, &bytes);
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_BATCH, site, "branch-07", 1, &bytes))), 413);
    message_batch_writer_free(writer);
    buf_deinit(&bytes);
    office_close(&office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_commit_leaves_nothing_behind),
        cmocka_unit_test(one_bad_message_costs_few_commits),
        cmocka_unit_test(a_site_that_left_while_the_store_was_full_is_not_online),
        cmocka_unit_test(a_failed_commit_opens_no_door_for_a_second_box),
        cmocka_unit_test(a_broken_connection_gives_no_site_away),
        cmocka_unit_test(joining_again_counts_for_one_ledger),
        cmocka_unit_test(the_first_ledger_is_no_news),
        cmocka_unit_test(a_refused_greeting_opens_nothing),
        cmocka_unit_test(a_removed_site_stays_removed),
        cmocka_unit_test(a_site_that_changes_its_zone_waits),
        cmocka_unit_test(one_site_cannot_take_all_names),
        cmocka_unit_test(gaps_that_make_no_sense_are_left_out),
        cmocka_unit_test(more_to_say_than_an_answer_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
