#include "collector/admit/admit.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/base/utf8.h"

__attribute__((format(printf, 3, 4))) static int refuse(struct admit_why *why, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return status;
}

/* Whether it can be shown and stored as text: no control characters, valid UTF-8. */
static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return utf8_valid(text);
}

static bool interval_length_known(uint32_t interval_s)
{
    return interval_s == 60 || interval_s == 300 || interval_s == 900 || interval_s == 1800 || interval_s == 3600;
}

int admit_site(struct slice claimed, const char *certified, struct admit_why *why)
{
    if (slice_equal(claimed, slice_str(certified))) {
        return 0;
    }
    int shown = claimed.len > 40 ? 40 : (int)claimed.len;
    return is_plain(claimed)
               ? refuse(why, STATUS_INVALID, "it says it is from site \"%.*s\", its certificate says \"%s\"", shown,
                        claimed.data, certified)
               : refuse(why, STATUS_INVALID, "its site id is no text");
}

int admit_hello(const struct message_hello *hello, struct admit_why *why)
{
    if (!interval_length_known(hello->interval_s)) {
        return refuse(why, STATUS_RANGE, "intervals of %" PRIu32 " s are not served", hello->interval_s);
    }
    if (!is_plain(hello->agent_version) || hello->agent_version.len > 31) {
        return refuse(why, STATUS_INVALID, "its version is no text of at most 31 bytes");
    }
    if (!is_plain(hello->zone) || hello->zone.len > 63) {
        return refuse(why, STATUS_INVALID, "its time zone is no text of at most 63 bytes");
    }
    return 0;
}

int admit_batch(const struct message_batch *batch, struct admit_why *why)
{
    if (!interval_length_known(batch->interval_s)) {
        return refuse(why, STATUS_RANGE, "intervals of %" PRIu32 " s are not served", batch->interval_s);
    }
    if (batch->interval_count > LIMITS_BATCH_INTERVALS_MAX) {
        return refuse(why, STATUS_RANGE, "%zu intervals in one batch, %d are allowed", batch->interval_count,
                      LIMITS_BATCH_INTERVALS_MAX);
    }
    return 0;
}

int admit_queue(const struct message_queue *queue, struct admit_why *why)
{
    if (queue->number == 0 || queue->number > LIMITS_QUEUES_MAX) {
        return refuse(why, STATUS_RANGE, "queue number %" PRIu32 " is not within 1 to %d", queue->number,
                      LIMITS_QUEUES_MAX);
    }
    if (queue->name.len == 0 || queue->name.len > LIMITS_QUEUE_NAME_MAX) {
        return refuse(why, STATUS_RANGE, "queue %" PRIu32 " has a name of %zu bytes, 1 to %d are allowed",
                      queue->number, queue->name.len, LIMITS_QUEUE_NAME_MAX);
    }
    if (memchr(queue->name.data, 0, queue->name.len)) {
        return refuse(why, STATUS_INVALID, "queue %" PRIu32 " has a NUL in its name", queue->number);
    }
    if (queue->label.len > 64 || !is_plain(queue->label)) {
        return refuse(why, STATUS_INVALID, "queue %" PRIu32 " has a label that is no text of at most 64 bytes",
                      queue->number);
    }
    return 0;
}

int admit_operator(const struct message_live_operator *who, struct admit_why *why)
{
    if (who->name.len == 0 || who->name.len > LIMITS_OPERATOR_TEXT_MAX || !is_plain(who->name)) {
        return refuse(why, STATUS_INVALID, "an operator's name is no text of 1 to %d bytes", LIMITS_OPERATOR_TEXT_MAX);
    }
    if (who->reason.len > LIMITS_OPERATOR_TEXT_MAX || !is_plain(who->reason)) {
        return refuse(why, STATUS_INVALID, "a pause has a reason that is no text of at most %d bytes",
                      LIMITS_OPERATOR_TEXT_MAX);
    }
    return 0;
}

