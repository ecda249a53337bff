#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

enum {
    CHANGED = 204,
    BAD_REQUEST = 400,
    FORBIDDEN = 403,
    NO_HELLO = 412,
    TOO_LARGE = 413,
    NOT_IMPLEMENTED = 501,
    UNAVAILABLE = 503
};
enum { REASONS_MAX = 64 /* sentences in one reply; further refusals go without */ };

struct batch_work {
    struct clerk *clerk;
    struct clerk_site *site;
    struct clerk_peer *peer;
    const struct message_batch *batch;
    struct admit_rules rules;
    size_t reply_count;
    size_t reason_count;
    bool names_missing;
    struct buf reasons; /* text of the replies, by offset until all are known */
};

static int learn_queue(struct clerk_peer *peer, uint32_t number, uint32_t queue)
{
    if (number >= peer->queue_count) {
        uint32_t count = (number + 32) & ~UINT32_C(31);
        uint32_t *queues = realloc(peer->queues, count * sizeof *queues);
        if (!queues) {
            return STATUS_NO_MEMORY;
        }
        memset(queues + peer->queue_count, 0, (count - peer->queue_count) * sizeof *queues);
        peer->queues = queues;
        peer->queue_count = count;
    }
    peer->queues[number] = queue;
    return 0;
}

uint32_t clerk_queue_of(const struct clerk_peer *peer, uint32_t number)
{
    return number < peer->queue_count ? peer->queues[number] : 0;
}

/* The store's number of a name: 0 where there is no room, or the site named too many new queues (*later). Numbers grow
 * with each new name. After a start, the first to tell the last one of the known names pays for it too. */
static uint32_t number_of(struct clerk *clerk, struct clerk_site *site, struct slice name, bool *later)
{
    *later = !clerk_may_add(clerk, site);
    uint32_t queue = *later ? 0 : store_queue_number(clerk->store, name);
    if (queue > clerk->newest_queue) {
        clerk->newest_queue = queue;
    } else if (!*later) {
        clerk_give_back(site);
    }
    return queue;
}

