/* What the clerk takes, refuses and tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ingest/office.h"

static void stores_what_a_site_brings(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    uint64_t held = 0;
    struct office_plan plan = {.protocol = 2, .site = "branch-07", .epoch = 5, .revision = 10, .entered = 4};
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    plan.without_names = true; /* the connection knows them now */
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    plan.revision = 12;
    plan.entered = 6;
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    plan.revision = 11;
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_STALE);
    assert_int_equal(held, 12);
    plan.revision = 12;
    plan.entered = 7;
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held),
                     MESSAGE_CONFLICT);
    struct office_tally tally = office_look(&office, site);
    assert_int_equal(tally.intervals, 1);
    assert_int_equal(tally.entered, 6);
    assert_string_equal(tally.kinds, "conflict ");
    office_close(&office);
}

static void wants_a_greeting_and_names(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    struct office_plan plan = {
        .protocol = 2, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 1, .without_names = true};
    assert_int_equal(office_code(office_send(&office, site, "branch-07", 1, &plan)), 412);
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    struct desk_job *answer = office_send(&office, site, "branch-07", 1, &plan);
    struct message_batch_reply reply;
    assert_int_equal(answer->code, 204);
    assert_int_equal(message_batch_reply_decode(office.arena, buf_slice(&answer->answer), &reply), 0);
    assert_true(reply.names_missing);
    desk_job_free(answer);
    assert_int_equal(office_look(&office, site).intervals, 0);
    office_close(&office);
}

static void serves_the_protocol_before(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    uint64_t held = 0;
    struct office_plan plan = {.protocol = 1, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2};
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    assert_int_equal(office_look(&office, site).entered, 2);
    office_close(&office);
}

static void refuses_what_is_not_the_sites(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    struct office_plan plan = {.protocol = 2, .site = "branch-08", .epoch = 5, .revision = 1, .entered = 2};
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    struct desk_job *answer = office_send(&office, site, "branch-07", 1, &plan);
    assert_int_equal(answer->code, 403);
    assert_true(answer->close);
    assert_non_null(strstr(buf_cstr(&answer->answer), "branch-08"));
    desk_job_free(answer);
    struct office_tally tally = office_look(&office, site);
    assert_int_equal(tally.intervals, 0);
    assert_string_equal(tally.kinds, "foreign-site ");
    office_close(&office);
}

static void refuses_bad_summaries_alone(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    uint64_t held = 0;
    struct office_plan plan = {
        .protocol = 2, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2, .spoiled = true};
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held),
                     MESSAGE_REFUSED);
    struct buf noise = BUF_INIT;
    buf_append_str(&noise, "\xff\xff\xff\xff no protobuf");
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_BATCH, site, "branch-07", 1, &noise))), 400);
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_HELLO, site, "branch-07", 1, &noise))), 400);
    assert_int_equal(office_code(office_ask(&office, office_job(DESK_LIVE, site, "branch-07", 1, &noise))), 400);
    buf_deinit(&noise);
    plan.spoiled = false;
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    office_close(&office);
}

/* Said once, it stays with the site: a stale answer would make it come again with another revision, for ever. */
static void refuses_what_retention_dropped(void **state)
{
    (void)state;
    struct office office;
    bool more = true;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    uint64_t held = 0;
    struct office_plan plan = {.protocol = 2,
                               .site = "branch-07",
                               .epoch = 5,
                               .revision = 10,
                               .entered = 4,
                               .start_s = START_S - 350 * (DAY_MS / 1000)};
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    office.now_ms += MINUTE_MS; /* hours and days are brought up */
    office_round(&office);
    while (more) { /* as if more had been kept once, or the clock been ahead */
        assert_int_equal(store_tend(office.store, office.wall_ms + 200 * DAY_MS, &more), 0);
    }
    assert_int_equal(office_look(&office, site).intervals, 0);
    plan.revision = 11;
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held),
                     MESSAGE_REFUSED);
    plan.start_s = START_S - 250 * (DAY_MS / 1000);
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    assert_int_equal(office_look(&office, site).intervals, 1);
    office_close(&office);
}

static void answers_unknown_versions_clearly(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    struct message_hello hello = office_hello_of(&office, "branch-07", 5, 1);
    struct buf bytes = BUF_INIT;
    hello.protocol = 9;
    assert_int_equal(message_hello_encode(&hello, &bytes), 0);
    struct desk_job *answer = office_ask(&office, office_job(DESK_HELLO, site, "branch-07", 1, &bytes));
    assert_int_equal(answer->code, 501);
    assert_string_equal(buf_cstr(&answer->answer), "protocol 9 is not served here: 1 to 2 are");
    desk_job_free(answer);
    buf_deinit(&bytes);
    office_close(&office);
}

static void a_new_ledger_is_adopted_and_told(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    uint64_t held = 0;
    struct office_plan plan = {.protocol = 2, .site = "branch-07", .epoch = 5, .revision = 90, .entered = 4};
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    office.now_ms += 5 * MINUTE_MS; /* the old one has not been heard of for long */
    plan = (struct office_plan){.protocol = 2, .site = "branch-07", .epoch = 6, .revision = 1, .entered = 3};
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 6, 2), 204);
    assert_int_equal(office_outcome(&office, office_send(&office, site, "branch-07", 2, &plan), &held), MESSAGE_TAKEN);
    struct office_tally tally = office_look(&office, site);
    assert_int_equal(tally.intervals, 1);
    assert_int_equal(tally.entered, 3); /* not twice, and not the old one's */
    assert_string_equal(tally.kinds, "new-epoch ");
    assert_int_equal(office_greet(&office, site, "branch-07", 3, 5, 3), 409); /* an old copy */
    office_close(&office);
}