int admit_gap(const struct message_gap *gap, const struct admit_rules *rules, struct admit_why *why)
{
    if (gap->from_ms < 0 || gap->to_ms < gap->from_ms) {
        return refuse(why, STATUS_RANGE, "it ends before it begins");
    }
    if (gap->to_ms / 1000 > rules->now_s + rules->ahead_s) {
        return refuse(why, STATUS_RANGE, "it ends %" PRId64 " s ahead of the collector's clock",
                      gap->to_ms / 1000 - rules->now_s);
    }
    if (gap->reason.len > 63 || !is_plain(gap->reason)) {
        return refuse(why, STATUS_INVALID, "its reason is no text of at most 63 bytes");
    }
    return 0;
}

static uint64_t waits(const struct summary *sum, enum duration_kind kind)
{
    return sum->duration[kind].hist.total;
}

/* No more of a thing than of what it is a part of. Suspect durations are left out of histograms, so a histogram may
 * hold fewer than were counted, never more. */
static int check_parts(const struct summary *sum, struct admit_why *why)
{
    const uint32_t *flow = sum->flow;
    const uint32_t *cohort = sum->cohort;
    uint64_t exits = (uint64_t)flow[FLOW_EXIT_TIMEOUT] + flow[FLOW_EXIT_EMPTY] + flow[FLOW_WITHDRAWN];
    const struct {
        uint64_t part;
        uint64_t whole;
        const char *text;
    } rules[] = {
        {flow[FLOW_ABANDONED_SHORT], flow[FLOW_ABANDONED], "abandoned_short over abandoned"},
        {flow[FLOW_TRANSFERRED_IN], flow[FLOW_ENTERED], "transferred_in over entered"},
        {cohort[COHORT_ABANDONED_SHORT], cohort[COHORT_ABANDONED], "cohort abandoned_short over abandoned"},
        {waits(sum, DURATION_WAIT_ANSWERED), flow[FLOW_ANSWERED], "wait_answered_ms over answered"},
        {waits(sum, DURATION_WAIT_ABANDONED), flow[FLOW_ABANDONED], "wait_abandoned_ms over abandoned"},
        {waits(sum, DURATION_WAIT_EXIT), exits, "waits of exits over exits"},
        {waits(sum, DURATION_WAIT_KEY), flow[FLOW_EXIT_KEY], "waits of exits by key over exit_key"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].part > rules[i].whole) {
            return refuse(why, STATUS_INVALID, "%s (%" PRIu64 " > %" PRIu64 ")", rules[i].text, rules[i].part,
                          rules[i].whole);
        }
    }
    uint64_t outcomes = 0;
    static const enum cohort_counter ends[] = {COHORT_ANSWERED,   COHORT_ABANDONED, COHORT_EXIT_TIMEOUT,
                                               COHORT_EXIT_EMPTY, COHORT_EXIT_KEY,  COHORT_WITHDRAWN,
                                               COHORT_LOST};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        outcomes += cohort[ends[i]];
    }
    if (outcomes > cohort[COHORT_ENTERED]) {
        return refuse(why, STATUS_INVALID, "more ends than callers in the cohort (%" PRIu64 " > %" PRIu32 ")", outcomes,
                      cohort[COHORT_ENTERED]);
    }
    return 0;
}

