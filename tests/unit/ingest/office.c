#include "tests/unit/ingest/office.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/log.h"
#include "platform/base/status.h"
#include "tests/unit/ingest/quiet.h"

static void ignore(void *ctx)
{
    (void)ctx;
}

uint32_t office_add_site(struct office *office, const char *id)
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

void office_open(struct office *office)
{
    *office = (struct office){.now_ms = 1000, .wall_ms = NOW_S * INT64_C(1000), .zone = "Europe/Madrid"};
    log_set_sink(quiet_line, NULL);
    temp_dir_make(&office->registry_dir);
    temp_dir_make(&office->store_dir);
    assert_int_equal(registry_create(office->registry_dir.path), 0);
    assert_int_equal(registry_open(office->registry_dir.path, true, &office->registry), 0);
    struct store_options store = {.dir = office->store_dir.path,
                                  .limit_bytes = 64 << 20,
                                  .intervals_keep_ms = 500 * DAY_MS,
                                  .now_ms = NOW_S * INT64_C(1000)};
    assert_int_equal(store_open_writer(&store, &office->store), 0);
    office->options = (struct ingest_options){.registry = office->registry,
                                              .store = office->store,
                                              .zone = "UTC",
                                              .oldest_s = 400 * 86400,
                                              .ahead_s = 86400,
                                              .gave_up = quiet_failure};
    assert_int_equal(desk_new(ignore, NULL, &office->desk), 0);
    assert_int_equal(clerk_new(&office->options, office->desk, &office->clerk), 0);
    assert_int_equal(message_arena_new(1 << 20, &office->arena), 0);
}

void office_close(struct office *office)
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

struct desk_job *office_job(enum desk_kind kind, uint32_t site, const char *id, uint64_t session,
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

void office_round(struct office *office)
{
    struct desk_list jobs = desk_take(office->desk, 0);
    (void)clerk_round(office->clerk, &jobs, office->wall_ms, office->now_ms);
}

bool office_contact(struct office *office, uint32_t site, struct store_contact *out)
{
    struct store_view *view;
    office->now_ms += 10000; /* contacts are written now and then */
    office_round(office);
    assert_int_equal(store_view_begin(office->store, &view), 0);
    bool found = store_view_contact(view, site, out);
    store_view_end(view);
    return found;
}

/* One job through a round; its answer, owned. */
struct desk_job *office_ask(struct office *office, struct desk_job *job)
{
    job->fresh = office->fresh;
    assert_true(desk_hand_in(office->desk, job));
    office_round(office);
    struct desk_list answers = desk_collect(office->desk);
    assert_int_equal(answers.count, 1);
    return desk_list_pop(&answers);
}

struct message_hello office_hello_of(const struct office *office, const char *id, uint8_t epoch, uint8_t instance)
{
    struct message_hello hello = {.protocol = 2,
                                  .site = slice_str(id),
                                  .agent_version = slice_str("0.1.0"),
                                  .zone = slice_str(office->zone),
                                  .interval_s = 900,
                                  .now_ms = NOW_S * INT64_C(1000)};
    memset(hello.epoch, epoch, sizeof hello.epoch);
    memset(hello.instance, instance, sizeof hello.instance);
    return hello;
}

unsigned office_greet(struct office *office, uint32_t site, const char *id, uint64_t session, uint8_t epoch,
                      uint8_t instance)
{
    struct buf bytes = BUF_INIT;
    struct message_hello hello = office_hello_of(office, id, epoch, instance);
    assert_int_equal(message_hello_encode(&hello, &bytes), 0);
    struct desk_job *answer = office_ask(office, office_job(DESK_HELLO, site, id, session, &bytes));
    unsigned code = answer->code;
    if (code == 204) {
        struct message_hello_reply reply;
        assert_int_equal(message_hello_reply_decode(office->arena, buf_slice(&answer->answer), &reply), 0);
        assert_int_equal(reply.protocol, 2);
        assert_true(reply.now_ms == NOW_S * INT64_C(1000));
        assert_true(reply.has_store);
        assert_memory_equal(reply.store, store_generation(office->store), sizeof reply.store);
    }
    desk_job_free(answer);
    buf_deinit(&bytes);
    return code;
}

void office_write_batch(const struct office_plan *plan, struct buf *out)
{
    struct message_batch_writer *writer;
    struct message_batch_head head = {.protocol = plan->protocol, .site = slice_str(plan->site), .interval_s = 900};
    memset(head.epoch, plan->epoch, sizeof head.epoch);
    assert_int_equal(message_batch_writer_new(&writer), 0);
    message_batch_begin(writer, &head);
    if (!plan->without_names) {
        struct message_queue queue = {
            .number = 3, .name = slice_str(plan->queue ? plan->queue : "sales"), .sl_threshold_ms = 20000};
        assert_int_equal(message_batch_add_queue(writer, &queue, 60000), 0);
    }
    struct message_interval interval = {
        .queue = 3, .start_s = plan->start_s ? plan->start_s : START_S, .revision = plan->revision};
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

struct desk_job *office_send(struct office *office, uint32_t site, const char *id, uint64_t session,
                             const struct office_plan *plan)
{
    struct buf bytes = BUF_INIT;
    office_write_batch(plan, &bytes);
    struct desk_job *answer = office_ask(office, office_job(DESK_BATCH, site, id, session, &bytes));
    buf_deinit(&bytes);
    return answer;
}

unsigned office_code(struct desk_job *answer)
{
    unsigned code = answer->code;
    desk_job_free(answer);
    return code;
}

/* The outcome of the one interval in a batch; TAKEN when the reply names none. */
enum message_outcome office_outcome(struct office *office, struct desk_job *answer, uint64_t *held)
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

static int count_interval(void *ctx, const struct store_interval *item)
{
    struct office_tally *tally = ctx;
    tally->intervals++;
    tally->entered += item->sum->flow[FLOW_ENTERED];
    return 0;
}

static int note_event(void *ctx, const struct store_event *event)
{
    struct office_tally *tally = ctx;
    size_t len = strlen(tally->kinds);
    (void)snprintf(tally->kinds + len, sizeof tally->kinds - len, "%s ", event->kind);
    return 0;
}

struct office_tally office_look(struct office *office, uint32_t site)
{
    struct office_tally tally = {0};
    struct store_view *view;
    assert_int_equal(store_view_begin(office->store, &view), 0);
    assert_int_equal(store_view_intervals(view, site, 0, INT64_C(4000000000), count_interval, &tally, NULL), 0);
    assert_int_equal(store_view_events(view, site, note_event, &tally), 0);
    store_view_end(view);
    return tally;
}
