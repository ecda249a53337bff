/* The clerk with a real store and registry, without threads and sockets: jobs in, answers and records out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "collector/ingest/clerk.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/support/temp_dir.h"

enum { NOW_S = 1795284900, START_S = 1795284000, MINUTE_MS = 60000 };

struct office {
    struct temp_dir registry_dir;
    struct temp_dir store_dir;
    struct registry *registry;
    struct store *store;
    struct desk *desk;
    struct clerk *clerk;
    struct ingest_options options;
    struct message_arena *arena;
    int64_t now_ms;
};

static void ignore(void *ctx)
{
    (void)ctx;
}

static void ignore_failure(void *ctx, int status)
{
    (void)ctx;
    (void)status;
}

static void ignore_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    (void)text;
}

static uint32_t add_site(struct office *office, const char *id)
{
    uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    uint8_t key[REGISTRY_KEY_BYTES] = {2};
    struct registry_site site;
    struct registry_invitation invitation = {
        .id = id, .token_psk = psk, .token_expires_ms = NOW_S * INT64_C(1000) + 1000, .now_ms = NOW_S * INT64_C(1000)};
    assert_int_equal(registry_invite(office->registry, &invitation, false, &site), 0);
    assert_int_equal(registry_enrol(office->registry, id, psk, key, "01", NOW_S + 1000, NOW_S * INT64_C(1000)), 0);
    return site.number;
}

static void open_office(struct office *office)
{
    *office = (struct office){.now_ms = 1000};
    log_set_sink(ignore_line, NULL);
    temp_dir_make(&office->registry_dir);
    temp_dir_make(&office->store_dir);
    assert_int_equal(registry_create(office->registry_dir.path), 0);
    assert_int_equal(registry_open(office->registry_dir.path, true, &office->registry), 0);
    struct store_options store = {
        .dir = office->store_dir.path, .limit_bytes = 64 << 20, .now_ms = NOW_S * INT64_C(1000)};
    assert_int_equal(store_open_writer(&store, &office->store), 0);
    office->options = (struct ingest_options){.registry = office->registry,
                                              .store = office->store,
                                              .zone = "UTC",
                                              .oldest_s = 400 * 86400,
                                              .ahead_s = 86400,
                                              .gave_up = ignore_failure};
    assert_int_equal(desk_new(ignore, NULL, &office->desk), 0);
    assert_int_equal(clerk_new(&office->options, office->desk, &office->clerk), 0);
    assert_int_equal(message_arena_new(1 << 20, &office->arena), 0);
}

static void close_office(struct office *office)
{
    message_arena_free(office->arena);
    clerk_free(office->clerk);
    desk_free(office->desk);
    store_close(office->store);
    registry_close(office->registry);
    temp_dir_remove(&office->registry_dir);
    temp_dir_remove(&office->store_dir);
    log_set_sink(NULL, NULL);
}

static struct desk_job *make_job(enum desk_kind kind, uint32_t site, const char *id, uint64_t session,
                                 const struct buf *payload)
{
    struct desk_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->kind = kind;
    job->site = site;
    job->session = session;
    (void)snprintf(job->site_id, sizeof job->site_id, "%s", id);
    job->payload_len = payload ? payload->len : 0;
    job->payload = malloc(job->payload_len + 1);
    assert_non_null(job->payload);
    if (job->payload_len > 0) {
        memcpy(job->payload, payload->data, job->payload_len);
    }
    return job;
}

/* One job through a round; its answer, owned. */
static struct desk_job *ask(struct office *office, struct desk_job *job)
{
    struct desk_list jobs = {0};
    desk_hand_in(office->desk, job);
    jobs = desk_take(office->desk, 0);
    (void)clerk_round(office->clerk, &jobs, NOW_S * INT64_C(1000), office->now_ms);
    struct desk_list answers = desk_collect(office->desk);
    assert_int_equal(answers.count, 1);
    return desk_list_pop(&answers);
}

static struct message_hello hello_of(const char *id, uint8_t epoch, uint8_t instance)
{
    struct message_hello hello = {.protocol = 2,
                                  .site = slice_str(id),
                                  .agent_version = slice_str("0.1.0"),
                                  .zone = slice_str("Europe/Madrid"),
                                  .interval_s = 900,
                                  .now_ms = NOW_S * INT64_C(1000)};
    memset(hello.epoch, epoch, sizeof hello.epoch);
    memset(hello.instance, instance, sizeof hello.instance);
    return hello;
}

