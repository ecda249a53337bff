#include "tests/proof/damage/ledger_fill.h"

#include <stdio.h>
#include <stdlib.h>

void ledger_fill_must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "making the ledger: %s failed\n", what);
        abort();
    }
}

struct call_leg ledger_fill_leg(struct rng *rng, uint64_t seq, int64_t end_ms)
{
    struct call_leg leg = {.seq = seq, .contact = seq, .caller = rng_next(rng) >> 16, .end_ms = end_ms / 1000 * 1000};
    leg.wait_ms = rng_between(rng, 1, 60) * 1000;
    leg.talk_ms = rng_between(rng, 10, 400) * 1000;
    leg.ring_ms = rng_between(rng, 1, 9) * 1000;
    leg.queue = (uint32_t)rng_between(rng, 1, QUEUES);
    leg.operator_id = (uint32_t)rng_between(rng, 1, OPERATORS);
    leg.position = 1;
    leg.state = LEG_DONE;
    leg.outcome = LEG_COMPLETED_CALLER;
    leg.connect_ms = leg.end_ms - leg.talk_ms;
    leg.enter_ms = leg.connect_ms - leg.wait_ms;
    leg.call_id_len = (uint8_t)snprintf(leg.call_id, sizeof leg.call_id, "%lld.%llu", (long long)(leg.enter_ms / 1000),
                                        (unsigned long long)seq * 2);
    return leg;
}

void ledger_fill_summary(struct rng *rng, struct summary *out)
{
    unsigned calls = (unsigned)rng_between(rng, 1, 8);
    summary_clear(out);
    out->flow[FLOW_ENTERED] = calls;
    out->flow[FLOW_ANSWERED] = calls;
    out->cohort[COHORT_ENTERED] = calls;
    out->waiting_max = 1;
    for (unsigned i = 0; i < calls; i++) {
        ledger_fill_must(summary_add_duration(out, DURATION_WAIT_ANSWERED, rng_between(rng, 0, 90) * 1000) == 0,
                         "summary");
    }
}

static void put_names(struct ledger *ledger)
{
    static const struct {
        enum ledger_name_kind kind;
        unsigned count;
        const char *form;
    } sets[] = {{LEDGER_QUEUE, QUEUES, "queue-%u"},
                {LEDGER_OPERATOR, OPERATORS, "Operator Number %u"},
                {LEDGER_REASON, REASONS, "reason %u"}};
    char name[64];
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        for (unsigned i = 1; i <= sets[s].count; i++) {
            (void)snprintf(name, sizeof name, "%s %u", sets[s].form, i);
            ledger_fill_must(intern_put(ledger_names(ledger, sets[s].kind), slice_str(name)) == i, "name");
        }
    }
    for (unsigned i = 1; i <= VERBS; i++) {
        (void)snprintf(name, sizeof name, "VERB%u", i);
        ledger_count_verb(ledger, slice_str(name));
    }
}

static void put_small(struct ledger *ledger, struct rng *rng)
{
    for (unsigned i = 0; i < OPEN_LEGS; i++) {
        struct call_leg leg = ledger_fill_leg(rng, LEGS + 1 + i, NOW_MS);
        leg.state = LEG_WAITING;
        leg.outcome = LEG_OPEN;
        ledger_put_open_leg(ledger, &leg);
    }
    for (unsigned i = 0; i < CURSORS; i++) {
        struct ledger_cursor_record record = {
            .cursor = {.source = "queue_log", .offset = 1000 * i, .first_ms = 1000, .last_ms = NOW_MS - i}};
        (void)snprintf(record.cursor.path, sizeof record.cursor.path, "/var/log/asterisk/queue_log.%u", i);
        ledger_put_cursor(ledger, &record);
    }
    for (unsigned i = 0; i < GAPS; i++) {
        struct ledger_gap gap = {.from_ms = FIRST_S * 1000 + i * 5000, .to_ms = FIRST_S * 1000 + i * 5000 + 9};
        (void)snprintf(gap.reason, sizeof gap.reason, "gap %u", i);
        ledger_add_gap(ledger, &gap);
    }
    for (uint32_t queue = 1; queue <= QUEUES; queue++) {
        struct queue_settings settings = {.sl_method = 1, .sl_threshold_ms = 1000 * (int64_t)queue};
        (void)snprintf(settings.label, sizeof settings.label, "Label %u", queue);
        ledger_put_queue_settings(ledger, queue, &settings);
    }
    ledger_put_zone(ledger, "Europe/Madrid");
    ledger_put_operators(ledger, LEDGER_OPERATORS_HASHED);
}

