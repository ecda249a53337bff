/* The sites: they greet, send what waits, and take for acknowledged what is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/proof/centre_work.h"
#include "tests/support/rng.h"

enum { CHANGED = 204, NO_HELLO = 412, ROUND_MS = 300, TRIES = 3 };

void talk_round(struct work *work, int64_t after_ms)
{
    work->model->wall_ms += after_ms;
    work->model->now_ms += after_ms;
    struct desk_list jobs = desk_take(work->desk, 0);
    (void)clerk_round(work->clerk, &jobs, work->model->wall_ms, work->model->now_ms);
}

/* Takes the payload. */
static int hand_in(struct work *work, enum desk_kind kind, unsigned site, struct buf *payload)
{
    struct desk_job *job = calloc(1, sizeof *job);
    uint8_t *copy = malloc(payload->len + 1);
    if (!job || !copy || payload->failed) {
        free(job);
        free(copy);
        buf_deinit(payload);
        return STATUS_NO_MEMORY;
    }
    job->kind = kind;
    job->site = work->model->sites[site].number;
    job->session = work->model->sites[site].session;
    (void)snprintf(job->site_id, sizeof job->site_id, "%s", model_site_ids[site]);
    (void)snprintf(job->address, sizeof job->address, "192.0.2.%u", site + 1);
    job->payload = copy;
    job->payload_len = payload->len;
    if (payload->len > 0) {
        memcpy(copy, payload->data, payload->len);
    }
    buf_deinit(payload);
    return desk_hand_in(work->desk, job) ? 0 : STATUS_BUSY;
}

/* One job alone through a round; its answer, owned; NULL: it was not to be had. */
static struct desk_job *ask(struct work *work, enum desk_kind kind, unsigned site, struct buf *payload)
{
    if (hand_in(work, kind, site, payload) != 0) {
        return NULL;
    }
    talk_round(work, ROUND_MS);
    struct desk_list answers = desk_collect(work->desk);
    struct desk_job *answer = desk_list_pop(&answers);
    desk_list_clear(&answers);
    return answer;
}

static int code_of(struct work *work, unsigned site, struct desk_job *answer)
{
    unsigned code = answer ? answer->code : 0;
    if (code != CHANGED) {
        (void)snprintf(work->model->why, sizeof work->model->why, "site %s was answered %u %.*s", model_site_ids[site],
                       code, answer ? (int)answer->answer.len : 0,
                       answer && answer->answer.len > 0 ? (const char *)answer->answer.data : "");
        if (code == NO_HELLO) {
            work->model->sites[site].session = 0;
        }
    }
    desk_job_free(answer);
    return code == CHANGED ? 0 : WORK_AGAIN;
}

static int greet(struct work *work, unsigned site)
{
    struct model *model = work->model;
    struct model_site *self = &model->sites[site];
    struct buf payload = BUF_INIT;
    struct message_hello hello = {.protocol = MESSAGE_PROTOCOL,
                                  .site = slice_str(model_site_ids[site]),
                                  .agent_version = slice_str("0.1.0"),
                                  .zone = slice_str(model_told_zones[site]),
                                  .interval_s = INPUT_INTERVAL_S,
                                  .now_ms = model->wall_ms};
    if (self->session != 0) {
        return 0;
    }
    memset(hello.epoch, (int)(site * 16 + self->epoch + 1), sizeof hello.epoch);
    memset(hello.instance, (int)site + 1, sizeof hello.instance);
    self->session = ++model->sessions;
    int status = message_hello_encode(&hello, &payload);
    if (status != 0) {
        buf_deinit(&payload);
    } else {
        status = code_of(work, site, ask(work, DESK_HELLO, site, &payload));
    }
    if (status != 0) {
        self->session = 0;
    }
    return status;
}

static int greet_all(struct work *work, unsigned sites)
{
    int status = 0;
    for (unsigned site = 0; site < INPUT_SITES && status == 0; site++) {
        status = sites & 1U << site ? greet(work, site) : 0;
    }
    return status;
}

/* ---- batches ---- */

static struct message_queue queue_of(const struct model_site *self, unsigned queue)
{
    return (struct message_queue){.number = model_queue_numbers[queue],
                                  .name = slice_str(model_queue_names[queue]),
                                  .label = slice_str(queue ? "Help" : ""),
                                  .sl_threshold_ms = 20000 + 1000U * self->settings,
                                  .short_abandon_ms = 5000};
}

static int add_entry(struct message_batch_writer *writer, const struct model *model, unsigned site, unsigned queue,
                     unsigned slot)
{
    struct input_content content;
    struct input_place place = model_place(model, site, queue, slot);
    struct message_interval interval = {
        .queue = model_queue_numbers[queue], .start_s = input_start_s(slot), .revision = place.revision};
    input_content(model->seed, &place, &content);
    int status = input_summary(&content, &interval.sum);
    if (status == 0) {
        status = message_batch_add(writer, &interval, LIMITS_PAYLOAD_MAX);
    }
    summary_deinit(&interval.sum);
    return status;
}

