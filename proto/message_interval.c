#include <string.h>

#include "platform/base/status.h"
#include "proto/message_internal.h"
#include "ringside.pb-c.h"

#define FLOW_FIELD(name) offsetof(Ringside__Flow, name)
static const size_t flow_fields[FLOW_COUNT] = {
    [FLOW_ENTERED] = FLOW_FIELD(entered),
    [FLOW_ANSWERED] = FLOW_FIELD(answered),
    [FLOW_ABANDONED] = FLOW_FIELD(abandoned),
    [FLOW_ABANDONED_SHORT] = FLOW_FIELD(abandoned_short),
    [FLOW_EXIT_TIMEOUT] = FLOW_FIELD(exit_timeout),
    [FLOW_EXIT_EMPTY] = FLOW_FIELD(exit_empty),
    [FLOW_EXIT_KEY] = FLOW_FIELD(exit_key),
    [FLOW_WITHDRAWN] = FLOW_FIELD(withdrawn),
    [FLOW_BLOCKED] = FLOW_FIELD(blocked),
    [FLOW_LOST] = FLOW_FIELD(lost),
    [FLOW_LOST_CONNECTED] = FLOW_FIELD(lost_connected),
    [FLOW_TRANSFERRED_IN] = FLOW_FIELD(transferred_in),
    [FLOW_TRANSFERRED_OUT] = FLOW_FIELD(transferred_out),
    [FLOW_RING_NO_ANSWER] = FLOW_FIELD(ring_no_answer),
    [FLOW_SUSPECT] = FLOW_FIELD(suspect),
};

#define COHORT_FIELD(name) offsetof(Ringside__CohortChange, name)
static const size_t cohort_fields[COHORT_COUNT] = {
    [COHORT_ENTERED] = COHORT_FIELD(entered),
    [COHORT_ANSWERED] = COHORT_FIELD(answered),
    [COHORT_ABANDONED] = COHORT_FIELD(abandoned),
    [COHORT_ABANDONED_SHORT] = COHORT_FIELD(abandoned_short),
    [COHORT_EXIT_TIMEOUT] = COHORT_FIELD(exit_timeout),
    [COHORT_EXIT_EMPTY] = COHORT_FIELD(exit_empty),
    [COHORT_EXIT_KEY] = COHORT_FIELD(exit_key),
    [COHORT_WITHDRAWN] = COHORT_FIELD(withdrawn),
    [COHORT_LOST] = COHORT_FIELD(lost),
    [COHORT_TRANSFERRED_IN] = COHORT_FIELD(transferred_in),
    [COHORT_TRANSFERRED_OUT] = COHORT_FIELD(transferred_out),
};

/* In the order of the field numbers, in which sum_below and max_below go along. */
static const struct {
    enum duration_kind kind;
    size_t offset;
} duration_fields[DURATION_COUNT] = {
    {DURATION_WAIT_ANSWERED, offsetof(Ringside__Interval, wait_answered)},
    {DURATION_WAIT_ABANDONED, offsetof(Ringside__Interval, wait_abandoned)},
    {DURATION_RING, offsetof(Ringside__Interval, ring)},
    {DURATION_TALK, offsetof(Ringside__Interval, talk)},
    {DURATION_HANDLE, offsetof(Ringside__Interval, handle)},
    {DURATION_WAIT_EXIT, offsetof(Ringside__Interval, wait_exit)},
    {DURATION_WAIT_KEY, offsetof(Ringside__Interval, wait_key)},
    {DURATION_HOLD, offsetof(Ringside__Interval, hold)},
};

static ProtobufCBinaryData *bytes_at(void *packed, size_t offset)
{
    return (ProtobufCBinaryData *)(void *)((char *)packed + offset);
}

static uint32_t *counter_at(Ringside__Flow *flow, size_t offset)
{
    return (uint32_t *)(void *)((char *)flow + offset);
}

static int64_t *change_at(Ringside__CohortChange *cohort, size_t offset)
{
    return (int64_t *)(void *)((char *)cohort + offset);
}

