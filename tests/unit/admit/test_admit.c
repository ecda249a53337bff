#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/admit/admit.h"
#include "platform/base/status.h"

enum { NOW_S = 1795284900, START_S = 1795284000, INTERVAL_S = 900 };

static const struct admit_rules rules = {.now_s = NOW_S, .oldest_s = NOW_S - 400 * 86400, .ahead_s = 86400};

static void make_interval(struct message_interval *interval)
{
    *interval = (struct message_interval){.queue = 1, .start_s = START_S, .revision = 7};
    struct summary *sum = &interval->sum;
    sum->flow[FLOW_ENTERED] = 3;
    sum->flow[FLOW_ANSWERED] = 2;
    sum->flow[FLOW_ABANDONED] = 1;
    sum->flow[FLOW_ABANDONED_SHORT] = 1;
    sum->cohort[COHORT_ENTERED] = 3;
    sum->cohort[COHORT_ANSWERED] = 2;
    sum->cohort[COHORT_ABANDONED] = 1;
    sum->waiting_max = 2;
    assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ANSWERED, 12000), 0);
    assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ANSWERED, 1234567), 0);
    assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ABANDONED, 0), 0);
    assert_int_equal(summary_add_duration(sum, DURATION_TALK, 60000), 0);
}

static int judge(const struct message_interval *interval, bool *balanced, struct admit_why *why)
{
    *balanced = false;
    why->text[0] = 0;
    return admit_interval(interval, INTERVAL_S, &rules, balanced, why);
}

static void takes_what_an_agent_counts(void **state)
{
    (void)state;
    struct message_interval interval;
    struct admit_why why;
    bool balanced;
    make_interval(&interval);
    assert_int_equal(judge(&interval, &balanced, &why), 0);
    assert_true(balanced);
    assert_string_equal(why.text, "");
    summary_deinit(&interval.sum);
}

static void takes_unbalanced_books_and_says_so(void **state)
{
    (void)state;
    struct message_interval interval;
    struct admit_why why;
    bool balanced;
    make_interval(&interval);
    interval.sum.waiting_end = 1;
    assert_int_equal(judge(&interval, &balanced, &why), 0);
    assert_false(balanced);
    summary_deinit(&interval.sum);
}

/* Each changes one thing; every one must be refused with a sentence that names it. */
typedef void (*spoil_fn)(struct message_interval *interval);

static void no_queue(struct message_interval *interval)
{
    interval->queue = 0;
}
static void no_revision(struct message_interval *interval)
{
    interval->revision = 0;
}
static void crooked_start(struct message_interval *interval)
{
    interval->start_s += 1;
}
static void start_before_1970(struct message_interval *interval)
{
    interval->start_s = -900;
}
static void far_ahead(struct message_interval *interval)
{
    interval->start_s += 3 * 86400;
}
static void too_old(struct message_interval *interval)
{
    interval->start_s -= 500 * 86400;
}
static void more_short_than_abandoned(struct message_interval *interval)
{
    interval->sum.flow[FLOW_ABANDONED_SHORT] = 2;
}
static void more_waits_than_answers(struct message_interval *interval)
{
    interval->sum.flow[FLOW_ANSWERED] = 1;
}
static void waits_without_exits(struct message_interval *interval)
{
    assert_int_equal(summary_add_duration(&interval->sum, DURATION_WAIT_EXIT, 1000), 0);
}
static void waits_without_keys(struct message_interval *interval)
{
    assert_int_equal(summary_add_duration(&interval->sum, DURATION_WAIT_KEY, 1000), 0);
}
static void more_transferred_than_entered(struct message_interval *interval)
{
    interval->sum.flow[FLOW_TRANSFERRED_IN] = 4;
}
static void more_ends_than_callers(struct message_interval *interval)
{
    interval->sum.cohort[COHORT_LOST] = 1;
}
static void maximum_above_its_bin(struct message_interval *interval)
{
    interval->sum.duration[DURATION_TALK].max_ms = 60001;
}
static void maximum_below_its_bin(struct message_interval *interval)
{
    interval->sum.duration[DURATION_TALK].max_ms = 59900;
}
static void sum_too_small(struct message_interval *interval)
{
    interval->sum.duration[DURATION_WAIT_ANSWERED].sum_ms = 1000;
}
static void sum_too_large(struct message_interval *interval)
{
    interval->sum.duration[DURATION_WAIT_ANSWERED].sum_ms = 2000000;
}
static void sum_of_nothing(struct message_interval *interval)
{
    interval->sum.duration[DURATION_HOLD].sum_ms = 5;
}