/* The maximum lies in the highest bin, and the sum is what such bins can add up to. */
static int check_duration(const struct duration_stat *stat, const char *name, struct admit_why *why)
{
    const struct histogram *hist = &stat->hist;
    if (hist->used == 0) {
        return stat->sum_ms == 0 && stat->max_ms == 0
                   ? 0
                   : refuse(why, STATUS_INVALID, "%s has a sum or maximum but no values", name);
    }
    uint32_t top = hist->bins[hist->used - 1].bin;
    int64_t above_ms = top == 0 ? -1 : histogram_bin_upper(top - 1);
    bool last = top == HISTOGRAM_BINS - 1; /* holds everything beyond it too */
    if ((int64_t)stat->max_ms <= above_ms || (!last && (int64_t)stat->max_ms > histogram_bin_upper(top))) {
        return refuse(why, STATUS_INVALID, "%s has a maximum outside of its highest bin", name);
    }
    double lowest;
    double highest;
    histogram_sum_bounds(hist, &lowest, &highest);
    double sum = (double)stat->sum_ms;
    if (sum < lowest * (1 - 1e-9) || (!last && sum > highest * (1 + 1e-9))) {
        return refuse(why, STATUS_INVALID, "%s has a sum that its bins cannot have", name);
    }
    return 0;
}

int admit_interval(const struct message_interval *interval, uint32_t interval_s, const struct admit_rules *rules,
                   bool *balanced, struct admit_why *why)
{
    const struct summary *sum = &interval->sum;
    if (interval->queue == 0 || interval->queue > LIMITS_QUEUES_MAX) {
        return refuse(why, STATUS_RANGE, "queue number %" PRIu32 " is not within 1 to %d", interval->queue,
                      LIMITS_QUEUES_MAX);
    }
    if (interval->revision == 0) {
        return refuse(why, STATUS_RANGE, "revision 0");
    }
    if (interval->start_s <= 0 || interval->start_s % interval_s != 0 || interval->start_s > INT64_C(253402300799)) {
        return refuse(why, STATUS_RANGE, "no interval begins at %" PRId64, interval->start_s);
    }
    if (interval->start_s > rules->now_s + rules->ahead_s) {
        return refuse(why, STATUS_RANGE, "begins %" PRId64 " s ahead of the collector's clock",
                      interval->start_s - rules->now_s);
    }
    if (rules->oldest_s > 0 && interval->start_s < rules->oldest_s) {
        return refuse(why, STATUS_RANGE, "is older than what the collector keeps");
    }
    int status = check_parts(sum, why);
    for (int i = 0; status == 0 && i < DURATION_COUNT; i++) {
        status = check_duration(&sum->duration[i], summary_duration_names[i], why);
    }
    if (status == 0) {
        *balanced = summary_balanced(sum);
    }
    return status;
}

static double refill(double level, double rate, double max, double seconds)
{
    double filled = level + rate * seconds;
    return filled > max ? max : filled;
}

/* Seconds until `need` is there. More than the bucket ever holds counts as a full bucket. */
static double wait_for(double level, double need, double rate, double max)
{
    double wanted = need > max ? max : need;
    return level >= wanted ? 0 : (wanted - level) / rate;
}

uint32_t admit_flood(struct admit_bucket *bucket, const struct admit_flood *limits, uint64_t bytes, int64_t now_ms)
{
    if (bucket->at_ms == 0) {
        bucket->bytes = limits->bytes_max;
        bucket->messages = limits->messages_max;
    } else {
        double seconds = now_ms > bucket->at_ms ? (double)(now_ms - bucket->at_ms) / 1000 : 0;
        bucket->bytes = refill(bucket->bytes, limits->bytes_per_s, limits->bytes_max, seconds);
        bucket->messages = refill(bucket->messages, limits->messages_per_s, limits->messages_max, seconds);
    }
    bucket->at_ms = now_ms == 0 ? 1 : now_ms;
    double wait_s = wait_for(bucket->bytes, (double)bytes, limits->bytes_per_s, limits->bytes_max);
    double messages_s = wait_for(bucket->messages, 1, limits->messages_per_s, limits->messages_max);
    wait_s = messages_s > wait_s ? messages_s : wait_s;
    if (wait_s > 0) {
        return wait_s < 1 ? 1 : (uint32_t)ceil(wait_s < 3600 ? wait_s : 3600);
    }
    bucket->bytes -= (double)bytes;
    bucket->messages -= 1;
    return 0;
}