static unsigned greet(struct office *office, uint32_t site, const char *id, uint64_t session, uint8_t epoch,
                      uint8_t instance)
{
    struct buf bytes = BUF_INIT;
    struct message_hello hello = hello_of(id, epoch, instance);
    assert_int_equal(message_hello_encode(&hello, &bytes), 0);
    struct desk_job *answer = ask(office, make_job(DESK_HELLO, site, id, session, &bytes));
    unsigned code = answer->code;
    if (code == 204) {
        struct message_hello_reply reply;
        assert_int_equal(message_hello_reply_decode(office->arena, buf_slice(&answer->answer), &reply), 0);
        assert_int_equal(reply.protocol, 2);
        assert_true(reply.now_ms == NOW_S * INT64_C(1000));
    }
    desk_job_free(answer);
    buf_deinit(&bytes);
    return code;
}

struct batch_plan {
    uint32_t protocol;
    const char *site;
    uint8_t epoch;
    uint64_t revision;
    uint32_t entered;
    bool without_names;
    bool spoiled; /* counters that contradict each other */
};

static void write_batch(const struct batch_plan *plan, struct buf *out)
{
    struct message_batch_writer *writer;
    struct message_batch_head head = {.protocol = plan->protocol, .site = slice_str(plan->site), .interval_s = 900};
    memset(head.epoch, plan->epoch, sizeof head.epoch);
    assert_int_equal(message_batch_writer_new(&writer), 0);
    message_batch_begin(writer, &head);
    if (!plan->without_names) {
        struct message_queue queue = {.number = 3, .name = slice_str("sales"), .sl_threshold_ms = 20000};
        assert_int_equal(message_batch_add_queue(writer, &queue, 60000), 0);
    }
    struct message_interval interval = {.queue = 3, .start_s = START_S, .revision = plan->revision};
    interval.sum.flow[FLOW_ENTERED] = plan->entered;
    interval.sum.cohort[COHORT_ENTERED] = plan->entered;
    interval.sum.waiting_end = plan->entered;
    interval.sum.waiting_max = plan->entered;
    interval.sum.flow[FLOW_ABANDONED_SHORT] = plan->spoiled ? 1 : 0;
    assert_int_equal(message_batch_add(writer, &interval, 60000), 0);
    assert_int_equal(message_batch_end(writer, out), 0);
    summary_deinit(&interval.sum);
    message_batch_writer_free(writer);
}

static struct desk_job *send_batch(struct office *office, uint32_t site, const char *id, uint64_t session,
                                   const struct batch_plan *plan)
{
    struct buf bytes = BUF_INIT;
    write_batch(plan, &bytes);
    struct desk_job *answer = ask(office, make_job(DESK_BATCH, site, id, session, &bytes));
    buf_deinit(&bytes);
    return answer;
}

static unsigned code_of(struct desk_job *answer)
{
    unsigned code = answer->code;
    desk_job_free(answer);
    return code;
}

/* The outcome of the one interval in a batch; TAKEN when the reply names none. */
static enum message_outcome outcome_of(struct office *office, struct desk_job *answer, uint64_t *held)
{
    struct message_batch_reply reply = {0};
    enum message_outcome outcome = MESSAGE_TAKEN;
    assert_int_equal(answer->code, 204);
    if (answer->answer.len > 0) {
        assert_int_equal(message_batch_reply_decode(office->arena, buf_slice(&answer->answer), &reply), 0);
        assert_int_equal(reply.item_count, 1);
        outcome = reply.items[0].outcome;
        *held = reply.items[0].held_revision;
    }
    desk_job_free(answer);
    return outcome;
}

struct tally {
    uint64_t intervals;
    uint64_t entered;
    char kinds[256];
};

static int count_interval(void *ctx, const struct store_interval *item)
{
    struct tally *tally = ctx;
    tally->intervals++;
    tally->entered += item->sum->flow[FLOW_ENTERED];
    return 0;
}