static int write_batch(struct message_batch_writer *writer, const struct model *model, unsigned site, struct buf *out)
{
    const struct model_site *self = &model->sites[site];
    struct message_batch_head head = {
        .protocol = MESSAGE_PROTOCOL, .site = slice_str(model_site_ids[site]), .interval_s = INPUT_INTERVAL_S};
    memset(head.epoch, (int)(site * 16 + self->epoch + 1), sizeof head.epoch);
    message_batch_begin(writer, &head);
    int status = 0;
    for (unsigned queue = 0; status == 0 && queue < INPUT_QUEUES; queue++) {
        struct message_queue told = queue_of(self, queue);
        status = message_batch_add_queue(writer, &told, LIMITS_PAYLOAD_MAX);
        for (unsigned slot = 0; status == 0 && slot < INPUT_SLOTS; slot++) {
            if (self->entries[queue][slot].waits) {
                status = add_entry(writer, model, site, queue, slot);
            }
        }
    }
    return status == 0 ? message_batch_end(writer, out) : status;
}

static int hand_in_batch(struct work *work, unsigned site)
{
    struct message_batch_writer *writer = NULL;
    struct buf payload = BUF_INIT;
    int status = message_batch_writer_new(&writer);
    if (status == 0) {
        status = write_batch(writer, work->model, site, &payload);
    }
    message_batch_writer_free(writer);
    if (status != 0) {
        buf_deinit(&payload);
        return status;
    }
    return hand_in(work, DESK_BATCH, site, &payload);
}

/* All of a batch that is not named in its answer is acknowledged; nothing of what these sites send may be named. */
static int take_answer(struct work *work, unsigned site, struct desk_job *answer)
{
    struct model *model = work->model;
    struct model_site *self = &model->sites[site];
    struct message_batch_reply reply = {0};
    if (answer->code == CHANGED && answer->answer.len > 0) {
        int status = message_batch_reply_decode(work->arena, buf_slice(&answer->answer), &reply);
        if (status == STATUS_NO_MEMORY) {
            desk_job_free(answer);
            return status;
        }
        (void)snprintf(model->why, sizeof model->why, "site %s: %zu intervals were not taken, the first: %d",
                       model_site_ids[site], reply.item_count,
                       status == 0 && reply.item_count > 0 ? (int)reply.items[0].outcome : -1);
        desk_job_free(answer);
        return WORK_AGAIN;
    }
    int status = code_of(work, site, answer);
    if (status != 0) {
        return status;
    }
    self->settings_wait = false;
    for (unsigned i = 0; i < INPUT_QUEUES * INPUT_SLOTS; i++) {
        struct model_entry *entry = &self->entries[i / INPUT_SLOTS][i % INPUT_SLOTS];
        if (entry->waits) {
            entry->waits = false;
            entry->acked = entry->revision;
            entry->acked_epoch = entry->epoch;
        }
    }
    return 0;
}

static bool anything_waits(const struct model_site *self)
{
    bool any = self->settings_wait;
    for (unsigned i = 0; i < INPUT_QUEUES * INPUT_SLOTS; i++) {
        any = any || self->entries[i / INPUT_SLOTS][i % INPUT_SLOTS].waits;
    }
    return any;
}

static int first_of(int status, int other)
{
    return status != 0 ? status : other;
}

/* All that waits at the sites, in one commit. */
static int send_once(struct work *work, unsigned sites, bool lose_answer)
{
    unsigned order[INPUT_SITES];
    unsigned count = 0;
    int status = greet_all(work, sites);
    for (unsigned site = 0; status == 0 && site < INPUT_SITES; site++) {
        if (sites & 1U << site && anything_waits(&work->model->sites[site])) {
            status = hand_in_batch(work, site);
            order[count] = site;
            count += status == 0;
        }
    }
    talk_round(work, ROUND_MS);
    struct desk_list answers = desk_collect(work->desk);
    if (answers.count != count) {
        status = first_of(status, STATUS_IO);
    }
    for (unsigned i = 0; i < count && answers.count == count - i; i++) {
        struct desk_job *answer = desk_list_pop(&answers);
        if (lose_answer) {
            desk_job_free(answer);
        } else {
            int taken = take_answer(work, order[i], answer);
            status = first_of(status, taken);
        }
    }
    desk_list_clear(&answers);
    return status;
}

int talk_deliver(struct work *work, unsigned sites)
{
    unsigned waiting = 0;
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        waiting |= sites & 1U << site && anything_waits(&work->model->sites[site]) ? 1U << site : 0;
    }
    return waiting ? send_once(work, waiting, false) : 0;
}

/* ---- what changes at a site ---- */

static void change(struct model *model, struct rng *rng, unsigned site, bool anew)
{
    struct model_site *self = &model->sites[site];
    unsigned first = model->paused ? INPUT_EARLY : 0;
    unsigned slots = model->paused ? INPUT_SLOTS - INPUT_EARLY : INPUT_EARLY;
    unsigned slot = first + (unsigned)rng_below(rng, slots);
    struct model_entry *entry = &self->entries[rng_below(rng, INPUT_QUEUES)][slot];
    if (anew || !entry->there || entry->epoch != self->epoch) {
        entry->revision = (uint16_t)(entry->there && entry->epoch == self->epoch ? entry->revision + 1 : 1);
    } else {
        entry->revision = (uint16_t)(entry->revision + 1 + rng_below(rng, 2));
    }
    entry->epoch = self->epoch;
    entry->there = true;
    entry->waits = true;
}

