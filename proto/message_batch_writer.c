/* The batch as it is written: queues and intervals are packed as they come, the head when all is known. */
#include <stdlib.h>

#include "platform/base/status.h"
#include "proto/message_internal.h"
#include "ringside.pb-c.h"

enum { FIELD_QUEUES = 4, FIELD_INTERVALS = 7, DEFAULT_INTERVAL_S = 900, EPOCH_START_BYTES = 4 };

struct message_batch_writer {
    struct message_text site;
    uint8_t epoch[LIMITS_EPOCH_BYTES];
    Ringside__Batch head;
    int64_t interval_s;
    size_t count; /* intervals */
    struct message_place base;
    struct message_place last;
    struct buf queues;
    struct buf intervals;
    struct message_interval_room room;
};

int message_batch_writer_new(struct message_batch_writer **out)
{
    struct message_batch_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return STATUS_NO_MEMORY;
    }
    message_batch_begin(writer, &(struct message_batch_head){.protocol = MESSAGE_PROTOCOL});
    *out = writer;
    return 0;
}

void message_batch_writer_free(struct message_batch_writer *writer)
{
    if (writer) {
        buf_deinit(&writer->queues);
        buf_deinit(&writer->intervals);
        buf_deinit(&writer->room.bins);
        histogram_deinit(&writer->room.scratch);
        free(writer);
    }
}

void message_batch_begin(struct message_batch_writer *writer, const struct message_batch_head *head)
{
    Ringside__Batch *packed = &writer->head;
    ringside__batch__init(packed);
    for (size_t i = 0; i < sizeof writer->epoch; i++) {
        writer->epoch[i] = head->epoch[i];
    }
    packed->protocol = head->protocol;
    packed->site = message_text_put(&writer->site, head->site);
    packed->epoch = message_bytes_put(writer->epoch, head->protocol == 1 ? sizeof writer->epoch : EPOCH_START_BYTES);
    packed->interval_seconds = head->interval_s == DEFAULT_INTERVAL_S ? 0 : head->interval_s;
    writer->interval_s = head->interval_s == 0 ? DEFAULT_INTERVAL_S : head->interval_s;
    writer->count = 0;
    buf_reset(&writer->queues);
    buf_reset(&writer->intervals);
}

static size_t batch_bytes(const struct message_batch_writer *writer)
{
    return ringside__batch__get_packed_size(&writer->head) + writer->queues.len + writer->intervals.len;
}

/* Takes back what was appended to `part` if it cannot stay. */
static int settle(const struct message_batch_writer *writer, struct buf *part, size_t before, int status, size_t limit)
{
    if (status == 0 && batch_bytes(writer) > limit) {
        status = STATUS_FULL;
    }
    if (status != 0) {
        part->len = before;
        part->failed = false;
    }
    return status;
}

int message_batch_add_queue(struct message_batch_writer *writer, const struct message_queue *queue, size_t limit_bytes)
{
    size_t before = writer->queues.len;
    int status = message_queue_pack(queue, FIELD_QUEUES, &writer->queues);
    return settle(writer, &writer->queues, before, status, limit_bytes);
}

/* The first interval is what the others are told relative to. */
static void set_base(struct message_batch_writer *writer, struct message_place place)
{
    writer->base = place;
    writer->last = place;
    writer->head.base_start = (uint64_t)place.start;
    writer->head.base_revision = (uint64_t)place.revision;
}

int message_batch_add(struct message_batch_writer *writer, const struct message_interval *interval, size_t limit_bytes)
{
    if (interval->start_s < 0 || interval->start_s % writer->interval_s != 0 || interval->revision > INT64_MAX) {
        return STATUS_INVALID;
    }
    if (writer->count == LIMITS_BATCH_INTERVALS_MAX) {
        return STATUS_FULL;
    }
    struct message_place place = {interval->start_s / writer->interval_s, (int64_t)interval->revision};
    if (writer->count == 0) {
        set_base(writer, place);
    }
    struct message_place relative = {place.start - writer->last.start, place.revision - writer->last.revision};
    size_t before = writer->intervals.len;
    int status = message_interval_pack(interval, relative, FIELD_INTERVALS, &writer->room, &writer->intervals);
    status = settle(writer, &writer->intervals, before, status, limit_bytes);
    if (status == 0) {
        writer->last = place;
        writer->count++;
    } else if (writer->count == 0) {
        set_base(writer, (struct message_place){0, 0});
    }
    return status;
}

int message_batch_end(struct message_batch_writer *writer, struct buf *out)
{
    int status = message_pack(&writer->head.base, out);
    buf_append(out, writer->queues.data, writer->queues.len);
    buf_append(out, writer->intervals.data, writer->intervals.len);
    return out->failed ? STATUS_NO_MEMORY : status;
}