static int note_event(void *ctx, const struct store_event *event)
{
    struct tally *tally = ctx;
    size_t len = strlen(tally->kinds);
    (void)snprintf(tally->kinds + len, sizeof tally->kinds - len, "%s ", event->kind);
    return 0;
}

static struct tally look(struct office *office, uint32_t site)
{
    struct tally tally = {0};
    struct store_view *view;
    assert_int_equal(store_view_begin(office->store, &view), 0);
    assert_int_equal(store_view_intervals(view, site, 0, INT64_C(4000000000), count_interval, &tally, NULL), 0);
    assert_int_equal(store_view_events(view, site, note_event, &tally), 0);
    store_view_end(view);
    return tally;
}

static void stores_what_a_site_brings(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    uint64_t held = 0;
    struct batch_plan plan = {.protocol = 2, .site = "branch-07", .epoch = 5, .revision = 10, .entered = 4};
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    plan.without_names = true; /* the connection knows them now */
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    plan.revision = 12;
    plan.entered = 6;
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    plan.revision = 11;
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_STALE);
    assert_int_equal(held, 12);
    plan.revision = 12;
    plan.entered = 7;
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_CONFLICT);
    struct tally tally = look(&office, site);
    assert_int_equal(tally.intervals, 1);
    assert_int_equal(tally.entered, 6);
    assert_string_equal(tally.kinds, "conflict ");
    close_office(&office);
}

static void wants_a_greeting_and_names(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    struct batch_plan plan = {
        .protocol = 2, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 1, .without_names = true};
    assert_int_equal(code_of(send_batch(&office, site, "branch-07", 1, &plan)), 412);
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    struct desk_job *answer = send_batch(&office, site, "branch-07", 1, &plan);
    struct message_batch_reply reply;
    assert_int_equal(answer->code, 204);
    assert_int_equal(message_batch_reply_decode(office.arena, buf_slice(&answer->answer), &reply), 0);
    assert_true(reply.names_missing);
    desk_job_free(answer);
    assert_int_equal(look(&office, site).intervals, 0);
    close_office(&office);
}

static void serves_the_protocol_before(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    uint64_t held = 0;
    struct batch_plan plan = {.protocol = 1, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2};
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    assert_int_equal(look(&office, site).entered, 2);
    close_office(&office);
}

static void refuses_what_is_not_the_sites(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    struct batch_plan plan = {.protocol = 2, .site = "branch-08", .epoch = 5, .revision = 1, .entered = 2};
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    struct desk_job *answer = send_batch(&office, site, "branch-07", 1, &plan);
    assert_int_equal(answer->code, 403);
    assert_true(answer->close);
    assert_non_null(strstr(buf_cstr(&answer->answer), "branch-08"));
    desk_job_free(answer);
    struct tally tally = look(&office, site);
    assert_int_equal(tally.intervals, 0);
    assert_string_equal(tally.kinds, "foreign-site ");
    close_office(&office);
}

static void refuses_bad_summaries_alone(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    uint64_t held = 0;
    struct batch_plan plan = {
        .protocol = 2, .site = "branch-07", .epoch = 5, .revision = 1, .entered = 2, .spoiled = true};
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_REFUSED);
    struct buf noise = BUF_INIT;
    buf_append_str(&noise, "\xff\xff\xff\xff no protobuf");
    assert_int_equal(code_of(ask(&office, make_job(DESK_BATCH, site, "branch-07", 1, &noise))), 400);
    assert_int_equal(code_of(ask(&office, make_job(DESK_HELLO, site, "branch-07", 1, &noise))), 400);
    assert_int_equal(code_of(ask(&office, make_job(DESK_LIVE, site, "branch-07", 1, &noise))), 400);
    buf_deinit(&noise);
    plan.spoiled = false;
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    close_office(&office);
}

static void answers_unknown_versions_clearly(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    struct message_hello hello = hello_of("branch-07", 5, 1);
    struct buf bytes = BUF_INIT;
    hello.protocol = 9;
    assert_int_equal(message_hello_encode(&hello, &bytes), 0);
    struct desk_job *answer = ask(&office, make_job(DESK_HELLO, site, "branch-07", 1, &bytes));
    assert_int_equal(answer->code, 501);
    assert_string_equal(buf_cstr(&answer->answer), "protocol 9 is not served here: 1 to 2 are");
    desk_job_free(answer);
    buf_deinit(&bytes);
    close_office(&office);
}