int clerk_take_queues(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer,
                      const struct message_queue *queues, size_t count, struct admit_why *why)
{
    for (size_t i = 0; i < count; i++) {
        const struct message_queue *told = &queues[i];
        if (admit_queue(told, why) != 0) {
            return CLERK_REFUSED_JOB;
        }
        bool later;
        uint32_t queue = number_of(clerk, site, told->name, &later);
        if (queue == 0) {
            (void)snprintf(why->text, sizeof why->text, "%s",
                           later ? "it names too many new queues" : "the collector has no room for more queue names");
            return later ? CLERK_PUT_OFF_JOB : CLERK_REFUSED_JOB;
        }
        struct queue_settings settings = {.sl_method = told->sl_method,
                                          .sl_threshold_ms = told->sl_threshold_ms,
                                          .short_abandon_ms = told->short_abandon_ms};
        (void)snprintf(settings.label, sizeof settings.label, "%.*s", (int)told->label.len, told->label.data);
        int status = store_put_queue(clerk->store, site->number, queue, &settings);
        if (status == 0) {
            status = learn_queue(peer, told->number, queue);
        }
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int add_reply(struct batch_work *work, uint32_t index, enum message_outcome outcome, uint64_t held_revision,
                     const char *reason)
{
    struct clerk *clerk = work->clerk;
    struct message_item_reply *replies =
        grow_array(clerk->replies, work->reply_count, &clerk->reply_cap, sizeof *replies);
    if (!replies) {
        return STATUS_NO_MEMORY;
    }
    clerk->replies = replies;
    size_t len = reason && work->reason_count < REASONS_MAX ? strlen(reason) : 0;
    work->reason_count += len > 0;
    buf_append(&work->reasons, reason, len);
    replies[work->reply_count++] = (struct message_item_reply){
        .index = index, .outcome = outcome, .held_revision = held_revision, .reason = {NULL, len}};
    return work->reasons.failed ? STATUS_NO_MEMORY : 0;
}

static int refuse_item(struct batch_work *work, uint32_t index, const char *reason)
{
    work->site->contact.refused++;
    clerk_tell(work->clerk, work->site, CLERK_REFUSED, "a summary was refused: %s", reason);
    return add_reply(work, index, MESSAGE_REFUSED, 0, reason);
}

static int put(struct batch_work *work, uint32_t index, uint32_t queue, bool balanced)
{
    struct clerk *clerk = work->clerk;
    struct store_contact *contact = &work->site->contact;
    const struct message_interval *interval = &clerk->interval;
    struct store_interval record = {.site = work->site->number,
                                    .queue = queue,
                                    .start_s = interval->start_s,
                                    .interval_s = work->batch->interval_s,
                                    .epoch = work->peer->epoch_number,
                                    .revision = interval->revision,
                                    .received_ms = clerk->wall_ms,
                                    .open = interval->open,
                                    .sum = &interval->sum};
    uint64_t held = 0;
    int outcome = store_put_interval(clerk->store, &record, &held);
    if (outcome < 0) {
        return outcome;
    }
    switch ((enum store_outcome)outcome) {
    case STORE_TAKEN:
        contact->taken++;
        contact->unbalanced += !balanced;
        contact->newest_start_s =
            interval->start_s > contact->newest_start_s ? interval->start_s : contact->newest_start_s;
        clerk->intervals++;
        return 0;
    case STORE_REPEATED: contact->repeated++; return 0;
    case STORE_STALE: contact->stale++; return add_reply(work, index, MESSAGE_STALE, held, NULL);
    case STORE_CONFLICT:
        contact->conflicts++;
        clerk_tell(clerk, work->site, CLERK_CONFLICT,
                   "the same revision %" PRIu64
                   " of an interval came with other content: two boxes, or a ledger that was "
                   "put back to an older copy",
                   interval->revision);
        return add_reply(work, index, MESSAGE_CONFLICT, held, NULL);
    case STORE_DROPPED: return refuse_item(work, index, "is older than what the collector keeps");
    }
    return STATUS_UNSUPPORTED;
}

static int take_one(struct batch_work *work, uint32_t index, int decoded)
{
    const struct message_interval *interval = &work->clerk->interval;
    const struct clerk_peer *peer = work->peer;
    struct admit_why why = {""};
    bool balanced = true;
    if (decoded != 0) {
        return refuse_item(work, index, "its content cannot be read");
    }
    if (admit_interval(interval, work->batch->interval_s, &work->rules, &balanced, &why) != 0) {
        return refuse_item(work, index, why.text);
    }
    uint32_t queue = clerk_queue_of(peer, interval->queue);
    if (queue == 0) {
        work->names_missing = true;
        return 0;
    }
    return put(work, index, queue, balanced);
}

static int take_all(struct batch_work *work, struct message_batch *batch)
{
    for (uint32_t index = 0;; index++) {
        int decoded = message_batch_next(batch, &work->clerk->interval);
        if (decoded == MESSAGE_END) {
            return 0;
        }
        if (decoded == STATUS_NO_MEMORY) {
            return decoded;
        }
        int status = take_one(work, index, decoded);
        if (status != 0) {
            return status;
        }
    }
}

static int reply(struct batch_work *work, struct desk_job *job)
{
    job->code = CHANGED;
    if (work->reply_count == 0 && !work->names_missing) {
        return 0;
    }
    size_t at = 0;
    for (size_t i = 0; i < work->reply_count; i++) {
        struct slice *reason = &work->clerk->replies[i].reason;
        *reason = slice_make((const char *)work->reasons.data + at, reason->len);
        at += reason->len;
    }
    struct message_batch_reply answer = {
        .items = work->clerk->replies, .item_count = work->reply_count, .names_missing = work->names_missing};
    int status = message_batch_reply_encode(&answer, &job->answer);
    if (status == 0 && job->answer.len > LIMITS_PAYLOAD_MAX) { /* what was taken comes again and changes nothing */
        clerk_answer(job, TOO_LARGE, "so much is to be said about this batch that no answer holds it: send fewer");
    }
    return status;
}

static int refuse_batch(struct clerk *clerk, struct clerk_site *site, struct desk_job *job, unsigned code,
                        enum clerk_event event, const char *text)
{
    clerk_tell(clerk, site, event, "a message was refused: %s", text);
    clerk_answer(job, code, text);
    return CLERK_REFUSED_JOB;
}

/* Of protocol 1, which has no greeting. */
static void note_contact(const struct clerk *clerk, struct clerk_site *site, const struct message_batch *batch,
                         const struct desk_job *job)
{
    struct store_contact *contact = &site->contact;
    if (!contact->online) {
        contact->online = true;
        contact->connected_ms = clerk->wall_ms;
    }
    contact->interval_s = batch->interval_s;
    memcpy(contact->epoch, batch->epoch, sizeof contact->epoch);
    (void)snprintf(contact->address, sizeof contact->address, "%s", job->address);
}

/* Whose batch it is and of which ledger. Positive: refused. */
static int identify(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer,
                    const struct message_batch *batch, struct desk_job *job)
{
    struct admit_why why = {""};
    if (admit_site(batch->site, job->site_id, &why) != 0) {
        job->close = true;
        return refuse_batch(clerk, site, job, FORBIDDEN, CLERK_FOREIGN, why.text);
    }
    if (admit_batch(batch, &why) != 0) {
        return refuse_batch(clerk, site, job, BAD_REQUEST, CLERK_REFUSED, why.text);
    }
    if (batch->protocol == 1) { /* it had no greeting: every batch says what there is to know */
        if (memcmp(peer->epoch, batch->epoch, sizeof peer->epoch) != 0) {
            clerk_peer_unsettle(peer);
            memcpy(peer->epoch, batch->epoch, sizeof peer->epoch);
        }
        peer->protocol = 1;
    } else if (peer->protocol < 2 || memcmp(peer->epoch, batch->epoch, batch->epoch_len) != 0) {
        clerk_answer(job, NO_HELLO, "say hello first");
        return CLERK_REFUSED_JOB;
    }
    int status = peer->epoch_number == 0 ? clerk_settle_epoch(clerk, site, peer, job) : 0;
    if (status == 0 && batch->protocol == 1) {
        note_contact(clerk, site, batch, job);
    }
    return status;
}

int clerk_batch(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job)
{
    struct message_batch batch = {0};
    char text[96];
    int status = message_batch_decode(clerk->arena, slice_make((const char *)job->payload, job->payload_len), &batch);
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status == STATUS_VERSION) {
        (void)snprintf(text, sizeof text, "protocol %" PRIu32 " is not served here: %d to %d are", batch.protocol,
                       MESSAGE_PROTOCOL_OLDEST, MESSAGE_PROTOCOL);
        status = refuse_batch(clerk, site, job, NOT_IMPLEMENTED, CLERK_PROTOCOL, text);
    } else if (status != 0) {
        status = refuse_batch(clerk, site, job, BAD_REQUEST, CLERK_REFUSED, "the batch cannot be read");
    } else {
        status = identify(clerk, site, peer, &batch, job);
    }
    if (status != 0) {
        return status < 0 ? status : 0;
    }
    struct admit_why why = {""};
    status = clerk_take_queues(clerk, site, peer, batch.queues, batch.queue_count, &why);
    if (status != 0) {
        if (status > 0) {
            bool later = status == CLERK_PUT_OFF_JOB;
            (void)refuse_batch(clerk, site, job, later ? UNAVAILABLE : BAD_REQUEST, CLERK_REFUSED, why.text);
            job->max_age_s = later ? CLERK_PUT_OFF_S : 0;
        }
        return status < 0 ? status : 0;
    }
    int64_t now_s = clerk->wall_ms / 1000;
    struct batch_work work = {.clerk = clerk,
                              .site = site,
                              .peer = peer,
                              .batch = &batch,
                              .rules = {.now_s = now_s,
                                        .oldest_s = clerk->options->oldest_s ? now_s - clerk->options->oldest_s : 0,
                                        .ahead_s = clerk->options->ahead_s}};
    status = take_all(&work, &batch);
    if (status == 0) {
        status = reply(&work, job);
    }
    if (status == 0) {
        site->contact.ack_ms = clerk->wall_ms;
    }
    buf_deinit(&work.reasons);
    return status;
}