static void two_boxes_are_told_apart(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 6, 2),
                     409); /* another ledger while the first one lives */
    assert_string_equal(office_look(&office, site).kinds, "two-boxes ");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    office_close(&office);
}

static void a_copied_disk_is_noticed(void **state)
{
    (void)state;
    struct office office;
    uint64_t session;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 5, 2), 204); /* a restart looks like this */
    assert_string_equal(office_look(&office, site).kinds, "");
    assert_true(desk_next_closing(office.desk, &session));
    assert_int_equal(session, 1);
    assert_int_equal(office_greet(&office, site, "branch-07", 3, 5, 1),
                     204); /* but a process that ended does not come back */
    assert_string_equal(office_look(&office, site).kinds, "two-boxes ");
    office_close(&office);
}

static void one_bad_message_does_not_cost_the_others(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t first = office_add_site(&office, "branch-07");
    uint32_t second = office_add_site(&office, "branch-08");
    assert_int_equal(office_greet(&office, first, "branch-07", 1, 5, 1), 204);
    assert_int_equal(office_greet(&office, second, "branch-08", 2, 6, 2), 204);
    struct office_plan good = {.protocol = 2, .site = "branch-08", .epoch = 6, .revision = 1, .entered = 2};
    struct buf bytes = BUF_INIT;
    struct buf noise = BUF_INIT;
    office_write_batch(&good, &bytes);
    buf_append_str(&noise, "\x0f\x00 noise");
    (void)desk_hand_in(office.desk, office_job(DESK_BATCH, first, "branch-07", 1, &noise));
    (void)desk_hand_in(office.desk, office_job(DESK_BATCH, second, "branch-08", 2, &bytes));
    struct desk_list jobs = desk_take(office.desk, 0);
    (void)clerk_round(office.clerk, &jobs, NOW_S * INT64_C(1000), office.now_ms);
    struct desk_list answers = desk_collect(office.desk);
    assert_int_equal(office_code(desk_list_pop(&answers)), 400);
    assert_int_equal(office_code(desk_list_pop(&answers)), 204);
    assert_int_equal(office_look(&office, second).entered, 2);
    buf_deinit(&bytes);
    buf_deinit(&noise);
    office_close(&office);
}

static void tell_live(struct office *office, uint32_t site, bool all, const struct message_live_queue *live,
                      size_t count)
{
    struct buf bytes = BUF_INIT;
    struct message_live told = {.now_ms = NOW_S * INT64_C(1000), .all = all, .live = live, .live_count = count};
    assert_int_equal(message_live_encode(&told, &bytes), 0);
    assert_int_equal(office_code(office_ask(office, office_job(DESK_LIVE, site, "branch-07", 1, &bytes))), 204);
    buf_deinit(&bytes);
}

static void assert_live(struct office *office, uint32_t site, uint32_t waiting, uint32_t talking, int64_t oldest_ms)
{
    struct store_contact contact;
    assert_true(office_contact(office, site, &contact));
    assert_true(contact.live_ms != 0);
    assert_int_equal(contact.waiting, waiting);
    assert_int_equal(contact.talking, talking);
    assert_true(contact.oldest_enter_ms == oldest_ms);
}

/* A queue that is not told of again stays as it was, until one that tells of all leaves it out. */
static void knows_who_waits_now(void **state)
{
    (void)state;
    struct office office;
    office_open(&office);
    uint32_t site = office_add_site(&office, "branch-07");
    const int64_t early_ms = NOW_S * INT64_C(1000) - 60000;
    const struct message_live_queue both[] = {{1, 2, early_ms, 5, -1, -1, -1, -1, -1},
                                              {2, 1, early_ms + 1000, 0, -1, -1, -1, -1, -1}};
    const struct message_live_queue first_idle = {1, 0, 0, 0, -1, -1, -1, -1, -1};
    const struct message_live_queue third = {3, 0, 0, 4, -1, -1, -1, -1, -1};
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    tell_live(&office, site, true, both, 2);
    assert_live(&office, site, 3, 5, early_ms);
    tell_live(&office, site, false, NULL, 0); /* a heartbeat */
    assert_live(&office, site, 3, 5, early_ms);
    tell_live(&office, site, false, &first_idle, 1);
    assert_live(&office, site, 1, 0, early_ms + 1000);
    tell_live(&office, site, true, &third, 1);
    assert_live(&office, site, 0, 4, 0);
    office_close(&office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_what_a_site_brings),
        cmocka_unit_test(wants_a_greeting_and_names),
        cmocka_unit_test(serves_the_protocol_before),
        cmocka_unit_test(refuses_what_is_not_the_sites),
        cmocka_unit_test(refuses_bad_summaries_alone),
        cmocka_unit_test(refuses_what_retention_dropped),
        cmocka_unit_test(answers_unknown_versions_clearly),
        cmocka_unit_test(a_new_ledger_is_adopted_and_told),
        cmocka_unit_test(two_boxes_are_told_apart),
        cmocka_unit_test(a_copied_disk_is_noticed),
        cmocka_unit_test(knows_who_waits_now),
        cmocka_unit_test(one_bad_message_does_not_cost_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