static void put_history(struct ledger *ledger, struct rng *rng)
{
    struct summary sum = {0};
    struct shift shift = {0};
    ledger_fill_must(shift_add_state(&shift, SHIFT_TALK, 1234) == 0, "shift");
    for (unsigned i = 0; i < STARTS; i++) {
        ledger_fill_must(ledger_begin(ledger, NOW_MS - STARTS + i) == 0, "begin");
        for (unsigned k = 0; k < LEGS / STARTS; k++) {
            struct call_leg leg = ledger_fill_leg(rng, i * (LEGS / STARTS) + k + 1, (FIRST_S + i * 900 + k) * 1000);
            ledger_fill_must(ledger_add_closed_leg(ledger, &leg) == 0, "leg");
        }
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            ledger_fill_summary(rng, &sum);
            ledger_put_interval(ledger, queue, FIRST_S + (int64_t)i * 900, &sum);
        }
        for (uint32_t who = 1; who <= OPERATORS / 10; who++) {
            ledger_put_shift(ledger, who * 10, FIRST_S + (int64_t)i * 900, &shift);
        }
        struct ledger_progress progress = {.newest_event_ms = (FIRST_S + i * 900) * 1000, .next_seq = LEGS + 100};
        ledger_put_progress(ledger, &progress);
        ledger_fill_must(ledger_end(ledger) == 0, "end");
    }
    summary_deinit(&sum);
    shift_deinit(&shift);
}

/* Some wait for the collector, some were taken, some refused. */
static void answer_marks(struct ledger *ledger)
{
    for (unsigned i = 0; i < STARTS; i++) {
        struct ledger_ack acks[QUEUES];
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            bool refused = i < REFUSED && queue == 1;
            acks[queue - 1] = (struct ledger_ack){.kind = refused ? LEDGER_REFUSED_ACK : LEDGER_ACKED,
                                                  .start_s = FIRST_S + (int64_t)i * 900,
                                                  .queue = queue,
                                                  .revision = i + 2};
            (void)snprintf(acks[queue - 1].reason, sizeof acks[queue - 1].reason, "not taken %u", i);
        }
        ledger_fill_must(ledger_acknowledge(ledger, acks, i % 3 == 0 ? QUEUES : 1) == 0, "acknowledge");
    }
}

static void commit_nothing(struct ledger *ledger)
{
    ledger_fill_must(ledger_begin(ledger, NOW_MS) == 0 && ledger_end(ledger) == 0, "commit");
}

void ledger_fill(struct ledger *ledger)
{
    struct rng rng = {42};
    put_names(ledger);
    ledger_quality(ledger)[QUALITY_LINES] = 12345;
    commit_nothing(ledger);
    put_history(ledger, &rng);
    ledger_fill_must(ledger_begin(ledger, NOW_MS) == 0, "begin");
    put_small(ledger, &rng);
    struct ledger_progress progress = {.newest_event_ms = NOW_MS, .next_seq = LEGS + 100};
    ledger_put_progress(ledger, &progress);
    ledger_fill_must(ledger_end(ledger) == 0, "end");
    answer_marks(ledger);
    commit_nothing(ledger);
    commit_nothing(ledger);
}
