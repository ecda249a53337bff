#include "tests/proof/centre_input.h"

#include "tests/support/rng.h"

int64_t input_start_s(unsigned slot)
{
    return slot < INPUT_EARLY ? INPUT_FIRST_S + (int64_t)slot * INPUT_INTERVAL_S
                              : INPUT_FIRST_S + INPUT_PAUSE_S + (int64_t)(slot - INPUT_EARLY) * INPUT_INTERVAL_S;
}

int input_slot_of(int64_t start_s)
{
    for (unsigned slot = 0; slot < INPUT_SLOTS; slot++) {
        if (input_start_s(slot) == start_s) {
            return (int)slot;
        }
    }
    return -1;
}

void input_content(uint64_t seed, const struct input_place *place, struct input_content *out)
{
    uint64_t which =
        ((((uint64_t)place->site * INPUT_QUEUES + place->queue) * INPUT_SLOTS + place->slot) * 256 + place->epoch) *
            65536 +
        place->revision;
    struct rng rng = {.state = seed ^ which * UINT64_C(0xd1342543de82ef95)};
    (void)rng_next(&rng);
    *out = (struct input_content){.count = (unsigned)rng_below(&rng, INPUT_CALLS + 1)};
    for (unsigned i = 0; i < out->count; i++) {
        out->calls[i] = (struct input_call){.answered = rng_chance(&rng, 70),
                                            .wait_s = 1 + (uint32_t)rng_below(&rng, 40),
                                            .talk_s = 5 + (uint32_t)rng_below(&rng, INPUT_SECONDS - 6)};
    }
}

static int add_call(struct summary *sum, const struct input_call *call)
{
    sum->flow[FLOW_ENTERED]++;
    sum->cohort[COHORT_ENTERED]++;
    sum->flow[call->answered ? FLOW_ANSWERED : FLOW_ABANDONED]++;
    sum->cohort[call->answered ? COHORT_ANSWERED : COHORT_ABANDONED]++;
    int status = summary_add_duration(sum, call->answered ? DURATION_WAIT_ANSWERED : DURATION_WAIT_ABANDONED,
                                      INT64_C(1000) * call->wait_s);
    if (status == 0 && call->answered) {
        status = summary_add_duration(sum, DURATION_TALK, INT64_C(1000) * call->talk_s);
    }
    if (status == 0 && call->answered) {
        status = summary_add_duration(sum, DURATION_HANDLE, INT64_C(1000) * call->talk_s);
    }
    return status;
}

int input_summary(const struct input_content *content, struct summary *out)
{
    int status = 0;
    summary_clear(out);
    for (unsigned i = 0; status == 0 && i < content->count; i++) {
        status = add_call(out, &content->calls[i]);
    }
    out->waiting_max = content->count;
    return status;
}

static void add_length(struct input_lengths *lengths, uint32_t seconds)
{
    lengths->count++;
    lengths->sum_s += seconds;
    lengths->max_s = seconds > lengths->max_s ? seconds : lengths->max_s;
    lengths->of[seconds]++;
}

void input_tally_add(struct input_tally *tally, const struct input_content *content)
{
    tally->intervals++;
    tally->waiting_max = content->count > tally->waiting_max ? content->count : tally->waiting_max;
    for (unsigned i = 0; i < content->count; i++) {
        const struct input_call *call = &content->calls[i];
        tally->entered++;
        tally->answered += call->answered;
        tally->abandoned += !call->answered;
        add_length(call->answered ? &tally->wait_answered : &tally->wait_abandoned, call->wait_s);
        if (call->answered) {
            add_length(&tally->talk, call->talk_s);
        }
    }
}

/* Whole seconds below 1000 are upper edges of bins of their own. */
static bool lengths_are(const struct input_lengths *lengths, const struct duration_stat *stat)
{
    if (stat->hist.total != lengths->count || stat->sum_ms != lengths->sum_s * 1000 ||
        stat->max_ms != lengths->max_s * 1000) {
        return false;
    }
    uint64_t seen = 0;
    for (uint32_t i = 0; i < stat->hist.used; i++) {
        int64_t upper_ms = histogram_bin_upper(stat->hist.bins[i].bin);
        if (upper_ms % 1000 != 0 || upper_ms / 1000 >= INPUT_SECONDS ||
            lengths->of[upper_ms / 1000] != stat->hist.bins[i].count) {
            return false;
        }
        seen += stat->hist.bins[i].count;
    }
    return seen == lengths->count;
}

static bool counters_are(const struct input_tally *tally, const struct summary *sum)
{
    bool same = true;
    for (int i = 0; i < FLOW_COUNT; i++) {
        uint64_t expected = i == FLOW_ENTERED     ? tally->entered
                            : i == FLOW_ANSWERED  ? tally->answered
                            : i == FLOW_ABANDONED ? tally->abandoned
                                                  : 0;
        same = same && sum->flow[i] == expected;
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        uint64_t expected = i == COHORT_ENTERED     ? tally->entered
                            : i == COHORT_ANSWERED  ? tally->answered
                            : i == COHORT_ABANDONED ? tally->abandoned
                                                    : 0;
        same = same && sum->cohort[i] == expected;
    }
    return same && sum->waiting_start == 0 && sum->waiting_end == 0 && sum->waiting_max == tally->waiting_max;
}

bool input_tally_is(const struct input_tally *tally, const struct summary *sum)
{
    static const struct input_lengths none;
    bool same = counters_are(tally, sum);
    for (int i = 0; same && i < DURATION_COUNT; i++) {
        const struct input_lengths *lengths = i == DURATION_WAIT_ANSWERED                  ? &tally->wait_answered
                                              : i == DURATION_WAIT_ABANDONED               ? &tally->wait_abandoned
                                              : i == DURATION_TALK || i == DURATION_HANDLE ? &tally->talk
                                                                                           : &none;
        same = lengths_are(lengths, &sum->duration[i]);
    }
    return same;
}