static bool put_flow(const uint32_t *flow, Ringside__Flow *out)
{
    bool any = false;
    for (int i = 0; i < FLOW_COUNT; i++) {
        *counter_at(out, flow_fields[i]) = flow[i];
        any |= flow[i] != 0;
    }
    return any;
}

static bool put_cohort(const struct summary *sum, Ringside__CohortChange *out)
{
    bool any = false;
    for (int i = 0; i < COHORT_COUNT; i++) {
        int64_t change = (int64_t)sum->cohort[i] - (int64_t)sum->flow[summary_flow_of_cohort[i]];
        *change_at(out, cohort_fields[i]) = change;
        any |= change != 0;
    }
    return any;
}

static bool same_handle(const struct summary *sum)
{
    const struct duration_stat *talk = &sum->duration[DURATION_TALK];
    const struct duration_stat *handle = &sum->duration[DURATION_HANDLE];
    return talk->sum_ms == handle->sum_ms && talk->max_ms == handle->max_ms &&
           histogram_equal(&talk->hist, &handle->hist);
}

static uint32_t top_edge(const struct histogram *hist)
{
    return (uint32_t)histogram_bin_upper(hist->bins[hist->used - 1].bin);
}

/* What goes along with the histograms: room for the longest list of each. */
struct below {
    uint64_t sum[DURATION_COUNT];
    uint32_t max[DURATION_COUNT];
    size_t count;
};

static void put_below(struct below *below, Ringside__Interval *out)
{
    for (size_t i = 0; i < below->count; i++) {
        if (below->sum[i] != 0) {
            out->n_sum_below = i + 1;
        }
        if (below->max[i] != 0) {
            out->n_max_below = i + 1;
        }
    }
    out->sum_below = below->sum;
    out->max_below = below->max;
}

/* The bytes of all histograms one after the other in room->bins; pointers once they no longer move. */
static int put_durations(const struct summary *sum, struct message_interval_room *room, struct below *below,
                         Ringside__Interval *out)
{
    buf_reset(&room->bins);
    below->count = 0;
    for (int i = 0; i < DURATION_COUNT; i++) {
        const struct duration_stat *stat = &sum->duration[duration_fields[i].kind];
        if (stat->hist.used == 0 || (duration_fields[i].kind == DURATION_HANDLE && same_handle(sum))) {
            continue;
        }
        size_t before = room->bins.len;
        int status = message_bins_put(&stat->hist, !out->fine, &room->scratch, &room->bins);
        if (status != 0) {
            return status;
        }
        bytes_at(out, duration_fields[i].offset)->len = room->bins.len - before;
        below->sum[below->count] = message_bins_edges(&stat->hist) - stat->sum_ms;
        below->max[below->count++] = top_edge(&stat->hist) - stat->max_ms;
    }
    uint8_t *at = room->bins.data;
    for (int i = 0; i < DURATION_COUNT; i++) {
        ProtobufCBinaryData *bytes = bytes_at(out, duration_fields[i].offset);
        bytes->data = at;
        at += bytes->len;
    }
    put_below(below, out);
    return 0;
}

static bool any_fine(const struct summary *sum)
{
    bool coarse = true;
    for (int i = 0; coarse && i < DURATION_COUNT; i++) {
        coarse = message_bins_are_coarse(&sum->duration[i].hist);
    }
    return !coarse;
}

/* A sum or maximum of nothing has no place in the message. */
static bool can_be_told(const struct summary *sum)
{
    for (int i = 0; i < DURATION_COUNT; i++) {
        const struct duration_stat *stat = &sum->duration[i];
        if (stat->hist.used == 0 ? stat->sum_ms != 0 || stat->max_ms != 0 : stat->sum_ms > INT64_MAX) {
            return false;
        }
    }
    return true;
}