static void refuses_contradictions(void **state)
{
    (void)state;
    static const struct {
        spoil_fn spoil;
        const char *says;
    } cases[] = {{no_queue, "queue number"},
                 {no_revision, "revision 0"},
                 {crooked_start, "no interval begins"},
                 {start_before_1970, "no interval begins"},
                 {far_ahead, "ahead of the collector"},
                 {too_old, "older than"},
                 {more_short_than_abandoned, "abandoned_short"},
                 {more_waits_than_answers, "wait_answered_ms"},
                 {waits_without_exits, "waits of exits over exits"},
                 {waits_without_keys, "exits by key"},
                 {more_transferred_than_entered, "transferred_in"},
                 {more_ends_than_callers, "more ends than callers"},
                 {maximum_above_its_bin, "talk_ms has a maximum"},
                 {maximum_below_its_bin, "talk_ms has a maximum"},
                 {sum_too_small, "wait_answered_ms has a sum"},
                 {sum_too_large, "wait_answered_ms has a sum"},
                 {sum_of_nothing, "hold_ms has a sum"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_interval interval;
        struct admit_why why;
        bool balanced;
        make_interval(&interval);
        cases[i].spoil(&interval);
        assert_true(judge(&interval, &balanced, &why) < 0);
        assert_non_null(strstr(why.text, cases[i].says));
        summary_deinit(&interval.sum);
    }
}

/* The last bin holds everything beyond it too. */
static void takes_durations_beyond_the_last_bin(void **state)
{
    (void)state;
    struct message_interval interval;
    struct admit_why why;
    bool balanced;
    make_interval(&interval);
    assert_int_equal(summary_add_duration(&interval.sum, DURATION_TALK, INT64_C(2000000000)), 0);
    assert_int_equal(judge(&interval, &balanced, &why), 0);
    summary_deinit(&interval.sum);
}

static void knows_whose_message_it_is(void **state)
{
    (void)state;
    struct admit_why why;
    assert_int_equal(admit_site(slice_str("branch-07"), "branch-07", &why), 0);
    assert_int_equal(admit_site(slice_str("branch-08"), "branch-07", &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "branch-08"));
    assert_non_null(strstr(why.text, "branch-07"));
    assert_int_equal(admit_site(slice_str(""), "branch-07", &why), STATUS_INVALID);
    assert_int_equal(admit_site(slice_make("a\nb\xff", 4), "branch-07", &why), STATUS_INVALID);
    assert_null(strchr(why.text, '\n'));
}

static void knows_what_a_greeting_may_say(void **state)
{
    (void)state;
    struct admit_why why;
    struct message_hello hello = {
        .interval_s = 900, .agent_version = slice_str("0.1.0"), .zone = slice_str("Europe/Madrid")};
    assert_int_equal(admit_hello(&hello, &why), 0);
    hello.interval_s = 901;
    assert_int_equal(admit_hello(&hello, &why), STATUS_RANGE);
    hello.interval_s = 60;
    hello.zone = slice_str("a\033[2J");
    assert_int_equal(admit_hello(&hello, &why), STATUS_INVALID);
    hello.zone = slice_str("UTC");
    hello.agent_version = slice_str("a version that is longer than anybody would ever make one");
    assert_int_equal(admit_hello(&hello, &why), STATUS_INVALID);
}

static void knows_what_a_queue_may_be_called(void **state)
{
    (void)state;
    struct admit_why why;
    char long_name[LIMITS_QUEUE_NAME_MAX + 2];
    memset(long_name, 'q', sizeof long_name);
    struct message_queue queue = {.number = 1, .name = slice_str("sales")};
    assert_int_equal(admit_queue(&queue, &why), 0);
    queue.number = 0;
    assert_int_equal(admit_queue(&queue, &why), STATUS_RANGE);
    queue.number = LIMITS_QUEUES_MAX + 1;
    assert_int_equal(admit_queue(&queue, &why), STATUS_RANGE);
    queue.number = LIMITS_QUEUES_MAX;
    queue.name = slice_make(long_name, LIMITS_QUEUE_NAME_MAX);
    assert_int_equal(admit_queue(&queue, &why), 0);
    queue.name = slice_make(long_name, LIMITS_QUEUE_NAME_MAX + 1);
    assert_int_equal(admit_queue(&queue, &why), STATUS_RANGE);
    queue.name = slice_make("a\0b", 3);
    assert_int_equal(admit_queue(&queue, &why), STATUS_INVALID);
    queue.name = slice_make("", 0);
    assert_int_equal(admit_queue(&queue, &why), STATUS_RANGE);
    queue.name = slice_str("caf\xe9 (Latin-1)"); /* PBXs have such names; they are bytes */
    assert_int_equal(admit_queue(&queue, &why), 0);
    queue.label = slice_str("Sales\x07");
    assert_int_equal(admit_queue(&queue, &why), STATUS_INVALID);
}

static void knows_the_sizes_of_a_batch(void **state)
{
    (void)state;
    struct admit_why why;
    struct message_batch batch = {.interval_s = 900, .interval_count = LIMITS_BATCH_INTERVALS_MAX};
    assert_int_equal(admit_batch(&batch, &why), 0);
    batch.interval_count++;
    assert_int_equal(admit_batch(&batch, &why), STATUS_RANGE);
    batch.interval_count = 1;
    batch.interval_s = 0;
    assert_int_equal(admit_batch(&batch, &why), STATUS_RANGE);
}

static void takes_gaps_that_can_be(void **state)
{
    (void)state;
    const int64_t now_ms = NOW_S * INT64_C(1000);
    struct admit_why why;
    struct message_gap gap = {.from_ms = now_ms - 10, .to_ms = now_ms, .reason = slice_str("stopped")};
    assert_int_equal(admit_gap(&gap, &rules, &why), 0);
    gap.to_ms = gap.from_ms - 1;
    assert_int_equal(admit_gap(&gap, &rules, &why), STATUS_RANGE);
    gap.to_ms = now_ms + INT64_C(86400) * 1000;
    assert_int_equal(admit_gap(&gap, &rules, &why), 0);
    gap.to_ms += 1000;
    assert_int_equal(admit_gap(&gap, &rules, &why), STATUS_RANGE);
    assert_string_equal(why.text, "it ends 86401 s ahead of the collector's clock");
    gap.to_ms = now_ms;
    gap.reason = slice_str("two\nlines");
    assert_int_equal(admit_gap(&gap, &rules, &why), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_gaps_that_can_be),
        cmocka_unit_test(takes_what_an_agent_counts),
        cmocka_unit_test(takes_unbalanced_books_and_says_so),
        cmocka_unit_test(refuses_contradictions),
        cmocka_unit_test(takes_durations_beyond_the_last_bin),
        cmocka_unit_test(knows_whose_message_it_is),
        cmocka_unit_test(knows_what_a_greeting_may_say),
        cmocka_unit_test(knows_what_a_queue_may_be_called),
        cmocka_unit_test(knows_the_sizes_of_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