static void change_sites(struct model *model, unsigned sites, unsigned changes, bool anew)
{
    struct rng rng = {.state = model->seed + UINT64_C(1000003) * (model->next + 1)};
    if (model->begun) {
        return;
    }
    for (unsigned site = 0; site < INPUT_SITES; site++) {
        for (unsigned i = 0; sites & 1U << site && i < changes; i++) {
            change(model, &rng, site, anew);
        }
    }
    model->begun = true;
}

int talk_traffic(struct work *work, unsigned sites, unsigned changes, bool lose_answer)
{
    change_sites(work->model, sites, changes, false);
    if (lose_answer && !work->model->lost) {
        int status = send_once(work, sites, true);
        work->model->lost = status == 0;
        return status != 0 ? status : talk_deliver(work, sites);
    }
    return talk_deliver(work, sites);
}

int talk_settings(struct work *work, unsigned site)
{
    struct model_site *self = &work->model->sites[site];
    if (!work->model->begun) {
        self->settings++;
        self->settings_wait = true;
        work->model->begun = true;
    }
    return talk_deliver(work, 1U << site);
}

static int hang_up(struct work *work, unsigned site)
{
    struct buf none = BUF_INIT;
    if (work->model->sites[site].session == 0) {
        return 0;
    }
    int status = hand_in(work, DESK_GONE, site, &none);
    if (status == 0) {
        work->model->sites[site].session = 0;
        talk_round(work, ROUND_MS);
        struct desk_list answers = desk_collect(work->desk);
        desk_list_clear(&answers);
    }
    return status;
}

int talk_hangup(struct work *work, unsigned site)
{
    return hang_up(work, site);
}

/* The old ledger is silent for long enough before the new one speaks. */
int talk_epoch(struct work *work, unsigned site, unsigned changes)
{
    struct model *model = work->model;
    struct model_site *self = &model->sites[site];
    if (!model->begun) {
        int status = talk_deliver(work, 1U << site);
        status = status == 0 ? hang_up(work, site) : status;
        if (status != 0) {
            return status;
        }
        talk_round(work, 100 * 1000);
        self->epoch++;
        change_sites(model, 1U << site, changes, true);
    }
    return talk_deliver(work, 1U << site);
}

static int send_live(struct work *work, unsigned site, bool gap)
{
    struct model *model = work->model;
    struct model_site *self = &model->sites[site];
    struct buf payload = BUF_INIT;
    int status = greet(work, site);
    if (status != 0) {
        return status;
    }
    struct message_queue queue = queue_of(self, 0);
    struct message_gap told = {.from_ms = input_start_s(INPUT_EARLY) * 1000 - INT64_C(60000) * self->gaps,
                               .to_ms = input_start_s(INPUT_EARLY) * 1000 - INT64_C(60000) * self->gaps + 1000,
                               .reason = slice_str("log was rotated away")};
    struct message_live_queue live = {.queue = model_queue_numbers[0],
                                      .waiting = self->waiting,
                                      .oldest_enter_ms = self->waiting ? model->wall_ms - 5000 : 0,
                                      .talking = 1,
                                      .ready = 2,
                                      .paused = -1,
                                      .held = -1,
                                      .logged_in = -1,
                                      .on_call = -1};
    struct message_live message = {.now_ms = model->wall_ms,
                                   .all = true,
                                   .queues = &queue,
                                   .queue_count = 1,
                                   .live = &live,
                                   .live_count = 1,
                                   .gaps = &told,
                                   .gap_count = gap ? 1 : 0,
                                   .heartbeat_s = 30};
    status = message_live_encode(&message, &payload);
    if (status != 0) {
        buf_deinit(&payload);
        return status;
    }
    status = code_of(work, site, ask(work, DESK_LIVE, site, &payload));
    if (status == 0) {
        self->waiting_acked = self->waiting;
        self->live_acked = true;
        self->gaps_acked = gap ? self->gaps : self->gaps_acked;
    }
    return status;
}

int talk_live(struct work *work, unsigned site, unsigned waiting, bool gap)
{
    struct model *model = work->model;
    struct model_site *self = &model->sites[site];
    if (!model->begun) {
        self->waiting = (uint8_t)waiting;
        self->gaps = (uint8_t)(self->gaps + (gap && self->gaps < MODEL_GAPS_MAX));
        model->begun = true;
    }
    return send_live(work, site, gap);
}

/* A heartbeat; also what a site tells first on a new connection. */
int talk_all_live(struct work *work)
{
    struct model_facts facts;
    int status = 0;
    model_facts(work->model, work->model->next, &facts);
    for (unsigned site = 0; status == 0 && site < INPUT_SITES; site++) {
        if (model_may_speak(&facts, site) && work->model->sites[site].live_acked) {
            status = send_live(work, site, false);
        }
    }
    return status;
}