int message_interval_pack(const struct message_interval *interval, struct message_place relative, uint32_t number,
                          struct message_interval_room *room, struct buf *out)
{
    const struct summary *sum = &interval->sum;
    if (!can_be_told(sum)) {
        return STATUS_INVALID;
    }
    Ringside__Flow flow = RINGSIDE__FLOW__INIT;
    Ringside__CohortChange cohort = RINGSIDE__COHORT_CHANGE__INIT;
    Ringside__Interval packed = RINGSIDE__INTERVAL__INIT;
    packed.queue = interval->queue;
    packed.start = relative.start;
    packed.revision = relative.revision;
    packed.open = interval->open;
    packed.flow = put_flow(sum->flow, &flow) ? &flow : NULL;
    packed.cohort = put_cohort(sum, &cohort) ? &cohort : NULL;
    packed.waiting_start = sum->waiting_start;
    packed.waiting_end = sum->waiting_end;
    packed.waiting_max = sum->waiting_max;
    packed.fine = any_fine(sum);
    packed.no_handle = sum->duration[DURATION_TALK].hist.used > 0 && sum->duration[DURATION_HANDLE].hist.used == 0;
    struct below below;
    int status = put_durations(sum, room, &below, &packed);
    return status != 0 ? status : message_pack_field(&packed.base, number, out);
}

static void get_flow(Ringside__Flow *from, uint32_t *flow)
{
    for (int i = 0; i < FLOW_COUNT; i++) {
        flow[i] = from ? *counter_at(from, flow_fields[i]) : 0;
    }
}

static int get_cohort(Ringside__CohortChange *from, struct summary *out)
{
    for (int i = 0; i < COHORT_COUNT; i++) {
        int64_t counter = out->flow[summary_flow_of_cohort[i]];
        if (from && __builtin_add_overflow(counter, *change_at(from, cohort_fields[i]), &counter)) {
            return STATUS_INVALID;
        }
        if (counter < 0 || counter > UINT32_MAX) {
            return STATUS_INVALID;
        }
        out->cohort[i] = (uint32_t)counter;
    }
    return 0;
}

static int get_stat(const ProtobufCBinaryData *bytes, bool coarse, uint64_t sum_below, uint32_t max_below,
                    struct duration_stat *out)
{
    int status = message_bins_get(slice_make((const char *)bytes->data, bytes->len), coarse, &out->hist);
    if (status != 0) {
        return status;
    }
    out->sum_ms = message_bins_edges(&out->hist) - sum_below;
    out->max_ms = top_edge(&out->hist) - max_below;
    return out->sum_ms > INT64_MAX ? STATUS_INVALID : 0;
}

static int get_handle(const Ringside__Interval *from, struct summary *out)
{
    if (from->no_handle || from->handle.len > 0) {
        return from->no_handle && from->handle.len > 0 ? STATUS_INVALID : 0;
    }
    const struct duration_stat *talk = &out->duration[DURATION_TALK];
    struct duration_stat *handle = &out->duration[DURATION_HANDLE];
    handle->sum_ms = talk->sum_ms;
    handle->max_ms = talk->max_ms;
    return histogram_copy(&handle->hist, &talk->hist);
}

static int get_durations(Ringside__Interval *from, struct summary *out)
{
    size_t present = 0;
    for (int i = 0; i < DURATION_COUNT; i++) {
        const ProtobufCBinaryData *bytes = bytes_at(from, duration_fields[i].offset);
        if (bytes->len == 0) {
            continue;
        }
        uint64_t sum_below = present < from->n_sum_below ? from->sum_below[present] : 0;
        uint32_t max_below = present < from->n_max_below ? from->max_below[present] : 0;
        present++;
        int status = get_stat(bytes, !from->fine, sum_below, max_below, &out->duration[duration_fields[i].kind]);
        if (status != 0) {
            return status;
        }
    }
    if (from->n_sum_below > present || from->n_max_below > present) {
        return STATUS_INVALID;
    }
    return get_handle(from, out);
}

int message_interval_get(struct Ringside__Interval *from, struct summary *out)
{
    summary_clear(out);
    get_flow(from->flow, out->flow);
    out->waiting_start = from->waiting_start;
    out->waiting_end = from->waiting_end;
    out->waiting_max = from->waiting_max;
    int status = get_cohort(from->cohort, out);
    return status != 0 ? status : get_durations(from, out);
}