static void a_new_ledger_is_adopted_and_told(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    uint64_t held = 0;
    struct batch_plan plan = {.protocol = 2, .site = "branch-07", .epoch = 5, .revision = 90, .entered = 4};
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 1, &plan), &held), MESSAGE_TAKEN);
    office.now_ms += 5 * MINUTE_MS; /* the old one has not been heard of for long */
    plan = (struct batch_plan){.protocol = 2, .site = "branch-07", .epoch = 6, .revision = 1, .entered = 3};
    assert_int_equal(greet(&office, site, "branch-07", 2, 6, 2), 204);
    assert_int_equal(outcome_of(&office, send_batch(&office, site, "branch-07", 2, &plan), &held), MESSAGE_TAKEN);
    struct tally tally = look(&office, site);
    assert_int_equal(tally.intervals, 1);
    assert_int_equal(tally.entered, 3); /* not twice, and not the old one's */
    assert_string_equal(tally.kinds, "new-epoch ");
    assert_int_equal(greet(&office, site, "branch-07", 3, 5, 3), 409); /* an old copy */
    close_office(&office);
}

static void two_boxes_are_told_apart(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(greet(&office, site, "branch-07", 2, 6, 2), 409); /* another ledger while the first one lives */
    assert_string_equal(look(&office, site).kinds, "two-boxes ");
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    close_office(&office);
}

static void a_copied_disk_is_noticed(void **state)
{
    (void)state;
    struct office office;
    uint64_t session;
    open_office(&office);
    uint32_t site = add_site(&office, "branch-07");
    assert_int_equal(greet(&office, site, "branch-07", 1, 5, 1), 204);
    assert_int_equal(greet(&office, site, "branch-07", 2, 5, 2), 204); /* a restart looks like this */
    assert_string_equal(look(&office, site).kinds, "");
    assert_true(desk_next_closing(office.desk, &session));
    assert_int_equal(session, 1);
    assert_int_equal(greet(&office, site, "branch-07", 3, 5, 1), 204); /* but a process that ended does not come back */
    assert_string_equal(look(&office, site).kinds, "two-boxes ");
    close_office(&office);
}

static void one_bad_message_does_not_cost_the_others(void **state)
{
    (void)state;
    struct office office;
    open_office(&office);
    uint32_t first = add_site(&office, "branch-07");
    uint32_t second = add_site(&office, "branch-08");
    assert_int_equal(greet(&office, first, "branch-07", 1, 5, 1), 204);
    assert_int_equal(greet(&office, second, "branch-08", 2, 6, 2), 204);
    struct batch_plan good = {.protocol = 2, .site = "branch-08", .epoch = 6, .revision = 1, .entered = 2};
    struct buf bytes = BUF_INIT;
    struct buf noise = BUF_INIT;
    write_batch(&good, &bytes);
    buf_append_str(&noise, "\x0f\x00 noise");
    desk_hand_in(office.desk, make_job(DESK_BATCH, first, "branch-07", 1, &noise));
    desk_hand_in(office.desk, make_job(DESK_BATCH, second, "branch-08", 2, &bytes));
    struct desk_list jobs = desk_take(office.desk, 0);
    (void)clerk_round(office.clerk, &jobs, NOW_S * INT64_C(1000), office.now_ms);
    struct desk_list answers = desk_collect(office.desk);
    assert_int_equal(code_of(desk_list_pop(&answers)), 400);
    assert_int_equal(code_of(desk_list_pop(&answers)), 204);
    assert_int_equal(look(&office, second).entered, 2);
    buf_deinit(&bytes);
    buf_deinit(&noise);
    close_office(&office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_what_a_site_brings),        cmocka_unit_test(wants_a_greeting_and_names),
        cmocka_unit_test(serves_the_protocol_before),       cmocka_unit_test(refuses_what_is_not_the_sites),
        cmocka_unit_test(refuses_bad_summaries_alone),      cmocka_unit_test(answers_unknown_versions_clearly),
        cmocka_unit_test(a_new_ledger_is_adopted_and_told), cmocka_unit_test(two_boxes_are_told_apart),
        cmocka_unit_test(a_copied_disk_is_noticed),         cmocka_unit_test(one_bad_message_does_not_cost_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
